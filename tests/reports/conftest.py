"""A small world with ratings and times, and a comparison on it."""

import numpy as np
import pytest

import tastespace as ts


@pytest.fixture(scope="session")
def ratings():
    """80 users who like even or odd items of 40, and rate more of those."""
    rng = np.random.default_rng(0)
    users, items, values, times = [], [], [], []
    for user in range(80):
        chance = np.arange(60, 20, -1) * np.where((user + np.arange(40)) % 2 == 0, 5, 1)
        for item in rng.choice(40, 12, replace=False, p=chance / chance.sum()):
            users.append(user)
            items.append(item)
            values.append(rng.choice([4, 5]) if (user + item) % 2 == 0 else rng.choice([1, 2]))
            times.append(1_600_000_000 + int(rng.integers(10**7)))
    return ts.Interactions.from_events(
        ts.Vocabulary([f"u{user}" for user in range(80)], noun="user"),
        ts.Vocabulary([f"i{item}" for item in range(40)], noun="item"),
        np.array(users),
        np.array(items),
        values=np.array(values, np.float32),
        times=np.array(times, np.int64),
        explicit=True,
    )


@pytest.fixture(scope="session")
def split(ratings):
    return ts.split.last_out(ratings, n=3)


ALS = ts.ALS(factors=4, regularization=0.05, epochs=4, threads=1, progress=False)
IMPLICIT = ts.ImplicitALS(factors=4, epochs=4, threads=1, progress=False)


@pytest.fixture(scope="session")
def comparison(split):
    return ts.compare(
        {"popular": ts.Popularity(), "als": ALS, "implicit": (IMPLICIT, lambda train: train.as_implicit())},
        split,
        relevant=4,
        seeds=2,
        resamples=500,
    )
