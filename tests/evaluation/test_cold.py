"""Cold users and items, left out or scored."""

import dataclasses

import numpy as np
import pytest

from tastespace.errors import UnsupportedError
from tastespace.evaluation import Candidates, Sampled, evaluate
from tests.evaluation.test_auc import Plain, factor_model
from tests.evaluation.worlds import Written, by_hand, interactions

#: "u" hits the first place, "v" nothing in two places, and nobody knows "w" and "x".
TEST = [("u", "d"), ("w", "e"), ("v", "a"), ("x", "unheard of")]


@pytest.mark.parametrize("batch", [1, 2, 4096])
@pytest.mark.parametrize("more", [{}, {"candidates": Sampled(2)}])
def test_cold_users_count_with_empty_lists(batch, more):
    test = interactions(TEST)
    metrics = ["precision", "recall", "ndcg", "map", "mrr", "hit_rate", "ndcg_graded", "recall_capped", "auc"]
    report = evaluate(by_hand(), test, k=[1, 2], metrics=metrics, cold="score", batch=batch, **more)
    skipped = evaluate(by_hand(), test, k=[1, 2], metrics=metrics, batch=batch, **more)
    assert report.counts["users_scored"] == 4
    for name in report:
        values = dict(report.per_user(name))
        assert list(values) == ["u", "w", "v", "x"]
        assert values["w"] == values["x"] == 0.0
        assert report[name] == pytest.approx(skipped[name] / 2)


def test_the_report_says_so():
    report = evaluate(by_hand(), interactions(TEST), k=1, metrics=["recall", "coverage"], cold="score")
    assert report.protocol == (
        "4 of 4 test users scored by full ranking over 5 items, seen items removed, relevant = every test item, "
        "2 cold users scored with empty lists, 1 test event on a cold item counted as misses"
    )
    assert report["coverage@1"] == 2 / 5


def test_cold_users_need_a_relevant_item_too():
    test = interactions([("u", "d", 5.0), ("w", "e", 1.0), ("x", "e", 5.0)])
    report = evaluate(by_hand(), test, metrics="recall@1", relevant=3, cold="score")
    assert dict(report.per_user("recall@1")) == {"u": 1.0, "x": 0.0}
    assert report.counts["users_without_relevant"] == 1


def test_cold_users_without_candidates_are_not_scored():
    report = evaluate(
        by_hand(), interactions(TEST), metrics="recall@1", cold="score",
        candidates=Candidates({"u": ["d"], "w": ["e"]}),
    )  # fmt: skip
    assert dict(report.per_user("recall@1")) == {"u": 1.0, "w": 0.0}
    assert report.counts["users_without_candidates"] == 2


@pytest.mark.parametrize("batch", [1, 3, 4096])
def test_ratings_of_cold_users_and_items_are_predicted_from_what_is_known(batch):
    model = dataclasses.replace(factor_model(0), explicit=True, scale=(-2.0, 3.0))
    events = [("u1", 7), ("stranger", 7), ("u1", 77), ("another", 99), ("u2", 8)]
    test = interactions([(user, item, 1.0) for user, item in events], explicit=True)
    report = evaluate(model, test, metrics=["mae", "rmse"], cold="score", batch=batch)
    pairs = model.score_pairs(np.array([1, 2], np.int32), np.array([7, 8], np.int32))
    raw = [pairs[0], 0.5 + model.item_bias[7], 0.5 + model.user_bias[1], 0.5, pairs[1]]
    errors = np.abs(np.clip(raw, -2, 3) - 1)
    assert report["mae"] == pytest.approx(errors.mean())
    assert report["rmse"] == pytest.approx(np.sqrt((errors**2).mean()))
    assert dict(report.per_user("mae")) == pytest.approx(
        {"u1": errors[[0, 2]].mean(), "stranger": errors[1], "another": errors[3], "u2": errors[4]}
    )
    assert report.protocol == (
        "ratings of 5 of 5 test events predicted, kept inside -2..3, 3 events with a cold user or item predicted from "
        "what is known of the other"
    )
    assert evaluate(model, test, metrics="mae")["mae"] == pytest.approx(errors[[0, 4]].mean())


def test_any_other_model_predicts_the_mean_of_its_history():
    model = dataclasses.replace(factor_model(0), explicit=True, scale=(0.0, 5.0))
    values = np.arange(model.history.nnz, dtype=np.float32) % 5
    plain = Plain(model)
    plain.history = model.history.replace_values(values)
    test = interactions([("u1", 77, 1.0), ("stranger", 7, 1.0)], explicit=True)
    report = evaluate(plain, test, metrics="mae", cold="score")
    assert report["mae"] == pytest.approx(values.mean() - 1)
    plain.history = None
    with pytest.raises(UnsupportedError, match="Plain holds no history, so nothing is known of cold users"):
        evaluate(plain, test, metrics="mae", cold="score", exclude_seen=False)


def test_users_without_a_history_are_cold():
    model = Written(["u", "silent"], ["a", "b"], [[1, 2], [1, 2]], seen={"u": {"a"}})
    report = evaluate(model, interactions([("u", "b"), ("silent", "b")]), metrics="recall@1", cold="score")
    assert dict(report.per_user("recall@1")) == {"u": 1.0, "silent": 0.0}
