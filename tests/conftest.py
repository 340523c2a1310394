"""Fixtures for all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets: TASTESPACE_DATA, or shared/data beside the repository."""
    folder = Path(os.environ.get("TASTESPACE_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("no folder of real data: set TASTESPACE_DATA")
    return folder
