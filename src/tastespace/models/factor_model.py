"""The frozen result of every bilinear trainer: ``score(u, i) = mean + b_u + b_i + p_u . q_i``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass, field, fields, replace
from os import PathLike
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

import tastespace._native as _native
from tastespace.data.csr import Csr, Duplicates
from tastespace.data.interactions import Interactions
from tastespace.data.threads import resolve_threads
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import (
    HistoryError,
    InputError,
    ParameterError,
    UnknownItemError,
    UnknownUserError,
    UnsupportedError,
)
from tastespace.models.adjust import Adjustment, adjustment
from tastespace.models.explanation import Explanation
from tastespace.models.fold_in import Histories
from tastespace.models.info import ModelInfo, summarize
from tastespace.models.nearest import Metric, Neighbourhood, at_least_one, listed
from tastespace.models.packing import pack
from tastespace.models.padding import Floats, frozen, pad
from tastespace.models.protocol import ID, Id, Rows, Scores
from tastespace.models.solvers import RowSolver, Side
from tastespace.models.table import Neighbours, Recommendations, Table
from tastespace.models.visitor import Visitor, history_of
from tastespace.store.file import write

Offsets = npt.NDArray[np.int64]

#: What a list without seen items does with the history.
SEEN = "leave out what they have seen"


@dataclass(frozen=True, eq=False, repr=False)
class FactorModel:
    """A fitted, frozen factor model that remembers its ids and what each user has seen.

    Trainers make it; :func:`tastespace.load` reads it from a file. Factors may have zero columns (popularity,
    baseline). All arrays are read-only float32.

    Attributes
    ----------
    users, items
        Vocabularies: ids to rows and back.
    user_factors, item_factors
        (users, factors) and (items, factors).
    user_bias, item_bias
        (users,) and (items,); zeros where the trainer has none.
    mean
        The score before biases and factors.
    history
        What each user has seen, (users, items); None when the model was saved without.
    explicit
        Whether the values of the history are ratings.
    scale
        Lowest and highest rating, where scores are ratings; ``predict`` stays inside.
    solver
        How rows are solved again, for ``fold_in``, ``update`` and ``explain``; None where they cannot be.
    info
        Trainer, parameters, data summary, metrics, version.
    """

    users: Vocabulary
    items: Vocabulary
    user_factors: Floats
    item_factors: Floats
    user_bias: Floats
    item_bias: Floats
    mean: float
    history: Csr | None
    explicit: bool
    scale: tuple[float, float] | None
    solver: RowSolver | None
    info: ModelInfo
    threads: InitVar[int | None] = None
    _p: Floats = field(init=False)
    _side: Side = field(init=False)
    _ranker: _native.Ranker = field(init=False)
    _offset: Floats = field(init=False)
    _item_space: Neighbourhood = field(init=False)
    _user_space: Neighbourhood = field(init=False)

    def __post_init__(self, threads: int | None) -> None:
        """Checks the shapes, makes every array read-only and packs the item side for scoring.

        ``threads`` bounds the threads that this takes; None: all cores.

        Raises
        ------
        InputError
            If arrays do not fit the vocabularies, or hold NaN or infinity.
        """
        put = object.__setattr__
        k = self.user_factors.shape[-1] if self.user_factors.ndim else 0
        shapes = {
            "user_factors": (len(self.users), k),
            "item_factors": (len(self.items), k),
            "user_bias": (len(self.users),),
            "item_bias": (len(self.items),),
        }
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.shape != shape or array.dtype != np.float32:
                raise InputError(f"{name} must be float32 {shape}; got {array.dtype} {array.shape}")
            if not np.isfinite(array).all():
                raise InputError(
                    f"a factor model needs finite factors and biases; {name} holds NaN or infinity"
                )
        if self.history is not None and (self.history.rows, self.history.columns) != (
            len(self.users),
            len(self.items),
        ):
            raise InputError(f"history must be (users, items); got {self.history!r}")
        p, q = pad(self.user_factors), pad(self.item_factors)
        put(self, "user_factors", p[:, :k])
        put(self, "item_factors", q[:, :k])
        put(self, "user_bias", frozen(self.user_bias))
        put(self, "item_bias", frozen(self.item_bias))
        put(self, "_p", p)
        side = Side(q, self.item_bias)
        if self.solver is not None:
            side = self.solver.side(q, self.item_bias, resolve_threads(threads))
        put(self, "_side", side)
        put(self, "_ranker", _native.Ranker(q, k, self.item_bias))
        put(self, "_item_space", Neighbourhood(q, k))
        put(self, "_user_space", Neighbourhood(p, k))
        put(self, "_offset", np.float32(self.mean) + self.user_bias)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles go through the constructor, which packs the item side again."""
        return FactorModel, tuple(getattr(self, f.name) for f in fields(self) if f.init)

    @property
    def factors(self) -> int:
        """Number of factors."""
        return int(self.user_factors.shape[1])

    def __repr__(self) -> str:
        users, items = f"{len(self.users):,} users", f"{len(self.items):,} items"
        return f"{self.info.trainer} model: {users}, {items}, {self.factors} factors"

    # Scores

    def rank(
        self,
        user_rows: Rows,
        n: int,
        *,
        exclude_seen: bool = True,
        threads: int | None = None,
        adjust: Adjustment | None = None,
    ) -> tuple[Rows, Scores]:
        """The best n items of each user row.

        Parameters
        ----------
        user_rows
            int32 (users,).
        n
            Items for each user.
        exclude_seen
            Leave out what the user has seen.
        threads
            At most this many; None: all cores. One user takes one.
        adjust
            Item filters and boosts, from :func:`tastespace.models.adjust.adjustment`.

        Returns
        -------
        int32 (users, n), float32 (users, n)
            Item rows, best first (equal scores by item row), padded with -1; raw scores padded with -inf.

        Raises
        ------
        HistoryError
            If seen items are to be left out and the model holds no history.
        """
        self._check_rows("user", user_rows, len(self.users))
        return self._rank(user_rows, n, exclude_seen, adjust, threads)

    def _rank(
        self,
        user_rows: Rows,
        n: int,
        exclude_seen: bool,
        adjust: Adjustment | None,
        threads: int | None = None,
    ) -> tuple[Rows, Scores]:
        """:meth:`rank` of rows that are known to be users."""
        seen = (self._history(SEEN), user_rows) if exclude_seen else None
        vectors, offset = self._p.take(user_rows, axis=0), self._offset.take(user_rows)
        return self._best(vectors, offset, n, seen, adjust, threads)

    def _best(
        self,
        vectors: Floats,
        offset: Floats,
        n: int,
        seen: tuple[Csr, Rows] | None,
        adjust: Adjustment | None,
        threads: int | None = None,
    ) -> tuple[Rows, Scores]:
        n = min(at_least_one("n", n), len(self.items))
        exclude = None if seen is None else (seen[0].indptr, seen[0].indices, seen[1])
        threads = 1 if len(vectors) == 1 else resolve_threads(threads)
        if adjust is None:
            return self._ranker.best(vectors, offset, n, threads, exclude)
        bias = adjust.bias(self.item_bias)
        return self._ranker.best(vectors, offset, n, threads, exclude, bias, adjust.positive, adjust.negative)

    def concordant_pairs(
        self,
        user_rows: Rows,
        indptr: Offsets,
        item_rows: Rows,
        *,
        exclude_seen: bool = True,
        threads: int | None = None,
    ) -> tuple[Offsets, Offsets, Offsets]:
        """Pairs of some items of each user with all others in the whole ranking, without making it.

        Parameters
        ----------
        user_rows
            int32 (users,).
        indptr, item_rows
            int64 (users + 1,) and int32: the items of user b are ``item_rows[indptr[b]:indptr[b + 1]]``, ascending.
        exclude_seen
            Leave out what the user has seen, on both sides.
        threads
            At most this many; None: all cores.

        Returns
        -------
        concordant
            Twice the pairs in which the item scores higher than one of the others, and once those of equal scores;
            the scores are those of :meth:`rank`. int64 (users,).
        others
            How many others are ranked, int64 (users,).
        ranked
            How many of the items are, int64 (users,); -1 where a score of the user is not finite.
        """
        self._check_rows("user", user_rows, len(self.users))
        seen = self._history(SEEN) if exclude_seen else None
        exclude = None if seen is None else (seen.indptr, seen.indices, user_rows)
        vectors, offset = self._p.take(user_rows, axis=0), self._offset.take(user_rows)
        concordant, others, ranked = self._ranker.concordance(
            vectors, offset, indptr, item_rows, resolve_threads(threads), exclude
        )
        return concordant, others, ranked

    def score_pairs(self, user_rows: Rows, item_rows: Rows, *, threads: int | None = None) -> Scores:
        """Raw scores of pairs of rows, float32 (pairs,); the same bits as :meth:`rank` gives."""
        self._check_rows("user", user_rows, len(self.users))
        self._check_rows("item", item_rows, len(self.items))
        scores = self._ranker.pairs(self._p, user_rows, item_rows, resolve_threads(threads))
        return scores + self._offset[user_rows]

    @overload
    def predict(self, users: Id, items: Id) -> float: ...  # type: ignore[overload-overlap]  # text is an id
    @overload
    def predict(self, users: Sequence[Id], items: Sequence[Id]) -> Scores: ...

    def predict(self, users: Id | Sequence[Id], items: Id | Sequence[Id]) -> float | Scores:
        """Scores of pairs of ids; ratings are kept inside the rating scale.

        Parameters
        ----------
        users, items
            Two ids, or two sequences of ids of equal length.

        Returns
        -------
        float, or float32 (pairs,)

        Raises
        ------
        UnknownUserError, UnknownItemError
            Naming the ids that the model does not know.
        InputError
            If the sequences differ in length.
        """
        if isinstance(users, ID) and isinstance(items, ID):
            user, item = self.users.row(users), self.items.row(items)
            pair = self.score_pairs(np.array([user], np.int32), np.array([item], np.int32))
            return float(self._clip(pair)[0])
        if isinstance(users, ID) or isinstance(items, ID):
            raise InputError("predict takes two ids or two sequences of equal length; got one of each")
        user_rows, item_rows = self.users.rows(users), self.items.rows(items)
        if len(user_rows) != len(item_rows):
            raise InputError(
                f"predict needs as many users as items; got {len(user_rows)} and {len(item_rows)}"
            )
        return self._clip(self.score_pairs(user_rows, item_rows))

    @staticmethod
    def _check_rows(noun: str, rows: Rows, end: int) -> None:
        if len(rows) and (rows.min() < 0 or rows.max() >= end):
            raise InputError(f"{noun} rows must be in 0..{end - 1}; got {rows.min()}..{rows.max()}")

    def _clip(self, scores: Scores) -> Scores:
        return (
            scores
            if self.scale is None
            else np.clip(scores, np.float32(self.scale[0]), np.float32(self.scale[1]))
        )

    # Lists

    def recommend(
        self,
        users: Id | Iterable[Id],
        n: int = 10,
        *,
        exclude_seen: bool = True,
        allow: Iterable[Id] | None = None,
        deny: Iterable[Id] | None = None,
        boost: Mapping[Id, float] | None = None,
    ) -> Recommendations:
        """The n best items of one or several users, by raw score.

        There are always n rows a user, or all valid items there are.

        Parameters
        ----------
        users
            An id, or several.
        n
            Items for each user, at least 1.
        exclude_seen
            Leave out what the user has seen.
        allow
            Only these items; ids that the model does not know are never recommended anyway.
        deny
            Never these items.
        boost
            Factors > 0 by item: a positive score is multiplied, a negative one divided.

        Returns
        -------
        Recommendations
            Columns user, item, rank (from 1), score.

        Raises
        ------
        UnknownUserError
            Naming the users; :meth:`fold_in` places them from their history.
        HistoryError
            If seen items are to be left out and the model holds no history.
        """
        rows = self._user_rows(users)
        adjust = adjustment(self.items, allow, deny, boost)
        found, scores = self._rank(rows, n, exclude_seen, adjust)
        return self._listed(rows, found, scores)

    def recommend_all(
        self,
        n: int = 10,
        *,
        batch: int = 4096,
        exclude_seen: bool = True,
        allow: Iterable[Id] | None = None,
        deny: Iterable[Id] | None = None,
        boost: Mapping[Id, float] | None = None,
    ) -> Iterator[Recommendations]:
        """Recommendations for every user in row order, ``batch`` users at a time, in bounded memory.

        Parameters are those of :meth:`recommend`.
        """
        n, batch = at_least_one("n", n), at_least_one("batch", batch)
        adjust = adjustment(self.items, allow, deny, boost)
        if exclude_seen:
            self._history(SEEN)

        def answers() -> Iterator[Recommendations]:
            for start in range(0, len(self.users), batch):
                rows = np.arange(start, min(start + batch, len(self.users)), dtype=np.int32)
                found, scores = self._rank(rows, n, exclude_seen, adjust)
                yield self._listed(rows, found, scores)

        return answers()

    def _user_rows(self, users: Id | Iterable[Id]) -> Rows:
        try:
            if isinstance(users, ID):
                return np.array([self.users.row(users)], np.int32)
            return self.users.rows(users)
        except UnknownUserError as error:
            raise UnknownUserError(
                f"{error}; for a newcomer use model.fold_in({{item: value, ...}}).recommend()"
            ) from None

    def _listed(self, user_rows: Rows, found: Rows, scores: Scores) -> Recommendations:
        return Recommendations(listed("user", self.users, user_rows, "item", self.items, found, scores))

    # Neighbours

    def similar_items(
        self, items: Id | Iterable[Id], n: int = 10, *, metric: Metric = "cosine"
    ) -> Neighbours:
        """The n items whose factors are closest to each of the given items.

        The first call for a metric packs the items for it, in 5/4 of the memory of their factors.

        Parameters
        ----------
        items
            An id, or several.
        n
            Neighbours of each, without the item itself.
        metric
            ``"cosine"`` of the factors, or their ``"dot"`` product.

        Returns
        -------
        Neighbours
            Columns item, neighbour, rank (from 1), score.

        Raises
        ------
        UnknownItemError
            Naming the items that the model does not know.
        UnsupportedError
            If the model has no factors.
        """
        rows = (
            np.array([self.items.row(items)], np.int32) if isinstance(items, ID) else self.items.rows(items)
        )
        self._need_factors()
        found, scores = self._item_space.nearest(rows, n, metric)
        return Neighbours(listed("item", self.items, rows, "neighbour", self.items, found, scores))

    def similar_users(
        self, users: Id | Iterable[Id], n: int = 10, *, metric: Metric = "cosine"
    ) -> Neighbours:
        """The n users whose factors are closest to each of the given users; see :meth:`similar_items`.

        The first call packs all users, which takes longer and 5/4 of the memory of their factors.
        """
        rows = self._user_rows(users)
        self._need_factors()
        found, scores = self._user_space.nearest(rows, n, metric)
        return Neighbours(listed("user", self.users, rows, "neighbour", self.users, found, scores))

    def _need_factors(self) -> None:
        if self.factors == 0:
            raise UnsupportedError(
                f"{self.info.trainer} learns no factors, so nothing is similar; use ALS or ImplicitALS"
            )

    # Rows solved again

    def explain(self, user: Id, item: Id) -> Explanation:
        """Which of the user's own events drive a score: mean, item bias and parts sum to it exactly.

        Raises
        ------
        UnsupportedError
            If the model is not row-solved; it names :meth:`similar_items` instead.
        UnknownUserError, UnknownItemError, HistoryError
            If there is nothing to explain from.
        """
        solver = self._solver("explain")
        row = self._user_rows(user)
        return self._explanation(solver, user, item, self._history("explain").take_rows(row))

    def _explanation(self, solver: RowSolver, user: Id | None, item: Id, events: Csr) -> Explanation:
        row = self.items.row(item)
        parts = solver.contributions(events, self._side, row)
        order = np.argsort(-np.abs(parts), kind="stable")
        values = np.ones(events.nnz, np.float32) if events.values is None else events.values
        table = Table(
            {
                "item": self.items.ids[events.indices[order]],
                "value": values[order],
                "contribution": parts[order],
            }
        )
        bias = float(self.item_bias[row])
        return Explanation(user, item, self.mean + bias + float(parts.sum()), self.mean, bias, table)

    def fold_in(
        self, history: Mapping[Id, float] | Iterable[Id], *, on_unknown: Literal["raise", "skip"] = "raise"
    ) -> Visitor:
        """Places a newcomer by an exact row solve against the fixed items.

        Parameters
        ----------
        history
            ``{item: value}``: ratings, or counts for an implicit model. An implicit model also takes items
            alone, each once.
        on_unknown
            What to do with items that the model does not know.

        Returns
        -------
        Visitor
            With ``recommend``, ``predict`` and ``explain``.

        Raises
        ------
        UnknownItemError
            Naming the items that the model does not know.
        EmptyError, InputError
            If the history is empty or holds unusable values.
        UnsupportedError
            If the model has no row solver.
        """
        solver = self._solver("fold_in")
        if on_unknown not in ("raise", "skip"):
            raise ParameterError(f'on_unknown must be "raise" or "skip"; got {on_unknown!r}')
        try:
            events = history_of(self.items, history, solver, self.scale, on_unknown == "skip")
        except UnknownItemError as error:
            raise UnknownItemError(f'{error}; pass on_unknown="skip" to leave such items out') from None
        vectors, bias = solver.users(events, self._side, 1)
        return Visitor(self, events, vectors, bias)

    def fold_in_many(self, events: Interactions, *, threads: int | None = None) -> FactorModel:
        """A model of the users of ``events`` alone, each placed as by :meth:`fold_in`; the items stay as they are.

        The result ranks, predicts and explains for these users, and ``events`` are their history. Items that this
        model does not know are left out, and ``info.data["folded_in"]`` counts the events on them. A user of whom no
        item is known stands at the origin, with bias 0 and without a history.

        Parameters
        ----------
        events
            Of users whom this model need not know; of those whom it knows, nothing but these events counts.
        threads
            At most this many; None: all cores. The result does not depend on it.

        Raises
        ------
        EmptyError
            If no item is known.
        InputError, BadRowError
            If values cannot be used.
        UnsupportedError
            If the model has no row solver.
        """
        solver = self._solver("fold_in")
        found = Histories.of(events, self.items, solver, self.scale)
        vectors, bias = found.solve(solver, self._side, resolve_threads(threads))
        counts = {
            "users": events.n_users,
            "events": found.table.nnz,
            "events_on_unknown_items": found.skipped,
        }
        return replace(
            self,
            users=events.users,
            user_factors=vectors[:, : self.factors],
            user_bias=bias,
            history=found.table,
            explicit=events.explicit,
            info=replace(self.info, data=self.info.data | {"folded_in": counts}),
            threads=threads,
        )

    def update(self, new: Interactions | None, *, duplicates: Duplicates | None = None) -> FactorModel:
        """A model that also knows ``new``: its users, items and events, without a full refit.

        The items named in ``new`` are solved against the present users, then every user against the items; this
        model is unchanged. Without new events the result is this model. ``duplicates`` says what becomes of an event
        that the model knows, as in :func:`tastespace.read`: by default the last rating counts, and weights are summed.

        Raises
        ------
        HistoryError
            If the model holds no history.
        UnsupportedError
            If the model has no row solver.
        """
        solver = self._solver("update")
        if new is None:
            self._history("update")
            return self
        if not isinstance(new, Interactions):
            raise InputError(f"update takes Interactions, as ts.read makes them; got {type(new).__name__}")
        old = self.interactions()
        merged = old.merge(new, duplicates=duplicates)
        if merged.by_user.same(old.by_user) and len(merged.users) == len(old.users):
            return self
        solver.check(merged)
        threads = resolve_threads(None)
        solver = solver.relearned(merged)
        p, q = solver.update(
            merged,
            merged.users.rows(new.users.ids),
            merged.items.rows(new.items.ids),
            Side(_grow(self._p, merged.n_users), _grow(self.user_bias, merged.n_users)),
            Side(_grow(self._side.factors, merged.n_items), _grow(self.item_bias, merged.n_items)),
            threads,
        )
        return replace(
            self,
            users=merged.users,
            items=merged.items,
            user_factors=p.factors[:, : self.factors],
            item_factors=q.factors[:, : self.factors],
            user_bias=p.bias,
            item_bias=q.bias,
            history=merged.by_user,
            scale=None if self.scale is None else merged.scale,
            solver=solver,
            info=replace(self.info, data=summarize(merged)),
        )

    def interactions(self) -> Interactions:
        """The training events, from the history.

        Raises
        ------
        HistoryError
            If the model holds no history.
        """
        history = self._history("give the events again")
        return Interactions.from_events(
            self.users,
            self.items,
            np.repeat(np.arange(history.rows, dtype=np.int32), np.diff(history.indptr)),
            history.indices,
            values=history.values,
            times=history.times,
            weights=history.weights,
            explicit=self.explicit,
            scale=self.scale,
        )

    def _solver(self, what: str) -> RowSolver:
        if self.solver is None:
            raise UnsupportedError(
                f"{self.info.trainer} cannot {what}: its rows are not solved from the history; similar_items works"
            )
        return self.solver

    def _history(self, what: str) -> Csr:
        if self.history is None:
            remedy = "pass exclude_seen=False, or " if what == SEEN else ""
            raise HistoryError(
                f"this model was saved without its users' histories and cannot {what}; "
                f"{remedy}save it with history=True"
            )
        return self.history

    def save(self, path: str | PathLike[str], *, history: bool = True) -> None:
        """Writes the model to one file, checked by a hash; ``history=False`` leaves out what users have seen."""
        write(path, *pack(self, history=history))


def _grow(array: Floats, rows: int) -> Floats:
    grown = np.zeros((rows, *array.shape[1:]), np.float32)
    grown[: len(array)] = array
    return grown
