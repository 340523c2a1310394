from __future__ import annotations

import sys
from itertools import combinations

import matplotlib
import numpy as np
import polars as pl
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.text import Annotation

import tastespace as ts
from tastespace.errors import InputError, MissingExtraError, ParameterError, UnsupportedError
from tastespace.plots import space
from tastespace.plots.marks import scale
from tastespace.plots.projection import neighbour_plane, principal_plane
from tests.plots.worlds import axes, groups_of_taste

matplotlib.use("agg")


@pytest.fixture(scope="module")
def model() -> ts.FactorModel:
    return ts.ImplicitALS(factors=8, epochs=6, threads=1, progress=False).fit(groups_of_taste())


def labels(ax: Axes) -> list[Annotation]:
    return [text for text in ax.texts if isinstance(text, Annotation)]


def groups() -> dict[str | int, str]:
    return {f"i{item}": f"group {item % 3}" for item in range(60)}


def test_draws_on_the_given_axes(model: ts.FactorModel) -> None:
    ax = axes()
    assert space(model, ax=ax) is ax
    assert "of the variance" in ax.get_xlabel()
    assert ax.get_legend() is None


def test_makes_a_figure_of_its_own(model: ts.FactorModel) -> None:
    ax = space(model, labels=0)
    assert not labels(ax)
    plt.close(ax.get_figure(root=True))


def test_no_label_covers_another_or_leaves_the_axes(model: ts.FactorModel) -> None:
    titles: dict[str | int, str] = {f"i{item}": f"A longish title of item {item}" for item in range(60)}
    ax = space(model, titles=titles, labels=60, ax=axes())
    placed = labels(ax)
    assert 15 < len(placed) <= 60
    frame = ax.get_window_extent()
    boxes = [label.get_window_extent() for label in placed]
    for box in boxes:
        assert frame.x0 <= box.x0 <= box.x1 <= frame.x1
        assert frame.y0 <= box.y0 <= box.y1 <= frame.y1
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))


def test_groups_have_colours_markers_and_a_legend(model: ts.FactorModel) -> None:
    ax = space(model, groups=groups(), ax=axes())
    legend = ax.get_legend()
    assert legend is not None
    assert {text.get_text() for text in legend.get_texts()} == {"group 0", "group 1", "group 2"}
    assert len({tuple(marks.get_facecolor()[0]) for marks in ax.collections}) == 3
    assert len({len(marks.get_paths()[0]) for marks in ax.collections}) == 3


def test_users_have_places_too(model: ts.FactorModel) -> None:
    tastes = {user: f"taste {user % 3}" for user in range(150)}
    ax = space(model, of="users", titles={0: "the first"}, groups=tastes, items=150, labels=150, ax=axes())
    points = np.concatenate([np.asarray(marks.get_offsets()) for marks in ax.collections])
    assert len(points) == 150
    assert model.history is not None
    shown = np.argsort(-model.history.counts(), kind="stable")
    expected, _ = principal_plane(model.user_factors[shown])
    np.testing.assert_allclose(np.sort(points[:, 0]), np.sort(expected[:, 0]))
    assert {label.get_text() for label in labels(ax)} <= {"the first", *map(str, range(1, 150))}
    centres = [np.asarray(marks.get_offsets()).mean(axis=0) for marks in ax.collections]
    assert min(np.linalg.norm(a - b) for a, b in combinations(centres, 2)) > 0.3


def test_numbers_have_a_scale_of_colours(model: ts.FactorModel) -> None:
    numbers = {f"i{item}": item / 2 for item in range(59)}
    ax = space(model, groups=numbers, name="half $", items=60, labels=0, ax=axes())
    unknown, known = ax.collections
    assert len(np.asarray(unknown.get_offsets())) == 1
    assert sorted(np.asarray(known.get_array()).tolist()) == sorted(numbers.values())
    assert known.get_clim() == tuple(np.percentile(list(numbers.values()), [2, 98]))
    [bar] = ax.child_axes
    assert bar.get_ylabel() == "half $"
    places = {
        tuple(point): value for point, value in zip(known.get_offsets(), known.get_array(), strict=True)
    }
    points, _ = principal_plane(model.item_factors)
    for item, value in numbers.items():
        row = model.items.row(item)
        [found] = [
            own for place, own in places.items() if np.allclose(np.abs(place), np.abs(points[row]), atol=1e-5)
        ]
        assert found == value


@pytest.mark.parametrize("face", ["white", "black"])
def test_the_scale_of_colours_rises_in_lightness_and_stands_out(model: ts.FactorModel, face: str) -> None:
    grey = scale(axes(face))(np.linspace(0, 1, 64))[:, :3] @ [0.299, 0.587, 0.114]
    assert (np.diff(grey) > 0).all()
    paper = 1.0 if face == "white" else 0.0
    assert np.abs(grey - paper).min() > 0.15


def test_without_a_known_number_all_marks_are_crosses(model: ts.FactorModel) -> None:
    fame = np.bincount(model.history.indices)  # type: ignore[union-attr]
    least = str(model.items.ids[int(np.argsort(-fame, kind="stable")[-1])])
    ax = space(model, groups={least: 1.0}, items=5, labels=0, ax=axes())
    assert len(ax.collections) == 1
    assert not ax.child_axes


def test_groups_beyond_six_are_others(model: ts.FactorModel) -> None:
    ax = space(model, groups={f"i{item}": f"group {item % 9}" for item in range(60)}, ax=axes())
    legend = ax.get_legend()
    assert legend is not None
    texts = [text.get_text() for text in legend.get_texts()]
    assert len(texts) == 7
    assert texts[-1] == "other"


def test_the_space_keeps_groups_together(model: ts.FactorModel) -> None:
    ax = space(model, groups=groups(), ax=axes())
    centres = np.array([np.mean(marks.get_offsets(), axis=0) for marks in ax.collections])
    spread = max(float(np.std(np.asarray(marks.get_offsets()), axis=0).max()) for marks in ax.collections)
    assert all(np.linalg.norm(a - b) > spread for a, b in combinations(centres, 2))


@pytest.mark.parametrize(("style", "ink"), [("default", "#222222"), ("dark_background", "#EEEEEE")])
def test_ink_follows_the_background(model: ts.FactorModel, style: str, ink: str) -> None:
    with plt.style.context(style):
        ax = space(model, ax=axes())
    assert {label.get_color() for label in labels(ax)} == {ink}


def test_best_known_items_without_histories_have_the_longest_factors(
    model: ts.FactorModel, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("model") / "small.taste"
    model.save(path, history=False)
    ax = space(ts.load(path), items=3, labels=3, ax=axes())
    lengths = np.linalg.norm(model.item_factors, axis=1)
    longest = {model.items.ids[row] for row in np.argsort(-lengths)[:3]}
    assert {label.get_text() for label in labels(ax)} <= longest


def test_a_title_with_dollars_is_text(model: ts.FactorModel) -> None:
    titles: dict[str | int, str] = {f"i{item}": "Ca$h \\frac{ $" for item in range(60)}
    ax = space(model, titles=titles, groups={"i1": "$\\frac{$"}, ax=axes())
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    assert labels(ax)


def test_the_plane_is_that_of_principal_components() -> None:
    vectors = np.random.default_rng(3).normal(size=(50, 6)).astype(np.float32)
    points, share = principal_plane(vectors)
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    covariance = np.cov(directions.T.astype(np.float64))
    values = np.linalg.eigvalsh(covariance)[::-1]
    np.testing.assert_allclose(points.var(axis=0, ddof=1), values[:2], rtol=1e-5)
    np.testing.assert_allclose(share, values[:2] / values.sum(), rtol=1e-5)
    assert abs(points[:, 0] @ points[:, 1]) < 1e-6
    assert ((points**3).sum(axis=0) >= 0).all()


def test_zero_and_equal_vectors_do_no_harm() -> None:
    points, share = principal_plane(np.zeros((4, 3), np.float32))
    assert np.isfinite(points).all()
    assert np.isfinite(share).all()


@pytest.mark.slow  # the first map takes a quarter of a minute: UMAP is compiled
def test_umap_keeps_groups_together(model: ts.FactorModel) -> None:
    pytest.importorskip("numba")
    ax = space(model, method="umap", groups=groups(), labels=3, ax=axes())
    centres = np.array([np.mean(marks.get_offsets(), axis=0) for marks in ax.collections])
    spread = max(float(np.std(np.asarray(marks.get_offsets()), axis=0).max()) for marks in ax.collections)
    assert all(np.linalg.norm(a - b) > 2 * spread for a, b in combinations(centres, 2))
    assert "UMAP" in ax.get_xlabel()
    again = space(model, method="umap", groups=groups(), labels=3, ax=axes())
    for one, other in zip(ax.collections, again.collections, strict=True):
        np.testing.assert_array_equal(one.get_offsets(), other.get_offsets())
    assert np.isfinite(neighbour_plane(model.item_factors[:3])).all()


def test_umap_is_an_extra(model: ts.FactorModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(MissingExtraError, match=r"a map by UMAP needs .*pip install 'tastespace\[umap\]'"):
        space(model, method="umap")


def test_features_that_cannot_be_drawn(model: ts.FactorModel) -> None:
    with pytest.raises(
        InputError, match="the feature of item 'i3' is nan; leave out items whose value is unknown"
    ):
        space(model, groups={"i1": 1.0, "i3": float("nan")})
    with pytest.raises(
        InputError, match=r"the feature of item 'i3' is \['a'\]; it must be a number, or the name"
    ):
        space(model, groups={"i3": ["a"]})  # type: ignore[dict-item]
    with pytest.raises(InputError, match=r"the feature of items mixes numbers and names; use str\(...\)"):
        space(model, groups={"i1": 1.0, "i2": "a"})  # type: ignore[dict-item]


def test_mappings_of_other_ids(model: ts.FactorModel) -> None:
    with pytest.raises(
        InputError, match="titles name none of the 60 items of the model: its ids are like 'i0', theirs"
    ):
        space(model, titles={0: "zero"})
    with pytest.raises(
        InputError, match="groups name none of the 150 users of the model: its ids are like 0, theirs"
    ):
        space(model, of="users", groups={"i0": "zero"})


def test_mappings_are_no_frames(model: ts.FactorModel) -> None:
    frame = pl.DataFrame({"item": ["i1"], "title": ["one"]})
    for name in ("titles", "groups"):
        with pytest.raises(InputError, match=rf"{name} must map ids, .*; got DataFrame: .* dict\(zip\(ids"):
            space(model, **{name: frame})  # type: ignore[arg-type]


def areas(ax: Axes) -> np.ndarray:
    return np.concatenate([np.asarray(marks.get_sizes()) for marks in ax.collections])  # type: ignore[attr-defined]


def test_marks_grow_from_the_least_known_to_the_best(model: ts.FactorModel) -> None:
    assert model.history is not None
    fame = np.sort(np.bincount(model.history.indices))[::-1].astype(float)
    expected = 0.1 + 0.9 * (fame - fame.min()) / (fame.max() - fame.min())
    drawn = areas(space(model, labels=0, ax=axes()))
    np.testing.assert_allclose(drawn, 134 * expected)
    small = areas(space(model, labels=0, ax=axes(size=(2, 1.5))))
    assert small.max() < 134 / 2
    np.testing.assert_allclose(small, small.max() * expected)


def test_marks_of_the_equally_known_are_of_one_middle_size(model: ts.FactorModel) -> None:
    rows, columns = np.divmod(np.arange(30, dtype=np.int32), 3)
    alike = ts.Interactions.from_events(
        ts.Vocabulary(range(10), noun="user"),
        ts.Vocabulary(range(6), noun="item"),
        rows,
        (columns * 2 + rows % 2).astype(np.int32),
        explicit=False,
    )
    users = ts.ImplicitALS(factors=2, epochs=1, threads=1, progress=False).fit(alike)
    [size] = np.unique(areas(space(users, of="users", labels=0, ax=axes())))
    assert 20 < size < 80


@pytest.mark.parametrize("size", [(2.2, 1.6), (1.2, 1.0)])
def test_a_small_map_drops_what_does_not_fit(model: ts.FactorModel, size: tuple[float, float]) -> None:
    for feature in ({}, groups(), {f"i{item}": float(item) for item in range(60)}):
        ax = space(model, groups=feature, name="a feature", labels=5, ax=axes(size=size))  # type: ignore[arg-type]
        figure = ax.get_figure(root=True)
        assert figure is not None
        figure.draw_without_rendering()  # a layout without room warns
        room = ax.get_window_extent()
        assert ax.xaxis.label.get_window_extent().width <= room.width
        assert ax.yaxis.label.get_window_extent().height <= room.height


def test_titles_and_groups_stand_in_one_line(model: ts.FactorModel) -> None:
    ax = space(
        model,
        titles={f"i{item}": f"Item\n{item}" for item in range(60)},
        groups={f"i{item}": "two\nlines" for item in range(60)},
        name="of\nthese",
        ax=axes(),
    )
    assert labels(ax)
    assert all(label.get_text().startswith("Item ") for label in labels(ax))
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in (legend.get_title(), *legend.get_texts())] == [
        "of these",
        "two lines",
    ]


def test_settings_out_of_range(model: ts.FactorModel) -> None:
    with pytest.raises(ParameterError, match="of of space must be one of 'items', 'users'; got 'films'"):
        space(model, of="films")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="method of space must be one of 'pca', 'umap'; got 'tsne'"):
        space(model, method="tsne")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="items of space must be a whole number >= 3; got 2"):
        space(model, items=2)
    for items in ("3", 3.5, float("nan"), None):
        with pytest.raises(
            ParameterError, match=f"items of space must be a whole number >= 3; got {items!r}"
        ):
            space(model, items=items)  # type: ignore[arg-type]
    for labels in (-1, 3.5, None):
        with pytest.raises(
            ParameterError, match=f"labels of space must be a whole number >= 0; got {labels}"
        ):
            space(model, labels=labels)  # type: ignore[arg-type]


def test_a_model_without_a_plane(model: ts.FactorModel) -> None:
    popular = ts.Popularity().fit(model.interactions())
    with pytest.raises(
        ParameterError, match="at least 3 items and 2 factors; the model has 60 items, 0 factors"
    ):
        space(popular)


def test_models_without_factors(model: ts.FactorModel) -> None:
    with pytest.raises(UnsupportedError, match="space draws factors, and EASE has none; pass a factor model"):
        space(ts.EASE().fit(model.interactions()))  # type: ignore[arg-type]


def test_a_model_of_moments_has_a_map_at_each() -> None:
    events = groups_of_taste(ratings=True)
    timed = ts.Interactions.from_events(
        events.users,
        events.items,
        events.user_rows(),
        events.by_user.indices,
        values=events.by_user.filled_values(),
        times=np.arange(events.n_events) * 1000,
        explicit=True,
    )
    model = ts.TimeSVDPlusPlus(factors=2, epochs=1, threads=1, progress=False).fit(timed)
    with pytest.raises(
        UnsupportedError, match=r"space draws the factors of one moment; pass model.at\(...\)"
    ):
        space(model)  # type: ignore[arg-type]
    assert space(model.at(5000), labels=0, ax=axes()).collections


def test_matplotlib_is_an_extra(model: ts.FactorModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'tastespace\[plot\]'"):
        space(model)
