"""HR@10 and NDCG@10 on the NCF split of MovieLens 1M, with the published negatives.

Protocol: He et al. 2017. Every rating is an event of weight 1; each of 6,040 users' latest event is the test event
and is ranked against the 99 negatives of the published file. A negative that scores the same as the test item
counts as ahead of it; 156 rows list the test item among its own negatives, where it is left out, as the original
script does by its dictionary. Settings: as published for iALS by Rendle et al. 2021 (factors 192, a0 .3, lambda .007,
nu 1, 12 epochs), who chose them on a validation part of train; nothing is tuned here. Published: .730 / .453.

Run as ``python -m benchmarks.quality.ncf_ml_1m [--threads N] [--seeds N]``.
"""

import argparse
import time

import numpy as np
import polars as pl

import tastespace as ts
from benchmarks import common

SETTINGS = {
    "factors": 192,
    "unobserved_weight": 0.3,
    "regularization": 0.007,
    "frequency_scaling": 1.0,
    "epochs": 12,
}
PUBLISHED = {"hit_rate@10": 0.730, "ndcg@10": 0.453}


def score(model: ts.FactorModel, test: pl.DataFrame) -> dict[str, float]:
    item, negatives = test["item"].to_numpy(), np.stack(test["negatives"].to_list())
    candidates = np.column_stack([item, negatives])  # (users, 100), the test item first
    users = np.repeat(model.users.rows(test["user"].to_numpy()), candidates.shape[1])
    items = model.items.find(candidates.ravel())
    # an item without training events has a zero factor, so it scores 0
    scores = np.where(items >= 0, model.score_pairs(users, np.maximum(items, 0)), 0.0)
    scores = scores.reshape(candidates.shape)
    ahead = (scores[:, 1:] >= scores[:, :1]) & (negatives != item[:, None])
    rank = ahead.sum(axis=1)
    gain = np.where(rank < 10, 1 / np.log2(rank + 2.0), 0.0)
    return {"hit_rate@10": float((rank < 10).mean()), "ndcg@10": float(gain.mean())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    folder = common.DATA / "ncf-ml-1m"
    train = ts.read(folder / "train.parquet", user="user", item="item")
    test = pl.read_parquet(folder / "test.parquet")
    runs = []
    for seed in range(options.seeds):
        trainer = ts.ImplicitALS(**SETTINGS, seed=seed, threads=options.threads, progress=False)
        start = time.perf_counter()
        model = trainer.fit(train)
        seconds = round(time.perf_counter() - start, 2)
        runs.append({"seed": seed, "fit_seconds": seconds, "threads": options.threads} | score(model, test))
    mean = {name: round(float(np.mean([run[name] for run in runs])), 5) for name in PUBLISHED}
    path = common.write(
        "ncf_ml_1m", __doc__, {"published": PUBLISHED, "mean": mean, "settings": SETTINGS, "runs": runs}
    )
    for name, value in mean.items():
        print(f"{name:12} {value:.4f}  published {PUBLISHED[name]:.3f}  ({value - PUBLISHED[name]:+.4f})")
    print(f"written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
