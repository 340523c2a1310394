"""Logistic matrix factorization: the chance that a user has an item."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from tastespace.trainers.pairwise import EXPONENT, MOST_SAMPLES, Loss, PairwiseTrainer


@dataclass(frozen=True, kw_only=True)
class LogisticMF(PairwiseTrainer):
    r"""Tells the items that a user has from drawn ones that the user has not.

    Minimises, over the events (u, i) and m = ``per_positive`` drawn items j for each,

    .. math::

        \sum_{(u,i)} \Bigl( w_{ui} \ln(1 + e^{-x_{ui}}) + \sum_j \ln(1 + e^{x_{uj}}) \Bigr) + \text{penalties},
        \qquad x_{ui} = -\ln m + b_u + b_i + p_u \cdot q_i

    by plain stochastic gradient steps, one for each event and each drawn item; the items of an epoch are drawn before
    it. Johnson (2014) takes all cells instead, with steps over whole rows; the sampled form is that of Rendle et al.
    (2020). Further parameters are those of :class:`tastespace.trainers.pairwise.PairwiseTrainer`; users have biases as
    items do.

    Parameters
    ----------
    negatives
        How j is drawn: ``"uniform"``, or ``"popularity"``, in proportion to the number of its events to the power
        ``popularity_exponent``.
    popularity_exponent
        For ``negatives="popularity"`` alone, >= 0; 0 is uniform. None: 0.5.
    per_positive
        m in 1..1,024, drawn items for each event.

    References
    ----------
    C. C. Johnson, Logistic matrix factorization for implicit feedback data, NIPS workshop 2014.
    S. Rendle, W. Krichene, L. Zhang, J. Anderson, Neural collaborative filtering vs. matrix factorization revisited,
    RecSys 2020, arXiv 2005.09683.
    """

    regularization: float = 0.008
    bias_regularization: float = 0.005
    negatives: Literal["uniform", "popularity"] = "uniform"
    popularity_exponent: float | None = None
    per_positive: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_choice("negatives", ("uniform", "popularity"))
        self._check_exponent(self.popularity_exponent, self.negatives)
        self._check_count("per_positive", 1, MOST_SAMPLES)

    def _loss(self, items: int) -> Loss:
        return Loss("logistic", (self.per_positive,), -math.log(self.per_positive))

    def _exponent(self) -> float | None:
        if self.negatives != "popularity":
            return None
        return EXPONENT if self.popularity_exponent is None else self.popularity_exponent
