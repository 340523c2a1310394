"""Which metrics a comparison shows."""

from __future__ import annotations

from tastespace.evaluation.directions import DIRECTIONS, has_cutoff

#: Shown when none are named: the first four always, the last two where some model predicts the test set's ratings.
SHORT = ("ndcg", "recall", "hit_rate", "coverage")
SHORT_RATING = ("rmse", "mae")


def expand(names: list[str], cutoffs: list[int]) -> list[str]:
    """Names with a cut-off each: ``ndcg`` at every one of `cutoffs`; names that have one, or need none, stay."""
    found: list[str] = []
    for name in names:
        if name in DIRECTIONS and has_cutoff(name):
            found += [f"{name}@{k}" for k in cutoffs]
        else:
            found.append(name)  # unknown names are refused by the evaluation, with the nearest one
    return list(dict.fromkeys(found))
