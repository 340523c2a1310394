"""Every example runs and prints what it promises."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tastespace as ts

FOLDER = Path(__file__).parents[2] / "examples"
PROMISES = {
    "early_stopping.py": "test rmse 1.4",
    "map_of_films.py": "wrote map_of_films.png",
    "movies.py": "Forrest Gump (1994)",
    "shop.py": "kitchen-7 (1)",
}


def test_every_example_is_tested() -> None:
    assert {path.name for path in FOLDER.glob("*.py")} == set(PROMISES)


@pytest.mark.parametrize("name", PROMISES)
def test_example(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(FOLDER / name)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(ts.__file__).parents[1]), "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert PROMISES[name] in done.stdout
    if name == "map_of_films.py":
        assert (tmp_path / "map_of_films.png").stat().st_size > 10_000
