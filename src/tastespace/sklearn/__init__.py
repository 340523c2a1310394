"""Trainers with the habits of scikit-learn: ``get_params``, ``set_params``, ``clone``, pipelines and searches.

``X`` is a table of two columns, user ids and item ids, one row for each event; ``y`` holds the ratings, or the weights
of implicit events::

    from sklearn.model_selection import GridSearchCV, KFold
    from tastespace.sklearn import ALS

    folds = KFold(5, shuffle=True, random_state=0)
    search = GridSearchCV(ALS(progress=False), {"factors": [8, 16]}, cv=folds, scoring="neg_root_mean_squared_error")
    search.fit(X, y)

Folds are to be shuffled: cut out of rows that are sorted by user, as tables of ratings often are, they would hold whole
users out, of whom a model of learned rows knows nothing.

``TruncatedSVD`` takes matrices instead, sparse or dense, and stands in for scikit-learn's.

Parameters are those of the trainers of the same names; ``ItemKNN`` and ``UserKNN`` learn events here, and the two
``...Regressor`` ratings. ``docs/guide/scikit-learn.md`` tells the rest, also which checks
of ``check_estimator`` cannot apply.
"""

from tastespace.errors import missing_extra

try:
    import sklearn as _sklearn  # noqa: F401
except ModuleNotFoundError:
    raise missing_extra("tastespace.sklearn", "sklearn") from None

from tastespace.sklearn.checks import CHECKS_THAT_CANNOT_APPLY
from tastespace.sklearn.decomposition import TruncatedSVD
from tastespace.sklearn.events import BPR, EASE, WARP, ImplicitALS, ItemKNN, LogisticMF, Popularity, UserKNN
from tastespace.sklearn.nmf import NMF
from tastespace.sklearn.ratings import (
    ALS,
    PMF,
    Baseline,
    FunkSVD,
    ItemKNNRegressor,
    SVDPlusPlus,
    UserKNNRegressor,
)

__all__ = [
    "ALS",
    "BPR",
    "CHECKS_THAT_CANNOT_APPLY",
    "EASE",
    "NMF",
    "PMF",
    "WARP",
    "Baseline",
    "FunkSVD",
    "ImplicitALS",
    "ItemKNN",
    "ItemKNNRegressor",
    "LogisticMF",
    "Popularity",
    "SVDPlusPlus",
    "TruncatedSVD",
    "UserKNN",
    "UserKNNRegressor",
]
