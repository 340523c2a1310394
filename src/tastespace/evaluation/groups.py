"""Groups of users by activity and of items by popularity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def user_groups(events: NDArray[np.int64], groups: int) -> tuple[NDArray[np.int64], list[str]]:
    """Group of each user by training events, and what the groups are called; those without events are "cold"."""
    group = np.zeros(len(events), np.int64)
    labels = ["cold"] if (events == 0).any() else []
    warm = events > 0
    if warm.any():
        mine = cut(events[warm], np.ones(int(warm.sum())), groups)
        group[warm] = len(labels) + mine
        labels.extend(_range(events[warm][mine == one]) for one in range(int(mine.max()) + 1))
    return group, labels


def item_groups(events: NDArray[np.int64], groups: int) -> tuple[NDArray[np.int64], list[str]]:
    """Group of each item by training events, and what the groups are called."""
    group = cut(events, events, groups)
    labels = []
    for one in range(int(group.max()) + 1):
        mine = events[group == one]
        labels.append(f"{len(mine):,} {'item' if len(mine) == 1 else 'items'}, {_range(mine)}")
    return group, labels


def cut(values: NDArray[np.int64], weights: NDArray[np.generic], groups: int) -> NDArray[np.int64]:
    """Cut entries, ordered by value, into at most `groups` groups of nearly equal weight.

    Equal values stay together: an entry belongs to the group in which the middle of the weight of its value falls.
    Empty groups are closed up.

    Parameters
    ----------
    values
        What to order by, int64 (entries,), at least one.
    weights
        Not negative (entries,).
    groups
        At least 1.

    Returns
    -------
    array
        Group of each entry, from 0, int64 (entries,).
    """
    distinct, place = np.unique(values, return_inverse=True)
    weight = np.bincount(place, weights, len(distinct))
    middle = np.cumsum(weight) - weight / 2
    share = middle / max(float(weight.sum()), 1.0)
    group = np.minimum((share * groups).astype(np.int64), groups - 1)
    return np.unique(group, return_inverse=True)[1][place].astype(np.int64)


def _range(events: NDArray[np.int64]) -> str:
    low, high = int(events.min()), int(events.max())
    return f"{low:,}-{high:,} events" if low < high else f"{low:,} event{'' if low == 1 else 's'}"
