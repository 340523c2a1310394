"""Fixtures and settings for all tests."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

import tastespace

os.environ["MPLBACKEND"] = "agg"  # no test needs a screen; inherited by the processes that tests start

# Shared machines stall, so no deadline; on CI the same examples every time.
settings.register_profile(
    "tastespace", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True
)
settings.load_profile("tastespace")


def pytest_report_header() -> str:
    """Which tastespace is tested: the installed wheel, or a source tree."""
    return f"tastespace: {tastespace.__version__} in {Path(tastespace.__file__).parent}"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets: TASTESPACE_DATA, or shared/data beside the repository."""
    folder = Path(os.environ.get("TASTESPACE_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("no folder of real data: set TASTESPACE_DATA")
    return folder


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Tests reach no other machine; a connection to one fails."""
    connect = socket.socket.connect

    def refuse(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else "localhost"  # a Unix socket has a path
        if host not in ("localhost", "127.0.0.1", "::1"):
            raise OSError(f"tests do not use the network; refused to connect to {host}")
        connect(self, address)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        yield
