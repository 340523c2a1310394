"""FunkSVD and PMF: their steps, their order, updates, and what they do at the edges."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

import tastespace as ts
import tastespace._native as native
from tastespace.data.interactions import Interactions
from tastespace.errors import DivergedError, InputError, NumericalError, ParameterError, UnsupportedError
from tastespace.models.padding import blank
from tastespace.models.sgd_rows import FIRST, LAST, PASSES
from tastespace.trainers.als import deviation
from tastespace.trainers.funk_svd import FunkSVD
from tastespace.trainers.pmf import PMF
from tastespace.trainers.stopping import Stopping
from tests.models.worlds import with_values, world
from tests.reference import sgd as twin

ARRAYS = ("user_factors", "item_factors", "user_bias", "item_bias")
TRAINERS = {
    "funk": FunkSVD(),
    "funk-groups": FunkSVD(
        learning_rate=0.03,
        user_learning_rate=0.05,
        item_learning_rate=0.02,
        bias_learning_rate=0.01,
        regularization=0.1,
        user_regularization=0.02,
        item_regularization=0.3,
        bias_regularization=0.05,
        frequency_scaling=0.5,
    ),
    "pmf": PMF(),
}


def cells(train):
    table = train.by_user
    weights = np.ones(table.nnz) if table.weights is None else table.weights
    columns = (train.user_rows(), table.indices, table.filled_values(), weights)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def weighted(train, weights):
    """The same ratings with these weights."""
    return Interactions.from_events(
        train.users,
        train.items,
        train.user_rows(),
        train.by_user.indices,
        values=train.by_user.values,
        weights=weights.astype(np.float32),
        explicit=True,
    )


def same(a, b):
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ARRAYS)


# Steps


@pytest.mark.parametrize("name", TRAINERS)
@pytest.mark.parametrize("size", [(40, 30, 0.3), (240, 90, 0.5)], ids=["one lane", "several lanes"])
def test_epochs_equal_the_twin(name, size):
    train = world(*size, times=True).decay("10d")
    rng = np.random.default_rng(3)
    P, Q = (rng.normal(size=(n, 5)) * 0.4 for n in (train.n_users, train.n_items))
    trainer = TRAINERS[name].replace(factors=5, epochs=2, seed=2**33 + 7, init=(P, Q))
    model = trainer.fit(train)
    rounds = twin.Rounds(cells(train), train.n_users, train.n_items, trainer.seed)
    assert (rounds.lanes > 1) == (size[0] == 240)
    solver = model.solver
    penalties = [penalty or 0.0 for penalty in solver.penalties]
    P, Q = P.astype(np.float32).astype(float), Q.astype(np.float32).astype(float)
    bu, bi = np.zeros(train.n_users), np.zeros(train.n_items)
    counts = train.by_user.counts(), train.by_item.counts()
    shrink = [count.astype(float) ** (trainer.frequency_scaling - 1) for count in counts]
    pace = np.ones(train.n_users), np.ones(train.n_items)
    for epoch in range(2):
        rates = [(1 - trainer.decay * epoch / 2) * (rate or 0.0) for rate in solver.rates]
        twin.epoch(rounds.order(epoch), model.mean, rates, penalties, P, Q, bu, bi, shrink, pace)
    np.testing.assert_allclose(model.user_factors, P, atol=1e-4)
    np.testing.assert_allclose(model.item_factors, Q, atol=1e-4)
    np.testing.assert_allclose(model.user_bias, bu, atol=1e-4)
    np.testing.assert_allclose(model.item_bias, bi, atol=1e-4)


@pytest.mark.parametrize("lanes", [1, 3])
def test_an_order_has_every_rating_once_and_differs_by_epoch_and_seed(lanes):
    train = world(60, 40, 0.5)
    ratings = cells(train)
    orders = [twin.Rounds(ratings, 60, 40, seed, lanes).order(epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert all(sorted(itertools.chain(*order)) == sorted(ratings) for order in orders)
    assert all(a != b for n, a in enumerate(orders) for b in orders[:n])


@pytest.mark.parametrize("side", ["user", "item"])
def test_a_step_goes_down_the_gradient(side):
    """Two ratings that share a row of the other side: what each does to its own row."""
    rng = np.random.default_rng(0)
    own, shared = rng.normal(size=(2, 3)), rng.normal(size=(1, 3))
    ids = ["a", "b"], ["x"]
    rows, none = np.int32([0, 1]), np.int32([0, 0])
    if side == "item":
        ids = ids[::-1]
    two = Interactions.from_events(
        ts.Vocabulary(ids[0], noun="user"),
        ts.Vocabulary(ids[1], noun="item"),
        *((rows, none) if side == "user" else (none, rows)),
        values=np.float32([5, 1]),
        explicit=True,
    )
    rate = 1e-4
    model = FunkSVD(
        factors=3,
        epochs=1,
        learning_rate=rate,
        regularization=0.3,
        bias_regularization=0.2,
        init=(own, shared) if side == "user" else (shared, own),
    ).fit(two)
    assert model.mean == 3

    def loss(z, rating):  # one rating's half of the objective
        p, q, b, c = z[:3], z[3:6], z[6], z[7]
        error = rating - 3 - b - c - p @ q
        return (error**2 + 0.3 * (p @ p + q @ q) + 0.2 * (b * b + c * c)) / 2

    factors, bias = getattr(model, f"{side}_factors"), getattr(model, f"{side}_bias")
    for row, rating in ((0, 5), (1, 1)):
        z = np.concatenate([own[row], shared[0], [0, 0]])
        steps = 1e-5 * np.eye(8)
        slope = np.array([(loss(z + s, rating) - loss(z - s, rating)) / 2e-5 for s in steps])
        # The shared row may have moved by the other step, which changes this one by the square of the rate.
        np.testing.assert_allclose((factors[row] - own[row]) / rate, -slope[:3], atol=2e-2)
        np.testing.assert_allclose(bias[row] / rate, -slope[6], atol=2e-2)


@pytest.mark.parametrize("name", TRAINERS)
def test_threads_change_nothing(name):
    train = world(300, 200, 0.5)  # several blocks
    trainer = TRAINERS[name].replace(factors=20, epochs=2)
    models = [trainer.replace(threads=threads).fit(train) for threads in (1, 2, 5)]
    assert all(same(model, models[0]) for model in models[1:])
    assert not same(trainer.replace(seed=1).fit(train), models[0])


def test_a_rate_of_zero_holds_a_side():
    train = world()
    P, Q = np.ones((train.n_users, 4)), np.full((train.n_items, 4), 0.1)
    model = FunkSVD(factors=4, epochs=2, item_learning_rate=0, init=(P, Q)).fit(train)
    assert (model.item_factors == np.float32(0.1)).all()
    assert (model.user_factors != 1).all()


# Learning


@pytest.mark.parametrize("name", TRAINERS)
def test_learns_the_world(name):
    train = world(200, 80, 0.4)
    keep = np.random.default_rng(0).random(train.n_events) < 0.8
    part, rest = train.select(keep), train.select(~keep)
    trainer = TRAINERS[name].replace(factors=8, epochs=60, learning_rate=0.05)
    baseline = ts.evaluate(ts.Baseline().fit(part), rest, metrics=["rmse"])["rmse"]
    assert ts.evaluate(trainer.fit(part), rest, metrics=["rmse"])["rmse"] < 0.9 * baseline


def test_the_defaults_follow_the_scale_of_the_ratings():
    train = world(100, 60, 0.4)
    doubled = with_values(train, 20 * train.by_user.values)
    a, b = FunkSVD(factors=4).fit(train), FunkSVD(factors=4).fit(doubled)
    users, items = train.user_rows(), train.by_user.indices
    np.testing.assert_allclose(b.score_pairs(users, items), 20 * a.score_pairs(users, items), rtol=1e-3)


def test_defaults_are_settled():
    train = world()
    spread = deviation(train)
    settled = FunkSVD().settled(train)
    assert settled.learning_rate == pytest.approx(0.0225 / spread)
    assert settled.regularization == pytest.approx(0.045 * spread)
    assert (settled.bias_learning_rate, settled.bias_regularization) == (0.02, pytest.approx(0.015))
    given = FunkSVD(learning_rate=0.5, regularization=0.25).settled(train)
    assert (given.bias_learning_rate, given.bias_regularization) == (0.5, 0.25)
    assert FunkSVD().fit(train).info.params["learning_rate"] == settled.learning_rate


def test_pmf_settles_by_the_average_numbers_of_ratings():
    train = world()
    spread, users, items = deviation(train), train.n_events / 60, train.n_events / 40
    settled = PMF().settled(train)
    assert settled.learning_rate == pytest.approx(0.13 / (users * items) ** (1 / 6) / spread)
    assert settled.regularization == pytest.approx(0.7 * (users**0.5 + items**0.5) / 2 * spread)
    steps = PMF(frequency_scaling=1).settled(train)
    assert steps.regularization == pytest.approx(FunkSVD().settled(train).regularization)
    between = PMF(frequency_scaling=0.5).settled(train).regularization
    assert steps.regularization < between < settled.regularization


def test_stopping_keeps_the_best_epoch():
    train = world(200, 80, 0.3)
    keep = np.random.default_rng(0).random(train.n_events) < 0.8
    part, rest = train.select(keep), train.select(~keep)
    told = []
    trainer = FunkSVD(factors=16, epochs=40, learning_rate=0.1, regularization=0.0, stopping=Stopping("rmse"))
    model = trainer.fit(part, rest, callbacks=[told.append])
    best = min(told, key=lambda epoch: epoch.validation["rmse"])
    assert model.info.metrics == {"best_epoch": best.number, "rmse": best.validation["rmse"]}
    assert best.number < told[-1].number
    assert told[1].objective < told[0].objective


def test_init_takes_models_arrays_and_svd():
    train = world()
    first = FunkSVD(factors=4, epochs=3).fit(train)
    again = FunkSVD(factors=6, epochs=1, learning_rate=1e-9, init=first).fit(train)
    np.testing.assert_allclose(again.item_factors[:, :4], first.item_factors, atol=1e-6)
    np.testing.assert_allclose(again.user_bias, first.user_bias, atol=1e-6)
    assert (again.user_factors[:, 4:] != 0).all()
    svd = PMF(factors=4, epochs=1, learning_rate=1e-9, init="svd").fit(train)
    error = svd.score_pairs(train.user_rows(), train.by_user.indices) - train.by_user.values
    assert np.sqrt((error**2).mean()) < 0.9 * deviation(train)


# At the edges


@pytest.mark.parametrize("trainer", [FunkSVD(factors=3), PMF(factors=3)], ids=["funk", "pmf"])
def test_ratings_that_are_all_equal_are_predicted(trainer):
    train = world()
    train = with_values(train, np.full(train.n_events, 4.0))
    model = trainer.fit(train)
    users, items = np.arange(40, dtype=np.int32), np.arange(40, dtype=np.int32)
    np.testing.assert_allclose(model.score_pairs(users, items), 4.0, atol=0.02)
    assert model.predict("u0", 100) == 4.0  # the scale is one number
    assert model.fold_in({100: 4.0}).predict(101) == 4.0


@pytest.mark.parametrize("trainer", [FunkSVD(), PMF()], ids=["funk", "pmf"])
def test_divergence_names_the_epoch_and_keeps_the_last_good_model(trainer):
    train = world(100, 60, 0.4)
    trainer = trainer.replace(factors=4, epochs=8, learning_rate=1.6, decay=0.0)
    name = type(trainer).__name__
    with pytest.raises(
        DivergedError, match=rf"{name} diverged in epoch \d+: .*Lower learning_rate"
    ) as caught:
        trainer.fit(train)
    error = caught.value
    assert isinstance(error, NumericalError)
    assert 1 <= error.epoch <= 8
    assert np.isfinite(error.model.score_pairs(train.user_rows(), train.by_user.indices)).all()


def test_good_epochs_are_taken_again_with_the_same_bits():
    train = world(100, 60, 0.4)
    trainer = FunkSVD(factors=4, decay=0.0, learning_rate=0.02, regularization=30.0, bias_regularization=0.01)
    with pytest.raises(DivergedError, match=r"Lower regularization, which was 30") as caught:
        trainer.fit(train)
    assert caught.value.epoch > 1
    # Without decay fewer epochs are the same epochs.
    assert same(caught.value.model, trainer.replace(epochs=caught.value.epoch - 1).fit(train))


def test_biases_that_do_not_learn_do_not_come_back_by_fold_in():
    train = world(60, 40, 0.4)
    model = FunkSVD(factors=4, bias_learning_rate=0.0).fit(train)
    assert not model.user_bias.any()
    newcomer = model.fold_in(dict.fromkeys(train.items.ids[:3].tolist(), float(train.by_user.values.max())))
    assert abs(newcomer.bias) < 1e-3


@pytest.mark.parametrize(
    ("trainer", "message"),
    [
        (FunkSVD(learning_rate=3), r"epoch 1: its numbers overflowed, .* Lower learning_rate, which was 3;"),
        (PMF(item_learning_rate=30), r"Lower item_learning_rate, which was 30;"),
        (FunkSVD(bias_learning_rate=9), r"Lower bias_learning_rate, which was 9;"),
        (FunkSVD(regularization=1e4), r"Lower regularization, which was 1e\+04;"),
        (PMF(user_regularization=1e6), r"Lower user_regularization, which was 1e\+06;"),
        (FunkSVD(bias_regularization=1e4), r"bias_regularization, .*; the error's model is where it started"),
    ],
)
def test_divergence_names_the_setting_to_lower(trainer, message):
    with pytest.raises(DivergedError, match=message) as caught:
        trainer.replace(factors=4).fit(world(100, 60, 0.4))
    assert len(caught.value.model.recommend("u0", 3)) == 3


@pytest.mark.parametrize("trainer", [FunkSVD(factors=4), PMF(factors=4)], ids=["funk", "pmf"])
def test_ratings_of_any_usual_scale_are_learned(trainer):
    train = world(100, 60, 0.4)
    for values in (
        200_000 * train.by_user.values,
        0.0002 * train.by_user.values,
        1e6 + train.by_user.values,
        np.float32(train.user_rows() % 5),  # every user gives one rating to all
    ):
        ratings = with_values(train, values)
        error = ts.evaluate(trainer.fit(ratings), ratings, metrics=["rmse"])["rmse"]
        assert error < 0.8 * deviation(ratings)


@pytest.mark.parametrize("times", [1e30, 1e-30])
def test_ratings_beyond_the_range_of_steps_are_refused(times):
    train = world()
    train = with_values(train, times * train.by_user.values.astype(np.float64))
    with pytest.raises(
        InputError, match=r"ratings of PMF must vary by 1e-15 to 1e\+15; .*: divide them all by"
    ):
        PMF().fit(train)


@pytest.mark.parametrize("trainer", [FunkSVD(), PMF()], ids=["funk", "pmf"])
@pytest.mark.parametrize(
    ("users", "items"), [(1, 1), (1, 20), (20, 1)], ids=["one rating", "one user", "one item"]
)
def test_the_smallest_tables(trainer, users, items):
    train = world(users, items, 1.0)
    model = trainer.fit(train)  # wider than the table
    low, high = train.scale
    assert low <= model.predict("u0", 100) <= high
    rows = train.user_rows(), train.by_user.indices
    spread = float(train.by_user.values.std())
    # Steps end near the ratings, whatever ``predict`` would clip.
    assert np.abs(model.score_pairs(*rows) - train.by_user.values).max() < max(3 * spread, 0.1)
    assert len(model.recommend("u0", 5)) == 0  # all are seen


@pytest.mark.parametrize("trainer", [FunkSVD(factors=4), PMF(factors=4)], ids=["funk", "pmf"])
def test_the_defaults_follow_the_scale_of_the_weights(trainer):
    train = world(100, 60, 0.4)
    models = [
        trainer.fit(weighted(train, np.full(train.n_events, float(weight)))) for weight in (1, 64, 0.01)
    ]
    users, items = train.user_rows(), train.by_user.indices
    history = dict(zip(train.items.ids[:4].tolist(), [5.0, 1.0, 4.0, 5.0], strict=True))
    for model in models[1:]:
        np.testing.assert_allclose(
            model.score_pairs(users, items), models[0].score_pairs(users, items), rtol=1e-3
        )
        np.testing.assert_allclose(
            *(m.fold_in(history).recommend(5)["score"] for m in (model, models[0])), rtol=2e-3
        )


@pytest.mark.parametrize("trainer", [FunkSVD(factors=4), PMF(factors=4)], ids=["funk", "pmf"])
def test_ratings_that_outweigh_those_of_training_are_taken_in(trainer):
    _train, first, later = days()
    old = trainer.fit(weighted(first, np.full(first.n_events, 0.01)))
    assert rmse(old.update(later), later) < 0.7 * deviation(later)


def test_ratings_that_hardly_count_do_not_tell_divergence():
    train = world(100, 60, 0.4)
    values, weights = np.full(train.n_events, 3.0), np.full(train.n_events, 1e-6)
    values[:5], weights[:5] = (1, 5, 1, 5, 1), 1
    model = FunkSVD(factors=4).fit(weighted(with_values(train, values), weights))
    users, items = train.user_rows()[:5], train.by_user.indices[:5]
    assert ((model.score_pairs(users, items) > model.mean) == (values[:5] > model.mean)).all()


def test_an_update_takes_shorter_steps_where_training_took_long_ones():
    _train, first, later = days()
    trainer = FunkSVD(factors=64, learning_rate=0.2)
    assert rmse(trainer.fit(first).update(later), later) < 0.5 * deviation(later)


def test_an_update_that_diverges_says_so():
    train = world(100, 60, 0.4)
    model = FunkSVD(factors=4, epochs=2).fit(train)
    wild = replace(model, solver=replace(model.solver, rates=(1e6, 1e6, 1e6, 1e6)))
    new = with_values(train, train.by_user.values[::-1].copy())
    with pytest.raises(
        DivergedError, match=r"update of FunkSVD diverged; .* else train with a lower learning_rate"
    ):
        wild.update(new)


def test_what_cannot_be_learned_from_is_refused():
    with pytest.raises(InputError, match="FunkSVD learns ratings, and these events have none"):
        FunkSVD().fit(world(explicit=False))
    with pytest.raises(InputError, match=r"PMF\.fit takes Interactions as valid"):
        PMF().fit(world(), "nothing")
    with pytest.raises(ParameterError, match="stopping of FunkSVD needs a validation set"):
        FunkSVD(stopping=Stopping("rmse")).fit(world())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FunkSVD(factors=0), r"factors of FunkSVD must be a whole number >= 1; got 0"),
        (lambda: FunkSVD(epochs=0), r"epochs of FunkSVD must be a whole number >= 1; got 0"),
        (lambda: PMF(seed=-1), r"seed of PMF must be a whole number >= 0; got -1"),
        (lambda: FunkSVD(learning_rate=0), r"learning_rate of FunkSVD must be > 0; got 0"),
        (lambda: PMF(regularization=-1), r"regularization of PMF must be >= 0; got -1"),
        (lambda: FunkSVD(decay=1.5), r"decay of FunkSVD must be in 0..1; got 1.5"),
        (lambda: FunkSVD(decay=-0.5), r"decay of FunkSVD must be >= 0; got -0.5"),
        (lambda: PMF(frequency_scaling=5), r"frequency_scaling of PMF must be at most 4; got 5"),
        (lambda: PMF(frequency_scaling=-1), r"frequency_scaling of PMF must be >= 0; got -1"),
        (lambda: FunkSVD(bias_learning_rate=-1), r"bias_learning_rate of FunkSVD must be >= 0; got -1"),
        (lambda: PMF(user_regularization="x"), r"user_regularization of PMF must be >= 0; got 'x'"),
        (lambda: FunkSVD(stopping="rmse"), r"stopping of FunkSVD must be a Stopping, or None"),
        (lambda: FunkSVD(progress=1), r"progress of FunkSVD must be True, False or None"),
        (lambda: FunkSVD(init="pca"), r"init of FunkSVD must be 'svd', a model, a pair of arrays, or None"),
    ],
)
def test_settings_are_checked(make, message):
    with pytest.raises(ParameterError, match=message):
        make()


def native_epoch(**changes):
    given = {
        "number": 0,
        "mean": 0.0,
        "rates": [0.1] * 4,
        "penalties": [0.0] * 4,
        "factors": 3,
        "users": blank(1, 3),
        "items": blank(2, 3),
        "user_bias": np.zeros(1, np.float32),
        "item_bias": np.zeros(2, np.float32),
        "shrink": (np.ones(1, np.float32), np.ones(2, np.float32)),
        "pace": None,
        "threads": 1,
    }
    arrays = (np.array([0, 1]), np.zeros(1, np.int32), None, None)
    return native.RatingRounds(*arrays, 2, 0, 1).epoch(**(given | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"users": blank(2, 3)}, "every user and item of the ratings needs a row"),
        ({"item_bias": np.zeros(1, np.float32)}, "every user and item of the ratings needs a row"),
        ({"shrink": (np.ones(1, np.float32),) * 2}, "every user and item of the ratings needs a row"),
        ({"pace": (np.ones(1, np.float32),) * 2}, "every user and item of the ratings needs a row"),
        ({"items": blank(2, 20)}, "users and items must have rows of the same length, at least factors"),
        ({"factors": 17}, "users and items must have rows of the same length, at least factors"),
    ],
)
def test_native_epochs_refuse_what_does_not_fit(changes, message):
    with pytest.raises(ValueError, match=message):
        native_epoch(**changes)


def test_native_rounds_refuse_values_that_do_not_fit():
    assert native_epoch() == 1.0
    with pytest.raises(ValueError, match="values and weights must have one number for each event"):
        native.RatingRounds(np.array([0, 1]), np.zeros(1, np.int32), np.ones(2, np.float32), None, 2, 0, 1)


# Fold-in and update


@pytest.mark.parametrize("name", TRAINERS)
def test_fold_in_is_the_minimum_of_its_objective(name):
    train = world()
    model = TRAINERS[name].replace(factors=4, epochs=20).fit(train)
    history = {100: 5.0, 105: 1.0, 111: 4.0, 130: 2.0}
    visitor = model.fold_in(history)
    rows = model.items.rows(list(history))
    solver = model.solver
    n, steps = len(history) ** solver.frequency_scaling, 20 * (1 - 0.9 * 19 / 40)
    assert solver.time == pytest.approx(steps)
    penalty = max(solver.penalties[0] * n, 1 / (steps * solver.rates[0]))
    bias_penalty = solver.penalties[2]
    if bias_penalty is not None:
        bias_penalty = max(bias_penalty * n, 1 / (steps * solver.rates[2]))
    q, c, r = model.item_factors[rows].astype(float), model.item_bias[rows], np.array(list(history.values()))
    z = np.append(visitor.factors.astype(float), visitor.bias)

    def objective(z):
        error = r - model.mean - c - z[-1] - q @ z[:-1]
        return error @ error + penalty * z[:-1] @ z[:-1] + (bias_penalty or 0.0) * z[-1] ** 2

    steps = 1e-5 * np.eye(len(z))
    slope = np.array([(objective(z + s) - objective(z - s)) / 2e-5 for s in steps])
    free = slice(None) if bias_penalty is not None else slice(-1)
    assert np.abs(slope[free]).max() < 1e-3
    assert bias_penalty is not None or visitor.bias == 0
    with pytest.raises(UnsupportedError, match="is no sum over the history, so nothing explains it"):
        visitor.explain(100)


def days():
    """A world whose last fifth of users and items comes later."""
    train = world(200, 100, 0.4)
    late = (train.user_rows() >= 160) | (train.by_user.indices >= 80)
    return train, train.select(~late), train.select(late)


@pytest.mark.parametrize("name", TRAINERS)
def test_update_learns_new_users_and_items(name):
    _train, first, later = days()
    trainer = TRAINERS[name].replace(factors=8, epochs=60, learning_rate=0.05)
    keep = np.random.default_rng(0).random(later.n_events) < 0.7
    known, rest = later.select(keep), later.select(~keep)
    model = trainer.fit(first).update(known)
    assert (model.users.find(rest.users.ids) >= 0).all()
    error = ts.evaluate(model, rest, metrics=["rmse"])["rmse"]
    whole = first.merge(known)
    refit = ts.evaluate(trainer.fit(whole), rest, metrics=["rmse"])["rmse"]
    baseline = ts.evaluate(ts.Baseline().fit(whole), rest, metrics=["rmse"])["rmse"]
    assert error < 0.95 * baseline
    assert error < 1.1 * refit
    assert same(model, trainer.fit(first).update(known))


@pytest.mark.parametrize("name", TRAINERS)
def test_update_moves_the_touched_rows_alone(name):
    _train, first, _later = days()
    model = TRAINERS[name].replace(factors=4).fit(first)
    touched = first.select((first.user_rows() == 3) & (first.by_user.indices < 20))
    new = with_values(touched, 6 - touched.by_user.values)
    updated = model.update(new)
    users = model.users.find(new.users.ids)
    items = model.items.find(new.items.ids)
    for side, rows in (("user", users), ("item", items)):
        for what in ("factors", "bias"):
            before, after = (getattr(each, f"{side}_{what}") for each in (model, updated))
            moved = (after != before).reshape(len(after), -1).any(axis=1)
            expected = [] if what == "bias" and name == "pmf" else sorted(rows.tolist())
            assert np.flatnonzero(moved).tolist() == expected
    assert updated.mean == model.mean
    assert rmse(updated, new) < rmse(model, new)


def rmse(model, ratings):
    return ts.evaluate(model, ratings, metrics=["rmse"])["rmse"]


@pytest.mark.parametrize("name", TRAINERS)
def test_update_is_steps_as_long_as_what_is_new(name):
    _train, first, _later = days()
    model = TRAINERS[name].replace(factors=4, epochs=2).fit(first)
    new = first.select((first.user_rows() < 9) & (first.by_user.indices % 7 == 0))
    new = with_values(new, 6 - new.by_user.values)
    updated = model.update(new)
    whole = first.merge(new)
    solver, counts = model.solver, (whole.by_user.counts(), whole.by_item.counts())
    pace = [np.zeros(len(count)) for count in counts]
    for side, vocabulary, own, table in (
        (0, whole.users, new.users, new.by_user),
        (1, whole.items, new.items, new.by_item),
    ):
        rows = vocabulary.rows(own.ids)
        pace[side][rows] = table.counts() / counts[side][rows]
    touched = [cell for cell in cells(whole) if pace[0][cell[0]] + pace[1][cell[1]] > 0]
    rounds = twin.Rounds(touched, whole.n_users, whole.n_items, model.solver.seed)
    state = [getattr(model, array).astype(float) for array in ARRAYS]
    shrink = [count.astype(float) ** (solver.frequency_scaling - 1) for count in counts]
    penalties = [penalty or 0.0 for penalty in solver.penalties]
    for number in range(PASSES):
        share = FIRST + (LAST - FIRST) * number / (PASSES - 1)
        rates = [share * (rate or 0.0) for rate in solver.rates]
        twin.epoch(rounds.order(number), model.mean, rates, penalties, *state, shrink, pace)
    for array, expected in zip(ARRAYS, state, strict=True):
        np.testing.assert_allclose(getattr(updated, array), expected, atol=1e-4)


def test_a_loaded_model_updates_and_folds_in_the_same(tmp_path):
    _train, first, later = days()
    for trainer in (FunkSVD(factors=4, epochs=3), PMF(factors=4, epochs=3)):
        model = trainer.fit(first)
        model.save(tmp_path / "model.taste")
        loaded = ts.load(tmp_path / "model.taste")
        assert same(loaded.update(later), model.update(later))
        assert loaded.fold_in({100: 5.0}).predict(101) == model.fold_in({100: 5.0}).predict(101)
