"""Alternating least squares on ratings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

import numpy as np

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.data.threads import resolve_threads
from tastespace.models.factor_model import FactorModel
from tastespace.models.info import ModelInfo, summarize
from tastespace.models.padding import Floats, duplicate, locked
from tastespace.models.solvers import ExplicitRows, Side
from tastespace.trainers.base import Trainer, check_events, check_ratings, plain
from tastespace.trainers.init import Start, drop_signs, start_biases, start_factors, svd_factors
from tastespace.trainers.loop import State, run_epochs
from tastespace.trainers.stopping import Callback, Stopping
from tastespace.version import __version__

#: Standard deviation of the start times sqrt(factors), for ratings of standard deviation 1.
START = 0.1


@dataclass(frozen=True, kw_only=True)
class ALS(Trainer):
    r"""Biased matrix factorization of ratings, by alternating least squares.

    Minimises, over the observed ratings,

    .. math::

        \sum_{u,i} w_{ui} (r_{ui} - \mu - b_u - b_i - p_u \cdot q_i)^2
        + \sum_u n_u^\nu (\lambda |p_u|^2 + \lambda_b b_u^2) + \sum_i n_i^\nu (\lambda |q_i|^2 + \lambda_b b_i^2)

    where :math:`\mu` is the mean rating, n counts ratings, and w is 1 unless ``ratings.decay`` made it less.
    With ``nonnegative`` the minimum is taken over :math:`p_u \ge 0` and :math:`q_i \ge 0`.
    With ``frequency_scaling`` :math:`\nu` = 1 this is ALS-WR (Zhou et al. 2008) with biases, which are solved
    exactly together with the factors of their row.

    Parameters
    ----------
    factors
        Width of the space, >= 1.
    epochs
        Passes over both sides, >= 1.
    regularization
        :math:`\lambda` > 0. None: 1.15 standard deviations of the ratings, for ``frequency_scaling=0.5``; chosen on
        validation parts of MovieLens 100K and 1M, see ``docs/guide/defaults.md``.
    bias_regularization
        :math:`\lambda_b` >= 0. None: as a given ``regularization``, and 0.8 beside the default one.
    biases
        Learn user and item biases.
    frequency_scaling
        :math:`\nu` >= 0: 0 is the same penalty for every row, 1 grows with its ratings. None: 0.5 beside the default
        ``regularization``, and 1 beside a given one, for which published values (ALS-WR) are meant.
    nonnegative
        Keep every factor at 0 or above, so that a factor is a topic that a row has or has not; every row is then
        solved by coordinate descent, whatever the ``solver``. Biases are free.
    solver
        ``"pcg"``: conjugate gradients; ``"cholesky"``: exact. Both end on one exact solve of the users.
    cg_steps
        Steps for each row and half-epoch of ``"pcg"``, >= 1.
    init
        ``"svd"``: a truncated singular value decomposition; a model to start from (more factors are allowed); or
        arrays (users, factors) and (items, factors). None: small random numbers.
    stopping
        A rule on the validation set; without one, ``valid`` is measured by ``Stopping("rmse")``.
    seed
        Of the random start.
    threads
        At most this many; None: all cores. The result does not depend on it.
    progress
        Show a bar; None: if standard error is a terminal.

    References
    ----------
    Y. Zhou, D. Wilkinson, R. Schreiber, R. Pan, Large-scale parallel collaborative filtering for the Netflix
    Prize, AAIM 2008. Y. Koren, R. Bell, C. Volinsky, Matrix factorization techniques for recommender systems,
    Computer 42(8), 2009.
    """

    factors: int = 64
    epochs: int = 12
    regularization: float | None = None
    bias_regularization: float | None = None
    biases: bool = True
    frequency_scaling: float | None = None
    nonnegative: bool = False
    solver: Literal["pcg", "cholesky"] = "pcg"
    cg_steps: int = 3
    init: Start = field(default=None, repr=False, compare=False)
    stopping: Stopping | None = None
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
        self._check_loop()
        self._check_count("cg_steps", 1)
        if self.regularization is not None:
            self._check_number("regularization", above=0)
        for name in ("bias_regularization", "frequency_scaling"):
            if getattr(self, name) is not None:
                self._check_number(name, least=0)
        self._check_choice("solver", ("pcg", "cholesky"))
        self._check_type("biases", bool, "True or False")
        self._check_type("nonnegative", bool, "True or False")
        self._check_init()
        resolve_threads(self.threads)

    def settled(self, train: Interactions) -> Self:
        check_ratings(type(self).__name__, "train", train)
        rows = _rows(self, train, 0.0)
        return self.replace(
            regularization=rows.regularization,
            bias_regularization=rows.bias_regularization if self.biases else self.bias_regularization,
            frequency_scaling=rows.frequency_scaling,
        )

    def fit(
        self, train: Interactions, valid: Interactions | None = None, *, callbacks: Sequence[Callback] = ()
    ) -> FactorModel:
        """Learns from ratings.

        Parameters
        ----------
        train
            Ratings to learn from.
        valid
            Ratings to measure on, for ``stopping``; apart from ``train``, and warned of where some are in both.
        callbacks
            Called with an ``Epoch`` after each epoch.

        Raises
        ------
        InputError
            If the events are not ratings, or ``valid`` holds none that ``train`` does not.
        EmptyError
            Without ratings.
        NumericalError
            If factors leave the range of float32.
        """
        check_ratings(type(self).__name__, "train", train)
        if valid is not None:
            check_events(type(self).__name__, "valid", valid)
        threads = resolve_threads(self.threads)
        run = _Run(self, train, threads)
        return run_epochs(
            run,
            type(self).__name__,
            self.epochs,
            train=train,
            valid=valid,
            stopping=self.stopping,
            rates=True,
            callbacks=callbacks,
            progress=self.progress,
            threads=threads,
        )


def default_penalties(train: Interactions, frequency_scaling: float = 0.5) -> tuple[float, float]:
    r"""The penalties :math:`\lambda` and :math:`\lambda_b` when no ``regularization`` is given.

    For :math:`\nu` = 0.5 they are 1.15 standard deviations of the ratings, and 0.8: of two tables that differ by a
    factor c, the biases of one are c times those of the other, and its factors :math:`\sqrt c` times, so
    :math:`\lambda` grows with c and :math:`\lambda_b` does not. For another :math:`\nu` the sum of all rows'
    penalties stays the same. Ratings that are all equal count as having standard deviation 1.
    """
    spread = deviation(train)
    counts = np.concatenate([train.by_user.counts(), train.by_item.counts()]).astype(np.float64)
    share = float((counts**0.5).sum() / (counts**frequency_scaling).sum())
    return 1.15 * spread * share, 0.8 * share


def deviation(train: Interactions) -> float:
    """The standard deviation of the ratings; 1 where they are all equal."""
    return float(train.by_user.filled_values().std(dtype=np.float64)) or 1.0


def _rows(trainer: ALS, train: Interactions, mean: float) -> ExplicitRows:
    """The row solver, with defaults filled in."""
    penalty, bias_penalty, scaling = (
        trainer.regularization,
        trainer.bias_regularization,
        trainer.frequency_scaling,
    )
    if scaling is None:
        scaling = 0.5 if penalty is None else 1.0
    if penalty is None:
        penalty, usual = default_penalties(train, scaling)
        bias_penalty = usual if bias_penalty is None else bias_penalty
    elif bias_penalty is None:
        bias_penalty = penalty
    return ExplicitRows(penalty, bias_penalty if trainer.biases else None, scaling, mean, trainer.nonnegative)


def centred(table: Csr, mean: float) -> Floats:
    """What each rating has beyond the mean, times its weight."""
    centred = table.filled_values() - np.float32(mean)
    return centred if table.weights is None else centred * table.weights


class _Run:
    """One fit under way; see :class:`tastespace.trainers.loop.Run`."""

    def __init__(self, trainer: ALS, train: Interactions, threads: int) -> None:
        self.trainer, self.train, self.threads = trainer, train, threads
        values, weights = train.by_user.values, train.by_user.weights
        mean = 1.0 if values is None else float(np.average(values.astype(np.float64), weights=weights))
        self.rows = _rows(trainer, train, mean)
        if trainer.init == "svd":
            tables = centred(train.by_user, mean), centred(train.by_item, mean)
            self.p, self.q = svd_factors(
                train.by_user, train.by_item, tables, trainer.factors, trainer.seed, threads
            )
            if trainer.nonnegative:
                drop_signs(self.p, self.q)
        else:
            spread = START * np.sqrt(deviation(train))
            self.p, self.q = start_factors(
                trainer.init,
                train.users,
                train.items,
                trainer.factors,
                spread,
                trainer.seed,
                nonnegative=trainer.nonnegative,
            )
        self.user_bias, self.item_bias = start_biases(trainer.init, train.users, train.items, trainer.biases)

    def half_epoch(self, side: Literal["user", "item"]) -> None:
        steps = 0 if self.trainer.solver == "cholesky" else self.trainer.cg_steps
        users, items = Side(self.p, self.user_bias), Side(self.q, self.item_bias)
        if side == "user":
            self.rows.half_epoch(self.train.by_user, items, self.p, self.user_bias, steps, self.threads)
        else:
            self.rows.half_epoch(self.train.by_item, users, self.q, self.item_bias, steps, self.threads)

    def objective(self) -> float:
        table = self.train.by_user
        return _native.explicit_objective(
            table.indptr,
            table.indices,
            table.values,
            table.weights,
            self.train.by_item.indptr,
            self.rows.mean,
            self.rows.regularization,
            self.rows.bias_regularization,
            self.rows.frequency_scaling,
            self.p,
            self.user_bias,
            self.q,
            self.item_bias,
            self.threads,
        )

    def keep(self) -> State:
        return duplicate(self.q), self.item_bias.copy()

    def measured(self) -> FactorModel:
        users, items = Side(locked(self.p), self.user_bias), Side(locked(self.q), self.item_bias)
        return self._model(users, items, None)

    def model(self, state: State | None = None) -> FactorModel:
        items = Side(*(state or (self.q, self.item_bias)))
        users = Side(*self.rows.users(self.train.by_user, items, self.threads))
        return self._model(users, items, self.rows)

    def _model(self, users: Side, items: Side, solver: ExplicitRows | None) -> FactorModel:
        train, k = self.train, self.trainer.factors
        params = plain(self.trainer.params()) | {
            "regularization": self.rows.regularization,
            "bias_regularization": self.rows.bias_regularization,
            "frequency_scaling": self.rows.frequency_scaling,
        }
        return FactorModel(
            users=train.users,
            items=train.items,
            user_factors=users.factors[:, :k],
            item_factors=items.factors[:, :k],
            user_bias=users.bias,
            item_bias=items.bias,
            mean=self.rows.mean,
            history=train.by_user,
            explicit=True,
            scale=train.scale,
            solver=solver,
            info=ModelInfo(type(self.trainer).__name__, params, summarize(train), version=__version__),
            threads=self.threads,
        )
