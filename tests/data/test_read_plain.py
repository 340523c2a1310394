"""The native reader of plain text gives what the patient one gives, or leaves the text to it."""

import gzip
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tastespace._native as _native
from tastespace.data import read_file, read_plain
from tastespace.data.read import read
from tastespace.errors import TastespaceError

COLUMNS = {
    "user": "user",
    "item": "item",
    "rating": "rating",
    "weight": "weight",
    "timestamp": "time",
    "event": "kind",
}
HEADER = "user,item,rating,weight,time,kind,note\n"

ids = st.text("abc 0é😀\t", min_size=1, max_size=9).filter(str.strip)
numbers = (
    st.floats(-1e6, 1e6, width=32).map(str)
    | st.integers(-9, 9).map(str)
    | st.sampled_from(["1e-3", "2.50", "007"])
)
rows = st.tuples(
    ids,
    ids,
    numbers,
    st.floats(0.5, 9).map(lambda weight: f"{weight:.3f}"),
    st.integers(-(10**9), 10**9).map(str),
    st.sampled_from(["view", "buy"]),
    ids,
)


def outcome(path, **options):
    """What reading gives, whether interactions or an error."""
    try:
        ratings = read(path, **options)
    except TastespaceError as error:
        return type(error), str(error)
    tables = [ratings.by_user, ratings.by_item, *(table for _, table in ratings.signals)]
    arrays = [
        None if array is None else (array.dtype, array.tolist())
        for table in tables
        for array in (table.indptr, table.indices, table.values, table.times, table.weights)
    ]
    return repr(ratings), list(ratings.users), list(ratings.items), ratings.kinds, arrays


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("plain") / "ratings.csv"


def both(path, monkeypatch, **options):
    """The outcome with and without the native reader, and whether it answered."""
    answers = []

    def remembered(*arguments):
        answers.append(read_plain.read_plain(*arguments))
        return answers[-1]

    with monkeypatch.context() as patch:
        patch.setattr(read_file, "read_plain", remembered)
        ours = outcome(path, **options)
        patch.setattr(read_file, "read_plain", lambda *arguments: None)
        return ours, outcome(path, **options), answers[0] is not None


@given(st.lists(rows, min_size=1, max_size=30), st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_plain_text_reads_as_with_the_patient_reader(path, rows, quoted, end):
    with pytest.MonkeyPatch.context() as monkeypatch:
        lines = [",".join(f'"{field}"' if quoted else field for field in row) for row in rows]
        path.write_bytes((HEADER + end.join(lines) + end).encode())
        ours, theirs, answered = both(path, monkeypatch, **COLUMNS)
        assert answered
        assert ours == theirs


BROKEN = [
    "",
    ",,,,,,",
    "a,x",
    "a,x,1,1,1,view,n,n",
    ",x,1,1,1,view,n",
    "a,x,,1,1,view,n",
    "a,x,five,1,1,view,n",
    "a,x,nan,1,1,view,n",
    "a,x,1e39,1,1,view,n",
    "a,x,1,0,1,view,n",
    "a,x,1,-1,1,view,n",
    "a,x,1,1,soon,view,n",
    "a,x,1,1,9999999999999999999,view,n",
    "a,x,1,1,2018-09-24,view,n",
    "a, ,1,1,1,view,n",
    "a,x, 1,1,1,view,n",
    'a"b,x,1,1,1,view,n',
    '"a,x,1,1,1,view,n',
    'a,x,1,1,1,view,"n\nn"',
    'a,"x""y",1,1,1,view,n',
    "a,x,1,1,-1,view,n",
    "a,x,.5,1,1,view,n",
    "a,x,+5,1,1,view,n",
]


@given(st.lists(rows, max_size=5), st.sampled_from(BROKEN), st.data())
def test_all_else_is_left_to_the_patient_reader(path, rows, broken, data):
    lines = [",".join(row) for row in rows]
    lines.insert(data.draw(st.integers(0, len(lines))), broken)
    path.write_text(HEADER + "\n".join(lines) + data.draw(st.sampled_from(["", "\n", "\n\n"])))
    with pytest.MonkeyPatch.context() as monkeypatch:
        for bad_rows in ("raise", "skip"):
            ours, theirs, _ = both(path, monkeypatch, **COLUMNS, on_bad_rows=bad_rows)
            assert ours == theirs


@pytest.mark.parametrize(
    ("times", "unit", "answered"),
    [
        (["1537799250"], "auto", True),
        (["1537799250999"] * 3 + ["5"], "auto", True),
        (["1537799250000000000"], "auto", True),
        (["-1"], "ms", True),
        (["999999999999"], "s", False),
        (["-99999999999"], "s", False),
        (["2018-09-24 14:27:30"], "auto", False),
    ],
)
def test_times(path, monkeypatch, times, unit, answered):
    path.write_text("user,item,time\n" + "".join(f"u{n},x,{time}\n" for n, time in enumerate(times)))
    options = {"user": "user", "item": "item", "timestamp": "time", "timestamp_unit": unit}
    ours, theirs, plain = both(path, monkeypatch, **options)
    assert ours == theirs
    assert plain == answered


def test_times_are_those_meant(path):
    moment = datetime(2018, 9, 24, 14, 27, 30, tzinfo=UTC)
    for factor in (1, 10**3, 10**6, 10**9):
        path.write_text(f"user,item,time\na,x,{int(moment.timestamp()) * factor}\n")
        assert read(path, user="user", item="item", timestamp="time").by_user.times == [moment.timestamp()]


@pytest.mark.parametrize(
    ("content", "name", "options", "answered"),
    [
        ("user,item\na,x\n", "r.csv", {}, True),
        ("\n\nuser,item\na,x\n", "r.csv", {}, True),
        ("\ufeffuser,item\na,x\n", "r.csv", {}, True),
        ("\ufeffa,x\n", "r.csv", {"header": ["user", "item"]}, True),
        ('"user\nid",item\na,x\n', "r.csv", {"user": "user\nid"}, True),
        ("user\titem\na\tx\n", "r.tsv", {}, True),
        ("user;item\na;x\n", "r.dat", {"separator": ";"}, True),
        ("user::item\na::x\n", "r.dat", {"separator": "::"}, False),
        ("user,item\n", "r.csv", {}, False),
        ("user,item,w\na,x,0\nb,x,2\n", "r.csv", {"weight": "w"}, True),
        ("user,item,w\na,x,-1\n", "r.csv", {"weight": "w"}, False),
        ("user,item,e\n" + "".join(f"a,x,{n}\n" for n in range(101)), "r.csv", {"event": "e"}, False),
    ],
)
def test_what_is_plain(tmp_path, monkeypatch, content, name, options, answered):
    path = tmp_path / name
    path.write_bytes(content.encode())
    ours, theirs, plain = both(path, monkeypatch, **{"user": "user", "item": "item", **options})
    assert ours == theirs
    assert plain == answered


def test_headers_beyond_the_first_look(path, monkeypatch):
    path.write_text("\n" * (1 << 21) + "user,item\na,x\n")
    ours, theirs, plain = both(path, monkeypatch, user="user", item="item")
    assert ours == theirs
    assert plain


def test_any_number_of_threads_reads_the_same(path, monkeypatch):
    generator = np.random.default_rng(0)
    cells = generator.integers(0, [3000, 700], (150_000, 2)).tolist()
    path.write_text("user,item,t\n" + "".join(f"u{u},i{i},{n % 977}\n" for n, (u, i) in enumerate(cells)))
    outcomes = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(read_plain, "resolve_threads", lambda given, threads=threads: threads)
        monkeypatch.setattr("tastespace.data.csr.resolve_threads", lambda given, threads=threads: threads)
        outcomes.append(outcome(path, user="user", item="item", timestamp="t"))
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert outcomes[0][1] == list(dict.fromkeys(f"u{u}" for u, _ in cells))


def test_the_native_reader_knows_its_roles(path):
    path.write_text("a\n")
    with pytest.raises(ValueError, match="unknown role of a column: date"):
        _native.csv_read(path, 0, ord(","), None, ["date"], 1)
    with pytest.raises(OSError, match="directory"):
        _native.csv_read(path.parent, 0, ord(","), None, ["label"], 1)


@pytest.mark.parametrize(
    "text",
    [
        b"u,i\na\r,x\nb,y\n",
        b"u,i\na,x\r\r\n",
        b"u,i\na,x\r\n\r\r\n",
        b"u,i\na,x\nb,y\r",
        b"u,i\n\xef\xbb\xbfa,x\n",
        b"\xef\xbb\xbfu,i\na,x\n",
        b'u,i\n"a\r",x\n',
        gzip.compress(b"u,i\na,x\nb,y8", 0),
    ],
)
def test_odd_bytes_read_as_with_the_patient_reader(path, monkeypatch, text):
    path.write_bytes(text)
    ours, theirs, _ = both(path, monkeypatch, user="u", item="i")
    assert ours == theirs
