"""Whom and what an evaluation scores, and what it refuses."""

import dataclasses

import numpy as np
import pytest

from tastespace.data.csr import Csr
from tastespace.data.split import Split
from tastespace.errors import (
    EmptyError,
    HistoryError,
    InputError,
    NumericalError,
    ParameterError,
)
from tastespace.evaluation import Evaluation, Sampled, evaluate
from tastespace.evaluation.scoring import rank_users
from tastespace.evaluation.targets import HeldOut
from tests.evaluation.worlds import Written, by_hand, interactions


def random_world(n_users=300, n_items=40, seed=0):
    """A model over many users, and a test set with vocabularies of its own in another order."""
    rng = np.random.default_rng(seed)
    users, items = [f"u{n}" for n in range(n_users)], [f"i{n}" for n in range(n_items)]
    scores = rng.integers(0, 9, (n_users, n_items))
    seen = {user: set(rng.choice(items, 3, replace=False).tolist()) for user in users}
    cells = np.argwhere(rng.random((n_users, n_items)) < 0.1)
    test = [(users[u], items[i], float(rng.integers(1, 6))) for u, i in rng.permutation(cells)]
    return Written(users, items, scores, seen, scale=(1.0, 5.0)), interactions(test, explicit=True)


def test_ids_are_mapped_whatever_their_order():
    model = Written([30, 10, 20], [3, 1, 2], [[3, 2, 1]] * 3, seen={30: {3}, 10: {3}, 20: {3}})
    one = interactions([(10, 1), (20, 2), (30, 1), (30, 2)])
    other = interactions([(30, 2), (20, 2), (30, 1), (10, 1)])
    first, second = evaluate(model, one, k=1), evaluate(model, other, k=1)
    assert dict(first.per_user("mrr@1")) == dict(second.per_user("mrr@1")) == {10: 1.0, 20: 0.0, 30: 1.0}
    assert second.per_user("mrr@1")["user"].tolist() == [30, 20, 10]


def test_cold_users_cold_items_and_users_without_relevant_items_are_counted():
    model = Written(["u", "v", "silent"], ["a", "b"], np.zeros((3, 2)), seen={"u": {"a"}, "v": {"a"}})
    test = interactions(
        [
            ("u", "b", 5.0),
            ("u", "new", 5.0),
            ("u", "a", 4.0),  # in the history of u: can never be hit
            ("v", "b", 1.0),  # nothing relevant
            ("silent", "b", 5.0),  # known, but without a history
            ("stranger", "b", 5.0),
            ("stranger", "newer", 1.0),
        ]
    )
    report = evaluate(model, test, k=1, relevant=4)
    assert report.counts == {
        "users": 4, "users_warm": 2, "users_cold": 2, "users_without_relevant": 1, "users_scored": 1,
        "items": 4, "items_warm": 2, "items_cold": 2,
        "events": 7, "events_warm": 3, "events_cold": 4,
        "events_relevant": 3, "events_relevant_cold": 1, "events_relevant_seen": 1,
    }  # fmt: skip
    assert report["recall@1"] == pytest.approx(1 / 3)
    assert report.protocol == (
        "1 of 4 test users scored by full ranking over 2 items, seen items removed, relevant = weight >= 4, "
        "2 cold users not scored, 1 user without a relevant item not scored, 1 test event on a cold item counted as "
        "misses, 1 test event on a seen item counted as misses"
    )
    kept = evaluate(model, test, k=1, relevant=4, exclude_seen=False)
    assert kept["recall@1"] == pytest.approx(1 / 3)  # "a" comes first now
    assert "seen items kept" in kept.protocol
    assert "seen item counted" not in kept.protocol


def test_without_histories_every_known_user_is_warm():
    model = Written(["u", "v"], ["a", "b"], [[1, 2], [1, 2]])
    report = evaluate(model, interactions([("u", "b"), ("v", "a")]), k=1, exclude_seen=False)
    assert report["hit_rate@1"] == 0.5


def test_users_without_test_events_play_no_part():
    model = by_hand()
    report = evaluate(model, interactions([("v", "e")]), k=1, cold="score")
    assert report["hit_rate@1"] == 1.0
    assert report.counts["users"] == report.counts["users_scored"] == 1


def test_relevant_may_be_a_function():
    def high(values):
        return values > 3

    model, test = random_world()
    assert evaluate(model, test, relevant=high).metrics == evaluate(model, test, relevant=4).metrics
    assert "relevant = rating passes high" in evaluate(model, test, relevant=high).protocol


def test_a_split_stands_for_its_test_side():
    model = by_hand()
    split = Split(train=interactions([("u", "a")]), test=interactions([("u", "d")]), how="by hand")
    assert evaluate(model, split).metrics == evaluate(model, split.test).metrics


def test_threads_and_blocks_change_no_bit():
    model, test = random_world(n_users=1500)
    reports = [
        evaluate(model, test, k=[3, 10], threads=threads, batch=batch)
        for threads, batch in [(1, 4096), (2, 4096), (None, 7)]
    ]
    for other in reports[1:]:
        assert other.metrics == reports[0].metrics
        assert other.per_user("ndcg@10") == reports[0].per_user("ndcg@10")
        assert other.per_user("rmse") == reports[0].per_user("rmse")


def test_users_are_ranked_in_blocks():
    model, test = random_world()
    scored = evaluate(model, test, metrics="ndcg", batch=128).counts["users_scored"]
    assert model.asked == [128, 128, scored - 256]


def test_only_what_is_named_is_computed():
    model, test = random_world()
    evaluate(model, test, metrics="rmse")
    assert model.asked == []


def test_one_preparation_serves_many_models():
    model, test = random_world()
    prepared = Evaluation(model.users, model.items, model.history, test, k=5, metrics=["ndcg", "rmse"])
    for seed in (1, 2):
        scores = np.random.default_rng(seed).normal(size=model.scores.shape)
        later = Written(list(model.users), list(model.items), scores, scale=model.scale)
        later.history = model.history
        assert prepared.run(later).metrics == evaluate(later, test, k=5, metrics=["ndcg", "rmse"]).metrics


def test_a_preparation_is_for_its_own_ids():
    model, test = random_world()
    prepared = Evaluation(model.users, model.items, model.history, test)
    with pytest.raises(ParameterError, match="made ready for other items than the model has"):
        prepared.run(Written(list(model.users), ["x"], np.zeros((300, 1)), seen={}))


@pytest.mark.parametrize("test", [[("u", "a")], None, [by_hand()]])
def test_the_test_set_must_be_interactions(test):
    with pytest.raises(InputError, match=r"test must be Interactions or one Split, as ts.split.last_out"):
        evaluate(by_hand(), test)


def test_an_empty_test_set():
    full = interactions([("u", "c")])
    nothing = Csr(np.zeros(2, np.int64), np.zeros(0, np.int32), 1)
    with pytest.raises(EmptyError, match="the test set holds no events"):
        evaluate(by_hand(), dataclasses.replace(full, by_user=nothing, by_item=nothing))


def test_nobody_known():
    with pytest.raises(
        EmptyError, match=r"none of the 2 test users is known.*ids such as 'x', the model 'u'"
    ):
        evaluate(by_hand(), interactions([("x", "c"), ("y", "c")]))


def test_ids_of_the_other_type():
    with pytest.raises(
        InputError,
        match=r"the model has text for user ids, such as 'u', and the test set has integers, such as 1, which never",
    ):
        evaluate(by_hand(), interactions([(1, "c"), (2, "c")]))
    with pytest.raises(
        InputError,
        match=r"the model has text for item ids, such as 'a', and the test set has integers, such as 3",
    ):
        evaluate(by_hand(), interactions([("u", 3)]))


def test_nothing_relevant():
    test = interactions([("u", "c", 3.0), ("v", "c", 2.0)], explicit=True)
    with pytest.raises(
        EmptyError, match="none of the 2 warm test users has a relevant item, where relevant = rating >= 4"
    ):
        evaluate(by_hand(), test, relevant=4)


def test_the_training_set_as_test_set():
    train = interactions([("u", "a"), ("v", "b")])
    with pytest.raises(
        EmptyError, match=r"all 2 relevant test events are in the model's history.*exclude_seen=False"
    ):
        evaluate(by_hand(), train)
    assert evaluate(by_hand(), train, k=1, exclude_seen=False)["recall@1"] == 1.0


def test_removing_seen_items_needs_histories():
    model = Written(["u"], ["a"], [[1.0]])
    with pytest.raises(
        HistoryError, match="needs the users' histories, and the model holds none; pass exclude_seen"
    ):
        evaluate(model, interactions([("u", "a")]))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "more", [{}, {"metrics": "auc"}, {"candidates": Sampled(5)}, {"candidates": Sampled(5), "metrics": "auc"}]
)
def test_scores_that_are_no_numbers_name_the_user(bad, more):
    model, test = random_world()
    model.scores[model.users.row("u77")] = bad
    with pytest.raises(
        NumericalError,
        match=r"scores of user 'u77' are NaN or infinite; check what Written\.(rank|score_pairs) comp",
    ):
        evaluate(model, test, batch=10, **more)


def test_a_split_that_leaves_a_user_without_training_events():
    events = interactions([("u", "a"), ("u", "b"), ("v", "a"), ("v", "b"), ("v", "c")])
    held = np.array([True, True, False, False, True])  # all of u's
    split = Split(train=events.select(~held), test=events.select(held), how="by hand")
    model = Written(["v"], ["a", "b"], [[1, 2]], seen={"v": {"a"}})
    report = evaluate(model, split, k=1, exclude_seen=False)
    assert report.counts["users_cold"] == 1
    assert "1 cold user not scored" in report.protocol
    counted = evaluate(model, split, k=1, exclude_seen=False, cold="score")
    assert "1 cold user scored with empty lists" in counted.protocol


@pytest.mark.parametrize("relevant", [True, "4", np.nan, [4]])
def test_relevant_must_make_sense(relevant):
    with pytest.raises(ParameterError, match="relevant must be None"):
        evaluate(by_hand(), interactions([("u", "c")]), relevant=relevant)


@pytest.mark.parametrize(
    "function", [lambda values: values, lambda values: np.ones(1, bool), lambda values: True]
)
def test_a_relevance_function_must_return_booleans(function):
    with pytest.raises(ParameterError, match="relevant must return one boolean for each of the 2 values"):
        evaluate(by_hand(), interactions([("u", "c"), ("u", "d")]), relevant=function)


@pytest.mark.parametrize("cold", [None, True, "count"])
def test_cold_must_make_sense(cold):
    with pytest.raises(ParameterError, match=r'cold must be "skip" .* or "score" .*; got'):
        evaluate(by_hand(), interactions([("u", "c")]), cold=cold)


@pytest.mark.parametrize("exclude_seen", ["yes", None, 1, 0.0])
def test_exclude_seen_must_make_sense(exclude_seen):
    with pytest.raises(ParameterError, match="exclude_seen must be True or False; got"):
        evaluate(by_hand(), interactions([("u", "c")]), exclude_seen=exclude_seen)


class Watching:
    def __init__(self):
        self.blocks = []

    def add(self, start, end, ranked):
        self.blocks.append((start, end, ranked.copy()))


def test_watchers_see_every_list_in_order():
    model = by_hand()
    held_out = HeldOut.of(
        interactions([("u", "c"), ("stranger", "a"), ("v", "e")]),
        None,
        model.users,
        model.items,
        model.history,
        ratings=False,
        cold=True,
        among=None,
        threads=1,
    )
    watching = Watching()
    rank_users(
        model,
        held_out.relevant,
        held_out.n_relevant,
        (1, 3),
        exclude_seen=True,
        threads=1,
        batch=2,
        watchers=[watching],
    )
    assert [(start, end) for start, end, _ in watching.blocks] == [(0, 2), (2, 3)]
    assert watching.blocks[0][2].tolist() == [[3, 2, 1], [-1, -1, -1]]
    assert watching.blocks[1][2].tolist() == [[4, 3, 2]]


@pytest.mark.parametrize("batch", [0, -3, 1.5, True])
def test_batch_must_make_sense(batch):
    with pytest.raises(ParameterError, match="batch must be a whole number of users, at least 1; got"):
        evaluate(by_hand(), interactions([("u", "c")]), batch=batch)
