"""What is compared, on which users, and what comes out."""

import copy
import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from types import SimpleNamespace

import numpy as np
import pytest

import tastespace as ts
from tastespace.errors import EmptyError, InputError, ParameterError, UnsupportedError
from tastespace.reports import memory
from tastespace.reports.measuring import UserSamples
from tastespace.reports.resampling import Samples
from tastespace.reports.summary import summarise
from tests.reports.conftest import ALS, IMPLICIT


def compare(models, split, **more):
    return ts.compare(models, split, **({"resamples": 200, "progress": False} | more))


def test_values_are_those_of_evaluate(split):
    model = ALS.fit(split.train)
    found = compare({"a": ALS, "b": model}, split, k=[5, 10], metrics=["ndcg", "recall@7", "rmse", "mae"])
    report = ts.evaluate(model, split, k=[5, 10], metrics=["ndcg", "recall@7", "rmse", "mae"])
    assert found.metrics == ("ndcg@5", "ndcg@10", "recall@7", "rmse", "mae")
    for name in found.metrics:
        for entry in "ab":
            estimate = found.estimates[entry][name]
            assert estimate.value == pytest.approx(report[name], rel=1e-12)
            assert estimate.low <= estimate.value <= estimate.high
    test = found.test("rmse", "b")
    assert test.paired.difference == 0
    assert (test.holm_permutation, test.holm_wilcoxon, test.holm_sign, test.paired.equal) == (1, 1, 1, 1)


def test_a_clear_winner_is_found(comparison):
    test = comparison.test("ndcg@10", "implicit")
    assert test.against == "popular"
    assert test.paired.difference > 0.05
    assert test.holm_permutation < 0.05
    assert test.paired.better > test.paired.worse
    assert comparison.test("coverage@10", "implicit") is None  # no better side, no test


def test_default_metrics_follow_the_data(comparison, split):
    assert comparison.metrics == ("ndcg@10", "recall@10", "hit_rate@10", "coverage@10", "rmse", "mae")
    assert set(comparison.estimates["als"]) == set(comparison.metrics)
    assert "rmse" not in comparison.estimates["popular"]
    assert comparison.warnings == (split.leak().warning(),)
    clicks = replace(split, train=split.train.as_implicit(), test=split.test.as_implicit())
    assert "rmse" not in compare({"p": ts.Popularity()}, clicks).metrics


def test_seeds_are_averaged_and_their_spread_told(comparison, split):
    runs = comparison.runs["als"]
    assert [run.seed for run in runs] == [0, 1]
    assert len(comparison.runs["popular"]) == 1
    values = [run.report["ndcg@10"] for run in runs]
    estimate = comparison.estimates["als"]["ndcg@10"]
    assert estimate.value == pytest.approx(np.mean(values))
    assert estimate.deviation == pytest.approx(np.std(values, ddof=1))
    assert comparison.estimates["als"]["rmse"].value == pytest.approx(
        np.mean([r.report["rmse"] for r in runs])
    )
    assert comparison.estimates["popular"]["ndcg@10"].deviation is None
    again = compare({"als": ALS.replace(seed=1)}, split, relevant=4)
    assert again.estimates["als"]["ndcg@10"].value == pytest.approx(values[1])


def test_the_same_twice_and_for_any_number_of_threads(split):
    models = {"popular": ts.Popularity(), "als": replace(ALS, threads=None)}
    one, two = compare(models, split, threads=1), compare(models, split, threads=2)
    assert one.tests == two.tests
    assert one.estimates == two.estimates


def test_every_pair_is_tested_those_with_the_reference_first(split):
    models = {name: ALS.replace(seed=seed) for seed, name in enumerate("abc")}
    found = compare(models, split, reference="b", metrics=["ndcg", "coverage"])
    assert [(test.model, test.against) for test in found.tested] == [("a", "b"), ("c", "b"), ("c", "a")]
    assert found.tests["metric"].tolist() == ["ndcg@10"] * 3
    raw, corrected = found.tests["p_permutation"], found.tests["holm_permutation"]
    assert (corrected >= raw).all()
    assert corrected.min() == pytest.approx(min(1, 3 * raw.min()))


def test_models_are_compared_on_the_users_that_all_scored(split):
    fewer = (ts.Popularity(), lambda train: train.filter(users=[f"u{user}" for user in range(60)]))
    found = compare({"all": ts.Popularity(), "fewer": fewer}, split, metrics="ndcg")
    common = [f"u{user}" for user in range(60)]
    values = dict(found.reports["all"].per_user("ndcg@10"))
    mean = np.mean([values[user] for user in common if user in values])
    assert found.estimates["all"]["ndcg@10"].value == pytest.approx(mean)
    assert found.tested[0].users == 60
    assert "of 80 that any scored, ndcg@10 are compared on the 60 that all scored" in found.warnings[0]
    assert any(warning.startswith("fewer: learned from") for warning in found.warnings)


def test_models_that_share_no_user_are_not_compared(split):
    halves = {
        str(start): (
            ts.Popularity(),
            lambda train, s=start: train.filter(users=[f"u{s + n}" for n in range(40)]),
        )
        for start in (0, 40)
    }
    found = compare(halves, split, metrics="ndcg")
    assert "none was scored by all, so ndcg@10 cannot be compared" in found.warnings[0]
    assert found.tested == ()
    assert "has the best" in str(found)


def test_learning_curves_and_validation(ratings):
    train, test = ts.split.last_out(ratings, n=2)
    inner = ts.split.last_out(train, n=1)
    found = compare(
        {"p": ts.Popularity(), "i": IMPLICIT}, ts.Split(inner.train, test, "twice"), valid=inner.test
    )
    assert found.curves["epoch"].tolist() == [1, 2, 3, 4]
    assert np.isfinite(found.curves["ndcg@10"]).all()
    assert (np.diff(found.curves["seconds"]) > 0).all()
    assert len(compare({"p": ts.Popularity()}, ts.Split(train, test, "once")).curves) == 0


def test_seconds_of_fitting_leave_out_what_the_curves_take(split):
    import time

    class Slow:
        """Three epochs of 20 ms, each measured for 50 ms before the callback hears of it."""

        def fit(self, train, *, callbacks=()):
            for number in range(1, 4):
                time.sleep(0.07)
                for callback in callbacks:
                    callback(ts.Epoch(number, 3, 0.02, 1.0 / number))
            return ts.Popularity().fit(train)

    seconds = compare({"slow": Slow()}, split).costs("slow")["fit_seconds"]
    assert 0.06 <= seconds < 0.15


def test_costs(comparison):
    costs = comparison.costs("als")
    assert 0 < costs["fit_seconds"] < 60
    assert costs["score_seconds"] > 0
    assert costs["model_mb"] == pytest.approx(4 * (80 + 40) * (4 + 1) / 1e6)
    table = comparison.table
    assert table["model"].tolist() == ["popular", "als", "implicit"]
    assert {"ndcg@10", "ndcg@10 low", "ndcg@10 deviation", "fit_seconds", "fit_mb"} <= set(table.columns)
    assert np.isnan(table["rmse"][0])


def test_memory_is_measured_where_the_system_can_tell(monkeypatch, tmp_path):
    # A process of its own: in this one, pools of other libraries give memory back at any time.
    script = """
import time
import numpy as np
from tastespace.reports.memory import with_peak

def work():
    held = np.ones(40_000_000 // 8)
    time.sleep(0.5)
    return held.sum()

print(*with_peak(work))
"""
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    found, peak = answer.stdout.split()
    assert float(found) == 5_000_000
    assert peak == "None" or 30e6 < int(peak) < 60e6
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "none")
    assert memory.with_peak(lambda: 1) == (1, None)
    assert memory.model_bytes(object()) is None


def test_sparse_arrays_of_a_model_count(split):
    dense = ts.EASE(regularization=5.0).fit(split.train)
    sparse = ts.EASE(regularization=5.0, sparse=True, neighbours=3).fit(split.train)
    items, biases = len(dense.items), 4 * (len(dense.items) + len(dense.users))
    assert 4 * items**2 <= memory.model_bytes(dense) <= 4 * items**2 + biases
    cells = 8 * (items + 1) + 8 * sparse.weights.nnz
    assert cells <= memory.model_bytes(sparse) <= cells + biases


def test_measuring_memory_leaves_the_process_alone(monkeypatch):
    import gc
    import threading

    monkeypatch.setattr(gc, "collect", lambda *_: pytest.fail("collected the garbage of the caller"))
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        memory.with_peak(lambda: 1 / 0)
    memory.with_peak(lambda: 1)
    assert threading.active_count() == before


def test_fitted_models_and_test_events_alone(split):
    model = ts.Popularity().fit(split.train)
    found = compare({"p": model}, split.test)
    assert found.costs("p")["fit_seconds"] is None
    assert found.facts.train is None
    assert "nothing" not in str(found)


def test_a_model_that_has_seen_the_test_set_is_named(ratings, split):
    found = compare({"fair": ts.Popularity(), "peeked": ts.Popularity().fit(ratings)}, split, metrics="ndcg@3",
                    exclude_seen=False)  # fmt: skip
    assert any(
        "peeked: 240 of 240 relevant test events are in the model's own history" in w for w in found.warnings
    )


def test_rating_metrics_by_name_skip_models_that_predict_none(split):
    found = compare({"p": ts.Popularity(), "b": ts.Baseline()}, split, metrics=["ndcg", "rmse"])
    assert "rmse" not in found.estimates["p"]
    assert "p: predicts no ratings, so it has no rmse" in found.warnings
    with pytest.raises(
        UnsupportedError, match=r"models\['p'\]: it predicts no ratings, so it has none of rmse"
    ):
        compare({"p": ts.Popularity()}, split, metrics="rmse")


def test_a_result_is_frozen(comparison):
    with pytest.raises(FrozenInstanceError):
        comparison.metrics = ()
    run = comparison.runs["als"][0]
    for mapping in (
        comparison.runs,
        comparison.estimates,
        comparison.estimates["als"],
        comparison.facts.versions,
        comparison.facts.test,
        run.params,
        run.samples,
        run.curve[0].validation,
    ):
        with pytest.raises(TypeError, match="does not support item assignment"):
            mapping["more"] = 1
    of = run.samples["rmse"]
    for array in (of.rows, of.samples.sums, of.samples.counts, run.report._per_user["rmse"].counts):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_a_result_is_copied_and_pickled(comparison):
    for again in (pickle.loads(pickle.dumps(comparison)), copy.deepcopy(comparison)):
        assert str(again) == str(comparison)
        assert again.to_json() == comparison.to_json()
        with pytest.raises(TypeError, match="does not support item assignment"):
            again.estimates["als"] = {}


class Unfitted:
    """Must not come to be fitted."""

    def fit(self, train):
        pytest.fail("fitted before the settings were checked")


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"k": "15"}, ParameterError, "k must be a whole number of at least 1, or several"),
        ({"k": np.array([5, 10])}, ParameterError, "k must be a whole number of at least 1, or several"),
        ({"k": 0}, ParameterError, "k must be a whole number of at least 1"),
        ({"metrics": "ndgc"}, ParameterError, "unknown metric 'ndgc'; did you mean 'ndcg'"),
        ({"metrics": 5}, ParameterError, 'metrics must be a name such as "ndcg@10".*; got 5'),
        ({"metrics": [5]}, ParameterError, 'metrics must be a name such as "ndcg@10".*; got 5'),
        ({"metrics": "rmse@3"}, ParameterError, "rmse has no cut-off"),
        ({"cold": "warm"}, ParameterError, "cold must be"),
        ({"candidates": 99}, InputError, "candidates must be None"),
        ({"relevant": "4"}, ParameterError, "relevant must be None"),
        ({"relevant": lambda values: 1}, ParameterError, "relevant must return one boolean"),
        ({"threads": 0}, ParameterError, "threads must be a whole number"),
    ],
)
def test_settings_are_checked_before_anything_is_fitted(settings, error, message, ratings, split):
    with pytest.raises(error, match=message):
        compare({"mine": Unfitted()}, split, **settings)
    for splits in (ratings, [split, split]):
        with pytest.raises(error, match=message):
            ts.cross_validate(Unfitted(), splits, **settings)


def test_what_is_of_a_comparison_alone_is_checked_before_anything_is_fitted(split):
    with pytest.raises(ParameterError, match="slices must be a whole number"):
        compare({"mine": Unfitted()}, split, slices=-1)
    with pytest.raises(InputError, match=r"valid must be Interactions, .*; got Split"):
        compare({"mine": Unfitted()}, split, valid=split)
    with pytest.raises(ParameterError, match=r"reference \['mine'\] is none of the models"):
        compare({"mine": Unfitted()}, split, reference=["mine"])


def test_rating_metrics_of_new_items_are_left_out_unless_named(ratings):
    cut = ts.split.items_out(ratings, 0.2, seed=0)
    found = compare({"als": ALS, "b": ts.Baseline()}, cut)
    assert found.metrics == ("ndcg@10", "recall@10", "hit_rate@10", "coverage@10")
    with pytest.raises(EmptyError, match=r"models\['als'\]: rmse needs test events"):
        compare({"als": ALS}, cut, metrics=["ndcg", "rmse"])
    assert "mae" in compare({"als": ALS}, cut, cold="score").metrics
    folds = ts.cross_validate(ALS, [cut, ts.split.random(ratings)], progress=False)
    assert "rmse" not in folds.metrics


def test_metrics_come_in_the_order_of_an_evaluation(split):
    found = compare({"als": ALS}, split, k=(9, 2), metrics=["mae", "recall@4", "auc", "ndcg", "rmse"])
    assert found.metrics == ("recall@4", "ndcg@2", "ndcg@9", "auc", "mae", "rmse")
    assert found.headline == "recall@4"


def few(split, users):
    return ts.Split(split.train, split.test.filter(users=[f"u{user}" for user in range(users)]), "few")


def test_one_user_has_no_interval(split, tmp_path):
    found = compare({"p": ts.Popularity(), "als": ALS}, few(split, 1))
    estimate = found.estimates["als"]["ndcg@10"]
    assert (estimate.low, estimate.high) == (None, None)
    test = found.test("ndcg@10", "als")
    assert np.isnan([test.paired.low, test.paired.high]).all()
    assert test.paired.p_permutation == 1
    [said] = [warning for warning in found.warnings if "one user" in warning]
    assert said.startswith("ndcg@10, recall@10, hit_rate@10, rmse, mae: one user was scored by all models")
    assert "nan" not in str(found) + found.to_markdown().replace("NaN", "")
    assert "nan" not in found.to_html(tmp_path / "one.html").read_text(encoding="utf-8").lower()
    assert '"low": null' in found.to_json()


def test_too_few_users_leave_everything_open(split):
    found = compare({"p": ts.Popularity(), "als": ALS, "i": IMPLICIT}, few(split, 5), metrics=["ndcg", "mrr"])
    assert all(test.paired.p_permutation >= 0.0625 for test in found.tested)
    assert "▲" not in str(found).replace("▲ better", "")
    assert (
        "ndcg@10, mrr@10: 5 users are too few for a test, whose p cannot come below 0.0625; every difference stays open"
        in found.warnings
    )
    more = compare({"p": ts.Popularity(), "als": ALS}, few(split, 30), metrics=["ndcg", "mrr"])
    assert not any("too few" in warning for warning in more.warnings)


def test_holms_correction_can_leave_nothing_to_be_found(split):
    models = {"p": ts.Popularity(), "i": IMPLICIT}
    metrics = [f"ndcg@{k}" for k in range(5, 12)]
    found = compare(models, split, metrics=metrics, resamples=100)
    said = [warning for warning in found.warnings if warning.startswith("nothing can be found")]
    assert len(said) == 1
    assert "the least possible p, 0.0099, times the number of tests, 7, which is not below 0.05" in said[0]
    assert "pass resamples=280 or more" in said[0]
    assert all(test.holm_permutation >= 0.05 for test in found.tested)
    more = compare(models, split, metrics=metrics, resamples=280)
    assert not any("nothing can be found" in warning for warning in more.warnings)
    assert any(test.holm_permutation < 0.05 for test in more.tested)
    small = compare(models, few(split, 7), metrics=metrics)
    assert any(warning.endswith("or test on more users") for warning in small.warnings)
    same = compare({"a": ALS, "b": ALS}, split, metrics=metrics, resamples=100)
    assert not any("nothing can be found" in warning for warning in same.warnings)


def test_the_test_of_rmse_swaps_users_with_all_their_events(split):
    found = compare({"b": ts.Baseline(), "als": ALS}, split, metrics="rmse", resamples=2000)
    runs = {name: found.runs[name][0].report.per_user("rmse") for name in ("b", "als")}
    counts = np.bincount(split.test.user_rows())
    apart = counts * (runs["als"]["value"] ** 2 - runs["b"]["value"] ** 2)
    coins = np.random.default_rng(0).choice([-1, 1], (20_000, len(apart)))
    p = np.mean(np.abs(coins @ apart) >= abs(apart.sum()))
    assert found.test("rmse", "als").paired.p_permutation == pytest.approx(p, abs=0.03)


def test_seeds_whose_roots_and_squares_disagree_are_not_told_apart():
    counts = np.ones(400)
    runs = {
        "a": [2.0 * counts, 2.0 * counts],
        "b": [0.5 * counts, 3.4 * counts],
    }  # squared errors of two seeds
    runs = {
        name: [
            SimpleNamespace(
                samples={
                    "rmse": UserSamples(np.arange(400, dtype=np.int32), Samples(one, counts, root=True))
                },
                report=SimpleNamespace(metrics={"rmse": one[0] ** 0.5}),
            )
            for one in several
        ]
        for name, several in runs.items()
    }
    found = summarise(runs, ["rmse"], reference="a", resamples=100, confidence=0.95, seed=0)
    [test] = found.tests
    assert test.paired.difference < 0
    assert test.paired.p_permutation < 0.05
    runs["b"][1].samples["rmse"] = UserSamples(
        np.arange(400, dtype=np.int32), Samples(3.9 * counts, counts, root=True)
    )
    [test] = summarise(runs, ["rmse"], reference="a", resamples=100, confidence=0.95, seed=0).tests
    assert test.paired.difference < 0
    assert test.paired.p_permutation == 1


def test_an_unknown_model_is_refused(comparison):
    with pytest.raises(ParameterError, match="no model 'asl'; did you mean 'als'"):
        comparison.costs("asl")


def test_a_failing_trainer_is_named(split):
    clicks = replace(split, train=split.train.as_implicit())
    with pytest.raises(InputError, match=r"models\['als'\]: ALS learns ratings"):
        compare({"p": ts.Popularity(), "als": ALS}, clicks)


def test_an_error_of_a_foreign_trainer_keeps_its_type(split):
    class Broken:
        def fit(self, train):
            raise ZeroDivisionError("own words")

    with pytest.raises(ZeroDivisionError, match="own words") as caught:
        compare({"mine": Broken()}, split)
    assert caught.value.__notes__ == ["at models['mine'] of the comparison"]


@pytest.mark.parametrize(
    ("models", "error", "message"),
    [
        ([ALS], InputError, "models must be a mapping"),
        ({}, ParameterError, "models is empty"),
        ({1: ALS}, ParameterError, "names of models must be text; got 1"),
        ({" ": ALS}, ParameterError, "names of models must be text"),
        ({"a": ts.ALS}, InputError, r"models\['a'\] is the class ALS; pass one of it"),
        ({"a": 3}, InputError, r"models\['a'\] must be a trainer, a model, or .*; got int"),
        ({"a": (ALS, 3)}, InputError, r"models\['a'\]: beside the trainer stands a function"),
        (
            {"a": (ALS, lambda train: 3)},
            InputError,
            r"models\['a'\]: the transform .* must return Interactions",
        ),
    ],
)
def test_what_cannot_be_compared(models, error, message, split):
    with pytest.raises(error, match=message):
        compare(models, split)


def test_a_fitted_model_has_no_transform(split):
    model = ts.Popularity().fit(split.train)
    with pytest.raises(InputError, match="fitted already, so a transform of its training events is too late"):
        compare({"a": (model, lambda train: train)}, split)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seeds": 0}, "seeds must be a whole number >= 1; got 0"),
        ({"resamples": 99}, "resamples must be a whole number >= 100"),
        ({"seed": -1}, "seed must be a whole number >= 0"),
        ({"confidence": 95}, "confidence must be a share above 0 and below 1"),
        ({"reference": "asl"}, "reference 'asl' is none of the models; did you mean 'als'"),
        ({"metrics": []}, "metrics is empty"),
        ({"metrics": "ndgc"}, "unknown metric 'ndgc'; did you mean 'ndcg'"),
        ({"k": 0}, "k|cut-off"),
    ],
)
def test_settings_out_of_range(settings, message, split):
    with pytest.raises(ParameterError, match=message):
        compare({"als": ALS}, split, **settings)


def test_what_is_no_split(split):
    with pytest.raises(
        InputError, match=r"models\['als'\] is not fitted and needs training events; pass a Split"
    ):
        compare({"als": ALS}, split.test)
    with pytest.raises(InputError, match="split must be a Split"):
        compare({"als": ALS}, [split])
