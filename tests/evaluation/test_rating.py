"""RMSE and MAE."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tastespace.errors import EmptyError, NumericalError, ParameterError, UnsupportedError
from tastespace.evaluation import evaluate
from tests.evaluation.worlds import Written, interactions
from tests.reference import metrics as twin

SEEN = {"u": {"a"}, "v": {"a"}}


def model(scores, **more):
    return Written(["u", "v"], ["a", "b", "c"], scores, seen=SEEN, **{"scale": (1.0, 5.0), **more})


def test_values_worked_by_hand():
    # Predicted 3 for 4, 9 (kept at 5) for 4, 2 for 2: errors -1, 1, 0.
    test = interactions([("u", "b", 4.0), ("u", "c", 4.0), ("v", "b", 2.0)], explicit=True)
    report = evaluate(model([[0, 3, 9], [0, 2, 0]]), test, metrics=["rmse", "mae"])
    assert report.metrics == pytest.approx({"rmse": math.sqrt(2 / 3), "mae": 2 / 3})
    assert list(report.per_user("rmse")) == [("u", 1.0), ("v", 0.0)]
    assert report.protocol == "ratings of 3 of 3 test events predicted, kept inside 1..5"


def test_cold_users_and_items_are_counted_not_predicted():
    test = interactions(
        [("u", "b", 4.0), ("stranger", "b", 1.0), ("v", "unheard of", 1.0), ("w", "z", 1.0)], explicit=True
    )
    report = evaluate(model([[0, 3, 9], [0, 2, 0]]), test, metrics="mae")
    assert report["mae"] == 1.0
    assert (report.counts["events_warm"], report.counts["events_cold"]) == (1, 3)
    assert report.protocol.endswith("3 events with a cold user or item not scored")


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 3, 100]))
@settings(max_examples=30, deadline=None)
def test_agrees_with_the_definitions_whatever_the_block(seed, batch):
    rng = np.random.default_rng(seed)
    n_users, n_items = 9, 7
    users, items = [f"u{n}" for n in range(n_users)], list(range(n_items))
    scores = rng.normal(3, 2, (n_users, n_items)).astype(np.float32)
    cells = np.argwhere(rng.random((n_users, n_items)) < 0.5)
    if not len(cells):
        return
    test = [(users[u], items[i], float(rng.integers(1, 6))) for u, i in cells]
    world = Written(users, items, scores, scale=(1.0, 5.0))
    report = evaluate(
        world, interactions(test, explicit=True), metrics=["mae", "rmse"], exclude_seen=False, batch=batch
    )
    pairs = [(float(np.clip(scores[users.index(u), i], 1, 5)), r) for u, i, r in test]
    assert report["rmse"] == pytest.approx(twin.rmse(pairs), abs=1e-12)
    assert report["mae"] == pytest.approx(twin.mae(pairs), abs=1e-12)
    whole = evaluate(world, interactions(test, explicit=True), metrics=["mae", "rmse"], exclude_seen=False)
    assert report.metrics == whole.metrics


def test_ratings_are_compared_by_default_where_both_sides_hold_them():
    ratings = interactions([("u", "b", 4.0), ("v", "c", 3.0)], explicit=True)
    scores = np.full((2, 3), 3.0)
    assert {"rmse", "mae", "ndcg@10"} <= set(evaluate(model(scores), ratings))
    assert "rmse" not in evaluate(model(scores, scale=None), ratings)
    assert "rmse" not in evaluate(model(scores), interactions([("u", "b"), ("v", "c")]))
    all_cold = interactions([("u", "y", 4.0), ("v", "z", 3.0)], explicit=True)
    report = evaluate(model(scores), all_cold)
    assert report["ndcg@10"] == 0.0
    assert "rmse" not in report


def test_named_rating_metrics_must_apply():
    scores = np.full((2, 3), 3.0)
    with pytest.raises(ParameterError, match="rmse compares ratings, and the test set holds none"):
        evaluate(model(scores), interactions([("u", "b")]), metrics="rmse")
    ratings = interactions([("u", "b", 4.0)], explicit=True)
    with pytest.raises(UnsupportedError, match="mae compares ratings, and Written predicts none"):
        evaluate(unrated := model(scores, scale=None), ratings, metrics=["ndcg", "mae"])
    assert unrated.asked == []  # said before any work is done
    with pytest.raises(
        EmptyError, match=r"rmse needs test events whose user and item the model knows.*none among 1"
    ):
        evaluate(model(scores), interactions([("u", "z", 4.0)], explicit=True), metrics="rmse")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_prediction_that_is_no_number_names_user_and_item(bad):
    test = interactions([("u", "b", 4.0), ("v", "c", 4.0)], explicit=True)
    with pytest.raises(NumericalError, match=f"predicted rating of user 'v' for item 'c' is {bad}"):
        evaluate(model([[0, 3, 9], [0, 2, bad]]), test, metrics="rmse")
