"""What is written comes back, and what cannot be stored is refused."""

import hashlib
import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors import safe_open
from safetensors.numpy import load_file

from tastespace import store
from tastespace.errors import InputError
from tastespace.store import file, header
from tests.store.contents import ARRAYS, METADATA, assert_same, left


def test_arrays_and_metadata_come_back(path):
    arrays, metadata = store.read(path)
    assert_same(arrays, ARRAYS)
    assert metadata == METADATA


@given(
    arrays=st.dictionaries(
        st.text(min_size=1).filter(lambda name: name != "__metadata__"),
        st.sampled_from(sorted(header.DTYPES.values(), key=str)).flatmap(
            lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0, max_dims=4, max_side=4))
        ),
        max_size=4,
    ),
    metadata=st.dictionaries(
        st.text(),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
            max_leaves=8,
        ),
        max_size=4,
    ),
)
def test_any_arrays_and_any_json_come_back_and_safetensors_agrees(tmp_path_factory, arrays, metadata):
    path = tmp_path_factory.getbasetemp() / "any.taste"
    store.write(path, arrays, metadata)
    read, read_metadata = store.read(path)
    assert_same(read, arrays)
    assert read_metadata == metadata
    assert_same(load_file(path), arrays)


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        np.arange(12.0).reshape(3, 4)[:, ::2],
        np.arange(12.0)[::-1],
        np.arange(12, dtype=">i4"),
        np.broadcast_to(np.float32(3), (4, 5)),
        np.array(3.5),
    ],
    ids=["fortran", "strided", "backwards", "big-endian", "broadcast", "scalar"],
)
def test_memory_order_does_not_matter(tmp_path, monkeypatch, array):
    monkeypatch.setattr(file, "_BLOCK", 16)  # many blocks
    store.write(tmp_path / "a.taste", {"a": array}, {})
    assert_same(store.read(tmp_path / "a.taste")[0], {"a": array})


def test_other_readers_find_arrays_and_metadata(path):
    assert_same(load_file(path), ARRAYS)
    with safe_open(path, "numpy") as opened:
        assert set(opened.keys()) == set(ARRAYS)
        metadata = opened.metadata()
    assert json.loads(metadata["tastespace"]) == {"format": 1, "metadata": METADATA}


def test_the_checksum_is_that_of_the_file_with_zeros_in_its_place(path):
    raw = path.read_bytes()
    with safe_open(path, "numpy") as opened:
        digest = opened.metadata()["sha256"]
    assert raw[35:99] == digest.encode()
    assert hashlib.sha256(raw[:35] + b"0" * 64 + raw[99:]).hexdigest() == digest


def test_arrays_are_aligned_read_only_maps(path):
    arrays, _ = store.read(path)
    for array in arrays.values():
        assert type(array) is np.ndarray
        assert not array.flags.writeable
        assert not array.flags.owndata
        assert array.flags.aligned
        assert array.flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        arrays["bias"][0] = 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        arrays["bias"].flags.writeable = True


def test_the_same_contents_give_the_same_bytes(tmp_path, path):
    store.write(tmp_path / "again.taste", dict(reversed(ARRAYS.items())), METADATA)
    assert (tmp_path / "again.taste").read_bytes() == path.read_bytes()


def test_metadata_become_plain(tmp_path):
    given = {
        "scale": (0.5, 5.0),
        "rmse": np.float32(0.5),
        "n": np.int64(3),
        "name": np.str_("x"),
        "ok": np.bool_(True),
    }
    store.write(tmp_path / "a.taste", {}, given)
    _, metadata = store.read(tmp_path / "a.taste")
    assert metadata == {"scale": [0.5, 5.0], "rmse": 0.5, "n": 3, "name": "x", "ok": True}
    assert type(metadata["ok"]) is bool


def test_writing_holds_no_second_copy(tmp_path):
    array = np.zeros((1 << 16, 256), np.float32)  # 64 MiB
    tracemalloc.start()
    store.write(tmp_path / "a.taste", {"rows": array, "columns": array.reshape(256, -1).T}, {})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 << 20


@pytest.mark.parametrize(
    "array",
    [
        np.array(["a"], object),
        np.array(["a"]),
        np.array([b"abcd"]),
        np.array([True]),
        np.array([1j]),
        np.array(["2020-01-01"], "M8[s]"),
        np.zeros(1, [("a", "f4")]),
        np.zeros(1, np.longdouble),
    ],
)
def test_other_types_are_refused(tmp_path, array):
    with pytest.raises(
        InputError, match=r"array 'a' of type .* cannot be stored; convert it to integers or floats"
    ):
        store.write(tmp_path / "a.taste", {"a": array}, {})
    assert left(tmp_path) == []


@pytest.mark.parametrize("name", ["", "__metadata__", 7, "\ud800"])
def test_unusable_names_are_refused(tmp_path, name):
    with pytest.raises(InputError, match="cannot name an array in a file"):
        store.write(tmp_path / "a.taste", {name: np.zeros(1)}, {})


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"a": {"b": [1.0, float("nan")]}}, r"metadata\['a'\]\['b'\]\[1\] is nan; JSON has no NaN"),
        ({"a": -np.float32("inf")}, r"metadata\['a'\] is -inf"),
        ({"a": {1: "x"}}, r"metadata\['a'\] has the key 1; .* use '1'"),
        ({"a": {"x"}}, r"metadata\['a'\] is of type set"),
        ({"a": np.zeros(2)}, r"metadata\['a'\] is of type ndarray"),
        ({"a": b"x"}, r"metadata\['a'\] is of type bytes"),
    ],
)
def test_other_metadata_are_refused(tmp_path, metadata, message):
    with pytest.raises(InputError, match=message):
        store.write(tmp_path / "a.taste", {}, metadata)
    assert left(tmp_path) == []


def test_long_metadata_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(header, "LARGEST", 1000)
    with pytest.raises(
        InputError,
        match=r"names and metadata take 1,.* bytes, and the header of a file holds 1,000; store long",
    ):
        store.write(tmp_path / "a.taste", {}, {"note": "x" * 1000})
