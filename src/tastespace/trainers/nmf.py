"""Non-negative matrix factorization."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

import tastespace._native as _native
from tastespace.data.interactions import Interactions
from tastespace.data.threads import resolve_threads
from tastespace.errors import EmptyError, ParameterError
from tastespace.models.factor_model import FactorModel
from tastespace.models.info import ModelInfo, summarize
from tastespace.models.nmf_rows import Loss, NmfRows, Pair
from tastespace.models.padding import Floats, duplicate, locked
from tastespace.models.solvers import ExplicitRows, RowSolver, Side
from tastespace.trainers.base import Trainer, check_events, check_ratings, plain
from tastespace.trainers.init import start_factors
from tastespace.trainers.loop import State, run_epochs
from tastespace.trainers.nmf_descent import Descent, finished
from tastespace.trainers.nmf_start import check_range, fill, mean_value, nndsvd, random
from tastespace.trainers.stopping import Callback, Stopping
from tastespace.version import __version__

#: The penalty of observed ratings when none is given, for each rating of a row, as a share of the mean rating: chosen
#: on validation ratings of four tables, ``benchmarks/quality/nmf_observed.py``.
OBSERVED_PENALTY = 0.0354

#: Epochs between two looks at a divergence, whose logarithms take longer than an epoch.
EVERY = 10


@dataclass(frozen=True, kw_only=True)
class NMF(Trainer):
    r"""Factors of 0 or more, so that every one is a part that adds: a taste, a topic.

    Minimises over :math:`P \ge 0` (users, factors) and :math:`Q \ge 0` (items, factors)

    .. math::

        D(A, P Q') + n_i (\lambda_1 |P|_1 + \tfrac{\lambda_2}{2} |P|^2)
        + n_u (\lambda_1 |Q|_1 + \tfrac{\lambda_2}{2} |Q|^2)

    where A holds the values of the events and 0 in all other cells, :math:`n_u` and :math:`n_i` are the numbers of
    users and items, and D is half the sum of the squared errors of all cells, or their generalized Kullback-Leibler
    divergence :math:`\sum a \ln(a / y) - a + y`, the likelihood of counts that are Poisson. Empty cells cost nothing:
    no dense matrix is made.

    So of ratings too the zeros are data: a score then says how likely and how highly a user rates, and ranks, but it
    is no rating. With ``observed_only`` D is half the sum over the observed ratings alone, and the penalty of a row is
    :math:`n \tfrac{\lambda_2}{2} |p|^2` for its n ratings: scores are ratings.

    Parameters
    ----------
    factors
        Width of the space, >= 1. More than the table has rows or columns are allowed.
    loss
        ``"frobenius"``: squared error, by coordinate descent (HALS); ``"kullback-leibler"``: by multiplicative updates.
    init
        ``"nndsvd"``: from singular vectors (for a divergence its zeros are raised to the mean of A); ``"random"``; a
        model to start from (more factors are allowed); or arrays (users, factors) and (items, factors), whose zeros
        stay zeros in a divergence.
    l1, l2
        Penalties :math:`\lambda_1, \lambda_2` >= 0 for each cell of a row, one number or a pair for users and items:
        scikit-learn's ``alpha_W`` and ``alpha_H`` times ``l1_ratio``, and times ``1 - l1_ratio``. ``l2=None``: 0, and
        with ``observed_only`` 3.5 % of the mean rating, so that tables which differ by a factor are fitted alike.
    observed_only
        Learn from the observed ratings alone. ``loss`` is the squared error then, and ``l1`` 0.
    epochs
        Passes over both sides at most, >= 1.
    tolerance
        Training ends after an epoch that lowers the objective by less than this share of what it was after the first;
        0: never. With a validation set, ``stopping`` decides instead.
    sweeps
        Rounds over the factors of a row for each sum over its cells, >= 1; they end early where they hardly move it.
        None: 4, and 1 for a divergence.
    stopping
        A rule on the validation set; without one, ``valid`` is measured by ``Stopping("ndcg@10")``, and by ``"rmse"``
        with ``observed_only``.
    seed
        Of the start.
    threads
        At most this many; None: all cores. The result does not depend on it.
    progress
        Show a bar; None: if standard error is a terminal.

    References
    ----------
    A. Cichocki, A.-H. Phan, Fast local algorithms for large scale nonnegative matrix and tensor factorizations, IEICE
    Trans. E92-A(3), 2009. N. Gillis, F. Glineur, Accelerated multiplicative updates and hierarchical ALS algorithms for
    nonnegative matrix factorization, Neural Computation 24(4), 2012. D. D. Lee, H. S. Seung, Algorithms for
    non-negative matrix factorization, NIPS 2000.
    """

    factors: int = 32
    loss: Loss = "frobenius"
    init: Literal["nndsvd", "random"] | FactorModel | tuple[npt.ArrayLike, npt.ArrayLike] = field(
        default="nndsvd", repr=False, compare=False
    )
    l1: float | Pair = 0.0
    l2: float | Pair | None = None
    observed_only: bool = False
    epochs: int = 200
    tolerance: float = 1e-5
    sweeps: int | None = None
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
        self._check_count("factors", 1)
        self._check_choice("loss", ("frobenius", "kullback-leibler"))
        if not isinstance(self.init, FactorModel | tuple) and self.init not in ("nndsvd", "random"):
            raise self._refuse("init", "'nndsvd', 'random', a model, or a pair of arrays")
        self._check_penalty("l1")
        if self.l2 is not None:
            self._check_penalty("l2")
        self._check_type("observed_only", bool, "True or False")
        self._check_count("epochs", 1)
        self._check_number("tolerance", least=0)
        if self.sweeps is not None:
            self._check_count("sweeps", 1)
        self._check_type("stopping", (Stopping, type(None)), "a Stopping, or None")
        self._check_seed()
        self._check_type("progress", (bool, type(None)), "True, False or None")
        resolve_threads(self.threads)
        if self.observed_only:
            self._check_observed()

    def _check_penalty(self, name: str) -> None:
        given = getattr(self, name)
        if not isinstance(given, tuple):
            self._check_number(name, least=0)
            return
        fine = len(given) == 2 and all(
            isinstance(one, int | float | np.number) and math.isfinite(one) and one >= 0 for one in given
        )
        if not fine:
            raise self._refuse(name, "a number >= 0, or a pair of them for users and items")
        object.__setattr__(self, name, (float(given[0]), float(given[1])))

    def _check_observed(self) -> None:
        if self.loss != "frobenius":
            raise ParameterError("observed_only of NMF needs loss='frobenius'; got 'kullback-leibler'")
        if self.l1 not in (0, (0.0, 0.0)):
            raise ParameterError(f"observed_only of NMF takes no l1; got {self.l1!r}: use l2")
        if isinstance(self.l2, tuple) or (self.l2 is not None and self.l2 <= 0):
            raise ParameterError(f"l2 of NMF must be one number > 0 with observed_only; got {self.l2!r}")

    def fit(
        self, train: Interactions, valid: Interactions | None = None, *, callbacks: Sequence[Callback] = ()
    ) -> FactorModel:
        """Learns from events, whose values are the cells of A; without values they are 1.

        Parameters
        ----------
        train
            Events, counts or ratings to learn from.
        valid
            Events to measure on, for ``stopping``.
        callbacks
            Called with an ``Epoch`` after each epoch.

        Raises
        ------
        EmptyError
            Without events, or where all values are 0.
        InputError
            If a value is below 0, if the largest is beyond 1e18 or below 1e-18, or if ``observed_only`` is asked of
            events that are no ratings.
        """
        name = type(self).__name__
        if self.observed_only:
            check_ratings(name, "train", train)
        check_events(name, "train", train)
        if valid is not None:
            check_events(name, "valid", valid)
        threads = resolve_threads(self.threads)
        run = _Observed(self, train, threads) if self.observed_only else _Run(self, train, threads)
        return run_epochs(
            run,
            name,
            self.epochs,
            train=train,
            valid=valid,
            stopping=self.stopping,
            rates=self.observed_only,
            callbacks=callbacks,
            progress=self.progress,
            threads=threads,
            converged=run.converged if self.tolerance > 0 else None,
        )


def _pair(given: float | Pair | None) -> Pair:
    if given is None:
        return 0.0, 0.0
    return given if isinstance(given, tuple) else (given, given)


class _Run:
    """One fit under way, zeros being data; see :class:`tastespace.trainers.loop.Run`."""

    rows: RowSolver

    def __init__(self, trainer: NMF, train: Interactions, threads: int) -> None:
        self.trainer, self.train, self.threads = trainer, train, threads
        rows = NmfRows(trainer.loss, _pair(trainer.l1), _pair(trainer.l2))
        rows.check(train)
        values = train.by_user.values
        if values is not None and not (values > 0).any():
            raise EmptyError("NMF has nothing to learn from: every value of train is 0")
        self.rows = rows
        self.p, self.q = _start(trainer, train, threads)
        self.descent = Descent(
            train.by_user, train.by_item, rows, self.p, self.q, trainer.factors, trainer.sweeps, threads
        )
        self.epoch, self.first, self.last = 0, 0.0, 0.0
        self.every = EVERY if trainer.loss == "kullback-leibler" else 1

    def half_epoch(self, side: Literal["user", "item"]) -> None:
        self.descent.half_epoch(side)

    def objective(self) -> float:
        return self.descent.objective()

    def converged(self) -> bool:
        """Whether the epochs since the last look lowered the objective by hardly anything."""
        self.epoch += 1
        if self.epoch > 1 and self.epoch % self.every:
            return False
        before, self.last = self.last, self.objective()
        if self.epoch == 1:
            self.first = self.last
            return False
        return before - self.last <= self.trainer.tolerance * self.every * self.first

    def keep(self) -> State:
        return (duplicate(self.q),)

    def measured(self) -> FactorModel:
        return self._model(locked(self.p), locked(self.q), None)

    def model(self, state: State | None = None) -> FactorModel:
        p, q = finished(self.train.by_user, self.rows, state[0] if state else self.q, self.threads)
        return self._model(p, q, self.rows)

    def _model(self, p: Floats, q: Floats, solver: RowSolver | None) -> FactorModel:
        train, k, observed = self.train, self.trainer.factors, self.trainer.observed_only
        l2 = self.rows.regularization if isinstance(self.rows, ExplicitRows) else self.trainer.l2 or 0.0
        return FactorModel(
            users=train.users,
            items=train.items,
            user_factors=p[:, :k],
            item_factors=q[:, :k],
            user_bias=np.zeros(len(p), np.float32),
            item_bias=np.zeros(len(q), np.float32),
            mean=0.0,
            history=train.by_user,
            explicit=train.explicit,
            scale=train.scale if observed else None,
            solver=solver,
            info=ModelInfo(
                type(self.trainer).__name__,
                plain(self.trainer.params() | {"l2": l2}),
                summarize(train),
                version=__version__,
            ),
            threads=self.threads,
        )


class _Observed(_Run):
    """One fit of the observed ratings under way: the rows of ``ALS(nonnegative=True)`` without a mean and biases."""

    rows: ExplicitRows

    def __init__(self, trainer: NMF, train: Interactions, threads: int) -> None:
        self.trainer, self.train, self.threads = trainer, train, threads
        NmfRows("frobenius", (0.0, 0.0), (0.0, 0.0)).check(train)
        mean = float(train.by_user.filled_values().mean(dtype=np.float64))
        penalty = (OBSERVED_PENALTY * mean or 1.0) if trainer.l2 is None else _pair(trainer.l2)[0]
        self.rows = ExplicitRows(penalty, None, 1.0, 0.0, nonnegative=True)
        self.p, self.q = _start(trainer, train, threads)
        self.bias = np.zeros(train.n_users, np.float32), np.zeros(train.n_items, np.float32)
        self.epoch, self.first, self.last, self.every = 0, 0.0, 0.0, 1

    def half_epoch(self, side: Literal["user", "item"]) -> None:
        users, items = Side(self.p, self.bias[0]), Side(self.q, self.bias[1])
        if side == "user":
            self.rows.half_epoch(self.train.by_user, items, self.p, self.bias[0], 0, self.threads)
        else:
            self.rows.half_epoch(self.train.by_item, users, self.q, self.bias[1], 0, self.threads)

    def objective(self) -> float:
        table = self.train.by_user
        return 0.5 * _native.explicit_objective(
            table.indptr,
            table.indices,
            table.values,
            table.weights,
            self.train.by_item.indptr,
            self.rows.mean,
            self.rows.regularization,
            None,
            self.rows.frequency_scaling,
            self.p,
            self.bias[0],
            self.q,
            self.bias[1],
            self.threads,
        )


def _start(trainer: NMF, train: Interactions, threads: int) -> tuple[Floats, Floats]:
    """Padded factors to start from."""
    by_user, by_item, k, init = train.by_user, train.by_item, trainer.factors, trainer.init
    check_range(by_user)
    multiplies = trainer.loss == "kullback-leibler"
    mean = mean_value(by_user)
    if isinstance(init, tuple):
        return start_factors(init, train.users, train.items, k, 0.0, trainer.seed, nonnegative=True)
    if isinstance(init, FactorModel):
        p, q = start_factors(
            init, train.users, train.items, k, float(np.sqrt(mean)), trainer.seed, nonnegative=True
        )
    elif init == "random":
        p, q = random(by_user, k, trainer.seed)
    else:
        p, q = nndsvd(by_user, by_item, k, trainer.seed, threads)
    if multiplies:
        fill(p, q, k, mean)
    return p, q
