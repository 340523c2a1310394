"""Models on Gowalla in the split of LightGCN: recall@20 and NDCG@20 over all items that a user has not seen.

Protocol: the published train and test files. A tenth of each user's *training* events (at random, seed 1) are held out
for validation; every combination of a model's grid is fitted on the rest and validated by NDCG@20 after each epoch on
5,000 users (seed 0), and the best one, with the number of epochs that was best for it, is fitted again on all training
events. The test file is read once for each of these final models; it chooses nothing. Recall divides by the number of
test items. 95 % intervals: 10,000 bootstrap samples of users.

Run as ``python -m benchmarks.quality.gowalla [NAME ...] [--threads N]``; models that are not named keep the numbers of
the last result file.
"""

import argparse
import json
import time
from typing import Any, NamedTuple

import numpy as np
import polars as pl

import tastespace as ts
from benchmarks import common
from benchmarks.quality.tune_ml_1m import interval

NAME = "gowalla"
METRICS = ("recall@20", "ndcg@20")
VALIDATION_USERS = 5_000


class Entry(NamedTuple):
    """A trainer, and what is tried for it."""

    trainer: Any
    grid: dict[str, list[Any]]


def implicit_als(factors: int, unobserved: list[float], penalties: list[float]) -> Entry:
    return Entry(
        ts.ImplicitALS(factors=factors, epochs=16),
        {"unobserved_weight": unobserved, "regularization": penalties},
    )


ENTRIES = {
    "Popularity": Entry(ts.Popularity(), {}),
    "ImplicitALS 64": implicit_als(64, [0.01, 0.03, 0.1], [0.001, 0.003, 0.01]),
    "ImplicitALS 256": implicit_als(256, [0.01, 0.02, 0.05], [0.0005, 0.001, 0.002, 0.004]),
    "ImplicitALS 1024": implicit_als(1024, [0.01, 0.02, 0.05], [0.001, 0.002, 0.004]),
    "ImplicitALS 2048": implicit_als(2048, [0.02, 0.05], [0.002, 0.004]),
}


def table(name: str) -> ts.Interactions:
    return ts.read(pl.read_parquet(common.DATA / NAME / f"{name}.parquet"), user="user", item="item")


def measure(entry: Entry, train: ts.Interactions, test: ts.Interactions, threads: int) -> dict[str, Any]:
    """Choose on validation events, fit on all of train, read the test events once."""
    rest, held = ts.split.stratified(train, 0.1, seed=1)
    chosen = np.random.default_rng(0).choice(list(held.users), VALIDATION_USERS, replace=False)
    found: dict[str, Any] = {}
    trainer = entry.trainer
    if entry.grid:
        start = time.perf_counter()
        tuning = ts.tune(
            trainer,
            entry.grid,
            rest,
            valid=held.filter(users=chosen.tolist()),
            metric="ndcg@20",
            method="grid",
            prune=False,
            threads=threads,
        )
        trainer = tuning.trainer
        found = {
            "validation ndcg@20": round(tuning.value, 5),
            "chosen": tuning.params,
            "trials": list(tuning.trials.rows()),
            "search seconds": round(time.perf_counter() - start, 1),
        }
    start = time.perf_counter()
    model = trainer.fit(train)
    fitted = time.perf_counter()
    report = ts.evaluate(model, test, k=20, metrics=METRICS, threads=threads)
    return found | {
        "protocol of the test": report.protocol,
        "test": {name: interval(report.per_user(name)["value"]) for name in METRICS},
        "fit seconds": round(fitted - start, 2),
        "evaluation seconds": round(time.perf_counter() - fitted, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ENTRIES)}")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if unknown := set(options.names) - set(ENTRIES):
        parser.error(f"unknown models: {', '.join(sorted(unknown))}; known are {', '.join(ENTRIES)}")
    path = common.RESULTS / f"{NAME}.json"
    kept = json.loads(path.read_text())["results"] if path.exists() else {}
    train, test = table("train"), table("test")
    for name in options.names or ENTRIES:
        kept[name] = measure(ENTRIES[name], train, test, options.threads)
        recall, ndcg = (kept[name]["test"][metric]["mean"] for metric in METRICS)
        print(f"{name:20} recall@20 {recall:.4f} ndcg@20 {ndcg:.4f}", flush=True)
        ordered = {name: kept[name] for name in ENTRIES if name in kept}
        common.write(NAME, __doc__, ordered, more_versions=common.versions("optuna"))
    print(f"written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
