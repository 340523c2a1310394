"""The models of a blend, brought to its users and items, and their scores to one scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

import tastespace._native as _native
from tastespace.models.adjust import Adjustment
from tastespace.models.factor_model import FactorModel
from tastespace.models.listing import Listing
from tastespace.models.padding import Floats, blank
from tastespace.models.protocol import Rows, Scores

#: Scores of all items that are held at a time, 4 bytes each.
BLOCK = 2**24


def best_of(
    total: Scores,
    n: int,
    threads: int,
    exclude: tuple[npt.NDArray[np.int64], Rows, Rows] | None,
    adjust: Adjustment | None,
) -> tuple[Rows, Scores]:
    """The best n of scores (rows, items), boosted in place and filtered, without those excluded."""
    bias = None
    if adjust is not None:
        bias = adjust.bias(np.zeros(total.shape[1], np.float32))
        if adjust.positive is not None and adjust.negative is not None:
            total *= np.where(total > 0, adjust.positive, adjust.negative)
    return _native.best_of_scores(total, n, threads, exclude, bias)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One model of a blend.

    Attributes
    ----------
    name
        Its name.
    model
        The model.
    rows
        Its row of each user of the blend, int32; -1 where it does not know the user.
    columns
        The blend's row of each of its items, int32.
    """

    name: str
    model: Listing
    rows: Rows
    columns: Rows


@dataclass(frozen=True, slots=True, eq=False)
class Space(Part):
    """A factor model, with what its scores are once mean and deviation over all items are taken out of them.

    Attributes
    ----------
    users
        The model's padded user factors.
    items
        Item factors and bias, each column less its mean: (items, factors + 1).
    inverse
        One over the deviation of each user's scores, float32 (users of the model,); 0 where all are alike.
    start
        First column in the joined space.
    """

    users: Floats
    items: Floats
    inverse: Floats
    start: int

    @classmethod
    def of(cls, name: str, model: FactorModel, rows: Rows, columns: Rows, start: int, threads: int) -> Space:
        k = model.factors
        items = blank(len(model.items), k + 1)
        items[:, :k] = model.item_factors
        items[:, k] = model.item_bias
        items[:, : k + 1] -= items[:, : k + 1].mean(axis=0, dtype=np.float64).astype(np.float32)
        spread = _native.score_spreads(model._p, items, k + 1, threads)
        # Where rounding is all that differs, nothing does.
        longest = np.maximum(np.abs(model.user_factors).max(axis=1, initial=0.0), 1.0)
        alike = spread <= 1e-6 * longest * np.abs(items).max()
        inverse = np.divide(1.0, spread, out=np.zeros_like(spread), where=~alike)
        return cls(name, model, rows, columns, model._p, items[:, : k + 1], inverse, start)

    def write(self, joined: Floats, user_rows: Rows, weight: float) -> None:
        """Write the vectors of users into their columns of the joined space."""
        rows = self.rows[user_rows]
        known = rows >= 0
        rows = rows[known]
        k = self.items.shape[1] - 1
        scale = np.float32(weight) * self.inverse[rows]
        joined[known, self.start : self.start + k] = self.users[rows, :k] * scale[:, None]
        joined[known, self.start + k] = scale


@dataclass(frozen=True, slots=True, eq=False)
class Scored(Part):
    """Any other model: its scores of all items are taken apart for every user who asks."""

    def add(self, total: Scores, user_rows: Rows, weight: float, threads: int) -> None:
        """Add weighted standardised scores to ``total`` (rows, items of the blend)."""
        rows = self.rows[user_rows]
        known = rows >= 0
        if weight == 0 or not known.any():
            return
        scores = self.model._scores(rows[known], threads)
        weights = np.full(len(scores), weight, np.float32)
        if known.all():
            _native.add_standardised(scores, self.columns, weights, total, threads)
            return
        part = np.zeros((len(scores), total.shape[1]), np.float32)
        _native.add_standardised(scores, self.columns, weights, part, threads)
        total[known] += part

    def remembered(self, user_rows: Rows, items: int, threads: int) -> Remembered:
        """The standardised scores of some users over the items of the blend."""
        rows = np.full(len(self.rows), -1, np.int32)
        rows[user_rows] = np.arange(len(user_rows), dtype=np.int32)
        scores = np.zeros((len(user_rows), items), np.float32)
        size = max(1, BLOCK // items)
        for start in range(0, len(user_rows), size):
            self.add(scores[start : start + size], user_rows[start : start + size], 1.0, threads)
        return Remembered(self.name, self.model, rows, self.columns, scores)


@dataclass(frozen=True, slots=True, eq=False)
class Remembered(Scored):
    """Such a model, with its standardised scores of the users of ``rows`` over the items of the blend."""

    scores: Scores

    def add(self, total: Scores, user_rows: Rows, weight: float, threads: int) -> None:
        if weight:
            total += np.float32(weight) * self.scores[self.rows[user_rows]]
