"""PureSVD on MovieLens 1M and Gowalla, the rank chosen on validation events by ``TruncatedSVD`` itself.

Protocol. ml-1m: every rating is an event; a random fifth of each user's for test (seed 0), of the rest a tenth for
validation (seed 1); NDCG@10 over all items: the task of ``ranking.py``. gowalla: the published files of LightGCN's
split, a tenth of each user's training events (seed 1) of 5,000 users for validation by NDCG@20: the task of
``gowalla.py``. ``fit(rest, valid)`` decomposes once, to the largest rank (256 and 2,048), doubles the rank until the
metric has not improved three times and fills in beside the best. That rank is fitted on all training events, and the
test file is read once. Decompositions stop within 1e-4 of the least squared error on ml-1m, 1e-3 on gowalla. 95 %
intervals: 10,000 bootstrap samples of users. On ml-1m the ratings themselves (zeros for what was not rated) are tried
beside the ones. Seconds are those of a machine that may do other work meanwhile; ``speed/svd.py`` measures speed.

Run as ``python -m benchmarks.quality.puresvd [ml-1m] [gowalla] [--threads N]``.
"""

import argparse
import json
import time
from typing import Any

import polars as pl

import tastespace as ts
from benchmarks import common
from benchmarks.quality import gowalla
from benchmarks.quality.ranking import held_out
from benchmarks.quality.tune_ml_1m import interval

LARGEST = {"ml-1m": 256, "gowalla": 2048}
TOLERANCE = {"ml-1m": 1e-4, "gowalla": 1e-3}
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


def measure(name: str, data: gowalla.Data, threads: int) -> dict[str, Any]:
    """Let the trainer choose the rank, fit it on all of train, read the test events once."""
    cut, metric = CUT[name], f"ndcg@{CUT[name]}"
    trainer = ts.TruncatedSVD(threads=threads, tolerance=TOLERANCE[name])
    told: list[ts.Epoch] = []
    start = time.perf_counter()
    largest = trainer.replace(factors=LARGEST[name], stopping=ts.Stopping(metric))
    chosen = largest.fit(data.rest, data.valid, callbacks=[told.append]).factors
    seconds = {
        "decomposition to the largest rank": round(told[0].seconds, 2),
        "choice of the rank, with that": round(time.perf_counter() - start, 2),
    }
    start = time.perf_counter()
    model = trainer.replace(factors=chosen).fit(data.train)
    seconds["fit"] = round(time.perf_counter() - start, 2)
    report = ts.evaluate(model, data.test, k=cut, metrics=["ndcg", "recall"], threads=threads)
    return {
        "validation": {epoch.number: round(epoch.validation[metric], 5) for epoch in told},
        "chosen": chosen,
        "largest rank": LARGEST[name],
        "seconds": seconds,
        "metrics": model.info.metrics,
        "test": {
            shown: interval(report.per_user(shown)["value"]) for shown in (f"recall@{cut}", f"ndcg@{cut}")
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CUT))
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    path = common.RESULTS / "puresvd.json"
    results: dict[str, Any] = json.loads(path.read_text())["results"] if path.exists() else {}
    for name in options.names or CUT:
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
