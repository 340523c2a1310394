"""Rating metrics: how far predicted ratings are from given ones.

Over the set T of test events (u, i) whose user and item the model knows, with r_ui the given rating and p_ui the
predicted one, kept inside the rating scale as ``predict`` does. Every event counts once; weights of events play
no part. Sums are taken in float64 and in a fixed order: within each user, then over users.

``rmse`` and ``mae`` weigh every event alike. ``rmse_by_user`` and ``mae_by_user`` are the mean over the users of
each user's own value, so that everybody counts alike whatever the number of test events; ``rmse_by_item`` and
``mae_by_item`` likewise over the items. ``calibration`` is in `tastespace.evaluation.calibration`. The page
``docs/math/rating-metrics.md`` says what each number does not tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tastespace.evaluation.calibration import Calibration


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """Sums of the errors ``p_ui - r_ui``; one entry for each user or item, or group of them.

    Attributes
    ----------
    events
        Number of events in T, int64 (entries,).
    squared
        Sum of squared errors, float64 (entries,).
    absolute
        Sum of absolute errors, float64 (entries,).
    """

    events: NDArray[np.int64]
    squared: NDArray[np.float64]
    absolute: NDArray[np.float64]

    def total(self) -> Residuals:
        """Return the same sums over all entries, as arrays of one entry."""
        return Residuals(
            self.events.sum(keepdims=True),
            self.squared.sum(keepdims=True),
            self.absolute.sum(keepdims=True),
        )

    def filled(self) -> Residuals:
        """Return the entries with events."""
        some = self.events > 0
        return Residuals(self.events[some], self.squared[some], self.absolute[some])

    def grouped(self, group: NDArray[np.int64], groups: int) -> Residuals:
        """Return the same sums over the entries of each group, in order; `group` (entries,) is in 0..groups."""
        events = np.zeros(groups, np.int64)
        np.add.at(events, group, self.events)
        return Residuals(
            events,
            np.bincount(group, self.squared, groups).astype(np.float64),
            np.bincount(group, self.absolute, groups).astype(np.float64),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """What a model's predicted ratings are off by.

    Attributes
    ----------
    by_user
        One entry for each user with events in T.
    by_item
        One entry for each item of the model, and a last one for items that it does not know.
    calibration
        The same events by predicted rating.
    """

    by_user: Residuals
    by_item: Residuals
    calibration: Calibration


def rmse(residuals: Residuals) -> NDArray[np.float64]:
    """Root mean squared error.

    ``rmse = sqrt(sum_{(u,i) in T} (p_ui - r_ui)^2 / |T|)``, in rating units, at least 0; smaller is better. The
    value of a report is over all events, so active users weigh more; the value of one user is over that user's
    events.

    References
    ----------
    Herlocker, Konstan, Terveen, Riedl, "Evaluating collaborative filtering recommender systems", ACM TOIS 22(1),
    2004, section 4.2.
    """
    return np.sqrt(residuals.squared / residuals.events)


def mae(residuals: Residuals) -> NDArray[np.float64]:
    """Mean absolute error.

    ``mae = sum_{(u,i) in T} |p_ui - r_ui| / |T|``, in rating units, at least 0; smaller is better. The value of a
    report is over all events, so active users weigh more; the value of one user is over that user's events.

    References
    ----------
    Herlocker, Konstan, Terveen, Riedl, "Evaluating collaborative filtering recommender systems", ACM TOIS 22(1),
    2004, section 4.2.
    """
    return residuals.absolute / residuals.events


#: Rating metrics in the order of the report; smaller is better for all of them.
RATING = ("rmse", "mae", "rmse_by_user", "mae_by_user", "rmse_by_item", "mae_by_item", "calibration")


def rate(metric: str, errors: Errors) -> tuple[float, NDArray[np.float64] | None]:
    """Return the value of one of the metrics `RATING`, and those of the users where it has any."""
    if metric == "calibration":
        return errors.calibration.error(), None
    name, _, entries = metric.partition("_by_")
    error = rmse if name == "rmse" else mae
    if entries == "item":
        return float(error(errors.by_item.filled()).mean()), None
    of_users = error(errors.by_user)
    return float(of_users.mean() if entries == "user" else error(errors.by_user.total())[0]), of_users
