"""The command line as a whole: help, exit codes, streams, signals."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tastespace import __version__
from tests.cli.conftest import ANSI, READ, environment, process, run

COMMANDS = (
    "demo",
    "read",
    "fit",
    "evaluate",
    "compare",
    "tune",
    "recommend",
    "similar",
    "explain",
    "export",
    "info",
    "plot",
)


def test_help_names_every_command_and_the_exit_codes() -> None:
    answer = run("--help", env={"COLUMNS": "120"})
    assert answer.code == 0
    for command in COMMANDS:
        assert f" {command} " in answer.out
    assert "130 interrupted" in answer.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    answer = run(command, "--help")
    assert answer.code == 0
    assert "Exit codes" in answer.out
    assert "--json" in answer.out
    assert "Usage" in answer.out


def test_version() -> None:
    answer = run("--version")
    assert (answer.code, answer.out) == (0, __version__ + "\n")


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["fit"], ["recommend", "x", "--n", "1"], ["info", "a", "b"]]
)
def test_a_command_line_that_is_not_understood_is_2(arguments: list[str]) -> None:
    answer = run(*arguments)
    assert answer.code == 2
    assert answer.out == ""
    assert "Usage" in answer.err


def test_help_loads_neither_matplotlib_nor_pandas() -> None:
    script = (
        "import sys; from tastespace.cli import app\n"
        "try: app(['fit', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'matplotlib', 'pandas', 'pyarrow', 'sqlalchemy', 'sklearn'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"


def test_debug_shows_the_traceback_wherever_it_stands(tmp_path: Path) -> None:
    for arguments in (["--debug", "info", "absent.taste"], ["info", "absent.taste", "--debug"]):
        done = process(*arguments, cwd=tmp_path)
        assert done.returncode == 1
        assert "Traceback" in done.stderr
        assert "MissingFileError" in done.stderr


def test_debug_after_two_dashes_is_an_argument(failing: Callable[..., str]) -> None:
    assert "'--debug'" in failing("info", "--", "--debug")


def test_an_error_of_the_system_is_one_line(failing: Callable[..., str], model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    line = failing("export", model, "-o", tmp_path / "file" / "folder")
    assert "Not a directory" in line


def test_no_color_and_no_terminal_mean_no_escapes(model: Path) -> None:
    done = process("recommend", model, "1")
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.skipif(os.name == "nt", reason="pseudo terminals")
def test_a_narrow_terminal_cuts_titles_and_never_wraps(model: Path, movies: Path) -> None:
    import pty

    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "tastespace", "recommend", str(model), "1", "--titles", str(movies)]
    command += ["--item-column", "movieId"]
    env = environment(COLUMNS="36", LINES="24", NO_COLOR="1", TERM="xterm")
    with subprocess.Popen(command, env=env, stdout=follower, stderr=follower, stdin=follower) as child:
        os.close(follower)
        text = b""
        while True:
            try:
                block = os.read(leader, 4096)
            except OSError:  # the other end is closed
                break
            text += block
            if not block:
                break
    os.close(leader)
    assert child.returncode == 0
    lines = re.sub(ANSI, "", text.decode()).replace("\r\n", "\n").splitlines()
    assert all(len(line.rstrip()) <= 36 for line in lines), lines
    assert len(lines) == 13  # user, heading, rule, ten items


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_reader_that_goes_away_is_141_without_noise(model: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [sys.executable, "-m", "tastespace", "recommend", str(model), "1"]
    done = subprocess.run(
        command, env=environment(), stdout=write_end, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write_end)
    assert done.returncode == 141
    assert done.stderr == ""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_during_fit_is_130_and_leaves_no_file(ratings: Path, tmp_path: Path) -> None:
    output = tmp_path / "movies.taste"
    command = [sys.executable, "-m", "tastespace", "fit", str(ratings), *READ, "-o", str(output)]
    command += ["--epochs", "100000000", "--threads", "1"]
    with subprocess.Popen(
        command,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell may have it ignored
    ) as child:
        assert child.stderr is not None
        assert "ratings" in child.stderr.readline()  # what was read: training begins
        time.sleep(0.3)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)
    assert child.returncode == 130
    assert out == ""
    assert err == "error: interrupted\n"
    assert list(tmp_path.iterdir()) == []


def test_output_that_the_terminal_cannot_spell_does_not_fail(ratings: Path) -> None:
    titles = ratings.with_name("accents.csv")
    titles.write_text(
        "item,title\n" + "\n".join(f"{item},Amélie {item}" for item in range(101, 131)), encoding="utf-8"
    )
    model = ratings.with_name("movies.taste")
    command = [sys.executable, "-m", "tastespace", "similar", str(model), "110", "--titles", str(titles)]
    for more in ([], ["--json"]):
        done = subprocess.run(
            command + more,
            env=environment(PYTHONIOENCODING="ascii"),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
