"""Check what a wheel holds: one abi3 library, types, the bundled ratings, the licences, and no strays.

Usage: check_wheel.py WHEEL
"""

import sys
import zipfile
from pathlib import Path

BUNDLED = "tastespace/data/bundled/movietweetings-100k"
NEEDED = (
    "tastespace/__init__.py",
    "tastespace/py.typed",
    "tastespace/_native.pyi",
    f"{BUNDLED}/ratings.parquet",
    f"{BUNDLED}/items.parquet",
    f"{BUNDLED}/LICENSE",
)
METADATA = ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "LICENSE")
ENDINGS = (".py", ".pyi", ".typed", ".parquet", "LICENSE", ".so", ".pyd", ".dylib")
LIBRARIES = (".so", ".pyd", ".dylib")
TAGS = "-cp311-abi3-"
MEGABYTES = 5.0  # the library and the bundled ratings are two; more means that something slipped in


def faults(wheel: Path) -> list[str]:
    """What is wrong with a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    metadata = [name for name in names if name.split("/")[0].endswith(".dist-info")]
    package = [name for name in names if name not in metadata]
    libraries = [name for name in package if name.endswith(LIBRARIES)]
    found = [f"lacks {name}" for name in NEEDED if name not in package]
    found += [
        f"lacks the metadata {name}" for name in METADATA if not any(m.endswith(f"/{name}") for m in metadata)
    ]
    found += [
        f"holds the stray {n}" for n in package if not (n.startswith("tastespace/") and n.endswith(ENDINGS))
    ]
    found += [f"holds the stray {n}" for n in metadata if not n.endswith(METADATA)]
    if len(libraries) != 1:
        found.append(f"should hold one native library; holds {libraries}")
    if TAGS not in wheel.name:
        found.append(f"should be tagged {TAGS.strip('-')}, to run on Python 3.11 and all that follow")
    if wheel.stat().st_size > MEGABYTES * 1e6:
        found.append(f"is larger than {MEGABYTES} MB")
    return found


def main(path: str) -> int:
    """Print the wheel's size and what is wrong; the exit status."""
    wheel = Path(path)
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB")
    wrong = faults(wheel)
    for fault in wrong:
        print(f"  {fault}", file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
