"""The archives that GroupLens publishes, as tables of ratings and items."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zipfile import ZipFile

import polars as pl

_RATINGS = {"user": pl.Int32, "item": pl.Int32, "rating": pl.Float32, "timestamp": pl.Int64}
_ITEMS = {"item": pl.Int32, "title": pl.String, "genres": pl.String}
# The order of the 19 flags at the end of a line of u.item.
# fmt: off
_GENRES_100K = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama",
    "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)
# fmt: on


@dataclass(frozen=True)
class Layout:
    """Where an archive keeps what.

    Attributes
    ----------
    ratings, items, readme
        Members of the archive.
    separator
        Between fields. Files with a comma have a header and quotation marks, the others have neither.
    encoding
        Of the items.
    """

    ratings: str
    items: str
    readme: str
    separator: str
    encoding: str = "utf-8"


def read_archive(archive: ZipFile, layout: Layout) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read ratings (user, item, rating, timestamp) and items (item, title, genres joined by ``|``)."""
    ratings = _table(archive.read(layout.ratings), layout.separator, _RATINGS)
    text = archive.read(layout.items).decode(layout.encoding).encode()
    if layout.separator != "\t":
        return ratings, _table(text, layout.separator, _ITEMS)
    # ml-100k: item|title|release date|video date|address|19 flags
    flags = dict.fromkeys(_GENRES_100K, pl.Int8)
    rest = dict.fromkeys(("date", "video", "address"), pl.String)
    table = _table(text, "|", {"item": pl.Int32, "title": pl.String, **rest, **flags})
    names = [pl.when(pl.col(genre) == 1).then(pl.lit(genre)) for genre in _GENRES_100K]
    genres = pl.concat_str(names, separator="|", ignore_nulls=True).alias("genres")
    return ratings, table.select("item", "title", genres)


def _table(text: bytes, separator: str, columns: Mapping[str, Any]) -> pl.DataFrame:
    if len(separator) > 1:
        text, separator = text.replace(separator.encode(), b"\t"), "\t"
    header = separator == ","
    table = pl.read_csv(
        text,
        has_header=header,
        separator=separator,
        quote_char='"' if header else None,
        infer_schema=False,
        new_columns=list(columns),
    )
    return table.cast(pl.Schema(columns))
