"""What is compared, on which users, and what comes out."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

import tastespace as ts
from tastespace.errors import InputError, ParameterError, UnsupportedError
from tastespace.reports import memory
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
    assert (test.holm_bootstrap, test.holm_wilcoxon, test.holm_sign, test.paired.equal) == (1, 1, 1, 1)


def test_a_clear_winner_is_found(comparison):
    test = comparison.test("ndcg@10", "implicit")
    assert test.against == "popular"
    assert test.paired.difference > 0.05
    assert test.holm_bootstrap < 0.05
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
    raw, corrected = found.tests["p_bootstrap"], found.tests["holm_bootstrap"]
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
    _, peak = memory.with_peak(lambda: np.ones(40_000_000 // 8).sum())
    assert peak is None or 30e6 < peak < 60e6
    monkeypatch.setattr(memory, "_PROCESS", tmp_path / "none")
    assert memory.with_peak(lambda: 1) == (1, None)
    assert memory.model_bytes(object()) is None


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
