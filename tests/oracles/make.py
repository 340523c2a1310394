"""Write the tables of small cases and of what independent implementations answer to them.

Run in interpreters that have the libraries, from the root of the repository:

    benchmarks/.envs/metrics/bin/python tests/oracles/make.py cases    # draws the cases anew
    benchmarks/.envs/metrics/bin/python tests/oracles/make.py numpy pytrec_eval ranx recometrics rectools sklearn
    benchmarks/.envs/lenskit/bin/python tests/oracles/make.py lenskit

`make bench-rivals` makes both interpreters, from `benchmarks/rivals/metrics.txt` and `lenskit.txt`. The tables are
kept, so tests need neither. They are read by `tests/evaluation/test_oracles.py`, which also says where definitions
differ.
"""

import json
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = Path(__file__).parent
CASES, SEED = 1_000, 20_261_121
CUTOFFS = (1, 2, 3, 5, 10, 20)

#: Packages whose names are not the library's.
PACKAGES = {"numpy": "scipy", "pytrec_eval": "pytrec_eval-terrier", "sklearn": "scikit-learn"}


def draw(rng):
    """One case: users with scores for all items, a history and test events; and how they are to be evaluated.

    Items that nobody's model knows have numbers from `items` on. Values of test events are ratings.
    """
    items = 1 if rng.random() < 0.05 else int(rng.integers(2, 13))
    exclude_seen = bool(items > 1 and rng.random() < 0.8)
    kind = rng.choice(["distinct", "ties", "equal"], p=[0.45, 0.45, 0.1])
    users = []
    for _ in range(rng.integers(1, 5)):
        if kind == "distinct":
            scores = 0.5 * rng.permutation(items)
        else:
            scores = rng.integers(1, 6, items) if kind == "ties" else np.full(items, 3)
        seen = np.sort(rng.permutation(items)[: rng.integers(1, items + 1)])
        left = np.setdiff1d(np.arange(items), seen) if exclude_seen else np.arange(items)
        asked = rng.random()
        share = 0.0 if asked < 0.1 else 1.0 if asked < 0.2 else rng.random()
        held = left[rng.random(len(left)) < share]
        if rng.random() < 0.1:
            held = np.union1d(held, seen[:1])
        if rng.random() < 0.1:
            held = np.append(held, [items, items + 1][: rng.integers(1, 3)])
        users.append(
            {
                "scores": scores.astype(float).tolist(),
                "seen": seen.tolist(),
                "test": held.tolist(),
                "ratings": rng.integers(1, 6, len(held)).astype(float).tolist(),
            }
        )
    return {
        "items": items,
        "exclude_seen": exclude_seen,
        "at_least": 3.0 if rng.random() < 0.5 else None,
        "ks": sorted(rng.choice(CUTOFFS, 2, replace=False).tolist()),
        "users": users,
    }


def can_be_evaluated(case):
    """Some user has a relevant item that can be recommended, and some test event is on an item of the model."""
    relevant = [
        (item, user)
        for user in case["users"]
        for item, rating in zip(user["test"], user["ratings"], strict=True)
        if rating >= (case["at_least"] or 0)
    ]
    seen = [case["exclude_seen"] and item in user["seen"] for item, user in relevant]
    known = [item < case["items"] for user in case["users"] for item in user["test"]]
    return any(not one for one in seen) and any(known)


def write_cases():
    rng = np.random.default_rng(SEED)
    cases = []
    while len(cases) < CASES:
        case = draw(rng)
        if can_be_evaluated(case):
            cases.append(case)
    pq.write_table(pa.Table.from_pylist(cases), FOLDER / "cases.parquet", compression="zstd")


def write_answers(libraries):
    import answers

    cases = pq.read_table(FOLDER / "cases.parquet").to_pylist()
    path = FOLDER / "versions.json"
    versions = json.loads(path.read_text()) if path.exists() else {}
    for library in libraries:
        table = answers.table(library, cases)
        pq.write_table(table, FOLDER / f"{library}.parquet", compression="zstd", compression_level=19)
        package = PACKAGES.get(library, library)
        versions[library] = {package: version(package), "date": datetime.now(UTC).strftime("%Y-%m-%d")}
        print(f"{library}: {table.num_rows} rows of {', '.join(table.column_names[3:])}")
    path.write_text(json.dumps(dict(sorted(versions.items())), indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["cases"]:
        write_cases()
    else:
        write_answers(sys.argv[1:])
