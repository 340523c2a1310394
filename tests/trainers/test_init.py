import numpy as np
import pytest

from tastespace.errors import ParameterError
from tastespace.trainers.als import ALS
from tastespace.trainers.implicit_als import ImplicitALS
from tastespace.trainers.init import check_memory, svd_factors
from tests.models.worlds import dense, world


def product(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return p.astype(np.float64) @ q.astype(np.float64).T


@pytest.mark.parametrize("factors", [4, 16, 23])
def test_start_is_the_truncated_decomposition(factors):
    train = world()
    table, turned = train.by_user, train.by_item
    p, q = svd_factors(table, turned, (table.values, turned.values), factors, 0, 2)
    A = np.nan_to_num(dense(train))
    u, s, v = np.linalg.svd(A, full_matrices=False)
    best = (u[:, :factors] * s[:factors]) @ v[:factors]
    # The best possible error is that of the exact decomposition.
    assert np.linalg.norm(A - product(p, q)) <= 1.001 * np.linalg.norm(A - best)
    np.testing.assert_allclose(np.linalg.norm(p, axis=0), np.linalg.norm(q, axis=0), rtol=1e-3)
    assert p.ctypes.data % 64 == 0
    assert not p[:, factors:].any()


def test_start_of_more_factors_than_rows_leaves_the_rest_at_zero():
    train = world(n_users=9, n_items=7)
    p, q = svd_factors(train.by_user, train.by_item, (None, None), 20, 0, 1)
    cells = (~np.isnan(dense(train))).astype(float)
    np.testing.assert_allclose(product(p, q), cells, atol=1e-4)
    assert not p[:, 9:].any()


def test_start_of_a_table_of_rank_one_has_no_nan():
    train = world(n_users=30, n_items=20, density=1.0)
    p, q = svd_factors(train.by_user, train.by_item, (None, None), 8, 0, 1)
    np.testing.assert_allclose(product(p, q), 1.0, atol=1e-5)


def test_more_factors_than_lists_can_screen_are_refused(monkeypatch):
    monkeypatch.setattr("os.sysconf", lambda name: 2**30, raising=False)  # memory is no limit
    with pytest.raises(ParameterError, match="factors must be at most 32,767; got 40,000"):
        check_memory(10, 40_000)


@pytest.mark.parametrize("trainer", [ALS, ImplicitALS])
def test_decomposition_starts_nearer_to_the_end(trainer):
    train = world(n_users=200, n_items=150, explicit=trainer is ALS)
    first, same = [], []
    settings = trainer(factors=8, epochs=1)
    settings.fit(train, callbacks=[first.append])
    model = settings.replace(init="svd").fit(train, callbacks=[same.append])
    assert same[0].objective < first[0].objective
    again = settings.replace(init="svd", threads=1).fit(train)
    np.testing.assert_array_equal(model.item_factors, again.item_factors)
    assert model.info.params["init"] == "svd"
