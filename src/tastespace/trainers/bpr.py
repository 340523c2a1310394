"""Bayesian personalized ranking: seen items above unseen ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tastespace.trainers.pairwise import EXPONENT, MOST_DRAWS, Loss, PairwiseTrainer


@dataclass(frozen=True, kw_only=True)
class BPR(PairwiseTrainer):
    r"""Ranks the items that a user has above those that the user has not, pair by pair.

    Minimises, over the events (u, i) and items j that u has not,

    .. math::

        \sum_{(u,i)} w_{ui} \, \mathrm{E}_j \ln(1 + e^{x_{uj} - x_{ui}}) + \text{penalties},
        \qquad x_{ui} = b_i + p_u \cdot q_i

    by plain stochastic gradient steps, one for each event and epoch. The paper draws events with replacement; here an
    epoch visits each once. Further parameters are those of :class:`tastespace.trainers.pairwise.PairwiseTrainer`.

    Parameters
    ----------
    negatives
        How j is drawn: ``"uniform"``; ``"popularity"``, in proportion to the number of its events to the power
        ``popularity_exponent``; ``"hard"``, the default: the best scored of several ``candidates``, the first drawn
        uniformly and the others from the same block of items. A block holds at least 64 items, or half of a
        catalogue of fewer than 128, and blocks are drawn anew for each epoch.
    popularity_exponent
        For ``negatives="popularity"`` alone, >= 0; 0 is uniform. None: 0.5.
    candidates
        For ``negatives="hard"``, in 2..65,536: more of them press the top of the lists harder, and an epoch takes
        longer. No more are drawn than there are items.

    References
    ----------
    S. Rendle, C. Freudenthaler, Z. Gantner, L. Schmidt-Thieme, BPR: Bayesian personalized ranking from implicit
    feedback, UAI 2009, arXiv 1205.2618.
    W. Zhang, T. Chen, J. Wang, Y. Yu, Optimizing top-n collaborative filtering via dynamic negative item sampling,
    SIGIR 2013 (``"hard"``).
    A. Milogradskii et al., Revisiting BPR: an investigation into the replicability and reproducibility of a
    fundamental recommender system baseline, RecSys 2024, arXiv 2409.14217.
    """

    negatives: Literal["uniform", "popularity", "hard"] = "hard"
    popularity_exponent: float | None = None
    candidates: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_choice("negatives", ("uniform", "popularity", "hard"))
        self._check_exponent(self.popularity_exponent, self.negatives)
        self._check_count("candidates", 2, MOST_DRAWS)

    def _loss(self, items: int) -> Loss:
        return Loss("bpr", (min(self.candidates, items) if self.negatives == "hard" else 1,))

    def _exponent(self) -> float | None:
        if self.negatives != "popularity":
            return None
        return EXPONENT if self.popularity_exponent is None else self.popularity_exponent
