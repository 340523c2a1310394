"""What every model answers besides lists: explanations, newcomers, updates, its file."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Literal, Self

import numpy as np

from tastespace.data.csr import Csr, Duplicates
from tastespace.data.interactions import Interactions
from tastespace.data.threads import resolve_threads
from tastespace.errors import HistoryError, InputError, ParameterError, UnknownItemError, UnsupportedError
from tastespace.models.explanation import Explanation
from tastespace.models.fold_in import Histories
from tastespace.models.info import ModelInfo
from tastespace.models.listing import POPULAR, Listing
from tastespace.models.padding import Floats, frozen
from tastespace.models.protocol import Id
from tastespace.models.reading import Doubles, Reader
from tastespace.models.reranking import popularity_of
from tastespace.models.table import Table
from tastespace.models.visitor import Visitor, history_of


class Answering(Listing):
    """All that users of a model call; a frozen dataclass with these fields and the abstract methods is a model."""

    item_bias: Floats
    mean: float
    explicit: bool
    solver: Reader | None
    popularity: Floats | None

    @abstractmethod
    def _contributions(self, events: Csr, item: int) -> Doubles:
        """What each of one user's events adds to the score of ``item``, beyond mean and item bias."""

    @abstractmethod
    def _visitor(self, events: Csr) -> Visitor:
        """A newcomer with these events, one row."""

    @abstractmethod
    def _of_newcomers(self, found: Histories, events: Interactions, info: ModelInfo, threads: int) -> Self:
        """A model of newcomers alone."""

    @abstractmethod
    def _updated(self, merged: Interactions, new: Interactions) -> Self:
        """This model with the merged events, of which some are new."""

    def explain(self, user: Id, item: Id) -> Explanation:
        """Which of the user's own events drive a score: mean, item bias and parts sum to it exactly.

        Raises
        ------
        UnsupportedError
            If the model is not row-solved; it names :meth:`similar_items` instead.
        UnknownUserError, UnknownItemError, HistoryError
            If there is nothing to explain from.
        """
        self._solver("explain")
        row = self._user_rows(user)
        return self._explanation(user, item, self._history("explain").take_rows(row))

    def _explanation(self, user: Id | None, item: Id, events: Csr) -> Explanation:
        row = self.items.row(item)
        parts = self._contributions(events, row)
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
        """Places a newcomer: a row solve against the fixed items, or the sums over this history.

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
            If the model cannot place newcomers.
        """
        solver = self._solver("fold_in")
        if on_unknown not in ("raise", "skip"):
            raise ParameterError(f'on_unknown must be "raise" or "skip"; got {on_unknown!r}')
        try:
            events = history_of(self.items, history, solver, self.scale, on_unknown == "skip")
        except UnknownItemError as error:
            raise UnknownItemError(f'{error}; pass on_unknown="skip" to leave such items out') from None
        return self._visitor(events)

    def fold_in_many(self, events: Interactions, *, threads: int | None = None) -> Self:
        """A model of the users of ``events`` alone, each placed as by :meth:`fold_in`; the items stay as they are.

        The result ranks, predicts and explains for these users, and ``events`` are their history. Items that this
        model does not know are left out, and ``info.data["folded_in"]`` counts the events on them. A user of whom no
        item is known stands at the origin, with bias 0 and without a history. How popular items are, for
        ``popularity_penalty``, stays what it was in training.

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
            If the model cannot place newcomers.
        """
        found = Histories.of(events, self.items, self._solver("fold_in"), self.scale)
        counts = {
            "users": events.n_users,
            "events": found.table.nnz,
            "events_on_unknown_items": found.skipped,
        }
        info = replace(self.info, data=self.info.data | {"folded_in": counts})
        return self._of_newcomers(found, events, info, resolve_threads(threads))

    def update(self, new: Interactions | None, *, duplicates: Duplicates | None = None) -> Self:
        """A model that also knows ``new``: its users, items and events, without a full refit.

        Of a factor model, the items named in ``new`` are solved against the present users, then every user against the
        items. The weights of a :class:`NeighbourModel` stay: its users' histories grow, by items that it knows. This
        model is unchanged. Without new events the result is this model. ``duplicates`` says what becomes of an event
        that the model knows, as in :func:`tastespace.read`: by default the last rating counts, and weights are summed.

        Raises
        ------
        HistoryError
            If the model holds no history.
        UnsupportedError
            If the model cannot be updated, or not by these events.
        """
        solver = self._solver("update")
        if "folded_in" in self.info.data:
            raise UnsupportedError(
                "a model of newcomers, as fold_in_many makes it, holds their events alone; update the model that "
                "placed them, or place them again with the new events"
            )
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
        return self._updated(merged, new)

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

    def _checked_popularity(self) -> Floats | None:
        """The given popularity, read-only.

        Raises
        ------
        InputError
            If it does not fit the items.
        """
        given = self.popularity
        if given is None:
            return None
        if given.shape != (len(self.items),) or given.dtype != np.float32 or not np.isfinite(given).all():
            raise InputError(
                f"popularity must be float32 {(len(self.items),)} and finite; got {given.dtype} {given.shape}"
            )
        return frozen(given)

    def _trained_popularity(self) -> Floats | None:
        """How popular items were in training, for a model of newcomers; None: nobody knows."""
        unknown = self.popularity is None and (self.history is None or "folded_in" in self.info.data)
        return None if unknown else self._popularity

    @cached_property
    def _popularity(self) -> Floats:
        if self.popularity is not None:
            return self.popularity
        if "folded_in" in self.info.data:
            raise HistoryError(
                "this model holds newcomers and does not know how popular items were in training: the model that "
                "placed them was saved without histories; save that with history=True"
            )
        return popularity_of(self._history(POPULAR))

    def _solver(self, what: str) -> Reader:
        if self.solver is None:
            raise UnsupportedError(
                f"{self.info.trainer} cannot {what}: its rows are not solved from the history; similar_items works"
            )
        return self.solver
