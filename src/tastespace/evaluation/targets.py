"""A test set in the rows of a model: whom to score, and on what."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import EmptyError, ParameterError

Relevance = float | Callable[[NDArray[np.float32]], NDArray[np.bool_]] | None


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """Users with the items of one kind that each of them has in the test set.

    Attributes
    ----------
    test_rows
        Row of each user in the test set, ascending, int32 (users,).
    rows
        Row of the same user in the model, int32 (users,).
    indptr
        Offsets of the users into `items`, int64 (users + 1,).
    items
        Rows of items in the model, ascending within a user, int32.
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
        Warm users with at least one relevant item, and those relevant items that the model knows.
    n_relevant
        Number of relevant items of these users with those that the model does not know, int64 (users,).
    rated
        Warm users with at least one event on a known item, and those events; None if ratings were not asked for or
        there are none.
    users
        The vocabulary of the test set's users.
    counts
        Whole numbers, by name: see `tastespace.evaluation.report.Report.counts`.
    """

    relevant: Targets
    n_relevant: NDArray[np.int64]
    rated: Targets | None
    users: Vocabulary
    counts: dict[str, int]

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

        Raises
        ------
        EmptyError
            `test` holds no events.
        ParameterError
            `relevant` is neither None nor a finite number nor a function from values to booleans.
        """
        if test.n_events == 0:
            raise EmptyError("the test set holds no events, so there is nothing to evaluate")
        values = test.by_user.filled_values()
        is_relevant = _relevant(values, relevant)

        row_of_user = users.find(test.users.ids)
        row_of_item = items.find(test.items.ids)
        warm = row_of_user >= 0
        if history is not None:
            warm[warm] = history.counts()[row_of_user[warm]] > 0

        user = test.user_rows()  # one entry per event from here on
        item = row_of_item[test.by_user.indices]
        is_warm = warm[user]
        is_known = is_warm & (item >= 0)

        n_relevant = np.bincount(user[is_warm & is_relevant], minlength=test.n_users)
        scored = np.flatnonzero(n_relevant).astype(np.int32)
        to_hit = _targets(scored, row_of_user, user, item, values, is_known & is_relevant, len(items))
        counts = {
            "users": test.n_users,
            "users_warm": int(warm.sum()),
            "users_cold": int(test.n_users - warm.sum()),
            "users_without_relevant": int(warm.sum()) - len(scored),
            "users_scored": len(scored),
            "items": test.n_items,
            "items_warm": int((row_of_item >= 0).sum()),
            "items_cold": int((row_of_item < 0).sum()),
            "events": test.n_events,
            "events_warm": int(is_known.sum()),
            "events_cold": int(test.n_events - is_known.sum()),
            "events_relevant": int(n_relevant.sum()),
            "events_relevant_cold": int(n_relevant.sum()) - len(to_hit.items),
            "events_relevant_seen": 0 if history is None else _seen(to_hit, history),
        }
        rated = None
        if ratings and is_known.any():
            with_ratings = np.flatnonzero(np.bincount(user[is_known])).astype(np.int32)
            rated = _targets(with_ratings, row_of_user, user, item, values, is_known, len(items))
        return cls(to_hit, n_relevant[scored], rated, test.users, counts)


def _relevant(values: NDArray[np.float32], relevant: Relevance) -> NDArray[np.bool_]:
    """Which events count as relevant."""
    if relevant is None:
        return np.ones(len(values), np.bool_)
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
    return values >= relevant


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and math.isfinite(value)


def _targets(
    test_rows: NDArray[np.int32],
    row_of_user: NDArray[np.int32],
    user: NDArray[np.int32],
    item: NDArray[np.int32],
    values: NDArray[np.float32],
    chosen: NDArray[np.bool_],
    n_items: int,
) -> Targets:
    """Gather the chosen events of the users `test_rows`, items ascending within a user."""
    user, item, values = user[chosen], item[chosen], values[chosen]
    # Timsort: the model's vocabulary mostly keeps the order of the test's, so the keys come sorted or in long runs.
    order = np.argsort(user * np.int64(n_items) + item, kind="stable")
    counts = np.bincount(user, minlength=len(row_of_user))[test_rows]
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
    return Targets(test_rows, row_of_user[test_rows], indptr, item[order], values[order])


def _seen(targets: Targets, history: Csr) -> int:
    """How many of the target items are in the history of their user."""
    return _native.count_common(targets.rows, targets.indptr, targets.items, history.indptr, history.indices)
