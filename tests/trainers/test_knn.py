"""Item and user neighbourhoods against their definitions."""

from dataclasses import replace

import numpy as np
import pytest

import tastespace as ts
from tastespace.errors import EmptyError, InputError, ParameterError, UnsupportedError
from tastespace.models.confidence import Confidence
from tastespace.models.likeness import Likeness
from tastespace.models.profiles import Deviations
from tests.models.worlds import dense, world
from tests.reference import neighbours as reference

SIMILARITIES = ("pearson_baseline", "pearson", "adjusted_cosine", "cosine")


def all_scores(model) -> np.ndarray:
    users, items = np.indices((len(model.users), len(model.items)))
    scores = model.score_pairs(users.ravel().astype(np.int32), items.ravel().astype(np.int32))
    return scores.reshape(users.shape).astype(np.float64)


def weights_of(model) -> np.ndarray:
    """Row by whom the neighbours belong to."""
    weights = model.weights.to_scipy().toarray().astype(np.float64)
    return weights.T if model.between_items else weights


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("kind", [ts.ItemKNN, ts.UserKNN])
def test_ratings_by_the_definition(kind, similarity):
    train = world(80, 50, 0.3)
    r = dense(train)
    trainer = kind(neighbours=9, similarity=similarity, shrinkage=3, overlap=2, threshold=0.02, damping=0.3)
    # Biases stop moving at a ten-thousandth of the deviation, so the twin, which goes on, differs that much.
    model = trainer.fit(train)
    rows = r.T if kind is ts.ItemKNN else r
    s = reference.likeness(reference.compared(rows, similarity, 5.0), ~np.isnan(rows), 3.0, 2)
    kept = reference.nearest(s, 9, 0.02)
    found = weights_of(model)
    np.testing.assert_allclose(np.where(found > 0, found - s, 0.0), 0.0, atol=1e-3)
    assert ((found > 0).sum(axis=1) == (kept > 0).sum(axis=1)).mean() > 0.9
    want = (
        reference.predict(r, found, 5.0, 0.3)
        if kind is ts.ItemKNN
        else reference.predict(r.T, found, 5.0, 0.3).T
    )
    np.testing.assert_allclose(all_scores(model), want, atol=2e-3)


@pytest.mark.parametrize("confidence", ["linear", "log", "bm25", "tfidf"])
def test_items_of_events_by_the_definition(confidence):
    train = world(80, 50, 0.3, explicit=False)
    model = ts.ItemKNN(neighbours=7, confidence=confidence, shrinkage=2).fit(train)
    w = np.zeros((train.n_users, train.n_items))
    learned = Confidence.learn(confidence, train.by_user, train.by_item)
    weights = learned.user_weights(train.by_user)
    w[train.user_rows(), train.by_user.indices] = 1.0 if weights is None else weights
    s = reference.likeness(w.T, w.T > 0, 2.0, 1)
    kept = reference.nearest(s, 7, 0.0)
    np.testing.assert_allclose(weights_of(model), kept, atol=1e-6)
    np.testing.assert_allclose(all_scores(model), w @ kept.T, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", [ts.ItemKNN, ts.UserKNN])
@pytest.mark.parametrize("confidence", ["bm25", "tfidf"])
def test_events_without_values_take_a_shorter_way(kind, confidence):
    plays = world(80, 50, 0.3, explicit=False)
    rows, columns = plays.user_rows(), plays.by_user.indices
    train = ts.Interactions.from_events(plays.users, plays.items, rows, columns, explicit=False)
    model = kind(neighbours=50, confidence=confidence, shrinkage=1).fit(train)
    w = np.zeros((train.n_users, train.n_items))
    w[rows, columns] = Confidence.learn(confidence, train.by_user, train.by_item).user_weights(train.by_user)
    compared = w.T if kind is ts.ItemKNN else w
    want = reference.nearest(reference.likeness(compared, compared > 0, 1.0, 1), 50, 0.0)
    np.testing.assert_allclose(weights_of(model), want, rtol=1e-4, atol=1e-6)


def test_users_of_events_by_the_definition():
    train = world(80, 50, 0.3, explicit=False)
    model = ts.UserKNN(neighbours=7, confidence="linear").fit(train)
    r = np.nan_to_num(dense(train))
    kept = reference.nearest(reference.likeness(r, r > 0, 0.0, 1), 7, 0.0)
    np.testing.assert_allclose(weights_of(model), kept, atol=1e-6)
    np.testing.assert_allclose(all_scores(model), kept @ np.log2(1 + r), rtol=1e-5, atol=1e-5)


def test_tfidf_rows_have_length_one():
    train = world(explicit=False)
    tfidf = Confidence.learn("tfidf", train.by_user, train.by_item)
    weights = tfidf.user_weights(train.by_user)
    squares = np.bincount(train.user_rows(), weights.astype(np.float64) ** 2, train.n_users)
    np.testing.assert_allclose(squares, 1.0, rtol=1e-5)
    users = (dense(train) > 0).sum(axis=0)
    cell = 17
    user, item = train.user_rows()[cell], train.by_user.indices[cell]
    idf = np.log((1 + train.n_users) / (1 + users)) + 1
    row = idf * np.sqrt(np.nan_to_num(dense(train)[user]))
    assert weights[cell] == pytest.approx(row[item] / np.sqrt((row**2).sum()), rel=1e-5)
    rows = np.arange(5, dtype=np.int32)
    table = np.zeros((train.n_users, train.n_items), np.float32)
    table[train.user_rows(), train.by_user.indices] = weights
    some = train.by_item.take_rows(rows)
    got = tfidf.item_weights(some, rows, train.by_user)
    np.testing.assert_array_equal(got, table[some.indices, np.repeat(rows, some.counts())])


def test_similar_items_are_the_neighbours_best_first():
    train = world(explicit=False)
    model = ts.ItemKNN(neighbours=5, confidence="linear").fit(train)
    r = np.nan_to_num(dense(train))
    s = reference.likeness(r.T, r.T > 0, 0.0, 1)
    table = model.similar_items(100, 5)
    best = np.argsort(-s[0], kind="stable")[:5]
    assert table["neighbour"].tolist() == model.items.ids[best].tolist()
    np.testing.assert_allclose(table["score"], s[0][best], rtol=1e-5)
    users = ts.UserKNN(neighbours=5).fit(train)
    assert len(users.similar_users("u0", 5)["neighbour"]) == 5
    with pytest.raises(UnsupportedError, match="similar_users works"):
        users.similar_items(100)


def test_newcomers_are_compared_as_users_are():
    for train in (world(), world(explicit=False)):
        trainer = ts.UserKNN(neighbours=6, shrinkage=2, overlap=2, threshold=0.01)
        model = trainer.fit(train)
        profile, history = model.solver, model.history
        given = profile.rows(history, history) if isinstance(profile, Deviations) else profile.rows(history)
        likeness = Likeness(7, 2.0, 2, 0.01)  # one more: the user's own row is the nearest
        found = likeness.nearest_of(given.take_rows([3]), given)
        [nearest] = [dict(zip(*map(np.ndarray.tolist, found.row(0)), strict=True))]
        own = nearest.pop(3, None)
        columns, want = model.weights.row(3)
        assert own is not None
        assert list(nearest) == columns.tolist()
        np.testing.assert_allclose(list(nearest.values()), want, rtol=1e-5)


def test_a_mean_of_no_neighbours_is_the_baseline():
    train = world()
    lonely = ts.ItemKNN(overlap=1000).fit(train)
    assert lonely.weights.nnz == 0
    baseline = ts.Baseline().fit(train)
    assert lonely.predict("u3", 105) == pytest.approx(baseline.predict("u3", 105), abs=1e-5)
    explained = lonely.explain("u3", 105)
    assert explained.score == pytest.approx(baseline.explain("u3", 105).score, abs=1e-5)


def test_defaults_follow_the_events():
    ratings, events = world(), world(explicit=False)
    assert ts.ItemKNN().settled(ratings).params() | {"threads": None} == {
        "neighbours": 200,
        "similarity": "pearson_baseline",
        "confidence": None,
        "shrinkage": 100.0,
        "overlap": 1,
        "threshold": 0.0,
        "regularization": 5.0,
        "damping": 0.0,
        "threads": None,
    }
    user = ts.UserKNN().settled(ratings)
    assert (user.shrinkage, user.damping) == (30.0, 0.5)
    settled = ts.UserKNN().settled(events)
    assert (settled.neighbours, settled.similarity, settled.confidence, settled.shrinkage) == (
        100,
        "cosine",
        "bm25",
        0.0,
    )
    assert ts.ItemKNN().fit(events).info.params["confidence"] == "bm25"


@pytest.mark.parametrize("kind", [ts.ItemKNN, ts.UserKNN])
def test_settings_are_checked(kind):
    name = kind.__name__
    for settings, message in (
        ({"neighbours": 0}, f"neighbours of {name} must be a whole number >= 1; got 0"),
        ({"neighbours": 2.5}, "neighbours of"),
        ({"overlap": 0}, f"overlap of {name} must be a whole number >= 1"),
        ({"similarity": "jaccard"}, f"similarity of {name} must be one of 'pearson_baseline', 'pearson'"),
        ({"confidence": "cubic"}, f"confidence of {name} must be one of 'linear', 'log', 'bm25', 'tfidf'"),
        ({"shrinkage": -1}, f"shrinkage of {name} must be >= 0; got -1"),
        ({"shrinkage": np.nan}, f"shrinkage of {name} must be >= 0; got nan"),
        ({"threshold": -0.5}, f"threshold of {name} must be >= 0"),
        ({"regularization": -1}, f"regularization of {name} must be >= 0"),
        ({"damping": np.inf}, f"damping of {name} must be >= 0"),
        ({"threads": 0}, "threads must be"),
    ):
        with pytest.raises(ParameterError, match=message):
            kind(**settings)


@pytest.mark.parametrize("kind", [ts.ItemKNN, ts.UserKNN])
def test_what_does_not_fit_the_events_is_refused(kind):
    ratings, events = world(), world(explicit=False)
    with pytest.raises(ParameterError, match=r"confidence of .*KNN weighs events, and these are ratings"):
        kind(confidence="log").fit(ratings)
    with pytest.raises(ParameterError, match=r"similarity 'pearson' of .*KNN compares ratings"):
        kind(similarity="pearson").fit(events)
    none = replace(events, by_user=events.by_user.select(np.zeros(events.n_events, bool)))
    with pytest.raises(EmptyError, match="nothing to learn from"):
        kind().fit(none)
    with pytest.raises(InputError, match=r"KNN.fit takes Interactions as train"):
        kind().fit([1, 2, 3])
    assert kind(similarity="cosine").fit(events).info.params["similarity"] == "cosine"
    weightless = replace(
        events, by_user=replace(events.by_user, values=np.zeros(events.n_events, np.float32))
    )
    with pytest.raises(InputError, match="an implicit model needs values > 0; user 'u"):
        kind().fit(weightless)


def test_old_ratings_count_less():
    train = world(times=True)
    old, new = ts.ItemKNN(neighbours=10).fit(train), ts.ItemKNN(neighbours=10).fit(train.decay("1d"))
    assert old.predict("u3", 105) != new.predict("u3", 105)


def test_one_item_and_one_user():
    one = ts.Interactions.from_events(
        ts.Vocabulary(["a"], noun="user"),
        ts.Vocabulary([1], noun="item"),
        np.zeros(1, np.int32),
        np.zeros(1, np.int32),
        values=np.float32([4]),
        explicit=True,
    )
    for kind in (ts.ItemKNN, ts.UserKNN):
        assert kind().fit(one).predict("a", 1) == 4.0
        assert len(kind().fit(one).recommend("a", exclude_seen=True)) == 0
        assert kind().fit(one.as_implicit()).weights.nnz == 0
