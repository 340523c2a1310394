"""Blends: one list of several models, exact over everything that any of them knows."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tastespace as ts
from tastespace.errors import (
    BadRowError,
    EmptyError,
    HistoryError,
    InputError,
    ParameterError,
    UnknownItemError,
    UnknownUserError,
    UnsupportedError,
)
from tastespace.testing import check_model, contract, strategies
from tests.models.test_neighbours import plain as neighbours
from tests.models.worlds import world
from tests.reference import blend as twin


def union(a, b):
    """The events of both, without values."""
    users = a.users.extend(b.users)
    items = a.items.extend(b.items)
    return ts.Interactions.from_events(
        users,
        items,
        np.concatenate([users.rows(part.users)[part.user_rows()] for part in (a, b)]),
        np.concatenate([items.rows(part.items)[part.by_user.indices] for part in (a, b)]),
        duplicates="first",
        explicit=False,
    )


def shifted(**settings):
    """Events of users "u0".. on items some of which only they have."""
    other = world(40, 50, 0.2, seed=7, **settings)
    return other.filter(items=other.items.ids[20:].tolist(), users=other.users.ids[5:].tolist())


def one_space():
    train = world(explicit=False, times=True)
    models = {
        "fine": ts.ImplicitALS(factors=17, epochs=3, unobserved_weight=0.1).fit(train),
        "coarse": ts.ImplicitALS(factors=3, epochs=3, alpha=5.0).fit(train),
    }
    return ts.Blend(models, {"fine": 2, "coarse": 1}), train


def two_worlds():
    clicks, stars = world(explicit=False, times=True), shifted(times=True)
    models = {
        "clicks": ts.ImplicitALS(factors=6, epochs=3, unobserved_weight=0.1).fit(clicks),
        "stars": ts.ALS(factors=5, epochs=3).fit(stars),
    }
    return ts.Blend(models), union(clicks, stars)


def with_popularity():
    train = world(explicit=False)
    models = {
        "taste": ts.ImplicitALS(factors=6, epochs=3, unobserved_weight=0.1).fit(train),
        "crowd": ts.Popularity().fit(train),
    }
    return ts.Blend(models, {"taste": 0.9, "crowd": 0.1}), train


def with_neighbours():
    model, train = neighbours()
    stars = shifted(times=True)
    models = {"next": model, "stars": ts.ALS(factors=5, epochs=3).fit(stars)}
    return ts.Blend(models, {"next": 0.3, "stars": 0.7}), union(train, stars)


def no_factors():
    model, train = neighbours()
    return ts.Blend({"next": model}), train


def nested():
    blend, train = with_popularity()
    taste = blend.models["taste"]
    return ts.Blend({"blend": blend, "taste": taste}, {"blend": 1, "taste": 2}), train


CASES = {
    case.__name__: case
    for case in (one_space, two_worlds, with_popularity, with_neighbours, no_factors, nested)
}


@pytest.fixture(scope="module", params=CASES)
def blended(request):
    return CASES[request.param]()


@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
def test_contract(blended, check):
    model, train = blended
    check(model, train, lambda threads=None: ts.Blend(model.models, model.weights, threads=threads))


@settings(max_examples=40, deadline=None)
@given(data=st.data(), weight=st.floats(0.01, 1.0))
def test_contract_on_small_and_nasty_data(data, weight):
    train = data.draw(strategies.interactions(explicit=False))
    models = {
        "taste": ts.ImplicitALS(factors=3, epochs=2, alpha=4.0).fit(train),
        "crowd": ts.Popularity().fit(train),
    }
    check_model(ts.Blend(models, {"taste": weight, "crowd": 1 - weight / 2}), train)


def test_scores_are_those_of_the_twin(blended):
    model, _ = blended
    for user in model.users.ids[:: max(1, len(model.users) // 9)].tolist():
        want = twin.scores(model.models, model.weights, user)
        found = model.recommend(user, len(model.items), exclude_seen=False)
        assert len(found) == len(model.items)
        got = dict(zip(found["item"].tolist(), found["score"].tolist(), strict=True))
        largest = max(map(abs, want.values()))
        for item, score in want.items():
            assert got[item] == pytest.approx(score, abs=2e-5 * largest), (user, item)


def test_scores_of_all_items_are_those_of_pairs(blended):
    blend, _ = blended
    for model in (blend, *blend.models.values(), next(iter(blend.models.values())).reranked()):
        rows = np.arange(min(7, len(model.users)), dtype=np.int32)[::-1].copy()
        one, two = (model._scores(rows, threads) for threads in (1, 2))
        np.testing.assert_array_equal(one, two)
        users, items = (part.ravel().astype(np.int32) for part in np.indices(one.shape))
        np.testing.assert_array_equal(one.ravel(), model.score_pairs(rows[users], items))


@pytest.mark.parametrize("sign", [1, -1])
def test_scores_beyond_float32_add_nothing(sign):
    model, train = neighbours()
    endless = replace(model, weights=np.full_like(model.weights, sign * 3e38))
    rows = np.arange(len(model.users), dtype=np.int32)
    lost = ~np.isfinite(endless._scores(rows, 1)).all(axis=1)
    assert lost.any()
    crowd = ts.Popularity().fit(train)
    with np.errstate(all="raise"):
        blend = ts.Blend({"endless": endless, "crowd": crowd})
        found, scores = blend.rank(rows, len(train.items), exclude_seen=False)
    assert np.isfinite(scores).all()
    wanted, _ = crowd.rank(rows, len(train.items), exclude_seen=False)
    np.testing.assert_array_equal(found[lost], wanted[lost])
    user = model.users.ids[lost].tolist()[0]
    for item in model.items.ids[:5].tolist():
        parts = blend.parts(user, item)["contribution"]
        assert parts[0] == 0.0
        assert parts.sum() == pytest.approx(blend.predict(user, item), abs=1e-5)


def test_users_and_items_of_any_model_are_known():
    model, _ = two_worlds()
    clicks, stars = model.models["clicks"], model.models["stars"]
    only_stars = [item for item in stars.items if item not in clicks.items]
    only_clicks = [user for user in clicks.users if user not in stars.users]
    assert only_stars
    assert only_clicks
    assert set(model.items) == set(clicks.items) | set(stars.items)
    # Whom the other model does not know, the one ranks alone, and what it does not know is in the middle.
    alone = clicks.recommend(only_clicks[0], 5)["item"]
    assert model.recommend(only_clicks[0], 5)["item"].tolist() == alone.tolist()
    assert model.predict(only_clicks[0], only_stars[0]) == 0.0
    assert model.info.data["users"] == len(model.users)
    assert model.info.data["first_time"] is not None
    assert model.scale is None


def test_weights_are_shares():
    model, _ = one_space()
    assert dict(model.weights) == {"fine": 2 / 3, "coarse": 1 / 3}
    assert model.info.params["weights"] == dict(model.weights)
    with pytest.raises(TypeError):
        model.weights["fine"] = 3.0
    users = model.users.ids.tolist()
    all_of_one = model.reweighted({"fine": 1, "coarse": 0})
    assert np.array_equal(all_of_one.recommend(users)["item"], model.models["fine"].recommend(users)["item"])
    back = all_of_one.reweighted({"fine": 2, "coarse": 1})
    assert back.recommend(users) == model.recommend(users)
    assert repr(model).startswith("Blend of 0.667 fine, 0.333 coarse: 59 users, 39 items")


def test_boosts_and_filters(blended):
    model, _ = blended
    user = model.users.ids[0]
    whole = model.recommend(user, len(model.items))
    best, last = whole["item"][0], whole["item"][-1]
    boosted = model.recommend(user, len(model.items), boost={last: 1e4, best: 1e4})
    factor = np.where(whole["score"][[0, -1]] > 0, 1e4, 1e-4)
    scores = dict(zip(boosted["item"].tolist(), boosted["score"].tolist(), strict=True))
    np.testing.assert_allclose([scores[best], scores[last]], whole["score"][[0, -1]] * factor, rtol=1e-5)


def test_parts_sum_to_the_score(blended):
    model, _ = blended
    for user in model.users.ids[:3].tolist():
        for item in model.items.ids[::9].tolist():
            parts = model.parts(user, item)
            assert parts.columns == ("model", "weight", "score", "standardised", "contribution")
            total = parts["contribution"].sum()
            assert total == pytest.approx(model.predict(user, item), abs=1e-4)
            for name, _, score, *_ in parts:
                part = model.models[name]
                if user in part.users and item in part.items:
                    rows = [
                        np.array([v.row(i)], np.int32) for v, i in ((part.users, user), (part.items, item))
                    ]
                    assert score == part.score_pairs(*rows)[0]
                else:
                    assert np.isnan(score)


def test_explanations_name_the_model():
    model, _ = two_worlds()
    stars = model.models["stars"]
    user = stars.users.ids[0]
    why = model.explain(user, stars.items.ids[0])
    assert why.parts.columns == ("item", "value", "contribution", "model")
    assert set(why.parts["model"]) == {"clicks", "stars"}
    assert ", stars)" in str(why) or ", clicks)" in str(why)
    crowd, _ = with_popularity()
    with pytest.raises(
        UnsupportedError, match=r"model 'crowd' of this blend cannot explain \(Popularity scores"
    ):
        crowd.explain("u1", 100)


def test_a_model_that_explains_nothing():
    from tests.models.test_reranked import Bare

    train = world(explicit=False)
    bare = Bare(ts.ImplicitALS(factors=3, epochs=2).fit(train))
    with pytest.raises(UnsupportedError, match=r"model 'bare' of this blend cannot explain; blend.parts"):
        ts.Blend({"bare": bare}).explain("u1", 100)


def test_strangers():
    model, _ = two_worlds()
    with pytest.raises(UnknownUserError, match=r"unknown user 'nobody'; for a newcomer use model\.fold_in"):
        model.recommend("nobody")
    for call in (model.parts, model.explain):
        with pytest.raises(UnknownUserError, match="unknown user 'nobody'"):
            call("nobody", 100)
        with pytest.raises(UnknownItemError, match="unknown item 7"):
            call("u9", 7)


def own(model, user):
    """What a user has in one model, as a newcomer would tell it."""
    items, values = model.history.row(model.users.row(user))
    return dict(zip(model.items.ids[items].tolist(), values.tolist(), strict=True))


def by_item(table, model):
    return table["score"][np.argsort(model.items.rows(table["item"]))]


@pytest.mark.parametrize("name", ["one_space", "two_worlds", "with_neighbours", "nested"])
def test_a_newcomer_with_the_history_of_a_user_is_that_user(name):
    model, _ = CASES[name]()
    if name == "nested":
        user = model.users.ids[1]
        told = own(model.models["taste"], user)
    else:
        user = next(iter(set.intersection(*(set(part.users) for part in model.models.values()))))
        told = {part: own(model.models[part], user) for part in model.models}
    visitor = model.fold_in(told)
    assert repr(visitor).startswith("Visitor with ")
    total = len(model.items)
    mine, theirs = visitor.recommend(total), model.recommend(user, total)
    assert set(mine["item"]) == set(theirs["item"])
    folded = by_item(visitor.recommend(total, exclude_seen=False), model)
    np.testing.assert_allclose(
        folded, by_item(model.recommend(user, total, exclude_seen=False), model), atol=2e-4
    )
    assert visitor.predict(model.items.ids.tolist()).tolist() == folded.tolist()
    item = theirs["item"][0]
    assert visitor.predict(item) == pytest.approx(model.predict(user, item), abs=2e-4)
    reordered = visitor.recommend(5, popularity_penalty=0.5)
    assert reordered["item"].tolist() == model.recommend(user, 5, popularity_penalty=0.5)["item"].tolist()
    boosted = visitor.recommend(3, boost={item: 1e4}, deny=[mine["item"][1]])
    assert mine["item"][1] not in boosted["item"]
    assert visitor.recommend(total, exclude_seen=False)["score"].tolist() == sorted(folded, reverse=True)


def test_a_newcomer_whom_one_model_knows():
    model, _ = two_worlds()
    clicks = model.models["clicks"]
    user = clicks.users.ids[0]
    visitor = model.fold_in({"clicks": own(clicks, user)})
    alone = clicks.fold_in(own(clicks, user)).recommend(5)
    assert visitor.recommend(5)["item"].tolist() == alone["item"].tolist()
    assert set(visitor.placed) == {"clicks"}
    only_stars = next(item for item in model.models["stars"].items if item not in clicks.items)
    assert visitor.predict(only_stars) == 0.0
    assert not visitor.explain(only_stars).parts["contribution"].any()


def test_one_history_for_models_of_one_signal():
    model, train = with_popularity()
    user = model.users.ids[0]
    items = list(own(model.models["taste"], user))
    both = model.fold_in({"taste": items, "crowd": items}).recommend(9)
    for history in (items, dict.fromkeys(items, 1.0), pd.Series(1.0, items)):
        assert model.fold_in(history).recommend(9) == both
    assert model.fold_in([*items, -1], on_unknown="skip").recommend(9) == both
    with pytest.raises(UnknownItemError, match='unknown item -1; pass on_unknown="skip"'):
        model.fold_in([*items, -1])
    with pytest.raises(EmptyError, match="fold_in knows none of the 2 items of this history"):
        model.fold_in([-1, -2], on_unknown="skip")
    # Of items that only one model knows, only that one says something.
    other = ts.Popularity().fit(shifted())
    mixed = ts.Blend({"taste": model.models["taste"], "other": other})
    strange = next(item for item in other.items if item not in train.items)
    assert set(mixed.fold_in([strange]).placed) == {"other"}


def test_newcomers_explain():
    model, _ = two_worlds()
    stars = model.models["stars"]
    user, item = stars.users.ids[0], stars.items.ids[0]
    visitor = model.fold_in({name: own(part, user) for name, part in model.models.items()})
    why, told = visitor.explain(item), model.explain(user, item)
    assert why.user is None
    assert why.score == pytest.approx(visitor.predict(item), abs=1e-4)
    assert why.score == pytest.approx(told.score, abs=2e-4)
    assert sorted(zip(why.parts["item"], why.parts["model"], strict=True)) == sorted(
        zip(told.parts["item"], told.parts["model"], strict=True)
    )
    crowd, _ = with_popularity()
    with pytest.raises(
        UnsupportedError, match="model 'crowd' of this blend: Popularity scores do not depend"
    ):
        crowd.fold_in([100]).explain(101)
    with pytest.raises(UnknownItemError, match="unknown item 7"):
        visitor.explain(7)


def test_many_newcomers():
    model, _ = two_worlds()
    clicks, stars = (model.models[name].interactions() for name in ("clicks", "stars"))
    folded = model.fold_in_many({"clicks": clicks, "stars": stars})
    assert isinstance(folded, ts.Blend)
    assert folded.items == model.items
    for user in (clicks.users.ids[0], stars.users.ids[0]):
        told = {name: own(part, user) for name, part in model.models.items() if user in part.users}
        one, many = model.fold_in(told).recommend(9), folded.recommend(user, 9)
        assert many["item"].tolist() == one["item"].tolist()
        np.testing.assert_allclose(many["score"], one["score"], atol=1e-5)
    same, train = with_popularity()
    some = train.select(np.arange(40))
    assert same.fold_in_many(some).users == some.users
    assert ts.evaluate(same, train, known=some, metrics="recall@5")["recall@5"] >= 0


def test_histories_that_cannot_be_used():
    model, _ = two_worlds()
    user = model.models["stars"].users.ids[0]
    told = own(model.models["stars"], user)
    events = model.models["stars"].interactions()
    for call in (lambda: model.fold_in(told), lambda: model.fold_in(list(told))):
        with pytest.raises(
            UnsupportedError,
            match=r"fold_in of this blend needs a history for each model, as 'stars' reads ratings and 'clicks' "
            r"weights: fold_in\({'stars': ..., 'clicks': ...}\)",
        ):
            call()
    with pytest.raises(UnsupportedError, match="fold_in_many of this blend needs a history for each model"):
        model.fold_in_many(events)
    with pytest.raises(InputError, match="for each of its models, clicks, stars; got 'stars'"):
        model.fold_in_many({"stars": events})
    with pytest.raises(InputError, match=r"model 'stars' of this blend: fold_in_many takes Interactions"):
        model.fold_in_many({"clicks": events.as_implicit(), "stars": told})
    with pytest.raises(InputError, match="by the names of its models, clicks, stars; got 'views'"):
        model.fold_in({"views": told})
    with pytest.raises(
        BadRowError, match=r"model 'stars' of this blend: the value of item .* must be .* 1\.\.5"
    ):
        model.fold_in({"stars": dict.fromkeys(told, 9.0)})
    with pytest.raises(EmptyError, match="fold_in needs at least one item"):
        model.fold_in({})
    with pytest.raises(InputError, match="got the single id 'u1'"):
        model.fold_in("u1")
    with pytest.raises(ParameterError, match='on_unknown must be "raise" or "skip"; got True'):
        model.fold_in({"stars": told}, on_unknown=True)
    from tests.models.test_reranked import Bare

    bare = ts.Blend({"bare": Bare(model.models["clicks"])})
    with pytest.raises(UnsupportedError, match="model 'bare' of this blend cannot place newcomers; name the"):
        bare.fold_in([100])


def test_saved_pickled_and_measured(tmp_path, blended):
    model, _ = blended
    model = model.measured({"ndcg@10": 0.5})
    users = model.users.ids.tolist()
    assert pickle.loads(pickle.dumps(model)).recommend(users) == model.recommend(users)
    model.save(tmp_path / "b.taste")
    loaded = ts.load(tmp_path / "b.taste")
    assert isinstance(loaded, ts.Blend)
    assert list(loaded.models) == list(model.models)
    assert dict(loaded.weights) == dict(model.weights)
    assert loaded.info.metrics == {"ndcg@10": 0.5}
    assert loaded.recommend(users) == model.recommend(users)


def test_a_history_that_is_not_there(tmp_path):
    model, _ = one_space()
    model.models["fine"].save(tmp_path / "fine.taste", history=False)
    mixed = ts.Blend({"fine": ts.load(tmp_path / "fine.taste"), "coarse": model.models["coarse"]})
    assert mixed.history is None
    with pytest.raises(HistoryError, match="cannot leave out what they have seen"):
        mixed.recommend("u1")
    assert len(mixed.recommend("u1", exclude_seen=False)) == 10


def test_evaluated_and_reranked():
    events = world(200, 80, 0.2, explicit=False)
    split = ts.split.random(events, 0.2, seed=1)
    fine = ts.ImplicitALS(factors=8, epochs=4, unobserved_weight=0.1).fit(split.train)
    model = ts.Blend({"fine": fine, "crowd": ts.Popularity().fit(split.train)})
    report = ts.evaluate(model, split, metrics=["ndcg@5", "popularity@5", "auc"])
    assert 0 < report["ndcg@5"] < 1
    rare = model.reranked(popularity_penalty=1.0, diversity=0.2, space=fine)
    assert ts.evaluate(rare, split, metrics="popularity@5")["popularity@5"] < report["popularity@5"]
    with pytest.raises(InputError, match="model 'rare' is re-ranked, so its lists have no scores to add"):
        ts.Blend({"rare": rare})


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ([1], "Blend takes models by name, {'clicks': a, 'ratings': b}; got list"),
        ({}, "Blend takes models by name"),
        ({"": None}, "the models of a Blend are named by text; got the name ''"),
        ({3: None}, "the models of a Blend are named by text; got the name 3"),
        ({"a": ts.ALS()}, "Blend takes frozen models; 'a' is ALS: fit or load it first"),
    ],
)
def test_what_is_no_model(models, message):
    with pytest.raises(InputError, match=message):
        ts.Blend(models)


def test_models_with_nothing_in_common():
    fine = ts.Popularity().fit(world(explicit=False))
    other = world(5, 4, 0.6, explicit=False)
    for users, items, alike in ((0, 1, True), (1, 0, True), (1, 1, False)):
        apart = ts.Interactions.from_events(
            ts.Vocabulary([f"{'v' * users}u{u}" for u in range(other.n_users)], noun="user"),
            ts.Vocabulary([items * 1000 + 100 + i for i in range(other.n_items)], noun="item"),
            other.user_rows(),
            other.by_user.indices,
            explicit=False,
        )
        models = {"fine": fine, "apart": ts.Popularity().fit(apart)}
        if alike:
            assert len(ts.Blend(models).recommend("u1", 10**6))
            continue
        with pytest.raises(
            InputError,
            match=r"model 'fine' of this blend has no user and no item in common with the others, such as item 100 "
            r"here and 1100 there",
        ):
            ts.Blend(models)


def test_ids_of_two_types():
    a, b = world(explicit=False), world(explicit=False)
    b = ts.Interactions.from_events(
        b.users,
        ts.Vocabulary([f"i{i}" for i in range(b.n_items)], noun="item"),
        b.user_rows(),
        b.by_user.indices,
        explicit=False,
    )
    popular = ts.Popularity()
    with pytest.raises(InputError, match="item ids here are integers, the new ones strings"):
        ts.Blend({"a": popular.fit(a), "b": popular.fit(b)})


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"fine": 1}, r"weights of Blend must name its models, fine, coarse; got \['fine'\]"),
        ({"fine": 1, "coarse": 1, "x": 1}, "weights of Blend must name its models"),
        ([1, 2], "weights of Blend must name its models"),
        ({"fine": -1, "coarse": 1}, "the weight of 'fine' must be a finite number >= 0; got -1"),
        ({"fine": np.nan, "coarse": 1}, "the weight of 'fine' must be a finite number >= 0; got nan"),
        ({"fine": "1", "coarse": 1}, "the weight of 'fine' must be a finite number >= 0; got '1'"),
        ({"fine": 0, "coarse": 0}, "the weights of a Blend must have a finite sum above 0"),
        ({"fine": 1e308, "coarse": 1e308}, "the weights of a Blend must have a finite sum above 0"),
    ],
)
def test_weights_that_make_no_sense(weights, message):
    model, _ = one_space()
    with pytest.raises(ParameterError, match=message):
        ts.Blend(model.models, weights)
    with pytest.raises(ParameterError, match=message):
        model.reweighted(weights)


def test_newcomers_of_signals_that_meet_nowhere():
    train = world(explicit=False)
    low, high = (
        train.filter(items=train.items.ids[half].tolist()) for half in (slice(0, 15), slice(15, None))
    )
    blend = ts.Blend({"low": ts.EASE().fit(low), "high": ts.EASE().fit(high)})  # the users are the same
    one, other = (
        ts.Interactions.from_events(
            ts.Vocabulary([name], noun="user"),
            part.items,
            np.zeros(3, np.int32),
            np.arange(3, dtype=np.int32),
            explicit=False,
        )
        for name, part in (("n1", low), ("n2", high))
    )
    folded = blend.fold_in_many({"low": one, "high": other})
    assert set(folded.users) == {"n1", "n2"}
    assert len(folded.recommend("n1", 5)) == 5
    with pytest.raises(UnsupportedError, match=r"a blend of newcomers .* blend.reranked\(popularity_penalty"):
        folded.recommend("n1", 5, popularity_penalty=0.5)
    assert (
        len(
            blend.reranked(popularity_penalty=0.5)
            .fold_in_many({"low": one, "high": other})
            .recommend("n1", 5)
        )
        == 5
    )
