"""Small worlds that several tests live in."""

import numpy as np

from tastespace.data.interactions import Interactions
from tastespace.data.vocabulary import Vocabulary


def world(n_users=60, n_items=40, density=0.2, seed=0, *, explicit=True, times=False, k=3) -> Interactions:
    """Ratings 1..5 of random cells, or play counts of liked cells, by a low-rank truth; users "u0".., items 100.."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(n_users, k)) @ rng.normal(size=(k, n_items))
    chance = rng.random((n_users, n_items))
    if not explicit:
        chance -= truth
    users, items = np.nonzero(chance <= np.quantile(chance, density))
    if explicit:
        values = np.clip(np.round(3 + truth[users, items]), 1, 5)
    else:
        values = np.ceil(np.exp(np.clip(truth[users, items], 0, 4)))
    return Interactions.from_events(
        Vocabulary([f"u{u}" for u in range(n_users)], noun="user"),
        Vocabulary(range(100, 100 + n_items), noun="item"),
        users.astype(np.int32),
        items.astype(np.int32),
        values=values.astype(np.float32),
        times=rng.integers(1_000_000, 2_000_000, len(users)) if times else None,
        explicit=explicit,
    )


def dense(train: Interactions) -> np.ndarray:
    """The values as a dense double matrix (users, items), NaN where there is no event."""
    table = train.by_user
    out = np.full((train.n_users, train.n_items), np.nan)
    out[np.repeat(np.arange(train.n_users), np.diff(table.indptr)), table.indices] = table.filled_values()
    return out


def with_values(train: Interactions, values: np.ndarray) -> Interactions:
    """The same cells as ratings with other values."""
    return Interactions.from_events(
        train.users,
        train.items,
        train.user_rows(),
        train.by_user.indices,
        values=values.astype(np.float32),
        explicit=True,
    )
