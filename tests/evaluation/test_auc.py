"""AUC: worked by hand, against its definition, and by three ways to the same numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from tastespace.errors import HistoryError, NumericalError
from tastespace.evaluation import Candidates, evaluate
from tastespace.evaluation.ranking import Hits, Pairs, auc, ndcg_graded
from tastespace.models.factor_model import FactorModel
from tastespace.models.info import ModelInfo
from tests.evaluation.worlds import Written, by_hand, interactions
from tests.reference import metrics as twin


def factor_model(seed, n_users=30, n_items=50, k=5, *, coarse=True, history=True):
    """A factor model over users "u0".. and items 0.., many of whose scores are equal if `coarse`."""
    rng = np.random.default_rng(seed)

    def draw(*shape):
        values = rng.integers(-2, 3, shape) if coarse else rng.normal(size=shape)
        return values.astype(np.float32)

    seen = [(f"u{u}", int(i)) for u in range(n_users) for i in rng.choice(n_items, 4, replace=False)]
    written = Written([f"u{u}" for u in range(n_users)], range(n_items), np.zeros((n_users, n_items)), seen={
        f"u{u}": {i for user, i in seen if user == f"u{u}"} for u in range(n_users)
    })  # fmt: skip
    return FactorModel(
        users=written.users,
        items=written.items,
        user_factors=draw(n_users, k),
        item_factors=draw(n_items, k),
        user_bias=draw(n_users),
        item_bias=draw(n_items),
        mean=0.5,
        history=written.history if history else None,
        explicit=False,
        scale=None,
        solver=None,
        info=ModelInfo("by hand", {}, {}),
    )


class Plain:
    """The same model without what only factor models have."""

    def __init__(self, model):
        for name in ("users", "items", "history", "scale", "info", "rank", "score_pairs"):
            setattr(self, name, getattr(model, name))


def held_out(seed, n_users=30, n_items=50, share=0.1):
    """Test events, of which some are seen, some on unknown items and some of unknown users."""
    rng = np.random.default_rng(seed)
    cells = np.argwhere(rng.random((n_users + 2, n_items + 3)) < share)
    return interactions([(f"u{u}", int(i)) for u, i in rng.permutation(cells)])


def test_values_worked_by_hand():
    # u is shown d, c, b, e, v e, d, c, a: c is above two of three, e above none; and nobody knows the third.
    test = interactions([("u", "c"), ("u", "e"), ("u", "unheard of"), ("v", "d")])
    report = evaluate(by_hand(), test, metrics="auc")
    assert dict(report.per_user("auc")) == pytest.approx({"u": (1 / 2 + 0) / 3, "v": 2 / 3})
    kept = evaluate(by_hand(), test, metrics="auc", exclude_seen=False)
    assert dict(kept.per_user("auc")) == pytest.approx({"u": (1 / 3 + 0) / 3, "v": 2 / 4})


def test_equal_scores_count_half():
    model = Written(["u"], list("abcd"), [[1.0, 1.0, 1.0, 1.0]], seen={"u": {"a"}})
    assert evaluate(model, interactions([("u", "b")]), metrics="auc")["auc"] == 0.5
    flat = factor_model(0, coarse=True)
    flat = FactorModel(**{
        name: np.zeros_like(getattr(flat, name)) if "factors" in name or "bias" in name else getattr(flat, name)
        for name in ("users", "items", "user_factors", "item_factors", "user_bias", "item_bias", "mean", "history",
                     "explicit", "scale", "solver", "info")
    })  # fmt: skip
    seen = set(flat.history.row(0)[0].tolist())
    unseen = next(i for i in range(50) if i not in seen)
    assert evaluate(flat, interactions([("u0", unseen)]), metrics="auc")["auc"] == 0.5


def test_seen_items_win_nothing_where_they_are_removed():
    model = Written(["u"], list("abcd"), [[4.0, 3.0, 2.0, 1.0]], seen={"u": {"a"}})
    assert evaluate(model, interactions([("u", "a"), ("u", "b")]), metrics="auc")["auc"] == 0.5


def test_nothing_but_relevant_items_is_ranked():
    model = Written(["u"], list("abc"), [[3.0, 2.0, 1.0]], seen={"u": {"a"}})
    report = evaluate(model, interactions([("u", "b"), ("u", "c"), ("u", "unheard of")]), metrics="auc")
    assert report["auc"] == pytest.approx(2 / 3)


@given(st.integers(0, 10_000), st.booleans(), st.booleans(), st.sampled_from([1, 2, 4096]))
@settings(max_examples=40, deadline=None)
def test_three_ways_agree_with_the_definition(seed, coarse, exclude_seen, batch):
    model, test = factor_model(seed, coarse=coarse), held_out(seed)
    more = {"metrics": "auc", "exclude_seen": exclude_seen, "cold": "score", "batch": batch, "threads": 2}
    report = evaluate(model, test, **more)
    everything = Candidates({user: list(model.items) for user in test.users})
    for other in (evaluate(Plain(model), test, **more), evaluate(model, test, candidates=everything, **more)):
        assert other.per_user("auc") == report.per_user("auc")
    found = dict(report.per_user("auc"))
    relevant = {}
    for user, item in zip(test.user_rows(), test.by_user.indices, strict=True):
        relevant.setdefault(test.users.ids[user], set()).add(test.items.ids[item])
    assert found.keys() == relevant.keys()
    for user, wanted in relevant.items():
        if user not in model.users:
            assert found[user] == 0.0
            continue
        row = model.users.row(user)
        scores = model.score_pairs(np.full(50, row, np.int32), np.arange(50, dtype=np.int32))
        seen = set(model.history.row(row)[0].tolist()) if exclude_seen else set()
        ranked = [item for item in range(50) if item not in seen]
        assert found[user] == pytest.approx(twin.auc(ranked, scores, wanted), abs=1e-12)


def test_agrees_with_scikit_learn():
    model = factor_model(3, coarse=False, history=False)
    truth = np.random.default_rng(3).random((30, 50)) < 0.2
    truth[:, 0] = True
    test = interactions([(f"u{u}", int(i)) for u, i in np.argwhere(truth)])
    report = evaluate(model, test, metrics="auc", exclude_seen=False)
    for u in range(30):
        scores = model.score_pairs(np.full(50, u, np.int32), np.arange(50, dtype=np.int32))
        assert dict(report.per_user("auc"))[f"u{u}"] == pytest.approx(
            roc_auc_score(truth[u], scores), abs=1e-12
        )


def test_threads_and_blocks_change_no_bit():
    model, test = factor_model(1, n_users=500, coarse=False), held_out(1, n_users=500)
    reports = [
        evaluate(model, test, metrics="auc", threads=t, batch=b) for t, b in [(1, 4096), (2, 4096), (3, 2)]
    ]
    assert reports[1].per_user("auc") == reports[0].per_user("auc") == reports[2].per_user("auc")


def test_models_without_factors_are_ranked_by_bias():
    model = factor_model(2, k=0)
    test = held_out(2)
    assert evaluate(model, test, metrics="auc")["auc"] == evaluate(Plain(model), test, metrics="auc")["auc"]


def test_scores_beyond_the_range_of_floats_name_the_user():
    model = factor_model(4)
    huge = np.full_like(model.user_factors, 1.0)
    huge[7] = 3e38
    model = FactorModel(
        model.users, model.items, huge, model.item_factors, model.user_bias, model.item_bias, 0.0, model.history,
        False, None, None, model.info,
    )  # fmt: skip
    test = interactions([(f"u{u}", 3) for u in range(20)])
    with pytest.raises(NumericalError, match="scores of user 'u7' are NaN or infinite"):
        evaluate(model, test, metrics="auc")


def test_pairs_need_the_history_where_seen_items_are_removed():
    model = factor_model(5, history=False)
    rows = np.zeros(1, np.int32)
    with pytest.raises(HistoryError, match="cannot leave out what they have seen"):
        model.concordant_pairs(rows, np.array([0, 1]), rows)
    concordant, others, ranked = model.concordant_pairs(rows, np.array([0, 1]), rows, exclude_seen=False)
    assert (others[0], ranked[0]) == (49, 1)
    assert 0 <= concordant[0] <= 2 * 49


def test_sums_of_their_own():
    pairs = Pairs(np.array([2, 4]), np.array([3, 0]), np.array([3, 0]), np.array([1, 3]))
    assert auc(pairs).tolist() == [0.25, 0.75]
    nothing = np.zeros(1)
    with pytest.raises(ValueError, match="counted without values"):
        ndcg_graded(Hits(1, nothing, nothing, nothing, nothing, nothing, nothing))
