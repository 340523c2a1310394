"""The rank of a truncated decomposition, chosen on held-out events."""

import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import tastespace as ts
from tastespace.errors import InputError, ParameterError, TastespaceWarning
from tastespace.trainers.ranks import choose
from tests.models.worlds import dense, world

TRAIN, VALID = ts.split.stratified(world(200, 120, 0.25, explicit=False, k=6).as_implicit(), 0.2, seed=0)
RATED, HELD = ts.split.stratified(world(200, 120, 0.25, k=6), 0.2, seed=0)


def tried(trainer, train, valid):
    """The chosen model, and the metric of each rank as callbacks are told it."""
    told = []
    model = trainer.fit(train, valid, callbacks=[told.append])
    return model, told


@pytest.mark.parametrize("centred", [False, True])
def test_keeps_the_rank_that_is_best_on_the_validation_set(centred):
    trainer = ts.TruncatedSVD(factors=64, centred=centred, stopping=ts.Stopping("ndcg@5"))
    model, told = tried(trainer, TRAIN, VALID)
    ranks = [epoch.number for epoch in told]
    assert ranks == sorted(set(ranks))
    assert {epoch.epochs for epoch in told} == {64}
    for epoch in told:
        alone = ts.TruncatedSVD(factors=epoch.number, centred=centred, tolerance=0.0, rounds=40).fit(TRAIN)
        found = ts.evaluate(alone, VALID, k=5, metrics=["ndcg"])["ndcg@5"]
        assert epoch.validation["ndcg@5"] == pytest.approx(found, abs=0.004)
        assert epoch.objective == pytest.approx(alone.info.metrics["reconstruction_error"] ** 2, rel=1e-3)
    values = {epoch.number: epoch.validation["ndcg@5"] for epoch in told}
    best = max(values.values())
    assert model.factors == min(rank for rank, value in values.items() if value == best)
    metrics = model.info.metrics
    assert metrics["rank"] == model.factors == model.info.params["factors"] < 64
    assert metrics["largest_rank"] == 64
    assert metrics["ndcg@5"] == best == ts.evaluate(model, VALID, k=5, metrics=["ndcg"])["ndcg@5"]
    assert told[0].seconds > 0
    assert not any(epoch.seconds for epoch in told[1:])


def test_the_chosen_model_is_that_of_its_rank():
    model = ts.TruncatedSVD(factors=40).fit(TRAIN, VALID)
    alone = ts.TruncatedSVD(factors=model.factors, tolerance=0.0, rounds=40).fit(TRAIN)
    np.testing.assert_allclose(model.solver.singular_values, alone.solver.singular_values, rtol=1e-5)
    np.testing.assert_allclose(model._scores(np.arange(199), 1), alone._scores(np.arange(199), 1), atol=2e-3)
    np.testing.assert_array_equal(model.fold_in_many(TRAIN).user_factors, model.user_factors)
    again = ts.TruncatedSVD(factors=40, threads=1).fit(TRAIN, VALID)
    np.testing.assert_array_equal(again.user_factors, model.user_factors)


@pytest.mark.parametrize("metric", ["rmse", "mae"])
@pytest.mark.parametrize("centred", [False, True])
def test_errors_of_held_out_cells_choose_a_rank(metric, centred):
    trainer = ts.TruncatedSVD(factors=50, centred=centred, stopping=ts.Stopping(metric))
    model, told = tried(trainer, RATED, HELD)
    cells, held = np.nan_to_num(dense(RATED)), dense(HELD)
    mean = cells.mean(axis=0) if centred else 0.0
    v = np.linalg.svd(cells - mean)[2].T
    for epoch in told:
        back = mean + (cells - mean) @ v[:, : epoch.number] @ v[:, : epoch.number].T
        errors = (back - held)[~np.isnan(held)]
        want = np.sqrt(np.square(errors).mean()) if metric == "rmse" else np.abs(errors).mean()
        assert epoch.validation[metric] == pytest.approx(want, abs=1e-3)
    values = {epoch.number: epoch.validation[metric] for epoch in told}
    assert model.info.metrics[metric] == min(values.values())
    assert model.factors < 50


def test_held_out_ones_are_cells_of_one():
    model = ts.TruncatedSVD(factors=30, stopping=ts.Stopping("rmse")).fit(TRAIN, VALID)
    rows = VALID.by_user.row_of()
    users, items = TRAIN.users.find(VALID.users)[rows], TRAIN.items.find(VALID.items)[VALID.by_user.indices]
    error = model._scores(users, 1)[np.arange(len(users)), items] - 1.0
    assert model.info.metrics["rmse"] == pytest.approx(np.sqrt(np.square(error).mean()), rel=1e-5)


def test_weights_of_held_out_ratings_fade_them():
    events = world(80, 50, 0.3, times=True).decay("3d")
    train, valid = ts.split.stratified(events, 0.2, seed=0)
    model = ts.TruncatedSVD(factors=16, stopping=ts.Stopping("mae")).fit(train, valid)
    rows = valid.by_user.row_of()
    users, items = train.users.find(valid.users)[rows], train.items.find(valid.items)[valid.by_user.indices]
    wanted = valid.by_user.values * valid.by_user.weights
    error = np.abs(model._scores(users, 1)[np.arange(len(users)), items] - wanted)
    assert model.info.metrics["mae"] == pytest.approx(error.mean(), rel=1e-5)


def curve(best, largest, patience=3, metric="ndcg@10"):
    """The ranks that are looked at where one is best, in order."""
    looked = []

    def measure(rank):
        looked.append(rank)
        away = abs(np.log(rank / best))
        return away if metric == "rmse" else -away

    found = choose(lambda rank: rank, largest, measure, ts.Stopping(metric, patience=patience))
    return looked, next(iter(found)), list(found)[1:]


@pytest.mark.parametrize("best", [1, 2, 3, 5, 24, 29, 100, 128, 1000])
@pytest.mark.parametrize("metric", ["ndcg@10", "rmse"])
def test_the_search_ends_within_a_tenth_of_the_best(best, metric):
    looked, chosen, rest = curve(best, 1000, metric=metric)
    assert len(looked) == len(set(looked)) < 24
    assert rest == sorted(rest)
    if best < 8:
        assert chosen == best
    assert 1 / 1.1 < chosen / best < 1.1


def test_patience_ends_the_climb():
    assert max(curve(8, 1000, patience=1)[0]) == 16
    assert max(curve(8, 1000, patience=2)[0]) == 32
    assert max(curve(8, 20, patience=5)[0]) == 20


def test_of_equal_values_the_smaller_rank_is_kept():
    found = choose(lambda rank: rank, 64, lambda rank: 0.5, ts.Stopping())
    assert next(iter(found)) == 1


def test_the_edge_of_the_ranks_is_warned_of():
    with pytest.warns(TastespaceWarning, match=r"best rank of TruncatedSVD is the largest.*, 2; .*factors=4"):
        model = ts.TruncatedSVD(factors=2).fit(TRAIN, VALID)
    assert model.factors == 2


def test_a_table_of_one_direction_has_one_rank():
    users, items = np.divmod(np.arange(40), 8)
    ones = pl.DataFrame({"user": users, "item": items})
    train = ts.read(ones, user="user", item="item")
    some = ts.read(pl.DataFrame({"user": [0, 99], "item": [1, 2]}), user="user", item="item")
    with pytest.warns(
        TastespaceWarning, match="1 of 2 events of valid have their user and item in train too"
    ):
        model, told = tried(ts.TruncatedSVD(factors=5, stopping=ts.Stopping("rmse")), train, some)
    assert [epoch.number for epoch in told] == [1]
    assert model.factors == model.info.metrics["largest_rank"] == 1


def test_trials_of_a_search_take_the_rank_as_it_is():
    found = ts.tune(ts.TruncatedSVD(), {"factors": [64]}, TRAIN, valid=VALID, method="grid")
    alone = ts.evaluate(ts.TruncatedSVD(factors=64).fit(TRAIN), VALID, metrics=["ndcg"])
    assert found.value == alone["ndcg@10"]


def test_comparisons_show_the_ranks_of_a_validation_set():
    split = ts.split.stratified(TRAIN, 0.2, seed=1)
    inner, valid = ts.split.stratified(split.train, 0.2, seed=2)
    sides = replace(split, train=inner)
    compared = ts.compare({"svd": ts.TruncatedSVD(factors=16)}, sides, valid=valid, threads=1)
    [run] = compared.runs["svd"]
    ranks = [point.epoch for point in run.curve]
    assert ranks == sorted(ranks)
    assert {1, 2, 4} < set(ranks) <= set(range(17))


@pytest.mark.parametrize(
    ("settings", "valid", "error", "message"),
    [
        (
            {"stopping": ts.Stopping()},
            None,
            ParameterError,
            "stopping of TruncatedSVD needs a validation set",
        ),
        ({"variance": 0.5}, VALID, ParameterError, "variance=0.5 of TruncatedSVD and a validation set would"),
        (
            {"stopping": ts.Stopping(every=2)},
            VALID,
            ParameterError,
            "every of Stopping must be 1 for TruncatedSVD, which measures ranks on a grid of its own; got 2",
        ),
        (
            {"stopping": ts.Stopping("rmse"), "confidence": "log"},
            VALID,
            ParameterError,
            "'rmse' compares cells with values, and only confidence='linear' of TruncatedSVD keeps these",
        ),
        (
            {"stopping": ts.Stopping("rmse_by_user")},
            VALID,
            ParameterError,
            "TruncatedSVD predicts no ratings, so 'rmse_by_user' cannot choose its rank",
        ),
        (
            {"stopping": ts.Stopping("ndcg")},
            VALID,
            ParameterError,
            "metric of Stopping must name its cut-off, such as 'ndcg@10'; got 'ndcg'",
        ),
        (
            {"stopping": ts.Stopping("rmse")},
            TRAIN,
            InputError,
            "events of valid have their user and item in train",
        ),
        ({}, "later", InputError, "TruncatedSVD.fit takes Interactions as valid; got str"),
    ],
)
def test_what_cannot_choose_a_rank_is_refused(settings, valid, error, message):
    with pytest.raises(error, match=re.escape(message)):
        ts.TruncatedSVD(**settings).fit(TRAIN, valid)


def test_cells_of_strangers_choose_nothing():
    strangers = ts.read(pl.DataFrame({"user": ["?"], "item": ["!"]}), user="user", item="item")
    with pytest.raises(ParameterError, match="by 'rmse': no event of valid has a user and an item of train"):
        ts.TruncatedSVD(stopping=ts.Stopping("rmse")).fit(
            ts.read(pl.DataFrame({"user": ["a"], "item": ["b"]}), user="user", item="item"), strangers
        )


def test_bad_rules_are_named():
    with pytest.raises(
        ParameterError, match="stopping of TruncatedSVD must be a Stopping, or None; got 'ndcg@10'"
    ):
        ts.TruncatedSVD(stopping="ndcg@10")
