"""Weights of a blend are those that do best on the validation events."""

import itertools

import numpy as np
import pytest

import tastespace as ts
from tastespace.errors import InputError, ParameterError
from tastespace.tuning.blend import _lattice, _moves
from tests.models.test_neighbours import model as neighbours
from tests.models.test_neighbours import weights
from tests.models.worlds import world


@pytest.fixture(scope="module")
def split():
    return ts.split.random(world(300, 90, 0.15, explicit=False), 0.25, seed=2)


@pytest.fixture(scope="module")
def models(split):
    return {
        "taste": ts.ImplicitALS(factors=3, epochs=5, unobserved_weight=0.1).fit(split.train),
        "crowd": ts.Popularity().fit(split.train),
        "wild": ts.ImplicitALS(factors=20, epochs=1, regularization=0.5).fit(split.train),
    }


@pytest.mark.parametrize("names", [["taste", "crowd"], ["taste", "crowd", "wild"]])
def test_no_point_of_the_lattice_is_better(split, models, names):
    chosen = {name: models[name] for name in names}
    best = ts.tune_blend(chosen, split.test, metric="ndcg@10")
    value = ts.evaluate(best, split.test, metrics="ndcg@10")["ndcg@10"]
    assert best.info.metrics["ndcg@10"] == value
    for point in _lattice(10, len(names)):
        other = ts.Blend(chosen, dict(zip(names, point, strict=True)))
        assert ts.evaluate(other, split.test, metrics="ndcg@10")["ndcg@10"] <= value
    for name in names:
        alone = ts.evaluate(models[name], split.test, metrics="ndcg@10")["ndcg@10"]
        assert best.info.metrics["alone"][name] == pytest.approx(alone, abs=1e-9)
    assert best.info.metrics["tried"] > len(_lattice(10, len(names))) - 1


def test_the_same_call_gives_the_same_weights(split, models):
    found = [ts.tune_blend(models, split.test, threads=threads) for threads in (1, 2, 5)]
    assert dict(found[0].weights) == dict(found[1].weights) == dict(found[2].weights)
    assert found[0].info == found[1].info == found[2].info


def test_a_blend_begins_with_its_own_weights(split, models):
    given = ts.Blend(models, {"taste": 0.77, "crowd": 0.11, "wild": 0.12})
    before = ts.evaluate(given, split.test, metrics="ndcg@10")["ndcg@10"]
    assert ts.tune_blend(given, split.test).info.metrics["ndcg@10"] >= before
    assert given.weights["taste"] == pytest.approx(0.77)


def test_models_without_factors_are_scored_once(split, models):
    train = split.train
    hand = neighbours(train, weights(train.n_items, 1), _events(train))
    chosen = {"taste": models["taste"], "next": hand}
    calls = []
    real = type(hand)._scores

    def counted(self, rows, threads):
        calls.append(len(rows))
        return real(self, rows, threads)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(hand), "_scores", counted)
        best = ts.tune_blend(chosen, split.test)
    assert len(calls) == 2  # for the search, and for the value of what is returned
    assert best.info.metrics["ndcg@10"] == ts.evaluate(best, split.test, metrics="ndcg@10")["ndcg@10"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tastespace.models.blend._KEPT", 0)
        assert dict(ts.tune_blend(chosen, split.test).weights) == pytest.approx(dict(best.weights))


def _events(train):
    from tastespace.models.confidence import Confidence
    from tastespace.models.profiles import WeightedEvents

    return WeightedEvents(Confidence.learn("linear", train.by_user, train.by_item))


def test_the_lattice_is_the_simplex():
    for models, parts in itertools.product((1, 2, 3, 4), (2, 5)):
        points = _lattice(parts, models)
        assert len(set(points)) == len(points)
        assert points[0] == tuple([1.0 / models] * models)
        for point in points:
            assert sum(point) == pytest.approx(1.0)
            assert min(point) >= 0
        for alone in np.eye(models):
            assert tuple(alone) in points
        for point in points:
            for moved in _moves(point, 0.05):
                assert sum(moved) == pytest.approx(1.0)
                assert min(moved) >= 0


def test_errors_are_made_small_where_they_exist(models, split):
    with pytest.raises(ParameterError, match="neither more nor less"):
        ts.tune_blend(models, split.test, metric="gini@10")
    with pytest.raises(ParameterError, match="must name its cut-off"):
        ts.tune_blend(models, split.test, metric="ndcg")


def test_a_split_is_no_validation_set(models, split):
    with pytest.raises(InputError, match=r"valid of tune_blend must be Interactions.*got Split"):
        ts.tune_blend(models, split)
