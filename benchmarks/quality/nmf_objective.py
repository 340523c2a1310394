"""The objective of non-negative factors, pass by pass, beside scikit-learn's from the same start.

Protocol. The tables and widths of ``benchmarks/speed/nmf.py``: 20 Newsgroups (tf-idf for the squared error, counts for
the divergence; k = 20) and MovieLens 1M with zeros as data (k = 32). Both begin at scikit-learn's ``nndsvda`` (seed 0),
without penalties. scikit-learn is called for one pass at a time from where the last one ended (``solver="cd"`` in the
order of the coordinates, or ``"mu"``), in double precision. ``tastespace`` takes one sweep a half-epoch, which is the
same algorithm in single precision; ``default`` as many as the trainer does. Every objective is that of scikit-learn's
own ``_beta_divergence`` on W and H, in double precision. ``largest_difference`` is the largest relative difference of
the first two over all passes; ``own_objective`` the same between the trainer's own number and scikit-learn's function
of the same factors.

Run as ``python -m benchmarks.quality.nmf_objective [CELL ...] [--threads N]``.
"""

import argparse
import json
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn import decomposition
from sklearn.decomposition._nmf import _beta_divergence
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from benchmarks import common
from benchmarks.speed import nmf as speed
from tastespace.models.nmf_rows import Loss, NmfRows
from tastespace.models.padding import pad
from tastespace.sklearn.nmf import _table
from tastespace.trainers.nmf_descent import SWEEPS, Descent

Factors = tuple[np.ndarray, np.ndarray]
CELLS = [f"{loss}-{name}" for loss in speed.SOLVERS for name in speed.FACTORS]


def theirs(X: sp.csr_matrix, loss: str, W: np.ndarray, H: np.ndarray) -> Iterator[Factors]:
    """W and H after each pass of scikit-learn."""
    one = speed.estimator(decomposition.NMF, loss, len(H), init="custom", tol=0, max_iter=1)
    while True:
        W = one.fit_transform(X, W=W.copy(), H=H.copy())
        H = one.components_
        yield W, H


def ours(
    X: sp.csr_matrix, loss: Loss, W: np.ndarray, H: np.ndarray, sweeps: int, threads: int
) -> Iterator[tuple[Factors, float]]:
    """W and H after each epoch of the trainer, in double precision, and its own objective."""
    p, q, k = pad(W.astype(np.float32)).copy(), pad(H.T.astype(np.float32)).copy(), len(H)
    table = _table(X)
    rows = NmfRows(loss, (0.0, 0.0), (0.0, 0.0))
    descent = Descent(table, table.transpose(), rows, p, q, k, sweeps, threads)
    while True:
        descent.half_epoch("user")
        descent.half_epoch("item")
        factors = p[:, :k].astype(np.float64), np.ascontiguousarray(q[:, :k].T.astype(np.float64))
        yield factors, descent.objective()


def measure(loss: Loss, name: str, threads: int) -> dict[str, Any]:
    """The three curves and how far the first two are apart."""
    X, passes = speed.table(name, loss), speed.PASSES[loss]
    given = speed.start(X, speed.FACTORS[name])

    def objective(factors: Factors) -> float:
        return float(_beta_divergence(X, *factors, loss))

    curves: dict[str, list[float]] = {"scikit-learn": [], "tastespace": [], "default": []}
    own = 0.0
    runs = zip(
        theirs(X, loss, **given),
        ours(X, loss, **given, sweeps=1, threads=threads),
        ours(X, loss, **given, sweeps=SWEEPS[loss], threads=threads),
        range(passes),
        strict=False,
    )
    for them, (same, said), (default, _), _ in runs:
        for title, factors in (("scikit-learn", them), ("tastespace", same), ("default", default)):
            curves[title].append(objective(factors))
        own = max(own, abs(said / curves["tastespace"][-1] - 1))
    apart = np.array(curves["tastespace"]) / np.array(curves["scikit-learn"]) - 1
    return {
        "passes": passes,
        "largest_difference": float(np.abs(apart).max()),
        "last_difference": float(apart[-1]),
        "own_objective": own,
        "default_sweeps": SWEEPS[loss],
        "objective": {title: [round(value, 3) for value in values] for title, values in curves.items()},
    }


def main() -> None:
    warnings.simplefilter("ignore", ConvergenceWarning)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cells", nargs="*", help=f"of {', '.join(CELLS)}; all by default")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    path = common.RESULTS / "nmf_objective.json"
    results: dict[str, Any] = json.loads(path.read_text())["results"] if path.exists() else {}
    with threadpool_limits(options.threads):
        for cell in options.cells or CELLS:
            loss, _, name = cell.rpartition("-") if not cell.endswith("ml-1m") else (cell[:-6], "", "ml-1m")
            results[cell] = found = measure(loss, name, options.threads)
            print(cell, json.dumps({key: value for key, value in found.items() if key != "objective"}))
            common.write("nmf_objective", __doc__, results, more_versions=common.versions("scikit-learn"))
    print(f"written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
