"""How the seconds of an epoch of ``ImplicitALS`` grow with the factors and with the events.

Protocol: ``solver="pcg"`` at its default steps, ``Epoch.seconds``, both sides. Widths 16 to 2048 on MovieLens 1M (four
fifths of each user's events), on Gowalla (the training file of LightGCN's split) and on the generated table of
MovieLens 20M's shape; that one thinned to a half, a quarter, an eighth and a sixteenth of its events, users and items
kept, at two widths. The first epoch warms up, and
counts alone where it takes more than ten seconds; else epochs are repeated until five are measured or ten seconds are
spent, at least one. Exponents are slopes of least
squares through the medians in logarithms: of all widths, of 64 and more, and of the shares.

Run as ``python -m benchmarks.speed.growth [--table NAME] [--factors K ...]``.
"""

from typing import Any

import numpy as np

from benchmarks import common
from benchmarks.speed import data
from benchmarks.workers import Worker

WIDTHS = (16, 32, 64, 128, 256, 512, 1024, 2048)
THINNED_WIDTHS = (64, 128)
TABLES = ("ml-1m", "gowalla", "ml-20m-shaped")
SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2)
ENOUGH = 10.0


def epoch_seconds(worker: Worker, factors: int, threads: int, rounds: int) -> dict[str, Any]:
    """Seconds of an epoch after the first, or of the first where that takes long."""
    steps = worker.steps("epochs", settings={"factors": factors}, threads=threads, epochs=rounds + 1)
    first = next(steps)
    seconds = [first] if first > ENOUGH else []
    while len(seconds) < rounds and sum(seconds) < ENOUGH:
        seconds.append(next(steps))
    steps.close()
    return common.spread(seconds)


def slope(x: list[float], seconds: list[float]) -> float:
    """The exponent of x in seconds."""
    return round(float(np.polyfit(np.log(x), np.log(seconds), 1)[0]), 3)


def fit(cells: dict[str, Any]) -> dict[str, float]:
    """Exponents of all series that were measured."""
    found = {}
    tables = {key.split(" k=")[0] for key in cells if " k=" in key and "share" not in key}
    for table in sorted(tables):
        widths = [k for k in WIDTHS if f"{table} k={k}" in cells]
        times = [cells[f"{table} k={k}"]["median"] for k in widths]
        found[f"{table}, factors"] = slope(widths, times)
        wide = [(k, t) for k, t in zip(widths, times, strict=True) if k >= 64]
        found[f"{table}, factors from 64"] = slope(*zip(*wide, strict=True))
    for k in THINNED_WIDTHS:
        rows = [cells[key] for key in cells if key.startswith("share") and key.endswith(f" k={k}")]
        if rows:
            found[f"events, k={k}"] = slope([row["events"] for row in rows], [row["median"] for row in rows])
    return found


def main() -> None:
    parser = common.options(__doc__)
    parser.add_argument("--factors", type=int, nargs="+")
    parser.add_argument("--table", choices=TABLES, action="append")
    chosen = parser.parse_args()
    results = common.Results("speed_growth", __doc__, chosen)
    results.cells["threads"] = chosen.threads
    rounds, worker = chosen.rounds, Worker("tastespace", chosen.threads)
    tables = chosen.table or (TABLES[:1] if chosen.quick else TABLES)
    widths = chosen.factors or (WIDTHS[:6] if chosen.quick else WIDTHS)
    for table in tables:
        if any(f"{table} k={k}" not in results.cells for k in widths):
            worker.call("load", path=str(data.path(table)))
        for k in widths:
            cell = results.cell(
                f"{table} k={k}", lambda k=k: epoch_seconds(worker, k, chosen.threads, rounds)
            )
            print(f"{table:14} k={k:<5} {cell['median']:9.3f} s", flush=True)
    # The thinned tables, and the whole one again, so that all shares are measured next to each other.
    whole = tables[-1]
    for share in (*SHARES, 1.0):
        if all(f"share {share:g} k={k}" in results.cells for k in THINNED_WIDTHS):
            continue
        table = data.thin(data.load(whole), share)
        file = data.save(common.SCRATCH / "thinned.npz", table)
        worker.call("load", path=str(file))
        for k in THINNED_WIDTHS:
            cell = results.cell(
                f"share {share:g} k={k}",
                lambda k=k, events=int(table.nnz): (
                    {"events": events} | epoch_seconds(worker, k, chosen.threads, rounds)
                ),
            )
            print(f"{cell['events']:>11,} events k={k:<5} {cell['median']:9.3f} s", flush=True)
        file.unlink()
    worker.close()
    results.cells["exponents"] = fit(results.cells)
    for name, value in results.cells["exponents"].items():
        print(f"{name:34} {value:.2f}")
    print(f"written to {results.write().relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
