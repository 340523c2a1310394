"""What `FunkSVD` and `PMF` share: settings, the epochs, and the model they end in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Self

import numpy as np

from tastespace.data.interactions import Interactions
from tastespace.data.threads import resolve_threads
from tastespace.errors import DivergedError, InputError
from tastespace.models.factor_model import FactorModel
from tastespace.models.info import ModelInfo, summarize
from tastespace.models.padding import Floats, duplicate, locked
from tastespace.models.sgd_rows import Group, SgdRows, finite, rounds
from tastespace.models.solvers import Side
from tastespace.trainers.als import centred, deviation
from tastespace.trainers.base import Trainer, check_events, check_ratings, plain
from tastespace.trainers.init import Start, start_biases, start_factors, svd_factors
from tastespace.trainers.loop import State, run_epochs
from tastespace.trainers.stopping import Callback, Stopping
from tastespace.version import __version__

#: Learning rate and penalty of ratings of standard deviation 1, chosen on validation parts of MovieLens 100K and 1M;
#: see ``docs/math/sgd.md``.
RATE, PENALTY = 0.0225, 0.045

#: Errors of an epoch beyond so many standard deviations of the ratings say that it diverged.
FAR = 10.0

#: Ratings that vary by more than this, or by less than one over this, leave the range of float32 in some step.
WIDE = 1e15

#: Exponents beyond this would take the penalty of a row of a billion ratings out of that range.
MOST_SCALING = 4.0


@dataclass(frozen=True, kw_only=True)
class SgdTrainer(Trainer):
    r"""Learns ratings by stochastic gradient steps; each subclass says what it learns.

    An epoch visits every rating once, in random order. A step of length :math:`\eta` goes down the gradient of

    .. math::

        \tfrac12 w_{ui} e_{ui}^2 + \tfrac12 (\lambda_u n_u^{\nu-1} |p_u|^2 + \lambda_i n_i^{\nu-1} |q_i|^2) + \dots,
        \qquad e_{ui} = r_{ui} - \hat r_{ui}

    where n counts the ratings of a row; so all steps of an epoch together penalise it by :math:`n^\nu`. Steps run in
    rounds over blocks of users and items that share nothing, in an order that depends on the seed alone;
    ``docs/math/sgd.md`` has the equations. Ratings that are all equal are learned as what they are: every prediction is
    that rating.

    Parameters
    ----------
    factors
        Width of the space, >= 1.
    epochs
        Passes over the ratings, >= 1.
    learning_rate
        :math:`\eta` > 0 of the first epoch. None: from the standard deviation of the ratings, see
        ``docs/math/sgd.md``.
    user_learning_rate, item_learning_rate
        Of the users' or the items' factors alone, >= 0, where 0 holds them as they start; None: ``learning_rate``.
    decay
        Share of the learning rates that is gone at the end, in 0..1; they fall by the same amount each epoch.
    regularization
        :math:`\lambda` >= 0. None: from the standard deviation of the ratings.
    user_regularization, item_regularization
        Of the users' or the items' factors alone, >= 0; None: ``regularization``.
    frequency_scaling
        :math:`\nu` in 0..4: 1 is the same penalty at every step, 0 the same for every row.
    init
        ``"svd"``: a truncated singular value decomposition; a model to start from (more factors are allowed); or
        arrays (users, factors) and (items, factors). None: small random numbers.
    stopping
        A rule on the validation set; without one, ``valid`` is measured by ``Stopping("rmse")``.
    seed
        Of the start and of the order of the steps.
    threads
        At most this many, and at most 16 are used; None: all cores. The result does not depend on it.
    progress
        Show a bar; None: if standard error is a terminal.
    """

    #: Standard deviation of the start times sqrt(factors), for ratings of standard deviation 1.
    start: ClassVar[float] = 0.1

    factors: int = 64
    epochs: int = 30
    learning_rate: float | None = None
    user_learning_rate: float | None = None
    item_learning_rate: float | None = None
    decay: float = 0.9
    regularization: float | None = None
    user_regularization: float | None = None
    item_regularization: float | None = None
    frequency_scaling: float = 1.0
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
        if self.learning_rate is not None:
            self._check_number("learning_rate", above=0)
        for name in ("regularization", *self._own()):
            if getattr(self, name) is not None:
                self._check_number(name, least=0)
        self._check_number("frequency_scaling", least=0, most=MOST_SCALING)
        self._check_decay()
        self._check_init()
        resolve_threads(self.threads)

    def _own(self) -> tuple[str, ...]:
        """Settings of one group of parameters alone."""
        return (
            "user_learning_rate",
            "item_learning_rate",
            "user_regularization",
            "item_regularization",
        )

    def _group(self, what: str) -> Group:
        """The settled learning rates, or penalties, by group of parameters."""
        common: float = getattr(self, what)
        user, item, bias = (getattr(self, f"{side}_{what}", None) for side in ("user", "item", "bias"))
        return common if user is None else user, common if item is None else item, bias, bias

    def _chosen(self, train: Interactions) -> dict[str, float]:
        """The settings that are chosen from the data."""
        found: dict[str, float] = {}
        spread = deviation(train)
        if self.learning_rate is None:
            found["learning_rate"] = self._rate(train) / spread / heaviest(train)
        if self.regularization is None:
            found["regularization"] = self._penalty(train) * spread * heaviest(train)
        return found

    def _rate(self, train: Interactions) -> float:
        """The learning rate for ratings of standard deviation 1 and weight 1."""
        return RATE

    def _penalty(self, train: Interactions) -> float:
        """The penalty for ratings of standard deviation 1 and weight 1."""
        return PENALTY * self._share(train)

    def _share(self, train: Interactions) -> float:
        """What keeps the sum of all rows' penalties as it is for a ``frequency_scaling`` of 1."""
        counts = np.concatenate([train.by_user.counts(), train.by_item.counts()]).astype(np.float64)
        return float(counts.sum() / (counts[counts > 0] ** self.frequency_scaling).sum())

    def settled(self, train: Interactions) -> Self:
        check_ratings(type(self).__name__, "train", train)
        return self.replace(**self._chosen(train))

    def fit(
        self, train: Interactions, valid: Interactions | None = None, *, callbacks: Sequence[Callback] = ()
    ) -> FactorModel:
        """Learns from ratings.

        ``Epoch.objective`` is the weighted sum of the squared errors of an epoch, each before its step, without
        penalties.

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
            If the events are not ratings, or vary by more than 1e15 or less than 1e-15, or ``valid`` holds none that
            ``train`` does not.
        EmptyError
            Without ratings.
        DivergedError
            If the steps are too long; names the epoch and holds the model of the epoch before.
        """
        name = type(self).__name__
        check_ratings(name, "train", train)
        if valid is not None:
            check_events(name, "valid", valid)
        spread = deviation(train)
        if not 1 / WIDE <= spread <= WIDE:
            raise InputError(
                f"the ratings of {name} must vary by {1 / WIDE:g} to {WIDE:g}; their standard deviation is "
                f"{spread:.3g}: divide them all by about that"
            )
        threads = resolve_threads(self.threads)
        return run_epochs(
            _Run(self, train, spread, threads),
            name,
            self.epochs,
            train=train,
            valid=valid,
            stopping=self.stopping,
            rates=True,
            callbacks=callbacks,
            progress=self.progress,
            threads=threads,
        )


def heaviest(train: Interactions) -> float:
    """The largest weight of a rating; 1 where they have none."""
    weights = train.by_user.weights
    return 1.0 if weights is None else float(weights.max())


class _Run:
    """One fit under way; see :class:`tastespace.trainers.loop.Run`. Both sides are learned in the items' half."""

    def __init__(self, trainer: SgdTrainer, train: Interactions, spread: float, threads: int) -> None:
        self.trainer, self.train, self.threads = trainer, train, threads
        values, weights = train.by_user.values, train.by_user.weights
        mean = 1.0 if values is None else float(np.average(values.astype(np.float64), weights=weights))
        self.settled = trainer.settled(train)
        self.rows = SgdRows(
            trainer=type(trainer).__name__,
            rates=self.settled._group("learning_rate"),
            penalties=self.settled._group("regularization"),
            frequency_scaling=trainer.frequency_scaling,
            mean=mean,
            factors=trainer.factors,
            seed=trainer.seed,
            time=0.0,
            weight=heaviest(train),
        )
        self.spread = spread
        self.weight = float(train.n_events if weights is None else weights.sum(dtype=np.float64))
        # The sum of squared errors of predicting the mean; not 0, where that is right.
        self.usual = self.weight * spread**2
        if weights is not None:
            squares = np.square(train.by_user.filled_values().astype(np.float64) - mean)
            self.usual = max(self.usual, float(weights @ squares))
        self.ratings = rounds(train.by_user, trainer.seed, threads)
        self.shrink = (
            self.rows.shrink(train.by_user.counts()),
            self.rows.shrink(train.by_item.counts()),
        )
        self.start()

    def start(self) -> None:
        """Puts the parameters where training begins."""
        trainer, train = self.trainer, self.train
        p, q = _start(trainer, train, self.rows.mean, self.spread, self.threads)
        b_u, b_i = start_biases(trainer.init, train.users, train.items, self.rows.rates[2] is not None)
        self.p, self.q, self.epoch, self.squared = Side(p, b_u), Side(q, b_i), 0, 0.0
        self.time = np.zeros(1, np.float32)

    def half_epoch(self, side: Literal["user", "item"]) -> None:
        if side == "item":
            self.step()
            if not self.good():
                raise self.diverged()

    def step(self) -> None:
        """One pass over the ratings."""
        share = 1 - self.trainer.decay * self.epoch / self.trainer.epochs
        self.squared = self.rows.epoch(
            self.ratings, self.epoch, share, self.p, self.q, self.shrink, None, self.threads
        )
        self.epoch += 1
        self.time = self.time + np.float32(share)

    def good(self) -> bool:
        """Whether the last pass stayed near the ratings."""
        # Where errors are small no step leaves the range of numbers; the last pass is looked at in any case.
        calm = self.squared <= self.usual and self.epoch < self.trainer.epochs
        return self.squared <= FAR**2 * self.usual and (calm or finite(self.p, self.q))

    def diverged(self) -> DivergedError:
        """The error, with the model of the epoch before: the same steps again, up to there."""
        last = self.epoch - 1
        name, error = type(self.trainer).__name__, (self.squared / self.weight) ** 0.5
        found = f"its errors were {error:.3g} on average" if np.isfinite(error) else "its numbers overflowed"
        setting, value = self.culprit()
        self.start()
        for _ in range(last):
            self.step()
        return DivergedError(
            f"{name} diverged in epoch {last + 1}: {found}, and the ratings vary by {self.spread:.3g}. "
            f"Lower {setting}, which was {value:.3g}; the error's model is "
            + (f"that of epoch {last}" if last else "where it started"),
            last + 1,
            self.model(),
        )

    def culprit(self) -> tuple[str, float]:
        """The setting to lower: where rates are moderate, a penalty that leaps over zero; else the longest rate."""
        rates = [rate or 0.0 for rate in self.rows.rates]
        penalties = [penalty or 0.0 for penalty in self.rows.penalties]
        # Four ratings of a user are one step of that user.
        most = [times * float(shrink.max()) for times, shrink in zip((4, 1), self.shrink, strict=True)] * 2
        leaps = [rate * penalty * least for rate, penalty, least in zip(rates, penalties, most, strict=True)]
        # Rates of factors go with those of biases as if the ratings had standard deviation 1.
        lengths = [rate * (self.spread if place < 2 else 1) for place, rate in enumerate(rates)]
        if max(leaps) > 1 and max(lengths) < 0.5:
            group, what, value = int(np.argmax(leaps)), "regularization", penalties
        else:
            group, what, value = int(np.argmax(lengths)), "learning_rate", rates
        own = f"{('user', 'item', 'bias', 'bias')[group]}_{what}"
        return what if getattr(self.trainer, own, None) is None else own, value[group]

    def objective(self) -> float:
        return self.squared

    def keep(self) -> State:
        factors = duplicate(self.p.factors), duplicate(self.q.factors)
        return *factors, self.p.bias.copy(), self.q.bias.copy(), self.time

    def measured(self) -> FactorModel:
        return self._model(self._present(), None)

    def model(self, state: State | None = None) -> FactorModel:
        return self._model(state or self._present(), self.rows)

    def _present(self) -> State:
        """The state as it stands, not to be written any more."""
        state = (self.p.factors, self.q.factors, self.p.bias, self.q.bias)
        return (*map(locked, state), self.time)

    def _model(self, state: State, solver: SgdRows | None) -> FactorModel:
        p, q, b_u, b_i, time = state
        train, k = self.train, self.trainer.factors
        return FactorModel(
            users=train.users,
            items=train.items,
            user_factors=p[:, :k],
            item_factors=q[:, :k],
            user_bias=b_u,
            item_bias=b_i,
            mean=self.rows.mean,
            history=train.by_user,
            explicit=True,
            scale=train.scale,
            solver=None if solver is None else replace(solver, time=float(time[0])),
            info=ModelInfo(
                type(self.trainer).__name__,
                plain(self.settled.params()),
                summarize(train),
                version=__version__,
            ),
            threads=self.threads,
        )


def _start(
    trainer: SgdTrainer, train: Interactions, mean: float, spread: float, threads: int
) -> tuple[Floats, Floats]:
    """Padded factors to start from; of a smaller or older model what it does not have is random."""
    init, k, seed = trainer.init, trainer.factors, trainer.seed
    if init == "svd":
        values = centred(train.by_user, mean), centred(train.by_item, mean)
        return svd_factors(train.by_user, train.by_item, values, k, seed, threads)
    scale = trainer.start * np.sqrt(spread)
    p, q = start_factors(init, train.users, train.items, k, scale, seed)
    if not isinstance(init, tuple):
        noise = np.random.default_rng((seed, 1)).standard_normal((train.n_users, k), np.float32)
        noise *= np.float32(scale / np.sqrt(k))
        p[:, :k] = noise if init is None else np.where(p[:, :k] == 0, noise, p[:, :k])
    return p, q
