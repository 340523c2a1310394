from __future__ import annotations

import sys

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from tastespace.errors import MissingExtraError, ParameterError
from tastespace.models.table import Table
from tastespace.plots import parameter, search

TRIALS = Table(
    {
        "number": np.arange(5, dtype=np.int32),
        "state": ["complete", "pruned", "complete", "failed", "grown"],
        "value": np.array([0.2, 0.5, 0.1, np.nan, 0.3]),
        "seconds": np.ones(5),
        "epochs": np.array([3, 2, 4, 0, 5], np.int32),
        "factors": np.array([8, 8, 16, 16, 400]),
        "half_life": ["None", "7d", "7d", "30d", "7d"],
    }
)


def test_the_best_so_far_is_of_whole_trials() -> None:
    for lower, best in ((False, [0.2, 0.2, 0.2, 0.2, 0.3]), (True, [0.2, 0.2, 0.1, 0.1, 0.1])):
        ax = search(TRIALS, "ndcg@10", lower=lower, ax=Figure().add_subplot())
        [line] = ax.get_lines()
        assert np.asarray(line.get_ydata()).tolist() == best
        assert [len(np.asarray(marks.get_offsets())) for marks in ax.collections] == [2, 1, 1]


def test_numbers_over_orders_of_magnitude_are_in_logarithms() -> None:
    assert parameter(TRIALS, "factors", "ndcg@10", ax=Figure().add_subplot()).get_xscale() == "log"
    assert parameter(TRIALS, "epochs", "ndcg@10", ax=Figure().add_subplot()).get_xscale() == "linear"


def test_words_stand_in_the_order_in_which_they_came() -> None:
    ax = parameter(TRIALS, "half_life", "ndcg@10", ax=Figure().add_subplot())
    assert [label.get_text() for label in ax.get_xticklabels()] == ["None", "7d", "30d"]


def test_text_is_light_on_dark() -> None:
    ax = Figure(facecolor="black").add_subplot(facecolor="black")
    legend = search(TRIALS, "ndcg@10", ax=ax).get_legend()
    assert legend is not None
    assert {to_hex(text.get_color()) for text in (ax.xaxis.label, *legend.get_texts())} == {"#eeeeee"}


def test_makes_a_figure_of_its_own() -> None:
    ax = search(TRIALS, "ndcg@10")
    plt.close(ax.figure)  # type: ignore[arg-type]


def test_an_unknown_parameter_suggests_the_nearest() -> None:
    with pytest.raises(
        ParameterError, match=r"no parameter 'factor'; did you mean 'factors'\? it has epochs, factors"
    ):
        parameter(TRIALS, "factor", "ndcg@10")


def test_trials_without_values_are_no_picture() -> None:
    failed = Table(
        {
            "number": np.arange(1, dtype=np.int32),
            "state": ["failed"],
            "value": np.array([np.nan]),
            "seconds": np.ones(1),
            "epochs": np.zeros(1, np.int32),
        }
    )
    with pytest.raises(ParameterError, match="nothing to draw: trials hold no number that is finite"):
        search(failed, "ndcg@10")
    with pytest.raises(ParameterError, match="nothing to draw: trials hold no number that is finite"):
        parameter(failed, "epochs", "ndcg@10")


def test_matplotlib_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"drawing a search .*'tastespace\[plot\]'"):
        search(TRIALS, "ndcg@10")
