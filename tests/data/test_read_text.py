"""Reading files: formats, lines, damage."""

import gzip
import os
import random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tastespace.data.read import read
from tastespace.errors import (
    BadRowError,
    ColumnError,
    DamagedFileError,
    EmptyError,
    FileError,
    InputError,
    MissingFileError,
    ParameterError,
)

NAMES = {"user": "user", "item": "item"}
RATED = {**NAMES, "rating": "rating"}
TABLE = pl.DataFrame(
    {"user": [1, 2, 1], "item": ["x", "x", "y"], "rating": [4.0, 3.5, 1.0], "t": [10, 20, 30]}
)


@pytest.fixture
def put(tmp_path):
    """Write a file, text or bytes, and return its path."""

    def write(content, name="ratings.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def events(ratings):
    return ratings.to_polars().select("user", "item", "rating").rows()


# --- formats ----------------------------------------------------------------------------------------------------


def write(table, path):
    name = path.name.lower()
    packed = {"compression": "gzip" if ".gz" in name else "zstd" if ".zst" in name else "uncompressed"}
    if "parquet" in name or ".pq" in name:
        table.write_parquet(path)
    elif "json" in name:
        table.write_ndjson(path, **packed, check_extension=False)
    else:
        table.write_csv(path, separator="\t" if ".t" in name else ",", **packed, check_extension=False)


@pytest.mark.parametrize("packed", ["", ".gz", ".zst"])
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".tab", ".ndjson", ".jsonl", ".CSV", ".v1.csv"])
def test_text_formats_keep_ids_as_text(tmp_path, suffix, packed):
    path = tmp_path / f"ratings{suffix}{packed}"
    write(TABLE, path)
    for source in (path, str(path)):
        ratings = read(source, **RATED, timestamp="t")
        assert events(ratings) == [("1", "x", 4.0), ("1", "y", 1.0), ("2", "x", 3.5)]
        assert sorted(ratings.by_user.times) == [10, 20, 30]


@pytest.mark.parametrize("suffix", [".parquet", ".pq"])
def test_parquet_keeps_the_type_of_ids(tmp_path, suffix):
    write(TABLE, tmp_path / f"ratings{suffix}")
    assert events(read(tmp_path / f"ratings{suffix}", **RATED))[0] == (1, "x", 4.0)


def test_names_with_wildcards_are_names(tmp_path):
    for suffix in (".csv", ".ndjson", ".parquet"):
        write(TABLE, tmp_path / f"a[1]*{suffix}")
        assert len(read(tmp_path / f"a[1]*{suffix}", **RATED)) == 3


def test_text_like_numbers_and_dates_stays_as_it_is(put):
    path = put("user,item\n007,1.50\n1e3,NaN\n")
    ratings = read(path, **NAMES)
    assert list(ratings.users) == ["007", "1e3"]
    assert list(ratings.items) == ["1.50", "NaN"]


def test_long_integers_in_json_keep_every_digit(put):
    path = put('{"user": 12345678901234567890123, "item": "a"}\n', "events.ndjson")
    assert list(read(path, **NAMES).users) == ["12345678901234567890123"]


def test_separators(put):
    for separator in (";", "|", "::", "§", " "):
        path = put("user,item,rating\na,x,4\n".replace(",", separator), "ratings.dat")
        assert events(read(path, **RATED, separator=separator)) == [("a", "x", 4.0)]


def test_files_without_a_header(put):
    path = put('1::"Toy" Story::5::9\n2::x::3::9\n', "ratings.dat")
    header = ["user", "item", "rating"]
    ratings = read(path, **RATED, separator="::", header=header)
    assert events(ratings) == [("1", '"Toy" Story', 5.0), ("2", "x", 3.0)]
    assert read(path, **RATED, timestamp="column_4", separator="::", header=header).has_times
    bad = put("1\tx\tfive\n", "u.tsv")
    with pytest.raises(BadRowError, match=r"u.tsv line 1: rating 'five' is not a number"):
        read(bad, **RATED, header=header)


@pytest.mark.parametrize("header", ["user,item", ["user", "item", "x", "x"]])
def test_headers_that_are_none(put, header):
    with pytest.raises(ParameterError, match="header must be a list of different names; got"):
        read(put("a,b,c,d\n"), **NAMES, header=header)


def test_what_a_spreadsheet_writes(put):
    assert events(read(put(b'\xef\xbb\xbfuser,item,rating\r\n"a, ""b""",x,4\r\n'), **RATED)) == [
        ('a, "b"', "x", 4.0)
    ]


def test_numbers_with_blanks_around(put):
    assert events(read(put("user,item,rating\na,x, 4 \n"), **RATED)) == [("a", "x", 4.0)]


# --- lines ------------------------------------------------------------------------------------------------------


def test_the_promised_message(put):
    path = put("user,item,rating\n" + "a,x,1\n" * 810 + "a,y,five\n")
    expected = (
        r"^ratings.csv line 812: rating 'five' is not a number; pass on_bad_rows='skip' to drop such rows$"
    )
    with pytest.raises(BadRowError, match=expected):
        read(path, **RATED)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("user,item,rating\na,x,4\n{}\n", 3),
        ("\n\nuser,item,rating\na,x,4\n{}\n", 5),
        ("user,item,rating\n\n\na,x,4\n\n{}\n", 6),
        ('user,item,rating\n"a\nb",x,4\nc,"y\n\nz",4\n{}\n', 7),
        ('user,item,"note\nof",rating\na,x,"1\n2",4\n{}\n', 5),
        ("user,item,rating\r\na,x,4\r\n{}\r\n", 3),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_lines_are_those_of_an_editor(put, text, line, packed):
    row = 'd,x,"n",bad' if "note" in text else "d,x,bad"
    content = text.format(row).encode()
    path = put(gzip.compress(content) if packed else content, "r.csv.gz" if packed else "r.csv")
    with pytest.raises(BadRowError, match=f"line {line}: rating 'bad' is not a number"):
        read(path, **RATED)
    assert read(path, **RATED, on_bad_rows="skip").skipped == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("b,y", "rating is empty"),
        ("b", "item is empty"),
        (",y,1", "user is empty"),
        ('"",y,1', "user is empty"),
        ("b,y,1,2", "more fields than the 3 columns"),
        ("b,y,1,2,3", "more fields than the 3 columns"),
        ("b,y,nan", "rating 'nan' is not a finite number|rating nan is not a finite number"),
        ("b,y,1e400", "rating .* is not a finite number"),
    ],
)
def test_rows_that_cannot_be_used(put, row, message):
    path = put(f"user,item,rating\na,x,4\n{row}\na,z,2\n")
    with pytest.raises(BadRowError, match=f"ratings.csv line 3: ({message}); pass on_bad_rows"):
        read(path, **RATED)
    ratings = read(path, **RATED, on_bad_rows="skip")
    assert (len(ratings), ratings.skipped) == (2, 1)
    with pytest.raises(BadRowError, match=f"first.csv line 2: ({message}); pass on_bad_rows"):
        read(put(f"user,item,rating\n{row}\na,z,2\n", "first.csv"), **RATED)


def test_blank_lines_are_ignored_and_empty_fields_are_not(put):
    path = put("user,item,rating,note\n\na,x,4,\n,,,\n,,,forgot\n\n")
    with pytest.raises(
        BadRowError, match=r"line 5: user is empty; pass on_bad_rows='skip' to drop such rows$"
    ):
        read(path, **RATED)
    ratings = read(path, **RATED, on_bad_rows="skip")
    assert (len(ratings), ratings.skipped) == (1, 1)


def test_only_a_header(put):
    with pytest.raises(EmptyError, match="there are no rows to read"):
        read(put("user,item,rating"), **RATED)


def test_lines_of_json(put):
    text = '{"user":"a","item":"x","rating":4}\n\n{"user":"b","item":"y","rating":"five"}\n{"user":"b","item":"z"}\n'
    path = put(text, "r.ndjson")
    with pytest.raises(BadRowError, match=r"r.ndjson line 3: rating 'five' is not a number;.* \(2 in all\)"):
        read(path, **RATED)
    ratings = read(path, **RATED, on_bad_rows="skip")
    assert (len(ratings), ratings.skipped) == (1, 2)


@pytest.mark.parametrize(
    "line", ['{"user":', "[1]", "7", '{"user":"a","item":"x","rating":NaN}', "nonsense", "[" * 10_000]
)
def test_lines_that_are_no_json_object(put, line):
    path = put('\n{"user":"a","item":"x","rating":4}\n' + line + "\n", "r.ndjson")
    with pytest.raises(BadRowError, match=r"r.ndjson line 3: not a JSON object; pass on_bad_rows"):
        read(path, **RATED)
    assert read(path, **RATED, on_bad_rows="skip").skipped == 1


def test_json_all_of_it_broken(put):
    with pytest.raises(
        EmptyError, match=r"none of the 2 rows can be used; r.ndjson line 1: not a JSON object"
    ):
        read(put("a\nb\n", "r.ndjson"), **RATED, on_bad_rows="skip")


def test_json_numbers_that_polars_refuses(put):
    path = put('{"user":"a","item":"x","rating":1e999}\n', "r.ndjson")
    with pytest.raises(InputError, match=r"r.ndjson cannot be taken apart: "):
        read(path, **RATED)


IDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1).filter(str.strip)


@given(
    st.lists(st.tuples(IDS, IDS, st.integers(-5, 5)), min_size=1, unique_by=lambda row: row[:2]), st.data()
)
def test_any_text_survives_csv_and_json(tmp_path_factory, rows, data):
    path = tmp_path_factory.mktemp("any") / data.draw(st.sampled_from(["r.csv", "r.ndjson", "r.csv.zst"]))
    write(pl.DataFrame(rows, schema=["user", "item", "rating"], orient="row"), path)
    assert set(events(read(path, **RATED))) == {(u, i, float(r)) for u, i, r in rows}


# --- columns and files that do not fit --------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".csv", ".ndjson", ".parquet"])
def test_missing_columns(tmp_path, suffix):
    path = tmp_path / f"r{suffix}"
    write(TABLE, path)
    message = f"r{suffix} has no column 'usr'; it has user, item, rating, t; did you mean 'user'"
    with pytest.raises(ColumnError, match=message):
        read(path, **{**NAMES, "user": "usr"})


def test_missing_columns_beside_broken_json(put):
    path = put('{"user":"a","item":"x"}\nbroken\n', "r.ndjson")
    with pytest.raises(ColumnError, match=r"r.ndjson has no column 'rating'; it has user, item"):
        read(path, **RATED)


def test_columns_that_are_always_null_are_not_missing(put):
    path = put('{"user":"a","item":"x","rating":null}\n', "r.ndjson")
    with pytest.raises(BadRowError, match="line 1: rating is empty"):
        read(path, **RATED)


def test_repeated_columns(put):
    path = put("user,item,rating,rating\na,x,1,2\n")
    with pytest.raises(ColumnError, match=r"ratings.csv has 2 columns named 'rating'; rename all but one"):
        read(path, **RATED)
    assert len(read(path, **NAMES)) == 1


def test_the_wrong_separator(put):
    with pytest.raises(ColumnError, match=r"it has user;item;rating.*; perhaps pass separator=';'$"):
        read(put("user;item;rating\na;x;1\n"), **RATED)
    with pytest.raises(
        ColumnError, match=r"r.dat has 1 columns; 3 names were given: .*; perhaps pass separator='::'$"
    ):
        read(put("1::2::3\n", "r.dat"), **RATED, separator=",", header=["user", "item", "rating"])


def test_control_characters_and_long_separators(put):
    with pytest.raises(
        InputError, match=r"holds the control character U\+001F; use a separator of one ASCII"
    ):
        read(put("user::item\na\x1f::b\n"), **NAMES, separator="::")


@pytest.mark.parametrize("separator", ["", "\n", '"'])
def test_separators_that_cannot_be(put, separator):
    with pytest.raises(
        ParameterError, match="separator must be text without quotation marks and line breaks"
    ):
        read(put("user,item\na,x\n"), **NAMES, separator=separator)


@pytest.mark.parametrize("option", [{"separator": ","}, {"header": ["user", "item"]}])
@pytest.mark.parametrize("name", ["r.parquet", "r.ndjson.gz"])
def test_options_of_delimited_text_elsewhere(put, option, name):
    with pytest.raises(ParameterError, match=f"separator and header go with delimited text; {name} is"):
        read(put("x", name), **NAMES, **option)


@pytest.mark.parametrize("suffix", ["csv", "csv.gz"])
@pytest.mark.parametrize("last", ["xyz", "xy\u00e9"])
@pytest.mark.parametrize("end", ["", "\n"])
def test_a_quotation_mark_that_is_open_at_the_end_costs_no_character(tmp_path, end, last, suffix):
    path = tmp_path / f"ratings.{suffix}"
    write = gzip.open if suffix.endswith("gz") else open
    with write(path, "wb") as file:
        file.write(f'rating,user,item\n5,u,abc\n4,v,"{last}{end}'.encode())
    with pytest.raises(InputError, match="a quotation mark may be open"):
        read(path, user="user", item="item", rating="rating")
    with write(path, "wb") as file:
        file.write(f'rating,user,item\n5,u,abc\n4,v,"{last}"{end}'.encode())
    assert read(path, user="user", item="item", rating="rating").items.ids.tolist() == ["abc", last]


@pytest.mark.parametrize(
    "content",
    ['user,item,rating\na,x,4\n"b,y,3\n', 'user,item,rating\na,x,4\nb"b,y,3\n' + "a,z,1\n" * 20_000],
    ids=["open", "inside"],
)
def test_stray_quotation_marks(put, content):
    with pytest.raises(
        InputError, match=r"ratings.csv cannot be taken apart: .* a quotation mark may be open"
    ):
        read(put(content), **RATED)


@pytest.mark.parametrize("name", ["r.csv", "r.ndjson", "r.dat"])
@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_text_that_is_not_utf8(put, name, encoding):
    text = '{"user":"ä","item":"x"}\n' if "json" in name else "user::item\nä::x\n"
    separator = {} if "json" in name else {"separator": "::"} if "dat" in name else {"separator": ":"}
    with pytest.raises(InputError, match=f"{name} is not UTF-8 text; convert it to UTF-8 first"):
        read(put(text.encode(encoding), name), **NAMES, **separator)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(MissingFileError, match=r"absent.csv does not exist"):
        read(tmp_path / "absent.csv", **NAMES)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(FileError, match=r"folder.csv is a folder; name one file in it"):
        read(tmp_path / "folder.csv", **NAMES)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_files_that_may_not_be_opened(put):
    path = put("user,item\n")
    path.chmod(0)
    with pytest.raises(FileError, match=r"ratings.csv cannot be opened: Permission denied"):
        read(path, **NAMES)


def test_names_that_are_too_long(tmp_path):
    with pytest.raises(FileError, match="cannot be opened: File name too long"):
        read(tmp_path / ("x" * 300 + ".csv"), **NAMES)


@pytest.mark.parametrize(
    "name", ["ratings", "ratings.xlsx", "ratings.json", "ratings.gz", "r.parquet.gz", ".csv.gz.bak"]
)
def test_unknown_suffixes(put, name):
    with pytest.raises(FileError, match=r"has no suffix that names its format; known are .csv, .tsv"):
        read(put("user,item\n", name), **NAMES)


@pytest.mark.parametrize("name", ["r.csv", "r.csv.gz", "r.ndjson", "r.parquet"])
@pytest.mark.parametrize("content", ["", "\n\n"])
def test_empty_files(put, name, content):
    content = content.encode()
    if name.endswith(".gz"):
        content = gzip.compress(content)
    error, message = (
        (DamagedFileError, "not a Parquet")
        if content and "parquet" in name
        else (EmptyError, "is empty|no rows")
    )
    with pytest.raises(error, match=message):
        read(put(content, name), **NAMES)


@pytest.mark.parametrize("name", ["r.csv.gz", "r.csv.zst", "r.ndjson.gz", "r.ndjson.zst", "r.parquet"])
def test_truncated_files(tmp_path, name):
    numbers = random.Random(0)
    path = tmp_path / name
    write(pl.DataFrame({c: [str(numbers.random()) for _ in range(5000)] for c in ("user", "item")}), path)
    content = path.read_bytes()
    for size in (len(content) // 2, len(content) - 3):
        path.write_bytes(content[:size])
        with pytest.raises(
            DamagedFileError,
            match=f"{name} is (truncated or|not a Parquet file, or) damaged .*; get it again",
        ):
            read(path, **NAMES)


def test_damaged_checksum(put):
    content = bytearray(gzip.compress(b"user,item\n" + b"a,x\n" * 1000))
    content[-6] ^= 1
    with pytest.raises(
        DamagedFileError, match=r"r.csv.gz is truncated or damaged \(.*checksum\); get it again"
    ):
        read(put(bytes(content), "r.csv.gz"), **NAMES)
