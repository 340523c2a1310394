"""What the native passes of SVD++ refuse; the trainer never asks for it."""

import numpy as np
import pytest

import tastespace._native as native


def plan(**changes):
    given = {
        "indptr": np.array([0, 1]),
        "indices": np.zeros(1, np.int32),
        "sets": None,
        "columns": 2,
        "size": 4,
        "seed": 0,
        "threads": 1,
    }
    return native.SvdppPlan(**(given | changes))


def epoch(made=None, **changes):
    given = {
        "indptr": np.array([0, 1]),
        "indices": np.zeros(1, np.int32),
        "values": np.zeros(1, np.float32),
        "weights": None,
        "sets": None,
        "mean": 0.0,
        "groups": [(0.1, 0.0)] * 4,
        "seed": 0,
        "epoch": 0,
        "rows": np.zeros((1, 16), np.float32),
        "columns": np.zeros((2, 16), np.float32),
        "fixed": None,
        "implicit": np.zeros((2, 16), np.float32),
        "row_bias": np.zeros(1, np.float32),
        "column_bias": np.zeros(2, np.float32),
        "threads": 1,
    }
    return (made or plan()).epoch(**(given | changes))


@pytest.mark.parametrize("size", [0, 65536])
def test_batches_have_a_size(size):
    with pytest.raises(ValueError, match=r"size must be in 1\.\.=65535"):
        plan(size=size)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": np.zeros((2, 32), np.float32)}, "must fit each other and the plan"),
        ({"implicit": np.zeros((3, 16), np.float32)}, "must fit each other and the plan"),
        ({"fixed": np.zeros((1, 16), np.float32)}, "must fit each other and the plan"),
        ({"values": np.zeros(2, np.float32)}, "the plan was made of other tables"),
        ({"weights": np.zeros(2, np.float32)}, "the plan was made of other tables"),
        ({"sets": (np.array([0, 1]), np.zeros(1, np.int32))}, "the plan was made of other tables"),
        ({"row_bias": np.zeros(3, np.float32)}, "biases must have one value for each row"),
        ({"column_bias": np.zeros(4, np.float32)[::2]}, "column_bias must be contiguous"),
    ],
)
def test_passes_refuse(changes, message):
    with pytest.raises(ValueError, match=message):
        epoch(**changes)


def test_biases_are_contiguous():
    two = {"indptr": np.array([0, 1, 1])}
    with pytest.raises(ValueError, match="row_bias must be contiguous"):
        epoch(plan(**two), **two, rows=np.zeros((2, 16), np.float32), row_bias=np.zeros(4, np.float32)[::2])


def test_an_empty_table_has_nothing_to_learn():
    empty = {"indptr": np.zeros(2, np.int64), "indices": np.zeros(0, np.int32)}
    assert epoch(plan(**empty), **empty, values=np.zeros(0, np.float32)) == 0


def test_targets_refuse():
    with pytest.raises(ValueError, match="values one for each event"):
        native.svdpp_targets(
            np.array([0, 1]),
            np.zeros(1, np.int32),
            np.zeros(2, np.float32),
            np.zeros((1, 16), np.float32),
            np.zeros((2, 16), np.float32),
            1,
        )
