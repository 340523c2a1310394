"""Seconds of an epoch of SVD++ with 20 factors, against Surprise's ``SVDpp``, MovieLens 1M.

Protocol: a tenth of the ratings at random is the test part (seed 0); RMSE of predictions kept within 1 to 5, by one
function for both. Surprise learns for one and for two epochs, and the difference is its epoch; ours is the median
over the epochs of several fits, by the callbacks. ``translated`` are Surprise's default rates and penalties in our
units, ``implicit="users"``: the same model and nearly the same steps, so errors are compared after as many epochs as
Surprise was given. ``users`` and ``both`` are ours after 20 epochs, with defaults but for the width.

Run as ``python -m benchmarks.speed.svdpp``. ``SURPRISE_PYTHON`` names the interpreter of the rival, with
scikit-surprise and pandas in it.
"""

import tempfile
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.speed import data
from benchmarks.speed.explicit import rmse
from benchmarks.workers import Workers

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


def measure(workers: Workers, threads: int, rounds: int, quick: bool) -> dict[str, Any]:
    """Seconds of epochs, and errors."""
    train, test = data.ml_1m_ratings()
    found: dict[str, Any] = {"ratings": int(train.nnz)}
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "factors.npz")
        workers.load(data.path("ml-1m-ratings"))
        rival = workers.running.get(SURPRISE)
        if rival is not None:
            fits = {}
            for epochs in (1, 2):
                whole = {"n_factors": FACTORS, "n_epochs": epochs}
                seconds = rival.call("fit", settings=whole, threads=1, out=file)
                fits[epochs] = {"seconds": round(seconds, 3), "rmse": rmse(file, test.tocoo())}
            epoch = round(fits[2]["seconds"] - fits[1]["seconds"], 3)
            found[SURPRISE] = {"fits": fits, "epoch_seconds": epoch}
        worker = workers.running[OURS]
        for name, given in settings(float(train.data.std())).items():
            given = given | {"factors": FACTORS}
            seconds = []
            for _ in range(rounds):
                steps = worker.steps("epochs", settings=given, threads=threads, epochs=3 if quick else 6)
                seconds += list(steps)[1:]  # the first one warms the memory up
            fits = {}
            for epochs in (1, 2, 20):
                whole = given | {"epochs": epochs}
                spent = worker.call("fit", settings=whole, threads=threads, out=file)
                fits[epochs] = {"seconds": round(spent, 3), "rmse": rmse(file, test.tocoo())}
            found[f"{OURS}, {name}"] = {"fits": fits, "epoch_seconds": common.spread(seconds)}
            if rival is not None:
                times = found[SURPRISE]["epoch_seconds"] / common.median(seconds)
                found[f"{OURS}, {name}"]["times_faster"] = round(times)
    return found


def main() -> None:
    chosen = common.options(__doc__).parse_args()
    results = common.Results("speed_svdpp", __doc__, chosen)
    with Workers([OURS, SURPRISE], chosen.threads) as workers:
        results.versions |= workers.versions()
        results.cells |= {"threads": chosen.threads, "factors": FACTORS, "skipped": workers.skipped}
        cell = results.cell("ml-1m", lambda: measure(workers, chosen.threads, chosen.rounds, chosen.quick))
    for name, found in cell.items():
        print(name, found)
    print(f"written to {results.write().relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
