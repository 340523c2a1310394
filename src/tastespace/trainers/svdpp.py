"""SVD++: ratings by factors that lean on who rated what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.data.threads import resolve_threads
from tastespace.errors import DivergenceError
from tastespace.models.factor_model import FactorModel
from tastespace.models.info import ModelInfo, summarize
from tastespace.models.padding import Floats, duplicate, locked
from tastespace.models.solvers import Side
from tastespace.models.svdpp_rows import SvdppRows
from tastespace.trainers.als import deviation
from tastespace.trainers.base import Trainer, check_events, check_ratings, plain
from tastespace.trainers.loop import State, run_epochs
from tastespace.trainers.stopping import Callback, Stopping
from tastespace.trainers.svdpp_start import start
from tastespace.version import __version__

#: Rows that are learned at once. More would let more threads work, and longer steps overshoot.
BATCH = 32

#: Penalties below this are taken as this where users are solved, so that every row has one solution.
LEAST = 1e-4

#: What may have a rate and a penalty of its own beside the factors.
GROUPS = ("implicit", "bias")


@dataclass(frozen=True, kw_only=True)
class SVDPlusPlus(Trainer):
    r"""Biased matrix factorization of ratings that also learns from which items were rated, whatever the rating.

    The rating of item i by user u is

    .. math::

        \mu + b_u + b_i
        + \Big(p_u + |N(u)|^{-1/2} \sum_{j \in N(u)} y_j\Big) \cdot \Big(q_i + |M(i)|^{-1/2} \sum_{v \in M(i)} z_v\Big)

    where N(u) are the items that u rated, M(i) the users that rated i, and y (``implicit="users"``, Koren 2008), z
    (``"items"``, the flipped term) or both are learned. An epoch takes a step of length :math:`\eta` for every rating,
    down the gradient of :math:`\tfrac12 w (r_{ui} - \hat r_{ui})^2` plus half the penalties of the squared parameters
    that the rating meets, and two such steps with ``"both"``. Ratings are taken less their mean and in units of their
    standard deviation, so rates and penalties mean the same on every scale. w is 1 unless ``ratings.decay`` made it
    less. At the end every user's own part and bias are solved exactly. ``docs/math/svdpp.md`` has the steps, and their
    order.

    Parameters
    ----------
    factors
        Width of the space, >= 1.
    epochs
        Passes over the ratings, >= 1.
    learning_rate
        :math:`\eta` > 0 of the first epoch.
    decay
        Share of the learning rates that is gone at the end, in 0..1; they fall by the same amount each epoch.
    regularization
        Penalty >= 0 of p and q.
    user_regularization, item_regularization
        Of p and of q; here and below None means as ``regularization`` and ``learning_rate``.
    implicit_learning_rate, implicit_regularization
        Of y and z.
    bias_learning_rate, bias_regularization
        Of the biases.
    implicit
        Which rows lean on the other side: ``"users"``, ``"items"`` or ``"both"``.
    init
        A model or arrays (users, factors) and (items, factors) to start from. A model of this trainer gives all that
        it learned. None: small random numbers.
    stopping
        A rule on the validation set; without one, ``valid`` is measured by ``Stopping("rmse")``.
    seed
        Of the start and of the order of steps.
    threads
        At most this many, and at most 32 are used; None: all cores. The result does not depend on it.
    progress
        Show a bar; None: if standard error is a terminal.

    References
    ----------
    Y. Koren, Factorization meets the neighborhood: a multifaceted collaborative filtering model, KDD 2008.
    S. Rendle, L. Zhang, Y. Koren, On the difficulty of evaluating baselines, 2019, arXiv 1905.01395 (flipped).
    """

    factors: int = 64
    epochs: int = 30
    learning_rate: float = 0.01
    decay: float = 0.7
    regularization: float = 0.07
    user_regularization: float | None = None
    item_regularization: float | None = 0.25
    implicit_learning_rate: float | None = 0.004
    implicit_regularization: float | None = 0.0012
    bias_learning_rate: float | None = 0.003
    bias_regularization: float | None = 0.015
    implicit: Literal["users", "items", "both"] = "both"
    init: FactorModel | tuple[npt.ArrayLike, npt.ArrayLike] | None = field(
        default=None, repr=False, compare=False
    )
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
        for name in ("factors", "epochs"):
            self._check_count(name, 1)
        self._check_count("seed", 0)
        self._check_number("learning_rate", above=0)
        for name in ("regularization", "decay"):
            self._check_number(name, least=0)
        if self.decay > 1:
            raise self._refuse("decay", "in 0..1")
        own = [f"{group}_learning_rate" for group in GROUPS]
        own += [f"{group}_regularization" for group in (*GROUPS, "user", "item")]
        for name in own:
            if getattr(self, name) is not None:
                self._check_number(name, least=0)
        self._check_choice("implicit", ("users", "items", "both"))
        self._check_type("init", (FactorModel, tuple, type(None)), "a model, a pair of arrays, or None")
        self._check_type("stopping", (Stopping, type(None)), "a Stopping, or None")
        self._check_type("progress", (bool, type(None)), "True, False or None")
        resolve_threads(self.threads)

    def rate(self, group: str) -> float:
        """The learning rate of a group of parameters."""
        own: float | None = getattr(self, f"{group}_learning_rate")
        return self.learning_rate if own is None else own

    def penalty(self, group: str) -> float:
        """The penalty of a group of parameters."""
        own: float | None = getattr(self, f"{group}_regularization")
        return self.regularization if own is None else own

    def fastest(self) -> str:
        """The setting that holds the highest learning rate."""
        own = [name for group in GROUPS if getattr(self, name := f"{group}_learning_rate") is not None]
        return max(["learning_rate", *own], key=lambda name: getattr(self, name))

    def fit(
        self,
        train: Interactions,
        valid: Interactions | None = None,
        *,
        unrated: Interactions | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> FactorModel:
        """Learns from ratings.

        ``Epoch.objective`` is the sum of the squared errors of an epoch, each before its step, without penalties.

        Parameters
        ----------
        train
            Ratings to learn from.
        valid
            Ratings to measure on, for ``stopping``; apart from ``train``.
        unrated
            Further events that belong to the implicit sets, such as views or rentals; their values do not matter, and
            those of users or items that ``train`` does not know are passed over. The model does not keep them: it
            places newcomers, but cannot explain or be updated.
        callbacks
            Called with an ``Epoch`` after each epoch.

        Raises
        ------
        InputError
            If the events are no ratings.
        EmptyError
            Without ratings.
        DivergenceError
            If errors grow beyond the rating scale or leave the range of float32. It names the epoch, and its ``model``
            is that of the epoch before.
        """
        name = type(self).__name__
        check_ratings(name, "train", train)
        if valid is not None:
            check_events(name, "valid", valid)
        if unrated is not None:
            check_events(name, "unrated", unrated)
        threads = resolve_threads(self.threads)
        return run_epochs(
            _Run(self, train, unrated, threads),
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


def _joined(train: Interactions, unrated: Interactions | None) -> Csr | None:
    """Who met what, rated or not, (users, items); None where that is the same as who rated what."""
    if unrated is None:
        return None
    table = train.by_user
    users = train.users.find(unrated.users.ids)[unrated.user_rows()]
    items = train.items.find(unrated.items.ids)[unrated.by_user.indices]
    known = (users >= 0) & (items >= 0)
    joined = Csr.build(
        np.concatenate([table.row_of(), users[known]]),
        np.concatenate([table.indices, items[known]]),
        rows=table.rows,
        columns=table.columns,
        duplicates="last",
    )
    return None if joined.nnz == table.nnz else joined


class _Run:
    """One fit under way; see :class:`tastespace.trainers.loop.Run`. Both sides are learned in the items' half."""

    def __init__(
        self, trainer: SVDPlusPlus, train: Interactions, unrated: Interactions | None, threads: int
    ) -> None:
        self.trainer, self.train, self.threads, self.epoch, self.total = trainer, train, threads, 0, 0.0
        values = train.by_user.filled_values().astype(np.float64)
        self.mean, self.unit = float(np.average(values, weights=train.by_user.weights)), deviation(train)
        # What is rated by row, in units of the standard deviation, and what else the sets hold.
        self.tables = self._standard(train.by_user), self._standard(train.by_item)
        joined = _joined(train, unrated)
        self.sets = (None, None) if joined is None else (joined, joined.transpose())
        largest = max(float(np.abs(self.tables[0].filled_values()).max()), 1.0)
        weights = train.by_user.weights
        self.worst = (2 * largest) ** 2 * (len(values) if weights is None else float(weights.sum()))
        self.leaning = trainer.implicit != "items", trainer.implicit != "users"

        self.factors, vectors, self.biases = start(trainer, train, self.unit)
        # Of the items, on which users lean, and of the users.
        self.vectors = tuple(x if lean else None for x, lean in zip(vectors, self.leaning, strict=True))
        self.plans = tuple(
            _native.SvdppPlan(
                table.indptr, table.indices, _pair(sets), table.columns, BATCH, trainer.seed + side, threads
            )
            if lean
            else None
            for side, (table, sets, lean) in enumerate(zip(self.tables, self.sets, self.leaning, strict=True))
        )
        self.good: State | None = None

    def _standard(self, table: Csr) -> Csr:
        values = (table.filled_values().astype(np.float64) - self.mean) / self.unit
        return table.replace_values(values.astype(np.float32))

    def half_epoch(self, side: Literal["user", "item"]) -> None:
        if side == "user":
            return
        self.good = self.keep() if self.epoch else None
        totals = [self._pass(rows) for rows in (0, 1) if self.leaning[rows]]
        self.epoch += 1
        self.total = sum(totals) / len(totals)
        if not self.total <= self.worst or not all(np.isfinite(x).all() for x in self._all()):
            name = self.trainer.fastest()
            raise DivergenceError(
                f"{type(self.trainer).__name__} diverged in epoch {self.epoch}; lower {name}, which is "
                f"{getattr(self.trainer, name):g}",
                self.epoch,
                None if self.good is None else self.model(self.good),
            )

    def _pass(self, side: Literal[0, 1]) -> float:
        """One pass over the rows of a side; returns the sum of squared errors."""
        trainer, table, plan = self.trainer, self.tables[side], self.plans[side]
        left = 1 - trainer.decay * self.epoch / trainer.epochs
        own, other = ("user", "item") if side == 0 else ("item", "user")
        assert plan is not None
        return plan.epoch(
            table.indptr,
            table.indices,
            table.filled_values(),
            table.weights,
            _pair(self.sets[side]),
            0.0,
            [
                (left * trainer.learning_rate, trainer.penalty(own)),
                (left * trainer.learning_rate, trainer.penalty(other)),
                (left * trainer.rate("implicit"), trainer.penalty("implicit")),
                (left * trainer.rate("bias"), trainer.penalty("bias")),
            ],
            trainer.seed + side,
            self.epoch,
            self.factors[side],
            self.factors[1 - side],
            self._sums(1 - side, self.vectors[1 - side]),
            self.vectors[side],
            self.biases[side],
            self.biases[1 - side],
            self.threads,
        )

    def _sums(self, side: int, vectors: Floats | None) -> Floats | None:
        """What the rows of a side have from these vectors."""
        if vectors is None:
            return None
        sets = self.sets[side] or self.tables[side]
        return _native.svdpp_sums(sets.indptr, sets.indices, vectors, self.threads)

    def objective(self) -> float:
        return self.total * self.unit**2

    def _all(self) -> list[Floats]:
        return [x for x in (*self.factors, *self.vectors, *self.biases) if x is not None]

    def keep(self) -> State:
        return tuple(duplicate(x) if x.ndim == 2 else x.copy() for x in self._all())

    def measured(self) -> FactorModel:
        return self.model(tuple(self._all()))

    def model(self, state: State | None = None) -> FactorModel:
        kept = iter(state or tuple(self._all()))
        train, trainer, k = self.train, self.trainer, self.trainer.factors
        root, unit = np.float32(np.sqrt(self.unit)), np.float32(self.unit)
        _, q = next(kept), next(kept) * root
        y, z = (next(kept) * root if lean else None for lean in self.leaning)
        _, b_i = next(kept), next(kept) * unit
        lent = self._sums(1, z)
        if lent is not None:
            q += lent
        rows = SvdppRows(
            regularization=max(trainer.penalty("user"), LEAST) * self.unit,
            item_regularization=max(trainer.penalty("item"), LEAST) * self.unit,
            bias_regularization=max(trainer.penalty("bias"), LEAST),
            mean=self.mean,
            unrated=self.sets[0] is not None,
            item_vectors=None if y is None else locked(y),
            user_vectors=None if z is None else locked(z),
        )
        sets = self.sets[0] or train.by_user
        p, b_u = rows.solve_around(train.by_user, sets, y, Side(q, b_i), rows.regularization, self.threads)
        return FactorModel(
            users=train.users,
            items=train.items,
            user_factors=p[:, :k],
            item_factors=q[:, :k],
            user_bias=b_u,
            item_bias=b_i,
            mean=self.mean,
            history=train.by_user,
            explicit=True,
            scale=train.scale,
            solver=rows,
            info=ModelInfo(
                type(trainer).__name__, plain(trainer.params()), summarize(train), version=__version__
            ),
            threads=self.threads,
        )


def _pair(sets: Csr | None) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]] | None:
    """Offsets and columns of a table, as the kernel takes them."""
    return None if sets is None else (sets.indptr, sets.indices)
