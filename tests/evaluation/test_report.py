"""What a report shows."""

import pickle

import numpy as np
import pytest

from tastespace.errors import ParameterError
from tastespace.evaluation import Report, evaluate
from tests.evaluation.worlds import Written, by_hand, interactions


def report(**more):
    test = interactions([("u", "c"), ("u", "e"), ("u", "unheard of"), ("v", "e"), ("w", "e")])
    return evaluate(by_hand(), test, **{"k": [1, 2], "metrics": ["recall", "ndcg@2", "coverage"], **more})


def test_prints_an_aligned_table_and_the_protocol():
    assert str(report()) == (
        "                @1       @2\n"
        "recall      0.5000   0.6667\n"
        "ndcg                 0.6934\n"
        "coverage    0.4000   0.6000\n"
        "2 of 3 test users scored by full ranking over 5 items, seen items removed,\n"
        "relevant = every test item, 1 cold user not scored, 1 test event on a cold item\n"
        "counted as misses"
    )


def test_prints_warnings_last():
    found = Report({"auc": 0.5}, {}, "somehow", {}, ["beware", "of this"])
    assert str(found) == "auc         0.5000\nsomehow\nwarning: beware\nwarning: of this"
    assert found.warnings == ("beware", "of this")
    assert report().warnings == ()


def test_long_names_widen_the_table():
    assert str(report(k=1, metrics=["recall_capped", "auc"])).splitlines()[:3] == [
        "                     @1",
        "recall_capped    0.5000",
        "auc              0.5833",
    ]


def test_prints_ratings():
    model = Written(["u"], ["a", "b"], [[1.0, 4.0]], seen={"u": {"a"}}, scale=(0.5, 5.0))
    found = evaluate(
        model,
        interactions([("u", "b", 5.0), ("u", "z", 4.0)], explicit=True),
        metrics=["mrr@5", "rmse"],
        relevant=4.5,
    )
    assert repr(found) == (
        "                @5\n"
        "mrr         1.0000\n"
        "rmse        1.0000\n"
        "1 of 1 test users scored by full ranking over 2 items, seen items removed,\n"
        "relevant = rating >= 4.5; ratings of 1 of 2 test events predicted, kept inside\n"
        "0.5..5, 1 event with a cold user or item not scored"
    )


def test_reads_like_a_mapping():
    found = report()
    assert list(found) == ["recall@1", "recall@2", "ndcg@2", "coverage@1", "coverage@2"]
    assert found.metrics == {name: found[name] for name in found}
    assert "recall@1" in found
    assert "rmse" not in found
    assert all(type(value) is float for value in found.metrics.values())
    assert all(type(value) is int for value in found.counts.values())


def test_is_frozen():
    found = report()
    found.metrics["recall@1"] = 2.0
    found.counts["users"] = 0
    assert found["recall@1"] == 0.5
    assert found.counts["users"] == 3
    with pytest.raises(AttributeError):
        found.protocol = ""
    assert not found.per_user("recall@1")["value"].flags.writeable


def test_survives_pickling():
    found = pickle.loads(pickle.dumps(report()))
    assert found.metrics == report().metrics
    assert list(found.per_user("ndcg@2")) == list(report().per_user("ndcg@2"))


def test_unknown_names():
    with pytest.raises(
        ParameterError, match=r"the report has no 'ndcg'; did you mean 'ndcg@2'\? it has recall@1, "
    ):
        report()["ndcg"]
    with pytest.raises(ParameterError, match=r"no 'recal@1'; did you mean 'recall@1'\? it has"):
        report().per_user("recal@1")
    with pytest.raises(
        ParameterError, match="coverage@1 belongs to all users together and has no value for each"
    ):
        report().per_user("coverage@1")


def test_prints_at_most_eighty_columns():
    rng = np.random.default_rng(0)
    users, items = [f"u{n}" for n in range(300)], [f"i{n}" for n in range(60)]
    seen = {u: {i for n, i in enumerate(items) if rng.random() < 1 / (1 + n / 9)} | {"i0"} for u in users}
    test = [(u, i, 3.0) for u in users for i in [*items, "new"] if i not in seen[u] and rng.random() < 0.1]
    model = Written(users, items, rng.normal(3, 1, (300, 60)), seen, scale=(1.0, 5.0))
    found = evaluate(model, interactions(test, explicit=True), k=range(2, 13), metrics="all", slices=4)
    lines = str(found).splitlines()
    assert max(map(len, lines)) <= 80
    assert all(line == line.rstrip() for line in lines)
    assert [line.split() for line in lines if line.lstrip().startswith("@")] == [
        ["@2", "@3", "@4", "@5", "@6", "@7", "@8"],
        ["@9", "@10", "@11", "@12"],
    ]
    for heading in ("by user activity", "by item popularity", "by warmth"):
        [columns] = [line.removeprefix(heading).split() for line in lines if line.startswith(heading)]
        assert columns == ["users", "events", "ndcg@10", "recall@10", "rmse", "hit_rate@10"]
    assert lines[-1] == "All columns: report.slices(by)"


def test_large_numbers_stay_narrow():
    found = Report(
        {"popularity@5": 123.456, "popularity@10": 12345.678, "popularity@20": 1.5e7}, {}, "said so", {}
    )
    assert str(found) == (
        "                  @5      @10      @20\npopularity     123.5   12,346 1.50e+07\nsaid so"
    )
