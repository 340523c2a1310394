"""Paired tests against slow twins, closed forms and SciPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tastespace.reports.statistics import effect_size, holm, paired, sign_test, wilcoxon_test
from tests.reference import statistics as twin

distinct = st.lists(st.integers(-60, 60).filter(bool), min_size=1, max_size=9, unique_by=abs)


@given(distinct)
def test_wilcoxon_is_exact_without_ties(apart):
    assert wilcoxon_test(np.array(apart, float)) == pytest.approx(twin.signed_rank(apart))


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=10).filter(any))
def test_wilcoxon_is_exact_with_ties_and_zeros(apart):
    assert wilcoxon_test(np.array(apart, float)) == pytest.approx(twin.signed_rank(apart))


def test_wilcoxon_of_fifty_is_that_of_scipy():
    rng = np.random.default_rng(12)
    for n in (2, 17, 50):
        apart = rng.normal(0.3, 1, n)
        assert wilcoxon_test(apart) == pytest.approx(
            stats.wilcoxon(apart, method="exact").pvalue, rel=1e-9, abs=0
        )
    tied = rng.integers(-4, 6, 12).astype(float)
    everything = stats.PermutationMethod(n_resamples=np.inf)
    assert wilcoxon_test(tied[tied != 0]) == pytest.approx(
        stats.wilcoxon(tied[tied != 0], method=everything).pvalue
    )


def test_wilcoxon_of_many_is_the_normal_approximation():
    apart = np.random.default_rng(11).integers(-3, 5, 200).astype(float)
    assert wilcoxon_test(apart) == pytest.approx(twin.signed_rank_normal(apart))
    assert wilcoxon_test(apart) == pytest.approx(stats.wilcoxon(apart, method="asymptotic").pvalue)
    assert wilcoxon_test(np.zeros(9)) == 1.0


@pytest.mark.parametrize("users", [9, 90])
def test_wilcoxon_takes_sizes_that_differ_by_rounding_for_equal(users):
    whole = np.array([1, 2, -3, 1, 4, -1, 3, 2, 1] * (users // 9))
    tenths = (0.7 + whole / 10) - 0.7  # sizes of 1 are 0.09999999999999998 or 0.10000000000000009
    assert len(np.unique(np.abs(tenths))) > 4
    assert wilcoxon_test(tenths) == wilcoxon_test(whole.astype(float))
    assert wilcoxon_test(1e-6 * tenths) == wilcoxon_test(whole.astype(float))


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


@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e9])
def test_a_spread_of_rounding_is_none(scale):
    rounding = np.array([1, 1 + 1e-15, 1, 1 - 1e-15])
    assert effect_size(scale * rounding) == np.inf
    assert effect_size(scale * np.array([1.0, 1.1])) == pytest.approx(1.05 / (0.1 / np.sqrt(2)))


def test_rounding_is_relative_to_the_values():
    one, other = np.array([3e12, 1e12, 5e3]), np.array([3e12 + 1e-3, 2e12, 7e3])
    drawn = np.zeros(9)
    found = paired((1.0, one, drawn), (1.0, other, drawn), 1.0, upward=True, confidence=0.95)
    assert found.equal == pytest.approx(1 / 3)
    same = paired((1.0, one / 1e18, drawn), (1.0, other / 1e18, drawn), 1.0, upward=True, confidence=0.95)
    assert same.equal == pytest.approx(1 / 3)


@pytest.mark.parametrize("upward", [True, False])
def test_shares_follow_the_better_side(upward):
    one, other = np.array([3.0, 1.0, 2.0, 5.0]), np.array([1.0, 2.0, 2.0 + 1e-15, 1.0])
    drawn = np.random.default_rng(0).normal(1.25, 0.1, 99)
    found = paired(
        (one.mean(), one, drawn), (other.mean(), other, 0 * drawn), 0.25, upward=upward, confidence=0.95
    )
    assert found.difference == pytest.approx(1.25)
    assert found.p_permutation == 0.25
    assert (found.better, found.equal, found.worse) == ((0.5, 0.25, 0.25) if upward else (0.25, 0.25, 0.5))
    assert found.low <= found.difference <= found.high
