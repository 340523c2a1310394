"""Metrics of lists and ratings by their definitions: dictionaries, sets and loops over ids.

``seen`` maps every user to the set of items in training, ``lists`` every scored user to the ranked items.
"""

import math
from itertools import combinations, groupby, pairwise

import numpy as np


def training_counts(seen, items):
    return {item: sum(item in mine for mine in seen.values()) for item in items}


def recommended_counts(lists, items, k):
    return [sum(item in ranked[:k] for ranked in lists.values()) for item in items]


def coverage(counts):
    return sum(count > 0 for count in counts) / len(counts)


def gini(counts):
    """Half the mean difference of two items drawn, relative to the mean."""
    differences = sum(abs(a - b) for a in counts for b in counts)
    return differences / (2 * len(counts) * sum(counts)) if sum(counts) else 0.0


def entropy(counts):
    total = sum(counts)
    return sum(count / total * math.log2(total / count) for count in counts if count)


def novelty(ranked, k, seen, counts):
    users = sum(bool(mine) for mine in seen.values())
    return mean([math.log2(users / max(counts[item], 1)) for item in ranked[:k]])


def popularity(ranked, k, counts):
    return mean([counts[item] for item in ranked[:k]])


def diversity(ranked, k, seen):
    def cosine(a, b):
        ours = [{user for user, mine in seen.items() if item in mine} for item in (a, b)]
        return len(ours[0] & ours[1]) / math.sqrt(len(ours[0]) * len(ours[1])) if all(ours) else 0.0

    return 1 - mean([cosine(a, b) for a, b in combinations(ranked[:k], 2)])


def serendipity(ranked, k, relevant, known, items, counts):
    """`known` are the items that the obvious list leaves out."""
    obvious = sorted((item for item in items if item not in known), key=lambda item: -counts[item])[:k]
    return sum(item in relevant and item not in obvious for item in ranked[:k]) / k


def mean(values):
    return sum(values) / len(values) if values else math.nan


def by(errors, key, error):
    """Mean over users (key 0) or items (key 1) of what `error` makes of each one's errors: (user, item, error)."""
    ordered = sorted(errors, key=lambda event: str(event[key]))
    return mean([error([e for *_, e in mine]) for _, mine in groupby(ordered, lambda event: str(event[key]))])


def root_mean_square(errors):
    return math.sqrt(mean([error**2 for error in errors]))


def mean_absolute(errors):
    return mean([abs(error) for error in errors])


def calibration(pairs, low, high):
    """Rows (low, high, events, mean predicted, mean given) and the expected error, from (predicted, given)."""
    edges = np.linspace(low, high, 11)
    rows = []
    for b, (start, end) in enumerate(pairwise(edges)):
        mine = [(p, r) for p, r in pairs if (start <= p or b == 0) and (p < end or b == 9)]
        if mine:
            rows.append((start, end, len(mine), mean([p for p, _ in mine]), mean([r for _, r in mine])))
    return rows, sum(n * abs(p - r) for _, _, n, p, r in rows) / len(pairs)
