"""Data sets by name: bundled, in a folder, in the cache, downloaded."""

import hashlib
import http.server
import os
import sys
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from tastespace.data import datasets, read
from tastespace.errors import DamagedFileError, FileError, InputError, MissingFileError, ParameterError

HERE = Path(__file__).parent
SHARED = Path(os.environ.get("TASTESPACE_DATA") or HERE.parents[2] / "shared" / "data")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache of its own for each test, and no other folder."""
    monkeypatch.delenv("TASTESPACE_DATA", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tastespace"


# --- bundled and local ------------------------------------------------------------------------------------------


def test_movietweetings_comes_along():
    ratings = datasets.load("movietweetings-100k")
    assert str(ratings) == (
        "16,554 users, 10,506 items, 100,000 ratings 0.0..10.0, 99.9 % empty, 2013-02-28..2013-09-01"
    )
    assert ratings.users.kind == ratings.items.kind == "integer"
    table = datasets.items("movietweetings-100k")
    assert table.schema == {"item": pl.Int64, "title": pl.String, "genres": pl.List(pl.String)}
    assert (ratings.items.find(table["item"]) >= 0).all()
    assert table.row(0) == (2844, "Fantômas - À l'ombre de la guillotine (1913)", ["Crime", "Drama"])
    assert (table["genres"].list.len() == 0).any()
    assert (
        (Path(datasets.__file__).parent / "bundled/movietweetings-100k/LICENSE")
        .read_text()
        .startswith("The MIT")
    )


def put(folder, rating=3.0):
    folder.mkdir(parents=True)
    row = {"user": [1], "item": [2], "rating": [rating], "timestamp": [0]}
    pl.DataFrame(row).write_parquet(folder / "ratings.parquet")
    return folder


def test_folders_are_searched_in_order(tmp_path, cache, monkeypatch):
    put(cache / "ml-100k", 1.0)
    assert datasets.load("ml-100k").scale == (1.0, 1.0)
    monkeypatch.setenv("TASTESPACE_DATA", str(tmp_path))
    assert datasets.load("ml-100k").scale == (1.0, 1.0)
    put(tmp_path / "ml-100k", 2.0)
    assert datasets.load("ml-100k").scale == (2.0, 2.0)
    assert datasets.load("ml-100k", path=put(tmp_path / "mine", 3.0)).scale == (3.0, 3.0)


SIZES = {
    "ml-100k": (943, 1_682, 100_000),
    "ml-1m": (6_040, 3_706, 1_000_209),
    "ml-latest-small": (610, 9_724, 100_836),
    "gowalla": (29_858, 40_981, 1_027_370),
    "steam-200k": (11_350, 3_600, 70_477),
    "hetrec-lastfm": (1_892, 17_632, 92_834),
    "jester-1": (24_983, 100, 1_810_455),
}


@pytest.mark.parametrize("name", SIZES)
def test_sizes_are_the_published_ones(name, monkeypatch):
    if not (SHARED / name).is_dir():
        pytest.skip(f"{SHARED / name} is absent; set TASTESPACE_DATA to a folder that holds {name}/")
    monkeypatch.setenv("TASTESPACE_DATA", str(SHARED))
    ratings = datasets.load(name)
    assert (ratings.n_users, ratings.n_items, ratings.n_events) == SIZES[name]
    assert ratings.explicit == (name.startswith("ml-") or name == "jester-1")
    assert ratings.has_times == name.startswith("ml-")
    if name != "gowalla":
        table = datasets.items(name)
        assert table["title"].null_count() == 0
        assert set(ratings.items) <= set(table["item"])


def test_csv_and_parquet_of_one_data_set_agree(monkeypatch):
    if not (SHARED / "ml-latest-small").is_dir():
        pytest.skip(f"{SHARED / 'ml-latest-small'} is absent; set TASTESPACE_DATA to a folder that holds it")
    monkeypatch.setenv("TASTESPACE_DATA", str(SHARED))
    names = {"user": "userId", "item": "movieId", "rating": "rating", "timestamp": "timestamp"}
    text, typed = (
        read.read(HERE / "ml-latest-small" / "ratings.csv", **names),
        datasets.load("ml-latest-small"),
    )
    assert text.by_user.same(typed.by_user)
    assert list(text.users) == [str(user) for user in typed.users]


def test_the_promised_summary():
    names = {"user": "userId", "item": "movieId", "rating": "rating", "timestamp": "timestamp"}
    ratings = read.read(HERE / "ml-latest-small" / "ratings.csv", **names)
    assert str(ratings) == (
        "610 users, 9,724 items, 100,836 ratings 0.5..5.0, 98.3 % empty, 1996-03-29..2018-09-24"
    )


# --- downloads --------------------------------------------------------------------------------------------------

MEMBERS = {
    "ml-100k": {
        "ml-100k/u.data": "1\t2\t3\t881250949\n1\t1\t5\t881250950\n",
        "ml-100k/u.item": "1|Été (1995)|01-Jan-1995||http://x|0|0|0|1|1|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
        "2|unknown||||1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0\n",
        "ml-100k/README": "terms",
    },
    "ml-1m": {
        "ml-1m/ratings.dat": "1::2::3::881250949\n1::1::5::881250950\n",
        "ml-1m/movies.dat": "1::Été (1995)::Animation|Children's|Comedy\n2::unknown::\n",
        "ml-1m/README": "terms",
    },
    "ml-10m": {
        "ml-10M100K/ratings.dat": "1::2::3::881250949\n1::1::5::881250950\n",
        "ml-10M100K/movies.dat": "1::Été (1995)::Animation|Children's|Comedy\n2::unknown::(no genres listed)\n",
        "ml-10M100K/README.html": "terms",
    },
    **{
        name: {
            f"{name}/ratings.csv": "userId,movieId,rating,timestamp\n1,2,3.0,881250949\n1,1,5.0,881250950\n",
            f"{name}/movies.csv": 'movieId,title,genres\n1,"Été (1995)",Animation|Children\'s|Comedy\n'
            "2,unknown,(no genres listed)\n",
            f"{name}/README.txt": "terms",
        }
        for name in ("ml-20m", "ml-latest-small")
    },
}


@pytest.fixture
def publish(tmp_path, monkeypatch):
    """Let a data set be downloaded from a small archive of the same layout."""

    def archive(name, sha256=None, url=None):
        path = tmp_path / f"{name}.zip"
        encoding = "latin-1" if name in ("ml-100k", "ml-1m") else "utf-8"
        with zipfile.ZipFile(path, "w") as opened:
            for member, text in MEMBERS[name].items():
                opened.writestr(member, text.encode(encoding))
        known = datasets._DATASETS[name]
        changed = replace(
            known.archive,
            url=url or path.as_uri(),
            sha256=sha256 or hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        monkeypatch.setitem(datasets._DATASETS, name, replace(known, archive=changed))
        return path

    return archive


@pytest.mark.parametrize("name", MEMBERS)
def test_downloads_are_converted_and_kept(name, publish, cache):
    path = publish(name)
    ratings = datasets.load(name)
    path.unlink()  # from here on there is only the cache
    assert ratings.to_polars().select("user", "item", "rating").rows() == [(1, 2, 3.0), (1, 1, 5.0)]
    assert ratings.by_user.times.tolist() == [881250949, 881250950]
    assert datasets.items(name).rows() == [
        (1, "Été (1995)", ["Animation", "Children's", "Comedy"]),
        (2, "unknown", []),
    ]
    assert datasets.load(name).by_user.same(ratings.by_user)
    assert [file.name for file in cache.iterdir()] == [name]
    assert (cache / name / "ORIGINAL_README.txt").read_text() == "terms"


@pytest.fixture
def server(tmp_path):
    """A web server on this machine that serves the test's folder, cutting ``cut.zip`` short."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(tmp_path))

        def log_message(self, *args):
            pass

        def do_GET(self):
            if self.path != "/cut.zip":
                return super().do_GET()
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"only this")

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


def test_download_by_http(publish, server):
    publish("ml-100k", url=f"{server}/ml-100k.zip")
    assert len(datasets.load("ml-100k")) == 2


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("cut.zip", "cut.zip (is incomplete or has changed|could not be downloaded)"),
        (
            "absent.zip",
            "absent.zip could not be downloaded: .*404.*; check the network, or set TASTESPACE_DATA",
        ),
    ],
)
def test_downloads_that_fail_leave_nothing(publish, server, cache, file, message):
    publish("ml-100k", url=f"{server}/{file}")
    with pytest.raises(FileError, match=message):
        datasets.load("ml-100k")
    assert list(cache.iterdir()) == []


def test_archives_that_changed(publish, cache):
    publish("ml-1m", sha256="0" * 64)
    with pytest.raises(
        DamagedFileError, match=f"its sha256 is [0-9a-f]{{64}}, expected {'0' * 64}; try again later"
    ):
        datasets.load("ml-1m")
    assert list(cache.iterdir()) == []


def test_no_network_at_all(publish):
    publish("ml-1m", url="http://127.0.0.1:1/ml-1m.zip")
    with pytest.raises(FileError, match=r"ml-1m.zip could not be downloaded: .*; check the network"):
        datasets.load("ml-1m")


def test_a_cache_that_cannot_be_written(publish, cache):
    publish("ml-1m")
    cache.parent.mkdir()
    cache.write_text("a file where the folder should be")
    with pytest.raises(FileError, match=r"ml-1m could not be put into the cache: .*; set TASTESPACE_DATA"):
        datasets.load("ml-1m")


def test_another_process_was_faster(publish, cache, monkeypatch):
    publish("ml-1m")
    real = datasets.read_archive

    def slowly(archive, layout):
        put(cache / "ml-1m", 9.0)
        return real(archive, layout)

    monkeypatch.setattr(datasets, "read_archive", slowly)
    assert datasets.load("ml-1m").scale == (9.0, 9.0)
    assert [file.name for file in cache.iterdir()] == ["ml-1m"]


def test_conversion_that_fails_leaves_nothing(publish, cache, monkeypatch):
    publish("ml-1m")
    monkeypatch.setattr(
        datasets, "_publish", lambda made, target: (_ for _ in ()).throw(OSError("disk full"))
    )
    with pytest.raises(FileError, match="ml-1m could not be put into the cache: disk full"):
        datasets.load("ml-1m")
    assert list(cache.iterdir()) == []


def test_a_rename_that_fails_is_told(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        datasets._publish(tmp_path / "absent", tmp_path / "target")


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/tastespace"),
        ("linux", {"HOME": "/h"}, "/h/.cache/tastespace"),
        ("darwin", {"HOME": "/h"}, "/h/Library/Caches/tastespace"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l/tastespace"),
        ("win32", {"HOME": "/h"}, "/h/AppData/Local/tastespace"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="homes are found otherwise on Windows")
def test_the_cache_of_each_platform(monkeypatch, platform, variables, expected):
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert datasets._cache() == Path(expected)


# --- mistakes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ml-5m", None, ["ml-1m"]])
def test_unknown_names(name):
    for call in (datasets.load, datasets.items):
        with pytest.raises(
            ParameterError, match=r"no data set is called .*; there are movietweetings-100k, ml-100k,"
        ):
            call(name)


def test_names_are_those_of_the_table():
    assert {*SIZES, *MEMBERS, "movietweetings-100k"} == set(datasets.NAMES)


def test_data_sets_that_cannot_be_downloaded():
    with pytest.raises(
        MissingFileError, match=r"gowalla is not here and cannot be downloaded; put train.parquet and test"
    ):
        datasets.load("gowalla")


def test_items_without_titles():
    with pytest.raises(InputError, match="gowalla knows nothing of its items but their ids"):
        datasets.items("gowalla")


def test_folders_that_lack_a_file(tmp_path, monkeypatch):
    with pytest.raises(MissingFileError, match=r"ratings.parquet does not exist"):
        datasets.load("ml-1m", path=tmp_path)
    with pytest.raises(MissingFileError, match=r"items.parquet does not exist"):
        datasets.items("ml-1m", path=tmp_path)
    monkeypatch.setenv("TASTESPACE_DATA", str(tmp_path / "absent"))
    with pytest.raises(MissingFileError, match=r"TASTESPACE_DATA names .*absent, which is no folder"):
        datasets.load("ml-1m")
