"""Users who are held out whole: placed by what is known of them, and scored on the rest."""

import numpy as np
import pytest

from tastespace.data import split
from tastespace.data.split import Split
from tastespace.errors import InputError, UnsupportedError
from tastespace.evaluation import evaluate
from tastespace.models.load import load
from tastespace.trainers.als import ALS
from tastespace.trainers.baseline import Baseline
from tastespace.trainers.implicit_als import ImplicitALS
from tastespace.trainers.popularity import Popularity
from tests.evaluation.worlds import by_hand, interactions
from tests.models.worlds import world

TRAINERS = {
    "als": ALS(factors=4, epochs=3),
    "baseline": Baseline(),
    "popularity": Popularity(),
    "ials": ImplicitALS(factors=4, epochs=3, unobserved_weight=0.1),
}


@pytest.mark.parametrize("name", TRAINERS)
def test_held_out_users_are_scored_as_one_by_one(name):
    trainer = TRAINERS[name]
    parts = split.users_out(world(explicit=name != "ials"), users=0.3, known=0.6)
    model = trainer.fit(parts.train)
    report = evaluate(model, parts, k=5, metrics=["recall", "ndcg"])
    assert report.counts["users_scored"] == parts.test.n_users
    assert report.counts["users_cold"] == 0
    recalls = []
    for user in parts.test.users:
        seen, values = parts.known.by_user.row(parts.known.users.row(user))
        history = dict(zip(parts.known.items.ids[seen].tolist(), values.tolist(), strict=True))
        listed = set(model.fold_in(history, on_unknown="skip").recommend(5)["item"].tolist())
        wanted, _ = parts.test.by_user.row(parts.test.users.row(user))
        wanted = set(parts.test.items.ids[wanted].tolist())
        recalls.append(len(listed & wanted) / len(wanted))
        assert not listed & history.keys()
    assert report.per_user("recall@5")["value"].tolist() == pytest.approx(recalls)
    assert report.protocol.startswith(
        f"{parts.how}; users placed by fold-in of {parts.known.n_events} known events; "
        f"{parts.test.n_users} of {parts.test.n_users} test users scored by full ranking"
    )


def test_known_by_hand_equals_known_of_the_split():
    parts = split.users_out(world(), users=0.3)
    model = TRAINERS["als"].fit(parts.train)
    by_hand = evaluate(model, parts.test, known=parts.known)
    assert by_hand.metrics == evaluate(model, parts).metrics
    assert by_hand.protocol.startswith("users placed by fold-in of")


def test_known_given_goes_before_that_of_the_split():
    parts = split.users_out(world(), users=0.3)
    model = TRAINERS["als"].fit(parts.train)
    half = parts.known.select(np.arange(parts.known.n_events) % 2 == 0)
    assert f"fold-in of {half.n_events} known events" in evaluate(model, parts, known=half).protocol


def test_users_of_the_model_are_cold_beside_known_ones():
    parts = split.users_out(world(), users=0.3)
    model = TRAINERS["als"].fit(parts.train)
    both = evaluate(model, parts.test.merge(parts.train), known=parts.known)
    assert both.counts["users_cold"] == parts.train.n_users


def test_the_ratings_of_known_users_are_predicted():
    parts = split.users_out(world(n_users=200), users=0.3)
    for name in ("als", "baseline"):
        model = TRAINERS[name].fit(parts.train)
        report = evaluate(model, parts, metrics="rmse")
        spread = parts.test.by_user.values.std()
        assert 0.2 * spread < report["rmse"] < 1.1 * spread


def test_what_cannot_be_known():
    parts = split.users_out(world())
    model = TRAINERS["als"].fit(parts.train)
    with pytest.raises(InputError, match=r"known must be Interactions, .* such as split\.known; got dict"):
        evaluate(model, parts.test, known={"u1": [100]})
    events = interactions([("u", "b")])
    with pytest.raises(UnsupportedError, match="Written cannot place new users by their known events"):
        evaluate(by_hand(), events, known=events)


# --- warnings, and how the split was made -----------------------------------------------------------------------


def test_the_report_says_how_the_split_was_made():
    parts = split.random(world(), test=0.3, seed=4)
    report = evaluate(TRAINERS["popularity"].fit(parts.train), parts, relevant=4)
    assert report.protocol.startswith(f"{parts.how}; ")
    assert report.protocol.startswith("random, 0.3 of the events, seed 4")
    assert report.warnings == ()
    assert "warning" not in str(report)
    assert not evaluate(TRAINERS["popularity"].fit(parts.train), parts.test).protocol.startswith("random")


def test_a_random_split_warns_of_the_future():
    parts = split.random(world(times=True))
    model = TRAINERS["popularity"].fit(parts.train)
    report = evaluate(model, parts, relevant=4)
    [warning] = report.warnings
    assert warning == parts.leak().warning()
    assert warning.startswith("training knows the future: ")
    assert " ".join(str(report).split()).endswith(f"warning: {warning}")
    # Without the split the model's own history tells the same.
    assert evaluate(model, parts.test, relevant=4).warnings == report.warnings


def test_a_cut_in_time_warns_of_nothing():
    parts = split.by_time(world(times=True), 0.7)
    model = TRAINERS["popularity"].fit(parts.train)
    for test in (parts, parts.test):
        assert evaluate(model, test, relevant=4).warnings == ()


def test_a_model_without_history_cannot_be_judged(tmp_path):
    parts = split.random(world(times=True))
    TRAINERS["popularity"].fit(parts.train).save(tmp_path / "m.taste", history=False)
    from tastespace.models.load import load

    model = load(tmp_path / "m.taste")
    more = {"exclude_seen": False, "relevant": 4}
    assert evaluate(model, parts.test, **more).warnings == ()
    assert len(evaluate(model, parts, **more).warnings) == 1


def test_a_model_that_saw_the_test_events():
    whole = world(times=True)
    parts = split.by_time(whole, 0.7)
    seen = TRAINERS["popularity"].fit(whole)
    for test in (parts, parts.test):  # the split is right, and the model did not keep to it
        leak, own = sorted(evaluate(seen, test, exclude_seen=False, relevant=4).warnings, reverse=True)
        assert leak.startswith("training knows the future")
        assert "in the model's own history" in own


def test_a_split_by_hand_is_named_as_it_says():
    whole = world()
    report = evaluate(TRAINERS["popularity"].fit(whole), Split(whole, whole, "by hand"), exclude_seen=False)
    assert report.protocol.startswith("by hand; ")


def test_popularity_is_that_of_training_and_not_of_the_known_events():
    parts = split.users_out(world(explicit=False), users=0.3)
    model = TRAINERS["popularity"].fit(parts.train)
    report = evaluate(model, parts, k=5, metrics=["popularity", "novelty", "serendipity"])
    assert report["serendipity@5"] == 0  # the list is the obvious one
    counts = dict(zip(parts.train.items.ids.tolist(), parts.train.by_item.counts().tolist(), strict=True))
    means = []
    for user in parts.test.users:
        listed = model.fold_in_many(parts.known).recommend(user, 5)["item"].tolist()
        means.append(np.mean([counts[item] for item in listed]))
    assert report.per_user("popularity@5")["value"].tolist() == pytest.approx(means)


def test_known_ratings_count_as_events_where_the_model_learned_events():
    parts = split.users_out(world(), users=0.3)
    model = TRAINERS["ials"].fit(parts.train.as_implicit())
    as_events = evaluate(model, parts.test, known=parts.known.as_implicit(), metrics="ndcg")
    assert evaluate(model, parts, metrics="ndcg").metrics == as_events.metrics


def test_a_model_without_history_warns_that_popularity_is_that_of_the_known_events(tmp_path):
    parts = split.users_out(world(explicit=False), users=0.3)
    TRAINERS["popularity"].fit(parts.train).save(tmp_path / "model.taste", history=False)
    report = evaluate(load(tmp_path / "model.taste"), parts.test, known=parts.known, metrics="popularity")
    assert any("count the known events instead" in warning for warning in report.warnings)
