"""Biased matrix factorization of ratings by gradient steps."""

from __future__ import annotations

from dataclasses import dataclass

from tastespace.data.interactions import Interactions
from tastespace.trainers.sgd import SgdTrainer, heaviest

#: Learning rate and penalty of the biases; they do not depend on the scale of the ratings.
BIAS_RATE, BIAS_PENALTY = 0.02, 0.015


@dataclass(frozen=True, kw_only=True)
class FunkSVD(SgdTrainer):
    r"""Biased matrix factorization of ratings, by stochastic gradient steps.

    Minimises, over the observed ratings,

    .. math::

        \sum_{u,i} w_{ui} (r_{ui} - \mu - b_u - b_i - p_u \cdot q_i)^2
        + \sum_u n_u^\nu (\lambda_u |p_u|^2 + \lambda_b b_u^2) + \sum_i n_i^\nu (\lambda_i |q_i|^2 + \lambda_b b_i^2)

    the objective of :class:`ALS`, by a step for each rating and epoch, and ends near its minimum; where it ends depends
    on the learning rate and on the epochs, which are a part of the regularization. Funk learned one factor after the
    other; here all are learned together, as in later work. Further parameters are those of
    :class:`tastespace.trainers.sgd.SgdTrainer`.

    Parameters
    ----------
    bias_learning_rate
        Of the biases of users and items, >= 0; None: as a given ``learning_rate``, and 0.02 beside the default one.
    bias_regularization
        :math:`\lambda_b` >= 0; None: as a given ``regularization``, and 0.015 beside the default one.

    References
    ----------
    S. Funk, Netflix update: try this at home, 2006. A. Paterek, Improving regularized singular value decomposition
    for collaborative filtering, KDD Cup 2007. Y. Koren, R. Bell, C. Volinsky, Matrix factorization techniques for
    recommender systems, Computer 42(8), 2009.
    """

    bias_learning_rate: float | None = None
    bias_regularization: float | None = None

    def _own(self) -> tuple[str, ...]:
        return (*super()._own(), "bias_learning_rate", "bias_regularization")

    def _chosen(self, train: Interactions) -> dict[str, float]:
        found = super()._chosen(train)
        if self.bias_learning_rate is None:
            default = BIAS_RATE / heaviest(train)
            found["bias_learning_rate"] = default if self.learning_rate is None else self.learning_rate
        if self.bias_regularization is None:
            default = BIAS_PENALTY * heaviest(train) * self._share(train)
            found["bias_regularization"] = default if self.regularization is None else self.regularization
        return found
