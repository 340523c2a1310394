"""Mean and biases by regularized least squares: the rating baseline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tastespace.data.interactions import Interactions
from tastespace.models.factor_model import FactorModel
from tastespace.models.info import ModelInfo, summarize
from tastespace.models.padding import Floats
from tastespace.models.solvers import BiasRows, Side
from tastespace.trainers.als import deviation
from tastespace.trainers.base import Trainer, check_ratings, plain
from tastespace.version import __version__

#: Least move of a bias that is worth another pass, in standard deviations of the ratings.
TOLERANCE = 1e-4


@dataclass(frozen=True, kw_only=True)
class Baseline(Trainer):
    r"""Predicts a rating as mean plus user bias plus item bias.

    Minimises :math:`\sum_{u,i} w_{ui} (r_{ui} - \mu - b_u - b_i)^2 + \lambda (\sum_u b_u^2 + \sum_i b_i^2)` by
    alternating exact solves of the two sides. The model is a ``FactorModel`` without factors.

    Parameters
    ----------
    regularization
        :math:`\lambda` >= 0, in ratings: a row is drawn to the mean as if it had that many average ratings more.
    epochs
        Most passes over both sides, >= 1; fewer when no bias moves by 1e-4 standard deviations any more.

    References
    ----------
    Y. Koren, Factor in the neighbors: scalable and accurate collaborative filtering, TKDD 4(1), 2010.
    """

    regularization: float = 5.0
    epochs: int = 30

    def __post_init__(self) -> None:
        """Checks every setting; raises ParameterError."""
        self._check_number("regularization", least=0)
        self._check_count("epochs", 1)

    def fit(self, train: Interactions, valid: Interactions | None = None) -> FactorModel:
        """Learns from ratings; ``valid`` is not used.

        Raises
        ------
        InputError
            If the events are not ratings.
        EmptyError
            Without ratings.
        """
        check_ratings(type(self).__name__, "train", train)
        values, weights = train.by_user.values, train.by_user.weights
        mean = 1.0 if values is None else float(np.average(values.astype(np.float64), weights=weights))
        solver = BiasRows(self.regularization, mean)
        no_users, no_items = _no_factors(train.n_users), _no_factors(train.n_items)
        every = np.arange(train.n_items, dtype=np.int32)
        item_bias = np.zeros(train.n_items, np.float32)
        for _ in range(self.epochs):
            _, user_bias = solver.users(train.by_user, Side(no_items, item_bias), 1)
            before = item_bias
            _, item_bias = solver.items(train.by_item, every, Side(no_users, user_bias), train.by_user, 1)
            if np.abs(item_bias - before).max() < TOLERANCE * deviation(train):
                break
        # The user side last, so that fold-in of a user's own history gives the same bias.
        _, user_bias = solver.users(train.by_user, Side(no_items, item_bias), 1)
        return FactorModel(
            users=train.users,
            items=train.items,
            user_factors=no_users,
            item_factors=no_items,
            user_bias=user_bias,
            item_bias=item_bias,
            mean=mean,
            history=train.by_user,
            explicit=True,
            scale=train.scale,
            solver=solver,
            info=ModelInfo(type(self).__name__, plain(self.params()), summarize(train), version=__version__),
        )


def _no_factors(rows: int) -> Floats:
    return np.zeros((rows, 0), np.float32)
