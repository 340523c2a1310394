"""Non-negative matrix factorization with the parameters and attributes of ``sklearn.decomposition.NMF``."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from tastespace.data.csr import Csr
from tastespace.data.memory import announce, size
from tastespace.data.threads import resolve_threads
from tastespace.errors import InputError, ParameterError
from tastespace.models.nmf_rows import Loss, NmfRows, Pair
from tastespace.models.padding import Floats, blank, pad, padded
from tastespace.trainers.nmf_descent import Descent, finished
from tastespace.trainers.nmf_start import check_range, fill, mean_value, nndsvd, random

Matrix = npt.NDArray[Any]

#: Passes between two looks at a divergence, as scikit-learn's.
EVERY = 10

#: Passes in which squared error must fall by more than rounding, to be on a plateau and not at the end.
PLATEAU = 50

#: Cells of a dense table that are looked at together.
BLOCK = 2**18

#: The values of ``beta_loss``, and what they are here.
LOSSES: dict[Any, Loss] = {
    "frobenius": "frobenius",
    2: "frobenius",
    "kullback-leibler": "kullback-leibler",
    1: "kullback-leibler",
}
INITS = (None, "random", "nndsvd", "nndsvda", "nndsvdar", "custom")


class NMF(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """``X = W H`` with W and H of 0 or more: a drop-in for ``sklearn.decomposition.NMF``, on sparse or dense tables.

    The objective, the scaling of its penalties and the parameters are scikit-learn's. What differs: numbers are
    computed in single precision; squared error is always minimised by coordinate descent, with several sweeps for each
    product with X, so a pass gets further; and ``transform`` gives the exact minimum of every row, as ``fit_transform``
    does at its end, so that both agree.

    Parameters
    ----------
    n_components
        Number of components; ``"auto"``: of a custom ``H``, else the number of features, as None.
    init
        ``"random"``, ``"nndsvd"``, ``"nndsvda"``, ``"nndsvdar"``, ``"custom"``, or None: ``"nndsvda"`` where there are
        so many singular vectors, else ``"random"``.
    solver
        ``"cd"`` or ``"mu"``; the loss decides what is done, see above, and ``"cd"`` refuses a divergence.
    beta_loss
        ``"frobenius"`` or 2, ``"kullback-leibler"`` or 1; others are refused.
    tol
        Of the stopping rule: with squared error, the share of the first pass's slope that is left (rounding leaves
        about 1e-7, so passes also end where fifty lower the objective by nothing); with a divergence, what ten passes
        lower its root by, as a share of that at the start. 0: ``max_iter`` passes.
    max_iter
        Passes at most.
    random_state
        Of the start.
    alpha_W, alpha_H, l1_ratio
        Penalties, scaled by the number of features and of samples; ``alpha_H="same"``: as ``alpha_W``.
    verbose
        Say the objective after each pass.
    shuffle
        Must be False: coordinates are taken in their order.
    threads
        At most this many; None: all cores. The result does not depend on it.

    Attributes
    ----------
    components_
        H, (components, features).
    n_components_, n_features_in_, n_iter_
        Counts.
    reconstruction_err_
        The norm of ``X - W H``, or the root of twice the divergence.
    feature_names_in_
        Where X was a table with names.
    """

    def __init__(
        self,
        n_components: int | str | None = "auto",
        *,
        init: str | None = None,
        solver: str = "cd",
        beta_loss: str | float = "frobenius",
        tol: float = 1e-4,
        max_iter: int = 200,
        random_state: Any = None,
        alpha_W: float = 0.0,
        alpha_H: float | str = "same",
        l1_ratio: float = 0.0,
        verbose: int = 0,
        shuffle: bool = False,
        threads: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.init = init
        self.solver = solver
        self.beta_loss = beta_loss
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state
        self.alpha_W = alpha_W
        self.alpha_H = alpha_H
        self.l1_ratio = l1_ratio
        self.verbose = verbose
        self.shuffle = shuffle
        self.threads = threads

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Learn H.

        Parameters
        ----------
        X
            (samples, features), sparse or dense, no value below 0.
        y
            Not used.
        **params
            ``W`` and ``H`` to start from, with ``init="custom"``.
        """
        self.fit_transform(X, **params)
        return self

    def fit_transform(self, X: Any, y: Any = None, W: Any = None, H: Any = None) -> Matrix:
        """Learn H and return W, (samples, components).

        Parameters
        ----------
        X
            (samples, features), sparse or dense, no value below 0.
        y
            Not used.
        W, H
            To start from, with ``init="custom"``.

        Raises
        ------
        ParameterError
            If a parameter is outside its range.
        InputError
            If the largest value of X is beyond 1e18 or below 1e-18.
        TooLargeError
            If a dense X cannot be held in sparse form.

        Warns
        -----
        RuntimeWarning
            If W or H are given and ``init`` is not ``"custom"``.
        ConvergenceWarning
            If ``max_iter`` passes were not enough for ``tol``.
        """
        X = self._validated(X, reset=True)
        rows = self._rows()
        k = self._width(X, H)
        by_row = _table(X, k)
        check_range(by_row)
        by_column = by_row.transpose()
        threads = resolve_threads(self.threads)
        p, q = self._start(X, by_row, by_column, k, rows.loss, W, H, threads)
        descent = Descent(by_row, by_column, rows, p, q, k, None, threads)
        self.n_iter_ = self._descend(descent, rows.loss)
        p, q = finished(by_row, rows, q, threads)
        found: Matrix = p[:, :k].astype(X.dtype)
        self.components_ = np.ascontiguousarray(q[:, :k].T.astype(X.dtype))
        self.n_components_ = k
        self.reconstruction_err_ = _error(X, found, self.components_, rows.loss)
        return found

    def transform(self, X: Any) -> Matrix:
        """W for new rows: the exact minimum against the learned H, (samples, components)."""
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        rows, q = self._rows(), pad(self.components_.T.astype(np.float32))
        threads = resolve_threads(self.threads)
        fixed = rows.side(q, np.zeros(len(q), np.float32), threads)
        p, _ = rows.users(_table(X, self.n_components_), fixed, threads)
        return p[:, : self.n_components_].astype(X.dtype)

    def inverse_transform(self, X: Any) -> Matrix:
        """``X @ components_``, (samples, features), which is dense.

        Raises
        ------
        InputError
            If X has not a column for each component.
        TooLargeError
            If that is more than the memory that is free.
        """
        check_is_fitted(self)
        X = check_array(X, accept_sparse=("csr", "csc"), dtype=[np.float64, np.float32])
        (rows, found), (wanted, columns) = X.shape, self.components_.shape
        if found != wanted:
            raise InputError(
                f"inverse_transform takes rows among the {wanted} components, as transform makes them; got {found} "
                "columns"
            )
        announce(
            f"inverse_transform of {rows:,} rows to {columns:,} columns",
            rows * columns * self.components_.itemsize,
            "take fewer rows at a time, or the cells that matter: (W[i] * H[:, j].T).sum(axis=1)",
        )
        return np.asarray(X @ self.components_)

    @property
    def _n_features_out(self) -> int:
        return int(self.n_components_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _validated(self, X: Any, *, reset: bool) -> Any:
        X = validate_data(
            self,
            X,
            reset=reset,
            accept_sparse=("csr", "csc"),
            dtype=[np.float64, np.float32],
            ensure_non_negative=True,
        )
        if _is_sparse(X) and not X.has_canonical_format:
            X = X.copy()  # the caller's stays as it is
            X.sum_duplicates()
        values: Any = X.data if _is_sparse(X) else X
        if values.size and values.max() > np.finfo(np.float32).max:
            raise InputError(
                f"NMF computes in float32, and X holds {values.max():g}, which is beyond; scale X down"
            )
        return X

    def _rows(self) -> NmfRows:
        """The problem of a row, from checked parameters."""
        if self.solver not in ("cd", "mu"):
            raise self._refuse("solver", "'cd' or 'mu'")
        try:
            loss = LOSSES[self.beta_loss]
        except (KeyError, TypeError):
            raise self._refuse("beta_loss", "'frobenius' or 2, or 'kullback-leibler' or 1") from None
        if loss == "kullback-leibler" and self.solver == "cd":
            raise ParameterError(
                "solver='cd' of NMF does not handle beta_loss='kullback-leibler'; use solver='mu'"
            )
        if self.init not in INITS:
            raise self._refuse("init", f"one of {', '.join(map(repr, INITS))}")
        if self.shuffle:
            raise self._refuse("shuffle", "False: coordinates are taken in their order")
        alpha_h: Any = (
            self.alpha_W if isinstance(self.alpha_H, str) and self.alpha_H == "same" else self.alpha_H
        )
        for name, value in (("alpha_W", self.alpha_W), ("alpha_H", alpha_h), ("tol", self.tol)):
            if not _number(value) or not 0 <= value < np.inf:
                raise self._refuse(name, "a number >= 0")
        if not _number(self.l1_ratio) or not 0 <= self.l1_ratio <= 1:
            raise self._refuse("l1_ratio", "in 0..1")
        passes: Any = self.max_iter
        if isinstance(passes, bool) or not isinstance(passes, Integral) or passes < 1:
            raise self._refuse("max_iter", "a whole number >= 1")
        l1: Pair = (float(self.alpha_W * self.l1_ratio), float(alpha_h * self.l1_ratio))
        l2: Pair = (float(self.alpha_W * (1 - self.l1_ratio)), float(alpha_h * (1 - self.l1_ratio)))
        return NmfRows(loss, l1, l2)

    def _refuse(self, name: str, need: str) -> ParameterError:
        return ParameterError(f"{name} of NMF must be {need}; got {getattr(self, name)!r}")

    def _width(self, X: Any, H: Any) -> int:
        given: Any = self.n_components
        if isinstance(given, str) and given == "auto":
            return len(H) if self.init == "custom" and H is not None else int(X.shape[1])
        if given is None:
            return int(X.shape[1])
        if isinstance(given, bool) or not isinstance(given, Integral) or given < 1:
            raise self._refuse("n_components", "'auto', None, or a whole number >= 1")
        return int(given)

    def _start(
        self, X: Any, by_row: Csr, by_column: Csr, k: int, loss: Loss, W: Any, H: Any, threads: int
    ) -> tuple[Floats, Floats]:
        if self.init == "custom":
            p, q = blank(X.shape[0], k), blank(X.shape[1], k)
            for name, given, shape, target in (
                ("W", W, (X.shape[0], k), p),
                ("H", H, (k, X.shape[1]), q),
            ):
                array = np.asarray(given, np.float64)
                if array.shape != shape or not np.isfinite(array).all() or (array < 0).any():
                    raise ParameterError(
                        f"init='custom' of NMF needs {name} of shape {shape}, finite and >= 0; got {array.shape}"
                    )
                target[:, :k] = array if name == "W" else array.T
            return p, q
        if W is not None or H is not None:
            warnings.warn(
                f"NMF starts from W and H only with init='custom'; init={self.init!r} ignores them",
                RuntimeWarning,
                stacklevel=3,
            )
        init, fewest = self.init, min(X.shape)
        if init is None:
            init = "nndsvda" if k <= fewest else "random"
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        if init == "random":
            return random(by_row, k, seed)
        if k > fewest:
            raise ParameterError(
                f"init={init!r} of NMF needs n_components <= min(n_samples, n_features) = {fewest}; got {k}: use "
                "init='random'"
            )
        p, q = nndsvd(by_row, by_column, k, seed, threads)
        mean = mean_value(by_row)
        if init == "nndsvda" or (init == "nndsvd" and loss == "kullback-leibler"):
            fill(p, q, k, mean)
        elif init == "nndsvdar":
            rng = np.random.default_rng(seed)
            for x in (p, q):
                noise = np.abs(rng.standard_normal((len(x), k), np.float32)) * np.float32(mean / 100)
                x[:, :k] = np.where(x[:, :k] == 0, noise, x[:, :k])
        return p, q

    def _descend(self, descent: Descent, loss: Loss) -> int:
        """Pass after pass until the rule holds; how many there were."""
        first = 0.0 if loss == "frobenius" else _root(descent)
        before = np.inf if loss == "frobenius" else first
        for number in range(1, self.max_iter + 1):
            slope = descent.half_epoch("user") + descent.half_epoch("item")
            if self.verbose:
                print(f"pass {number}: objective {descent.objective():.6g}")
            if loss == "frobenius":
                first = slope if number == 1 else first
                if slope <= self.tol * first:
                    return number
                if self.tol > 0 and number % PLATEAU == 0:  # slopes stay above what rounding leaves
                    now = descent.objective()
                    if now >= before:
                        return number
                    before = now
            elif self.tol > 0 and number % EVERY == 0:
                now = _root(descent)
                if before - now <= self.tol * first:
                    return number
                before = now
        if self.tol > 0:
            warnings.warn(
                f"NMF did not reach tol={self.tol:g} in max_iter={self.max_iter} passes; raise max_iter",
                ConvergenceWarning,
                stacklevel=3,
            )
        return int(self.max_iter)


def _root(descent: Descent) -> float:
    return float(np.sqrt(2 * max(descent.objective(), 0.0)))


def _number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_sparse(X: Any) -> bool:
    return bool(sp.issparse(X))


def _blocks(X: Matrix) -> Iterator[slice]:
    """The rows of a dense table, a few megabytes at a time."""
    step = max(1, BLOCK // X.shape[1])
    for first in range(0, len(X), step):
        yield slice(first, min(first + step, len(X)))


def _table(X: Any, k: int) -> Csr:
    """The cells of a checked matrix by rows, in single precision."""
    if _is_sparse(X):
        table: Any = sp.csr_matrix(X)
        return Csr(
            table.indptr.astype(np.int64, copy=False),
            table.indices.astype(np.int32, copy=False),
            table.shape[1],
            table.data.astype(np.float32, copy=False),
        )
    indptr = np.zeros(len(X) + 1, np.int64)
    for rows in _blocks(X):
        np.cumsum(np.count_nonzero(X[rows], axis=1), out=indptr[rows.start + 1 : rows.stop + 1])
        indptr[rows.start + 1 : rows.stop + 1] += indptr[rows.start]
    cells = int(indptr[-1])
    announce(
        f"NMF of a dense table of {X.shape[0]:,} x {X.shape[1]:,} cells, {size(X.nbytes)} itself,",
        # The cells by rows and by columns, both sides' factors as they start, change and end, and a block.
        16 * cells + 12 * padded(k) * sum(X.shape) + 16 * BLOCK,
        f"pass scipy.sparse.csr_matrix(X): its {cells:,} cells that are not 0 need {size(12 * cells)} there",
    )
    indices, values = np.empty(cells, np.int32), np.empty(cells, np.float32)
    for rows in _blocks(X):
        here, there = slice(indptr[rows.start], indptr[rows.stop]), X[rows] != 0
        indices[here] = np.nonzero(there)[1]
        values[here] = X[rows][there]
    return Csr(indptr, indices, X.shape[1], values)


def _error(X: Any, W: Matrix, H: Matrix, loss: Loss) -> float:
    """What scikit-learn calls the reconstruction error, in double precision and without the dense product."""
    w, h = W.astype(np.float64), H.astype(np.float64)
    parts: Any = [X] if _is_sparse(X) else (X[rows] for rows in _blocks(X))
    step = _error_squared if loss == "frobenius" else _error_divergence
    whole = (w.T @ w) * (h @ h.T) if loss == "frobenius" else 2 * w.sum(axis=0) * h.sum(axis=1)
    total, first = float(whole.sum()), 0
    for part in parts:
        last = first + part.shape[0]
        total += step(sp.csr_matrix(part, dtype=np.float64), w[first:last], h)
        first = last
    return float(np.sqrt(max(total, 0.0)))


def _error_squared(table: Any, w: Matrix, h: Matrix) -> float:
    """The squared error of some rows, less the squares of all predictions."""
    return float(table.data @ table.data) - 2 * float(((table @ h.T) * w).sum())


def _error_divergence(table: Any, w: Matrix, h: Matrix) -> float:
    """Twice the divergence of some rows, less the sum of all predictions."""
    rows = np.repeat(np.arange(table.shape[0]), np.diff(table.indptr))
    step, total = 2**16, -float(table.data.sum())
    for start in range(0, table.nnz, step):
        cells = slice(start, start + step)
        a = table.data[cells]
        y = np.einsum("ij,ij->i", w[rows[cells]], h.T[table.indices[cells]])
        above = a > np.finfo(np.float32).eps
        total += float(a[above] @ np.log(a[above] / np.maximum(y[above], np.finfo(np.float32).eps)))
    return 2 * total
