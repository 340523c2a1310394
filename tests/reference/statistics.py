"""Slow and obvious statistics: intervals, paired tests and Holm's correction, one number at a time."""

import math
from itertools import product

import numpy as np


def bootstrap_means(values, resamples, seed):
    """Means of values drawn with replacement, (resamples,)."""
    generator = np.random.default_rng(seed)
    return np.array(
        [values[generator.integers(len(values), size=len(values))].mean() for _ in range(resamples)]
    )


def swapped(apart):
    """The share of all ways to swap whose sum is as far from zero, both sides; whole numbers, so that ties are."""
    sums = [abs(sum(sign * value for sign, value in zip(signs, apart, strict=True)))
            for signs in product((-1, 1), repeat=len(apart))]  # fmt: skip
    return sum(one >= abs(sum(apart)) for one in sums) / len(sums)


def signed_rank(apart):
    """The exact two-sided Wilcoxon signed-rank test of whole numbers, ties at their mean rank: all signs."""
    apart = [value for value in apart if value != 0]
    sizes = [abs(value) for value in apart]
    ranks = [sum(other < one for other in sizes) + (sizes.count(one) + 1) / 2 for one in sizes]
    found = sum(rank for rank, value in zip(ranks, apart, strict=True) if value > 0)
    sums = [sum(rank for rank, sign in zip(ranks, signs, strict=True) if sign)
            for signs in product((0, 1), repeat=len(apart))]  # fmt: skip
    below = sum(one <= found for one in sums) / len(sums)
    above = sum(one >= found for one in sums) / len(sums)
    return min(1.0, 2 * min(below, above))


def signed_rank_normal(apart):
    """The same by the normal approximation, with the variance corrected for ties."""
    apart = np.array([value for value in apart if value != 0])
    sizes = np.abs(apart)
    ranks = np.array([(sizes < size).sum() + ((sizes == size).sum() + 1) / 2 for size in sizes])
    n = len(apart)
    ties = sum(count**3 - count for count in np.unique(sizes, return_counts=True)[1].tolist())
    variance = n * (n + 1) * (2 * n + 1) / 24 - ties / 48
    z = (ranks[apart > 0].sum() - n * (n + 1) / 4) / math.sqrt(variance)
    return math.erfc(abs(z) / math.sqrt(2))


def sign(apart):
    """The exact two-sided sign test, from the binomial coefficients."""
    above, below = sum(value > 0 for value in apart), sum(value < 0 for value in apart)
    n = above + below
    tail = sum(math.comb(n, count) for count in range(min(above, below) + 1))
    return min(1.0, 2 * tail / 2**n) if n else 1.0


def holm(p):
    """Each p-value times the number of hypotheses not yet rejected, never below that of a smaller one."""
    found, least = [0.0] * len(p), 0.0
    for step, place in enumerate(sorted(range(len(p)), key=lambda place: p[place])):
        least = max(least, min(1.0, p[place] * (len(p) - step)))
        found[place] = least
    return found
