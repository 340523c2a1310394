"""What all adaptors share: the parameters of their trainer, and its model behind ``predict``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from tastespace.data.interactions import Interactions
from tastespace.models.factor_model import FactorModel
from tastespace.models.neighbours import NeighbourModel
from tastespace.sklearn.table import Ids, as_table, columns, found, learned, warn_of_strangers
from tastespace.sklearn.words import in_its_words
from tastespace.trainers.base import Trainer


class Adaptor(BaseEstimator):
    """A trainer as an estimator. Subclasses name theirs, ``class ALS(Adaptor, trainer=trainers.ALS)``.

    Parameters are checked by ``fit``, as scikit-learn wants it.

    Attributes
    ----------
    model_
        The fitted `tastespace.FactorModel` or `tastespace.NeighbourModel`, which recommends.
    n_features_in_
        Two: users and items.
    """

    model_: FactorModel | NeighbourModel
    _trainer: ClassVar[type[Trainer]]

    def __init_subclass__(cls, *, trainer: type[Trainer] | None = None, **more: Any) -> None:
        """Takes over the parameters of the trainer, their order and their defaults."""
        super().__init_subclass__(**more)
        if trainer is not None:
            cls._trainer = trainer
            cls.__init__ = _constructor(trainer)  # type: ignore[method-assign]

    if TYPE_CHECKING:

        def __init__(self, **params: Any) -> None: ...

    def trainer(self) -> Trainer:
        """The trainer with the present parameters.

        Raises
        ------
        ParameterError
            If one of them is outside its range.
        """
        return self._trainer(**self.get_params(deep=False))

    def predict(self, X: Any) -> npt.NDArray[np.float32]:
        """The score of each row's user and item, as `tastespace.FactorModel.predict`.

        An unknown user or item has a bias of 0, no factors and no neighbours: what is predicted is the mean plus the
        bias of the one that is known, kept inside the rating scale. For models without a mean and biases that is 0.

        Parameters
        ----------
        X
            (events, 2): user ids and item ids.

        Returns
        -------
        float32 (events,)

        Warns
        -----
        TastespaceWarning
            If the model does not know most of the users.
        """
        check_is_fitted(self)
        model = self.model_
        user_ids, item_ids = columns(validate_data(self, as_table(X), dtype=None, reset=False))
        users, items = found(user_ids, model.users), found(item_ids, model.items)
        warn_of_strangers(user_ids, users, "are predicted by biases alone")
        scores = np.full(len(users), model.mean, np.float32)
        scores[users >= 0] += model.user_bias[users[users >= 0]]
        scores[items >= 0] += model.item_bias[items[items >= 0]]
        both = (users >= 0) & (items >= 0)
        scores[both] = model.score_pairs(users[both], items[both])
        if model.scale is None:
            return scores
        low, high = model.scale
        return np.clip(scores, np.float32(low), np.float32(high))

    def _learn(self, X: Ids, y: npt.NDArray[Any] | None, *, explicit: bool) -> Self:
        """Fit on a checked table."""
        trainer = self.trainer()
        user_ids, item_ids = columns(X)
        (users, user_rows), (items, item_rows) = learned(user_ids, "user"), learned(item_ids, "item")
        with in_its_words():
            events = Interactions.from_events(users, items, user_rows, item_rows, values=y, explicit=explicit)
            self.model_ = trainer.fit(events)  # type: ignore[attr-defined]
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


def _constructor(trainer: type[Trainer]) -> Callable[..., None]:
    """An ``__init__`` that takes what `trainer` takes and keeps it, unchecked, under the same names.

    Its signature is that of the trainer, so that a parameter is spelled there alone.
    """
    signature = inspect.signature(trainer)
    me = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)

    def construct(self: Adaptor, **params: Any) -> None:
        given = signature.bind(**params)
        given.apply_defaults()
        for name, value in given.arguments.items():
            setattr(self, name, value)

    parameters = [me, *signature.parameters.values()]
    construct.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return construct
