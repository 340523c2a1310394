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

Run as ``python benchmarks/speed/reading.py TABLE.npz [--rows time user] [--repeats 3]``; the table is a file with
``indptr`` and ``indices`` of users x items, as `scipy.sparse.save_npz` writes it. RIVALS_PYTHON names the interpreter
with pandas, pyarrow and SciPy, by default this one. Prints JSON lines: every run, then the medians.
"""

import argparse
import json
import os
import statistics
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
    users, items = (Vocabulary(range(size), noun=noun) for size, noun in zip(table.shape, ("user", "item"), strict=True))
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


def run(name: str, path: Path) -> dict[str, Any]:
    """One measure in a process of its own."""
    rival = name.startswith("pandas")
    python = os.environ.get("RIVALS_PYTHON", sys.executable) if rival else sys.executable
    command = [python, __file__, "--measure", name, str(path)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("--rows", nargs="+", choices=("time", "user"), default=["time", "user"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps((MEASURES | MEMORY)[options.measure](str(options.table))))
        return
    with np.load(options.table) as arrays:
        events = len(arrays["indices"])
    with tempfile.TemporaryDirectory(dir=options.table.parent) as folder:
        for rows in options.rows:
            path = Path(folder) / f"by_{rows}.csv"
            write_csv(options.table, path, rows)
            runs: dict[str, list[dict[str, Any]]] = {}
            for _ in range(options.repeats):
                for name in MEASURES:
                    runs.setdefault(name, []).append(run(name, path))
                    print(json.dumps({"rows": rows, "run": name, **runs[name][-1]}), flush=True)
            if rows == options.rows[0]:
                runs |= {name: [run(name, path) for _ in range(options.repeats)] for name in MEMORY}
            for name, found in runs.items():
                median = {key: statistics.median(one[key] for one in found) for key in found[0]}
                print(json.dumps({"rows": rows, "median": name} | summary(median, events)), flush=True)
            path.unlink()


def summary(median: dict[str, float], events: int) -> dict[str, float]:
    """Seconds, megabytes, and bytes an event above what was there before."""
    return {
        **{key: round(value, 2) for key, value in median.items() if key.startswith("seconds")},
        "peak_mb": round(median["peak"] / 1e6),
        "peak_above_bytes_an_event": round((median["peak"] - median["before"]) / events, 1),
        "held_bytes_an_event": round((median["after"] - median["before"]) / events, 1),
    }


if __name__ == "__main__":
    main()
