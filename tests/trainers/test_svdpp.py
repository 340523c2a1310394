"""SVD++: its steps, its sets, its users solved around them, and what it does at the edges."""

from itertools import pairwise

import numpy as np
import pytest

import tastespace as ts
import tastespace._native as native
from tastespace.data.interactions import Interactions
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import DivergedError, InputError, ParameterError, UnsupportedError
from tastespace.models.padding import blank
from tastespace.trainers.stopping import Stopping
from tastespace.trainers.svdpp import SVDPlusPlus
from tastespace.trainers.svdpp_run import _batch
from tests.models.worlds import dense, with_values, world
from tests.reference import svdpp as twin

SMALL = {"factors": 5, "epochs": 4, "progress": False}
GROUPS = [(0.03, 0.05), (0.04, 0.02), (0.02, 0.3), (0.05, 0.1)]


def padded(x):
    out = blank(*x.shape)
    out[:, : x.shape[1]] = x
    return out


@pytest.mark.parametrize("k", [5, 20, 40, 70])
@pytest.mark.parametrize("case", ["plain", "weights and sets", "other side"])
def test_a_pass_equals_steps_of_every_vector(k, case):
    train = world(70, 40, 0.25, times=True)
    if case == "weights and sets":
        train = train.decay("3d")
    table = train.by_item if case == "other side" else train.by_user
    rng = np.random.default_rng(1)
    R = np.full((table.rows, table.columns), np.nan)
    R[table.row_of(), table.indices] = table.filled_values() - 3
    W = np.ones_like(R)
    N = [row.tolist() for row in np.split(table.indices, table.indptr[1:-1])]
    sets = None
    if case == "weights and sets":
        W[table.row_of(), table.indices] = table.weights
        N = [sorted({*row, *rng.choice(table.columns, 6).tolist()}) for row in N]
        N[3] = []
        offsets = np.cumsum([0, *map(len, N)])
        sets = offsets, np.concatenate(N).astype(np.int32)
    P, Q, F, Y = (rng.normal(size=(n, k)) * 0.3 for n in (table.rows, *[table.columns] * 3))
    b, c = rng.normal(size=table.rows) * 0.1, rng.normal(size=table.columns) * 0.1
    F = None if case == "plain" else F
    found = [padded(x) for x in (P, Q, Y)], [x.astype(np.float32) for x in (b, c)]
    seed = 2**33 + 5
    plan = native.SvdppPlan(table.indptr, table.indices, sets, table.columns, 8, seed, 2)
    for number in range(2):
        loss = plan.epoch(
            table.indptr,
            table.indices,
            table.filled_values() - np.float32(3),
            table.weights,
            sets,
            0.25,
            GROUPS,
            seed,
            number,
            found[0][0],
            found[0][1],
            None if F is None else padded(F),
            found[0][2],
            *found[1],
            2,
        )
        said = twin.epoch(R, W, N, 8, 0.25, GROUPS, seed, number, P, Q, 0 if F is None else F, Y, b, c)
        assert loss == pytest.approx(said, rel=1e-4)
    for got, want in zip((*found[0], *found[1]), (P, Q, Y, b, c), strict=True):
        np.testing.assert_allclose(got[:, :k] if got.ndim == 2 else got, want, atol=2e-4)
        assert got.ndim == 1 or not got[:, k:].any()


@pytest.mark.parametrize("implicit", ["users", "items", "both"])
def test_users_are_solved_around_what_their_items_bring(implicit):
    train = world(50, 30, 0.3)
    model = SVDPlusPlus(**SMALL, implicit=implicit, bias_regularization=0.2, user_regularization=0.3).fit(
        train
    )
    rows = model.solver
    assert (rows.item_vectors is None, rows.user_vectors is None) == (
        implicit == "items",
        implicit == "users",
    )
    unit = train.by_user.values.std()
    assert rows.regularization == pytest.approx(0.3 * unit * 300**0.5)
    for u in (0, 7):
        items, ratings = train.by_user.row(u)
        sums = (
            np.zeros(5)
            if implicit == "items"
            else twin.sums([items], rows.item_vectors[:, :5].astype(float))[0]
        )
        Q = model.item_factors.astype(float)
        x, b = twin.user(ratings, items, sums, Q, model.item_bias, model.mean, 0.3 * unit, 0.2)
        np.testing.assert_allclose(model.user_factors[u], x, atol=2e-4)
        assert model.user_bias[u] == pytest.approx(b, abs=2e-4)


def test_it_learns_and_both_sides_help():
    parts = ts.split.random(world(200, 80, 0.3, seed=4), 0.2, seed=1)
    rmse = {}
    for implicit in ("users", "items", "both"):
        model = SVDPlusPlus(factors=6, epochs=30, implicit=implicit, progress=False).fit(parts.train)
        rmse[implicit] = ts.evaluate(model, parts.test, metrics=["rmse"])["rmse"]
    spread = parts.test.by_user.values.std()
    assert max(rmse.values()) < 0.95 * spread


def test_any_thread_count_gives_the_same_bits():
    train = world(150, 70, 0.2)
    unrated = world(150, 70, 0.3, seed=9).as_implicit()
    for implicit in ("users", "items", "both"):
        fits = [
            SVDPlusPlus(**SMALL, implicit=implicit, threads=threads).fit(train, unrated=unrated)
            for threads in (1, 2, 5)
        ]
        for name in ("user_factors", "item_factors", "user_bias", "item_bias"):
            first, *others = (getattr(model, name) for model in fits)
            assert all((first == other).all() for other in others)


def test_seeds_differ_and_scales_do_not_matter():
    train = world(60, 40, 0.3)
    models = [SVDPlusPlus(**SMALL, seed=seed).fit(train) for seed in (0, 1)]
    assert (models[0].item_factors != models[1].item_factors).any()
    wide = SVDPlusPlus(**SMALL).fit(with_values(train, 20 * train.by_user.values - 7))
    users, items = train.users.ids[:9].tolist(), train.items.ids[:9].tolist()
    np.testing.assert_allclose(
        wide.predict(users, items), 20 * models[0].predict(users, items) - 7, rtol=1e-3
    )


def test_ratings_that_are_all_equal_are_predicted():
    train = with_values(world(20, 10, 0.4), np.full(80, 4.0))
    model = SVDPlusPlus(**SMALL).fit(train)
    assert model.predict("u3", 104) == pytest.approx(4.0, abs=0.05)


@pytest.mark.parametrize("implicit", ["users", "items", "both"])
def test_dense_tables_are_learned_at_the_usual_rates(implicit):
    rng = np.random.default_rng(0)
    n, m = 2000, 80
    taste = (
        rng.normal(size=(n, 3)) @ rng.normal(size=(3, m)) + rng.normal(size=n)[:, None] + rng.normal(size=m)
    )
    users, items = np.nonzero(rng.random((n, m)) < 0.75)
    train = Interactions.from_events(
        Vocabulary(range(n), noun="user"),
        Vocabulary(range(m), noun="item"),
        users,
        items,
        values=taste[users, items] + 0.5 * rng.normal(size=len(users)),
        explicit=True,
    )
    assert [_batch(table, table, 0.004) for table in (train.by_user, train.by_item)] == [8, 1]
    seen = []
    SVDPlusPlus(epochs=6, factors=16, implicit=implicit, progress=False).fit(train, callbacks=[seen.append])
    assert all(a.objective > b.objective for a, b in pairwise(seen))


def test_batches_are_smaller_where_rows_share_much_and_learn_fast():
    sparse, full = world(300, 200, 0.05), world(300, 200, 1.0)
    assert _batch(sparse.by_user, sparse.by_user, 0.004) == 32
    batches = [_batch(full.by_user, full.by_user, rate) for rate in (0.0, 0.001, 0.004, 0.1, 50.0)]
    assert batches == [32, 7, 2, 1, 1]
    assert _batch(sparse.by_user, full.by_user, 0.1) < _batch(sparse.by_user, sparse.by_user, 0.1)


def test_events_without_a_rating_join_the_sets():
    train, more = world(60, 40, 0.2), world(70, 45, 0.3, seed=5).as_implicit()
    plain = SVDPlusPlus(**SMALL).fit(train)
    model = SVDPlusPlus(**SMALL).fit(train, unrated=more)
    assert (model.user_factors != plain.user_factors).any()
    assert model.history.same(train.by_user)
    assert np.isfinite(model.fold_in({100: 5.0, 103: 1.0}).recommend(3)["score"]).all()
    with pytest.raises(UnsupportedError, match="rest on events without a rating too"):
        model.explain("u0", 101)
    with pytest.raises(UnsupportedError, match="learned from events without a rating"):
        model.update(world(60, 40, 0.1, seed=7))
    same = SVDPlusPlus(**SMALL).fit(train, unrated=train.as_implicit())
    assert (same.user_factors == plain.user_factors).all()
    assert same.explain("u0", 101).score == pytest.approx(
        same.score_pairs(np.int32([0]), np.int32([1]))[0], abs=1e-4
    )
    with pytest.raises(InputError, match="takes Interactions as unrated"):
        SVDPlusPlus().fit(train, unrated=[1])


def test_unrated_users_lean_on_all_that_they_met():
    train, more = world(60, 40, 0.2), world(60, 40, 0.3, seed=5).as_implicit()
    model = SVDPlusPlus(**SMALL, implicit="users").fit(train, unrated=more)
    items, ratings = train.by_user.row(4)
    row = more.users.row("u4")
    met = np.union1d(items, train.items.rows(more.items.ids[more.by_user.row(row)[0]]))
    sums = twin.sums([met], model.solver.item_vectors[:, :5].astype(float))[0]
    penalties = model.solver.regularization / 300**0.5, model.solver.bias_regularization / (3 * 300**0.5)
    x, _ = twin.user(
        ratings, items, sums, model.item_factors.astype(float), model.item_bias, model.mean, *penalties
    )
    np.testing.assert_allclose(model.user_factors[4], x, atol=2e-4)


@pytest.mark.parametrize("implicit", ["users", "items", "both"])
def test_update_takes_new_users_items_and_ratings(implicit, tmp_path):
    train = world(60, 40, 0.3)
    model = SVDPlusPlus(**SMALL, implicit=implicit).fit(train)
    new = Interactions.from_events(
        Vocabulary(["u3", "newcomer"], noun="user"),
        Vocabulary([100, 999], noun="item"),
        [0, 1, 1],
        [1, 0, 1],
        values=[5, 4, 5],
        explicit=True,
    )
    updated = model.update(new)
    assert (len(updated.users), len(updated.items)) == (61, 41)
    assert np.isfinite(updated.predict(["u3", "newcomer"], [999, 103])).all()
    folded = updated.fold_in({100: 4.0, 999: 5.0}).recommend(5, exclude_seen=False)
    np.testing.assert_allclose(
        folded["score"], updated.recommend("newcomer", 5, exclude_seen=False)["score"], rtol=1e-4
    )
    updated.save(tmp_path / "m.taste")
    loaded = ts.load(tmp_path / "m.taste")
    assert (loaded.update(train).user_factors == updated.update(train).user_factors).all()


@pytest.mark.parametrize("group", ["", "implicit_", "bias_"])
def test_divergence_names_the_setting_and_the_epoch(group):
    with pytest.raises(
        DivergedError, match=rf"in epoch \d+; lower {group}learning_rate, which is 50$"
    ) as caught:
        SVDPlusPlus(**SMALL, **{f"{group}learning_rate": 50.0}).fit(world(80, 50, 0.4))
    assert (caught.value.epoch == 1) == (caught.value.model is None)


def test_divergence_keeps_the_last_good_model():
    train = world(80, 50, 0.4)
    trainer = SVDPlusPlus(factors=4, epochs=60, progress=False, decay=0.0, regularization=0.0)
    found = []
    for rate in np.geomspace(0.05, 2, 25):
        try:
            trainer.replace(learning_rate=float(rate)).fit(train)
        except DivergedError as error:
            found.append(error)
    later = [error for error in found if error.epoch > 1]
    assert later
    for error in later:
        assert error.model.info.trainer == "SVDPlusPlus"
        assert np.isfinite(error.model.item_factors).all()


def test_early_stopping_keeps_the_best_epoch():
    parts = ts.split.random(world(120, 60, 0.3), 0.2, seed=0)
    seen = []
    trainer = SVDPlusPlus(
        factors=8, epochs=60, learning_rate=0.1, progress=False, stopping=Stopping("rmse", 2)
    )
    model = trainer.fit(parts.train, valid=parts.test, callbacks=[seen.append])
    assert len(seen) == model.info.metrics["best_epoch"] + 2 < 60
    assert model.info.metrics["rmse"] == pytest.approx(min(e.validation["rmse"] for e in seen))
    assert all(a.objective > b.objective for a, b in pairwise(seen))


def test_it_goes_on_from_its_own_model_and_takes_others():
    train = world(60, 40, 0.3)
    first = SVDPlusPlus(**SMALL, decay=0.0).fit(train)
    seen, fresh = [], []
    trainer = SVDPlusPlus(factors=6, epochs=1, progress=False)
    trainer.replace(init=first).fit(train, callbacks=[seen.append])
    trainer.fit(train, callbacks=[fresh.append])
    assert seen[0].objective < fresh[0].objective
    assert trainer.replace(init=ts.ALS(factors=3, epochs=2).fit(train)).fit(train).factors == 6
    for implicit in ("users", "items"):
        other, begun, anew = trainer.replace(implicit=implicit), [], []
        other.replace(init=first).fit(train, callbacks=[begun.append])
        other.fit(train, callbacks=[anew.append])
        assert begun[0].objective < anew[0].objective
    P, Q = np.ones((60, 6)), np.zeros((40, 6))
    assert trainer.replace(init=(P, Q)).fit(train).factors == 6
    with pytest.raises(ParameterError, match="init has 5 factors"):
        SVDPlusPlus(factors=3, init=first).fit(train)
    with pytest.raises(
        ParameterError, match="init of SVDPlusPlus must be a model, a pair of arrays, or None"
    ):
        SVDPlusPlus(init="svd")


def test_groups_follow_the_common_settings_unless_they_have_their_own():
    train = world()
    trainer = SVDPlusPlus(regularization=0.1, learning_rate=0.02, implicit_learning_rate=None)
    by_side = {side: trainer.replace(implicit=side).settled(train) for side in ("users", "items", "both")}
    assert [found.item_regularization for found in by_side.values()] == [0.1, 0.2, pytest.approx(0.3)]
    per_item, per_user = train.n_events / train.n_items, train.n_events / train.n_users
    assert [0.06 / found.implicit_regularization for found in by_side.values()] == [
        pytest.approx(per_item),
        pytest.approx(per_user),
        pytest.approx(per_item),
    ]
    settled = trainer.replace(item_regularization=0.5).settled(train)
    assert (settled.item_regularization, settled.user_regularization) == (0.5, 0.1)
    assert (settled.implicit_learning_rate, settled.bias_learning_rate) == (0.02, trainer.bias_learning_rate)
    assert trainer.fit(train).info.params["user_regularization"] == 0.1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"factors": 0}, "factors of SVDPlusPlus must be a whole number >= 1; got 0"),
        ({"learning_rate": 0.0}, r"learning_rate of SVDPlusPlus must be > 0; got 0\.0"),
        ({"bias_learning_rate": -1.0}, r"bias_learning_rate of SVDPlusPlus must be >= 0; got -1\.0"),
        ({"implicit_regularization": -1.0}, "implicit_regularization of SVDPlusPlus must be >= 0"),
        ({"user_regularization": float("nan")}, "user_regularization of SVDPlusPlus must be >= 0; got nan"),
        ({"decay": 1.5}, r"decay of SVDPlusPlus must be in 0\.\.1; got 1\.5"),
        ({"implicit": "all"}, "implicit of SVDPlusPlus must be one of 'users', 'items', 'both'; got 'all'"),
        ({"stopping": 3}, "stopping of SVDPlusPlus must be a Stopping, or None"),
        ({"progress": 3}, "progress of SVDPlusPlus must be True, False or None"),
    ],
)
def test_settings_are_checked(changes, message):
    with pytest.raises(ParameterError, match=message):
        SVDPlusPlus(**changes)


def test_data_are_checked():
    with pytest.raises(InputError, match="SVDPlusPlus learns ratings, and these events have none"):
        SVDPlusPlus().fit(world(explicit=False))
    with pytest.raises(InputError, match=r"SVDPlusPlus\.fit takes Interactions as train"):
        SVDPlusPlus().fit(dense(world()))
