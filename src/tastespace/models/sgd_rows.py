"""Fold-in and update for models of ratings that were learned by gradient steps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.errors import DivergedError, UnsupportedError
from tastespace.models.padding import Floats, blank, duplicate
from tastespace.models.reading import Doubles
from tastespace.models.solvers import Counts, ExplicitRows, Rows, RowSolver, Side

#: A fold-in is drawn to zero by at least this, so that every row has one minimum.
LEAST_PENALTY = 1e-4

#: And by at most this, which is all that float32 can tell from zero.
MOST_PENALTY = 1e30

#: Passes of an update over the ratings of the touched rows, and the steps of a new row in the first and the last of
#: them, in step lengths of the first epoch of training; see ``docs/math/sgd.md``.
PASSES, FIRST, LAST = 6, 3.0, 0.3

#: Standard deviation of the start of a new row, in that of the learned factors of so many rows.
NOISE, SAMPLE = 0.1, 1000

#: Of users' factors, items' factors, users' biases, items' biases; biases are None where there are none.
Group = tuple[float, float, float | None, float | None]


@dataclass(frozen=True, eq=False)
class SgdRows(RowSolver):
    """Rows of ratings: folded in exactly, updated by further steps.

    Fold-in minimises the row's part of the objective that ``docs/math/sgd.md`` states, with a penalty that is at least
    one over the length of all steps, which is about what training leaves undone of a row. Steps end near that minimum,
    not at it, so a learned row differs from the fold-in of the same history.

    Attributes
    ----------
    trainer
        Name, for messages.
    rates, penalties
        Step lengths of the first epoch and penalties, by group.
    frequency_scaling
        The exponent of a row's ratings that its penalty grows with.
    mean
        The score before biases and factors.
    factors
        How many columns are learned.
    seed
        Of the order of the steps.
    time
        The sum of the step lengths of all epochs, in that of the first.
    weight
        The largest weight of a rating of training, from which default rates and penalties were taken. A folded-in
        rating without a weight has this one, and an update has none above it.
    """

    trainer: str
    rates: Group
    penalties: Group
    frequency_scaling: float
    mean: float
    factors: int
    seed: int
    time: float
    weight: float = 1.0
    kind = "sgd"
    ratings = True
    row_solved = False

    def shrink(self, counts: npt.NDArray[np.int64]) -> Floats:
        """By what the penalty of a step is multiplied, for rows of so many ratings: n to the power nu - 1."""
        least = np.maximum(counts, 1).astype(np.float64)
        return np.asarray(least ** (self.frequency_scaling - 1), np.float32)

    def side(self, factors: Floats, bias: Floats, threads: int) -> Side:
        return Side(factors, bias)

    def users(self, events: Csr, items: Side, threads: int) -> tuple[Floats, Floats]:
        return self._exactly(events, items, 0, threads)

    def items(
        self, events: Csr, rows: Rows, users: Side, history: Csr, threads: int
    ) -> tuple[Floats, Floats]:
        return self._exactly(events, users, 1, threads)

    def _exactly(self, events: Csr, fixed: Side, group: int, threads: int) -> tuple[Floats, Floats]:
        counts = events.counts()
        if events.weights is None and self.weight != 1:
            events = replace(events, weights=np.full(events.nnz, self.weight, np.float32))
        x, bias = blank(events.rows, fixed.factors.shape[1]), np.zeros(events.rows, np.float32)
        for count in np.unique(counts):
            rows = np.flatnonzero(counts == count)
            solver = ExplicitRows(
                regularization=self.held(group, count),
                bias_regularization=None if self.penalties[2] is None else self.held(2 + group, count),
                frequency_scaling=0.0,
                mean=self.mean,
            )
            x[rows], bias[rows] = solver.users(events.take_rows(rows), fixed, threads)
        return x, bias

    def held(self, group: int, count: int) -> float:
        """The penalty of a folded-in row of so many ratings: the objective's, or what so few steps come to."""
        steps = self.time * (self.rates[group] or 0.0)
        if group >= 2 and steps == 0:
            return MOST_PENALTY  # biases that do not learn
        penalty = float(count**self.frequency_scaling) * (self.penalties[group] or 0.0)
        return min(max(penalty, 1 / steps if steps > 0 else 0.0, LEAST_PENALTY), MOST_PENALTY)

    def epoch(
        self,
        ratings: _native.RatingRounds,
        number: int,
        share: float,
        p: Side,
        q: Side,
        shrink: tuple[Floats, Floats],
        pace: tuple[Floats, Floats] | None,
        threads: int,
    ) -> float:
        """One pass in place, by this share of the step lengths; returns the sum of squared errors before the steps."""
        rates = [share * (rate or 0.0) for rate in self.rates]
        penalties = [penalty or 0.0 for penalty in self.penalties]
        arrays = (p.factors, q.factors, p.bias, q.bias)
        return ratings.epoch(
            number, self.mean, rates, penalties, self.factors, *arrays, shrink, pace, threads
        )

    def update(
        self, train: Interactions, users: Rows, items: Rows, new: Counts, p: Side, q: Side, threads: int
    ) -> tuple[Side, Side]:
        """Both sides after further steps of the touched rows, along all their ratings; all other rows stay.

        A row's steps are as long as the part of its ratings that is new, so a new row is trained in full, and one that
        had many ratings hardly moves. Where the rates of training were near the longest that work, steps are shorter.
        """
        counts = train.by_user.counts(), train.by_item.counts()
        pace = np.zeros(train.n_users, np.float32), np.zeros(train.n_items, np.float32)
        for side, rows in enumerate((users, items)):
            pace[side][rows] = np.minimum(new[side] / np.maximum(counts[side][rows], 1), 1)
        touched = _touched(train.by_user, *pace)
        if touched.weights is not None:
            most = touched.weights.max(initial=self.weight)
            touched = replace(touched, weights=touched.weights * np.float32(self.weight / most))
        ratings = rounds(touched, self.seed, threads)
        shrink = self.shrink(counts[0]), self.shrink(counts[1])
        for more in (1, 2, 4):
            moved = Side(duplicate(p.factors), p.bias.copy()), Side(duplicate(q.factors), q.bias.copy())
            self._begin(moved[0], users, 0)
            self._begin(moved[1], items, 1)
            if self._moves(ratings, more, *moved, shrink, pace, threads):
                return moved
        raise DivergedError(
            f"update of {self.trainer} diverged; where the new ratings are on another scale, fit a new model, "
            "else train with a lower learning_rate. The model that was to be updated is as it was"
        )

    def _moves(
        self,
        ratings: _native.RatingRounds,
        more: int,
        p: Side,
        q: Side,
        shrink: tuple[Floats, Floats],
        pace: tuple[Floats, Floats],
        threads: int,
    ) -> bool:
        """Takes, in place, so many times the passes by steps so many times shorter; False where they are too long."""
        passes = PASSES * more
        for number in range(passes):
            share = (FIRST + (LAST - FIRST) * number / (passes - 1)) / more
            if not np.isfinite(self.epoch(ratings, number, share, p, q, shrink, pace, threads)):
                return False
        return finite(p, q)

    def _begin(self, side: Side, rows: Rows, number: int) -> None:
        """Starts, in place, those of the rows that hold nothing yet: noise, small beside the learned factors."""
        fresh = rows[~side.factors[rows].any(axis=1) & (side.bias[rows] == 0)]
        if not len(fresh):
            return
        learned = side.factors[:SAMPLE, : self.factors]
        random = np.random.default_rng((self.seed, 2 + number, len(side.factors)))
        noise = random.standard_normal((len(fresh), self.factors), np.float32)
        side.factors[fresh, : self.factors] = noise * np.float32(NOISE * learned.std())

    def contributions(self, events: Csr, items: Side, item: int) -> Doubles:
        raise UnsupportedError(
            f"a score of {self.trainer} is no sum over the history, so nothing explains it; similar_items works"
        )

    def params(self) -> dict[str, Any]:
        return {
            "trainer": self.trainer,
            "rates": list(self.rates),
            "penalties": list(self.penalties),
            "frequency_scaling": self.frequency_scaling,
            "mean": self.mean,
            "factors": self.factors,
            "seed": self.seed,
            "time": self.time,
            "weight": self.weight,
        }

    @classmethod
    def of(cls, params: dict[str, Any]) -> SgdRows:
        """The solver that :meth:`params` describe."""
        groups = {name: tuple(params[name]) for name in ("rates", "penalties")}
        return cls(**params | groups)


def rounds(table: Csr, seed: int, threads: int) -> _native.RatingRounds:
    """The ratings of a (users, items) table in blocks, for steps."""
    return _native.RatingRounds(
        table.indptr, table.indices, table.values, table.weights, table.columns, seed, threads
    )


def _touched(table: Csr, users: Floats, items: Floats) -> Csr:
    """The events of rows or columns that are not 0 here."""
    rows = table.row_of()
    kept = (users[rows] + items[table.indices]) > 0
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows[kept], minlength=table.rows))])
    return Csr(
        indptr.astype(np.int64),
        table.indices[kept],
        table.columns,
        None if table.values is None else table.values[kept],
        None,
        None if table.weights is None else table.weights[kept],
    )


def finite(*sides: Side) -> bool:
    """Whether factors and biases are in the range of float32, with room to spare."""
    with np.errstate(over="ignore", invalid="ignore"):
        return all(bool(np.isfinite(side.factors.sum() + side.bias.sum())) for side in sides)
