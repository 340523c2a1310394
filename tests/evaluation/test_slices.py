"""The same metrics for parts of the test set."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tastespace.errors import HistoryError, ParameterError
from tastespace.evaluation import evaluate
from tastespace.evaluation.groups import cut, item_groups, user_groups
from tests.evaluation.worlds import Written, interactions

N_USERS, N_ITEMS = 120, 25


def random_world(seed=0):
    """A model, and a test set of ratings with an unknown user and unknown items."""
    rng = np.random.default_rng(seed)
    users, items = [f"u{n}" for n in range(N_USERS)], [f"i{n}" for n in range(N_ITEMS)]
    seen = {u: {i for n, i in enumerate(items) if rng.random() < 0.5 / (1 + n / 4)} | {"i0"} for u in users}
    test = [
        (u, i, float(rng.integers(1, 6)))
        for u in [*users, "stranger"]
        for i in [*items, "new", "newer"]
        if i not in seen.get(u, ()) and rng.random() < 0.15
    ]
    scores = rng.normal(3, 1, (N_USERS, N_ITEMS))
    return Written(users, items, scores, seen, scale=(1.0, 5.0)), seen, test


def ends(label):
    """The least and the most events of a label such as "1-5 events"."""
    numbers = [int(number) for number in label.split(" ")[0].split("-")]
    return numbers[0], numbers[-1]


def test_users_by_activity():
    model, seen, test = random_world()
    report = evaluate(model, interactions(test, explicit=True), k=[3, 5], metrics="all", slices=4)
    table = report.slices("user_activity")
    assert table.columns[:3] == ("slice", "users", "events")
    assert {"ndcg@3", "novelty@5", "rmse", "mae_by_user"} <= set(table.columns)
    assert not {"coverage@5", "gini@5", "rmse_by_item", "calibration"} & set(table.columns)
    assert table["users"].sum() == report.counts["users_scored"]
    assert table["events"].sum() == report.counts["events_relevant"]
    values = {name: dict(report.per_user(name)) for name in ("ndcg@3", "novelty@5", "mae_by_user")}
    predicted = {
        (u, i): float(np.clip(model.scores[int(u[1:]), int(i[1:])], 1, 5))
        for u, i, _ in test
        if u in seen and not i.startswith("new")
    }
    before = 0
    for row in table.rows():
        low, high = ends(row["slice"])
        assert before < low <= high
        before = high
        mine = {user for user in values["ndcg@3"] if low <= len(seen[user]) <= high}
        assert row["users"] == len(mine)
        for name in values:
            expected = np.mean([value for user, value in values[name].items() if user in mine])
            assert row[name] == pytest.approx(expected, abs=1e-12)
        errors = [predicted[u, i] - r for u, i, r in test if u in mine and (u, i) in predicted]
        assert row["rmse"] == pytest.approx(math.sqrt(np.mean(np.square(errors))), abs=1e-12)


def test_items_by_popularity_are_what_restricting_the_test_set_gives():
    model, seen, test = random_world(1)
    counts = {item: sum(item in mine for mine in seen.values()) for item in model.items}
    ranked = ["ndcg", "ndcg_graded", "recall", "recall_capped", "map", "mrr", "precision", "hit_rate"]
    names = [*ranked, "rmse", "mae_by_item", "rmse_by_user", "auc"]
    report = evaluate(model, interactions(test, explicit=True), k=[3, 5], metrics=names, slices=3)
    table = report.slices("item_popularity")
    assert not {"rmse_by_user", "auc"} & set(table.columns)
    assert table["events"].sum() == report.counts["events_relevant"]
    assert table["slice"][-1] == "cold"
    shares, before = [], -1
    for row in table.rows():
        if row["slice"] == "cold":
            mine = {"new", "newer"}
            assert row["ndcg@5"] == row["hit_rate@3"] == 0.0
            assert math.isnan(row["rmse"])
        else:
            items, events = row["slice"].split(" items, ")
            low, high = ends(events)
            assert before < low <= high
            before = high
            mine = {item for item in counts if low <= counts[item] <= high}
            assert len(mine) == int(items)
            shares.append(sum(counts[item] for item in mine) / sum(counts.values()))
        part = [event for event in test if event[1] in mine]
        restricted = evaluate(
            model,
            interactions(part, explicit=True),
            k=[3, 5],
            metrics=names if "new" not in mine else ranked,
        )
        assert row["users"] == restricted.counts["users_scored"]
        assert row["events"] == restricted.counts["events_relevant"]
        for name in set(table.columns[3:]) & set(restricted):
            assert row[name] == pytest.approx(restricted[name], abs=1e-12)
    assert len(shares) == 3
    assert max(shares) - min(shares) < 0.3


def test_warm_and_cold():
    model, _, test = random_world(2)
    report = evaluate(model, interactions(test, explicit=True), k=5, metrics="all", slices=2)
    rows = {row["slice"]: row for row in report.slices("warmth").rows()}
    assert list(rows) == ["warm users", "cold users", "warm items", "cold items"]
    assert rows["warm users"]["users"] == report.counts["users_scored"]
    assert rows["warm users"]["ndcg@5"] == pytest.approx(report["ndcg@5"], abs=1e-12)
    assert rows["warm users"]["rmse"] == pytest.approx(report["rmse"], abs=1e-12)
    assert rows["warm items"]["rmse"] == pytest.approx(report["rmse"], abs=1e-12)
    assert rows["cold users"]["users"] == rows["cold users"]["events"] == 0
    assert math.isnan(rows["cold users"]["ndcg@5"])
    assert rows["cold items"]["recall@5"] == 0.0
    assert rows["warm items"]["recall@5"] > report["recall@5"]
    assert rows["warm items"]["events"] + rows["cold items"]["events"] == report.counts["events_relevant"]
    assert math.isnan(rows["warm items"]["novelty@5"])
    known = [event for event in test if not event[1].startswith("new")]
    whole = evaluate(model, interactions(known, explicit=True), k=5, metrics="all", slices=2)
    rows = {row["slice"]: row for row in whole.slices("warmth").rows()}
    assert rows["warm items"]["ndcg@5"] == whole["ndcg@5"]
    assert rows["cold items"]["users"] == 0
    assert math.isnan(rows["cold items"]["ndcg@5"])
    assert "cold" not in whole.slices("item_popularity")["slice"]


def test_cold_users_that_are_scored_have_a_row():
    model, _, test = random_world(7)
    ratings = interactions(test, explicit=True)
    report = evaluate(model, ratings, k=5, metrics="all", cold="score", slices=3)
    [row] = [row for row in report.slices("user_activity").rows() if row["slice"] == "cold"]
    warmth = {row["slice"]: row for row in report.slices("warmth").rows()}
    events = sum(user == "stranger" for user, *_ in test)
    for found in (row, warmth["cold users"]):
        assert (found["users"], found["events"], found["ndcg@5"]) == (1, events, 0.0)
        assert found["rmse"] == dict(report.per_user("rmse"))["stranger"]
        assert math.isnan(found["novelty@5"])
    [cold] = [row for row in report.slices("item_popularity").rows() if row["slice"] == "cold"]
    errors = [1.0 - r for _, item, r in test if item.startswith("new")]  # the mean of the histories
    assert cold["rmse"] == pytest.approx(math.sqrt(np.mean(np.square(errors))), abs=1e-6)
    alone = evaluate(model, ratings, metrics="rmse", cold="score", slices=3)
    counts = {row["slice"]: row["events"] for row in alone.slices("warmth").rows()}
    assert counts["cold items"] == len(errors)
    assert counts["warm items"] == len(test) - len(errors)


def test_ratings_alone_are_sliced():
    model, _, test = random_world(3)
    report = evaluate(model, interactions(test, explicit=True), metrics=["rmse", "mae_by_item"], slices=3)
    for by in ("user_activity", "item_popularity", "warmth"):
        table = report.slices(by)
        assert "rmse" in table.columns
        halves = 2 if by == "warmth" else 1
        assert table["events"].sum() == halves * report.counts["events_warm"]
    assert model.asked == []


def test_threads_and_blocks_change_no_bit():
    model, _, test = random_world(4)
    tables = [
        evaluate(
            model, interactions(test, explicit=True), metrics="all", slices=5, threads=threads, batch=batch
        )
        for threads, batch in [(1, 4096), (3, 7), (2, 1)]
    ]
    for by in ("user_activity", "item_popularity", "warmth"):
        assert tables[0].slices(by) == tables[1].slices(by) == tables[2].slices(by)


def test_items_without_training_events_belong_to_the_first_group():
    model = Written(["u", "v"], list("abcd"), np.ones((2, 4)), seen={"u": {"a"}, "v": {"a", "b"}})
    report = evaluate(model, interactions([("u", "c"), ("v", "d")]), k=2, metrics="recall", slices=2)
    assert report.slices("item_popularity")["slice"].tolist() == ["3 items, 0-1 events"]
    assert report.slices("user_activity")["slice"].tolist() == ["1 event", "2 events"]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.integers(1, 12))
def test_equal_values_stay_together_and_groups_are_even(values, groups):
    values = np.array(values)
    group = cut(values, np.ones(len(values)), groups)
    assert sorted(set(group.tolist())) == list(range(group.max() + 1))
    assert group.max() < groups
    order = np.argsort(values, kind="stable")
    assert (np.diff(group[order]) >= 0).all()
    assert all(len(set(group[values == value].tolist())) == 1 for value in values)
    if len(set(values.tolist())) == len(values):
        sizes = np.bincount(group)
        assert sizes.max() - sizes.min() <= 2


def test_groups_of_nothing():
    assert item_groups(np.zeros(3, np.int64), 4)[1] == ["3 items, 0 events"]
    assert user_groups(np.array([0, -1, 7]), 2)[1] == ["cold", "7 events"]
    assert user_groups(np.array([0, -1]), 2)[1] == ["cold"]
    assert item_groups(np.array([1000]), 2)[1] == ["1 item, 1,000 events"]


def test_what_there_is_not():
    model, _, test = random_world(5)
    ratings = interactions(test, explicit=True)
    with pytest.raises(ParameterError, match="the report has no slices; make one with slices=10"):
        evaluate(model, ratings).slices("warmth")
    with pytest.raises(ParameterError, match=r"no slices by 'user_activty'; did you mean 'user_activity'\?"):
        evaluate(model, ratings, slices=2).slices("user_activty")
    model.history = None
    with pytest.raises(HistoryError, match="slices needs the users' histories"):
        evaluate(model, ratings, slices=2, exclude_seen=False)


@pytest.mark.parametrize("slices", [-1, 2.5, True, "ten", None])
def test_slices_must_be_a_number(slices):
    model, _, test = random_world(6)
    with pytest.raises(ParameterError, match="slices must be a whole number of groups, or 0 for none; got"):
        evaluate(model, interactions(test), slices=slices)
