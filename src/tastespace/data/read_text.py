"""Delimited text and newline-delimited JSON, with line numbers for messages."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
import polars as pl
from polars.exceptions import ComputeError, NoDataError, SchemaError

from tastespace.data.read_source import Columns, Source, check_columns
from tastespace.errors import ColumnError, InputError, ParameterError

_UNIT_SEPARATOR = "\x1f"  # stands in for separators of several characters, which Polars does not read
_USUAL_SEPARATORS = (";", "\t", "|", ",", "::")
_PEEKED_LINES = 1000
_PEEKED_BYTES = 1 << 20
PACKED = (
    b"\x1f\x8b",
    b"\x28\xb5\x2f\xfd",
    b"\x78",
)  # gzip, Zstandard, zlib; a text that starts so is read as a file


@dataclass(frozen=True)
class Delimited:
    """Where the rows of a delimited text start, and what its columns are called.

    Attributes
    ----------
    content
        The file, or the text itself where it had to be rewritten.
    name
        The file's name, for messages.
    columns
        Every column, in order.
    skip
        Number of lines before the first row: blank lines and the header.
    separator
        One character.
    quote
        The quotation mark, or None where there is none.
    """

    content: Path | bytes
    name: str
    columns: tuple[str, ...]
    skip: int
    separator: str
    quote: str | None

    def scan(self, types: Mapping[str, Any], *, beyond: str | None = None) -> pl.LazyFrame:
        """The rows; columns without a type are text. Missing fields are null.

        Parameters
        ----------
        beyond
            Name of a column for the first field that is too many; without it such a row is an error.
        """
        schema = {column: types.get(column, pl.String) for column in self.columns}
        if beyond is not None:
            schema[beyond] = pl.String
        return pl.scan_csv(
            self.content,
            has_header=False,
            skip_lines=self.skip,
            schema=schema,
            separator=self.separator,
            quote_char=self.quote,
            extra_columns="raise" if beyond is None else "ignore",
            missing_columns="insert",
            glob=False,
        )

    def where(self, row: int) -> str:
        """Name a row by the line on which it starts; line breaks inside quotation marks count."""
        breaks = self.scan({}, beyond=_beyond(self.columns)).head(row)
        inside = breaks.select(pl.sum_horizontal(pl.all().str.count_matches("\n", literal=True).sum()))
        return f"{self.name} line {self.skip + row + 1 + int(inside.collect().item())}"


def open_delimited(
    path: Path, *, separator: str, header: Sequence[str] | None, asked: Sequence[str]
) -> Delimited:
    """Find the header and check that the columns asked for are there.

    Parameters
    ----------
    header
        Names of the columns of a file without a header; columns beyond them are called ``column_<n>``.

    Raises
    ------
    ParameterError
        If the separator cannot be one, or ``header`` is no list of different names.
    NoDataError
        If there are no lines.
    InputError
        If a separator of several characters meets U+001F in the text.
    ColumnError
        If a column is missing, or ``header`` names more than the columns.
    """
    if not separator or any(character in separator for character in '\n\r"'):
        raise ParameterError(
            f"separator must be text without quotation marks and line breaks; got {separator!r}"
        )
    content: Path | bytes = path
    quote: str | None = '"'
    if len(separator.encode()) > 1:
        content, separator, quote = _translate(path, separator), _UNIT_SEPARATOR, None
    head = _head(content)
    lead = _blank_lines(head)
    peek = pl.read_csv(
        head,
        has_header=header is None,
        skip_lines=lead,
        n_rows=0 if header is None else 1,
        infer_schema=False,
        separator=separator,
        quote_char=quote,
        extra_columns="ignore",
        glob=False,
    )
    columns = tuple(peek.columns)
    if header is None:
        header_lines = 1 + sum(column.count("\n") for column in columns)
        # Polars renames a repeated column; the messages should not.
        check_columns(asked, [_original(column, columns) for column in columns], path.name, _hint(columns))
        return Delimited(content, path.name, columns, lead + header_lines, separator, quote)
    if isinstance(header, str) or len(set(header)) < len(header):
        raise ParameterError(f"header must be a list of different names; got {header!r}")
    if len(header) > len(columns):
        raise ColumnError(
            f"{path.name} has {len(columns)} columns; {len(header)} names were given: {', '.join(header)}"
            + _hint(peek.row(0))
        )
    columns = (*header, *(f"column_{n + 1}" for n in range(len(header), len(columns))))
    check_columns(asked, columns, path.name)
    return Delimited(content, path.name, columns, lead, separator, quote)


def read_delimited(text: Delimited, columns: Columns) -> Source:
    """Read the columns asked for.

    Ids and kinds become categories. Times and numbers become numbers where every field is one; otherwise all
    of them stay text, so that a message can quote what stands there.

    Raises
    ------
    ComputeError
        If quotation marks do not match or the text is not UTF-8.
    """
    text = _ended(text)
    labels = dict.fromkeys(columns.labels, pl.Categorical())
    numbers = dict.fromkeys(columns.numbers, pl.Float64())
    times = dict.fromkeys(columns.times, pl.Int64())
    asked = list(columns.asked)
    frame = _collect(text.scan({**labels, **numbers, **times}).select(asked))
    if frame is None:
        frame = _collect(text.scan(labels).select(asked))
    if frame is not None:
        return Source(frame, text.where, blank=_blank(text, frame))
    beyond = _beyond(text.columns)
    frame = text.scan(labels, beyond=beyond).select(*asked, beyond).collect()
    broken = frame[beyond].is_not_null().to_numpy()
    frame = frame.drop(beyond)
    return Source(
        frame,
        text.where,
        broken=broken,
        reason=f"more fields than the {len(text.columns)} columns",
        blank=_blank(text, frame),
    )


def read_ndjson(path: Path, columns: Columns) -> Source:
    """Read the fields asked for as text from one JSON object per line; blank lines do not count.

    Raises
    ------
    ColumnError
        If a field occurs in no line.
    ComputeError
        If the text is not UTF-8.
    """
    schema = dict.fromkeys(columns.asked, pl.String())

    def where(row: int) -> str:
        written = _written(path).slice(row, 1).select("row")
        return f"{path.name} line {written.collect().item() + 1}"

    with path.open("rb") as file:
        frame = _collect(pl.scan_ndjson(file, schema=schema))
        if frame is not None:
            _check_fields(frame, file, path.name)
            return Source(frame, where)
    lines = _written(path).select("line").collect().to_series()
    broken = np.fromiter((not _is_object(line) for line in lines), dtype=bool, count=len(lines))
    # An empty object keeps the place of a line that is none.
    mended = BytesIO("\n".join(pl.Series(["{}"]).zip_with(pl.Series(broken), lines)).encode())
    frame = pl.scan_ndjson(mended, schema=schema).collect()
    if not broken.all():
        _check_fields(frame, mended, path.name)
    return Source(frame, where, broken=broken, reason="not a JSON object")


def _collect(scan: pl.LazyFrame) -> pl.DataFrame | None:
    """The rows, or None where they do not fit the types or the number of columns."""
    try:
        return scan.collect()
    except (ComputeError, SchemaError):  # Polars raises the latter for the first row
        return None


def _lines(content: Path | bytes) -> pl.LazyFrame:
    """Lines as columns ``row`` (from 0), ``line`` (null if blank) and ``beyond``, what follows U+001F."""
    return pl.scan_csv(
        content,
        has_header=False,
        schema={"line": pl.String, "beyond": pl.String},
        separator=_UNIT_SEPARATOR,
        quote_char=None,
        row_index_name="row",
        missing_columns="insert",
        extra_columns="ignore",
        glob=False,
    )


def _written(path: Path) -> pl.LazyFrame:
    """The lines that are not blank."""
    return _lines(path).filter(pl.col("line").str.strip_chars() != "")


def _translate(path: Path, separator: str) -> bytes:
    lines = _lines(path).select("line", "beyond").collect()
    if lines["beyond"].count():
        raise InputError(
            f"{path.name} holds the control character U+001F; use a separator of one ASCII character"
        )
    return "\n".join(
        lines["line"].fill_null("").str.replace_all(separator, _UNIT_SEPARATOR, literal=True)
    ).encode()


def _ended(text: Delimited) -> Delimited:
    """With a line break at the end, where a quotation mark is open there.

    Polars takes the end of the text for the closing mark, and with it the last byte away; after a line break it says
    that a mark is open.
    """
    content = text.content
    if text.quote is None or _ends_with_break(content):
        return text
    marks = pl.all().str.count_matches('"', literal=True).sum()
    if _lines(content).drop("row").select(pl.sum_horizontal(marks)).collect().item() % 2 == 0:
        return text
    lines = _lines(content).select("line").collect()["line"].fill_null("")
    return replace(text, content=("\n".join(lines) + "\n").encode())


def _ends_with_break(content: Path | bytes) -> bool:
    """Whether the last byte is a line break; the last of a packed file says nothing."""
    if isinstance(content, bytes):
        return content.endswith(b"\n")
    with content.open("rb") as file:
        if file.read(max(map(len, PACKED))).startswith(PACKED):
            return False
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def _head(content: Path | bytes) -> Path | bytes:
    """The first lines, or all where they are packed or do not fit; Polars would touch more of a file."""
    if isinstance(content, bytes):
        return content
    with content.open("rb") as file:
        start = file.read(_PEEKED_BYTES)
    lines = start if len(start) < _PEEKED_BYTES else start[: start.rfind(b"\n") + 1]
    return content if start.startswith(PACKED) or not lines.strip() else lines


def _blank_lines(content: Path | bytes) -> int:
    """Number of blank lines before the first that is not."""
    first = _lines(content).filter(pl.col("line").is_not_null()).select("row").head(1).collect()
    if not len(first):
        raise NoDataError("no lines")
    return int(first.item())


def _original(column: str, columns: Sequence[str]) -> str:
    stem, mark, number = column.rpartition("_duplicated_")
    return stem if mark and number.isdigit() and stem in columns else column


def _hint(fields: Sequence[Any]) -> str:
    """What to try where a line was taken for a single field."""
    if len(fields) == 1:
        for separator in _USUAL_SEPARATORS:
            if separator in str(fields[0]):
                return f"; perhaps pass separator={separator!r}"
    return ""


def _beyond(columns: Sequence[str]) -> str:
    return "".join(columns) + "+"  # longer than any of them, so none of them


def _blank(text: Delimited, frame: pl.DataFrame) -> Any:
    """Mask of rows without anything in any column, or None."""
    nothing = pl.all_horizontal(pl.all().is_null())
    if not frame.select(nothing.any()).item():
        return None
    blank = text.scan({}, beyond=_beyond(text.columns)).select(nothing).collect().to_series()
    return blank.to_numpy()


def _check_fields(frame: pl.DataFrame, content: IO[bytes], name: str) -> None:
    """Tell fields that no line has from fields that are always null."""
    absent = [field for field in frame.columns if frame[field].null_count() == len(frame)]
    if absent and len(frame):
        content.seek(0)
        fields = pl.scan_ndjson(content, infer_schema_length=_PEEKED_LINES).collect_schema()
        check_columns(absent, fields.names(), name)


def _is_object(line: str) -> bool:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        return isinstance(json.loads(line, parse_constant=refuse), dict)
    except (ValueError, RecursionError):
        return False
