"""Sparse tables in compressed rows, the form in which kernels read interactions."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray

import tastespace._native as _native
from tastespace.data.threads import resolve_threads
from tastespace.errors import InputError

Duplicates: TypeAlias = Literal["last", "first", "max", "sum", "mean"]


@dataclass(frozen=True, slots=True, eq=False)
class Csr:
    """A sparse table by rows; all arrays are read-only and C-contiguous.

    Row ``r`` holds the cells ``indptr[r]:indptr[r + 1]`` of the other arrays.

    Attributes
    ----------
    indptr
        int64 (rows + 1,): where each row starts.
    indices
        int32 (nnz,): the column of each cell, ascending and unique within a row.
    columns
        Number of columns.
    values
        float32 (nnz,), or None when every value is 1.
    times
        int64 (nnz,) Unix seconds, or None.
    weights
        float32 (nnz,): the weight of each cell besides its value (time decay of ratings); None means 1.

    Raises
    ------
    InputError
        If the arrays' types, lengths or offsets do not fit together. Columns are not checked here.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    columns: int
    values: NDArray[np.float32] | None = None
    times: NDArray[np.int64] | None = None
    weights: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        nnz = len(self.indices)
        for name, dtype in _DTYPES.items():
            array = getattr(self, name)
            if array is None:
                continue
            if array.dtype != dtype or array.ndim != 1 or not array.flags.c_contiguous:
                raise InputError(
                    f"{name} must be a contiguous {np.dtype(dtype)} array of one dimension; "
                    f"got {array.dtype} of shape {array.shape}"
                )
            if name != "indptr" and len(array) != nnz:
                raise InputError(f"{name} must have one element per cell ({nnz:,}); got {len(array):,}")
            view = array.view()  # the caller's own array stays as it is
            view.flags.writeable = False
            object.__setattr__(self, name, view)
        if not len(self.indptr) or self.indptr[0] != 0 or self.indptr[-1] != nnz:
            raise InputError(f"indptr must run from 0 to the number of cells ({nnz:,})")

    def __reduce__(self) -> tuple[Any, ...]:
        # Through the constructor, because a pickled array forgets that it is read-only.
        return Csr, (self.indptr, self.indices, self.columns, self.values, self.times, self.weights)

    def __repr__(self) -> str:
        extra = [name for name in ("values", "times", "weights") if getattr(self, name) is not None]
        return f"Csr({self.rows:,} x {self.columns:,}, {self.nnz:,} cells{''.join(', ' + e for e in extra)})"

    @classmethod
    def build(
        cls,
        row_of: NDArray[np.int32],
        column_of: NDArray[np.int32],
        *,
        rows: int,
        columns: int,
        values: NDArray[np.float32] | None = None,
        times: NDArray[np.int64] | None = None,
        weights: NDArray[np.float32] | None = None,
        duplicates: Duplicates,
    ) -> "Csr":
        """Build a table of events given in any order, by counting sort.

        The peak of memory above input and result is 4 bytes an event, beside 8 bytes a row and, for each
        thread, at most 24 bytes for every event of the largest of some hundred groups of rows.

        Parameters
        ----------
        row_of, column_of
            int32 (events,): the cell of each event.
        rows, columns
            Shape of the table.
        values, weights
            float32 (events,), finite; None means 1.
        times
            int64 (events,).
        duplicates
            What becomes of several events in one cell. ``"last"`` (by time, then input order), ``"first"``
            and ``"max"`` choose one event with its value, weight and time; ``"sum"`` and ``"mean"`` combine
            the values (in double precision) and keep the largest weight and the latest time.

        Raises
        ------
        InputError
            If lengths differ, or a row or column is out of range; the message names the event.
        """
        try:
            arrays = _native.csr_build(
                row_of, column_of, values, weights, times, rows, columns, duplicates, resolve_threads(None)
            )
        except ValueError as error:
            raise InputError(str(error)) from None
        indptr, indices, values, weights, times = arrays
        return cls(indptr, indices, columns, values, times, weights)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.indptr) - 1

    @property
    def nnz(self) -> int:
        """Number of cells."""
        return len(self.indices)

    def counts(self) -> NDArray[np.int64]:
        """Count the cells of each row, int64 (rows,)."""
        return np.diff(self.indptr)

    def row_of(self) -> NDArray[np.int32]:
        """Return the row of each cell, int32 (nnz,)."""
        return np.repeat(np.arange(self.rows, dtype=np.int32), self.counts())

    def row(self, r: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the columns (ascending) and values of row ``r``."""
        start, end = self.indptr[r], self.indptr[r + 1]
        if self.values is None:
            return self.indices[start:end], np.ones(end - start, dtype=np.float32)
        return self.indices[start:end], self.values[start:end]

    def filled_values(self) -> NDArray[np.float32]:
        """Return the values as an array, ones where none are stored; float32 (nnz,)."""
        return np.ones(self.nnz, dtype=np.float32) if self.values is None else self.values

    def same(self, other: "Csr") -> bool:
        """Tell whether both tables have the same shape, cells, values, times and weights."""
        return self.columns == other.columns and all(
            _same(getattr(self, name), getattr(other, name)) for name in _DTYPES
        )

    def replace_values(self, values: NDArray[np.float32] | None) -> "Csr":
        """Return the same cells with other values, float32 (nnz,); None means that all are 1."""
        return Csr(self.indptr, self.indices, self.columns, _ones_as_none(values), self.times, self.weights)

    def select(self, cells: NDArray[np.bool_]) -> "Csr":
        """Return the cells where the mask (nnz,) is true, in a table of the same shape."""
        before = np.concatenate([[0], np.cumsum(cells, dtype=np.int64)])
        return Csr(
            before[self.indptr],
            self.indices[cells],
            self.columns,
            _ones_as_none(None if self.values is None else self.values[cells]),
            None if self.times is None else self.times[cells],
            None if self.weights is None else self.weights[cells],
        )

    def take_rows(self, rows: ArrayLike) -> "Csr":
        """Return a table of the rows named by integers ``rows``, in that order; repeats are fine.

        Raises
        ------
        InputError
            If a row is out of range.
        """
        rows = np.asarray(rows, dtype=np.int64)
        if rows.size and (rows.min() < 0 or rows.max() >= self.rows):
            raise InputError(f"rows to take must lie in 0..{self.rows - 1}; got {rows.min()}..{rows.max()}")
        starts = self.indptr[rows]
        counts = self.indptr[rows + 1] - starts
        indptr = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        # Cell c of the result is cell c + shift of this table, with one shift per row.
        cells = np.arange(indptr[-1]) + np.repeat(starts - indptr[:-1], counts)
        return Csr(
            indptr,
            self.indices[cells],
            self.columns,
            _ones_as_none(None if self.values is None else self.values[cells]),
            None if self.times is None else self.times[cells],
            None if self.weights is None else self.weights[cells],
        )

    def within(self, other: "Csr") -> NDArray[np.bool_]:
        """Tell which cells are also cells of ``other``, a table of the same shape; bool (nnz,)."""
        keys, there = (t.row_of().astype(np.int64) * t.columns + t.indices for t in (self, other))
        if not len(there):
            return np.zeros(self.nnz, dtype=bool)
        nearest = there[np.minimum(np.searchsorted(there, keys), len(there) - 1)]
        inside: NDArray[np.bool_] = nearest == keys
        return inside

    def renumber(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> "Csr":
        """Return the table of the given rows and columns, both ascending, which must hold every cell."""
        position = np.zeros(self.columns, dtype=np.int32)
        position[columns] = np.arange(len(columns), dtype=np.int32)
        ends = self.indptr[1:][rows]  # left-out rows are empty, so the kept ones follow each other
        return Csr(
            np.concatenate([np.zeros(1, dtype=np.int64), ends]),
            position[self.indices],
            len(columns),
            self.values,
            self.times,
            self.weights,
        )

    def transpose(self) -> "Csr":
        """Return the same cells by columns, without their times."""
        indptr, indices, values, weights, _ = _native.csr_transpose(
            self.indptr, self.indices, self.values, self.weights, self.columns, resolve_threads(None)
        )
        return Csr(indptr, indices, self.rows, values, None, weights)

    def to_scipy(self) -> scipy.sparse.csr_matrix:
        """Return a SciPy matrix with its own copy of the cells and values."""
        return scipy.sparse.csr_matrix(
            (self.filled_values(), self.indices, self.indptr),
            shape=(self.rows, self.columns),
            dtype=np.float32,
            copy=True,
        )


_DTYPES = {
    "indptr": np.int64,
    "indices": np.int32,
    "values": np.float32,
    "times": np.int64,
    "weights": np.float32,
}


def _same(a: NDArray[Any] | None, b: NDArray[Any] | None) -> bool:
    return a is b if a is None or b is None else np.array_equal(a, b)


def _ones_as_none(values: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
    return None if values is None or (values == 1).all() else values
