"""Validated epochs: what they measure, and that measuring changes nothing."""

import numpy as np
import pytest

import tastespace as ts
from tests.models.worlds import world

TRAINERS = [
    ts.ALS(factors=6, regularization=0.02),
    ts.ALS(factors=6, solver="cholesky"),
    ts.ALS(factors=6, nonnegative=True),
    ts.ImplicitALS(factors=6, regularization=1e-3),
    ts.ImplicitALS(factors=20, solver="cholesky"),
    ts.ImplicitALS(factors=6, nonnegative=True),
]

NAMES = [f"{type(trainer).__name__}-{place}" for place, trainer in enumerate(TRAINERS)]


def parts(explicit):
    ratings = world(150, 60, 0.3, explicit=explicit)
    return ts.split.random(ratings, 0.2)


def split_for(trainer):
    return parts(explicit=isinstance(trainer, ts.ALS))


def same(a, b):
    return all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for name in ("user_factors", "item_factors", "user_bias", "item_bias")
    )


@pytest.mark.parametrize("trainer", TRAINERS, ids=NAMES)
@pytest.mark.parametrize("every", [1, 2])
def test_measuring_trains_no_differently(trainer, every):
    train, valid = split_for(trainer)
    rule = ts.Stopping("hit_rate@3", patience=20, every=every)
    watched = trainer.replace(epochs=6, stopping=rule).fit(train, valid)
    assert same(watched, trainer.replace(epochs=watched.info.metrics["best_epoch"]).fit(train))


@pytest.mark.parametrize("trainer", TRAINERS, ids=NAMES)
def test_the_model_says_what_it_reaches_itself(trainer):
    train, valid = split_for(trainer)
    model = trainer.replace(epochs=5, stopping=ts.Stopping("ndcg@5")).fit(train, valid)
    assert model.info.metrics["ndcg@5"] == ts.evaluate(model, valid, k=5)["ndcg@5"]


@pytest.mark.parametrize("trainer", TRAINERS, ids=NAMES)
def test_an_epoch_is_measured_near_what_its_model_reaches(trainer):
    train, valid = split_for(trainer)
    told = []
    trainer.replace(epochs=8, stopping=ts.Stopping("ndcg@10", patience=8)).fit(
        train, valid, callbacks=[told.append]
    )
    last = ts.evaluate(trainer.replace(epochs=8).fit(train), valid)["ndcg@10"]
    assert told[-1].validation["ndcg@10"] == pytest.approx(last, rel=0.05)


@pytest.mark.parametrize("trainer", [TRAINERS[1], TRAINERS[4]], ids=[NAMES[1], NAMES[4]])
def test_with_exact_solves_an_epoch_is_measured_as_its_model(trainer):
    train, valid = split_for(trainer)
    told = []
    model = trainer.replace(epochs=5, stopping=ts.Stopping("ndcg@10", patience=8)).fit(
        train, valid, callbacks=[told.append]
    )
    best = max(epoch.validation["ndcg@10"] for epoch in told)
    assert model.info.metrics["ndcg@10"] == pytest.approx(best, rel=1e-3)


@pytest.mark.parametrize("trainer", TRAINERS, ids=NAMES)
def test_threads_change_no_measured_epoch(trainer):
    train, valid = split_for(trainer)
    values, models = [], []
    for threads in (1, 3):
        told = []
        models.append(trainer.replace(epochs=4, threads=threads).fit(train, valid, callbacks=[told.append]))
        values.append([epoch.validation for epoch in told])
    assert values[0] == values[1]
    assert same(*models)


def test_objectives_are_those_of_a_fit_without_validation():
    train, valid = parts(explicit=False)
    told, alone = [], []
    trainer = ts.ImplicitALS(factors=6, epochs=4, stopping=ts.Stopping(patience=9))
    trainer.fit(train, valid, callbacks=[told.append])
    trainer.replace(stopping=None).fit(train, callbacks=[alone.append])
    assert [epoch.objective for epoch in told] == [epoch.objective for epoch in alone]
    assert all(epoch.seconds > 0 for epoch in told)
