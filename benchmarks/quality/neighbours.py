"""Neighbourhoods: RMSE by 5-fold cross-validation, ranks on the NCF split, lists beside implicit's.

Ratings: MovieLens 100K and 1M, all events shuffled into five folds (seed 0), each tested once by a model of the other
four; unknown users and items are predicted from what is known, as Surprise does; all at the defaults. Published, other
folds: Surprise ``KNNBaseline`` at its defaults .931 and .895, gorse's ``KNN baseline`` .9256 and .8646.

Ranks: the NCF split of MovieLens 1M, one test item among 99 published negatives; 100 neighbours, no shrinkage.
Published (Dacrema et al.): UserKNN .6768 / .4100.

Lists: MovieLens 1M, ratings of 4 and 5 as events, a random tenth as test (seed 0), NDCG and recall at 20 over all
items, no shrinkage. implicit's neighbours, as many, score in its way (an item of the history votes for its own
neighbours), ours in ours (an item is scored by its own neighbours). The neighbours of cosine are compared with
implicit's; ties may differ.

Run as ``python -m benchmarks.quality.neighbours [--folds N]``; the last part needs ``make bench-rivals``.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import tastespace as ts
from benchmarks import common
from benchmarks.quality.ncf_ml_1m import score
from benchmarks.speed import data
from benchmarks.workers import Workers
from tastespace.data.csr import Csr

IMPLICIT = "implicit neighbours"
COLUMNS = {"user": "user", "item": "item", "rating": "rating"}


def errors(name: str, folds: int, threads: int) -> dict[str, Any]:
    """Mean RMSE, MAE and seconds of a fit over the folds."""
    ratings = ts.read(common.DATA / name / "ratings.parquet", **COLUMNS)
    found: dict[str, list[list[float]]] = {}
    for train, test in list(ts.split.kfold(ratings, 5, seed=0))[:folds]:
        for trainer in (ts.ItemKNN(threads=threads), ts.UserKNN(threads=threads), ts.Baseline()):
            start = time.perf_counter()
            model = trainer.fit(train)
            seconds = time.perf_counter() - start
            report = ts.evaluate(model, test, metrics=["rmse", "mae"], cold="score")
            found.setdefault(type(trainer).__name__, []).append([report["rmse"], report["mae"], seconds])
    return {
        trainer: dict(zip(("rmse", "mae", "fit_seconds"), np.round(np.mean(runs, axis=0), 5), strict=True))
        | {"runs": np.round(runs, 5).tolist()}
        for trainer, runs in found.items()
    }


def ncf(threads: int) -> dict[str, Any]:
    folder = common.DATA / "ncf-ml-1m"
    train = ts.read(folder / "train.parquet", user="user", item="item")
    test = pl.read_parquet(folder / "test.parquet")
    plain: dict[str, Any] = {"neighbours": 100, "shrinkage": 0.0, "threads": threads}
    trainers = (ts.ItemKNN(**plain), ts.ItemKNN(confidence="linear", **plain), ts.UserKNN(**plain))
    return {
        f"{type(trainer).__name__} {trainer.confidence or 'bm25'}": score(trainer.fit(train), test)
        for trainer in trainers
    }


def lists(threads: int, k: int = 100) -> dict[str, Any]:
    events = ts.read(common.DATA / "ml-1m" / "ratings.parquet", **COLUMNS).as_implicit(at_least=4)
    train, test = ts.split.random(events, 0.1, seed=0)
    found = {}
    plain: dict[str, Any] = {"neighbours": k, "shrinkage": 0.0, "threads": threads}
    for name in ("linear", "log", "bm25", "tfidf"):
        model = ts.ItemKNN(confidence=name, **plain).fit(train)
        found[f"ItemKNN {name}"] = measured(model, test)
        found[f"UserKNN {name}"] = measured(ts.UserKNN(confidence=name, **plain).fit(train), test)
    mine = ts.ItemKNN(confidence="linear", **plain).fit(train)
    with Workers([IMPLICIT], threads) as workers, tempfile.TemporaryDirectory() as folder:
        workers.load(data.save(Path(folder) / "table.npz", train.by_user.to_scipy()))
        for kind in ("Cosine", "TFIDF", "BM25"):
            file = Path(folder) / f"{kind}.npz"
            for worker in workers.running.values():
                settings = {"kind": kind, "neighbours": k}
                worker.call("fit", settings=settings, threads=threads, out=str(file))
                with np.load(file) as given:
                    votes = between(train.n_items, given["items"], given["neighbours"], given["likeness"])
                found[f"implicit {kind}"] = measured(replace(mine, weights=votes), test)
                if kind == "Cosine":
                    found["cosine"] = agreement(mine.weights.transpose(), votes)
    return found


def measured(model: ts.NeighbourModel, test: ts.Interactions) -> dict[str, float]:
    report = ts.evaluate(model, test, k=20)
    return {name: round(report[name], 5) for name in ("ndcg@20", "recall@20")}


def between(n: int, items: np.ndarray, neighbours: np.ndarray, likeness: np.ndarray) -> Csr:
    """Weights from every item to its neighbours, without the item itself."""
    other = items != neighbours
    rows, columns = (part[other].astype(np.int32) for part in (items, neighbours))
    values = likeness[other].astype(np.float32)
    return Csr.build(rows, columns, rows=n, columns=n, values=values, duplicates="last")


def agreement(ours: Csr, theirs: Csr) -> dict[str, float]:
    """The share of our neighbours that are theirs too, and the greatest difference in the likeness of a place."""
    n = ours.rows
    most = 0.0
    for item in range(n):
        one, two = (np.sort(table.row(item)[1])[::-1] for table in (ours, theirs))
        both = min(len(one), len(two))
        most = max(most, float(np.abs(one[:both] - two[:both]).max(initial=0.0)))
    return {"same": round(float(ours.within(theirs).mean()), 5), "most": most}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folds", type=int, default=5)
    options = parser.parse_args()
    results = {name: errors(name, options.folds, options.threads) for name in ("ml-100k", "ml-1m")}
    results["ncf-ml-1m"] = ncf(options.threads)
    results["lists ml-1m"] = lists(options.threads)
    for name, found in results.items():
        for trainer, row in found.items():
            print(name, trainer, {key: value for key, value in row.items() if key != "runs"})
    print(f"written to {common.write('neighbours', __doc__, results).relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
