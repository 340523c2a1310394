"""NMF against scikit-learn's from the same start, and against its slow twin."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import decomposition
from sklearn.decomposition._nmf import _initialize_nmf

import tastespace as ts
from tastespace.data.csr import Csr
from tastespace.errors import EmptyError, InputError, ParameterError, UnsupportedError
from tastespace.models.nmf_rows import NmfRows
from tastespace.models.padding import blank
from tastespace.trainers.nmf_descent import Descent
from tastespace.trainers.nmf_start import nndsvd, random
from tests.models.worlds import world
from tests.reference import nmf as twin

LOSSES = ("frobenius", "kullback-leibler")
PENALTIES = {"none": ((0.0, 0.0), (0.0, 0.0)), "both": ((0.002, 0.001), (0.003, 0.004))}


def table(rows=130, columns=70, density=0.15, seed=0) -> np.ndarray:
    matrix = sp.random(rows, columns, density, random_state=seed, data_rvs=lambda n: np.arange(n) % 5 + 1.0)
    return matrix.toarray()


def csr(A: np.ndarray) -> Csr:
    matrix = sp.csr_matrix(A)
    return Csr(
        matrix.indptr.astype(np.int64),
        matrix.indices.astype(np.int32),
        A.shape[1],
        matrix.data.astype(np.float32),
    )


def start(A, k, seed=1):
    rng = np.random.default_rng(seed)
    return tuple(np.maximum(rng.standard_normal((size, k)) + 0.3, 0.0) for size in A.shape)


def descent(A, P, Q, loss, l1=(0.0, 0.0), l2=(0.0, 0.0), sweeps=1, threads=2):
    k = P.shape[1]
    p, q = blank(len(P), k), blank(len(Q), k)
    p[:, :k], q[:, :k] = P, Q
    by_user = csr(A)
    return Descent(by_user, by_user.transpose(), NmfRows(loss, l1, l2), p, q, k, sweeps, threads), p, q


def events(A: np.ndarray, *, cells=None, explicit=False) -> ts.Interactions:
    users, items = np.nonzero(A) if cells is None else cells
    return ts.Interactions.from_events(
        ts.Vocabulary([f"u{u}" for u in range(A.shape[0])], noun="user"),
        ts.Vocabulary([f"i{i}" for i in range(A.shape[1])], noun="item"),
        users.astype(np.int32),
        items.astype(np.int32),
        values=A[users, items].astype(np.float32),
        explicit=explicit,
    )


@pytest.mark.parametrize("penalties", PENALTIES)
@pytest.mark.parametrize("form", ["sparse", "dense"])
@pytest.mark.parametrize("loss", LOSSES)
def test_objective_is_that_of_scikit_learn_pass_by_pass(loss, form, penalties):
    """scikit-learn's penalties are alpha times l1_ratio and its complement, for each cell of a row."""
    A = table(density=0.15 if form == "sparse" else 1.0)
    P, Q = start(A, 9)
    ratio, alpha = 0.3, (0.006, 0.004) if penalties == "both" else (0.0, 0.0)
    l1, l2 = ((alpha[0] * share, alpha[1] * share) for share in (ratio, 1 - ratio))
    ours, p, q = descent(A, P, Q, loss, l1, l2)
    for passes in range(1, 13):
        ours.half_epoch("user")
        ours.half_epoch("item")
        theirs = decomposition.NMF(
            9,
            init="custom",
            solver="cd" if loss == "frobenius" else "mu",
            beta_loss=loss,
            tol=0,
            max_iter=passes,
            alpha_W=alpha[0],
            alpha_H=alpha[1],
            l1_ratio=ratio,
        )
        W = theirs.fit_transform(sp.csr_matrix(A) if form == "sparse" else A, W=P.copy(), H=Q.T.copy())
        want = twin.objective(A, W, theirs.components_.T, loss, l1, l2)
        assert ours.objective() == pytest.approx(want, rel=3e-5)
        np.testing.assert_allclose(p[:, :9], W, rtol=0.02, atol=0.01)
    assert (p[:, 9:] == 0).all()
    assert (q[:, 9:] == 0).all()


@pytest.mark.parametrize("penalties", PENALTIES.values(), ids=PENALTIES)
@pytest.mark.parametrize("loss", LOSSES)
def test_half_epochs_equal_the_twin(loss, penalties):
    A = table()
    P, Q = start(A, 20)
    (l1, l2), step = penalties, twin.descend if loss == "frobenius" else twin.multiply
    ours, p, q = descent(A, P, Q, loss, l1, l2)
    assert ours.objective() == pytest.approx(twin.objective(A, P, Q, loss, l1, l2), rel=1e-5)
    for _ in range(3):
        slope = ours.half_epoch("user")
        want = step(A, P, Q, l1[0] * len(Q), l2[0] * len(Q))
        if loss == "frobenius":
            assert slope == pytest.approx(want, rel=1e-3)
        ours.half_epoch("item")
        step(A.T, Q, P, l1[1] * len(P), l2[1] * len(P))
        np.testing.assert_allclose(p[:, :20], P, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(q[:, :20], Q, rtol=1e-3, atol=1e-3)
        assert ours.objective() == pytest.approx(twin.objective(A, P, Q, loss, l1, l2), rel=1e-4)


@pytest.mark.parametrize("sweeps", [1, 3])
@pytest.mark.parametrize("trainer", [
    ts.NMF(factors=7),
    ts.NMF(factors=7, l1=0.001, l2=(0.01, 0.0)),
    ts.NMF(factors=7, init="random"),
    ts.NMF(factors=7, loss="kullback-leibler"),
    ts.NMF(factors=7, loss="kullback-leibler", l1=(0.0, 0.002), l2=0.01, init="random"),
    ts.NMF(factors=7, observed_only=True, l2=0.1),
], ids=["nndsvd", "penalties", "random", "divergence", "divergence-penalties", "observed"])  # fmt: skip
def test_objective_never_rises(trainer, sweeps):
    seen = []
    train = events(table(), explicit=trainer.observed_only)
    trainer.replace(epochs=25, tolerance=0.0, sweeps=sweeps).fit(train, callbacks=[seen.append])
    fell = [epoch.objective for epoch in seen]
    assert len(fell) == 25
    assert all(after <= before * (1 + 1e-6) for before, after in pairwise(fell))
    assert fell[-1] < 0.98 * fell[0]


def test_more_sweeps_for_one_sum_get_further():
    ends = {}
    for sweeps in (1, 4):
        seen = []
        trainer = ts.NMF(factors=12, init="random", epochs=5, tolerance=0.0, sweeps=sweeps)
        trainer.fit(events(table()), callbacks=[seen.append])
        ends[sweeps] = seen[-1].objective
    assert ends[4] < ends[1]


@pytest.mark.parametrize("penalties", PENALTIES.values(), ids=PENALTIES)
@pytest.mark.parametrize("loss", LOSSES)
def test_users_are_the_exact_minimum_and_newcomers_too(loss, penalties):
    A = table(60, 40, 0.2)
    l1, l2 = penalties
    model = ts.NMF(factors=6, loss=loss, l1=l1, l2=l2, epochs=30, init="random").fit(events(A))
    Q = model.item_factors.astype(np.float64)
    for user, row in list(zip(model.users.ids.tolist(), A, strict=True))[:20]:
        want = twin.best_row(row, Q, loss, l1[0] * 40, l2[0] * 40)
        got = model.user_factors[model.users.row(user)].astype(np.float64)
        value = [twin.objective(row[None], x[None], Q, loss, (l1[0], 0), (l2[0], 0)) for x in (got, want)]
        assert value[0] <= value[1] * (1 + 1e-6) + 1e-6
        if row.any():
            history = {f"i{i}": row[i] for i in np.flatnonzero(row)}
            visitor = model.fold_in(history)
            np.testing.assert_allclose(
                visitor.predict(model.items.ids.tolist()), got @ Q.T, rtol=1e-5, atol=1e-6
            )


@pytest.mark.parametrize("loss", LOSSES)
def test_explain_shares_a_score_out_over_the_history(loss):
    model = ts.NMF(factors=5, loss=loss, epochs=30).fit(events(table(60, 40, 0.2)))
    why = model.explain("u3", "i7")
    parts = why.parts["contribution"]
    score = float(model.user_factors[3] @ model.item_factors[7])
    assert parts.sum() == pytest.approx(score, rel=1e-4, abs=1e-6)
    if loss == "kullback-leibler":
        assert (parts >= 0).all()


def test_explain_refuses_where_a_penalty_takes_a_part():
    model = ts.NMF(factors=5, l1=0.01).fit(events(table(60, 40, 0.2)))
    with pytest.raises(UnsupportedError, match="NMF with l1 > 0 is no sum over the history"):
        model.explain("u3", "i7")


def test_observed_only_fits_ratings():
    train = world(60, 40, 0.4)
    model = ts.NMF(factors=4, observed_only=True, epochs=30).fit(train)
    assert model.scale == train.scale
    assert (model.user_factors >= 0).all()
    assert (model.item_factors >= 0).all()
    table = train.by_user
    rated = model.score_pairs(table.row_of(), table.indices)
    assert np.abs(rated - table.filled_values()).mean() < 0.8
    zeros = ts.NMF(factors=4, epochs=30).fit(train)
    assert zeros.scale is None
    assert zeros.score_pairs(table.row_of(), table.indices).mean() < rated.mean()


@pytest.mark.parametrize("loss", LOSSES)
def test_the_unit_of_the_values_does_not_matter(loss):
    """Shares of a large total are tiny, and so are predictions of a table of a million rows."""
    A = table(60, 40, 0.2)
    models = [
        ts.NMF(factors=5, loss=loss, init="random", epochs=30, tolerance=0.0).fit(events(A * unit))
        for unit in (1.0, 2.0**-30, 2.0**30)
    ]
    Y = models[0].user_factors @ models[0].item_factors.T
    for model, unit in zip(models[1:], (2.0**-30, 2.0**30), strict=True):
        np.testing.assert_allclose(
            model.user_factors @ model.item_factors.T / unit, Y, rtol=1e-3, atol=1e-4 * Y.max()
        )


# Starts


def test_nndsvd_is_that_of_scikit_learn():
    left, right = (
        np.random.default_rng(seed).standard_normal((size, 6)) for seed, size in enumerate((130, 70))
    )
    A = np.abs(left * [9, 7, 5, 4, 3, 2] @ right.T)
    p, q = nndsvd(csr(A), csr(A).transpose(), 6, 0, 2)
    W, H = _initialize_nmf(A, 6, init="nndsvd", random_state=0)
    for t in range(4):  # later ones depend on how well singular vectors are known
        np.testing.assert_allclose(p[:, t], W[:, t], rtol=0.05, atol=0.02 * W[:, t].max())
        np.testing.assert_allclose(q[:, t], H[t], rtol=0.05, atol=0.02 * H[t].max())
    np.testing.assert_allclose(np.linalg.norm(p, axis=0)[:6], np.linalg.norm(q, axis=0)[:6], rtol=1e-4)


def test_random_products_are_as_large_as_a_cell():
    A = table(400, 300)
    p, q = random(csr(A), 10, 0)
    assert (p @ q.T).mean() == pytest.approx(A.mean() * 2 / np.pi, rel=0.05)


def test_starts_from_a_model_from_arrays_and_from_more_factors():
    train = events(table())
    model = ts.NMF(factors=5, epochs=20).fit(train)
    ends = []
    for init, k in ((model, 5), ((model.user_factors, model.item_factors), 5), (model, 8)):
        seen = []
        ts.NMF(factors=k, epochs=1, init=init).fit(train, callbacks=[seen.append])
        ends.append(seen[0].objective)
    seen = []
    ts.NMF(factors=5, epochs=1).fit(train, callbacks=[seen.append])
    assert max(ends) < seen[0].objective


@pytest.mark.parametrize("loss", LOSSES)
def test_tolerance_ends_training(loss):
    epochs = {}
    for tolerance in (0.0, 1e-6, 1e-3):
        seen = []
        trainer = ts.NMF(factors=5, loss=loss, epochs=150, tolerance=tolerance)
        trainer.fit(events(table()), callbacks=[seen.append])
        epochs[tolerance] = len(seen)
    assert epochs[1e-3] < epochs[1e-6] <= epochs[0.0] == 150


def test_a_validation_set_decides_instead():
    train, valid = ts.split.random(world(60, 40, 0.4).as_implicit(), test=0.2, seed=0)
    model = ts.NMF(factors=4, epochs=15, stopping=ts.Stopping("ndcg@10", patience=2)).fit(train, valid)
    assert {"best_epoch", "ndcg@10"} <= model.info.metrics.keys()


# Bad and strange input


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"factors": 0}, "factors of NMF must be a whole number >= 1; got 0"),
        ({"loss": "itakura-saito"}, "loss of NMF must be one of 'frobenius', 'kullback-leibler'"),
        ({"init": "svd"}, "init of NMF must be 'nndsvd', 'random', a model, or a pair of arrays; got 'svd'"),
        ({"l1": -1.0}, "l1 of NMF must be >= 0; got -1.0"),
        ({"l2": (1.0, -1.0)}, r"l2 of NMF must be a number >= 0, or a pair of them"),
        ({"tolerance": float("nan")}, "tolerance of NMF must be >= 0"),
        ({"sweeps": 0}, "sweeps of NMF must be a whole number >= 1"),
        ({"observed_only": 1}, "observed_only of NMF must be True or False"),
        ({"observed_only": True, "loss": "kullback-leibler"}, "observed_only of NMF needs loss='frobenius'"),
        ({"observed_only": True, "l1": 0.1}, "observed_only of NMF takes no l1; got 0.1: use l2"),
        ({"observed_only": True, "l2": 0.0}, "l2 of NMF must be one number > 0 with observed_only"),
        ({"observed_only": True, "l2": (0.1, 0.1)}, "l2 of NMF must be one number > 0 with observed_only"),
    ],
)
def test_refuses_settings(settings, match):
    with pytest.raises(ParameterError, match=match):
        ts.NMF(**settings)


def test_refuses_negative_values_and_names_them():
    A = table(20, 10)
    A[4, 3] = -2.0
    train = events(A, explicit=True)
    for observed in (False, True):
        with pytest.raises(InputError, match="values of 0 or more; user 'u4' and item 'i3' have -2"):
            ts.NMF(factors=2, observed_only=observed).fit(train)
    model = ts.NMF(factors=2).fit(events(table(20, 10), explicit=True))
    with pytest.raises(InputError, match="user 'u4' and item 'i3' have -2"):
        model.fold_in_many(train)


@pytest.mark.parametrize("loss", LOSSES)
def test_refuses_values_beyond_single_precision(loss):
    for unit in (1e25, 1e-25):
        with pytest.raises(
            InputError, match=r"NMF computes in float32, and the largest value is 5e[+-]25; scale"
        ):
            ts.NMF(factors=2, loss=loss).fit(events(table(20, 10) * unit))


def test_refuses_what_holds_nothing():
    A = np.eye(5)
    users, items = np.nonzero(A)
    zeros = ts.Interactions.from_events(
        ts.Vocabulary(range(5), noun="user"),
        ts.Vocabulary(range(5), noun="item"),
        users.astype(np.int32),
        items.astype(np.int32),
        values=np.zeros(5, np.float32),
        explicit=True,
    )
    with pytest.raises(EmptyError, match="NMF has nothing to learn from: every value of train is 0"):
        ts.NMF(factors=2).fit(zeros)
    with pytest.raises(InputError, match="NMF learns ratings, and these events have none"):
        ts.NMF(factors=2, observed_only=True).fit(events(A))
    with pytest.raises(ParameterError, match="start from a nonnegative model"):
        ts.NMF(factors=2, init=(-np.ones((5, 2)), np.ones((5, 2)))).fit(events(A))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("init", ["nndsvd", "random"])
@pytest.mark.parametrize("shape", [(4, 30), (30, 4), (3, 3), (1, 8)])
def test_more_factors_than_rows_or_rank(shape, init, loss):
    """What the singular vectors do not give is random; nothing runs away or is NaN, and the fit is nearly perfect."""
    A = np.random.default_rng(0).integers(1, 6, shape).astype(float)
    model = ts.NMF(factors=9, loss=loss, init=init, epochs=400, tolerance=0.0).fit(events(A))
    Y = model.user_factors @ model.item_factors.T
    assert np.isfinite(Y).all()
    assert max(model.user_factors.max(), model.item_factors.max()) < 1e4
    assert twin.loss_of(A, model.user_factors, model.item_factors, loss) < 0.02 * 0.5 * (A**2).sum()


@pytest.mark.parametrize("unit", [1e-15, 1.0, 1e15])
@pytest.mark.parametrize("epochs", [20, 1000])
def test_factors_stay_as_large_as_the_table_asks(epochs, unit):
    A = unit * (np.random.default_rng(0).poisson(1.5, (1, 8)) + 1.0)
    model = ts.NMF(factors=9, init="random", epochs=epochs, tolerance=0.0).fit(events(A))
    assert max(model.user_factors.max(), model.item_factors.max()) < 1e4 * np.sqrt(unit)
    Y = model.user_factors.astype(np.float64) @ model.item_factors.T
    assert np.linalg.norm(Y[:, np.argsort(model.items.ids)] - A) < 1e-5 * np.linalg.norm(A)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_factor_that_no_user_has_is_zero_of_all_items(loss):
    spare = ts.NMF(factors=2, loss=loss, init="random").fit(events(np.array([[3.0]])))
    assert (spare.item_factors[:, ~spare.user_factors.any(axis=0)] == 0).all()
    assert spare.user_factors @ spare.item_factors.T == pytest.approx(3.0)
    for l1 in (1e6, (1e6, 0.0)):
        model = ts.NMF(factors=3, loss=loss, l1=l1).fit(events(table()))
        if loss == "frobenius":
            assert (model.user_factors == 0).all()
            assert (model.item_factors == 0).all()
            assert len(model.topics()) == 0
        assert (model.item_factors[:, ~model.user_factors.any(axis=0)] == 0).all()
    one = ts.NMF(factors=4, loss=loss, l1=0.0, init="random", epochs=50).fit(events(table(30, 2, 0.9)))
    assert (one.item_factors.any(axis=0) == one.user_factors.any(axis=0)).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_rows_and_columns_of_zeros_have_factors_of_zero(loss):
    A = table(30, 20, 0.4)
    users, items = np.nonzero(A)
    A[7], A[:, 5] = 0.0, 0.0
    train = events(
        A, cells=(users, items), explicit=True
    )  # 0 is a rating, and no more than an empty cell here
    model = ts.NMF(factors=4, loss=loss, epochs=30).fit(train)
    assert (model.user_factors[model.users.row("u7")] == 0).all()
    assert (model.item_factors[model.items.row("i5")] < 1e-6).all()
    assert len(model.recommend("u7", 5, exclude_seen=False)) == 5
