import json

import numpy as np
import pytest
from scipy import stats

import tastespace as ts
from tastespace.errors import InputError, ParameterError
from tests.reports.conftest import ALS, IMPLICIT


def test_folds_are_those_of_kfold(ratings):
    found = ts.cross_validate(ALS, ratings, folds=3, seed=5, metrics=["rmse", "ndcg@5"], progress=False)
    for fold, split in enumerate(ts.split.kfold(ratings, 3, 5)):
        report = ts.evaluate(ALS.fit(split.train), split, metrics=["rmse", "ndcg@5"])
        assert found.table["rmse"][fold] == pytest.approx(report["rmse"])
        assert found.table["ndcg@5"][fold] == pytest.approx(report["ndcg@5"])
    assert found.table["fold"].tolist() == [1, 2, 3]


def test_mean_deviation_and_the_corrected_interval(ratings):
    found = ts.cross_validate(ALS, ratings, folds=4, metrics="rmse", confidence=0.9, progress=False)
    values = found.table["rmse"]
    [(name, mean, deviation, low, high)] = found.summary
    assert (name, mean, deviation) == (
        "rmse",
        pytest.approx(values.mean()),
        pytest.approx(values.std(ddof=1)),
    )
    half = (
        stats.t.ppf(0.95, 3) * deviation * np.sqrt(1 / 4 + 1 / 3)
    )  # Nadeau and Bengio: n_test / n_train is 1 / 3
    assert (low, high) == (pytest.approx(mean - half), pytest.approx(mean + half))


def test_seeds_are_averaged_within_a_fold(ratings):
    found = ts.cross_validate(ALS, ratings, folds=2, seeds=2, metrics="rmse", progress=False)
    assert found.table["seed"].tolist() == [0, 1, 0, 1]
    by_fold = found.table["rmse"].reshape(2, 2).mean(axis=1)
    assert found.summary["deviation"][0] == pytest.approx(by_fold.std(ddof=1))
    assert "2 seeds each" in str(found)


def test_splits_of_ones_own_and_a_transform(ratings):
    splits = [ts.split.last_out(ratings, n=1), ts.split.last_out(ratings, n=2)]
    found = ts.cross_validate((IMPLICIT, lambda train: train.as_implicit()), splits, progress=False)
    assert found.how == ("last 1 of each user", "last 2 of each user")
    assert "rmse" not in found.metrics


def test_splits_may_come_one_after_the_other(ratings):
    found = ts.cross_validate(
        ALS, (cut for cut in ts.split.kfold(ratings, 2)), metrics="rmse", progress=False
    )
    assert len(found.table) == 2


def test_warnings_of_the_folds_are_kept(ratings):
    known = ts.split.by_time(ratings, at=0.8)
    mixed = [ts.split.random(ratings, seed=0), known, ts.split.random(ratings, seed=0)]
    found = ts.cross_validate(ALS, mixed, seeds=2, relevant=1, progress=False)
    leak = mixed[0].leak().warning()
    assert found.warnings == (f"folds 1, 3: {leak}",)
    assert "warning: folds 1, 3: training knows the future" in str(found)
    assert "## Warnings\n\n- folds 1, 3: training knows the future" in found.to_markdown()
    assert json.loads(found.to_json())["warnings"] == list(found.warnings)
    drawn = ts.cross_validate(
        ALS, mixed, candidates=ts.Sampled(5), metrics="ndcg", relevant=1, progress=False
    )
    assert [warning[:6] for warning in drawn.warnings] == ["values", "folds "]
    quiet = ts.cross_validate(ALS, [known, known], relevant=1, progress=False)
    assert "## Warnings" not in quiet.to_markdown()


def test_forms(ratings):
    found = ts.cross_validate(ALS, ratings, folds=2, progress=False)
    assert "Cross-validation: ALS on 2 splits" in str(found)
    assert max(map(len, str(found).splitlines())) <= 100
    assert "| metric | mean | deviation | 95 % interval |" in found.to_markdown()
    data = json.loads(found.to_json())
    assert data["kind"] == "cross-validation"
    assert data["summary"][0]["mean"] == found.summary["mean"][0]
    assert len(data["folds"]) == 2


def test_what_cannot_be_cross_validated(ratings):
    with pytest.raises(InputError, match="takes a trainer; got a fitted model"):
        ts.cross_validate(ts.Popularity().fit(ratings), ratings)
    with pytest.raises(ParameterError, match=r"at least two splits.*got 1 of type Split"):
        ts.cross_validate(ALS, [ts.split.random(ratings)])
    with pytest.raises(ParameterError, match=r"at least two splits.*got one Split: .*ts.evaluate"):
        ts.cross_validate(ALS, ts.split.random(ratings))
    for wrong in (None, 3, "splits"):
        with pytest.raises(InputError, match=r"splits must be at least two splits, .* or events to cut; got"):
            ts.cross_validate(ALS, wrong)
    for folds in (1, None, 2.0, True, "5", 961):
        with pytest.raises(ParameterError, match=r"folds must be a whole number from 2 to .*960.*; got"):
            ts.cross_validate(ALS, ratings, folds=folds)
    for folds in (ts.split.random(ratings), [ts.split.random(ratings)]):
        with pytest.raises(ParameterError, match="splits of your own take the place of the events"):
            ts.cross_validate(ALS, ratings, folds=folds)
    with pytest.raises(ParameterError, match="seeds must be a whole number >= 1"):
        ts.cross_validate(ALS, ratings, seeds=0)
    with pytest.raises(ParameterError, match="confidence must be a share"):
        ts.cross_validate(ALS, ratings, confidence=1)
    with pytest.raises(InputError, match="ALS learns ratings"):
        ts.cross_validate(ALS, ratings.as_implicit(), folds=2)
