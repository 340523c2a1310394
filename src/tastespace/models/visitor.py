"""A newcomer placed by fold-in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from tastespace.data.csr import Csr
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import BadRowError, EmptyError, InputError
from tastespace.models.adjust import Adjustment, adjustment
from tastespace.models.explanation import Explanation
from tastespace.models.nearest import at_least_one
from tastespace.models.padding import Floats
from tastespace.models.protocol import ID, Id, Rows, Scores
from tastespace.models.reading import Reader
from tastespace.models.reranking import CANDIDATES, Reranking
from tastespace.models.table import Recommendations

if TYPE_CHECKING:
    from tastespace.models.factor_model import FactorModel
    from tastespace.models.listing import Listing
    from tastespace.models.neighbours import NeighbourModel

#: What the kernel takes for users: compressed rows, which of them ask, and their offsets.
Asking = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], Floats | None, Rows, Floats]

#: What stands in the ``user`` column of a visitor's recommendations.
VISITOR = "visitor"


@dataclass(frozen=True, eq=False, repr=False)
class Visitor(ABC):
    """A user who was not in training, placed by a history; made by ``model.fold_in``.

    Attributes
    ----------
    model
        The model that placed the visitor.
    events
        The visitor's history, one row.
    """

    model: Listing
    events: Csr

    @abstractmethod
    def _best(self, n: int, seen: tuple[Csr, Rows] | None, adjust: Adjustment | None) -> tuple[Rows, Scores]:
        """The best n items, (1, n), and their scores."""

    @abstractmethod
    def _scores(self, item_rows: Rows) -> Scores:
        """Raw scores of items."""

    def __repr__(self) -> str:
        return f"Visitor with {self.events.nnz} items, placed by {self.model!r}"

    def recommend(
        self,
        n: int = 10,
        *,
        exclude_seen: bool = True,
        allow: Iterable[Id] | None = None,
        deny: Iterable[Id] | None = None,
        boost: Mapping[Id, float] | None = None,
        popularity_penalty: float = 0.0,
        diversity: float = 0.0,
        candidates: int = CANDIDATES,
    ) -> Recommendations:
        """The n best items, by raw score or re-ranked; parameters as in ``FactorModel.recommend``.

        The column ``user`` holds ``"visitor"``.
        """
        items = self.model.items
        adjust = adjustment(items, allow, deny, boost)
        seen = (self.events, np.zeros(1, np.int32)) if exclude_seen else None
        reranking = Reranking(popularity_penalty, diversity, candidates)
        if reranking.moves:
            n = min(at_least_one("n", n), len(items))
            found, scores = self._best(max(n, reranking.candidates), seen, adjust)
            found, scores = self.model._order(found, scores, n, reranking)
        else:
            found, scores = self._best(n, seen, adjust)
        valid = found[0] >= 0
        return Recommendations(
            {
                "user": np.full(int(valid.sum()), VISITOR, object),
                "item": items.ids[found[0][valid]],
                "rank": np.arange(1, valid.sum() + 1, dtype=np.int32),
                "score": scores[0][valid],
            }
        )

    @overload
    def predict(self, items: Id) -> float: ...  # type: ignore[overload-overlap]  # text is an id
    @overload
    def predict(self, items: Sequence[Id]) -> Scores: ...

    def predict(self, items: Id | Sequence[Id]) -> float | Scores:
        """Scores of an item (a float) or of several (float32); ratings are kept inside the rating scale.

        Raises
        ------
        UnknownItemError
            Naming the items that the model does not know.
        """
        if isinstance(items, ID):
            return float(self.predict([items])[0])
        return self.model._clip(self._scores(self.model.items.rows(items)))

    @abstractmethod
    def explain(self, item: Id) -> Explanation:
        """Which of the visitor's own events drive the score of ``item``; see ``FactorModel.explain``."""


@dataclass(frozen=True, eq=False, repr=False)
class FactorVisitor(Visitor):
    """A visitor placed in the space of a factor model by an exact row solve."""

    model: FactorModel
    _vector: Floats  # (1, padded factors)
    _bias: Floats  # (1,)

    @property
    def factors(self) -> Floats:
        """The visitor's factors, float32 (factors,)."""
        return self._vector[0, : self.model.factors]

    @property
    def bias(self) -> float:
        """The visitor's bias."""
        return float(self._bias[0])

    def _best(self, n: int, seen: tuple[Csr, Rows] | None, adjust: Adjustment | None) -> tuple[Rows, Scores]:
        return self.model._best(self._vector, np.float32(self.model.mean) + self._bias, n, seen, adjust)

    def _scores(self, item_rows: Rows) -> Scores:
        model = self.model
        scores = model._ranker.pairs(self._vector, np.zeros(len(item_rows), np.int32), item_rows, 1)
        return np.asarray(scores + (np.float32(model.mean) + self._bias))

    def explain(self, item: Id) -> Explanation:
        return self.model._explanation(None, item, self.events)


@dataclass(frozen=True, eq=False, repr=False)
class NeighbourVisitor(Visitor):
    """A visitor whose scores are sums over the history, or over similar users."""

    model: NeighbourModel
    _query: Csr

    def _asking(self) -> Asking:
        bias = np.float32(self.model.mean) + self.model.solver.offsets(self.events)
        query = self._query
        return query.indptr, query.indices, query.values, np.zeros(1, np.int32), bias

    def _best(self, n: int, seen: tuple[Csr, Rows] | None, adjust: Adjustment | None) -> tuple[Rows, Scores]:
        return self.model._best(self._asking(), n, seen, adjust)

    def _scores(self, item_rows: Rows) -> Scores:
        scorer = self.model._scorer
        assert scorer is not None  # else there would be no visitor
        return scorer.pairs(self._asking(), np.zeros(len(item_rows), np.int32), item_rows, 1)

    def explain(self, item: Id) -> Explanation:
        return self.model._explanation(None, item, self.events)


def history_of(
    items: Vocabulary,
    history: Mapping[Id, float] | Iterable[Id],
    solver: Reader,
    scale: tuple[float, float] | None,
    skip_unknown: bool = False,
) -> Csr:
    """One user's history as a table of one row.

    Raises
    ------
    EmptyError
        If there is no item.
    InputError
        If ratings are missing.
    BadRowError
        If a value is no number, outside the rating scale, or not positive where it is a weight.
    UnknownItemError
        Naming the items that the model does not know.
    """
    if isinstance(history, ID):
        raise InputError(f"fold_in takes {{item: value}}; got the single id {history!r}")
    if not isinstance(history, Mapping) and hasattr(history, "items"):  # a pandas Series
        history = dict(history.items())
    if not isinstance(history, Mapping):
        if solver.ratings:
            raise InputError("fold_in of a rating model takes {item: rating}; got items without ratings")
        history = dict.fromkeys(history, 1.0)
    if not history:
        raise EmptyError("fold_in needs at least one item; for nobody in particular, use Popularity")
    rows = items.find(list(history)) if skip_unknown else items.rows(list(history))
    low, high = scale if solver.ratings and scale is not None else (-np.inf, np.inf)
    # Ratings are held in single precision, in which the highest may be a little below what people write.
    least = float(np.nextafter(np.float32(low), np.float32(-np.inf)))
    most = float(np.nextafter(np.float32(high), np.float32(np.inf)))
    for item, value in history.items():
        number = (
            isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and np.isfinite(value)
        )
        if not number or not least <= value <= most or (solver.weighs and not value > 0):
            need = (
                "above 0"
                if solver.weighs
                else f"a number in {low:g}..{high:g}"
                if np.isfinite(low)
                else "a finite number"
            )
            raise BadRowError(f"the value of item {item!r} in fold_in must be {need}; got {value!r}")
    order = np.argsort(rows)
    order = order[rows[order] >= 0]
    if len(order) == 0:
        raise EmptyError(
            f"fold_in knows none of the {len(history)} items of this history; for nobody, use Popularity"
        )
    values = np.fromiter(history.values(), np.float32, len(history))
    return Csr(
        indptr=np.array([0, len(order)], np.int64),
        indices=rows[order],
        columns=len(items),
        values=values[order],
        times=None,
        weights=None,
    )
