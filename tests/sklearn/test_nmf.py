"""`tastespace.sklearn.NMF` in place of scikit-learn's."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import decomposition
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from tastespace.errors import InputError, ParameterError, TooLargeError
from tastespace.sklearn import NMF
from tastespace.sklearn import nmf as module

LOSSES = {"frobenius": "cd", "kullback-leibler": "mu"}


def table(rows=90, columns=60, density=0.2, seed=0):
    return sp.random(rows, columns, density, random_state=seed, format="csr")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [
        NMF(threads=1),
        NMF(2, init="random", threads=1),
        NMF(solver="mu", beta_loss="kullback-leibler", threads=1),
    ]
)
def test_every_check_of_scikit_learn_passes(estimator, check):
    check(estimator)


@pytest.mark.parametrize("form", ["csr", "csc", "dense", "float32"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("penalties", [{}, {"alpha_W": 0.003, "alpha_H": 0.002, "l1_ratio": 0.4}])
def test_ends_no_higher_than_scikit_learn_from_the_same_start(loss, form, penalties):
    X = table().toarray() if form == "dense" else table().asformat("csc" if form == "csc" else "csr")
    if form == "float32":
        X = X.astype(np.float32)
    rng = np.random.default_rng(1)
    start = {
        "W": np.abs(rng.standard_normal((90, 7))).astype(X.dtype),
        "H": np.abs(rng.standard_normal((7, 60))).astype(X.dtype),
    }
    settings = {"init": "custom", "solver": LOSSES[loss], "beta_loss": loss, "max_iter": 60, "tol": 0}
    ours, theirs = (
        kind("auto", **settings, **penalties) for kind in (NMF, decomposition.NMF)
    )  # the width comes from H
    W = ours.fit_transform(X, **start)
    theirs.fit_transform(X, **{name: array.copy() for name, array in start.items()})
    assert W.dtype == ours.components_.dtype == X.dtype
    assert (W >= 0).all()
    assert ours.n_components_ == 7
    assert ours.n_iter_ == 60
    if not penalties:
        assert ours.reconstruction_err_ <= theirs.reconstruction_err_ * 1.01
    dense = X.toarray() if sp.issparse(X) else X
    again = decomposition._nmf._beta_divergence(
        dense, W.astype(dense.dtype), ours.components_, loss, square_root=True
    )
    assert ours.reconstruction_err_ == pytest.approx(again, rel=1e-3)
    np.testing.assert_allclose(ours.transform(X), W, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(ours.inverse_transform(W), W @ ours.components_)


@pytest.mark.parametrize("init", [None, "random", "nndsvd", "nndsvda", "nndsvdar"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_every_start_is_repeatable_and_ends_near_scikit_learn(loss, init):
    settings = {"init": init, "solver": LOSSES[loss], "beta_loss": loss, "random_state": 3, "max_iter": 150}
    ours = NMF(5, tol=1e-5, threads=1, **settings)
    W = ours.fit_transform(table())
    np.testing.assert_array_equal(clone(ours).set_params(threads=3).fit_transform(table()), W)
    if not (init == "nndsvd" and loss == "kullback-leibler"):  # whose zeros never move in scikit-learn
        theirs = decomposition.NMF(5, tol=1e-5, **settings).fit(table())
        assert ours.reconstruction_err_ <= theirs.reconstruction_err_ * 1.03


def test_stops_by_its_tolerance_and_warns_without_it():
    fine = NMF(4, init="nndsvda", tol=1e-3, max_iter=500).fit(table())
    assert 2 < fine.n_iter_ < 500
    with pytest.warns(
        ConvergenceWarning, match=r"NMF did not reach tol=1e-09 in max_iter=3 passes; raise max_iter"
    ):
        NMF(4, init="nndsvda", tol=1e-9, max_iter=3).fit(table())


@pytest.mark.parametrize("seed", range(3))
def test_a_tolerance_below_rounding_ends_where_nothing_is_gained(seed):
    X = sp.random(400, 200, 0.1, random_state=seed, format="csr")
    fine = NMF(5, random_state=0, tol=1e-8, max_iter=3000).fit(X)
    assert fine.n_iter_ < 3000
    last = NMF(5, random_state=0, tol=0, max_iter=3000).fit(X)
    assert fine.reconstruction_err_ <= last.reconstruction_err_ * (1 + 1e-6)


def test_a_table_of_zeros_is_done_at_once():
    for loss, solver in LOSSES.items():
        assert NMF(2, beta_loss=loss, solver=solver).fit(np.zeros((5, 4))).n_iter_ <= 10


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csc_matrix, sp.csr_array])
def test_entries_of_one_cell_are_summed(kind, loss):
    X = kind(sp.csr_matrix(([1.0, 2.0, 4.0, 3.0], [0, 0, 1, 2], [0, 2, 4]), (2, 3)))
    double = X.nnz == 4
    settings = {"solver": LOSSES[loss], "beta_loss": loss, "init": "random", "random_state": 0, "tol": 0}
    ours, dense = NMF(1, **settings).fit(X), NMF(1, **settings).fit(X.toarray())
    assert ours.reconstruction_err_ == pytest.approx(dense.reconstruction_err_, rel=1e-6)
    np.testing.assert_array_equal(ours.transform(X), dense.transform(X.toarray()))
    assert (X.nnz == 4) == double  # the caller's matrix stays as it is


@pytest.mark.parametrize("loss", LOSSES)
def test_a_dense_table_in_blocks_is_the_sparse_one(loss, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 700)
    X = table()
    settings = {"solver": LOSSES[loss], "beta_loss": loss, "random_state": 0, "tol": 0, "max_iter": 9}
    sparse, dense = NMF(4, **settings), NMF(4, **settings)
    np.testing.assert_array_equal(sparse.fit_transform(X), dense.fit_transform(X.toarray()))
    assert dense.reconstruction_err_ == pytest.approx(sparse.reconstruction_err_, rel=1e-12)


@pytest.mark.parametrize("max_iter", [20, 400])
def test_components_stay_as_large_as_the_table_asks(max_iter):
    B = 1e15 * (np.random.default_rng(0).poisson(1.5, (1, 8)) + 1.0)
    model = NMF(9, init="random", tol=0, max_iter=max_iter, random_state=0).fit(B)
    assert model.components_.max() < 1e10
    assert model.reconstruction_err_ < 1e-5 * np.linalg.norm(B)


def test_components_that_no_sample_has_are_zeros():
    model = NMF(3, alpha_W=1e6, l1_ratio=1.0, tol=0, max_iter=3)
    assert (model.fit_transform(table()) == 0).all()
    assert (model.components_ == 0).all()


def test_inverse_transform_takes_lists_and_says_what_it_needs():
    model = NMF(3, max_iter=2, tol=0).fit(table())
    np.testing.assert_allclose(model.inverse_transform([[1, 0, 0]]), model.components_[:1])
    np.testing.assert_allclose(model.inverse_transform(sp.csr_matrix([[0, 1.0, 0]])), model.components_[1:2])
    with pytest.raises(InputError, match="takes rows among the 3 components, as transform makes them; got 2"):
        model.inverse_transform([[1, 0]])


def test_topics_in_a_pipeline():
    texts = [
        "cat dog pet",
        "dog pet food",
        "stock bank money",
        "bank money loan",
        "pet cat food",
        "loan stock",
    ]
    pipeline = make_pipeline(TfidfVectorizer(), NMF(2, random_state=0))
    weights = pipeline.fit_transform(texts)
    assert weights.shape == (6, 2)
    topic = weights.argmax(axis=1)
    assert topic[0] == topic[1] == topic[4] != topic[2] == topic[3] == topic[5]
    assert pipeline[-1].get_feature_names_out().tolist() == ["nmf0", "nmf1"]
    np.testing.assert_allclose(pipeline.transform(texts), weights, rtol=1e-3, atol=1e-4)


def test_says_the_objective_where_asked(capsys):
    NMF(3, verbose=1, max_iter=2, tol=0).fit(table())
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in said] == ["pass 1", "pass 2"]


def test_rows_and_columns_of_zeros_are_zeros():
    X = table().toarray()
    X[3], X[:, 4] = 0, 0
    for loss, solver in LOSSES.items():
        model = NMF(5, beta_loss=loss, solver=solver, tol=0, max_iter=50)
        W = model.fit_transform(X)
        assert (W[3] == 0).all()
        assert (model.components_[:, 4] < 1e-6).all()
        assert np.isfinite(W).all()
    nothing = NMF(3, tol=0).fit(np.zeros((6, 5)))
    assert nothing.reconstruction_err_ == 0


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"solver": "als"}, "solver of NMF must be 'cd' or 'mu'; got 'als'"),
        ({"beta_loss": "itakura-saito"}, "beta_loss of NMF must be 'frobenius' or 2"),
        (
            {"beta_loss": 1},
            "solver='cd' of NMF does not handle beta_loss='kullback-leibler'; use solver='mu'",
        ),
        ({"init": "svd"}, "init of NMF must be one of None, 'random'"),
        ({"shuffle": True}, "shuffle of NMF must be False"),
        ({"alpha_W": -1}, "alpha_W of NMF must be a number >= 0"),
        ({"alpha_H": "different"}, "alpha_H of NMF must be a number >= 0"),
        ({"tol": None}, "tol of NMF must be a number >= 0"),
        ({"l1_ratio": 2}, r"l1_ratio of NMF must be in 0\.\.1"),
        ({"max_iter": 0}, "max_iter of NMF must be a whole number >= 1"),
        ({"n_components": 0}, "n_components of NMF must be 'auto', None, or a whole number >= 1"),
        (
            {"init": "nndsvd", "n_components": 61},
            r"init='nndsvd' of NMF needs n_components <= .* = 60; got 61",
        ),
        ({"init": "custom", "n_components": 3}, r"init='custom' of NMF needs W of shape \(90, 3\)"),
    ],
)
def test_refuses_settings(settings, match):
    with pytest.raises(ParameterError, match=match):
        NMF(**settings).fit(table())


def test_refuses_values_that_it_cannot_hold():
    with pytest.raises(ValueError, match="Negative values in data passed to X in NMF"):
        NMF(2).fit(-table())
    with pytest.raises(ValueError, match="NaN"):
        NMF(2).fit(np.full((4, 4), np.nan))
    with pytest.raises(InputError, match=r"NMF computes in float32, and X holds 1e\+300, which is beyond"):
        NMF(2).fit(np.full((4, 4), 1e300))
    for unit in (1e30, 1e-30):
        with pytest.raises(
            InputError, match=r"the largest value is .*; scale the values into 1e-18 \.\. 1e\+18"
        ):
            NMF(2).fit(table() * unit)
    with pytest.raises(NotFittedError):
        NMF(2).transform(table())


def test_says_that_a_start_is_ignored():
    with pytest.warns(RuntimeWarning, match="starts from W and H only with init='custom'; init=None ignores"):
        NMF(2, tol=0, max_iter=1).fit_transform(table(), W=np.ones((90, 2)), H=np.ones((2, 60)))


def test_a_dense_giant_is_refused_with_its_size_and_the_sparse_way(monkeypatch):
    from tastespace.data import memory

    monkeypatch.setattr(memory, "available", lambda: 100_000)
    X = table(300, 200, 0.5).toarray()
    told = r"a dense table of 300 x 200 cells, 480 kB itself, takes .* of memory, and 100 kB are free; pass scipy"
    with pytest.raises(TooLargeError, match=told):
        NMF(2).fit(X)
    model = NMF(2, max_iter=2, tol=0).fit(table(300, 200, 0.5))
    with pytest.raises(
        TooLargeError, match=r"inverse_transform of 300 rows to 200 columns takes 480 kB of memory"
    ):
        model.inverse_transform(np.ones((300, 2)))
    assert module.announce is memory.announce
