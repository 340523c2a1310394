"""The options that say where the events are and which of them to use."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tastespace.cli.console import say, working

if TYPE_CHECKING:
    from tastespace.data.interactions import Interactions
    from tastespace.data.split import Split

#: The splits that :func:`splitter` knows, by example.
SPLITS = (
    "random:0.2, stratified:0.2 (of each user), last-out:2, leave-one-out, time:0.8 (a share of the events), "
    "time:2018-01-01, users-out:0.1 (whole users, or users-out:100) or items-out:0.1"
)

_COLUMNS = "Columns"
_ROWS = "Rows"

Source = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A csv, tsv, parquet or ndjson file (.gz and .zst too), a database URI with --query, "
        "or the name of a known data set (movietweetings-100k, ml-100k, ...).",
        show_default=False,
    ),
]


class Duplicates(StrEnum):
    """What to do with a user and an item that meet twice."""

    last = "last"
    first = "first"
    mean = "mean"
    max = "max"
    sum = "sum"


class BadRows(StrEnum):
    """What to do with rows that cannot be used."""

    stop = "raise"
    skip = "skip"


class TimestampUnit(StrEnum):
    """Of times that are numbers."""

    auto = "auto"
    s = "s"
    ms = "ms"
    us = "us"
    ns = "ns"


def _column(name: str, what: str) -> Any:
    return typer.Option(
        f"--{name}", metavar="COLUMN", help=what, show_default=False, rich_help_panel=_COLUMNS
    )


def _rows(*names: str, what: str, **more: Any) -> Any:
    return typer.Option(*names, help=what, show_default=False, rich_help_panel=_ROWS, **more)


@dataclass(frozen=True)
class Columns:
    """How to read a source; names and meanings are those of `tastespace.read`."""

    user: Annotated[str | None, _column("user", "The users.")] = None
    item: Annotated[str | None, _column("item", "The items.")] = None
    rating: Annotated[str | None, _column("rating", "Ratings; makes the data explicit.")] = None
    weight: Annotated[str | None, _column("weight", "Counts or hours; without it every event weighs 1.")] = (
        None
    )
    timestamp: Annotated[str | None, _column("timestamp", "Times: dates, or Unix seconds and the like.")] = (
        None
    )
    event: Annotated[str | None, _column("event", "The kind of each event (view, cart, purchase).")] = None
    event_weight: Annotated[
        list[str] | None,
        _rows(
            "--event-weight", what="Weight of a kind of event; repeat for each kind.", metavar="KIND=WEIGHT"
        ),
    ] = None
    timestamp_unit: Annotated[
        TimestampUnit | None, _rows("--timestamp-unit", what="Of times that are numbers.")
    ] = None
    duplicates: Annotated[
        Duplicates | None,
        _rows(
            "--duplicates",
            what="For a user and item that meet twice; default last for ratings, sum for events.",
        ),
    ] = None
    on_bad_rows: Annotated[
        BadRows | None,
        _rows(
            "--on-bad-rows", what="Rows that cannot be used: stop there (default), or skip and count them."
        ),
    ] = None
    separator: Annotated[str | None, _rows("--separator", what="Between the fields of a text file.")] = None
    header: Annotated[
        str | None,
        _rows("--header", what="Names of the columns of a text file without them.", metavar="NAME,NAME,..."),
    ] = None
    query: Annotated[str | None, _rows("--query", what="SQL that selects the rows of a database.")] = None
    table: Annotated[str | None, _rows("--table", what="A table of a database.")] = None

    def read(self, source: str) -> Interactions:
        """Read `source` whole.

        Raises
        ------
        typer.BadParameter
            If a file comes without the names of its columns.
        tastespace.errors.TastespaceError
            If the source cannot be read.
        """
        import tastespace as ts

        with working(f"reading {_shown(source)}"):
            if source in ts.datasets.NAMES and not os.path.exists(source):
                return ts.datasets.load(source)
            if self.user is None or self.item is None:
                raise typer.BadParameter(
                    f"which columns of {_shown(source)} hold the users and the items?",
                    param_hint="--user and --item",
                )
            options: dict[str, Any] = {
                field.name: value.value if isinstance(value, StrEnum) else value
                for field in fields(self)
                if field.name not in ("event_weight", "header")
                and (value := getattr(self, field.name)) is not None
            }
            if self.header is not None:
                options["header"] = [name.strip() for name in self.header.split(",")]
            return ts.read(source, event_weights=_pairs(self.event_weight), **options)


@dataclass(frozen=True)
class Selection:
    """Which of the events to use."""

    min_user_events: Annotated[
        int | None, _rows("--min-user-events", what="Keep users with at least so many events.", min=1)
    ] = None
    min_item_events: Annotated[
        int | None, _rows("--min-item-events", what="Keep items with at least so many events.", min=1)
    ] = None
    since: Annotated[str | None, _rows("--since", what="Keep events from this date on.", metavar="DATE")] = (
        None
    )
    until: Annotated[str | None, _rows("--until", what="Keep events before this date.", metavar="DATE")] = (
        None
    )
    only: Annotated[str | None, _rows("--only", what="Keep one kind of event.", metavar="KIND")] = None
    at_least: Annotated[
        float | None, _rows("--at-least", what="With --as-implicit: keep ratings of at least this.")
    ] = None
    as_implicit: Annotated[
        bool, _rows("--as-implicit", what="Forget how much: a rating becomes an event of weight 1.")
    ] = False
    half_life: Annotated[
        str | None, _rows("--half-life", what="Halve the weight of an event per so much time.", metavar="90d")
    ] = None

    def apply(self, events: Interactions) -> Interactions:
        """The events that are left.

        Raises
        ------
        typer.BadParameter
            If ``--at-least`` comes without ``--as-implicit``.
        tastespace.errors.TastespaceError
            If nothing is left, or the events lack what an option needs.
        """
        if self.at_least is not None and not self.as_implicit:
            raise typer.BadParameter("goes with --as-implicit", param_hint="--at-least")
        if self.only is not None:
            events = events.only(self.only)
        limits = {
            name: value
            for name in ("min_user_events", "min_item_events", "since", "until")
            if (value := getattr(self, name)) is not None
        }
        if self.as_implicit:
            events = events.as_implicit(at_least=self.at_least)
        if limits:
            events = events.filter(**limits)
        return events if self.half_life is None else events.decay(half_life=self.half_life)


def _shown(source: str) -> str:
    """`source` without the password of a database."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", source)


def load(source: str, columns: Columns, selection: Selection) -> Interactions:
    """Read `source`, keep what is selected, and say on standard error what there is."""
    events = selection.apply(columns.read(source))
    say(f"{_shown(source)}: {events}")
    return events


def splitter(text: str) -> Callable[[Interactions], Split]:
    """The split that `text` names, such as ``last-out:2``, ``random:0.2`` or ``time:2018-01-01``.

    Raises
    ------
    typer.BadParameter
        If it names none; lists those there are.
    """
    from tastespace import split

    ways: dict[str, tuple[Callable[..., Split], str, Callable[[str], object], str]] = {
        "random": (split.random, "test", float, "0.2"),
        "stratified": (split.stratified, "test", float, "0.2"),
        "last-out": (split.last_out, "n", int, "1"),
        "time": (split.by_time, "at", _moment, ""),
        "users-out": (split.users_out, "users", _share_or_number, "0.1"),
        "items-out": (split.items_out, "items", _share_or_number, "0.1"),
    }
    if text == "leave-one-out":
        return split.leave_one_out
    how, colon, value = text.partition(":")
    try:
        make, name, read, usual = ways[how]
        setting = read(value if colon else usual)
    except (KeyError, ValueError):
        raise typer.BadParameter(f"{text!r} is no split; use {SPLITS}") from None
    return lambda events: make(events, **{name: setting})


def check_validation(split: Split, text: str | None) -> None:
    """Refuse validation users whom training does not learn; `text` named the split.

    Raises
    ------
    typer.BadParameter
        If the split holds whole users out.
    """
    if split.known is not None:
        raise typer.BadParameter(
            f"{text} holds whole users out, and training watches only users whom it learns; use another split",
            param_hint="--valid",
        )


def _share_or_number(text: str) -> float:
    """``0.1`` is a share, ``100`` a number."""
    return int(text) if text.isdecimal() else float(text)


def _moment(text: str) -> float | str:
    """``0.8`` is a share, ``1500000000`` Unix seconds, anything else a date."""
    if not text:
        raise ValueError
    return float(text) if text.replace(".", "", 1).isdigit() else text


def _pairs(texts: list[str] | None) -> dict[str, float] | None:
    """``["view=1", "buy=10"]`` as a dict; None for None."""
    if not texts:
        return None
    pairs: dict[str, float] = {}
    for text in texts:
        kind, _, weight = text.rpartition("=")
        try:
            pairs[kind] = float(weight)
        except ValueError:
            kind = ""
        if not kind:
            raise typer.BadParameter(f"{text!r} is not KIND=WEIGHT, like view=1", param_hint="--event-weight")
    return pairs
