"""The smallest worlds that have a picture at all; warnings, of divisions by zero and the like, are errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes

import tastespace as ts
from tests.plots.worlds import axes


def tiny(*, ratings: bool = False) -> ts.Interactions:
    """Two users, three items."""
    return ts.Interactions.from_events(
        ts.Vocabulary(["a", "b"], noun="user"),
        ts.Vocabulary(["x", "y", "z"], noun="item"),
        np.array([0, 0, 1], np.int32),
        np.array([0, 1, 2], np.int32),
        values=np.array([5, 1, 5], np.float32) if ratings else None,
        explicit=ratings,
    )


def clicks(factors: int) -> ts.FactorModel:
    return ts.ImplicitALS(factors=factors, epochs=1, threads=1, progress=False).fit(tiny())


def rated() -> ts.FactorModel:
    return ts.ALS(factors=2, epochs=1, threads=1, progress=False).fit(tiny(ratings=True))


def origin() -> ts.FactorModel:
    model = clicks(2)
    return replace(model, item_factors=np.zeros_like(model.item_factors))


DRAWN: dict[str, Callable[[Axes], Axes]] = {
    "space": lambda ax: ts.plots.space(clicks(2), ax=ax),
    "space of one place": lambda ax: ts.plots.space(origin(), ax=ax),
    "space of equal numbers": lambda ax: ts.plots.space(clicks(2), groups={"x": 1.0, "y": 1.0}, ax=ax),
    "space of empty groups": lambda ax: ts.plots.space(clicks(2), groups={"x": "", "y": ""}, ax=ax),
    "factor": lambda ax: ts.plots.factor(clicks(1), 0, ax=ax),
    "factor of zeros": lambda ax: ts.plots.factor(origin(), 1, ax=ax),
    "spectrum": lambda ax: ts.plots.spectrum(clicks(1), ax=ax),
    "spectrum beyond the rank": lambda ax: ts.plots.spectrum(
        ts.TruncatedSVD(factors=8, progress=False).fit(tiny()), ax=ax
    ),
    "predicted": lambda ax: ts.plots.predicted_against_actual(rated(), tiny(ratings=True), ax=ax),
    "lift": lambda ax: ts.plots.popularity_against_lift(clicks(2), 1, ax=ax),
    "topics": lambda ax: ts.plots.topics(
        ts.NMF(factors=1, threads=1, progress=False).fit(tiny()), n_words=1, ax=ax
    ),
    "one epoch": lambda ax: ts.plots.learning_curves(
        {"a": [ts.Epoch(1, 1, 0.1, 2.0)]}, metric="objective", ax=ax
    ),
}


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("size", [(6.4, 4.4), (2.0, 1.5)])
def test_little_is_drawn_too(name: str, size: tuple[float, float]) -> None:
    ax = axes(size=size)
    assert DRAWN[name](ax) is ax
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
