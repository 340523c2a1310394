"""What tells one table of events from another, so that trials on other data are not mistaken for those asked for."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.data.vocabulary import Vocabulary


def of_events(events: Interactions) -> str:
    """A digest of ids, cells, values, weights, times, kinds and scale, and how many there are of them."""
    digest = blake2b(digest_size=8)
    for vocabulary in (events.users, events.items):
        _ids(digest, vocabulary)
    _table(digest, events.by_user)
    for name, table in events.signals:
        _ids(digest, Vocabulary([name], noun="kind"))
        _table(digest, table)
    digest.update(repr((events.explicit, events.scale)).encode())
    return f"{digest.hexdigest()}, {events.n_users} users, {events.n_items} items, {events.n_events} events"


def of_mask(mask: NDArray[np.bool_] | None) -> str:
    """A digest of which events are chosen, and how many."""
    if mask is None:
        return "all"
    return f"{blake2b(np.packbits(mask).tobytes(), digest_size=8).hexdigest()}, {np.count_nonzero(mask)} of {len(mask)}"


def _ids(digest: Any, vocabulary: Vocabulary) -> None:
    """Text with its length before it, so that no two lists of ids read alike."""
    digest.update(f"{vocabulary.kind} {len(vocabulary)} ".encode())
    if vocabulary.kind == "integer":
        digest.update(np.ascontiguousarray(vocabulary.ids).tobytes())
        return
    for id in vocabulary:
        text = str(id).encode()
        digest.update(b"%d " % len(text))
        digest.update(text)


def _table(digest: Any, table: Csr) -> None:
    """Every array with its name and length."""
    for name in ("indptr", "indices", "values", "times", "weights"):
        array = getattr(table, name)
        digest.update(f"{name} {None if array is None else len(array)} ".encode())
        if array is not None:
            digest.update(array.view(np.uint8))  # as bytes, uncopied
