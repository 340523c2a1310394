"""A test set in the rows of a model: whom to score, and on what."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import EmptyError, InputError, ParameterError

Relevance = float | Callable[[NDArray[np.float32]], NDArray[np.bool_]] | None


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """Users with the items of one kind that each of them has in the test set.

    Attributes
    ----------
    test_rows
        Row of each user in the test set, ascending, int32 (users,).
    rows
        Row of the same user in the model, int32 (users,); -1 for a cold user that is scored.
    indptr
        Offsets of the users into `items`, int64 (users + 1,).
    items
        Rows of items in the model, ascending within a user, int32; -1 for a cold item whose rating is predicted.
    values
        Value of the test event, in the order of `items`, float32.
    """

    test_rows: NDArray[np.int32]
    rows: NDArray[np.int32]
    indptr: NDArray[np.int64]
    items: NDArray[np.int32]
    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """A test set in the rows of a model.

    Attributes
    ----------
    relevant
        Scored users, all with at least one relevant item, and those relevant items that the model knows.
    n_relevant
        Number of relevant items of these users with those that the model does not know, int64 (users,).
    rated
        Users with events whose ratings are predicted, and those events; None if ratings were not asked for or there
        are none.
    users
        The vocabulary of the test set's users.
    counts
        Whole numbers, by name: see `tastespace.evaluation.report.Report.counts`.
    events
        The test set.
    chosen
        Which of its events are relevant, bool (events,); None means all.
    user_rows
        Row in the model of each user of the test set, int32; -1 for cold ones.
    item_rows
        Row in the model of each item of the test set, int32; -1 for cold ones.
    threads
        For gathering more.
    """

    relevant: Targets
    n_relevant: NDArray[np.int64]
    rated: Targets | None
    users: Vocabulary
    counts: dict[str, int]
    events: Interactions
    chosen: NDArray[np.bool_] | None
    user_rows: NDArray[np.int32]
    item_rows: NDArray[np.int32]
    threads: int

    @classmethod
    def of(
        cls,
        test: Interactions,
        relevant: Relevance,
        users: Vocabulary,
        items: Vocabulary,
        history: Csr | None,
        *,
        ratings: bool,
        cold: bool,
        among: NDArray[np.bool_] | None,
        threads: int,
    ) -> HeldOut:
        """Map the ids of `test` to the rows of `users` and `items`.

        Parameters
        ----------
        test
            Has vocabularies of its own.
        relevant
            See `tastespace.evaluate`.
        users, items
            The vocabularies of the model.
        history
            Events of the model's users, (users, items). A user without any is cold. With None, all known users are
            warm.
        ratings
            Whether `rated` is wanted.
        cold
            Whether cold users are scored, and their ratings and those of cold items are predicted.
        among
            Which users of the test set may be scored in rankings, bool (users,); None means all.
        threads
            At most this many; they change nothing.

        Raises
        ------
        EmptyError
            `test` holds no events.
        InputError
            Ids of the test set are text and those of the model integers, or the other way round.
        ParameterError
            `relevant` is neither None nor a finite number nor a function from values to booleans.
        """
        if test.n_events == 0:
            raise EmptyError("the test set holds no events, so there is nothing to evaluate")
        chosen = None if relevant is None else relevant_mask(test.by_user.filled_values(), relevant)

        check_kinds("the test set", test.users, test.items, "the model", users, items)
        item_rows = items.find(test.items)
        user_rows = users.find(test.users)
        if history is not None:
            known = user_rows >= 0
            user_rows[known] = np.where(
                history.counts()[user_rows[known]] > 0, user_rows[known], np.int32(-1)
            )
        warm = user_rows >= 0

        table = test.by_user
        indptr, found, values, n_relevant, n_known, n_hittable = _native.gather_events(
            table.indptr,
            table.indices,
            table.values,
            user_rows if among is None else np.where(among, user_rows, np.int32(-1)),
            item_rows,
            chosen,
            False,
            True,
            threads,
        )
        eligible = np.ones_like(warm) if cold else warm
        has_relevant = (n_relevant > 0) & eligible
        scored = np.flatnonzero(has_relevant if among is None else has_relevant & among).astype(np.int32)
        # Users in between have no items here, so the offsets of the scored ones are all there is to take.
        to_hit = Targets(scored, user_rows[scored], indptr[np.append(scored, test.n_users)], found, values)
        n_relevant = n_relevant[scored]
        events_warm, n_warm = int(n_known[warm].sum()), int(warm.sum())
        counts = {
            "users": test.n_users,
            "users_warm": n_warm,
            "users_cold": test.n_users - n_warm,
            "users_without_relevant": int(eligible.sum() - has_relevant.sum()),
            "users_scored": len(scored),
            "items": test.n_items,
            "items_warm": int((item_rows >= 0).sum()),
            "items_cold": int((item_rows < 0).sum()),
            "events": test.n_events,
            "events_warm": events_warm,
            "events_cold": test.n_events - events_warm,
            "events_relevant": int(n_relevant.sum()),
            "events_relevant_cold": int((n_relevant - n_hittable[scored]).sum()),
            "events_relevant_seen": 0 if history is None else int(seen(to_hit, history, threads).sum()),
        }
        if among is not None:
            counts["users_without_candidates"] = int(has_relevant.sum()) - len(scored)
        held_out = cls(
            to_hit, n_relevant, None, test.users, counts, test, chosen, user_rows, item_rows, threads
        )
        if ratings and (cold or events_warm):
            with_ratings = np.flatnonzero(eligible & ((n_known > 0) | cold)).astype(np.int32)
            held_out = replace(held_out, rated=held_out.gather(with_ratings, None, cold=cold))
        return held_out

    def gather(self, users: NDArray[np.int32], chosen: NDArray[np.bool_] | None, *, cold: bool) -> Targets:
        """Return the events of some users of the test set.

        Parameters
        ----------
        users
            Rows of the test set, ascending.
        chosen
            Which events are wanted, bool (events,); None means all.
        cold
            Whether events of cold users or on cold items are wanted.
        """
        table = self.events.by_user
        indptr, items, values, *_ = _native.gather_events(
            table.indptr,
            table.indices,
            table.values,
            self._only(users),
            self.item_rows,
            chosen,
            cold,
            True,
            self.threads,
        )
        if cold and len(users) < self.events.n_users:
            full = Csr(indptr, items, len(self.item_rows), values).take_rows(users)
            return Targets(users, self.user_rows[users], full.indptr, full.indices, full.filled_values())
        return Targets(
            users, self.user_rows[users], indptr[np.append(users, self.events.n_users)], items, values
        )

    def times(self, targets: Targets) -> NDArray[np.int64] | None:
        """Return the times of the events of `targets`, in their order; None where the test set has none."""
        table = self.events.by_user
        if table.times is None:
            return None
        rows, items = table.row_of(), self.item_rows[table.indices]
        wanted = np.zeros(table.rows, bool)
        wanted[targets.test_rows] = True
        # As many as the targets have: cold items are among them or not.
        order = np.lexsort((items, rows))
        order = order[wanted[rows[order]]]
        if len(order) != len(targets.items):
            order = order[items[order] >= 0]
        return table.times[order]

    def _only(self, users: NDArray[np.int32]) -> NDArray[np.int32]:
        """Rows in the model, -1 for all but some users, so that nothing is gathered of the others."""
        only = np.full(self.events.n_users, -1, np.int32)
        only[users] = self.user_rows[users]
        return only


def seen(targets: Targets, history: Csr, threads: int) -> NDArray[np.bool_]:
    """Which of the target items are in the history of their user, bool."""
    return _native.common_events(
        targets.rows, targets.indptr, targets.items, history.indptr, history.indices, threads
    )


def check_kinds(
    what: str, users: Vocabulary, items: Vocabulary, of: str, known_users: Vocabulary, known_items: Vocabulary
) -> None:
    """Look whether ids are of the type of those that they are to be found among.

    Raises
    ------
    InputError
        They are not, so none can be found.
    """
    words = {"string": "text", "integer": "integers"}
    for found, known in ((users, known_users), (items, known_items)):
        if len(found) and len(known) and found.kind != known.kind:
            raise InputError(
                f"{of} has {words[known.kind]} for {known.noun} ids, such as {known.ids[:1].tolist()[0]!r}, and {what} "
                f"has {words[found.kind]}, such as {found.ids[:1].tolist()[0]!r}, which never match; read both alike"
            )


def relevant_mask(
    values: NDArray[np.float32], relevant: float | Callable[[NDArray[np.float32]], NDArray[np.bool_]]
) -> NDArray[np.bool_]:
    """Which events count as relevant, by their values (events,): booleans (events,).

    Raises
    ------
    ParameterError
        `relevant` is no finite number, or a function that does not return one boolean for each value.
    """
    if callable(relevant):
        mask = np.asarray(relevant(values))
        if mask.dtype != np.bool_ or mask.shape != values.shape:
            raise ParameterError(
                f"relevant must return one boolean for each of the {len(values):,} values; "
                f"got {mask.dtype} of shape {mask.shape}"
            )
        return mask
    if not _is_number(relevant):
        raise ParameterError(
            "relevant must be None (every test item), a finite number (test value at least that), or a function "
            f"from an array of values to an array of booleans; got {relevant!r}"
        )
    return np.asarray(values >= relevant)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and math.isfinite(value)
