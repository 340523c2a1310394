from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import tastespace as ts
from tests.cli.conftest import run


@pytest.mark.parametrize("name", ["model", "integer_model"])
def test_parquet(request: pytest.FixtureRequest, name: str, tmp_path: Path) -> None:
    path: Path = request.getfixturevalue(name)
    found = run("export", path, "-o", tmp_path / "factors", "--json").json
    assert sorted(Path(file).name for file in found["files"]) == ["items.parquet", "users.parquet"]
    model = ts.load(path)
    assert found["factors"] == model.factors
    assert found["mean"] == pytest.approx(model.mean)
    users = pl.read_parquet(tmp_path / "factors" / "users.parquet")
    assert users["id"].to_list() == model.users.ids.tolist()
    np.testing.assert_array_equal(users["factors"].to_numpy(), model.user_factors)
    np.testing.assert_array_equal(users["bias"].to_numpy(), model.user_bias)


@pytest.mark.parametrize("name", ["model", "integer_model"])
def test_npy_without_pickle(request: pytest.FixtureRequest, name: str, tmp_path: Path) -> None:
    path: Path = request.getfixturevalue(name)
    answer = run("export", path, "-o", tmp_path, "--format", "npy")
    assert answer.code == 0
    assert len(answer.out.splitlines()) == 7
    model = ts.load(path)
    saved = {file.stem: np.load(file, allow_pickle=False) for file in tmp_path.iterdir()}
    assert len(saved) == 6
    assert saved["item_ids"].tolist() == model.items.ids.tolist()
    np.testing.assert_array_equal(saved["item_factors"], model.item_factors)
    np.testing.assert_array_equal(saved["user_bias"], model.user_bias)


def test_a_file_in_the_place_of_the_folder(model: Path, tmp_path: Path, failing: Callable[..., str]) -> None:
    (tmp_path / "factors").touch()
    assert "is a file" in failing("export", model, "-o", tmp_path / "factors")


def test_a_failure_leaves_no_part(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    answer = run("export", model, "-o", tmp_path)
    assert (answer.code, answer.err) == (1, "error: No space left on device\n")
    assert list(tmp_path.iterdir()) == []
