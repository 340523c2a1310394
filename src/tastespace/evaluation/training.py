"""What list metrics know of the training set: who had what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tastespace.data.csr import Csr


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """How many users had each item in training, and what the users who are scored have had.

    Attributes
    ----------
    learned
        The events that the model learned from, (users, items).
    history
        Events of the users who are scored, (users, items); the same table unless they were placed by fold-in.
    events
        Training events n_i of each item, which is the number of users who have it in their history, int64 (items,).
    users
        Users with at least one training event.
    """

    learned: Csr
    history: Csr
    events: NDArray[np.int64]
    users: int

    @classmethod
    def of(cls, learned: Csr, history: Csr) -> Training:
        """Count the cells of the table `learned`."""
        events = np.bincount(learned.indices, minlength=learned.columns)
        return cls(learned, history, events, int(np.count_nonzero(learned.counts())))

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
