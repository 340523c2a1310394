"""Paired tests on values of users; the formulas are in ``docs/math/comparing.md``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tastespace.reports.resampling import ROUNDING, Floats, interval

#: Up to so many users that differ, the distribution of the signed-rank test is counted.
EXACT_RANKS = 50


@dataclass(frozen=True, slots=True)
class Paired:
    """One model against another on the same users.

    Attributes
    ----------
    difference, low, high
        Of the metric, the model's less the other's, and its bootstrap interval; NaN where there is one user only.
    p_permutation, p_wilcoxon, p_sign
        Of the three tests, two-sided, as they come, not yet corrected for their number. The first decides.
    d
        Cohen's d of the paired differences: their mean over their standard deviation.
    better, equal, worse
        Shares of the users for whom the model is better, equal and worse; whichever way the metric is better.
    """

    difference: float
    low: float
    high: float
    p_permutation: float
    p_wilcoxon: float
    p_sign: float
    d: float
    better: float
    equal: float
    worse: float


def paired(
    model: tuple[float, Floats, Floats],
    other: tuple[float, Floats, Floats],
    p_permutation: float,
    *,
    upward: bool,
    confidence: float,
) -> Paired:
    """Compare two models by their values, values by user (users,) and bootstrapped values (resamples,).

    `p_permutation` is that of `tastespace.reports.resampling.swap_test`; `upward` tells whether more is better.
    """
    apart = model[1] - other[1]
    rounding = ROUNDING * max(float(np.abs(values).max()) for values in (model[1], other[1]))
    apart[np.abs(apart) <= rounding] = 0.0  # what rounding makes of equal values is no difference
    low, high = interval(model[2] - other[2], confidence) if len(apart) > 1 else (math.nan, math.nan)
    ahead = apart > 0 if upward else apart < 0
    equal = float(np.mean(apart == 0))
    better = float(ahead.mean())
    return Paired(
        difference=model[0] - other[0],
        low=low,
        high=high,
        p_permutation=p_permutation,
        p_wilcoxon=wilcoxon_test(apart, rounding),
        p_sign=sign_test(apart),
        d=effect_size(apart, rounding),
        better=better,
        equal=equal,
        worse=1.0 - better - equal,
    )


def wilcoxon_test(apart: Floats, rounding: float = 0.0) -> float:
    """The signed-rank test; users without a difference are left out, and equal differences share their mean rank.

    Counted for up to 50 users, else by the normal approximation.

    Parameters
    ----------
    apart
        Differences (users,).
    rounding
        Sizes that are no further apart than this, or than 1e-12 of the largest, are equal.
    """
    apart = apart[apart != 0]
    n = len(apart)
    if n == 0:
        return 1.0
    sizes = np.abs(apart)
    order = np.argsort(sizes, kind="stable")
    steps = np.diff(sizes[order]) > max(rounding, ROUNDING * float(sizes.max()))
    starts = np.flatnonzero(np.concatenate([[True], steps]))
    ties = np.diff(np.append(starts, n))
    doubled = np.empty(n, np.int64)  # twice the ranks, so that means of ranks are whole
    doubled[order] = np.repeat(2 * starts + ties + 1, ties)
    found = int(doubled[apart > 0].sum())
    if n <= EXACT_RANKS:
        return _counted(doubled, found)
    variance = n * (n + 1) * (2 * n + 1) / 24 - float((ties.astype(np.float64) ** 3 - ties).sum()) / 48
    z = (found / 2 - n * (n + 1) / 4) / math.sqrt(variance)
    return math.erfc(abs(z) / math.sqrt(2))


def _counted(doubled: np.ndarray[tuple[int], np.dtype[np.int64]], found: int) -> float:
    """How many of the 2 ** n ways to give signs have a sum as far out as the found one, as a share, both sides."""
    ways = np.zeros(int(doubled.sum()) + 1)  # by sum; whole numbers below 2 ** 53
    ways[0] = 1
    for rank in doubled.tolist():
        more = ways.copy()
        more[rank:] += ways[:-rank]
        ways = more
    tail = min(ways[: found + 1].sum(), ways[found:].sum())
    return min(1.0, 2 * float(tail) / 2.0 ** len(doubled))


def sign_test(apart: Floats) -> float:
    """The exact binomial test of as many users above as below; those without a difference are left out."""
    from scipy.stats import binomtest  # here, because it takes a second to import

    above, below = int(np.count_nonzero(apart > 0)), int(np.count_nonzero(apart < 0))
    return float(binomtest(above, above + below).pvalue) if above + below else 1.0


def effect_size(apart: Floats, rounding: float = 0.0) -> float:
    """Cohen's d of paired differences: mean over standard deviation; 0 where all are 0, NaN for less than two users.

    A spread that is no more than `rounding`, or than 1e-12 of the largest difference, is none.
    """
    if len(apart) < 2:
        return float("nan")
    largest, spread = float(np.abs(apart).max()), float(apart.std(ddof=1))
    if spread <= max(rounding, ROUNDING * largest):
        return 0.0 if largest == 0 else float(np.copysign(np.inf, apart[0]))
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
