"""The largest singular values of a matrix by randomized block Krylov; ``docs/math/truncated-svd.md``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tastespace.errors import NumericalError
from tastespace.models.padding import Floats, blank, padded
from tastespace.models.reading import Doubles
from tastespace.trainers.bidiagonal import Bidiagonalization
from tastespace.trainers.matrices import Matrix

#: A basis is looked at when it has grown by this much since the last look.
GROWTH = 1.08

#: Where nobody knows how far a basis will grow, its memory is asked for in steps of this many columns, or this growth.
STEP, STRIDE = 256, 1.25


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The largest singular values of a matrix and their right vectors.

    Attributes
    ----------
    values
        Falling, float64 (k,); beyond the rank 0.
    vectors
        Right singular vectors in padded columns, float32 (columns, stride); beyond the rank 0. The entry that is the
        largest by absolute value is positive, the first of them where several are.
    total
        The sum of all squared cells, and so of all squared singular values.
    rounds
        Passes over the matrix in both directions.
    excess
        By estimate, what the squared error of rank k has above the least possible, as a share of it.
    """

    values: Doubles
    vectors: Floats
    total: float
    rounds: int
    excess: float

    @property
    def k(self) -> int:
        """Number of singular values."""
        return len(self.values)


def block_width(factors: int) -> int:
    """Columns that go through the matrix together: few, so that few products give many directions."""
    return min(max(padded(factors // 4), 16), 64)


def krylov(
    matrix: Matrix,
    factors: int | None,
    *,
    share: float | None = None,
    directions: int | Callable[[int], int],
    tolerance: float,
    seed: int,
    threads: int,
    tick: Callable[[str], None] = lambda note: None,
    grow: Callable[[int, int, int], None] = lambda used, until, k: None,
) -> Spectrum:
    """The largest singular values of a matrix and their right vectors.

    Golub and Kahan's bidiagonalization of blocks: ``A Q = P B`` with orthonormal Q, every new block of Q made
    orthogonal to all before, and B block bidiagonal and small. Its singular values and vectors, times Q, are those of
    A as far as the span of Q holds them.

    Parameters
    ----------
    matrix
        A.
    factors
        Singular values wanted, at most the smaller side; None: as many as ``share`` asks for.
    share
        The fewest singular values with this share of the squared cells are returned, at most ``factors``.
    directions
        At most so many columns of Q; or how many where the share needs so many singular values.
    tolerance
        Stop when the squared error is, by estimate, within this share of the least possible.
    seed
        Of the random start.
    threads
        At most this many.
    tick
        Called after each round.
    grow
        Called before Q grows from ``used`` columns to ``until``, for k singular values or more: it may refuse.

    Raises
    ------
    NumericalError
        If a number leaves the range of single precision.
    """
    total = matrix.squares
    rows, columns = matrix.shape
    side = min(rows, columns)
    most = side if factors is None else min(factors, side)
    if total <= 0.0 or side == 0:
        wanted = most if share is None else min(1, side)
        return Spectrum(np.zeros(wanted), blank(columns, wanted), max(total, 0.0), 0, 0.0)
    if not np.isfinite(total):
        raise NumericalError("the squares of the values leave the range of double precision; scale them down")
    scale = 2.0 ** np.floor(
        np.log2(total) / 2
    )  # about the norm, and a product divided by it keeps its digits
    run = Bidiagonalization(matrix, float(scale), seed, threads)
    width = block_width(64 if factors is None else most)
    limit = directions if callable(directions) else lambda k: directions
    asked = min(STEP, side)
    grow(0, asked, 1)
    run.start(min(width, side))
    captured: list[Doubles] = []  # of the last three looks, by all ranks
    looked = 0.0
    # Of a wide matrix the last rows' directions are short and so not exact; a block more mends them.
    room = min(columns, side + width) if columns > side else side
    grown = True
    while True:
        if grown:
            run.forward()
        full = not grown or run.used >= min(room, max(limit(most), most))
        k, excess, enough = most, np.inf, False
        if full or (run.used >= GROWTH * looked and (share is not None or run.used >= most)):
            looked = run.used
            values = run.values()
            if share is not None:
                k = _enough(values * run.scale, share * total, most)
            captured = [*captured[-2:], np.cumsum(np.square(values * run.scale))]
            excess = _excess([float(found[min(k, len(found)) - 1]) for found in captured], total)
            enough = k < most or share is None or run.used >= most
            if share is not None and k < run.used:  # it is enough, and the work is bounded by what it needs
                full = full or run.used >= max(limit(k), k)
        tick(f"{run.used} directions")
        if full or (np.isfinite(excess) and enough and excess <= tolerance):
            break
        if run.used + width > asked and asked < side:
            asked = min(max(asked + STEP, int(STRIDE * run.used)), side)
            grow(run.used, asked, min(k, run.used))
        grown = run.backward(min(width, max(side - run.used, 0)))
    if run.used >= side:
        excess = 0.0
    values, vectors = run.vectors(k)
    return Spectrum(values * run.scale, vectors, total, run.rounds, float(excess))


def _enough(values: Doubles, energy: float, most: int) -> int:
    """How many of the values have so much energy; all that may be if they have not."""
    until = np.cumsum(np.square(values[:most]))
    return min(int(np.searchsorted(until, energy * (1 - 1e-12))) + 1, len(until))


def _excess(captured: list[float], total: float) -> float:
    """What is still to come, from the last two gains: they fall about geometrically."""
    if len(captured) < 3:
        return np.inf
    last, before = captured[-1] - captured[-2], captured[-2] - captured[-3]
    rest = max(total - captured[-1], 1e-7 * total)
    if last <= 0.0:
        return 0.0
    ratio = min(last / before, 0.9) if before > 0.0 else 0.9
    return last * ratio / (1.0 - ratio) / rest
