from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.text import Text

import tastespace as ts
from tastespace.errors import EmptyError, InputError, NumericalError, UnsupportedError
from tastespace.plots import predicted_against_actual
from tests.plots.worlds import axes, groups_of_taste


@pytest.fixture(scope="module")
def split() -> ts.Split:
    return ts.split.random(groups_of_taste(ratings=True), test=0.3, seed=1)


@pytest.fixture(scope="module")
def model(split: ts.Split) -> ts.FactorModel:
    return ts.ALS(factors=3, epochs=4, threads=1, progress=False).fit(split.train)


def line(ax: Axes, name: str) -> tuple[np.ndarray, np.ndarray]:
    [found] = [one for one in ax.lines if str(one.get_label()).startswith(name)]
    return np.asarray(found.get_xdata()), np.asarray(found.get_ydata())


def predictions(model: ts.FactorModel, test: ts.Interactions) -> tuple[np.ndarray, np.ndarray]:
    users, items = test.users.ids[test.user_rows()], test.items.ids[test.by_user.indices]
    return test.by_user.filled_values(), model.predict(users, items)


def test_boxes_hold_the_predictions_for_each_rating(model: ts.FactorModel, split: ts.Split) -> None:
    ax = predicted_against_actual(model, split, ax=axes())
    given, predicted = predictions(model, split.test)
    medians = [one for one in ax.lines if len(np.unique(one.get_ydata())) == 1 and one.get_linewidth() == 1.6]
    assert len(medians) == len(np.unique(given)) == 4
    for rating, median in zip(np.unique(given), medians, strict=True):
        assert np.mean(np.asarray(median.get_xdata())) == pytest.approx(rating)
        assert np.asarray(median.get_ydata())[0] == pytest.approx(
            np.median(predicted[given == rating]), rel=1e-6
        )
    for rating, box in zip(np.unique(given), ax.patches, strict=True):
        heights = box.get_path().vertices[:, 1]  # type: ignore[index]
        quartiles = np.percentile(predicted[given == rating], [25, 75])
        np.testing.assert_allclose([heights.min(), heights.max()], quartiles, rtol=1e-5)


def test_calibration_is_the_mean_given_where_so_much_was_predicted(
    model: ts.FactorModel, split: ts.Split
) -> None:
    x, y = line(predicted_against_actual(model, split, ax=axes()), "calibration")
    given, predicted = predictions(model, split.test)
    low, high = model.scale or (0, 0)
    place = np.minimum((predicted - low) / (high - low) * 10, 9).astype(int)
    whole = [one for one in range(10) if (place == one).sum() >= 20]
    np.testing.assert_allclose(x, [given[place == one].mean() for one in whole], rtol=1e-5)
    np.testing.assert_allclose(y, [predicted[place == one].mean() for one in whole], rtol=1e-5)


def test_who_is_unknown_is_left_out_and_counted(split: ts.Split) -> None:
    known = split.train.filter(users=range(100))
    ax = predicted_against_actual(
        ts.ALS(factors=2, epochs=2, threads=1, progress=False).fit(known), split.test, ax=axes()
    )
    users = split.test.users.ids[split.test.user_rows()]
    cold = int((users >= 100).sum())
    assert cold
    kept = split.test.n_events - cold
    assert ax.get_title(loc="left") == f"{kept:,} ratings; {cold:,} of unknown users or items left out"


def test_many_different_ratings_are_a_density(split: ts.Split) -> None:
    rng = np.random.default_rng(0)
    events = groups_of_taste(ratings=True)
    values = events.by_user.filled_values() + rng.uniform(0, 0.5, events.n_events).astype(np.float32)
    fine = ts.Interactions.from_events(
        events.users, events.items, events.user_rows(), events.by_user.indices, values=values, explicit=True
    )
    model = ts.ALS(factors=2, epochs=2, threads=1, progress=False).fit(fine)
    ax = predicted_against_actual(model, fine, ax=axes())
    [density] = ax.collections
    assert not ax.patches
    assert float(np.asarray(density.get_array()).sum()) == fine.n_events
    figure, legend = ax.get_figure(root=True), ax.get_legend()
    assert figure is not None
    assert legend is not None
    figure.draw_without_rendering()
    assert legend.get_window_extent().y0 >= ax.get_window_extent().y1  # above the data
    [title] = [text for text in ax.findobj(Text) if f"{fine.n_events:,} ratings" in text.get_text()]  # type: ignore[attr-defined]
    assert title.get_window_extent().y0 >= legend.get_window_extent().y1 - 1  # type: ignore[attr-defined]
    [bar] = ax.child_axes
    assert bar.get_ylabel() == "ratings"
    assert bar.get_yscale() == "log"
    assert bar.get_ylim() == pytest.approx((1, np.asarray(density.get_array()).max()))
    edge, _ = (line for line in ax.lines if np.array_equal(line.get_xdata(), model.scale or ()))
    assert to_hex(edge.get_color()) == "#ffffff"
    assert edge.get_linewidth() > 2


def test_a_model_of_moments_is_asked_at_the_times_of_the_events() -> None:
    events = groups_of_taste(ratings=True)
    times = np.random.default_rng(3).integers(10**9, 10**9 + 10**8, events.n_events)
    timed = ts.Interactions.from_events(
        events.users,
        events.items,
        events.user_rows(),
        events.by_user.indices,
        values=events.by_user.filled_values(),
        times=times,
        explicit=True,
    )
    model = ts.TimeSVDPlusPlus(factors=2, epochs=4, threads=1, progress=False).fit(timed)
    x, y = line(predicted_against_actual(model, timed, ax=axes()), "calibration")
    rows = timed.user_rows(), timed.by_user.indices
    predicted = np.clip(model.score_pairs(*rows, at=timed.by_user.times), *(model.scale or (0, 0)))
    assert predicted.min() - 1e-4 <= y.min() <= y.max() <= predicted.max() + 1e-4
    low, high = model.scale or (0, 0)
    place = np.minimum((predicted - low) / (high - low) * 10, 9).astype(int)
    whole = [one for one in range(10) if (place == one).sum() >= 20]
    np.testing.assert_allclose(y, [predicted[place == one].mean() for one in whole], rtol=1e-5)
    assert len(x) == len(whole)


def test_any_model_of_ratings_will_do(split: ts.Split) -> None:
    model = ts.ItemKNN().fit(split.train)
    assert len(line(predicted_against_actual(model, split, ax=axes()), "calibration")[0])


def test_text_is_light_on_dark(model: ts.FactorModel, split: ts.Split) -> None:
    ax = predicted_against_actual(model, split, ax=axes("black"))
    assert ax.xaxis.label.get_color() == "#EEEEEE"
    [note] = [text for text in ax.findobj(Text) if "ratings" in text.get_text()]  # type: ignore[attr-defined]
    assert note.get_color() == "#EEEEEE"  # type: ignore[attr-defined]


def test_ratings_beyond_the_scale_are_in_the_picture(model: ts.FactorModel, split: ts.Split) -> None:
    test = split.test
    high = ts.Interactions.from_events(
        test.users,
        test.items,
        test.user_rows(),
        test.by_user.indices,
        values=test.by_user.filled_values() * 2,
        explicit=True,
    )
    ax = predicted_against_actual(model, high, ax=axes())
    assert ax.get_xlim()[1] > 10
    assert ax.get_ylim()[1] < 6


def test_predictions_that_are_no_numbers(model: ts.FactorModel, split: ts.Split) -> None:
    class Broken:
        users, items, history, scale, info = model.users, model.items, model.history, model.scale, model.info

        def score_pairs(self, users: np.ndarray, items: np.ndarray, **_: object) -> np.ndarray:
            return np.where(np.arange(len(users)) == 1, np.nan, 3).astype(np.float32)

    user = split.test.users.ids[split.test.user_rows()[1]]
    with pytest.raises(
        NumericalError, match=f"predicted rating of user {user} for item 'i.*' is nan; check what Broken"
    ):
        predicted_against_actual(Broken(), split)  # type: ignore[arg-type]


def test_what_cannot_be_compared(model: ts.FactorModel, split: ts.Split) -> None:
    clicks = ts.ImplicitALS(factors=2, epochs=1, progress=False).fit(groups_of_taste())
    with pytest.raises(UnsupportedError, match="the scores of ImplicitALS are no ratings"):
        predicted_against_actual(clicks, split)
    for none in (None, ts.ALS()):
        with pytest.raises(
            UnsupportedError, match=r"predicted_against_actual draws what a model does, and .* is none"
        ):
            predicted_against_actual(none, None)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="the test events are no ratings; name the column"):
        predicted_against_actual(model, groups_of_taste())
    with pytest.raises(InputError, match="must be Interactions or a Split; got list"):
        predicted_against_actual(model, [3])  # type: ignore[arg-type]
    others = ts.Interactions.from_events(
        ts.Vocabulary(["x"], noun="user"),
        ts.Vocabulary(["i0"], noun="item"),
        np.zeros(1, np.int32),
        np.zeros(1, np.int32),
        values=np.ones(1, np.float32),
        explicit=True,
    )
    with pytest.raises(EmptyError, match="user and item of none of the 1 test ratings"):
        predicted_against_actual(model, others)
