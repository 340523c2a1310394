"""PureSVD on MovieLens 1M and Gowalla, the rank chosen on validation events.

Protocol. ml-1m: every rating is an event; a random fifth of each user's for test (seed 0), of the rest a tenth for
validation (seed 1); NDCG@10 over all items: the task of ``ranking.py``. gowalla: the published files of LightGCN's
split, a tenth of each user's training events (seed 1) of 5,000 users for validation by NDCG@20: the task of
``gowalla.py``. One decomposition of the largest rank serves all smaller ones, whose factors are its first columns. The
rank with the best validation value is fitted on all training events, and the test file is read once. 95 % intervals:
10,000 bootstrap samples of users. On ml-1m the ratings themselves (zeros for what was not rated) are tried beside the
ones.

Run as ``python -m benchmarks.quality.puresvd [ml-1m] [gowalla] [--threads N]``.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import polars as pl

import tastespace as ts
from benchmarks import common
from benchmarks.quality import gowalla
from benchmarks.quality.ranking import held_out
from benchmarks.quality.tune_ml_1m import interval

RANKS = {
    "ml-1m": (8, 16, 24, 32, 48, 64, 96, 128, 192, 256),
    "gowalla": (64, 128, 256, 384, 512, 768),
}
CUT = {"ml-1m": 10, "gowalla": 20}


def ml_1m(values: bool) -> gowalla.Data:
    """Parts of MovieLens 1M, as ``ranking.py`` cuts them; with ratings or without."""

    def events(frame: pl.DataFrame) -> ts.Interactions:
        return ts.read(frame, user="user", item="item", rating="rating" if values else None)

    ratings = pl.read_parquet(common.DATA / "ml-1m" / "ratings.parquet").select("user", "item", "rating")
    held = held_out(ratings["user"].to_numpy(), 0.2, 0)
    train, test = ratings.filter(~held), ratings.filter(held)
    inner = held_out(train["user"].to_numpy(), 0.1, 1)
    return gowalla.Data(
        events(train), events(test), events(train.filter(~inner)), events(train.filter(inner))
    )


def ranks(model: ts.FactorModel, wanted: tuple[int, ...]) -> Iterator[tuple[int, ts.FactorModel]]:
    """The models of lower rank inside one."""
    for k in wanted:
        solver = replace(model.solver, singular_values=model.solver.singular_values[:k])
        p, q = model.user_factors[:, :k], model.item_factors[:, :k]
        yield k, replace(model, user_factors=p, item_factors=q, solver=solver)


def measure(name: str, data: gowalla.Data, threads: int) -> dict[str, Any]:
    """Choose the rank, fit it on all of train, read the test events once."""
    cut, metric = CUT[name], f"ndcg@{CUT[name]}"
    trainer = ts.TruncatedSVD(factors=RANKS[name][-1], threads=threads, tolerance=1e-4)
    start = time.perf_counter()
    largest = trainer.fit(data.rest)
    seconds = {"fit of the largest rank": round(time.perf_counter() - start, 2)}
    tried = {}
    for k, model in ranks(largest, RANKS[name]):
        report = ts.evaluate(model, data.valid, k=cut, metrics=["ndcg"], threads=threads)
        tried[k] = round(report[metric], 5)
    chosen = max(tried, key=lambda k: tried[k])
    start = time.perf_counter()
    model = trainer.replace(factors=chosen).fit(data.train)
    seconds["fit"] = round(time.perf_counter() - start, 2)
    report = ts.evaluate(model, data.test, k=cut, metrics=["ndcg", "recall"], threads=threads)
    return {
        "validation": tried,
        "chosen": chosen,
        "seconds": seconds,
        "metrics": model.info.metrics,
        "test": {
            shown: interval(report.per_user(shown)["value"]) for shown in (f"recall@{cut}", f"ndcg@{cut}")
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(RANKS), choices=list(RANKS))
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    path = common.RESULTS / "puresvd.json"
    results: dict[str, Any] = json.loads(path.read_text())["results"] if path.exists() else {}
    for name in options.names:
        parts = (
            {"ones": ml_1m(False), "ratings": ml_1m(True)} if name == "ml-1m" else {"ones": gowalla.data()}
        )
        for kind, data in parts.items():
            found = measure(name, data, options.threads)
            results[f"{name}, {kind}"] = found
            shown = {metric: value["mean"] for metric, value in found["test"].items()}
            print(f"{name}, {kind}: rank {found['chosen']}, {shown}, {found['seconds']}", flush=True)
            common.write("puresvd", __doc__, results)
    print(f"written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
