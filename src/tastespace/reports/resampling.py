r"""Users drawn again, and models swapped for users at random; the formulas are in ``docs/math/comparing.md``.

A metric of a report is :math:`g(\sum_u a_u / \sum_u c_u)` with `a` the sums and `c` the counts of the users: the
values of the users themselves, counts of 1 and g the identity for a ranking metric; the squared errors, numbers of
events and g the square root for RMSE. Users are the units that are drawn and swapped: events of one user are not
independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tastespace.reports.frozen import Frozen

Floats = NDArray[np.float64]

#: Above so many users, users are first put into so many groups at random, and whole groups are drawn or swapped: the
#: spread is the same but for a relative error of 1 / sqrt(2 * GROUPS), 0.6 %, and the time no longer grows with users.
GROUPS = 16_384
#: Up to so many units that differ, all ways to swap them are counted: 2 ** 30, as pairs out of 2 ** 15 and 2 ** 15.
EXACT = 30
_BLOCK = 4_000_000  # drawn units held at a time, 32 MB
ROUNDING = 1e-12  # of the largest value: what rounding makes of equal values


@dataclass(frozen=True, slots=True, eq=False)
class Samples(Frozen):
    """One metric of one model, by user.

    Attributes
    ----------
    sums, counts
        a and c, float64 (users,).
    root
        Whether g is the square root, and not the identity.
    """

    sums: Floats
    counts: Floats
    root: bool = False

    @property
    def value(self) -> float:
        """The metric over all users together."""
        return float(_shaped(self.sums.sum() / self.counts.sum(), self.root))

    @property
    def by_user(self) -> Floats:
        """The metric of each user alone, (users,)."""
        return np.asarray(_shaped(self.sums / self.counts, self.root))

    def take(self, rows: NDArray[np.intp]) -> Samples:
        """The same of some of the users."""
        return Samples(self.sums[rows], self.counts[rows], self.root)


class Units:
    """What is drawn and what is swapped: users, or where there are many of them groups of users, made at random.

    Parameters
    ----------
    users
        How many there are.
    seed
        Of the groups, whose sizes differ by one at most.
    """

    __slots__ = ("_order", "_starts", "number")

    def __init__(self, users: int, seed: int) -> None:
        self.number = min(users, GROUPS)
        self._order: NDArray[np.int64] | None = None
        if users > GROUPS:
            self._order = _generator(seed, 1).permutation(users)
            self._starts = np.arange(GROUPS) * users // GROUPS

    def sums(self, column: Floats) -> Floats:
        """Sums of values of users, (users,), within each unit, (units,)."""
        if self._order is None:
            return column
        return np.add.reduceat(column[self._order], self._starts)


def bootstrap(samples: Sequence[Samples], resamples: int, seed: int) -> Floats:
    """Values of metrics on users drawn with replacement, as many as there are.

    Parameters
    ----------
    samples
        All of the same users in the same order; every resample draws the same users for all, which pairs them.
    resamples
        How often to draw.
    seed
        Of the draws, NumPy's PCG64.

    Returns
    -------
    ndarray
        (resamples, samples).

    Notes
    -----
    Holds at most 32 MB of draws at a time, up to 16 bytes for each sample and unit, and up to 32 for each sample and
    resample: 10 metrics of 4 models take less than 60 MB at their peak, however many users there are.
    """
    units = Units(len(samples[0].sums), seed)
    counts: list[Floats] = []  # most samples have the same ones
    of: list[int] = []
    for one in samples:
        alike = (at for at, held in enumerate(counts) if np.array_equal(held, one.counts))
        of.append(next(alike, len(counts)))
        if of[-1] == len(counts):
            counts.append(one.counts)
    columns = np.empty((units.number, len(samples) + len(counts)))
    for at, column in enumerate([*(one.sums for one in samples), *counts]):
        columns[:, at] = units.sums(column)
    generator = _generator(seed)
    drawn = np.empty((resamples, columns.shape[1]))
    times = np.empty((_per_block(units.number, resamples), units.number))
    for start in range(0, resamples, len(times)):
        block = times[: resamples - start]
        for row in block:
            row[:] = np.bincount(generator.integers(units.number, size=units.number), minlength=units.number)
        np.matmul(block, columns, out=drawn[start : start + len(block)])
    of_counts = np.maximum(drawn[:, len(samples) :], np.finfo(np.float64).tiny)
    found = drawn[:, : len(samples)] / of_counts[:, of]
    roots = [one.root for one in samples]
    found[:, roots] = np.sqrt(np.maximum(found[:, roots], 0))
    return found


def interval(drawn: Floats, confidence: float) -> tuple[float, float]:
    """The percentile interval of bootstrapped values, (resamples,)."""
    outside = (1 - confidence) / 2
    low, high = np.quantile(drawn, [outside, 1 - outside])
    return float(low), float(high)


def contributions(one: Sequence[Samples], other: Sequence[Samples]) -> Floats:
    """What each user adds to the difference of two models before g, (users,); swapping the models turns its sign.

    Parameters
    ----------
    one, other
        Samples of the models over the same users, one for each seed.

    Returns
    -------
    ndarray
        Their sum is the difference of the means over seeds of sums over counts. What rounding makes of equal users
        is 0.
    """
    # Where the counts of both are equal, as they are for models that know the same items, the middle cancels out.
    middle = sum(s.sums.sum() for s in (*one, *other)) / sum(s.counts.sum() for s in (*one, *other))

    def share(several: Sequence[Samples]) -> Floats:
        return np.asarray(np.mean([(s.sums - middle * s.counts) / s.counts.sum() for s in several], axis=0))

    apart = share(one) - share(other)
    largest = max(float(np.abs(s.sums).max()) / float(s.counts.sum()) for s in (*one, *other))
    apart[np.abs(apart) <= ROUNDING * largest] = 0.0
    return apart


@dataclass(frozen=True, slots=True)
class Swapped:
    """A permutation test: its p-value, two-sided, and the least that it could have been with so many units."""

    p: float
    least: float


def swap_test(columns: Floats, resamples: int, seed: int) -> list[Swapped]:
    """Paired permutation tests: how often a difference is as large when the models of each unit are swapped by a coin.

    Parameters
    ----------
    columns
        For each test what each unit adds to the difference, (units, tests).
    resamples
        How often to swap, where more than `EXACT` units differ; all swaps are counted where fewer do.
    seed
        Of the coins, NumPy's PCG64.

    Returns
    -------
    list
        One for each test.

    Notes
    -----
    Holds at most 36 MB of coins at a time, and 8 bytes for each test and resample of a block.
    """
    found = [_counted(column) for column in columns.T]
    many = [at for at, one in enumerate(found) if one is None]
    if many:
        drawn = _drawn(np.ascontiguousarray(columns[:, many]), resamples, seed)
        least = 1 / (1 + resamples)
        for at, p in zip(many, drawn, strict=True):
            found[at] = Swapped(p, least)
    return [one for one in found if one is not None]


def _counted(column: Floats) -> Swapped | None:
    """The exact test over all swaps; None where too many units differ to count them."""
    column = column[column != 0]
    n = len(column)
    if n > EXACT:
        return None
    least = 2.0 ** (1 - max(n, 1))
    far = float(_far(column[:, None])[0])
    if far <= 0:
        return Swapped(1.0, least)
    # A sum over all units is one of the first half and one of the second, so that two short lists hold all of them.
    first, second = (np.sort(_all_sums(half)) for half in (column[: n // 2], column[n // 2 :]))
    above = int((len(second) - np.searchsorted(second, far - first)).sum())
    return Swapped(min(1.0, 2 * above / 2.0**n), least)


def _all_sums(column: Floats) -> Floats:
    """The sum under each of the 2 ** n ways to give signs."""
    sums = np.zeros(1)
    for value in column:
        sums = np.concatenate([sums - value, sums + value])
    return sums


def _drawn(columns: Floats, resamples: int, seed: int) -> list[float]:
    """P-values over random swaps, the same for all tests; that no pair was swapped counts as one more."""
    generator = _generator(seed, 2)
    units = len(columns)
    far, total = _far(columns), columns.sum(axis=0)
    above = np.zeros(columns.shape[1], np.int64)
    coins = np.empty((_per_block(units, resamples), units))
    for start in range(0, resamples, len(coins)):
        block = coins[: resamples - start]
        words = generator.integers(2**64, size=(len(block), -(-units // 64)), dtype=np.uint64)
        block[:] = np.unpackbits(words.astype("<u8", copy=False).view(np.uint8), axis=1, count=units)
        above += (np.abs(2 * (block @ columns) - total) >= far).sum(axis=0)
    return [float(p) for p in (1 + above) / (1 + resamples)]


def _far(columns: Floats) -> Floats:
    """From which sum on a swap is as far from zero as what was found: sums in another order differ by rounding."""
    found: Floats = np.abs(columns.sum(axis=0))
    sizes: Floats = np.abs(columns).sum(axis=0)
    return np.asarray(found * (1 - 1e-9) - ROUNDING * sizes)


def _per_block(units: int, resamples: int) -> int:
    return min(max(1, _BLOCK // units), resamples)


def _generator(seed: int, stream: int = 0) -> np.random.Generator:
    """Random numbers of a seed; streams have nothing to do with each other."""
    return np.random.Generator(np.random.PCG64([seed, stream] if stream else seed))


def _shaped(ratio: Any, root: bool) -> Any:
    return np.sqrt(ratio) if root else ratio
