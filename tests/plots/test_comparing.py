from __future__ import annotations

import sys

import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from tastespace.errors import MissingExtraError, ParameterError
from tastespace.plots import (
    learning_curves,
    quality_against_k,
    quality_by_popularity,
    time_against_quality,
)
from tastespace.plots.style import looks
from tastespace.plots.svg import inline_svg, mark_svg

LENGTHS = {"a": {1: 0.1, 10: 0.3}, "b": {10: 0.2, 1: 0.15}}


def axes(face: str = "white") -> Axes:
    return Figure(layout="constrained", facecolor=face).add_subplot(facecolor=face)


def test_every_function_draws_on_the_given_axis_and_returns_it() -> None:
    for draw in (
        lambda ax: quality_against_k(LENGTHS, ax=ax),
        lambda ax: quality_by_popularity({"a": [0.1, 0.2]}, ["x", "y"], ax=ax),
        lambda ax: learning_curves({"a": ([1, 2], [0.1, 0.2])}, ax=ax),
        lambda ax: time_against_quality({"a": (0.0, 0.1, 0.05, 0.2), "b": (3.0, 0.2, None, None)}, ax=ax),
    ):
        ax = axes()
        assert draw(ax) is ax
        assert ax.get_xlabel()
        assert ax.get_ylabel()


def test_makes_a_figure_of_its_own() -> None:
    from matplotlib import pyplot as plt

    ax = quality_against_k(LENGTHS)
    assert ax.get_legend() is not None
    plt.close(ax.get_figure(root=True))


def test_lines_run_from_small_to_large_k() -> None:
    ax = quality_against_k(LENGTHS, metric="recall", ax=axes())
    assert ax.lines[1].get_xdata().tolist() == [1, 10]
    assert ax.lines[1].get_ydata().tolist() == [0.15, 0.2]
    assert ax.get_ylabel() == "recall@k"


def test_a_model_keeps_its_look_in_every_picture() -> None:
    ax = learning_curves({"b": ([1, 2], [0.1, 0.2])}, names=["a", "b"], ax=axes())
    assert to_hex(ax.lines[0].get_color()).upper() == looks(["a", "b"])["b"].colour
    assert len(set(looks([str(n) for n in range(18)]).values())) == 18


def test_text_is_light_on_dark() -> None:
    assert quality_against_k(LENGTHS, ax=axes("black")).xaxis.label.get_color() == "#EEEEEE"
    assert quality_against_k(LENGTHS, ax=axes("white")).xaxis.label.get_color() == "#222222"


def test_names_are_no_mathematics() -> None:
    ax = quality_against_k({"$a": {1: 0.1}, r"\b$": {1: 0.2}}, ax=axes())
    ax.get_figure(root=True).draw_without_rendering()  # type: ignore[union-attr]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["$a", r"\b$"]  # type: ignore[union-attr]


def test_a_picture_for_a_page_takes_the_colour_of_its_text() -> None:
    found = inline_svg(lambda ax: quality_against_k(LENGTHS, ax=ax), "one")
    assert found.startswith("<svg viewBox=")
    assert "currentColor" in found
    assert "#010203" not in found
    assert "http" not in found
    assert found == inline_svg(lambda ax: quality_against_k(LENGTHS, ax=ax), "one")


def test_inner_names_of_two_pictures_differ() -> None:
    import re

    one, two = (
        set(re.findall(r'id="([^"]*)"', inline_svg(lambda ax: quality_against_k(LENGTHS, ax=ax), name)))
        for name in ("one", "two")
    )
    assert one
    assert not one & two


def test_marks_for_every_look() -> None:
    assert len({mark_svg(look) for look in looks([str(n) for n in range(18)]).values()}) == 18


@pytest.mark.parametrize("slowest", [0.3, 2000.0])
def test_times_have_numbers_on_their_axis(slowest: float) -> None:
    ax = time_against_quality({"a": (0.11, 0.1, None, None), "b": (slowest, 0.2, None, None)}, ax=axes())
    low, high = ax.get_xlim()
    shown = [place for place in ax.get_xticks() if low <= place <= high]
    assert 2 <= len(shown) <= 8


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(ParameterError, match="no k to draw"):
        quality_against_k({}, ax=axes())
    with pytest.raises(ParameterError, match="no model to draw"):
        time_against_quality({}, ax=axes())
    with pytest.raises(ParameterError, match="'a' has 1 values for 2 groups"):
        quality_by_popularity({"a": [0.1]}, ["x", "y"], ax=axes())


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"drawing quality against k needs .*tastespace\[plot\]"):
        quality_against_k(LENGTHS)
    with pytest.raises(MissingExtraError, match="the page of a comparison"):
        inline_svg(lambda ax: None, "one")
