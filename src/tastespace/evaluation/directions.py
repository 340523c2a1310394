"""Which way each metric is better."""

from __future__ import annotations

from tastespace.evaluation.rating import RATING

#: Metrics of whole rankings, which have no cut-off.
WHOLE = ("auc",)

#: 1: more is better; -1: less is better; 0: describes the lists, and neither end is good in itself.
DIRECTIONS = {
    **dict.fromkeys(
        ("precision", "recall", "recall_capped", "ndcg", "ndcg_graded", "map", "mrr", "hit_rate"), 1
    ),
    **dict.fromkeys(("auc", "serendipity"), 1),
    **dict.fromkeys(("coverage", "gini", "entropy", "novelty", "diversity", "popularity"), 0),
    **dict.fromkeys(RATING, -1),
}


def direction(name: str) -> int:
    """Which way a metric such as ``"ndcg@10"`` is better: 1, -1, or 0 where neither is."""
    return DIRECTIONS.get(base(name), 0)


def base(name: str) -> str:
    """The metric without its cut-off."""
    return name.partition("@")[0]


def has_cutoff(metric: str) -> bool:
    """Whether a metric is one of the first k places of a list."""
    return metric not in RATING and metric not in WHOLE
