"""EASE against the LAPACK calls inside it: whole fit over ``spotrf`` + ``spotri`` of as many rows.

Protocol: the 10,000 most frequent items of Gowalla (the LightGCN training file) and of the generated table in
the shape of MovieLens 20M, users without any of them left out, all values 1. In turns: LAPACK alone on the
matrix that EASE inverts, then a whole ``EASE().fit``; the ratio of the medians. LAPACK runs on its own
threads, all cores.

Run as ``python -m benchmarks.speed.ease [--items 10000] [--repeats 5]``.
"""

import argparse
import time

import numpy as np
import polars as pl
import scipy.sparse as sp
from scipy.linalg import lapack

import tastespace as ts
from benchmarks import common
from benchmarks.speed import data


def tables() -> dict[str, sp.csr_matrix]:
    gowalla = pl.read_parquet(common.DATA / "gowalla" / "train.parquet")
    cells = (np.ones(len(gowalla), np.float32), (gowalla["user"].to_numpy(), gowalla["item"].to_numpy()))
    return {"gowalla": sp.csr_matrix(cells), "ml-20m-shaped": data.generate()}


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    results = []
    for name, whole in tables().items():
        table = most_frequent(whole, options.items)
        events, trainer = ts.read(table), ts.EASE(regularization=300.0, progress=False)
        gram = (table.T @ table).toarray() + 300.0 * np.eye(table.shape[1], dtype=np.float32)
        alone, fit = [], []
        for _ in range(options.repeats):
            alone.append(lapack_alone(gram))
            start = time.perf_counter()
            trainer.fit(events)
            fit.append(time.perf_counter() - start)
        ratio = round(float(np.median(fit) / np.median(alone)), 3)
        results.append(
            {"data": name, "shape": table.shape, "events": int(table.nnz), "ratio": ratio}
            | {"lapack_seconds": alone, "fit_seconds": fit}
        )
        print(f"{name:15} LAPACK {np.median(alone):6.2f} s, fit {np.median(fit):6.2f} s: {ratio:.2f}")
    path = common.write("ease", __doc__, results)
    print(f"written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
