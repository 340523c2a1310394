"""timeSVD++: ratings by factors, implicit feedback, and parts that change with time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.data.threads import resolve_threads
from tastespace.errors import DivergedError, InputError
from tastespace.models.clock import FIRST_SECOND, LAST_SECOND, Clock
from tastespace.models.info import ModelInfo, summarize
from tastespace.models.padding import Floats, blank
from tastespace.models.temporal import TemporalModel
from tastespace.models.temporal_rows import TemporalRows
from tastespace.models.time_terms import TimeTerms
from tastespace.trainers.als import deviation
from tastespace.trainers.base import Trainer, check_events, check_ratings, plain
from tastespace.trainers.init import check_memory, check_room
from tastespace.trainers.loop import State, run_epochs
from tastespace.trainers.stopping import Callback, Stopping
from tastespace.trainers.svdpp_run import LEAST, USUAL
from tastespace.version import __version__

#: Standard deviation of the random start times sqrt(factors).
START = 0.1

#: Seconds that a training set may span: 200 years.
LONGEST = 200 * 31_556_952

#: What has a rate and a penalty of its own: parameter groups, by the prefix of their settings.
GROUPS = ("implicit", "bias", "item_time", "user_time", "drift")


@dataclass(frozen=True, kw_only=True)
class TimeSVDPlusPlus(Trainer):
    r"""Ratings by factors, implicit feedback and time, learned by stochastic gradient steps (Koren 2009).

    The rating of item i by user u at time t is

    .. math::

        \mu + b_u + \alpha_u \mathrm{dev}_u(t) + b_{u,\mathrm{day}(t)}
        + b_i + b_{i,\mathrm{bin}(t)} + \alpha_i \mathrm{dev}_i(t)
        + q_i \cdot \big(p_u + a_u \mathrm{dev}_u(t) + p_{u,\mathrm{day}(t)} + n_u^{-1/2} \sum_{j \in N(u)} y_j\big)

    with :math:`\mathrm{dev}_u(t) = \mathrm{sign}(t - t_u) |t - t_u|^\beta`, where :math:`t_u` is the mean time of the
    user's ratings and differences are shares of the training span; :math:`\mathrm{dev}_i` likewise. An epoch takes a
    step of length :math:`\eta` for every rating, down the gradient of
    :math:`\tfrac12 w (r_{ui} - \hat r_{ui}(t))^2` plus half the penalties of the squared parameters that the rating
    meets. Ratings are taken less their mean and in units of their standard deviation, so rates and penalties mean the
    same on every scale. w is 1 unless ``ratings.decay`` made it less. ``docs/math/timesvd.md`` has the steps, and
    their order.

    Parameters
    ----------
    factors
        Width of the space, >= 1.
    epochs
        Passes over the ratings, >= 1.
    learning_rate, regularization
        :math:`\eta` > 0 of the first epoch, and penalty >= 0, of p and q. Those below are >= 0; a rate of 0 leaves what
        it is of as it began: at 0.
    decay
        Share of all learning rates that is gone at the end, in 0..1; they fall by the same amount each epoch.
    implicit_learning_rate, implicit_regularization
        Of y.
    bias_learning_rate, bias_regularization
        Of :math:`b_u` and :math:`b_i`.
    item_time_learning_rate, item_time_regularization
        Of :math:`b_{i,\mathrm{bin}}` and :math:`\alpha_i`.
    user_time_learning_rate, user_time_regularization
        Of :math:`\alpha_u` and :math:`b_{u,\mathrm{day}}`.
    drift_learning_rate, drift_regularization
        Of :math:`a_u` and :math:`p_{u,\mathrm{day}}`.
    implicit
        Whether there is an implicit sum.
    bins
        Bins of equal length in time for the biases of items, >= 1; 1: none.
    trend
        Whether the biases of items have :math:`\alpha_i`.
    drift
        What of a user drifts with the signed power deviation: ``"factors"`` (and the bias), ``"bias"`` or ``"none"``.
    days
        What of a user is its own on each day (of UTC): ``"bias"``, ``"factors"`` (and the bias) or ``"none"``.
    exponent
        :math:`\beta` > 0.
    stopping
        A rule on the validation set; without one, ``valid`` is measured by ``Stopping("rmse")``.
    seed
        Of the start and of the order of steps.
    threads
        At most this many, and at most 16 are used; None: all cores. The result does not depend on it.
    progress
        Show a bar; None: if standard error is a terminal.

    References
    ----------
    Y. Koren, Collaborative filtering with temporal dynamics, KDD 2009. Y. Koren, Factorization meets the neighborhood,
    KDD 2008.
    """

    factors: int = 32
    epochs: int = 25
    learning_rate: float = 0.03
    regularization: float = 0.065
    decay: float = 0.9
    implicit_learning_rate: float = 0.01
    implicit_regularization: float = 0.006
    bias_learning_rate: float = 0.005
    bias_regularization: float = 0.08
    item_time_learning_rate: float = 0.0015
    item_time_regularization: float = 0.12
    user_time_learning_rate: float = 0.0045
    user_time_regularization: float = 0.015
    drift_learning_rate: float = 0.006
    drift_regularization: float = 0.1
    implicit: bool = True
    bins: int = 30
    trend: bool = True
    drift: Literal["factors", "bias", "none"] = "factors"
    days: Literal["bias", "factors", "none"] = "bias"
    exponent: float = 0.4
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
        self._check_count("bins", 1)
        for name in ("learning_rate", "exponent"):
            self._check_number(name, above=0)
        self._check_number("regularization", least=0)
        self._check_decay()
        for group in GROUPS:
            for name in (f"{group}_learning_rate", f"{group}_regularization"):
                self._check_number(name, least=0)
        self._check_type("implicit", bool, "True or False")
        self._check_type("trend", bool, "True or False")
        self._check_choice("drift", ("factors", "bias", "none"))
        self._check_choice("days", ("bias", "factors", "none"))
        resolve_threads(self.threads)

    def pace(self, group: str = "") -> tuple[float, float]:
        """Learning rate and penalty of a group of parameters, of the factors where none is named."""
        before = f"{group}_" if group else ""
        return getattr(self, f"{before}learning_rate"), getattr(self, f"{before}regularization")

    def fastest(self) -> str:
        """The setting that holds the highest learning rate of what is learned."""
        learned = {
            "implicit": self.implicit,
            "bias": True,
            "item_time": self.bins > 1 or self.trend,
            "user_time": self.drift != "none" or self.days != "none",
            "drift": "factors" in (self.drift, self.days),
        }
        names = ["learning_rate", *(f"{group}_learning_rate" for group in GROUPS if learned[group])]
        return max(names, key=lambda name: getattr(self, name))

    def fit(
        self, train: Interactions, valid: Interactions | None = None, *, callbacks: Sequence[Callback] = ()
    ) -> TemporalModel:
        """Learns from ratings with times.

        ``Epoch.objective`` is the sum of the squared errors of an epoch, each before its step, without penalties.

        Parameters
        ----------
        train
            Ratings to learn from.
        valid
            Ratings to measure on, for ``stopping``, at their own times; apart from ``train``.
        callbacks
            Called with an ``Epoch`` after each epoch.

        Raises
        ------
        InputError
            If the events are no ratings or have no times, or span more than 200 years.
        EmptyError
            Without ratings.
        DivergedError
            If errors grow beyond the rating scale or leave the range of float32. It names the epoch and the setting
            with the highest rate, and its ``model`` is that of the epoch before.
        """
        name = type(self).__name__
        check_ratings(name, "train", train)
        if valid is not None:
            check_events(name, "valid", valid)
        threads = resolve_threads(self.threads)
        return run_epochs(
            _Run(self, train, threads),
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


def check_times(trainer: str, train: Interactions) -> None:
    """Raises InputError unless events have times that can be Unix seconds."""
    times = train.by_user.times
    if times is None:
        raise InputError(
            f"{trainer} learns how ratings change with time, and these have no times; name their column with "
            "read(..., timestamp=...), or use a trainer that needs none, such as ALS"
        )
    first, last = int(times.min()), int(times.max())
    for extreme in (first, last):
        if not FIRST_SECOND <= extreme <= LAST_SECOND:
            raise InputError(
                f"the times of these ratings are from {first} to {last}, and {extreme} is no Unix second of the "
                "years 1 to 9999; if they are milliseconds, divide them by 1000, or let read(..., timestamp=...) do so"
            )
    if last - first > LONGEST:
        raise InputError(
            f"the times of these ratings span {(last - first) / 31_556_952:,.0f} years, from {first} to {last} Unix "
            "seconds; if they are milliseconds, divide them by 1000, or let read(..., timestamp=...) do so"
        )


class _Run:
    """One fit under way; see :class:`tastespace.trainers.loop.Run`. Both sides are learned in the items' half."""

    def __init__(self, trainer: TimeSVDPlusPlus, train: Interactions, threads: int) -> None:
        name = type(trainer).__name__
        check_times(name, train)
        users, items, k = train.n_users, train.n_items, trainer.factors
        self.trainer, self.train, self.threads = trainer, train, threads
        table = train.by_user
        values, times = table.filled_values(), table.times
        assert times is not None  # checked
        self.mean = float(np.average(values.astype(np.float64), weights=table.weights))
        self.unit = deviation(train)
        self.values = ((values - np.float64(self.mean)) / self.unit).astype(np.float32)
        # An error of the whole scale, for every rating.
        width = max(abs(float(self.values.max())), abs(float(self.values.min())), 1.0) * 2
        self.worst = width**2 * (len(values) if table.weights is None else float(table.weights.sum()))

        self.clock = clock = Clock(int(times.min()), int(times.max()), trainer.bins, trainer.exponent)
        rows = table.row_of()
        since = (times - clock.first).astype(np.float64)
        self.user_time = np.bincount(rows, since, users) / table.counts() + clock.first
        self.item_time = np.bincount(table.indices, since, items) / train.by_item.counts() + clock.first
        self.bins = clock.bin(times)
        self.deviations = (
            clock.deviation(times, self.user_time[rows]),
            clock.deviation(times, self.item_time[table.indices]),
        )
        if trainer.days == "none":  # a row of its own for every user, which nothing changes
            self.days, days = rows, Csr(np.zeros(users + 1, np.int64), np.zeros(0, np.int32), 1)
            cells = users
        else:
            width = int(clock.day(times).max()) + 1
            keys, inverse = np.unique(rows.astype(np.int64) * width + clock.day(times), return_inverse=True)
            indptr = np.searchsorted(keys, np.arange(users + 1, dtype=np.int64) * width)
            days = Csr(indptr.astype(np.int64), (keys % width).astype(np.int32), width)
            self.days, cells = inverse.astype(np.int32), len(keys)
        self.day_table = days

        wide = 2 + trainer.implicit + (trainer.drift == "factors")
        check_room(f"bins={trainer.bins} for {items:,} items", 12 * trainer.bins * items, "bins")
        check_memory(users + items + (cells if trainer.days == "factors" else 0), k, copies=2 * wide)
        self.cells = cells
        self._start()

    def _start(self) -> None:
        """Puts the parameters where training begins."""
        trainer, users, items, cells = self.trainer, self.train.n_users, self.train.n_items, self.cells
        k = trainer.factors
        self.epoch, self.total = 0, 0.0
        random = np.random.default_rng(trainer.seed)
        self.p, self.q = blank(users, k), blank(items, k)
        for x in (self.q, self.p):
            x[:, :k] = random.standard_normal((len(x), k), np.float32) * np.float32(START / np.sqrt(k))
        self.y = blank(items, k) if trainer.implicit else None
        self.drift = blank(users, k) if trainer.drift == "factors" else None
        self.day_factors = blank(cells, k) if trainer.days == "factors" else None
        self.biases = tuple(
            np.zeros(n, np.float32) for n in (users, users, cells, items, items * trainer.bins, items)
        )

    def half_epoch(self, side: Literal["user", "item"]) -> None:
        if side == "item":
            self._epoch()
            if not (self.total <= self.worst and all(np.isfinite(x).all() for x in self._all())):
                raise self._diverged()

    def _epoch(self) -> None:
        trainer, table = self.trainer, self.train.by_user
        left = 1 - trainer.decay * self.epoch / trainer.epochs
        groups: tuple[tuple[str, bool], ...] = (
            ("", True),
            ("implicit", True),
            ("bias", True),
            ("item_time", trainer.bins > 1),
            ("item_time", trainer.trend),
            ("user_time", trainer.drift != "none"),
            ("user_time", trainer.days != "none"),
            ("drift", True),
        )
        paces = [
            (left * trainer.pace(group)[0] * learned, trainer.pace(group)[1]) for group, learned in groups
        ]
        self.total = _native.timesvd_epoch(
            table.indptr,
            table.indices,
            self.values,
            table.weights,
            self.bins,
            self.days,
            self.deviations,
            paces,
            trainer.seed,
            self.epoch,
            (self.p, self.q, self.y, self.drift, self.day_factors),
            self.biases,
            self.threads,
        )
        self.epoch += 1

    def _diverged(self) -> DivergedError:
        """The error, with the model of the epoch before: the same steps again, up to there."""
        last, name = self.epoch - 1, self.trainer.fastest()
        self._start()
        for _ in range(last):
            self._epoch()
        return DivergedError(
            f"{type(self.trainer).__name__} diverged in epoch {last + 1}; lower {name}, which is "
            f"{getattr(self.trainer, name):g}",
            last + 1,
            self.model() if last else None,
        )

    def _all(self) -> list[Floats]:
        factors = (self.p, self.q, self.y, self.drift, self.day_factors)
        return [x for x in (*factors, *self.biases) if x is not None]

    def objective(self) -> float:
        return self.total * self.unit**2

    def keep(self) -> State:
        return tuple(x.copy() for x in self._all())

    def measured(self) -> TemporalModel:
        return self.model(tuple(self._all()))

    def model(self, state: State | None = None) -> TemporalModel:
        kept = iter(state or tuple(self._all()))
        trainer, train, k = self.trainer, self.train, self.trainer.factors
        root = np.float32(np.sqrt(self.unit))
        p, q, y, drift, day_factors = (
            None if x is None else np.ascontiguousarray(next(kept)[:, :k]) * root
            for x in (self.p, self.q, self.y, self.drift, self.day_factors)
        )
        b_u, a_u, b_day, b_i, b_bin, a_i = (x * np.float32(self.unit) for x in kept)
        assert p is not None  # like q, it is always learned
        assert q is not None
        days = self.day_table
        time = TimeTerms(
            clock=self.clock,
            user_time=self.user_time,
            item_time=self.item_time,
            bin_bias=b_bin.reshape(train.n_items, trainer.bins),
            item_trend=a_i,
            user_slope=a_u,
            days=replace(days, values=b_day[: days.nnz]),
            user_drift=drift,
            day_factors=day_factors,
        )
        rows = TemporalRows(
            trainer=type(trainer).__name__,
            regularization=max(trainer.regularization, LEAST) * USUAL**0.5 * self.unit,
            bias_regularization=max(trainer.pace("bias")[1], LEAST) * USUAL**0.5,
            mean=self.mean,
            implicit=y,
        )
        sums = rows.sums(train.by_user, self.threads)
        return TemporalModel(
            users=train.users,
            items=train.items,
            user_factors=p if sums is None else p + sums[:, :k],
            item_factors=q,
            user_bias=b_u,
            item_bias=b_i,
            mean=self.mean,
            time=time,
            history=train.by_user,
            explicit=True,
            scale=train.scale,
            solver=rows,
            info=ModelInfo(
                type(trainer).__name__, plain(trainer.params()), summarize(train), version=__version__
            ),
        )
