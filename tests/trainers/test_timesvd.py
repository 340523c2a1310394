"""timeSVD++: its steps, its moments, and what it does at the edges."""

import numpy as np
import pytest

import tastespace as ts
from tastespace.data.interactions import Interactions
from tastespace.errors import DivergedError, EmptyError, InputError, NumericalError, ParameterError
from tastespace.trainers.timesvd import GROUPS, TimeSVDPlusPlus, _Run
from tests.models.worlds import world
from tests.reference import timesvd as twin

TRAINERS = {
    "usual": TimeSVDPlusPlus(factors=5),
    "all": TimeSVDPlusPlus(factors=19, days="factors", drift_learning_rate=0.03, drift_regularization=0.3),
    "explicit": TimeSVDPlusPlus(factors=3, implicit=False, drift="bias", bins=4),
    "timeless": TimeSVDPlusPlus(factors=16, bins=1, trend=False, drift="none", days="none"),
    "paces": TimeSVDPlusPlus(
        factors=4,
        implicit_learning_rate=0.05,
        implicit_regularization=0.2,
        bias_learning_rate=0.02,
        bias_regularization=0.01,
        item_time_learning_rate=0.03,
        item_time_regularization=0.02,
        user_time_learning_rate=0.04,
        user_time_regularization=0.03,
    ),
}


def parameters(run: _Run) -> dict[str, np.ndarray]:
    """A run's parameters as the twin names them, in double precision."""
    k = run.trainer.factors
    named = dict(
        zip(
            ("p", "q", "y", "drift", "day factors"),
            (run.p, run.q, run.y, run.drift, run.day_factors),
            strict=True,
        )
    )
    found = {name: x[:, :k].astype(float) for name, x in named.items() if x is not None}
    names = ("b_u", "slope", "b_day", "b_i", "bins", "trend")
    found |= {name: x.astype(float) for name, x in zip(names, run.biases, strict=True)}
    found["bins"] = found["bins"].reshape(-1, run.trainer.bins)
    return found


def paces(trainer: TimeSVDPlusPlus, epoch: int) -> dict[str, tuple[float, float]]:
    left = 1 - trainer.decay * epoch / trainer.epochs
    groups = {
        "p": ("", True),
        "q": ("", True),
        "y": ("implicit", True),
        "drift": ("drift", True),
        "b_u": ("bias", True),
        "b_i": ("bias", True),
        "bins": ("item_time", trainer.bins > 1),
        "trend": ("item_time", trainer.trend),
        "slope": ("user_time", trainer.drift != "none"),
        "b_day": ("user_time", trainer.days != "none"),
    }
    return {
        name: (left * trainer.pace(group)[0] * learned, trainer.pace(group)[1])
        for name, (group, learned) in groups.items()
    }


@pytest.mark.parametrize("decayed", [False, True])
@pytest.mark.parametrize("name", TRAINERS)
def test_steps_are_those_of_the_twin(name, decayed):
    trainer, train = TRAINERS[name], world(40, 25, times=True)
    if decayed:
        train = train.decay("3d")
    run = _Run(trainer, train, 1)
    table = train.by_user
    weights = np.ones(table.nnz) if table.weights is None else table.weights
    columns = zip(table.indices, run.values, weights, run.bins, run.days, *run.deviations, strict=True)
    events = list(columns)
    by_user = [events[a:b] for a, b in zip(table.indptr[:-1], table.indptr[1:], strict=True)]
    P = parameters(run)
    for epoch in range(2):
        loss = twin.Epoch(by_user, P, paces(trainer, epoch), trainer.seed, epoch).run()
        run.half_epoch("user")
        run.half_epoch("item")
        assert run.total == pytest.approx(loss, rel=1e-4)
        found = parameters(run)
        assert found.keys() == P.keys()
        for key, wanted in P.items():
            np.testing.assert_allclose(found[key], wanted, rtol=2e-3, atol=2e-6, err_msg=key)


def test_scores_are_the_sum_of_the_parts():
    train = world(40, 25, times=True)
    trainer = TRAINERS["all"].replace(epochs=3)
    run = _Run(trainer, train, 1)
    for _ in range(3):
        run.half_epoch("item")
    model, P, table = run.model(), parameters(run), train.by_user
    rows = table.row_of()
    for event in range(0, table.nnz, 7):
        u, i = rows[event], table.indices[event]
        seen = table.row(u)[0]
        x = P["p"][u] + P["y"][seen].sum(axis=0) / np.sqrt(len(seen))
        x += run.deviations[0][event] * P["drift"][u] + P["day factors"][run.days[event]]
        score = (
            x @ P["q"][i]
            + P["b_u"][u]
            + P["slope"][u] * run.deviations[0][event]
            + P["b_day"][run.days[event]]
        )
        score += P["b_i"][i] + P["bins"][i, run.bins[event]] + P["trend"][i] * run.deviations[1][event]
        wanted = run.mean + run.unit * score
        one = [np.array([row], np.int32) for row in (u, i)]
        assert model.score_pairs(*one, at=int(table.times[event]))[0] == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("name", TRAINERS)
def test_any_thread_count_gives_the_same_bits(name):
    train = world(300, 80, times=True)
    models = [TRAINERS[name].replace(epochs=2, threads=threads).fit(train) for threads in (1, 2, 5)]
    packed = [model._packed(True)[0] for model in models]
    for other in packed[1:]:
        assert packed[0].keys() == other.keys()
        assert all(np.array_equal(array, other[key]) for key, array in packed[0].items())


def moving(n_users=80, n_items=40, seed=3) -> Interactions:
    """Ratings of items that people like in the first half of the time and not in the second, or the other way."""
    rng = np.random.default_rng(seed)
    users, items = np.nonzero(rng.random((n_users, n_items)) < 0.5)
    times = rng.integers(0, 1000 * 86_400, len(users))
    late = np.where(times > 500 * 86_400, 1.0, -1.0)
    values = np.clip(3 + np.where(items % 2, late, -late) + rng.normal(0, 0.3, len(users)), 1, 5)
    return Interactions.from_events(
        ts.Vocabulary(range(n_users), noun="user"),
        ts.Vocabulary(range(n_items), noun="item"),
        users,
        items,
        values=values,
        times=times,
        explicit=True,
        scale=(1, 5),
    )


#: Quick enough for a table of a few ratings in each bin.
QUICK = {
    "factors": 4,
    "epochs": 40,
    "bias_learning_rate": 0.03,
    "item_time_learning_rate": 0.05,
    "item_time_regularization": 0.02,
    "bins": 10,
}


def test_what_moves_with_time_is_learned():
    split = ts.split.random(moving(), test=0.2, seed=0)
    rmse = {
        name: ts.evaluate(trainer.fit(split.train), split.test)["rmse"]
        for name, trainer in {
            "time": TimeSVDPlusPlus(**QUICK),
            "none": TimeSVDPlusPlus(**QUICK | {"bins": 1, "trend": False, "drift": "none", "days": "none"}),
        }.items()
    }
    assert rmse["time"] < 0.55 < 0.9 < rmse["none"]


def test_items_change_places_over_time():
    model = TimeSVDPlusPlus(**QUICK).fit(moving())
    early, late = (
        model.recommend(0, 10, at=moment, exclude_seen=False)["item"] % 2
        for moment in ("1970-02-01", "1972-08-01")
    )
    assert early.sum() == 0
    assert late.sum() == 10
    assert model.predict(0, 1, at="1970-02-01") < 3 < model.predict(0, 1, at="1972-08-01")


def test_a_validation_set_is_measured_at_its_own_times():
    split = ts.split.random(moving(), test=0.2, seed=0)
    epochs = []
    trainer = TimeSVDPlusPlus(**QUICK, stopping=ts.Stopping("rmse", patience=2))
    model = trainer.fit(split.train, split.test, callbacks=[epochs.append])
    best = min(epoch.validation["rmse"] for epoch in epochs)
    assert model.info.metrics["rmse"] == pytest.approx(best)
    assert ts.evaluate(model, split.test)["rmse"] == pytest.approx(best)
    assert epochs[-1].objective < epochs[0].objective


def test_times_are_needed():
    with pytest.raises(
        InputError, match=r"TimeSVDPlusPlus learns how ratings change with time, and these have no"
    ):
        TimeSVDPlusPlus().fit(world())


def test_times_that_cannot_be_seconds_are_refused():
    train = world(times=True)
    table = train.by_user
    late = Interactions.from_events(
        train.users,
        train.items,
        table.row_of(),
        table.indices,
        values=table.values,
        times=table.times * 1_000_000,
        explicit=True,
    )
    with pytest.raises(
        InputError,
        match=r"are from \d+ to \d+, and \d+ is no Unix second .* milliseconds, divide them by 1000",
    ):
        TimeSVDPlusPlus().fit(late)
    with pytest.raises(InputError, match=r"span 314 years, .* if they are milliseconds, divide them by 1000"):
        TimeSVDPlusPlus().fit(moved(train, table.times * 10_000))


def test_milliseconds_are_read_as_such(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("u,i,r,t\na,x,1,1500000000000\na,y,5,1600000000000\nb,x,3,1550000000000\n")
    train = ts.read(path, user="u", item="i", rating="r", timestamp="t")
    assert TimeSVDPlusPlus(factors=2).fit(train).time.clock.last == 1_600_000_000


def test_times_that_are_text_name_the_line(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("u,i,r,t\na,x,1,yesterday\na,y,5,1600000000\n")
    with pytest.raises(InputError, match=r"ratings.csv line 2.*yesterday"):
        ts.read(path, user="u", item="i", rating="r", timestamp="t")


def moved(train: Interactions, times: np.ndarray) -> Interactions:
    table = train.by_user
    return Interactions.from_events(
        train.users,
        train.items,
        table.row_of(),
        table.indices,
        values=table.values,
        times=times,
        explicit=True,
        scale=train.scale,
    )


def test_times_before_1970_are_times():
    train = world(times=True)
    shift = 40_000 * 86_400
    trainer = TimeSVDPlusPlus(factors=4, epochs=3)
    here, there = trainer.fit(train), trainer.fit(moved(train, train.by_user.times - shift))
    moment = int(train.by_user.times[5])
    assert here.recommend("u3", at=moment) == there.recommend("u3", at=moment - shift)


def test_times_that_are_all_the_same_teach_nothing():
    train = world(times=True)
    same = moved(train, np.full(train.n_events, 1_234_567_890))
    model = TimeSVDPlusPlus(factors=4, epochs=3).fit(same)
    assert not model.time.user_slope.any()
    assert not model.time.item_trend.any()
    assert not model.time.user_drift.any()
    assert model.predict("u1", 101, at="2001-01-01") == pytest.approx(
        model.predict("u1", 101, at="2009-02-13"), abs=0.2
    )


def test_moments_outside_the_span_count_as_its_ends():
    model = TimeSVDPlusPlus(factors=4, epochs=3, days="none").fit(world(times=True))
    assert model.predict("u1", 101, at="1900-01-01") == model.predict("u1", 101, at=1_000_000 - 5)
    assert (
        model.recommend("u1", at="2300-01-01") == model.recommend("u1") == model.recommend("u1", at=2_000_000)
    )


def test_days_without_a_rating_add_nothing():
    model = TimeSVDPlusPlus(factors=4, epochs=3, days="bias", drift="none", bins=1, trend=False).fit(
        world(times=True)
    )
    later = model.at("2100-01-01")
    np.testing.assert_array_equal(later.user_bias, model.user_bias)
    last = model.time.clock.last
    active = model.users.ids[np.flatnonzero(model.at(last).user_bias != model.user_bias)]
    times = model.history.times
    rated = model.history.row_of()[times // 86_400 == last // 86_400]
    assert set(active) == set(model.users.ids[np.unique(rated)])


def test_equal_ratings_are_learned_as_they_are():
    train = world(times=True)
    model = TimeSVDPlusPlus(factors=4).fit(
        Interactions.from_events(
            train.users,
            train.items,
            train.user_rows(),
            train.by_user.indices,
            values=np.full(train.n_events, 4.0),
            times=train.by_user.times,
            explicit=True,
        )
    )
    assert model.predict("u1", 101) == 4.0


def test_ratings_and_events_are_needed():
    with pytest.raises(InputError, match="TimeSVDPlusPlus learns ratings, and these events have none"):
        TimeSVDPlusPlus().fit(world(explicit=False, times=True))
    with pytest.raises(InputError, match="takes Interactions as valid"):
        TimeSVDPlusPlus().fit(world(times=True), [1])  # type: ignore[arg-type]
    assert issubclass(EmptyError, InputError)


def test_divergence_names_epoch_and_setting_and_keeps_the_last_good_model():
    train = world(times=True)
    with pytest.raises(
        DivergedError, match=r"TimeSVDPlusPlus diverged in epoch \d+; lower learning_rate, which is 0\.9"
    ) as caught:
        TimeSVDPlusPlus(factors=8, learning_rate=0.9, decay=0.0, regularization=0.0).fit(train)
    error = caught.value
    assert isinstance(error, NumericalError)
    if error.epoch > 1:
        assert np.isfinite(error.model.predict(["u1"], [101])).all()
    with pytest.raises(DivergedError, match="in epoch 1") as caught:
        TimeSVDPlusPlus(factors=8, learning_rate=1e30).fit(train)
    assert caught.value.model is None


def test_the_last_good_model_is_that_of_the_epoch_before():
    train = world(times=True)
    fast = {f"{group}learning_rate": 0.3 for group in ("", *(f"{group}_" for group in GROUPS))}
    loose = {f"{group}regularization": 0.0 for group in ("", *(f"{group}_" for group in GROUPS))}
    trainer = TimeSVDPlusPlus(factors=8, decay=0.0, epochs=40, **fast, **loose)
    with pytest.raises(DivergedError) as caught:
        trainer.fit(train)
    epoch = caught.value.epoch
    assert epoch > 1
    before = trainer.replace(epochs=epoch - 1).fit(train)
    assert before.recommend("u1") == caught.value.model.recommend("u1")


@pytest.mark.parametrize("group", ["implicit", "bias", "item_time", "user_time", "drift"])
def test_divergence_names_the_highest_rate(group):
    with pytest.raises(DivergedError, match=rf"in epoch \d+; lower {group}_learning_rate, which is 90$"):
        TimeSVDPlusPlus(factors=4, **{f"{group}_learning_rate": 90.0}).fit(world(times=True))


def test_rates_of_what_is_not_learned_are_not_blamed():
    unused = {f"{group}_learning_rate": 9.0 for group in ("implicit", "item_time", "user_time", "drift")}
    trainer = TimeSVDPlusPlus(implicit=False, bins=1, trend=False, drift="none", days="none", **unused)
    assert trainer.fastest() == "learning_rate"
    assert trainer.replace(days="bias").fastest() == "user_time_learning_rate"
    assert trainer.replace(days="factors", user_time_learning_rate=0.0).fastest() == "drift_learning_rate"


def test_bins_must_fit_into_memory():
    with pytest.raises(
        ParameterError, match=r"bins=2000000000 for 40 items needs \d+ GiB, and .*; choose fewer bins"
    ):
        TimeSVDPlusPlus(bins=2_000_000_000).fit(world(times=True))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"factors": 0}, "factors of TimeSVDPlusPlus must be a whole number >= 1; got 0"),
        ({"bins": 0}, "bins of TimeSVDPlusPlus must be a whole number >= 1; got 0"),
        ({"learning_rate": 0.0}, "learning_rate of TimeSVDPlusPlus must be > 0; got 0.0"),
        ({"exponent": 0.0}, "exponent of TimeSVDPlusPlus must be > 0; got 0.0"),
        ({"decay": 1.5}, "decay of TimeSVDPlusPlus must be in 0..1; got 1.5"),
        ({"drift_learning_rate": -1.0}, "drift_learning_rate of TimeSVDPlusPlus must be >= 0; got -1.0"),
        (
            {"drift": "often"},
            "drift of TimeSVDPlusPlus must be one of 'factors', 'bias', 'none'; got 'often'",
        ),
        ({"days": "all"}, "days of TimeSVDPlusPlus must be one of 'bias', 'factors', 'none'; got 'all'"),
        ({"implicit": 1}, "implicit of TimeSVDPlusPlus must be True or False; got 1"),
        ({"trend": None}, "trend of TimeSVDPlusPlus must be True or False; got None"),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(ParameterError, match=message):
        TimeSVDPlusPlus(**settings)
