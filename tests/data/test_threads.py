import os

import numpy as np
import pytest

from tastespace.data.threads import resolve_threads
from tastespace.errors import ParameterError


def test_none_means_every_core_of_this_process(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 3, 5}, raising=False)
    assert resolve_threads(None) == 3


@pytest.mark.parametrize(("count", "expected"), [(6, 6), (None, 1)])
def test_platforms_without_affinity(monkeypatch, count, expected):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    assert resolve_threads(None) == expected


@pytest.mark.parametrize("threads", [1, 8, np.int64(2)])
def test_a_number_is_taken_as_it_is(threads):
    assert resolve_threads(threads) == int(threads)


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", True])
def test_anything_else_is_refused(threads):
    with pytest.raises(ParameterError, match="threads must be a whole number of at least 1, or None"):
        resolve_threads(threads)
