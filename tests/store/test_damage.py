"""Whatever happens to a file is found when it is read."""

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from tastespace import store
from tastespace.errors import DamagedFileError, NewerFormatError
from tastespace.store import header
from tests.store.contents import ARRAYS, METADATA, assert_same


def seal(path, fields, data=b""):
    """Write a file with any header and a right checksum."""
    text = json.dumps(fields, separators=(",", ":")) if isinstance(fields, dict) else fields
    text = text.encode() + b" " * (-(8 + len(text.encode())) % 64)
    start = len(text).to_bytes(8, "little") + text
    digest = hashlib.sha256(start + data).hexdigest().encode()
    path.write_bytes(start[:35] + digest + start[99:] + data)


def fields(content=None, **arrays):
    content = json.dumps({"format": 1, "metadata": {}} if content is None else content)
    return {"__metadata__": {"sha256": "0" * 64, "tastespace": content}, **arrays}


def entry(begin, end, dtype="F32", shape=None):
    return {
        "dtype": dtype,
        "shape": [(end - begin) // 4] if shape is None else shape,
        "data_offsets": [begin, end],
    }


def test_a_flipped_bit_in_any_byte_is_found(path):
    good = path.read_bytes()
    for i in range(len(good)):
        bad = bytearray(good)
        bad[i] ^= 1 << i % 8
        path.write_bytes(bad)
        with pytest.raises(DamagedFileError):
            store.read(path)


@given(data=st.data())
def test_any_changed_bytes_are_found(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "changed.taste"
    store.write(path, ARRAYS, METADATA)
    good = path.read_bytes()
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, len(good)))
    bad = good[:start] + data.draw(st.binary(max_size=16)) + good[end:]
    path.write_bytes(bad)
    if bad == good:
        store.read(path)
    else:
        with pytest.raises(DamagedFileError):
            store.read(path)


def test_every_truncation_is_found(path):
    good = path.read_bytes()
    for size in range(len(good)):
        path.write_bytes(good[:size])
        with pytest.raises(DamagedFileError):
            store.read(path)


def test_a_truncated_file_is_told_its_sizes(path):
    good = path.read_bytes()
    path.write_bytes(good[:-1])
    with pytest.raises(
        DamagedFileError, match=rf"damaged: it has {len(good) - 1} bytes and should have {len(good)}; copy it"
    ):
        store.read(path)
    path.write_bytes(good[:200])
    with pytest.raises(DamagedFileError, match=r"its header should have \d+ bytes and the file has 200;"):
        store.read(path)


def test_changed_contents_do_not_match_the_checksum(path):
    good = path.read_bytes()
    path.write_bytes(good[:-1] + b"\x77")
    with pytest.raises(DamagedFileError, match="its contents do not match its checksum; copy it again"):
        store.read(path)
    path.write_bytes(good.replace(b'"factors":{', b'"factors":['))  # no longer JSON
    with pytest.raises(DamagedFileError, match="its contents do not match its checksum"):
        store.read(path)


@pytest.mark.parametrize("content", [b"", b"user,item\n1,2\n" * 20, b"\x00" * 500])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "ratings.csv"
    path.write_bytes(content)
    with pytest.raises(
        DamagedFileError, match=rf"\({len(content)} bytes\) does not begin like a file written by tastespace"
    ):
        store.read(path)


def test_the_safetensors_of_others_are_refused(tmp_path):
    save_file(ARRAYS, tmp_path / "other.safetensors", {"format": "np"})
    with pytest.raises(DamagedFileError, match="does not begin like a file written by tastespace"):
        store.read(tmp_path / "other.safetensors")


def test_a_sealed_file_is_read(tmp_path):
    seal(tmp_path / "a.taste", fields(a=entry(0, 8)), b"\0" * 8)
    assert_same(store.read(tmp_path / "a.taste")[0], {"a": np.zeros(2, np.float32)})


@pytest.mark.parametrize(
    ("crafted", "message"),
    [
        (fields(a=[]), "entry of array 'a' is malformed"),
        (fields(a={**entry(0, 8), "more": 1}), "entry of array 'a' is malformed"),
        (fields(a=entry(0, 8, dtype="F8_E4M3")), "array 'a' has the unknown type 'F8_E4M3'"),
        (fields(a=entry(0, 8, dtype=["F32"])), "array 'a' has the unknown type"),
        (fields(a=entry(0, 8, shape=2)), "array 'a' has the shape 2"),
        (fields(a=entry(0, 8, shape=[2.0])), r"array 'a' has the shape \[2\.0\]"),
        (fields(a=entry(0, 8, shape=[True, 2])), "array 'a' has the shape"),
        (fields(a=entry(0, 8, shape=[-1, -2])), "array 'a' has the shape"),
        (fields(a={**entry(0, 8), "data_offsets": [0, 4, 8]}), "array 'a' has the shape"),
        (fields(a=entry(0, 8, shape=[3])), "array 'a' cannot lie at bytes 0 to 8 of 8"),
        (fields(a=entry(0, 8, shape=[2**62, 2**62])), "array 'a' cannot lie"),
        (fields(a=entry(0, 80)), "array 'a' cannot lie at bytes 0 to 80 of 8"),
        (fields(a=entry(0, 8), b=entry(4, 8)), "array 'b' cannot lie at bytes 4 to 8"),  # overlap
        (fields(a=entry(4, 8)), "array 'a' cannot lie at bytes 4 to 8"),  # gap
        (fields(a=entry(8, 0, shape=[0])), "array 'a' cannot lie at bytes 8 to 0"),
        (fields(a=entry(0, 4), b=entry(4, 8), c=entry(0, 4)), "array 'c' cannot lie"),
        (
            fields(a=entry(0, 1, "U8", [1]), b=entry(1, 5), c=entry(5, 8, "U8", [3])),
            "array 'b' cannot lie",
        ),  # unaligned
        (fields(a=entry(0, 4)), "4 bytes at its end belong to no array"),
        (fields(a=entry(0, 8), b=entry(8, 8, shape=[0] + [2**40] * 3)), "too large|too big|dimension"),
        (fields(content=[]), "not a JSON object"),
        (fields(content={"metadata": {}}), "no usable 'format'"),
        (fields(content={"format": True, "metadata": {}}), "no usable 'format'"),
        (fields(content={"format": 1}), "no usable 'metadata'"),
        ({"__metadata__": {"sha256": "0" * 64}}, "no usable 'tastespace'"),
        (json.dumps(fields(a=entry(0, 8)))[:-1].replace(" ", "") + ',"a":1}', "names something twice"),
        (json.dumps(fields(a=np.nan)).replace(" ", ""), "holds NaN, which is not JSON"),
        (json.dumps(fields()).replace(" ", "")[:-1] + ',"a":' + "[" * 200_000, "recursion|depth|nested"),
        (json.dumps(fields()).replace(" ", "")[:-1], "delimiter"),
    ],
)
def test_a_malformed_header_is_refused_whatever_its_checksum(tmp_path, crafted, message):
    seal(tmp_path / "a.taste", crafted, b"\0" * 8)
    with pytest.raises(DamagedFileError, match=message):
        store.read(tmp_path / "a.taste")


def test_a_huge_header_is_refused(tmp_path):
    path = tmp_path / "a.taste"
    seal(path, fields())
    raw = path.read_bytes()
    with open(path, "wb") as opened:
        opened.write((header.LARGEST + 8).to_bytes(8, "little") + raw[8:])
        opened.truncate(header.LARGEST + 100)  # sparse
    with pytest.raises(DamagedFileError, match="its header should have 100,000,008 bytes"):
        store.read(path)


def test_a_newer_format_names_the_remedy(tmp_path):
    seal(tmp_path / "a.taste", fields(content={"format": 2, "metadata": {}}))
    with pytest.raises(
        NewerFormatError, match=r"has format 2, written by a later release .* pip install --upgrade"
    ):
        store.read(tmp_path / "a.taste")
