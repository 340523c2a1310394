"""Tables at the edge: rows of very different length, weights of very different size, the ends of float32."""

from itertools import pairwise

import numpy as np
import pytest

from tastespace.data.interactions import Interactions
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import NumericalError
from tastespace.trainers.als import ALS
from tastespace.trainers.implicit_als import ImplicitALS
from tests.models.worlds import dense
from tests.reference import als as twin

USERS, ITEMS = 130, 90
SOLVERS = ("pcg", "cholesky")


def table(values: np.ndarray | None = None, *, explicit: bool, seed: int = 0) -> Interactions:
    """User 0 has one event, user 1 has every item, item 0 has every user but the first; all others have a few."""
    rng = np.random.default_rng(seed)
    cells = rng.random((USERS, ITEMS)) < 0.05
    cells[0], cells[1], cells[1:, 0] = False, True, True
    cells[0, 3] = True
    cells[5, 3] = cells[7, ITEMS - 1] = True
    users, items = np.nonzero(cells)
    if values is None:
        values = rng.integers(1, 6, len(users))
    return Interactions.from_events(
        Vocabulary([f"u{u}" for u in range(USERS)], noun="user"),
        Vocabulary([f"i{i}" for i in range(ITEMS)], noun="item"),
        users.astype(np.int32),
        items.astype(np.int32),
        values=np.resize(values, len(users)).astype(np.float32),
        explicit=explicit,
    )


def wide(size: int = 997) -> np.ndarray:
    """Values from 1e-6 to 1e6."""
    return 10.0 ** np.random.default_rng(1).uniform(-6, 6, size)


def assert_rows(model, train: Interactions, rtol: float) -> None:
    """Every user row is the double-precision solution for the stored items, relative to the row's length."""
    solver = model.solver
    if model.explicit:
        wanted, bias = twin.explicit_rows(
            model.item_factors.astype(float),
            model.item_bias.astype(float),
            model.mean,
            dense(train),
            solver.regularization,
            solver.bias_regularization,
            solver.frequency_scaling,
        )
        np.testing.assert_allclose(model.user_bias, bias, rtol=rtol, atol=rtol * np.abs(bias).max())
    else:
        wanted = twin.implicit_rows(
            model.item_factors.astype(float),
            dense(train),
            solver.unobserved,
            solver.offset,
            solver.regularization,
            solver.frequency_scaling,
        )
    error = np.linalg.norm(model.user_factors - wanted, axis=1)
    assert (error <= rtol * np.linalg.norm(wanted, axis=1) + 1e-30).all()


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("factors", [8, 70, 200])
def test_rows_of_every_length_and_more_factors_than_items(solver, factors):
    ratings, events = table(explicit=True), table(np.ones(1), explicit=False)
    assert_rows(ALS(factors=factors, epochs=3, solver=solver).fit(ratings), ratings, 2e-3)
    trainer = ImplicitALS(factors=factors, epochs=3, solver=solver, confidence="linear")
    assert_rows(trainer.fit(events), events, 2e-3)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("settings", [{"alpha": 1.0}, {"unobserved_weight": 0.1, "confidence": "linear"}])
def test_weights_from_a_millionth_to_a_million(solver, settings):
    events = table(wide(), explicit=False)
    told = []
    trainer = ImplicitALS(factors=8, epochs=6, solver=solver, regularization=0.01, **settings)
    model = trainer.fit(events, callbacks=[told.append])
    assert_rows(model, events, 1e-2)
    objectives = [epoch.objective for epoch in told]
    assert all(after <= before * (1 + 1e-5) for before, after in pairwise(objectives))


@pytest.mark.parametrize("solver", SOLVERS)
def test_ratings_from_a_millionth_to_a_million(solver):
    ratings = table(wide(), explicit=True)
    model = ALS(factors=8, epochs=4, solver=solver).fit(ratings)
    assert_rows(model, ratings, 2e-3)


@pytest.mark.parametrize("solver", SOLVERS)
def test_values_that_have_no_normal_float32(solver):
    tiny = np.array([1e-40, 3e-39, 1e-38])
    events, ratings = table(tiny, explicit=False), table(tiny, explicit=True)
    for confidence in ("linear", "log", "bm25"):
        settings = ImplicitALS(factors=4, epochs=2, solver=solver, confidence=confidence)
        model = settings.replace(unobserved_weight=0.1).fit(events)
        assert np.isfinite(model.user_factors).all()
    model = ALS(factors=4, epochs=2, solver=solver).fit(ratings)
    assert np.isfinite(model.user_factors).all()
    assert 0 <= model.predict("u1", "i0") <= 1e-37


@pytest.mark.parametrize("solver", SOLVERS)
def test_factors_that_leave_float32_are_named(solver):
    values = np.ones(997)
    values[400] = 3e38
    with pytest.raises(NumericalError, match=r"row \d+"):
        ImplicitALS(factors=4, solver=solver, alpha=1.0, regularization=0.01).fit(
            table(values, explicit=False)
        )
    with pytest.raises(NumericalError, match=r"row \d+"):
        ALS(factors=4, solver=solver, regularization=1e-3).fit(table(values, explicit=True))
