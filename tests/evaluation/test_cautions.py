"""What a report warns of: events that the model knows already, and disliked items that count as hits."""

import pytest

from tastespace.evaluation import evaluate
from tests.evaluation.worlds import Written, by_hand, interactions


def ratings(*values):
    return interactions(
        [("u", item, value) for item, value in zip("bcde", values, strict=False)], explicit=True
    )


def test_events_in_the_models_own_history_are_told():
    test = interactions([("u", "a"), ("u", "c"), ("v", "e")])
    [removed] = evaluate(by_hand(), test).warnings
    assert removed == (
        "1 of 3 relevant test events are in the model's own history: seen items are removed, so no list can hold "
        "them; hold test events out of training"
    )
    [kept] = evaluate(by_hand(), test, exclude_seen=False).warnings
    assert "own history: it may have learned from them; hold" in kept
    assert evaluate(by_hand(), interactions([("u", "c")])).warnings == ()


def test_disliked_items_that_count_as_relevant_are_told():
    test = ratings(1.0, 2.0, 4.0, 5.0)
    [warning] = evaluate(by_hand(), test).warnings
    assert warning == (
        "every test item counts as relevant, and 2 of 4 ratings are below 3, the middle of the scale; to look for "
        "liked items alone, pass relevant=4"
    )
    assert evaluate(by_hand(), test, relevant=4).warnings == ()
    assert evaluate(by_hand(), test, relevant=lambda values: values > 0).warnings == ()


def test_half_stars_and_thumbs_have_bounds_of_their_own():
    assert "below 2.75, the middle of the scale; .* pass relevant=4.5" not in str(ratings(0.5, 5.0, 4.5))
    assert evaluate(by_hand(), ratings(0.5, 4.5, 5.0)).warnings[0].endswith("pass relevant=4.5")
    assert evaluate(by_hand(), ratings(0.0, 1.0)).warnings[0].endswith("pass relevant=1")


@pytest.mark.parametrize("values", [(3.0, 4.0, 5.0), (4.0, 5.0), (4.0, 4.0)])
def test_liked_items_alone_need_no_warning(values):
    assert evaluate(by_hand(), ratings(*values)).warnings == ()


def test_ratings_and_events_are_measured_without_that_warning():
    model = Written(["u"], list("abcde"), [[1, 2, 3, 4, 5]], seen={"u": {"a"}}, scale=(1.0, 5.0))
    assert evaluate(model, ratings(1.0, 5.0), metrics="rmse").warnings == ()
    assert evaluate(model, ratings(1.0, 5.0).as_implicit()).warnings == ()
