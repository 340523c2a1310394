"""The options that put titles beside item ids."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tastespace.errors import ColumnError, InputError, MissingFileError, UnknownIdError

if TYPE_CHECKING:
    import polars as pl

    from tastespace.data.vocabulary import Vocabulary


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
        frame = _table(self.titles)
        for option, column in (("--title-column", self.title_column), ("--item-column", self.item_column)):
            if column not in frame.columns:
                columns = ", ".join(frame.columns)
                raise ColumnError(f"{self.titles} has no column {column!r}; it has {columns}; name one with {option}")
        titles = {}
        for item, title in frame.select(self.item_column, self.title_column).iter_rows():
            if item is not None and title is not None:
                try:
                    titles[items.coerce(str(item))] = str(title)
                except UnknownIdError:  # not of the vocabulary's type, so not in it either
                    continue
        return titles


def _table(source: str) -> pl.DataFrame:
    """The table at a path, every column of a text file as text, or the items of a known data set."""
    import polars as pl

    from tastespace import datasets

    if not os.path.exists(source):
        if source in datasets.NAMES:
            return datasets.items(source)
        raise MissingFileError(f"{source} does not exist; --titles takes a file or one of {', '.join(datasets.NAMES)}")
    name = source.lower().removesuffix(".gz").removesuffix(".zst")
    try:
        if name.endswith((".parquet", ".pq")):
            return pl.read_parquet(source)
        if name.endswith((".ndjson", ".jsonl")):
            return pl.read_ndjson(source)
        return pl.read_csv(source, infer_schema=False, separator="\t" if name.endswith((".tsv", ".tab")) else ",")
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{source} cannot be read as a table: {error}") from error


def with_titles(
    columns: Sequence[str], rows: Sequence[Sequence[object]], titles: Mapping[Any, str], *, of: str
) -> tuple[list[str], list[list[object]]]:
    """A table with a column ``title`` after the column `of`, where there are titles at all."""
    at = columns.index(of) + 1
    if not titles:
        return list(columns), [list(row) for row in rows]
    return (
        [*columns[:at], "title", *columns[at:]],
        [[*row[:at], titles.get(row[at - 1], ""), *row[at:]] for row in rows],
    )
