"""The linear item-item model with nothing on the diagonal: what neural recommenders have to beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.data.memory import announce
from tastespace.data.threads import resolve_threads
from tastespace.errors import NumericalError, TooLargeError
from tastespace.models.confidence import KINDS, Confidence, Kind
from tastespace.models.info import ModelInfo, summarize
from tastespace.models.neighbours import NeighbourModel
from tastespace.models.padding import Floats, locked
from tastespace.models.profiles import WeightedEvents
from tastespace.models.reading import check_weights
from tastespace.trainers.base import Trainer, check_events, plain
from tastespace.trainers.inverse import invert, ticks, workspace
from tastespace.trainers.progress import progress_bar
from tastespace.version import __version__

#: About so many rows tell how many pairs of items meet.
SAMPLE = 1000

#: Bytes that counting takes for an event, at most: lists by rank, places in them, and values or bits.
COUNTING = 12

#: How the kernels take a table.
_Table = tuple[np.ndarray, np.ndarray, Floats | None]

#: With more, nothing but rounding is left in float32.
MOST_PENALTY = 1e30


@dataclass(frozen=True, kw_only=True)
class EASE(Trainer):
    r"""Item-item weights by ridge regression of every item on all others, in closed form.

    Minimises

    .. math:: \|X - X B\|_F^2 + \lambda \|B\|_F^2 \quad \text{with } B_{jj} = 0

    where X (users, items) holds the confidence of each event and 0 elsewhere. With
    :math:`P = (X'X + \lambda I)^{-1}` the minimum is :math:`B_{ij} = -P_{ij} / P_{jj}`; a user's scores are the row of
    X times B. One matrix of items x items in float32 is counted, inverted in place by LAPACK (``spotrf``, ``spotri``,
    by blocks where it is large), and becomes the weights. What it takes is logged before it starts, and refused if it
    is more than is free. LAPACK runs on threads of NumPy and SciPy, so the bits of the inverse may depend on their
    number; all else does not.

    With ``sparse`` the minimum is taken over columns of B that are 0 but on ``neighbours`` items: those that lower the
    objective of the column most on their own, by :math:`(X'X)_{ij}^2 / ((X'X)_{ii} + \lambda)`. Each column is solved
    exactly, by one small Cholesky factorization, so time and memory grow with the pairs of items that meet and not with
    all pairs, and nothing depends on the number of threads. ``docs/math/ease.md`` has the derivation.

    Parameters
    ----------
    regularization
        :math:`\lambda` > 0 and at most 1e30, in squared units of X: an item of few events is drawn to weights of 0.
    confidence
        How the value r of an event becomes its entry in X: ``"linear"``, ``"log"``, ``"bm25"`` or ``"tfidf"``, see
        :class:`tastespace.models.confidence.Confidence`; all 1 where events have no values.
    sparse
        Keep few weights for each item.
    neighbours
        Most weights of a column, >= 1; with ``sparse`` alone.
    threads
        At most this many beside those of LAPACK; None: all cores. Does not change a bit.
    progress
        Show a bar; None: if standard error is a terminal.

    References
    ----------
    H. Steck, Embarrassingly shallow autoencoders for sparse data, WWW 2019, arXiv 1905.03375.
    M. J. Grote, T. Huckle, Parallel preconditioning with sparse approximate inverses, SIAM J. Sci. Comput. 18(3), 1997.
    M. Spišák et al., Scalable approximate nonsymmetric autoencoder for collaborative filtering, RecSys 2023.
    """

    regularization: float = 300.0
    confidence: Kind = "log"
    sparse: bool = False
    neighbours: int = 200
    threads: int | None = None
    progress: bool | None = None

    def __post_init__(self) -> None:
        """Checks every setting.

        Raises
        ------
        ParameterError
            Naming the setting, what it must be, and what it is.
        """
        self._check_number("regularization", above=0, most=MOST_PENALTY)
        self._check_choice("confidence", KINDS)
        self._check_type("sparse", bool, "True or False")
        self._check_count("neighbours", 1)
        self._check_type("progress", (bool, type(None)), "True, False or None")
        resolve_threads(self.threads)

    def fit(self, train: Interactions, valid: Interactions | None = None) -> NeighbourModel:
        """Learns from events; the values are weights (ratings too, unless ``as_implicit`` made them 1).

        ``valid`` is not used.

        Raises
        ------
        EmptyError
            Without events.
        InputError
            If a value is not > 0.
        TooLargeError
            If the matrix of all pairs of items would not fit in memory; ``sparse=True`` names what may.
        NumericalError
            If the regularization is too small for the precision of float32.
        """
        check_events(type(self).__name__, "train", train)
        check_weights(train)
        threads = resolve_threads(self.threads)
        profile = WeightedEvents(Confidence.learn(self.confidence, train.by_user, train.by_item))
        values = profile.values(train.by_user)
        known, held = train.by_user, train.by_item
        by_user: _Table = (known.indptr, known.indices, values)
        by_item: _Table = (held.indptr, held.indices, None)
        if values is not None:
            turned = Csr(known.indptr, known.indices, known.columns, values).transpose()
            by_item = (turned.indptr, turned.indices, turned.filled_values())
        fit = self._few if self.sparse else self._all
        return NeighbourModel(
            users=train.users,
            items=train.items,
            weights=fit(by_user, by_item, train, threads),
            item_bias=np.zeros(train.n_items, np.float32),
            mean=0.0,
            history=train.by_user,
            explicit=train.explicit,
            scale=None,
            solver=profile,
            info=ModelInfo(type(self).__name__, plain(self.params()), summarize(train), version=__version__),
        )

    def _all(self, by_user: _Table, by_item: _Table, train: Interactions, threads: int) -> Floats:
        """The weights between all items: one matrix, from counts to weights in place."""
        n = train.n_items
        remedy = (
            "EASE(sparse=True) keeps few weights for each item; filter(min_item_events=) leaves rare ones out"
        )
        need = 4 * n * n + max(COUNTING * len(train), workspace(n))
        what = announce(f"EASE of {n:,} items", need, remedy)
        with progress_bar(what, 2 + ticks(n), self.progress) as tick:
            try:
                matrix = np.empty((n, n), np.float32)
            except MemoryError:
                raise TooLargeError(f"{what}, and the system does not give it; {remedy}") from None
            _native.ease_gram(by_user, by_item, self.regularization, matrix, threads)
            tick("counted")
            failed = invert(matrix, lambda: tick("inverting"))
            if failed:
                raise self._too_small(train, failed - 1)
            try:
                _native.ease_weights(matrix, threads)
            except ArithmeticError as error:
                raise self._too_small(train, error.args[0]) from None
            tick("weighed")
        return locked(matrix)

    def _few(self, by_user: _Table, by_item: _Table, train: Interactions, threads: int) -> Csr:
        """A few weights for each item: column by column."""
        n = train.n_items
        pairs = _native.ease_cells(by_user, by_item, max(1, n // SAMPLE), threads)
        # The pairs that meet, and the columns three times: as found, as one table, by rows.
        need = 8 * pairs + 24 * n * min(n, self.neighbours)
        what = announce(
            f"EASE(sparse=True) of {n:,} items, of which {pairs:,} pairs meet,",
            need,
            "leave rare items out by filter(min_item_events=), or very active users",
        )
        with progress_bar(what, 1, self.progress) as tick:
            try:
                columns = _native.ease_columns(
                    by_user, by_item, self.regularization, self.neighbours, threads
                )
            except ArithmeticError as error:
                raise self._too_small(train, error.args[0]) from None
            tick("weighed")
        return Csr(columns[0], columns[1], n, columns[2]).transpose()

    def _too_small(self, train: Interactions, row: int) -> NumericalError:
        [item] = train.items.ids[row : row + 1].tolist()
        return NumericalError(
            f"EASE cannot solve item {item!r} in single precision with regularization={self.regularization:g}; raise it"
        )
