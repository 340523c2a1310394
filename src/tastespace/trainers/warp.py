"""Weighted approximate-rank pairwise loss: the top of the list counts most."""

from __future__ import annotations

from dataclasses import dataclass

from tastespace.trainers.pairwise import MOST_DRAWS, Loss, PairwiseTrainer


@dataclass(frozen=True, kw_only=True)
class WARP(PairwiseTrainer):
    r"""Lifts seen items that rank low, the more the lower their estimated rank.

    For each event (u, i) items j are drawn until one that the user has not scores above :math:`x_{ui} - 1`, at most
    ``trials`` times. If the n-th draw does, one step goes down the gradient of

    .. math::

        w_{ui} \frac{H(\lfloor I / n \rfloor)}{H(I)} (1 - x_{ui} + x_{uj}) + \text{penalties},
        \qquad H(r) = \sum_{s=1}^r \frac1s, \quad x_{ui} = b_i + p_u \cdot q_i

    where :math:`\lfloor I / n \rfloor`, at least 1, estimates among all I items the rank of i with its margin: every
    draw is uniform over all items, and items that the user has never count as above. H(I) only sets the scale, so that
    one learning rate suits catalogues of any size. The first draw is from all items, the others are from its block of
    at least 64 items (half of a catalogue of fewer than 128); blocks are drawn anew for each epoch. Further
    parameters are those of :class:`tastespace.trainers.pairwise.PairwiseTrainer`.

    Parameters
    ----------
    trials
        Draws for one event, in 1..65,536.
    positives, kth
        k-OS: for each step ``positives`` events of the user are drawn and the one with the ``kth`` highest score, as
        the epoch began, is lifted; 1 <= kth <= positives <= 65,536. (1, 1) is plain WARP: each event in turn.

    References
    ----------
    J. Weston, S. Bengio, N. Usunier, WSABIE: scaling up to large vocabulary image annotation, IJCAI 2011.
    J. Weston, H. Yee, R. J. Weiss, Learning to rank recommendations with the k-order statistic loss, RecSys 2013.
    """

    epochs: int = 30
    regularization: float = 0.04
    trials: int = 30
    positives: int = 1
    kth: int = 1

    rates = (0.03, 0.06)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("trials", "positives", "kth"):
            self._check_count(name, 1, MOST_DRAWS)
        if self.kth > self.positives:
            raise self._refuse("kth", f"at most positives, {self.positives}")

    def _loss(self, items: int) -> Loss:
        return Loss("warp", (self.trials, self.positives, self.kth))
