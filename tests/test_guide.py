"""The pictures of the guide: those that its page draws, and nothing else; small, and the same from the same code."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "pictures.py"))
PICTURES = sorted((ROOT / "docs" / "images" / "plots").iterdir())


def test_the_page_shows_what_it_draws() -> None:
    page = SCRIPT["PAGE"].read_text(encoding="utf-8")
    saved = re.findall(r'savefig\("([^"]+)"\)', SCRIPT["code"](page))
    assert set(saved) == SCRIPT["named"](page) == {picture.name for picture in PICTURES}
    assert len(saved) == len(set(saved))


def test_every_picture_of_a_model_is_on_the_page() -> None:
    from tastespace import plots

    page = SCRIPT["PAGE"].read_text(encoding="utf-8")
    drawn = set(re.findall(r"ts\.plots\.(\w+)\(", page))
    assert {name for name in plots.__all__ if name not in drawn and f"`{name}`" not in page} == set()


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_pictures_are_small_and_bear_no_date(picture: Path) -> None:
    content = picture.read_bytes()
    assert 5_000 < len(content) < 150_000
    assert b"dc:date" not in content
    assert str(ROOT).encode() not in content


def test_numbers_lose_what_no_screen_shows(tmp_path: Path) -> None:
    long, short = tmp_path / "long.svg", tmp_path / "short.svg"
    long.write_text(
        '<svg>\n <metadata>\n  <dc:date/>\n </metadata>\n  <path d="M 1.23456 2.5 L 3.14159 0"\n'
        '   transform="scale(0.015625)"/>\n</svg>\n'
    )
    SCRIPT["keep"](long, short)
    assert short.read_text() == (
        '<svg>\n<path d="M 1.23 2.5 L 3.14 0"\ntransform="scale(0.015625)"/>\n</svg>\n'
    )


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs" / "guide" / "README.md").read_text(encoding="utf-8")
    pages = {page.name for page in (ROOT / "docs" / "guide").glob("*.md")} - {"README.md"}
    assert set(re.findall(r"\]\(([\w-]+\.md)\)", index)) == pages
