"""Seconds of an epoch of SVD++ with 20 factors, against Surprise's ``SVDpp``, MovieLens 1M.

Protocol: a tenth of the ratings at random is the test part (seed 0); RMSE of predictions kept within 1 to 5, by one
function for both. Surprise learns for one and for two epochs, and the difference is its epoch; ours are those of
fits of six, by the callbacks, without the first; three rounds in turns, as an epoch of Surprise takes half a minute.
With ``--full`` it learns once for its 20 epochs, for the error at the end. ``translated`` are Surprise's default rates
and penalties in our units, ``implicit="users"``: the same model and nearly the same steps. ``users`` and ``both`` are
ours with defaults but for the width.

Run as ``python -m benchmarks.speed.svdpp``. ``SURPRISE_PYTHON`` names the interpreter of the rival, with
scikit-surprise and pandas in it.
"""

import tempfile
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.speed import data
from benchmarks.speed.explicit import rmse
from benchmarks.workers import Worker, Workers

FACTORS = 20
OURS, SURPRISE = "tastespace SVDPlusPlus", "Surprise SVDpp"


def settings(deviation: float) -> dict[str, dict[str, Any]]:
    """Ours by name; Surprise's defaults are a rate of 0.007 and a penalty of 0.02 of everything."""
    translated = {
        "implicit": "users",
        "learning_rate": 0.007 * deviation,
        "regularization": 0.02 / deviation,
        "implicit_learning_rate": None,
        "implicit_regularization": 0.02 / deviation,
        "bias_learning_rate": 0.007,
        "bias_regularization": 0.02,
        "decay": 0.0,
    }
    return {"translated": translated, "users": {"implicit": "users"}, "both": {"implicit": "both"}}


def measure(workers: Workers, threads: int, rounds: int, quick: bool, full: bool) -> dict[str, Any]:
    """Seconds of epochs, and errors."""
    train, test = data.ml_1m_ratings()
    found: dict[str, Any] = {"ratings": int(train.nnz)}
    rival, worker = workers.running.get(SURPRISE), workers.running[OURS]
    workers.load(data.path("ml-1m-ratings"))
    ours = {name: given | {"factors": FACTORS} for name, given in settings(float(train.data.std())).items()}
    epochs: dict[str, list[float]] = {name: [] for name in (SURPRISE, *ours)}
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "factors.npz")

        def fit(library: Worker, given: dict[str, Any], used: int) -> dict[str, float]:
            spent = library.call("fit", settings=given, threads=used, out=file)
            return {"seconds": round(spent, 3), "rmse": round(rmse(file, test.tocoo()), 5)}

        for _ in range(rounds):
            if rival is not None:
                given = {"n_factors": FACTORS}
                one, two = (fit(rival, given | {"n_epochs": count}, 1) for count in (1, 2))
                epochs[SURPRISE].append(two["seconds"] - one["seconds"])
                found[SURPRISE] = {"fits": {1: one, 2: two}}
            for name, given in ours.items():
                steps = worker.steps("epochs", settings=given, threads=threads, epochs=3 if quick else 6)
                epochs[name] += list(steps)[1:]  # the first one warms the memory up
        if rival is not None and full:
            found[SURPRISE]["fits"][20] = fit(rival, {"n_factors": FACTORS, "n_epochs": 20}, 1)
        for name, given in ours.items():
            found[f"{OURS}, {name}"] = {
                "fits": {count: fit(worker, given | {"epochs": count}, threads) for count in (1, 2, 20)},
                "epoch_seconds": common.spread(epochs[name]),
            }
    if rival is not None:
        found[SURPRISE]["epoch_seconds"] = common.spread(epochs[SURPRISE])
        for name in ours:
            times = common.median(epochs[SURPRISE]) / common.median(epochs[name])
            found[f"{OURS}, {name}"]["times_faster"] = round(times)
    return found


def main() -> None:
    parser = common.options(__doc__)
    parser.add_argument("--full", action="store_true", help="let Surprise learn for 20 epochs, too: minutes")
    chosen = parser.parse_args()
    rounds = min(chosen.rounds, 3)
    results = common.Results("speed_svdpp", __doc__, chosen)
    with Workers([OURS, SURPRISE], chosen.threads) as workers:
        results.versions |= workers.versions()
        results.cells |= {"threads": chosen.threads, "factors": FACTORS, "skipped": workers.skipped}
        cell = results.cell(
            "ml-1m", lambda: measure(workers, chosen.threads, rounds, chosen.quick, chosen.full)
        )
    for name, found in cell.items():
        print(name, found)
    print(f"written to {results.write().relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
