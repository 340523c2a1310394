"""Seconds to the same error of non-negative factors, against scikit-learn's NMF: 20 Newsgroups and MovieLens 1M.

Protocol: ``frobenius`` is the squared error, scikit-learn's ``solver="cd"``, of tf-idf weights (18,845 documents, 3,072
words, k = 20) and of the ratings of MovieLens 1M with zeros as data (6,040 users, 3,706 items, k = 32);
``kullback-leibler`` its ``solver="mu"``, of word counts and of the same ratings. Both libraries get the same start
(scikit-learn's ``nndsvda``, seed 0), which is not part of the time. scikit-learn makes 100 passes (25 for a divergence)
and no more, of the matrix in double and in single precision; its faster one counts, and both are recorded. Ours, which
computes in single precision and is given the matrix in double, makes as many passes as it needs to end at the lower of
the two errors or below, which is found out beforehand. Measured is
``fit_transform`` of both estimators, from a SciPy matrix to W and H, in turns; ours includes the exact solve of all
rows at its end. ``defaults`` are fits of the squared error as they come, start and stopping rule included. Memory is
the peak of a process of its own beyond what it held before the fit.

Run as ``python -m benchmarks.speed.nmf``; ``--only`` names one cell, such as ``frobenius-20newsgroups``.
"""

import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from sklearn import decomposition
from sklearn.decomposition._nmf import _initialize_nmf
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfTransformer
from threadpoolctl import threadpool_limits

from benchmarks import common
from benchmarks.speed.reading import forget, resident
from tastespace.sklearn import NMF

SOLVERS = {"frobenius": "cd", "kullback-leibler": "mu"}
PASSES = {"frobenius": 100, "kullback-leibler": 25}
PRECISIONS = {"float64": np.float64, "float32": np.float32}
FACTORS = {"20newsgroups": 20, "ml-1m": 32}


def table(name: str, loss: str) -> sp.csr_matrix:
    """The matrix of a cell, float64."""
    if name == "ml-1m":
        frame = pl.read_parquet(common.DATA / "ml-1m" / "ratings.parquet")
        rows, columns, values = (frame[column].to_numpy() for column in ("user", "item", "rating"))
    else:
        frame = pl.read_parquet(common.DATA / "topics-20newsgroups" / "bow.parquet")
        rows, columns, values = (frame[column].to_numpy() for column in ("doc", "word", "count"))
    rows, columns = (np.unique(ids, return_inverse=True)[1] for ids in (rows, columns))
    counts = sp.csr_matrix((values.astype(np.float64), (rows, columns)))
    weighted = name != "ml-1m" and loss == "frobenius"
    return TfidfTransformer().fit_transform(counts) if weighted else counts


def estimator(kind: Any, loss: str, k: int, **settings: Any) -> Any:
    return kind(k, solver=SOLVERS[loss], beta_loss=loss, **settings)


def start(X: sp.csr_matrix, k: int, init: str = "nndsvda", seed: int = 0) -> dict[str, np.ndarray]:
    W, H = _initialize_nmf(X, k, init=init, random_state=seed)
    return {"W": W, "H": H}


def seconds(model: Any, X: sp.csr_matrix, given: dict[str, np.ndarray]) -> float:
    copies = {name: array.copy() for name, array in given.items()}
    begin = time.perf_counter()
    model.fit_transform(X, **copies)
    return time.perf_counter() - begin


def needed(fit: Callable[[int], float], error: float, most: int) -> int | None:
    """The fewest passes that end at an error or below, by halving."""
    if fit(most) > error:
        return None
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fit(middle) <= error else (middle, high)
    return high


def measure(loss: str, name: str, threads: int, rounds: int) -> dict[str, Any]:
    """Seconds of both from one start, of both by their defaults, and the memory that they take."""
    X, k = table(name, loss), FACTORS[name]
    given, fixed = start(X, k), {"init": "custom", "tol": 0}
    theirs = estimator(decomposition.NMF, loss, k, max_iter=PASSES[loss], **fixed)
    rivals = {
        kind: (X.astype(dtype), {side: array.astype(dtype) for side, array in given.items()})
        for kind, dtype in PRECISIONS.items()
    }
    spent: dict[str, list[float]] = {kind: [] for kind in (*PRECISIONS, "tastespace")}
    errors = {}
    for kind, (matrix, begins) in rivals.items():
        spent[kind].append(seconds(theirs, matrix, begins))
        errors[kind] = float(theirs.reconstruction_err_)

    def ends(passes: int) -> float:
        model = estimator(NMF, loss, k, max_iter=passes, threads=threads, **fixed)
        seconds(model, X, given)
        return float(model.reconstruction_err_)

    passes = needed(ends, min(errors.values()), 2 * PASSES[loss])
    found: dict[str, Any] = {"shape": [*map(int, X.shape), int(X.nnz)], "factors": k}
    if passes is not None:
        ours = estimator(NMF, loss, k, max_iter=passes, threads=threads, **fixed)
        for turn in range(rounds):
            spent["tastespace"].append(seconds(ours, X, given))
            for kind, (matrix, begins) in rivals.items():
                if turn > 0 and (turn < 3 or sum(spent[kind]) < 12):  # the first was measured above
                    spent[kind].append(seconds(theirs, matrix, begins))
        found["tastespace"] = {
            "passes": passes,
            "error": float(ours.reconstruction_err_),
            "seconds": common.spread(spent["tastespace"]),
        }
    faster = min(PRECISIONS, key=lambda kind: common.median(spent[kind]))
    found["scikit-learn"] = {
        "passes": PASSES[loss],
        "error": errors[faster],
        "seconds": common.spread(spent[faster]),
        "precision": faster,
        "precisions": {
            kind: {"error": errors[kind], "seconds": common.spread(spent[kind])} for kind in PRECISIONS
        },
    }
    if passes is not None:
        found["times_faster"] = round(common.median(spent[faster]) / common.median(spent["tastespace"]), 1)
    for library, kind, more in (
        ("scikit-learn", decomposition.NMF, {}),
        ("tastespace", NMF, {"threads": threads}),
    ):
        if loss == "frobenius":
            model = estimator(kind, loss, k, random_state=0, **more)
            took = seconds(model, X, {})
            found.setdefault(library, {})["defaults"] = {
                "seconds": round(took, 3),
                "passes": int(model.n_iter_),
                "error": float(model.reconstruction_err_),
            }
        found.setdefault(library, {})["peak_mb"] = peak(library, loss, name, threads)
    return found


def peak(library: str, loss: str, name: str, threads: int) -> float:
    """Megabytes beyond those before the fit, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed.nmf", "--peak", library, loss, name, str(threads)],
        cwd=common.ROOT,
        env=os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"},  # freed arrays go back at once
        capture_output=True,
        text=True,
        check=True,
    )
    return float(json.loads(done.stdout.splitlines()[-1]))


def one_fit(library: str, loss: str, name: str, threads: str) -> None:
    X, k = table(name, loss), FACTORS[name]
    kind = NMF if library == "tastespace" else decomposition.NMF
    model = estimator(kind, loss, k, init="random", random_state=0, max_iter=3, tol=0)
    if library == "tastespace":
        model.set_params(threads=int(threads))
    before = forget()
    with threadpool_limits(int(threads)):
        model.fit_transform(X)
    print(json.dumps(round((resident("VmHWM") - before) / 1e6, 1)))


def main() -> None:
    warnings.simplefilter("ignore", ConvergenceWarning)
    if sys.argv[1:2] == ["--peak"]:
        one_fit(*sys.argv[2:])
        return
    parser = common.options(__doc__)
    parser.add_argument("--only", help="measure this cell alone")
    chosen = parser.parse_args()
    results = common.Results("speed_nmf", __doc__, chosen)
    results.cells |= {"threads": chosen.threads}
    results.versions |= common.versions("scikit-learn")
    with threadpool_limits(chosen.threads):
        for loss in SOLVERS:
            for name in FACTORS:
                key = f"{loss}-{name}"
                if chosen.only not in (None, key) or (chosen.quick and name != "ml-1m"):
                    continue
                cell = results.cell(
                    key, lambda loss=loss, name=name: measure(loss, name, chosen.threads, chosen.rounds)
                )
                print(key, json.dumps(cell))
    print(f"written to {results.write().relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
