"""Rankings over candidates: who they are, how they are ranked, and what the report says of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tastespace.errors import EmptyError, HistoryError, InputError, ParameterError, UnsupportedError
from tastespace.evaluation import Candidates, Evaluation, Sampled, evaluate
from tastespace.evaluation.candidates import drawn
from tastespace.evaluation.targets import HeldOut
from tests.evaluation.test_auc import Plain, factor_model, held_out
from tests.evaluation.worlds import Written, by_hand, interactions
from tests.reference import metrics as twin


def prepared(model, test, *, relevant=None, cold=False):
    return HeldOut.of(
        test,
        relevant,
        model.users,
        model.items,
        model.history,
        ratings=False,
        cold=cold,
        among=None,
        threads=1,
    )


def pool_of(sampled, model, test, *, exclude_seen=True, relevant=None, cold=False, threads=1):
    """Item rows of the candidates of each scored user, by id."""
    held = prepared(model, test, relevant=relevant, cold=cold)
    pool = drawn(
        sampled,
        held,
        len(model.items),
        model.history,
        model.history,
        exclude_seen=exclude_seen,
        threads=threads,
    )
    rows = np.split(pool.items, pool.indptr[1:-1])
    users = test.users.ids[held.relevant.test_rows].tolist()
    return dict(zip(users, [row.tolist() for row in rows], strict=True)), pool


@pytest.mark.parametrize("strategy", ["uniform", "popularity"])
@pytest.mark.parametrize("negatives", [3, 20, 1000])
def test_drawn_are_distinct_unseen_and_untested_items(strategy, negatives):
    model, test = factor_model(0), held_out(0)
    values = {user: set() for user in test.users}
    for user, item in zip(test.user_rows(), test.by_user.indices, strict=True):
        values[test.users.ids[user]].add(test.items.ids[item])
    candidates, pool = pool_of(Sampled(negatives, strategy), model, test, cold=True)
    popular = set(model.history.indices.tolist())
    few = 0
    for user, found in candidates.items():
        if user not in model.users:
            assert found == []
            continue
        seen = set(model.history.row(model.users.row(user))[0].tolist())
        relevant = {item for item in values[user] if item < 50} - seen
        assert sorted(set(found)) == found
        assert relevant <= set(found)
        negative = set(found) - relevant
        assert not negative & (seen | values[user])
        allowed = set(range(50)) - seen - values[user]
        if strategy == "popularity":
            allowed &= popular
        assert len(negative) == min(negatives, len(allowed))
        few += len(allowed) < negatives
    assert pool.counts == {"users_few_candidates": few}


def test_seen_relevant_items_are_candidates_where_seen_items_stay():
    model = Written(["u"], list("abcd"), [[1, 2, 3, 4]], seen={"u": {"a"}})
    test = interactions([("u", "a"), ("u", "b")])
    assert pool_of(Sampled(1), model, test)[0]["u"][0] == 1
    assert pool_of(Sampled(1), model, test, exclude_seen=False)[0]["u"][:2] == [0, 1]


def test_irrelevant_test_items_are_no_candidates():
    model = Written(["u"], list("abcd"), [[1, 2, 3, 4]], seen={"u": {"a"}})
    test = interactions([("u", "b", 5.0), ("u", "c", 1.0)])
    assert pool_of(Sampled(9), model, test, relevant=4)[0]["u"] == [1, 3]


def test_draws_are_the_same_for_any_threads_blocks_and_models():
    model, test = factor_model(0, n_users=400), held_out(0, n_users=400)
    one, _ = pool_of(Sampled(7, seed=3), model, test)
    many, _ = pool_of(Sampled(7, seed=3), model, test, threads=3)
    other, _ = pool_of(Sampled(7, seed=4), model, test)
    assert one == many != other
    reports = [
        evaluate(model, test, candidates=Sampled(7), metrics=["ndcg", "auc"], threads=threads, batch=batch)
        for threads, batch in [(1, 4096), (2, 13), (None, 1)]
    ]
    assert reports[0].metrics == reports[1].metrics == reports[2].metrics


def test_popular_items_are_drawn_more_often():
    n = 2000
    seen = {f"u{u}": {"popular"} if u % 4 else {"popular", "rare"} for u in range(n)}
    model = Written(
        [*seen, *(f"w{u}" for u in range(50))],
        ["popular", "rare", "never", "mine"],
        np.zeros((n + 50, 4)),
        seen=seen | {f"w{u}": {"mine"} for u in range(50)},
    )
    # 50 users with "mine" alone may draw "popular" (2000 events) or "rare" (500).
    test = interactions([(f"w{u}", "never") for u in range(50)])
    found, _ = pool_of(Sampled(1, "popularity"), model, test)
    firsts = [next(item for item in row if item != 2) for row in found.values()]
    assert 0.6 < np.mean(np.array(firsts) == 0) < 0.95
    alike, _ = pool_of(Sampled(1), model, test)
    firsts = [next(item for item in row if item != 2) for row in alike.values()]
    assert 0.3 < np.mean(np.array(firsts) == 0) < 0.7


@given(st.integers(0, 10_000), st.booleans(), st.sampled_from([1, 3, 4096]), st.booleans())
@settings(max_examples=40, deadline=None)
def test_candidates_are_ranked_as_defined(seed, exclude_seen, batch, plain):
    model, test = factor_model(seed), held_out(seed)
    rng = np.random.default_rng(seed)
    lists = {f"u{u}": rng.choice(55, rng.integers(1, 30), replace=False).tolist() for u in range(0, 32, 2)}
    asked = Plain(model) if plain else model
    report = evaluate(
        asked,
        test,
        k=[1, 5, 60],
        metrics=["recall", "ndcg", "map", "precision", "auc"],
        candidates=Candidates(lists),
        exclude_seen=exclude_seen,
        batch=batch,
    )
    relevant = {}
    for user, item in zip(test.user_rows(), test.by_user.indices, strict=True):
        if test.users.ids[user] in lists and test.users.ids[user] in model.users:
            relevant.setdefault(test.users.ids[user], set()).add(test.items.ids[item])
    cold = unlisted = 0
    for user, wanted in relevant.items():
        row = model.users.row(user)
        scores = model.score_pairs(np.full(50, row, np.int32), np.arange(50, dtype=np.int32))
        seen = set(model.history.row(row)[0].tolist()) if exclude_seen else set()
        ranked = [item for item in sorted(lists[user]) if item < 50 and item not in seen]
        ranked.sort(key=lambda item: -scores[item])  # stable: ties by item row
        for name, metric in (("recall", twin.recall), ("ndcg", twin.ndcg), ("map", twin.average_precision)):
            for k in (1, 5, 60):
                found = dict(report.per_user(f"{name}@{k}"))[user]
                assert found == pytest.approx(metric(ranked, wanted, k), abs=1e-12)
        area = dict(report.per_user("auc"))[user]
        assert area == pytest.approx(twin.auc(ranked, scores, wanted), abs=1e-12)
        cold += sum(item >= 50 for item in lists[user])
        unlisted += sum(item < 50 and item not in lists[user] for item in wanted)
    assert report.counts["candidates_cold"] == cold
    assert report.counts["events_relevant_unlisted"] == unlisted
    assert report.counts["users_scored"] == len(relevant)


def test_every_item_drawn_is_a_full_ranking():
    model, test = factor_model(6), held_out(6)
    whole = evaluate(model, test, metrics=["ndcg", "recall"], relevant=None)
    listed = Candidates({user: list(model.items) for user in test.users})
    assert evaluate(model, test, metrics=["ndcg", "recall"], candidates=listed).metrics == whole.metrics


def test_interactions_are_lists_too():
    lists = {"u": ["c", "d"], "v": ["d"]}
    events = interactions([(user, item) for user, items in lists.items() for item in items])
    test = interactions([("u", "c"), ("v", "e")])
    one = evaluate(by_hand(), test, k=1, candidates=Candidates(lists))
    two = evaluate(by_hand(), test, k=1, candidates=Candidates(events))
    assert one.metrics == two.metrics
    assert one.counts == two.counts


def test_the_report_names_the_candidates_and_warns():
    model = by_hand()
    test = interactions([("u", "c"), ("v", "e"), ("v", "unheard of")])
    report = evaluate(model, test, k=1, metrics="recall", candidates=Sampled(2, seed=5))
    assert report.protocol == (
        "2 of 2 test users scored by ranking relevant items among 2 drawn uniformly for each user (seed 5), "
        "seen items removed, relevant = every test item, 1 test event on a cold item counted as misses"
    )
    assert len(report.warnings) == 1
    assert "do not order models as a full ranking does (Krichene and Rendle, KDD 2020)" in report.warnings[0]
    assert " ".join(str(report).splitlines()).endswith(f" warning: {report.warnings[0]}")
    few = evaluate(model, test, k=1, metrics="recall", candidates=Sampled(99, "popularity"))
    assert "among 99 drawn by popularity for each user" in few.protocol
    assert few.protocol.endswith("2 users with fewer items to draw from")
    assert evaluate(model, test, k=1, metrics="recall").warnings == ()


def test_the_report_counts_what_lists_leave_out():
    test = interactions([("u", "c"), ("u", "e"), ("v", "e")])
    report = evaluate(
        by_hand(), test, k=1, metrics="recall", candidates=Candidates({"u": ["a", "c", "x"], "w": ["a"]})
    )
    assert report["recall@1"] == 0.5
    assert report.counts["users_without_candidates"] == 1
    assert report.protocol == (
        "1 of 2 test users scored by ranking given candidates, 1 a user, seen items removed, relevant = every test "
        "item, 1 user without candidates not scored, 1 cold candidate not ranked, 1 test event not among the "
        "candidates counted as misses"
    )


def test_one_preparation_serves_many_models():
    model, test = factor_model(0), held_out(0)
    more = {"k": 5, "metrics": ["ndcg", "auc"], "candidates": Sampled(9)}
    prepared = Evaluation(model.users, model.items, model.history, test, **more)
    assert prepared.run(model).metrics == evaluate(model, test, **more).metrics
    assert prepared.run(Plain(model)).metrics == evaluate(model, test, **more).metrics


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"negatives": 0}, "negatives of Sampled must be a whole number of at least 1; got 0"),
        ({"negatives": 2.5}, "negatives of Sampled must be a whole number of at least 1; got 2.5"),
        ({"negatives": True}, "negatives of Sampled must be a whole number of at least 1; got True"),
        ({"seed": -1}, "seed of Sampled must be a whole number of at least 0; got -1"),
        ({"strategy": "hard"}, 'strategy of Sampled must be "uniform" or "popularity"; got \'hard\''),
    ],
)
def test_bad_settings_of_a_draw(settings, message):
    with pytest.raises(ParameterError, match=message):
        Sampled(**settings)


def test_bad_lists():
    test = interactions([("u", "c")])
    with pytest.raises(InputError, match=r"candidates must be Interactions or a dictionary .* got list"):
        Candidates(["a", "b"])
    with pytest.raises(InputError, match="the candidates of user 'u' must be a list of items; got 'abc'"):
        evaluate(by_hand(), test, candidates=Candidates({"u": "abc"}))
    with pytest.raises(EmptyError, match="all lists of candidates are empty"):
        evaluate(by_hand(), test, candidates=Candidates({"u": []}))
    with pytest.raises(
        EmptyError,
        match="none of the 1 test users with a relevant item has a list of candidates; check that both",
    ):
        evaluate(by_hand(), test, candidates=Candidates({"w": ["a"]}))
    with pytest.raises(
        InputError, match=r"candidates must be None \(all items\), ts.Sampled\(...\) or .*got int"
    ):
        evaluate(by_hand(), test, candidates=99)


def test_lists_of_ids_of_the_other_type():
    test = interactions([("u", "c")])
    with pytest.raises(
        InputError, match=r"has text for user ids, such as 'u', and candidates has integers, such as 7"
    ):
        evaluate(by_hand(), test, candidates=Candidates({7: ["c"]}))
    with pytest.raises(
        InputError, match=r"has text for item ids, such as 'a', and candidates has integers, such as 3"
    ):
        evaluate(by_hand(), test, candidates=Candidates({"u": [3]}))


def test_blocks_without_candidates():
    # A block of cold users alone has nothing to rank.
    test = interactions([("stranger", "c"), ("u", "c")])
    more = {"candidates": Candidates({"stranger": ["c"], "u": ["c", "e"]}), "cold": "score", "batch": 1}
    report = evaluate(by_hand(), test, k=1, metrics=["recall", "auc"], **more)
    assert (report["recall@1"], report["auc"]) == (0.5, 0.5)


def test_popularity_needs_a_history():
    model = Written(["u"], ["a", "b"], [[1.0, 2.0]])
    with pytest.raises(HistoryError, match="counts the training events of items, and the model holds none"):
        evaluate(model, interactions([("u", "a")]), exclude_seen=False, candidates=Sampled(1, "popularity"))
    report = evaluate(model, interactions([("u", "a")]), k=1, exclude_seen=False, candidates=Sampled(1))
    assert report["recall@1"] == 0.0


def test_models_that_break_the_protocol():
    model = by_hand()
    model.score_pairs = lambda users, items, threads=None: np.zeros(1, np.float32)
    with pytest.raises(
        UnsupportedError,
        match=r"Written.score_pairs must return an array of scores \(float32\) of shape \(6,\)",
    ):
        evaluate(model, interactions([("u", "c"), ("v", "e")]), candidates=Sampled(2))
