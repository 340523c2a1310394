from __future__ import annotations

import sys
from itertools import combinations

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation

import tastespace as ts
from tastespace.errors import MissingExtraError, ParameterError
from tastespace.plots import space
from tastespace.plots.space import principal_plane

matplotlib.use("agg")


@pytest.fixture(scope="module")
def model() -> ts.FactorModel:
    """60 items in three groups; a third of the users likes each group."""
    rng = np.random.default_rng(0)
    rows = []
    for user in range(150):
        own = rng.choice(20, size=9, replace=False) * 3 + user % 3
        rows += [(user, item) for item in {*own.tolist(), *rng.choice(60, size=2).tolist()}]
    users, items = zip(*rows, strict=True)
    events = ts.Interactions.from_events(
        ts.Vocabulary(range(150), noun="user"),
        ts.Vocabulary([f"i{item}" for item in range(60)], noun="item"),
        np.array(users),
        np.array(items),
        explicit=False,
    )
    return ts.ImplicitALS(factors=8, epochs=6, threads=1, progress=False).fit(events)


def axes() -> Axes:
    return Figure(figsize=(8, 6), layout="constrained").add_subplot()


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


def test_settings_out_of_range(model: ts.FactorModel) -> None:
    with pytest.raises(ParameterError, match="items of space must be >= 3; got 2"):
        space(model, items=2)
    with pytest.raises(ParameterError, match="labels of space must be >= 0; got -1"):
        space(model, labels=-1)


def test_a_model_without_a_plane(model: ts.FactorModel) -> None:
    popular = ts.Popularity().fit(model.interactions())
    with pytest.raises(
        ParameterError, match="at least 3 items and 2 factors; the model has 60 items, 0 factors"
    ):
        space(popular)


def test_matplotlib_is_an_extra(model: ts.FactorModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.colors", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'tastespace\[plot\]'"):
        space(model)
