"""The frozen result of trainers whose scores depend on the moment; at any one moment it is a factor model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, overload

import numpy as np

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.data.filters import Moment
from tastespace.data.interactions import Interactions
from tastespace.data.threads import resolve_threads
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import InputError
from tastespace.models.adjust import Adjustment
from tastespace.models.answering import Answering
from tastespace.models.clock import Moments, Seconds, second_of, seconds_of
from tastespace.models.factor_model import FactorModel
from tastespace.models.fold_in import Histories
from tastespace.models.info import ModelInfo
from tastespace.models.nearest import Metric
from tastespace.models.packing import Arrays, packed
from tastespace.models.padding import Floats, frozen, pad
from tastespace.models.protocol import ID, Id, Rows, Scores
from tastespace.models.reading import Doubles
from tastespace.models.table import Neighbours, Recommendations
from tastespace.models.temporal_rows import TemporalRows
from tastespace.models.time_terms import TimeTerms
from tastespace.models.visitor import FactorVisitor, Visitor

#: What the file of such a model says that it holds.
KIND = "temporal"

#: Pairs at moments of their own whose vectors are made at a time.
_PAIRS = 16_384


@dataclass(frozen=True, eq=False, repr=False)
class TemporalModel(Answering):
    r"""A fitted, frozen model whose scores depend on the moment t.

    .. math::

        s_{ui}(t) = \mu + b_u + b_i + p_u \cdot q_i
        + b_{i,\mathrm{bin}(t)} + \alpha_i \mathrm{dev}_i(t)
        + \alpha_u \mathrm{dev}_u(t) + b_{u,\mathrm{day}(t)}
        + (a_u \mathrm{dev}_u(t) + p_{u,\mathrm{day}(t)}) \cdot q_i

    where p holds the implicit sum of the user as well. Where no moment is named, it is the last second of the training
    set; so answers depend on the model alone and not on the day on which they are asked for. Moments before the first
    event count as that event's and moments after the last event as that one's, but for the terms of single days: a
    day on which the user gave no rating adds nothing. :meth:`at` gives the factor model of a moment, to
    ask it often or to write it to a file by itself.

    Attributes
    ----------
    users, items
        Vocabularies: ids to rows and back.
    user_factors, item_factors
        p and q, float32 (users, factors) and (items, factors).
    user_bias, item_bias
        b, float32 (users,) and (items,).
    mean
        :math:`\mu`.
    time
        What depends on the moment.
    history
        What each user has seen, with times; None when the model was saved without.
    explicit
        True: the values of the history are ratings.
    scale
        Lowest and highest rating; ``predict`` stays inside.
    solver
        How newcomers are placed, as of the end of training.
    info
        Trainer, parameters, data summary, metrics, version.
    popularity
        :math:`\log(1 + n_i)` of each item, float32 (items,), where the history is not that of training; None: counted
        from the history.
    """

    users: Vocabulary
    items: Vocabulary
    user_factors: Floats
    item_factors: Floats
    user_bias: Floats
    item_bias: Floats
    mean: float
    time: TimeTerms
    history: Csr | None
    explicit: bool
    scale: tuple[float, float] | None
    solver: TemporalRows
    info: ModelInfo
    popularity: Floats | None = None
    _now: FactorModel = field(init=False)

    #: Scores depend on the moment: ``score_pairs`` and ``predict`` take ``at``.
    timed = True

    def __post_init__(self) -> None:
        """Checks the shapes, makes every array read-only and takes the model of the last moment.

        Raises
        ------
        InputError
            If arrays do not fit the vocabularies, or hold NaN or infinity.
        """
        for name in ("user_factors", "item_factors", "user_bias", "item_bias"):
            object.__setattr__(self, name, frozen(getattr(self, name)))
        found = (len(self.time.user_time), len(self.time.item_time))
        if found != (len(self.users), len(self.items)):
            raise InputError(
                f"time must hold terms of {len(self.users)} users and {len(self.items)} items; got {found}"
            )
        object.__setattr__(self, "popularity", self._checked_popularity())
        object.__setattr__(self, "_now", self._snapshot(self.time.clock.last))

    @property
    def factors(self) -> int:
        """Number of factors."""
        return int(self.item_factors.shape[1])

    def __repr__(self) -> str:
        users, items = f"{len(self.users):,} users", f"{len(self.items):,} items"
        clock = self.time.clock
        first, last = (np.datetime64(t, "s").astype("datetime64[D]") for t in (clock.first, clock.last))
        return f"{self.info.trainer} model: {users}, {items}, {self.factors} factors, {first}..{last}"

    # Moments

    def at(self, moment: Moment) -> FactorModel:
        """The factor model that this one is at a moment: a date, a datetime, ISO text or Unix seconds.

        It recommends, predicts and compares like any other, and its file takes no more than one of ALS; newcomers are
        placed by the model itself.

        Raises
        ------
        ParameterError
            If ``moment`` is none.
        """
        return self._snapshot(second_of(moment, "moment"))

    def _snapshot(self, second: int) -> FactorModel:
        users, items = (np.arange(len(side), dtype=np.int32) for side in (self.users, self.items))
        when = np.array([second], np.int64)
        return FactorModel(
            users=self.users,
            items=self.items,
            user_factors=self.time.moved(self.user_factors, users, np.repeat(when, len(users))),
            item_factors=self.item_factors,
            user_bias=self.user_bias + self.time.of_users(users, np.repeat(when, len(users))),
            item_bias=self.item_bias + self.time.of_items(items, np.repeat(when, len(items))),
            mean=self.mean,
            history=self.history,
            explicit=self.explicit,
            scale=self.scale,
            solver=None,
            info=self.info,
            popularity=self.popularity,
        )

    # Scores

    def _rank(
        self,
        user_rows: Rows,
        n: int,
        exclude_seen: bool,
        adjust: Adjustment | None,
        threads: int | None = None,
    ) -> tuple[Rows, Scores]:
        return self._now._rank(user_rows, n, exclude_seen, adjust, threads)

    def _scores(self, user_rows: Rows, threads: int) -> Scores:
        return self._now._scores(user_rows, threads)

    def score_pairs(
        self, user_rows: Rows, item_rows: Rows, *, threads: int | None = None, at: Moments | None = None
    ) -> Scores:
        """Raw scores of pairs of rows, float32 (pairs,); the same bits as the :meth:`rank` of that moment gives.

        Parameters
        ----------
        user_rows, item_rows
            int32 (pairs,).
        threads
            At most this many; None: all cores.
        at
            One moment, or one for each pair (Unix seconds where it is an array of integers); None: the end of training.
        """
        if at is None:
            return self._now.score_pairs(user_rows, item_rows, threads=threads)
        times = seconds_of(at, len(item_rows))
        if len(times) == 1 and len(item_rows) != 1:
            return self._snapshot(int(times[0])).score_pairs(user_rows, item_rows, threads=threads)
        self._check_rows("user", user_rows, len(self.users))
        self._check_rows("item", item_rows, len(self.items))
        of_user, of_item = self.known_biases(user_rows, item_rows, times)
        ranker = _native.Ranker(pad(self.item_factors), self.factors, None)
        products = np.empty(len(item_rows), np.float32)
        for start in range(0, len(products), _PAIRS):
            part = slice(start, start + _PAIRS)
            vectors = self.time.moved(self.user_factors[user_rows[part]], user_rows[part], times[part])
            each = np.arange(len(vectors), dtype=np.int32)
            products[part] = ranker.pairs(
                pad(vectors), each, np.ascontiguousarray(item_rows[part]), resolve_threads(threads)
            )
        return np.asarray((products + of_item) + (np.float32(self.mean) + of_user))

    def known_biases(self, user_rows: Rows, item_rows: Rows, times: Seconds) -> tuple[Floats, Floats]:
        """The biases of users and of items at these times, float32 (pairs,) each; 0 where a row is -1, unknown."""
        parts = []
        for rows, bias, added in (
            (user_rows, self.user_bias, self.time.of_users),
            (item_rows, self.item_bias, self.time.of_items),
        ):
            known = rows >= 0
            part = np.zeros(len(rows), np.float32)
            part[known] = bias[rows[known]] + added(rows[known], times[known])
            parts.append(part)
        return parts[0], parts[1]

    @overload
    def predict(self, users: Id, items: Id, *, at: Moment | None = None) -> float: ...  # type: ignore[overload-overlap]
    @overload
    def predict(self, users: Sequence[Id], items: Sequence[Id], *, at: Moments | None = None) -> Scores: ...

    def predict(
        self, users: Id | Sequence[Id], items: Id | Sequence[Id], *, at: Moments | None = None
    ) -> float | Scores:
        """Ratings of pairs of ids at a moment, kept inside the rating scale.

        Parameters
        ----------
        users, items
            Two ids, or two sequences of ids of equal length.
        at
            One moment, or one for each pair; None: the end of training.

        Returns
        -------
        float, or float32 (pairs,)

        Raises
        ------
        UnknownUserError, UnknownItemError
            Naming the ids that the model does not know.
        InputError
            If the sequences differ in length.
        ParameterError
            If ``at`` cannot be understood, or there are as many moments as neither 1 nor the pairs.
        """
        if at is None:
            return self._now.predict(users, items)  # type: ignore[arg-type]
        if isinstance(users, ID) or isinstance(items, ID):
            return self.at(at).predict(users, items)  # type: ignore[arg-type]
        rows = self.users.rows(users), self.items.rows(items)
        if len(rows[0]) != len(rows[1]):
            raise InputError(f"predict needs as many users as items; got {len(rows[0])} and {len(rows[1])}")
        return self._clip(self.score_pairs(*rows, at=at))

    def recommend(
        self, users: Id | Iterable[Id], n: int = 10, *, at: Moment | None = None, **settings: Any
    ) -> Recommendations:
        """The n best items of one or several users at a moment, by raw score.

        Parameters
        ----------
        users, n, settings
            As in :meth:`FactorModel.recommend`.
        at
            The moment; None: the end of training.
        """
        return (
            super().recommend(users, n, **settings)
            if at is None
            else self.at(at).recommend(users, n, **settings)
        )

    def recommend_all(
        self, n: int = 10, *, at: Moment | None = None, **settings: Any
    ) -> Iterator[Recommendations]:
        """Recommendations for every user at a moment; see :meth:`recommend`."""
        return (
            super().recommend_all(n, **settings) if at is None else self.at(at).recommend_all(n, **settings)
        )

    # Neighbours

    def _item_vectors(self) -> tuple[Floats, Floats]:
        return self._now._item_vectors()

    def similar_items(
        self, items: Id | Iterable[Id], n: int = 10, *, metric: Metric = "cosine"
    ) -> Neighbours:
        """The n items whose factors are closest to each of the given items; see ``FactorModel.similar_items``."""
        return self._now.similar_items(items, n, metric=metric)

    def similar_users(
        self, users: Id | Iterable[Id], n: int = 10, *, metric: Metric = "cosine"
    ) -> Neighbours:
        """The n users whose factors at the end of training are closest; see ``FactorModel.similar_users``."""
        return self._now.similar_users(users, n, metric=metric)

    # Histories

    def _contributions(self, events: Csr, item: int) -> Doubles:
        return self.solver.contributions(events, self._now._side, item)

    def _visitor(self, events: Csr) -> Visitor:
        return FactorVisitor(self._now, events, *self.solver.users(events, self._now._side, 1))

    def _of_newcomers(
        self, found: Histories, events: Interactions, info: ModelInfo, threads: int
    ) -> TemporalModel:
        vectors, bias = found.solve(self.solver, self._now._side, threads)
        return replace(
            self,
            users=events.users,
            user_factors=np.ascontiguousarray(vectors[:, : self.factors]),
            user_bias=bias,
            time=self.time.of_newcomers(events.n_users),
            history=found.table,
            explicit=events.explicit,
            info=info,
            popularity=self._trained_popularity(),
        )

    def _updated(self, merged: Interactions, new: Interactions) -> TemporalModel:
        raise self.solver.refusal()

    def _packed(self, history: bool) -> tuple[Arrays, dict[str, Any]]:
        arrays: Arrays = {name: getattr(self, name) for name in ("user_factors", "item_factors", "user_bias")}
        time, settings = self.time.packed()
        arrays |= {f"time.{name}": array for name, array in time.items()}
        arrays, metadata = packed(self, KIND, arrays, history=history)
        return arrays, metadata | {"time": settings}
