"""Intervals and tests against slow twins, closed forms and SciPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tastespace.reports import statistics
from tastespace.reports.statistics import (
    Samples,
    bootstrap,
    bootstrap_test,
    effect_size,
    holm,
    interval,
    paired,
    sign_test,
    wilcoxon_test,
)
from tests.reference import statistics as twin


def of_users(values):
    values = np.asarray(values, np.float64)
    return Samples(values, np.ones(len(values)))


def test_a_mean_is_drawn_as_by_hand():
    values = np.random.default_rng(0).random(300) ** 3
    drawn = bootstrap([of_users(values)], 500, seed=7)[:, 0]
    np.testing.assert_allclose(drawn, twin.bootstrap_means(values, 500, 7), rtol=1e-12)


def test_the_interval_is_that_of_scipy():
    values = np.random.default_rng(1).random(400)
    found = interval(bootstrap([of_users(values)], 20_000, seed=0)[:, 0], 0.9)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, confidence_level=0.9, method="percentile", rng=1, batch=1000
    ).confidence_interval
    np.testing.assert_allclose(found, (theirs.low, theirs.high), atol=1.5e-3)


def test_blocks_change_no_draw(monkeypatch):
    # Whole numbers, whose sums are exact in any order.
    samples = [of_users(np.random.default_rng(2).integers(0, 9, 50).astype(float))]
    whole = bootstrap(samples, 130, seed=3)
    monkeypatch.setattr(statistics, "_BLOCK", 170)
    np.testing.assert_array_equal(bootstrap(samples, 130, seed=3), whole)


def test_groups_keep_the_spread(monkeypatch):
    values = np.random.default_rng(3).exponential(size=40_000)
    weights = np.random.default_rng(4).integers(1, 9, 40_000).astype(float)
    for samples in (of_users(values), Samples(values * weights, weights, root=True)):
        grouped = bootstrap([samples], 3000, seed=0)[:, 0]
        with monkeypatch.context() as patch:
            patch.setattr(statistics, "GROUPS", 10**9)
            plain = bootstrap([samples], 3000, seed=0)[:, 0]
        assert grouped.mean() == pytest.approx(plain.mean(), rel=1e-3)
        assert grouped.std() == pytest.approx(plain.std(), rel=0.06)  # 4 standard errors of 3000 resamples


def test_rmse_is_drawn_by_users_with_all_their_events():
    rng = np.random.default_rng(5)
    errors = [rng.normal(size=count) ** 2 for count in rng.integers(1, 30, 80)]
    samples = Samples(
        np.array([e.sum() for e in errors]), np.array([float(len(e)) for e in errors]), root=True
    )
    assert samples.value == pytest.approx(np.sqrt(np.concatenate(errors).mean()))
    assert samples.by_user[3] == pytest.approx(np.sqrt(errors[3].mean()))
    generator = np.random.default_rng(9)
    by_hand = []
    for _ in range(200):
        users = generator.integers(80, size=80)
        by_hand.append(np.sqrt(np.concatenate([errors[user] for user in users]).mean()))
    np.testing.assert_allclose(bootstrap([samples], 200, seed=9)[:, 0], by_hand, rtol=1e-12)


def test_all_samples_of_one_call_are_paired():
    values = np.random.default_rng(6).random(60)
    drawn = bootstrap([of_users(values), of_users(values + 0.25)], 100, seed=0)
    np.testing.assert_allclose(drawn[:, 1] - drawn[:, 0], 0.25)


def test_intervals_cover_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(8)
    covered = 0
    for trial in range(300):
        low, high = interval(bootstrap([of_users(rng.random(120))], 400, seed=trial)[:, 0], 0.9)
        covered += low <= 0.5 <= high
    assert 0.85 < covered / 300 < 0.95


def test_the_bootstrap_test_is_the_t_test_where_that_is_right():
    rng = np.random.default_rng(10)
    for shift in (0.0, 0.05, 0.1, 0.15):
        apart = rng.normal(shift, 1, 800)
        drawn = bootstrap([of_users(apart)], 20_000, seed=0)[:, 0]
        assert bootstrap_test(float(apart.mean()), drawn) == pytest.approx(
            stats.ttest_1samp(apart, 0).pvalue, abs=0.015
        )


def test_the_bootstrap_test_is_never_zero_and_one_without_a_difference():
    assert bootstrap_test(5.0, np.full(99, 5.0)) == pytest.approx(0.01)
    assert bootstrap_test(0.0, np.zeros(99)) == 1.0


distinct = st.lists(st.integers(-60, 60).filter(bool), min_size=1, max_size=9, unique_by=abs)


@given(distinct)
def test_wilcoxon_is_exact_without_ties(apart):
    assert wilcoxon_test(np.array(apart, float)) == pytest.approx(twin.signed_rank(apart))


def test_wilcoxon_with_ties_and_zeros_is_the_normal_approximation():
    apart = np.random.default_rng(11).integers(-3, 5, 200).astype(float)
    assert wilcoxon_test(apart) == pytest.approx(twin.signed_rank_normal(apart))
    assert wilcoxon_test(np.zeros(9)) == 1.0


@given(st.lists(st.integers(-2, 2), max_size=40))
def test_the_sign_test_is_the_binomial(apart):
    assert sign_test(np.array(apart, float)) == pytest.approx(twin.sign(apart))


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_steps_down(p):
    assert holm(p) == pytest.approx(twin.holm(p))


def test_holm_of_a_published_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_effect_sizes():
    apart = np.array([1.0, 2.0, 3.0, -1.0])
    assert effect_size(apart) == pytest.approx(1.25 / apart.std(ddof=1))
    assert effect_size(np.zeros(4)) == 0.0
    assert effect_size(np.full(4, -2.0)) == -np.inf
    assert np.isnan(effect_size(np.ones(1)))


@pytest.mark.parametrize("upward", [True, False])
def test_shares_follow_the_better_side(upward):
    one, other = np.array([3.0, 1.0, 2.0, 5.0]), np.array([1.0, 2.0, 2.0 + 1e-15, 1.0])
    drawn = bootstrap([of_users(one), of_users(other)], 200, seed=0)
    found = paired(
        (one.mean(), one, drawn[:, 0]), (other.mean(), other, drawn[:, 1]), upward=upward, confidence=0.95
    )
    assert found.difference == pytest.approx(1.25)
    assert (found.better, found.equal, found.worse) == ((0.5, 0.25, 0.25) if upward else (0.25, 0.25, 0.5))
    assert found.low <= found.difference <= found.high
