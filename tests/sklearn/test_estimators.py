"""Adaptors: the trainer's parameters and predictions, the habits of scikit-learn."""

import dataclasses
import inspect
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import tastespace as ts
from tastespace.errors import (
    BadRowError,
    EmptyError,
    InputError,
    MissingExtraError,
    ParameterError,
    TastespaceWarning,
)
from tastespace.sklearn import (
    ALS,
    BPR,
    EASE,
    WARP,
    Baseline,
    ImplicitALS,
    ItemKNN,
    ItemKNNRegressor,
    LogisticMF,
    Popularity,
    UserKNN,
    UserKNNRegressor,
)
from tests.models.worlds import world

RATINGS = {ALS: ts.ALS, Baseline: ts.Baseline, ItemKNNRegressor: ts.ItemKNN, UserKNNRegressor: ts.UserKNN}
EVENTS = {
    ImplicitALS: ts.ImplicitALS,
    Popularity: ts.Popularity,
    BPR: ts.BPR,
    WARP: ts.WARP,
    LogisticMF: ts.LogisticMF,
    EASE: ts.EASE,
    ItemKNN: ts.ItemKNN,
    UserKNN: ts.UserKNN,
}
PAIRS = RATINGS | EVENTS
FOLDS = KFold(3, shuffle=True, random_state=0)
QUICK = {"factors": 3, "epochs": 3, "progress": False}


def table(explicit=True):
    """Ids and values of a small world: X (events, 2) of objects, y."""
    frame = world(explicit=explicit).to_polars()
    X = np.empty((len(frame), 2), object)
    X[:, 0], X[:, 1] = frame["user"].to_list(), frame["item"].to_list()
    return X, frame["rating" if explicit else "weight"].to_numpy()


@pytest.mark.parametrize("cls", PAIRS)
def test_parameters_are_those_of_the_trainer(cls):
    trainer = PAIRS[cls]
    mine, theirs = inspect.signature(cls), inspect.signature(trainer)
    assert list(mine.parameters.values()) == list(theirs.parameters.values())
    assert cls().get_params() == {field.name: field.default for field in dataclasses.fields(trainer)}
    assert cls().trainer() == trainer()


def test_parameters_are_set_cloned_and_shown():
    estimator = ALS(factors=8).set_params(epochs=2)
    assert estimator.trainer() == ts.ALS(factors=8, epochs=2)
    assert clone(estimator).get_params() == estimator.get_params()
    assert repr(estimator) == "ALS(epochs=2, factors=8)"
    with pytest.raises(ValueError, match="Invalid parameter 'factor' for estimator ALS"):
        estimator.set_params(factor=3)
    with pytest.raises(TypeError, match="unexpected keyword argument 'factor'"):
        ALS(factor=3)


def test_parameters_are_checked_by_fit():
    X, y = table()
    with pytest.raises(ParameterError, match="factors of ALS must be a whole number >= 1; got 0"):
        ALS(factors=0).fit(X, y)


@pytest.mark.parametrize("cls", PAIRS)
def test_it_learns_and_predicts_what_the_trainer_does(cls):
    explicit = cls in RATINGS
    X, y = table(explicit)
    quick = QUICK if "factors" in cls().get_params() else {}
    estimator = cls(**quick).fit(X, y)
    value = "rating" if explicit else "weight"
    frame = pl.DataFrame({"user": X[:, 0].tolist(), "item": X[:, 1].tolist(), value: y})
    model = PAIRS[cls](**quick).fit(ts.read(frame, user="user", item="item", **{value: value}))
    assert estimator.model_.users == model.users
    np.testing.assert_array_equal(
        estimator.predict(X), model.predict(list(X[:, 0]), [int(item) for item in X[:, 1]])
    )
    assert estimator.predict(X).dtype == np.float32
    assert estimator.n_features_in_ == 2
    assert is_regressor(estimator) == explicit
    again = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(again.predict(X), estimator.predict(X))


def test_events_without_weights():
    X, _ = table(explicit=False)
    assert ImplicitALS(**QUICK).fit(X).model_.history.values is None
    assert Popularity().fit(X).predict([["u0", 100]]) == (X[:, 1] == 100).sum()


def test_unknown_users_and_items_get_the_mean_and_the_known_bias():
    X, y = table()
    for estimator in (cls().fit(X, y) for cls in RATINGS):
        model = estimator.model_
        user, item = X[0]
        answers = estimator.predict([["nobody", item], [user, -1], ["nobody", -1], [user, item]])
        expected = [
            model.mean + model.item_bias[model.items.row(item)],
            model.mean + model.user_bias[model.users.row(user)],
            model.mean,
            model.predict(user, item),
        ]
        assert answers == pytest.approx(np.clip(expected, 1, 5))
    X, y = table(explicit=False)
    for estimator in (ImplicitALS(**QUICK), EASE(), ItemKNN(), UserKNN()):
        assert estimator.fit(X, y).predict([["nobody", 100], ["u0", -1]]).tolist() == [0, 0]
    popular = Popularity().fit(X)
    assert popular.predict([["nobody", 100], ["u0", -1]]).tolist() == [(X[:, 1] == 100).sum(), 0]


def test_predictions_stay_inside_the_scale():
    X, y = table()
    predicted = ALS(**QUICK).fit(X, y).predict([[user, item] for user in X[:9, 0] for item in X[:9, 1]])
    assert (predicted >= 1).all()
    assert (predicted <= 5).all()


@pytest.mark.parametrize(
    "form",
    [
        lambda X: X.tolist(),
        lambda X: pd.DataFrame({"user": X[:, 0], "item": X[:, 1].astype(int)}),
        lambda X: pl.DataFrame({"user": X[:, 0].tolist(), "item": X[:, 1].tolist()}),
    ],
    ids=["list", "pandas", "polars"],
)
def test_forms_of_tables(form):
    X, y = table()
    estimator = Baseline().fit(form(X), y)
    assert estimator.model_.users.kind == "string"
    assert estimator.model_.items.kind == "integer"
    np.testing.assert_array_equal(estimator.predict(form(X)), Baseline().fit(X, y).predict(X))


def test_arrays_of_text_and_of_floats():
    X, y = table()
    as_text = X.astype(str)
    assert Baseline().fit(as_text, y).model_.items.kind == "string"
    numbers = np.stack([np.unique(X[:, 0], return_inverse=True)[1], X[:, 1].astype(int)], axis=1)
    a, b = (Baseline().fit(numbers.astype(dtype), y) for dtype in (np.int64, np.float64))
    np.testing.assert_array_equal(a.predict(numbers), b.predict(numbers.astype(np.float32)))


def test_searches_and_pipelines():
    X, y = table()
    search = GridSearchCV(
        ALS(**QUICK),
        {"factors": [1, 3], "regularization": [0.1, 1.0]},
        scoring="neg_root_mean_squared_error",
        cv=FOLDS,
    ).fit(X, y)
    assert search.best_params_["factors"] in (1, 3)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.predict(X).shape == y.shape
    assert np.isfinite(cross_val_score(Baseline(), X, y, cv=FOLDS)).all()
    piped = make_pipeline(FunctionTransformer(), Baseline()).fit(X, y)
    np.testing.assert_array_equal(piped.predict(X), Baseline().fit(X, y).predict(X))
    assert piped.score(X, y) > 0


def test_rankings_are_what_events_are_scored_by():
    X, y = table(explicit=False)
    rng = np.random.default_rng(0)
    held = rng.random(len(X)) < 0.3
    estimator = ImplicitALS(**QUICK).fit(X[~held], y[~held])
    test = world(explicit=False).select(held)
    assert (
        estimator.score(X[held], y[held]) == ts.evaluate(estimator.model_, test, metrics="ndcg@10")["ndcg@10"]
    )
    scores = cross_val_score(ImplicitALS(**QUICK), X, y, cv=FOLDS)
    assert ((scores > 0) & (scores <= 1)).all()
    search = GridSearchCV(Popularity(), {"half_life": [None]}, cv=FOLDS).fit(X)
    assert 0 < search.best_score_ <= 1


def test_it_is_shown_in_notebooks_and_remembers_names():
    X, y = table()
    frame = pd.DataFrame({"who": X[:, 0], "what": X[:, 1].astype(int)})
    estimator = Baseline(regularization=2.0).fit(frame, y)
    assert estimator.feature_names_in_.tolist() == ["who", "what"]
    assert "regularization" in estimator._repr_html_()
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.predict(frame.rename(columns={"who": "user"}))


def test_folds_that_leave_whole_users_out_are_warned_of():
    message = (
        r"does not know \d+ of these \d+ users, who {}; .* pass cv=KFold\(5, shuffle=True, random_state=0\)"
    )
    X, y = table()
    assert X[:, 0].tolist() == sorted(X[:, 0], key=lambda user: int(user[1:]))
    with pytest.warns(TastespaceWarning, match=message.format("are predicted by biases alone")):
        cross_val_score(Baseline(), X, y, cv=3)
    estimator = Popularity().fit(X)
    asked = [["u0", 100], ["u1", 100], ["new", 100], ["newer", 100], ["newest", 100]]
    assert (
        len(estimator.predict(asked[:4] + asked[2:4])) == 6
    )  # half of the users, whatever they are asked about
    with pytest.warns(
        TastespaceWarning, match="does not know 3 of these 5 users, who are predicted"
    ) as caught:
        estimator.predict(asked)
    assert caught[0].filename == __file__
    with pytest.warns(
        TastespaceWarning, match="does not know 3 of these 5 users, who are left out of the score"
    ):
        estimator.score(asked)


def test_the_guide_shuffles_its_folds():
    text = (Path(__file__).parents[2] / "docs" / "guide" / "scikit-learn.md").read_text()
    assert "KFold(3, shuffle=True, random_state=0)" in text
    assert not re.findall(r"cv=\d", "".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL)))


# --- mistakes ---------------------------------------------------------------------------------------------------


def test_what_tables_must_be():
    X, y = table()
    estimator = Baseline().fit(X, y)
    with pytest.raises(
        InputError, match="X must have two columns, user ids and item ids; got n_features = 3"
    ):
        Baseline().fit(np.ones((4, 3)), np.ones(4))
    with pytest.raises(InputError, match=r"item ids must be text or whole numbers; row 1 of X holds 0\.5"):
        Baseline().fit(np.array([[1, 2], [1, 0.5]]), [1, 2])
    with pytest.raises(
        InputError, match="item ids were integers when the model was fitted, and are strings now"
    ):
        estimator.predict(X.astype(str))
    with pytest.raises(ValueError, match="Found array with 0 sample"):
        estimator.predict(np.empty((0, 2), object))
    with pytest.raises(ValueError, match="NaN"):
        Baseline().fit(np.array([[1, np.nan], [1, 2]]), [1, 2])
    with pytest.raises(InputError, match="all strings or all integers; position 0 holds 'u'"):
        Baseline().fit([["u", 1], [3, 2]], [1, 2])


def test_what_y_must_be():
    X, y = table(explicit=False)
    with pytest.raises(ValueError, match="requires y to be passed"):
        Baseline().fit(X, None)
    with pytest.raises(BadRowError, match="weight"):
        ImplicitALS(**QUICK).fit(X, -y)


def test_advice_can_be_followed_here():
    X, y = table(explicit=False)
    with pytest.raises(
        BadRowError, match="must be > 0: drop such rows, or take ALS or Baseline, which learn ratings"
    ):
        ImplicitALS(**QUICK).fit(X, -y)
    with pytest.raises(EmptyError, match="every event has weight 0, which says nothing; check y"):
        ImplicitALS(**QUICK).fit(X, 0 * y)
    with pytest.raises(InputError, match="half_life of Popularity must be None here: X holds no times"):
        Popularity(half_life="7d").fit(X)
    with pytest.raises(ParameterError, match="leave it out, or take ItemKNN or UserKNN, which learn events"):
        ItemKNNRegressor(confidence="bm25").fit(X, y)
    with pytest.raises(ParameterError, match="use 'cosine', or take ItemKNNRegressor or UserKNNRegressor"):
        UserKNN(similarity="pearson").fit(X, y)
    message = (
        r"stopping of ImplicitALS must be None here: fit\(X, y\) has no validation set; choose epochs by"
    )
    with pytest.raises(ParameterError, match=message):
        ImplicitALS(stopping=ts.Stopping("ndcg@10"), **QUICK).fit(X, y)
    with pytest.raises(ParameterError, match="factors of ImplicitALS must be a whole number >= 1; got 0"):
        ImplicitALS(factors=0).fit(X, y)


def test_before_fit_and_for_strangers():
    X, y = table(explicit=False)
    for method in ("predict", "score"):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            getattr(Popularity(), method)(X)
    with pytest.raises(EmptyError, match="none of the 1 test users is known"):
        Popularity().fit(X, y).score([["nobody", 100]])


def test_without_the_extra():
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "try:\n    import tastespace.sklearn\nexcept ImportError as error:\n    print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == (
        f"{MissingExtraError.__name__} tastespace.sklearn needs an optional dependency; install it with: "
        "pip install 'tastespace[sklearn]'\n"
    )
