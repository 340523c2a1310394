r"""Intervals and paired tests on values of users; the formulas are in ``docs/math/comparing.md``.

A metric of a report is :math:`g(\sum_u a_u / \sum_u c_u)` with `a` the sums and `c` the counts of the users: the
values of the users themselves, counts of 1 and g the identity for a ranking metric; the squared errors, numbers of
events and g the square root for RMSE. Users are the units that are drawn: events of one user are not independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Above so many users, users are first put into so many groups at random, and whole groups are drawn: the spread is
#: the same but for a relative error of 1 / sqrt(2 * GROUPS), 0.6 %, and the time no longer grows with the users.
GROUPS = 16_384
_BLOCK = 4_000_000  # drawn units held at a time, 32 MB


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
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
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    columns = np.stack([side for one in samples for side in (one.sums, one.counts)], axis=1)
    columns = _grouped(columns, generator)
    units = len(columns)
    drawn = np.empty((resamples, columns.shape[1]))
    block = max(1, _BLOCK // units)
    for start in range(0, resamples, block):
        times = np.stack(
            [
                np.bincount(generator.integers(units, size=units), minlength=units)
                for _ in range(start, min(start + block, resamples))
            ]
        )
        drawn[start : start + len(times)] = times.astype(np.float64) @ columns
    found = drawn[:, ::2] / np.maximum(drawn[:, 1::2], np.finfo(np.float64).tiny)
    roots = [one.root for one in samples]
    found[:, roots] = np.sqrt(np.maximum(found[:, roots], 0))
    return found


def interval(drawn: Floats, confidence: float) -> tuple[float, float]:
    """The percentile interval of bootstrapped values, (resamples,)."""
    outside = (1 - confidence) / 2
    low, high = np.quantile(drawn, [outside, 1 - outside])
    return float(low), float(high)


@dataclass(frozen=True, slots=True)
class Paired:
    """One model against another on the same users.

    Attributes
    ----------
    difference, low, high
        Of the metric, the model's less the other's, and its bootstrap interval.
    p_bootstrap, p_wilcoxon, p_sign
        Of the three tests, two-sided, as they come, not yet corrected for their number.
    d
        Cohen's d of the paired differences: their mean over their standard deviation.
    better, equal, worse
        Shares of the users for whom the model is better, equal and worse; whichever way the metric is better.
    """

    difference: float
    low: float
    high: float
    p_bootstrap: float
    p_wilcoxon: float
    p_sign: float
    d: float
    better: float
    equal: float
    worse: float


def paired(
    model: tuple[float, Floats, Floats],
    other: tuple[float, Floats, Floats],
    *,
    upward: bool,
    confidence: float,
) -> Paired:
    """Compare two models by their values, values by user (users,) and bootstrapped values (resamples,).

    `upward` tells whether more is better.
    """
    difference = model[0] - other[0]
    drawn = model[2] - other[2]
    apart = model[1] - other[1]
    apart = np.where(
        np.abs(apart) <= 1e-12, 0.0, apart
    )  # what rounding makes of equal values is no difference
    low, high = interval(drawn, confidence)
    ahead = apart > 0 if upward else apart < 0
    equal = float(np.mean(apart == 0))
    better = float(ahead.mean())
    return Paired(
        difference=difference,
        low=low,
        high=high,
        p_bootstrap=bootstrap_test(difference, drawn),
        p_wilcoxon=wilcoxon_test(apart),
        p_sign=sign_test(apart),
        d=effect_size(apart),
        better=better,
        equal=equal,
        worse=1.0 - better - equal,
    )


def bootstrap_test(difference: float, drawn: Floats) -> float:
    """The share of resamples whose difference is as far from the found one as that is from zero, both sides.

    Counting the found difference itself, so that no p-value is below 1 / (resamples + 1).
    """
    if difference == 0:
        return 1.0
    far = np.abs(drawn - difference) >= abs(difference)
    return float((1 + np.count_nonzero(far)) / (1 + len(drawn)))


def wilcoxon_test(apart: Floats) -> float:
    """The signed-rank test; users without a difference are left out."""
    from scipy.stats import wilcoxon  # here, because it takes a second to import

    apart = apart[apart != 0]
    if len(apart) == 0:
        return 1.0
    method: Literal["exact", "approx"] = "approx"  # the normal approximation, with the variance of ties
    if len(apart) <= 50 and len(np.unique(np.abs(apart))) == len(apart):
        method = "exact"  # known for ranks without ties
    found: Any = wilcoxon(apart, method=method)
    return float(found.pvalue)


def sign_test(apart: Floats) -> float:
    """The exact binomial test of as many users above as below; those without a difference are left out."""
    from scipy.stats import binomtest

    above, below = int(np.count_nonzero(apart > 0)), int(np.count_nonzero(apart < 0))
    return float(binomtest(above, above + below).pvalue) if above + below else 1.0


def effect_size(apart: Floats) -> float:
    """Cohen's d of paired differences: mean over standard deviation; 0 where all are 0, NaN for less than two users."""
    if len(apart) < 2:
        return float("nan")
    spread = float(apart.std(ddof=1))
    if spread == 0:
        return 0.0 if apart[0] == 0 else float(np.copysign(np.inf, apart[0]))
    return float(apart.mean()) / spread


def holm(p: Sequence[float]) -> list[float]:
    """P-values corrected for their number by Holm's step-down rule, which keeps the chance of any false find.

    References
    ----------
    S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6(2), 1979.
    """
    order = np.argsort(np.asarray(p, np.float64), kind="stable")
    stepped = np.asarray(p, np.float64)[order] * np.arange(len(p), 0, -1)
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return [float(value) for value in corrected]


def _shaped(ratio: Any, root: bool) -> Any:
    return np.sqrt(ratio) if root else ratio


def _grouped(columns: Floats, generator: np.random.Generator) -> Floats:
    """Sums over random groups of rows, of sizes that differ by one at most, where there are many rows."""
    rows = len(columns)
    if rows <= GROUPS:
        return columns
    starts = np.arange(GROUPS) * rows // GROUPS
    return np.add.reduceat(columns[generator.permutation(rows)], starts, axis=0)
