"""The frozen result of every bilinear trainer: ``score(u, i) = mean + b_u + b_i + p_u . q_i``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import InitVar, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.data.threads import resolve_threads
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import InputError, UnsupportedError
from tastespace.models.adjust import Adjustment
from tastespace.models.analogy import Method, analogy
from tastespace.models.answering import Answering
from tastespace.models.fold_in import Histories
from tastespace.models.info import ModelInfo, summarize
from tastespace.models.listing import SEEN
from tastespace.models.nearest import Metric, Neighbourhood, at_least_one, listed
from tastespace.models.packing import Arrays, packed
from tastespace.models.padding import Floats, frozen, pad
from tastespace.models.protocol import ID, Id, Rows, Scores
from tastespace.models.reading import Doubles
from tastespace.models.solvers import RowSolver, Side
from tastespace.models.table import Neighbours
from tastespace.models.topic_users import TopicUsers, topic_shares_of, topic_users_of
from tastespace.models.topics import Topics, topics_of
from tastespace.models.visitor import FactorVisitor, Visitor

#: What the file of such a model says that it holds.
KIND = "factor_model"

Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class FactorModel(Answering):
    r"""A fitted, frozen factor model that remembers its ids and what each user has seen.

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
    popularity
        :math:`\log(1 + n_i)` of each item, float32 (items,), where the history is not that of training: after
        :meth:`fold_in_many`. None: counted from the history.
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
    popularity: Floats | None = None
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
        put(self, "popularity", self._checked_popularity())
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

    @property
    def factors(self) -> int:
        """Number of factors."""
        return int(self.user_factors.shape[1])

    def __repr__(self) -> str:
        users, items = f"{len(self.users):,} users", f"{len(self.items):,} items"
        return f"{self.info.trainer} model: {users}, {items}, {self.factors} factors"

    # Scores

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

    def _scores(self, user_rows: Rows, threads: int) -> Scores:
        scores = self._ranker.scores(self._p.take(user_rows, axis=0), threads)
        return scores + self._offset.take(user_rows)[:, None]

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

    # Neighbours

    def _item_vectors(self) -> tuple[Floats, Floats]:
        if self.factors == 0:
            return super()._item_vectors()  # raises
        return self._item_space.vectors

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

    def analogy(
        self,
        positive: Id | Iterable[Id] = (),
        negative: Id | Iterable[Id] = (),
        n: int = 10,
        *,
        method: Method = "add",
    ) -> Neighbours:
        r"""The items in the direction of some items and away from others: a - b + c.

        Parameters
        ----------
        positive, negative
            An id, or several, in all at least one; none of them is among the answers.
        n
            How many answers.
        method
            ``"add"``: the cosine with :math:`\sum_+ \hat q - \sum_- \hat q` of unit vectors (3CosAdd).
            ``"multiply"``: :math:`\prod_+ s / \prod_- (s + 0.001)` with :math:`s = (1 + \cos) / 2` (3CosMul, Levy and
            Goldberg 2014), in which no single likeness outweighs the others.

        Returns
        -------
        Neighbours
            Columns neighbour, rank (from 1), score.

        Raises
        ------
        UnknownItemError
            Naming the items that the model does not know.
        InputError
            If no item is given, one is among both, or one has factors of 0.
        ParameterError
            If the method is unknown or n < 1.
        UnsupportedError
            If the model has no factors.
        """
        self._need_factors()
        return analogy(self, self._item_space, positive, negative, n, method)

    def topics(self, n_words: int = 10) -> Topics:
        """What each factor is about: its heaviest items, such as the words of a topic.

        Parameters
        ----------
        n_words
            Items of each factor; those of weight 0 are left out.

        Raises
        ------
        UnsupportedError
            If some factor is below 0.
        """
        return topics_of(self, n_words)

    def topic_users(self, topics: int | Iterable[int] | None = None, n: int = 10) -> TopicUsers:
        """Whom each factor is about: its heaviest users, such as the documents of a topic.

        Parameters
        ----------
        topics
            A factor as :meth:`topics` numbers it, or several; None: all.
        n
            Users of each; those of weight 0 are left out.

        Raises
        ------
        ParameterError
            If there is no such topic, or n < 1.
        UnsupportedError
            If some factor is below 0.
        """
        return topic_users_of(self, topics, n)

    def topic_shares(self, users: Id | Iterable[Id] | None = None) -> Floats:
        """What each user, such as a document, is about: how much of what is predicted for it comes from each factor.

        Parameters
        ----------
        users
            An id, or several; None: all, in their order. For new documents, those of :meth:`fold_in_many`.

        Returns
        -------
        float32 (users, factors): rows sum to 1; zeros for a user whose factors are.

        Raises
        ------
        UnknownUserError
            Naming the users that the model does not know.
        UnsupportedError
            If some factor is below 0.
        """
        return topic_shares_of(self, None if users is None else self._user_rows(users))

    def _need_factors(self) -> None:
        if self.factors == 0:
            raise UnsupportedError(
                f"{self.info.trainer} learns no factors, so nothing is similar; use ALS or ImplicitALS"
            )

    # Rows solved again

    def _solver(self, what: str) -> RowSolver:
        solver = super()._solver(what)
        assert isinstance(solver, RowSolver)  # by the type of the field
        return solver

    def _contributions(self, events: Csr, item: int) -> Doubles:
        return self._solver("explain").contributions(events, self._side, item)

    def _visitor(self, events: Csr) -> Visitor:
        return FactorVisitor(self, events, *self._solver("fold_in").users(events, self._side, 1))

    def _of_newcomers(
        self, found: Histories, events: Interactions, info: ModelInfo, threads: int
    ) -> FactorModel:
        vectors, bias = found.solve(self._solver("fold_in"), self._side, threads)
        return replace(
            self,
            users=events.users,
            user_factors=vectors[:, : self.factors],
            user_bias=bias,
            history=found.table,
            explicit=events.explicit,
            info=info,
            popularity=self._trained_popularity(),
            threads=threads,
        )

    def _updated(self, merged: Interactions, new: Interactions) -> FactorModel:
        threads = resolve_threads(None)
        items = Side(_grow(self._side.factors, merged.n_items), _grow(self.item_bias, merged.n_items))
        solver = self._solver("update").relearned(merged).extended(merged, items, threads)
        p, q = solver.update(
            merged,
            merged.users.rows(new.users.ids),
            merged.items.rows(new.items.ids),
            (new.by_user.counts(), new.by_item.counts()),
            Side(_grow(self._p, merged.n_users), _grow(self.user_bias, merged.n_users)),
            items,
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

    def _packed(self, history: bool) -> tuple[Arrays, dict[str, Any]]:
        arrays: Arrays = {
            "user_factors": np.ascontiguousarray(self.user_factors),
            "item_factors": np.ascontiguousarray(self.item_factors),
            "user_bias": self.user_bias,
        }
        return packed(self, KIND, arrays, history=history)


def _grow(array: Floats, rows: int) -> Floats:
    grown = np.zeros((rows, *array.shape[1:]), np.float32)
    grown[: len(array)] = array
    return grown
