"""A small file on disk."""

import pytest

from tastespace import store
from tests.store.contents import ARRAYS, METADATA


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "shop.taste"
    store.write(path, ARRAYS, METADATA)
    return path
