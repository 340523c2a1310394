"""Metrics of lists: worked by hand, against their definitions, and what they refuse."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tastespace import Popularity, datasets, split
from tastespace.errors import HistoryError, ParameterError
from tastespace.evaluation import Evaluation, evaluate
from tastespace.evaluation.lists import entropy, gini
from tests.evaluation.worlds import Written, interactions
from tests.reference import lists as twin
from tests.reference import metrics

LISTS = ["coverage", "gini", "entropy", "novelty", "diversity", "serendipity", "popularity"]


def test_values_worked_by_hand():
    model = Written(
        ["u", "v", "w"],
        ["a", "b", "c", "d"],
        [[0, 3, 2, 1], [0, 0, 2, 1], [0, 1, 2, 3]],
        seen={"u": {"a"}, "v": {"a", "b"}, "w": {"a", "c"}},
    )  # n = 3, 1, 1, 0; shown are b c d, c d, d b
    test = interactions([("u", "c"), ("u", "d"), ("v", "c"), ("w", "b")])
    report = evaluate(model, test, k=2, metrics=LISTS)
    log3 = math.log2(3)
    assert report.metrics == pytest.approx(
        {
            "coverage@2": 3 / 4,  # all but a
            "gini@2": (-3 * 0 - 1 * 2 + 1 * 2 + 3 * 2) / (4 * 6),  # each of b, c, d twice
            "entropy@2": log3,
            "novelty@2": log3,  # d counts as if one user had it
            "diversity@2": 1.0,  # b is v's, c is w's
            "serendipity@2": (0 + 0 + 0) / 3,  # unseen and popular: b c; c d; b d
            "popularity@2": (1 + 1 / 2 + 1 / 2) / 3,
        }
    )
    assert list(report.per_user("popularity@2")) == [("u", 1.0), ("v", 0.5), ("w", 0.5)]
    assert evaluate(model, test, k=[1], metrics="serendipity")["serendipity@1"] == 0
    # With one place, the obvious list of u is b; d at its third place is beyond both.
    deep = evaluate(model, interactions([("u", "d")]), k=3, metrics=["serendipity@2", "serendipity@3"])
    assert deep["serendipity@3"] == 0.0
    swapped = Written(
        ["u", "v"], ["a", "b", "c"], [[1, 2, 3], [0, 0, 0]], seen={"u": set("a"), "v": set("b")}
    )
    assert evaluate(swapped, interactions([("u", "c")]), k=1, metrics="serendipity")["serendipity@1"] == 1.0


def test_spread_worked_by_hand():
    assert gini(np.array([0, 0, 0, 5])) == 3 / 4
    assert gini(np.array([2, 2, 2])) == entropy(np.array([0, 7])) == 0.0
    assert gini(np.array([0, 0])) == entropy(np.array([0, 0])) == 0.0
    assert gini(np.array([3])) == 0.0
    assert entropy(np.array([1, 1, 2, 0])) == 1.5
    assert math.copysign(1, entropy(np.array([4]))) == 1


def test_lists_too_short_have_no_value():
    # u has seen everything, v has one item left, w has two.
    model = Written(
        ["u", "v", "w"], ["a", "b", "c"], np.zeros((3, 3)), seen={"u": set("abc"), "v": set("ab"), "w": {"a"}}
    )
    test = interactions([("u", "a"), ("v", "c"), ("w", "c")])
    report = evaluate(model, test, k=2, metrics=LISTS)
    assert report.per_user("novelty@2")["user"].tolist() == ["v", "w"]
    assert report.per_user("popularity@2")["user"].tolist() == ["v", "w"]
    assert report.per_user("diversity@2")["user"].tolist() == ["w"]
    assert report.per_user("serendipity@2")["user"].tolist() == ["u", "v", "w"]
    assert report["novelty@2"] == report.per_user("novelty@2")["value"].mean()


def test_a_catalogue_of_one_item():
    model = Written(["u", "v"], ["a"], [[1], [1]], seen={"u": set(), "v": {"a"}})
    report = evaluate(model, interactions([("v", "a")]), k=3, metrics="all", exclude_seen=False)
    assert report["gini@3"] == report["entropy@3"] == report["novelty@3"] == 0.0
    assert report["coverage@3"] == report["popularity@3"] == 1.0
    assert math.isnan(report["diversity@3"])
    assert len(report.per_user("diversity@3")) == 0
    assert "\ndiversity             -\n" in str(report)


def random_world(seed, n_users=200, n_items=30):
    rng = np.random.default_rng(seed)
    users, items = [f"u{n}" for n in range(n_users)], list(range(n_items))
    seen = {u: set(np.flatnonzero(rng.random(n_items) < rng.random() * 0.7).tolist()) for u in users}
    scores = rng.integers(0, 9, (n_users, n_items)).astype(np.float32)
    cells = rng.permutation(np.argwhere(rng.random((n_users, n_items)) < 0.2))
    return Written(users, items, scores, seen), seen, [(users[u], int(i)) for u, i in cells]


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 90),
    st.integers(1, 12),
    st.lists(st.integers(2, 15), min_size=1, max_size=4),
    st.booleans(),
    st.sampled_from([1, 7, 4096]),
)
@settings(max_examples=60, deadline=None)
def test_agrees_with_the_definitions(seed, n_users, n_items, ks, exclude_seen, batch):
    model, seen, test = random_world(seed, n_users, n_items)
    relevant = {}
    for user, item in test:
        if seen[user]:
            relevant.setdefault(user, set()).add(item)
    if not relevant or (exclude_seen and all(mine <= seen[user] for user, mine in relevant.items())):
        return
    report = evaluate(
        model, interactions(test), k=ks, metrics=LISTS, exclude_seen=exclude_seen, threads=2, batch=batch
    )
    items, counts = list(model.items), twin.training_counts(seen, model.items)
    known = seen if exclude_seen else {user: set() for user in seen}
    lists = {
        user: metrics.ranking(
            dict(zip(items, model.scores[list(seen).index(user)], strict=True)), known[user]
        )
        for user in relevant
    }
    for k in ks:
        recommended = twin.recommended_counts(lists, items, k)
        assert report[f"coverage@{k}"] == twin.coverage(recommended)
        assert report[f"gini@{k}"] == pytest.approx(twin.gini(recommended), abs=1e-12)
        assert report[f"entropy@{k}"] == pytest.approx(twin.entropy(recommended), abs=1e-12)
        expected = {
            "novelty": {u: twin.novelty(lists[u], k, seen, counts) for u in relevant},
            "popularity": {u: twin.popularity(lists[u], k, counts) for u in relevant},
            "diversity": {u: twin.diversity(lists[u], k, seen) for u in relevant},
            "serendipity": {
                u: twin.serendipity(lists[u], k, relevant[u], known[u], items, counts) for u in relevant
            },
        }
        for name, values in expected.items():
            values = {user: value for user, value in values.items() if not math.isnan(value)}
            assert dict(report.per_user(f"{name}@{k}")) == pytest.approx(values, abs=1e-12)
            total = twin.mean(list(values.values()))
            assert report[f"{name}@{k}"] == pytest.approx(total, abs=1e-12, nan_ok=True)


def test_threads_and_blocks_change_no_bit():
    model, _, test = random_world(0, n_users=1500)
    reports = [
        evaluate(model, interactions(test), k=[3, 10], metrics=LISTS, threads=threads, batch=batch)
        for threads, batch in [(1, 4096), (2, 4096), (3, 7)]
    ]
    for other in reports[1:]:
        assert other.metrics == reports[0].metrics
        for name in ("novelty@3", "diversity@10", "serendipity@10", "popularity@3"):
            assert other.per_user(name) == reports[0].per_user(name)


def test_without_histories_only_the_named_are_missed():
    model = Written(["u", "v"], ["a", "b"], [[1, 2], [1, 2]])
    test = interactions([("u", "b"), ("v", "a")])
    report = evaluate(model, test, k=2, exclude_seen=False)
    assert {"coverage@2", "precision@2"} <= set(report)
    assert "novelty@2" not in report
    assert report.protocol.endswith("; novelty, diversity left out because the model holds no histories")
    everything = evaluate(model, test, k=2, metrics="all", exclude_seen=False)
    assert {"gini@2", "entropy@2"} <= set(everything)
    assert not {"serendipity@2", "popularity@2"} & set(everything)
    for name in ("novelty", "diversity@5", "serendipity", "popularity"):
        with pytest.raises(
            HistoryError, match=f"{name.partition('@')[0]} needs the users' histories to know how"
        ):
            evaluate(model, test, k=2, metrics=["ndcg", name], exclude_seen=False)


def test_a_single_place_has_no_pairs():
    model, _, test = random_world(1)
    with pytest.raises(ParameterError, match="diversity@1: diversity compares the items of a list"):
        evaluate(model, interactions(test), k=[1, 5], metrics="diversity")
    report = evaluate(model, interactions(test), k=[1, 5])
    assert "diversity@5" in report
    assert "diversity@1" not in report


def test_metrics_of_all_lists_have_no_value_for_each_user():
    model, _, test = random_world(2)
    report = evaluate(model, interactions(test), k=5, metrics="all")
    for name in ("coverage@5", "gini@5", "entropy@5"):
        with pytest.raises(ParameterError, match=f"{name} belongs to all users together"):
            report.per_user(name)


def test_the_obvious_lists_hold_nothing_unexpected():
    ratings = datasets.load("movietweetings-100k")
    train, test = split.last_out(ratings)
    model = Popularity().fit(train)
    for exclude_seen in (True, False):
        report = evaluate(
            model, test, k=[1, 10], metrics=["serendipity", "precision"], exclude_seen=exclude_seen
        )
        assert report["serendipity@1"] == report["serendipity@10"] == 0.0
        assert report["precision@10"] > 0.0


def test_folded_in_users_leave_the_training_counts_alone():
    trained = Written(
        list("xyz"), list("abc"), np.zeros((3, 3)), seen={"x": {"a"}, "y": {"a", "b"}, "z": {"b"}}
    )
    model = Written(["u"], list("abc"), [[1, 2, 3]], seen={"u": {"a"}})
    test = interactions([("u", "c")])
    names = ["popularity", "novelty", "diversity", "serendipity"]
    found = Evaluation(
        model.users, model.items, model.history, test, k=2, metrics=names, slices=1, trained=trained.history
    ).run(model)
    # u is shown c, b; in training b had two of three users and c none.
    assert found["popularity@2"] == 1.0
    assert found["novelty@2"] == pytest.approx((math.log2(3) + math.log2(3 / 2)) / 2)
    assert found["diversity@2"] == 1.0
    assert evaluate(model, test, k=2, metrics="popularity")["popularity@2"] == 0.0
    assert found.slices("user_activity")["slice"].tolist() == ["1 event"]
    assert found.slices("item_popularity")["slice"].tolist() == ["3 items, 0-2 events"]
