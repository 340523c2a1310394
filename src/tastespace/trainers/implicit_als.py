"""Alternating least squares on all cells: clicks, plays, purchases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Self

import numpy as np

import tastespace._native as _native
from tastespace.data.interactions import Interactions
from tastespace.data.threads import resolve_threads
from tastespace.errors import NumericalError, ParameterError
from tastespace.models.confidence import KINDS, Confidence, Kind
from tastespace.models.factor_model import FactorModel
from tastespace.models.info import ModelInfo, summarize
from tastespace.models.padding import Floats, duplicate, locked
from tastespace.models.reading import check_weights
from tastespace.models.solvers import ImplicitRows, Weights
from tastespace.trainers.base import Trainer, check_events, plain
from tastespace.trainers.init import Start, drop_signs, start_factors, svd_factors
from tastespace.trainers.loop import State, run_epochs
from tastespace.trainers.stopping import Callback, Stopping
from tastespace.version import __version__

#: Standard deviation of the start times sqrt(factors), as published for iALS.
START = 0.1


@dataclass(frozen=True, kw_only=True)
class ImplicitALS(Trainer):
    r"""Weighted matrix factorization on all cells, by alternating least squares.

    Minimises, over the observed cells S and all cells,

    .. math::

        \sum_{(u,i) \in S} w_{ui} (1 - p_u \cdot q_i)^2 + a_0 \sum_{u,i} (p_u \cdot q_i)^2
        + \lambda \sum_u (n_u + a_0 I)^\nu |p_u|^2 + \lambda \sum_i (n_i + a_0 U)^\nu |q_i|^2

    with w = confidence(r) and a0 = ``unobserved_weight`` (Rendle et al. 2021, iALS), or with ``alpha`` the form
    of Hu, Koren and Volinsky (2008), :math:`\sum_{u,i} c_{ui} (s_{ui} - p_u \cdot q_i)^2` with
    :math:`c = 1 + \alpha \, \mathrm{confidence}(r)`, s = 1 on S and 0 elsewhere, and a0 = 1 in the penalties.
    n counts events. With ``nonnegative`` the minimum is taken over :math:`p_u \ge 0` and :math:`q_i \ge 0`.

    Parameters
    ----------
    factors
        Width of the space, >= 1.
    epochs
        Passes over both sides, >= 1.
    regularization
        :math:`\lambda` > 0; None: chosen from the shape of the table, see :func:`default_regularization`.
    alpha
        Confidence of an observed cell in Hu, Koren and Volinsky's form, > 0. Not with ``unobserved_weight``.
    unobserved_weight
        a0 > 0, the weight of a cell without an event. Without it and without ``alpha`` it is chosen from the
        density of the table, see :func:`default_unobserved_weight`.
    confidence
        How the value r of an event becomes a weight: ``"linear"``, ``"log"``, ``"bm25"`` or ``"tfidf"``,
        see :class:`tastespace.models.confidence.Confidence`. None: ``"linear"`` beside ``alpha``, as Hu, Koren and
        Volinsky have it, and ``"log"`` otherwise.
    frequency_scaling
        :math:`\nu` >= 0: 0 is the same penalty for every row, 1 grows with its events.
    nonnegative
        Keep every factor at 0 or above, so that a factor is a topic that a row has or has not; every row is then
        solved by coordinate descent, whatever the ``solver``.
    solver
        ``"pcg"``: preconditioned conjugate gradients in the eigenbasis of the Gram matrix; ``"cholesky"``: exact.
        Both end on one exact solve of the users.
    cg_steps
        Steps for each row and half-epoch of ``"pcg"``, >= 1.
    init
        ``"svd"``: a truncated singular value decomposition; a model to start from (more factors are allowed); or
        arrays (users, factors) and (items, factors). None: small random numbers.
    stopping
        A rule on the validation set; without one, ``valid`` is measured by ``Stopping("ndcg@10")``.
    seed
        Of the random start.
    threads
        At most this many; None: all cores. The result does not depend on it.
    progress
        Show a bar; None: if standard error is a terminal.

    References
    ----------
    Y. Hu, Y. Koren, C. Volinsky, Collaborative filtering for implicit feedback datasets, ICDM 2008.
    S. Rendle, W. Krichene, L. Zhang, Y. Koren, Revisiting the performance of iALS on item recommendation
    benchmarks, RecSys 2022, arXiv 2110.14037.
    """

    factors: int = 128
    epochs: int = 16
    regularization: float | None = None
    alpha: float | None = None
    unobserved_weight: float | None = None
    confidence: Kind | None = None
    frequency_scaling: float = 1.0
    nonnegative: bool = False
    solver: Literal["pcg", "cholesky"] = "pcg"
    cg_steps: int = 2
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
        self._check_number("frequency_scaling", least=0)
        if self.confidence is not None:
            self._check_choice("confidence", KINDS)
        self._check_choice("solver", ("pcg", "cholesky"))
        for name in ("regularization", "alpha", "unobserved_weight"):
            if getattr(self, name) is not None:
                self._check_number(name, above=0)
        if self.alpha is not None and self.unobserved_weight is not None:
            raise ParameterError(
                "ImplicitALS takes alpha (Hu, Koren and Volinsky) or unobserved_weight (iALS), not both; "
                "unobserved_weight = 1 / alpha is the same balance of observed and unobserved cells"
            )
        self._check_type("nonnegative", bool, "True or False")
        self._check_init()
        resolve_threads(self.threads)

    def settled(self, train: Interactions) -> Self:
        check_events(type(self).__name__, "train", train)
        rows = _rows(self, train)
        return self.replace(
            regularization=rows.regularization,
            unobserved_weight=rows.unobserved_weight,
            confidence=rows.confidence.kind,
        )

    def fit(
        self, train: Interactions, valid: Interactions | None = None, *, callbacks: Sequence[Callback] = ()
    ) -> FactorModel:
        """Learns from events; the values are weights (ratings too, unless ``as_implicit`` made them 1).

        Parameters
        ----------
        train
            Events to learn from.
        valid
            Events to measure on, for ``stopping``; apart from ``train``, and warned of where some are in both.
        callbacks
            Called with an ``Epoch`` after each epoch.

        Raises
        ------
        EmptyError
            Without events.
        InputError
            If a value is not > 0, or ``valid`` holds no event that ``train`` does not.
        NumericalError
            If factors leave the range of float32; names the side and row.
        """
        check_events(type(self).__name__, "train", train)
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
            rates=False,
            callbacks=callbacks,
            progress=self.progress,
            threads=threads,
        )


def default_unobserved_weight(train: Interactions, weight: float = 1.0) -> float:
    """The weight of the unobserved cells when none is given: 9 times the density, at most 1.

    ``weight`` is the mean weight of an event; the rule is in units of it.
    """
    density = train.n_events / (train.n_users * train.n_items)
    return weight * min(9.0 * density, 1.0)


def default_regularization(
    train: Interactions, unobserved: float, weight: float = 1.0, frequency_scaling: float = 1.0
) -> float:
    r"""The penalty when none is given.

    For :math:`\nu` = 1 an average row, with n events of mean weight w, is drawn to zero by

    .. math:: \lambda (n + a_0 I) = 0.45 \, w n \sqrt{(U + I) / N}

    with U users, I items and N events. A direction of the space survives when its singular value in the
    degree-normalised table exceeds a fixed multiple of the penalty, and the noise of that table has singular values
    near :math:`\sqrt{(U + I) / N}`; 0.45 was chosen on validation parts of four data sets, see
    ``docs/guide/defaults.md``. For another :math:`\nu` the sum of all rows' penalties stays the same.
    """
    cells = train.n_users * train.n_items
    noise = np.sqrt((train.n_users + train.n_items) / train.n_events)
    penalty = 0.45 * noise * weight / (1.0 + unobserved * cells / train.n_events)
    mass = np.concatenate(
        [
            train.by_user.counts() + unobserved * train.n_items,
            train.by_item.counts() + unobserved * train.n_users,
        ]
    )
    return float(penalty * mass.sum() / (mass**frequency_scaling).sum())


def _rows(trainer: ImplicitALS, train: Interactions) -> ImplicitRows:
    """The row solver, with defaults filled in."""
    check_weights(train)
    confidence = trainer.confidence
    if confidence is None:
        confidence = "log" if trainer.alpha is None else "linear"
    rows = ImplicitRows(
        regularization=0.0,
        frequency_scaling=trainer.frequency_scaling,
        alpha=trainer.alpha,
        unobserved_weight=trainer.unobserved_weight,
        confidence=Confidence.learn(confidence, train.by_user, train.by_item),
        nonnegative=trainer.nonnegative,
    )
    weights, weight = rows.user_weights(train.by_user)
    if weights is not None:
        weight = float(weights.mean(dtype=np.float64))
    if trainer.alpha is None and trainer.unobserved_weight is None:
        rows = replace(rows, unobserved_weight=default_unobserved_weight(train, weight))
    penalty = trainer.regularization
    if penalty is None:
        penalty = default_regularization(train, rows.unobserved, weight, trainer.frequency_scaling)
    return replace(rows, regularization=penalty)


class _Run:
    """One fit under way; see :class:`tastespace.trainers.loop.Run`."""

    def __init__(self, trainer: ImplicitALS, train: Interactions, threads: int) -> None:
        self.trainer, self.train, self.threads = trainer, train, threads
        self.rows = _rows(trainer, train)
        self.user_weights = self.rows.user_weights(train.by_user)
        every = np.arange(train.n_items, dtype=np.int32)
        self.item_weights = self.rows.item_weights(train.by_item, every, train.by_user)
        if trainer.init == "svd":
            cells = self._targets(self.user_weights), self._targets(self.item_weights)
            self.p, self.q = svd_factors(
                train.by_user, train.by_item, cells, trainer.factors, trainer.seed, threads
            )
            if trainer.nonnegative:
                drop_signs(self.p, self.q)
        else:
            self.p, self.q = start_factors(
                trainer.init,
                train.users,
                train.items,
                trainer.factors,
                START,
                trainer.seed,
                nonnegative=trainer.nonnegative,
            )

    def _targets(self, weights: Weights) -> Floats | None:
        """The best score of each event, were its cell alone: ``w y / (a0 + w)``; None where all are 1."""
        w, rows = weights[0], self.rows
        if w is None or rows.alpha is not None:
            return None
        return np.asarray(w / (np.float32(rows.unobserved) + w))

    def half_epoch(self, side: Literal["user", "item"]) -> None:
        table, weights, x, fixed = (
            (self.train.by_user, self.user_weights, self.p, self.q)
            if side == "user"
            else (self.train.by_item, self.item_weights, self.q, self.p)
        )
        if self.trainer.solver == "cholesky" or self.trainer.nonnegative:
            zeros = np.zeros(len(fixed), np.float32)
            prepared = self.rows.side(fixed, zeros, self.threads)
            x[:] = self.rows.solve(table, weights, prepared, self.threads, start=x)
            return
        try:
            _native.implicit_half_epoch(
                table.indptr,
                table.indices,
                weights[0],
                weights[1],
                self.rows.offset,
                self.trainer.factors,
                self.rows.unobserved,
                self.rows.regularization,
                self.rows.frequency_scaling,
                self.trainer.cg_steps,
                fixed,
                x,
                self.threads,
            )
        except ArithmeticError as error:
            raise numerical_error(error, side, self.train) from None

    def objective(self) -> float:
        table, weights = self.train.by_user, self.user_weights
        return _native.implicit_objective(
            table.indptr,
            table.indices,
            weights[0],
            weights[1],
            self.rows.offset,
            self.train.by_item.indptr,
            self.rows.unobserved,
            self.rows.regularization,
            self.rows.frequency_scaling,
            self.p,
            self.q,
            self.threads,
        )

    def keep(self) -> State:
        """The items; and the users where their solution searches from them."""
        kept = (self.q, self.p) if self.trainer.nonnegative else (self.q,)
        return tuple(map(duplicate, kept))

    def measured(self) -> FactorModel:
        return self._model(locked(self.p), locked(self.q), None)

    def model(self, state: State | None = None) -> FactorModel:
        q, *start = state or (self.q, self.p)
        fixed = self.rows.side(q, np.zeros(len(q), np.float32), self.threads)
        p = self.rows.solve(
            self.train.by_user, self.user_weights, fixed, self.threads, start=start[0] if start else None
        )
        return self._model(p, q, self.rows)

    def _model(self, p: Floats, q: Floats, solver: ImplicitRows | None) -> FactorModel:
        train, k = self.train, self.trainer.factors
        params = plain(self.trainer.params()) | {
            "regularization": self.rows.regularization,
            "unobserved_weight": self.rows.unobserved_weight,
            "confidence": self.rows.confidence.kind,
        }
        return FactorModel(
            users=train.users,
            items=train.items,
            user_factors=p[:, :k],
            item_factors=q[:, :k],
            user_bias=np.zeros(train.n_users, np.float32),
            item_bias=np.zeros(train.n_items, np.float32),
            mean=0.0,
            history=train.by_user,
            explicit=train.explicit,
            scale=None,
            solver=solver,
            info=ModelInfo(type(self.trainer).__name__, params, summarize(train), version=__version__),
            threads=self.threads,
        )


def numerical_error(error: ArithmeticError, side: str, train: Interactions) -> NumericalError:
    """The kernel's error with the id of the row."""
    message, row = error.args
    ids = train.users.ids if side == "user" else train.items.ids
    where = f" ({side} {ids[[row]].tolist()[0]!r})" if row >= 0 else ""
    return NumericalError(f"{message}{where}; raise regularization or scale the values down")
