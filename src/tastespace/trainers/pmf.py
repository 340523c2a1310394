"""Probabilistic matrix factorization of ratings: the most likely factors."""

from __future__ import annotations

from dataclasses import dataclass

from tastespace.trainers.sgd import SgdTrainer


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

    frequency_scaling: float = 0.0
