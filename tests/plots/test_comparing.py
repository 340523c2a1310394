from __future__ import annotations

import sys

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

import tastespace as ts
from tastespace.errors import InputError, MissingExtraError, ParameterError
from tastespace.plots import (
    learning_curves,
    quality_against_k,
    quality_by_popularity,
    time_against_quality,
)
from tastespace.plots.style import looks
from tastespace.plots.svg import inline_svg, mark_svg
from tests.plots.worlds import axes, groups_of_taste

LENGTHS = {"a": {1: 0.1, 10: 0.3}, "b": {10: 0.2, 1: 0.15}}


EPOCHS = [
    ts.Epoch(1, 3, 0.5, 9.0, {}),
    ts.Epoch(2, 3, 0.25, 8.0, {"rmse": 0.9}),
    ts.Epoch(3, 3, 0.25, 7.5, {"rmse": 0.8}),
]


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


@pytest.mark.parametrize(
    ("metric", "x", "places", "values"),
    [
        ("rmse", "epoch", [2, 3], [0.9, 0.8]),
        ("rmse", "seconds", [0.75, 1.0], [0.9, 0.8]),
        ("objective", "epoch", [1, 2, 3], [9.0, 8.0, 7.5]),
    ],
)
def test_epochs_are_a_curve(metric: str, x: str, places: list[float], values: list[float]) -> None:
    ax = learning_curves({"a": EPOCHS}, metric=metric, x=x, ax=axes())
    assert ax.lines[0].get_xdata().tolist() == places  # type: ignore[union-attr]
    assert ax.lines[0].get_ydata().tolist() == values  # type: ignore[union-attr]
    assert (ax.get_xlabel(), ax.get_ylabel()) == (x, metric)


TOLD = [ts.ALS, ts.FunkSVD, ts.PMF, ts.SVDPlusPlus, ts.ImplicitALS, ts.BPR, ts.WARP, ts.LogisticMF, ts.NMF]


@pytest.mark.parametrize("trainer", TOLD, ids=lambda trainer: trainer.__name__)
def test_every_trainer_with_epochs_tells_them(trainer: type) -> None:
    rates = trainer in TOLD[:4]
    split = ts.split.random(groups_of_taste(ratings=rates), test=0.2, seed=0)
    told: list[ts.Epoch] = []
    learner = trainer(factors=2, epochs=2, threads=1, progress=False)
    learner.fit(split.train, split.test, callbacks=[told.append])
    for metric in ("objective", "rmse" if rates else "ndcg@10"):
        ax = learning_curves({"model": told}, metric=metric, ax=axes())
        assert len(np.asarray(ax.lines[0].get_xdata())) == len(told) == 2


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
    nan = float("nan")
    for draw in (
        lambda: quality_against_k({}),
        lambda: quality_against_k({"a": {}}),
        lambda: quality_by_popularity({}, []),
        lambda: quality_by_popularity({"a": [nan]}, ["x"]),
        lambda: learning_curves({}),
        lambda: learning_curves({"a": ([], [])}),
        lambda: learning_curves({"a": ([1, 2], [nan, nan])}),
        lambda: time_against_quality({}),
        lambda: time_against_quality({"a": (1.0, nan, None, None)}),
    ):
        before = plt.get_fignums()
        with pytest.raises(ParameterError, match="nothing to draw: values hold no number that is finite"):
            draw()
        assert plt.get_fignums() == before  # no empty figure stays
    with pytest.raises(
        ParameterError, match="no epoch of 'a' was measured by 'ndcg@10'; there is rmse, objective"
    ):
        learning_curves({"a": EPOCHS}, ax=axes())
    for odd in (3, [1, 2, 3], [[1, 2], [1]], [], [*EPOCHS, 3]):
        with pytest.raises(InputError, match=r"the learning curve of 'a' must be the epochs of a callback"):
            learning_curves({"a": odd}, ax=axes())  # type: ignore[dict-item]
    with pytest.raises(ParameterError, match="'a' has 1 values for 2 groups"):
        quality_by_popularity({"a": [0.1]}, ["x", "y"], ax=axes())


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"drawing quality against k needs .*tastespace\[plot\]"):
        quality_against_k(LENGTHS)
    with pytest.raises(MissingExtraError, match="the page of a comparison"):
        inline_svg(lambda ax: None, "one")
