"""Rows of a database, through SQLAlchemy."""

from pathlib import Path
from typing import Any

import polars as pl

from tastespace.data.read_source import Columns, Source, check_columns, row_of
from tastespace.errors import InputError, MissingExtraError, MissingFileError, ParameterError, missing_extra

_BATCH = 100_000


def read_sql(uri: str, columns: Columns, *, query: str | None, table: str | None) -> Source:
    """Read the columns of a query, or of a table.

    Parameters
    ----------
    uri
        As SQLAlchemy takes it: ``"postgresql://user:password@host/shop"``, ``"sqlite:///shop.db"``.
    query
        SQL that selects the rows.
    table
        A table or view to read instead, with its schema if needed: ``"sales.ratings"``.

    Raises
    ------
    ParameterError
        If neither or both of ``query`` and ``table`` are given, or the URI makes no sense.
    MissingExtraError
        If SQLAlchemy or the database's driver are not installed.
    MissingFileError
        If an SQLite file does not exist.
    ColumnError
        If a column is missing.
    InputError
        If the database cannot be reached or refuses the query.
    """
    if (query is None) == (table is None):
        raise ParameterError("a database needs query= or table=, and only one of them")
    try:
        import sqlalchemy as sa
    except ImportError as error:
        raise missing_extra("reading a database", "sql") from error
    engine = _engine(sa, uri)
    # Without the password, which has no place in a message.
    name = f"{'the query' if table is None else table} on {engine.url.render_as_string(hide_password=True)}"
    try:
        with engine.connect() as connection:
            if table is None:
                statement: Any = sa.text(str(query))
            else:
                schema, _, plain = table.rpartition(".")
                present = [column["name"] for column in sa.inspect(engine).get_columns(plain, schema or None)]
                check_columns(columns.asked, present, name)
                statement = sa.select(*map(sa.column, columns.asked)).select_from(
                    sa.table(plain, schema=schema or None)
                )
            result = connection.execution_options(yield_per=_BATCH).execute(statement)
            if not result.returns_rows:
                raise ParameterError(f"{name} returns no rows; it must select them")
            names = list(result.keys())
            check_columns(columns.asked, names, name)
            positions = [names.index(column) for column in columns.asked]
            parts = [_frame(columns, positions, rows) for rows in result.partitions()]
    except sa.exc.NoSuchTableError:
        raise InputError(f"there is no table {name}; check its name and schema") from None
    except sa.exc.SQLAlchemyError as error:
        first = str(error).partition("\n")[0]
        raise InputError(f"{name} failed: {first}; check the URI and the SQL") from error
    finally:
        engine.dispose()
    return Source(_joined(parts or [_frame(columns, positions, [])], columns), row_of(name))


def _engine(sa: Any, uri: str) -> Any:
    try:
        engine = sa.create_engine(uri)
    except sa.exc.NoSuchModuleError:
        scheme = uri.partition(":")[0]
        raise ParameterError(
            f"no database is known as {scheme!r}; use postgresql://, mysql:// or sqlite://"
        ) from None
    except sa.exc.ArgumentError:
        raise ParameterError(
            "the connection URI must look like dialect://user:password@host/database"
        ) from None
    except ImportError as error:
        raise MissingExtraError(
            f"{uri.partition(':')[0]} needs its driver, a package beside tastespace[sql]: {error}"
        ) from error
    url = engine.url
    # SQLite would create the file and then find no table in it.
    if (
        url.get_backend_name() == "sqlite"
        and url.database not in (None, "", ":memory:")
        and not Path(url.database).exists()
    ):
        engine.dispose()
        raise MissingFileError(f"{url.database} does not exist")
    return engine


def _frame(columns: Columns, positions: list[int], rows: Any) -> pl.DataFrame:
    """A batch of rows as columns."""
    by_column = list(zip(*rows, strict=True)) or [()] * (max(positions) + 1)
    return pl.DataFrame(
        [
            _labels(column, by_column[position])
            if column in columns.labels
            else pl.Series(column, by_column[position], strict=False)
            for column, position in zip(columns.asked, positions, strict=True)
        ]
    )


def _labels(column: str, values: tuple[Any, ...]) -> pl.Series:
    """Ids as they are; those that Polars does not know (UUIDs) become text."""
    types = set(map(type, values)) - {type(None)}
    if len(types) > 1:
        raise _mixed(column, sorted(kind.__name__ for kind in types))
    series = pl.Series(column, values, strict=False)
    if series.dtype == pl.Object:
        return pl.Series(column, [None if value is None else str(value) for value in values])
    return series


def _joined(parts: list[pl.DataFrame], columns: Columns) -> pl.DataFrame:
    for column in columns.labels:
        kinds = {part.schema[column] for part in parts} - {pl.Null()}
        if len(kinds) > 1:
            raise _mixed(column, sorted(map(str, kinds)))
    return pl.concat(parts, how="vertical_relaxed")


def _mixed(column: str, kinds: list[str]) -> InputError:
    return InputError(f"column {column!r} mixes {' and '.join(kinds)}; cast it to one type in the query")
