"""The row of one user of SVD++: an own part, solved, and what the user's items bring along."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.errors import UnsupportedError
from tastespace.models.padding import Floats, frozen
from tastespace.models.reading import Doubles
from tastespace.models.solvers import ExplicitRows, Rows, RowSolver, Side


@dataclass(frozen=True, eq=False)
class SvdppRows(RowSolver):
    r"""Squared error plus penalties around :math:`|N(u)|^{-1/2} \sum_{j \in N(u)} y_j`, where N(u) is the history.

    ``docs/math/svdpp.md`` has the equations. Items of a model with vectors of users are solved likewise.

    Attributes
    ----------
    regularization, item_regularization, bias_regularization
        Penalty of a row's own part and of its bias, times the root of how many ratings it has.
    mean
        The score before biases and factors.
    unrated
        Whether the sets of training held events without a rating. They are not kept, so learned rows answer to more
        than the history: nothing explains them, and they cannot be solved again.
    item_vectors, user_vectors
        :math:`y`, (items, stride), and its counterpart z, (users, stride); None where the model has no such.
    """

    regularization: float
    item_regularization: float
    bias_regularization: float
    mean: float
    unrated: bool
    item_vectors: Floats | None
    user_vectors: Floats | None
    kind = "svdpp"
    ratings = True

    @property
    def row_solved(self) -> bool:  # type: ignore[override]  # a constant elsewhere
        """Whether a newcomer with a training user's history gets that user's scores."""
        return not self.unrated

    def side(self, factors: Floats, bias: Floats, threads: int) -> Side:
        return Side(factors, bias)

    def relearned(self, train: Interactions) -> SvdppRows:
        """With vectors for all users and items of ``train``, 0 where they are new."""
        if self.unrated:
            raise UnsupportedError(
                "this SVDPlusPlus learned from events without a rating, which the model does not keep, so its rows "
                "cannot be solved again; fit again with all of them, or place newcomers by fold_in"
            )
        return replace(
            self,
            item_vectors=_grown(self.item_vectors, train.n_items),
            user_vectors=_grown(self.user_vectors, train.n_users),
        )

    def users(self, events: Csr, items: Side, threads: int) -> tuple[Floats, Floats]:
        return self.solve_around(events, events, self.item_vectors, items, self.regularization, threads)

    def items(
        self, events: Csr, rows: Rows, users: Side, history: Csr, threads: int
    ) -> tuple[Floats, Floats]:
        return self.solve_around(events, events, self.user_vectors, users, self.item_regularization, threads)

    def lent(self, history: Csr, threads: int) -> tuple[Floats | None, Floats | None]:
        """What users and items of this history have from their sets, (rows, stride) each; None: nothing."""
        sides = (history, self.item_vectors), (history.transpose(), self.user_vectors)
        of_users, of_items = (
            None if vectors is None else _native.svdpp_sums(table.indptr, table.indices, vectors, threads)
            for table, vectors in sides
        )
        return of_users, of_items

    def solve_around(
        self,
        events: Csr,
        sets: Csr,
        vectors: Floats | None,
        fixed: Side,
        regularization: float,
        threads: int,
    ) -> tuple[Floats, Floats]:
        """Whole factors and biases of rows with these ratings, whose own parts lean on the vectors of these sets."""
        own = ExplicitRows(regularization, self.bias_regularization, 0.5, self.mean)
        if vectors is None:
            return own.users(events, fixed, threads)
        sums = _native.svdpp_sums(sets.indptr, sets.indices, vectors, threads)
        x, bias = own.users(_shifted(events, sums, fixed, threads), fixed, threads)
        x += sums
        return x, bias

    def contributions(self, events: Csr, items: Side, item: int) -> Doubles:
        if self.unrated:
            raise UnsupportedError(
                "scores of this SVDPlusPlus rest on events without a rating too, which the model does not keep, so the "
                "history does not explain them; similar_items works"
            )
        own = ExplicitRows(self.regularization, self.bias_regularization, 0.5, self.mean)
        if self.item_vectors is None:
            return own.contributions(events, items, item)
        sums = _native.svdpp_sums(events.indptr, events.indices, self.item_vectors, 1)
        solved = own.contributions(_shifted(events, sums, items, 1), items, item)
        y = self.item_vectors[events.indices].astype(np.float64)
        return np.asarray(solved + y @ items.factors[item].astype(np.float64) / np.sqrt(events.nnz))

    def params(self) -> dict[str, Any]:
        return {
            "regularization": self.regularization,
            "item_regularization": self.item_regularization,
            "bias_regularization": self.bias_regularization,
            "mean": self.mean,
            "unrated": self.unrated,
        }

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        arrays = {"item_vectors": self.item_vectors, "user_vectors": self.user_vectors}
        return {name: array for name, array in arrays.items() if array is not None}

    @classmethod
    def of(cls, params: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> SvdppRows:
        """The solver that :meth:`params` and :meth:`arrays` describe."""
        return cls(**params, item_vectors=arrays.get("item_vectors"), user_vectors=arrays.get("user_vectors"))


def _shifted(events: Csr, sums: Floats, fixed: Side, threads: int) -> Csr:
    """The events with what the sums leave of their ratings."""
    values = _native.svdpp_targets(
        events.indptr, events.indices, events.filled_values(), sums, fixed.factors, threads
    )
    values.flags.writeable = False
    return replace(events, values=values)


def _grown(vectors: Floats | None, rows: int) -> Floats | None:
    if vectors is None or len(vectors) == rows:
        return vectors
    grown = np.zeros((rows, vectors.shape[1]), np.float32)
    grown[: len(vectors)] = vectors
    return frozen(grown)
