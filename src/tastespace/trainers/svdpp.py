"""SVD++: ratings by factors that lean on who rated what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

import numpy.typing as npt

from tastespace.data.interactions import Interactions
from tastespace.data.threads import resolve_threads
from tastespace.models.factor_model import FactorModel
from tastespace.trainers.base import Trainer, check_events, check_ratings
from tastespace.trainers.loop import run_epochs
from tastespace.trainers.stopping import Callback, Stopping
from tastespace.trainers.svdpp_run import GROUPS, SvdppRun

#: The usual penalty of the items' own factors, as a multiple of that of the users'.
ITEM_SHARE = {"users": 1.0, "items": 2.0, "both": 3.0}

#: The usual penalty of an implicit vector, times the average number of ratings of the rows that have one.
IMPLICIT = 0.06


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
        Of p and of q. None: ``regularization``; for q that times 2 where items lean, and times 3 where both sides do,
        see ``docs/math/svdpp.md``.
    implicit_learning_rate
        Of y and z; None, here and for the biases: as ``learning_rate``.
    implicit_regularization
        Of y and z. None: 0.06 over how many ratings an item has on average, or a user with ``implicit="items"``.
    bias_learning_rate, bias_regularization
        Of the biases; None: ``regularization``.
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
    item_regularization: float | None = None
    implicit_learning_rate: float | None = 0.004
    implicit_regularization: float | None = None
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
        self._check_loop()
        self._check_number("learning_rate", above=0)
        self._check_number("regularization", least=0)
        self._check_decay()
        own = [f"{group}_learning_rate" for group in GROUPS]
        own += [f"{group}_regularization" for group in (*GROUPS, "user", "item")]
        for name in own:
            if getattr(self, name) is not None:
                self._check_number(name, least=0)
        self._check_choice("implicit", ("users", "items", "both"))
        self._check_type("init", (FactorModel, tuple, type(None)), "a model, a pair of arrays, or None")
        resolve_threads(self.threads)

    def settled(self, train: Interactions) -> Self:
        rows = train.n_users if self.implicit == "items" else train.n_items
        usual = {
            "user_regularization": self.regularization,
            "item_regularization": self.regularization * ITEM_SHARE[self.implicit],
            "implicit_regularization": IMPLICIT * rows / train.n_events,
            "bias_regularization": self.regularization,
            "implicit_learning_rate": self.learning_rate,
            "bias_learning_rate": self.learning_rate,
        }
        return self.replace(**{name: x for name, x in usual.items() if getattr(self, name) is None})

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
        DivergedError
            If the squared errors of an epoch are twice those of an earlier one, or leave the range of float32. It names
            the epoch and the setting, and its ``model`` is that of the epoch before.
        """
        name = type(self).__name__
        check_ratings(name, "train", train)
        if valid is not None:
            check_events(name, "valid", valid)
        if unrated is not None:
            check_events(name, "unrated", unrated)
        threads = resolve_threads(self.threads)
        return run_epochs(
            SvdppRun(self, train, unrated, threads),
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
