"""Calibration: whether items predicted at 4 stars are given 4 stars on average."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tastespace.models.table import Table

BINS = 10


class Calibration:
    """Sums of predicted and given ratings by predicted rating, taken while the predictions go by.

    The rating scale is cut into 10 bins of equal width, closed below, the last one closed above too. Bins of equal
    width are the same for every model and need no second look at the predictions; their numbers of events may
    differ much, and `error` weighs them by it.

    Parameters
    ----------
    scale
        Lowest and highest rating; predictions lie inside.
    """

    def __init__(self, scale: tuple[float, float]) -> None:
        self._edges = np.linspace(*scale, BINS + 1)
        self._events = np.zeros(BINS, np.int64)
        self._predicted, self._given = np.zeros(BINS), np.zeros(BINS)

    def add(self, predicted: NDArray[np.float64], given: NDArray[np.float32]) -> None:
        """Take up events: their predicted and given ratings."""
        place = np.searchsorted(self._edges[1:-1], predicted, side="right")
        # One event after the other, so that blocks change no bit.
        np.add.at(self._events, place, 1)
        np.add.at(self._predicted, place, predicted)
        np.add.at(self._given, place, given)

    def error(self) -> float:
        """Return the expected calibration error, in rating units, at least 0; smaller is better.

        ``calibration = sum_b (n_b / n) |mean predicted in b - mean given in b|`` over the bins b with n_b of the n
        events. It is never above the mean absolute error, and 0 for a model that predicts the mean rating of the
        test set always.

        References
        ----------
        Naeini, Cooper, Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015, for
        probabilities; here for ratings.
        """
        return float(np.abs(self._predicted - self._given).sum() / self._events.sum())

    def table(self) -> Table:
        """Return the bins that hold events: columns low, high, events, predicted and given (means)."""
        filled = self._events > 0
        events = self._events[filled]
        return Table(
            {
                "low": self._edges[:-1][filled],
                "high": self._edges[1:][filled],
                "events": events,
                "predicted": self._predicted[filled] / events,
                "given": self._given[filled] / events,
            }
        )
