"""Hypothesis strategies: ids and interactions, small and nasty.

Needs Hypothesis: ``pip install hypothesis``. ::

    @given(strategies.interactions(explicit=True))
    def test_my_trainer(train):
        check_model(MyTrainer().fit(train), train)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tastespace.data.interactions import Interactions
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import MissingExtraError

try:
    from hypothesis import strategies as st
except ImportError:
    raise MissingExtraError(
        "tastespace.testing.strategies needs Hypothesis; install it with: pip install hypothesis"
    ) from None

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tastespace.models.protocol import Id

__all__ = ["ids", "interactions"]

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_INTEGERS = st.one_of(st.integers(-3, 30), st.integers(-(2**63), 2**63 - 1))
_RATINGS = st.integers(1, 10).map(lambda half_stars: half_stars / 2)
_WEIGHTS = st.one_of(st.integers(1, 20).map(float), st.floats(2.0**-10, 2.0**10, width=32))
_TIMES = st.one_of(st.integers(1_500_000_000, 1_500_000_010), st.integers(0, 2**32))  # Unix seconds


def ids(min_size: int = 1, max_size: int = 12) -> st.SearchStrategy[Sequence[Id]]:
    """Draw lists of different ids: all text (empty, long, any script) or all integers of 64 bits."""
    return st.one_of(
        st.lists(_TEXT, min_size=min_size, max_size=max_size, unique=True),
        st.lists(_INTEGERS, min_size=min_size, max_size=max_size, unique=True),
    )


@st.composite
def interactions(
    draw: st.DrawFn,
    *,
    explicit: bool | None = None,
    times: bool | None = None,
    max_users: int = 12,
    max_items: int = 12,
    max_events: int = 60,
) -> Interactions:
    """Draw interactions of at least one event, duplicates and equal times among them.

    Parameters
    ----------
    explicit
        Ratings 0.5..5 in half steps (True), weights 2**-10..2**10 (False), or either (None).
    times
        With times (True), without (False), or either (None).
    max_users, max_items, max_events
        Bounds of the size, before duplicates are merged and ids that do not occur are left out.
    """
    if explicit is None:
        explicit = draw(st.booleans())
    if times is None:
        times = draw(st.booleans())
    users, items = draw(ids(max_size=max_users)), draw(ids(max_size=max_items))
    event = st.tuples(
        st.integers(0, len(users) - 1),
        st.integers(0, len(items) - 1),
        _RATINGS if explicit else _WEIGHTS,
        _TIMES if times else st.just(0),
    )
    drawn = draw(st.lists(event, min_size=1, max_size=max_events))
    user_rows, item_rows, values, seconds = zip(*drawn, strict=True)
    return Interactions.from_events(
        Vocabulary(users, noun="user"),
        Vocabulary(items, noun="item"),
        np.array(user_rows, np.int32),
        np.array(item_rows, np.int32),
        values=np.array(values, np.float32),
        times=np.array(seconds, np.int64) if times else None,
        explicit=explicit,
    )
