"""Both non-negative factor matrices of a table, lowered in turns, and the objective that falls."""

from __future__ import annotations

from typing import Literal

import numpy as np

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.models.nmf_rows import NmfRows, NmfSide
from tastespace.models.padding import Floats, duplicate
from tastespace.models.solvers import RowSolver

Name = Literal["user", "item"]

#: Sweeps for each sum over a row's cells (squared error), and multiplicative updates (divergence), when none are given.
SWEEPS = {"frobenius": 4, "kullback-leibler": 1}

#: Halvings and doublings that both columns of a factor may be away from the same length.
EVEN = 10


class Descent:
    """The state of one factorization; overwrites ``p`` and ``q``, which are padded."""

    def __init__(
        self,
        by_user: Csr,
        by_item: Csr,
        rows: NmfRows,
        p: Floats,
        q: Floats,
        factors: int,
        sweeps: int | None,
        threads: int,
    ) -> None:
        self.tables: dict[Name, Csr] = {"user": by_user, "item": by_item}
        self.factors_of: dict[Name, Floats] = {"user": p, "item": q}
        self.rows, self.factors, self.threads = rows, factors, threads
        self.sweeps = SWEEPS[rows.loss] if sweeps is None else sweeps
        self._sides: dict[Name, NmfSide | None] = {"user": None, "item": None}
        self._cross: float | None = None

    def half_epoch(self, side: Name) -> float:
        """Lowers one side against the other; the slope that it started from (0 for a divergence)."""
        if side == "user" and self.rows.l1 == self.rows.l2 == (0.0, 0.0):
            self._balance()
        return self._half(side, self.sweeps)

    def _balance(self) -> None:
        """Gives both columns of a factor about the same length, where one has shrunk and the other grown by much.

        Without penalties nothing holds them: a factor that the table has no use for would run away. Powers of two
        round nothing, so the descent goes on as it would have.
        """
        p, q = self.factors_of["user"], self.factors_of["item"]
        lengths = [np.linalg.norm(x, axis=0).astype(np.float64) for x in (p, q)]
        ratio = np.divide(lengths[1], lengths[0], out=np.ones(len(lengths[0])), where=lengths[0] > 0.0)
        steps = np.round(np.log2(ratio, out=np.zeros(len(ratio)), where=ratio > 0.0) / 2)
        uneven = np.flatnonzero(np.abs(steps) > EVEN)
        if len(uneven):
            by = steps[uneven].astype(np.int32)
            p[:, uneven], q[:, uneven] = np.ldexp(p[:, uneven], by), np.ldexp(q[:, uneven], -by)
            self._sides = {"user": None, "item": None}

    def _half(self, side: Name, sweeps: int) -> float:
        fixed = self._side("item" if side == "user" else "user")
        self._cross, slope = self.rows.half_epoch(
            side, self.tables[side], fixed, self.factors_of[side], self.factors, sweeps, self.threads
        )
        self._sides[side] = None
        return slope

    def _side(self, name: Name) -> NmfSide:
        known = self._sides[name]
        if known is None:
            factors = self.factors_of[name]
            known = self.rows.side(factors, np.zeros(len(factors), np.float32), self.threads)
            self._sides[name] = known
        return known

    def objective(self) -> float:
        """The loss of all cells with the penalties of both sides, in double precision."""
        users, items = self._side("user"), self._side("item")
        table = self.tables["user"]
        if self.rows.loss == "frobenius":
            if self._cross is None:
                self._half("user", 0)
            assert self._cross is not None
            values = table.filled_values()
            square = float(np.dot(values.astype(np.float64), values))
            loss = 0.5 * square - self._cross + 0.5 * float((users.shared * items.shared).sum())
        else:
            cells = (table.indptr, table.indices, table.values)
            loss = _native.nmf_divergence(cells, items.factors, users.factors, self.threads)
            loss += float((users.shared * items.shared).sum())
        return loss + self._penalty("user", len(items.factors)) + self._penalty("item", len(users.factors))

    def _penalty(self, side: Name, cells: int) -> float:
        l1, l2 = self.rows.penalty(side, cells)
        x = self.factors_of[side]
        total = l1 * float(x.sum(dtype=np.float64)) if l1 else 0.0
        return total + (0.5 * l2 * float(np.square(x, dtype=np.float64).sum()) if l2 else 0.0)


def finished(by_user: Csr, rows: RowSolver, q: Floats, threads: int) -> tuple[Floats, Floats]:
    """The exact users against final items, and these items: a factor that no user has is 0 of all items."""
    items = rows.side(q, np.zeros(len(q), np.float32), threads)
    p, _ = rows.users(by_user, items, threads)
    unused = q.any(axis=0) & ~p.any(axis=0)
    if unused.any():
        q = duplicate(q)
        q[:, unused] = 0.0
    return p, q
