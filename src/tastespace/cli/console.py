"""What the commands print: results to standard output, everything else to standard error."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

_UNBOUNDED = 10_000  # a file or a pipe has no width: nothing that goes there is cut or wrapped
_BETWEEN = 3  # blanks between columns
_SHORTEST = 12  # to which a flexible column shrinks


class _Console(Console):
    """A console that leaves a broken pipe to the caller."""

    def on_broken_pipe(self) -> None:
        """Raise the error on; Rich would exit with a code of its own."""
        raise  # called while the error is handled


def console(*, stderr: bool = False) -> Console:
    """A console on the current standard output or standard error; ids and titles are never markup."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _UNBOUNDED
    return _Console(stderr=stderr, width=width, markup=False, highlight=False, emoji=False)


def say(text: str) -> None:
    """Print one message for the person at the terminal, on standard error."""
    console(stderr=True).print(plain(text), soft_wrap=True, style="dim")


def complain(text: str) -> None:
    """Print one error line on standard error."""
    line = " ".join(plain(text).split())
    console(stderr=True).print(Text.assemble(("error: ", "bold red"), line), soft_wrap=True)


@contextmanager
def working(text: str) -> Iterator[None]:
    """Show `text` beside a spinner while the block runs, on a terminal only."""
    if not sys.stderr.isatty():
        yield
        return
    with console(stderr=True).status(Text(plain(text))):
        yield


def write(text: str) -> None:
    """Print lines of a result on standard output."""
    console().print(plain(text))


def write_json(value: object) -> None:
    """Print one JSON document on standard output; numbers that JSON does not have become null."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    sys.stdout.write(json.dumps(_jsonable(value), ensure_ascii=not utf8, allow_nan=False) + "\n")


def write_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    title: str | None = None,
    right: Sequence[str] = (),
    flexible: Sequence[str] = (),
) -> None:
    """Print a table on standard output.

    Parameters
    ----------
    columns
        Headings.
    rows
        Cells; numbers come formatted.
    title
        A line above the table.
    right
        Headings of the columns that are aligned to the right (numbers).
    flexible
        Headings of the columns that give way, with an ellipsis, on a narrow terminal. The others are never cut.
    """
    _print(console(), Side(columns, rows, title, right, flexible))


class Side(NamedTuple):
    """A table to stand beside another one; the fields are the parameters of `write_table`."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    title: str | None
    right: Sequence[str]
    flexible: Sequence[str]

    @property
    def heading(self) -> Text:
        """The line above the table."""
        return Text(plain(self.title or ""), style="bold")


def write_beside(*sides: Side) -> None:
    """Print tables beside each other where the terminal is wide enough, below each other where not."""
    screen = console()
    blocks = [Group(side.heading, _grid(side)[0]) for side in sides]
    gap = 4
    if sum(screen.measure(block).maximum + gap for block in blocks) - gap <= screen.width:
        row = Table.grid(padding=(0, gap, 0, 0))
        row.add_row(*blocks)
        screen.print(row)
        return
    for position, side in enumerate(sides):
        if position:
            screen.print()
        _print(screen, side)


def _print(screen: Console, side: Side) -> None:
    """Print a table; a terminal that is too narrow breaks its lines, and nothing is lost."""
    if side.title is not None:
        screen.print(side.heading, soft_wrap=True)
    table, least = _grid(side)
    width, screen.width = screen.width, max(screen.width, least)
    screen.print(table, crop=False)
    screen.width = width


def _grid(side: Side) -> tuple[Table, int]:
    """A table, and the width below which it would lose what must not be cut."""
    table = Table(
        show_header=any(side.columns),
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        header_style="bold",
    )
    for name in side.columns:
        justify: Literal["left", "right"] = "right" if name in side.right else "left"
        table.add_column(name, justify=justify, no_wrap=name not in side.flexible)
    cells = [[plain(str(cell)) for cell in row] for row in side.rows]
    for line in cells:
        # A column may shrink, but its cells do not wrap: an ellipsis keeps one row on one line.
        table.add_row(*(Text(cell, no_wrap=True, overflow="ellipsis") for cell in line))
    least = (len(side.columns) - 1) * _BETWEEN
    for column in zip(side.columns, *cells, strict=True):
        width = max(cell_len(part) for cell in column for part in cell.split("\n"))
        least += min(width, _SHORTEST) if column[0] in side.flexible else width
    return table, least


def size(count: int) -> str:
    """A number of bytes for people: ``4.4 MB``."""
    amount, units = float(count), ["bytes", "kB", "MB", "GB", "TB"]
    while amount >= 1000 and len(units) > 1:
        amount /= 1000
        units.pop(0)
    return f"{amount:,.0f} {units[0]}" if units[0] == "bytes" else f"{amount:,.1f} {units[0]}"


def plain(text: str) -> str:
    r"""`text` with control characters written out (``\x1b``): data must not steer a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def _jsonable(value: Any) -> Any:
    """`value` with NumPy scalars and arrays, paths and dates turned into what JSON has."""
    if isinstance(value, Mapping):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return _jsonable(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_jsonable(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int, bool)):
        return value
    return str(value)
