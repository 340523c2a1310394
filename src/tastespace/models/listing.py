"""Lists and predictions of a model, whatever its scores are made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from tastespace.data.csr import Csr
from tastespace.data.threads import resolve_threads
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import HistoryError, InputError, UnknownUserError, UnsupportedError
from tastespace.models.adjust import Adjustment, adjustment
from tastespace.models.info import ModelInfo
from tastespace.models.nearest import at_least_one, listed
from tastespace.models.packing import Arrays
from tastespace.models.padding import Floats
from tastespace.models.protocol import ID, Id, Rows, Scores
from tastespace.models.reranking import CANDIDATES, Reranking, popularity_of
from tastespace.models.table import Recommendations
from tastespace.store.file import write

if TYPE_CHECKING:
    from tastespace.models.factor_model import FactorModel
    from tastespace.models.reranked import Reranked

#: What a list without seen items does with the history.
SEEN = "leave out what they have seen"

#: What a penalty of popular items does with it.
POPULAR = "count how popular items are"


class Listing(ABC):
    """The lists and predictions that follow from a model's scores."""

    users: Vocabulary
    items: Vocabulary
    history: Csr | None
    scale: tuple[float, float] | None
    info: ModelInfo

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles go through the constructor, which derives what is not stored."""
        return type(self), tuple(getattr(self, f.name) for f in fields(self) if f.init)  # type: ignore[arg-type]

    @abstractmethod
    def _rank(
        self,
        user_rows: Rows,
        n: int,
        exclude_seen: bool,
        adjust: Adjustment | None,
        threads: int | None = None,
    ) -> tuple[Rows, Scores]:
        """:meth:`rank` of rows that are known to be users."""

    @abstractmethod
    def _scores(self, user_rows: Rows, threads: int) -> Scores:
        """Raw scores of all items, float32 (users, items): the same bits as :meth:`rank` gives."""

    @abstractmethod
    def score_pairs(self, user_rows: Rows, item_rows: Rows, *, threads: int | None = None) -> Scores:
        """Raw scores of pairs of rows, float32 (pairs,); the same bits as :meth:`rank` gives."""

    @abstractmethod
    def _packed(self, history: bool) -> tuple[Arrays, dict[str, Any]]:
        """Arrays and metadata for the file."""

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

    def recommend(
        self,
        users: Id | Iterable[Id],
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
        popularity_penalty
            At least 0: the candidates are put into the order of their scores less this times their popularity. Over
            the candidates of a user, scores run from 0 to 1 and so does popularity, the logarithm of how many users
            have the item in the model's history. :class:`tastespace.Reranked` has the formulas.
        diversity
            From 0 to below 1: at each place stands the candidate that is worth most, less this times how alike it is,
            by the cosine of factors, to the most alike item above.
        candidates
            How many of the best items change places for the two settings above; what follows keeps its order.

        Returns
        -------
        Recommendations
            Columns user, item, rank (from 1), score: of re-ranked lists what an item was worth at its place.

        Raises
        ------
        UnknownUserError
            Naming the users; :meth:`fold_in` places them from their history.
        HistoryError
            If seen items are to be left out, or popularity counts, and the model holds no history.
        UnsupportedError
            If lists are to be diverse and the model has no factors.
        """
        rows = self._user_rows(users)
        adjust = adjustment(self.items, allow, deny, boost)
        reranking = Reranking(popularity_penalty, diversity, candidates)
        found, scores = self._reordered(rows, n, exclude_seen, adjust, reranking)
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
        popularity_penalty: float = 0.0,
        diversity: float = 0.0,
        candidates: int = CANDIDATES,
    ) -> Iterator[Recommendations]:
        """Recommendations for every user in row order, ``batch`` users at a time, in bounded memory.

        Parameters are those of :meth:`recommend`.
        """
        n, batch = at_least_one("n", n), at_least_one("batch", batch)
        adjust = adjustment(self.items, allow, deny, boost)
        reranking = Reranking(popularity_penalty, diversity, candidates)
        if exclude_seen:
            self._history(SEEN)

        def answers() -> Iterator[Recommendations]:
            for start in range(0, len(self.users), batch):
                rows = np.arange(start, min(start + batch, len(self.users)), dtype=np.int32)
                found, scores = self._reordered(rows, n, exclude_seen, adjust, reranking)
                yield self._listed(rows, found, scores)

        return answers()

    def reranked(
        self,
        *,
        popularity_penalty: float = 0.0,
        diversity: float = 0.0,
        candidates: int = CANDIDATES,
        space: FactorModel | None = None,
    ) -> Reranked:
        """This model with all its lists re-ranked: to be evaluated, compared, saved.

        Parameters
        ----------
        popularity_penalty, diversity, candidates
            As in :meth:`recommend`, which puts single answers into the same order.
        space
            The factor model by whose item factors items are alike, for models without factors; items that it does
            not know are like no other. None: this model itself.

        Raises
        ------
        ParameterError
            If a setting is outside its range.
        HistoryError
            If popularity counts and the model holds no history.
        UnsupportedError
            If lists are to be diverse and neither this model nor ``space`` has factors.
        """
        from tastespace.models.reranked import Reranked  # which is built on this class

        return Reranked.of(self, Reranking(popularity_penalty, diversity, candidates), space)

    def _reordered(
        self,
        user_rows: Rows,
        n: int,
        exclude_seen: bool,
        adjust: Adjustment | None,
        reranking: Reranking,
    ) -> tuple[Rows, Scores]:
        """:meth:`_rank`, and the lists in another order if that is asked for."""
        if not reranking.moves:
            return self._rank(user_rows, n, exclude_seen, adjust)
        n = min(at_least_one("n", n), len(self.items))
        found, scores = self._rank(user_rows, max(n, reranking.candidates), exclude_seen, adjust)
        return self._order(found, scores, n, reranking)

    def _order(
        self, found: Rows, scores: Scores, n: int, reranking: Reranking, threads: int | None = None
    ) -> tuple[Rows, Scores]:
        return reranking.order(
            found,
            scores,
            n,
            len(self.items),
            self._popularity if reranking.popularity_penalty else None,
            self._item_vectors() if reranking.diversity else None,
            1 if len(found) == 1 else resolve_threads(threads),
        )

    # Derived from the frozen history alone; made on first use because a model may never be asked.
    @cached_property
    def _popularity(self) -> Floats:
        return popularity_of(self._history(POPULAR))

    def _item_vectors(self) -> tuple[Floats, Floats]:
        """What items are alike by: padded rows, and one over their lengths."""
        raise UnsupportedError(
            f"{self.info.trainer} has no factors, so nothing tells which items are alike; name a factor model that "
            "does: model.reranked(diversity=..., space=...)"
        )

    def save(self, path: str | PathLike[str], *, history: bool = True) -> None:
        """Writes the model to one file, checked by a hash; ``history=False`` leaves out what users have seen."""
        write(path, *self._packed(history))

    def _user_rows(self, users: Id | Iterable[Id]) -> Rows:
        try:
            if isinstance(users, ID):
                return np.array([self.users.row(users)], np.int32)
            return self.users.rows(users)
        except UnknownUserError as error:
            if not hasattr(self, "fold_in"):
                raise
            raise UnknownUserError(
                f"{error}; for a newcomer use model.fold_in({{item: value, ...}}).recommend()"
            ) from None

    def _listed(self, user_rows: Rows, found: Rows, scores: Scores) -> Recommendations:
        return Recommendations(listed("user", self.users, user_rows, "item", self.items, found, scores))

    def _history(self, what: str) -> Csr:
        if self.history is None:
            remedy = "pass exclude_seen=False, or " if what == SEEN else ""
            raise HistoryError(
                f"this model was saved without its users' histories and cannot {what}; "
                f"{remedy}save it with history=True"
            )
        return self.history
