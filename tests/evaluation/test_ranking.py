"""Ranking metrics: worked by hand, against their definitions, against scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from tastespace.errors import ParameterError
from tastespace.evaluation import evaluate
from tests.evaluation.worlds import Written, by_hand, interactions
from tests.reference import metrics as twin


def test_values_worked_by_hand():
    # u should get c (place 2), e (place 4) and an item nobody knows; v should get e (place 1).
    test = interactions([("u", "c"), ("u", "e"), ("u", "unheard of"), ("v", "e")])
    names = ["precision", "recall", "ndcg", "map", "mrr", "hit_rate", "coverage"]
    report = evaluate(by_hand(), test, k=[1, 2, 4], metrics=names)
    ideal = 1 + 1 / math.log2(3)
    assert report.metrics == pytest.approx(
        {
            "precision@1": (0 + 1) / 2,
            "precision@2": (1 / 2 + 1 / 2) / 2,
            "precision@4": (2 / 4 + 1 / 4) / 2,
            "recall@1": (0 + 1) / 2,
            "recall@2": (1 / 3 + 1) / 2,
            "recall@4": (2 / 3 + 1) / 2,
            "ndcg@1": (0 + 1) / 2,
            "ndcg@2": (1 / math.log2(3) / ideal + 1) / 2,
            "ndcg@4": ((1 / math.log2(3) + 1 / math.log2(5)) / (ideal + 1 / math.log2(4)) + 1) / 2,
            "map@1": (0 + 1) / 2,
            "map@2": (1 / 2 / 2 + 1) / 2,
            "map@4": ((1 / 2 + 2 / 4) / 3 + 1) / 2,
            "mrr@1": (0 + 1) / 2,
            "mrr@2": (1 / 2 + 1) / 2,
            "mrr@4": (1 / 2 + 1) / 2,
            "hit_rate@1": 1 / 2,
            "hit_rate@2": 1.0,
            "hit_rate@4": 1.0,
            "coverage@1": 2 / 5,
            "coverage@2": 3 / 5,
            "coverage@4": 5 / 5,
        }
    )
    assert report.per_user("recall@2").rows().__next__() == {"user": "u", "value": 1 / 3}


def test_a_perfect_ranking_is_exactly_one():
    n = 200
    model = Written(["u"], list(range(n)), [-np.arange(n)], seen={"u": {0}})
    report = evaluate(model, interactions([("u", item) for item in range(1, n)]), k=[10, n - 1])
    for metric in ("ndcg@10", "map@10", "mrr@10", "precision@10", "ndcg@199", "map@199", "recall@199"):
        assert report[metric] == 1.0


def test_equal_scores_are_ranked_by_item_row():
    model = Written(["u"], ["x", "a", "m"], [[1.0, 1.0, 1.0]], seen={"u": {"a"}})
    report = evaluate(model, interactions([("u", "m"), ("u", "x")]), k=1, metrics="coverage")
    assert report["coverage@1"] == 1 / 3
    assert evaluate(model, interactions([("u", "x")]), k=1)["mrr@1"] == 1.0
    assert evaluate(model, interactions([("u", "m")]), k=1)["mrr@1"] == 0.0


def test_lists_that_run_out_count_as_misses():
    # Two of three items are seen, so the list holds one; precision divides by k all the same.
    model = Written(["u"], ["a", "b", "c"], [[1.0, 2.0, 3.0]], seen={"u": {"b", "c"}})
    report = evaluate(model, interactions([("u", "a")]), k=2)
    assert report["precision@2"] == 0.5
    assert report["recall@2"] == report["ndcg@2"] == 1.0


def test_k_above_the_catalogue():
    test = interactions([("u", "c"), ("v", "e")])
    few, many = evaluate(by_hand(), test, k=5), evaluate(by_hand(), test, k=2_000_000_000)
    assert many["precision@2000000000"] == 1 / 2_000_000_000
    for metric in ("recall", "ndcg", "map", "mrr", "hit_rate", "coverage"):
        assert many[f"{metric}@2000000000"] == few[f"{metric}@5"]


def test_capped_recall_and_graded_gain_worked_by_hand():
    # u is shown d, c, b, e; c is worth 2, e 5, and nobody knows the best of all.
    test = interactions([("u", "c", 2.0), ("u", "e", 5.0), ("u", "unheard of", 7.0)], explicit=True)
    report = evaluate(by_hand(), test, k=[2, 4], metrics=["recall_capped", "ndcg_graded"])
    log2 = math.log2
    assert report.metrics == pytest.approx(
        {
            "recall_capped@2": 1 / 2,
            "recall_capped@4": 2 / 3,
            "ndcg_graded@2": (2 / log2(3)) / (7 + 5 / log2(3)),
            "ndcg_graded@4": (2 / log2(3) + 5 / log2(5)) / (7 + 5 / log2(3) + 2 / log2(4)),
        }
    )


def test_a_perfect_graded_ranking_is_exactly_one():
    n = 200
    values = np.random.default_rng(0).integers(1, 6, n) / 3
    order = np.argsort(-values, kind="stable")
    model = Written(["u"], [*order.tolist(), n], [-np.arange(n + 1)], seen={"u": {n}})
    test = interactions([("u", item, float(values[item])) for item in range(n)], explicit=True)
    report = evaluate(model, test, k=[1, 10, n], metrics="ndcg_graded")
    assert set(report.metrics.values()) == {1.0}


def test_graded_values_of_zero_are_worth_nothing():
    test = interactions([("u", "c", 0.0), ("v", "e", 0.0), ("v", "c", 1.0)], explicit=True)
    report = evaluate(by_hand(), test, k=1, metrics="ndcg_graded")
    assert dict(report.per_user("ndcg_graded@1")) == {"u": 0.0, "v": 0.0}


def test_nothing_but_cold_items_gains_nothing():
    test = interactions([("u", "unheard of", 2.0), ("v", "nor this", 1.0)], explicit=True)
    report = evaluate(by_hand(), test, k=3, metrics=["ndcg", "ndcg_graded", "auc"])
    assert set(report.metrics.values()) == {0.0}


def test_negative_values_have_no_graded_gain():
    test = interactions([("u", "c", 2.0), ("v", "e", -1.5)], explicit=True)
    with pytest.raises(
        ParameterError,
        match=r"must not be negative; that of user 'v' and item 'e' is -1.5; name ndcg, or pass",
    ):
        evaluate(by_hand(), test, metrics=["ndcg", "ndcg_graded"])
    assert "ndcg_graded@1" in evaluate(by_hand(), test, k=1, metrics="ndcg_graded", relevant=0).metrics
    assert "ndcg_graded@10" not in evaluate(by_hand(), test, metrics="all").metrics


@st.composite
def worlds(draw):
    """A model with many equal scores, and a test set that partly lies outside it."""
    items = list(range(draw(st.integers(1, 12))))
    users = [f"u{row}" for row in range(draw(st.integers(1, 5)))]
    scores = draw(
        st.lists(st.integers(-2, 2), min_size=len(users) * len(items), max_size=len(users) * len(items)).map(
            lambda flat: np.array(flat, np.float32).reshape(len(users), len(items))
        )
    )
    seen = {user: draw(st.sets(st.sampled_from(items))) for user in users}
    asked = st.tuples(
        st.sampled_from([*users, "stranger"]), st.sampled_from([*items, 100, 101]), st.integers(1, 5)
    )
    test = draw(st.lists(asked, min_size=1, max_size=25, unique_by=lambda event: event[:2]))
    return users, items, scores, seen, test


@given(
    worlds(), st.lists(st.integers(1, 15), min_size=1, max_size=4), st.booleans(), st.sampled_from([1, 2, 7])
)
@settings(max_examples=150, deadline=None)
def test_agrees_with_the_definitions(world, ks, exclude_seen, batch):
    users, items, scores, seen, test = world
    relevant = {}
    for user, item, value in test:
        if user in users and seen[user] and value >= 3:
            relevant.setdefault(user, {})[item] = value
    wanted = {(user, item) for user, wanted in relevant.items() for item in wanted}
    if not wanted or (exclude_seen and all(item in seen[user] for user, item in wanted)):
        return
    model = Written(users, items, scores, seen)
    report = evaluate(
        model,
        interactions(test),
        k=ks,
        metrics="all",
        relevant=3,
        exclude_seen=exclude_seen,
        threads=2,
        batch=batch,
    )
    lists = {
        user: twin.ranking(
            dict(zip(items, scores[users.index(user)], strict=True)), seen[user] if exclude_seen else ()
        )
        for user in relevant
    }
    for k in ks:
        assert report[f"coverage@{k}"] == twin.coverage(lists.values(), items, k)
        for name, metric in twin.RANKING.items():
            found = dict(report.per_user(f"{name}@{k}"))
            assert found == pytest.approx({u: metric(lists[u], relevant[u], k) for u in relevant}, abs=1e-12)
            assert report[f"{name}@{k}"] == pytest.approx(np.mean(list(found.values())), abs=1e-12)
        graded = {u: twin.ndcg_graded(lists[u], relevant[u], k) for u in relevant}
        assert dict(report.per_user(f"ndcg_graded@{k}")) == pytest.approx(graded, abs=1e-12)
    of = {user: dict(zip(items, scores[users.index(user)], strict=True)) for user in relevant}
    areas = {user: twin.auc(lists[user], of[user], relevant[user]) for user in relevant}
    assert dict(report.per_user("auc")) == pytest.approx(areas, abs=1e-12)
    counts = report.counts
    assert counts["users_scored"] == len(relevant)
    assert counts["events_relevant"] == len(wanted)
    assert counts["events_relevant_cold"] == sum(item not in items for _, item in wanted)
    assert counts["events_relevant_seen"] == sum(item in seen[user] for user, item in wanted)


@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
@settings(max_examples=25, deadline=None)
def test_ndcg_agrees_with_scikit_learn(seed, k):
    rng = np.random.default_rng(seed)
    n_users, n_items = 12, 25
    scores = rng.permuted(np.tile(np.arange(n_items), (n_users, 1)), axis=1)
    truth = rng.random((n_users, n_items)) < 0.2
    truth[:, 0] = True
    model = Written(list(range(n_users)), list(range(n_items)), scores)
    test = interactions([(int(user), int(item)) for user, item in np.argwhere(truth)])
    report = evaluate(model, test, k=k, metrics="ndcg", exclude_seen=False)
    assert report[f"ndcg@{k}"] == pytest.approx(ndcg_score(truth, scores, k=k), abs=1e-12)
