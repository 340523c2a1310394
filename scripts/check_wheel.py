"""Check what a wheel holds: one abi3 library, the bundled ratings with their licence, types, and no strays.

Usage: check_wheel.py WHEEL
"""

import sys
import zipfile
from pathlib import Path

NEEDED = (
    "tastespace/py.typed",
    "tastespace/_native.pyi",
    "tastespace/data/bundled/movietweetings-100k/ratings.parquet",
    "tastespace/data/bundled/movietweetings-100k/LICENSE",
)
ENDINGS = (".py", ".pyi", ".typed", ".parquet", "LICENSE", ".so", ".pyd", ".dylib")


def main(path: str) -> int:
    """Print the size, and what is wrong."""
    wheel = Path(path)
    names = zipfile.ZipFile(wheel).namelist()
    faults = [f"lacks {name}" for name in NEEDED if name not in names]
    native = [name for name in names if name.endswith((".so", ".pyd", ".dylib"))]
    if len(native) != 1 or "abi3" not in wheel.name:
        faults.append(f"wants one abi3 library; has {native} in {wheel.name}")
    faults += [f"holds the stray {n}" for n in names if ".dist-info/" not in n and not n.endswith(ENDINGS)]
    faults += [f"holds {n}" for n in names if not n.startswith(("tastespace/", "tastespace-"))]
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB, {len(names)} files")
    for fault in faults:
        print(f"  {fault}", file=sys.stderr)
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
