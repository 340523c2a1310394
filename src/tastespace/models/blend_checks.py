"""What a blend takes for models and weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tastespace.errors import InputError, ParameterError
from tastespace.models.listing import Listing


def checked(models: Any) -> dict[str, Listing]:
    """Models by name, if they are such; else InputError."""
    if not isinstance(models, Mapping) or not models:
        raise InputError(
            f"Blend takes models by name, {{'clicks': a, 'ratings': b}}; got {type(models).__name__}"
        )
    for name, model in models.items():
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"the models of a Blend are named by text; got the name {name!r}")
        if not isinstance(model, Listing):
            raise InputError(
                f"Blend takes frozen models; {name!r} is {type(model).__name__}: fit or load it first"
            )
        if getattr(model, "listwise", False):
            raise InputError(
                f"model {name!r} is re-ranked, so its lists have no scores to add; blend model.model and re-rank the "
                "blend"
            )
    return dict(models)


def check_common(models: Mapping[str, Listing]) -> None:
    """Raises InputError if a model has no id in common with any other."""
    for name, model in models.items():
        others = [other for other in models.values() if other is not model]
        if others and not any(
            (getattr(other, side).find(getattr(model, side)) >= 0).any()
            for other in others
            for side in ("users", "items")
        ):
            [here], [there] = model.items.ids[:1].tolist(), others[0].items.ids[:1].tolist()
            raise InputError(
                f"model {name!r} of this blend has no user and no item in common with the others, such as item "
                f"{here!r} here and {there!r} there, so no list would hold what both say; write ids alike in what the "
                "models learn from"
            )


def shares(weights: Any, names: tuple[str, ...]) -> dict[str, float]:
    """The weights of all names, made to sum to 1; ParameterError if they cannot be."""
    if weights is None:
        weights = dict.fromkeys(names, 1.0)
    if not isinstance(weights, Mapping) or set(weights) != set(names):
        given = list(weights) if isinstance(weights, Mapping) else weights
        raise ParameterError(f"weights of Blend must name its models, {', '.join(names)}; got {given!r}")
    for name, weight in weights.items():
        number = isinstance(weight, int | float | np.number) and not isinstance(weight, bool)
        if not number or not 0 <= weight < math.inf:
            raise ParameterError(f"the weight of {name!r} must be a finite number >= 0; got {weight!r}")
    try:
        total = math.fsum(weights.values())
    except OverflowError:
        total = math.inf
    if not 0 < total < math.inf:
        raise ParameterError(f"the weights of a Blend must have a finite sum above 0; got {dict(weights)!r}")
    if abs(total - 1) < 1e-12:  # shares already, which stay to the bit
        total = 1.0
    return {name: float(weights[name] / total) for name in names}
