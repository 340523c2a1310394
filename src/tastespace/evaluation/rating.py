"""Rating metrics: how far predicted ratings are from given ones.

Over the set T of test events (u, i) whose user and item the model knows, with r_ui the given rating and p_ui the
predicted one, kept inside the rating scale as ``predict`` does. Every event counts once; weights of events play
no part. Sums are taken in float64 and in a fixed order: within each user, then over users.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """Sums of the errors ``p_ui - r_ui``; one entry for each user with events in T.

    Attributes
    ----------
    events
        Number of events, int64 (users,), at least 1.
    squared
        Sum of squared errors, float64 (users,).
    absolute
        Sum of absolute errors, float64 (users,).
    """

    events: NDArray[np.int64]
    squared: NDArray[np.float64]
    absolute: NDArray[np.float64]

    def total(self) -> Residuals:
        """Return the same sums over all users, as arrays of one entry."""
        return Residuals(
            self.events.sum(keepdims=True),
            self.squared.sum(keepdims=True),
            self.absolute.sum(keepdims=True),
        )


def rmse(residuals: Residuals) -> NDArray[np.float64]:
    """Root mean squared error.

    ``rmse = sqrt(sum_{(u,i) in T} (p_ui - r_ui)^2 / |T|)``, in rating units, at least 0; smaller is better. The value
    of a report is over all events, so active users weigh more; the value of one user is over that user's events.

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


RATING: dict[str, Callable[[Residuals], NDArray[np.float64]]] = {"rmse": rmse, "mae": mae}
