"""Reading SciPy sparse matrices."""

import numpy as np
import pytest
import scipy.sparse as sp

from tastespace.data.read import read
from tastespace.errors import BadRowError, InputError, ParameterError


def events(ratings):
    """(user, item, value) triples by user."""
    value = "rating" if ratings.explicit else "weight"
    return ratings.to_polars().select("user", "item", value).rows()


@pytest.mark.parametrize("form", [sp.csr_matrix, sp.csc_array, sp.coo_array, sp.lil_matrix])
@pytest.mark.parametrize("dtype", [np.float64, np.int32, bool])
def test_sparse_matrices(form, dtype):
    matrix = form(np.array([[0, 1, 0], [1, 0, 1]], dtype=dtype))
    ratings = read(matrix)
    assert not ratings.explicit
    assert events(ratings) == [(0, 1, 1.0), (1, 0, 1.0), (1, 2, 1.0)]
    named = read(matrix, users=["a", "b"], items=["x", "y", "z"], explicit=True)
    assert named.explicit
    assert [row[:2] for row in events(named)] == [("a", "y"), ("b", "x"), ("b", "z")]


def test_stored_zeros_are_ratings_but_no_events():
    matrix = sp.coo_array(([0.0, 2.0], ([0, 1], [0, 0])), shape=(2, 1))
    assert events(read(matrix, explicit=True)) == [(0, 0, 0.0), (1, 0, 2.0)]
    assert read(matrix).skipped == 1


def test_bad_cells():
    matrix = sp.coo_array(([1.0, np.nan], ([0, 1], [0, 0])), shape=(2, 1))
    with pytest.raises(
        BadRowError, match="the matrix cell of user 1 and item 0: weight nan is not a finite number"
    ):
        read(matrix)
    assert read(matrix, on_bad_rows="skip").skipped == 1


@pytest.mark.parametrize(
    ("matrix", "options", "message"),
    [
        (sp.eye_array(3), {"users": ["a"]}, "users= has 1 labels and the matrix 3 rows; rows are users"),
        (sp.eye_array(3), {"items": ["a"]}, "items= has 1 labels and the matrix 3 columns"),
        (sp.eye_array(3), {"users": [1, 1, 2]}, "user ids must be unique"),
        (sp.eye_array(3, dtype=complex), {}, "two dimensions and real numbers; got shape .* of complex128"),
        (sp.coo_array(np.ones(3)), {}, r"two dimensions and real numbers; got shape \(3,\)"),
        (sp.eye_array(3), {"rating": "r"}, "rating goes with a table; a sparse matrix has no columns"),
    ],
)  # fmt: skip
def test_matrices_that_do_not_fit(matrix, options, message):
    with pytest.raises((InputError, ParameterError), match=message):
        read(matrix, **options)
