"""Which way each metric is better, and which are shown when none are named."""

from __future__ import annotations

#: 1: more is better; -1: less is better; 0: describes the lists, and neither end is good in itself.
DIRECTIONS = {
    "precision": 1,
    "recall": 1,
    "recall_capped": 1,
    "ndcg": 1,
    "ndcg_graded": 1,
    "map": 1,
    "mrr": 1,
    "hit_rate": 1,
    "auc": 1,
    "serendipity": 1,
    "coverage": 0,
    "gini": 0,
    "entropy": 0,
    "novelty": 0,
    "diversity": 0,
    "popularity": 0,
    "rmse": -1,
    "mae": -1,
    "rmse_by_user": -1,
    "mae_by_user": -1,
    "rmse_by_item": -1,
    "mae_by_item": -1,
    "calibration": -1,
}

#: Metrics of predicted ratings; a model whose scores are no ratings has none of them.
RATING = ("rmse", "mae", "rmse_by_user", "mae_by_user", "rmse_by_item", "mae_by_item", "calibration")

#: Metrics without a cut-off.
WHOLE = (*RATING, "auc")

#: Shown when none are named: the first four always, the last two where some model predicts the test set's ratings.
SHORT = ("ndcg", "recall", "hit_rate", "coverage")
SHORT_RATING = ("rmse", "mae")


def direction(name: str) -> int:
    """Which way a metric such as ``"ndcg@10"`` is better: 1, -1, or 0 where neither is."""
    return DIRECTIONS.get(base(name), 0)


def base(name: str) -> str:
    """The metric without its cut-off."""
    return name.partition("@")[0]


def expand(names: list[str], cutoffs: list[int]) -> list[str]:
    """Names with a cut-off each: ``ndcg`` at every one of `cutoffs`; names that have one, or need none, stay."""
    found: list[str] = []
    for name in names:
        if name in DIRECTIONS and name not in WHOLE:
            found += [f"{name}@{k}" for k in cutoffs]
        else:
            found.append(name)  # unknown names are refused by the evaluation, with the nearest one
    return list(dict.fromkeys(found))
