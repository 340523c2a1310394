"""Runs a model over a test set, block by block of users."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

import tastespace._native as _native
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import NumericalError, UnsupportedError
from tastespace.evaluation.calibration import Calibration
from tastespace.evaluation.ranking import Hits
from tastespace.evaluation.rating import Errors, Residuals
from tastespace.evaluation.targets import Targets

if TYPE_CHECKING:
    from tastespace.models.protocol import Recommender


class Watcher(Protocol):
    """Sees the lists go by, block by block."""

    def add(self, start: int, end: int, ranked: NDArray[np.int32]) -> None:
        """See the lists of the scored users start..end: item rows (users, places), best first, padded with -1."""


def rank_users(
    model: Recommender,
    targets: Targets,
    n_relevant: NDArray[np.int64],
    cutoffs: tuple[int, ...],
    *,
    exclude_seen: bool,
    watchers: Sequence[Watcher] = (),
    threads: int,
    batch: int,
) -> dict[int, Hits]:
    """Rank all items for every target user, and count the hits.

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
    watchers
        Are shown the lists.
    threads
        At most this many; they change no bit of the result.
    batch
        Users per block.

    Returns
    -------
    dict
        Hits by cut-off.

    Raises
    ------
    NumericalError
        A score is NaN; names the user.
    UnsupportedError
        The model's `rank` breaks its protocol.
    """
    places = min(cutoffs[-1], len(model.items))
    deepest = min(cutoffs[-1], int(n_relevant.max()))
    # One table for gains and ideal gains, so that a perfect list gets exactly 1.
    discounts = 1.0 / np.log2(np.arange(2, max(places, deepest) + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discounts)])

    shape = (len(targets.rows), len(cutoffs))
    count, first = np.empty(shape, np.int32), np.empty(shape, np.int32)
    gain, precision = np.empty(shape), np.empty(shape)
    for start, end in _blocks(len(targets.rows), batch):
        rows = targets.rows[start:end]
        ranked, scores = model.rank(rows, places, exclude_seen=exclude_seen, threads=threads)
        _check(model, rows, places, ranked, scores)
        ranked = np.ascontiguousarray(ranked)
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
        )
        for slot, k in enumerate(cutoffs)
    }


def rate_events(
    model: Recommender, targets: Targets, scale: tuple[float, float], *, threads: int, batch: int
) -> Errors:
    """Predict every target event, and sum the errors of each user, each item and each range of predictions.

    Parameters
    ----------
    model
        Scores pairs of users and items.
    targets
        Users with at least one event each.
    scale
        Predictions are kept inside it.
    threads
        At most this many; they change no bit of the result.
    batch
        Users per block.

    Raises
    ------
    NumericalError
        A prediction is NaN or infinite; names the user and the item.
    """
    sizes = np.diff(targets.indptr)
    squared, absolute = np.empty(len(sizes)), np.empty(len(sizes))
    # Row -1 is an item that the model does not know, and the last entry.
    of_item = Residuals(
        np.zeros(len(model.items) + 1, np.int64),
        np.zeros(len(model.items) + 1),
        np.zeros(len(model.items) + 1),
    )
    calibration = Calibration(scale)
    for start, end in _blocks(len(sizes), batch):
        first, last = targets.indptr[start], targets.indptr[end]
        users, items = np.repeat(targets.rows[start:end], sizes[start:end]), targets.items[first:last]
        predicted = model.score_pairs(users, items, threads=threads)
        bad = np.flatnonzero(~np.isfinite(predicted))
        if len(bad):
            user, item = _name(model.users, users[bad[0]]), _name(model.items, items[bad[0]])
            raise NumericalError(
                f"the predicted rating of user {user} for item {item} is {predicted[bad[0]]}; check the model's factors"
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


def _blocks(n: int, size: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + size, n)) for start in range(0, n, size))


def _check(
    model: Recommender,
    rows: NDArray[np.int32],
    places: int,
    ranked: NDArray[np.int32],
    scores: NDArray[np.float32],
) -> None:
    """Look at what `rank` returned: models may be written by anyone."""
    shape = (len(rows), places)
    if ranked.dtype != np.int32 or ranked.shape != shape or scores.shape != shape:
        raise UnsupportedError(
            f"{type(model).__name__}.rank must return item rows (int32) and scores of shape {shape}; got "
            f"{ranked.dtype} of shape {ranked.shape} and scores of shape {scores.shape}"
        )
    if ranked.max() >= len(model.items):
        raise UnsupportedError(
            f"{type(model).__name__}.rank returned item row {ranked.max()}; the model has {len(model.items)} items"
        )
    nan = np.isnan(scores).any(axis=1)
    if nan.any():
        user = _name(model.users, rows[nan.argmax()])
        raise NumericalError(f"scores of user {user} are NaN; check the model's factors")


def _name(vocabulary: Vocabulary, row: np.int32) -> str:
    return repr(vocabulary.ids[row : row + 1].tolist()[0])
