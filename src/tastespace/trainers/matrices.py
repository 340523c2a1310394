"""Matrices as block methods see them: products with few columns, from either side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.models.padding import Floats, blank, pad, padded
from tastespace.models.reading import Doubles


class Matrix(Protocol):
    """A matrix A that is only ever multiplied by."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""

    @property
    def squares(self) -> float:
        """The sum of all squared cells."""

    def times(self, x: Floats) -> Floats:
        """``A x`` of padded columns, (rows, stride)."""

    def turned(self, y: Floats) -> Floats:
        """``A' y`` of padded columns, (columns, stride)."""


@dataclass(frozen=True)
class SparseMatrix:
    """A table in both orders, so that each product only reads the rows that it adds; other cells are zeros.

    Attributes
    ----------
    by_row, by_column
        The same cells twice; their own values are not used.
    row_values, column_values
        What the cells hold, float32 (cells,) in either order; None: all 1.
    means
        What is taken from every column, float64 (columns,), without ever writing the difference down; None: nothing.
    threads
        At most this many.
    """

    by_row: Csr
    by_column: Csr
    row_values: Floats | None
    column_values: Floats | None
    means: Doubles | None
    threads: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.by_row.rows, self.by_row.columns

    @property
    def squares(self) -> float:
        values = self.row_values
        cells = float(self.by_row.nnz) if values is None else sum_of_squares(values)
        return cells if self.means is None else spread(cells, self.by_row.rows, self.means)

    def times(self, x: Floats) -> Floats:
        table = self.by_row
        product = _native.sparse_multiply(table.indptr, table.indices, self.row_values, x, self.threads)
        if self.means is not None:
            product -= (self.means @ x).astype(np.float32)
        return product

    def turned(self, y: Floats) -> Floats:
        table = self.by_column
        product = _native.sparse_multiply(table.indptr, table.indices, self.column_values, y, self.threads)
        if self.means is not None:
            product -= np.outer(self.means, y.sum(axis=0, dtype=np.float64)).astype(np.float32)
        return product


def spread(squares: float, rows: int, means: Doubles) -> float:
    """The sum of squares that is left without the means; 0 where that is rounding of single precision."""
    left = squares - rows * float(means @ means)
    return left if left > 1e-12 * squares else 0.0


def column_means(by_column: Csr, values: Floats | None) -> Doubles:
    """The mean of each column over all rows, zeros among them; float64 (columns,)."""
    sums = (
        by_column.counts().astype(np.float64)
        if values is None
        else np.bincount(by_column.row_of(), values, by_column.rows)
    )
    return np.asarray(sums / max(by_column.columns, 1))


@dataclass(frozen=True)
class DenseMatrix:
    """An array, (rows, columns) float32; products are those of NumPy's BLAS, which brings its own threads."""

    cells: Floats
    means: Doubles | None

    @property
    def shape(self) -> tuple[int, int]:
        return self.cells.shape[0], self.cells.shape[1]

    @property
    def squares(self) -> float:
        cells = sum(sum_of_squares(row) for row in self.cells)
        return cells if self.means is None else spread(cells, len(self.cells), self.means)

    def times(self, x: Floats) -> Floats:
        product = self.cells @ x
        if self.means is not None:
            product -= (self.means @ x).astype(np.float32)
        return np.ascontiguousarray(product)

    def turned(self, y: Floats) -> Floats:
        product = self.cells.T @ y
        if self.means is not None:
            product -= np.outer(self.means, y.sum(axis=0, dtype=np.float64)).astype(np.float32)
        return np.ascontiguousarray(product)


def times_small(x: Floats, c: npt.ArrayLike, threads: int) -> Floats:
    """``x c`` for a small matrix c (stride of x, k), padded to (rows, stride of k)."""
    c = np.asarray(c)
    product = blank(len(x), c.shape[1])
    small = np.zeros((x.shape[1], padded(c.shape[1])), np.float32)
    small[: len(c), : c.shape[1]] = c
    _native.tall_add(x, pad(small), product, threads)
    return product


def sum_of_squares(values: npt.NDArray[np.floating]) -> float:
    """Sum of squares (n,) in double precision, a part at a time."""
    return float(sum(np.square(part, dtype=np.float64).sum() for part in _parts(values)))


def _parts(values: npt.NDArray[np.floating]) -> list[npt.NDArray[np.floating]]:
    return [values[start : start + 65_536] for start in range(0, len(values), 65_536)]
