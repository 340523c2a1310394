"""Weights of a blend, chosen on validation events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations, pairwise, permutations
from typing import Any

import numpy as np

from tastespace.data.interactions import Interactions
from tastespace.data.split import Split
from tastespace.errors import InputError
from tastespace.evaluation.prepared import Evaluation
from tastespace.evaluation.targets import Relevance
from tastespace.models.blend import Blend
from tastespace.tuning.tune import lower_is_better

#: Parts of the first lattice: the finest that has no more points than `_POINTS`.
_PARTS = (10, 8, 6, 5, 4, 3, 2)
_POINTS = 70

#: How often the step is halved after the lattice.
_HALVINGS = 3

Weights = tuple[float, ...]


def tune_blend(
    models: Mapping[str, Any] | Blend,
    valid: Interactions,
    *,
    metric: str = "ndcg@10",
    relevant: Relevance = None,
    exclude_seen: bool = True,
    threads: int | None = None,
) -> Blend:
    """Choose the weights of a blend on validation events.

    The weights are tried on a lattice over the simplex, in tenths for two or three models and coarser for more, equal
    weights and each model alone among them. From the best point weight is moved from one model to another, as long as
    that is better, in halves, quarters and eighths of the step of the lattice. There is no chance in it: the same
    call gives the same weights. Of equal points the first counts, and the most even ones come first.

    Only the ranking of the users in ``valid`` is done anew for each point: what the models say is put together once,
    and scores of models without factors are held for these users where they take less than 1 GiB.

    Parameters
    ----------
    models
        By name, as `Blend` takes them; or a blend, whose own weights are tried too.
    valid
        Events that none of the models was trained on, and that no test is made with: what weights are fitted to, they
        tell nothing about.
    metric
        As in `tastespace.evaluate`, with its cut-off.
    relevant, exclude_seen
        As in `tastespace.evaluate`.
    threads
        At most this many; None: all cores. The result does not depend on it.

    Returns
    -------
    Blend
        With ``info.metrics``: the metric of the chosen weights on the validation events, of each model alone
        (``alone``), and how many points were tried (``tried``).

    Raises
    ------
    InputError
        If ``valid`` holds no events, or the models cannot be blended.
    ParameterError
        If the metric cannot be tuned for.
    """
    lower = lower_is_better(metric)
    if isinstance(valid, Split) or not isinstance(valid, Interactions):
        raise InputError(
            f"valid of tune_blend must be Interactions, such as split.test of a split of the training side; got "
            f"{type(valid).__name__}"
        )
    given = isinstance(models, Blend)
    blend = models if isinstance(models, Blend) else Blend(models, threads=threads)
    names = tuple(blend.models)
    evaluation = Evaluation(
        blend.users,
        blend.items,
        blend.history,
        valid,
        metrics=metric,
        relevant=relevant,
        exclude_seen=exclude_seen,
        threads=threads,
    )
    asked = blend.users.find(valid.users)
    quick = blend.remembering(asked[asked >= 0], threads)
    tried: dict[Weights, float] = {}

    def value(weights: Weights) -> float:
        if weights not in tried:
            model = quick.reweighted(dict(zip(names, weights, strict=True)))
            found = evaluation.run(model)[metric]
            tried[weights] = -found if lower else found
        return tried[weights]

    parts = next((p for p in _PARTS if _size(p, len(names)) <= _POINTS), 1)
    first = [tuple((blend.weights or {})[name] for name in names)] if given else []
    best = _best([*first, *_lattice(parts, len(names))], value)
    step = 1.0 / parts
    for _ in range(_HALVINGS):
        step /= 2
        while (near := _best([best, *_moves(best, step)], value)) != best:
            best = near
    chosen = blend.reweighted(dict(zip(names, best, strict=True)))
    alone = {
        name: value(tuple(float(other == name) for other in names)) * (-1 if lower else 1) for name in names
    }
    # Once more, of the model that is returned.
    found = evaluation.run(chosen)[metric]
    return chosen.measured({metric: found, "alone": alone, "tried": len(tried)})


def _best(points: list[Weights], value: Any) -> Weights:
    """The first point with the greatest value."""
    best = points[0]
    for point in points[1:]:
        if value(point) > value(best):
            best = point
    return best


def _size(parts: int, models: int) -> int:
    """Points of a lattice with so many parts."""
    return sum(1 for _ in combinations(range(parts + models - 1), models - 1))


def _lattice(parts: int, models: int) -> list[Weights]:
    """Weights in whole parts, each model alone and equal weights, the most even first."""
    points = {tuple([1.0 / models] * models)}
    points |= {tuple(float(i == j) for j in range(models)) for i in range(models)}
    for bars in combinations(range(parts + models - 1), models - 1):
        ends = (-1, *bars, parts + models - 1)
        points.add(tuple((b - a - 1) / parts for a, b in pairwise(ends)))
    return sorted(points, key=lambda point: (round(float(np.square(point).sum()), 9), point))


def _moves(weights: Weights, step: float) -> Iterator[Weights]:
    """Weights with so much moved from one model to another."""
    for giver, taker in permutations(range(len(weights)), 2):
        moved = list(weights)
        amount = min(step, moved[giver])
        if amount > 1e-9:
            moved[giver] -= amount
            moved[taker] += amount
            yield tuple(round(weight, 12) for weight in moved)
