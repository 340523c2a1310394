"""What the weight of an event does: confidence and alpha on hours played (Steam) and plays (Last.fm).

Protocol: repeated pairs are summed; a fifth of each user's events at random (seed 0) is the test; a fifth of each
user's training events (seed 1) validates. Every cell of the table is ``ts.ImplicitALS(factors=64, alpha=,
confidence=)`` of its own penalty: the default for that cell times .1, .3, 1, 3 or 10, with as many of 16 epochs as
validated best by NDCG@10; fitted again on the whole training side and measured once on the test: full ranking, seen
items removed, NDCG@10, with 95 % bootstrap intervals. ``ones`` replaces every value by 1, so only alpha is left.
``a0`` is the form with ``unobserved_weight`` in the place of alpha (the best of .003, .01, .03, .1, .3). The cell that
validated best is ``chosen``; the others are in the table to show the effect, not to choose from. Beside it what the
same weights do in sparse ``EASE`` and ``ItemKNN`` (their own grids, the same protocol).

Run as ``python -m benchmarks.quality.confidence [--threads N]``.
"""

import argparse
from typing import Any

import polars as pl

import tastespace as ts
from benchmarks import common
from benchmarks.quality.tune_ml_1m import interval

NAME = "confidence"
METRIC = "ndcg@10"
SOURCES = {"steam-200k": ("play", "hours"), "hetrec-lastfm": ("plays", "plays")}
KINDS = ("linear", "log", "bm25", "tfidf")
ALPHAS = (0.1, 1.0, 10.0, 100.0, 1000.0)
PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0)
UNOBSERVED = (0.003, 0.01, 0.03, 0.1, 0.3)
BESIDE: list[tuple[str, Any, dict[str, list[Any]]]] = [
    ("EASE, sparse", ts.EASE(sparse=True), {"regularization": [3.0, 10.0, 30.0, 100.0, 300.0, 1000.0]}),
    ("ItemKNN", ts.ItemKNN(), {"neighbours": [50, 100, 200], "shrinkage": [0.0, 10.0, 30.0, 100.0]}),
]


def table(name: str) -> ts.Interactions:
    file, value = SOURCES[name]
    frame = pl.read_parquet(common.DATA / name / f"{file}.parquet")
    return ts.read(frame, user="user", item="item", weight=value, duplicates="sum")


class Cells:
    """Measures one cell of the table after another, on one data set."""

    def __init__(self, events: ts.Interactions, threads: int) -> None:
        self.whole = ts.split.stratified(events, 0.2, seed=0)
        self.inner = ts.split.stratified(self.whole.train, 0.2, seed=1)
        self.threads = threads

    def measure(self, trials: list[tuple[Any, dict[str, list[Any]]]], ones: bool = False) -> dict[str, Any]:
        """The best of some trainers and their grids on validation, fitted again, and its test."""
        whole, inner = (
            split.train.as_implicit() if ones else split.train for split in (self.whole, self.inner)
        )
        searches = [
            ts.tune(
                trainer,
                grid,
                inner,
                valid=self.inner.test,
                metric=METRIC,
                method="grid",
                prune=False,
                threads=self.threads,
                progress=False,
            )
            for trainer, grid in trials
        ]
        best = max(range(len(trials)), key=lambda trial: searches[trial].value)
        trainer = searches[best].trainer
        report = ts.evaluate(
            trainer.fit(whole), self.whole.test, k=10, metrics=[METRIC], threads=self.threads
        )
        return {
            "validation": round(searches[best].value, 5),
            "settings": {name: getattr(trainer, name) for name in searches[best].params}
            | {name: getattr(trainer, name) for name in ("unobserved_weight",) if hasattr(trainer, name)},
            "test": interval(report.per_user(METRIC)["value"]),
        }

    def penalties(self, trainer: ts.ImplicitALS, ones: bool) -> dict[str, list[Any]]:
        """Around what the trainer would choose for the inner training side."""
        train = self.inner.train.as_implicit() if ones else self.inner.train
        default = trainer.settled(train).regularization
        return {"regularization": [float(f"{factor * default:.3g}") for factor in PENALTIES]}

    def als(self, kind: str) -> dict[str, Any]:
        """A row of the table: every alpha, and the form with ``unobserved_weight``."""
        ones = kind == "ones"
        confidence = "linear" if ones else kind
        row = {}
        for alpha in ALPHAS:
            trainer = ts.ImplicitALS(factors=64, alpha=alpha, confidence=confidence)
            row[f"alpha {alpha:g}"] = self.measure([(trainer, self.penalties(trainer, ones))], ones)
        forms = [
            ts.ImplicitALS(factors=64, unobserved_weight=weight, confidence=confidence)
            for weight in UNOBSERVED
        ]
        row["a0"] = self.measure([(trainer, self.penalties(trainer, ones)) for trainer in forms], ones)
        return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    results: dict[str, Any] = {}
    for name in SOURCES:
        cells = Cells(table(name), options.threads)
        als = {}
        for kind in ("ones", *KINDS):
            als[kind] = cells.als(kind)
            print(
                name, kind, {column: cell["test"]["mean"] for column, cell in als[kind].items()}, flush=True
            )
        chosen = max(
            ((kind, column) for kind in als for column in als[kind]),
            key=lambda at: als[at[0]][at[1]]["validation"],
        )
        others = {
            f"{label}, {kind}": cells.measure([(trainer.replace(confidence=kind), grid)])
            for label, trainer, grid in BESIDE
            for kind in KINDS
        }
        print(
            name, "chosen", chosen, {label: row["test"]["mean"] for label, row in others.items()}, flush=True
        )
        results[name] = {
            "events": str(cells.whole),
            "ImplicitALS": als,
            "chosen": list(chosen),
            "beside it": others,
        }
        path = common.write(NAME, __doc__, results, more_versions=common.versions("optuna"))
    print(f"written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
