"""Learning to rank on MovieLens 1M: by gradient steps, by EASE and by neighbours, tuned on a validation part of train.

Protocol. Every event weighs 1. Settings are those of the grids below with the best NDCG on the validation part, steps
along gradients each at the best of five epochs; the chosen ones then learn all of train, for that epoch's number with
the schedule of the grid, and the test part is read once per seed (three seeds; what draws nothing has one).

ncf-ml-1m: He et al. 2017, HR@10 and NDCG@10 of the latest event among the 99 published negatives, counted as in
``ncf_ml_1m.py``; validation is each user's latest training event among 99 random unseen items (seed 0). Published: iALS
.730/.453, SGD MF with logistic loss .729/.452, EASE .719/.449, UserKNN .677/.410, BPR .6305/.3730.
ml-1m: every rating is an event, a random fifth of each user's for test (seed 0), of the rest a tenth for validation
(seed 1); NDCG@10 over all items. Measured elsewhere, untuned: cornac BPR .347, lightfm-next WARP .368.
Gowalla is in ``gowalla.py``.

Run as ``python -m benchmarks.quality.ranking [ncf-ml-1m] [ml-1m] [--threads N] [--seeds N]``.
"""

import argparse
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

import tastespace as ts
from benchmarks import common
from benchmarks.quality import ncf_ml_1m
from tastespace.trainers.pairwise import PairwiseTrainer

HARD = {"negatives": "hard"}


def neighbourhoods(kind: Any) -> list[Any]:
    return [kind(neighbours=n, shrinkage=s) for n in (50, 100, 200, 400) for s in (0.0, 10.0, 30.0, 100.0)]


#: Data set: name of the model: settings to try.
GRIDS: dict[str, dict[str, list[Any]]] = {
    "ncf-ml-1m": {
        "BPR, uniform": [
            ts.BPR(factors=192, epochs=60, regularization=r, negatives="uniform") for r in (0.005, 0.01)
        ],
        "BPR, hard": [
            ts.BPR(factors=192, epochs=40, regularization=r, candidates=c, **HARD)
            for r in (0.005, 0.01)
            for c in (4, 8)
        ],
        "WARP": [ts.WARP(factors=192, epochs=30, regularization=r) for r in (0.02, 0.04)],
        "LogisticMF": [
            ts.LogisticMF(factors=192, epochs=40, learning_rate=0.02, regularization=r, per_positive=8)
            for r in (0.003, 0.005, 0.01)
        ],
        "EASE": [ts.EASE(regularization=r) for r in (100.0, 300.0, 1000.0, 3000.0)],
        "EASE, sparse": [ts.EASE(sparse=True, regularization=r) for r in (100.0, 300.0, 1000.0, 3000.0)],
        "ItemKNN": neighbourhoods(ts.ItemKNN),
        "UserKNN": neighbourhoods(ts.UserKNN),
    },
    "ml-1m": {
        "BPR, uniform": [ts.BPR(epochs=60, regularization=r, negatives="uniform") for r in (0.007, 0.01)],
        "BPR, hard": [ts.BPR(regularization=r, candidates=c, **HARD) for r in (0.015, 0.02) for c in (8, 16)],
        "WARP": [ts.WARP(regularization=r) for r in (0.04, 0.06)],
        "LogisticMF": [ts.LogisticMF(learning_rate=0.03, regularization=r) for r in (0.006, 0.01)],
        "NMF": [ts.NMF(factors=k, l2=r) for k in (16, 32, 64) for r in (0.0, 0.01)],
        "NMF, Kullback-Leibler": [ts.NMF(factors=k, loss="kullback-leibler") for k in (8, 16, 32, 64)],
    },
}
#: Measured epochs of each fit.
MEASURED = 5

Score = Callable[[Any], dict[str, float]]
METRIC = "ndcg@10"


def held_out(users: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Which events are held out: ``share`` of each user's, at random, rounded down."""
    order = np.lexsort((np.random.default_rng(seed).random(len(users)), users))
    starts = np.flatnonzero(np.diff(users[order], prepend=-1))
    counts = np.diff(starts, append=len(users))
    place = np.arange(len(users)) - np.repeat(starts, counts)
    held = np.zeros(len(users), bool)
    held[order] = place < np.repeat((counts * share).astype(int), counts)
    return held


def events(frame: pl.DataFrame) -> ts.Interactions:
    return ts.read(frame.select("user", "item"), user="user", item="item")


def ranked(test: ts.Interactions) -> Score:
    def score(model: Any) -> dict[str, float]:
        report = ts.evaluate(model, test, k=10, metrics=["ndcg", "recall"])
        return {name: report[name] for name in (METRIC, "recall@10")}

    return score


def sampled(train: pl.DataFrame, latest: pl.DataFrame) -> Score:
    """Each user's latest event among 99 random items that the user has not."""
    items = np.unique(train["item"].to_numpy())
    rng, negatives = np.random.default_rng(0), []
    seen = dict(train.group_by("user").agg(pl.col("item")).iter_rows())
    for user, item in latest.select("user", "item").iter_rows():
        free = np.setdiff1d(items, [*seen[user], item])
        negatives.append(rng.choice(free, 99, replace=False).tolist())
    test = latest.select("user", "item").with_columns(negatives=pl.Series(negatives))
    return lambda model: ncf_ml_1m.score(model, test)


def task(name: str) -> tuple[ts.Interactions, Score, ts.Interactions, Score]:
    """Training part and its score, all of train and the test score."""
    folder = common.DATA / name
    if name == "ncf-ml-1m":
        train, test = pl.read_parquet(folder / "train.parquet"), pl.read_parquet(folder / "test.parquet")
        ordered = train.with_row_index("row").sort("user", "timestamp", "row")
        latest = ordered.group_by("user", maintain_order=True).last()
        part = ordered.filter(~pl.col("row").is_in(latest["row"].implode()))
        final = lambda model: ncf_ml_1m.score(model, test)  # noqa: E731
        return events(part), sampled(part, latest), events(train), final
    ratings = pl.read_parquet(folder / "ratings.parquet")
    held = held_out(ratings["user"].to_numpy(), 0.2, 0)
    train, test = ratings.filter(~held), ratings.filter(held)
    held = held_out(train["user"].to_numpy(), 0.1, 1)
    valid = ranked(events(train.filter(held)))
    return events(train.filter(~held)), valid, events(train), ranked(events(test))


def curve(trainer: Any, train: ts.Interactions, score: Score) -> tuple[float, int]:
    """The best value of the measured epochs, and the number of that epoch; 0 for what has none.

    Each piece of the schedule goes on from the model of the piece before.
    """
    if not isinstance(trainer, PairwiseTrainer):
        return score(trainer.fit(train))[METRIC], 0
    best = (-1.0, 0)
    trainer, model = trainer.settled(train), None
    length = trainer.epochs // MEASURED
    for number in range(1, MEASURED + 1):
        # Go on from the model so far, with the rates of the one long schedule.
        first, last = (number - 1) * length, number * length
        rates = [trainer.learning_rate * (1 - trainer.decay * at / trainer.epochs) for at in (first, last)]
        piece = trainer.replace(
            epochs=length,
            learning_rate=rates[0],
            decay=1 - rates[1] / rates[0],
            init=model,
            seed=trainer.seed + number,
        )
        model = piece.fit(train)
        best = max(best, (score(model)[METRIC], last))
    return best


def finish(trainer: Any, train: ts.Interactions, epochs: int) -> Any:
    """As :func:`curve` learned until that epoch."""
    if not epochs:
        return trainer.fit(train)
    share = epochs / trainer.epochs
    return trainer.replace(epochs=epochs, decay=trainer.decay * share).fit(train)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(GRIDS), choices=list(GRIDS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--models", nargs="*", help="only these; other results stay as they are")
    options = parser.parse_args()
    for name in options.names:
        part, valid, train, test = task(name)
        path = common.RESULTS / f"ranking_{name}.json"
        results: dict[str, object] = json.loads(path.read_text())["results"] if path.exists() else {}
        for model, grid in GRIDS[name].items():
            if options.models and model not in options.models:
                continue
            tried = []
            for trainer in grid:
                trainer = trainer.replace(threads=options.threads)
                value, epochs = curve(trainer, part, valid)
                tried.append((value, epochs, trainer))
                print(f"{name} {model}: {METRIC} {value:.4f} at epoch {epochs} of {trainer}", flush=True)
            value, epochs, chosen = max(tried, key=lambda row: row[0])
            runs = []
            for seed in range(options.seeds if hasattr(chosen, "seed") else 1):
                again = chosen.replace(seed=seed) if hasattr(chosen, "seed") else chosen
                fitted = finish(again, train, epochs)
                runs.append({"seed": seed} | test(fitted))
            shown = {
                key: round(float(np.mean([run[key] for run in runs])), 5) for key in runs[0] if key != "seed"
            }
            results[model] = {
                "chosen": repr(chosen),
                "epochs": epochs,
                "validation": [
                    {METRIC: value, "epoch": at, "settings": repr(given)} for value, at, given in tried
                ],
                "test": runs,
            }
            print(f"{name} {model}: test {shown}", flush=True)
            common.write(f"ranking_{name}", __doc__, results)  # after each model, because all take long


if __name__ == "__main__":
    main()
