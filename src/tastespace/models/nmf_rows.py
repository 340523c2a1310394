"""Rows of non-negative factors where empty cells are zeros: the exact minimum of one row against the fixed others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.errors import InputError, UnsupportedError
from tastespace.models.padding import Floats, blank
from tastespace.models.reading import Doubles
from tastespace.models.solvers import Rows, RowSolver, Side

Loss = Literal["frobenius", "kullback-leibler"]
Pair = tuple[float, float]

#: The diagonal of an exact solve is raised by this share, as in the kernel.
RIDGE = 1e-10


@dataclass(frozen=True, eq=False)
class NmfSide(Side):
    """A fixed side with what all rows that meet it share: its Gram matrix, or its column sums (1, stride)."""

    shared: Doubles = field(default_factory=lambda: np.zeros((0, 0)))


@dataclass(frozen=True, eq=False)
class NmfRows(RowSolver):
    """The loss of a row on all cells, with ``n (l1 |x|_1 + l2 |x|^2 / 2)`` for the n cells of the row, x >= 0.

    ``l1`` and ``l2`` are pairs: of users, and of items. ``docs/math/nmf.md`` has the equations.
    """

    loss: Loss
    l1: Pair
    l2: Pair
    kind = "nmf"
    weighs = True
    nonnegative = True

    def check(self, train: Interactions) -> None:
        values = train.by_user.values
        if values is None or (values >= 0).all():
            return
        event = int(np.argmax(values < 0))
        [user] = train.users.ids[train.user_rows()[[event]]].tolist()
        [item] = train.items.ids[train.by_user.indices[[event]]].tolist()
        raise InputError(
            f"NMF needs values of 0 or more; user {user!r} and item {item!r} have {values[event]:g}. Shift ratings "
            "that go below 0, or use ALS or as_implicit(at_least=...)"
        )

    def side(self, factors: Floats, bias: Floats, threads: int) -> NmfSide:
        if self.loss == "frobenius":
            return NmfSide(factors, bias, shared=_native.nmf_gram(factors, threads))
        return NmfSide(factors, bias, shared=factors.sum(axis=0, dtype=np.float64)[None, :])

    def penalty(self, side: Literal["user", "item"], cells: int) -> Pair:
        """What a row of that side pays for its factors, and for half of their squares; it has so many cells."""
        at = 0 if side == "user" else 1
        return self.l1[at] * cells, self.l2[at] * cells

    def half_epoch(
        self,
        side: Literal["user", "item"],
        events: Csr,
        fixed: Side,
        x: Floats,
        factors: int,
        steps: int,
        threads: int,
    ) -> Pair:
        """Lowers every row of ``x``; gives ``<A, X H'>`` and the slope at the start, zeros for a divergence."""
        assert isinstance(fixed, NmfSide)
        return _native.nmf_half_epoch(
            (events.indptr, events.indices, events.values),
            fixed.factors,
            fixed.shared,
            factors,
            self.penalty(side, len(fixed.factors)),
            steps,
            x,
            threads,
        )

    def _solve(self, side: Literal["user", "item"], events: Csr, fixed: Side, threads: int) -> Floats:
        assert isinstance(fixed, NmfSide)
        stride = fixed.factors.shape[1]
        x = blank(events.rows, stride)
        _native.nmf_solve(
            (events.indptr, events.indices, events.values),
            fixed.factors,
            fixed.shared,
            stride,
            self.penalty(side, len(fixed.factors)),
            x,
            threads,
        )
        return x

    def users(self, events: Csr, items: Side, threads: int) -> tuple[Floats, Floats]:
        return self._solve("user", events, items, threads), np.zeros(events.rows, np.float32)

    def items(
        self, events: Csr, rows: Rows, users: Side, history: Csr, threads: int
    ) -> tuple[Floats, Floats]:
        return self._solve("item", events, users, threads), np.zeros(events.rows, np.float32)

    def contributions(self, events: Csr, items: Side, item: int) -> Doubles:
        assert isinstance(items, NmfSide)
        a = events.filled_values().astype(np.float64)
        h = items.factors[events.indices].astype(np.float64)  # (n, stride)
        target = items.factors[item].astype(np.float64)
        l1, l2 = self.penalty("user", len(items.factors))
        if self.loss == "kullback-leibler":
            x = self.users(events, items, 1)[0][0].astype(np.float64)
            below = items.shared[0] + l1 + l2 * x
            share = np.divide(target * x, below, out=np.zeros_like(x), where=below > 0)
            predicted = h @ x
            ratio = np.divide(a, predicted, out=np.zeros_like(a), where=predicted > 0)
            return np.asarray(ratio * (h @ share))
        if l1 > 0:
            raise UnsupportedError(
                "a score of NMF with l1 > 0 is no sum over the history, because the penalty takes a part of its own; "
                "similar_items works, and so does explain with l1=0"
            )
        free = self._free(events, items)
        A = items.shared[np.ix_(free, free)] + l2 * np.eye(len(free))
        A[np.diag_indices(len(free))] *= 1.0 + RIDGE
        return np.asarray(a * (h[:, free] @ np.linalg.solve(A, target[free])))

    def params(self) -> dict[str, Any]:
        return {"loss": self.loss, "l1": list(self.l1), "l2": list(self.l2)}

    @classmethod
    def of(cls, params: dict[str, Any]) -> NmfRows:
        """The solver that :meth:`params` describes."""
        return cls(params["loss"], tuple(params["l1"]), tuple(params["l2"]))
