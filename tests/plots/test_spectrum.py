from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

import tastespace as ts
from tastespace.errors import EmptyError, UnsupportedError
from tastespace.plots import spectrum
from tests.plots.worlds import axes, groups_of_taste


def heights(ax: Axes) -> list[float]:
    return [bar.get_height() for bar in ax.patches]  # type: ignore[attr-defined]


def right(ax: Axes) -> Axes:
    figure = ax.get_figure(root=True)
    assert figure is not None
    [other] = [one for one in figure.axes if one is not ax]
    return other


@pytest.mark.parametrize("centred", [False, True])
def test_of_a_decomposition_it_is_that_of_the_table(centred: bool) -> None:
    events = groups_of_taste()
    model = ts.TruncatedSVD(factors=5, centred=centred, threads=1, progress=False).fit(events)
    table = events.by_user.to_scipy().toarray().astype(np.float64)
    values = np.linalg.svd(table - table.mean(axis=0) if centred else table, compute_uv=False)
    ax = spectrum(model, ax=axes())
    np.testing.assert_allclose(heights(ax), values[:5], rtol=1e-4)
    shares = np.cumsum(values**2)[:5] / (values**2).sum()
    np.testing.assert_allclose(np.asarray(right(ax).lines[0].get_ydata()), shares, rtol=1e-4)
    assert (
        right(ax).get_ylabel() == f"cumulative share of {'the variance' if centred else 'all squared cells'}"
    )


def test_of_other_models_it_is_that_of_their_scores() -> None:
    model = ts.ImplicitALS(factors=6, epochs=3, threads=1, progress=False).fit(groups_of_taste())
    scores = model.user_factors.astype(np.float64) @ model.item_factors.T.astype(np.float64)
    values = np.linalg.svd(scores, compute_uv=False)[:6]
    ax = spectrum(model, ax=axes())
    np.testing.assert_allclose(heights(ax), values, rtol=1e-5)
    line = np.asarray(right(ax).lines[0].get_ydata())
    np.testing.assert_allclose(line, np.cumsum(values**2) / (values**2).sum(), rtol=1e-5)
    assert line[-1] == pytest.approx(1)
    assert right(ax).get_ylabel() == "cumulative share of squared scores P Q′"


def test_directions_that_are_not_used_have_no_height() -> None:
    model = ts.ImplicitALS(factors=3, epochs=2, threads=1, progress=False).fit(groups_of_taste())
    doubled = replace(model, user_factors=np.repeat(model.user_factors[:, :1], 3, axis=1))
    drawn = heights(spectrum(doubled, ax=axes()))
    assert drawn[0] > 0
    np.testing.assert_allclose(drawn[1:], 0, atol=1e-5 * drawn[0])


def test_both_sides_are_light_on_dark() -> None:
    model = ts.TruncatedSVD(factors=3, threads=1, progress=False).fit(groups_of_taste())
    ax = spectrum(model, ax=axes("black"))
    assert ax.yaxis.label.get_color() == right(ax).yaxis.label.get_color() == "#EEEEEE"
    edge, _ = right(ax).lines
    assert to_hex(edge.get_color()) == "#000000"


def test_guides_lie_under_the_bars() -> None:
    ax = spectrum(ts.TruncatedSVD(factors=3, threads=1, progress=False).fit(groups_of_taste()), ax=axes())
    assert not any(line.get_visible() for line in right(ax).get_ygridlines())
    assert all(line.get_visible() for line in ax.get_ygridlines())
    assert ax.get_axisbelow() is True


def test_what_has_no_spectrum() -> None:
    with pytest.raises(
        UnsupportedError, match="spectrum needs at least 1 factor; the model of Popularity has 0"
    ):
        spectrum(ts.Popularity().fit(groups_of_taste()))
    model = ts.ImplicitALS(factors=2, epochs=1, threads=1, progress=False).fit(groups_of_taste())
    with pytest.raises(EmptyError, match="all factors of the model are zeros"):
        spectrum(replace(model, user_factors=np.zeros_like(model.user_factors)))
