"""Models whose scores depend on the moment."""

from dataclasses import replace

import numpy as np
import pytest

import tastespace as ts
from tastespace.errors import InputError, ParameterError, UnknownUserError, UnsupportedError
from tastespace.models.clock import Clock, seconds_of
from tastespace.models.time_terms import TimeTerms
from tastespace.trainers.timesvd import TimeSVDPlusPlus
from tests.models.worlds import world


@pytest.fixture(scope="module")
def model() -> ts.TemporalModel:
    return TimeSVDPlusPlus(factors=5, epochs=4, days="factors").fit(world(times=True))


def test_moments_one_by_one_and_together_give_the_same_bits(model):
    rng = np.random.default_rng(0)
    users, items = rng.integers(0, 60, 500).astype(np.int32), rng.integers(0, 40, 500).astype(np.int32)
    times = rng.choice([0, 1_000_500, 1_400_000, 1_999_000, 3_000_000], 500)
    together = model.score_pairs(users, items, at=times)
    for moment in np.unique(times):
        here = times == moment
        np.testing.assert_array_equal(
            together[here], model.score_pairs(users[here], items[here], at=int(moment))
        )
        frozen = model.at(int(moment))
        np.testing.assert_array_equal(together[here], frozen.score_pairs(users[here], items[here]))
        rows, scores = frozen.rank(users[:1], 5, exclude_seen=False)
        np.testing.assert_array_equal(
            scores[0], model.score_pairs(np.repeat(users[:1], 5), rows[0], at=int(moment))
        )


def test_the_end_of_training_is_meant_where_no_moment_is_named(model):
    end = model.time.clock.last
    assert model.predict("u1", 103) == model.predict("u1", 103, at=end)
    assert model.recommend(["u1", "u2"], 5) == model.recommend(["u1", "u2"], 5, at=end)
    assert [list(part) for part in model.recommend_all(3)] == [
        list(part) for part in model.recommend_all(3, at=end)
    ]


def test_predict_takes_one_moment_or_one_for_each_pair(model):
    users, items = ["u1", "u2", "u3"], [101, 102, 103]
    dates = ["1970-01-13", "1970-01-18", "1970-01-23"]
    each = model.predict(users, items, at=dates)
    for slot, date in enumerate(dates):
        assert each[slot] == model.predict(users[slot], items[slot], at=date)
        assert model.predict(users, items, at=date)[slot] == each[slot]
    assert len(set(each.tolist())) == 3
    days = np.array(dates, "datetime64[s]")
    np.testing.assert_array_equal(model.predict(users, items, at=days), each)
    np.testing.assert_array_equal(model.predict(users, items, at=days.astype(np.int64)), each)


def test_moments_that_are_none_are_refused(model):
    with pytest.raises(ParameterError, match="at must be a date such as"):
        model.predict(["u1"], [101], at="tomorrow")
    with pytest.raises(ParameterError, match="moment must be a date such as '2018-09-24'"):
        model.at("tomorrow")
    with pytest.raises(
        ParameterError, match="at takes one moment, or one for each pair: 3 moments for 2 pairs"
    ):
        model.predict(["u1", "u2"], [101, 102], at=[1, 2, 3])
    for late in (10**13, np.array([10**13]), [10**20], -(10**14)):
        with pytest.raises(
            ParameterError, match=r"at must be in the years 1 to 9999; got Unix second -?\d+: divide"
        ):
            model.predict(["u1"], [101], at=late)
    with pytest.raises(InputError, match="predict needs as many users as items; got 2 and 1"):
        model.predict(["u1", "u2"], [101], at=5)
    with pytest.raises(UnknownUserError, match="nobody"):
        model.predict(["nobody"], [101], at=5)


def test_a_moment_saves_as_a_factor_model(model, tmp_path):
    frozen = model.at("1970-01-18")
    frozen.save(tmp_path / "then.taste")
    loaded = ts.load(tmp_path / "then.taste")
    assert isinstance(loaded, ts.FactorModel)
    assert loaded.recommend("u1") == model.recommend("u1", at="1970-01-18")


def test_a_loaded_model_knows_all_moments(model, tmp_path):
    model.save(tmp_path / "model.taste")
    loaded = ts.load(tmp_path / "model.taste")
    assert repr(loaded) == repr(model)
    assert "5 factors, 1970-01-12..1970-01-24" in repr(model)
    for moment in (0, 1_300_000, 1_999_999):
        assert loaded.recommend("u5", at=moment) == model.recommend("u5", at=moment)


def test_newcomers_are_placed_as_of_the_end(model):
    history = {101: 5.0, 105: 1.0, 110: 4.0}
    visitor = model.fold_in(history)
    rows = model.items.rows(list(history))
    z = model.solver.implicit[rows].sum(axis=0) / np.sqrt(3)
    now = model.at(model.time.clock.last)
    q, b = now.item_factors[rows].astype(float), now.item_bias[rows]
    y = np.array([5.0, 1.0, 4.0]) - model.mean - b - q @ z
    A = np.hstack([q, np.ones((3, 1))])
    penalty = 3**0.5 * np.diag([model.solver.regularization] * 5 + [model.solver.bias_regularization])
    x = np.linalg.solve(A.T @ A + penalty, A.T @ y)
    np.testing.assert_allclose(visitor.factors, x[:5] + z, rtol=1e-3, atol=1e-5)
    assert visitor.bias == pytest.approx(x[5], rel=1e-3)


def test_what_it_cannot_do_names_what_works(model):
    with pytest.raises(
        UnsupportedError, match="is no sum over the history, so nothing explains it; similar_items"
    ):
        model.explain("u1", 101)
    with pytest.raises(UnsupportedError, match="place users by fold_in or fold_in_many, or fit it again"):
        model.update(world(seed=9, times=True))
    with pytest.raises(UnsupportedError, match="learns by steps over all of time"):
        model.solver.items(None, None, None, None, 1)  # type: ignore[arg-type]


def test_it_is_blended_and_re_ranked_like_any_other(model):
    blend = ts.Blend({"time": model, "als": ts.ALS(factors=4, epochs=2).fit(world(times=True))})
    assert len(blend.recommend("u1", 5)) == 5
    assert len(model.recommend("u1", 5, diversity=0.5)) == 5
    assert len(model.recommend("u1", 5, diversity=0.5, at=1_500_000)) == 5


def test_arrays_must_fit(model):
    for name, wrong in (
        ("user_slope", np.zeros(3, np.float32)),
        ("bin_bias", np.full_like(model.time.bin_bias, np.nan)),
    ):
        with pytest.raises(InputError, match=f"{name} must be finite and of shape"):
            replace(model.time, **{name: wrong})
    with pytest.raises(InputError, match=r"days must be \(users, days\) with finite values"):
        replace(model.time, days=replace(model.time.days, values=None))
    with pytest.raises(InputError, match="time must hold terms of 60 users and 40 items"):
        replace(model, time=model.time.of_newcomers(7))


def test_the_clock():
    clock = Clock(first=86_400, last=10 * 86_400, bins=3, exponent=0.5)
    times = np.array([-5, 86_400, 3 * 86_400, 5 * 86_400, 10 * 86_400, 99 * 86_400])
    assert clock.bin(times).tolist() == [0, 0, 0, 1, 2, 2]
    assert clock.day(times).tolist() == [-2, 0, 2, 4, 9, 98]
    centre = np.full(6, 5.5 * 86_400)
    np.testing.assert_allclose(
        clock.deviation(times, centre),
        [-(0.5**0.5)] * 2 + [-((2.5 / 9) ** 0.5), -((0.5 / 9) ** 0.5)] + [0.5**0.5] * 2,
        rtol=1e-6,
    )
    assert seconds_of("1970-01-02", 5).tolist() == [86_400]


def test_a_file_without_days_is_refused(model):
    arrays, settings = model.time.packed()
    with pytest.raises(InputError, match="the days are missing"):
        TimeTerms.unpacked({name: array for name, array in arrays.items() if "days" not in name}, settings)
