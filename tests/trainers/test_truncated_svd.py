import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg

import tastespace as ts
import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.errors import EmptyError, InputError, NumericalError, ParameterError, TooLargeError
from tastespace.models.padding import blank, padded
from tastespace.trainers.bidiagonal import Bidiagonalization, signs
from tastespace.trainers.krylov import krylov
from tastespace.trainers.lanczos import lanczos
from tastespace.trainers.matrices import DenseMatrix, SparseMatrix, column_means, times_small
from tests.models.worlds import dense, world
from tests.reference import svd as reference

RNG = np.random.default_rng(1)


def csr(matrix) -> Csr:
    matrix = sp.csr_matrix(matrix).astype(np.float32)
    matrix.sort_indices()
    return Csr(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.shape[1], matrix.data)


def sparse(cells, centred=False, threads=2) -> SparseMatrix:
    table = csr(cells)
    turned = table.transpose()
    means = column_means(turned, turned.values) if centred else None
    return SparseMatrix(table, turned, table.values, turned.values, means, threads)


def spread(rows, columns, values):
    """A matrix with these singular values."""
    n = min(rows, columns)
    u = np.linalg.qr(RNG.standard_normal((rows, n)))[0]
    v = np.linalg.qr(RNG.standard_normal((columns, n)))[0]
    return (u * values(np.arange(n))) @ v.T


CASES = {
    "flat": RNG.standard_normal((200, 150)),
    "wide": RNG.standard_normal((60, 300)),
    "falling": spread(200, 150, lambda i: 10.0 ** (-i / 5)),
    "falling fast": spread(100, 100, lambda i: 10.0**-i),
    "repeated": np.eye(100),
    "rank one": np.ones((50, 40)),
    "rank three": RNG.standard_normal((90, 3)) @ RNG.standard_normal((3, 70)),
    "tiny": 1e-30 * RNG.standard_normal((40, 30)),
    "huge": 1e25 * RNG.standard_normal((40, 30)),
    "one row": np.ones((1, 5)),
    "one column": np.arange(5.0)[:, None],
    "sparse": sp.random(300, 200, 0.02, random_state=0).toarray(),
    "empty rows and columns": np.pad(RNG.standard_normal((30, 20)), ((3, 4), (5, 6))),
}


@pytest.mark.parametrize("centred", [False, True], ids=["", "centred"])
@pytest.mark.parametrize("name", CASES)
def test_agrees_with_lapack(name, centred):
    cells = CASES[name].astype(np.float32).astype(np.float64)
    x = cells - cells.mean(axis=0) if centred else cells
    for factors in (1, 5, 20, 64):
        whole, v = reference.truncated(cells, min(factors, *x.shape), centred)
        s = whole * (whole > 1e-12 * np.abs(cells).max())
        for solve in (
            lambda m, k: krylov(m, k, directions=10**6, tolerance=1e-9, seed=0, threads=2),
            lambda m, k: lanczos(m, k, 0),
        ):
            found = solve(sparse(cells, centred), len(s))
            np.testing.assert_allclose(found.values, s, atol=5e-6 * max(s[0], 1e-45))
            rank = np.count_nonzero(found.values)
            assert not found.vectors[:, rank:].any()
            ours = found.vectors[:, :rank].astype(np.float64)
            np.testing.assert_allclose(ours.T @ ours, np.eye(rank), atol=2e-6)
            error = np.linalg.norm(x - (x @ ours) @ ours.T)
            best = np.linalg.norm(x - (x @ v) @ v.T)
            assert error <= best * (1 + 1e-6) + 2e-5 * s[0]
            # Spaces that a gap sets apart are the same.
            if len(s) < min(x.shape) and s[-1] > 0 and s[-1] > 1.2 * np.linalg.svd(x)[1][len(s)]:
                assert reference.largest_angle(v, ours) < 1e-6 * s[0] / s[-1] * 10


def test_agrees_with_scipy_on_a_larger_table():
    cells = sp.random(4000, 2500, 0.01, format="csr", random_state=0)
    s = np.sort(scipy.sparse.linalg.svds(cells, 30, random_state=0)[1])[::-1]
    found = krylov(sparse(cells), 30, directions=1000, tolerance=1e-8, seed=0, threads=2)
    np.testing.assert_allclose(found.values, s, rtol=1e-5)
    least = found.total - np.square(s).sum()
    assert found.total - np.square(found.values).sum() <= least * (1 + 1e-6)
    assert found.excess <= 1e-8


@pytest.mark.parametrize("power", range(-16, 16))
def test_any_power_of_ten_finds_the_same_values(power):
    cells = np.random.default_rng(0).poisson(0.7, (30, 20)).astype(float)
    train = ts.read(sp.csr_array(cells * 10.0**power), explicit=True)
    for settings in ({"factors": 4}, {"factors": 20}, {"variance": 0.9}):
        model = ts.TruncatedSVD(**settings).fit(train)
        true = np.linalg.svd(cells)[1][: model.factors] * 10.0**power
        np.testing.assert_allclose(model.solver.singular_values, true, rtol=3e-6)
        assert model.info.metrics["rank"] == model.factors
        if "variance" in settings:
            assert model.info.metrics["explained_variance_ratio"] >= 0.9


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 1e6])
@pytest.mark.parametrize("shape", [(60, 20_000), (20_000, 60), (60, 2000)])
def test_a_table_with_far_more_columns_than_rank_keeps_its_short_directions(shape, scale):
    random, s = np.random.default_rng(0), np.logspace(0, -4.5, 10)
    u, v = (np.linalg.qr(random.standard_normal((n, 10)))[0] for n in shape)
    cells = DenseMatrix(((u * s) @ v.T * scale).astype(np.float32), None)
    found = krylov(cells, 10, directions=96, tolerance=1e-6, seed=0, threads=2)
    np.testing.assert_allclose(found.values / scale, s, rtol=1e-3)


def test_a_basis_stays_orthonormal_over_many_rounds():
    cells = sp.random(1000, 700, 0.04, random_state=0)
    run = Bidiagonalization(sparse(cells), float(np.linalg.norm(cells.data)), 0, 2)
    run.start(16)
    left = []
    for _ in range(30):
        run.forward()
        left.append(run.left)
        assert run.backward(16)
    for blocks in (run.basis, left):
        whole = np.hstack(blocks).astype(np.float64)
        np.testing.assert_allclose(whole.T @ whole, np.eye(whole.shape[1]), atol=2e-6)


def test_space_of_a_few_rounds_is_that_of_the_definition():
    cells = sp.random(400, 300, 0.05, random_state=0).toarray()
    found = krylov(sparse(cells), 8, directions=48, tolerance=0.0, seed=3, threads=1)
    assert found.rounds == 3
    start = np.random.default_rng(3).standard_normal((400, 16), np.float32)
    q = reference.basis(cells.astype(np.float32).astype(np.float64), start, 3)
    np.testing.assert_allclose(found.values, np.linalg.svd(cells @ q)[1][:8], rtol=1e-5)


@pytest.mark.parametrize("centred", [False, True])
def test_any_number_of_threads_gives_the_same_bits(centred):
    cells = sp.random(9000, 5000, 0.002, random_state=0)
    one, many = (
        krylov(sparse(cells, centred, t), 20, directions=200, tolerance=1e-6, seed=0, threads=t)
        for t in (1, 3)
    )
    np.testing.assert_array_equal(one.values, many.values)
    np.testing.assert_array_equal(one.vectors, many.vectors)


@pytest.mark.parametrize("centred", [False, True])
def test_dense_and_sparse_matrices_multiply_alike(centred):
    cells = np.asarray(CASES["sparse"], np.float32)
    means = cells.mean(axis=0, dtype=np.float64) if centred else None
    a, b = sparse(cells, centred), DenseMatrix(cells, means)
    x, y = blank(200, 16), blank(300, 16)
    x[:], y[:] = RNG.standard_normal((200, 16)), RNG.standard_normal((300, 16))
    exact = cells - (0 if means is None else means)
    for matrix in (a, b):
        np.testing.assert_allclose(matrix.times(x), exact @ x, atol=1e-5)
        np.testing.assert_allclose(matrix.turned(y), exact.T @ y, atol=1e-5)
        assert matrix.squares == pytest.approx(np.square(exact).sum(), rel=1e-6)


@pytest.mark.parametrize("width", [16, 48, 144])
@pytest.mark.parametrize("ones", [False, True])
def test_sparse_product_equals_its_twin(width, ones):
    table = csr(CASES["sparse"])
    x = RNG.standard_normal((200, width)).astype(np.float32)
    values = None if ones else table.values
    product = _native.sparse_multiply(table.indptr, table.indices, values, x, 2)
    np.testing.assert_allclose(product, reference.multiply(table, values, x), atol=1e-5)
    for row in (0, 7, 299):
        alone = table.take_rows([row])
        one = _native.sparse_multiply(alone.indptr, alone.indices, None if ones else alone.values, x, 1)
        np.testing.assert_array_equal(one[0], product[row])


def test_tall_products_equal_their_definitions():
    x, z = (RNG.standard_normal((5000, k)).astype(np.float32) for k in (32, 16))
    np.testing.assert_allclose(_native.tall_cross(x, z, 2), x.T.astype(float) @ z, atol=1e-2)
    c = RNG.standard_normal((32, 5))
    np.testing.assert_allclose(times_small(x, c, 2)[:, :5], x @ c, rtol=1e-4, atol=1e-4)


def test_native_products_refuse_what_does_not_fit():
    x = np.zeros((3, 16), np.float32)
    pointer, index = np.array([0, 2]), np.array([0, 3], np.int32)
    with pytest.raises(ValueError, match=re.escape("indices must be in 0..3")):
        _native.sparse_multiply(pointer, index, None, x, 1)
    with pytest.raises(ValueError, match="indptr must rise from 0 to 2"):
        _native.sparse_multiply(np.array([0, 3]), index, None, x, 1)
    with pytest.raises(ValueError, match="values and indices must have the same length"):
        _native.sparse_multiply(pointer, index, np.ones(1, np.float32), x, 1)
    with pytest.raises(ValueError, match="z must have 3 entries; got 2"):
        _native.tall_cross(x, x[:2], 1)
    with pytest.raises(ValueError, match="c must have 16 entries; got 3"):
        _native.tall_add(x, x, x.copy(), 1)
    with pytest.raises(ValueError, match="rows of c must have 32 entries; got 16"):
        _native.tall_add(x, np.zeros((16, 16), np.float32), np.zeros((3, 32), np.float32), 1)
    with pytest.raises(ArithmeticError, match="a small matrix holds NaN or infinity"):
        _native.small_svd(np.array([[np.nan]]))
    with pytest.raises(ArithmeticError, match="a small matrix holds NaN or infinity"):
        _native.small_values(np.array([[np.inf]]))
    for decompose in (_native.small_svd, _native.small_values):
        with pytest.raises(ValueError, match="matrix must be contiguous"):
            decompose(np.zeros((4, 4))[:, ::2])


def test_signs_go_by_the_first_of_the_largest_entries():
    v = np.array([[1.0, -2.0, 0.0], [-1.0, 1.0, 0.0]])
    np.testing.assert_array_equal(signs(v), [1, -1, 1])
    assert len(signs(np.zeros((0, 2)))) == 2


# The trainer


def test_scores_are_the_projections_of_rows():
    for train, confidence in ((world(), "linear"), (world(explicit=False), "bm25"), (world(), "log")):
        for centred in (False, True):
            model = ts.TruncatedSVD(factors=7, centred=centred, confidence=confidence).fit(train)
            values = model.solver.confidence.user_weights(train.by_user)
            x = train.by_user.replace_values(values).to_scipy().toarray().astype(np.float64)
            s, v = reference.truncated(x, 7, centred)
            mean = x.mean(axis=0) if centred else np.zeros(x.shape[1])
            want = mean + (x - mean) @ v @ v.T
            rows = np.arange(train.n_users, dtype=np.int32)
            np.testing.assert_allclose(model._scores(rows, 1), want, atol=2e-4)
            np.testing.assert_allclose(model.solver.singular_values, s, rtol=1e-5)
            np.testing.assert_allclose(np.abs((v * model.item_factors).sum(axis=0)), 1, atol=1e-3)
            share = np.square(s) / np.square(x - mean).sum()
            np.testing.assert_allclose(model.solver.explained_variance_ratio, share, rtol=1e-4)
            metrics = model.info.metrics
            assert metrics["reconstruction_error"] == pytest.approx(np.linalg.norm(x - want), rel=1e-4)
            assert metrics["explained_variance_ratio"] == pytest.approx(share.sum(), rel=1e-4)


def test_both_solvers_find_the_same_space():
    train = world(n_users=120, n_items=90)
    a, b = (ts.TruncatedSVD(factors=9, solver=solver).fit(train) for solver in ("krylov", "lanczos"))
    np.testing.assert_allclose(a.solver.singular_values, b.solver.singular_values, rtol=1e-5)
    np.testing.assert_allclose(a._scores(np.arange(120), 1), b._scores(np.arange(120), 1), atol=1e-3)


def test_variance_chooses_the_fewest_factors_that_reach_it():
    train = world(n_users=90, n_items=70)
    x = np.nan_to_num(dense(train))
    shares = np.cumsum(np.square(np.linalg.svd(x)[1])) / np.square(x).sum()
    for wanted in (0.3, 0.62, 0.9, 1.0):
        model = ts.TruncatedSVD(variance=wanted).fit(train)
        assert model.factors == int(np.searchsorted(shares, wanted - 1e-9)) + 1
        assert model.info.params["factors"] == model.factors
    capped = ts.TruncatedSVD(variance=0.9, factors=3).fit(train)
    assert capped.factors == 3
    assert capped.info.metrics["explained_variance_ratio"] < 0.9


def test_variance_alone_needs_the_fewest_factors_of_a_larger_table():
    cells = sp.random(900, 700, 0.03, format="csr", random_state=0)
    shares = np.cumsum(np.square(np.linalg.svd(cells.toarray())[1])) / np.square(cells.data).sum()
    model = ts.TruncatedSVD(variance=0.7).fit(ts.read(cells, explicit=True))
    assert model.factors == int(np.searchsorted(shares, 0.7)) + 1


def test_rounds_bound_the_work_of_a_variance():
    cells = spread(600, 500, lambda i: 0.97**i)
    train = ts.read(sp.csr_array(cells), explicit=True)
    few, many = (ts.TruncatedSVD(variance=0.3, rounds=n, tolerance=0.0).fit(train) for n in (2, 10))
    assert few.info.metrics["rounds"] < many.info.metrics["rounds"]
    assert few.info.metrics["explained_variance_ratio"] >= 0.3


def test_a_variance_asks_for_memory_as_its_basis_grows(monkeypatch, caplog):
    train = ts.read(sp.csr_array(RNG.random((700, 600))), explicit=True)
    free = 4 * 600 * 256 + 32 * 256**2 + 16 * 16 * 700
    monkeypatch.setattr("tastespace.data.memory.available", lambda: free)
    assert ts.TruncatedSVD(variance=0.7).fit(train).factors == 1
    with pytest.raises(
        TooLargeError,
        match=r"in 512 directions, and more while variance=0.999 needs them, takes .*smaller variance, or factors",
    ):
        ts.TruncatedSVD(variance=0.999).fit(train)
    monkeypatch.undo()
    with caplog.at_level("INFO", logger="tastespace"):
        ts.TruncatedSVD(variance=0.999).fit(train)
    assert "in 512 directions" in caplog.text
    assert "in 600 directions" in caplog.text


def test_factors_beyond_the_rank_are_zeros():
    events = world(9, 7, 0.5, explicit=False)
    model = ts.TruncatedSVD(factors=20).fit(events)
    rank = model.info.metrics["rank"]
    assert rank <= 7 < model.factors == 20
    assert not model.item_factors[:, rank:].any()
    assert not model.user_factors[:, rank:].any()
    assert not model.solver.singular_values[rank:].any()
    x = np.nan_to_num(dense(events))
    np.testing.assert_allclose(model._scores(np.arange(9), 1), x, atol=1e-5)
    assert model.info.metrics["reconstruction_error"] == pytest.approx(0, abs=2e-3)


@pytest.mark.parametrize("shape", [(1, 5), (6, 1), (1, 1), (2, 5), (3, 3)])
@pytest.mark.parametrize("solver", ["krylov", "lanczos"])
def test_small_tables_are_held_whole(shape, solver):
    cells = 1.0 + np.random.default_rng(0).random(shape)
    model = ts.TruncatedSVD(factors=4, solver=solver).fit(ts.read(sp.csr_array(cells), explicit=True))
    assert model.factors == 4
    assert model.info.metrics["rank"] == min(shape)
    assert model.info.metrics["reconstruction_error"] == 0
    np.testing.assert_allclose(model._scores(np.arange(shape[0]), 1), cells, rtol=1e-5)


def test_values_at_the_ends_of_the_range():
    cells = 1.0 + np.random.default_rng(0).random((6, 5))
    true = np.linalg.svd(cells)[1][:2]
    for scale in (1e-30, 1e30):
        model = ts.TruncatedSVD(factors=2).fit(ts.read(sp.csr_array(scale * cells), explicit=True))
        np.testing.assert_allclose(model.solver.singular_values / scale, true, rtol=1e-5)
    for scale in (1e-42, 1e38):
        with pytest.raises(NumericalError, match="left the range of single precision; scale the values down"):
            ts.TruncatedSVD(factors=2).fit(ts.read(sp.csr_array(scale * cells), explicit=True))


def test_a_table_of_zeros_has_no_directions():
    zeros = ts.Interactions.from_events(
        ts.Vocabulary(["a", "b"], noun="user"),
        ts.Vocabulary(["x", "y", "z"], noun="item"),
        np.int32([0, 0, 1]),
        np.int32([0, 1, 2]),
        values=np.zeros(3, np.float32),
        explicit=True,
    )
    for settings in (
        {"factors": 2},
        {"factors": 2, "centred": True},
        {"variance": 0.5},
        {"solver": "lanczos"},
    ):
        model = ts.TruncatedSVD(**settings).fit(zeros)
        assert model.info.metrics["rank"] == 0
        assert model.info.metrics["explained_variance_ratio"] == 0
        assert not model.solver.explained_variance_ratio.any()
        assert len(model.recommend("a", 1)) == 1


def test_update_places_new_users_and_items_in_the_space_as_it_is():
    likes = world(80, 50, 0.2)
    train = likes.as_implicit(at_least=float(likes.by_user.filled_values().min()))
    assert train.by_user.values is None
    model = ts.TruncatedSVD(factors=6).fit(train)
    item = train.items.ids[3:4].tolist()[0]
    newcomer, twin = _fresh(train.users), _fresh(train.items)
    fans = train.users.ids[train.by_item.indices[train.by_item.indptr[3] : train.by_item.indptr[4]]]
    new = _events([*fans.tolist(), newcomer], [twin] * len(fans) + [item])
    after = model.update(new)
    np.testing.assert_array_equal(after.item_factors[:50], model.item_factors)
    # An item with the users of a learned one has its vector.
    np.testing.assert_allclose(after.item_factors[50], model.item_factors[3], atol=1e-5)
    folded = after.fold_in([item]).recommend(50, exclude_seen=False)
    learned = after.recommend(newcomer, 50, exclude_seen=False)
    np.testing.assert_array_equal(folded["score"], learned["score"])


def _fresh(vocabulary):
    """An id of the same type that is not there."""
    return "nobody" if vocabulary.kind.startswith("str") else int(max(vocabulary.ids)) + 1


def _events(users, items):
    return ts.read(pl.DataFrame({"user": users, "item": items}), user="user", item="item")


def test_saved_models_keep_their_spectrum(tmp_path):
    model = ts.TruncatedSVD(factors=5, confidence="tfidf").fit(world(explicit=False))
    model.save(tmp_path / "m.taste")
    again = ts.load(tmp_path / "m.taste")
    np.testing.assert_array_equal(again.solver.singular_values, model.solver.singular_values)
    assert again.solver.total == model.solver.total
    assert again.info.metrics == model.info.metrics


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"factors": 0}, "factors of TruncatedSVD must be a whole number >= 1; got 0"),
        ({"variance": 0.0}, "variance of TruncatedSVD must be > 0; got 0.0"),
        ({"variance": 1.5}, "variance of TruncatedSVD must be at most 1; got 1.5"),
        ({"rounds": 0}, "rounds of TruncatedSVD must be a whole number >= 1; got 0"),
        ({"tolerance": -1.0}, "tolerance of TruncatedSVD must be >= 0; got -1.0"),
        ({"centred": 1}, "centred of TruncatedSVD must be True or False; got 1"),
        ({"solver": "qr"}, "solver of TruncatedSVD must be one of 'krylov', 'lanczos'; got 'qr'"),
        (
            {"confidence": "root"},
            "confidence of TruncatedSVD must be one of 'linear', 'log', 'bm25', 'tfidf'",
        ),
        ({"solver": "lanczos", "variance": 0.5}, "variance of TruncatedSVD needs solver='krylov'"),
        ({"progress": 1}, "progress of TruncatedSVD must be True, False or None; got 1"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(ParameterError, match=re.escape(message)):
        ts.TruncatedSVD(**settings)


def test_bad_events_are_refused(monkeypatch):
    train = world()
    with pytest.raises(EmptyError, match="nothing to learn from"):
        ts.TruncatedSVD().fit(replace(train, by_user=train.by_user.select(np.zeros(len(train), bool))))
    with pytest.raises(
        InputError, match=r"takes Interactions as train; got csr_array: make them with ts.read"
    ):
        ts.TruncatedSVD().fit(sp.csr_array(np.eye(3)))
    with pytest.raises(
        InputError, match=r"got an array \(100, 50\), which takes 40.0 kB of memory.*csr_array"
    ):
        ts.TruncatedSVD().fit(np.zeros((100, 50)))
    negative = world(10, 8, 0.5)
    values = negative.by_user.filled_values().copy()
    values[0] = -1.0
    negative = ts.read(
        sp.csr_matrix((values, negative.by_user.indices, negative.by_user.indptr), shape=(10, 8)),
        explicit=True,
    )
    assert ts.TruncatedSVD(factors=2).fit(negative).factors == 2  # a cell like any other
    with pytest.raises(InputError, match="needs values > 0"):
        ts.TruncatedSVD(factors=2, confidence="log").fit(negative)
    monkeypatch.setattr("tastespace.data.memory.available", lambda: 10_000)
    with pytest.raises(TooLargeError, match=r"up to 40 directions takes .*choose fewer factors or rounds"):
        ts.TruncatedSVD().fit(train)


def test_what_leaves_the_range_of_numbers_is_said():
    class Broken:
        shape, squares = (4, 3), float("inf")

    with pytest.raises(NumericalError, match="leave the range of double precision; scale them down"):
        krylov(Broken(), 1, directions=3, tolerance=0.0, seed=0, threads=1)

    class Wrong(Broken):
        squares = 1.0

        def turned(self, y):
            return np.full((3, padded(1)), np.nan, np.float32)

    with pytest.raises(NumericalError, match="left the range of single precision; scale the values down"):
        krylov(Wrong(), 1, directions=3, tolerance=0.0, seed=0, threads=1)


def test_decayed_ratings_fade_into_cells_of_zero():
    train = world(times=True).decay("3d")
    assert train.by_user.weights is not None
    model = ts.TruncatedSVD(factors=6).fit(train)
    faded = train.by_user.replace_values(train.by_user.filled_values() * train.by_user.weights).to_scipy()
    s, v = reference.truncated(faded.toarray(), 6)
    np.testing.assert_allclose(model.solver.singular_values, s, rtol=1e-5)
    np.testing.assert_allclose(model._scores(np.arange(60), 1), faded @ v @ v.T, atol=2e-4)
    np.testing.assert_array_equal(model.fold_in_many(train).user_factors, model.user_factors)
    user, item = train.users.ids[0], int(train.items.ids[5])
    parts = model.explain(user, item)
    assert float(parts.score) == pytest.approx(float(model._scores(np.int32([0]), 1)[0, 5]), abs=1e-4)
