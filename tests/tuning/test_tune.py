import dataclasses

import numpy as np
import pytest

import tastespace as ts
from tastespace.errors import EmptyError, InputError, ParameterError
from tastespace.tuning import trial
from tastespace.tuning.trial import Validation
from tests.tuning.worlds import SPACE, Fragile, clicks, rows, trained


@pytest.fixture(scope="module")
def split():
    return ts.split.random(clicks(), 0.25)


@pytest.fixture
def stop_at(monkeypatch):
    """Make the n-th trial raise."""

    def arm(number, error):
        calls = [0]
        run = Validation.run

        def counted(self, *arguments):
            calls[0] += 1
            if calls[0] == number:
                raise error
            return run(self, *arguments)

        monkeypatch.setattr(Validation, "run", counted)

    return arm


def test_the_test_side_is_not_looked_at(split):
    blind = dataclasses.replace(split, test=clicks(2, 3))
    found = ts.tune(trained(), SPACE, blind, trials=4)
    assert rows(found) == rows(ts.tune(trained(), SPACE, split, trials=4))


def test_values_are_those_of_evaluate(split):
    inner = split.recipe.again(split.train)
    found = ts.tune(trained(), SPACE, split, trials=5, prune=False, metric="map@5")
    assert found.metric == "map@5"
    assert len(found.trials) == 5
    values = []
    for row in found.trials.rows():
        settings = {name: row[name] for name in (*SPACE, "epochs")}
        model = trained().replace(**settings).fit(inner.train)
        values.append(ts.evaluate(model, inner.test, k=5)["map@5"])
    assert found.trials["value"].tolist() == values
    assert found.value == max(values)
    assert found.curve.tolist() == np.maximum.accumulate(values).tolist()
    best = next(row for row in found.trials.rows() if row["value"] == max(values))
    assert found.params == {name: best[name] for name in (*SPACE, "epochs")}
    assert found.trainer == trained().replace(**found.params)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ts.split.by_time(clicks(), 0.75),
        lambda: ts.split.last_out(clicks(), 2),
        lambda: ts.split.users_out(clicks(), users=0.2, known=0.5),
        lambda: ts.split.users_out(clicks(explicit=True), users=0.2, known=0.5),
    ],
    ids=["by_time", "last_out", "users_out", "users_out of ratings"],
)
def test_a_trial_is_measured_as_evaluate_measures_its_model_on_the_validation_split(make, monkeypatch):
    run, models = Validation.run, []

    def kept(self, *arguments):
        outcome = run(self, *arguments)
        models.extend(outcome.models)
        return outcome

    monkeypatch.setattr(Validation, "run", kept)
    split = make()
    trainer = ts.ALS(factors=3, epochs=3) if split.train.explicit else trained()
    found = ts.tune(trainer, {"factors": [2, 4]}, split, method="grid", prune=False, threads=2)
    inner = split.recipe.again(split.train)
    values = [ts.evaluate(model, inner)["ndcg@10"] for model in models]
    assert found.trials["value"].tolist() == values


def test_the_split_itself_is_measured_with_the_threads_of_the_search(monkeypatch):
    asked = []
    monkeypatch.setattr(
        trial,
        "evaluate",
        lambda *args, **options: asked.append((args, options)) or ts.evaluate(*args, **options),
    )
    ts.tune(trained(), {"factors": [2]}, ts.split.users_out(clicks()), trials=1, threads=2)
    [((_, valid), options)] = asked
    assert isinstance(valid, ts.Split)
    assert options["threads"] == 2


def test_the_trainer_itself_is_tried_first(split):
    first = next(ts.tune(trained(regularization=0.01), SPACE, split, trials=1).trials.rows())
    assert (first["factors"], first["regularization"]) == (4, 0.01)


@pytest.mark.parametrize("method", ["tpe", "random", "grid"])
def test_the_same_call_gives_the_same_answer_on_any_number_of_threads(split, method):
    space = {"factors": [2, 4], "confidence": ["log", "bm25"]} if method == "grid" else SPACE
    a, b = (
        ts.tune(trained(), space, split, trials=14, method=method, threads=threads, seed=3)
        for threads in (1, 3)
    )
    assert rows(a) == rows(b)
    assert a.trainer == b.trainer


def test_seeds_of_the_search_differ(split):
    a, b = (ts.tune(trained(), SPACE, split, trials=3, method="random", seed=seed) for seed in (0, 1))
    assert rows(a)[1:] != rows(b)[1:]


def test_a_grid_goes_through_all_combinations(split):
    found = ts.tune(
        trained(), {"factors": [2, 4], "solver": ["pcg", "cholesky"]}, split, method="grid", prune=False
    )
    assert list(zip(found.trials["factors"].tolist(), found.trials["solver"].tolist(), strict=True)) == [
        (2, "pcg"),
        (2, "cholesky"),
        (4, "pcg"),
        (4, "cholesky"),
    ]


def test_what_was_tried_is_not_fitted_again(split, stop_at):
    stop_at(3, AssertionError("fitted again"))
    found = ts.tune(trained(), {"factors": [2, 4]}, split, trials=6, method="random", prune=False)
    assert len(found.trials) == 6
    assert np.count_nonzero(found.trials["seconds"]) == 2


@pytest.mark.parametrize("prune", [True, "median", "halving"])
def test_trials_that_fall_behind_are_ended(split, prune):
    space = {"regularization": (1e-5, 100.0, "log")}
    found = ts.tune(trained(epochs=12), space, split, trials=25, method="random", prune=prune)
    states = found.trials["state"]
    assert set(states) == {"complete", "pruned"}
    assert np.isfinite(found.trials["value"]).all()
    whole = states == "complete"
    assert found.value == found.trials["value"][whole].max()
    again = ts.tune(trained(epochs=12), space, split, trials=25, method="random", prune=False)
    assert set(again.trials["state"]) == {"complete"}


def test_several_seeds_are_averaged(split):
    inner = split.recipe.again(split.train)
    found = ts.tune(trained(seed=7), {"factors": [3]}, split, trials=1, seeds=2)
    rule = ts.Stopping("ndcg@10", patience=5)
    models = [trained(factors=3, seed=seed, stopping=rule).fit(inner.train, inner.test) for seed in (7, 8)]
    assert found.value == np.mean([model.info.metrics["ndcg@10"] for model in models])
    assert found.trainer.epochs == max(
        1, round(np.mean([model.info.metrics["best_epoch"] for model in models]))
    )
    assert found.trainer.seed == 7


def test_errors_are_made_small():
    ratings = ts.split.random(clicks(explicit=True), 0.2)
    trainer = ts.ALS(factors=4, epochs=6, threads=1)
    found = ts.tune(
        trainer, {"regularization": (0.01, 10.0, "log")}, ratings, trials=8, metric="rmse", prune=False
    )
    assert found.value == found.trials["value"].min()
    assert found.curve[-1] == found.value


def test_trainers_without_epochs():
    split = ts.split.by_time(clicks(), 0.8)
    found = ts.tune(ts.Popularity, None, split, trials=4, method="random")
    assert set(found.params) == {"half_life"}
    assert set(found.trials["epochs"]) == {0}
    ratings = ts.split.random(clicks(explicit=True), 0.2)
    found = ts.tune(ts.Baseline, None, ratings, trials=4, metric="rmse")
    assert 0.5 <= found.params["regularization"] <= 50


def test_relevance_counts_in_every_epoch():
    ratings = ts.split.random(clicks(explicit=True).filter(), 0.3)
    inner = ratings.recipe.again(ratings.train)
    found = ts.tune(ts.ALS(factors=3, epochs=4), {"regularization": [0.1]}, ratings, trials=1, relevant=4.0)
    model = found.trainer.fit(inner.train)
    assert found.value == ts.evaluate(model, inner.test, relevant=4.0)["ndcg@10"]
    by_function = ts.tune(
        ts.ALS(factors=3, epochs=4), {"regularization": [0.1]}, ratings, trials=1, relevant=lambda r: r >= 4
    )
    assert by_function.value == found.value
    with pytest.raises(EmptyError, match="has a relevant item, where relevant = "):
        ts.tune(ts.ALS, None, ratings, relevant=99.0)


def test_given_validation_events(split):
    inner = split.recipe.again(split.train)
    found = ts.tune(trained(), SPACE, inner.train, valid=inner.test, trials=3)
    assert rows(found) == rows(ts.tune(trained(), SPACE, split, trials=3))
    with pytest.raises(
        InputError, match=r"so there is no test side; call ts.evaluate\(tuning.fit\(\), test\)"
    ):
        found.evaluate()
    assert "no test side" in repr(found)


def test_the_stopping_rule_of_the_trainer_keeps_its_patience(split):
    patient = trained(epochs=9, stopping=ts.Stopping("rmse", patience=1, every=3))
    found = ts.tune(patient, {"factors": [3]}, split, trials=1)
    assert found.trainer.stopping is None
    assert found.trainer.epochs in (3, 6, 9)


def test_trials_that_leave_the_numbers_fail_alone(split):
    found = ts.tune(Fragile, {"strength": [0.1, 1.0]}, split, method="grid")
    assert found.trials["state"].tolist() == ["failed", "complete"]
    assert np.isnan(found.trials["value"][0])
    assert np.isnan(found.curve[0])
    assert found.trainer == Fragile(strength=1.0)
    with pytest.raises(EmptyError, match="none of the 1 trials could be finished"):
        ts.tune(Fragile, {"strength": [0.1]}, split, method="grid")


def test_ctrl_c_keeps_the_best_so_far(split, stop_at, capsys):
    stop_at(4, KeyboardInterrupt())
    found = ts.tune(trained(), SPACE, split, trials=20)
    assert len(found.trials) == 3
    assert capsys.readouterr().err == "interrupted: the best of 3 trials is kept\n"
    stop_at(1, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        ts.tune(trained(), SPACE, split, trials=20)


def test_a_budget_lets_at_least_one_trial_finish(split):
    found = ts.tune(trained(), SPACE, split, trials=50, seconds=1e-9)
    assert found.trials["state"].tolist() == ["complete"]


def test_growing_goes_from_model_to_model(split):
    base = trained(factors=2, epochs=8, solver="cholesky")
    found = ts.tune(base, {"regularization": [1e-3, 1e-2]}, split, method="grid", grow=16, prune=False)
    grown = found.trials["factors"][found.trials["state"] == "grown"]
    assert grown.tolist() == [4, 4, 8, 8, 16, 16][: len(grown)]  # two penalties each
    assert len(grown) in (2, 4, 6)
    stages = found.stages
    assert [stage.factors for stage in stages] == [2, 4, 8, 16][: len(stages)]
    assert found.trainer == stages[-1]
    model = None
    for stage in stages:
        model = stage.replace(init=model).fit(split.train)
    assert np.array_equal(model.item_factors, found.fit().item_factors)
    assert found.params["factors"] == stages[-1].factors or len(stages) == 1


def test_a_trainer_grows_as_it_is(split):
    base = trained(factors=4)
    found = ts.tune(base, {}, split, grow=16)
    assert found.trials["state"].tolist() == ["complete", *["grown"] * (len(found.trials) - 1)]
    assert found.trials["factors"].tolist() == [4, 8, 8, 16, 16][: len(found.trials)]
    alone = ts.tune(base, {"cg_steps": [base.cg_steps]}, split, trials=1)
    assert found.trials["value"][0] == alone.value
    again = ts.tune(base, {}, split, grow=16, trials=9)
    assert again.trials["value"].tolist() == found.trials["value"].tolist()
    with pytest.raises(ParameterError, match="space must map parameters to what they may be"):
        ts.tune(base, {}, split)


def test_growing_stops_at_ctrl_c(split, stop_at, capsys):
    stop_at(4, KeyboardInterrupt())  # two trials, the best once more, and the first doubling
    found = ts.tune(trained(factors=2), {"regularization": [1e-3, 1e-2]}, split, method="grid", grow=True)
    assert [stage.factors for stage in found.stages] == [2]
    assert capsys.readouterr().err == "interrupted: 2 factors are kept\n"


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"trainer": "als"}, InputError, r"tune takes a trainer, such as ts.ImplicitALS .* got 'als'"),
        ({"trainer": ts.Split}, InputError, r"tune takes a trainer"),
        ({"metric": "ndgc@10"}, ParameterError, r"unknown metric 'ndgc@10'; did you mean 'ndcg@10'"),
        (
            {"metric": "ndcg"},
            ParameterError,
            r"metric of tune must name its cut-off, such as 'ndcg@10'; got 'ndcg'",
        ),
        ({"metric": ["ndcg@10"]}, ParameterError, r"metric of tune must be one name"),
        (
            {"metric": "ndcg@10,recall@10"},
            ParameterError,
            r"must be one name.*; got 'ndcg@10,recall@10'. Name the",
        ),
        ({"metric": "rmse"}, ParameterError, r"the test set holds none; name ranking metrics"),
        ({"trials": 0}, ParameterError, r"trials of tune must be a whole number >= 1; got 0"),
        ({"seeds": True}, ParameterError, r"seeds of tune must be a whole number >= 1; got True"),
        ({"seed": -1}, ParameterError, r"seed of tune must be a whole number >= 0; got -1"),
        ({"seconds": 0}, ParameterError, r"seconds of tune must be > 0, or None; got 0"),
        ({"trainer": ts.Popularity, "seeds": 2}, ParameterError, r"seeds of tune must be 1 for Popularity"),
        (
            {"method": "randon"},
            ParameterError,
            r"method of tune must be one of .*; did you mean 'random'\? got 'randon'",
        ),
        (
            {"prune": "never"},
            ParameterError,
            r"prune of tune must be one of True, False, 'median', 'halving'",
        ),
        (
            {"split": None},
            InputError,
            r"tune takes a Split, as ts.split.by_time\(ratings, 0.8\) makes it; got NoneType",
        ),
        ({"valid": "valid"}, InputError, r"valid of tune must be Interactions; got str"),
        (
            {"method": "grid"},
            ParameterError,
            r"a grid needs a list of choices .* and regularization has a range",
        ),
        (
            {"method": "grid", "space": {"factors": [2, 4]}, "trials": 1},
            ParameterError,
            r"the grid has 2 combinations, and trials is 1",
        ),
        (
            {"trainer": ts.Popularity, "space": None, "grow": True},
            ParameterError,
            r"Popularity cannot start from one",
        ),
        ({"grow": True}, ParameterError, r"leave factors out of the space"),
    ],
)
def test_what_cannot_be_tuned_is_said_before_the_first_fit(split, stop_at, changes, error, message):
    stop_at(1, AssertionError("fitted"))
    arguments = {"trainer": trained(), "space": SPACE, "split": split} | changes
    with pytest.raises(error, match=message):
        ts.tune(arguments.pop("trainer"), arguments.pop("space"), arguments.pop("split"), **arguments)


def test_without_a_way_to_hold_validation_events_out(split):
    with pytest.raises(InputError, match=r"this split does not say how it was made, .* pass valid="):
        ts.tune(trained(), SPACE, ts.Split(split.train, split.test, "by hand"))
    with pytest.raises(InputError, match=r"these are events and no Split, .* pass valid="):
        ts.tune(trained(), SPACE, split.train)
    pair = ts.Interactions.from_events(
        ts.Vocabulary([1, 2], noun="user"),
        ts.Vocabulary([1, 2], noun="item"),
        [0, 0, 1, 1],
        [0, 1, 0, 1],
        times=[1, 2, 3, 4],
        explicit=False,
    )
    with pytest.raises(
        EmptyError, match=r"in the same manner \(no user has more than 1 event.*\); pass valid="
    ):
        ts.tune(trained(), SPACE, ts.split.last_out(pair))


def test_held_out_users_are_measured_by_fold_in():
    split = ts.split.users_out(clicks(), users=0.2, known=0.5)
    found = ts.tune(trained(), SPACE, split, trials=4)
    assert set(found.trials["state"]) == {"complete"}
    assert set(found.params) == set(SPACE)  # no epoch is validated
    inner = split.recipe.again(split.train)
    assert found.value == ts.evaluate(found.trainer.fit(inner.train), inner)["ndcg@10"]
    assert found.evaluate()["ndcg@10"] == ts.evaluate(found.trainer.fit(split.train), split)["ndcg@10"]
