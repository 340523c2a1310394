"""Probabilistic matrix factorization of ratings: the most likely factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tastespace.data.interactions import Interactions
from tastespace.trainers.sgd import PENALTY, SgdTrainer

#: The learning rate times the cube root of the geometric mean of users' and items' average numbers of ratings, and the
#: penalty over the mean of the roots of these, both for ratings of standard deviation 1; see ``docs/math/sgd.md``.
RATE, NOISE = 0.13, 0.7


@dataclass(frozen=True, kw_only=True)
class PMF(SgdTrainer):
    r"""Probabilistic matrix factorization: factors without biases, by stochastic gradient steps.

    Ratings are normal around :math:`\mu + p_u \cdot q_i` with variance :math:`\sigma^2`, factors normal around zero
    with variances :math:`\sigma_u^2` and :math:`\sigma_i^2`. The most likely factors, given the ratings, minimise

    .. math::

        \sum_{u,i} w_{ui} (r_{ui} - \mu - p_u \cdot q_i)^2
        + \lambda_u \sum_u n_u^\nu |p_u|^2 + \lambda_i \sum_i n_i^\nu |q_i|^2

    with :math:`\lambda_u = \sigma^2 / \sigma_u^2`, :math:`\lambda_i = \sigma^2 / \sigma_i^2` and :math:`\nu = 0`.
    The mean stands outside, as in the authors' code; scores are not put through a logistic function. Further parameters
    are those of :class:`tastespace.trainers.sgd.SgdTrainer`.

    References
    ----------
    R. Salakhutdinov, A. Mnih, Probabilistic matrix factorization, NIPS 2007.
    """

    start: ClassVar[float] = 0.03

    epochs: int = 20
    frequency_scaling: float = 0.0

    def _rate(self, train: Interactions) -> float:
        users, items = _averages(train)
        return float(RATE / (users * items) ** (1 / 6))

    def _penalty(self, train: Interactions) -> float:
        users, items = _averages(train)
        constant = NOISE * (users**0.5 + items**0.5) / 2
        rating = constant * (1 / users + 1 / items) / 2  # of all rows' penalties, the share of one rating
        power = min(self.frequency_scaling, 1.0)
        return float(self._share(train) * rating ** (1 - power) * PENALTY**power)


def _averages(train: Interactions) -> tuple[float, float]:
    """The mean number of ratings of a user, and of an item, that has any."""
    users, items = (table.counts() for table in (train.by_user, train.by_item))
    return train.n_events / np.count_nonzero(users), train.n_events / np.count_nonzero(items)
