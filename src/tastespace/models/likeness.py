"""How alike the rows of a sparse table are, and which rows are the nearest; ``docs/math/likeness.md``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import tastespace._native as _native
from tastespace.data.csr import Csr

Doubles = npt.NDArray[np.float64]

#: Rows with no value above this are multiplied before they are compared: squares of smaller ones would underflow.
TINY = 2.0**-40


@dataclass(frozen=True)
class Likeness:
    r"""The likeness of two sparse rows x and y, and how many rows are kept.

    :math:`s = \frac{n}{n + \lambda} \frac{x \cdot y}{|x| |y|}`, where n counts the columns that both rows have. Rows of
    likeness 0 or below are never neighbours; equal ones are taken by row.

    Attributes
    ----------
    neighbours
        Kept for each row, >= 1.
    shrinkage
        :math:`\lambda` >= 0.
    overlap
        Columns that both must have, >= 1.
    threshold
        The least likeness of a neighbour, >= 0.
    """

    neighbours: int
    shrinkage: float = 0.0
    overlap: int = 1
    threshold: float = 0.0

    def nearest(self, rows: Csr, threads: int, factors: npt.NDArray[np.float32] | None = None) -> Csr:
        """The nearest others of each row, (rows, rows): in every row the likeness to its neighbours, float32.

        ``factors`` (columns,) multiply the cells of a column, where all values are 1: the same as those for values, in
        less time.
        """
        rows = _lifted(rows)
        indptr, indices, likeness = _native.nearest_rows(
            rows.indptr,
            rows.indices,
            rows.values,
            rows.columns,
            None if factors is None else factors * factors,
            inverse_norms(rows, factors),
            self.shrinkage,
            self.overlap,
            self.threshold,
            self.neighbours,
            threads,
        )
        # Best first there, by row here: the neighbours of a row in ascending order.
        by_neighbour = Csr(indptr, indices, rows.rows, likeness).transpose()
        return by_neighbour.transpose()

    def nearest_of(self, newcomers: Csr, rows: Csr) -> Csr:
        """The nearest of ``rows`` for each newcomer, (newcomers, rows), by the definition."""
        row_of, values = rows.row_of(), rows.filled_values().astype(np.float64)
        squares = np.bincount(row_of, values**2, rows.rows)
        kept, likenesses, ends = [], [], [0]
        for newcomer in range(newcomers.rows):
            columns, own = newcomers.row(newcomer)
            x, has = np.zeros(rows.columns), np.zeros(rows.columns, bool)
            x[columns], has[columns] = own, True
            shared = has[rows.indices]
            place, there = row_of[shared], values[shared]
            here = x[rows.indices[shared]]
            n = np.bincount(place, minlength=rows.rows)
            norms = squares * (x**2).sum()
            products = np.bincount(place, here * there, rows.rows)
            likeness = np.divide(products, np.sqrt(norms), out=np.zeros(rows.rows), where=norms > 0)
            likeness *= n / np.maximum(n + self.shrinkage, 1.0)
            likeness[(n < self.overlap) | (likeness < self.threshold)] = 0.0
            best = np.argsort(-likeness, kind="stable")[: self.neighbours]
            best = np.sort(best[likeness[best] > 0])
            kept.append(best.astype(np.int32))
            likenesses.append(likeness[best].astype(np.float32))
            ends.append(ends[-1] + len(best))
        return Csr(np.array(ends, np.int64), np.concatenate(kept), rows.rows, np.concatenate(likenesses))

    def params(self) -> dict[str, Any]:
        """The settings as plain data."""
        return asdict(self)


def inverse_norms(rows: Csr, factors: npt.NDArray[np.float32] | None = None) -> npt.NDArray[np.float32]:
    """One over the norm of each row, float32 (rows,); 0 where it is 0."""
    squares: Doubles
    if factors is not None:
        squares = _row_sums(rows, (factors.astype(np.float64) ** 2)[rows.indices])
    elif rows.values is None:
        squares = rows.counts().astype(np.float64)
    else:
        squares = _row_sums(rows, rows.values.astype(np.float64) ** 2)
    return np.divide(1.0, np.sqrt(squares), out=np.zeros(rows.rows), where=squares > 0).astype(np.float32)


def _lifted(rows: Csr) -> Csr:
    """These rows, tiny ones times a power of two: likenesses stay, and no product or norm underflows."""
    if rows.values is None:
        return rows
    largest = np.zeros(rows.rows, np.float32)
    np.maximum.at(largest, rows.row_of(), np.abs(rows.values))
    tiny = (largest > 0) & (largest < TINY)
    if not tiny.any():
        return rows
    powers = np.where(tiny, -np.frexp(largest)[1], 0)
    return rows.replace_values(np.ldexp(rows.values, powers[rows.row_of()]))


def _row_sums(rows: Csr, of: Doubles) -> Doubles:
    return np.asarray(np.bincount(rows.row_of(), of, rows.rows), np.float64)


def centred(rows: Csr, means: Doubles, of: npt.NDArray[np.int32]) -> Csr:
    """The rows with each cell's value less the mean ``means[of]``."""
    return Csr(rows.indptr, rows.indices, rows.columns, (rows.filled_values() - means[of]).astype(np.float32))


def row_means(rows: Csr) -> Doubles:
    """The mean value of each row, float64 (rows,); 0 of none."""
    return _means(rows.row_of(), rows, rows.rows)


def column_means(rows: Csr) -> Doubles:
    """The mean value of each column, float64 (columns,); 0 of none."""
    return _means(rows.indices, rows, rows.columns)


def _means(of: npt.NDArray[np.int32], rows: Csr, length: int) -> Doubles:
    counts = np.bincount(of, minlength=length)
    return np.asarray(np.bincount(of, rows.filled_values(), length) / np.maximum(counts, 1))
