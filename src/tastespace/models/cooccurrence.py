"""Which items meet in baskets more often than chance has it: shifted positive pointwise mutual information."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.errors import InputError
from tastespace.models.reading import Doubles
from tastespace.models.solvers import Rows


@dataclass(frozen=True)
class Association:
    r"""How much more often two items meet than chance has it, less a shift, where that is above 0.

    ``docs/math/item-embedding.md`` has the formulas.

    Attributes
    ----------
    negatives
        k of the shift :math:`\log k`.
    smoothing
        Exponent of the shares of contexts.
    subsample
        Share of the events from which on an item is thinned out; None: nothing is.
    pair_scaling
        Exponent by which pairs of long baskets count less.
    shrinkage
        So many meetings give a pair half of its value.
    seconds, events
        How far apart the items of a pair may be; at most one is not None.
    """

    negatives: float
    smoothing: float
    subsample: float | None
    pair_scaling: float
    shrinkage: float
    seconds: int | None
    events: int | None

    def count(self, baskets: Interactions, threads: int) -> Meetings:
        """The pairs of items in the rows of users.

        Raises
        ------
        InputError
            If there is a window, and no times.
        """
        table = baskets.by_user
        windowed = self.seconds is not None or self.events is not None
        if windowed and table.times is None:
            raise InputError(
                "window of ItemEmbedding needs timestamps; name the column with read(..., timestamp=...), or pass "
                "window=None, for which all items of a basket are together"
            )
        pairs = _native.Pairs(
            table.indptr,
            table.indices,
            table.times if windowed else None,
            table.columns,
            self.seconds,
            self.events,
            self.pair_scaling,
            threads,
        )
        kept = self._kept(baskets.by_item.counts().astype(np.float64))
        return Meetings(self, pairs, kept, pairs.margins(kept), threads)

    def _kept(self, counts: Doubles) -> Doubles:
        """The share of each item's events that stay, float64 (items,)."""
        if self.subsample is None:
            return np.ones(len(counts))
        share = np.maximum(counts / counts.sum(), np.finfo(np.float64).tiny)
        return np.asarray(np.minimum(np.sqrt(self.subsample / share), 1.0))

    def params(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Meetings:
    """Counted pairs of items.

    Attributes
    ----------
    association
        What is made of the counts.
    pairs
        The baskets, prepared.
    kept, margins
        The share of each item's events that stay, and what its pairs count together; float64 (items,).
    threads
        At most this many.
    """

    association: Association
    pairs: _native.Pairs
    kept: Doubles
    margins: Doubles
    threads: int

    @property
    def words(self) -> Doubles:
        """What divides the counts of an item's row, float64 (items,): with that of the context, k times chance."""
        return np.asarray(self.association.negatives * self._filled(self.margins) / self.kept)

    @property
    def contexts(self) -> Doubles:
        """What divides the counts of an item's column: its smoothed share of the contexts."""
        powers = np.where(self.margins > 0.0, self._filled(self.margins) ** self.association.smoothing, 0.0)
        shares = powers / max(math.fsum(powers), np.finfo(np.float64).tiny)
        return np.asarray(self._filled(shares) / self.kept)

    def _filled(self, values: Doubles) -> Doubles:
        """1 for items that meet no other: they have no cell, and nothing may be divided by 0."""
        return np.asarray(np.where(self.margins > 0.0, values, 1.0))

    def cells(self, step: int) -> int:
        """About how many cells all rows have, from every ``step``-th."""
        rows = np.arange(0, len(self.kept), step, dtype=np.int32)
        words, contexts = self.words, self.contexts
        found = self.pairs.count(rows, words, contexts, self.association.shrinkage, self.threads)
        return math.ceil(found * len(self.kept) / max(len(rows), 1))

    def rows(self, rows: Rows | None = None) -> Csr:
        """Cells of items as words, by contexts; of all items, or of these."""
        return self._rows(rows, self.words, self.contexts)

    def columns(self, rows: Rows) -> Csr:
        """Cells of these items as contexts, by words."""
        return self._rows(rows, self.contexts, self.words)

    def _rows(self, rows: Rows | None, own: Doubles, others: Doubles) -> Csr:
        chosen = np.arange(len(self.kept), dtype=np.int32) if rows is None else rows
        found = self.pairs.rows(chosen, own, others, self.association.shrinkage, self.threads)
        return Csr(found[0], found[1], len(self.kept), found[2])
