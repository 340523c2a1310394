"""The best approximation of the table of events by few factors, zeros and all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.data.memory import announce, size
from tastespace.data.threads import resolve_threads
from tastespace.errors import InputError, ParameterError
from tastespace.models.confidence import KINDS, Confidence, Kind
from tastespace.models.factor_model import FactorModel
from tastespace.models.info import ModelInfo, summarize
from tastespace.models.padding import locked, padded
from tastespace.models.projection_rows import ProjectionRows
from tastespace.models.reading import check_weights
from tastespace.models.solvers import Side
from tastespace.trainers.base import Trainer, check_events, plain
from tastespace.trainers.init import check_memory
from tastespace.trainers.krylov import Spectrum, krylov
from tastespace.trainers.lanczos import lanczos
from tastespace.trainers.matrices import SparseMatrix, column_means
from tastespace.trainers.progress import progress_bar
from tastespace.version import __version__

#: Columns that a round's share of the basis has beyond the factors.
OVERSAMPLING = 16

#: Factors where neither they nor a variance is given.
FACTORS = 64


@dataclass(frozen=True, kw_only=True)
class TruncatedSVD(Trainer):
    r"""The best approximation of the whole table by few factors: every cell counts the same, unseen ones are zeros.

    Minimises

    .. math:: \sum_{u,i} (x_{ui} - p_u \cdot v_i)^2

    over all p and over orthonormal columns v, with :math:`x_{ui}` = confidence(r) on events and 0 elsewhere. At the
    minimum p = U S and v = V of the truncated singular value decomposition, and a user is the projection
    :math:`p_u = \sum_i x_{ui} v_i` of the user's row: scores are those of PureSVD (Cremonesi et al. 2010), for clicks,
    counts and, with zeros for what was not rated, ratings.

    Parameters
    ----------
    factors
        Rank of the approximation, >= 1; None: 64, or what ``variance`` asks for. Factors beyond the rank of the table
        are zeros.
    variance
        The fewest factors that explain this share of the squared cells (with ``centred``: of the variance), above 0
        and at most 1; never more than ``factors`` where both are given. None: just ``factors``.
    centred
        Take the mean from every item's column, zeros among its cells: principal components. The table stays sparse.
        Scores are means plus projections; see ``docs/math/truncated-svd.md``.
    confidence
        How the value r of an event becomes x: ``"linear"`` (ratings and counts as they are), ``"log"``, ``"bm25"`` or
        ``"tfidf"``, see :class:`tastespace.models.confidence.Confidence`. Events without values are 1.
    solver
        ``"krylov"``: randomized block Krylov in single precision, on any number of threads. ``"lanczos"``: ARPACK in
        double precision on one, for reference.
    rounds
        Most of the work of ``"krylov"``, in passes over the table with ``factors + 16`` columns at once, >= 1.
    tolerance
        Stop sooner when the squared error is, by estimate, within this share of the least possible, >= 0.
    seed
        Of the random start.
    threads
        At most this many; None: all cores. The result does not depend on it.
    progress
        Show a bar; None: if standard error is a terminal.

    References
    ----------
    C. Musco, C. Musco, Randomized block Krylov methods for stronger and faster approximate singular value
    decomposition, NIPS 2015, arXiv 1504.05477.
    P. Cremonesi, Y. Koren, R. Turrin, Performance of recommender algorithms on top-N recommendation tasks,
    RecSys 2010.
    """

    factors: int | None = None
    variance: float | None = None
    centred: bool = False
    confidence: Kind = "linear"
    solver: Literal["krylov", "lanczos"] = "krylov"
    rounds: int = 10
    tolerance: float = 1e-6
    seed: int = 0
    threads: int | None = None
    progress: bool | None = None

    def __post_init__(self) -> None:
        """Checks every setting.

        Raises
        ------
        ParameterError
            Naming the setting, what it must be, and what it is.
        """
        if self.factors is not None:
            self._check_count("factors", 1)
        if self.variance is not None:
            self._check_number("variance", above=0, most=1)
        self._check_type("centred", bool, "True or False")
        self._check_choice("confidence", KINDS)
        self._check_choice("solver", ("krylov", "lanczos"))
        if self.solver == "lanczos" and self.variance is not None:
            raise ParameterError(
                "variance of TruncatedSVD needs solver='krylov'; with 'lanczos' name the factors, and read the share "
                "that they explain from model.solver.explained_variance_ratio"
            )
        self._check_count("rounds", 1)
        self._check_number("tolerance", least=0)
        self._check_seed()
        self._check_type("progress", (bool, type(None)), "True, False or None")
        resolve_threads(self.threads)

    def settled(self, train: Interactions) -> Self:
        return self.replace(factors=FACTORS) if self.factors is None and self.variance is None else self

    def fit(self, train: Interactions, valid: Interactions | None = None) -> FactorModel:
        """Decomposes the table of events; ``valid`` is not used.

        The model's ``item_factors`` are V, its ``user_factors`` U S, and ``model.solver`` has the
        ``singular_values`` and the ``explained_variance_ratio``; ``model.info.metrics`` sums them up.

        Raises
        ------
        EmptyError
            Without events.
        InputError
            If these are no events; or if a value is not > 0 and the confidence needs it.
        ParameterError
            If so many factors cannot fit into memory.
        NumericalError
            If numbers leave the range of floats.
        """
        if isinstance(train, np.ndarray):
            raise InputError(
                f"TruncatedSVD.fit takes Interactions; got an array {train.shape}, which takes {size(train.nbytes)} of "
                "memory where a sparse table takes 16 bytes for each cell that is not 0: pass "
                "ts.read(scipy.sparse.csr_array(...)), or use tastespace.sklearn.TruncatedSVD for matrices"
            )
        check_events(type(self).__name__, "train", train)
        threads = resolve_threads(self.threads)
        settled = self.settled(train)
        if self.confidence != "linear":
            check_weights(train)
        confidence = Confidence.learn(self.confidence, train.by_user, train.by_item)
        matrix = _matrix(train, confidence, self.centred, threads)
        found = settled._decomposed(matrix, threads)
        return _model(settled, train, confidence, matrix, found, threads)

    def _decomposed(self, matrix: SparseMatrix, threads: int) -> Spectrum:
        rows, columns = matrix.shape
        wanted = min(self.factors or FACTORS, rows, columns)
        check_memory(rows + columns, self.factors or FACTORS)
        if self.solver == "lanczos":
            return lanczos(matrix, wanted, self.seed)
        directions = min(self.rounds * (wanted + OVERSAMPLING), rows, columns)
        if self.variance is not None and self.factors is None:
            directions = min(rows, columns)  # it grows until there is enough
        else:
            need = 4 * columns * directions + 16 * padded(wanted) * rows
            announce(
                f"TruncatedSVD in up to {directions:,} directions", need, "choose fewer factors or rounds"
            )
        with progress_bar(type(self).__name__, self.rounds, self.progress) as tick:
            return krylov(
                matrix,
                self.factors if self.variance is not None else wanted,
                share=self.variance,
                directions=directions,
                tolerance=self.tolerance,
                seed=self.seed,
                threads=threads,
                tick=tick,
            )


def _matrix(train: Interactions, confidence: Confidence, centred: bool, threads: int) -> SparseMatrix:
    """The table with what its events count, in both orders."""
    by_user, by_item = train.by_user, train.by_item
    values = confidence.user_weights(by_user)
    turned = None
    if values is not None:
        turned = Csr(by_user.indptr, by_user.indices, by_user.columns, values).transpose().filled_values()
    means = column_means(by_item, turned) if centred else None
    return SparseMatrix(by_user, by_item, values, turned, means, threads)


def _model(
    trainer: TruncatedSVD,
    train: Interactions,
    confidence: Confidence,
    matrix: SparseMatrix,
    found: Spectrum,
    threads: int,
) -> FactorModel:
    k = found.k if trainer.variance is not None else trainer.factors or FACTORS
    values = np.zeros(k)
    values[: found.k] = found.values
    q = np.zeros((train.n_items, padded(k)), np.float32)
    q[:, : found.k] = found.vectors[:, : found.k]
    q.flags.writeable = False
    bias = np.zeros(train.n_items, np.float32)
    if matrix.means is not None:
        # x - m projected, plus m: of m only what the space does not hold is added.
        bias = (matrix.means - q @ (q.T @ matrix.means)).astype(np.float32)
    solver = ProjectionRows(confidence, values, found.total)
    p, user_bias = solver.users(train.by_user, Side(q, bias), threads)
    explained = float(solver.explained_variance_ratio.sum())
    rest = max(found.total - float(np.square(values).sum()), 0.0)
    metrics = {
        "rank": int(np.count_nonzero(values)),
        "explained_variance_ratio": min(explained, 1.0),
        "reconstruction_error": float(np.sqrt(rest)),
        "rounds": found.rounds,
        "excess": found.excess,
    }
    params = plain(trainer.params()) | {"factors": k}
    return FactorModel(
        users=train.users,
        items=train.items,
        user_factors=locked(p)[:, :k],
        item_factors=q[:, :k],
        user_bias=user_bias,
        item_bias=bias,
        mean=0.0,
        history=train.by_user,
        explicit=train.explicit,
        scale=None,
        solver=solver,
        info=ModelInfo(type(trainer).__name__, params, summarize(train), metrics, __version__),
        threads=threads,
    )
