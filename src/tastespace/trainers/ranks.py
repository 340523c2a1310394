"""The rank of a decomposition, chosen on held-out events: one decomposition holds all smaller ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tastespace.data.interactions import Interactions
from tastespace.errors import ParameterError, warn
from tastespace.evaluation import Evaluation
from tastespace.evaluation.directions import has_cutoff
from tastespace.evaluation.overlap import check_apart
from tastespace.evaluation.rating import RATING
from tastespace.models.factor_model import FactorModel
from tastespace.models.projection_rows import faded
from tastespace.trainers.stopping import Stopping

#: Errors of held-out cells that can choose a rank.
ERRORS = ("rmse", "mae")

#: Measured ranks beside the best are at most this far apart in the end, as a factor.
FINE = 1.1

Measure = Callable[[FactorModel], float]


def measure_of(
    name: str, train: Interactions, valid: Interactions, rule: Stopping, linear: bool, threads: int
) -> Measure:
    """What tells how good a model is on the validation events.

    Metrics of lists are those of :func:`tastespace.evaluate`. ``rmse`` and ``mae`` are the errors of the held-out
    cells, whose values (1 where events have none) training took for zeros.

    Raises
    ------
    ParameterError
        If the metric is unknown, lacks its cut-off, or cannot be measured for such events.
    InputError
        If all validation events are training events too.
    """
    if rule.every != 1:
        raise ParameterError(
            f"every of Stopping must be 1 for {name}, which measures ranks on a grid of its own; got {rule.every}"
        )
    if rule.metric in ERRORS:
        if not linear:
            raise ParameterError(
                f"{rule.metric!r} compares cells with values, and only confidence='linear' of {name} keeps these; use "
                "it, or a metric of lists, such as 'ndcg@10'"
            )
        measure = _cells(name, train, valid, rule.metric, threads)
    elif rule.metric in RATING:
        raise ParameterError(
            f"{name} predicts no ratings, so {rule.metric!r} cannot choose its rank; use 'ndcg@10', or 'rmse' for the "
            "error of held-out cells"
        )
    elif has_cutoff(rule.metric) and "@" not in rule.metric:
        raise ParameterError(
            f"metric of Stopping must name its cut-off, such as 'ndcg@10'; got {rule.metric!r}"
        )
    else:
        test = Evaluation(
            train.users, train.items, train.by_user, valid, metrics=rule.metric, threads=threads
        )

        def measure(model: FactorModel) -> float:
            return test.run(model)[rule.metric]

    check_apart(valid, train, "train")
    return measure


def _cells(name: str, train: Interactions, valid: Interactions, metric: str, threads: int) -> Measure:
    users = train.users.find(valid.users)[valid.by_user.row_of()].astype(np.int32)
    items = train.items.find(valid.items)[valid.by_user.indices].astype(np.int32)
    known = (users >= 0) & (items >= 0)
    if not known.any():
        raise ParameterError(
            f"{name} cannot choose its rank by {metric!r}: no event of valid has a user and an item of train"
        )
    users, items = users[known], items[known]
    wanted = np.asarray(faded(valid.by_user.filled_values(), valid.by_user), np.float64)[known]

    def measure(model: FactorModel) -> float:
        error = model.score_pairs(users, items, threads=threads) - wanted
        return float(np.sqrt(np.square(error).mean()) if metric == "rmse" else np.abs(error).mean())

    return measure


def choose(
    model: Callable[[int], FactorModel], largest: int, measure: Measure, rule: Stopping
) -> dict[int, float]:
    """The metric of every rank that was tried, the best first and then rising.

    Ranks double until the metric has not improved ``rule.patience`` times, then those beside the best are filled in,
    until neighbours are within a tenth of it. Of equal values the smaller rank is better.
    """
    found: dict[int, float] = {}

    def best() -> int:
        ranks = sorted(found)
        chosen = ranks[0]
        for rank in ranks[1:]:
            if rule.better(found[rank], found[chosen]):
                chosen = rank
        return chosen

    rank, misses = 1, 0
    while True:
        found[rank] = measure(model(rank))
        misses = 0 if best() == rank else misses + 1
        if rank == largest or misses >= rule.patience:
            break
        rank = min(2 * rank, largest)
    while fresh := [rank for rank in _beside(best(), sorted(found)) if rank not in found]:
        for rank in fresh:
            found[rank] = measure(model(rank))
    chosen = best()
    return {chosen: found[chosen]} | {rank: found[rank] for rank in sorted(found) if rank != chosen}


def _beside(best: int, tried: list[int]) -> list[int]:
    """Ranks in the middle between the best and its neighbours, where these are far away."""
    place = tried.index(best)
    neighbours = tried[max(place - 1, 0) : place] + tried[place + 1 : place + 2]
    return [
        round((best * other) ** 0.5)
        for other in neighbours
        if max(best, other) > FINE * min(best, other) and abs(best - other) > 1
    ]


def warn_of_edge(name: str, chosen: int) -> None:
    """Warns that the best rank is the largest that was looked at."""
    warn(
        f"the best rank of {name} is the largest that was tried, {chosen:,}; a larger one may be better: pass "
        f"factors={2 * chosen}"
    )
