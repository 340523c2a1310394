"""Libraries in interpreters of their own, kept running so that measurements of several can take turns.

The other end is ``benchmarks/rivals/worker.py``. Ours runs the same way, in the interpreter of the benchmark.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import common

RIVALS = common.ROOT / "benchmarks" / "rivals"
ENVIRONMENTS = common.ROOT / "benchmarks" / ".envs"


class Kind(NamedTuple):
    """A model of a library: its adapter, the environment it lives in, the variables that suit it."""

    adapter: str
    model: str
    environment: str
    variables: dict[str, str]


#: implicit and irspack call the BLAS from their own threads, which it must not multiply. cmfrec limits it by itself.
ONE_BLAS_THREAD = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
KINDS = {
    "tastespace": Kind("tastespace", "ImplicitALS", "", {}),
    "tastespace ALS": Kind("tastespace", "ALS", "", {}),
    "tastespace FunkSVD": Kind("tastespace", "FunkSVD", "", {}),
    "Surprise SVD": Kind("surprise", "SVD", "surprise", ONE_BLAS_THREAD),
    "cornac MF": Kind("cornac", "MF", "ranking", ONE_BLAS_THREAD),
    "tastespace SVDPlusPlus": Kind("tastespace", "SVDPlusPlus", "", {}),
    "Surprise SVDpp": Kind("surprise_svdpp", "SVDpp", "surprise", ONE_BLAS_THREAD),
    "tastespace ItemKNN": Kind("tastespace", "ItemKNN", "", {}),
    "implicit neighbours": Kind("implicit", "Neighbours", "rivals", ONE_BLAS_THREAD),
    "implicit": Kind("implicit", "ALS", "rivals", ONE_BLAS_THREAD),
    "irspack": Kind("irspack", "ALS", "rivals", ONE_BLAS_THREAD),
    "cmfrec": Kind("cmfrec", "Implicit", "rivals", {}),
    "cmfrec CMF": Kind("cmfrec", "CMF", "rivals", {}),
    "LensKit BiasedMF": Kind(
        "lenskit", "BiasedMF", "lenskit", {"LK_NUM_THREADS": "{threads}", "LK_NUM_BACKEND_THREADS": "1"}
    ),
    "tastespace evaluate": Kind("tastespace", "Evaluation", "", {}),
    "recometrics": Kind("recometrics", "Evaluation", "metrics", {}),
    "ranx": Kind("ranx", "Evaluation", "metrics", ONE_BLAS_THREAD),
    "RecTools": Kind("rectools", "Evaluation", "metrics", ONE_BLAS_THREAD),
    "LensKit": Kind("lenskit", "Evaluation", "lenskit", {"LK_NUM_THREADS": "{threads}"}),
}


class UnavailableError(Exception):
    """Why a library cannot run here."""


class FailedError(Exception):
    """What a library answered instead of a result."""


def interpreter(environment: str) -> str:
    """The Python of an environment: ours, the one of ``<NAME>_PYTHON``, or one made by ``make bench-rivals``."""
    if not environment:
        return sys.executable
    made = ENVIRONMENTS / environment / "bin" / "python"
    path = os.environ.get(f"{environment.upper()}_PYTHON", str(made))
    if not Path(path).exists():
        raise UnavailableError(
            f"no interpreter; run make bench-rivals, or name one in {environment.upper()}_PYTHON"
        )
    return path


class Worker:
    """One library, waiting for calls; ``versions`` are those of its packages."""

    def __init__(self, name: str, threads: int) -> None:
        kind = KINDS[name]
        self.name, self.threads = name, threads
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONHOME"}
        if kind.environment:
            environment.pop("PYTHONPATH", None)
        environment |= {key: value.format(threads=threads) for key, value in kind.variables.items()}
        read, reply = os.pipe()
        self.process = subprocess.Popen(
            [interpreter(kind.environment), str(RIVALS / "worker.py"), kind.adapter, kind.model, str(reply)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if kind.environment else None,
            env=environment,
            pass_fds=(reply,),
            text=True,
        )
        os.close(reply)
        self.answers = os.fdopen(read)
        self.printed: list[tuple[float, str]] = []
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            self.versions: dict[str, str] = self._answer()["value"]
        except FailedError as error:
            raise UnavailableError(str(error)) from None

    def call(self, method: str, **arguments: Any) -> Any:
        """What a method of the adapter returns."""
        self._send(json.dumps({"call": method, "arguments": arguments}))
        return self._answer()["value"]

    def steps(self, method: str, **arguments: Any) -> Iterator[Any]:
        """What a method tells, one value at a time; between them it waits."""
        self._send(json.dumps({"call": method, "arguments": arguments}))
        answer = self._answer()
        try:
            while answer.get("more"):
                yield answer["value"]
                self._send("go")
                answer = self._answer()
        except GeneratorExit:
            self._send("stop")
            self._answer()
            raise

    def close(self) -> None:
        """Ends the process."""
        self.process.stdin.close()
        self.process.wait()

    def _send(self, line: str) -> None:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def _answer(self) -> dict[str, Any]:
        line = self.answers.readline()
        if not line:
            raise FailedError(f"{self.name} ended with status {self.process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise FailedError(answer["error"])
        return answer

    def _listen(self) -> None:
        for line in self.process.stdout:
            self.printed.append((time.perf_counter(), line))


class Workers:
    """The libraries that can run here, by name; ``skipped`` says why the others cannot."""

    def __init__(self, names: list[str], threads: int) -> None:
        self.running: dict[str, Worker] = {}
        self.skipped: dict[str, str] = {}
        for name in names:
            try:
                self.running[name] = Worker(name, threads)
            except UnavailableError as why:
                self.skipped[name] = str(why)
                print(f"{name} is left out: {why}")

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.running.values():
            worker.close()

    def versions(self) -> dict[str, str]:
        """Versions of all packages that run."""
        return {
            package: number for worker in self.running.values() for package, number in worker.versions.items()
        }

    def load(self, path: Path) -> dict[str, float]:
        """Loads a table into all; the seconds that each needed beyond the CSR arrays."""
        return {name: worker.call("load", path=str(path)) for name, worker in self.running.items()}
