"""Models on Gowalla in the split of LightGCN: recall@20 and NDCG@20 over all items that a user has not seen.

Protocol: the published train and test files. A tenth of each user's *training* events (at random, seed 1) are held out
for validation; every combination of a model's grid is fitted on the rest and validated by NDCG@20 after each epoch on
5,000 users (seed 0), and the best one, with the number of epochs that was best for it, is fitted again on all training
events. ``Blend`` puts models together that were chosen so, with weights that ``ts.tune_blend`` finds on the same
validation events. The test file is read once for each of these final models; it chooses nothing. Recall divides by the
number of test items. 95 % intervals: 10,000 bootstrap samples of users. What was chosen at the edge of its grid, or at
the last epoch, is in the result file to be seen. Dense ``EASE`` takes minutes and 7 GB for each fit, so it is fitted
once, with a penalty that an earlier search chose on such a validation part.

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


def implicit_als(factors: int, unobserved: list[float], penalties: list[float], epochs: int = 16) -> Entry:
    return Entry(
        ts.ImplicitALS(factors=factors, epochs=epochs),
        {"unobserved_weight": unobserved, "regularization": penalties},
    )


#: Of steps along gradients: 256 factors, a rate of .1 that falls to a tenth of itself.
STEPS: dict[str, Any] = {"factors": 256, "learning_rate": 0.1}

ENTRIES = {
    "Popularity": Entry(ts.Popularity(), {}),
    "ItemKNN": Entry(ts.ItemKNN(), {"neighbours": [50, 100, 200, 500], "shrinkage": [0.0, 3.0, 10.0]}),
    "UserKNN": Entry(ts.UserKNN(), {"neighbours": [50, 100, 200, 500], "shrinkage": [0.0, 3.0, 10.0]}),
    "EASE": Entry(ts.EASE(regularization=100.0), {}),
    "EASE, sparse": Entry(ts.EASE(sparse=True), {"regularization": [30.0, 100.0, 300.0]}),
    "BPR, uniform": Entry(ts.BPR(epochs=40, negatives="uniform", **STEPS), {"regularization": [0.003, 0.01]}),
    "BPR, hard": Entry(
        ts.BPR(epochs=40, candidates=32, negatives="hard", **STEPS), {"regularization": [0.015, 0.02]}
    ),
    "WARP": Entry(ts.WARP(epochs=20, trials=60, **STEPS), {"regularization": [0.01, 0.03]}),
    "ImplicitALS 64": implicit_als(64, [0.01, 0.03, 0.1], [0.001, 0.003, 0.01]),
    "ImplicitALS 256": implicit_als(256, [0.01, 0.02, 0.05], [0.0005, 0.001, 0.002, 0.004]),
    "ImplicitALS 1024": implicit_als(1024, [0.01, 0.02, 0.05], [0.0005, 0.001, 0.002], epochs=8),
    "ImplicitALS 2048": implicit_als(2048, [0.01, 0.02], [0.002, 0.004], epochs=6),
}
BLENDED = ("BPR, hard", "ImplicitALS 1024")
NAMES = (*ENTRIES, "Blend")


def table(name: str) -> ts.Interactions:
    return ts.read(pl.read_parquet(common.DATA / NAME / f"{name}.parquet"), user="user", item="item")


class Data(NamedTuple):
    """The published files, and the training file cut once more."""

    train: ts.Interactions
    test: ts.Interactions
    rest: ts.Interactions
    valid: ts.Interactions


def data() -> Data:
    train = table("train")
    rest, held = ts.split.stratified(train, 0.1, seed=1)
    chosen = np.random.default_rng(0).choice(list(held.users), VALIDATION_USERS, replace=False)
    return Data(train, table("test"), rest, held.filter(users=chosen.tolist()))


def measured(model: Any, test: ts.Interactions, threads: int) -> dict[str, Any]:
    """The one look at the test events."""
    start = time.perf_counter()
    report = ts.evaluate(model, test, k=20, metrics=METRICS, threads=threads)
    return {
        "protocol of the test": report.protocol,
        "test": {name: interval(report.per_user(name)["value"]) for name in METRICS},
        "evaluation seconds": round(time.perf_counter() - start, 2),
    }


def measure(entry: Entry, data: Data, threads: int) -> dict[str, Any]:
    """Choose on validation events, fit on all of train, read the test events once."""
    found: dict[str, Any] = {}
    trainer = entry.trainer.replace(threads=threads) if hasattr(entry.trainer, "threads") else entry.trainer
    if entry.grid:
        start = time.perf_counter()
        tuning = ts.tune(
            trainer,
            entry.grid,
            data.rest,
            valid=data.valid,
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
    model = trainer.fit(data.train)
    return (
        found | {"fit seconds": round(time.perf_counter() - start, 2)} | measured(model, data.test, threads)
    )


def blend(kept: dict[str, Any], data: Data, threads: int) -> dict[str, Any]:
    """The chosen models, their weights chosen on validation events, and one look at the test."""
    trainers = {
        name: ENTRIES[name].trainer.replace(threads=threads, **kept[name]["chosen"]) for name in BLENDED
    }
    chosen = ts.tune_blend(
        {name: trainer.fit(data.rest) for name, trainer in trainers.items()},
        data.valid,
        metric="ndcg@20",
        threads=threads,
    )
    model = ts.Blend({name: trainer.fit(data.train) for name, trainer in trainers.items()}, chosen.weights)
    return {
        "validation ndcg@20": round(chosen.info.metrics["ndcg@20"], 5),
        "chosen": {name: round(weight, 4) for name, weight in (chosen.weights or {}).items()},
    } | measured(model, data.test, threads)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {'; '.join(NAMES)}")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"unknown models: {'; '.join(sorted(unknown))}; known are {'; '.join(NAMES)}")
    path = common.RESULTS / f"{NAME}.json"
    tables = data()
    for name in options.names or NAMES:
        if name == "Blend":
            found = blend(json.loads(path.read_text())["results"], tables, options.threads)
        else:
            found = measure(ENTRIES[name], tables, options.threads)
        kept = json.loads(path.read_text())["results"] if path.exists() else {}
        kept[name] = found
        recall, ndcg = (kept[name]["test"][metric]["mean"] for metric in METRICS)
        print(f"{name:20} recall@20 {recall:.4f} ndcg@20 {ndcg:.4f}", flush=True)
        ordered = {name: kept[name] for name in NAMES if name in kept}
        common.write(NAME, __doc__, ordered, more_versions=common.versions("optuna"))
    print(f"written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
