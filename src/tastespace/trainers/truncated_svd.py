"""The best approximation of the table of events by few factors, zeros and all."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

from tastespace.data.interactions import Interactions
from tastespace.data.memory import announce
from tastespace.data.threads import resolve_threads
from tastespace.errors import ParameterError
from tastespace.models.confidence import KINDS, Confidence, Kind
from tastespace.models.factor_model import FactorModel
from tastespace.models.padding import padded
from tastespace.models.reading import check_weights
from tastespace.trainers.base import Trainer, check_events
from tastespace.trainers.decomposition import Decomposition, matrix_of
from tastespace.trainers.init import check_memory
from tastespace.trainers.krylov import Spectrum, krylov
from tastespace.trainers.lanczos import lanczos
from tastespace.trainers.matrices import SparseMatrix
from tastespace.trainers.progress import progress_bar
from tastespace.trainers.ranks import choose, measure_of, warn_of_edge
from tastespace.trainers.stopping import Callback, Epoch, Stopping

#: Columns that a round's share of the basis has beyond the factors.
OVERSAMPLING = 16

#: Factors where neither they nor a variance is given, and the most where a validation set chooses among them.
FACTORS, MOST_FACTORS = 64, 256


@dataclass(frozen=True, kw_only=True)
class TruncatedSVD(Trainer):
    r"""The best approximation of the whole table by few factors: every cell counts the same, unseen ones are zeros.

    Minimises

    .. math:: \sum_{u,i} (x_{ui} - p_u \cdot v_i)^2

    over all p and over orthonormal columns v, with :math:`x_{ui}` = confidence(r) on events and 0 elsewhere. At the
    minimum p = U S and v = V of the truncated singular value decomposition, and a user is the projection
    :math:`p_u = \sum_i x_{ui} v_i` of the user's row: scores are those of PureSVD (Cremonesi et al. 2010), for clicks,
    counts and, with zeros for what was not rated, ratings.

    Parameters
    ----------
    factors
        Rank of the approximation, >= 1; None: 64, or what ``variance`` asks for. Factors beyond the rank of the table
        are zeros. With a validation set the largest rank that is tried; None: 256.
    variance
        The fewest factors that explain this share of the squared cells (with ``centred``: of the variance), above 0
        and at most 1; never more than ``factors`` where both are given. None: just ``factors``. Alone it may need
        almost as many factors as the table has items: memory is checked again as the basis grows, time is not.
    centred
        Take the mean from every item's column, zeros among its cells: principal components. The table stays sparse.
        Scores are means plus projections; see ``docs/math/truncated-svd.md``.
    confidence
        How the value r of an event becomes x: ``"linear"`` (ratings and counts as they are), ``"log"``, ``"bm25"`` or
        ``"tfidf"``, see :class:`tastespace.models.confidence.Confidence`. Events without values are 1. Of ratings that
        :meth:`Interactions.decay` has weighed, x is that times the weight: what is old fades into a cell of 0.
    stopping
        The metric that chooses the rank, given ``fit(train, valid=...)``, by default NDCG@10; with ``"rmse"`` or
        ``"mae"`` the error of the held-out cells. Ranks double until it has not improved ``patience`` times, then those
        beside the best are tried; ``every`` stays 1.
    solver
        ``"krylov"``: randomized block Krylov in single precision, on any number of threads. ``"lanczos"``: ARPACK in
        double precision on one, for reference.
    rounds
        Most of the work of ``"krylov"``, in passes over the table with ``factors + 16`` columns at once, >= 1. With
        ``variance`` alone, of the factors that it needs; until it is known how many, the work grows with them.
    tolerance
        Stop sooner when the squared error is, by estimate, within this share of the least possible, >= 0.
    seed
        Of the random start.
    threads
        At most this many; None: all cores. The result does not depend on it.
    progress
        Show a bar; None: if standard error is a terminal.

    References
    ----------
    C. Musco, C. Musco, Randomized block Krylov methods for stronger and faster approximate singular value
    decomposition, NIPS 2015, arXiv 1504.05477.
    P. Cremonesi, Y. Koren, R. Turrin, Performance of recommender algorithms on top-N recommendation tasks,
    RecSys 2010.
    """

    factors: int | None = None
    variance: float | None = None
    centred: bool = False
    confidence: Kind = "linear"
    stopping: Stopping | None = None
    solver: Literal["krylov", "lanczos"] = "krylov"
    rounds: int = 10
    tolerance: float = 1e-6
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
        if self.factors is not None:
            self._check_count("factors", 1)
        if self.variance is not None:
            self._check_number("variance", above=0, most=1)
        self._check_type("centred", bool, "True or False")
        self._check_choice("confidence", KINDS)
        self._check_type("stopping", (Stopping, type(None)), "a Stopping, or None")
        self._check_choice("solver", ("krylov", "lanczos"))
        if self.solver == "lanczos" and self.variance is not None:
            raise ParameterError(
                "variance of TruncatedSVD needs solver='krylov'; with 'lanczos' name the factors, and read the share "
                "that they explain from model.solver.explained_variance_ratio"
            )
        self._check_count("rounds", 1)
        self._check_number("tolerance", least=0)
        self._check_seed()
        self._check_type("progress", (bool, type(None)), "True, False or None")
        resolve_threads(self.threads)

    def settled(self, train: Interactions) -> Self:
        return self.replace(factors=FACTORS) if self.factors is None and self.variance is None else self

    def fit(
        self, train: Interactions, valid: Interactions | None = None, *, callbacks: Sequence[Callback] = ()
    ) -> FactorModel:
        """Decomposes the table of events; with ``valid``, keeps the rank that is best there.

        The model's ``item_factors`` are V, its ``user_factors`` U S, and ``model.solver`` has the
        ``singular_values`` and the ``explained_variance_ratio``; ``model.info.metrics`` sums them up.

        Parameters
        ----------
        train
            Events to decompose.
        valid
            Events to choose the rank on, apart from ``train``. One decomposition of the largest rank serves all.
        callbacks
            Called, with ``valid``, with an ``Epoch`` for each rank that was measured, rising: its ``number`` is the
            rank, its ``objective`` the squared error of that rank. The first has the seconds of the decomposition.

        Raises
        ------
        EmptyError
            Without events.
        InputError
            If these are no events; or if a value is not > 0 and the confidence needs it.
        ParameterError
            If so many factors cannot fit into memory, those that ``variance`` turns out to need too; if there is a
            stopping rule without a validation set, or its metric is unknown; or if both ``variance`` and a validation
            set would choose the rank.
        TooLargeError
            If the basis does not fit into the memory that is free.
        NumericalError
            If numbers leave the range of floats.

        Warns
        -----
        TastespaceWarning
            If the best rank is the largest that was tried.
        """
        name = type(self).__name__
        check_events(name, "train", train)
        threads = resolve_threads(self.threads)
        if valid is None:
            if self.stopping is not None:
                raise ParameterError(f"stopping of {name} needs a validation set; pass fit(train, valid=...)")
            settled = self.settled(train)
        else:
            check_events(name, "valid", valid)
            if self.variance is not None:
                raise ParameterError(
                    f"variance={self.variance:g} of {name} and a validation set would both choose the rank; leave one "
                    "of them out"
                )
            settled = self.replace(factors=self.factors or min(MOST_FACTORS, train.n_users, train.n_items))
        if self.confidence != "linear":
            check_weights(train)
        rule = self.stopping or Stopping("ndcg@10")
        measure = None
        if valid is not None:  # what cannot be measured shows here, before the work
            measure = measure_of(name, train, valid, rule, self.confidence == "linear", threads)
        confidence = Confidence.learn(self.confidence, train.by_user, train.by_item)
        start = time.perf_counter()
        matrix = matrix_of(train, confidence, self.centred, threads)
        made = Decomposition(
            settled, train, confidence, matrix, settled._decomposed(matrix, threads), threads
        )
        seconds = time.perf_counter() - start
        if measure is None:
            return made.model(made.found.k if self.variance is not None else settled.factors or FACTORS)
        largest = max(made.rank, 1)
        values = choose(made.model, largest, measure, rule)
        rank, value = next(iter(values.items()))
        if rank == settled.factors and rank < min(train.n_users, train.n_items):
            warn_of_edge(name, rank)
        for number in sorted(values) if callbacks else ():
            error, found = made.squared_error(number), {rule.metric: values[number]}
            epoch = Epoch(number, largest, seconds if number == min(values) else 0.0, error, found)
            for callback in callbacks:
                callback(epoch)
        model = made.model(rank)
        metrics = model.info.metrics | {"largest_rank": largest, rule.metric: value}
        return replace(model, info=replace(model.info, metrics=metrics))

    def _decomposed(self, matrix: SparseMatrix, threads: int) -> Spectrum:
        rows, columns = matrix.shape
        wanted = min(self.factors or FACTORS, rows, columns)
        check_memory(rows + columns, self.factors or 1)
        if self.solver == "lanczos":
            return lanczos(matrix, wanted, self.seed)
        alone = self.variance is not None and self.factors is None
        limit = self.rounds * (wanted + OVERSAMPLING)

        def grow(used: int, until: int, k: int) -> None:
            check_memory(rows + columns, k)
            need = 4 * columns * (until - used) + 32 * until**2 + 16 * padded(k) * rows
            text = (
                f"TruncatedSVD in {until:,} directions, and more while variance={self.variance:g} needs them,"
            )
            announce(text, need, "choose a smaller variance, or factors as well")

        if not alone:
            directions = min(limit, rows, columns)
            need = 4 * columns * directions + 16 * padded(wanted) * rows
            announce(
                f"TruncatedSVD in up to {directions:,} directions", need, "choose fewer factors or rounds"
            )
        with progress_bar(type(self).__name__, self.rounds, self.progress) as tick:
            return krylov(
                matrix,
                self.factors if self.variance is not None else wanted,
                share=self.variance,
                directions=(lambda k: self.rounds * (k + OVERSAMPLING)) if alone else directions,
                tolerance=self.tolerance,
                seed=self.seed,
                threads=threads,
                tick=tick,
                **({"grow": grow} if alone else {}),
            )
