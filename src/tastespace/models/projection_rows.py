"""Rows as projections on fixed singular vectors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.models.confidence import Confidence
from tastespace.models.padding import Floats
from tastespace.models.reading import Doubles
from tastespace.models.solvers import Counts, Rows, RowSolver, Side


def faded(values: Floats | None, events: Csr) -> Floats | None:
    """What events count, less what their weights take: old ratings that were decayed fade into cells of 0."""
    if events.weights is None:
        return values
    return events.weights if values is None else values * events.weights


@dataclass(frozen=True, eq=False)
class ProjectionRows(RowSolver):
    r"""A user is :math:`p_u = \sum_i x_{ui} v_i`: the point of the space that is nearest to the user's row.

    Attributes
    ----------
    confidence
        How the value of an event becomes x.
    singular_values
        Falling, float64 (factors,); 0 beyond the rank.
    total
        The sum of all squared cells, less the means where columns were centred: of all squared singular values.
    """

    confidence: Confidence
    singular_values: Doubles
    total: float
    kind = "projection"

    @property
    def weighs(self) -> bool:  # type: ignore[override]  # a constant elsewhere
        """Whether values must be above 0: formulas that take logarithms or roots need it."""
        return self.confidence.kind != "linear"

    @property
    def explained_variance_ratio(self) -> Doubles:
        """The share of each singular value's square in the sum of all, float64 (factors,)."""
        squares = np.square(self.singular_values)
        return squares / self.total if self.total > 0.0 else squares

    def relearned(self, train: Interactions) -> ProjectionRows:
        if self.confidence.idf is None:  # the others count nothing item by item
            return self
        return replace(self, confidence=Confidence.learn(self.confidence.kind, train.by_user, train.by_item))

    def cells(self, events: Csr) -> Floats | None:
        """The x of every event of whole user rows: float32 (events,), or None: all 1."""
        return faded(self.confidence.user_weights(events), events)

    def side(self, factors: Floats, bias: Floats, threads: int) -> Side:
        return Side(factors, bias)

    def project(self, events: Csr, values: Floats | None, fixed: Side, threads: int) -> Floats:
        """The sum of the fixed rows of each row's events, times what those count; (rows, stride)."""
        return _native.sparse_multiply(events.indptr, events.indices, values, fixed.factors, threads)

    def users(self, events: Csr, items: Side, threads: int) -> tuple[Floats, Floats]:
        return self.project(events, self.cells(events), items, threads), np.zeros(events.rows, np.float32)

    def items(
        self, events: Csr, rows: Rows, users: Side, history: Csr, threads: int
    ) -> tuple[Floats, Floats]:
        r"""New columns against fixed users: :math:`v_i = \sum_u x_{ui} p_u / s^2`, as for learned ones."""
        values = faded(self.confidence.item_weights(events, rows, history), events)
        squares = np.zeros(users.factors.shape[1])
        squares[: len(self.singular_values)] = np.square(self.singular_values)
        inverse = np.divide(1.0, squares, out=np.zeros_like(squares), where=squares > 0.0)
        return self.project(events, values, users, threads) * inverse.astype(np.float32), np.zeros(
            events.rows, np.float32
        )

    def update(
        self, train: Interactions, users: Rows, items: Rows, new: Counts, p: Side, q: Side, threads: int
    ) -> tuple[Side, Side]:
        # The space stays: learned items keep their vectors and biases, new ones are placed in it by their users.
        factors, bias = p.factors.copy(), p.bias.copy()
        factors[users], bias[users] = self.users(train.by_user.take_rows(users), q, threads)
        fresh = items[~q.factors[items].any(axis=1) & (q.bias[items] == 0.0)]
        placed = q.factors.copy()
        if len(fresh):
            events = train.by_item.take_rows(fresh)
            placed[fresh], _ = self.items(events, fresh, Side(factors, bias), train.by_user, threads)
        fixed = Side(placed, q.bias)
        return Side(*self.users(train.by_user, fixed, threads)), fixed

    def contributions(self, events: Csr, items: Side, item: int) -> Doubles:
        values = self.cells(events)
        x = np.ones(events.nnz) if values is None else values.astype(np.float64)
        q = items.factors[events.indices].astype(np.float64)
        return np.asarray(x * (q @ items.factors[item].astype(np.float64)))

    def params(self) -> dict[str, Any]:
        return {
            "confidence": self.confidence.kind,
            "average": self.confidence.average,
            "total": self.total,
        }

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        arrays: dict[str, npt.NDArray[np.generic]] = {"singular_values": self.singular_values}
        return arrays if self.confidence.idf is None else arrays | {"idf": self.confidence.idf}

    @classmethod
    def of(cls, params: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> ProjectionRows:
        """The solver that :meth:`params` and :meth:`arrays` describe."""
        confidence = Confidence(params["confidence"], arrays.get("idf"), params["average"])
        return cls(confidence, arrays["singular_values"], params["total"])
