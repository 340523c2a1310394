"""A file is replaced whole or not at all, and places that cannot be used are named."""

import builtins
import errno
import os
import subprocess
import sys

import numpy as np
import pytest

from tastespace import store
from tastespace.errors import FileError, MissingFileError
from tastespace.store import file
from tests.store.contents import ARRAYS, METADATA, assert_same, left


def test_a_map_of_the_old_file_stays_whole(path):
    old, _ = store.read(path)
    store.write(path, {"factors": np.full((3, 2), 9, np.float32)}, {})
    assert_same(old, ARRAYS)
    assert store.read(path)[0]["factors"][0, 0] == 9


def test_a_file_can_be_written_from_its_own_map(path):
    arrays, metadata = store.read(path)
    store.write(path, arrays, {**metadata, "more": 1})
    assert_same(store.read(path)[0], ARRAYS)


def test_a_symbolic_link_is_followed(tmp_path, path):
    link = tmp_path / "current.taste"
    link.symlink_to(path)
    store.write(link, {}, {"n": 2})
    assert link.is_symlink()
    assert store.read(path)[1] == {"n": 2}


def test_permissions_follow_the_umask(tmp_path):
    old = os.umask(0o027)
    try:
        store.write(tmp_path / "a.taste", {}, {})
    finally:
        os.umask(old)
    assert (tmp_path / "a.taste").stat().st_mode & 0o777 == 0o640


class FailingFile:
    """A file whose n-th write fails, as on a full disk."""

    def __init__(self, opened, good):
        self.opened, self.good = opened, good

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.opened.close()

    def __getattr__(self, name):
        return getattr(self.opened, name)

    def write(self, block):
        if self.good == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.good -= 1
        return self.opened.write(block)


@pytest.mark.parametrize("good", range(6))  # header, four arrays that are not empty, header again
def test_a_full_disk_leaves_the_old_file(monkeypatch, path, good):
    def opened(*args):
        return FailingFile(builtins.open(*args), good)  # which closes it

    monkeypatch.setattr(file, "open", opened, raising=False)
    with pytest.raises(FileError, match=r"cannot write '.*shop\.taste': the disk is full; free some space"):
        store.write(path, ARRAYS, {"n": 2})
    monkeypatch.undo()
    assert left(path.parent) == ["shop.taste"]
    assert store.read(path)[1] == METADATA


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()])
def test_any_failure_leaves_the_old_file(monkeypatch, path, call, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(os, call, fail)
    expected = FileError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected, match="Input/output error" if expected is FileError else None):
        store.write(path, ARRAYS, {"n": 2})
    monkeypatch.undo()
    assert left(path.parent) == ["shop.taste"]
    assert store.read(path)[1] == METADATA


@pytest.mark.skipif(os.name == "nt", reason="no resource limits")
def test_a_limit_on_file_size_leaves_the_old_file(path):
    code = """
import resource, sys
import numpy as np
from tastespace import store
from tastespace.errors import FileError
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    store.write(sys.argv[1], {"big": np.zeros(1_000_000, np.float32)}, {})
except FileError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True)
    assert "it would exceed the largest file allowed here; raise the limit" in done.stdout
    assert left(path.parent) == ["shop.taste"]
    assert_same(store.read(path)[0], ARRAYS)


@pytest.mark.skipif(os.name == "nt", reason="no signals")
def test_a_killed_writer_leaves_the_old_file(path):
    code = """
import os, signal, sys
import numpy as np
from tastespace import store
os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
store.write(sys.argv[1], {"big": np.zeros(1_000_000, np.float32)}, {})
"""
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -9
    assert_same(store.read(path)[0], ARRAYS)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"there is no file '.*nothing\.taste' \(working folder: "):
        store.read(tmp_path / "nothing.taste")


def test_a_folder_is_refused(tmp_path):
    for act in (lambda: store.read(tmp_path), lambda: store.write(tmp_path, {}, {})):
        with pytest.raises(FileError, match="it is a folder; give the path of a file"):
            act()
    assert left(tmp_path) == []


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(
        FileError, match=r"cannot write '.*a\.taste': its folder does not exist; create it first"
    ):
        store.write(tmp_path / "none" / "a.taste", {}, {})


def test_a_file_as_folder_is_refused(path):
    for act in (lambda: store.read(path / "a"), lambda: store.write(path / "a", {}, {})):
        with pytest.raises(FileError, match="a part of the path is not a folder"):
            act()


def test_a_long_name_is_refused(tmp_path):
    with pytest.raises(FileError, match="the name is too long"):
        store.write(tmp_path / ("x" * 300), {}, {})
    assert left(tmp_path) == []


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind here")
def test_permissions_are_respected(path):
    path.parent.chmod(0o500)
    try:
        with pytest.raises(FileError, match="permission denied; choose another place"):
            store.write(path, {}, {})
    finally:
        path.parent.chmod(0o700)


@pytest.mark.parametrize("act", [store.read, lambda path: store.write(path, {}, {})])
def test_refused_permission_names_the_remedy(monkeypatch, path, act):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(file, "open", refuse, raising=False)
    with pytest.raises(FileError, match="permission denied; choose another place or change the permissions"):
        act(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_or_a_device_is_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(FileError, match="it is a device or a pipe; name a regular file"):
        store.write(pipe, {}, {})
    assert not pipe.is_file()
    assert list(tmp_path.iterdir()) == [pipe]
