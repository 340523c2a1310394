"""Item neighbourhoods of everyone's events: seconds of the whole ``fit``, beside implicit's recommenders.

Protocol: the K items most alike to each item, all pairs compared. Ours, ``ItemKNN`` with the default confidence (bm25),
with linear confidence (cosine) and with a count of common users too (``shrinkage``); implicit, ``CosineRecommender``,
``TFIDFRecommender`` and ``BM25Recommender`` with K + 1, because it lists an item among its own neighbours. ``fit`` of
both begins with a table in memory, weighs it and ends with a model that recommends; implicit's table is given in
float64, the type that it computes in. Rounds take turns, all on the same number of threads.

Run as ``python -m benchmarks.speed.neighbours [--neighbours K ...]``.
"""

import tempfile
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.speed import data
from benchmarks.workers import Workers

OURS, IMPLICIT = "tastespace ItemKNN", "implicit neighbours"
SETTINGS: dict[str, dict[str, dict[str, Any]]] = {
    OURS: {
        "bm25": {"confidence": "bm25", "shrinkage": 0.0},
        "cosine": {"confidence": "linear", "shrinkage": 0.0},
        "cosine, shrinkage 10": {"confidence": "linear", "shrinkage": 10.0},
    },
    IMPLICIT: {"cosine": {"kind": "Cosine"}, "tfidf": {"kind": "TFIDF"}, "bm25": {"kind": "BM25"}},
}


def measure(workers: Workers, neighbours: int, rounds: int, threads: int) -> dict[str, Any]:
    """Seconds of each library's settings."""
    cells = [(name, kind) for name in workers.running for kind in SETTINGS[name]]
    seconds: dict[tuple[str, str], list[float]] = {cell: [] for cell in cells}
    for _ in range(rounds):
        for name, kind in cells:
            settings = SETTINGS[name][kind] | {"neighbours": neighbours}
            seconds[name, kind].append(workers.running[name].call("fit", settings=settings, threads=threads))
    return {f"{name}, {kind}": common.spread(seconds[name, kind]) for name, kind in cells}


def main() -> None:
    parser = common.options(__doc__)
    parser.add_argument("--neighbours", type=int, nargs="+", default=[20, 100])
    chosen = parser.parse_args()
    name = "ml-1m" if chosen.quick else "ml-20m-shaped"
    rounds = min(chosen.rounds, 3) if chosen.quick else chosen.rounds
    results = common.Results("speed_neighbours", __doc__, chosen)
    with Workers([OURS, IMPLICIT], chosen.threads) as workers, tempfile.TemporaryDirectory() as folder:
        results.versions |= workers.versions()
        results.cells |= {"threads": chosen.threads, "skipped": workers.skipped}
        workers.load(data.save(Path(folder) / "table.npz", data.load(name)))
        for k in chosen.neighbours:
            cell = results.cell(f"{name} K={k}", lambda k=k: measure(workers, k, rounds, chosen.threads))
            for label, found in cell.items():
                print(
                    f"K={k:<4} {label:40} {found['median']:7.3f} s ({found['least']:.3f} to {found['most']:.3f})"
                )
    print(f"written to {results.write().relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
