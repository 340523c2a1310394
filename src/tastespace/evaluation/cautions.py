"""Sentences on test sets that mislead: events that the model knows already, and disliked items that count as hits."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tastespace.data.interactions import Interactions


def seen_warnings(counts: Mapping[str, int], *, removed: bool) -> list[str]:
    """A sentence if relevant test events are in the model's own history, or none.

    Parameters
    ----------
    counts
        See `tastespace.evaluation.report.Report.counts`.
    removed
        Whether seen items are removed from the rankings.
    """
    seen = counts["events_relevant_seen"]
    if not seen:
        return []
    effect = (
        "seen items are removed, so no list can hold them" if removed else "it may have learned from them"
    )
    return [
        f"{seen:,} of {counts['events_relevant']:,} relevant test events are in the model's own history: {effect}; "
        "hold test events out of training"
    ]


def disliked_warnings(test: Interactions) -> list[str]:
    """A sentence if ratings below the middle of their scale count as relevant because all do, or none.

    It names the least rating of the test set in the upper quarter of the scale, such as 4 of 1..5, as a bound.
    """
    if not test.explicit or test.scale is None:
        return []
    ratings = test.by_user.filled_values()
    low, high = test.scale
    if low > high / 2:  # such as 4..5: whoever made this table left the others out
        return []
    middle = (low + high) / 2
    below = int(np.count_nonzero(ratings < middle))
    liked = ratings[ratings >= low + 0.75 * (high - low)]
    if not below or not len(liked):
        return []
    return [
        f"every test item counts as relevant, and {below:,} of {len(ratings):,} ratings are below {middle:g}, the "
        f"middle of the scale; to look for liked items alone, pass relevant={liked.min():g}"
    ]
