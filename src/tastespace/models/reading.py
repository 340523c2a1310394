"""How a model reads a history: which values it takes, and what of it the model's file holds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from tastespace.data.interactions import Interactions
from tastespace.errors import InputError

Doubles = npt.NDArray[np.float64]


class Reader(ABC):
    """What a model knows of the values that histories hold; stored in the model, so it never asks its trainer."""

    kind: str

    #: Whether the values of events are ratings, which cannot be left out.
    ratings = False

    #: Whether the values of events are weights, which must be above 0.
    weighs = False

    #: Whether a newcomer with a training user's history gets that user's scores.
    row_solved = True

    def check(self, train: Interactions) -> None:
        """Raises InputError if values are weights and one of them is not above 0."""
        if self.weighs:
            check_weights(train)

    @abstractmethod
    def params(self) -> dict[str, Any]:
        """Settings as plain data; arrays go to :meth:`arrays`."""

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Arrays to store beside the settings."""
        return {}


def check_weights(train: Interactions) -> None:
    """Checks that every value can be a weight.

    Raises
    ------
    InputError
        If one is not above 0; names the user and the item.
    """
    values = train.by_user.values
    if values is None or (values > 0).all():
        return
    event = int(np.argmin(values > 0))
    [user] = train.users.ids[train.user_rows()[[event]]].tolist()
    [item] = train.items.ids[train.by_user.indices[[event]]].tolist()
    raise InputError(
        f"an implicit model needs values > 0; user {user!r} and item {item!r} have {values[event]:g}. "
        "Drop such events, or use ratings.as_implicit(at_least=...)"
    )
