"""Which metrics are asked for, at which cut-offs."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Sequence
from dataclasses import dataclass

from tastespace.errors import ParameterError
from tastespace.evaluation.lists import LISTS
from tastespace.evaluation.ranking import RANKING
from tastespace.evaluation.rating import RATING

_AT_K = (*RANKING, *LISTS)
_DEFAULT_AT_K = (*RANKING, "coverage", "novelty", "diversity")
_DEFAULT_RATING = ("rmse", "mae")
_LARGEST = 2**31 - 1  # item rows are int32, so no list is longer


@dataclass(frozen=True, slots=True)
class Selection:
    """Metrics in the order of the report.

    Attributes
    ----------
    ranking
        Pairs of a metric and its cut-off.
    rating
        Names out of `RATING`.
    by_default
        Nothing was named, so rating metrics apply only where test and model have ratings, and those that compare with
        the training events only where the model holds histories.
    """

    ranking: tuple[tuple[str, int], ...]
    rating: tuple[str, ...]
    by_default: bool

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
        Names such as ``"ndcg@10"``, ``"ndcg"`` (at every `k`) and ``"rmse"``; None means the usual ones, ``"all"`` all.

    Raises
    ------
    ParameterError
        A cut-off is not a whole number of at least 1, or of at least 2 for diversity; a name is unknown (the message
        suggests the nearest); a rating metric is given a cut-off; or there is no name at all.
    """
    ks = _cutoffs(k)
    by_default = metrics is None or (isinstance(metrics, str) and metrics == "all")
    if metrics is None:
        names = [*_DEFAULT_AT_K, *_DEFAULT_RATING]
    elif by_default:
        names = [*_AT_K, *RATING]
    else:
        names = [metrics] if isinstance(metrics, str) else list(metrics)
    if not names:
        raise ParameterError(f"metrics is empty; name some of {_known()}, or pass None for the usual ones")
    ranking: list[tuple[str, int]] = []
    rating: list[str] = []
    for name in names:
        metric, at, cutoff = name.partition("@")
        if metric in RATING and not at:
            rating.append(metric)
        elif metric in RATING:
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
    chosen = dict.fromkeys(ranking)
    if ("diversity", 1) in chosen:
        if not by_default:
            raise ParameterError(
                "diversity@1: diversity compares the items of a list, so its cut-off must be at least 2"
            )
        del chosen["diversity", 1]
    return Selection(tuple(chosen), tuple(dict.fromkeys(rating)), by_default)


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
    metric, at, cutoff = name.partition("@")
    hint = nearest(metric, [*_AT_K, *RATING])
    if at and any(f"{ranking!r}" in hint for ranking in _AT_K):
        hint = hint.replace("'?", f"@{cutoff}'?")
    return f"unknown metric {name!r}{hint or ';'} known are {_known()}"


def _known() -> str:
    return ", ".join([*(f"{metric}@k" for metric in _AT_K), *RATING])
