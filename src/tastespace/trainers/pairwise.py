"""What BPR, WARP and logistic matrix factorization share: settings, the epochs, and the model they end in."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

import tastespace._native as _native
from tastespace.data.interactions import Interactions
from tastespace.data.threads import resolve_threads
from tastespace.errors import EmptyError, NumericalError, ParameterError
from tastespace.models.confidence import KINDS, Confidence, Kind
from tastespace.models.factor_model import FactorModel
from tastespace.models.info import ModelInfo, summarize
from tastespace.models.padding import Floats, duplicate, locked
from tastespace.models.pairwise_rows import PairwiseRows
from tastespace.models.reading import check_weights
from tastespace.trainers.base import Trainer, check_events, plain
from tastespace.trainers.init import Start, start_biases, start_factors, svd_factors
from tastespace.trainers.loop import State, run_epochs
from tastespace.trainers.stopping import Callback, Stopping
from tastespace.version import __version__

#: The power of popularity where none is given.
EXPONENT = 0.5

#: Standard deviation of the start times sqrt(factors).
START = 0.1

#: Events a user, on average, from which the learning rate is chosen as for any longer histories.
LONG = 64

#: Most draws for a step: to choose among, which are held together, and to learn from, which all of a user's events are.
MOST_DRAWS, MOST_SAMPLES = 2**16, 2**10


@dataclass(frozen=True)
class Loss:
    """What a trainer minimises, as the kernel names it."""

    name: Literal["bpr", "warp", "logistic"]
    counts: tuple[int, ...]
    mean: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PairwiseTrainer(Trainer):
    r"""Learns from seen items against unseen ones by stochastic gradient steps; each subclass names its loss.

    An epoch visits every event once, in random order. A step of length :math:`\eta` goes down the gradient of

    .. math::

        w \, \ell + \tfrac12 (\lambda_u |p_u|^2 + \lambda_+ |q_i|^2 + \lambda_- |q_j|^2 + \lambda_b (b_i^2 + b_j^2))

    for the user u, seen item i and unseen item j of a sample, so a row is penalised as often as it is met. Steps run
    in rounds over blocks of users and pairs of blocks of items; the blocks of items are drawn anew for each epoch, so
    any two items can meet. ``docs/math/pairwise.md`` derives the steps and states the chances.

    Parameters
    ----------
    factors
        Width of the space, >= 1.
    epochs
        Passes over the events, >= 1.
    learning_rate
        :math:`\eta` > 0 of the first epoch; None: larger where histories are short, see
        :func:`default_learning_rate`.
    decay
        Share of the learning rate that is gone at the end, in 0..1; it falls by the same amount each epoch.
    regularization
        :math:`\lambda` >= 0 of all factors that have none of their own.
    user_regularization, positive_regularization, negative_regularization
        :math:`\lambda_u, \lambda_+, \lambda_-` >= 0; None: ``regularization``.
    bias_regularization
        :math:`\lambda_b` >= 0.
    biases
        Learn biases of items.
    check_negatives
        Draw items that the user has not; False: any other than the seen item of the sample.
    confidence
        How the value r of an event becomes its weight w, see :class:`tastespace.models.confidence.Confidence`; the
        weights are divided by their mean. None: ``"log"``.
    init
        ``"svd"``: a truncated singular value decomposition; a model to start from (more factors are allowed); or
        arrays (users, factors) and (items, factors). None: small random numbers. Only factors and biases come from a
        model: the learning rate starts high again, and the draws and the order of steps are those of the first epochs
        of ``seed``. To go on learning, pass another seed and a lower ``learning_rate``.
    stopping
        A rule on the validation set; without one, ``valid`` is measured by ``Stopping("ndcg@10")``.
    seed
        Of the start and of all that is drawn.
    threads
        At most this many, and at most 16 are used; None: all cores. The result does not depend on it.
    progress
        Show a bar; None: if standard error is a terminal.
    """

    factors: int = 64
    epochs: int = 40
    learning_rate: float | None = None
    decay: float = 0.9
    regularization: float = 0.015
    user_regularization: float | None = None
    positive_regularization: float | None = None
    negative_regularization: float | None = None
    bias_regularization: float = 0.001
    biases: bool = True
    check_negatives: bool = True
    confidence: Kind | None = None
    init: Start = field(default=None, repr=False, compare=False)
    stopping: Stopping | None = None
    seed: int = 0
    threads: int | None = None
    progress: bool | None = None

    rates: ClassVar[tuple[float, float]] = (0.05, 0.2)  # the least and the most that is chosen from the data

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
        for name in ("regularization", "bias_regularization"):
            self._check_number(name, least=0)
        self._check_decay()
        for side in ("user", "positive", "negative"):
            name = f"{side}_regularization"
            if getattr(self, name) is not None:
                self._check_number(name, least=0)
        if self.confidence is not None:
            self._check_choice("confidence", KINDS)
        self._check_type("biases", bool, "True or False")
        self._check_steps()
        self._check_type("check_negatives", bool, "True or False")
        self._check_init()
        resolve_threads(self.threads)

    def _check_steps(self) -> None:
        """Refuse penalties that alone carry a row past zero in one step, at the most that is chosen as a rate."""
        rate = self.rates[1] if self.learning_rate is None else self.learning_rate
        got = f"up to {rate!r}" if self.learning_rate is None else f"{rate!r}"
        for side in (
            ("user", "positive", "negative", "bias") if self.biases else ("user", "positive", "negative")
        ):
            own = f"{side}_regularization"
            name = "regularization" if getattr(self, own) is None else own
            penalty = self._penalty(side)
            if rate * penalty >= 1:
                raise ParameterError(
                    f"learning_rate times {name} of {type(self).__name__} must be < 1, or every step carries what it "
                    f"penalises past zero; got {got} and {penalty!r}"
                )

    @abstractmethod
    def _loss(self, items: int) -> Loss:
        """What is minimised on a catalogue of so many items."""

    def _exponent(self) -> float | None:
        """Power of the number of events by which unseen items are drawn; None: all alike."""
        return None

    def _check_exponent(self, exponent: float | None, negatives: str) -> None:
        """Checks ``popularity_exponent`` of a trainer that has it."""
        if exponent is None:
            return
        self._check_number("popularity_exponent", least=0)
        if negatives != "popularity":
            raise ParameterError(
                f'popularity_exponent of {type(self).__name__} is for negatives="popularity"; got {exponent!r} with '
                f'negatives="{negatives}"'
            )

    def _penalty(self, side: str) -> float:
        own: float | None = getattr(self, f"{side}_regularization")
        return self.regularization if own is None else own

    def settled(self, train: Interactions) -> Self:
        check_events(type(self).__name__, "train", train)
        if self.learning_rate is not None:
            return self
        return self.replace(learning_rate=default_learning_rate(train, *self.rates))

    def fit(
        self, train: Interactions, valid: Interactions | None = None, *, callbacks: Sequence[Callback] = ()
    ) -> FactorModel:
        """Learns from events; the values are weights (ratings too, unless ``as_implicit`` made them 1).

        Users who have every item teach nothing where unseen items are needed. ``Epoch.objective`` is the sum of the
        losses of an epoch's samples, each before its step, without penalties.

        Parameters
        ----------
        train
            Events to learn from.
        valid
            Events to measure on, for ``stopping``.
        callbacks
            Called with an ``Epoch`` after each epoch.

        Raises
        ------
        EmptyError
            Without events, or where pairs are compared and no user lacks an item.
        InputError
            If a value is not > 0.
        NumericalError
            If factors leave the range of float32.
        """
        name = type(self).__name__
        check_events(name, "train", train)
        if valid is not None:
            check_events(name, "valid", valid)
        threads = resolve_threads(self.threads)
        return run_epochs(
            _Run(self.settled(train), train, threads, measured=bool(callbacks)),
            name,
            self.epochs,
            train=train,
            valid=valid,
            stopping=self.stopping,
            rates=False,
            callbacks=callbacks,
            progress=self.progress,
            threads=threads,
        )


def default_learning_rate(train: Interactions, least: float, most: float) -> float:
    """The learning rate of the first epoch when none is given: ``least`` times 64 / n, in ``least``..``most``.

    n is the mean number of events of a user. A user's row takes one step for each event and epoch, so where histories
    are short its steps are few, and must be longer. ``docs/guide/defaults.md`` tells how this was chosen.
    """
    return min(least * max(LONG * train.n_users / train.n_events, 1.0), most)


class _Run:
    """One fit under way; see :class:`tastespace.trainers.loop.Run`. Both sides are learned in the items' half."""

    def __init__(
        self, trainer: PairwiseTrainer, train: Interactions, threads: int, *, measured: bool
    ) -> None:
        check_weights(train)
        self.trainer, self.train, self.threads, self.measures = trainer, train, threads, measured
        self.loss = trainer._loss(train.n_items)
        if self.loss.name != "logistic":
            _check_pairs(trainer, train)
        self.epoch, self.total = 0, 0.0
        confidence = Confidence.learn(trainer.confidence or "log", train.by_user, train.by_item)
        weights = confidence.user_weights(train.by_user)
        popularity: npt.NDArray[np.float64] | None = None
        exponent = trainer._exponent()
        if exponent is not None:
            counts = train.by_item.counts()
            popularity = (counts / counts.max()) ** exponent
        self.rows = PairwiseRows(
            trainer=type(trainer).__name__,
            loss=self.loss.name,
            counts=self.loss.counts,
            mean=self.loss.mean,
            regularization=trainer._penalty("user"),
            bias_regularization=trainer._penalty("bias")
            if trainer.biases and self.loss.name == "logistic"
            else None,
            confidence=confidence,
            weight=1.0 if weights is None else float(weights.mean(dtype=np.float64)),
            popularity=popularity,
        )
        self.weights = self.rows.weights(train.by_user)
        self.p, self.q = _start(trainer, train, threads)
        self.b_u, self.b_i = start_biases(trainer.init, train.users, train.items, trainer.biases)

    def half_epoch(self, side: Literal["user", "item"]) -> None:
        if side == "user":
            return
        trainer, table = self.trainer, self.train.by_user
        assert trainer.learning_rate is not None  # settled
        rate = trainer.learning_rate * (1 - trainer.decay * self.epoch / trainer.epochs)
        self.total = _native.pairwise_epoch(
            table.indptr,
            table.indices,
            self.weights,
            self.rows.popularity,
            self.loss.name,
            list(self.loss.counts),
            self.loss.mean,
            trainer.check_negatives,
            rate,
            (
                trainer._penalty("user"),
                trainer._penalty("positive"),
                trainer._penalty("negative"),
                trainer._penalty("bias") if trainer.biases else None,
            ),
            trainer.seed,
            self.epoch,
            self.measures,
            self.p,
            self.q,
            self.b_u,
            self.b_i,
            self.threads,
        )
        self.epoch += 1
        for noun, x, bias in (("user", self.p, self.b_u), ("item", self.q, self.b_i)):
            if not (np.isfinite(x).all() and np.isfinite(bias).all()):
                raise NumericalError(
                    f"factors or biases of the {noun} side left the range of float32 in epoch {self.epoch}; lower "
                    "learning_rate"
                )

    def objective(self) -> float:
        return self.total

    def keep(self) -> State:
        return duplicate(self.p), duplicate(self.q), self.b_u.copy(), self.b_i.copy()

    def measured(self) -> FactorModel:
        return self._model(tuple(map(locked, (self.p, self.q, self.b_u, self.b_i))), None)

    def model(self, state: State | None = None) -> FactorModel:
        return self._model(state or self.keep(), self.rows)

    def _model(self, state: State, solver: PairwiseRows | None) -> FactorModel:
        p, q, b_u, b_i = state
        train, k = self.train, self.trainer.factors
        params = plain(self.trainer.params()) | {"confidence": self.rows.confidence.kind}
        return FactorModel(
            users=train.users,
            items=train.items,
            user_factors=p[:, :k],
            item_factors=q[:, :k],
            user_bias=b_u,
            item_bias=b_i,
            mean=self.loss.mean,
            history=train.by_user,
            explicit=train.explicit,
            scale=None,
            solver=solver,
            info=ModelInfo(type(self.trainer).__name__, params, summarize(train), version=__version__),
            threads=self.threads,
        )


def _check_pairs(trainer: PairwiseTrainer, train: Interactions) -> None:
    """Raises EmptyError if there is no pair of a seen item and one that may be drawn against it."""
    others = train.n_items - 1  # than the seen item, unchecked
    if trainer.check_negatives:
        others = train.n_items - int(train.by_user.counts().min())
    if others == 0:
        raise EmptyError(
            f"{type(trainer).__name__} compares seen items with unseen ones, and no user lacks any item "
            f"({train.n_items:,} in all); learn from more items, or take ImplicitALS, which compares none"
        )


def _start(trainer: PairwiseTrainer, train: Interactions, threads: int) -> tuple[Floats, Floats]:
    """Padded factors to start from; of a smaller or older model what it does not have is random."""
    init, k = trainer.init, trainer.factors
    if init == "svd":
        return svd_factors(train.by_user, train.by_item, (None, None), k, trainer.seed, threads)
    p, q = start_factors(init, train.users, train.items, k, START, trainer.seed)
    if not isinstance(init, tuple):
        noise = np.random.default_rng((trainer.seed, 1)).standard_normal((train.n_users, k), np.float32)
        noise *= np.float32(START / np.sqrt(k))
        p[:, :k] = np.where(p[:, :k] == 0, noise, p[:, :k])
    return p, q
