"""Re-ranked lists by their definition; see ``docs/math/reranking.md``."""

import math

import numpy as np


def popularity(train):
    return [math.log(1 + np.count_nonzero(train.by_user.indices == i)) for i in range(train.n_items)]


def cosine(a, b):
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / lengths) if lengths else 0.0


def from_0_to_1(values):
    low, high = min(values.values()), max(values.values())
    return {item: (value - low) / ((high - low) or 1.0) for item, value in values.items()}


def reranked(items, scores, n, candidates, penalty, diversity, popular, vectors):
    """The best `n` of one list (items with falling scores): pairs of an item and what it is worth."""
    head = list(zip(items, scores, strict=True))[:candidates]
    relevance = from_0_to_1(dict(head))
    common = from_0_to_1({item: popular[item] for item, _ in head})
    chosen = []
    while relevance and len(chosen) < n:

        def worth(item):
            alike = max([max(0.0, cosine(vectors[item], vectors[other])) for other, _ in chosen], default=0.0)
            return (1 - diversity) * (relevance[item] - penalty * common[item]) - diversity * alike

        values = {item: worth(item) for item in sorted(relevance)}
        best = max(values, key=lambda item: values[item])
        chosen.append((best, values[best]))
        del relevance[best]
    return chosen
