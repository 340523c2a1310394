"""What the commands print: results to standard output, everything else to standard error."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

# A file or a pipe has no width: nothing that goes there is cut or wrapped.
_UNBOUNDED = 10_000


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
    terminal = console(stderr=True)
    if not terminal.is_terminal:
        yield
        return
    with terminal.status(Text(plain(text))):
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
        Headings of the columns that give way, with an ellipsis, on a narrow terminal.
    """
    screen = console()
    if title is not None:
        screen.print(Text(plain(title), style="bold"), soft_wrap=True)
    screen.print(grid(columns, rows, right=right, flexible=flexible))


def grid(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    title: str | None = None,
    right: Sequence[str] = (),
    flexible: Sequence[str] = (),
) -> Table:
    """A table to print; the parameters are those of `write_table`."""
    table = Table(
        show_header=any(columns),
        title=None if title is None else Text(plain(title), style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        header_style="bold",
    )
    for column in columns:
        table.add_column(
            column, justify="right" if column in right else "left", no_wrap=column not in flexible
        )
    for row in rows:
        # A column may shrink, but its cells do not wrap: an ellipsis keeps one row on one line.
        table.add_row(*(Text(plain(str(cell)), no_wrap=True, overflow="ellipsis") for cell in row))
    return table


def write_beside(*tables: Table) -> None:
    """Print tables beside each other where the terminal is wide enough, below each other where not."""
    screen = console()
    gap = 4
    widths = [screen.measure(table).maximum for table in tables]
    if sum(widths) + gap * (len(tables) - 1) <= screen.width:
        row = Table.grid(padding=(0, gap, 0, 0))
        row.add_row(*tables)
        screen.print(row)
        return
    for position, table in enumerate(tables):
        if position:
            screen.print()
        screen.print(table)


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
