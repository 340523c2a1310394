"""The frozen result of trainers that weigh neighbours: scores are sums over a history, or over similar users."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.data.threads import resolve_threads
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import InputError, UnsupportedError
from tastespace.models.adjust import Adjustment
from tastespace.models.answering import Answering
from tastespace.models.fold_in import Histories
from tastespace.models.info import ModelInfo, summarize
from tastespace.models.listing import SEEN
from tastespace.models.nearest import at_least_one, listed
from tastespace.models.packing import Arrays, pack_table, packed
from tastespace.models.padding import Floats, frozen
from tastespace.models.profiles import Profile
from tastespace.models.protocol import ID, Id, Rows, Scores
from tastespace.models.reading import Doubles
from tastespace.models.table import Neighbours
from tastespace.models.visitor import Asking, NeighbourVisitor, Visitor

#: What the file of such a model says that it holds.
KIND = "neighbours"

#: What is impossible without histories.
SCORE = "score its users, whose scores are sums over what was seen"


@dataclass(frozen=True, eq=False, repr=False)
class NeighbourModel(Answering):
    r"""A fitted, frozen model whose scores are weighted sums.

    With weights W between items and x what the profile makes of a history,
    :math:`s_{ui} = \mu + b_u + b_i + \sum_j x_{uj} W_{ji}`; with weights between users,
    :math:`s_{ui} = \mu + b_u + b_i + \sum_v W_{uv} x_{vi}`. Where the profile takes means, the sum is divided by the
    sum of the absolute weights in it. Trainers make it; :func:`tastespace.load` reads it from a file.

    Attributes
    ----------
    users, items
        Vocabularies: ids to rows and back.
    weights
        Between items or between users: a sparse table of few neighbours each, or a dense float32 matrix between all
        items; nothing on the diagonal.
    item_bias
        float32 (items,); zeros where the trainer has none.
    user_bias
        float32 (users,), from the history.
    mean
        The score before biases and sums.
    history
        What each user has seen, (users, items); None when the model was saved without. Scores of its users need it;
        with weights between items, newcomers are placed without it.
    explicit
        Whether the values of the history are ratings.
    scale
        Lowest and highest rating, where scores are ratings; ``predict`` stays inside.
    solver
        The profile: how histories enter the sums.
    info
        Trainer, parameters, data summary, metrics, version.
    popularity
        :math:`\log(1 + n_i)` of each item, float32 (items,), where the history is not that of training: after
        :meth:`fold_in_many`. None: counted from the history.
    """

    users: Vocabulary
    items: Vocabulary
    weights: Csr | Floats
    item_bias: Floats
    mean: float
    history: Csr | None
    explicit: bool
    scale: tuple[float, float] | None
    solver: Profile
    info: ModelInfo
    popularity: Floats | None = None
    user_bias: Floats = field(init=False)
    _query: Csr | None = field(init=False)
    _scorer: _native.Scorer | None = field(init=False)

    def __post_init__(self) -> None:
        """Checks the shapes and makes every array read-only.

        Raises
        ------
        InputError
            If arrays do not fit the vocabularies, or hold NaN or infinity.
        """
        put = object.__setattr__
        n = len(self.items if self.between_items else self.users)
        shape = (
            (self.weights.rows, self.weights.columns) if isinstance(self.weights, Csr) else self.weights.shape
        )
        values = self.weights.values if isinstance(self.weights, Csr) else self.weights
        if shape != (n, n) or (values is not None and values.dtype != np.float32):
            raise InputError(f"weights must be float32 {(n, n)}; got {shape}")
        if values is not None and not _finite(values):
            raise InputError("weights must be finite; these hold NaN or infinity")
        if not isinstance(self.weights, Csr):
            put(self, "weights", frozen(self.weights))
        if self.item_bias.shape != (len(self.items),) or not np.isfinite(self.item_bias).all():
            raise InputError(f"item_bias must be finite, one for each item; got {self.item_bias.shape}")
        put(self, "item_bias", frozen(self.item_bias))
        history = self.history
        if history is not None and (history.rows, history.columns) != (len(self.users), len(self.items)):
            raise InputError(f"history must be (users, items); got {history!r}")
        put(self, "popularity", self._checked_popularity())
        bias = np.zeros(len(self.users), np.float32) if history is None else self.solver.offsets(history)
        put(self, "user_bias", frozen(bias))
        known = None if history is None else self._valued(history)
        if self.between_items:
            put(self, "_query", known)
            put(self, "_scorer", self._scorer_of(self.weights))
        else:
            put(self, "_query", self.weights)
            put(self, "_scorer", None if known is None else self._scorer_of(known))

    @property
    def between_items(self) -> bool:
        """Whether the weights lie between items; else between users."""
        return self.solver.between == "items"

    def __repr__(self) -> str:
        users, items = f"{len(self.users):,} users", f"{len(self.items):,} items"
        cells = self.weights.nnz if isinstance(self.weights, Csr) else self.weights.size
        return f"{self.info.trainer} model: {users}, {items}, {cells:,} weights between {self.solver.between}"

    # Scores

    def _valued(self, events: Csr) -> Csr:
        """What the profile makes of histories."""
        return Csr(events.indptr, events.indices, events.columns, self.solver.values(events))

    def _scorer_of(self, rows: Csr | Floats) -> _native.Scorer:
        share = "none"
        if self.solver.mean:
            share = "matrix" if self.between_items else "query"
        sparse = (rows.indptr, rows.indices, rows.values) if isinstance(rows, Csr) else None
        dense = None if isinstance(rows, Csr) else rows
        return _native.Scorer(dense, sparse, self.item_bias, share, self.solver.damping)

    def _asking(self, user_rows: Rows) -> Asking:
        query = self._query
        if query is None or self._scorer is None:
            self._history(SCORE)  # raises
            raise AssertionError
        offset = np.float32(self.mean) + self.user_bias.take(user_rows)
        return query.indptr, query.indices, query.values, user_rows, offset

    def _best(
        self,
        asking: Asking,
        n: int,
        seen: tuple[Csr, Rows] | None,
        adjust: Adjustment | None,
        threads: int | None = None,
    ) -> tuple[Rows, Scores]:
        assert self._scorer is not None  # who asks has looked
        n = min(at_least_one("n", n), len(self.items))
        exclude = None if seen is None else (seen[0].indptr, seen[0].indices, seen[1])
        threads = 1 if len(asking[3]) == 1 else resolve_threads(threads)
        if adjust is None:
            return self._scorer.best(asking, n, threads, exclude)
        bias = adjust.bias(self.item_bias)
        return self._scorer.best(asking, n, threads, exclude, bias, adjust.positive, adjust.negative)

    def _rank(
        self,
        user_rows: Rows,
        n: int,
        exclude_seen: bool,
        adjust: Adjustment | None,
        threads: int | None = None,
    ) -> tuple[Rows, Scores]:
        seen = (self._history(SEEN), user_rows) if exclude_seen else None
        return self._best(self._asking(user_rows), n, seen, adjust, threads)

    def _scores(self, user_rows: Rows, threads: int) -> Scores:
        asking = self._asking(user_rows)
        assert self._scorer is not None  # who asks has looked
        return self._scorer.scores(asking, threads)

    def score_pairs(self, user_rows: Rows, item_rows: Rows, *, threads: int | None = None) -> Scores:
        """Raw scores of pairs of rows, float32 (pairs,); the same bits as :meth:`rank` gives.

        Quickest where pairs of one user follow each other.
        """
        self._check_rows("user", user_rows, len(self.users))
        self._check_rows("item", item_rows, len(self.items))
        asked, slots = np.unique(user_rows, return_inverse=True)
        asking = self._asking(asked.astype(np.int32))
        assert self._scorer is not None  # else nobody could ask
        return self._scorer.pairs(asking, slots.astype(np.int32), item_rows, resolve_threads(threads))

    # Neighbours

    def similar_items(self, items: Id | Iterable[Id], n: int = 10) -> Neighbours:
        """The n items with the greatest weights in the score of each of the given items.

        Parameters
        ----------
        items
            An id, or several.
        n
            Neighbours of each; fewer where fewer are kept.

        Returns
        -------
        Neighbours
            Columns item, neighbour, rank (from 1), score: the weight.

        Raises
        ------
        UnknownItemError
            Naming the items that the model does not know.
        UnsupportedError
            If the weights lie between users.
        """
        rows = (
            np.array([self.items.row(items)], np.int32) if isinstance(items, ID) else self.items.rows(items)
        )
        if not self.between_items:
            raise UnsupportedError(
                f"{self.info.trainer} weighs users, and no items are similar; similar_users works"
            )
        found, scores = self._nearest(rows, n)
        return Neighbours(listed("item", self.items, rows, "neighbour", self.items, found, scores))

    def similar_users(self, users: Id | Iterable[Id], n: int = 10) -> Neighbours:
        """The n users with the greatest weights for each of the given users; see :meth:`similar_items`."""
        rows = self._user_rows(users)
        if self.between_items:
            raise UnsupportedError(
                f"{self.info.trainer} weighs items, and no users are similar; similar_items works"
            )
        found, scores = self._nearest(rows, n)
        return Neighbours(listed("user", self.users, rows, "neighbour", self.users, found, scores))

    @cached_property
    def _terms(self) -> Csr | Floats:
        """What enters the sum of each item, or of each user, by row; for items turned over when first asked for.

        What enters the sum of an item stands in its column of the weights, what enters that of a user in its row.
        """
        return self.weights.transpose() if self.between_items else self.weights

    def _nearest(self, rows: Rows, n: int) -> tuple[Rows, Scores]:
        """The greatest weights of each row, without the row itself, padded with -1 and -inf."""
        of = self._terms
        width = of.columns if isinstance(of, Csr) else of.shape[1]
        n = min(at_least_one("n", n), width)
        found, scores = np.full((len(rows), n), -1, np.int32), np.full((len(rows), n), -np.inf, np.float32)
        for slot, row in enumerate(rows):
            if isinstance(of, Csr):
                columns, weights = of.row(row)
            else:
                columns, weights = np.arange(width, dtype=np.int32), of[row]
            best = np.argsort(-weights, kind="stable")
            best = best[columns[best] != row][:n]
            found[slot, : len(best)], scores[slot, : len(best)] = columns[best], weights[best]
        return found, scores

    # Histories

    def _contributions(self, events: Csr, item: int) -> Doubles:
        if not self.between_items:
            raise UnsupportedError(
                f"{self.info.trainer} sums over similar users, not over the user's own history; similar_users names "
                "them"
            )
        weights = np.zeros(events.nnz)
        if isinstance(self.weights, Csr):
            rows = self.weights.take_rows(events.indices)
            here = rows.indices == item
            weights[rows.row_of()[here]] = rows.filled_values()[here]
        else:
            weights[:] = self.weights[events.indices, item]
        values = self.solver.values(events)
        parts = weights if values is None else weights * values
        if self.solver.mean:
            total = np.abs(weights).sum() + self.solver.damping
            parts = parts / total if total > 0 else np.zeros(events.nnz)
        return np.asarray(parts + self.solver.offset_parts(events))

    def _visitor(self, events: Csr) -> Visitor:
        return NeighbourVisitor(self, events, self._placed(events, 1))

    def _placed(self, events: Csr, threads: int) -> Csr:
        """What newcomers with these events ask with."""
        if self.between_items:
            return self._valued(events)
        return self.solver.neighbours(events, self._history(SCORE), threads)

    def _of_newcomers(
        self, found: Histories, events: Interactions, info: ModelInfo, threads: int
    ) -> NeighbourModel:
        if not self.between_items:
            raise UnsupportedError(
                f"{self.info.trainer} compares newcomers with its own users, so they cannot stand alone in a model "
                "(fold_in_many); place them one by one by fold_in, or fit it again with their events"
            )
        return replace(
            self,
            users=events.users,
            history=found.table,
            explicit=events.explicit,
            info=info,
            popularity=self._trained_popularity(),
        )

    def _updated(self, merged: Interactions, new: Interactions) -> NeighbourModel:
        if not self.between_items:
            raise UnsupportedError(
                f"{self.info.trainer} cannot update its weights between users, which new events change; fit it again "
                "with all events (fold_in places a newcomer without)"
            )
        strange = self.items.find(new.items) < 0
        if strange.any():
            raise UnsupportedError(
                f"{self.info.trainer} cannot update its weights between items, and has none for the item "
                f"{new.items.ids[strange][:1].tolist()[0]!r}; fit it again with all events, or leave out those on new "
                "items"
            )
        return replace(
            self,
            users=merged.users,
            history=merged.by_user,
            scale=None if self.scale is None else merged.scale,
            info=replace(self.info, data=summarize(merged)),
        )

    def _packed(self, history: bool) -> tuple[Arrays, dict[str, Any]]:
        weights = self.weights
        arrays = pack_table("weights", weights) if isinstance(weights, Csr) else {"weights": weights}
        return packed(self, KIND, arrays, history=history)


def _finite(values: Floats) -> bool:
    """Whether all are finite; some at a time, because weights may take most of the memory."""
    step = max(1, 2**22 // max(1, values.shape[-1] if values.ndim == 2 else 1))
    return all(np.isfinite(values[at : at + step]).all() for at in range(0, len(values), step))
