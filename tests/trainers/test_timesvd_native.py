"""What the native epoch of timeSVD++ refuses; the trainer never asks for it."""

import numpy as np
import pytest

import tastespace._native as native


def epoch(**changes):
    users, items, days, bins = 2, 3, 2, 2
    matrices = {name: np.zeros((n, 16), np.float32) for name, n in (("p", users), ("q", items), ("y", items))}
    given = {
        "indptr": np.array([0, 1, 2]),
        "indices": np.array([0, 2], np.int32),
        "values": np.ones(2, np.float32),
        "weights": None,
        "bins": np.array([0, 1], np.int32),
        "days": np.array([0, 1], np.int32),
        "deviations": (np.zeros(2, np.float32), np.zeros(2, np.float32)),
        "paces": [(0.1, 0.1)] * 8,
        "seed": 0,
        "epoch": 0,
        "factors": (matrices["p"], matrices["q"], matrices["y"], None, None),
        "biases": tuple(np.zeros(n, np.float32) for n in (users, users, days, items, items * bins, items)),
        "threads": 1,
    }
    return native.timesvd_epoch(**(given | changes))


def test_it_returns_the_squared_errors():
    assert epoch() == pytest.approx(2.0)


def biases(**lengths):
    wanted = {"user": 2, "slope": 2, "day": 2, "item": 3, "bin": 6, "trend": 3} | lengths
    return tuple(np.zeros(n, np.float32) for n in wanted.values())


def factors(p=(2, 16), q=(3, 16), y=(3, 16), drift=None, days=None):
    return tuple(None if shape is None else np.zeros(shape, np.float32) for shape in (p, q, y, drift, days))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"values": np.ones(3, np.float32)}, "values must have 2 entries; got 3"),
        ({"weights": np.ones(1, np.float32)}, "weights must have 2 entries; got 1"),
        ({"bins": np.array([0, 2], np.int32)}, "bins must be in 0..2"),
        ({"days": np.array([0, 2], np.int32)}, "days must be in 0..2"),
        ({"days": np.array([1, 1], np.int32)}, "days must belong to one user each"),
        ({"deviations": (np.zeros(1, np.float32), np.zeros(2, np.float32))}, "user_deviation must have 2"),
        ({"deviations": (np.zeros(2, np.float32), np.zeros(1, np.float32))}, "item_deviation must have 2"),
        ({"biases": biases(user=3)}, "user_bias must have 2 entries; got 3"),
        ({"biases": biases(bin=7)}, "bin_bias must have as many entries for every item"),
        ({"biases": biases(trend=2)}, "item_trend must have 3 entries; got 2"),
        ({"factors": factors(q=(3, 32))}, r"items must be of shape \(3, 16\); got \(3, 32\)"),
        ({"factors": factors(y=(2, 16))}, r"implicit must be of shape \(3, 16\); got \(2, 16\)"),
        ({"factors": factors(drift=(3, 16))}, r"drift must be of shape \(2, 16\); got \(3, 16\)"),
        ({"factors": factors(days=(3, 16))}, r"day_factors must be of shape \(2, 16\); got \(3, 16\)"),
        ({"factors": factors(p=(2, 8))}, "users must have rows of a multiple of 16 floats; got 8"),
        ({"indices": np.array([0, 3], np.int32)}, "indices must be in 0..3"),
    ],
)
def test_what_does_not_fit_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        epoch(**changes)
