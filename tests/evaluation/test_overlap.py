"""Validation events that are also somewhere else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tastespace as ts
from tastespace.errors import InputError
from tastespace.evaluation.overlap import shared_cells
from tests.evaluation.worlds import interactions
from tests.models.worlds import world

CELLS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=30, unique=True)


@given(CELLS, CELLS)
@settings(max_examples=60, deadline=None)
def test_cells_are_counted_by_id(one, other):
    assert shared_cells(interactions(one), interactions(other)) == len(set(one) & set(other))


def parts():
    """Sides of which half of the validation events are in training and in the test side too."""
    whole = ts.split.last_out(world(times=True))
    inner = ts.split.last_out(whole.train)
    half = np.arange(inner.test.n_events) % 2 == 0
    return whole, inner, inner.test.select(half)


TRAINER = ts.ALS(factors=2, epochs=1, threads=1, progress=False)


def test_a_fit_tells_shared_events():
    _, inner, shared = parts()
    train = inner.train.merge(shared)
    with pytest.warns(
        UserWarning, match=r"\d+ of \d+ events of valid .* in train too, so values on valid flatter"
    ) as caught:
        TRAINER.fit(train, inner.test)
    assert caught[0].filename == __file__  # the caller's line, not one of the library
    with pytest.raises(
        InputError, match=r"all \d+ events of valid have their user and item in train too; hold"
    ):
        TRAINER.fit(train, shared)
    TRAINER.fit(inner.train, inner.test)


def test_a_comparison_tells_validation_events_of_the_test_side():
    whole, inner, shared = parts()
    split = ts.Split(inner.train, whole.test, "by hand")
    more = {"metrics": "rmse", "resamples": 100, "progress": False}
    with pytest.warns(
        UserWarning, match="in test too, so what is chosen on valid has seen the test events"
    ) as caught:
        ts.compare({"als": TRAINER}, split, valid=whole.test.merge(shared), **more)
    assert caught[0].filename == __file__
    with pytest.raises(InputError, match=r"all \d+ events of valid have their user and item in test too"):
        ts.compare({"als": TRAINER}, split, valid=whole.test, **more)
    ts.compare({"als": TRAINER}, split, valid=inner.test, **more)


def test_a_search_tells_shared_events():
    whole, inner, shared = parts()
    split = ts.Split(inner.train, whole.test, "by hand")
    more = {"metric": "rmse", "trials": 2, "progress": False}
    with pytest.warns(UserWarning, match="in train too, so values on valid flatter") as caught:
        ts.tune(TRAINER, {"factors": [1, 2]}, inner.train.merge(shared), valid=inner.test, **more)
    assert [warning.filename for warning in caught] == [__file__]  # told once, not by every trial
    with pytest.raises(InputError, match=r"all \d+ events of valid have their user and item in test too"):
        ts.tune(TRAINER, {"factors": [1, 2]}, split, valid=whole.test, **more)
    with pytest.raises(InputError, match=r"all \d+ events of valid have their user and item in train too"):
        ts.tune(TRAINER, {"factors": [1, 2]}, inner.train.merge(shared), valid=shared, **more)
