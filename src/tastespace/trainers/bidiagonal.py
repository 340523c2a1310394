"""Block bidiagonalization of a matrix that is only multiplied by; ``docs/math/truncated-svd.md``."""

from __future__ import annotations

import numpy as np

import tastespace._native as _native
from tastespace.errors import NumericalError
from tastespace.models.padding import Floats, blank, padded
from tastespace.models.reading import Doubles
from tastespace.trainers.matrices import Matrix, times_small

#: Directions below this share of the largest singular value are rounding of single precision.
NOISE = 4e-7

#: A block of columns is made orthonormal in at most so many passes, two as a rule, of which each makes lengths that
#: differ by this factor alike.
PASSES, LIFT = 6, 3e-4

#: Columns that are shorter than this share of the largest singular value are made orthogonal to the basis twice: a
#: single time leaves an error that the next block has again, longer by the inverse of that share.
SHORT = 0.5


class Bidiagonalization:
    """Golub and Kahan's blocks of one decomposition under way, of the matrix divided by ``scale``."""

    def __init__(self, matrix: Matrix, scale: float, seed: int, threads: int) -> None:
        self.matrix, self.scale, self.threads = matrix, scale, threads
        self.draws = np.random.default_rng(seed)
        self.basis: list[Floats] = []
        self.lower: list[Doubles] = []  # P_j' A Q_j
        self.upper: list[Doubles] = []  # P_j' A Q_(j + 1)
        self.left = blank(0, 0)
        self.norm = 0.0  # a lower bound of the largest singular value
        self.used = 0

    @property
    def rounds(self) -> int:
        """Passes over the matrix in both directions."""
        return len(self.lower)

    def start(self, width: int) -> None:
        """A random block, sent through the matrix once: nothing of it is lost on what the matrix sends to 0."""
        noise = blank(self.matrix.shape[0], width)
        noise[:, :width] = self.draws.standard_normal((len(noise), width), np.float32)
        block = self.scaled(self.matrix.turned(noise))
        q, _ = self.orthonormal(block)
        self.norm = 0.0  # noise is longer than 1, and its products are no bound
        self.append(q, width)

    def scaled(self, product: Floats) -> Floats:
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is found a step later
            product *= np.float32(1.0 / self.scale)
        return product

    def append(self, q: Floats, width: int) -> None:
        """Takes a block into the basis, its columns of 0 replaced by random directions orthogonal to all others."""
        missing = np.flatnonzero(~q.any(axis=0))[: max(width - int(q.any(axis=0).sum()), 0)]
        if len(missing):
            fresh = blank(*q.shape)
            fresh[:, : len(missing)] = self.draws.standard_normal((len(q), len(missing)), np.float32)
            for _ in range(2):
                for block in [*self.basis, q]:
                    self.without(block, fresh)
                fresh, _ = self.orthonormal(fresh, 1e-3)
            kept = np.flatnonzero(fresh.any(axis=0))[: len(missing)]
            q[:, missing[: len(kept)]] = fresh[:, kept]
        self.basis.append(q)
        self.used += int(q.any(axis=0).sum())

    def without(self, block: Floats, z: Floats) -> None:
        """Takes from z, in place, what lies along an orthonormal block."""
        c = _native.tall_cross(block, z, self.threads)
        _native.tall_add(block, (-c).astype(np.float32), z, self.threads)

    def forward(self) -> None:
        """The next block of P, and the diagonal block of B."""
        y = self.scaled(self.matrix.times(self.basis[-1]))
        if self.upper:
            _native.tall_add(self.left, (-self.upper[-1]).astype(np.float32), y, self.threads)
        self.left, block = self.orthonormal(y)
        self.lower.append(block)

    def backward(self, width: int) -> bool:
        """The next block of Q, and the block of B beside the diagonal; false if there are no more directions."""
        z = self.scaled(self.matrix.turned(self.left))
        last = self.basis[-1]
        _native.tall_add(last, (-self.lower[-1].T).astype(np.float32), z, self.threads)
        for block in self.basis:
            self.without(block, z)
        q, r = self.orthonormal(z)
        lengths = np.linalg.norm(r, axis=1)
        if lengths[lengths > 0.0].min(initial=np.inf) < SHORT * self.norm:
            # Made longer, short columns show what rounding left of the basis in them; some are nothing else.
            for block in self.basis:
                self.without(block, q)
            q, again = self.orthonormal(q, 0.5)
            r = again @ r
        if not width and not q.any():
            return False
        self.upper.append(np.ascontiguousarray(r.T))
        self.append(q, width)
        return True

    def orthonormal(self, z: Floats, least: float | None = None) -> tuple[Floats, Doubles]:
        """Orthonormal q and a small r with ``z = q r``, but for directions of at most ``least``: columns of 0 in q.

        ``least`` is by default what is rounding beside the largest singular value, of which only a product of the
        matrix with a block of unit length tells something: columns of other lengths name theirs.
        """
        stride = z.shape[1]
        r = np.eye(stride)
        for _ in range(PASSES):
            w, squares, _ = small_svd(_native.tall_cross(z, z, self.threads))
            s, r = np.sqrt(squares), w.T @ r
            lengths = s * np.linalg.norm(r, axis=1)
            if least is None:
                self.norm = max(self.norm, float(lengths.max()))
            keep = lengths > (NOISE * self.norm if least is None else least)
            if not keep.any():
                return blank(*z.shape), np.zeros((stride, stride))
            # Short ones are lifted step by step: what single precision knows of them grows with each pass.
            lifted = np.where(keep, np.maximum(s, LIFT * s[0]), 1.0)
            z = times_small(z, w * (keep / lifted), self.threads)
            r = (keep * lifted)[:, None] * r
            if s[keep].min() > 0.9 * s[0]:
                break
        return z, r

    def small(self) -> Doubles:
        """B."""
        n = [block.shape[1] for block in self.basis]
        at = np.concatenate([[0], np.cumsum(n)])
        whole = np.zeros((at[-1], at[-1]))
        for j, block in enumerate(self.lower):
            whole[at[j] : at[j] + len(block), at[j] : at[j + 1]] = block
        for j, block in enumerate(self.upper):
            whole[at[j] : at[j] + len(block), at[j + 1] : at[j + 2]] = block
        return whole

    def values(self) -> Doubles:
        """The singular values of B."""
        return _native.small_values(self.small())

    def vectors(self, k: int) -> tuple[Doubles, Floats]:
        """The k largest singular values and their right vectors, signs settled."""
        _, s, right = small_svd(self.small())
        k = min(k, len(s))
        vectors, at = blank(self.matrix.shape[1], k), 0
        for block in self.basis:
            c = np.zeros((block.shape[1], padded(k)), np.float32)
            c[:, :k] = right[at : at + block.shape[1], :k]
            _native.tall_add(block, c, vectors, self.threads)
            at += block.shape[1]
        values = s[:k] * (s[:k] > NOISE * s[0])
        vectors[:, :k] *= values > 0.0
        # One step of Newton and Schulz towards orthonormal columns.
        gram = _native.tall_cross(vectors, vectors, self.threads)
        correction = (np.eye(len(gram)) - gram) / 2
        correction[~np.pad(values > 0.0, (0, len(gram) - k))] = 0.0
        step = times_small(vectors, correction, self.threads)
        vectors += step
        vectors[:, :k] *= signs(vectors[:, :k])
        return values, vectors


def signs(vectors: np.ndarray) -> np.ndarray:
    """1 or -1 for each column: the sign of its largest entry by absolute value, the first where several are."""
    if not len(vectors):
        return np.ones(vectors.shape[1], vectors.dtype)
    largest = np.abs(vectors.T, order="C").argmax(axis=1)  # row by row, which is quicker than across rows
    found = np.where(np.take_along_axis(vectors, largest[None, :], axis=0)[0] < 0, -1, 1)
    return found.astype(vectors.dtype)


def small_svd(matrix: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """Left vectors, values, right vectors of a small matrix, vectors in columns; the same bits everywhere.

    Raises
    ------
    NumericalError
        If it holds NaN or infinity.
    """
    try:
        return _native.small_svd(np.ascontiguousarray(matrix))
    except ArithmeticError:
        raise NumericalError(
            "the decomposition left the range of single precision; scale the values down"
        ) from None
