"""Small worlds and axes for the tests of pictures."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import tastespace as ts


def axes(face: str | None = None, size: tuple[float, float] = (8, 6)) -> Axes:
    """An axis on paper of some colour, or of the style's."""
    return Figure(figsize=size, layout="constrained", facecolor=face).add_subplot(facecolor=face)


def groups_of_taste(*, ratings: bool = False) -> ts.Interactions:
    """60 items in three groups; a third of the users likes each group."""
    rng = np.random.default_rng(0)
    rows = []
    for user in range(150):
        own = rng.choice(20, size=9, replace=False) * 3 + user % 3
        rows += [(user, item) for item in {*own.tolist(), *rng.choice(60, size=2).tolist()}]
    users, items = (np.array(column) for column in zip(*rows, strict=True))
    values = np.where(users % 3 == items % 3, 5.0, 2.0) - rng.integers(0, 2, len(users))
    return ts.Interactions.from_events(
        ts.Vocabulary(range(150), noun="user"),
        ts.Vocabulary([f"i{item}" for item in range(60)], noun="item"),
        users,
        items,
        values=values.astype(np.float32) if ratings else None,
        explicit=ratings,
    )
