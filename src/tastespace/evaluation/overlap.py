"""Events that are held out, and also are not: the same user and item on both sides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

import tastespace._native as _native
from tastespace.data.interactions import Interactions
from tastespace.data.threads import resolve_threads
from tastespace.errors import InputError, warn

#: Sides that have been looked at, while they are fitted on again and again.
_TOLD: ContextVar[tuple[Interactions, Interactions] | None] = ContextVar("told", default=None)


def shared_cells(events: Interactions, others: Interactions) -> int:
    """How many events have the user and the item of one of the others."""
    threads = resolve_threads(None)
    rows = others.users.find(events.users)
    table, items = events.by_user, others.items.find(events.items)
    indptr, found, *_ = _native.gather_events(
        table.indptr, table.indices, None, rows, items, None, False, False, threads
    )
    both = _native.common_events(rows, indptr, found, others.by_user.indptr, others.by_user.indices, threads)
    return int(np.count_nonzero(both))


@contextmanager
def told_apart(valid: Interactions, others: Interactions) -> Iterator[None]:
    """Inside, :func:`check_apart` does not look at these two again."""
    before = _TOLD.set((valid, others))
    try:
        yield
    finally:
        _TOLD.reset(before)


def check_apart(valid: Interactions, others: Interactions, side: str) -> None:
    """Look whether validation events are held out of another side, "train" or "test".

    No split of this package puts a user and an item on both sides. Sides made by hand may: some pairs may come again
    later in time, so they are warned of and kept. Where all come again, the same events were passed twice.

    Raises
    ------
    InputError
        The user and item of every validation event are on the other side.

    Warns
    -----
    TastespaceWarning
        Some are.
    """
    told = _TOLD.get()
    if told is not None and valid is told[0] and others is told[1]:
        return
    shared = shared_cells(valid, others)
    if not shared:
        return
    flatters = (
        "values on valid flatter" if side == "train" else "what is chosen on valid has seen the test events"
    )
    if shared == valid.n_events:
        raise InputError(
            f"all {shared:,} events of valid have their user and item in {side} too; hold validation events out of it, "
            "as in train, valid = ts.split.last_out(train)"
        )
    warn(
        f"{shared:,} of {valid.n_events:,} events of valid have their user and item in {side} too, so {flatters}; "
        "split one table of all events to keep the sides apart"
    )
