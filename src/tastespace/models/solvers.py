"""What a model needs to solve a row again: fold-in, update and explanations.

A *row solver* is the objective of one user (or item) against the fixed other side, with the settings that the
trainer used. It is stored in the model, so the model never asks its trainer. ``docs/math/als.md`` derives the
equations.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.errors import NewerFormatError, NumericalError, UnsupportedError
from tastespace.models.confidence import Confidence
from tastespace.models.padding import Floats, blank
from tastespace.models.reading import Doubles, Reader

Rows = npt.NDArray[np.int32]

#: Numbers of events of some users, and of some items.
Counts = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]

#: The weight of each event, or None and the weight of them all.
Weights = tuple[Floats | None, float]


@dataclass(frozen=True, eq=False)
class Side:
    """One side of a model: padded factors (rows, stride), biases (rows,) and, where needed, a Gram matrix."""

    factors: Floats
    bias: Floats
    gram: Floats | None = None


class RowSolver(Reader):
    """Solves rows of one side against the fixed other side."""

    #: Whether factors below 0 are not allowed.
    nonnegative = False

    def relearned(self, train: Interactions) -> RowSolver:
        """This solver with whatever it counts in the training set counted again."""
        return self

    def extended(self, train: Interactions, items: Side, threads: int) -> RowSolver:
        """This solver with whatever it holds of each item for the new items of ``train`` too."""
        return self

    def update(
        self, train: Interactions, users: Rows, items: Rows, new: Counts, p: Side, q: Side, threads: int
    ) -> tuple[Side, Side]:
        """Both sides after new events, which touched these rows of ``users`` and ``items``; ``new`` counts them there.

        The touched users are solved first, so that a new item meets its new users in place; then the touched
        items; then every user, so that each row is again the exact answer to its history.
        """
        factors, bias = p.factors.copy(), p.bias.copy()
        fixed = self.side(q.factors, q.bias, threads)
        factors[users], bias[users] = self.users(train.by_user.take_rows(users), fixed, threads)
        item_factors, item_bias = q.factors.copy(), q.bias.copy()
        fixed = self.side(factors, bias, threads)
        events = train.by_item.take_rows(items)
        item_factors[items], item_bias[items] = self.items(events, items, fixed, train.by_user, threads)
        fixed = self.side(item_factors, item_bias, threads)
        return Side(*self.users(train.by_user, fixed, threads)), fixed

    @abstractmethod
    def side(self, factors: Floats, bias: Floats, threads: int) -> Side:
        """A fixed side with what the solver needs of it."""

    @abstractmethod
    def users(self, events: Csr, items: Side, threads: int) -> tuple[Floats, Floats]:
        """Factors (rows, stride) and biases (rows,) of the users with these events, solved exactly."""

    @abstractmethod
    def items(
        self, events: Csr, rows: Rows, users: Side, history: Csr, threads: int
    ) -> tuple[Floats, Floats]:
        """Factors and biases of the items with these events (items, users), solved exactly.

        ``rows`` names the items, ``history`` is the whole (users, items) table.
        """

    @abstractmethod
    def contributions(self, events: Csr, items: Side, item: int) -> Doubles:
        """What each of one user's events adds to the score of ``item``, beyond mean and item bias."""

    def _free(self, events: Csr, items: Side) -> npt.NDArray[np.intp]:
        """The columns of the factors that answer to one user's events: those that are not held at 0."""
        if not self.nonnegative:
            return np.arange(items.factors.shape[1])
        factors, _ = self.users(events, items, 1)
        return np.flatnonzero(factors[0])


def _row_error(error: ArithmeticError, noun: str) -> NumericalError:
    message = error.args[0] if error.args else str(error)
    return NumericalError(
        f"solving the {noun} side failed: {message}; raise regularization or check the values"
    )


@dataclass(frozen=True, eq=False)
class ExplicitRows(RowSolver):
    """Squared error on observed ratings, biases inside the row solve.

    ``bias_regularization`` is None for a model without biases. With ``nonnegative`` no factor is below 0; biases are
    free.
    """

    regularization: float
    bias_regularization: float | None
    frequency_scaling: float
    mean: float
    nonnegative: bool = False
    kind = "explicit"
    ratings = True

    def side(self, factors: Floats, bias: Floats, threads: int) -> Side:
        return Side(factors, bias)

    def half_epoch(self, events: Csr, fixed: Side, x: Floats, bias: Floats, steps: int, threads: int) -> None:
        """Overwrites ``x`` and ``bias`` by the solution for ``events``.

        ``steps = 0`` solves exactly, and so does a ``nonnegative`` solver, whatever the steps.
        """
        try:
            _native.explicit_solve(
                events.indptr,
                events.indices,
                events.values,
                events.weights,
                self.mean,
                self.regularization,
                self.bias_regularization,
                self.frequency_scaling,
                0 if self.nonnegative else steps,
                self.nonnegative,
                fixed.factors,
                fixed.bias,
                x,
                bias,
                threads,
            )
        except ArithmeticError as error:
            raise _row_error(error, "rating") from None

    def _solve(self, events: Csr, fixed: Side, threads: int) -> tuple[Floats, Floats]:
        x = blank(events.rows, fixed.factors.shape[1])
        bias = np.zeros(events.rows, np.float32)
        self.half_epoch(events, fixed, x, bias, 0, threads)
        return x, bias

    def users(self, events: Csr, items: Side, threads: int) -> tuple[Floats, Floats]:
        return self._solve(events, items, threads)

    def items(
        self, events: Csr, rows: Rows, users: Side, history: Csr, threads: int
    ) -> tuple[Floats, Floats]:
        return self._solve(events, users, threads)

    def contributions(self, events: Csr, items: Side, item: int) -> Doubles:
        free = self._free(events, items)
        q = items.factors[events.indices][:, free].astype(np.float64)  # (n, free factors)
        w, y = _weights_and_targets(events, self.mean, items.bias)
        scale = float(events.nnz) ** self.frequency_scaling
        penalty = self.regularization * scale
        target = items.factors[item][free].astype(np.float64)
        A = (q.T * w) @ q + penalty * np.eye(q.shape[1])
        if self.bias_regularization is None:
            return np.asarray(w * y * (q @ np.linalg.solve(A, target)))
        total = w.sum() + self.bias_regularization * scale
        centre = (w @ q) / total
        A -= total * np.outer(centre, centre)
        z = np.linalg.solve(A, target - centre)
        return np.asarray(w * y * ((q - centre) @ z + 1.0 / total))

    def params(self) -> dict[str, Any]:
        return {
            "regularization": self.regularization,
            "bias_regularization": self.bias_regularization,
            "frequency_scaling": self.frequency_scaling,
            "mean": self.mean,
            "nonnegative": self.nonnegative,
        }


@dataclass(frozen=True, eq=False)
class ImplicitRows(RowSolver):
    """Weighted squared error on all cells; exactly one of ``alpha`` and ``unobserved_weight`` is given.

    ``alpha``: a0 = 1, w = alpha r, w y = 1 + w. ``unobserved_weight``: a0, w = r, w y = w; r by ``confidence``. With
    ``nonnegative`` no factor is below 0.
    """

    regularization: float
    frequency_scaling: float
    alpha: float | None
    unobserved_weight: float | None
    confidence: Confidence
    nonnegative: bool = False
    kind = "implicit"
    weighs = True

    @property
    def unobserved(self) -> float:
        """The weight a0 of the unobserved cells."""
        return 1.0 if self.unobserved_weight is None else self.unobserved_weight

    @property
    def offset(self) -> float:
        """What is added to w to give w y."""
        return 0.0 if self.alpha is None else 1.0

    def user_weights(self, events: Csr) -> Weights:
        """Weights of the events of whole user rows."""
        return self._scaled(self.confidence.user_weights(events))

    def item_weights(self, events: Csr, rows: Rows, history: Csr) -> Weights:
        """Weights of the events of item rows."""
        return self._scaled(self.confidence.item_weights(events, rows, history))

    def _scaled(self, weights: Floats | None) -> Weights:
        scale = 1.0 if self.alpha is None else self.alpha
        if weights is None or scale == 1.0:
            return weights, scale
        return np.float32(scale) * weights, scale

    def relearned(self, train: Interactions) -> ImplicitRows:
        if self.confidence.idf is None:  # the others count nothing item by item
            return self
        return replace(self, confidence=Confidence.learn(self.confidence.kind, train.by_user, train.by_item))

    def side(self, factors: Floats, bias: Floats, threads: int) -> Side:
        return Side(factors, bias, _native.weighted_gram(factors, self.unobserved, threads))

    def solve(
        self, events: Csr, weights: Weights, fixed: Side, threads: int, *, start: Floats | None = None
    ) -> Floats:
        """Factors (rows, stride) of the rows with these events and weights, exactly.

        A ``nonnegative`` solver searches from ``start``; it changes the time, not the answer.
        """
        x = blank(events.rows, fixed.factors.shape[1])
        if start is not None:
            x[:] = start
        assert fixed.gram is not None  # `side` made it
        try:
            _native.implicit_solve(
                events.indptr,
                events.indices,
                weights[0],
                weights[1],
                self.offset,
                self.unobserved,
                self.regularization,
                self.frequency_scaling,
                fixed.gram,
                self.nonnegative,
                fixed.factors,
                x,
                threads,
            )
        except ArithmeticError as error:
            raise _row_error(error, "implicit") from None
        return x

    def users(self, events: Csr, items: Side, threads: int) -> tuple[Floats, Floats]:
        return self.solve(events, self.user_weights(events), items, threads), np.zeros(
            events.rows, np.float32
        )

    def items(
        self, events: Csr, rows: Rows, users: Side, history: Csr, threads: int
    ) -> tuple[Floats, Floats]:
        weights = self.item_weights(events, rows, history)
        return self.solve(events, weights, users, threads), np.zeros(events.rows, np.float32)

    def contributions(self, events: Csr, items: Side, item: int) -> Doubles:
        free = self._free(events, items)
        q = items.factors[events.indices][:, free].astype(np.float64)  # (n, free factors)
        weights, weight = self.user_weights(events)
        w = np.full(events.nnz, weight) if weights is None else weights.astype(np.float64)
        mass = self.unobserved * items.factors.shape[0]
        penalty = self.regularization * (events.nnz + mass) ** self.frequency_scaling
        assert items.gram is not None  # `side` made it
        A = items.gram[np.ix_(free, free)] + (q.T * w) @ q + penalty * np.eye(q.shape[1])
        target = items.factors[item][free].astype(np.float64)
        return np.asarray((w + self.offset) * (q @ np.linalg.solve(A, target)))

    def params(self) -> dict[str, Any]:
        return {
            "regularization": self.regularization,
            "frequency_scaling": self.frequency_scaling,
            "alpha": self.alpha,
            "unobserved_weight": self.unobserved_weight,
            "confidence": self.confidence.kind,
            "average": self.confidence.average,
            "nonnegative": self.nonnegative,
        }

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        return {} if self.confidence.idf is None else {"idf": self.confidence.idf}


@dataclass(frozen=True, eq=False)
class BiasRows(RowSolver):
    """Regularized biases only: ``b = sum w (r - mean - other bias) / (sum w + regularization)``."""

    regularization: float
    mean: float
    kind = "bias"
    ratings = True

    def side(self, factors: Floats, bias: Floats, threads: int) -> Side:
        return Side(factors, bias)

    def _solve(self, events: Csr, fixed: Side) -> tuple[Floats, Floats]:
        w, y = _weights_and_targets(events, self.mean, fixed.bias)
        rows = np.repeat(np.arange(events.rows), np.diff(events.indptr))
        top = np.bincount(rows, weights=w * y, minlength=events.rows)
        bottom = np.bincount(rows, weights=w, minlength=events.rows) + self.regularization
        bias = np.divide(top, bottom, out=np.zeros(events.rows), where=bottom > 0)
        return np.zeros((events.rows, fixed.factors.shape[1]), np.float32), bias.astype(np.float32)

    def users(self, events: Csr, items: Side, threads: int) -> tuple[Floats, Floats]:
        return self._solve(events, items)

    def items(
        self, events: Csr, rows: Rows, users: Side, history: Csr, threads: int
    ) -> tuple[Floats, Floats]:
        return self._solve(events, users)

    def contributions(self, events: Csr, items: Side, item: int) -> Doubles:
        w, y = _weights_and_targets(events, self.mean, items.bias)
        return np.asarray(w * y / (w.sum() + self.regularization))

    def params(self) -> dict[str, Any]:
        return {"regularization": self.regularization, "mean": self.mean}


@dataclass(frozen=True, eq=False)
class CountRows(RowSolver):
    """Popularity: an item's bias is the summed weight of its events, halved every ``half_life`` seconds."""

    half_life: float | None = None
    kind = "count"

    def side(self, factors: Floats, bias: Floats, threads: int) -> Side:
        return Side(factors, bias)

    def popularity(self, history: Csr) -> Floats:
        """The bias of every item: its number of events, each of its weight and age; float32 (items,).

        A cell counts once, whatever its value; only the weights that ``decay`` gives to ratings count besides.
        Age is counted from the last event.
        """
        weights = np.ones(history.nnz) if history.weights is None else history.weights.astype(np.float64)
        if self.half_life is not None and history.times is not None and history.nnz:
            age = (history.times.max() - history.times).astype(np.float64)
            weights = weights * np.exp2(-age / self.half_life)
        sums = np.bincount(history.indices, weights=weights, minlength=history.columns)
        return sums.astype(np.float32)

    def users(self, events: Csr, items: Side, threads: int) -> tuple[Floats, Floats]:
        return np.zeros((events.rows, items.factors.shape[1]), np.float32), np.zeros(events.rows, np.float32)

    def items(
        self, events: Csr, rows: Rows, users: Side, history: Csr, threads: int
    ) -> tuple[Floats, Floats]:
        bias = self.popularity(history)[rows]
        return np.zeros((len(rows), users.factors.shape[1]), np.float32), bias

    def update(
        self, train: Interactions, users: Rows, items: Rows, new: Counts, p: Side, q: Side, threads: int
    ) -> tuple[Side, Side]:
        # Every item ages when time goes on, not only the touched ones.
        return p, Side(q.factors, self.popularity(train.by_user))

    def contributions(self, events: Csr, items: Side, item: int) -> Doubles:
        raise UnsupportedError(
            "Popularity scores do not depend on the user, so there is no history to explain them by"
        )

    def params(self) -> dict[str, Any]:
        return {"half_life": self.half_life}


def _weights_and_targets(events: Csr, mean: float, bias: Floats) -> tuple[Doubles, Doubles]:
    """Weights and targets ``r - mean - bias`` of every event, in double precision."""
    r = np.ones(events.nnz) if events.values is None else events.values.astype(np.float64)
    w = np.ones(events.nnz) if events.weights is None else events.weights.astype(np.float64)
    return w, r - mean - bias[events.indices].astype(np.float64)


def solver_from(kind: str, params: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> RowSolver:
    """The solver that :meth:`RowSolver.params` and :meth:`RowSolver.arrays` describe."""
    if kind == ExplicitRows.kind:
        return ExplicitRows(**params)
    if kind == BiasRows.kind:
        return BiasRows(**params)
    if kind == CountRows.kind:
        return CountRows(**params)
    if kind == "embedding":
        from tastespace.models.embedding_rows import EmbeddingRows  # which is a solver itself

        return EmbeddingRows.of(params, arrays)
    if kind == "nmf":
        from tastespace.models.nmf_rows import NmfRows  # which is a solver itself

        return NmfRows.of(params)
    if kind == "pairwise":
        from tastespace.models.pairwise_rows import PairwiseRows  # which is a solver itself

        return PairwiseRows.of(params, arrays)
    if kind == "sgd":
        from tastespace.models.sgd_rows import SgdRows

        return SgdRows.of(params)
    if kind == "svdpp":
        from tastespace.models.svdpp_rows import SvdppRows  # which is a solver itself

        return SvdppRows.of(params, arrays)
    if kind == "temporal":
        from tastespace.models.temporal_rows import TemporalRows  # which is a solver itself

        return TemporalRows.of(params, arrays)
    if kind == "projection":
        from tastespace.models.projection_rows import ProjectionRows  # which is a solver itself

        return ProjectionRows.of(params, arrays)
    if kind != ImplicitRows.kind:
        raise NewerFormatError(
            f"the model solves its rows by {kind!r}, which this release does not know; upgrade tastespace"
        )
    settings = dict(params)
    confidence = Confidence(settings.pop("confidence"), arrays.get("idf"), settings.pop("average"))
    return ImplicitRows(**settings, confidence=confidence)
