"""Analogy queries against their definitions."""

from dataclasses import replace

import numpy as np
import pytest

import tastespace as ts
from tastespace.errors import InputError, ParameterError, UnknownItemError, UnsupportedError
from tests.models.worlds import world


@pytest.fixture(scope="module")
def model():
    return ts.ImplicitALS(factors=5, epochs=3).fit(world(explicit=False))


def ranked(model, scores, asked, n=10):
    """Ids and scores, best first, without those asked for."""
    order = [row for row in np.argsort(-scores, kind="stable") if row not in asked][:n]
    return model.items.ids[order].tolist(), scores[order]


@pytest.mark.parametrize(
    ("positive", "negative"), [([100, 103], [107]), ([101], []), ([], [102, 103]), ([105] * 2, [106])]
)
def test_add_is_the_cosine_with_the_sum_of_unit_vectors(model, positive, negative):
    q = model.item_factors / np.linalg.norm(model.item_factors, axis=1, keepdims=True)
    plus, minus = (model.items.rows(items) if items else [] for items in (positive, negative))
    wanted = q[plus].sum(axis=0) - q[minus].sum(axis=0)
    items, scores = ranked(model, q @ wanted / np.linalg.norm(wanted), {*plus, *minus})
    found = model.analogy(positive, negative)
    assert found.columns == ("neighbour", "rank", "score")
    assert found["neighbour"].tolist() == items
    assert found["rank"].tolist() == list(range(1, 11))
    np.testing.assert_allclose(found["score"], scores, atol=1e-5)


def test_multiply_is_the_quotient_of_products(model):
    q = model.item_factors / np.linalg.norm(model.item_factors, axis=1, keepdims=True)
    s = (1 + q @ q.T) / 2
    a, b, c = model.items.rows([100, 103, 107])
    items, scores = ranked(model, s[a] * s[b] / (s[c] + 0.001), {a, b, c})
    found = model.analogy([100, 103], 107, method="multiply")
    assert found["neighbour"].tolist() == items
    np.testing.assert_allclose(found["score"], scores, rtol=1e-4)


def test_one_item_is_its_own_neighbourhood(model):
    near, analogous = model.similar_items(100, 7), model.analogy(100, n=7)
    assert analogous["neighbour"].tolist() == near["neighbour"].tolist()
    np.testing.assert_allclose(analogous["score"], near["score"], atol=1e-6)


def test_no_more_answers_than_there_are(model):
    assert len(model.analogy([100, 101], [102], n=10**6)) == len(model.items) - 3


def test_items_whose_directions_cancel_say_nothing():
    twins = ts.ItemEmbedding(factors=1).fit(world(4, 2, 1.0, explicit=False))
    assert len(twins.analogy(100, 101)) == 0


def test_what_cannot_be_asked(model):
    with pytest.raises(InputError, match="analogy needs an item among positive or negative; got none"):
        model.analogy()
    with pytest.raises(
        InputError, match="analogy has item 101 among both positive and negative; take it out of one"
    ):
        model.analogy([100, 101], 101)
    with pytest.raises(ParameterError, match='method of analogy must be "add" or "multiply"; got \'cosine\''):
        model.analogy(100, method="cosine")
    with pytest.raises(ParameterError, match="n must be a whole number of at least 1; got 0"):
        model.analogy(100, n=0)
    with pytest.raises(UnknownItemError, match="-1"):
        model.analogy(100, -1)
    for wrong, message in ((1.5, r"position 0 holds 1\.5 \(float\)"), (None, "position 0 is null")):
        with pytest.raises(InputError, match=message):
            model.analogy(wrong)
        with pytest.raises(InputError, match=message):
            model.analogy(100, wrong)
    with pytest.raises(UnsupportedError, match="Popularity learns no factors, so nothing is similar"):
        ts.Popularity().fit(world(explicit=False)).analogy(100)


def test_items_of_no_direction():
    events = world(explicit=False)
    model = ts.ItemEmbedding(factors=3).fit(events)
    zero = model.item_factors.copy()
    zero[model.items.row(105)] = 0.0

    with pytest.raises(
        InputError, match="analogy cannot use item 105: its factors are all 0, so it lies in no direction"
    ):
        replace(model, item_factors=zero).analogy([100, 105])
