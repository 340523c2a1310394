"""The slow, obvious twin of `models/cooccurrence.py` and `crates/kernels/src/pairs.rs`: loops over baskets, dense."""

import math

import numpy as np

from tastespace.data.interactions import Interactions


def counts(
    train: Interactions, seconds: int | None = None, events: int | None = None, scaling: float = 0.0
) -> np.ndarray:
    """What the ordered pairs of items count together, (items, items)."""
    table, n = train.by_user, np.zeros((train.n_items, train.n_items))
    for user in range(train.n_users):
        start, end = table.indptr[user], table.indptr[user + 1]
        items = table.indices[start:end].tolist()
        times = [0] * len(items) if table.times is None else table.times[start:end].tolist()
        basket = sorted(zip(times, items, strict=True))
        pairs = [
            (basket[a][1], basket[b][1])
            for a in range(len(basket))
            for b in range(len(basket))
            if a != b
            and (seconds is None or abs(basket[a][0] - basket[b][0]) <= seconds)
            and (events is None or abs(a - b) <= events)
        ]
        for i, j in pairs:
            n[i, j] += (len(pairs) / len(basket)) ** -scaling
    return n


def association(
    n: np.ndarray,
    shares: np.ndarray,
    negatives: float,
    smoothing: float,
    subsample: float | None,
    shrinkage: float = 0.0,
    numbers: np.ndarray | None = None,
) -> np.ndarray:
    """Shifted positive pointwise mutual information of counts, once items are thinned out."""
    kept = np.ones(len(n)) if subsample is None else np.minimum(1.0, np.sqrt(subsample / shares))
    expected = kept[:, None] * kept * n
    margins = expected.sum(axis=1)
    context = margins**smoothing / (margins**smoothing).sum()
    m = np.zeros_like(n)
    for i in range(len(n)):
        for j in range(len(n)):
            if n[i, j] > 0:
                information = math.log(expected[i, j] / (margins[i] * context[j])) - math.log(negatives)
                met = (n if numbers is None else numbers)[i, j]
                m[i, j] = met / (met + shrinkage) * max(information, 0.0)
    return m
