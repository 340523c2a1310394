"""Re-ranked lists: what the page says, in every call, natively as by its slow twin."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tastespace as ts
from tastespace.errors import HistoryError, InputError, ParameterError, UnknownUserError, UnsupportedError
from tastespace.models.listing import Listing
from tastespace.testing import check_model, contract, strategies
from tests.models.test_neighbours import plain as neighbours
from tests.models.worlds import world
from tests.reference import reranking as twin

HOW = {
    "popularity": {"popularity_penalty": 0.5},
    "diversity": {"diversity": 0.4},
    "both": {"popularity_penalty": 0.3, "diversity": 0.6, "candidates": 15},
    "nothing": {},
}


@pytest.fixture(scope="module")
def train():
    return world(60, 40, explicit=False)


@pytest.fixture(scope="module")
def model(train):
    return ts.ImplicitALS(factors=6, epochs=4, unobserved_weight=0.1).fit(train)


def ratings():
    train = world()
    return ts.ALS(factors=6, epochs=3).fit(train), train


def popular():
    train = world(explicit=False)
    return ts.Popularity().fit(train), train


CASES = {
    "implicit": lambda: (
        ts.ImplicitALS(factors=17, epochs=3, unobserved_weight=0.1).fit(world(explicit=False)),
        world(explicit=False),
    ),
    "ratings": ratings,
    "popularity": popular,
    "neighbours": neighbours,
}


@pytest.mark.parametrize("case", ["implicit", "neighbours"])
def test_newcomers_meet_the_popularity_of_training(case, tmp_path):
    model, train = CASES[case]()
    some = train.select(train.user_rows() < 3)
    folded = model.fold_in_many(some)
    np.testing.assert_array_equal(folded.popularity, model._popularity)
    np.testing.assert_array_equal(folded.fold_in_many(some).popularity, model._popularity)
    user = some.users.ids[:1].tolist()[0]
    how = {"popularity_penalty": 0.9, "candidates": 40}
    listed = folded.recommend(user, 5, **how)
    want = model.reranked(**how).fold_in_many(some).recommend(user, 5)
    assert list(listed) == list(want) != list(folded.recommend(user, 5))
    folded.save(tmp_path / "folded.taste")
    again = ts.load(tmp_path / "folded.taste")
    assert list(again.recommend(user, 5, **how)) == list(want)
    with pytest.raises(UnsupportedError, match=r"a model of newcomers, .* update the model that placed them"):
        folded.update(some)


def test_popularity_that_nobody_counted(tmp_path, model, train):
    model.save(tmp_path / "bare.taste", history=False)
    bare = ts.load(tmp_path / "bare.taste")
    for folded in (bare.fold_in_many(train), bare.fold_in_many(train).fold_in_many(train)):
        with pytest.raises(
            HistoryError, match=r"does not know how popular items were in training: .* history=True"
        ):
            folded.recommend(train.users.ids[0], popularity_penalty=0.5)
    with pytest.raises(
        InputError, match=r"popularity must be float32 \(\d+,\) and finite; got float64 \(2,\)"
    ):
        replace(model, popularity=np.ones(2))


@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("case", CASES)
def test_contract(case, how, check):
    fitted, train = CASES[case]()
    space = ts.ImplicitALS(factors=3, epochs=2).fit(world(60, 30, explicit=False))
    without = case in ("popularity", "neighbours") and "diversity" in HOW[how]

    def again(threads=None):
        return fitted.reranked(**HOW[how], space=space if without else None)

    check(again(), train, again)


@settings(max_examples=40, deadline=None)
@given(
    data=st.data(),
    penalty=st.floats(0, 3),
    diversity=st.floats(0, 0.99),
    candidates=st.integers(1, 12),
)
def test_contract_on_small_and_nasty_data(data, penalty, diversity, candidates):
    train = data.draw(strategies.interactions(explicit=False))
    fitted = ts.ImplicitALS(factors=3, epochs=2, alpha=4.0).fit(train)
    how = {"popularity_penalty": penalty, "diversity": diversity, "candidates": candidates}
    check_model(fitted.reranked(**how), train, lambda threads=None: fitted.reranked(**how))


@pytest.mark.parametrize(("penalty", "diversity"), [(0.0, 0.0), (0.8, 0.0), (0.0, 0.5), (0.4, 0.3)])
@pytest.mark.parametrize("candidates", [1, 12, 100])
def test_lists_are_those_of_the_twin(model, train, penalty, diversity, candidates):
    how = {"popularity_penalty": penalty, "diversity": diversity, "candidates": candidates}
    vectors, share = model.item_factors.astype(float), twin.popularity(train)
    for user in model.users.ids[::7].tolist():
        whole = model.recommend(user, len(model.items))
        rows = model.items.rows(whole["item"])
        want = twin.reranked(
            rows.tolist(), whole["score"].tolist(), 10, candidates, penalty, diversity, share, vectors
        )
        got = model.reranked(**how).recommend(user, 10)
        got_rows = model.items.rows(got["item"])
        assert got_rows[: len(want)].tolist() == [item for item, _ in want]
        if penalty or diversity:
            np.testing.assert_allclose(
                got["score"][: len(want)], [value for _, value in want], rtol=0, atol=2e-6
            )
        # What is no candidate stays where it is.
        assert got_rows[len(want) :].tolist() == rows[len(want) : 10].tolist()


def test_every_call_gives_the_same_lists(model, train):
    how = {"popularity_penalty": 0.3, "diversity": 0.4, "candidates": 20}
    wrapped = model.reranked(**how)
    users = model.users.ids.tolist()
    one_call = model.recommend(users, 7, **how)
    assert wrapped.recommend(users, 7) == one_call
    assert model.recommend(users[3], 7, **how) == wrapped.recommend(users[3], 7)
    batches = list(model.recommend_all(7, batch=17, **how))
    for column in one_call.columns:
        assert np.array_equal(np.concatenate([part[column] for part in batches]), one_call[column])
    visitor = model.fold_in([*model.items.ids[:5].tolist()])
    plain, moved = visitor.recommend(10), visitor.recommend(10, **how)
    assert set(moved["item"]) != set(plain["item"]) or list(moved["item"]) != list(plain["item"])
    for threads in (1, 2, 5):
        rows = np.arange(len(users), dtype=np.int32)
        found, scores = wrapped.rank(rows, 7, threads=threads)
        assert np.array_equal(model.items.ids[found.ravel()], one_call["item"])
        assert np.array_equal(scores.ravel(), one_call["score"])


def test_filters_come_first(model):
    user = model.users.ids[0]
    allow = model.items.ids[::4].tolist()
    found = model.recommend(user, 5, allow=allow, diversity=0.5, candidates=10)
    assert len(found) == 5
    assert set(found["item"]) <= set(allow)


def test_scale_of_scores_does_not_matter(model):
    from dataclasses import replace

    larger = replace(
        model,
        user_factors=model.user_factors * np.float32(8),
        mean=5.0,
    )
    how = {"popularity_penalty": 0.3, "diversity": 0.4}
    users = model.users.ids.tolist()
    assert np.array_equal(
        model.recommend(users, 10, **how)["item"], larger.recommend(users, 10, **how)["item"]
    )


def test_evaluation_measures_the_new_order():
    events = world(200, 80, 0.2, explicit=False)
    split = ts.split.random(events, 0.2, seed=1)
    fitted = ts.ImplicitALS(factors=8, epochs=4, unobserved_weight=0.1).fit(split.train)
    metrics = ["ndcg@5", "popularity@5", "diversity@5", "coverage@5", "gini@5"]
    plain = ts.evaluate(fitted, split, metrics=metrics)
    rare = ts.evaluate(fitted.reranked(popularity_penalty=1.0), split, metrics=metrics)
    apart = ts.evaluate(fitted.reranked(diversity=0.5), split, metrics=metrics)
    assert rare["popularity@5"] < plain["popularity@5"]
    assert apart["diversity@5"] > plain["diversity@5"]
    same = ts.evaluate(fitted.reranked(), split, metrics=metrics)
    assert same.metrics == plain.metrics
    compared = ts.compare(
        {"plain": fitted, "rare": fitted.reranked(popularity_penalty=1.0)}, split, metrics=["ndcg@5"], k=5
    )
    assert "rare" in str(compared)


def test_sampled_evaluations_warn():
    events = world(100, 60, 0.2, explicit=False)
    split = ts.split.random(events, 0.2, seed=1)
    wrapped = ts.ImplicitALS(factors=4, epochs=2).fit(split.train).reranked(diversity=0.5)
    report = ts.evaluate(wrapped, split, candidates=ts.Sampled(20))
    assert any("re-ranked" in warning for warning in report.warnings)


def test_rating_errors_are_those_of_the_model():
    train = world(100, 50)
    split = ts.split.random(train, 0.2, seed=1)
    fitted = ts.ALS(factors=4, epochs=3).fit(split.train)
    plain = ts.evaluate(fitted, split, metrics="rmse")["rmse"]
    assert ts.evaluate(fitted.reranked(diversity=0.5), split, metrics="rmse")["rmse"] == plain


def test_newcomers_are_measured_by_the_same_popularity(model, train):
    wrapped = model.reranked(popularity_penalty=0.5)
    known = train.filter(users=train.users.ids[:9].tolist())
    folded = wrapped.fold_in_many(known)
    assert folded.users == known.users
    assert np.array_equal(folded.popularity, wrapped.popularity)
    assert len(folded.recommend(known.users.ids[0], 5)) == 5


def test_pickled_and_saved(model, tmp_path):
    wrapped = model.reranked(popularity_penalty=0.5, diversity=0.3, candidates=9)
    users = model.users.ids.tolist()
    assert pickle.loads(pickle.dumps(wrapped)).recommend(users) == wrapped.recommend(users)
    wrapped.save(tmp_path / "m.taste", history=False)
    loaded = ts.load(tmp_path / "m.taste")
    assert isinstance(loaded, ts.Reranked)
    assert loaded.reranking == wrapped.reranking
    lists = loaded.recommend(users, exclude_seen=False)
    assert lists == wrapped.recommend(users, exclude_seen=False)
    with pytest.raises(HistoryError, match="cannot count how popular items are"):
        loaded.model.recommend(users, exclude_seen=False, popularity_penalty=0.1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"popularity_penalty": -0.1}, "popularity_penalty must be a finite number >= 0; got -0.1"),
        ({"popularity_penalty": np.inf}, "popularity_penalty must be a finite number >= 0; got inf"),
        ({"popularity_penalty": "much"}, "popularity_penalty must be a finite number >= 0; got 'much'"),
        ({"diversity": 1}, "diversity must be from 0 to below 1; got 1"),
        ({"diversity": np.nan}, "diversity must be from 0 to below 1; got nan"),
        ({"candidates": 0}, "candidates must be a whole number of at least 1; got 0"),
    ],
)
def test_settings_that_make_no_sense(model, settings, message):
    for call in (
        lambda: model.recommend("u1", **settings),
        lambda: model.recommend_all(**settings),
        lambda: model.reranked(**settings),
        lambda: model.fold_in([100]).recommend(**settings),
    ):
        with pytest.raises(ParameterError, match=message):
            call()


def test_nothing_tells_what_is_alike(model):
    fitted, train = popular()
    user = train.users.ids[0]
    for call in (lambda: fitted.recommend(user, diversity=0.5), lambda: fitted.reranked(diversity=0.5)):
        with pytest.raises(
            UnsupportedError, match=r"Popularity has no factors, so nothing tells which items"
        ):
            call()
    with pytest.raises(UnsupportedError, match="Popularity has no factors"):
        model.reranked(diversity=0.5, space=fitted)
    with pytest.raises(InputError, match="space of reranked must be a factor model; got str"):
        model.reranked(diversity=0.5, space="als")
    assert len(fitted.reranked(diversity=0.5, space=model).recommend(user)) == 10


def test_once_is_enough(model):
    wrapped = model.reranked(diversity=0.5)
    for call in (
        lambda: wrapped.reranked(diversity=0.1),
        lambda: wrapped.recommend("u1", popularity_penalty=0.1),
    ):
        with pytest.raises(
            UnsupportedError, match="this model is re-ranked already; ask or re-rank the one in it"
        ):
            call()


class Bare(Listing):
    """No more than lists."""

    def __init__(self, model):
        self.model = model
        for name in ("users", "items", "history", "scale", "info"):
            setattr(self, name, getattr(model, name))

    def _rank(self, *args, **settings):
        return self.model._rank(*args, **settings)

    def _scores(self, *args):
        return self.model._scores(*args)

    def score_pairs(self, *args, **settings):
        return self.model.score_pairs(*args, **settings)

    def _packed(self, history):
        return self.model._packed(history)


def test_what_the_model_cannot(model):
    wrapped = Bare(model).reranked(popularity_penalty=0.1)
    with pytest.raises(UnsupportedError, match="ImplicitALS cannot place newcomers"):
        wrapped.fold_in_many(world())
    with pytest.raises(UnsupportedError, match="ImplicitALS cannot explain"):
        wrapped.explain("u1", 100)
    with pytest.raises(UnknownUserError, match=r"unknown user 'nobody'$"):
        wrapped.recommend("nobody")


def test_arrays_that_do_not_fit(model):
    from tastespace.models.reranking import Reranking

    with pytest.raises(InputError, match="popularity must be float32, one row for each item"):
        ts.Reranked(model, Reranking(popularity_penalty=0.1), np.zeros(3, np.float32))
    with pytest.raises(InputError, match="space must be float32, one row for each item"):
        ts.Reranked(model, Reranking(diversity=0.1), None, np.zeros((len(model.items), 2)))
