"""Estimators that learn implicit events: clicks, plays, purchases."""

from __future__ import annotations

from typing import Any, Self

from sklearn.utils.validation import check_is_fitted, validate_data

from tastespace.data.interactions import Interactions
from tastespace.evaluation.evaluate import evaluate
from tastespace.sklearn.adaptor import Adaptor
from tastespace.sklearn.table import as_table, columns, learned, warn_of_strangers
from tastespace.trainers import bpr, ease, implicit_als, item_knn, logistic_mf, popularity, user_knn, warp


class Events(Adaptor):
    """``y`` holds weights above 0, or is left out: every event weighs 1. ``score`` is the NDCG of the rankings."""

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from events. Weights of one user and item are summed.

        Parameters
        ----------
        X
            (events, 2): user ids and item ids, text or whole numbers.
        y
            (events,): weights, such as counts; None: all 1.
        """
        if y is None:
            return self._learn(validate_data(self, as_table(X), dtype=None), None, explicit=False)
        X, y = validate_data(self, as_table(X), y, dtype=None, y_numeric=True)
        return self._learn(X, y, explicit=False)

    def score(self, X: Any, y: Any = None) -> float:
        """NDCG@10 of the model's rankings against the events of `X`; higher is better.

        All items are ranked but those of the user's training events, see `tastespace.evaluate`. Users whom the model
        does not know are left out.

        Parameters
        ----------
        X
            (events, 2): held-out user ids and item ids.
        y
            Not used: every event counts the same.

        Raises
        ------
        EmptyError
            If no user is known.

        Warns
        -----
        TastespaceWarning
            If the model does not know most of the users.
        """
        check_is_fitted(self)
        user_ids, item_ids = columns(validate_data(self, as_table(X), dtype=None, reset=False))
        (users, user_rows), (items, item_rows) = learned(user_ids, "user"), learned(item_ids, "item")
        test = Interactions.from_events(users, items, user_rows, item_rows, explicit=False)
        score = evaluate(self.model_, test, k=10, metrics="ndcg")["ndcg@10"]
        warn_of_strangers(users.ids, self.model_.users.find(users), "are left out of the score")
        return score

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags


class ImplicitALS(Events, trainer=implicit_als.ImplicitALS):
    """Weighted matrix factorization on all cells; parameters are those of `tastespace.ImplicitALS`."""


class Popularity(Events, trainer=popularity.Popularity):
    """The same list for everyone; parameters are those of `tastespace.Popularity`."""


class BPR(Events, trainer=bpr.BPR):
    """Seen items above unseen ones, pair by pair; parameters are those of `tastespace.BPR`."""


class WARP(Events, trainer=warp.WARP):
    """Seen items lifted by their estimated rank; parameters are those of `tastespace.WARP`."""


class LogisticMF(Events, trainer=logistic_mf.LogisticMF):
    """The chance that a user has an item; parameters are those of `tastespace.LogisticMF`."""


class EASE(Events, trainer=ease.EASE):
    """Every item from all others by ridge regression; parameters are those of `tastespace.EASE`."""


class ItemKNN(Events, trainer=item_knn.ItemKNN):
    """Items that share users; parameters are those of `tastespace.ItemKNN`. ``ItemKNNRegressor`` learns ratings."""


class UserKNN(Events, trainer=user_knn.UserKNN):
    """Users that share items; parameters are those of `tastespace.UserKNN`. ``UserKNNRegressor`` learns ratings."""
