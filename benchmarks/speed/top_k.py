"""Lists of ten without seen items, for everyone and for one user at a time, beside implicit and NumPy.

Protocol: ``ImplicitALS`` learns the table once for each number of factors; implicit and NumPy get the same factors.
For everyone: ours, ``recommend_all`` (tables with ids) and ``rank`` (arrays of rows, which is what implicit gives);
implicit, ``recommend`` in batches of 1,000; NumPy, a product, ``-inf`` for what was seen, and ``argpartition`` in
batches of 1,000 on the first 10,000 users. For one user: ``model.recommend(id, n=10)``, implicit's ``recommend`` of
one row (the row of seen items is cut beforehand), NumPy the same steps on one row. Rounds take turns; all libraries
on the same number of threads, one user on one. Of one user the median and the 99th percentile are kept.

Run as ``python -m benchmarks.speed.top_k [--factors K ...]``.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

import tastespace as ts
from benchmarks import common
from benchmarks.speed import data
from benchmarks.workers import ONE_BLAS_THREAD, UnavailableError, interpreter

RIVAL = common.ROOT / "benchmarks" / "rivals" / "recommend.py"
N, BATCH, BY_NUMPY = 10, 1_000, 10_000


def timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def by_numpy(p: np.ndarray, q: np.ndarray, seen: sp.csr_matrix, users: int, batch: int) -> None:
    for start in range(0, users, batch):
        rows = slice(start, min(start + batch, users))
        scores = p[rows] @ q.T
        begin, end = seen.indptr[rows.start], seen.indptr[rows.stop]
        row = np.repeat(np.arange(len(scores)), np.diff(seen.indptr[rows.start : rows.stop + 1]))
        scores[row, seen.indices[begin:end]] = -np.inf
        best = np.argpartition(scores, -N, axis=1)[:, -N:]
        top = np.take_along_axis(scores, best, axis=1)
        np.take_along_axis(best, np.argsort(-top, axis=1), axis=1)


def by_rank(model: ts.FactorModel, batch: int = 4096) -> None:
    for start in range(0, len(model.users), batch):
        model.rank(np.arange(start, min(start + batch, len(model.users)), dtype=np.int32), N)


class Implicit:
    """implicit in its own interpreter, with the factors of the model at ``path``."""

    def __init__(self, path: Path, threads: int) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self.process = subprocess.Popen(
            [interpreter("rivals"), str(RIVAL), str(path), str(threads), str(BATCH)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment | ONE_BLAS_THREAD,
        )

    def ask(self, line: str) -> list[float]:
        print(line, file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        return answer if isinstance(answer, list) else [answer]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def measure(table: sp.csr_matrix, factors: int, rounds: int, singles: int, threads: int) -> dict[str, Any]:
    """Seconds for everyone and for one user, by library."""
    events = ts.read(table, users=np.arange(table.shape[0]), items=np.arange(table.shape[1]))
    model = ts.ImplicitALS(factors=factors, epochs=5, progress=False, threads=threads).fit(events)
    p, q = np.ascontiguousarray(model.user_factors), np.ascontiguousarray(model.item_factors)
    history, users = model.history, len(model.users)
    ones = np.ones(history.nnz, np.float32)
    seen = sp.csr_matrix((ones, history.indices, history.indptr), shape=(users, len(q)))
    ids = model.users.ids[:singles].tolist()
    few, some = range(min(singles, 300)), min(users, BY_NUMPY)
    everyone: dict[str, list[float]] = {}
    alone: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.npz"
        np.savez(path, users=p, items=q, indptr=history.indptr, indices=history.indices)
        try:
            rival = Implicit(path, threads)
        except UnavailableError as why:
            rival = None
            print(f"implicit is left out: {why}")
        for _ in range(rounds):
            work: dict[str, Callable[[], object]] = {
                "tastespace recommend_all": lambda: [len(batch) for batch in model.recommend_all(N)],
                "tastespace rank": lambda: by_rank(model),
            }
            for name, call in work.items():
                everyone.setdefault(name, []).append(timed(call))
            seconds = [timed(lambda id=id: model.recommend(id, n=N)) for id in ids]
            alone.setdefault("tastespace", []).extend(seconds)
            if rival is not None:
                everyone.setdefault("implicit", []).extend(rival.ask(f"all {users}"))
                alone.setdefault("implicit", []).extend(rival.ask(f"one {singles}"))
            everyone.setdefault("numpy", []).append(timed(lambda: by_numpy(p, q, seen, some, BATCH)))
            seconds = [timed(lambda u=u: by_numpy(p[u : u + 1], q, seen[u], 1, 1)) for u in few]
            alone.setdefault("numpy", []).extend(seconds)
        if rival is not None:
            rival.close()
    return {
        "everyone": {
            name: {"users": some if name == "numpy" else users, "seconds": common.spread(seconds)}
            for name, seconds in everyone.items()
        },
        "one user": {
            name: {
                "median": round(common.median(seconds), 7),
                "p99": round(float(np.quantile(seconds, 0.99)), 7),
            }
            for name, seconds in alone.items()
        },
    }


def main() -> None:
    parser = common.options(__doc__)
    parser.add_argument("--factors", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--singles", type=int, default=2_000, help="users asked for one at a time")
    chosen = parser.parse_args()
    name = "ml-1m" if chosen.quick else "ml-20m-shaped"
    results = common.Results("speed_top_k", __doc__, chosen)
    results.cells["threads"] = chosen.threads
    table = data.load(name)
    for factors in chosen.factors:
        cell = results.cell(
            f"{name} k={factors}",
            lambda factors=factors: measure(table, factors, chosen.rounds, chosen.singles, chosen.threads),
        )
        for library, found in cell["everyone"].items():
            rate = found["users"] / found["seconds"]["median"]
            print(f"k={factors:<4} everyone  {library:25} {rate:10,.0f} users/s", flush=True)
        for library, found in cell["one user"].items():
            print(f"k={factors:<4} one user  {library:25} {1e6 * found['median']:10.0f} us")
    print(f"written to {results.write().relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
