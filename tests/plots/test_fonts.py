from __future__ import annotations

import warnings

import pytest
from matplotlib import rc_context

import tastespace as ts
from tastespace.errors import TastespaceWarning
from tastespace.plots import factor, space, topics
from tastespace.plots.fonts import lettering
from tests.plots.worlds import axes, groups_of_taste

RUNES = "\U00012000\U00012001"  # cuneiform: in no font that Matplotlib or an ordinary machine has


def test_letters_of_the_style_stay_as_they_are() -> None:
    assert lettering(["Amélie", "plain", "Сталкер"]) == (["Amélie", "plain", "Сталкер"], None)
    assert lettering([]) == ([], None)


def test_missing_letters_come_from_another_font() -> None:
    with rc_context({"font.family": ["cmr10"]}):  # comes with Matplotlib and has Latin letters only
        assert lettering(["Сталкер"]) == (["Сталкер"], ["cmr10", "DejaVu Sans"])


def test_letters_that_no_font_has_are_boxes_and_one_warning() -> None:
    with pytest.warns(
        TastespaceWarning, match="no font .* has the letters \U00012000 \U00012001; drawn are boxes: install"
    ) as told:
        texts, family = lettering([f"{RUNES}!", f"a{RUNES}", "b"])
    assert (texts, family) == (["□□!", "a□□", "b"], None)
    assert len(told) == 1
    assert told[0].filename == __file__
    many = "".join(map(chr, range(0x12000, 0x1200A)))
    with pytest.warns(TastespaceWarning, match="\U00012007 and 2 more; drawn"):
        lettering([many])


def test_joiners_that_no_font_has_are_left_out() -> None:
    assert lettering(["a\U000e0101b"]) == (["ab"], None)  # a variant of a letter


def test_pictures_warn_once_and_matplotlib_never() -> None:
    model = ts.NMF(factors=3, threads=1, progress=False).fit(groups_of_taste())
    titles: dict[str | int, str] = {f"i{item}": f"{RUNES} {item}" for item in range(60)}
    for draw in (
        lambda: space(model, titles=titles, ax=axes()),
        lambda: space(model, groups=titles, labels=0, ax=axes()),
        lambda: space(model, groups={"i1": 1.0, "i2": 2.0}, name=RUNES, labels=0, ax=axes()),
        lambda: factor(model, 0, titles=titles, ax=axes()),
        lambda: topics(model, 3, titles=titles, ax=axes()),
    ):
        with pytest.warns(TastespaceWarning, match="no font of Matplotlib has the letters") as told:
            ax = draw()
        assert len(told) == 1
        figure = ax.get_figure(root=True)
        assert figure is not None
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            figure.draw_without_rendering()
