from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

import tastespace as ts
from tastespace.errors import EmptyError, HistoryError, InputError, ParameterError, UnsupportedError
from tastespace.plots import factor
from tests.plots.worlds import axes, groups_of_taste


@pytest.fixture(scope="module")
def model() -> ts.FactorModel:
    return ts.TruncatedSVD(factors=4, threads=1, progress=False).fit(groups_of_taste())


def bars(ax: Axes) -> list[tuple[str, float]]:
    """Label and length of each bar, from top to bottom."""
    found = {}
    for bar in ax.patches:
        assert isinstance(bar, Rectangle)
        found[bar.get_y() + bar.get_height() / 2] = bar.get_width()
    ticks = dict(zip(ax.get_yticks(), (label.get_text() for label in ax.get_yticklabels()), strict=True))
    return [
        (ticks[min(ticks, key=lambda tick: abs(tick - place))], found[place])
        for place in sorted(found, reverse=True)
    ]


def test_the_bars_are_the_extreme_factors(model: ts.FactorModel) -> None:
    drawn = bars(factor(model, 1, n=3, ax=axes()))
    column = model.item_factors[:, 1]
    order = np.argsort(-column, kind="stable")
    rows = [*order[:3], *order[-3:]]
    assert [label for label, _ in drawn] == [model.items.ids[row] for row in rows]
    np.testing.assert_allclose([length for _, length in drawn], column[rows])


def test_users_have_factors_too(model: ts.FactorModel) -> None:
    drawn = bars(factor(model, 0, n=2, of="users", ax=axes()))
    best = int(np.argmax(model.user_factors[:, 0]))
    assert drawn[0] == (str(model.users.ids[best]), pytest.approx(model.user_factors[best, 0]))


def test_nobody_is_drawn_twice(model: ts.FactorModel) -> None:
    drawn = bars(factor(model, 1, n=500, ax=axes()))
    assert sorted(label for label, _ in drawn) == sorted(model.items.ids)


def test_factors_of_zero_or_more_have_one_end() -> None:
    parts = ts.NMF(factors=3, threads=1, progress=False).fit(groups_of_taste())
    drawn = bars(factor(parts, 2, n=4, ax=axes()))
    best = np.sort(parts.item_factors[:, 2])[::-1][:4]
    np.testing.assert_allclose([length for _, length in drawn], best)


@pytest.mark.parametrize("sign", [1, -1])
def test_an_end_of_rounding_is_none(model: ts.FactorModel, sign: int) -> None:
    # Those of no length would be named in the order of chance.
    column = np.abs(model.item_factors[:, 0]) + 0.1
    column[:20] = -1e-8
    one = replace(model, item_factors=np.column_stack([sign * column, model.item_factors[:, 1:]]))
    drawn = bars(factor(one, 0, n=4, ax=axes()))
    np.testing.assert_allclose([length for _, length in drawn], np.sort(sign * column)[::-sign][:4][::sign])
    assert len(bars(factor(one, 1, n=4, ax=axes()))) == 8


def test_the_first_factor_of_positive_tables_has_one_end() -> None:
    svd = ts.TruncatedSVD(factors=4, threads=1, progress=False).fit(groups_of_taste())
    assert (svd.item_factors[:, 0] > 0).all()
    assert (svd.item_factors[:, 1:] < 0).any()
    assert len(bars(factor(svd, 0, n=10, ax=axes()))) == 10


def test_titles_stand_in_one_line(model: ts.FactorModel) -> None:
    best = model.items.ids[int(np.argmax(model.item_factors[:, 0]))]
    assert bars(factor(model, 0, n=2, titles={best: "Two\nlines\r\n "}, ax=axes()))[0][0] == "Two lines"
    assert bars(factor(model, 0, n=2, titles={best: None, "i3": "x"}, ax=axes()))[0][0] == best  # type: ignore[dict-item]


def test_titles_stand_for_ids_and_are_no_mathematics(model: ts.FactorModel) -> None:
    best = int(np.argmax(model.item_factors[:, 0]))
    title = "Ca$h \\frac{ $ " + "long " * 20
    ax = factor(model, 0, n=2, titles={model.items.ids[best]: title}, ax=axes())
    ax.get_figure(root=True).draw_without_rendering()  # type: ignore[union-attr]
    label = bars(ax)[0][0]
    assert title.startswith(label[:-1])
    assert label.endswith("…")
    assert len(label) <= 44


def test_little_known_items_can_be_left_out(model: ts.FactorModel) -> None:
    assert model.history is not None
    events = np.bincount(model.history.indices, minlength=60)
    least = int(np.sort(events)[30])
    drawn = bars(factor(model, 1, n=60, min_events=least, ax=axes()))
    assert sorted(label for label, _ in drawn) == sorted(model.items.ids[events >= least])
    active = bars(factor(model, 1, n=200, of="users", min_events=11, ax=axes()))
    assert len(active) == int((model.history.counts() >= 11).sum())
    with pytest.raises(EmptyError, match=f"none of the items has 1,000 events; the most is {events.max()}"):
        factor(model, 1, min_events=1000)


def test_text_is_light_on_dark(model: ts.FactorModel) -> None:
    labels = factor(model, 0, ax=axes("black")).get_yticklabels()
    assert {label.get_color() for label in labels} == {"#EEEEEE"}


def test_what_cannot_be_drawn(model: ts.FactorModel, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"the model has factors 0\.\.3; got number=4"):
        factor(model, 4)
    with pytest.raises(ParameterError, match="number of factor must be a whole number >= 0; got -1"):
        factor(model, -1)
    with pytest.raises(ParameterError, match=r"n of factor must be a whole number >= 1; got 1\.5"):
        factor(model, 0, n=1.5)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="of of factor must be one of 'items', 'users'; got 'item'"):
        factor(model, 0, of="item")  # type: ignore[arg-type]
    with pytest.raises(
        InputError, match=r"titles name none of the 60 items of the model.* 'i0', theirs like 1"
    ):
        factor(model, 0, titles={1: "one"})
    with pytest.raises(InputError, match=r"titles must map ids.*; got list: of two columns .* dict\(zip"):
        factor(model, 0, titles=["one"])  # type: ignore[arg-type]
    _, two = plt.subplots(1, 2)
    with pytest.raises(
        ParameterError, match=r"ax must be one axis of Matplotlib; got an array of \(2,\): pass one"
    ):
        factor(model, 0, ax=two)
    with pytest.raises(ParameterError, match="ax must be one axis of Matplotlib; got int"):
        factor(model, 0, ax=3)  # type: ignore[arg-type]
    plt.close()
    model.save(tmp_path / "small.taste", history=False)
    with pytest.raises(HistoryError, match=r"min_events of factor counts the events .* history=True"):
        factor(ts.load(tmp_path / "small.taste"), 0, min_events=3)  # type: ignore[arg-type]


def test_models_without_factors() -> None:
    with pytest.raises(UnsupportedError, match="at least 1 factor; the model of Popularity has 0"):
        factor(ts.Popularity().fit(groups_of_taste()), 0)
    with pytest.raises(UnsupportedError, match="draws factors, and ItemKNN has none"):
        factor(ts.ItemKNN().fit(groups_of_taste()), 0)  # type: ignore[arg-type]
    with pytest.raises(UnsupportedError, match="draws factors, and int has none"):
        factor(3, 0)  # type: ignore[arg-type]
