from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import tastespace as ts
from tastespace.cli import app

SRC = Path(ts.__file__).parents[1]
COLOURS = ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "NO_COLOR", "COLUMNS")
ANSI = r"\x1b\[[0-9;]*m"
READ = ("--user", "userId", "--item", "movieId", "--rating", "rating", "--timestamp", "timestamp")


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(*arguments: object, env: dict[str, str] | None = None) -> Answer:
    """One command in this process."""
    runner = CliRunner(env={**dict.fromkeys(COLOURS), **(env or {})})
    result = runner.invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    # Typer colours help and usage errors wherever it believes to run in a continuous integration.
    out = re.sub(ANSI, "", result.stdout) if "--help" in arguments else result.stdout
    return Answer(result.exit_code, out, re.sub(ANSI, "", result.stderr))


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in COLOURS}
    return {**kept, "PYTHONPATH": str(SRC), **more}


def process(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """One command in a process of its own."""
    command = [sys.executable, "-m", "tastespace", *map(str, arguments)]
    return subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=60, check=False, **options
    )


@pytest.fixture(scope="session")
def ratings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 users like even or odd items; ids are integers written as text."""
    rng = np.random.default_rng(1)
    lines = ["userId,movieId,rating,timestamp"]
    for user in range(1, 41):
        for item in rng.choice(np.arange(101, 131), size=14, replace=False):
            likes = (user + item) % 2 == 0
            rating = rng.choice([4.0, 4.5, 5.0] if likes else [1.0, 1.5, 2.0])
            lines.append(f"{user},{item},{rating},{1_500_000_000 + int(rng.integers(10**6))}")
    path = tmp_path_factory.mktemp("data") / "ratings.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="session")
def movies(ratings: Path) -> Path:
    """Titles; one has a comma, one none, one would steer a terminal."""
    rows = [f"{item},Film {item}" for item in range(101, 131) if item not in (101, 102, 103)]
    path = ratings.with_name("movies.csv")
    rows += ['101,"One, Two"', "103,\x1b[31mred\x1b[0m [bold]", "999,Not rated"]
    path.write_text("\n".join(["movieId,title", *rows]) + "\n")
    return path


@pytest.fixture(scope="session")
def model(ratings: Path) -> Path:
    """An ALS model of `ratings`; its ids are text."""
    events = ts.read(ratings, user="userId", item="movieId", rating="rating", timestamp="timestamp")
    path = ratings.with_name("movies.taste")
    ts.ALS(factors=4, epochs=5, threads=1, progress=False).fit(events).save(path)
    return path


@pytest.fixture(scope="session")
def integer_model(ratings: Path) -> Path:
    """The same from a typed table; its ids are integers."""
    import polars as pl

    events = ts.read(
        pl.read_csv(ratings), user="userId", item="movieId", rating="rating", timestamp="timestamp"
    )
    path = ratings.with_name("integers.taste")
    ts.ALS(factors=4, epochs=5, threads=1, progress=False).fit(events).save(path)
    return path


@pytest.fixture
def failing() -> Callable[..., str]:
    """Run a command that must fail with exit code 1 and one line on standard error; the line."""

    def check(*arguments: object) -> str:
        answer = run(*arguments)
        assert answer.code == 1, answer
        assert answer.out == ""
        assert answer.err.startswith("error: ")
        assert answer.err.count("\n") == 1
        assert "Traceback" not in answer.err
        return answer.err

    return check
