"""Defaults of neighbours, BPR, WARP and LogisticMF on validation parts of six training sets.

Protocol: nothing here touches test events. Steam (hours) and Last.fm (plays): a fifth of each user's events at random
(seed 0) is put away, a fifth of each user's others (seed 1) validates. Gowalla: a tenth of each user's events in the
published training file (seed 1), 2,000 users of them. MovieLens 1M, likes: a cut in time at 80 % is put away, and of
its training side the last fifth in time validates, or a random fifth of each user's events (seed 1). NCF: the last
event of each user in the published training file, against 99 drawn ones (seed 0). Full ranking elsewhere, seen items
removed, NDCG@10.

Run as ``python -m benchmarks.quality.ranking_defaults [NAME ...] [--threads N]``; sets that are not named keep the
numbers of the last result file.
"""

import argparse
import json
import time
from typing import Any, NamedTuple

import numpy as np
import polars as pl

import tastespace as ts
from benchmarks import common
from benchmarks.quality import confidence
from benchmarks.quality.gowalla import table

NAME = "ranking_defaults"
NAMES = ("steam-200k", "hetrec-lastfm", "gowalla", "ml-1m by time", "ml-1m at random", "ncf-ml-1m")

TRAINERS: dict[str, Any] = {
    "Popularity": ts.Popularity(),
    **{
        f"ItemKNN, {k} neighbours, shrinkage {s}": ts.ItemKNN(neighbours=k, shrinkage=s)
        for k, s in ((100, 0), (100, 10), (100, 30), (100, 100), (200, 30), (200, 100))
    },
    **{
        f"UserKNN, 100 neighbours, shrinkage {s}": ts.UserKNN(neighbours=100, shrinkage=s) for s in (0, 3, 30)
    },
    "BPR, rate .05": ts.BPR(learning_rate=0.05),
    "BPR": ts.BPR(),
    "WARP, rate .03": ts.WARP(learning_rate=0.03),
    "WARP": ts.WARP(),
    "LogisticMF, rate .05": ts.LogisticMF(learning_rate=0.05),
    "LogisticMF": ts.LogisticMF(),
}


class Part(NamedTuple):
    """Events to learn from and to validate on, and against what."""

    train: ts.Interactions
    valid: ts.Interactions
    candidates: ts.Sampled | None = None


def part(name: str) -> Part:
    if name in confidence.SOURCES:
        whole = ts.split.stratified(confidence.table(name), 0.2, seed=0)
        return Part(*ts.split.stratified(whole.train, 0.2, seed=1))
    if name == "gowalla":
        train, valid = ts.split.stratified(table("train"), 0.1, seed=1)
        chosen = np.random.default_rng(0).choice(list(valid.users), 2_000, replace=False)
        return Part(train, valid.filter(users=chosen.tolist()))
    if name == "ncf-ml-1m":
        frame = pl.read_parquet(common.DATA / name / "train.parquet")
        events = ts.read(frame, user="user", item="item", timestamp="timestamp")
        return Part(*ts.split.last_out(events), ts.Sampled())
    likes = ts.split.by_time(ts.datasets.load("ml-1m").as_implicit(at_least=4), 0.8).train
    return Part(
        *(ts.split.by_time(likes, 0.8) if name.endswith("time") else ts.split.stratified(likes, 0.2, seed=1))
    )


def measure(name: str, threads: int) -> dict[str, Any]:
    train, valid, candidates = part(name)
    found: dict[str, Any] = {"events": str(train), "events a user": round(train.n_events / train.n_users, 1)}
    rows: dict[Any, dict[str, float]] = {}  # by what is learned: the rule may give the constant rate
    for label, trainer in TRAINERS.items():
        settled = trainer.settled(train)
        if settled not in rows:
            start = time.perf_counter()
            model = (settled.replace(threads=threads) if hasattr(settled, "threads") else settled).fit(train)
            seconds = round(time.perf_counter() - start, 2)
            report = ts.evaluate(model, valid, k=10, metrics=["ndcg"], candidates=candidates, threads=threads)
            rows[settled] = {"ndcg@10": round(report["ndcg@10"], 5), "fit seconds": seconds}
        found[label] = rows[settled]
        if hasattr(settled, "learning_rate"):
            found[label] = rows[settled] | {"learning_rate": settled.learning_rate}
        print(f"{name:16} {label:40} {found[label]}", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {'; '.join(NAMES)}")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"unknown sets: {'; '.join(sorted(unknown))}; known are {'; '.join(NAMES)}")
    path = common.RESULTS / f"{NAME}.json"
    for name in options.names or NAMES:
        found = measure(name, options.threads)
        kept = json.loads(path.read_text())["results"] if path.exists() else {}
        kept[name] = found
        common.write(NAME, __doc__, {name: kept[name] for name in NAMES if name in kept})
    print(f"written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
