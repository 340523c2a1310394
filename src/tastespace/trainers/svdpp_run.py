"""One fit of SVD++ under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.errors import DivergedError
from tastespace.models.factor_model import FactorModel
from tastespace.models.info import ModelInfo, summarize
from tastespace.models.padding import Floats, duplicate, locked
from tastespace.models.solvers import Side
from tastespace.models.svdpp_rows import SvdppRows
from tastespace.trainers.als import deviation
from tastespace.trainers.base import plain
from tastespace.trainers.loop import State
from tastespace.trainers.svdpp_start import start
from tastespace.version import __version__

if TYPE_CHECKING:
    from tastespace.trainers.svdpp import SVDPlusPlus

#: What may have a rate and a penalty of its own beside the factors.
GROUPS = ("implicit", "bias")

#: Rows that are learned at once, at most. More would let more threads work, and longer steps overshoot.
BATCH = 32

#: How far all rows of a batch together may take the vectors of a column, as a multiple of the way to where one row
#: alone would have them. In Jester fits diverge at 2 and not at 1.4; batches of MovieLens stay above 20.
MOST = 1.4

#: Penalties below this are taken as this where users are solved, so that every row has one solution.
LEAST = 1e-4

#: Rows of this many ratings have in the exact solve the penalty that steps gave them, rows of n sqrt(n / 300) of it.
USUAL = 300

#: Penalty of biases there, as a multiple of that of their steps.
FIRM = 3.0

#: Mean squared error of the first epoch, in units of the ratings' variance, beyond which it diverged.
WORST = 100.0


def _joined(train: Interactions, unrated: Interactions | None) -> Csr | None:
    """Who met what, rated or not, (users, items); None where that is the same as who rated what."""
    if unrated is None:
        return None
    table = train.by_user
    users = train.users.find(unrated.users.ids)[unrated.user_rows()]
    items = train.items.find(unrated.items.ids)[unrated.by_user.indices]
    known = (users >= 0) & (items >= 0)
    joined = Csr.build(
        np.concatenate([table.row_of(), users[known]]),
        np.concatenate([table.indices, items[known]]),
        rows=table.rows,
        columns=table.columns,
        duplicates="last",
    )
    return None if joined.nnz == table.nnz else joined


def _batch(table: Csr, sets: Csr, rate: float) -> int:
    """How many rows with these ratings and sets are learned at once at this rate of implicit vectors; 1..BATCH.

    Every row of a batch learns for itself what the vectors lack, and all of it is added up. In a dense table all rows
    have the same columns and all find the same lack.
    """
    counts, steps = np.bincount(sets.indices, minlength=sets.columns).astype(np.float64), table.counts()
    share = (counts @ counts) / sets.nnz / np.count_nonzero(steps)  # of the rows, in the column of an event
    way = (steps @ -np.expm1(-rate * steps)) / table.nnz  # to where a row alone takes its vectors
    return BATCH if BATCH * share * way <= MOST else max(1, int(MOST / (share * way)))


class SvdppRun:
    """One fit under way; see :class:`tastespace.trainers.loop.Run`. Both sides are learned in the items' half."""

    def __init__(
        self, trainer: SVDPlusPlus, train: Interactions, unrated: Interactions | None, threads: int
    ) -> None:
        self.trainer, self.train, self.threads = trainer, train, threads
        settings = trainer.settled(train).params()
        self.penalties = {name: settings[f"{name}_regularization"] for name in ("user", "item", *GROUPS)}
        self.rates = {name: settings[f"{name}_learning_rate"] for name in GROUPS}
        values, weights = train.by_user.filled_values().astype(np.float64), train.by_user.weights
        self.mean, self.unit = float(np.average(values, weights=weights)), deviation(train)
        self.weight = float(len(values)) if weights is None else float(weights.sum(dtype=np.float64))
        # What is rated by row, in units of the standard deviation, and what else the sets hold.
        self.tables = self._standard(train.by_user), self._standard(train.by_item)
        joined = _joined(train, unrated)
        self.sets = (None, None) if joined is None else (joined, joined.transpose())
        self.leaning = trainer.implicit != "items", trainer.implicit != "users"
        self.plans = tuple(
            _native.SvdppPlan(
                table.indptr,
                table.indices,
                _pair(sets),
                table.columns,
                _batch(table, sets or table, self.rates["implicit"]),
                trainer.seed + side,
                threads,
            )
            if lean
            else None
            for side, (table, sets, lean) in enumerate(zip(self.tables, self.sets, self.leaning, strict=True))
        )
        self._start()

    def _start(self) -> None:
        self.epoch, self.total, self.least = 0, 0.0, np.inf
        self.factors, vectors, self.biases = start(self.trainer, self.train, self.unit)
        # Of the items, on which users lean, and of the users.
        self.vectors = tuple(x if lean else None for x, lean in zip(vectors, self.leaning, strict=True))

    def _standard(self, table: Csr) -> Csr:
        values = (table.filled_values().astype(np.float64) - self.mean) / self.unit
        return table.replace_values(values.astype(np.float32))

    def half_epoch(self, side: Literal["user", "item"]) -> None:
        if side == "item":
            self._epoch()
            if not self._good():
                raise self._diverged()
            self.least = min(self.least, self.total)

    def _epoch(self) -> None:
        totals = [self._pass(rows) for rows in (0, 1) if self.leaning[rows]]
        self.epoch += 1
        self.total = sum(totals) / len(totals)

    def _good(self) -> bool:
        """Whether the errors of the last epoch are those of training that gets on."""
        # A start may be far off, and where nothing is left to learn errors may be twice as small.
        most = WORST if self.epoch == 1 else max(2 * self.least / self.weight, 0.01)
        return self.total <= most * self.weight and all(np.isfinite(x.sum()) for x in self._all())

    def _diverged(self) -> DivergedError:
        """The error, with the model of the epoch before: the same steps again, up to there."""
        last, name = self.epoch - 1, self.trainer.fastest()
        self._start()
        for _ in range(last):
            self._epoch()
        return DivergedError(
            f"{type(self.trainer).__name__} diverged in epoch {last + 1}; lower {name}, which is "
            f"{getattr(self.trainer, name):g}",
            last + 1,
            self.model() if last else None,
        )

    def _pass(self, side: Literal[0, 1]) -> float:
        """One pass over the rows of a side; returns the sum of squared errors."""
        trainer, table, penalties = self.trainer, self.tables[side], self.penalties
        plan, vectors = self.plans[side], self.vectors[side]
        left = 1 - trainer.decay * self.epoch / trainer.epochs
        own, other = ("user", "item") if side == 0 else ("item", "user")
        assert plan is not None  # as this side leans
        assert vectors is not None
        return plan.epoch(
            table.indptr,
            table.indices,
            table.filled_values(),
            table.weights,
            _pair(self.sets[side]),
            0.0,
            [
                (left * trainer.learning_rate, penalties[own]),
                (left * trainer.learning_rate, penalties[other]),
                (left * self.rates["implicit"], penalties["implicit"]),
                (left * self.rates["bias"], penalties["bias"]),
            ],
            trainer.seed + side,
            self.epoch,
            self.factors[side],
            self.factors[1 - side],
            self._sums(1 - side, self.vectors[1 - side]),
            vectors,
            self.biases[side],
            self.biases[1 - side],
            self.threads,
        )

    def _sums(self, side: int, vectors: Floats | None) -> Floats | None:
        """What the rows of a side have from these vectors."""
        if vectors is None:
            return None
        sets = self.sets[side] or self.tables[side]
        return _native.svdpp_sums(sets.indptr, sets.indices, vectors, self.threads)

    def objective(self) -> float:
        return self.total * self.unit**2

    def _all(self) -> list[Floats]:
        return [x for x in (*self.factors, *self.vectors, *self.biases) if x is not None]

    def keep(self) -> State:
        return tuple(duplicate(x) if x.ndim == 2 else x.copy() for x in self._all())

    def measured(self) -> FactorModel:
        return self.model(tuple(self._all()))

    def model(self, state: State | None = None) -> FactorModel:
        kept = iter(state or tuple(self._all()))
        train, trainer, k = self.train, self.trainer, self.trainer.factors
        root, unit = np.float32(np.sqrt(self.unit)), np.float32(self.unit)
        _, q = next(kept), next(kept) * root
        y, z = (next(kept) * root if lean else None for lean in self.leaning)
        _, b_i = next(kept), next(kept) * unit
        lent = self._sums(1, z)
        if lent is not None:
            q += lent
        user, item, bias = (max(self.penalties[x], LEAST) * USUAL**0.5 for x in ("user", "item", "bias"))
        rows = SvdppRows(
            regularization=user * self.unit,
            item_regularization=item * self.unit,
            bias_regularization=FIRM * bias,
            mean=self.mean,
            unrated=self.sets[0] is not None,
            item_vectors=None if y is None else locked(y),
            user_vectors=None if z is None else locked(z),
        )
        sets = self.sets[0] or train.by_user
        p, b_u = rows.solve_around(train.by_user, sets, y, Side(q, b_i), rows.regularization, self.threads)
        return FactorModel(
            users=train.users,
            items=train.items,
            user_factors=p[:, :k],
            item_factors=q[:, :k],
            user_bias=b_u,
            item_bias=b_i,
            mean=self.mean,
            history=train.by_user,
            explicit=True,
            scale=train.scale,
            solver=rows,
            info=ModelInfo(
                type(trainer).__name__,
                plain(trainer.settled(train).params()),
                summarize(train),
                version=__version__,
            ),
            threads=self.threads,
        )


def _pair(sets: Csr | None) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]] | None:
    """Offsets and columns of a table, as the kernel takes them."""
    return None if sets is None else (sets.indptr, sets.indices)
