"""Two preconditioned CG steps against exact solves: objective and NDCG@10 by epoch, MovieLens 1M.

Protocol: every rating is an event of weight 1; ``ts.split.random(events, test=0.2, seed=0)``; k = 64; NDCG@10 over all
unseen items after each epoch. The penalties are fixed beforehand (a0 .3, lambda .007, nu 1: published for this data
set), the solver is the only difference, and no split chooses anything.

Run as ``python -m benchmarks.quality.pcg_vs_exact [--threads N]``.
"""

import argparse

import tastespace as ts
from benchmarks import common

EPOCHS = 12
SETTINGS = {
    "factors": 64,
    "epochs": EPOCHS,
    "unobserved_weight": 0.3,
    "regularization": 0.007,
    "frequency_scaling": 1.0,
}
SOLVERS = {
    "pcg, 1 step": {"solver": "pcg", "cg_steps": 1},
    "pcg, 2 steps": {"solver": "pcg", "cg_steps": 2},
    "pcg, 3 steps": {"solver": "pcg", "cg_steps": 3},
    "cholesky": {"solver": "cholesky"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    train, test = ts.split.random(ts.datasets.load("ml-1m").as_implicit(), test=0.2, seed=0)
    rule = ts.Stopping("ndcg@10", patience=EPOCHS)  # measures every epoch and never stops early
    results = {}
    for name, solver in SOLVERS.items():
        rows = []
        ts.ImplicitALS(**SETTINGS, **solver, stopping=rule, threads=options.threads, progress=False).fit(
            train, test, callbacks=[rows.append]
        )
        results[name] = [
            {
                "epoch": row.number,
                "objective": round(row.objective, 1),
                "ndcg@10": round(row.validation["ndcg@10"], 5),
                "seconds": round(row.seconds, 3),
            }
            for row in rows
        ]
        print(f"{name:13}", " ".join(f"{row['ndcg@10']:.4f}" for row in results[name]))
        print(f"{'':13}", " ".join(f"{row['objective']:.0f}" for row in results[name]))
    path = common.write(
        "pcg_vs_exact", __doc__, {"settings": SETTINGS, "threads": options.threads, "by_epoch": results}
    )
    print(f"written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
