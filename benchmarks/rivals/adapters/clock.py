"""Tables as files, and a clock that can be stopped."""

import time
from importlib.metadata import version

import numpy as np
import scipy.sparse as sp


def table(path):
    """A (users, items) table of ones, or of ratings where the file has them, as SciPy CSR of float32."""
    with np.load(path) as arrays:
        indptr, indices = arrays["indptr"], arrays["indices"]
        values = arrays["values"] if "values" in arrays else np.ones(len(indices), np.float32)
        return sp.csr_matrix((values, indices, indptr), shape=tuple(arrays["shape"]))


def save(path, **arrays):
    """Writes factors and biases as float32, one row for every user and item of the table."""
    if path is not None:
        np.savez(path, **{name: np.float32(values) for name, values in arrays.items()})


def versions(*packages):
    return {package: version(package) for package in packages}


class Clock:
    """Seconds since it was made, without those between ``stop`` and ``go``."""

    def __init__(self):
        self.seconds, self.since = 0.0, time.perf_counter()

    def stop(self):
        self.seconds += time.perf_counter() - self.since
        return self.seconds

    def go(self):
        self.since = time.perf_counter()
