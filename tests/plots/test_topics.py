from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.text import Text

import tastespace as ts
from tastespace.errors import EmptyError, InputError, ParameterError, UnsupportedError
from tastespace.plots import topics
from tests.plots.worlds import axes, groups_of_taste


@pytest.fixture(scope="module")
def model() -> ts.FactorModel:
    return ts.NMF(factors=5, threads=1, progress=False).fit(groups_of_taste())


def sheet(ax: Axes) -> dict[str, list[tuple[str, float]]]:
    """Words and lengths of their bars, under the headings."""
    bars = {
        (round(bar.get_x(), 3), round(bar.get_y() + bar.get_height() / 2, 3)): bar.get_width()  # type: ignore[attr-defined]
        for bar in ax.patches
    }
    found: dict[str, list[tuple[str, float]]] = {}
    heading = ""
    for text in ax.texts:
        x, y = text.get_position()
        if text.get_fontweight() == "bold":
            heading = text.get_text()
            found[heading] = []
        else:
            found[heading].append((text.get_text(), bars[round(float(np.floor(x)), 3), round(y, 3)]))
    return found


def test_the_sheet_holds_the_words_of_every_topic(model: ts.FactorModel) -> None:
    table = model.topics(4)
    drawn = sheet(topics(model, 4, columns=3, ax=axes()))
    assert list(drawn) == [f"topic {number}" for number in range(5)]
    words = [word for own in drawn.values() for word, _ in own]
    assert words == table["item"].tolist()
    lengths = np.array([length for own in drawn.values() for _, length in own])
    np.testing.assert_allclose(lengths / lengths.max(), table["weight"] / table["weight"].max(), rtol=1e-5)


def test_a_table_of_topics_is_drawn_as_it_is(model: ts.FactorModel) -> None:
    drawn = sheet(topics(model.topics(10), 2, ax=axes()))
    assert {heading: [word for word, _ in own] for heading, own in drawn.items()} == {
        heading: [word for word, _ in own] for heading, own in sheet(topics(model, 2, ax=axes())).items()
    }


def test_no_word_leaves_its_column(model: ts.FactorModel) -> None:
    titles: dict[str | int, str] = {
        f"i{item}": f"A very long title of item {item} $\\frac{{" for item in range(60)
    }
    ax = topics(model, 6, titles=titles, ax=axes(size=(5, 3)))
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    assert all(text.get_text().endswith("…") for text in ax.texts if text.get_fontweight() != "bold")


def test_makes_a_figure_of_its_own(model: ts.FactorModel) -> None:
    ax = topics(model, 3)
    figure = ax.get_figure(root=True)
    plt.close(figure)
    assert figure is not None
    assert figure.get_figheight() < 3


def test_a_narrow_sheet_has_room_for_its_note(model: ts.FactorModel) -> None:
    one = ts.NMF(factors=1, threads=1, progress=False).fit(groups_of_taste())
    for ax in (topics(one), topics(model, columns=1), topics(model, ax=axes(size=(1.5, 2)))):
        figure = ax.get_figure(root=True)
        assert figure is not None
        figure.draw_without_rendering()
        [title] = [text for text in ax.findobj(Text) if "bars:" in text.get_text()]  # type: ignore[attr-defined]
        assert title.get_window_extent().x1 <= figure.bbox.x1  # type: ignore[attr-defined]
        plt.close(figure)


def test_words_stand_in_one_line(model: ts.FactorModel) -> None:
    titles: dict[str | int, str] = {f"i{item}": f"word\nof\t{item}" for item in range(60)}
    ax = topics(model, 3, titles=titles, ax=axes())
    words = [word for own in sheet(ax).values() for word, _ in own]
    assert all(word.startswith("word of ") for word in words)


def test_text_is_light_on_dark(model: ts.FactorModel) -> None:
    assert {text.get_color() for text in topics(model, 3, ax=axes("black")).texts} == {"#EEEEEE"}


def test_what_has_no_topics(model: ts.FactorModel) -> None:
    with pytest.raises(ParameterError, match="n_words of topics must be a whole number >= 1; got 0"):
        topics(model, 0)
    with pytest.raises(ParameterError, match="columns of topics must be a whole number >= 1; got 0"):
        topics(model, columns=0)
    with pytest.raises(
        UnsupportedError, match="topics are factors of 0 or more, and those of TruncatedSVD are not"
    ):
        topics(ts.TruncatedSVD(factors=3, progress=False).fit(groups_of_taste()))
    with pytest.raises(UnsupportedError, match="draws factors, and ItemKNN has none"):
        topics(ts.ItemKNN().fit(groups_of_taste()))  # type: ignore[arg-type]
    nothing = ts.Topics(
        {
            "topic": np.empty(0, np.int32),
            "rank": np.empty(0, np.int32),
            "item": [],
            "weight": np.empty(0, np.float32),
        }
    )
    with pytest.raises(EmptyError, match="there are no topics to draw"):
        topics(nothing)
    with pytest.raises(InputError, match="titles name none of the 60 items of the model"):
        topics(model, titles={1: "x"})
    with pytest.raises(InputError, match=r"titles name none of the \d+ items of the model"):
        topics(model.topics(2), titles={1: "x"})
