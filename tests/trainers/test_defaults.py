"""Defaults of the trainers for events: untuned against the popular list, and what is taken from the data."""

from pathlib import Path

import numpy as np
import pytest

import tastespace as ts
from tastespace.data.vocabulary import Vocabulary

RATINGS = Path(__file__).parents[1] / "data" / "ml-latest-small" / "ratings.csv"
TRAINERS = (ts.ItemKNN, ts.UserKNN, ts.EASE, ts.ImplicitALS, ts.BPR, ts.WARP, ts.LogisticMF)


@pytest.fixture(scope="module")
def split():
    ratings = ts.read(RATINGS, user="userId", item="movieId", rating="rating")
    likes = ratings.as_implicit(at_least=4).filter(min_item_events=5)
    return ts.split.stratified(likes, 0.2, seed=0)


def ndcg(trainer, split):
    return ts.evaluate(trainer.fit(split.train), split, metrics=["ndcg@10"])["ndcg@10"]


@pytest.fixture(scope="module")
def bar(split):
    return ndcg(ts.Popularity(), split)


@pytest.mark.parametrize("kind", TRAINERS)
def test_defaults_rank_better_than_popularity(kind, split, bar):
    assert ndcg(kind(threads=1), split) > 1.4 * bar


@pytest.mark.parametrize(
    ("history", "of_pairs", "of_warp"), [(2, 0.2, 0.06), (40, 0.08, 0.048), (100, 0.05, 0.03)]
)
def test_steps_are_longer_where_histories_are_short(history, of_pairs, of_warp):
    events = ts.Interactions.from_events(
        Vocabulary(range(3), noun="user"),
        Vocabulary(range(history + 1), noun="item"),
        np.repeat(np.arange(3, dtype=np.int32), history),
        np.concatenate([np.delete(np.arange(history + 1, dtype=np.int32), user) for user in range(3)]),
        explicit=False,
    )
    for kind, rate in ((ts.BPR, of_pairs), (ts.WARP, of_warp), (ts.LogisticMF, of_pairs)):
        assert kind().settled(events).learning_rate == pytest.approx(rate)
        assert kind(learning_rate=0.2).settled(events).learning_rate == 0.2
        made_with = kind(factors=2, epochs=1).fit(events).info.params
        assert made_with["learning_rate"] == pytest.approx(rate)
