"""Calibration, and errors by user and by item."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tastespace.errors import EmptyError, ParameterError, UnsupportedError
from tastespace.evaluation import evaluate
from tastespace.trainers.stopping import Stopping
from tests.evaluation.worlds import Written, interactions
from tests.reference import lists as twin

NAMES = ["rmse", "mae", "rmse_by_user", "mae_by_user", "rmse_by_item", "mae_by_item", "calibration"]


def model(scores, **more):
    return Written(["u", "v"], ["a", "b", "c"], scores, **{"scale": (1.0, 5.0), **more})


def test_values_worked_by_hand():
    # Errors: u on b -1, u on c 1, v on b 0. Predicted 3, 5 and 2 fall into three bins.
    test = interactions([("u", "b", 4.0), ("u", "c", 4.0), ("v", "b", 2.0)], explicit=True)
    report = evaluate(model([[0, 3, 9], [0, 2, 0]]), test, metrics=NAMES, exclude_seen=False)
    assert report.metrics == pytest.approx(
        {
            "rmse": math.sqrt(2 / 3),
            "mae": 2 / 3,
            "rmse_by_user": (1 + 0) / 2,
            "mae_by_user": (1 + 0) / 2,
            "rmse_by_item": (math.sqrt(1 / 2) + 1) / 2,
            "mae_by_item": (1 / 2 + 1) / 2,
            "calibration": 2 / 3,
        }
    )
    assert report.per_user("rmse_by_user") == report.per_user("rmse")
    bins = report.calibration()
    assert bins.columns == ("low", "high", "events", "predicted", "given")
    assert bins["events"].tolist() == [1, 1, 1]
    assert bins["predicted"].tolist() == [2.0, 3.0, 5.0]
    assert bins["given"].tolist() == [2.0, 4.0, 4.0]
    assert bins["low"].tolist() == pytest.approx([1.8, 3.0, 4.6])


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 3, 100]),
    st.sampled_from([(1.0, 5.0), (0.5, 5.0), (3.0, 3.0)]),
)
@settings(max_examples=60, deadline=None)
def test_agrees_with_the_definitions_whatever_the_block(seed, batch, scale):
    rng = np.random.default_rng(seed)
    users, items = [f"u{n}" for n in range(8)], list(range(6))
    scores = rng.normal(3, 2, (8, 6)).astype(np.float32)
    cells = np.argwhere(rng.random((8, 6)) < 0.5)
    if not len(cells):
        return
    test = [(users[u], items[i], float(rng.integers(1, 6))) for u, i in cells]
    world = Written(users, items, scores, scale=scale)
    test_set = interactions(test, explicit=True)
    report = evaluate(world, test_set, metrics=NAMES, exclude_seen=False, batch=batch)
    pairs = [(float(np.clip(scores[users.index(u), i], *scale)), r) for u, i, r in test]
    errors = [(u, i, p - r) for (u, i, r), (p, _) in zip(test, pairs, strict=True)]
    for key, noun in enumerate(("user", "item")):
        expected = twin.by(errors, key, twin.root_mean_square)
        assert report[f"rmse_by_{noun}"] == pytest.approx(expected, abs=1e-12)
        assert report[f"mae_by_{noun}"] == pytest.approx(twin.by(errors, key, twin.mean_absolute), abs=1e-12)
    rows, expected = twin.calibration(pairs, *scale)
    assert report["calibration"] == pytest.approx(expected, abs=1e-12)
    assert report["calibration"] <= report["mae"] + 1e-12
    assert [row[2] for row in report.calibration()] == [row[2] for row in rows]
    for found, row in zip(report.calibration(), rows, strict=True):
        assert found == pytest.approx(row, abs=1e-12)
    whole = evaluate(world, test_set, metrics=NAMES, exclude_seen=False)
    assert whole.metrics == report.metrics
    assert whole.calibration() == report.calibration()


def test_what_has_no_value_for_each_user():
    test = interactions([("u", "b", 4.0)], explicit=True)
    report = evaluate(model(np.ones((2, 3))), test, metrics=NAMES, exclude_seen=False)
    for name in ("rmse_by_item", "mae_by_item", "calibration"):
        with pytest.raises(ParameterError, match=f"{name} belongs to all users together"):
            report.per_user(name)


def test_calibration_needs_predicted_ratings():
    test = interactions([("u", "b", 4.0)], explicit=True)
    with pytest.raises(
        ParameterError, match="the report has no predicted ratings; evaluate a model that predicts"
    ):
        evaluate(model(np.ones((2, 3)), scale=None), test, exclude_seen=False).calibration()
    with pytest.raises(UnsupportedError, match="calibration compares ratings, and Written predicts none"):
        evaluate(model(np.ones((2, 3)), scale=None), test, metrics="calibration", exclude_seen=False)
    with pytest.raises(ParameterError, match="rmse_by_user compares ratings, and the test set holds none"):
        evaluate(
            model(np.ones((2, 3))), interactions([("u", "b")]), metrics="rmse_by_user", exclude_seen=False
        )
    unknown = interactions([("u", "z", 4.0)], explicit=True)
    with pytest.raises(EmptyError, match="mae_by_item needs test events whose user and item the model knows"):
        evaluate(model(np.ones((2, 3))), unknown, metrics="mae_by_item", exclude_seen=False)


@pytest.mark.parametrize("metric", NAMES)
def test_smaller_errors_are_better(metric):
    assert Stopping(metric).better(0.8, 0.9)
    assert not Stopping(metric).better(0.9, 0.8)
