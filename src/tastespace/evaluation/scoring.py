"""Runs a model over a test set, block by block of users."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

import tastespace._native as _native
from tastespace.errors import NumericalError, UnsupportedError
from tastespace.evaluation.answers import Ranked, blamed, name_of, not_finite, ranked_by, scored_by
from tastespace.evaluation.calibration import Calibration
from tastespace.evaluation.candidates import Pool
from tastespace.evaluation.ranking import Hits, Pairs
from tastespace.evaluation.rating import Errors, Residuals
from tastespace.evaluation.targets import Targets
from tastespace.models.factor_model import FactorModel
from tastespace.models.neighbours import NeighbourModel
from tastespace.models.temporal import TemporalModel

if TYPE_CHECKING:
    from tastespace.models.protocol import Recommender

_WHOLE = 2**23  # places of whole rankings that are held at a time, 8 bytes each
_LIGHT = 16  # users whose pairs are counted natively take so many times less memory than those of a list


class Watcher(Protocol):
    """Looks at the lists of all scored users as they come by."""

    def add(self, start: int, end: int, ranked: NDArray[np.int32]) -> None:
        """Take the lists of the scored users `start` to `end` (exclusive).

        `ranked` is int32 (users, places), item rows best first, padded with -1; a cold user's list is empty. Places
        are those of the greatest cut-off, or all items where they are fewer. Blocks come in order.
        """


def rank_users(
    model: Recommender,
    targets: Targets,
    n_relevant: NDArray[np.int64],
    cutoffs: tuple[int, ...],
    *,
    exclude_seen: bool,
    threads: int,
    batch: int,
    pool: Pool | None = None,
    grades: Targets | None = None,
    watchers: Sequence[Watcher] = (),
) -> dict[int, Hits]:
    """Rank all items, or candidates, for every target user, and count the hits.

    Parameters
    ----------
    model
        Gives a block of users their lists.
    targets
        Relevant items that the model knows.
    n_relevant
        Number of relevant items with those it does not know, int64 (users,).
    cutoffs
        Ascending; a cut-off above the number of items gives lists of all items.
    exclude_seen
        Whether items in a user's history stay out of the list.
    threads
        At most this many; they change no bit of the result.
    batch
        Users per block.
    pool
        Candidates of the target users; None means all items.
    grades
        All relevant items of the target users, where graded gains are wanted.
    watchers
        Are shown every block of lists.

    Returns
    -------
    dict
        Hits by cut-off.

    Raises
    ------
    NumericalError
        A score is NaN or infinite; names the user.
    UnsupportedError
        The model's `rank` or `score_pairs` breaks its protocol.
    """
    places = min(cutoffs[-1], len(model.items))
    deepest = min(cutoffs[-1], int(n_relevant.max()))
    # One table for gains and ideal gains, so that a perfect list gets exactly 1.
    discounts = 1.0 / np.log2(np.arange(2, max(places, deepest) + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discounts)])

    shape = (len(targets.rows), len(cutoffs))
    count, first = np.empty(shape, np.int32), np.empty(shape, np.int32)
    gain, precision = np.empty(shape), np.empty(shape)
    # Zeros: where no relevant item is known to the model there is nothing to weigh, and nothing is written.
    graded, graded_ideal = (None, None) if grades is None else (np.zeros(shape), np.zeros(shape))
    if grades is not None and graded_ideal is not None:
        _native.graded_ideals(grades.indptr, grades.values, list(cutoffs), discounts, graded_ideal, threads)
    for start, end in _blocks(len(targets.rows), batch):
        ranked, _ = _lists(
            model, targets, start, end, places, exclude_seen=exclude_seen, threads=threads, pool=pool
        )
        _native.count_hits(
            ranked,
            targets.indptr[start : end + 1],
            targets.items,
            [min(k, places) for k in cutoffs],
            discounts[:places],
            count[start:end],
            first[start:end],
            gain[start:end],
            precision[start:end],
            None if grades is None else targets.values,
            None if graded is None else graded[start:end],
            threads,
        )
        for watcher in watchers:
            watcher.add(start, end, ranked)
    return {
        k: Hits(
            k,
            n_relevant,
            count[:, slot],
            first[:, slot],
            gain[:, slot],
            ideal[np.minimum(k, n_relevant)],
            precision[:, slot],
            None if graded is None else graded[:, slot],
            None if graded_ideal is None else graded_ideal[:, slot],
        )
        for slot, k in enumerate(cutoffs)
    }


def compare_pairs(
    model: Recommender,
    targets: Targets,
    n_relevant: NDArray[np.int64],
    *,
    exclude_seen: bool,
    threads: int,
    batch: int,
    pool: Pool | None = None,
) -> Pairs:
    """Count the concordant and tied pairs of every target user: a relevant item and another one.

    A factor model's scores are counted as they are made. Any other model ranks all its items, some users at a time
    so that no more than 64 MB of rankings are held; with candidates, those are ranked.

    Parameters
    ----------
    model, targets, n_relevant, exclude_seen, threads, batch, pool
        As in `rank_users`.

    Raises
    ------
    NumericalError, UnsupportedError
        As in `rank_users`.
    """
    users = len(targets.rows)
    concordant, negatives, found = (np.zeros(users, np.int64) for _ in range(3))
    factors = model if pool is None and isinstance(model, FactorModel) else None
    if factors is not None:
        size = _LIGHT * batch
    elif pool is None:
        size = max(1, min(batch, _WHOLE // len(model.items)))
    else:
        size = batch
    for start, end in _blocks(users, size):
        block = slice(start, end)
        if factors is not None:
            warm = np.flatnonzero(targets.rows[block] >= 0) + start
            rows = targets.rows[warm]
            # Cold users have no items here, so the offsets of the warm ones are all there is to take.
            indptr = targets.indptr[np.append(warm, end)]
            concordant[warm], negatives[warm], found[warm] = factors.concordant_pairs(
                rows, indptr, targets.items, exclude_seen=exclude_seen, threads=threads
            )
            broken = np.flatnonzero(found[block] < 0)
            if len(broken):
                raise not_finite(factors, targets.rows[start + broken[0]], "rank")
            continue
        places = (
            len(model.items) if pool is None else max(1, int(np.diff(pool.indptr[start : end + 1]).max()))
        )
        ranked, scores = _lists(
            model, targets, start, end, places, exclude_seen=exclude_seen, threads=threads, pool=pool
        )
        concordant[block], negatives[block], found[block] = _native.count_concordant(
            ranked, scores, targets.indptr[start : end + 1], targets.items, threads
        )
    return Pairs(n_relevant, concordant, negatives, found)


def rate_events(
    model: Recommender,
    targets: Targets,
    scale: tuple[float, float],
    *,
    threads: int,
    batch: int,
    times: NDArray[np.int64] | None = None,
) -> Errors:
    """Predict every target event, and sum the errors of each user, each item and each range of predictions.

    Parameters
    ----------
    model
        Scores pairs of users and items.
    targets
        Users with at least one event each. Ratings with a cold user or item are predicted as `predict_rows` says.
    scale
        Predictions are kept inside it.
    threads
        At most this many; they change no bit of the result.
    batch
        Users per block.
    times
        Of the events, Unix seconds in the order of the targets' items, for a model whose scores depend on them.

    Raises
    ------
    NumericalError
        A prediction is NaN or infinite; names the user and the item.
    """
    sizes = np.diff(targets.indptr)
    squared, absolute = np.empty(len(sizes)), np.empty(len(sizes))
    # Row -1 is an item that the model does not know, and the last entry.
    n_entries = len(model.items) + 1
    of_item = Residuals(np.zeros(n_entries, np.int64), np.zeros(n_entries), np.zeros(n_entries))
    calibration = Calibration(scale)
    for start, end in _blocks(len(sizes), batch):
        first, last = targets.indptr[start], targets.indptr[end]
        users, items = np.repeat(targets.rows[start:end], sizes[start:end]), targets.items[first:last]
        when = None if times is None else times[first:last]
        predicted = predict_rows(model, users, items, threads=threads, times=when)
        bad = np.flatnonzero(~np.isfinite(predicted))
        if len(bad):
            user, item = name_of(model.users, users[bad[0]]), name_of(model.items, items[bad[0]])
            raise NumericalError(
                f"the predicted rating of user {user} for item {item} is {predicted[bad[0]]}; check "
                + blamed(model, "score_pairs")
            )
        kept = np.clip(predicted, *scale).astype(np.float64)
        errors = kept - targets.values[first:last]
        # Blocks end where users end, so a user's sum never depends on the block.
        starts = targets.indptr[start:end] - first
        squared[start:end] = np.add.reduceat(errors * errors, starts)
        absolute[start:end] = np.add.reduceat(np.abs(errors), starts)
        # One event after the other, so that blocks change no bit here either.
        np.add.at(of_item.events, items, 1)
        np.add.at(of_item.squared, items, errors * errors)
        np.add.at(of_item.absolute, items, np.abs(errors))
        calibration.add(kept, targets.values[first:last])
    return Errors(Residuals(sizes, squared, absolute), of_item, calibration)


def predict_rows(
    model: Recommender,
    users: NDArray[np.int32],
    items: NDArray[np.int32],
    *,
    threads: int,
    times: NDArray[np.int64] | None = None,
) -> NDArray[np.float32]:
    """Scores of pairs of rows, of which those of cold users and items are -1.

    A cold pair gets what is known without the other: the mean and the known bias of a model that has them, or of any
    other model the mean of the ratings in its history.
    """
    warm = (users >= 0) & (items >= 0)
    if warm.all():
        return scored_by(model, users, items, threads=threads, times=times)
    predicted = np.empty(len(users), np.float32)
    when = None if times is None else times[warm]
    predicted[warm] = scored_by(model, users[warm], items[warm], threads=threads, times=when)
    users, items = users[~warm], items[~warm]
    if isinstance(model, TemporalModel):
        moments = np.full(len(users), model.time.clock.last) if times is None else times[~warm]
        of_user, of_item = model.known_biases(users, items, moments)
        predicted[~warm] = np.float32(model.mean) + of_user + of_item
    elif isinstance(model, FactorModel | NeighbourModel):
        of_user = np.where(users >= 0, model.user_bias[users], np.float32(0))
        of_item = np.where(items >= 0, model.item_bias[items], np.float32(0))
        predicted[~warm] = np.float32(model.mean) + of_user + of_item
    else:
        history = model.history
        if history is None:
            raise UnsupportedError(
                f"{type(model).__name__} holds no history, so nothing is known of cold users and items; pass "
                'cold="skip"'
            )
        predicted[~warm] = history.filled_values().mean(dtype=np.float64)
    return predicted


def _lists(
    model: Recommender,
    targets: Targets,
    start: int,
    end: int,
    places: int,
    *,
    exclude_seen: bool,
    threads: int,
    pool: Pool | None,
) -> Ranked:
    """The checked lists of the target users `start` to `end`; those of cold users are empty."""
    rows = targets.rows[start:end]
    if pool is not None:
        return _ranked_candidates(model, rows, pool, start, end, places, threads)
    warm = rows >= 0
    if warm.all():
        return ranked_by(model, rows, places, exclude_seen=exclude_seen, threads=threads)
    ranked = np.full((len(rows), places), -1, np.int32)
    scores = np.full((len(rows), places), -np.inf, np.float32)
    if warm.any():
        ranked[warm], scores[warm] = ranked_by(
            model, rows[warm], places, exclude_seen=exclude_seen, threads=threads
        )
    return ranked, scores


def _ranked_candidates(
    model: Recommender,
    rows: NDArray[np.int32],
    pool: Pool,
    start: int,
    end: int,
    places: int,
    threads: int,
) -> Ranked:
    offsets = pool.indptr[start : end + 1]
    users, items = np.repeat(rows, np.diff(offsets)), pool.items[offsets[0] : offsets[-1]]
    scores = scored_by(model, users, items, threads=threads)
    finite = np.isfinite(scores)
    if not finite.all():
        raise not_finite(model, users[finite.argmin()], "score_pairs")
    return _native.rank_candidates(offsets, items, scores, places, threads)


def _blocks(n: int, size: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + size, n)) for start in range(0, n, size))
