"""Read events from wherever they are."""

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, get_args

import numpy as np
import scipy.sparse

from tastespace.data.csr import Duplicates
from tastespace.data.interactions import Interactions
from tastespace.data.memory import beside_sparse
from tastespace.data.read_file import read_file
from tastespace.data.read_rows import OnBadRows, read_rows
from tastespace.data.read_source import Columns
from tastespace.data.read_sparse import read_sparse
from tastespace.data.read_sql import read_sql
from tastespace.data.read_table import read_table
from tastespace.data.read_values import TimestampUnit
from tastespace.errors import InputError, ParameterError


def read(
    source: Any,
    *,
    user: str | None = None,
    item: str | None = None,
    rating: str | None = None,
    weight: str | None = None,
    timestamp: str | None = None,
    event: str | None = None,
    event_weights: Mapping[str, float] | None = None,
    duplicates: Duplicates | None = None,
    on_bad_rows: OnBadRows = "raise",
    timestamp_unit: TimestampUnit = "auto",
    separator: str | None = None,
    header: Sequence[str] | None = None,
    query: str | None = None,
    table: str | None = None,
    users: Any = None,
    items: Any = None,
    explicit: bool = False,
) -> Interactions:
    """Read ratings or implicit events: one row, one event.

    With ``rating`` the data is explicit: any finite numbers, and ``weight`` may say how much each counts.
    Without it the data is implicit: every event weighs 1, or its ``weight``.

    Ids of text files (csv, tsv, ndjson) are text, whatever they look like; other sources keep their type, text
    or integers. Floats that are whole numbers become integers, because pandas turns integers into floats where
    one is missing. Users and items are numbered in order of first appearance.

    Parameters
    ----------
    source
        One of

        - a path to a ``.csv``, ``.tsv``, ``.ndjson`` or ``.parquet`` file; all but the last also as ``.gz`` and
          ``.zst``,
        - a Polars frame (lazy too), a pandas frame, an Arrow table, or any object that exports the Arrow
          PyCapsule interface, such as a DuckDB relation,
        - a SciPy sparse matrix, users x items; its stored cells are the events,
        - a database as a SQLAlchemy URI, with ``query`` or ``table``.
    user, item, rating, weight, timestamp, event
        Names of columns. ``user`` and ``item`` are needed for all but sparse matrices. ``event`` holds the kind
        of each event ("view", "purchase"), which `Interactions.only` can separate.
    event_weights
        Weight of each kind of event, above 0: multiplies the weights. Every kind that occurs needs one.
    duplicates
        What becomes of several events of one user and item: ``"last"`` (by time, then row), ``"first"``,
        ``"max"``, ``"sum"`` or ``"mean"``. By default ``"last"`` for ratings, ``"sum"`` otherwise.
    on_bad_rows
        ``"raise"`` stops at rows without a user or an item, and at ratings, weights and times that are empty or
        cannot be used; ``"skip"`` leaves such rows out and counts them in ``Interactions.skipped``. Lines with
        nothing in any column are ignored either way. Rows of weight 0 say nothing: they are left out and counted.
    timestamp_unit
        Unit of times that are numbers: ``"s"``, ``"ms"``, ``"us"`` or ``"ns"`` since 1970. ``"auto"`` judges the
        median: seconds below 1e11, then milliseconds below 1e14, microseconds below 1e17, nanoseconds. Dates,
        datetimes and ISO text ("2018-09-24", "2018-09-24 10:00:00", "2018-09-24T10:00:00.5+02:00") need none and
        are UTC unless they say otherwise. Times are kept in whole seconds, rounded down.
    separator
        Between the fields of delimited text, of one or several characters; by default a comma for ``.csv``, a tab
        for ``.tsv``. With it the file may have any suffix. With several characters (``"::"``) quotation marks
        mean nothing.
    header
        Names of the columns of delimited text that has no header line.
    query, table
        SQL that selects the rows, or a table or view to read ("sales.ratings").
    users, items
        Ids of the rows and columns of a sparse matrix; by default 0, 1, 2, ...
    explicit
        Whether the values of a sparse matrix are ratings rather than weights.

    Returns
    -------
    Interactions

    Raises
    ------
    ColumnError
        If a column is missing or of a type that cannot be what it is meant to be.
    BadRowError
        If a row cannot be used; names the line or row, the column and the value.
    EmptyError
        If the source holds no rows, or none that can be used.
    InputError
        If the source is nothing that can be read, or its text is malformed as a whole.
    FileError, MissingFileError, DamagedFileError
        If a file is a folder, of unknown format, missing, or truncated.
    ParameterError
        If parameters do not go together or are out of range.
    MissingExtraError
        If the source needs a package that is not installed.

    Notes
    -----
    Plain delimited text is read by several threads that never hold all of it: an uncompressed file in which
    every line has all its fields, none that is asked for is empty, numbers are decimal, times whole numbers, and
    quotation marks enclose whole fields. While it is read and sorted, memory is at most 40 bytes a row with
    ratings and times, 24 without times, beside the ids; 24 and 16 of them stay. All other text, also that with
    a bad row, takes two to three times as long and about 65 bytes a row with ratings and times.
    """
    for name, value, choices in (
        ("on_bad_rows", on_bad_rows, get_args(OnBadRows)),
        ("timestamp_unit", timestamp_unit, get_args(TimestampUnit)),
    ):
        if value not in choices:
            raise ParameterError(f"{name} must be one of {', '.join(map(repr, choices))}; got {value!r}")
    if event_weights is not None and event is None:
        raise ParameterError(
            "event_weights needs the column that holds the kinds of event; name it with event="
        )
    sparse = scipy.sparse.issparse(source)
    path = isinstance(source, (str, PathLike))
    uri = isinstance(source, str) and "://" in source
    _refuse("a SciPy sparse matrix", sparse, users=users, items=items, explicit=explicit or None)
    _refuse("a database URI", uri, query=query, table=table)
    _refuse("a delimited text file", path and not uri, separator=separator, header=header)
    if sparse:
        given = {
            "user": user,
            "item": item,
            "rating": rating,
            "weight": weight,
            "timestamp": timestamp,
            "event": event,
        }
        _refuse("a table; a sparse matrix has no columns", False, **given)
        rows = read_sparse(source, users=users, items=items, explicit=explicit)
    elif isinstance(source, np.ndarray) and source.ndim == 2:
        raise InputError(
            f"read takes a sparse matrix or a table of events; got {beside_sparse(source)}: pass "
            "scipy.sparse.csr_array(...), or a table with named columns if its rows are events"
        )
    else:
        if user is None or item is None:
            raise ParameterError("read needs the names of the columns of users and items: user= and item=")
        columns = Columns(user, item, rating, weight, timestamp, event)
        # Columns are handed on without a name here, so that they go as soon as they are arrays.
        if uri:
            rows = read_rows(read_sql(source, columns, query=query, table=table), columns, timestamp_unit)
        elif path:
            rows = read_file(Path(source), columns, timestamp_unit, separator=separator, header=header)
        else:
            rows = read_rows(read_table(source, columns), columns, timestamp_unit)
    return rows.interactions(
        explicit=explicit or rating is not None,
        event_weights=event_weights,
        duplicates=duplicates,
        on_bad_rows=on_bad_rows,
    )


def _refuse(what: str, fits: bool, **given: Any) -> None:
    """Refuse parameters that only go with another kind of source."""
    for name, value in given.items():
        if value is not None and not fits:
            raise ParameterError(f"{name} goes with {what}; drop it")
