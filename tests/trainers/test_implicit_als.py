from itertools import pairwise

import numpy as np
import pytest

from tastespace.data.interactions import Interactions
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import EmptyError, InputError, NumericalError, ParameterError
from tastespace.evaluation import evaluate
from tastespace.models.confidence import Confidence
from tastespace.trainers.implicit_als import ImplicitALS, default_regularization, default_unobserved_weight
from tastespace.trainers.stopping import Stopping
from tests.models.worlds import dense, with_values, world
from tests.reference import als as twin

FORMS = {
    "ials": ({"unobserved_weight": 0.2}, 0.2, 0.0, 1.0),
    "hkv": ({"alpha": 3.0}, 1.0, 1.0, 3.0),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("nu", [0.0, 0.5, 1.0])
def test_exact_epochs_equal_the_twin(form, nu):
    given, a0, offset, scale = FORMS[form]
    train = world(explicit=False)
    W = scale * dense(train)
    start = np.random.default_rng(1).normal(size=(train.n_items, 5)) * 0.1
    objectives = []
    model = ImplicitALS(
        factors=5,
        epochs=2,
        regularization=0.03,
        frequency_scaling=nu,
        confidence="linear",
        solver="cholesky",
        init=(np.zeros((train.n_users, 5)), start),
        **given,
    ).fit(train, callbacks=[lambda epoch: objectives.append(epoch.objective)])
    P, Q = None, start
    wanted = []
    for _ in range(2):
        P = twin.implicit_rows(Q, W, a0, offset, 0.03, nu)
        Q = twin.implicit_rows(P, W.T, a0, offset, 0.03, nu)
        wanted.append(twin.implicit_objective(P, Q, W, a0, offset, 0.03, nu))
    P = twin.implicit_rows(Q, W, a0, offset, 0.03, nu)
    np.testing.assert_allclose(objectives, wanted, rtol=1e-4)
    np.testing.assert_allclose(model.user_factors @ model.item_factors.T, P @ Q.T, atol=2e-3)


@pytest.mark.parametrize("form", FORMS)
def test_pcg_comes_to_the_exact_objective(form):
    given = FORMS[form][0]
    train = world(explicit=False)
    last = {}
    for solver in ("pcg", "cholesky"):
        ImplicitALS(factors=5, epochs=30, regularization=0.03, confidence="log", solver=solver, **given).fit(
            train, callbacks=[lambda epoch, solver=solver: last.__setitem__(solver, epoch.objective)]
        )
    # The loss has several valleys; two steps a row may end in a neighbouring one.
    assert last["pcg"] == pytest.approx(last["cholesky"], rel=2e-2)


def test_final_users_are_a_stationary_point():
    train = world(explicit=False)
    model = ImplicitALS(
        factors=6, epochs=3, unobserved_weight=0.1, regularization=0.005, confidence="linear"
    ).fit(train)
    P, Q = model.user_factors.astype(float), model.item_factors.astype(float)
    W = dense(train)
    best = twin.implicit_rows(Q, W, 0.1, 0.0, 0.005, 1.0)
    np.testing.assert_allclose(P, best, atol=1e-3 * np.abs(best).max())


def test_objective_never_rises_with_the_exact_solver():
    told = []
    ImplicitALS(factors=8, epochs=10, solver="cholesky").fit(world(explicit=False), callbacks=[told.append])
    objectives = [epoch.objective for epoch in told]
    assert all(b <= a * (1 + 1e-6) for a, b in pairwise(objectives))
    assert [epoch.number for epoch in told] == list(range(1, 11))
    assert all(epoch.epochs == 10 and epoch.seconds > 0 and not epoch.validation for epoch in told)


@pytest.mark.parametrize("solver", ["pcg", "cholesky"])
@pytest.mark.parametrize("k", [1, 16, 17, 40, 70])
def test_threads_change_nothing(solver, k):
    train = world(200, 70, explicit=False)
    models = [ImplicitALS(factors=k, epochs=3, solver=solver, threads=t).fit(train) for t in (1, 2, 5)]
    for model in models[1:]:
        assert np.array_equal(model.user_factors, models[0].user_factors)
        assert np.array_equal(model.item_factors, models[0].item_factors)


def test_seed_decides_the_start():
    train = world(explicit=False)
    a, b, c = (ImplicitALS(factors=4, epochs=1, seed=seed).fit(train) for seed in (1, 1, 2))
    assert np.array_equal(a.item_factors, b.item_factors)
    assert not np.array_equal(a.item_factors, c.item_factors)


def test_factors_come_ordered_by_importance():
    model = ImplicitALS(factors=6, epochs=6, unobserved_weight=0.3).fit(world(explicit=False))
    # The last rotation is the item half-epoch's, into the basis of the users.
    energy = (model.user_factors.astype(float) ** 2).sum(0)
    assert (np.diff(energy) < 0.05 * energy[0]).all()


def test_learns_the_world():
    train = world(200, 80, 0.3, explicit=False)
    keep = np.random.default_rng(0).random(train.n_events) < 0.8
    part, rest = train.select(keep), train.select(~keep)
    model = ImplicitALS(factors=3, confidence="log").fit(part)
    users = model.users.rows(rest.users.ids)[rest.user_rows()]
    items = model.items.rows(rest.items.ids)[rest.by_user.indices]
    observed = model.score_pairs(users, items).mean()
    rng = np.random.default_rng(1)
    random = model.score_pairs(users, rng.permutation(items)).mean()
    assert observed > random


def test_default_unobserved_weight_follows_density():
    sparse, full = world(300, 200, 0.01, explicit=False), world(30, 20, 1.0, explicit=False)
    assert default_unobserved_weight(full) == 1.0
    density = sparse.n_events / (sparse.n_users * sparse.n_items)
    assert default_unobserved_weight(sparse) == pytest.approx(9 * density)
    params = ImplicitALS(factors=2, epochs=1).fit(sparse).info.params
    assert params["unobserved_weight"] == pytest.approx(default_unobserved_weight(sparse), rel=1e-5)


@pytest.mark.parametrize(
    "given", [{}, {"alpha": 40.0}, {"unobserved_weight": 0.01}, {"confidence": "linear"}]
)
def test_default_regularization_is_a_share_of_the_events_weight(given):
    train = world(explicit=False)
    params = ImplicitALS(factors=2, epochs=1, **given).fit(train).info.params
    a0 = params["unobserved_weight"] or 1.0
    linear = "alpha" in given or "confidence" in given
    weight = given.get("alpha", 1.0) * (train.by_user.values.mean() if linear else 1.0)
    n = train.n_events / train.n_users
    noise = np.sqrt((train.n_users + train.n_items) / train.n_events)
    assert params["regularization"] * (n + a0 * train.n_items) == pytest.approx(
        0.45 * weight * n * noise, rel=1e-4
    )


def test_default_regularization_keeps_its_sum_for_another_scaling():
    train = world(explicit=False)
    counts = np.concatenate(
        [
            train.by_user.counts() + 0.1 * train.n_items,
            train.by_item.counts() + 0.1 * train.n_users,
        ]
    )
    full = default_regularization(train, 0.1)
    flat = default_regularization(train, 0.1, frequency_scaling=0.0)
    assert flat * len(counts) == pytest.approx(full * counts.sum())


def test_stopping_keeps_the_best_epoch():
    train = world(200, 80, 0.3, explicit=False)
    keep = np.random.default_rng(0).random(train.n_events) < 0.8
    part, rest = train.select(keep), train.select(~keep)
    told = []
    model = ImplicitALS(
        factors=16, epochs=30, regularization=1e-4, stopping=Stopping("ndcg@5", patience=2)
    ).fit(part, rest, callbacks=[told.append])
    values = [epoch.validation["ndcg@5"] for epoch in told]
    # Epochs are compared before the users are solved exactly; what the model says is measured on itself.
    assert model.info.metrics["ndcg@5"] == evaluate(model, rest, k=5)["ndcg@5"]
    assert model.info.metrics["ndcg@5"] == pytest.approx(max(values), rel=0.1)
    assert model.info.metrics["best_epoch"] == int(np.argmax(values)) + 1
    assert len(told) == 30 or len(told) == model.info.metrics["best_epoch"] + 2


def test_starts_from_a_smaller_model():
    train = world(explicit=False)
    small = ImplicitALS(factors=4, epochs=10, solver="cholesky", unobserved_weight=0.1).fit(train)
    told = []
    trainer = ImplicitALS(factors=8, epochs=1, solver="cholesky", unobserved_weight=0.1)
    trainer.fit(train, callbacks=[told.append])
    trainer.replace(init=small).fit(train, callbacks=[told.append])
    assert told[1].objective < told[0].objective


def test_confidences():
    train = world(explicit=False)
    r = train.by_user.values
    assert np.array_equal(
        Confidence.learn("linear", train.by_user, train.by_item).user_weights(train.by_user), r
    )
    log = Confidence.learn("log", train.by_user, train.by_item).user_weights(train.by_user)
    np.testing.assert_allclose(log, np.log2(1 + r) / np.log2(1 + r).mean(), rtol=1e-5)
    assert Confidence.learn("log", train.as_implicit().by_user, train.by_item).average == 1.0
    bm25 = Confidence.learn("bm25", train.by_user, train.by_item)
    W = dense(train)
    sums = np.nansum(W, 1)
    idf = np.log((1 + train.n_users) / (1 + (~np.isnan(W)).sum(0))) + 1
    want = idf * W * 101 / (100 * (0.2 + 0.8 * sums / sums.mean())[:, None] + W)
    got = dense(train)
    got[~np.isnan(got)] = bm25.user_weights(train.by_user)
    np.testing.assert_allclose(got, want, rtol=1e-5)
    rows = np.array([3, 7], np.int32)
    some = bm25.item_weights(train.by_item.take_rows(rows), rows, train.by_user)
    np.testing.assert_allclose(
        some, np.concatenate([want[~np.isnan(want[:, i]), i] for i in rows]), rtol=1e-5
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"factors": 0}, r"factors of ImplicitALS must be a whole number >= 1; got 0"),
        ({"factors": 2.5}, r"factors of ImplicitALS must be a whole number >= 1; got 2.5"),
        ({"epochs": 0}, r"epochs of ImplicitALS must be a whole number >= 1"),
        ({"regularization": 0.0}, r"regularization of ImplicitALS must be > 0; got 0.0"),
        ({"regularization": float("nan")}, r"regularization of ImplicitALS must be > 0; got nan"),
        ({"frequency_scaling": -1}, r"frequency_scaling of ImplicitALS must be >= 0"),
        ({"alpha": -1.0}, r"alpha of ImplicitALS must be > 0; got -1.0"),
        ({"unobserved_weight": 0.0}, r"unobserved_weight of ImplicitALS must be > 0; got 0.0"),
        ({"alpha": 1.0, "unobserved_weight": 1.0}, r"not both"),
        ({"confidence": "cubic"}, r"confidence of ImplicitALS must be one of 'linear', 'log', 'bm25'"),
        ({"solver": "magic"}, r"solver of ImplicitALS must be one of 'pcg', 'cholesky'"),
        ({"threads": 0}, r"threads must be a whole number"),
        ({"seed": -1}, r"seed of ImplicitALS must be a whole number >= 0"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ParameterError, match=message):
        ImplicitALS(**settings)


def test_replace_names_an_unknown_setting():
    assert ImplicitALS().replace(factors=7).factors == 7
    with pytest.raises(ParameterError, match="has no parameter 'factor'; it has alpha, cg_steps"):
        ImplicitALS().replace(factor=7)


def test_negative_ratings_as_weights_are_refused():
    train = world()
    values = train.by_user.values - 3
    shifted = with_values(train, values)
    with pytest.raises(InputError, match=r"needs values > 0; user 'u\d+' and item \d+ have -?\d"):
        ImplicitALS().fit(shifted)


def test_stopping_needs_a_validation_set():
    with pytest.raises(ParameterError, match=r"stopping of ImplicitALS needs a validation set"):
        ImplicitALS(stopping=Stopping()).fit(world(explicit=False))
    with pytest.raises(ParameterError, match="patience of Stopping must be a whole number >= 1"):
        Stopping(patience=0)


def test_init_of_the_wrong_shape_is_refused():
    train = world(explicit=False)
    with pytest.raises(
        ParameterError, match=r"init holds user factors of shape \(3, 4\); this fit needs \(\d+, 4\)"
    ):
        ImplicitALS(factors=4, init=(np.zeros((3, 4)), np.zeros((train.n_items, 4)))).fit(train)
    with pytest.raises(ParameterError, match="item factors that are NaN or infinite"):
        ImplicitALS(factors=4, init=(np.zeros((train.n_users, 4)), np.full((train.n_items, 4), np.nan))).fit(
            train
        )


def test_overflow_is_named():
    train = world(explicit=False)
    huge = np.full((train.n_items, 4), 1e30)
    with pytest.raises(NumericalError, match=r"raise regularization or scale the values down"):
        ImplicitALS(factors=4, init=(np.zeros((train.n_users, 4)), huge)).fit(train)


def test_one_user_one_item_and_more_factors_than_both():
    train = world(1, 1, 1.0, explicit=False)
    model = ImplicitALS(factors=20, epochs=2).fit(train)
    assert np.isfinite(model.user_factors).all()
    assert len(model.recommend("u0", exclude_seen=False)) == 1
    assert len(model.recommend("u0")) == 0


def test_interrupted_training_leaves_nothing_behind():
    def stop(epoch):
        raise KeyboardInterrupt

    trainer = ImplicitALS(factors=4)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(world(explicit=False), callbacks=[stop])
    assert trainer == ImplicitALS(factors=4)


def test_empty_training_set():
    train = world(explicit=False)
    with pytest.raises(EmptyError):
        ImplicitALS().fit(train.select(np.zeros(train.n_events, bool)))


@pytest.mark.parametrize("solver", ["pcg", "cholesky"])
def test_weights_that_differ_a_millionfold(solver):
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((40, 30)) < 0.3)
    values = 10.0 ** rng.uniform(-3, 3, len(users))
    train = Interactions.from_events(
        Vocabulary(range(40), noun="user"),
        Vocabulary(range(30), noun="item"),
        users.astype(np.int32),
        items.astype(np.int32),
        values=values.astype(np.float32),
        explicit=False,
    )
    trainer = ImplicitALS(
        factors=8, epochs=3, regularization=1e-5, unobserved_weight=1e-4, confidence="linear", solver=solver
    )
    model = trainer.fit(train)
    Q = model.item_factors.astype(float)
    P = twin.implicit_rows(Q, dense(train), 1e-4, 0.0, 1e-5, 1.0)
    np.testing.assert_allclose(model.user_factors @ Q.T, P @ Q.T, atol=5e-3 * np.abs(P @ Q.T).max())
    for user in range(5):
        raw = model.score_pairs(np.array([user], np.int32), np.array([3], np.int32))[0]
        assert model.explain(user, int(train.items.ids[3])).score == pytest.approx(raw, abs=2e-3)
