"""The drawn data are valid, and as nasty as promised."""

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from tastespace.data.vocabulary import Vocabulary
from tastespace.testing import strategies

QUICK = settings(max_examples=5000, deadline=None, phases=[Phase.generate])


@given(ids=strategies.ids(min_size=2, max_size=5))
def test_ids_make_a_vocabulary(ids):
    assert 2 <= len(ids) <= 5
    assert list(Vocabulary(ids, noun="item")) == ids


@given(data=st.data(), explicit=st.booleans(), times=st.booleans())
def test_interactions_are_what_was_asked_for(data, explicit, times):
    drawn = data.draw(
        strategies.interactions(explicit=explicit, times=times, max_users=3, max_items=4, max_events=5)
    )
    assert drawn.explicit is explicit
    assert drawn.has_times is times
    assert 1 <= drawn.n_users <= 3
    assert 1 <= drawn.n_items <= 4
    assert 1 <= drawn.n_events <= 5
    values = drawn.by_user.filled_values()
    assert np.isin(values, np.arange(1, 11) / 2).all() if explicit else (values > 0).all()


@pytest.mark.parametrize(
    "wanted",
    [
        lambda drawn: drawn.explicit,
        lambda drawn: not drawn.explicit,
        lambda drawn: drawn.has_times,
        lambda drawn: drawn.users.kind == "string" and drawn.items.kind == "integer",
        lambda drawn: "" in drawn.users,
        lambda drawn: min(drawn.items, key=str) == -1,
        lambda drawn: drawn.by_user.values is None,
        lambda drawn: drawn.n_users == 1 and drawn.n_items > 1,
        lambda drawn: drawn.has_times and len(np.unique(drawn.by_user.times)) < drawn.n_events,
    ],
)
def test_every_sort_is_drawn(wanted):
    find(strategies.interactions(), wanted, settings=QUICK)
