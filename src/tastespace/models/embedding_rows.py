"""The rows of baskets in a space of items: the mean of what their items say of others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.errors import UnsupportedError
from tastespace.models.cooccurrence import Association
from tastespace.models.padding import Floats, frozen
from tastespace.models.reading import Doubles
from tastespace.models.solvers import Counts, Rows, RowSolver, Side

#: Directions with this share of the largest singular value have half of their weight where new items are placed: to
#: divide by less would make their vectors as long as what the learned items have no room for.
SMALL = 0.01


@dataclass(frozen=True, eq=False)
class EmbeddingRows(RowSolver):
    r"""A basket of n items is :math:`n^{-a} \sum_i c_i`, whose product with an item sums what theirs are.

    Attributes
    ----------
    association
        How items were found to belong together.
    contexts
        The vector c of each item, (items, stride).
    singular_values
        Falling, float64 (factors,); 0 beyond the rank.
    eigenvalue_weight
        Exponent of the singular values in the factors of items; in ``contexts`` it is one less this.
    history_scaling
        The exponent a: 0 sums, 1 takes the mean.
    popularity
        What the logarithm of an item's share of the events weighs in its bias.
    """

    association: Association
    contexts: Floats
    singular_values: Doubles
    eigenvalue_weight: float
    history_scaling: float
    popularity: float
    kind = "embedding"

    def side(self, factors: Floats, bias: Floats, threads: int) -> Side:
        return Side(factors, bias)

    def biases(self, train: Interactions) -> Floats:
        r"""``popularity`` times :math:`\log((n_i + 1) / (n + \mathrm{items}))`, float32 (items,)."""
        counts = train.by_item.counts() + 1.0
        return np.asarray(self.popularity * np.log(counts / counts.sum()), np.float32)

    def users(self, events: Csr, items: Side, threads: int) -> tuple[Floats, Floats]:
        sums = _native.sparse_multiply(events.indptr, events.indices, None, self.contexts, threads)
        return sums * self._shares(events)[:, None].astype(np.float32), np.zeros(events.rows, np.float32)

    def _shares(self, events: Csr) -> Doubles:
        """What each event of a row counts, float64 (rows,)."""
        return np.asarray(np.maximum(events.counts(), 1.0) ** -self.history_scaling)

    def extended(self, train: Interactions, items: Side, threads: int) -> EmbeddingRows:
        """With contexts of items that had none, from the items that they meet in ``train``."""
        contexts = np.zeros((train.n_items, self.contexts.shape[1]), np.float32)
        contexts[: len(self.contexts)] = self.contexts
        fresh = np.flatnonzero(~contexts.any(axis=1)).astype(np.int32)
        if len(fresh):
            cells = self.association.count(train, threads).columns(fresh)
            contexts[fresh] = self._placed(cells, items.factors, -2.0 * self.eigenvalue_weight, threads)
        return replace(self, contexts=frozen(contexts))

    def _placed(self, cells: Csr, others: Floats, power: float, threads: int) -> Floats:
        """Items by what they have in common with others: as learned ones are, when the others stay."""
        s = np.zeros(others.shape[1])
        s[: len(self.singular_values)] = self.singular_values
        scale = np.power(s, power, out=np.zeros_like(s), where=s > 0.0)
        scale *= s**2 / (s**2 + np.square(SMALL * s[0]))
        sums = _native.sparse_multiply(cells.indptr, cells.indices, cells.values, others, threads)
        return np.asarray(sums * scale.astype(np.float32))

    def items(
        self, events: Csr, rows: Rows, users: Side, history: Csr, threads: int
    ) -> tuple[Floats, Floats]:
        raise UnsupportedError(
            "ItemEmbedding does not solve items from users: update places new ones by the items that they meet"
        )

    def update(
        self, train: Interactions, users: Rows, items: Rows, new: Counts, p: Side, q: Side, threads: int
    ) -> tuple[Side, Side]:
        # The space stays: learned items keep their vectors, and new ones are placed in it by the items that they meet.
        factors = q.factors.copy()
        fresh = items[~factors[items].any(axis=1)]
        if len(fresh):
            cells = self.association.count(train, threads).rows(fresh)
            power = 2.0 * self.eigenvalue_weight - 2.0
            factors[fresh] = self._placed(cells, self.contexts, power, threads)
        fixed = Side(factors, self.biases(train))
        return Side(*self.users(train.by_user, fixed, threads)), fixed

    def contributions(self, events: Csr, items: Side, item: int) -> Doubles:
        c = self.contexts[events.indices].astype(np.float64)
        return np.asarray(self._shares(events)[0] * (c @ items.factors[item].astype(np.float64)))

    def params(self) -> dict[str, Any]:
        return {
            "association": self.association.params(),
            "eigenvalue_weight": self.eigenvalue_weight,
            "history_scaling": self.history_scaling,
            "popularity": self.popularity,
        }

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        return {"contexts": self.contexts, "singular_values": self.singular_values}

    @classmethod
    def of(cls, params: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> EmbeddingRows:
        """The solver that :meth:`params` and :meth:`arrays` describe."""
        association = Association(**params["association"])
        rest = {name: value for name, value in params.items() if name != "association"}
        return cls(association, arrays["contexts"], arrays["singular_values"], **rest)
