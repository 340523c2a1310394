"""Fold-in for timeSVD++: a newcomer's row of least squared error, with the implicit sum of the history given."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.errors import UnsupportedError
from tastespace.models.padding import Floats, pad
from tastespace.models.reading import Doubles
from tastespace.models.solvers import Counts, ExplicitRows, Rows, RowSolver, Side


@dataclass(frozen=True, eq=False)
class TemporalRows(RowSolver):
    r"""The factors p and the bias of one user against items as they are at the end of training.

    Minimises :math:`\sum_i w_i (r_i - \mu - b_i - b - q_i \cdot (p + z))^2 + \sqrt n (\lambda |p|^2 + \lambda_b b^2)`
    over p and b, where :math:`z = n^{-1/2} \sum_i y_i` is the implicit sum of the history; the row is p + z.

    Attributes
    ----------
    trainer
        Name, for messages.
    regularization, bias_regularization
        :math:`\lambda` and :math:`\lambda_b` > 0.
    mean
        :math:`\mu`.
    implicit
        The y, float32 (items, factors); None: no implicit sum.
    """

    trainer: str
    regularization: float
    bias_regularization: float
    mean: float
    implicit: Floats | None
    kind = "temporal"
    ratings = True
    row_solved = False

    def side(self, factors: Floats, bias: Floats, threads: int) -> Side:
        return Side(factors, bias)

    def sums(self, events: Csr, threads: int) -> Floats | None:
        """The implicit sum of every row, float32 (rows, factors); None where there is none."""
        if self.implicit is None:
            return None
        total = _native.sparse_multiply(events.indptr, events.indices, None, pad(self.implicit), threads)
        norm = 1 / np.sqrt(np.maximum(events.counts(), 1), dtype=np.float32)
        return np.asarray(total * norm[:, None], np.float32)

    def users(self, events: Csr, items: Side, threads: int) -> tuple[Floats, Floats]:
        rows = ExplicitRows(self.regularization, self.bias_regularization, 0.5, self.mean)
        z = self.sums(events, threads)
        if z is not None:
            known = np.einsum("ij,ij->i", items.factors[events.indices], z[events.row_of()])
            events = replace(events, values=events.filled_values() - known)
        x, bias = rows.users(events, items, threads)
        return (x if z is None else x + z), bias

    def items(
        self, events: Csr, rows: Rows, users: Side, history: Csr, threads: int
    ) -> tuple[Floats, Floats]:
        raise self.refusal()

    def update(
        self, train: Interactions, users: Rows, items: Rows, new: Counts, p: Side, q: Side, threads: int
    ) -> tuple[Side, Side]:
        raise self.refusal()

    def refusal(self) -> UnsupportedError:
        """What :meth:`items` and :meth:`update` raise."""
        return UnsupportedError(
            f"{self.trainer} learns by steps over all of time, so it cannot take new events into a finished model; "
            "place users by fold_in or fold_in_many, or fit it again with all events"
        )

    def contributions(self, events: Csr, items: Side, item: int) -> Doubles:
        raise UnsupportedError(
            f"a score of {self.trainer} is no sum over the history, so nothing explains it; similar_items works"
        )

    def params(self) -> dict[str, Any]:
        return {
            "trainer": self.trainer,
            "regularization": self.regularization,
            "bias_regularization": self.bias_regularization,
            "mean": self.mean,
        }

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        return {} if self.implicit is None else {"implicit": self.implicit}

    @classmethod
    def of(cls, params: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> TemporalRows:
        """The solver that :meth:`params` and :meth:`arrays` describe."""
        return cls(**params, implicit=arrays.get("implicit"))
