from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tastespace.data.csr import Csr
from tastespace.data.filters import cell_mask, duration_seconds, k_core, minimum, unix_seconds
from tastespace.errors import InputError, ParameterError

DAY = 1_537_747_200  # 2018-09-24 00:00 UTC


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        ("2018-09-24", DAY),
        (" 2018-09-24T10:00 ", DAY + 36000),
        ("2018-09-24T10:00:00Z", DAY + 36000),
        ("2018-09-24T10:00+02:00", DAY + 28800),
        (date(2018, 9, 24), DAY),
        (datetime(2018, 9, 24, 1), DAY + 3600),
        (datetime(2018, 9, 24, 1, tzinfo=UTC), DAY + 3600),
        (datetime(2018, 9, 24, 1, tzinfo=timezone(timedelta(hours=1))), DAY),
        (np.datetime64("2018-09-24"), DAY),
        (np.datetime64("2018-09-24T00:00:00.000000001", "ns"), DAY + 1),
        (np.datetime64("1969-12-31T23:59:58.5"), -1),
        (DAY, DAY),
        (np.int32(5), 5),
        (1.5, 2),
        (np.float64(-1.5), -1),
        (datetime(2018, 9, 24, 0, 0, 0, 1), DAY + 1),
        (date(1969, 12, 31), -86400),
        (datetime(1969, 12, 31, 23, 59, 59, 500000), 0),
        (10**12, 10**12),
    ],
)
def test_unix_seconds(moment, seconds):
    assert unix_seconds(moment, "since") == seconds


@pytest.mark.parametrize("moment", ["yesterday", "24.09.2018", ""])
def test_text_that_is_no_moment(moment):
    with pytest.raises(ParameterError, match=f"since must be a date such as '2018-09-24' .*; got {moment!r}"):
        unix_seconds(moment, "since")


@pytest.mark.parametrize("moment", [None, True, float("nan"), float("inf"), [1], np.datetime64("NaT", "s")])
def test_what_is_no_moment(moment):
    with pytest.raises(
        ParameterError, match="until must be a date, a datetime, ISO text or Unix seconds; got"
    ):
        unix_seconds(moment, "until")


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        ("90d", 90 * 86400),
        ("12h", 43200),
        (" 1.5 w ", 1.5 * 604800),
        ("30min", 1800),
        ("10s", 10),
        ("1y", 31_556_952),
        (timedelta(hours=1), 3600),
    ],
)
def test_duration_seconds(duration, seconds):
    assert duration_seconds(duration, "half_life") == seconds


@pytest.mark.parametrize(
    "duration", ["90", "d", "-1d", "0d", "1 month", "", 90, None, timedelta(0), timedelta(-1)]
)
def test_what_is_no_duration(duration):
    with pytest.raises(ParameterError, match=r"half_life must be a duration above 0 such as '90d', .*; got"):
        duration_seconds(duration, "half_life")


def slow_k_core(cells, min_row, min_column):
    while True:
        kept = {
            (r, c)
            for r, c in cells
            if sum(r == row for row, _ in cells) >= min_row
            and sum(c == col for _, col in cells) >= min_column
        }
        if kept == cells:
            return kept
        cells = kept


@given(
    st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=36),
    st.integers(1, 4),
    st.integers(1, 4),
    st.randoms(),
)
def test_k_core_equals_its_slow_twin(cells, min_row, min_column, random):
    order = sorted(cells)
    table = Csr.build(
        np.array([row for row, _ in order], dtype=np.int32),
        np.array([column for _, column in order], dtype=np.int32),
        rows=6,
        columns=6,
        duplicates="last",
    )
    keep = np.array([random.random() < 0.8 for _ in order], dtype=bool)
    kept = k_core(table, keep, min_row, min_column)
    start = {cell for cell, stays in zip(order, keep, strict=True) if stays}
    assert {cell for cell, stays in zip(order, kept, strict=True) if stays} == slow_k_core(
        start, min_row, min_column
    )


@pytest.mark.parametrize("chosen", [[2, 0, 2], np.array([0, 2], dtype=np.uint8), [True, False, True]])
def test_cell_mask(chosen):
    np.testing.assert_array_equal(cell_mask(chosen, 3), [True, False, True])


def test_cell_mask_of_nothing():
    assert not cell_mask([], 3).any()


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ([True], r"a mask of events must have shape \(3,\); got \(1,\)"),
        ([0.5], "events must be a mask or integer positions; got float64"),
        ([[1]], r"events must be a mask or integer positions; got int64 of shape \(1, 1\)"),
        ([0, 3], r"positions of events must lie in 0\.\.2; got 0\.\.3"),
        ([-1], r"positions of events must lie in 0\.\.2; got -1\.\.-1"),
    ],
)
def test_cell_mask_refuses(chosen, message):
    with pytest.raises(InputError, match=message):
        cell_mask(chosen, 3)


def test_minimum():
    assert [minimum(value, "n") for value in (None, 1, np.int64(5))] == [1, 1, 5]
    for value in (0, -1, 2.0, True, "5"):
        with pytest.raises(
            ParameterError, match=f"min_user_events must be a whole number >= 1; got {value!r}"
        ):
            minimum(value, "min_user_events")
