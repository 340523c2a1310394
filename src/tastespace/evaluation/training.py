"""What list metrics know of the training set: who had what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tastespace.data.csr import Csr


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """How many users had each item in training, as the history of a model tells.

    Attributes
    ----------
    history
        Events of the users whom the model was trained on, (users, items).
    seen
        Events of the users whom the model knows, (users, items): the same, unless users were folded in.
    events
        Training events n_i of each item, which is the number of users who have it in their history, int64 (items,).
    users
        Users with at least one training event.
    """

    history: Csr
    seen: Csr
    events: NDArray[np.int64]
    users: int

    @classmethod
    def of(cls, history: Csr, seen: Csr | None = None) -> Training:
        """Count the cells of the table `history`, which is also `seen` unless that is given."""
        events = np.bincount(history.indices, minlength=history.columns)
        return cls(
            history, history if seen is None else seen, events, int(np.count_nonzero(history.counts()))
        )

    def self_information(self) -> NDArray[np.float64]:
        """Return -log2(max(n_i, 1) / users), float64 (items,): the bits of surprise that a user has an item.

        It is 0 for an item that every user has and log2(users) for an item of one user. An item that nobody has
        would be infinitely surprising; it counts as if one user had it, so that one such item does not decide the
        mean.
        """
        information: NDArray[np.float64] = np.log2(max(self.users, 1)) - np.log2(np.maximum(self.events, 1))
        return information

    def popularity_order(self) -> NDArray[np.int32]:
        """Return the place of each item in the order of falling n_i, from 0, int32 (items,); ties by item row."""
        order = np.argsort(-self.events, kind="stable")
        place = np.empty(len(order), np.int32)
        place[order] = np.arange(len(order), dtype=np.int32)
        return place
