import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from tastespace.data import split
from tastespace.errors import InputError, NumericalError, ParameterError
from tastespace.evaluation import evaluate
from tastespace.trainers.als import ALS
from tastespace.trainers.baseline import Baseline
from tastespace.trainers.implicit_als import ImplicitALS
from tastespace.trainers.popularity import Popularity
from tastespace.trainers.stopping import Stopping
from tests.models.worlds import dense, with_values, world
from tests.reference import als as twin


@pytest.mark.parametrize("bias_regularization", [0.02, 0.3])
@pytest.mark.parametrize("nu", [0.0, 0.5, 1.0])
def test_exact_epochs_equal_the_twin(bias_regularization, nu):
    train = world()
    R = dense(train)
    mean = np.nanmean(R)
    start = np.random.default_rng(1).normal(size=(train.n_items, 5)) * 0.1
    told = []
    model = ALS(
        factors=5,
        epochs=2,
        regularization=0.05,
        bias_regularization=bias_regularization,
        frequency_scaling=nu,
        solver="cholesky",
        init=(np.zeros((train.n_users, 5)), start),
    ).fit(train, callbacks=[told.append])
    Q, bi = start, np.zeros(train.n_items)
    settings = (0.05, bias_regularization, nu)
    wanted = []
    for _ in range(2):
        P, bu = twin.explicit_rows(Q, bi, mean, R, *settings)
        Q, bi = twin.explicit_rows(P, bu, mean, R.T, *settings)
        wanted.append(twin.explicit_objective(P, bu, Q, bi, mean, R, *settings))
    P, bu = twin.explicit_rows(Q, bi, mean, R, *settings)
    np.testing.assert_allclose([epoch.objective for epoch in told], wanted, rtol=1e-4)
    np.testing.assert_allclose(model.user_bias, bu, atol=2e-3)
    np.testing.assert_allclose(model.item_bias, bi, atol=2e-3)
    np.testing.assert_allclose(model.user_factors @ model.item_factors.T, P @ Q.T, atol=1e-2)
    assert model.mean == pytest.approx(mean)


def test_without_biases():
    train = world()
    model = ALS(factors=4, epochs=3, biases=False, solver="cholesky", regularization=0.1).fit(train)
    assert not model.user_bias.any()
    assert not model.item_bias.any()
    P, _ = twin.explicit_rows(
        model.item_factors.astype(float), model.item_bias, model.mean, dense(train), 0.1, None, 1.0
    )
    np.testing.assert_allclose(model.user_factors, P, atol=1e-3 * np.abs(P).max())


def test_pcg_comes_to_the_exact_objective():
    last = {}
    for solver in ("pcg", "cholesky"):
        ALS(factors=4, epochs=40, regularization=0.1, solver=solver).fit(
            world(), callbacks=[lambda epoch, solver=solver: last.__setitem__(solver, epoch.objective)]
        )
    assert last["pcg"] == pytest.approx(last["cholesky"], rel=5e-3)


@pytest.mark.parametrize("solver", ["pcg", "cholesky"])
@pytest.mark.parametrize("k", [1, 16, 40])
def test_threads_change_nothing(solver, k):
    train = world(200, 70)
    models = [ALS(factors=k, epochs=3, solver=solver, threads=t).fit(train) for t in (1, 2, 5)]
    for model in models[1:]:
        for name in ("user_factors", "item_factors", "user_bias", "item_bias"):
            assert np.array_equal(getattr(model, name), getattr(models[0], name))


def test_weights_of_events_count():
    train = world(times=True)
    faded = train.decay(half_life="2d")
    assert faded.by_user.weights is not None
    model = Baseline(regularization=0.0).fit(faded)
    w, r = faded.by_user.weights.astype(float), faded.by_user.values.astype(float)
    assert model.mean == pytest.approx((w * r).sum() / w.sum())
    assert not np.allclose(
        ALS(factors=2, epochs=2).fit(train).item_factors, ALS(factors=2, epochs=2).fit(faded).item_factors
    )


def test_beats_the_baseline_on_held_out_ratings():
    train = world(300, 100, 0.3)
    keep = np.random.default_rng(0).random(train.n_events) < 0.8
    part, rest = train.select(keep), train.select(~keep)
    users = part.users.rows(rest.users.ids)[rest.user_rows()]
    items = part.items.rows(rest.items.ids)[rest.by_user.indices]

    def rmse(model):
        return np.sqrt(np.mean((model.score_pairs(users, items) - rest.by_user.values) ** 2))

    assert rmse(ALS(factors=3, regularization=0.05).fit(part)) < 0.8 * rmse(Baseline().fit(part))


def test_stopping_on_rmse_is_the_default_with_a_validation_set():
    train = world(200, 80, 0.3)
    keep = np.random.default_rng(0).random(train.n_events) < 0.8
    told = []
    model = ALS(factors=20, epochs=40, regularization=0.005).fit(
        train.select(keep), train.select(~keep), callbacks=[told.append]
    )
    values = [epoch.validation["rmse"] for epoch in told]
    assert len(told) < 40
    # Epochs are compared before the users are solved exactly; what the model says is measured on itself.
    assert model.info.metrics["best_epoch"] == int(np.argmin(values)) + 1
    assert model.info.metrics["rmse"] == evaluate(model, train.select(~keep))["rmse"]
    assert model.info.metrics["rmse"] == pytest.approx(min(values), rel=0.05)
    every = []
    ALS(factors=2, epochs=6, stopping=Stopping("mae", every=3)).fit(
        train.select(keep), train.select(~keep), callbacks=[every.append]
    )
    assert [bool(epoch.validation) for epoch in every] == [False, False, True] * 2


def test_metric_of_stopping_is_checked():
    train = world()
    with pytest.raises(ParameterError, match="ndgc"):
        ALS(stopping=Stopping("ndgc@10")).fit(train, train)


def test_ratings_are_needed():
    for trainer in (ALS(), Baseline()):
        with pytest.raises(InputError, match=r"learns ratings, and these events have none"):
            trainer.fit(world(explicit=False))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"factors": True}, r"factors of ALS must be a whole number >= 1; got True"),
        ({"regularization": -1}, r"regularization of ALS must be > 0; got -1"),
        ({"bias_regularization": -0.1}, r"bias_regularization of ALS must be >= 0"),
        ({"cg_steps": 0}, r"cg_steps of ALS must be a whole number >= 1"),
        ({"solver": "lu"}, r"solver of ALS must be one of 'pcg', 'cholesky'; got 'lu'"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ParameterError, match=message):
        ALS(**settings)


def test_overflow_names_the_row():
    train = world()
    huge = np.full((train.n_items, 4), 1e25)
    trainer = ALS(factors=4, init=(np.zeros((train.n_users, 4)), huge), solver="cholesky")
    with pytest.raises(NumericalError, match=r"row \d+.*raise regularization"):
        trainer.fit(train)


def test_all_ratings_equal_predicts_them():
    train = world()
    same = with_values(train, np.full(train.n_events, 4.0))
    assert ALS(factors=3).fit(same).predict("u1", 100) == 4.0


def test_baseline_is_the_least_squares_solution():
    train = world()
    model = Baseline(regularization=2.0, epochs=500).fit(train)
    R = dense(train)
    users, items = np.nonzero(~np.isnan(R))
    n, m = R.shape
    X = np.zeros((len(users), n + m))
    X[np.arange(len(users)), users] = 1
    X[np.arange(len(users)), n + items] = 1
    y = R[users, items] - np.nanmean(R)
    b = np.linalg.solve(X.T @ X + 2.0 * np.eye(n + m), X.T @ y)
    np.testing.assert_allclose(np.concatenate([model.user_bias, model.item_bias]), b, atol=2e-3)


def test_popularity_counts_and_fades():
    train = world(explicit=False, times=True)
    model = Popularity().fit(train)
    assert np.array_equal(model.item_bias, train.by_item.counts())
    top = model.recommend("u0", 3, exclude_seen=False)
    assert (
        top["item"].tolist()
        == train.items.ids[np.argsort(-train.by_item.counts(), kind="stable")[:3]].tolist()
    )
    faded = Popularity(half_life="1d").fit(train)
    age = (train.by_user.times.max() - train.by_user.times) / 86400
    want = np.bincount(train.by_user.indices, 0.5**age, train.n_items)
    np.testing.assert_allclose(faded.item_bias, want, rtol=1e-5)
    with pytest.raises(InputError, match="half_life of Popularity needs timestamps"):
        Popularity(half_life="1d").fit(world(explicit=False))
    with pytest.raises(ParameterError, match="half_life must be a duration"):
        Popularity(half_life="soon")


def test_default_penalty_follows_the_scale_of_the_ratings():
    train = world()
    tenfold = with_values(train, train.by_user.values * 10)
    small, large = ALS(factors=3).fit(train), ALS(factors=3).fit(tenfold)
    assert small.info.params["regularization"] == pytest.approx(1.15 * train.by_user.values.std(), rel=1e-5)
    assert small.info.params["frequency_scaling"] == 0.5
    assert large.info.params["regularization"] == pytest.approx(
        10 * small.info.params["regularization"], rel=1e-5
    )
    assert small.info.params["bias_regularization"] == large.info.params["bias_regularization"] == 0.8
    users, items = train.users.ids[:9].tolist(), train.items.ids[:9].tolist()
    np.testing.assert_allclose(large.predict(users, items), 10 * small.predict(users, items), rtol=2e-3)
    flat = ALS(factors=3, frequency_scaling=0.0).fit(train).info.params["regularization"]
    rows = np.concatenate([train.by_user.counts(), train.by_item.counts()])
    assert flat * len(rows) == pytest.approx(small.info.params["regularization"] * np.sqrt(rows).sum())
    given = ALS(factors=3, regularization=0.05).fit(train).info.params
    assert (given["regularization"], given["frequency_scaling"]) == (0.05, 1.0)


def test_units_of_the_ratings_change_nothing_but_the_units():
    train = world()

    def scaled(c):
        return with_values(train, train.by_user.values * np.float32(c))

    users, items = train.users.ids[:30].tolist(), train.items.ids[:30].tolist()
    for trainer in (ALS(factors=3), Baseline()):
        plain = trainer.fit(train).predict(users, items)
        for c in (1e-6, 1e6):
            np.testing.assert_allclose(trainer.fit(scaled(c)).predict(users, items) / c, plain, rtol=2e-3)


def test_a_warm_start_goes_on_where_the_model_stopped():
    train = world()
    told = []
    trainer = ALS(factors=4, epochs=10, solver="cholesky", regularization=0.05)
    model = trainer.fit(train, callbacks=[told.append])
    trainer.replace(init=model, epochs=1).fit(train, callbacks=[told.append])
    assert told[-1].objective <= told[-2].objective * (1 + 1e-5)
    with pytest.raises(
        ParameterError, match="init has 4 factors; a fit of 2 can start from 1 to 2: pass factors=4, or more"
    ):
        trainer.replace(factors=2, init=model).fit(train)
    with pytest.raises(ParameterError, match="init has 0 factors"):
        trainer.replace(init=Baseline().fit(train)).fit(train)


def test_padding_does_not_touch_the_answer():
    train = world(80, 60, 0.4)
    R = dense(train)
    for k in (15, 16, 17):
        model = ALS(factors=k, epochs=1, regularization=1e-3, frequency_scaling=0.0, solver="cholesky").fit(
            train
        )
        Q = model.item_factors.astype(float)
        P, bu = twin.explicit_rows(Q, model.item_bias, model.mean, R, 1e-3, 1e-3, 0.0)
        got = model.user_factors @ Q.T + model.user_bias[:, None]
        np.testing.assert_allclose(got, P @ Q.T + bu[:, None], atol=5e-3)


@pytest.mark.parametrize("trainer", [ALS(), Baseline(), Popularity()])
def test_what_is_no_table_of_events_is_refused(trainer):
    name = type(trainer).__name__
    with pytest.raises(
        InputError, match=rf"{name}\.fit takes Interactions as train; got list: make them with ts.read"
    ):
        trainer.fit([1, 2])
    dense = r"got an array \(30, 20\), which takes 4.8 kB of memory where .* 320 B, .*: pass ts.read\(scipy.sparse.csr"
    with pytest.raises(InputError, match=rf"{name}\.fit takes Interactions as train; {dense}"):
        trainer.fit(np.eye(30, 20))
    with pytest.raises(InputError, match=r"got csr_array: make them with ts.read\(matrix\)"):
        trainer.fit(sp.csr_array(np.eye(3)))
    with pytest.raises(
        InputError, match=r"got DataFrame: make them with ts.read\(table, user=..., item=...\)"
    ):
        trainer.fit(pl.DataFrame({"user": [1], "item": [2]}))
    halves = split.random(world())
    with pytest.raises(InputError, match=r"got a Split: pass split\.train"):
        trainer.fit(halves)
    if isinstance(trainer, ALS):
        with pytest.raises(InputError, match=r"as valid; got list"):
            trainer.fit(halves.train, [1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"init": "pca"}, r"init of ALS must be 'svd', a model, a pair of arrays, or None; got 'pca'"),
        ({"stopping": "rmse"}, r"stopping of ALS must be a Stopping, or None; got 'rmse'"),
        ({"biases": "no"}, r"biases of ALS must be True or False; got 'no'"),
        ({"progress": "yes"}, r"progress of ALS must be True, False or None; got 'yes'"),
    ],
)
def test_settings_of_the_wrong_type_are_refused(settings, message):
    with pytest.raises(ParameterError, match=message):
        ALS(**settings)


def test_numpy_numbers_are_as_good():
    trainer = ALS(factors=np.int64(8), regularization=np.float32(0.5), epochs=np.int32(2))
    assert trainer == ALS(factors=8, regularization=0.5, epochs=2)
    assert type(trainer.params()["factors"]) is int
    pair = (np.zeros((3, 8)), np.zeros((3, 8)))
    assert hash(trainer.replace(init=pair)) == hash(trainer)


def test_factors_that_cannot_fit_into_memory_are_refused_before_the_start():
    with pytest.raises(ParameterError, match=r"factors=50000000 for \d+ users and items needs [\d,]+ GiB"):
        ALS(factors=50_000_000).fit(world())
    with pytest.raises(ParameterError, match=r"init takes a pair of arrays.* got 3"):
        ALS(factors=2, init=(np.zeros(1),) * 3).fit(world())


def test_stopping_metrics_that_cannot_stop_are_refused_before_the_start():
    train = world(explicit=False)
    with pytest.raises(ParameterError, match=r"ImplicitALS predicts no ratings, so 'rmse' cannot stop it"):
        ImplicitALS(stopping=Stopping("rmse")).fit(train, train)
    with pytest.raises(ParameterError, match=r"must name its cut-off, such as 'ndcg@10'; got 'ndcg'"):
        ImplicitALS(stopping=Stopping("ndcg")).fit(train, train)
    with pytest.raises(ParameterError, match=r"patience of Stopping must be a whole number >= 1; got '3'"):
        Stopping(patience="3")
