"""Lists of ten without seen items, for everyone and for one user at a time, beside implicit and NumPy.

Protocol: ``ImplicitALS`` learns the table once for each number of factors; implicit and NumPy get the same factors.
For everyone: ours, ``recommend_all`` (tables with ids) and ``rank`` (arrays of rows, which is what implicit gives);
implicit, ``recommend`` in batches of 1,000; NumPy, a product, ``-inf`` for what was seen, and ``argpartition`` in
batches of 1,000 on the first 10,000 users. For one user: ``model.recommend(id, n=10)``, implicit's ``recommend`` of
one row (the row of seen items is cut beforehand), NumPy the same steps on one row. Rounds take turns; all libraries
on the same number of threads, one user on one. Every line is a JSON object with raw seconds.

Run as ``python benchmarks/speed/top_k.py TABLE.npz``, a SciPy CSR matrix of ones; ``RIVALS_PYTHON`` names the
interpreter that has implicit.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
os.environ.setdefault("OPENBLAS_NUM_THREADS", str(threads))

import time  # noqa: E402  # after the setting that NumPy reads when it loads

import numpy as np  # noqa: E402
import scipy.sparse as sp  # noqa: E402

import tastespace as ts  # noqa: E402

RIVAL = Path(__file__).parents[1] / "rivals" / "recommend.py"
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


def report(factors: int, what: str, library: str, users: int, seconds: list[float]) -> None:
    line = {"factors": factors, "what": what, "library": library, "users": users}
    if what == "one user":
        line |= {"median": float(np.median(seconds)), "p99": float(np.quantile(seconds, 0.99))}
    else:
        line |= {"users_per_second": users / float(np.median(seconds)), "raw": seconds}
    print(json.dumps(line), flush=True)


def measure(table: sp.csr_matrix, factors: int, rounds: int, singles: int) -> None:
    data = ts.read(table, users=np.arange(table.shape[0]), items=np.arange(table.shape[1]))
    model = ts.ImplicitALS(factors=factors, epochs=5, progress=False).fit(data)
    p, q = np.ascontiguousarray(model.user_factors), np.ascontiguousarray(model.item_factors)
    history, users = model.history, len(model.users)
    ones = np.ones(history.nnz, np.float32)
    seen = sp.csr_matrix((ones, history.indices, history.indptr), shape=(users, len(q)))
    ids = model.users.ids[:singles].tolist()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.npz"
        np.savez(path, users=p, items=q, indptr=history.indptr, indices=history.indices)
        rival = subprocess.Popen(
            [os.environ.get("RIVALS_PYTHON", sys.executable), RIVAL, path, str(threads), str(BATCH)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
            | {"OPENBLAS_NUM_THREADS": "1"},
        )
        assert rival.stdin is not None
        assert rival.stdout is not None

        def ask(line: str) -> list[float]:
            print(line, file=rival.stdin, flush=True)
            answer = json.loads(rival.stdout.readline())
            return answer if isinstance(answer, list) else [answer]

        everyone: dict[str, list[float]] = {}
        alone: dict[str, list[float]] = {}
        for _ in range(rounds):
            everyone.setdefault("tastespace recommend_all", []).append(
                timed(lambda: [len(batch) for batch in model.recommend_all(N)])
            )
            everyone.setdefault("tastespace rank", []).append(timed(lambda: by_rank(model)))
            everyone.setdefault("implicit", []).extend(ask(f"all {users}"))
            alone.setdefault("tastespace", []).extend(
                timed(lambda id=id: model.recommend(id, n=N)) for id in ids
            )
            alone.setdefault("implicit", []).extend(ask(f"one {singles}"))
            alone.setdefault("numpy", []).extend(
                timed(lambda u=u: by_numpy(p[u : u + 1], q, seen[u], 1, 1)) for u in range(min(singles, 300))
            )
        some = min(users, BY_NUMPY)
        slow = [timed(lambda: by_numpy(p, q, seen, some, BATCH)) for _ in range(rounds)]
        rival.stdin.close()
        rival.wait()
    for library, seconds in everyone.items():
        report(factors, "everyone", library, users, seconds)
    report(factors, "everyone", "numpy", some, slow)
    for library, seconds in alone.items():
        report(factors, "one user", library, singles, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("--factors", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--singles", type=int, default=2_000, help="users asked for one at a time")
    chosen = parser.parse_args()
    table = sp.load_npz(chosen.table).tocsr()
    for factors in chosen.factors:
        measure(table, factors, chosen.rounds, chosen.singles)


if __name__ == "__main__":
    main()
