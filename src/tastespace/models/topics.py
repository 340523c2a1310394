"""What factors of 0 or more are about: their heaviest items, and how well these belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from tastespace.data.interactions import Interactions
from tastespace.errors import InputError, UnsupportedError
from tastespace.models.nearest import at_least_one
from tastespace.models.table import _NamedTable

if TYPE_CHECKING:
    from tastespace.models.factor_model import FactorModel


class Topics(_NamedTable):
    """The heaviest items of each factor, heaviest first.

    Columns: ``topic`` (int32, the column of the factors), ``rank`` (int32, from 1), ``item`` (a word, where the table
    was one of documents), and ``weight`` (float32, the item's share of the factor; those of all items sum to 1).
    """

    __slots__ = ()

    _layouts: ClassVar[frozenset[tuple[str, ...]]] = frozenset({("topic", "rank", "item", "weight")})

    def __str__(self) -> str:
        """A line for each topic."""
        words = self._items()
        return "\n".join(f"{topic}: {', '.join(map(str, items))}" for topic, items in words.items())

    def diversity(self) -> float:
        """The share of different items among all those listed: 1 where no two topics share one."""
        return len(set(self["item"].tolist())) / max(len(self), 1)

    def coherence(self, documents: Interactions) -> npt.NDArray[np.float64]:
        r"""How much the items of each topic occur together: mean normalized pointwise mutual information (NPMI).

        Of a pair of items in the shares p of the documents (users), it is
        :math:`\ln \frac{p_{ij}}{p_i p_j} / -\ln p_{ij}`: 1 if they occur only together, 0 if independently, -1 if never
        together, as for items that the documents do not have.

        Parameters
        ----------
        documents
            Those of training, or better others. An event is an occurrence, whatever its value.

        Returns
        -------
        float64 (topics,), in the order of the topics listed; NaN for a topic of one item.

        Raises
        ------
        InputError
            If these are no Interactions.

        References
        ----------
        G. Bouma, Normalized (pointwise) mutual information in collocation extraction, GSCL 2009. J. H. Lau, D. Newman,
        T. Baldwin, Machine reading tea leaves, EACL 2014.
        """
        if not isinstance(documents, Interactions):
            raise InputError(
                f"coherence takes Interactions; got {type(documents).__name__}: use ts.documents(...)"
            )
        topics = self._items()
        rows = documents.items.find(self["item"])
        known = np.unique(rows[rows >= 0])
        table = documents.by_user
        cells = np.isin(table.indices, known)
        shape = (table.rows, len(known))
        columns = np.searchsorted(known, table.indices[cells])
        occurs = sp.csr_matrix((np.ones(len(columns)), (table.row_of()[cells], columns)), shape=shape)
        together = (occurs.T @ occurs).toarray() / max(table.rows, 1)  # (items, items), few of them
        values, start = np.full(len(topics), np.nan), 0
        for place, items in enumerate(topics.values()):
            own = rows[start : start + len(items)]
            start += len(items)
            if len(items) > 1:
                values[place] = np.mean(
                    [
                        _npmi(together, known, own[i], own[j])
                        for i in range(len(own))
                        for j in range(i + 1, len(own))
                    ]
                )
        return values

    def _items(self) -> dict[int, list[object]]:
        found: dict[int, list[object]] = {}
        for topic, item in zip(self["topic"].tolist(), self["item"].tolist(), strict=True):
            found.setdefault(topic, []).append(item)
        return found


def _npmi(together: npt.NDArray[np.float64], known: npt.NDArray[np.int32], i: int, j: int) -> float:
    if i < 0 or j < 0:
        return -1.0
    at, there = np.searchsorted(known, i), np.searchsorted(known, j)
    both = together[at, there]
    if both in (0.0, 1.0):
        return -1.0 if both == 0 else 1.0
    return float(np.log(both / (together[at, at] * together[there, there])) / -np.log(both))


def check_parts(model: FactorModel) -> None:
    """Raises UnsupportedError unless the model has factors, and none of them is below 0."""
    if model.factors == 0 or (model.item_factors < 0).any() or (model.user_factors < 0).any():
        raise UnsupportedError(
            f"topics are factors of 0 or more, and those of {model.info.trainer} are not; use NMF, or similar_items"
        )


def topics_of(model: FactorModel, n: int) -> Topics:
    """The table behind :meth:`FactorModel.topics`."""
    check_parts(model)
    q = model.item_factors
    n = min(at_least_one("n_words", n), len(q))
    order = np.argsort(-q, axis=0, kind="stable")[:n].T  # (topics, n)
    weights = np.take_along_axis(q.T, order, axis=1)
    total = q.sum(axis=0, dtype=np.float64)[:, None]
    listed = weights > 0
    share = np.divide(weights, total, out=np.zeros(weights.shape), where=total > 0)
    ranks = np.broadcast_to(np.arange(1, n + 1, dtype=np.int32), listed.shape)
    numbers = np.broadcast_to(np.arange(len(order), dtype=np.int32)[:, None], listed.shape)
    return Topics(
        {
            "topic": numbers[listed],
            "rank": ranks[listed],
            "item": model.items.ids[order[listed]],
            "weight": share[listed].astype(np.float32),
        }
    )
