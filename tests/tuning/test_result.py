import dataclasses
from dataclasses import dataclass

import numpy as np
import pytest

import tastespace as ts
from tastespace.errors import InputError, ParameterError, TastespaceWarning
from tastespace.tuning import result
from tests.tuning.worlds import SPACE, clicks, trained


@pytest.fixture(scope="module")
def split():
    return ts.split.by_time(clicks(), 0.75)


def test_the_test_side_is_looked_at_once(split, monkeypatch):
    found = ts.tune(trained(), SPACE, split, trials=3)
    assert "test side not looked at" in repr(found)
    report = found.evaluate(k=[5, 20])
    expected = ts.evaluate(found.trainer.fit(split.train), split, k=[5, 20])
    assert report.metrics == expected.metrics
    monkeypatch.setattr(result, "evaluate", None)
    assert "test side looked at" in repr(found)


def test_the_same_arguments_give_the_same_report(split):
    found = ts.tune(trained(), SPACE, split, trials=3)
    with pytest.raises(ParameterError, match="unknown metric 'ndgc'"):
        found.evaluate(metrics="ndgc")  # nothing was read
    with pytest.raises(TypeError, match="unexpected keyword argument 'kk'"):
        found.evaluate(kk=5)
    sampled = ts.Sampled(negatives=9)
    report = found.evaluate(k=[5, 20], candidates=sampled)
    assert found.evaluate(k=[5, 20], candidates=ts.Sampled(negatives=9), threads=2) is report
    assert found.evaluate(k=(5, 20), candidates=sampled, metrics=None, relevant=None) is report
    for options, message in (
        ({}, r"with k=\(5, 20\), and now k=10 is asked for. It is looked at once, .*; ask for all at once"),
        ({"k": [5, 20]}, r"with candidates=Sampled\(.*\), and now candidates=None is asked for"),
        ({"k": [5, 20], "candidates": sampled, "relevant": 2}, r"with relevant=None, and now relevant=2"),
        ({"k": [5, 20], "candidates": sampled, "known": split.train}, r"with known=None, and now known="),
    ):
        with pytest.raises(ParameterError, match=message):
            found.evaluate(**options)


@dataclass(frozen=True, kw_only=True)
class Watched(ts.Popularity):
    """Counts events, and remembers how it was asked to."""

    threads: int | None = None
    progress: bool | None = None
    strength: float = 1.0

    def fit(self, train, valid=None):
        CALLS.append((self.threads, self.progress, train.n_events))
        return super().fit(train)


CALLS = []


def test_the_last_fit_has_the_threads_and_the_progress_of_the_search(split, monkeypatch):
    space = {"half_life": ["1d", "9d"]}
    asked = []
    monkeypatch.setattr(
        result, "evaluate", lambda *args, **options: asked.append(options) or ts.evaluate(*args, **options)
    )
    found = ts.tune(Watched, space, split, method="grid", threads=2, progress=False)
    found.evaluate(k=3)
    assert CALLS[-1] == (2, False, split.train.n_events)
    assert asked == [{"relevant": None, "threads": 2, "k": 3}]
    ts.tune(Watched(threads=1, progress=False), space, split, method="grid").fit()
    assert CALLS[-1][:2] == (1, False)


def test_given_validation_events_are_learned_in_the_end(split):
    inner = ts.split.random(split.train, 0.3, seed=9)
    given = dataclasses.replace(split, train=inner.train)
    found = ts.tune(trained(), SPACE, given, valid=inner.test, trials=3)
    assert "events as given, " in repr(found)
    assert "the last fit learns from both; test side not looked at" in repr(found)
    both = inner.train.merge(inner.test)
    assert found.fit().history.nnz == split.train.n_events
    assert np.array_equal(found.fit().item_factors, found.trainer.fit(both).item_factors)
    assert found.evaluate().metrics == ts.evaluate(found.trainer.fit(both), split).metrics


@pytest.mark.filterwarnings("ignore:.*have their user and item in t")
def test_validation_events_that_cannot_be_learned(split):
    message = r"valid of tune must be events like those of training, because the last fit learns from both: "
    with pytest.raises(InputError, match=message + "implicit events and ratings cannot be merged"):
        ts.tune(trained(), SPACE, split, valid=clicks(explicit=True))
    with pytest.raises(InputError, match=r"all \d+ events of valid have their user and item in test too"):
        ts.tune(trained(), SPACE, split, valid=split.test)


def test_a_metric_that_tells_nothing(split, tmp_path):
    strangers = ts.Interactions.from_events(
        split.train.users.take(np.array([0])),
        ts.Vocabulary([-7], noun="item"),
        [0],
        [0],
        times=[2 * 10**9],
        explicit=False,
    )
    zero = r"ndcg@10 is 0 on the validation events for every trial, so it tells nothing of the settings; validate on"
    for trials in (1, 3):
        with pytest.warns(TastespaceWarning, match=zero) as caught:
            found = ts.tune(trained(), SPACE, split, valid=strangers, trials=trials)
        assert caught[0].filename == __file__
        assert found.warnings == (str(caught[0].message),)
        assert f"\nwarning: {found.warnings[0]}" in repr(found)
    with pytest.warns(TastespaceWarning, match=r"hit_rate@49 is 1 on the validation events for every trial"):
        ts.tune(trained(), SPACE, split, trials=3, metric="hit_rate@49")
    assert ts.tune(trained(), {"factors": [3]}, split, trials=3, metric="hit_rate@49").warnings == ()


def test_fit_takes_the_whole_training_side(split):
    found = ts.tune(trained(), SPACE, split, trials=3)
    model = found.fit()
    assert found.fit() is model
    assert np.array_equal(model.item_factors, found.trainer.fit(split.train).item_factors)
    assert model.history.nnz == split.train.n_events


def test_relevance_of_the_search_is_that_of_the_test():
    ratings = ts.split.random(clicks(explicit=True), 0.3)
    trainer = ts.ALS(factors=3, epochs=4)
    found = ts.tune(trainer, {"regularization": [0.1]}, ratings, trials=1, relevant=4.0)
    expected = ts.evaluate(found.fit(), ratings, relevant=4.0)["ndcg@10"]
    assert found.evaluate()["ndcg@10"] == expected


def test_a_print_says_what_was_found(split):
    text = repr(ts.tune(trained(), SPACE, split, trials=3, prune=False))
    assert text.startswith("ImplicitALS tuned for ndcg@10: 3 trials (3 complete), ")
    assert "validation: by time at" in text
    assert "regularization " in text
    assert "epochs " in text


def test_pictures(split):
    from matplotlib.figure import Figure

    found = ts.tune(trained(), SPACE, split, trials=4, prune=False)
    ax = Figure().add_subplot()
    assert found.plot(ax=ax) is ax
    assert ax.get_ylabel() == "ndcg@10 on validation"
    ax = Figure().add_subplot()
    assert found.plot_parameter("regularization", ax=ax) is ax
    assert ax.get_xlabel() == "regularization"
