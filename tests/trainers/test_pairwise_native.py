"""What the native epochs and rows refuse; the trainers never ask for it."""

import numpy as np
import pytest

import tastespace._native as native


def epoch(**changes):
    given = {
        "indptr": np.array([0, 1]),
        "indices": np.zeros(1, np.int32),
        "weights": None,
        "popularity": None,
        "loss": "bpr",
        "counts": [1],
        "mean": 0.0,
        "checked": True,
        "rate": 0.1,
        "penalties": (0.0, 0.0, 0.0, None),
        "seed": 0,
        "epoch": 0,
        "measured": False,
        "users": np.zeros((1, 16), np.float32),
        "items": np.zeros((2, 16), np.float32),
        "user_bias": np.zeros(1, np.float32),
        "item_bias": np.zeros(2, np.float32),
        "threads": 1,
    }
    return native.pairwise_epoch(**(given | changes))


def rows(**changes):
    given = {
        "indptr": np.array([0, 1]),
        "indices": np.zeros(1, np.int32),
        "weights": None,
        "popularity": None,
        "loss": "bpr",
        "counts": [1],
        "mean": 0.0,
        "penalties": (0.1, None),
        "items": np.zeros((2, 16), np.float32),
        "item_bias": np.zeros(2, np.float32),
        "x": np.zeros((1, 16), np.float32),
        "bias": np.zeros(1, np.float32),
        "threads": 1,
    }
    return native.pairwise_rows(**(given | changes))


BOTH = [
    ({"loss": "hinge"}, "no such loss with such counts"),
    ({"loss": "warp", "counts": [5, 1, 2]}, "no such loss with such counts"),
    ({"counts": [0]}, "counts must be above 0"),
    ({"weights": np.ones(2, np.float32)}, "must have one value for each event, item or row"),
    ({"item_bias": np.zeros(3, np.float32)}, "must have one value for each event, item or row"),
    ({"popularity": np.ones(3)}, "must have one value for each event, item or row"),
    ({"popularity": np.zeros(2)}, "popularity must be finite and not below 0, and not all 0"),
    ({"popularity": np.array([1.0, np.nan])}, "popularity must be finite"),
    ({"items": np.zeros((2, 32), np.float32)}, "must have rows of the same length"),
    ({"indices": np.full(1, 2, np.int32)}, r"indices must be in 0\.\.2"),
]


@pytest.mark.parametrize(("changes", "message"), BOTH)
@pytest.mark.parametrize("call", [epoch, rows])
def test_bad_arrays_are_refused(call, changes, message):
    call()
    with pytest.raises(ValueError, match=message):
        call(**changes)


def test_biases_are_contiguous():
    gaps = np.zeros((2, 2), np.float32)[:, 0]
    two = {"indptr": np.array([0, 1, 1])}  # users: one is contiguous whatever its stride
    with pytest.raises(ValueError, match="item_bias must be contiguous"):
        epoch(item_bias=gaps)
    with pytest.raises(ValueError, match="user_bias must be contiguous"):
        epoch(**two, users=np.zeros((2, 16), np.float32), user_bias=gaps)
    with pytest.raises(ValueError, match="bias must be contiguous"):
        rows(**two, x=np.zeros((2, 16), np.float32), bias=gaps)
