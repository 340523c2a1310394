"""Seconds and peak memory of reading a csv with text ids into both sparse orders, against pandas and SciPy.

Protocol: one row an event, ``u000123,item-4567,3.5,1234567890`` (user, item, rating, time), rows by time (users and
items at random) or by user. Every run is a process of its own, which reads the file and builds users x items and
items x users; libraries take turns, and results are medians over the repeats. Timed is everything after the imports;
the file has been read before, so it comes from the system's cache. The peak is the process's largest resident size,
with Python and all libraries. pandas reads the same four columns with the types it should (text ids, float32, int64),
with its C engine and with its pyarrow engine, both then ``factorize`` the ids and build SciPy's CSR and CSC; ids as
categories are slower. Ours also merges duplicates and checks every value; the tables held are compared with the
promise of 16 bytes an event in both orders, plus 8 for times.

Also measured: the peak above the input while building from a SciPy matrix and from arrays of row numbers, and above
the loaded data while `ImplicitALS` learns.

Run as ``python -m benchmarks.speed.reading [--rows time user]``.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = ("user", "item", "rating", "timestamp")
TYPES = {"user": str, "item": str, "rating": np.float32, "timestamp": np.int64}


def write_csv(table: Path, path: Path, rows: str) -> None:
    """The cells of a table with random ratings in halves, by time or by user."""
    import polars as pl

    with np.load(table) as arrays:
        items = arrays["indices"].astype(np.int64)
        users = np.repeat(np.arange(len(arrays["indptr"]) - 1), np.diff(arrays["indptr"]))
    rng = np.random.default_rng(0)
    order = rng.permutation(len(users))
    frame = pl.DataFrame(
        {
            "user": users[order],
            "item": items[order],
            "rating": rng.integers(1, 11, len(users)) / 2,
            "timestamp": np.sort(rng.integers(1_000_000_000, 1_400_000_000, len(users))),
        }
    )
    if rows == "user":
        frame = frame.sort("user", maintain_order=True)
    frame.with_columns(
        user="u" + pl.col("user").cast(pl.String).str.zfill(6), item="item-" + pl.col("item").cast(pl.String)
    ).write_csv(path)


def resident(field: str) -> int:
    """Bytes of this process: ``VmRSS`` now, ``VmHWM`` at most since `forget`."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field))


def forget() -> int:
    """Forget the peak so far; bytes resident now."""
    with open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")
    return resident("VmRSS")


def measured(work: Callable[[], Any]) -> dict[str, Any]:
    """Seconds, the peak, and what it left behind."""
    before, start = forget(), time.perf_counter()
    result = work()  # alive until all is measured
    seconds = time.perf_counter() - start
    found = {"seconds": seconds, "before": before, "peak": resident("VmHWM"), "after": resident("VmRSS")}
    del result
    return found


def ours(path: str, **timestamp: str) -> dict[str, Any]:
    import tastespace as ts

    return measured(lambda: ts.read(path, user="user", item="item", rating="rating", **timestamp))


def pandas(path: str, engine: str) -> dict[str, Any]:
    import pandas as pd
    import scipy.sparse as sp

    if engine == "pyarrow":
        import pyarrow.csv  # noqa: F401  # outside the time measured

    one_order: list[float] = []

    def work() -> Any:
        start = time.perf_counter()
        frame = pd.read_csv(path, usecols=list(COLUMNS), dtype=TYPES, engine=engine)
        rows, users = pd.factorize(frame["user"])
        columns, items = pd.factorize(frame["item"])
        by_user = sp.csr_matrix((frame["rating"], (rows, columns)), shape=(len(users), len(items)))
        one_order.append(time.perf_counter() - start)
        return frame["timestamp"], users, items, by_user, by_user.tocsc()

    return measured(work) | {"seconds_one_order": one_order[0]}


def cells(path: str) -> Any:
    """Users x items of the csv as a SciPy matrix, the events in row order."""
    import tastespace as ts

    return ts.read(path, user="user", item="item", rating="rating").to_scipy()


def from_scipy(path: str) -> dict[str, Any]:
    import tastespace as ts

    table = cells(path)
    return measured(lambda: ts.read(table, explicit=True))


def from_arrays(path: str) -> dict[str, Any]:
    from tastespace.data.interactions import Interactions
    from tastespace.data.vocabulary import Vocabulary

    table = cells(path).tocoo()
    users, items = (
        Vocabulary(range(size), noun=noun) for size, noun in zip(table.shape, ("user", "item"), strict=True)
    )
    return measured(
        lambda: Interactions.from_events(users, items, table.row, table.col, values=table.data, explicit=True)
    )


def training(path: str) -> dict[str, Any]:
    import tastespace as ts

    events = ts.read(path, user="user", item="item", rating="rating").as_implicit()
    return measured(lambda: ts.ImplicitALS(factors=64, epochs=2).fit(events))


MEASURES: dict[str, Callable[[str], dict[str, Any]]] = {
    "tastespace": lambda path: ours(path, timestamp="timestamp"),
    "tastespace, without times": ours,
    "pandas, C engine": lambda path: pandas(path, "c"),
    "pandas, pyarrow engine": lambda path: pandas(path, "pyarrow"),
}
MEMORY: dict[str, Callable[[str], dict[str, Any]]] = {
    "from a SciPy matrix": from_scipy,
    "from arrays": from_arrays,
    "ImplicitALS, 64 factors": training,
}


def run(name: str, python: str, path: Path) -> dict[str, Any]:
    """One measure in a process of its own."""
    environment = dict(os.environ)
    if name.startswith("pandas"):
        environment.pop("PYTHONPATH", None)
    command = [python, __file__, "--measure", name, str(path)]
    return json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    )


def main() -> None:
    # Imported here, because the interpreter of pandas runs this file too and has neither.
    from benchmarks import common
    from benchmarks.speed import data
    from benchmarks.workers import UnavailableError, interpreter

    parser = common.options(__doc__)
    parser.add_argument("--rows", nargs="+", choices=("time", "user"), default=["time", "user"])
    chosen = parser.parse_args()
    results = common.Results("speed_reading", __doc__, chosen)
    results.cells["threads"] = os.cpu_count()  # reading takes all cores
    name = "ml-1m" if chosen.quick else "ml-20m-shaped"
    pythons = dict.fromkeys(MEASURES | MEMORY, sys.executable)
    try:
        rivals = interpreter("rivals")
        pythons |= {name: rivals for name in pythons if name.startswith("pandas")}
    except UnavailableError as why:
        print(f"pandas runs in our own environment: {why}")

    def summary(found: list[dict[str, Any]]) -> dict[str, Any]:
        middle = {key: common.median([one[key] for one in found]) for key in found[0]}
        return {
            "seconds": common.spread([one["seconds"] for one in found]),
            **(
                {"seconds_one_order": round(middle["seconds_one_order"], 3)}
                if "seconds_one_order" in middle
                else {}
            ),
            "peak_mb": round(middle["peak"] / 1e6),
            "peak_bytes_an_event": round((middle["peak"] - middle["before"]) / events, 1),
            "held_bytes_an_event": round((middle["after"] - middle["before"]) / events, 1),
        }

    def measure(rows: str) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(dir=common.SCRATCH) as folder:
            path = Path(folder) / "events.csv"
            write_csv(data.path(name), path, rows)
            runs: dict[str, list[dict[str, Any]]] = {}
            for _ in range(chosen.rounds):
                for what in MEASURES:
                    runs.setdefault(what, []).append(run(what, pythons[what], path))
            if rows == "time":
                runs |= {what: [run(what, pythons[what], path) for _ in range(3)] for what in MEMORY}
        return {what: summary(found) for what, found in runs.items()}

    events = int(data.load(name).nnz)
    for rows in chosen.rows:
        cell = results.cell(f"{name} by {rows}", lambda rows=rows: measure(rows))
        for what, found in cell.items():
            print(
                f"by {rows:5} {what:28} {found['seconds']['median']:7.2f} s  peak {found['peak_mb']:6,} MB",
                flush=True,
            )
    print(f"written to {results.write().relative_to(common.ROOT)}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps((MEASURES | MEMORY)[sys.argv[2]](sys.argv[3])))
    else:
        main()
