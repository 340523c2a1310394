"""What a decomposition found, and the model of each rank in it."""

from __future__ import annotations

import numpy as np

from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.models.confidence import Confidence
from tastespace.models.factor_model import FactorModel
from tastespace.models.info import ModelInfo, summarize
from tastespace.models.padding import locked, padded
from tastespace.models.projection_rows import ProjectionRows, faded
from tastespace.models.solvers import Side
from tastespace.trainers.base import Trainer, plain
from tastespace.trainers.krylov import Spectrum
from tastespace.trainers.matrices import SparseMatrix, column_means
from tastespace.version import __version__

#: Squares of singular values in single precision are known to this share of their sum.
ROUNDING = 1e-6


def matrix_of(train: Interactions, confidence: Confidence, centred: bool, threads: int) -> SparseMatrix:
    """The table with what its events count, in both orders."""
    by_user, by_item = train.by_user, train.by_item
    values = faded(confidence.user_weights(by_user), by_user)
    turned = None
    if values is not None:
        turned = Csr(by_user.indptr, by_user.indices, by_user.columns, values).transpose().filled_values()
    means = column_means(by_item, turned) if centred else None
    return SparseMatrix(by_user, by_item, values, turned, means, threads)


class Decomposition:
    """Singular values and vectors of the events of a training set."""

    def __init__(
        self,
        trainer: Trainer,
        train: Interactions,
        confidence: Confidence,
        matrix: SparseMatrix,
        found: Spectrum,
        threads: int,
    ) -> None:
        self.trainer, self.train, self.matrix, self.found = trainer, train, matrix, found
        self.confidence, self.threads = confidence, threads

    @property
    def rank(self) -> int:
        """How many singular values are above 0."""
        return int(np.count_nonzero(self.found.values))

    def squared_error(self, k: int) -> float:
        """What k factors leave of the squared cells; 0 where that is rounding."""
        left = self.found.total - float(np.square(self.found.values[:k]).sum())
        return left if left > ROUNDING * self.found.total else 0.0

    def model(self, k: int) -> FactorModel:
        """The model of the first k factors; those beyond what was found are zeros."""
        train, found, inside = self.train, self.found, min(k, self.found.k)
        values = np.zeros(k)
        values[:inside] = found.values[:inside]
        q = np.zeros((train.n_items, padded(k)), np.float32)
        q[:, :inside] = found.vectors[:, :inside]
        q.flags.writeable = False
        bias = np.zeros(train.n_items, np.float32)
        if self.matrix.means is not None:
            # x - m projected, plus m: of m only what the space does not hold is added.
            bias = (self.matrix.means - q @ (q.T @ self.matrix.means)).astype(np.float32)
        solver = ProjectionRows(self.confidence, values, found.total)
        p, user_bias = solver.users(train.by_user, Side(q, bias), self.threads)
        explained = float(solver.explained_variance_ratio.sum())
        metrics = {
            "rank": int(np.count_nonzero(values)),
            "explained_variance_ratio": min(explained, 1.0),
            "reconstruction_error": float(np.sqrt(self.squared_error(k))),
            "rounds": found.rounds,
            "excess": found.excess,
        }
        params = plain(self.trainer.params()) | {"factors": k}
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
            info=ModelInfo(type(self.trainer).__name__, params, summarize(train), metrics, __version__),
            threads=self.threads,
        )
