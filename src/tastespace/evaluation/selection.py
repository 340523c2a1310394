"""Which metrics are asked for, at which cut-offs."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tastespace.errors import ParameterError
from tastespace.evaluation.directions import WHOLE
from tastespace.evaluation.lists import LISTS
from tastespace.evaluation.ranking import RANKING
from tastespace.evaluation.rating import RATING

_AT_K = (*RANKING, *LISTS)
_DEFAULT = (
    "precision", "recall", "ndcg", "map", "mrr", "hit_rate", "coverage", "novelty", "diversity", "rmse", "mae",
)  # fmt: skip
_LARGEST = 2**31 - 1  # item rows are int32, so no list is longer


@dataclass(frozen=True, slots=True)
class Selection:
    """Metrics in the order of the report.

    Attributes
    ----------
    ranking
        Pairs of a metric and its cut-off.
    whole
        Ranking metrics without a cut-off.
    rating
        Rating metrics.
    by_default
        Nothing was named, so metrics that need ratings, values of at least 0, or the model's histories are left out
        where there are none.
    """

    ranking: tuple[tuple[str, int], ...]
    whole: tuple[str, ...]
    rating: tuple[str, ...]
    by_default: bool

    @property
    def ranks(self) -> bool:
        """Whether anything is to be ranked."""
        return bool(self.ranking or self.whole)

    @property
    def graded(self) -> bool:
        """Whether hits are to be weighed by their test values."""
        return any(metric == "ndcg_graded" for metric, _ in self.ranking)

    def without(self, metric: str) -> Selection:
        """The same selection without a metric with cut-offs."""
        return replace(self, ranking=tuple(pair for pair in self.ranking if pair[0] != metric))

    @property
    def cutoffs(self) -> tuple[int, ...]:
        """The distinct cut-offs, ascending."""
        return tuple(sorted({k for _, k in self.ranking}))


def select(k: int | Sequence[int], metrics: str | Sequence[str] | None) -> Selection:
    """Read the arguments `k` and `metrics` of `tastespace.evaluate`.

    Parameters
    ----------
    k
        Cut-offs for metrics named without one.
    metrics
        Names such as ``"ndcg@10"``, ``"ndcg"`` (at every `k`), ``"auc"`` and ``"rmse"``; None means the usual ones, and
        ``"all"`` all of them.

    Raises
    ------
    ParameterError
        A cut-off is not a whole number of at least 1, or of at least 2 for diversity; a name is unknown (the message
        suggests the nearest) or no text; a metric that has none is given a cut-off; or there is no name at all.
    """
    ks = _cutoffs(k)
    by_default = metrics is None or metrics == "all"
    if metrics is None:
        names: list[str] = list(_DEFAULT)
    elif isinstance(metrics, str):
        names = [*_AT_K, *WHOLE, *RATING] if by_default else [metrics]
    else:
        names = list(metrics) if isinstance(metrics, Iterable) else [metrics]
        strange = next((name for name in names if not isinstance(name, str)), None)
        if strange is not None:
            raise ParameterError(
                f'metrics must be a name such as "ndcg@10", several of them, or None for the usual; got {strange!r}'
            )
    if not names:
        raise ParameterError(f"metrics is empty; name some of {_known()}, or pass None for the usual ones")
    ranking: list[tuple[str, int]] = []
    whole: list[str] = []
    rating: list[str] = []
    for name in names:
        metric, at, cutoff = name.partition("@")
        if metric in RATING and not at:
            rating.append(metric)
        elif metric in WHOLE and not at:
            whole.append(metric)
        elif metric in RATING or metric in WHOLE:
            raise ParameterError(f"metric {name!r}: {metric} has no cut-off; write {metric!r}")
        elif metric not in _AT_K:
            raise ParameterError(_unknown(name))
        elif not at:
            ranking.extend((metric, k) for k in ks)
        elif cutoff.isdecimal() and 1 <= int(cutoff) <= _LARGEST:
            ranking.append((metric, int(cutoff)))
        else:
            raise ParameterError(
                f"metric {name!r}: the cut-off must be a whole number of at least 1, as in '{metric}@10'"
            )
    at_k = dict.fromkeys(ranking)
    if ("diversity", 1) in at_k:
        if not by_default:
            raise ParameterError(
                "diversity@1: diversity compares the items of a list, so its cut-off must be at least 2"
            )
        del at_k["diversity", 1]
    return Selection(tuple(at_k), tuple(dict.fromkeys(whole)), tuple(dict.fromkeys(rating)), by_default)


def nearest(name: str, known: Sequence[str]) -> str:
    """Return ``"; did you mean 'ndcg@10'?"`` for the likeliest of the `known` names, or nothing."""
    found = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    return f"; did you mean {found[0]!r}?" if found else ""


def _cutoffs(k: int | Sequence[int]) -> list[int]:
    try:
        values = (
            [operator.index(k)] if not isinstance(k, Sequence) else [operator.index(value) for value in k]
        )
    except TypeError:
        values = []
    if not values or isinstance(k, bool | str) or not all(1 <= value <= _LARGEST for value in values):
        raise ParameterError(f"k must be a whole number of at least 1, or several of them; got {k!r}")
    return sorted(set(values))


def _unknown(name: str) -> str:
    if "," in name:
        several = [part.strip() for part in name.split(",") if part.strip()]
        return f"unknown metric {name!r}; name several as a list: {several}"
    metric, at, cutoff = name.partition("@")
    hint = nearest(metric, [*_AT_K, *WHOLE, *RATING])
    if at and any(f"{ranking!r}" in hint for ranking in _AT_K):
        hint = hint.replace("'?", f"@{cutoff}'?")
    return f"unknown metric {name!r}{hint or ';'} known are {_known()}"


def _known() -> str:
    return ", ".join([*(f"{metric}@k" for metric in _AT_K), *WHOLE, *RATING])
