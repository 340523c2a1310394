"""Models of other people: what they must be and answer to be measured."""

import numpy as np
import pytest

import tastespace as ts
from tastespace.errors import InputError, NumericalError, UnsupportedError
from tastespace.evaluation import Candidates, evaluate
from tests.evaluation.worlds import Written, by_hand, interactions


class Broken(Written):
    """Answers with what it is told."""

    def rank(self, user_rows, n, *, exclude_seen=True, threads=None):
        return self.breaks(*super().rank(user_rows, n, exclude_seen=exclude_seen))


def broken(breaks):
    model = Broken(list("uv"), list("abcde"), by_hand().scores, seen={"u": {"a"}, "v": {"b"}})
    model.breaks = breaks
    return model


TEST = interactions([("u", "c"), ("v", "e")])


def put(array, place, value):
    array[1, place] = value
    return array


@pytest.mark.parametrize(
    ("breaks", "message"),
    [
        (lambda r, s: None, r"two arrays of shape \(2, 5\): item rows \(int32\) .*; got None"),
        (lambda r, s: r, r"and their scores \(float32\); got int32 of shape \(2, 5\)"),
        (lambda r, s: (r, s, s), "got a tuple"),
        (lambda r, s: (r.tolist(), s.tolist()), "got a list and a list"),
        (lambda r, s: (r, None), r"got int32 of shape \(2, 5\) and None"),
        (lambda r, s: (r.astype(np.int64), s), r"got int64 of shape \(2, 5\) and float32"),
        (lambda r, s: (r, s.astype(str)), r"got int32 of shape \(2, 5\) and <U32 of shape"),
        (lambda r, s: (r[:, :2], s[:, :2]), r"got int32 of shape \(2, 2\) and float32"),
        (lambda r, s: (r, s[:, :2]), r"got int32 of shape \(2, 5\) and float32 of shape \(2, 2\)"),
        (
            lambda r, s: (put(r, 1, 7), s),
            "Broken.rank returned item row 7 for user 'v'; the model has 5 items, and -1 fills",
        ),
        (lambda r, s: (put(r, 1, -2), s), "Broken.rank returned item row -2 for user 'v'"),
        (
            lambda r, s: (put(r, 2, 4), s),
            "Broken.rank returned item 'e' twice for user 'v', at places 1 and 3; a list holds an item once",
        ),
        (
            lambda r, s: (put(r, 2, -1), s),
            r"Broken.rank returned an item after the padding \(-1\) for user 'v', at place 4",
        ),
        (
            lambda r, s: (r, put(s, 1, 9.0)),
            "Broken.rank returned scores that rise for user 'v', from 4 at place 1 to 9; a list goes from the best",
        ),
        (lambda r, s: (r, -s), "Broken.rank returned scores that rise for user 'u'"),
    ],
)
@pytest.mark.parametrize("metrics", [["recall@5"], ["auc"]])
def test_lists_that_break_the_protocol(breaks, message, metrics):
    with pytest.raises(UnsupportedError, match=message):
        evaluate(broken(breaks), TEST, metrics=metrics)


def test_an_item_named_twice_is_never_counted_twice():
    model = broken(lambda r, s: (np.repeat(r[:, :1], 2, axis=1), np.repeat(s[:, :1], 2, axis=1)))
    with pytest.raises(UnsupportedError, match="returned item 'd' twice for user 'u', at places 1 and 2"):
        evaluate(model, interactions([("u", "d"), ("u", "e")]), k=2)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_scores_that_are_no_numbers_are_the_models_own(bad):
    model = broken(lambda r, s: (r, put(s.astype(np.float64), 0, bad)))
    with pytest.raises(
        NumericalError, match=r"scores of user 'v' are NaN or infinite; check what Broken\.rank computes"
    ):
        evaluate(model, TEST)


def test_scores_may_be_double_and_lie_in_memory_as_they_like():
    model = broken(lambda r, s: (np.asfortranarray(r), np.asfortranarray(s.astype(np.float64))))
    assert evaluate(model, TEST, k=2).metrics == evaluate(by_hand(), TEST, k=2).metrics


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda n: None, "got None"),
        (lambda n: [1.0] * n, "got a list"),
        (lambda n: np.zeros((n, 1), np.float32), r"got float32 of shape \(\d, 1\)"),
        (lambda n: np.zeros(n, object), "got object of shape"),
    ],
)
@pytest.mark.parametrize("cold", ["skip", "score"])
def test_pairs_that_break_the_protocol(answer, message, cold):
    model = Written(list("uv"), list("abcde"), by_hand().scores, seen={"u": {"a"}}, scale=(1.0, 5.0))
    model.score_pairs = lambda users, items, threads=None: answer(len(users))
    test = interactions([("u", "c", 3.0), ("u", "x", 2.0)], explicit=True)
    with pytest.raises(UnsupportedError, match=r"Written\.score_pairs must return an array .*" + message):
        evaluate(model, test, metrics="rmse", cold=cold)
    with pytest.raises(UnsupportedError, match=r"Written\.score_pairs must return an array .*" + message):
        evaluate(model, test, metrics="mrr", candidates=Candidates({"u": ["c", "d"]}))


def test_ratings_that_are_no_numbers_are_the_models_own():
    model = Written(list("uv"), list("abcde"), by_hand().scores * np.nan, seen={"u": {"a"}}, scale=(1.0, 5.0))
    with pytest.raises(
        NumericalError, match=r"for item 'c' is nan; check what Written\.score_pairs computes"
    ):
        evaluate(model, interactions([("u", "c", 3.0)], explicit=True), metrics="rmse")


class Estimator:
    model_ = by_hand()

    def fit(self, train):
        return self


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (ts.ALS(), r"a fitted model is needed; got ALS, which is not fitted: fit it first"),
        (
            ts.ALS,
            r"a fitted model is needed; got the class ALS: fit it first, as in ALS\(\.\.\.\)\.fit\(train\)",
        ),
        (Estimator(), "got the estimator Estimator: pass its model_"),
        (
            None,
            r"such as ts\.ALS\(\)\.fit\(train\); got NoneType, which has no users, items, history, scale, rank",
        ),
        ("model.taste", "got str, which has no users"),
    ],
)
def test_what_is_not_fitted(model, message):
    with pytest.raises(InputError, match=message):
        evaluate(model, TEST)


def test_ids_must_be_a_vocabulary():
    model = by_hand()
    model.users = ["u", "v"]
    with pytest.raises(
        InputError, match=r'Written.users must be a Vocabulary; got list: make one .*noun="user"'
    ):
        evaluate(model, TEST)
