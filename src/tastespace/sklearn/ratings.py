"""Estimators that learn ratings: regressors of what a user gives an item."""

from __future__ import annotations

from typing import Any, Self

from sklearn.base import RegressorMixin
from sklearn.utils.validation import validate_data

from tastespace.sklearn.adaptor import Adaptor
from tastespace.sklearn.table import as_table
from tastespace.trainers import als, baseline, funk_svd, item_knn, pmf, svdpp, user_knn


class Ratings(RegressorMixin, Adaptor):
    """``y`` holds ratings. ``score`` is the coefficient of determination of ``predict``."""

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from ratings. Of one user and item the last row counts.

        Parameters
        ----------
        X
            (events, 2): user ids and item ids, text or whole numbers.
        y
            (events,): ratings.
        """
        X, y = validate_data(self, as_table(X), y, dtype=None, y_numeric=True)
        return self._learn(X, y, explicit=True)


class ALS(Ratings, trainer=als.ALS):
    """Matrix factorization with biases; parameters are those of `tastespace.ALS`."""


class Baseline(Ratings, trainer=baseline.Baseline):
    """Mean and biases; parameters are those of `tastespace.Baseline`."""


class ItemKNNRegressor(Ratings, trainer=item_knn.ItemKNN):
    """Deviations of the ratings of similar items; parameters are those of `tastespace.ItemKNN`."""


class UserKNNRegressor(Ratings, trainer=user_knn.UserKNN):
    """Deviations of the ratings of similar users; parameters are those of `tastespace.UserKNN`."""


class FunkSVD(Ratings, trainer=funk_svd.FunkSVD):
    """Matrix factorization with biases, by steps; parameters are those of `tastespace.FunkSVD`."""


class PMF(Ratings, trainer=pmf.PMF):
    """Matrix factorization without biases, by steps; parameters are those of `tastespace.PMF`."""


class SVDPlusPlus(Ratings, trainer=svdpp.SVDPlusPlus):
    """Factors that lean on who rated what; parameters are those of `tastespace.SVDPlusPlus`."""
