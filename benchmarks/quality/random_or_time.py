"""What a random split makes one believe: the same models by a random split and by a split in time.

Protocol: MovieLens 1M (likes are ratings 4 and 5) and MovieTweetings (likes are 8 to 10 of 10). ``random`` holds out a
fifth of the events at random, three seeds; ``time`` trains on the first 80 % by date and tests on what came later.
Rankings find liked test items among all that the user has not seen. Three views of the same numbers: warm users and
items, as most papers report; all test users, where one whom training does not know gets nothing (value 0); and the
cold part counted. RMSE is over test ratings whose user and item are known, and over all of them (mean plus known
biases where something is unknown). Models are at their defaults, so no split chose anything.

Run as ``python -m benchmarks.quality.random_or_time [--threads N]``.
"""

import argparse
from typing import Any

import numpy as np

import tastespace as ts
from benchmarks import common

LIKED = {"ml-1m": 4, "movietweetings-100k": 8}
METRICS = ("ndcg@10", "recall@10", "coverage@10", "rmse")


def models(threads: int) -> dict[str, tuple[Any, bool]]:
    """Trainers by name, and whether each learns ratings or who rated what."""
    return {
        "Popularity": (ts.Popularity(), False),
        "Popularity, half-life 30 d": (ts.Popularity(half_life="30d"), False),
        "Baseline": (ts.Baseline(), True),
        "ALS": (ts.ALS(threads=threads, progress=False), True),
        "ImplicitALS": (ts.ImplicitALS(threads=threads, progress=False), False),
        "ImplicitALS, k=16": (ts.ImplicitALS(factors=16, threads=threads, progress=False), False),
    }


def splits(ratings: ts.Interactions) -> dict[str, list[ts.Split]]:
    return {
        "random": [ts.split.random(ratings, test=0.2, seed=seed) for seed in range(3)],
        "time": [ts.split.by_time(ratings, 0.8)],
    }


def measure(split: ts.Split, liked: float, threads: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, (trainer, rates) in models(threads).items():
        model = trainer.fit(split.train if rates else split.train.as_implicit())
        metrics = METRICS if rates else METRICS[:-1]
        row = {}
        for view, cold in (("warm", "skip"), ("all", "score")):
            report = ts.evaluate(
                model, split, k=10, metrics=metrics, relevant=liked, cold=cold, threads=threads
            )
            row[view] = {metric: round(report[metric], 5) for metric in metrics}
            row["counts"] = report.counts
        found[name] = row
    return found


def mean(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean of nested numbers over seeds."""
    if isinstance(rows[0], dict):
        return {key: mean([row[key] for row in rows]) for key in rows[0]}
    return round(float(np.mean(rows)), 5)  # type: ignore[return-value]


def show(name: str, results: dict[str, Any]) -> None:
    counts = {kind: next(iter(row.values()))["counts"] for kind, row in results.items()}
    print(
        f"\n{name}: test users "
        + ", ".join(
            f"{kind} {row['users']:,.0f} ({row['users_cold'] / row['users']:.0%} cold; items "
            f"{row['items_cold'] / row['items']:.0%} cold, events {row['events_cold'] / row['events']:.0%})"
            for kind, row in counts.items()
        )
    )
    print(f"{'':28}{'NDCG@10':>27}{'RMSE':>27}")
    print(f"{'':28}" + f"{'random':>9}{'time':>9}{'and cold':>9}" * 2)
    for model in results["time"]:
        cells = ""
        for metric in ("ndcg@10", "rmse"):
            three = [
                results["random"][model]["warm"],
                results["time"][model]["warm"],
                results["time"][model]["all"],
            ]
            cells += "".join(f"{row[metric]:9.4f}" if metric in row else f"{'-':>9}" for row in three)
        print(f"{model:28}{cells}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    everything: dict[str, Any] = {}
    for name, liked in LIKED.items():
        ratings = ts.datasets.load(name)
        runs = {
            kind: [measure(split, liked, options.threads) for split in made]
            for kind, made in splits(ratings).items()
        }
        everything[name] = {
            "warnings": {kind: str(made[0].leak()) for kind, made in splits(ratings).items()},
            "mean": {kind: mean(rows) for kind, rows in runs.items()},
            "runs": runs,
        }
        show(name, everything[name]["mean"])
    path = common.write("random_or_time", __doc__, everything)
    print(f"written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
