"""Metrics by their definitions: sets, lists and loops over ids, one user at a time."""

import math


def ranking(scores, seen):
    """Items of a dictionary of scores, best first and ties in its order, without those already seen."""
    candidates = [item for item in scores if item not in seen]
    return sorted(candidates, key=lambda item: -scores[item])


def precision(ranked, relevant, k):
    return sum(item in relevant for item in ranked[:k]) / k


def recall(ranked, relevant, k):
    return sum(item in relevant for item in ranked[:k]) / len(relevant)


def recall_capped(ranked, relevant, k):
    return sum(item in relevant for item in ranked[:k]) / min(k, len(relevant))


def ndcg(ranked, relevant, k):
    gain = sum(1 / math.log2(place + 1) for place, item in enumerate(ranked[:k], 1) if item in relevant)
    return gain / sum(1 / math.log2(place + 1) for place in range(1, min(k, len(relevant)) + 1))


def ndcg_graded(ranked, values, k):
    """`values` maps every relevant item to its test value."""
    gain = sum(values.get(item, 0) / math.log2(place + 1) for place, item in enumerate(ranked[:k], 1))
    best = sorted(values.values(), reverse=True)[:k]
    ideal = sum(value / math.log2(place + 1) for place, value in enumerate(best, 1))
    return gain / ideal if ideal else 0.0


def auc(ranked, scores, relevant):
    """`ranked` holds all items that are ranked, `scores` a number for each of them."""
    others = [item for item in ranked if item not in relevant]
    value = 0.0
    for item in relevant:
        if item in ranked and not others:
            value += 1.0
        elif item in ranked:
            wins = [(scores[item] > scores[other]) + (scores[item] == scores[other]) / 2 for other in others]
            value += sum(wins) / len(others)
    return value / len(relevant)


def average_precision(ranked, relevant, k):
    total = sum(
        precision(ranked, relevant, place) for place, item in enumerate(ranked[:k], 1) if item in relevant
    )
    return total / min(k, len(relevant))


def reciprocal_rank(ranked, relevant, k):
    return next((1 / place for place, item in enumerate(ranked[:k], 1) if item in relevant), 0.0)


def hit_rate(ranked, relevant, k):
    return float(bool(set(ranked[:k]) & set(relevant)))


def coverage(lists, items, k):
    return len({item for ranked in lists for item in ranked[:k]}) / len(items)


def rmse(pairs):
    return math.sqrt(sum((predicted - given) ** 2 for predicted, given in pairs) / len(pairs))


def mae(pairs):
    return sum(abs(predicted - given) for predicted, given in pairs) / len(pairs)


RANKING = {
    "precision": precision,
    "recall": recall,
    "recall_capped": recall_capped,
    "ndcg": ndcg,
    "map": average_precision,
    "mrr": reciprocal_rank,
    "hit_rate": hit_rate,
}
