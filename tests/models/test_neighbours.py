"""Models whose scores are sums over neighbours: every promise, and the sums themselves."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

import tastespace as ts
from tastespace.data.csr import Csr
from tastespace.errors import HistoryError, InputError, NewerFormatError, UnknownItemError, UnsupportedError
from tastespace.models import profiles
from tastespace.models.confidence import Confidence
from tastespace.models.info import ModelInfo, summarize
from tastespace.models.neighbours import NeighbourModel
from tastespace.models.profiles import Profile, WeightedEvents
from tastespace.testing import contract
from tests.models.worlds import dense, world


def sparse(matrix: np.ndarray) -> Csr:
    rows, columns = np.nonzero(matrix)
    return Csr.build(
        rows.astype(np.int32),
        columns.astype(np.int32),
        rows=len(matrix),
        columns=matrix.shape[1],
        values=matrix[rows, columns].astype(np.float32),
        duplicates="last",
    )


def weights(n: int, seed: int, share: float = 0.3) -> np.ndarray:
    """Random weights, most of them 0, nothing on the diagonal."""
    rng = np.random.default_rng(seed)
    matrix = np.where(rng.random((n, n)) < share, rng.normal(size=(n, n)), 0).astype(np.float32)
    np.fill_diagonal(matrix, 0)
    return matrix


@dataclass(frozen=True, eq=False)
class Deviations(Profile):
    """Ratings around half the mean of the user, as means over neighbours."""

    between: str = "items"
    mean: bool = True
    damping: float = 0.5
    kind = "deviations"
    ratings = True

    @property
    def row_solved(self):
        return self.between == "items"

    def values(self, events):
        return events.filled_values() - np.float32(3)

    def offsets(self, events):
        return np.bincount(events.row_of(), self.offset_parts(events), events.rows).astype(np.float32)

    def offset_parts(self, events):
        return (events.filled_values() - 3.0) / np.repeat(events.counts() + 4.0, events.counts())

    def neighbours(self, events, history, threads):
        return sparse(np.full((events.rows, history.rows), 0.5))

    def params(self):
        return {"between": self.between, "mean": self.mean, "damping": self.damping}


@pytest.fixture(autouse=True)
def known_kinds(monkeypatch):
    real = profiles.profile_from

    def profile_from(kind, params, arrays):
        return Deviations(**params) if kind == "deviations" else real(kind, params, arrays)

    monkeypatch.setattr("tastespace.models.load.profile_from", profile_from)


def model(train, matrix, profile, item_bias=None, mean=0.0):
    return NeighbourModel(
        users=train.users,
        items=train.items,
        weights=matrix,
        item_bias=np.zeros(train.n_items, np.float32) if item_bias is None else item_bias,
        mean=mean,
        history=train.by_user,
        explicit=train.explicit,
        scale=train.scale if train.explicit else None,
        solver=profile,
        info=ModelInfo("Hand", {}, summarize(train)),
    )


def plain(form=np.asarray):
    train = world(explicit=False, times=True)
    confidence = Confidence.learn("bm25", train.by_user, train.by_item)
    return model(train, form(weights(train.n_items, 1)), WeightedEvents(confidence)), train


def rated(between, form=sparse):
    train = world(times=True)
    n = train.n_items if between == "items" else train.n_users
    bias = np.random.default_rng(3).normal(size=train.n_items).astype(np.float32) / 4
    return model(train, form(weights(n, 2)), Deviations(between), bias, mean=3.0), train


CASES = {
    "dense": lambda: plain(),
    "sparse": lambda: plain(sparse),
    "means": lambda: rated("items"),
    "dense means": lambda: rated("items", np.asarray),
    "users": lambda: rated("users"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
def test_contract(case, check):
    made, train = CASES[case]()
    check(made, train, lambda *, threads=None: CASES[case]()[0])


def scores_of(made) -> np.ndarray:
    """All scores by the definition, in double precision."""
    history = made.history
    x = np.zeros((history.rows, history.columns))
    values = made.solver.values(history)
    x[history.row_of(), history.indices] = 1 if values is None else values
    known = np.zeros(x.shape, bool)
    known[history.row_of(), history.indices] = True
    w = made.weights.to_scipy().toarray() if isinstance(made.weights, Csr) else made.weights
    w = w.astype(np.float64)
    sums, totals = (x @ w, known @ np.abs(w)) if made.between_items else (w @ x, np.abs(w) @ known)
    if made.solver.mean:
        totals += made.solver.damping
        sums = np.divide(sums, totals, out=np.zeros_like(sums), where=totals > 0)
    return made.mean + made.user_bias[:, None] + made.item_bias + sums


@pytest.mark.parametrize("case", CASES)
def test_scores_are_the_sums_of_the_definition(case):
    made, _ = CASES[case]()
    want = scores_of(made)
    users, items = (grid.ravel().astype(np.int32) for grid in np.indices(want.shape))
    np.testing.assert_allclose(made.score_pairs(users, items), want.ravel(), atol=2e-5)
    few = np.random.default_rng(0).permutation(len(users))[:50]  # one by one instead of row by row
    np.testing.assert_array_equal(
        made.score_pairs(users[few], items[few]), made.score_pairs(users, items)[few]
    )
    found, scores = made.rank(np.arange(len(want), dtype=np.int32), 5, exclude_seen=False)
    np.testing.assert_allclose(scores, -np.sort(-want, axis=1)[:, :5], atol=2e-5)
    assert found.min() >= 0


@pytest.mark.parametrize("case", CASES)
def test_the_number_of_threads_changes_no_list(case):
    made, _ = CASES[case]()
    users = np.arange(len(made.users), dtype=np.int32)
    one, three = made.rank(users, 7, threads=1), made.rank(users, 7, threads=3)
    assert [a.tobytes() for a in one] == [a.tobytes() for a in three]


def test_a_visitor_between_users_asks_the_profile_for_neighbours():
    made, train = rated("users")
    visitor = made.fold_in({100: 5, 101: 1})
    x = dense(train) - 3
    known = ~np.isnan(x)
    want = np.nansum(0.5 * x, axis=0) / (0.5 * known.sum(axis=0) + 0.5)
    want += 3.0 + made.item_bias + visitor.model.solver.offsets(visitor.events)
    np.testing.assert_allclose(visitor.predict(made.items.ids), np.clip(want, 1, 5), atol=1e-5)
    with pytest.raises(UnsupportedError, match="sums over similar users"):
        visitor.explain(100)
    with pytest.raises(UnsupportedError, match=r"so they cannot stand alone in a model .* one by one"):
        made.fold_in_many(train)


@pytest.mark.parametrize("form", [np.asarray, sparse])
def test_similar_items_are_those_of_the_greatest_weights(form):
    made, train = plain(form)
    w = weights(train.n_items, 1)
    table = made.similar_items([100, 105], 4)
    for item in (100, 105):
        [row] = train.items.rows([item])
        best = np.argsort(-w[:, row], kind="stable")[:4]
        mine = table["item"] == item
        assert table["neighbour"][mine].tolist() == train.items.ids[best].tolist()
        np.testing.assert_array_equal(table["score"][mine], w[best, row])
    assert made.similar_items(100, 1)["rank"].tolist() == [1]
    with pytest.raises(UnsupportedError, match="no users are similar; similar_items works"):
        made.similar_users("u0")


def test_similar_users_are_those_of_the_greatest_weights():
    made, train = rated("users")
    w = weights(train.n_users, 2)
    assert made.similar_users("u3", 3)["score"].tolist() == np.sort(w[3])[::-1][:3].tolist()
    with pytest.raises(UnsupportedError, match="no items are similar; similar_users works"):
        made.similar_items(100)


def test_few_neighbours_are_all_there_are():
    train = world(explicit=False)
    one = np.zeros((train.n_items, train.n_items), np.float32)
    one[2, 0] = 1
    made = model(train, sparse(one), WeightedEvents(Confidence()))
    assert made.similar_items([100, 101], 10)["neighbour"].tolist() == [102]


def test_new_events_count_and_weights_stay():
    made, _ = plain()
    new = ts.Interactions.from_events(
        ts.Vocabulary(["u0", "newcomer"], noun="user"),
        ts.Vocabulary([100, 101], noun="item"),
        [0, 1, 1],
        [0, 0, 1],
        values=[1, 2, 3],
        times=[3_000_000] * 3,
        explicit=False,
    )
    grown = made.update(new)
    assert grown.weights is made.weights
    assert len(grown.users) == len(made.users) + 1
    assert made.history.nnz < grown.history.nnz
    visitor = made.fold_in({100: 2, 101: 3})
    assert grown.recommend("newcomer", 5)["score"].tolist() == visitor.recommend(5)["score"].tolist()


def test_an_update_cannot_weigh_what_is_new():
    made, train = plain()
    strange = replace(train, items=ts.Vocabulary([-1, *train.items.ids[1:].tolist()], noun="item"))
    with pytest.raises(
        UnsupportedError, match=r"weights between items, and has none for the item -1; fit it again with all"
    ):
        made.update(strange)
    made, train = rated("users")
    new = replace(train, users=ts.Vocabulary(["new", *train.users.ids[1:].tolist()], noun="user"))
    with pytest.raises(
        UnsupportedError, match="weights between users, which new events change; fit it again"
    ):
        made.update(new)


def test_without_history_only_newcomers_are_answered(tmp_path):
    made, _ = plain()
    made.save(tmp_path / "m.taste", history=False)
    loaded = ts.load(tmp_path / "m.taste")
    assert loaded.fold_in({100: 1.0}).recommend(3) == made.fold_in({100: 1.0}).recommend(3)
    for call in (lambda: loaded.predict("u0", 100), lambda: loaded.recommend("u0", exclude_seen=False)):
        with pytest.raises(HistoryError, match="cannot score its users"):
            call()


def test_arrays_that_do_not_fit_are_refused():
    made, train = plain()
    w = weights(train.n_items, 1)
    for bad, message in (
        ({"weights": w[:-1]}, r"weights must be float32 \(39, 39\); got \(38, 39\)"),
        ({"weights": w.astype(np.float64)}, "weights must be float32"),
        ({"weights": w * np.float32(np.nan)}, "weights must be finite"),
        ({"item_bias": np.zeros(3, np.float32)}, r"one for each item; got \(3,\)"),
        ({"history": train.by_item}, "history must be"),
    ):
        with pytest.raises(InputError, match=message):
            replace(made, **bad)


def test_a_later_kind_of_profile_is_named():
    with pytest.raises(NewerFormatError, match="reads histories by 'dreams'"):
        profiles.profile_from("dreams", {}, {})


def test_weights_between_items_have_no_neighbours_among_users():
    made, train = plain()
    with pytest.raises(UnsupportedError, match="between items"):
        made.solver.neighbours(train.by_user, train.by_user, 1)


def test_an_unknown_item_of_a_visitor_is_named():
    made, _ = plain()
    with pytest.raises(UnknownItemError, match="-5"):
        made.fold_in({-5: 1.0})
    assert "weights between items" in repr(made)
