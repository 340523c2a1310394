"""``nonnegative=True`` of ALS and ImplicitALS."""

from itertools import pairwise

import numpy as np
import pytest

import tastespace as ts
from tastespace.data.csr import Csr
from tastespace.errors import ParameterError
from tastespace.models.padding import pad
from tastespace.models.solvers import ExplicitRows, Side, solver_from
from tastespace.trainers.als import ALS
from tastespace.trainers.implicit_als import ImplicitALS
from tastespace.trainers.init import drop_signs
from tests.models.worlds import dense, world
from tests.reference import als as twin


@pytest.mark.parametrize("biases", [False, True])
def test_exact_epochs_on_ratings_equal_the_twin(biases):
    train = world()
    R = dense(train)
    mean = np.nanmean(R)
    start = np.abs(np.random.default_rng(1).normal(size=(train.n_items, 5)))
    told = []
    model = ALS(
        factors=5,
        epochs=2,
        regularization=0.05,
        bias_regularization=0.1,
        biases=biases,
        nonnegative=True,
        init=(np.zeros((train.n_users, 5)), start),
    ).fit(train, callbacks=[told.append])
    Q, bi = start, np.zeros(train.n_items)
    settings = (0.05, 0.1 if biases else None, 1.0)
    for _ in range(2):
        P, bu = twin.explicit_rows(Q, bi, mean, R, *settings, nonnegative=True)
        Q, bi = twin.explicit_rows(P, bu, mean, R.T, *settings, nonnegative=True)
    wanted = twin.explicit_objective(P, bu, Q, bi, mean, R, 0.05, 0.1, 1.0)
    assert told[-1].objective == pytest.approx(wanted, rel=1e-4)
    P, bu = twin.explicit_rows(Q, bi, mean, R, *settings, nonnegative=True)
    np.testing.assert_allclose(model.item_factors, Q, atol=2e-3)
    np.testing.assert_allclose(model.user_factors, P, atol=5e-3)
    np.testing.assert_allclose(model.user_bias, bu, atol=5e-3)
    assert (model.user_factors == 0).any()
    assert model.user_factors.min() == model.item_factors.min() == 0


@pytest.mark.parametrize("given", [{"unobserved_weight": 0.2}, {"alpha": 3.0}])
def test_exact_epochs_on_events_equal_the_twin(given):
    train = world(explicit=False)
    alpha = given.get("alpha", 1.0)
    W, a0, offset = alpha * dense(train), given.get("unobserved_weight", 1.0), float("alpha" in given)
    start = np.abs(np.random.default_rng(1).normal(size=(train.n_items, 5)))
    told = []
    model = ImplicitALS(
        factors=5,
        epochs=2,
        regularization=0.03,
        confidence="linear",
        nonnegative=True,
        init=(np.zeros((train.n_users, 5)), start),
        **given,
    ).fit(train, callbacks=[told.append])
    Q = start
    for _ in range(2):
        P = twin.implicit_rows(Q, W, a0, offset, 0.03, 1.0, nonnegative=True)
        Q = twin.implicit_rows(P, W.T, a0, offset, 0.03, 1.0, nonnegative=True)
    wanted = twin.implicit_objective(P, Q, W, a0, offset, 0.03, 1.0)
    assert told[-1].objective == pytest.approx(wanted, rel=1e-4)
    P = twin.implicit_rows(Q, W, a0, offset, 0.03, 1.0, nonnegative=True)
    np.testing.assert_allclose(model.item_factors, Q, atol=2e-3)
    np.testing.assert_allclose(model.user_factors, P, atol=2e-3)
    assert model.user_factors.min() == model.item_factors.min() == 0


@pytest.mark.parametrize("trainer", [ALS, ImplicitALS])
def test_the_objective_never_rises_and_the_solver_is_not_asked(trainer):
    train = world(explicit=trainer is ALS)
    models = []
    for solver in ("pcg", "cholesky"):
        told = []
        models.append(
            trainer(factors=8, epochs=8, nonnegative=True, solver=solver).fit(train, callbacks=[told.append])
        )
        objectives = [epoch.objective for epoch in told]
        assert all(b <= a * (1 + 1e-6) for a, b in pairwise(objectives))
    for name in ("user_factors", "item_factors", "user_bias", "item_bias"):
        assert np.array_equal(getattr(models[0], name), getattr(models[1], name))


@pytest.mark.parametrize("trainer", [ALS, ImplicitALS])
@pytest.mark.parametrize("k", [1, 16, 40])
def test_threads_change_nothing(trainer, k):
    train = world(200, 70, explicit=trainer is ALS)
    models = [trainer(factors=k, epochs=3, nonnegative=True, threads=t).fit(train) for t in (1, 2, 5)]
    for model in models[1:]:
        assert np.array_equal(model.user_factors, models[0].user_factors)
        assert np.array_equal(model.item_factors, models[0].item_factors)


@pytest.mark.parametrize("trainer", [ALS, ImplicitALS])
def test_a_saved_model_solves_its_rows_as_before(trainer, tmp_path):
    train = world(explicit=trainer is ALS)
    model = trainer(factors=6, epochs=3, nonnegative=True).fit(train)
    model.save(tmp_path / "model.taste")
    model = ts.load(tmp_path / "model.taste")
    history = dict.fromkeys(model.items.ids[:7].tolist(), 5.0)
    assert model.fold_in(history).factors.min() >= 0
    updated = model.update(train.select(np.arange(train.n_events) < 50))
    assert updated.user_factors.min() >= 0
    assert updated.item_factors.min() >= 0
    free = trainer(factors=6, epochs=3).fit(train)
    assert free.fold_in(history).factors.min() < 0


def test_files_of_before_have_no_such_setting():
    params = {"regularization": 1.0, "bias_regularization": None, "frequency_scaling": 1.0, "mean": 3.0}
    assert solver_from("explicit", params, {}).nonnegative is False


def test_start_factors_below_0_are_refused():
    train = world()
    shape = (train.n_users, 4), (train.n_items, 4)
    with pytest.raises(ParameterError, match="init holds item factors below 0, and nonnegative=True allows"):
        ALS(factors=4, nonnegative=True, init=(np.ones(shape[0]), -np.ones(shape[1]))).fit(train)
    free = ALS(factors=4).fit(train)
    with pytest.raises(ParameterError, match="init holds user factors below 0"):
        ImplicitALS(factors=4, nonnegative=True, init=free).fit(train)


@pytest.mark.parametrize("trainer", [ALS, ImplicitALS])
def test_a_decomposition_to_start_from_loses_its_signs(trainer):
    train = world(explicit=trainer is ALS)
    model = trainer(factors=4, epochs=2, nonnegative=True, init="svd").fit(train)
    assert model.user_factors.min() >= 0
    assert model.item_factors.min() >= 0
    assert model.item_factors.any(axis=0).all()
    p, q = np.float32([[1, -2], [3, 0]]), np.float32([[-1, -4], [2, 1]])
    drop_signs(p, q)
    assert p.tolist() == [[1, 2], [3, 0]]
    assert q.tolist() == [[0, 4], [2, 0]]


@pytest.mark.parametrize("trainer", [ALS, ImplicitALS])
def test_the_setting_is_true_or_false(trainer):
    with pytest.raises(
        ParameterError, match=rf"nonnegative of {trainer.__name__} must be True or False; got 1"
    ):
        trainer(nonnegative=1)


def test_a_minimum_at_the_border_does_not_round_to_below_0():
    Q = np.array([[2, 2, -1], [3, 2, -3], [2, 0, -2], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    values = np.array([0, 0, 0, 4, 2, 1], np.float32)
    table = Csr(np.array([0, 6], np.int64), np.arange(6, dtype=np.int32), 6, values)
    rows = ExplicitRows(1.0, None, 0.0, 0.0, nonnegative=True)
    x = np.ones((1, 16), np.float32)
    x[0, 3:] = 0
    rows.half_epoch(table, Side(pad(Q), np.zeros(6, np.float32)), x, np.zeros(1, np.float32), 0, 1)
    np.testing.assert_allclose(x[0, :3], [1, 0, 1], atol=1e-6)
    assert (x >= 0).all()
