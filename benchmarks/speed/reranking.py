"""What re-ranking adds to lists of ten: for one user, for everyone, and in an evaluation.

Protocol: ``ImplicitALS`` with 64 factors learns MovieLens 1M (every rating an event) and the generated table of the
shape of MovieLens 20M, one epoch. ``model.recommend(id, n=10)`` for 2,000 users (500 of the larger table) one at a time
on one thread, the median; ``rank`` of all users on all threads; each plain, with a popularity penalty, with diversity,
and with both, at 100 candidates and at 300. Rounds take turns.

Run as ``python -m benchmarks.speed.reranking``.
"""

import time
from typing import Any

import numpy as np

import tastespace as ts
from benchmarks import common
from benchmarks.speed import data

SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "popularity_penalty": {"popularity_penalty": 0.3},
    "diversity": {"diversity": 0.3},
    "both": {"popularity_penalty": 0.3, "diversity": 0.3},
    "both, 300 candidates": {"popularity_penalty": 0.3, "diversity": 0.3, "candidates": 300},
}


def measure(model: ts.FactorModel, rounds: int, singles: int, threads: int) -> dict[str, Any]:
    one: dict[str, list[float]] = {name: [] for name in SETTINGS}
    everyone: dict[str, list[float]] = {name: [] for name in SETTINGS}
    asked = model.users.ids[np.linspace(0, len(model.users) - 1, singles).astype(int)].tolist()
    wrapped = {name: model.reranked(**setting) for name, setting in SETTINGS.items()}
    rows = np.arange(len(model.users), dtype=np.int32)
    for _ in range(rounds):
        for name, setting in SETTINGS.items():
            seconds = []
            for user in asked:
                begin = time.perf_counter()
                model.recommend(user, **setting)
                seconds.append(time.perf_counter() - begin)
            one[name].append(1e6 * float(np.median(seconds)))
            begin = time.perf_counter()
            for start in range(0, len(rows), 4096):
                wrapped[name].rank(rows[start : start + 4096], 10, threads=threads)
            everyone[name].append(time.perf_counter() - begin)
    return {
        name: {
            "one user, microseconds": common.spread(one[name]),
            "everyone, seconds": common.spread(everyone[name]),
        }
        for name in SETTINGS
    }


def main() -> None:
    chosen = common.options(__doc__).parse_args()
    results = common.Results("speed_reranking", __doc__, chosen)
    results.cells["threads"] = chosen.threads
    for name in ("ml-1m",) if chosen.quick else ("ml-1m", "ml-20m-shaped"):
        table = data.load(name)
        train = ts.read(table, users=np.arange(table.shape[0]), items=np.arange(table.shape[1]))
        model = ts.ImplicitALS(factors=64, epochs=1, threads=chosen.threads, progress=False).fit(train)
        rounds, singles = (chosen.rounds, 2000) if name == "ml-1m" else (min(chosen.rounds, 2), 500)
        cell = results.cell(
            name, lambda model=model, n=rounds, m=singles: measure(model, n, m, chosen.threads)
        )
        for setting, found in cell.items():
            told = [f"{what} {values['median']:.4g}" for what, values in found.items()]
            print(name, setting, *told, sep="; ")


if __name__ == "__main__":
    main()
