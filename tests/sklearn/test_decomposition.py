"""Decompositions of matrices: scikit-learn's own checks, and its TruncatedSVD beside ours."""

import re
import tracemalloc
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.decomposition import PCA
from sklearn.decomposition import TruncatedSVD as Theirs
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from tastespace.errors import InputError, ParameterError, TooLargeError
from tastespace.sklearn import TruncatedSVD, decomposition

TABLE = sp.random(300, 120, 0.1, format="csr", random_state=0)
ROOM = 6e6  # bytes of blocks of a few columns, and of rows of which the means are taken
DENSE = np.random.default_rng(0).standard_normal((60, 30)) * 0.8 ** np.arange(30)


@pytest.mark.parametrize("settings", [{}, {"algorithm": "arpack"}, {"centred": True}], ids=repr)
def test_every_check_passes(settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(TruncatedSVD(threads=1, **settings), on_fail=None, on_skip=None)
    assert [result for result in results if result["status"] == "failed"] == []
    assert sum(result["status"] == "passed" for result in results) > 30


@pytest.mark.parametrize(
    "X", [TABLE, TABLE.astype(np.float32), TABLE.tocsc(), DENSE], ids=lambda X: str(X.dtype)
)
@pytest.mark.parametrize("algorithm", ["randomized", "arpack"])
def test_agrees_with_scikit_learn(X, algorithm):
    ours = TruncatedSVD(8, algorithm=algorithm, n_iter=9, random_state=0)
    theirs = Theirs(8, algorithm="arpack")
    a, b = ours.fit_transform(X), theirs.fit_transform(X)
    tolerance = 1e-6 if X.dtype == np.float64 and algorithm == "arpack" else 3e-5
    sign = np.sign((ours.components_ * theirs.components_).sum(axis=1))
    np.testing.assert_allclose(ours.singular_values_, theirs.singular_values_, rtol=tolerance)
    np.testing.assert_allclose(ours.explained_variance_, theirs.explained_variance_, rtol=100 * tolerance)
    np.testing.assert_allclose(
        ours.explained_variance_ratio_, theirs.explained_variance_ratio_, rtol=100 * tolerance
    )
    np.testing.assert_allclose(a, b * sign, atol=100 * tolerance * ours.singular_values_[0])
    np.testing.assert_allclose(ours.transform(X), a, atol=1e-6)
    assert a.dtype == X.dtype
    largest = np.take_along_axis(ours.components_, np.abs(ours.components_).argmax(1)[:, None], 1)
    assert (largest > 0).all()


@pytest.mark.parametrize("X", [TABLE, DENSE], ids=["sparse", "dense"])
def test_centred_is_principal_components(X):
    dense = X.toarray() if sp.issparse(X) else X
    ours = TruncatedSVD(5, centred=True, n_iter=9, random_state=0).fit(X)
    theirs = PCA(5, svd_solver="full").fit(dense)
    np.testing.assert_allclose(ours.singular_values_, theirs.singular_values_, rtol=1e-5)
    np.testing.assert_allclose(ours.explained_variance_ratio_, theirs.explained_variance_ratio_, rtol=1e-4)
    back = ours.inverse_transform(ours.transform(X))
    np.testing.assert_allclose(back, theirs.inverse_transform(theirs.transform(dense)), atol=1e-3)
    assert ours.reconstruction_error(X) == pytest.approx(np.linalg.norm(dense - back), rel=1e-6)


@pytest.mark.parametrize("offset", [0.0, 1.0, 100.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_variances_are_those_of_the_transformed_columns(offset, dtype, sparse):
    X = (DENSE + offset).astype(dtype)
    X = sp.csr_array(X) if sparse else X
    ours, theirs = TruncatedSVD(5, random_state=0, n_iter=9), Theirs(5, algorithm="arpack")
    transformed = ours.fit_transform(X)
    np.testing.assert_allclose(ours.explained_variance_, transformed.astype(float).var(axis=0), rtol=1e-3)
    theirs.fit(X.astype(float))
    np.testing.assert_allclose(ours.explained_variance_, theirs.explained_variance_, rtol=1e-3)
    alone = TruncatedSVD(5, random_state=0, n_iter=9).fit(X)
    np.testing.assert_array_equal(alone.explained_variance_, ours.explained_variance_)


@pytest.mark.parametrize("value", [1.0, 3.0, 1e12])
def test_variances_of_cells_that_are_alike(value):
    X = sp.csr_array(value * (TABLE.toarray() > 0.5))
    ours = TruncatedSVD(4, random_state=0, n_iter=9).fit(X)
    theirs = Theirs(4, algorithm="arpack").fit(X)
    np.testing.assert_allclose(ours.explained_variance_ratio_, theirs.explained_variance_ratio_, rtol=1e-4)


@pytest.mark.parametrize("mean", [1e3, 1e6])
def test_large_means_cost_a_dense_matrix_nothing(mean):
    X = DENSE + mean
    ours = TruncatedSVD(5, centred=True, n_iter=9, random_state=0).fit(X)
    theirs = PCA(5, svd_solver="full").fit(X)
    np.testing.assert_allclose(ours.singular_values_, theirs.singular_values_, rtol=1e-5)
    np.testing.assert_allclose(ours.explained_variance_ratio_, theirs.explained_variance_ratio_, rtol=1e-4)


def test_error_is_that_of_the_difference():
    ours = TruncatedSVD(10, random_state=0).fit(TABLE)
    difference = TABLE.toarray() - ours.inverse_transform(ours.transform(TABLE))
    assert ours.reconstruction_error(TABLE) == pytest.approx(np.linalg.norm(difference), rel=1e-6)
    fewer = TruncatedSVD(5, random_state=0).fit(TABLE)
    assert fewer.reconstruction_error(TABLE) > ours.reconstruction_error(TABLE)


def test_takes_its_place_in_a_pipeline():
    texts = ["the cat sat", "the dog sat", "a cat and a dog", "numbers and letters", "letters alone"]
    space = make_pipeline(TfidfVectorizer(), TruncatedSVD(3, random_state=0))
    assert space.fit_transform(texts).shape == (5, 3)
    assert space[-1].get_feature_names_out().tolist() == [f"truncatedsvd{i}" for i in range(3)]


@pytest.mark.parametrize("scale", [1e-300, 1e-100, *10.0 ** np.arange(-30, 31, 2), 1e-9, 1e9, 1e100, 1e150])
@pytest.mark.parametrize("algorithm", ["randomized", "arpack"])
def test_any_scale(scale, algorithm):
    for X in (DENSE * scale, sp.csr_array(DENSE * scale)):
        ours = TruncatedSVD(4, algorithm=algorithm, random_state=0, n_iter=9).fit(X)
        np.testing.assert_allclose(ours.singular_values_ / scale, np.linalg.svd(DENSE)[1][:4], rtol=1e-5)
        share = TruncatedSVD(4, algorithm=algorithm, random_state=0, n_iter=9).fit(DENSE)
        np.testing.assert_allclose(ours.explained_variance_ratio_, share.explained_variance_ratio_, rtol=1e-4)


def test_beyond_the_rank_are_zeros():
    X = np.outer(np.arange(1.0, 7), np.arange(1.0, 5))
    for algorithm in ("randomized", "arpack"):
        ours = TruncatedSVD(3, algorithm=algorithm, random_state=0).fit(X)
        assert (ours.singular_values_[1:] == 0).all()
        assert not ours.components_[1:].any()
        np.testing.assert_allclose(ours.inverse_transform(ours.transform(X)), X, rtol=1e-5)
        wide = TruncatedSVD(4, algorithm=algorithm, random_state=0).fit(X[:2])  # fewer rows than components
        np.testing.assert_allclose(wide.inverse_transform(wide.transform(X[:2])), X[:2], rtol=1e-5)
        nothing = TruncatedSVD(2, algorithm=algorithm).fit(np.zeros((5, 4)))
        assert not nothing.singular_values_.any()
        assert not nothing.explained_variance_ratio_.any()


def test_unsorted_and_repeated_cells_are_summed():
    X = sp.csr_matrix(
        (np.float32([1, 2, 3, 4, 5]), np.array([3, 0, 3, 1, 1]), np.array([0, 3, 5])), shape=(2, 4)
    )
    ours = TruncatedSVD(2, random_state=0).fit(X)
    np.testing.assert_allclose(ours.singular_values_, np.linalg.svd(X.toarray())[1], rtol=1e-5)
    assert X.nnz == 5  # the caller's matrix stays as it is
    cells = TABLE.astype(np.float64)
    twice = sp.csr_matrix(
        (np.repeat(cells.data / 2, 2), np.repeat(cells.indices, 2), 2 * cells.indptr), TABLE.shape
    )
    for settings in (
        {},
        {"centred": True},
        {"algorithm": "arpack"},
        {"algorithm": "arpack", "centred": True},
    ):
        once, again = (TruncatedSVD(5, random_state=0, **settings).fit(X) for X in (cells, twice))
        for name in ("singular_values_", "explained_variance_", "explained_variance_ratio_", "mean_"):
            np.testing.assert_allclose(getattr(again, name), getattr(once, name), rtol=1e-6)
        np.testing.assert_allclose(again.transform(twice), once.transform(cells), atol=1e-5)
        assert again.reconstruction_error(twice) == pytest.approx(once.reconstruction_error(cells), rel=1e-6)
    assert twice.nnz == 2 * cells.nnz


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_components": 0}, "n_components of TruncatedSVD must be a whole number >= 1; got 0"),
        ({"n_components": 121}, "n_components of TruncatedSVD must be at most the 120 columns of X; got 121"),
        ({"n_iter": 0}, "n_iter of TruncatedSVD must be a whole number >= 1; got 0"),
        ({"n_oversamples": -1}, "n_oversamples of TruncatedSVD must be a whole number >= 0; got -1"),
        ({"algorithm": "lu"}, "algorithm of TruncatedSVD must be one of 'randomized', 'arpack'; got 'lu'"),
        ({"tol": -1.0}, "tol of TruncatedSVD must be a number >= 0; got -1.0"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(ParameterError, match=re.escape(message)):
        TruncatedSVD(**settings).fit(TABLE)


def test_a_dense_giant_is_refused_with_its_size():
    giant = np.broadcast_to(np.float32(0), (10**7, 10**6))  # takes 4 bytes, and would take 40 TB
    with pytest.raises(
        TooLargeError, match=r"10,000,000 x 1,000,000 cells, 40000 GB.*scipy.sparse.csr_array\(X\)"
    ):
        TruncatedSVD(2).fit(giant)


def test_a_giant_result_is_refused(monkeypatch):
    ours = TruncatedSVD(2, random_state=0).fit(TABLE)
    monkeypatch.setattr("tastespace.data.memory.available", lambda: 1000)
    with pytest.raises(TooLargeError, match=r"inverse_transform to 300 x 120 cells takes 288 kB"):
        ours.inverse_transform(ours.transform(TABLE))


@pytest.mark.parametrize(
    ("settings", "dtype", "need"),
    [
        ({}, np.float64, 7200),
        ({"centred": True}, np.float32, 7200),
        ({"algorithm": "arpack"}, np.float32, 14400),
        ({"algorithm": "arpack", "n_components": 30}, np.float64, 57600),
        ({}, np.int64, 14400),
    ],
)
def test_copies_of_a_dense_array_that_do_not_fit_are_refused(settings, dtype, need, monkeypatch):
    X = (10 * DENSE).astype(dtype)
    monkeypatch.setattr("tastespace.data.memory.available", lambda: need - 1)
    with pytest.raises(TooLargeError, match=r"60 x 30 cells.*whose copy takes .*scipy.sparse.csr_array\(X\)"):
        TruncatedSVD(**settings).fit(X)
    monkeypatch.setattr("tastespace.data.memory.available", lambda: need)
    TruncatedSVD(**settings).fit(X)
    monkeypatch.setattr("tastespace.data.memory.available", lambda: 0)
    TruncatedSVD().fit(X.astype(np.float32))  # is taken as it is
    TruncatedSVD(algorithm="arpack").fit(X.astype(np.float64))


@pytest.mark.parametrize(
    ("settings", "scale", "dtype"),
    [
        ({}, 1.0, np.float64),
        ({}, 1.0, np.float32),
        ({"centred": True}, 1.0, np.float64),
        ({"centred": True}, 1.0, np.float32),
        ({}, 1e-12, np.float64),
        ({}, 1e-12, np.float32),
        ({"algorithm": "arpack"}, 1.0, np.float64),
        ({"algorithm": "arpack"}, 1.0, np.float32),
        ({"algorithm": "arpack", "centred": True}, 1.0, np.float64),
        ({"algorithm": "arpack", "n_components": 300}, 1.0, np.float64),
    ],
)
def test_a_dense_array_takes_the_memory_that_was_checked(settings, scale, dtype, monkeypatch):
    X = (scale * np.random.default_rng(0).standard_normal((6000, 300))).astype(dtype)
    needs = []
    monkeypatch.setattr(decomposition, "announce", lambda what, need, remedy: needs.append(need))
    estimator = TruncatedSVD(random_state=0, **settings)
    tracemalloc.start()
    try:
        estimator.fit(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= sum(needs) + ROOM


def test_a_normalizer_is_taken_and_not_used():
    a, b = (
        TruncatedSVD(2, power_iteration_normalizer=name, random_state=0).fit(TABLE) for name in ("auto", "QR")
    )
    np.testing.assert_array_equal(a.components_, b.components_)


def test_nan_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        TruncatedSVD(2).fit([[1.0, np.nan], [2.0, 1.0]])


@pytest.mark.parametrize(("bad", "message"), [(np.nan, "NaN"), (np.inf, "infinity")])
@pytest.mark.parametrize("sparse", [False, True])
def test_what_is_not_finite_is_refused(bad, message, sparse):
    X = DENSE.copy()
    X[3, 2] = bad
    with pytest.raises(ValueError, match=message):
        TruncatedSVD(2).fit(sp.csr_array(X) if sparse else X)


@pytest.mark.parametrize("algorithm", ["randomized", "arpack"])
def test_odd_shapes(algorithm):
    def fitted(X, k=2):
        return TruncatedSVD(k, algorithm=algorithm, random_state=0).fit(X)

    some = DENSE.copy()
    some[4], some[:, 7] = 0.0, 0.0
    holed = fitted(some)
    assert not holed.transform(some)[4].any()
    assert np.abs(holed.components_[:, 7]).max() < 1e-6
    one = fitted(DENSE[:1])
    np.testing.assert_allclose(one.singular_values_, [np.linalg.norm(DENSE[0]), 0.0], rtol=1e-5)
    assert not one.explained_variance_ratio_.any()  # one row has no variance
    nothing = fitted(sp.csr_array((5, 4)))
    assert not nothing.singular_values_.any()
    with pytest.raises(ValueError, match=r"1 feature.*minimum of 2 is required"):
        fitted(DENSE[:, :1])
    with pytest.raises(ValueError, match=r"0 sample.*minimum of 1 is required"):
        fitted(sp.csr_array((0, 4)))


def test_rows_of_another_space_are_refused():
    ours = TruncatedSVD(2, random_state=0).fit(DENSE)
    with pytest.raises(InputError, match=r"takes rows among the 2 components.*got 30 columns"):
        ours.inverse_transform(DENSE)
    with pytest.raises(ValueError, match="X has 3 features, but TruncatedSVD is expecting 30"):
        ours.transform(DENSE[:, :3])
