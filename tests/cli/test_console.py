from __future__ import annotations

import io
import json
import math
from pathlib import Path

import numpy as np
import pytest

from tastespace.cli import console
from tests.cli.conftest import COLOURS


@pytest.fixture(autouse=True)
def _no_wishes_about_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in COLOURS:
        monkeypatch.delenv(name, raising=False)


class Terminal(io.StringIO):
    """An ASCII terminal, 40 columns wide."""

    encoding = "ascii"

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        monkeypatch.setattr("sys.stderr", self)
        monkeypatch.setattr("sys.stdout", self)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "40")

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (4_435_398, "4.4 MB"), (2.5e15, "2,500.0 TB")],
)
def test_sizes(count: int, text: str) -> None:
    assert console.size(count) == text


def test_json_of_numbers_that_json_does_not_have(capsys: pytest.CaptureFixture[str]) -> None:
    console.write_json(
        {
            "a": math.nan,
            "b": np.float32(1.5),
            "c": np.array([1, 2]),
            "d": (np.inf, None, True),
            "e": Path("x"),
            3: "é",
        }
    )
    out = capsys.readouterr().out
    assert json.loads(out) == {"a": None, "b": 1.5, "c": [1, 2], "d": [None, None, True], "e": "x", "3": "é"}
    assert out.count("\n") == 1


def test_json_is_ascii_where_the_output_is(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(monkeypatch)
    console.write_json("é")
    assert terminal.getvalue() == '"\\u00e9"\n'


def test_control_characters_are_written_out() -> None:
    assert console.plain("a\x1b[31m\rb\tc\x9bé\n") == "a\\x1b[31m\\rb\\tc\\x9bé\n"


def test_a_spinner_shows_on_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with console.working("reading x"):
        pass
    assert capsys.readouterr() == ("", "")
    terminal = Terminal(monkeypatch)
    with console.working("reading x"):
        pass
    assert terminal.getvalue().endswith("\x1b[?25h\r\x1b[1A\x1b[2K")  # the cursor is back, the line is gone


def test_prose_is_wrapped_on_a_terminal_and_not_in_a_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "many words " * 20
    console.write(text)
    assert capsys.readouterr().out.count("\n") == 1
    terminal = Terminal(monkeypatch)
    console.write(text)
    assert max(map(len, terminal.getvalue().splitlines())) <= 40


def test_complaints_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    console.complain("first\nsecond \x1b[31m")
    assert capsys.readouterr().err == "error: first second \\x1b[31m\n"
