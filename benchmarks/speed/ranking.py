"""Seconds of ranking by gradient steps, and until NDCG@10 is what other libraries reach in the end, MovieLens 1M.

Protocol: every rating is an event of weight 1; a fifth of each user's at random is the test part (seed 0); NDCG@10 over
all unseen items, mean over the users with test events, by one function for every library; 64 factors. Libraries take
turns, a round each. The clock of a fit starts with ``fit`` and stops when the factors are there.

Epochs: implicit's BPR and ours with one unseen item an event (``negatives="uniform"``), seconds of a fit of ten epochs,
divided by ten.
Quality: cornac's BPR (100 epochs, learning rate .05, penalty .01, one thread: with more it is not deterministic) and
lightfm-next's WARP (30 epochs, its defaults), and the number of our epochs after which a whole ``fit`` of ours is at
least as good. Our settings were chosen on a validation part of train (``benchmarks/quality/ranking.py``); the number of
epochs is not chosen but shown as a curve. A library that is not installed is left out, and its target is the one
measured elsewhere: .347 and .368.

Run as ``python -m benchmarks.speed.ranking [--threads N] [--rounds N] [--quick]``.
"""

import os
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from pathlib import Path

import numpy as np
import polars as pl
import scipy.sparse as sp

import tastespace as ts
from benchmarks import common
from benchmarks.quality.ranking import events, held_out
from tastespace.trainers.pairwise import PairwiseTrainer

#: What a rival runs in its own interpreter: TABLE.npz OUT.npz THREADS; prints seconds.
RIVALS = {
    "implicit BPR": (
        "rivals",
        """
from implicit.cpu.bpr import BayesianPersonalizedRanking as Model
model = Model(factors=64, iterations=10, num_threads=threads, random_state=0)
start = time.perf_counter(); model.fit(table, show_progress=False)
seconds = (time.perf_counter() - start) / 10
""",
    ),
    "cornac BPR": (
        "ranking",
        """
from cornac.models import BPR
from cornac.data import Dataset
coo = table.tocoo()
data = Dataset.from_uir(list(zip(coo.row.tolist(), coo.col.tolist(), coo.data.tolist())))
model = BPR(k=64, max_iter=100, learning_rate=0.05, lambda_reg=0.01, num_threads=1, seed=0, verbose=False)
start = time.perf_counter(); model.fit(data); seconds = time.perf_counter() - start
users = np.zeros((table.shape[0], 64)); items = np.zeros((table.shape[1], 64)); bias = np.zeros(table.shape[1])
for raw, row in data.uid_map.items(): users[raw] = model.u_factors[row]
for raw, row in data.iid_map.items(): items[raw], bias[raw] = model.i_factors[row], model.i_biases[row]
""",
    ),
    "lightfm-next WARP": (
        "ranking",
        """
from lightfm import LightFM
model = LightFM(no_components=64, loss="warp", random_state=0)
start = time.perf_counter(); model.fit(table, epochs=30, num_threads=threads)
seconds = time.perf_counter() - start
users, items, bias = model.user_embeddings, model.item_embeddings, model.item_biases
""",
    ),
}
HEAD = """
import sys, time
import numpy as np, scipy.sparse as sp
table = sp.load_npz(sys.argv[1]).tocsr(); threads = int(sys.argv[3])
users = items = bias = None
"""
TAIL = """
if users is not None: np.savez(sys.argv[2], users=np.float32(users), items=np.float32(items), bias=np.float32(bias))
print("RESULT", seconds)
"""
TARGETS = {"cornac BPR": 0.347, "lightfm-next WARP": 0.368}

#: Rival whose quality is to be reached: by title our trainer and the numbers of epochs to try.
RACES: dict[str, dict[str, tuple[PairwiseTrainer, list[int]]]] = {
    "cornac BPR": {
        "BPR, uniform": (ts.BPR(regularization=0.01, negatives="uniform"), [20, 25, 30, 35, 40]),
        "BPR, hard": (ts.BPR(), [4, 6, 8, 10, 20]),
    },
    "lightfm-next WARP": {"WARP": (ts.WARP(), [6, 8, 9, 10, 15, 30])},
}
#: Distributions of the rivals, whose versions the result file names.
PACKAGES = {"rivals": ("implicit",), "ranking": ("cornac", "lightfm-next")}


def versions() -> dict[str, str]:
    """Versions of the rivals that are there."""
    found = {}
    for environment, names in PACKAGES.items():
        python = interpreter(environment)
        for name in names if python else ():
            asked = f"from importlib.metadata import version; print(version({name!r}))"
            done = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=False)
            if done.returncode == 0:
                found[name] = done.stdout.strip()
    return found


def interpreter(name: str) -> str | None:
    """The Python of an environment, where it is."""
    made = common.ROOT / "benchmarks" / ".envs" / name / "bin" / "python"
    path = os.environ.get(f"{name.upper()}_PYTHON", str(made))
    return path if Path(path).exists() else None


def rival(name: str, table: Path, out: Path, threads: int) -> float | str:
    """Seconds of a fit (of an epoch, for implicit), or why there are none."""
    environment, body = RIVALS[name]
    python = interpreter(environment)
    if python is None:
        return f"no interpreter; name one in {environment.upper()}_PYTHON"
    variables = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    variables |= {"OPENBLAS_NUM_THREADS": "1"}
    command = [python, "-c", HEAD + body + TAIL, str(table), str(out), str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    told = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
    if not told:
        return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "it ended without an answer"
    return float(told[0].removeprefix("RESULT"))


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


class Turns:
    """Measures on one training part; libraries take turns, a round each."""

    def __init__(
        self, train: ts.Interactions, test: ts.Interactions, folder: Path, options: Namespace
    ) -> None:
        self.train, self.test = train, test
        self.table, self.out = folder / "table.npz", folder / "factors.npz"
        sp.save_npz(self.table, train.by_user.to_scipy())
        self.threads, self.quick = options.threads, options.quick
        self.rounds = 2 if options.quick else options.rounds

    def epochs(self) -> dict[str, object]:
        """Seconds of one epoch of BPR."""
        ours: list[float] = []
        theirs: list[float] = []
        trainer = ts.BPR(negatives="uniform", threads=self.threads, progress=False)
        for _ in range(self.rounds):
            ours.append(epoch_seconds(trainer, self.train))
            other = rival("implicit BPR", self.table, self.out, self.threads)
            if isinstance(other, str):
                return {"tastespace BPR": common.spread(ours), "skipped": other}
            theirs.append(other)
        return {"tastespace BPR": common.spread(ours), "implicit BPR": common.spread(theirs)}

    def race(self, name: str, curves: dict[str, tuple[PairwiseTrainer, list[int]]]) -> dict[str, object]:
        """A rival's whole fit and its quality, and fits of ours by their number of epochs."""
        theirs: list[tuple[float, float]] = []
        fits = {
            (title, length): trainer.replace(epochs=length, threads=self.threads, progress=False)
            for title, (trainer, lengths) in curves.items()
            for length in lengths[: 2 if self.quick else None]
        }
        seconds: dict[tuple[str, int], list[float]] = {fit: [] for fit in fits}
        reached = {}
        skipped = None
        for _ in range(self.rounds):
            if skipped is None:
                other = rival(name, self.table, self.out, self.threads)
                if isinstance(other, str):
                    skipped = other
                else:
                    theirs.append((other, quality(of_factors(self.out, self.train), self.test)))
            for fit, trainer in fits.items():
                start = time.perf_counter()
                model = trainer.fit(self.train)
                seconds[fit].append(time.perf_counter() - start)
                if fit not in reached:  # the same in every round
                    reached[fit] = round(quality(model, self.test), 4)
        goal = common.median([value for _, value in theirs]) if theirs else TARGETS[name]
        found: dict[str, object] = {"ndcg@10": round(goal, 4)}
        if theirs:
            found |= {"seconds": common.spread([value for value, _ in theirs])}
            found |= {"ndcg@10 of each round": [round(value, 4) for _, value in theirs]}
        else:
            found["skipped"] = skipped
        found["ours"] = {
            title: [
                {
                    "epochs": length,
                    "seconds": common.spread(seconds[title, length]),
                    "ndcg@10": reached[title, length],
                }
                for other, length in fits
                if other == title
            ]
            for title in curves
        }
        return found


def main() -> None:
    chosen = common.options(__doc__).parse_args()
    ratings = pl.read_parquet(common.DATA / "ml-1m" / "ratings.parquet")
    held = held_out(ratings["user"].to_numpy(), 0.2, 0)
    results = common.Results("speed_ranking", __doc__, chosen)
    results.versions |= versions()
    results.cells["threads"] = chosen.threads
    with tempfile.TemporaryDirectory() as folder:
        turns = Turns(events(ratings.filter(~held)), events(ratings.filter(held)), Path(folder), chosen)
        print("epoch:", results.cell("epoch", turns.epochs), flush=True)
        for name, curves in RACES.items():
            found = results.cell(name, lambda name=name, curves=curves: turns.race(name, curves))
            print(f"{name}: {found['ndcg@10']:.4f} in {found.get('seconds', found.get('skipped'))}")
            for title, rows in found["ours"].items():
                at = next((row for row in rows if row["ndcg@10"] >= found["ndcg@10"]), None)
                print(f"  {title:14}", f"{at['seconds']['median']} s" if at else "never", flush=True)
    print(f"written to {results.write().relative_to(common.ROOT)}")


if __name__ == "__main__":
    sys.exit(main())
