"""How much of the error biases save: mean, Baseline, PMF and FunkSVD on every data set of ratings.

Protocol: ``ts.split.kfold(ratings, k=5, seed=0)``; RMSE over all test ratings, kept inside the scale, as in
``rmse_5fold.py``; ratings by a user or of an item that training does not know are predicted by what is known. Factor
models are fitted with three seeds, and errors are averaged over folds and seeds. Each is tuned anew for each fold on a
tenth of that fold's *training* ratings (``ts.split.kfold(train, k=10, seed=1)[0]``, seed 0), and so is the penalty of
``Baseline``: no test rating chooses a setting of its own fold. The grid of the factor models, the same for all three:
half the default number of epochs or all, and the default penalties times 0.5, 0.7, 1, 1.4 or 2; 64 factors.
``FunkSVD without biases`` is ``FunkSVD`` with ``bias_learning_rate=0``: the same objective without the two sums.
What biases save is the difference between these two; ``best without biases`` is the better of PMF and the former.

Run as ``python -m benchmarks.quality.biases [DATA ...]``; writes one file for all.
"""

import argparse
import itertools
import json
from typing import Any

import numpy as np

import tastespace as ts
from benchmarks import common
from benchmarks.quality.rmse_5fold import errors
from tastespace.trainers.sgd import SgdTrainer

DATA = ["ml-100k", "ml-1m", "ml-latest-small", "movietweetings-100k", "jester-1"]
SEEDS = (0, 1, 2)
GRID = ((0.5, 1.0), (0.5, 0.7, 1.0, 1.4, 2.0))  # share of the epochs, times the penalties
MODELS: dict[str, SgdTrainer] = {
    "PMF": ts.PMF(progress=False),
    "FunkSVD without biases": ts.FunkSVD(bias_learning_rate=0.0, progress=False),
    "FunkSVD": ts.FunkSVD(progress=False),
}
BASELINES = tuple(ts.Baseline(regularization=penalty) for penalty in (1, 2, 5, 10, 20))


def rmse(model: ts.FactorModel, test: ts.Interactions) -> float:
    return float((errors(model, test)[0] / test.n_events) ** 0.5)


def mean_only(train: ts.Interactions) -> ts.FactorModel:
    """Every prediction is the mean rating."""
    return ts.Baseline(regularization=1e12).fit(train)


def settings(trainer: SgdTrainer, train: ts.Interactions) -> list[SgdTrainer]:
    """The grid; penalties are those of ``train``, times a number."""
    settled, found = trainer.settled(train), []
    for share, times in itertools.product(*GRID):
        changes: dict[str, Any] = {
            "epochs": round(share * trainer.epochs),
            "regularization": times * (settled.regularization or 0.0),
        }
        if isinstance(settled, ts.FunkSVD):
            changes["bias_learning_rate"] = settled.bias_learning_rate
            changes["bias_regularization"] = times * (settled.bias_regularization or 0.0)
        found.append(trainer.replace(**changes))
    return found


def best(tried: list[Any], part: ts.Interactions, validation: ts.Interactions) -> int:
    """Which of these trainers errs least on the validation part."""
    return int(np.argmin([rmse(trainer.fit(part), validation) for trainer in tried]))


def measure(ratings: ts.Interactions, threads: int) -> dict[str, Any]:
    """Errors by model, with what was chosen."""
    folds = ts.split.kfold(ratings, k=5, seed=0)
    parts = [ts.split.kfold(train, k=10, seed=1)[0] for train, _ in folds]
    found: dict[str, Any] = {"data": repr(ratings)}
    constant = [rmse(mean_only(train), test) for train, test in folds]
    found["mean"] = {"rmse_by_fold": np.round(constant, 5).tolist()}
    chosen = [BASELINES[best(list(BASELINES), *part)] for part in parts]
    baseline = [rmse(trainer.fit(train), test) for trainer, (train, test) in zip(chosen, folds, strict=True)]
    found["Baseline"] = {
        "rmse_by_fold": np.round(baseline, 5).tolist(),
        "regularization_by_fold": [trainer.regularization for trainer in chosen],
    }
    for name, plain in MODELS.items():
        trainer = plain.replace(threads=threads)
        picks = [best(settings(trainer, part.train), *part) for part in parts]
        tuned = [settings(trainer, train)[pick] for pick, (train, _) in zip(picks, folds, strict=True)]
        by_seed = [
            [
                rmse(one.replace(seed=seed).fit(train), test)
                for one, (train, test) in zip(tuned, folds, strict=True)
            ]
            for seed in SEEDS
        ]
        found[name] = {
            "rmse_by_seed_and_fold": np.round(by_seed, 5).tolist(),
            "chosen_by_fold": [
                dict(zip(("epochs_share", "penalty_times"), row, strict=True))
                for row in (list(itertools.product(*GRID))[pick] for pick in picks)
            ],
        }
    for row in found.values():
        if isinstance(row, dict):
            values = next(value for key, value in row.items() if key.startswith("rmse_by"))
            row["rmse"] = round(float(np.mean(values)), 5)
    plain_rmse, biased = found["FunkSVD without biases"]["rmse"], found["FunkSVD"]["rmse"]
    found["biases_save_percent"] = round(100 * (1 - biased / plain_rmse), 2)
    found["best_without_biases"] = min(plain_rmse, found["PMF"]["rmse"])
    found["biases_save_percent_of_best_without"] = round(100 * (1 - biased / found["best_without_biases"]), 2)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="*", default=DATA)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    path = common.RESULTS / "biases.json"
    results = json.loads(path.read_text())["results"] if path.exists() else {}
    for name in chosen.data:
        results[name] = measure(ts.datasets.load(name), chosen.threads)
        common.write("biases", __doc__, results)
        row = results[name]
        parts = [f"{model} {row[model]['rmse']:.4f}" for model in ("mean", "Baseline", *MODELS)]
        print(f"{name:20}", "  ".join(parts), f"  biases save {row['biases_save_percent']} %", flush=True)


if __name__ == "__main__":
    main()
