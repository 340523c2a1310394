"""Files of events: which format a name means, and what can be wrong with a file as a whole."""

import os
from collections.abc import Sequence
from pathlib import Path

import polars as pl
from polars.exceptions import NoDataError, PolarsError

from tastespace.data.read_plain import read_plain
from tastespace.data.read_rows import Rows, read_rows
from tastespace.data.read_source import Columns, Source, check_columns, row_of
from tastespace.data.read_text import open_delimited, read_delimited, read_ndjson
from tastespace.data.read_values import TimestampUnit
from tastespace.errors import (
    DamagedFileError,
    EmptyError,
    FileError,
    InputError,
    MissingFileError,
    ParameterError,
)

_SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
_PARQUET = (".parquet", ".pq")
_NDJSON = (".ndjson", ".jsonl")
_COMPRESSED = (".gz", ".zst")


def read_file(
    path: Path,
    columns: Columns,
    unit: TimestampUnit,
    *,
    separator: str | None,
    header: Sequence[str] | None,
) -> Rows:
    """Read the columns of a file whose suffix names the format.

    Parameters
    ----------
    separator
        Makes it a delimited text whatever its suffix; None means the suffix decides.
    header
        Names of the columns of a delimited text that has no header line.

    Raises
    ------
    MissingFileError
        If there is no such file.
    FileError
        If it is a folder, cannot be opened, or its suffix means nothing.
    DamagedFileError
        If compressed data or a Parquet file end early or do not match their checksum.
    EmptyError
        If there is nothing in it.
    InputError
        If a text is not UTF-8 or its quotation marks do not match.
    ColumnError
        If a column is missing.
    ParameterError
        If ``separator`` or ``header`` come with a format that has none.
    """
    _check(path)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compressed = bool(suffixes) and suffixes[-1] in _COMPRESSED
    suffix = next(iter(suffixes[-1 - compressed :]), "")
    delimited = separator is not None or suffix in _SEPARATORS
    if suffix in (*_PARQUET, *_NDJSON) and not (separator is None and header is None):
        raise ParameterError(f"separator and header go with delimited text; {path.name} is {suffix[1:]}")
    if suffix in _PARQUET and not compressed:
        return read_rows(_read_parquet(path, columns), columns, unit)
    if suffix not in _NDJSON and not delimited:
        known = ", ".join((*_SEPARATORS, *_PARQUET, *_NDJSON))
        raise FileError(
            f"{path.name} has no suffix that names its format; known are {known}, all but Parquet also with "
            f"{' or '.join(_COMPRESSED)}; for delimited text of another name pass separator="
        )
    try:
        if suffix in _NDJSON:
            return read_rows(read_ndjson(path, columns), columns, unit)
        mark = _SEPARATORS[suffix] if separator is None else separator
        text = open_delimited(path, separator=mark, header=header, asked=columns.asked)
        plain = None if compressed else read_plain(text, columns, unit)
        return read_rows(read_delimited(text, columns), columns, unit) if plain is None else plain
    except NoDataError:
        raise EmptyError(f"{path.name} is empty") from None
    except PolarsError as error:
        raise InputError(_unreadable(path.name, error)) from error
    except OSError as error:
        raise DamagedFileError(f"{path} is truncated or damaged ({error}); get it again") from error


def _check(path: Path) -> None:
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError:
        raise MissingFileError(f"{path} does not exist") from None
    except IsADirectoryError:
        raise FileError(f"{path} is a folder; name one file in it") from None
    except OSError as error:
        if os.path.isdir(path):  # Windows reports a folder as a file that may not be opened
            raise FileError(f"{path} is a folder; name one file in it") from None
        raise FileError(f"{path} cannot be opened: {error.strerror}") from error
    if empty:
        raise EmptyError(f"{path.name} is empty")


def _read_parquet(path: Path, columns: Columns) -> Source:
    try:
        with path.open("rb") as file:
            check_columns(columns.asked, list(pl.read_parquet_schema(file)), path.name)
        frame = pl.read_parquet(path, columns=list(columns.asked), glob=False)
    except (PolarsError, OSError) as error:
        first = str(error).partition("\n")[0]
        raise DamagedFileError(f"{path} is not a Parquet file, or damaged ({first}); get it again") from error
    return Source(frame, row_of(path.name))


def _unreadable(name: str, error: PolarsError) -> str:
    first = str(error).partition("\n")[0][:200]
    if "utf" in first.lower():
        return f"{name} is not UTF-8 text; convert it to UTF-8 first"
    return (
        f"{name} cannot be taken apart: {first}; a quotation mark may be open or stand inside a field "
        "(quote such fields, or read the file with Polars and pass the frame)"
    )
