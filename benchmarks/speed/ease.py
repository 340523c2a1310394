"""EASE against the LAPACK calls inside it: whole fit over ``spotrf`` + ``spotri`` of as many rows.

Protocol: the 10,000 most frequent items of Gowalla (the LightGCN training file) and of the generated table in
the shape of MovieLens 20M, users without any of them left out, all values 1. In turns: LAPACK alone on the
matrix that EASE inverts, then a whole ``EASE().fit``; the ratio of the medians. LAPACK runs on its own
threads, all cores.

Run as ``python -m benchmarks.speed.ease [--items 10000] [--rounds 5]``.
"""

import time
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.linalg import lapack

import tastespace as ts
from benchmarks import common
from benchmarks.speed import data

TABLES = ("gowalla", "ml-20m-shaped")


def most_frequent(table: sp.csr_matrix, items: int) -> sp.csr_matrix:
    counts = np.bincount(table.indices, minlength=table.shape[1])
    kept = table[:, np.sort(np.argsort(-counts, kind="stable")[:items])].tocsr()
    kept = kept[np.diff(kept.indptr) > 0]
    kept.data = np.ones(kept.nnz, np.float32)
    return kept


def lapack_alone(gram: np.ndarray) -> float:
    matrix = gram.copy()
    start = time.perf_counter()
    _, failed = lapack.spotrf(matrix.T, lower=1, clean=0, overwrite_a=1)
    _, failed = lapack.spotri(matrix.T, lower=1, overwrite_c=1) if failed == 0 else (None, failed)
    assert failed == 0
    return time.perf_counter() - start


def measure(name: str, items: int, rounds: int, threads: int) -> dict[str, Any]:
    """Seconds of LAPACK and of a fit, in turns."""
    table = most_frequent(data.load(name), items)
    events, trainer = ts.read(table), ts.EASE(regularization=300.0, threads=threads, progress=False)
    gram = (table.T @ table).toarray() + 300.0 * np.eye(table.shape[1], dtype=np.float32)
    alone, fit = [], []
    for _ in range(rounds):
        alone.append(lapack_alone(gram))
        start = time.perf_counter()
        trainer.fit(events)
        fit.append(time.perf_counter() - start)
    return {
        "users": table.shape[0],
        "items": table.shape[1],
        "events": int(table.nnz),
        "ratio": round(common.median(fit) / common.median(alone), 3),
        "lapack": common.spread(alone),
        "fit": common.spread(fit),
    }


def main() -> None:
    parser = common.options(__doc__)
    parser.add_argument("--items", type=int, default=10_000)
    chosen = parser.parse_args()
    results = common.Results("speed_ease", __doc__, chosen)
    results.cells["threads"] = chosen.threads
    items = 2000 if chosen.quick else chosen.items
    for name in TABLES[: 1 if chosen.quick else None]:
        cell = results.cell(name, lambda name=name: measure(name, items, chosen.rounds, chosen.threads))
        print(
            f"{name:15} LAPACK {cell['lapack']['median']:6.2f} s, fit {cell['fit']['median']:6.2f} s: "
            f"{cell['ratio']:.2f}",
            flush=True,
        )
    print(f"written to {results.write().relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
