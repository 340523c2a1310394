"""Public data sets by name.

A data set is a folder of Parquet files. `load` and `items` look for it in this order:

1. the folder given as ``path``,
2. the package itself, which brings ``movietweetings-100k`` (MIT licence, Simon Dooms),
3. ``<name>`` in the folder that the environment variable ``TASTESPACE_DATA`` names,
4. ``<name>`` in the cache: ``tastespace`` in ``$XDG_CACHE_HOME`` or ``~/.cache``, on macOS in
   ``~/Library/Caches``, on Windows in ``%LOCALAPPDATA%``,
5. for MovieLens, a download from GroupLens into the cache, checked by its sha256. These data are for research
   and not for commercial use; the terms are kept beside them as ``ORIGINAL_README.txt``.
"""

import os
import sys
import tempfile
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from zipfile import ZipFile

import polars as pl

from tastespace.data.download import downloaded
from tastespace.data.interactions import Interactions
from tastespace.data.movielens import Layout, read_archive
from tastespace.data.read import read
from tastespace.errors import FileError, InputError, MissingFileError, ParameterError

_BUNDLED = Path(__file__).parent / "bundled"
_NO_GENRE = ("", "unknown", "(no genres listed)")
_SITE = "https://files.grouplens.org/datasets/movielens"


@dataclass(frozen=True)
class _Archive:
    """Where to download a data set, its checksum, and where the archive keeps what."""

    url: str
    sha256: str
    layout: Layout


@dataclass(frozen=True)
class _Dataset:
    """The files of a data set and the columns that `load` reads.

    All have columns ``user`` and ``item``; several files are put together.
    """

    files: tuple[str, ...] = ("ratings.parquet",)
    rating: str | None = "rating"
    weight: str | None = None
    timestamp: str | None = "timestamp"
    title: str | None = "title"
    genres: bool = True
    archive: _Archive | None = None


_DATASETS = {
    "movietweetings-100k": _Dataset(),
    "ml-100k": _Dataset(
        archive=_Archive(
            f"{_SITE}/ml-100k.zip",
            "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
            Layout("ml-100k/u.data", "ml-100k/u.item", "ml-100k/README", "\t", "latin-1"),
        )
    ),
    "ml-1m": _Dataset(
        archive=_Archive(
            f"{_SITE}/ml-1m.zip",
            "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
            Layout("ml-1m/ratings.dat", "ml-1m/movies.dat", "ml-1m/README", "::", "latin-1"),
        )
    ),
    "ml-latest-small": _Dataset(
        archive=_Archive(
            f"{_SITE}/ml-latest-small.zip",
            "696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436",
            Layout(
                "ml-latest-small/ratings.csv", "ml-latest-small/movies.csv", "ml-latest-small/README.txt", ","
            ),
        )
    ),
    "ml-10m": _Dataset(
        archive=_Archive(
            f"{_SITE}/ml-10m.zip",
            "813c411ccb6122564edfe752e7f80c4dcc5aa25fa94c93622f6877a7ba252862",
            Layout("ml-10M100K/ratings.dat", "ml-10M100K/movies.dat", "ml-10M100K/README.html", "::"),
        )
    ),
    "ml-20m": _Dataset(
        archive=_Archive(
            f"{_SITE}/ml-20m.zip",
            "96f243c338a8665f6bcc89c53edf6ee39162a846940de6b7c8c48aeada765ff3",
            Layout("ml-20m/ratings.csv", "ml-20m/movies.csv", "ml-20m/README.txt", ","),
        )
    ),
    "gowalla": _Dataset(
        files=("train.parquet", "test.parquet"), rating=None, timestamp=None, title=None, genres=False
    ),
    "steam-200k": _Dataset(
        files=("play.parquet",), rating=None, weight="hours", timestamp=None, genres=False
    ),
    "hetrec-lastfm": _Dataset(
        files=("plays.parquet",), rating=None, weight="plays", timestamp=None, title="name", genres=False
    ),
    "jester-1": _Dataset(timestamp=None, title="text", genres=False),
}

NAMES = tuple(_DATASETS)


def load(name: str, path: str | os.PathLike[str] | None = None) -> Interactions:
    """Load a public data set; ids are integers.

    Parameters
    ----------
    name
        One of `NAMES`. Ratings with times: ``movietweetings-100k`` (0 to 10), ``ml-100k``, ``ml-1m``,
        ``ml-latest-small``, ``ml-10m``, ``ml-20m``. Ratings from -10 to 10 without times: ``jester-1``.
        Implicit: ``gowalla`` (check-ins, both parts of the LightGCN split), ``steam-200k`` (hours played),
        ``hetrec-lastfm`` (play counts).
    path
        The folder that holds its files, if not found by itself (see `tastespace.datasets`).

    Raises
    ------
    ParameterError
        If the name is unknown.
    MissingFileError
        If the data set is not there and may not be downloaded.
    FileError, DamagedFileError
        If the download fails or does not have the right checksum.
    """
    dataset = _dataset(name)
    folder = _folder(name, dataset, path)
    return reduce(
        Interactions.merge,
        (
            read(
                folder / file,
                user="user",
                item="item",
                rating=dataset.rating,
                weight=dataset.weight,
                timestamp=dataset.timestamp,
            )
            for file in dataset.files
        ),
    )


def items(name: str, path: str | os.PathLike[str] | None = None) -> pl.DataFrame:
    """Load what is known of the items of a data set.

    Parameters
    ----------
    name, path
        As in `load`.

    Returns
    -------
    polars.DataFrame
        Columns ``item`` (Int64), ``title`` (String) and ``genres`` (List(String), empty where there are none).
        It may hold items that no event names.

    Raises
    ------
    InputError
        If nothing is known of its items.
    ParameterError, MissingFileError, FileError, DamagedFileError
        As in `load`.
    """
    dataset = _dataset(name)
    if dataset.title is None:
        raise InputError(f"{name} knows nothing of its items but their ids")
    file = _folder(name, dataset, path) / "items.parquet"
    if not file.is_file():
        raise MissingFileError(f"{file} does not exist")
    genres = (
        pl.col("genres").fill_null("").str.split("|")
        if dataset.genres
        else pl.lit([], dtype=pl.List(pl.String))
    )
    return pl.read_parquet(file, glob=False).select(
        pl.col("item").cast(pl.Int64),
        pl.col(dataset.title).alias("title"),
        genres.list.filter(~pl.element().is_in(_NO_GENRE)).alias("genres"),
    )


def _dataset(name: str) -> _Dataset:
    try:
        return _DATASETS[name]
    except (KeyError, TypeError):
        raise ParameterError(f"no data set is called {name!r}; there are {', '.join(NAMES)}") from None


def _folder(name: str, dataset: _Dataset, path: str | os.PathLike[str] | None) -> Path:
    """Return the folder that holds the files, downloading them where that is allowed and needed."""
    if path is not None:
        return Path(path)
    places = [_BUNDLED / name]
    if local := os.environ.get("TASTESPACE_DATA"):
        if not Path(local).is_dir():
            raise MissingFileError(f"TASTESPACE_DATA names {local}, which is no folder")
        places.append(Path(local) / name)
    places.append(_cache() / name)
    for place in places:
        if place.is_dir():
            return place
    if dataset.archive is None:
        files = " and ".join(dataset.files)
        raise MissingFileError(
            f"{name} is not here and cannot be downloaded; put {files} into {name}/ in a folder that the "
            "environment variable TASTESPACE_DATA names"
        )
    return _fetch(name, dataset.archive)


def _fetch(name: str, archive: _Archive) -> Path:
    """Download and convert a data set; other processes see all of its folder or nothing."""
    target = _cache() / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{name}-") as work,
            downloaded(archive.url, sha256=archive.sha256, folder=target.parent) as file,
            ZipFile(file) as opened,
        ):
            made = Path(work, name)
            made.mkdir()
            ratings, items = read_archive(opened, archive.layout)
            ratings.write_parquet(made / "ratings.parquet")
            items.write_parquet(made / "items.parquet")
            (made / "ORIGINAL_README.txt").write_bytes(opened.read(archive.layout.readme))
            _publish(made, target)
    except OSError as error:
        raise FileError(f"{name} could not be put into the cache: {error}; set TASTESPACE_DATA") from error
    return target


def _publish(made: Path, target: Path) -> None:
    try:
        made.rename(target)
    except OSError:
        if not target.is_dir():  # otherwise another process was faster, and its copy is as good
            raise


def _cache() -> Path:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tastespace"
