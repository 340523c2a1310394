"""From counts, hours or plays to the weight of an observed cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tastespace.data.csr import Csr
from tastespace.errors import ParameterError

Kind = Literal["linear", "log", "bm25", "tfidf"]
KINDS: tuple[Kind, ...] = ("linear", "log", "bm25", "tfidf")

BM25_SATURATION = 100.0
BM25_LENGTH = 0.8


@dataclass(frozen=True, eq=False)
class Confidence:
    r"""How the value r of an event becomes its weight before any ``alpha``.

    ``linear``
        :math:`r`.
    ``log``
        :math:`\log_2(1 + r)` divided by its mean over the training events, so that weights average 1.
    ``bm25``
        :math:`\mathrm{idf}_i \, r (K + 1) / (K (1 - B + B n_u / \bar n) + r)` with
        :math:`\mathrm{idf}_i = \log((1 + U) / (1 + n_i)) + 1`, K = 100 and B = 0.8, where :math:`n_u` and
        :math:`n_i` sum the values of the user and count the users of the item (Robertson and Walker 1994).
    ``tfidf``
        :math:`\mathrm{idf}_i \sqrt{r} / \ell_u`, where :math:`\ell_u` is the length of the vector of all
        :math:`\mathrm{idf}_i \sqrt{r}` of the user (Salton and Buckley 1988).

    Parameters
    ----------
    kind
        The formula.
    idf
        float32 (items,), for ``bm25`` and ``tfidf``.
    average
        For ``log`` the mean of :math:`\log_2(1 + r)` over the events, for ``bm25`` the mean over users of the
        summed values.
    """

    kind: Kind = "linear"
    idf: npt.NDArray[np.float32] | None = None
    average: float = 1.0

    @classmethod
    def learn(cls, kind: Kind, by_user: Csr, by_item: Csr) -> Confidence:
        """The confidence of a training set; measures what the kind needs.

        Raises
        ------
        ParameterError
            If the kind is not one of ``linear``, ``log``, ``bm25``, ``tfidf``.
        """
        if kind not in KINDS:
            raise ParameterError(f"confidence must be one of {', '.join(KINDS)}; got {kind!r}")
        if kind == "linear" or (kind == "log" and by_user.values is None):
            return cls(kind)
        if kind == "log":
            return cls(kind, average=float(_log2(by_user.filled_values()).mean(dtype=np.float64)))
        users = by_item.counts().astype(np.float64)
        idf = (np.log((1.0 + by_user.rows) / (1.0 + users)) + 1.0).astype(np.float32)
        return cls(kind, idf, float(_row_sums(by_user).mean()) if kind == "bm25" else 1.0)

    def user_weights(self, events: Csr) -> npt.NDArray[np.float32] | None:
        """The weight of every event of whole user rows (users, items): float32 (events,), or None: all 1."""
        if self.idf is None:
            return self._pointwise(events)
        return self._of_documents(events, events.indices, self._lengths(events)[events.row_of()])

    def item_weights(
        self, events: Csr, items: npt.NDArray[np.int32], history: Csr
    ) -> npt.NDArray[np.float32] | None:
        """The weight of every event of item rows (items, users): float32 (events,), or None: all 1.

        ``items`` names the rows, ``history`` is the whole (users, items) table.
        """
        if self.idf is None:
            return self._pointwise(events)
        lengths = self._lengths(history)[events.indices]
        return self._of_documents(events, np.repeat(items, events.counts()), lengths)

    def user_factors(self, events: Csr) -> npt.NDArray[np.float32] | None:
        """What is the user's in the weights of events whose values are all 1, float32 (users,); None: nothing.

        The weight of such an event is this times what is the item's.
        """
        if self.idf is None or events.values is not None:
            return None
        lengths = self._lengths(events)
        if self.kind == "tfidf":
            return np.divide(1.0, lengths, out=np.zeros(events.rows), where=lengths > 0).astype(np.float32)
        length = BM25_SATURATION * (1.0 - BM25_LENGTH + BM25_LENGTH * lengths / self.average)
        return np.asarray((BM25_SATURATION + 1.0) / (length + 1.0), np.float32)

    def _pointwise(self, events: Csr) -> npt.NDArray[np.float32] | None:
        if self.kind == "linear":
            return events.values
        if events.values is None and self.average == 1.0:
            return None
        return np.asarray(_log2(events.filled_values()) / np.float32(self.average))

    def _lengths(self, history: Csr) -> npt.NDArray[np.float64]:
        """How long every user's history is, by the formula's own measure; float64 (users,)."""
        if self.kind == "bm25":
            return _row_sums(history)
        assert self.idf is not None  # `learn` sees to it
        squares = self.idf[history.indices].astype(np.float64) ** 2 * history.filled_values()
        return np.sqrt(np.bincount(history.row_of(), squares, history.rows))

    def _of_documents(
        self, events: Csr, items: npt.NDArray[np.int32], lengths: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float32]:
        """The formulas that take users for documents and items for words."""
        assert self.idf is not None  # `learn` sees to it
        r = np.ones(events.nnz, np.float32) if events.values is None else events.values
        if self.kind == "tfidf":
            return np.asarray(self.idf[items] * np.sqrt(r) / lengths, np.float32)
        length = BM25_SATURATION * (1.0 - BM25_LENGTH + BM25_LENGTH * lengths / self.average)
        return np.asarray(self.idf[items] * r * (BM25_SATURATION + 1.0) / (length + r), np.float32)


def _log2(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """``log2(1 + r)``, also where 1 + r would be 1."""
    return np.asarray(np.log1p(values) / np.float32(np.log(2.0)))


def _row_sums(table: Csr) -> npt.NDArray[np.float64]:
    if table.values is None:
        return table.counts().astype(np.float64)
    # Row by row, not as differences of running totals: a row's sum must not depend on the rows before it.
    return np.asarray(np.bincount(table.row_of(), table.values, table.rows), np.float64)
