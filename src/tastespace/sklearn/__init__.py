"""Trainers with the habits of scikit-learn: ``get_params``, ``set_params``, ``clone``, pipelines and searches.

``X`` is a table of two columns, user ids and item ids, one row for each event; ``y`` holds the ratings, or the weights
of implicit events::

    from sklearn.model_selection import GridSearchCV
    from tastespace.sklearn import ALS

    search = GridSearchCV(ALS(progress=False), {"factors": [8, 16]}, scoring="neg_root_mean_squared_error")
    search.fit(X, y)

Parameters are those of the trainers of the same names. ``docs/guide/scikit-learn.md`` tells the rest, also which checks
of ``check_estimator`` cannot apply.
"""

from tastespace.errors import missing_extra

try:
    import sklearn as _sklearn  # noqa: F401
except ModuleNotFoundError:
    raise missing_extra("tastespace.sklearn", "sklearn") from None

from tastespace.sklearn.checks import CHECKS_THAT_CANNOT_APPLY
from tastespace.sklearn.events import BPR, WARP, ImplicitALS, LogisticMF, Popularity
from tastespace.sklearn.ratings import ALS, Baseline

__all__ = [
    "ALS",
    "BPR",
    "CHECKS_THAT_CANNOT_APPLY",
    "WARP",
    "Baseline",
    "ImplicitALS",
    "LogisticMF",
    "Popularity",
]
