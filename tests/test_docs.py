"""Prose that can run, runs: the Python blocks of every page, top to bottom, and the shell blocks of `tastespace`."""

import doctest
import importlib
import os
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tastespace

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md"))]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


def with_blocks(language: str) -> list[str]:
    return [page for page in PAGES if blocks(page, language)]


@pytest.fixture
def small_data(tmp_path, monkeypatch):
    """A working folder with ratings.csv and movies.csv of ml-latest-small."""
    for name in ("ratings.csv", "movies.csv"):
        shutil.copy(ROOT / "tests" / "data" / "ml-latest-small" / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_pages_have_blocks():
    assert {"README.md", "docs/guide/first-steps.md"} <= set(with_blocks("python"))


@pytest.mark.parametrize("page", with_blocks("python"))
def test_python_blocks_run(page, small_data):
    script = small_data / "page.py"
    script.write_text("\n".join(blocks(page, "python")))
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr


def test_readme_prints_what_it_says(small_data):
    script = small_data / "page.py"
    script.write_text("\n".join(blocks("README.md", "python")))
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=300
    )
    [said] = blocks("README.md", "text")
    assert done.stdout == said


@pytest.mark.parametrize("page", with_blocks("bash"))
def test_command_lines_run(page, small_data):
    program = [sys.executable, "-m", "tastespace"]
    ran = 0
    for line in "\n".join(blocks(page, "bash")).replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] != ["tastespace"]:
            continue  # installing, and other programs
        done = subprocess.run(
            [*program, *words[1:]],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env=os.environ | {"NO_COLOR": "1"},
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        ran += 1
    assert ran


def modules() -> list[str]:
    found = pkgutil.walk_packages(tastespace.__path__, "tastespace.")
    return sorted(info.name for info in found if not info.name.endswith("__main__"))


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings_run(name, small_data):
    failed, _ = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert failed == 0


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert ((ROOT / page).parent / target).exists(), target
