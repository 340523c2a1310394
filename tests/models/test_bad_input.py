"""What users get wrong with rankings, for every trainer: each is a typed error or a documented result."""

import numpy as np
import polars as pl
import pytest

import tastespace as ts
from tastespace.errors import InputError, ParameterError, UnknownItemError
from tests.models.worlds import with_values, world

TRAINERS = {
    "ease": ts.EASE(regularization=5.0),
    "ease-sparse": ts.EASE(regularization=5.0, sparse=True, neighbours=5),
    "item-knn": ts.ItemKNN(neighbours=5),
    "user-knn": ts.UserKNN(neighbours=5),
    "bpr": ts.BPR(factors=3, epochs=2),
    "warp": ts.WARP(factors=3, epochs=2),
    "logistic-mf": ts.LogisticMF(factors=3, epochs=2),
    "implicit-als": ts.ImplicitALS(factors=3, epochs=2),
}
#: Those that need an item that somebody lacks.
COMPARE = ("bpr", "warp")


def read(rows: list[tuple[str, str, float]]) -> ts.Interactions:
    frame = pl.DataFrame(rows, schema=["who", "what", "hours"], orient="row")
    return ts.read(frame, user="who", item="what", weight="hours")


@pytest.fixture(scope="module", params=TRAINERS)
def fitted(request):
    train = world(explicit=False)
    return TRAINERS[request.param].fit(train), train


def test_more_than_there_are(fitted):
    model, train = fitted
    user = train.users.ids[0]
    unseen = train.n_items - train.by_user.counts()[0]
    assert len(model.recommend(user, 10**9)) == unseen
    assert len(model.recommend(user, 10**9, popularity_penalty=0.3, candidates=10**9)) == unseen
    assert len(model.recommend([user, user], 10**9, exclude_seen=False)) == 2 * train.n_items


def test_unknown_ids_in_filters_have_no_effect(fitted):
    model, train = fitted
    user, item = train.users.ids[0], model.recommend(train.users.ids[0], 1)["item"][0]
    assert model.recommend(user, allow=[item, -1])["item"].tolist() == [item]
    assert len(model.recommend(user, allow=[-1])) == 0
    assert model.recommend(user, 5, deny=[-1, -2]) == model.recommend(user, 5)
    with pytest.raises(
        UnknownItemError, match="deny holds the string id 'x', and the items of this model have"
    ):
        model.recommend(user, deny=["x"])


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "0.3", None])
def test_settings_of_re_ranking(fitted, value):
    model, train = fitted
    with pytest.raises(ParameterError, match="popularity_penalty must be a finite number >= 0; got"):
        model.recommend(train.users.ids[0], popularity_penalty=value)
    with pytest.raises(ParameterError, match="diversity must be from 0 to below 1; got"):
        model.recommend(train.users.ids[0], diversity=value)
    with pytest.raises(ParameterError, match=r"diversity must be from 0 to below 1; got 1\.0"):
        model.reranked(diversity=1.0)


@pytest.mark.parametrize("name", TRAINERS)
@pytest.mark.parametrize("value", [0.0, -2.0])
def test_ratings_that_are_no_weights(name, value):
    """Of ``weight=`` columns ``ts.read`` takes none of these; ratings may be anything."""
    train = world()
    values = train.by_user.values.copy()
    values[3] = value
    train = with_values(train, values)
    if name in ("item-knn", "user-knn"):
        assert TRAINERS[name].fit(train).explicit  # which learn ratings as such
        return
    with pytest.raises(
        InputError, match=rf"needs values > 0; user 'u0' and item \d+ have {value:g}\. Drop such"
    ):
        TRAINERS[name].fit(train)


@pytest.mark.parametrize("name", TRAINERS)
def test_duplicate_events_are_one_of_summed_weight(name):
    rows = [("a", "x", 1.0), ("a", "y", 2.0), ("b", "y", 3.0), ("b", "z", 1.0), ("c", "z", 2.0)]
    twice = read([*rows, ("a", "x", 2.0)])
    assert twice.n_events == 5
    once = read([("a", "x", 3.0), *rows[1:]])
    models = [TRAINERS[name].fit(train) for train in (twice, once)]
    assert models[0].recommend(["a", "b", "c"]) == models[1].recommend(["a", "b", "c"])


@pytest.mark.parametrize("name", [name for name in TRAINERS if name not in COMPARE])
@pytest.mark.parametrize(
    "rows",
    [[("a", "x", 1.0)], [("a", "x", 1.0), ("b", "x", 2.0)], [("a", "x", 1.0), ("a", "y", 1.0)]],
    ids=["one event", "one item", "one user"],
)
def test_one_item_or_one_user(name, rows):
    train = read(rows)
    model = TRAINERS[name].fit(train)
    every = train.users.ids.tolist()
    assert np.isfinite(model.recommend(every, exclude_seen=False)["score"]).all()
    assert len(model.recommend(every)) == 0  # everybody has everything


@pytest.mark.parametrize("name", TRAINERS)
def test_a_user_who_has_everything_among_others(name):
    model = TRAINERS[name].fit(read([("a", i, 1.0) for i in "xyz"] + [("b", "x", 2.0), ("c", "y", 3.0)]))
    assert len(model.recommend("a")) == 0
    assert len(model.recommend("b")) == 2
