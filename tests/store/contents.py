"""What the small file holds, and how contents are compared."""

import numpy as np

ARRAYS = {
    "factors": np.arange(6, dtype=np.float32).reshape(3, 2),
    "bias": np.array([0.5, -1.0, np.nan], np.float32),
    "indptr": np.array([0, 2, 3], np.int64),
    "codes": np.array([1, 2, 255], np.uint8),
    "none": np.zeros((0, 4), np.float32),
}
METADATA = {
    "trainer": "ALS",
    "params": {"factors": 2, "regularization": 0.05, "scale": [0.5, 5.0], "seed": None},
}


def assert_same(actual, expected):
    assert actual.keys() == expected.keys()
    for name, array in expected.items():
        assert actual[name].dtype == array.dtype.newbyteorder("<")
        assert actual[name].shape == array.shape
        assert actual[name].tobytes() == array.astype(array.dtype.newbyteorder("<")).tobytes()


def left(folder):
    return sorted(p.name for p in folder.iterdir())
