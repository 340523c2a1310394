import copy
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import InputError, UnknownItemError, UnknownUserError

texts = st.text(st.characters(codec="utf-8"), max_size=8)
integers = st.integers(-(2**63), 2**63 - 1)
ids = st.one_of(st.lists(texts, unique=True, max_size=30), st.lists(integers, unique=True, max_size=30))


def users(ids):
    return Vocabulary(ids, noun="user")


def items(ids):
    return Vocabulary(ids, noun="item")


@given(ids)
def test_round_trip(ids):
    vocabulary = users(ids)
    assert list(vocabulary) == ids
    assert len(vocabulary) == len(ids)
    np.testing.assert_array_equal(vocabulary.rows(ids), np.arange(len(ids)))
    assert [vocabulary.row(id) for id in ids] == list(range(len(ids)))
    assert all(id in vocabulary for id in ids)
    assert vocabulary == users(vocabulary.ids)
    assert [vocabulary.coerce(str(id)) for id in ids] == ids


@given(st.data())
def test_extend_keeps_old_rows_and_appends_in_order_of_appearance(data):
    element = data.draw(st.sampled_from([texts, integers]))
    old = data.draw(st.lists(element, unique=True, max_size=20))
    new = data.draw(st.lists(element, max_size=20))
    vocabulary = users(old).extend(new)
    assert list(vocabulary) == list(dict.fromkeys([*old, *new]))
    np.testing.assert_array_equal(vocabulary.rows(old), np.arange(len(old)))


@given(ids, st.randoms())
def test_take_and_find(ids, random):
    vocabulary = users(ids)
    rows = random.sample(range(len(ids)), random.randint(0, len(ids)))
    part = vocabulary.take(np.array(rows, dtype=np.int64))
    assert list(part) == [ids[row] for row in rows]
    assert part.kind == vocabulary.kind
    found = part.find(vocabulary)
    for row, position in enumerate(found):
        assert position == (rows.index(row) if row in rows else -1)


@pytest.mark.parametrize(
    "source",
    [
        ["a", "b", "c"],
        ("a", "b", "c"),
        {"a": 1, "b": 2, "c": 3},
        (id for id in "abc"),
        np.array(["a", "b", "c"]),
        np.array(["a", "b", "c"], dtype=object),
        np.array(["a", "b", "c"], dtype=np.dtypes.StringDType()),
        pl.Series(["a", "b", "c"]),
        pl.Series(["a", "b", "c"], dtype=pl.Categorical),
        pd.Series(["a", "b", "c"]),
        pd.Categorical(["a", "b", "c"]),
        pa.array(["a", "b", "c"]),
        [np.str_("a"), "b", "c"],
    ],
)
def test_sources_of_text(source):
    vocabulary = users(source)
    assert vocabulary.kind == "string"
    assert vocabulary.ids.dtype == object
    assert [type(id) for id in vocabulary] == [str] * 3
    assert list(vocabulary) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "source",
    [
        [3, 1, 2],
        np.array([3, 1, 2], dtype=np.uint8),
        np.array([3, 1, 2], dtype=np.uint64),
        np.array([3, 1, 2], dtype=object),
        [np.int32(3), 1, np.uint64(2)],
        pl.Series([3, 1, 2]),
        pd.Series([3, 1, 2], dtype="Int64"),
        pa.array([3, 1, 2]),
    ],
)
def test_sources_of_integers(source):
    vocabulary = users(source)
    assert vocabulary.kind == "integer"
    assert vocabulary.ids.dtype == np.int64
    assert list(vocabulary) == [3, 1, 2]
    assert [type(id) for id in vocabulary] == [int] * 3


def test_empty():
    assert len(users([])) == 0
    assert users([]).kind == "string"
    assert users(np.array([], dtype=np.int32)).kind == "integer"
    assert list(users([]).extend([5, 5, 4])) == [5, 4]
    assert users(["a"]).extend([]) == users(["a"])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (["a", "b", "a"], r"user ids must be unique; 'a' stands at positions 0 and 2; keep one of them"),
        ([7, 7], r"user ids must be unique; 7 stands at positions 0 and 1"),
        (["a", None], r"user id at position 1 is null; drop such rows or give them an id"),
        ([1, float("nan")], r"user id at position 1 is null"),
        ([1, pd.NA], r"user id at position 1 is null"),
        (pl.Series([1, None]), r"user id at position 1 is null"),
        (pl.Series(["a", None]), r"user id at position 1 is null"),
        (pd.Series(["a", None]), r"user id at position 1 is null"),
        (pd.Series([1, None], dtype="Int64"), r"user id at position 1 is null"),
        (pa.array([1, None]), r"user id at position 1 is null"),
        (["a", 1], r"all strings or all integers; position 0 holds 'a', position 1 holds 1; convert"),
        ([1, "a"], r"all strings or all integers; position 0 holds 1, position 1 holds 'a'"),
        ([1, True], r"must be strings or integers; position 1 holds True \(bool\); convert it"),
        (np.array([True, False]), r"position 0 holds True \(bool\)"),
        ([1.5], r"position 0 holds 1.5 \(float\)"),
        (np.array([1.0, 2.0]), r"position 0 holds 1.0 \(float\)"),
        ([b"a"], r"position 0 holds b'a' \(bytes\)"),
        (np.array(["a"], dtype="S1"), r"position 0 holds b'a' \(bytes\)"),
        ([["a"]], r"position 0 holds \['a'\] \(list\)"),
        ([1, 2**63], r"user id 9223372036854775808 at position 1 lies outside the range of int64; pass"),
        ([-(2**63) - 1], r"lies outside the range of int64"),
        (np.array([2**63], dtype=np.uint64), r"lies outside the range of int64"),
        (["a", "\ud800"], r"user id '\\ud800' at position 1 is not valid Unicode text"),
        (np.zeros((2, 2), dtype=int), r"user ids must have one dimension; got an array of shape \(2, 2\)"),
        ("abc", r"a sequence of user ids is needed; got 'abc'; put a single id into a list"),
        (42, r"a sequence of user ids is needed; got 42"),
        (None, r"a sequence of user ids is needed; got None"),
    ],
)
def test_bad_ids(source, message):
    with pytest.raises(InputError, match=message):
        users(source)


def test_unknown_ids_are_named_up_to_three():
    with pytest.raises(UnknownUserError, match=r"^unknown user 'x'$"):
        users(["a"]).rows(["a", "x", "x"])
    with pytest.raises(UnknownItemError, match=r"^unknown items 7, 8, 9 and 2 more$"):
        items([1]).rows([7, 1, 8, 9, 10, 11])
    with pytest.raises(UnknownItemError, match=r"^unknown item 'x'$"):
        items(["a"]).row("x")


def test_text_and_integers_never_match():
    text, number = items(["42"]), items([42])
    with pytest.raises(
        UnknownItemError, match=r"unknown item 42; ids here are strings, not integers: did you mean '42'\?"
    ):
        text.row(42)
    with pytest.raises(
        UnknownItemError, match=r"unknown item '42'; ids here are integers, not strings: did you mean 42\?"
    ):
        number.rows(["42"])
    with pytest.raises(UnknownItemError, match=r"unknown item 'x'; ids here are integers, not strings$"):
        number.row("x")
    np.testing.assert_array_equal(text.find([42]), [-1])
    np.testing.assert_array_equal(number.find(["42"]), [-1])
    assert 42 not in text
    assert "42" not in number
    assert text != number


@pytest.mark.parametrize("id", [True, 1.0, None, b"1", (1,)])
def test_look_alikes_of_an_integer_do_not_match(id):
    vocabulary = users([1, 0])
    assert id not in vocabulary
    with pytest.raises(InputError, match="position 0"):
        vocabulary.row(id)
    with pytest.raises(InputError, match="position 0"):
        vocabulary.find([id])


def test_scalars_of_numpy_match():
    assert users([5, 6]).row(np.int16(6)) == 1
    assert np.uint64(5) in users([5])
    assert users(["a"]).row(np.str_("a")) == 0


def test_extend_refuses_the_other_type():
    with pytest.raises(
        InputError, match="user ids here are strings, the new ones integers such as 1; convert"
    ):
        users(["a"]).extend([1])


def test_take_refuses_repeats():
    with pytest.raises(InputError, match="rows of user ids to take must be unique"):
        users(["a", "b"]).take(np.array([1, 0, 1]))


@pytest.mark.parametrize(("text", "id"), [("42", 42), ("-7", -7), (" +3 ", 3), ("007", 7)])
def test_coerce_to_integer(text, id):
    assert users([1]).coerce(text) == id


@pytest.mark.parametrize("text", ["x", "1_000", "1.0", "", "٤٢"])
def test_coerce_refuses_what_is_not_an_integer(text):
    with pytest.raises(UnknownUserError, match="ids here are integers, not strings"):
        users([1]).coerce(text)


def test_frozen():
    source = np.array([1, 2])
    vocabulary = users(source)
    source[0] = 9
    assert list(vocabulary) == [1, 2]
    with pytest.raises(ValueError, match="read-only"):
        vocabulary.ids[0] = 5
    with pytest.raises(AttributeError):
        vocabulary.ids = source
    with pytest.raises(TypeError, match="unhashable"):
        hash(vocabulary)


@pytest.mark.parametrize("source", [["a", "b"], [1, 2]])
def test_pickle_and_copy(source):
    for clone in (pickle.loads(pickle.dumps(users(source))), copy.deepcopy(users(source))):
        assert clone == users(source)
        assert clone.noun == "user"
        assert not clone.ids.flags.writeable


def test_repr_and_comparison():
    assert repr(users([1, 2])) == "Vocabulary of 2 integer user ids: 1, 2"
    assert repr(items(["a", "b", "c", "d"])) == "Vocabulary of 4 string item ids: 'a', 'b', 'c', …"
    assert users(["a", "b"]) != users(["b", "a"])
    assert users(["a"]) != ["a"]


def test_text_that_ends_in_nul_stays_apart():
    ids = ["x\0", "x", "\0"]
    assert Vocabulary(pl.Series(ids), noun="user").ids.tolist() == ids
