"""Ids survive a file with their type, order and every character."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tastespace import store
from tastespace.errors import DamagedFileError, InputError

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def text_ids(*values):
    ids = np.empty(len(values), object)
    ids[:] = values
    return ids


@given(values=st.lists(TEXT))
def test_text_comes_back(values):
    ids = store.unpack("users", store.pack("users", text_ids(*values)), "shop.taste")
    assert ids.dtype == object
    assert ids.tolist() == values
    assert not ids.flags.writeable


@given(values=st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_integers_come_back(values):
    ids = store.unpack("items", store.pack("items", np.array(values, np.int64)), "shop.taste")
    assert ids.dtype == np.int64
    assert ids.tolist() == values


def test_names_and_layout():
    packed = store.pack("users", text_ids("ab", "", "é"))
    assert set(packed) == {"users.bytes", "users.offsets"}
    assert packed["users.bytes"].tobytes() == b"ab\xc3\xa9"
    assert packed["users.offsets"].tolist() == [0, 2, 2, 4]
    assert set(store.pack("items", np.arange(3))) == {"items.ints"}
    assert store.pack("items", np.arange(3, dtype=np.int32))["items.ints"].dtype == np.int64


def test_two_tables_share_a_file(tmp_path):
    users, items = text_ids("1", "2"), np.array([1, 2])
    store.write(tmp_path / "a.taste", store.pack("users", users) | store.pack("items", items), {})
    arrays, _ = store.read(tmp_path / "a.taste")
    assert store.unpack("users", arrays, "a.taste").tolist() == ["1", "2"]
    assert store.unpack("items", arrays, "a.taste").tolist() == [1, 2]


@pytest.mark.parametrize("value", [1.5, None, 7, b"x"])
def test_other_ids_are_refused(value):
    with pytest.raises(InputError, match=r"the users id .* cannot be stored; use integers or text as ids"):
        store.pack("users", text_ids("a", value))


def test_broken_text_is_refused():
    with pytest.raises(
        InputError, match=r"the users id 'a\\udcff' is not valid Unicode text \(character 1\); rename it"
    ):
        store.pack("users", text_ids("a\udcff"))


GOOD = {"bytes": np.frombuffer(b"ab", np.uint8), "offsets": np.array([0, 1, 2])}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bytes": None}, "it holds no such table"),
        ({"offsets": None}, "it holds no such table"),
        ({"bytes": np.zeros(2, np.int8)}, "it holds no such table"),
        ({"offsets": np.array([0, 1, 2], np.int32)}, "it holds no such table"),
        ({"bytes": None, "offsets": None, "ints": np.zeros(2, np.int32)}, "it holds no such table"),
        ({"bytes": None, "offsets": None, "ints": np.zeros((2, 1), np.int64)}, "it holds no such table"),
        ({"offsets": np.array([0, 1])}, "the offsets do not span the bytes"),
        ({"offsets": np.array([1, 2])}, "the offsets do not span the bytes"),
        ({"offsets": np.array([], np.int64)}, "the offsets do not span the bytes"),
        ({"offsets": np.array([[0, 2]])}, "the offsets do not span the bytes"),
        ({"bytes": np.zeros((1, 2), np.uint8)}, "the offsets do not span the bytes"),
        ({"offsets": np.array([0, 2, 1, 2])}, "the offsets do not ascend"),
        ({"bytes": np.array([0xFF, 0xFF], np.uint8)}, "can't decode"),
    ],
)
def test_malformed_tables_are_refused(changes, message):
    arrays = {f"users.{name}": array for name, array in {**GOOD, **changes}.items() if array is not None}
    with pytest.raises(
        DamagedFileError, match=rf"'shop\.taste' has no usable table of users ids: .*{message}.*; write"
    ):
        store.unpack("users", arrays, "shop.taste")
