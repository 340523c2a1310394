from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

import tastespace as ts
from tastespace.errors import EmptyError, HistoryError, ParameterError, UnsupportedError
from tastespace.plots import popularity_against_lift
from tests.plots.worlds import axes


@pytest.fixture(scope="module")
def events() -> ts.Interactions:
    """80 users and 40 items, of which the first are met most."""
    rng = np.random.default_rng(5)
    chance = 1 / np.arange(1, 41)
    rows = [
        (user, item)
        for user in range(80)
        for item in rng.choice(40, size=8, replace=False, p=chance / chance.sum())
    ]
    users, items = (np.array(column) for column in zip(*rows, strict=True))
    return ts.Interactions.from_events(
        ts.Vocabulary(range(80), noun="user"),
        ts.Vocabulary(range(40), noun="item"),
        users,
        items,
        explicit=False,
    )


@pytest.fixture(scope="module")
def model(events: ts.Interactions) -> ts.FactorModel:
    return ts.ImplicitALS(factors=4, epochs=4, threads=1, progress=False).fit(events)


def slow_lifts(model: ts.FactorModel, users: list[int], n: int) -> dict[int, tuple[int, float]]:
    """By item: events, and lift."""
    listed = dict.fromkeys(range(40), 0)
    for user in users:
        for _, item, _, _ in model.recommend(user, n=n):
            listed[item] += 1
    met = {item: int((model.history.indices == item).sum()) for item in listed}  # type: ignore[union-attr]
    return {
        item: (met[item], listed[item] / sum(listed.values()) / (met[item] / sum(met.values())))
        for item in listed
        if met[item]
    }


def test_each_mark_is_a_recommended_item(model: ts.FactorModel) -> None:
    ax = popularity_against_lift(model, n=3, ax=axes())
    expected = slow_lifts(model, list(range(80)), 3)
    some = sorted(found for found in expected.values() if found[1] > 0)
    np.testing.assert_allclose(sorted(map(tuple, np.asarray(ax.collections[0].get_offsets()).tolist())), some)
    never = [events for events, lift in expected.values() if lift == 0]
    assert never
    row = np.asarray(ax.collections[1].get_offsets())
    assert sorted(row[:, 0]) == sorted(never)
    assert (row[:, 1] < min(lift for _, lift in some)).all()
    title = ax.get_title(loc="left")
    assert title == f"lists of 3 for 80 users; {len(never)} of {len(expected)} items are in none"
    assert "never" in [label.get_text() for label in ax.get_yticklabels()]


def test_the_lines_weigh_all_items_of_a_popularity(model: ts.FactorModel) -> None:
    ax = popularity_against_lift(model, n=3, ax=axes())
    expected = list(slow_lifts(model, list(range(80)), 3).values())
    width = np.log(max(events for events, _ in expected) + 1) / 12
    groups: dict[int, list[tuple[int, float]]] = {}
    for events, lift in sorted(expected):
        groups.setdefault(int(np.log(events) / width), []).append((events, lift))
    lines = {str(line.get_label()): np.asarray(line.get_ydata()) for line in ax.lines}
    together = [sum(e * x for e, x in own) / sum(e for e, _ in own) for own in groups.values()]
    floor = lines["median item"].min()
    assert floor < min(lift for lift in together if lift > 0)
    np.testing.assert_allclose(lines["all items of this popularity"], np.maximum(together, floor))
    median = [np.median([x for _, x in own]) for own in groups.values()]
    np.testing.assert_allclose(lines["median item"], np.maximum(median, floor))


def test_a_model_that_recommends_as_people_choose_has_lift_one(events: ts.Interactions) -> None:
    # Each user's list is what the user has met.
    class Echo:
        users, items, history, scale = events.users, events.items, events.by_user, None

        def rank(self, rows: np.ndarray, n: int, **_: object) -> tuple[np.ndarray, np.ndarray]:
            lists = np.stack([events.by_user.row(row)[0][:n] for row in rows.tolist()])
            return lists, np.zeros(lists.shape, np.float32)

    ax = popularity_against_lift(Echo(), n=8, ax=axes())  # type: ignore[arg-type]
    np.testing.assert_allclose(np.asarray(ax.collections[0].get_offsets())[:, 1], 1)
    assert "never" not in [label.get_text() for label in ax.get_yticklabels()]


def test_some_users_stand_for_all(model: ts.FactorModel) -> None:
    ax = popularity_against_lift(model, n=3, users=4, ax=axes())
    expected = slow_lifts(model, [0, 26, 53, 79], 3)
    some = sorted(found for found in expected.values() if found[1] > 0)
    np.testing.assert_allclose(sorted(map(tuple, np.asarray(ax.collections[0].get_offsets()).tolist())), some)
    assert "lists of 3 for 4 of 80 users" in ax.get_title(loc="left")


def test_any_model_with_lists_will_do(events: ts.Interactions) -> None:
    ax = popularity_against_lift(ts.EASE(progress=False).fit(events), n=3, ax=axes("black"))
    assert ax.xaxis.label.get_color() == "#EEEEEE"


def test_reranking_moves_the_lift(model: ts.FactorModel) -> None:
    plain, moved = (
        popularity_against_lift(one, n=3, ax=axes())
        for one in (model, model.reranked(popularity_penalty=2.0))
    )
    highest = [float(np.asarray(ax.lines[2].get_ydata())[-1]) for ax in (plain, moved)]
    assert highest[1] < highest[0]


def test_notes_end_with_their_picture(model: ts.FactorModel) -> None:
    figure = Figure(figsize=(9, 5), layout="constrained")
    grid = figure.subplots(2, 3).ravel().tolist()
    for ax in grid:
        popularity_against_lift(model, n=3, ax=ax)
    figure.draw_without_rendering()
    for ax in grid:
        [title] = [text for text in ax.findobj(Text) if "lists of" in text.get_text()]
        assert title.get_text().replace("\n", " ").startswith("lists of 3 for 80 users;")
        assert title.get_window_extent().x1 <= ax.get_window_extent().x1 + 2


def test_what_cannot_be_drawn(model: ts.FactorModel, tmp_path: Path) -> None:
    with pytest.raises(
        ParameterError, match="n of popularity_against_lift must be a whole number >= 1; got 0"
    ):
        popularity_against_lift(model, 0)
    with pytest.raises(ParameterError, match=r"users of popularity_against_lift .* >= 1; got True"):
        popularity_against_lift(model, users=True)
    for none in (None, ts.Popularity()):
        with pytest.raises(
            UnsupportedError,
            match=r"popularity_against_lift draws what a model does, and .* is none; pass what fit",
        ):
            popularity_against_lift(none)  # type: ignore[arg-type]
    model.save(tmp_path / "small.taste", history=False)
    with pytest.raises(HistoryError, match="popularity_against_lift counts the events"):
        popularity_against_lift(ts.load(tmp_path / "small.taste"))
    sated = ts.Interactions.from_events(
        ts.Vocabulary(range(2), noun="user"),
        ts.Vocabulary(range(3), noun="item"),
        np.repeat(np.arange(2, dtype=np.int32), 3),
        np.tile(np.arange(3, dtype=np.int32), 2),
        explicit=False,
    )
    with pytest.raises(EmptyError, match=r"have they seen all\? Pass exclude_seen=False"):
        popularity_against_lift(ts.Popularity().fit(sated))
