"""Resampled users and swapped models against slow twins, closed forms and SciPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tastespace.reports import resampling
from tastespace.reports.resampling import Samples, Units, bootstrap, contributions, interval, swap_test
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
    monkeypatch.setattr(resampling, "_BLOCK", 170)
    np.testing.assert_array_equal(bootstrap(samples, 130, seed=3), whole)


def test_groups_keep_the_spread(monkeypatch):
    values = np.random.default_rng(3).exponential(size=40_000)
    weights = np.random.default_rng(4).integers(1, 9, 40_000).astype(float)
    for samples in (of_users(values), Samples(values * weights, weights, root=True)):
        grouped = bootstrap([samples], 3000, seed=0)[:, 0]
        with monkeypatch.context() as patch:
            patch.setattr(resampling, "GROUPS", 10**9)
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


def test_memory_of_the_bootstrap_is_bounded():
    import tracemalloc

    samples = [of_users(np.random.default_rng(n).random(60_000)) for n in range(8)]
    tracemalloc.start()
    bootstrap(samples, 600, seed=0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    groups, users, kept = 16 * 8 * resampling.GROUPS, 3 * 8 * 60_000, 32 * 8 * 600
    assert peak < 8 * resampling._BLOCK + groups + users + kept + 1e6


few = st.lists(st.integers(-5, 5), min_size=1, max_size=9)


@given(few)
def test_all_swaps_of_few_users_are_counted(apart):
    # Tenths, so that sums in another order differ in their last bits.
    [found] = swap_test(np.array(apart)[:, None] / 10, 200, 0)
    assert found.p == pytest.approx(twin.swapped(apart))
    assert found.least == 2.0 ** (1 - max(1, sum(value != 0 for value in apart)))


def test_up_to_thirty_users_are_counted():
    apart = np.ones((30, 1)) / 3
    apart[:7] *= -1
    assert swap_test(apart, 100, 0)[0].p == pytest.approx(stats.binomtest(7, 30).pvalue)
    assert swap_test(np.ones((30, 1)), 100, 0)[0].p == 2.0**-29


def test_more_users_are_drawn():
    rng = np.random.default_rng(0)
    apart = rng.normal(0.15, 1, (200, 4))
    apart[:, 3] = np.where(rng.random(200) < 0.55, 0.1, -0.1)
    found = [test.p for test in swap_test(apart, 20_000, 1)]
    assert found[:3] == pytest.approx(
        [stats.ttest_1samp(column, 0).pvalue for column in apart.T[:3]], abs=0.015
    )
    assert found[3] == pytest.approx(stats.binomtest(int((apart[:, 3] > 0).sum()), 200).pvalue, abs=0.015)
    assert swap_test(np.ones((40, 1)), 99, 0)[0] == resampling.Swapped(0.01, 0.01)
    assert found == [swap_test(apart[:, [at]], 20_000, 1)[0].p for at in range(4)]


@pytest.mark.parametrize("users", [3, 60])
def test_sums_that_are_zero_but_for_rounding_are_zero(users):
    apart = np.array([0.1, 0.2, -0.3] * (users // 3))[:, None]
    assert swap_test(apart, 200, 0)[0].p == 1.0
    assert swap_test(np.zeros((users, 1)), 200, 0)[0].p == 1.0


def test_blocks_change_no_coin(monkeypatch):
    apart = np.random.default_rng(2).normal(size=(48, 3))
    whole = swap_test(apart, 130, seed=3)
    monkeypatch.setattr(resampling, "_BLOCK", 170)
    assert swap_test(apart, 130, seed=3) == whole


def differences(kind, rng, users, trials):
    """Differences of models between which there is none: values of users are swapped by a coin, (users, trials)."""
    if kind == "whole":  # hit rates
        one, other = (rng.integers(0, 2, (users, trials)).astype(float) for _ in range(2))
    elif kind == "skewed":
        one, other = (rng.exponential(size=(users, trials)) ** 3 for _ in range(2))
    else:
        one, other = (rng.random((users, trials)) for _ in range(2))
    apart = one - other
    if kind == "sparse":  # nine users of ten have the same value in both
        apart *= rng.random((users, trials)) < 0.1
    return apart


@pytest.mark.parametrize("kind", ["plain", "sparse", "skewed", "whole"])
@pytest.mark.parametrize("users", [5, 10, 30, 200])
def test_false_finds_are_as_rare_as_they_are_said_to_be(users, kind):
    trials = 400 if users == 30 else 1500
    apart = differences(kind, np.random.default_rng(users), users, trials)
    rate = np.mean([test.p < 0.05 for test in swap_test(apart, 999, seed=1)])
    assert rate <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / trials)
    if (users == 200 and kind != "whole") or (users == 30 and kind in ("plain", "skewed")):
        assert rate >= 0.05 - 3 * np.sqrt(0.05 * 0.95 / trials)


def test_false_finds_of_skewed_differences_with_mean_zero():
    """No symmetry, so no guarantee for few users; for many the test is right as a t-test is."""
    apart = np.random.default_rng(5).exponential(size=(300, 1500)) - 1
    rate = np.mean([test.p < 0.05 for test in swap_test(apart, 999, seed=1)])
    assert 0.03 < rate < 0.07


def test_groups_are_swapped_whole_and_find_as_often():
    rng = np.random.default_rng(6)
    users = 40_000
    units = Units(users, 0)
    null, shifted = (
        np.stack([units.sums(rng.normal(shift, 1, users)) for _ in range(200)], axis=1)
        for shift in (0.0, 0.015)
    )
    assert len(null) == resampling.GROUPS
    false = np.mean([test.p < 0.05 for test in swap_test(null, 400, 0)])
    true = np.mean([test.p < 0.05 for test in swap_test(shifted, 400, 0)])
    assert false < 0.1
    assert true == pytest.approx(stats.norm.sf(1.96 - 0.015 * np.sqrt(users)), abs=0.1)


def test_contributions_add_up_to_the_difference():
    rng = np.random.default_rng(7)
    counts = rng.integers(1, 9, 50).astype(float)
    one, other = (Samples(rng.random(50) * counts, counts, root=True) for _ in range(2))
    apart = contributions([one], [other])
    assert apart.sum() == pytest.approx(one.value**2 - other.value**2)
    np.testing.assert_allclose(apart, (one.sums - other.sums) / counts.sum(), atol=1e-15)
    more = Samples(other.sums * 1.1, counts + 1, root=True)
    assert contributions([one], [other, more]).sum() == pytest.approx(
        one.value**2 - (other.value**2 + more.value**2) / 2
    )


def test_users_equal_but_for_rounding_contribute_nothing():
    values = np.random.default_rng(8).random(40)
    assert not contributions([of_users(values)], [of_users(values + 2e-16)]).any()
