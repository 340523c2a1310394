"""``decay`` lets older events count less in every trainer."""

from dataclasses import replace

import numpy as np
import pytest

import tastespace as ts
from tastespace.data.interactions import Interactions
from tests.models.worlds import world

STEPS = {"factors": 4, "epochs": 4}
RATINGS = {
    "als": ts.ALS(**STEPS),
    "als-nonnegative": ts.ALS(**STEPS, nonnegative=True),
    "baseline": ts.Baseline(),
    "item-knn": ts.ItemKNN(neighbours=10),
    "user-knn": ts.UserKNN(neighbours=10),
    "svdpp": ts.SVDPlusPlus(factors=4, epochs=20),
    "funk-svd": ts.FunkSVD(factors=4, epochs=20),
    "pmf": ts.PMF(factors=4, epochs=20),
    "timesvd": ts.TimeSVDPlusPlus(factors=4, epochs=20, bins=1, trend=False, drift="none", days="none"),
}
EVENTS = {
    "ease": ts.EASE(regularization=5.0),
    "implicit-als": ts.ImplicitALS(**STEPS),
    "item-knn": ts.ItemKNN(neighbours=10),
    "user-knn": ts.UserKNN(neighbours=10),
    "bpr": ts.BPR(**STEPS),
    "warp": ts.WARP(**STEPS),
    "logistic-mf": ts.LogisticMF(**STEPS),
}
DAY = 86_400


def changed_mind(n_users=60) -> Interactions:
    """Item 0 had 1 from the first half of the users, long ago, and has 5 from the others; items 1 to 5 have 1 to 5."""
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(n_users), 6)
    items = np.tile(np.arange(6), n_users)
    values = np.tile(np.arange(6.0), n_users)
    early = np.arange(n_users) < n_users // 2
    values[::6] = np.where(early, 1.0, 5.0)
    times = rng.integers(990 * DAY, 1000 * DAY, len(users))
    times[::6][early] = 1 * DAY
    return Interactions.from_events(
        ts.Vocabulary(range(n_users), noun="user"),
        ts.Vocabulary(range(6), noun="item"),
        users,
        items,
        values=values,
        times=times,
        explicit=True,
    )


@pytest.mark.parametrize("name", RATINGS)
def test_recent_ratings_are_nearer(name):
    train = changed_mind()
    users = train.users.ids.tolist()
    plain, recent = (
        float(np.mean(RATINGS[name].fit(events).predict(users, [0] * len(users))))
        for events in (train, train.decay("30d"))
    )
    assert recent > plain + 0.3


@pytest.mark.parametrize("name", RATINGS)
def test_ratings_of_long_ago_are_no_trouble(name):
    model = RATINGS[name].fit(world(times=True).decay("1h"))
    users = model.users.ids.tolist()
    assert np.isfinite(model.predict(users, [103] * len(users))).all()
    assert np.isfinite(model.fold_in({101: 5.0, 105: 1.0}).recommend(3)["score"]).all()


def test_neighbours_do_not_depend_on_the_size_of_weights():
    train = world()
    model, faint = (
        ts.ItemKNN(regularization=0.0).fit(
            replace(
                train,
                by_user=replace(train.by_user, weights=np.full(train.n_events, weight, np.float32)),
                by_item=replace(train.by_item, weights=np.full(train.n_events, weight, np.float32)),
            )
        )
        for weight in (1.0, 2.0**-120)
    )
    np.testing.assert_array_equal(model.weights.indices, faint.weights.indices)
    np.testing.assert_allclose(model.weights.values, faint.weights.values, rtol=1e-5)


@pytest.mark.parametrize("name", EVENTS)
def test_values_of_events_decay(name):
    train = world(explicit=False, times=True).as_implicit()
    users = np.repeat(np.arange(train.n_users, dtype=np.int32), train.n_items)
    items = np.tile(np.arange(train.n_items, dtype=np.int32), train.n_users)
    scores = [
        EVENTS[name].fit(events).score_pairs(users, items)
        for events in (train, train.decay("100d"), train.decay("1d"))
    ]
    assert np.abs(scores[0] - scores[2]).max() > 1e-3
    assert np.abs(scores[0] - scores[1]).max() < np.abs(scores[0] - scores[2]).max()


def test_popularity_counts_events_whatever_their_value_and_has_a_half_life_of_its_own():
    train = world(explicit=False, times=True).as_implicit()
    counted = ts.Popularity().fit(train).item_bias
    np.testing.assert_array_equal(ts.Popularity().fit(train.decay("1d")).item_bias, counted)
    halved = ts.Popularity(half_life="1d").fit(train).item_bias
    assert (halved < counted).all()
    values = train.decay("1d").by_item
    np.testing.assert_allclose(halved, np.add.reduceat(values.values, values.indptr[:-1]), rtol=1e-5)
