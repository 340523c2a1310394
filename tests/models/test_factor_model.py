import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import (
    BadRowError,
    DamagedFileError,
    EmptyError,
    HistoryError,
    InputError,
    NewerFormatError,
    ParameterError,
    UnknownItemError,
    UnknownUserError,
    UnsupportedError,
)
from tastespace.models.load import load
from tastespace.store import file as store
from tastespace.trainers.als import ALS
from tastespace.trainers.baseline import Baseline
from tastespace.trainers.implicit_als import ImplicitALS
from tastespace.trainers.popularity import Popularity
from tests.models.worlds import with_values, world

TRAINERS = {
    "als": ALS(factors=5, epochs=4),
    "als-plain": ALS(factors=5, epochs=4, biases=False, regularization=0.3, frequency_scaling=0.5),
    "baseline": Baseline(),
    "ials": ImplicitALS(factors=5, epochs=4, unobserved_weight=0.2),
    "hkv": ImplicitALS(factors=5, epochs=4, alpha=2.0, confidence="bm25"),
}


@pytest.fixture(scope="module", params=TRAINERS)
def fitted(request):
    trainer = TRAINERS[request.param]
    train = world(explicit=not isinstance(trainer, ImplicitALS), times=True)
    return trainer.fit(train), train


@pytest.fixture(scope="module")
def als():
    train = world()
    return TRAINERS["als"].fit(train)


def test_explanation_sums_to_the_score(fitted):
    model, _ = fitted
    for user, item in [("u0", 100), ("u7", 117), ("u30", 131)]:
        why = model.explain(user, item)
        total = why.mean + why.item_bias + why.parts["contribution"].sum()
        assert why.score == pytest.approx(total, abs=1e-12)
        raw = model.score_pairs(model.users.rows([user]), model.items.rows([item]))[0]
        assert why.score == pytest.approx(raw, abs=2e-4)
        seen, values = model.history.row(model.users.row(user))
        assert sorted(why.parts["item"]) == sorted(model.items.ids[seen])
        assert sorted(why.parts["value"]) == sorted(values)
        strength = np.abs(why.parts["contribution"])
        assert (np.diff(strength) <= 0).all()
        assert str(why).startswith(f"item {item} for user {user}: score {why.score:.4f}")


def test_removing_a_part_moves_the_score_as_explained_for_fixed_weights():
    """The explanation is linear: halving one rating's deviation halves its part."""
    model = ALS(factors=4, epochs=3, biases=False).fit(world())
    history = {100: 5.0, 103: 2.0, 110: 4.0}
    base = model.fold_in(history).explain(120)
    changed = model.fold_in(history | {103: 3.0}).explain(120)
    part = dict(zip(base.parts["item"], base.parts["contribution"], strict=True))
    new = dict(zip(changed.parts["item"], changed.parts["contribution"], strict=True))
    target = 2.0 - model.mean
    assert new[103] == pytest.approx(part[103] * (3.0 - model.mean) / target)
    assert new[100] == pytest.approx(part[100])


def test_fold_in_of_own_history_is_the_learned_row(fitted):
    model, _ = fitted
    for user in ("u0", "u11", "u42"):
        row = model.users.row(user)
        seen, values = model.history.row(row)
        history = dict(zip(model.items.ids[seen].tolist(), values.tolist(), strict=True))
        visitor = model.fold_in(history)
        np.testing.assert_array_equal(visitor.factors, model.user_factors[row])
        assert visitor.bias == model.user_bias[row]
        mine, theirs = visitor.recommend(7), model.recommend(user, 7)
        assert mine["item"].tolist() == theirs["item"].tolist()
        assert mine["score"].tolist() == theirs["score"].tolist()
        assert set(mine["user"]) == {"visitor"}
        assert visitor.predict(105) == model.predict(user, 105)
        assert visitor.explain(105).score == model.explain(user, 105).score


def test_fold_in_many_is_fold_in_of_each(fitted):
    model, train = fitted
    events = train.select(train.user_rows() % 3 > 0)
    folded = model.fold_in_many(events)
    for row, user in enumerate(events.users):
        seen, values = events.by_user.row(row)
        visitor = model.fold_in(dict(zip(events.items.ids[seen].tolist(), values.tolist(), strict=True)))
        np.testing.assert_array_equal(folded.user_factors[row], visitor.factors)
        assert folded.user_bias[row] == visitor.bias
        assert folded.recommend(user, 5)["item"].tolist() == visitor.recommend(5)["item"].tolist()
    assert folded.history.nnz == events.n_events
    assert folded.history.times is not None
    assert np.array_equal(folded.item_factors, model.item_factors)
    one, several = (model.fold_in_many(events, threads=threads) for threads in (1, 3))
    assert one.user_factors.tobytes() == several.user_factors.tobytes()


def test_fold_in_many_of_fractions_is_fold_in_of_each():
    """Where weights depend on sums over a row, those must not depend on the other rows."""
    train = world(explicit=False)
    by_user = train.by_user.replace_values(np.random.default_rng(1).random(train.n_events).astype(np.float32))
    train = replace(train, by_user=by_user, by_item=by_user.transpose())
    model = TRAINERS["hkv"].fit(train)
    folded = model.fold_in_many(train)
    for row in range(train.n_users):
        seen, values = train.by_user.row(row)
        visitor = model.fold_in(dict(zip(train.items.ids[seen].tolist(), values.tolist(), strict=True)))
        np.testing.assert_array_equal(folded.user_factors[row], visitor.factors)


def test_fold_in_many_skips_and_counts_what_it_does_not_know(fitted):
    model, train = fitted
    items = [i if i > 105 else -i for i in train.items]  # six of the items are unknown
    users = [f"new {u}" for u in train.users]
    events = replace(train, users=Vocabulary(users, noun="user"), items=Vocabulary(items, noun="item"))
    mine = events.user_rows() == events.user_rows()[events.by_user.indices < 6][0]
    only = events.select((events.by_user.indices < 6) | ~mine)  # of one user nothing is known
    unknown = int(np.isin(only.items.ids[only.by_user.indices], model.items.ids, invert=True).sum())
    folded = model.fold_in_many(only)
    assert folded.info.data["folded_in"] == {
        "users": only.n_users,
        "events": only.n_events - unknown,
        "events_on_unknown_items": unknown,
    }
    [row] = np.flatnonzero(folded.history.counts() == 0)
    assert not folded.user_factors[row].any()
    assert folded.user_bias[row] == 0
    assert len(folded.recommend(folded.users.ids[row], 5)) == 5
    assert folded.info.trainer == model.info.trainer


def test_fold_in_many_of_popularity_lists_the_popular():
    train = world(explicit=False)
    model = Popularity().fit(train)
    folded = model.fold_in_many(train.select(train.user_rows() < 4))
    assert folded.recommend("u1", 6)["item"].tolist() == model.recommend("u1", 6)["item"].tolist()


def test_fold_in_many_survives_a_file(tmp_path):
    train = world(explicit=True, times=True)
    folded = TRAINERS["als"].fit(train).fold_in_many(train.select(train.user_rows() < 4))
    folded.save(tmp_path / "m.taste")
    again = load(tmp_path / "m.taste")
    assert again.info == folded.info
    assert again.history.same(folded.history)


def test_what_fold_in_many_refuses(als):
    train = world()
    with pytest.raises(
        InputError, match=r"fold_in_many takes Interactions, as ts\.read makes them; got dict"
    ):
        als.fold_in_many({100: 5.0})
    with pytest.raises(InputError, match="of a rating model takes ratings, and these events have none"):
        als.fold_in_many(train.as_implicit())
    strange = replace(train, items=Vocabulary(range(train.n_items), noun="item"))
    with pytest.raises(
        EmptyError, match="fold_in_many knows none of the 40 items of these events, such as 0"
    ):
        als.fold_in_many(strange)
    values = train.by_user.filled_values()
    shifted = [replace(train, by_user=train.by_user.replace_values(values + by)) for by in (1, -1)]
    with pytest.raises(
        BadRowError, match=r"must be in 1\.\.5, the scale of the model; user 'u\d+' gave item 1\d\d 6"
    ):
        als.fold_in_many(shifted[0])
    with pytest.raises(InputError, match="an implicit model needs values > 0"):
        TRAINERS["ials"].fit(world(explicit=False)).fold_in_many(shifted[1])
    with pytest.raises(UnsupportedError, match="cannot fold_in"):
        replace(als, solver=None).fold_in_many(train)


def test_update_with_nothing_is_the_same_model(fitted):
    model, train = fitted
    assert model.update(None) is model
    if train.explicit:  # the same ratings again change nothing; the same events again count twice
        assert model.update(train) is model


def test_update_brings_new_users_items_and_events(fitted):
    model, train = fitted
    keep = np.arange(train.n_events) % 5 != 0
    keep[train.user_rows() == 3] = False
    keep[train.by_user.indices == 4] = False
    part, rest = train.select(keep), train.select(~keep)
    trainer = next(t for t in TRAINERS.values() if type(t).__name__ == model.info.trainer)
    small = trainer.fit(part)
    before = small.user_factors.copy()
    grown = small.update(rest)
    assert len(grown.users) == train.n_users > len(small.users)
    assert len(grown.items) == train.n_items > len(small.items)
    assert grown.users.ids[: len(small.users)].tolist() == small.users.ids.tolist()
    assert np.array_equal(small.user_factors, before)
    assert grown.info.data["events"] == train.n_events
    row = grown.users.row("u3")
    seen, values = grown.history.row(row)
    history = dict(zip(grown.items.ids[seen].tolist(), values.tolist(), strict=True))
    np.testing.assert_allclose(grown.fold_in(history).factors, grown.user_factors[row], atol=1e-6)
    item = int(train.items.ids[4])
    assert grown.predict("u3", item) == pytest.approx(grown.fold_in(history).predict(item), abs=1e-5)
    # Close to a refit on everything, in what it recommends.
    full = trainer.fit(train)
    if full.factors:
        top = [set(m.recommend("u3", 10)["item"]) for m in (grown, full)]
        assert len(top[0] & top[1]) >= 4


def test_update_of_popularity_counts_on():
    train = world(explicit=False, times=True)
    keep = np.arange(train.n_events) % 3 != 0
    for trainer in (Popularity(), Popularity(half_life="2d")):
        grown = trainer.fit(train.select(keep)).update(train.select(~keep))
        full = trainer.fit(train)
        want = dict(zip(full.items.ids, full.item_bias, strict=True))
        got = dict(zip(grown.items.ids, grown.item_bias, strict=True))
        assert got == pytest.approx(want, rel=1e-5)
    with pytest.raises(UnsupportedError, match="Popularity scores do not depend on the user"):
        grown.explain("u0", 100)
    assert len(grown.fold_in([100, 101]).recommend(3)) == 3


def test_filters_and_boosts(als):
    everything = als.recommend("u0", 100)
    ids = everything["item"].tolist()
    allowed = als.recommend("u0", 100, allow=[ids[5], ids[2], 999_999])
    assert allowed["item"].tolist() == [ids[2], ids[5]]
    assert allowed["score"].tolist() == everything["score"][[2, 5]].tolist()
    denied = als.recommend("u0", 3, deny=ids[:2])
    assert denied["item"].tolist() == ids[2:5]
    boosted = als.recommend(["u0", "u1"], 2, boost={ids[-1]: 100.0})
    assert boosted["item"][0] == ids[-1]
    assert boosted["score"][0] == pytest.approx(everything["score"][-1] * 100, rel=1e-5)
    assert als.recommend("u0", 3, allow=[])["item"].tolist() == []
    negative = ImplicitALS(factors=5, epochs=3).fit(world(explicit=False))
    last = negative.recommend("u0", 100)
    assert last["score"][-1] < 0
    raised = negative.recommend("u0", 100, boost={int(last["item"][-1]): 10.0})
    again = dict(zip(raised["item"], raised["score"], strict=True))
    assert again[last["item"][-1]] == pytest.approx(last["score"][-1] / 10, rel=1e-5)
    with pytest.raises(ParameterError, match=r"boost of item 100 must be a positive finite number; got 0"):
        als.recommend("u0", boost={np.int64(100): 0})
    with pytest.raises(ParameterError, match=r"boost takes {item: factor}; got \[100\]"):
        als.recommend("u0", boost=[100])


def test_similar_items_are_the_closest(als):
    q = als.item_factors.astype(float)
    unit = q / np.linalg.norm(q, axis=1, keepdims=True)
    for metric, matrix in (("cosine", unit @ unit.T), ("dot", q @ q.T)):
        found = als.similar_items([100, 117], 5, metric=metric)
        assert found.columns == ("item", "neighbour", "rank", "score")
        for at, item in enumerate([100, 117]):
            scores = matrix[als.items.row(item)].copy()
            scores[als.items.row(item)] = -np.inf
            best = np.argsort(-scores)[:5]
            assert found["neighbour"][5 * at : 5 * at + 5].tolist() == als.items.ids[best].tolist()
            np.testing.assert_allclose(found["score"][5 * at : 5 * at + 5], scores[best], rtol=1e-4)
    assert len(als.similar_items(100, 1000)) == len(als.items) - 1
    users = als.similar_users("u0", 3)
    assert users.columns == ("user", "neighbour", "rank", "score")
    assert "u0" not in users["neighbour"]
    with pytest.raises(ParameterError, match='metric must be "cosine" or "dot"'):
        als.similar_items(100, metric="euclid")
    with pytest.raises(ParameterError, match=r"n must be .*at least 1; got 0"):
        als.similar_items(100, 0)
    with pytest.raises(UnsupportedError, match="Baseline learns no factors"):
        Baseline().fit(world()).similar_items(100)


def test_similar_users_are_the_closest_and_the_same_each_time(als):
    p = als.user_factors.astype(float)
    for metric, rows in (("cosine", p / np.linalg.norm(p, axis=1, keepdims=True)), ("dot", p)):
        scores = rows @ rows[als.users.row("u3")]
        scores[als.users.row("u3")] = -np.inf
        first = als.similar_users("u3", 4, metric=metric)
        assert first["neighbour"].tolist() == als.users.ids[np.argsort(-scores)[:4]].tolist()
        assert als.similar_users("u3", 4, metric=metric) == first
        assert copy.copy(als).similar_users("u3", 4, metric=metric) == first


def test_a_list_is_the_same_alone_and_among_users_whose_lists_are_shorter(als):
    known = {
        user: int(als.history.indptr[row + 1] - als.history.indptr[row]) for row, user in enumerate(als.users)
    }
    for n in (3, len(als.items)):  # the second is more than is left
        together = als.recommend(list(known), n)
        for user, seen in known.items():
            mine = together["user"] == user
            alone = als.recommend(user, n)
            assert len(alone) == min(n, len(als.items) - seen)
            assert all((together[name][mine] == alone[name]).all() for name in alone.columns)


def test_predict_stays_inside_the_scale_and_recommend_does_not():
    als = ALS(factors=5, epochs=8, regularization=0.01).fit(world())
    rows = np.repeat(np.arange(len(als.users), dtype=np.int32), len(als.items))
    columns = np.tile(np.arange(len(als.items), dtype=np.int32), len(als.users))
    raw = als.score_pairs(rows, columns)
    assert raw.max() > 5
    users, items = als.users.ids[rows].tolist(), als.items.ids[columns].tolist()
    np.testing.assert_array_equal(als.predict(users, items), np.clip(raw, 1, 5))
    assert isinstance(als.predict("u0", 100), float)
    assert als.predict([], []).shape == (0,)


def test_everyone_streams(als):
    parts = list(als.recommend_all(4, batch=7))
    whole = als.recommend(als.users.ids.tolist(), 4)
    for name in whole.columns:
        assert np.concatenate([part[name] for part in parts]).tolist() == whole[name].tolist()
    with pytest.raises(ParameterError, match=r"batch must be a whole number of at least 1; got 0"):
        als.recommend_all(batch=0)


def test_unknown_ids_are_named(als):
    with pytest.raises(UnknownUserError, match=r"ghost.*model\.fold_in"):
        als.recommend("ghost")
    with pytest.raises(UnknownUserError, match="ghost"):
        als.predict("ghost", 100)
    with pytest.raises(UnknownItemError, match="7"):
        als.predict("u0", 7)
    with pytest.raises(UnknownItemError, match="7"):
        als.similar_items(7)
    with pytest.raises(UnknownItemError, match="7"):
        als.explain("u0", 7)
    with pytest.raises(UnknownItemError, match="7"):
        als.fold_in({7: 3.0})
    with pytest.raises(InputError, match="one of each"):
        als.predict("u0", [100])
    with pytest.raises(InputError, match="as many users as items; got 2 and 1"):
        als.predict(["u0", "u1"], [100])
    with pytest.raises(ParameterError, match=r"n must be .*at least 1; got 0"):
        als.recommend("u0", 0)


def test_bad_histories_are_refused(als):
    with pytest.raises(EmptyError, match="at least one item"):
        als.fold_in({})
    with pytest.raises(InputError, match=r"takes \{item: rating\}; got items without ratings"):
        als.fold_in([100, 101])
    with pytest.raises(InputError, match="got the single id 100"):
        als.fold_in(100)
    with pytest.raises(BadRowError, match=r"item 100 in fold_in must be a number in 1\.\.5; got nan"):
        als.fold_in({100: float("nan")})
    implicit = TRAINERS["ials"].fit(world(explicit=False))
    with pytest.raises(BadRowError, match="must be above 0; got -1"):
        implicit.fold_in({100: -1})


def test_the_ends_of_the_scale_are_inside_it():
    train = world()
    for low, high in ((0.1, 4.1), (-9.95, 9.9), (0.7, 9.7)):
        part = (train.by_user.values - 1) / 4
        model = TRAINERS["als"].fit(with_values(train, low + part * (high - low)))
        assert np.isfinite(model.fold_in({100: low, 101: high}).recommend(3)["score"]).all()
        with pytest.raises(BadRowError, match="item 100 in fold_in must be a number in"):
            model.fold_in({100: high + 0.001})


def test_model_is_frozen(als):
    with pytest.raises(AttributeError):
        als.mean = 0.0
    for name in ("user_factors", "item_factors", "user_bias", "item_bias"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(als, name)[0] = 1
    assert als.user_factors.shape == (len(als.users), 5)
    assert als.user_factors.dtype == np.float32
    assert repr(als) == "ALS model: 60 users, 40 items, 5 factors"


def test_a_file_gives_the_same_model(fitted, tmp_path):
    model, _ = fitted
    path = tmp_path / "model.taste"
    model.save(path)
    again = load(path)
    for name in ("user_factors", "item_factors", "user_bias", "item_bias"):
        assert np.array_equal(getattr(again, name), getattr(model, name))
    assert again.info == model.info
    assert again.scale == model.scale
    assert again.recommend(["u0", "u1"]) == model.recommend(["u0", "u1"])
    assert again.explain("u2", 103).parts == model.explain("u2", 103).parts
    again.save(path)  # over the file that is mapped
    assert load(path).recommend("u0") == model.recommend("u0")


def test_a_file_without_history_says_what_it_cannot_do(als, tmp_path):
    als.save(tmp_path / "model.taste", history=False)
    bare = load(tmp_path / "model.taste")
    assert bare.recommend("u0", exclude_seen=False) == als.recommend("u0", exclude_seen=False)
    with pytest.raises(
        HistoryError, match="cannot leave out what they have seen; pass exclude_seen=False, or save"
    ):
        bare.recommend("u0")
    with pytest.raises(HistoryError, match="cannot explain; save it with history=True"):
        bare.explain("u0", 100)
    for new in (None, world()):
        with pytest.raises(HistoryError, match="save it with history=True"):
            bare.update(new)
    visitor = bare.fold_in({100: 5.0})
    assert 100 not in visitor.recommend(100)["item"]


def test_nan_factors_make_no_model(als):
    broken = als.item_factors.copy()
    broken[3, 1] = np.nan
    with pytest.raises(InputError, match="item_factors holds NaN or infinity"):
        replace(als, item_factors=broken)


def test_update_widens_the_scale_and_goes_on():
    train = world()
    model = TRAINERS["als"].fit(train)

    def rating(user, item, value):
        return type(train).from_events(
            Vocabulary([user], noun="user"),
            Vocabulary([item], noun="item"),
            [0],
            [0],
            values=[value],
            explicit=True,
        )

    wide = model.update(rating("new", 100, 10.0))
    assert wide.scale == (1.0, 10.0)
    assert wide.update(rating("newer", 101, 2.0)).scale == (1.0, 10.0)
    assert model.scale == (1.0, 5.0)
    [user] = train.users.ids[train.user_rows()[:1]].tolist()
    [item] = train.items.ids[train.by_user.indices[:1]].tolist()
    old = train.by_user.values[0]
    for rule, want in (("max", max(old, 2.0)), ("last", 2.0)):
        updated = model.update(rating(user, item, 2.0), duplicates=rule)
        assert (
            updated.explain(user, item).parts["value"][updated.explain(user, item).parts["item"] == item]
            == want
        )
    with pytest.raises(InputError, match=r"update takes Interactions, as ts\.read makes them; got list"):
        model.update([1])


def test_weights_are_checked_after_training_too():
    train = world()
    model = ImplicitALS(factors=3, epochs=2, confidence="linear").fit(train)
    with pytest.raises(BadRowError, match=r"must be above 0; got -0\.5"):
        model.fold_in({100: -0.5})
    assert len(model.fold_in([100, 101]).recommend(2)) == 2
    minus = type(train).from_events(train.users, train.items, [0], [0], values=[-1.0], explicit=True)
    with pytest.raises(InputError, match=r"needs values > 0; user 'u0' and item 100 have -1"):
        model.update(minus)


def test_ids_of_the_wrong_type_in_filters_are_refused(als):
    for name in ("allow", "deny"):
        with pytest.raises(
            UnknownItemError, match=rf"{name} holds the string id '100', and the items .* integer ids"
        ):
            als.recommend("u0", **{name: ["100"]})
        with pytest.raises(ParameterError, match=f"{name} takes several item ids, such as a list; got 100"):
            als.recommend("u0", **{name: 100})
    with pytest.raises(UnknownItemError, match="boost holds the string id"):
        als.recommend("u0", boost={"100": 2.0})
    for bad in (1e-50, 1e300, "2", float("nan")):
        with pytest.raises(ParameterError, match="boost of item 100 must be a positive finite number"):
            als.recommend("u0", boost={100: bad})


def test_unknown_items_of_a_visitor_may_be_skipped(als):
    with pytest.raises(UnknownItemError, match=r'pass on_unknown="skip" to leave such items out'):
        als.fold_in({100: 5.0, 7: 3.0})
    skipped = als.fold_in({100: 5.0, 7: 3.0}, on_unknown="skip")
    assert np.array_equal(skipped.factors, als.fold_in({100: 5.0}).factors)
    with pytest.raises(EmptyError, match="knows none of the 1 items"):
        als.fold_in({7: 3.0}, on_unknown="skip")
    with pytest.raises(ParameterError, match='on_unknown must be "raise" or "skip"'):
        als.fold_in({7: 3.0}, on_unknown="drop")
    series = pytest.importorskip("pandas").Series({100: 5.0, 101: 2.0})
    assert np.array_equal(als.fold_in(series).factors, als.fold_in({100: 5.0, 101: 2.0}).factors)


def test_arrays_cannot_be_reached_from_outside():
    model = ImplicitALS(factors=16, epochs=1).fit(world(explicit=False))
    base = model.user_factors
    while base is not None:
        assert not base.flags.writeable
        base = base.base
    mine = np.array(model.item_bias)
    factors = np.array(model.item_factors)
    again = replace(model, item_bias=mine, item_factors=factors)
    mine[:], factors[:] = 7, 7  # still the caller's
    assert not again.item_bias.any()
    assert np.array_equal(again.item_factors, model.item_factors)


def test_models_copy_and_pickle(als):
    for again in (pickle.loads(pickle.dumps(als)), copy.deepcopy(als)):
        assert again.recommend("u0") == als.recommend("u0")
        assert again.explain("u0", 100).score == als.explain("u0", 100).score


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"user_factors": np.zeros((3, 5), np.float32)},
            r"user_factors must be float32 \(60, 5\); got float32 \(3, 5\)",
        ),
        ({"item_bias": np.zeros(40)}, r"item_bias must be float32 \(40,\); got float64"),
        ({"item_factors": np.zeros((40, 4), np.float32)}, r"item_factors must be float32 \(40, 5\)"),
    ],
)
def test_arrays_that_do_not_fit_make_no_model(als, changes, message):
    with pytest.raises(InputError, match=message):
        replace(als, **changes)


def test_files_whose_arrays_do_not_fit_are_refused(als, tmp_path):
    als.save(tmp_path / "model.taste")
    arrays, metadata = store.read(tmp_path / "model.taste")

    def refused(message, changes=(), **words):
        path = tmp_path / "changed.taste"
        store.write(path, arrays | dict(changes), metadata | words)
        with pytest.raises(DamagedFileError, match=message):
            load(path)

    refused("user_factors must be float32", {"user_factors": arrays["user_factors"][:5]})
    refused(
        "history points outside its table",
        {"history.indices": np.full_like(arrays["history.indices"], 10**8)},
    )
    refused("could not convert string to float", mean="x")
    refused("holds 'tree', which this release does not know", kind="tree")
    store.write(tmp_path / "new.taste", arrays, metadata | {"solver": {"kind": "quantum", "params": {}}})
    with pytest.raises(NewerFormatError, match="'quantum', which this release does not know; upgrade"):
        load(tmp_path / "new.taste")
    bare = {name: array for name, array in arrays.items() if name != "user_bias"}
    store.write(tmp_path / "bare.taste", bare, metadata)
    with pytest.raises(DamagedFileError, match="is no complete model file"):
        load(tmp_path / "bare.taste")


def test_rows_out_of_range(als):
    with pytest.raises(InputError, match=r"user rows must be in 0\.\.59; got -1\.\.-1"):
        als.rank(np.array([-1], np.int32), 3)
    with pytest.raises(InputError, match=r"item rows must be in 0\.\.39; got 40\.\.40"):
        als.score_pairs(np.array([0], np.int32), np.array([40], np.int32))
    for n in (2.5, True, "10"):
        with pytest.raises(ParameterError, match="n must be a whole number of at least 1"):
            als.recommend("u0", n)


def test_a_model_without_a_row_solver_says_so(als):
    bare = replace(als, solver=None)
    for call in (
        lambda: bare.fold_in({100: 3.0}),
        lambda: bare.explain("u0", 100),
        lambda: bare.update(None),
    ):
        with pytest.raises(UnsupportedError, match="similar_items works"):
            call()
