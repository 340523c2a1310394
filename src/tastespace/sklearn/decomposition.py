"""Decompositions of matrices, rows by columns: transformers, where the adaptors beside them learn events."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.data.memory import announce, size
from tastespace.data.threads import resolve_threads
from tastespace.errors import InputError, ParameterError
from tastespace.models.padding import pad
from tastespace.trainers.krylov import block_width, krylov
from tastespace.trainers.lanczos import largest
from tastespace.trainers.matrices import DenseMatrix, SparseMatrix, column_means, sum_of_squares

Array = npt.NDArray[Any]

#: Nearer to the least possible squared error than this share of it nothing is gained in single precision.
LEAST = 1e-6

#: Rows of a dense matrix whose differences from the means are held at once.
ROWS = 1024

#: Where less than this share of the squares is left without the mean, a difference of both is too rough.
SHORT = 0.1


class TruncatedSVD(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Dimensionality reduction by truncated singular value decomposition; stands in for scikit-learn's.

    Parameters
    ----------
    n_components
        Rank of the approximation, 1 to the number of columns. Components beyond the rank of X are zeros.
    algorithm
        ``"randomized"``: block Krylov in single precision, whatever the type of X; ``"arpack"``: Lanczos in double
        precision, on one thread.
    n_iter
        Work of ``"randomized"``, >= 1: the products of so many power iterations, which block Krylov uses better. It
        stops sooner by ``tol``.
    n_oversamples
        Columns beyond ``n_components`` in each iteration's share of the work, >= 0.
    power_iteration_normalizer
        Taken, so that scikit-learn's calls work, and not used: block Krylov makes every block orthonormal.
    random_state
        Of the random start: a whole number, a ``RandomState``, or None for another one each time.
    tol
        ``"randomized"``: stop when the squared error is, by estimate, within this share of the least possible, or
        within a millionth of it.
        ``"arpack"``: precision of the singular values; 0: that of doubles.
    centred
        Take each column's mean off first: principal components, and X stays sparse.
    threads
        At most this many; None: all cores. Of a sparse X the result does not depend on it. Products with a dense X
        are those of NumPy's BLAS, which brings its own threads: their number may change the last digits.

    Attributes
    ----------
    components_
        Right singular vectors, (n_components, columns); of each the largest entry by absolute value is positive.
    singular_values_
        Falling, (n_components,).
    explained_variance_, explained_variance_ratio_
        Variance of each transformed column over the rows, and its share of that of all columns of X.
    mean_
        The means that were taken off, (columns,); zeros where X was not centred.
    n_features_in_, feature_names_in_
        Columns of X, and their names where it has some.
    """

    def __init__(
        self,
        n_components: int = 2,
        *,
        algorithm: str = "randomized",
        n_iter: int = 5,
        n_oversamples: int = 10,
        power_iteration_normalizer: str = "auto",
        random_state: Any = None,
        tol: float = 0.0,
        centred: bool = False,
        threads: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.algorithm = algorithm
        self.n_iter = n_iter
        self.n_oversamples = n_oversamples
        self.power_iteration_normalizer = power_iteration_normalizer
        self.random_state = random_state
        self.tol = tol
        self.centred = centred
        self.threads = threads

    def fit(self, X: Any, y: object = None) -> Self:
        """Learn the components of X.

        Parameters
        ----------
        X
            (rows, columns): a SciPy sparse matrix or an array.
        y
            Not used.

        Raises
        ------
        ParameterError
            If a parameter is outside its range.
        TooLargeError
            If X is dense and cannot be copied; names the sparse way.
        """
        self._learn(X)
        return self

    def fit_transform(self, X: Any, y: object = None) -> Array:
        """Learn the components of X and return its rows among them, (rows, n_components); see :meth:`fit`."""
        return self._project(self._learn(X))

    def _learn(self, X: Any) -> Any:
        """Sets all attributes; X as it was checked."""
        if isinstance(X, np.ndarray) and X.ndim == 2:
            _announce(X, 0 if X.dtype.kind == "f" and X.flags.c_contiguous else 8 * X.size)
        X = self._checked(X, reset=True)
        self._check(X.shape[1])
        values: Array
        vectors: Array
        k, seed = self.n_components, int(check_random_state(self.random_state).randint(2**31 - 1))
        scale, wanted = _scale(X), min(self.n_components, *X.shape)
        if isinstance(X, np.ndarray):
            _announce(X, self._need(X, scale, wanted))
        scaled = X if scale == 1.0 else X / scale
        if self.algorithm == "arpack":
            of_columns = _means(scaled)
            values, vectors = largest(
                scaled.astype(np.float64, copy=False),
                of_columns if self.centred else None,
                wanted,
                seed,
                self.tol,
            )
        else:
            matrix, of_columns = self._matrix(scaled)
            least = block_width(k) * (self.n_iter + 1)
            found = krylov(
                matrix,
                k,
                directions=max(self.n_iter * (k + self.n_oversamples), least),
                tolerance=max(self.tol, LEAST),
                seed=seed,
                threads=resolve_threads(self.threads),
            )
            wanted, values, vectors = found.k, found.values, found.vectors[:, : found.k]
        self.mean_ = np.zeros(X.shape[1], X.dtype)
        if self.centred:
            self.mean_[:] = scale * of_columns
        self.components_ = np.zeros((k, X.shape[1]), X.dtype)
        self.components_[:wanted] = vectors.T
        values = np.pad(values, (0, k - wanted))
        self.singular_values_ = np.asarray(scale * values, X.dtype)
        spread = _variance(scaled, of_columns)
        variances = self._variances(scaled, values, of_columns)
        self.explained_variance_ = np.asarray(scale**2 * variances, X.dtype)
        self.explained_variance_ratio_ = np.asarray(
            variances / spread if spread > 0 else np.zeros(k), X.dtype
        )
        return X

    def _variances(self, X: Any, values: Array, means: Array) -> Array:
        """The variance of each transformed column over the rows, of X with these singular values and column means."""
        # The squares of a column of X V sum to that of its singular value, so that X need not be projected, unless
        # little is left of them without the mean.
        squares = np.square(values) / X.shape[0]
        along = np.zeros(len(squares)) if self.centred else np.square(self.components_ @ means)
        variances: Array = np.maximum(squares - along, 0.0)
        short = variances < SHORT * squares
        if short.any():
            variances[short] = np.var(X @ self.components_[short].T, axis=0, dtype=np.float64)
        return variances

    def transform(self, X: Any) -> Array:
        """The rows of X among the components, (rows, n_components)."""
        check_is_fitted(self)
        X = self._checked(X)
        return self._project(X)

    def inverse_transform(self, X: Any) -> Array:
        """Rows among the components back as rows of the matrix, (rows, columns): a dense array.

        Raises
        ------
        InputError
            If X has not a column for each component.
        TooLargeError
            If that would not fit into memory.
        """
        check_is_fitted(self)
        X = check_array(X, dtype=[np.float64, np.float32])
        (rows, found), (wanted, columns) = X.shape, self.components_.shape
        if found != wanted:
            raise InputError(
                f"inverse_transform takes rows among the {wanted} components, as transform makes them; got {found} "
                "columns"
            )
        announce(
            f"inverse_transform to {rows:,} x {columns:,} cells",
            rows * columns * self.components_.itemsize,
            "a dense array of that shape is rarely wanted: transform some rows at a time",
        )
        return np.asarray(X @ self.components_ + self.mean_)

    def reconstruction_error(self, X: Any) -> float:
        """The root of the summed squares of ``X - inverse_transform(transform(X))``, which is never written down.

        Differences below about 1e-7 of X are lost in rounding.
        """
        check_is_fitted(self)
        X = self._checked(X)
        means = self.mean_.astype(np.float64)
        total = _squares(X) - 2 * X.shape[0] * float(_means(X) @ means) + X.shape[0] * float(means @ means)
        projected = self._project(X).astype(np.float64)
        gram = self.components_.astype(np.float64) @ self.components_.T.astype(np.float64)
        # |x - p V|^2 = |x|^2 - 2 p . p + p V V' p', with p = x V'
        kept = 2 * np.vdot(projected, projected) - np.vdot(projected @ gram, projected)
        return float(np.sqrt(max(total - kept, 0.0)))

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _check(self, columns: int) -> None:
        for name, least in (("n_components", 1), ("n_iter", 1), ("n_oversamples", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise ParameterError(
                    f"{name} of TruncatedSVD must be a whole number >= {least}; got {value!r}"
                )
        if self.n_components > columns:
            raise ParameterError(
                f"n_components of TruncatedSVD must be at most the {columns:,} columns of X; got {self.n_components:,}"
            )
        if self.algorithm not in ("randomized", "arpack"):
            raise ParameterError(
                f"algorithm of TruncatedSVD must be one of 'randomized', 'arpack'; got {self.algorithm!r}"
            )
        if not (isinstance(self.tol, int | float) and 0 <= self.tol < np.inf):
            raise ParameterError(f"tol of TruncatedSVD must be a number >= 0; got {self.tol!r}")

    def _checked(self, X: Any, reset: bool = False) -> Any:
        """X as rows of one type, each cell of a sparse one there once; the caller's stays as it is."""
        least = {"ensure_min_features": 2} if reset else {}
        X = validate_data(
            self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=reset, order="C", **least
        )
        if not isinstance(X, np.ndarray) and not X.has_canonical_format:
            X = X.copy()
            X.sum_duplicates()
        return X

    def _need(self, X: Array, scale: float, wanted: int) -> int:
        """Bytes of the copies of a dense X that are made."""
        single, copies = X.dtype == np.float32, 0 if scale == 1.0 else X.nbytes
        if self.algorithm == "randomized":
            return copies + (0 if single and not self.centred else 4 * X.size)
        whole = (
            wanted >= min(X.shape) - 1
        )  # all of it goes to LAPACK, which has a copy, and vectors of both sides
        return copies + (8 * X.size if single else 0) + (32 * X.size if whole else 0)

    def _matrix(self, X: Any) -> tuple[SparseMatrix | DenseMatrix, Array]:
        """X in single precision, and the means of its columns, which are off it if it is centred."""
        if isinstance(X, np.ndarray):
            means = _means(X)
            if not self.centred:
                return DenseMatrix(X.astype(np.float32, copy=False), None), means
            cells = np.empty(X.shape, np.float32)
            for start in range(0, len(X), ROWS):  # at once, which costs no precision where means are large
                cells[start : start + ROWS] = X[start : start + ROWS] - means
            return DenseMatrix(cells, None), means
        table = _csr(X)
        turned = table.transpose()
        centred = column_means(turned, turned.values) if self.centred or table.values is None else None
        matrix = SparseMatrix(
            table,
            turned,
            table.values,
            turned.values,
            centred if self.centred else None,
            resolve_threads(self.threads),
        )
        return matrix, _means(X) if centred is None else centred

    def _project(self, X: Any) -> Array:
        turned = self.components_.T
        if X.dtype == np.float32 and scipy.sparse.issparse(X):
            table = _csr(X)
            product = _native.sparse_multiply(
                table.indptr, table.indices, table.values, pad(turned), resolve_threads(self.threads)
            )[:, : turned.shape[1]]
        else:
            product = np.asarray(X @ turned)
        return np.ascontiguousarray(product - self.mean_ @ turned if self.centred else product)


def _csr(X: Any) -> Csr:
    """A checked CSR matrix as a table; cells that all hold 1 need no values."""
    table = Csr(
        X.indptr.astype(np.int64),
        np.ascontiguousarray(X.indices, np.int32),
        X.shape[1],
        np.ascontiguousarray(X.data, np.float32),
    )
    return table.replace_values(table.values)


def _scale(X: Any) -> float:
    """The power of two that keeps every cell in range when it divides; 1 where they are."""
    cells = _cells(X)
    most = max(float(cells.max(initial=0)), -float(cells.min(initial=0)))
    return 1.0 if 1e-9 < most < 1e9 or most == 0 else float(2.0 ** np.floor(np.log2(most)))


def _cells(X: Any) -> Array:
    """The stored cells."""
    cells: Array = X.data if scipy.sparse.issparse(X) else X  # type: ignore[attr-defined]  # the stubs know no data
    return cells


def _squares(X: Any) -> float:
    """The sum of all squared cells."""
    return sum_of_squares(_cells(X).reshape(-1))


def _variance(X: Any, means: Array) -> float:
    """The sum of the columns' variances."""
    if isinstance(X, np.ndarray):
        parts = (X[start : start + ROWS] - means for start in range(0, len(X), ROWS))
        return sum(_squares(part) for part in parts) / len(X)
    return float(max(_squares(X) / X.shape[0] - float(means @ means), 0.0))


def _means(X: Any) -> Array:
    """The mean of each column."""
    if isinstance(X, np.ndarray):
        means: Array = X.mean(axis=0, dtype=np.float64)
        return means
    return np.asarray((X.T @ np.ones(X.shape[0])) / X.shape[0])


def _announce(X: Array, need: int) -> None:
    """Logs what copies of a dense array take; TooLargeError if they do not fit."""
    if need:
        announce(
            f"X is a dense array of {X.shape[0]:,} x {X.shape[1]:,} cells, {size(X.nbytes)}, whose copy",
            need,
            "pass scipy.sparse.csr_array(X), which takes 12 bytes for each cell that is not 0",
        )
