"""The most popular items: the bar that every model must clear, and the fallback."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tastespace.data.filters import duration_seconds
from tastespace.data.interactions import Interactions
from tastespace.errors import InputError
from tastespace.models.factor_model import FactorModel
from tastespace.models.info import ModelInfo, summarize
from tastespace.models.solvers import CountRows
from tastespace.trainers.base import Trainer, check_events, plain
from tastespace.version import __version__


@dataclass(frozen=True, kw_only=True)
class Popularity(Trainer):
    r"""Scores an item by its number of events, the same for every user; how high or how often does not count.

    With ``half_life``, an event counts :math:`2^{-\mathrm{age} / \mathrm{half\_life}}`, its age taken at the last
    event of the training set. The model is a ``FactorModel`` without factors whose item biases are the counts.

    Parameters
    ----------
    half_life
        A span such as ``"30d"`` or ``"12h"``; None: all events count the same. Needs timestamps.
    """

    half_life: str | None = None

    def __post_init__(self) -> None:
        """Checks the half-life; raises ParameterError."""
        if self.half_life is not None:
            duration_seconds(self.half_life, "half_life")

    def fit(self, train: Interactions, valid: Interactions | None = None) -> FactorModel:
        """Counts events; ``valid`` is not used.

        Raises
        ------
        EmptyError
            Without events.
        InputError
            If there is a half-life and the events have no timestamps.
        """
        check_events(type(self).__name__, "train", train)
        if self.half_life is not None and not train.has_times:
            raise InputError(
                "half_life of Popularity needs timestamps; name the column with read(..., timestamp=...)"
            )
        solver = CountRows(None if self.half_life is None else duration_seconds(self.half_life, "half_life"))
        return FactorModel(
            users=train.users,
            items=train.items,
            user_factors=np.zeros((train.n_users, 0), np.float32),
            item_factors=np.zeros((train.n_items, 0), np.float32),
            user_bias=np.zeros(train.n_users, np.float32),
            item_bias=solver.popularity(train.by_user),
            mean=0.0,
            history=train.by_user,
            explicit=train.explicit,
            scale=None,
            solver=solver,
            info=ModelInfo(type(self).__name__, plain(self.params()), summarize(train), version=__version__),
        )
