"""Items as vectors, from the company that they keep in baskets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from tastespace.data.filters import duration_seconds
from tastespace.data.interactions import Interactions
from tastespace.data.memory import announce
from tastespace.data.threads import resolve_threads
from tastespace.errors import EmptyError
from tastespace.models.cooccurrence import Association, Meetings
from tastespace.models.embedding_rows import EmbeddingRows
from tastespace.models.factor_model import FactorModel
from tastespace.models.info import ModelInfo, summarize
from tastespace.models.padding import Floats, blank, frozen, locked, padded
from tastespace.models.solvers import Side
from tastespace.trainers.base import Trainer, check_events, plain
from tastespace.trainers.init import check_memory
from tastespace.trainers.krylov import Spectrum, krylov
from tastespace.trainers.matrices import SparseMatrix
from tastespace.trainers.progress import progress_bar
from tastespace.version import __version__

#: About so many rows tell how many cells all have.
SAMPLE = 1000

#: Bytes of a cell of the matrix while it is built, and in both orders.
CELL = 24

#: Columns that a round's share of the basis has beyond the factors.
OVERSAMPLING = 16

#: What the sum of squares is divided by at least: cells just above chance may be too small to be squared.
TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, kw_only=True)
class ItemEmbedding(Trainer):
    r"""Vectors of items from baskets, sessions or histories: those that are bought with the same things are alike.

    Every user of the events is one basket, that has an item once: of one bought again, interactions keep the last
    time alone. Where that matters, read orders or sessions as users. From the pairs of items that meet in baskets
    follows how much more often item i meets item j than chance has it,

    .. math:: M_{ij} = \frac{m_{ij}}{m_{ij} + d} \max\left(0, \log \frac{n_{ij}}{n_i \, P(j)} - \log k\right) , \qquad
        P(j) = n_j^\alpha / \textstyle\sum_l n_l^\alpha ,

    the shifted positive pointwise mutual information, shrunk where few pairs m tell it. Without shrinkage it is what
    word2vec with k negative samples factorizes (Levy and Goldberg 2014). Here it is written down, sparse, and its
    largest singular values are taken, :math:`M \approx U S V'`. The factors of items are :math:`U S^p`. With
    :math:`c_i`, the rows of :math:`V S^{1 - p}`, a basket scores item j by

    .. math:: b_j + |B|^{-a} \sum_{i \in B} q_j \cdot c_i , \qquad b_j = w \log P_1(j) ,

    the approximated sum of M over its items, beside how popular the item is: a naive Bayes classifier, tempered.

    Values of events are not used: an item is in a basket or not.

    Parameters
    ----------
    factors
        Width of the space, >= 1; those beyond the rank of M are zeros.
    negatives
        k of the shift, >= 1: pairs that meet up to k times as often as chance has it have no cell.
    smoothing
        The exponent alpha of the shares of contexts, in 0..1: below 1, rare items gain less from a chance meeting.
    subsample
        Items with more than this share of all events are thinned out: an event stays with the probability
        ``sqrt(subsample / share)``. The expected counts are used, so nothing is drawn. None: all stay.
    window
        Which events of a basket are together, by the last time of each item: a duration such as ``"30d"`` or a
        timedelta, or a number of events in the order of time (equal times in the order of the items); needs
        timestamps. None: all of them.
    pair_scaling
        Exponent s, in 0..10: a pair in a basket of n items counts :math:`(n - 1)^{-s}`, with a window by the items that
        are together on average. 0: every pair counts 1; 1: every event of a basket counts 1.
    shrinkage
        A pair that met m times has :math:`m / (m + d)` of its value, d in 0..1e9 being this number: chance meetings of
        rare items, whose ratio to what was expected is the largest of all, count little.
    eigenvalue_weight
        The exponent p, in 0..1, of the singular values in the factors of items. Scores do not depend on it, cosines do.
    popularity
        The weight w of the item's popularity in scores, >= 0.
    history_scaling
        The exponent a, in 0..1: 0 sums over a basket, 1 takes the mean. Without ``popularity`` it changes no order.
    rounds, tolerance
        Of the decomposition, as in :class:`TruncatedSVD`.
    seed
        Of its random start.
    threads
        At most this many; None: all cores. The result does not depend on it.
    progress
        Show a bar; None: if standard error is a terminal.

    References
    ----------
    O. Levy, Y. Goldberg, Neural word embedding as implicit matrix factorization, NIPS 2014.
    O. Levy, Y. Goldberg, I. Dagan, Improving distributional similarity with lessons learned from word embeddings,
    TACL 3, 2015.
    O. Barkan, N. Koenigstein, Item2Vec: neural item embedding for collaborative filtering, MLSP 2016, arXiv 1603.04259.
    """

    factors: int = 64
    negatives: float = 1.0
    smoothing: float = 0.75
    subsample: float | None = None
    window: int | str | timedelta | None = None
    pair_scaling: float = 1.0
    shrinkage: float = 30.0
    eigenvalue_weight: float = 0.5
    popularity: float = 0.0
    history_scaling: float = 0.5
    rounds: int = 10
    tolerance: float = 1e-4
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
        self._check_count("factors", 1)
        self._check_number("negatives", least=1)
        self._check_number("smoothing", least=0, most=1)
        if self.subsample is not None:
            self._check_number("subsample", above=0, most=1)
        if isinstance(self.window, str | timedelta):
            duration_seconds(self.window, "window of ItemEmbedding")
        elif self.window is not None:
            self._check_count("window", 1)
        self._check_number("pair_scaling", least=0, most=10)
        self._check_number("shrinkage", least=0, most=1e9)
        self._check_number("eigenvalue_weight", least=0, most=1)
        self._check_number("popularity", least=0)
        self._check_number("history_scaling", least=0, most=1)
        self._check_count("rounds", 1)
        self._check_number("tolerance", least=0)
        self._check_seed()
        self._check_type("progress", (bool, type(None)), "True, False or None")
        resolve_threads(self.threads)

    @property
    def association(self) -> Association:
        """What is made of the counts of pairs."""
        lasts = isinstance(self.window, str | timedelta)
        return Association(
            self.negatives,
            self.smoothing,
            self.subsample,
            self.pair_scaling,
            self.shrinkage,
            seconds=int(duration_seconds(self.window, "window")) if lasts else None,  # type: ignore[arg-type]
            events=None if lasts else self.window,  # type: ignore[arg-type]
        )

    def fit(self, train: Interactions, valid: Interactions | None = None) -> FactorModel:
        """Counts pairs and factorizes; ``valid`` is not used.

        An item that meets no other, or none more often than the shift asks for, has a vector of zeros: its cosine with
        every item is 0, and its score its popularity. ``model.solver`` has the ``contexts`` and ``singular_values``.

        Raises
        ------
        EmptyError
            Without events; without a basket of two items; or if no pair is above the shift.
        InputError
            If these are no events, or there is a window and they have no times.
        ParameterError
            If so many factors cannot fit into memory.
        TooLargeError
            If the pairs that are above the shift cannot, or what the decomposition works with.
        """
        check_events(type(self).__name__, "train", train)
        threads = resolve_threads(self.threads)
        check_memory(2 * train.n_items + train.n_users, self.factors)
        meetings = self.association.count(train, threads)
        matrix = self._matrix(train, meetings, threads)
        wanted = min(self.factors, train.n_items)
        directions = min(self.rounds * (wanted + OVERSAMPLING), train.n_items)
        announce(
            f"ItemEmbedding in up to {directions:,} directions",
            4 * train.n_items * directions + 16 * padded(wanted) * train.n_items,
            "choose fewer factors or rounds",
        )
        with progress_bar(type(self).__name__, self.rounds, self.progress) as tick:
            found = krylov(
                matrix,
                wanted,
                directions=directions,
                tolerance=self.tolerance,
                seed=self.seed,
                threads=threads,
                tick=tick,
            )
        return self._model(train, matrix, found, threads)

    def _matrix(self, train: Interactions, meetings: Meetings, threads: int) -> SparseMatrix:
        """M in both orders."""
        if not meetings.margins.any():
            raise EmptyError(
                f"ItemEmbedding has no pairs to learn from: no two items share one of the {train.n_users:,} baskets "
                "(the users of the events)"
                + (
                    " within the window; widen it"
                    if self.window is not None
                    else "; use orders, sessions or users"
                )
            )
        cells = meetings.cells(max(1, train.n_items // SAMPLE))
        announce(
            f"ItemEmbedding of {train.n_items:,} items, about {cells:,} pairs above the shift,",
            CELL * cells,
            "raise negatives, or leave rare items out by filter(min_item_events=)",
        )
        words = meetings.rows()
        if words.nnz == 0:
            raise EmptyError(
                f"no two items meet {self.negatives:g} times as often as chance has it; lower negatives of "
                "ItemEmbedding"
            )
        # Without smoothing both orders are the same.
        contexts = words if self.smoothing == 1.0 else words.transpose()
        return SparseMatrix(words, contexts, words.values, contexts.values, None, threads)

    def _model(self, train: Interactions, matrix: SparseMatrix, found: Spectrum, threads: int) -> FactorModel:
        k, n = self.factors, train.n_items
        s = np.zeros(k)
        s[: found.k] = found.values
        q, contexts = blank(n, k), blank(n, k)
        q[:, : found.k] = matrix.times(found.vectors)[:, : found.k] * _power(
            found, self.eigenvalue_weight - 1
        )
        contexts[:, : found.k] = found.vectors[:, : found.k] * _power(found, 1 - self.eigenvalue_weight)
        solver = EmbeddingRows(
            self.association,
            locked(contexts),
            s,
            self.eigenvalue_weight,
            self.history_scaling,
            self.popularity,
        )
        side = Side(locked(q), frozen(solver.biases(train)))
        p, user_bias = solver.users(train.by_user, side, threads)
        metrics = {
            "pairs": matrix.by_row.nnz,
            "rank": int(np.count_nonzero(s)),
            "explained_variance_ratio": min(float(np.square(s).sum()) / max(found.total, TINY), 1.0),
            "rounds": found.rounds,
        }
        return FactorModel(
            users=train.users,
            items=train.items,
            user_factors=locked(p)[:, :k],
            item_factors=side.factors[:, :k],
            user_bias=user_bias,
            item_bias=side.bias,
            mean=0.0,
            history=train.by_user,
            explicit=train.explicit,
            scale=None,
            solver=solver,
            info=ModelInfo(type(self).__name__, plain(self.params()), summarize(train), metrics, __version__),
            threads=threads,
        )


def _power(found: Spectrum, power: float) -> Floats:
    """The singular values to a power, and 0 where they are 0."""
    values = found.values
    return np.power(values, power, out=np.zeros_like(values), where=values > 0.0).astype(np.float32)
