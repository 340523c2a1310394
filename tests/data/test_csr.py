import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from tastespace.data.csr import Csr
from tastespace.errors import InputError
from tests.reference import csr as reference

RULES = ["last", "first", "max", "sum", "mean"]
ROWS, COLUMNS = 6, 5

# Values are multiples of 1/4, so that sums in any order are the same.
event = st.tuples(
    st.integers(0, ROWS - 1),
    st.integers(0, COLUMNS - 1),
    st.integers(-8, 8).map(lambda n: n / 4),
    st.integers(1, 8).map(lambda n: n / 8),
    st.integers(-3, 3),
)
events = st.lists(event, max_size=50)


def columns_of(events):
    rows, cols, values, weights, times = map(list, zip(*events, strict=True)) if events else ([],) * 5
    return (
        np.array(rows, dtype=np.int32),
        np.array(cols, dtype=np.int32),
        np.array(values, dtype=np.float32),
        np.array(weights, dtype=np.float32),
        np.array(times, dtype=np.int64),
    )


def table_of(events, duplicates="last", *, weights=True, times=True):
    rows, cols, values, weight_array, time_array = columns_of(events)
    return Csr.build(
        rows,
        cols,
        rows=ROWS,
        columns=COLUMNS,
        values=values,
        weights=weight_array if weights else None,
        times=time_array if times else None,
        duplicates=duplicates,
    )


@given(events, st.sampled_from(RULES), st.booleans(), st.booleans())
def test_build_equals_its_slow_twin(events, duplicates, has_weights, has_times):
    table = table_of(events, duplicates, weights=has_weights, times=has_times)
    rows, cols, values, weights, times = (array.tolist() for array in columns_of(events))
    indptr, indices, values, weights, times = reference.build(
        rows,
        cols,
        values,
        weights if has_weights else [1] * len(rows),
        times if has_times else [0] * len(rows),
        ROWS,
        duplicates,
    )
    np.testing.assert_array_equal(table.indptr, indptr)
    np.testing.assert_array_equal(table.indices, indices)
    np.testing.assert_array_equal(table.filled_values(), values)
    assert (table.values is None) == bool((values == 1).all())
    for array, expected, given_ in ((table.weights, weights, has_weights), (table.times, times, has_times)):
        if given_:
            np.testing.assert_array_equal(array, expected)
        else:
            assert array is None


@given(events)
def test_sum_equals_scipy(events):
    rows, cols, values, _, _ = columns_of(events)
    expected = scipy.sparse.coo_matrix((values, (rows, cols)), shape=(ROWS, COLUMNS)).tocsr()
    expected.sum_duplicates()
    table = table_of(events, "sum", weights=False, times=False)
    np.testing.assert_array_equal(table.indptr, expected.indptr)
    np.testing.assert_array_equal(table.indices, expected.indices)
    np.testing.assert_array_equal(table.filled_values(), expected.data)
    ours = table.to_scipy()
    assert ours.shape == expected.shape
    assert (ours != expected).nnz == 0
    ours.data[:] = 9  # a copy, so the table cannot change
    np.testing.assert_array_equal(table.filled_values(), expected.data)


@given(events, st.sampled_from(RULES))
def test_transpose_equals_scipy_and_turns_back(events, duplicates):
    table = table_of(events, duplicates, times=False)
    turned = table.transpose()
    assert (turned.rows, turned.columns) == (COLUMNS, ROWS)
    expected = table.to_scipy().T.tocsr()
    np.testing.assert_array_equal(turned.indptr, expected.indptr)
    np.testing.assert_array_equal(turned.indices, expected.indices)
    np.testing.assert_array_equal(turned.filled_values(), expected.data)
    assert turned.transpose().same(table)


@given(events, st.lists(st.integers(0, ROWS - 1), max_size=10))
def test_take_rows(events, rows):
    table = table_of(events)
    taken = table.take_rows(rows)
    assert taken.rows == len(rows)
    for position, row in enumerate(rows):
        for ours, theirs in zip(taken.row(position), table.row(row), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert table.take_rows(np.arange(ROWS)).same(table)


@given(events, st.randoms())
def test_select_and_within(events, random):
    table = table_of(events)
    mask = np.array([random.random() < 0.5 for _ in range(table.nnz)], dtype=bool)
    part = table.select(mask)
    np.testing.assert_array_equal(part.row_of(), table.row_of()[mask])
    np.testing.assert_array_equal(part.indices, table.indices[mask])
    np.testing.assert_array_equal(part.filled_values(), table.filled_values()[mask])
    np.testing.assert_array_equal(part.times, table.times[mask])
    np.testing.assert_array_equal(part.weights, table.weights[mask])
    np.testing.assert_array_equal(table.within(part), mask)
    assert part.within(table).all()


@given(events)
def test_renumber_drops_empty_rows_and_columns(events):
    table = table_of(events)
    matrix = table.to_scipy()
    rows = np.flatnonzero(table.counts())
    columns = np.flatnonzero(table.transpose().counts())
    part = table.renumber(rows, columns)
    assert (part.rows, part.columns, part.nnz) == (len(rows), len(columns), table.nnz)
    np.testing.assert_array_equal(part.to_scipy().toarray(), matrix[rows][:, columns].toarray())


def test_rows_and_counts():
    table = table_of([(0, 1, 2.0, 1, 0), (0, 0, 3.0, 1, 0), (2, 4, 1.0, 1, 0)])
    np.testing.assert_array_equal(table.counts(), [2, 0, 1, 0, 0, 0])
    columns, values = table.row(0)
    np.testing.assert_array_equal(columns, [0, 1])
    np.testing.assert_array_equal(values, [3, 2])
    columns, values = table.replace_values(None).row(0)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, [1, 1])
    assert repr(table) == "Csr(6 x 5, 3 cells, values, times, weights)"


def test_replace_values_stores_no_ones():
    table = table_of([(0, 1, 2.0, 1, 0), (0, 0, 3.0, 1, 0)])
    assert table.replace_values(np.ones(2, dtype=np.float32)).values is None
    np.testing.assert_array_equal(table.replace_values(np.float32([1, 2])).values, [1, 2])


def test_arrays_are_read_only_and_the_callers_stay_writable():
    indptr, indices = np.array([0, 1]), np.array([0], dtype=np.int32)
    table = Csr(indptr, indices, 1, np.float32([2]), np.array([3]), np.float32([0.5]))
    for clone in (table, table.transpose(), pickle.loads(pickle.dumps(table)), copy.deepcopy(table)):
        for name in ("indptr", "indices", "values", "times", "weights"):
            array = getattr(clone, name)
            assert array is None or not array.flags.writeable
    assert indptr.flags.writeable
    assert pickle.loads(pickle.dumps(table)).same(table)
    with pytest.raises(AttributeError):
        table.columns = 3


def test_same_sees_every_difference():
    table = table_of([(0, 1, 2.0, 0.5, 7)])
    assert table.same(table_of([(0, 1, 2.0, 0.5, 7)]))
    for other in [
        (1, 1, 2.0, 0.5, 7),
        (0, 2, 2.0, 0.5, 7),
        (0, 1, 3.0, 0.5, 7),
        (0, 1, 2.0, 1, 7),
        (0, 1, 2.0, 0.5, 8),
    ]:
        assert not table.same(table_of([other]))
    assert not table.same(table_of([(0, 1, 2.0, 0.5, 7)], times=False))
    assert not table.same(Csr(table.indptr, table.indices, 9, table.values, table.times, table.weights))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"indices": np.array([0])}, "indices must be a contiguous int32 array of one dimension; got int64"),
        (
            {"values": np.ones((1, 1), dtype=np.float32)},
            r"values must be a contiguous float32 .* shape \(1, 1\)",
        ),
        ({"times": np.arange(4)[::2]}, "times must be a contiguous int64"),
        ({"weights": np.ones(2, dtype=np.float32)}, r"weights must have one element per cell \(1\); got 2"),
        ({"indptr": np.array([0, 2])}, r"indptr must run from 0 to the number of cells \(1\)"),
        ({"indptr": np.array([1, 1])}, "indptr must run from 0"),
        ({"indptr": np.array([], dtype=np.int64)}, "indptr must run from 0"),
    ],
)
def test_arrays_that_do_not_fit(change, message):
    arrays = {"indptr": np.array([0, 1]), "indices": np.array([0], dtype=np.int32), "columns": 1}
    with pytest.raises(InputError, match=message):
        Csr(**arrays | change)


def test_build_and_take_name_what_is_out_of_range():
    rows, cols = np.array([0, 3], dtype=np.int32), np.array([0, 1], dtype=np.int32)
    with pytest.raises(InputError, match=r"event 1: row 3 is outside 0\.\.3"):
        Csr.build(rows, cols, rows=3, columns=2, duplicates="last")
    with pytest.raises(InputError, match=r"event 1: column 1 is outside 0\.\.1"):
        Csr.build(rows, cols, rows=4, columns=1, duplicates="last")
    with pytest.raises(InputError, match="unknown rule for duplicates: newest"):
        Csr.build(rows, cols, rows=4, columns=2, duplicates="newest")
    with pytest.raises(InputError, match=r"rows to take must lie in 0\.\.5; got -1\.\.6"):
        table_of([]).take_rows([-1, 6])


MEASURE = """
import sys
import numpy as np
from tastespace.data.csr import Csr

def resident(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field))

events, rows, columns = 4_000_000, 20_000, 2_000
valued, timed = sys.argv[1] == "values", sys.argv[2] == "times"
cells = np.arange(events) * 16_180_339 % (rows * columns)  # scattered; unique, for the factor is prime to the size
row_of, column_of = (cells // columns).astype(np.int32), (cells % columns).astype(np.int32)
del cells
values = np.full(events, 2, dtype=np.float32) if valued else None
times = np.arange(events) if timed else None
# Code and stacks of threads are not the table's.
Csr.build(row_of[:9999], column_of[:9999], rows=rows, columns=columns, duplicates="sum").transpose()
with open("/proc/self/clear_refs", "w") as refs:
    refs.write("5")  # forget the peak so far
before = resident("VmRSS")
by_user = Csr.build(row_of, column_of, rows=rows, columns=columns, values=values, times=times, duplicates="sum")
by_item = by_user.transpose()
print((resident("VmHWM") - before) / events, (resident("VmRSS") - before) / events)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("values", "times", "result"), [("", "", 8), ("values", "", 16), ("values", "times", 24)]
)
def test_memory_of_both_orders(values, times, result):
    """Bytes an event: the result as promised, and a peak above the input of little more than the result."""
    output = subprocess.run(
        [sys.executable, "-c", MEASURE, values, times], check=True, capture_output=True, text=True
    ).stdout
    peak, held = map(float, output.split())
    slack = 0.7  # offsets, counters and the allocator
    assert held < result + slack
    assert peak < result + slack
