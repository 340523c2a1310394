"""The options that put titles beside item ids."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tastespace.cli.console import write, write_table
from tastespace.errors import ColumnError, InputError, MissingFileError, UnknownIdError

if TYPE_CHECKING:
    import polars as pl

    from tastespace.data.vocabulary import Vocabulary
    from tastespace.models.table import Table


@dataclass(frozen=True)
class TitleOptions:
    """Where the titles are."""

    titles: Annotated[
        str | None,
        typer.Option(
            "--titles",
            metavar="FILE",
            help="A csv, tsv, parquet or ndjson file with titles, or the name of a known data set.",
            show_default=False,
            rich_help_panel="Titles",
        ),
    ] = None
    title_column: Annotated[
        str, typer.Option("--title-column", metavar="COLUMN", help="The titles.", rich_help_panel="Titles")
    ] = "title"
    item_column: Annotated[
        str, typer.Option("--item-column", metavar="COLUMN", help="The items.", rich_help_panel="Titles")
    ] = "item"

    def load(self, items: Vocabulary) -> Mapping[Any, str]:
        """The titles by item id, those ids in the vocabulary's type; empty where none were asked for.

        Raises
        ------
        MissingFileError, InputError
            If the file is absent or cannot be read.
        ColumnError
            If it lacks one of the columns.
        """
        if self.titles is None:
            return {}
        found = self.column(items, self.title_column, "--title-column")
        return {item: str(title) for item, title in found.items()}

    def column(self, items: Vocabulary, name: str, option: str) -> dict[Any, Any]:
        """Another column of the same table by item id; `option` named it.

        Raises
        ------
        MissingFileError, InputError, ColumnError
            As in :meth:`load`.
        """
        assert self.titles is not None  # the caller has seen to it
        frame = _table(self.titles)
        for named, column in ((option, name), ("--item-column", self.item_column)):
            if column not in frame.columns:
                columns = ", ".join(frame.columns)
                raise ColumnError(
                    f"{self.titles} has no column {column!r}; it has {columns}; name one with {named}"
                )
        values = {}
        for item, value in frame.select(self.item_column, name).iter_rows():
            if item is not None and value is not None:
                try:
                    values[items.coerce(str(item))] = value
                except UnknownIdError:  # not of the vocabulary's type, so not in it either
                    continue
        return values


def _table(source: str) -> pl.DataFrame:
    """The table at a path, every column of a text file as text, or the items of a known data set."""
    import polars as pl

    from tastespace import datasets

    if not os.path.exists(source):
        if source in datasets.NAMES:
            return datasets.items(source)
        raise MissingFileError(
            f"{source} does not exist; --titles takes a file or one of {', '.join(datasets.NAMES)}"
        )
    name = source.lower().removesuffix(".gz").removesuffix(".zst")
    try:
        if name.endswith((".parquet", ".pq")):
            return pl.read_parquet(source)
        if name.endswith((".ndjson", ".jsonl")):
            return pl.read_ndjson(source)
        return pl.read_csv(
            source, infer_schema=False, separator="\t" if name.endswith((".tsv", ".tab")) else ","
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{source} cannot be read as a table: {error}") from error


def with_titles(table: Table, titles: Mapping[Any, str], *, of: str) -> list[dict[str, Any]]:
    """The rows of a table by column, with a ``title`` after the column `of` where there are titles at all."""
    if not titles:
        return list(table.rows())
    rows = []
    for row in table.rows():
        titled: dict[str, Any] = {}
        for name, value in row.items():
            titled[name] = value
            if name == of:
                titled["title"] = titles.get(value)
        rows.append(titled)
    return rows


def write_ranked(rows: Sequence[Mapping[str, Any]], *, heading: Callable[[Any], str], score: str) -> None:
    """Print a ranked list for each id of the first column, best first, each under a heading."""
    lists: dict[Any, list[Mapping[str, Any]]] = {}
    for row in rows:
        lists.setdefault(next(iter(row.values())), []).append(row)
    for position, (one, ranked) in enumerate(lists.items()):
        if position:
            write("")
        _, *named, _, _ = ranked[0]
        write_table(
            ["rank", *named, score],
            [[row["rank"], *(row[name] or "" for name in named), f"{row['score']:.3f}"] for row in ranked],
            title=heading(one),
            right=("rank", score),
            flexible=("title",),
        )
