"""The native functions refuse what does not fit together."""

import numpy as np
import pytest

import tastespace._native as native

INDPTR, INDICES = np.array([0, 1, 3]), np.array([0, 1, 2], np.int32)
VALUES = np.ones(3, np.float32)
TABLE = (INDPTR, INDICES, VALUES)
FIXED, X = np.ones((3, 16), np.float32), np.zeros((2, 16), np.float32)
GRAM = native.nmf_gram(FIXED, 1)


def test_gram_is_the_product():
    np.testing.assert_array_equal(GRAM, FIXED.T @ FIXED)
    assert GRAM.dtype == np.float64


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"table": (INDPTR, INDICES, VALUES[:2])}, "values and indices must have the same length"),
        ({"table": (INDPTR, np.array([0, 1, 3], np.int32), None)}, r"indices must be in 0\.\.3"),
        ({"table": (INDPTR[:2], INDICES, None)}, "indptr must rise from 0 to 3 in 2 steps"),
        ({"fixed": np.ones((3, 8), np.float32)}, "fixed must have rows of a multiple of 16 floats"),
        ({"shared": GRAM[:8]}, r"shared must be \(16, 16\) or \(1, 16\); got \(8, 16\)"),
        ({"shared": np.ones((16, 32))[:, ::2]}, "shared must be contiguous"),
        ({"factors": 0}, r"factors must be in 1\.\.=16; got 0"),
        ({"factors": 17}, r"factors must be in 1\.\.=16; got 17"),
        ({"x": np.zeros((2, 32), np.float32)}, "x and fixed must have rows of one length"),
    ],
)
def test_refuses(given, match):
    settings = {"table": TABLE, "fixed": FIXED, "shared": GRAM, "factors": 3, "penalty": (0.0, 0.0)}
    settings |= {"x": X.copy()} | given
    with pytest.raises(ValueError, match=match):
        native.nmf_solve(**settings, threads=1)
    with pytest.raises(ValueError, match=match):
        native.nmf_half_epoch(**settings, steps=1, threads=1)


def test_divergence_refuses_rows_of_two_lengths():
    with pytest.raises(ValueError, match="x and fixed must have rows of one length"):
        native.nmf_divergence(TABLE, FIXED, np.zeros((2, 32), np.float32), 1)
