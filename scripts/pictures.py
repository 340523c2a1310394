"""Draw the pictures of the guide again, by the code of ``docs/guide/plots.md``.

The Python blocks of the page run as they stand, top to bottom, in a folder with the ratings of the repository, and the
pictures that they save become ``docs/images/plots``. The same code, data and versions give the same files.

Usage: pictures.py [FOLDER]
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "guide" / "plots.md"
PICTURES = ROOT / "docs" / "images" / "plots"
DATA = ROOT / "tests" / "data" / "ml-latest-small"

SETTINGS = """\
backend: agg
svg.hashsalt: tastespace
svg.fonttype: path
savefig.dpi: 100
"""


def code(page: str) -> str:
    """The Python blocks of a page."""
    return "\n".join(re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL))


def named(page: str) -> set[str]:
    """The pictures that a page shows."""
    return set(re.findall(r"\]\(\.\./images/plots/([^)]+)\)", page))


def draw(target: Path) -> list[Path]:
    """Run the page and put its pictures into a folder, which is made."""
    page = PAGE.read_text(encoding="utf-8")
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("ratings.csv", "movies.csv"):
            shutil.copy(DATA / name, folder)
        Path(folder, "matplotlibrc").write_text(SETTINGS)
        Path(folder, "page.py").write_text(code(page), encoding="utf-8")
        # No time of drawing goes into a file, so that the same picture is the same file.
        surroundings = os.environ | {"SOURCE_DATE_EPOCH": "0"}
        subprocess.run([sys.executable, "-W", "error", "page.py"], cwd=folder, env=surroundings, check=True)
        return [keep(Path(folder, name), target / name) for name in sorted(named(page))]


def keep(picture: Path, target: Path) -> Path:
    """Copy a picture; an SVG without what only its maker needs, and with numbers as fine as a screen can show."""
    if picture.suffix != ".svg":
        return Path(shutil.copy(picture, target))
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", picture.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = re.sub(r' d="[^"]*"', lambda found: re.sub(r"(\d+\.\d{2})\d+", r"\1", found[0]), text)
    text = "\n".join(line.strip() for line in text.splitlines())
    target.write_text(text + "\n", encoding="utf-8", newline="\n")
    return target


if __name__ == "__main__":
    for drawn in draw(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES):
        print(f"{drawn}: {drawn.stat().st_size / 1000:.0f} kB")
