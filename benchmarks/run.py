"""Runs all speed benchmarks one after the other, then writes their page; a failure does not stop the rest.

Run as ``python -m benchmarks.run [--quick] [--resume]``; ``make bench`` does. ``--quick`` uses MovieLens 1M alone, few
repeats and small grids, takes two minutes, and writes to ``benchmarks/.data/quick``. ``--resume`` keeps what this
build of the library has already measured.
"""

import argparse
import subprocess
import sys
import time

from benchmarks import common

#: In order: the roofline reads the seconds of epochs.
SCRIPTS = (
    "epochs",
    "quality_at",
    "explicit",
    "svdpp",
    "nmf",
    "top_k",
    "neighbours",
    "ease",
    "svd",
    "item_embedding",
    "reranking",
    "evaluation",
    "reading",
    "ranking",
    "sgd",
    "growth",
    "roofline",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--resume", action="store_true")
    chosen = parser.parse_args()
    flags = [f"--{name}" for name, given in vars(chosen).items() if given]
    failed = []
    for module in [*(f"speed.{name}" for name in SCRIPTS), "page"]:
        print(f"== {module}", flush=True)
        start = time.perf_counter()
        given = [flag for flag in flags if module != "page" or flag == "--quick"]
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{module}", *given], cwd=common.ROOT, check=False
        )
        print(f"   {time.perf_counter() - start:.0f} s", flush=True)
        if done.returncode:
            failed.append(module)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
