"""Files from the network: checked before they are used, whole or not there at all."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from tastespace.errors import DamagedFileError, FileError

_CHUNK = 1 << 20
_TIMEOUT = 30  # seconds without a byte


@contextmanager
def downloaded(url: str, *, sha256: str, folder: Path) -> Iterator[Path]:
    """Download a file into ``folder``, check it, and delete it in the end.

    Parameters
    ----------
    url
        Where it is.
    sha256
        Checksum in hexadecimal digits.
    folder
        An existing folder.

    Raises
    ------
    FileError
        If it cannot be downloaded or written.
    DamagedFileError
        If the checksum differs.
    """
    handle, name = tempfile.mkstemp(dir=folder, prefix=".download-")
    path = Path(name)
    digest = hashlib.sha256()
    try:
        with os.fdopen(handle, "wb") as file:
            try:
                with urlopen(url, timeout=_TIMEOUT) as response:
                    while chunk := response.read(_CHUNK):
                        digest.update(chunk)
                        file.write(chunk)
            except (OSError, HTTPException) as error:  # URLError and timeouts are OSErrors
                raise FileError(
                    f"{url} could not be downloaded: {error}; check the network, or set TASTESPACE_DATA to a "
                    "folder that holds the data"
                ) from error
        if digest.hexdigest() != sha256:
            raise DamagedFileError(
                f"the download of {url} is incomplete or has changed: its sha256 is {digest.hexdigest()}, "
                f"expected {sha256}; try again later"
            )
        yield path
    finally:
        path.unlink(missing_ok=True)
