"""Seconds of ranking by gradient steps, and until NDCG@10 is what other libraries reach in the end, MovieLens 1M.

Protocol: every rating is an event of weight 1; a fifth of each user's at random is the test part (seed 0); NDCG@10 over
all unseen items, mean over the users with test events, by one function for every library; 64 factors. Libraries take
turns, a round each. The clock of a fit starts with ``fit`` and stops when the factors are there.

Epochs: implicit's BPR and ours with one unseen item an event (``negatives="uniform"``), seconds of a fit of ten epochs,
divided by ten.
Quality: cornac's BPR (100 epochs, learning rate .05, penalty .01, one thread: with more it is not deterministic) and
lightfm-next's WARP (30 epochs, its defaults), and the number of our epochs after which a whole ``fit`` of ours is at
least as good. Our settings were chosen on a validation part of train (``benchmarks/quality/steps.py``); the number of
epochs is not chosen but shown as a curve. A library that is not installed is left out, and its target is the one
measured elsewhere: .347 and .368.

Run as ``python -m benchmarks.speed.ranking [--threads N] [--rounds N] [--quick]``.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
import scipy.sparse as sp

import tastespace as ts
from benchmarks import common
from benchmarks.quality.steps import events, held_out
from tastespace.trainers.pairwise import PairwiseTrainer

#: What a rival runs in its own interpreter: TABLE.npz OUT.npz THREADS ROUNDS; prints one JSON list of seconds.
RIVALS = {
    "implicit BPR": (
        "rivals",
        """
from implicit.cpu.bpr import BayesianPersonalizedRanking as Model
for _ in range(rounds):
    model = Model(factors=64, iterations=10, num_threads=threads, random_state=0)
    start = time.perf_counter(); model.fit(table, show_progress=False)
    seconds.append((time.perf_counter() - start) / 10)
""",
    ),
    "cornac BPR": (
        "ranking",
        """
from cornac.models import BPR
from cornac.data import Dataset
coo = table.tocoo()
data = Dataset.from_uir(list(zip(coo.row.tolist(), coo.col.tolist(), coo.data.tolist())))
for _ in range(rounds):
    model = BPR(k=64, max_iter=100, learning_rate=0.05, lambda_reg=0.01, num_threads=1, seed=0, verbose=False)
    start = time.perf_counter(); model.fit(data); seconds.append(time.perf_counter() - start)
users = np.zeros((table.shape[0], 64)); items = np.zeros((table.shape[1], 64)); bias = np.zeros(table.shape[1])
for raw, row in data.uid_map.items(): users[raw] = model.u_factors[row]
for raw, row in data.iid_map.items(): items[raw], bias[raw] = model.i_factors[row], model.i_biases[row]
""",
    ),
    "lightfm-next WARP": (
        "ranking",
        """
from lightfm import LightFM
for _ in range(rounds):
    model = LightFM(no_components=64, loss="warp", random_state=0)
    start = time.perf_counter(); model.fit(table, epochs=30, num_threads=threads)
    seconds.append(time.perf_counter() - start)
users, items, bias = model.user_embeddings, model.item_embeddings, model.item_biases
""",
    ),
}
HEAD = """
import json, sys, time
import numpy as np, scipy.sparse as sp
table = sp.load_npz(sys.argv[1]).tocsr(); threads, rounds = int(sys.argv[3]), int(sys.argv[4]); seconds = []
users = items = bias = None
"""
TAIL = """
if users is not None: np.savez(sys.argv[2], users=np.float32(users), items=np.float32(items), bias=np.float32(bias))
print("RESULT" + json.dumps(seconds))
"""
TARGETS = {"cornac BPR": 0.347, "lightfm-next WARP": 0.368}

#: Model, rival whose quality it has to reach, epochs to try.
CURVES: list[tuple[str, PairwiseTrainer, str, list[int]]] = [
    (
        "BPR, uniform",
        ts.BPR(regularization=0.01, negatives="uniform"),
        "cornac BPR",
        [10, 15, 20, 25, 30, 40],
    ),
    ("BPR, hard", ts.BPR(), "cornac BPR", [2, 4, 6, 8, 10, 20]),
    ("WARP", ts.WARP(), "lightfm-next WARP", [4, 6, 8, 10, 15, 30]),
]


def interpreter(name: str) -> str | None:
    """The Python of an environment, where it is."""
    made = common.ROOT / "benchmarks" / ".envs" / name / "bin" / "python"
    path = os.environ.get(f"{name.upper()}_PYTHON", str(made))
    return path if Path(path).exists() else None


def rival(name: str, table: Path, out: Path, threads: int, rounds: int) -> list[float] | str:
    """Seconds of each round, or why there are none."""
    environment, body = RIVALS[name]
    python = interpreter(environment)
    if python is None:
        return f"no interpreter; name one in {environment.upper()}_PYTHON"
    variables = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    variables |= {"OPENBLAS_NUM_THREADS": "1"}
    command = [python, "-c", HEAD + body + TAIL, str(table), str(out), str(threads), str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    told = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
    if not told:
        return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "it ended without an answer"
    seconds: list[float] = json.loads(told[0].removeprefix("RESULT"))
    return seconds


def quality(model: ts.FactorModel, test: ts.Interactions) -> float:
    return ts.evaluate(model, test, k=10, metrics="ndcg")["ndcg@10"]


def of_factors(path: Path, train: ts.Interactions) -> ts.FactorModel:
    """A model around the factors that a rival wrote, by rows of train."""
    arrays = np.load(path)
    blank = ts.BPR(factors=1, epochs=1, progress=False).fit(train)
    return ts.FactorModel(
        users=train.users,
        items=train.items,
        user_factors=arrays["users"],
        item_factors=arrays["items"],
        user_bias=np.zeros(train.n_users, np.float32),
        item_bias=arrays["bias"],
        mean=0.0,
        history=train.by_user,
        explicit=False,
        scale=None,
        solver=None,
        info=blank.info,
    )


def epoch_seconds(trainer: PairwiseTrainer, train: ts.Interactions) -> float:
    start = time.perf_counter()
    trainer.replace(epochs=10).fit(train)
    return (time.perf_counter() - start) / 10


def main() -> None:
    chosen = common.options(__doc__).parse_args()
    rounds = 2 if chosen.quick else chosen.rounds
    ratings = pl.read_parquet(common.DATA / "ml-1m" / "ratings.parquet")
    held = held_out(ratings["user"].to_numpy(), 0.2, 0)
    train, test = events(ratings.filter(~held)), events(ratings.filter(held))
    results = common.Results("speed_ranking", __doc__, chosen)
    results.cells["threads"] = chosen.threads
    with tempfile.TemporaryDirectory() as folder:
        table, out = Path(folder) / "table.npz", Path(folder) / "factors.npz"
        sp.save_npz(table, train.by_user.to_scipy())

        def epochs() -> dict[str, object]:
            seconds: dict[str, list[float]] = {"tastespace BPR": [], "implicit BPR": []}
            trainer = ts.BPR(negatives="uniform", threads=chosen.threads, progress=False)
            for _ in range(rounds):
                seconds["tastespace BPR"].append(epoch_seconds(trainer, train))
                other = rival("implicit BPR", table, out, chosen.threads, 1)
                if isinstance(other, str):
                    return {"tastespace BPR": common.spread(seconds["tastespace BPR"]), "implicit BPR": other}
                seconds["implicit BPR"] += other
            return {name: common.spread(values) for name, values in seconds.items()}

        print("epoch:", results.cell("epoch", epochs), flush=True)

        def target(name: str) -> dict[str, object]:
            seconds = rival(name, table, out, chosen.threads, 1)
            if isinstance(seconds, str):
                return {"skipped": seconds, "ndcg@10": TARGETS[name]}
            return {"seconds": common.spread(seconds), "ndcg@10": quality(of_factors(out, train), test)}

        for name in TARGETS:
            print(name, results.cell(name, lambda name=name: target(name)), flush=True)
        for name, trainer, other, lengths in CURVES:

            def curve(
                trainer: PairwiseTrainer = trainer, lengths: list[int] = lengths
            ) -> list[dict[str, object]]:
                rows = []
                for length in lengths[: 2 if chosen.quick else None]:
                    fit = trainer.replace(epochs=length, threads=chosen.threads, progress=False)
                    seconds = []
                    for _ in range(rounds):
                        start = time.perf_counter()
                        model = fit.fit(train)
                        seconds.append(time.perf_counter() - start)
                    value = round(quality(model, test), 4)
                    rows.append({"epochs": length, "seconds": common.spread(seconds), "ndcg@10": value})
                return rows

            rows = results.cell(f"tastespace {name}", curve)
            goal = results.cells[other]["ndcg@10"]
            reached = [row for row in rows if row["ndcg@10"] >= goal]
            when = f"{reached[0]['seconds']['median']} s" if reached else "never"
            print(
                f"{name}: {other}'s {goal:.4f} after {when}; best {max(row['ndcg@10'] for row in rows)}",
                flush=True,
            )
    print(f"written to {results.write().relative_to(common.ROOT)}")


if __name__ == "__main__":
    sys.exit(main())
