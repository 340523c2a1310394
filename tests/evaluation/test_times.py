"""Models whose scores depend on the moment are asked for the moments of the test events."""

import numpy as np
import pytest

import tastespace as ts
from tests.models.worlds import world

TRAINER = ts.TimeSVDPlusPlus(factors=4, epochs=4)


@pytest.fixture(scope="module")
def split() -> ts.Split:
    return ts.split.random(world(80, 60, times=True), test=0.3, seed=1)


def by_hand(model: ts.TemporalModel, test: ts.Interactions) -> float:
    table = test.by_user
    users, items = test.users.ids[test.user_rows()], test.items.ids[table.indices]
    known = (model.users.find(users) >= 0) & (model.items.find(items) >= 0)
    predicted = model.predict(users[known].tolist(), items[known].tolist(), at=table.times[known])
    return float(np.sqrt(np.mean((predicted - table.filled_values()[known]) ** 2)))


def test_ratings_are_predicted_at_their_times(split):
    model = TRAINER.fit(split.train)
    report = ts.evaluate(model, split)
    assert report["rmse"] == pytest.approx(by_hand(model, split.test), rel=1e-6)
    assert "ratings of" in report.protocol
    assert "predicted, each at its time, kept inside 1..5" in report.protocol


def test_other_models_are_not_asked_for_moments(split):
    report = ts.evaluate(ts.Baseline().fit(split.train), split)
    assert "each at its time" not in report.protocol


def test_cold_ones_have_the_bias_of_the_other_side_at_that_time(split):
    few = split.train.filter(
        users=split.train.users.ids[:50].tolist(), items=split.train.items.ids[:40].tolist()
    )
    model = TRAINER.fit(few)
    test = split.test
    table = test.by_user
    u, i = model.users.find(test.users.ids)[test.user_rows()], model.items.find(test.items.ids)[table.indices]
    predicted = np.empty(len(u))
    for event, (user, item, moment) in enumerate(zip(u, i, table.times, strict=True)):
        now = model.at(int(moment))
        if user >= 0 and item >= 0:
            predicted[event] = now.score_pairs(u[event : event + 1], i[event : event + 1])[0]
        else:
            predicted[event] = (
                now.mean
                + (now.user_bias[user] if user >= 0 else 0)
                + (now.item_bias[item] if item >= 0 else 0)
            )
    wanted = np.sqrt(np.mean((np.clip(predicted, 1, 5) - table.filled_values()) ** 2))
    assert ts.evaluate(model, test, cold="score")["rmse"] == pytest.approx(wanted, rel=1e-5)
    assert ts.evaluate(model, test)["rmse"] == pytest.approx(by_hand(model, test), rel=1e-6)


def test_without_times_the_end_of_training_is_meant(split):
    model = TRAINER.fit(split.train)
    table = split.test.by_user
    timeless = ts.Interactions.from_events(
        split.test.users,
        split.test.items,
        split.test.user_rows(),
        table.indices,
        values=table.values,
        explicit=True,
        scale=split.test.scale,
    )
    report = ts.evaluate(model, timeless)
    predicted = ts.evaluate(model.at(model.time.clock.last), timeless)
    assert report["rmse"] == predicted["rmse"]
    assert "each at its time" not in report.protocol


def test_folded_in_users_are_tested_too():
    split = ts.split.users_out(world(80, 60, times=True), seed=1)
    report = ts.evaluate(TRAINER.fit(split.train), split)
    assert 0 < report["rmse"] < 3


def test_re_ranked_models_are_asked_for_moments_too(split):
    model = TRAINER.fit(split.train)
    assert ts.evaluate(model.reranked(diversity=0.5), split)["rmse"] == ts.evaluate(model, split)["rmse"]


def test_it_is_compared_and_tuned_like_any_other(split):
    table = ts.compare({"time": TRAINER, "base": ts.Baseline()}, split, metrics=["rmse"])
    assert "time" in str(table)
