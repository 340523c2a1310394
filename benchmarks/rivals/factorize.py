"""Fits implicit ALS of one rival library and writes its factors.

Run as ``python factorize.py LIBRARY TABLE.npz FACTORS.npz SETTINGS``. LIBRARY is ``implicit`` or ``irspack``, TABLE a
SciPy CSR matrix (users, items) of weights, SETTINGS a JSON object of keyword arguments of the library's own
class; what it leaves out stays at the library's default. FACTORS holds ``users`` and ``items``, float32, and
the library's version.
"""

import json
import os
import sys
from importlib.metadata import version

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy loads: no BLAS threads inside row loops

import numpy as np
import scipy.sparse as sp


def implicit_als(table: sp.csr_matrix, settings: dict) -> tuple[np.ndarray, np.ndarray]:
    from implicit.cpu.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(**settings)
    model.fit(table.astype(np.float32), show_progress=False)
    return model.user_factors, model.item_factors


def irspack_als(table: sp.csr_matrix, settings: dict) -> tuple[np.ndarray, np.ndarray]:
    from irspack import IALSRecommender

    model = IALSRecommender(table.astype(np.float64), **settings).learn()
    return model.get_user_embedding(), model.get_item_embedding()


LIBRARIES = {"implicit": implicit_als, "irspack": irspack_als}


def main() -> None:
    library, table, factors, settings = sys.argv[1:]
    users, items = LIBRARIES[library](sp.load_npz(table).tocsr(), json.loads(settings))
    np.savez(factors, users=np.float32(users), items=np.float32(items), version=np.array(version(library)))


if __name__ == "__main__":
    main()
