import numpy as np
import pytest

import tastespace as ts
from tests.tuning.worlds import SPACE, clicks, trained


@pytest.fixture(scope="module")
def split():
    return ts.split.by_time(clicks(), 0.75)


def test_the_test_side_is_looked_at_once(split, capsys):
    found = ts.tune(trained(), SPACE, split, trials=3)
    assert "test side not looked at" in repr(found)
    report = found.evaluate(k=5)
    assert report["ndcg@5"] == ts.evaluate(found.trainer.fit(split.train), split, k=5)["ndcg@5"]
    assert capsys.readouterr().err == ""
    assert found.evaluate(k=20) is report
    assert capsys.readouterr().err == "the test side was looked at before: this is the report of then\n"
    assert "test side looked at" in repr(found)


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
