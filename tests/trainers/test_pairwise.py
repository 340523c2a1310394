"""BPR, WARP and logistic matrix factorization: their steps, their draws, and what they do at the edges."""

import numpy as np
import pytest

import tastespace as ts
from tastespace.data.interactions import Interactions
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import EmptyError, InputError, NumericalError, ParameterError, UnsupportedError
from tastespace.trainers.bpr import BPR
from tastespace.trainers.logistic_mf import LogisticMF
from tastespace.trainers.stopping import Stopping
from tastespace.trainers.warp import WARP
from tests.models.worlds import with_values, world
from tests.reference import pairwise as twin

TRAINERS = {
    "bpr": BPR(negatives="uniform"),
    "bpr-unchecked": BPR(negatives="uniform", check_negatives=False),
    "bpr-popular": BPR(negatives="popularity", popularity_exponent=0.75),
    "bpr-hard": BPR(negatives="hard", candidates=6),
    "bpr-no-biases": BPR(negatives="uniform", biases=False, confidence="linear"),
    "warp": WARP(trials=7),
    "warp-kos": WARP(trials=10, positives=4, kth=2),
    "logistic": LogisticMF(per_positive=3),
    "logistic-popular": LogisticMF(negatives="popularity", per_positive=2, biases=False),
}


def events(cells: np.ndarray, values: np.ndarray | None = None) -> Interactions:
    """The cells that are true, users "u0".. and items 0.."""
    users, items = np.nonzero(cells)
    return Interactions.from_events(
        Vocabulary([f"u{u}" for u in range(len(cells))], noun="user"),
        Vocabulary(range(cells.shape[1]), noun="item"),
        users.astype(np.int32),
        items.astype(np.int32),
        values=None if values is None else values.astype(np.float32),
        explicit=False,
    )


def twin_settings(trainer, train, epoch):
    loss = trainer._loss(train.n_items)
    counts = train.by_item.counts().astype(float)
    bias = trainer._penalty("bias") if trainer.biases else None
    return {
        "loss": loss.name,
        "counts": loss.counts,
        "mean": loss.mean,
        "checked": trainer.check_negatives,
        "rate": trainer.learning_rate * (1 - trainer.decay * epoch / trainer.epochs),
        "penalties": (*(trainer._penalty(side) for side in ("user", "positive", "negative")), bias),
        "seed": trainer.seed,
        "epoch": epoch,
        "popularity": None if trainer._exponent() is None else counts ** trainer._exponent(),
    }


@pytest.mark.parametrize("name", TRAINERS)
@pytest.mark.parametrize("size", [(40, 30), (150, 520)], ids=["one lane", "several lanes"])
def test_epochs_equal_the_twin(name, size):
    train = world(*size, 0.2, explicit=False)
    few, size = size[0] == 40, (train.n_users, train.n_items)
    rng = np.random.default_rng(3)
    P, Q = (rng.normal(size=(n, 5)) * 0.4 for n in size)
    trainer = TRAINERS[name].replace(
        factors=5,
        epochs=2 if few else 1,
        learning_rate=0.1,
        regularization=0.02,
        user_regularization=0.01,
        negative_regularization=0.03,
        bias_regularization=0.05,
        seed=2**33 + 7,
        init=(P, Q),
    )
    model = trainer.fit(train)
    table = train.by_user
    weights = np.ones(table.nnz) if trainer.confidence == "linear" else np.log2(1 + table.values)
    weights = table.values if trainer.confidence == "linear" else weights
    weights = weights / weights.mean()
    cuts = table.indptr[1:-1]
    rows = [row.tolist() for row in np.split(table.indices, cuts)]
    P, Q = P.astype(np.float32).astype(float), Q.astype(np.float32).astype(float)
    bu, bi = np.zeros(size[0]), np.zeros(size[1])
    for epoch in range(trainer.epochs):
        settings = twin_settings(trainer, train, epoch)
        run = twin.Epoch(rows, np.split(weights, cuts), P, Q, bu, bi, settings)
        assert (run.lanes == 1) == few
        run.run()
    np.testing.assert_allclose(model.user_factors, P, atol=2e-4)
    np.testing.assert_allclose(model.item_factors, Q, atol=2e-4)
    np.testing.assert_allclose(model.item_bias, bi, atol=2e-4)
    np.testing.assert_allclose(model.user_bias, bu, atol=2e-4)


def test_a_step_goes_down_the_gradient():
    # One event and one unseen item, so that the only sample is known; the second user has everything.
    P, Q, b = np.array([[0.3, -0.2], [0.1, 0.1]]), np.array([[0.5, 0.1], [-0.4, 0.7]]), np.zeros(2)

    def penalty(p, q, b):
        return (
            0.1 * (p[0] ** 2).sum() + 0.2 * (q[0] ** 2).sum() + 0.3 * (q[1] ** 2).sum() + 0.4 * (b**2).sum()
        ) / 2

    def bpr(p, q, b):
        return np.log1p(np.exp(-(p[0] @ (q[0] - q[1]) + b[0] - b[1])))

    def warp(p, q, b):
        return 1 - (p[0] @ (q[0] - q[1]) + b[0] - b[1])

    for trainer, loss in ((BPR(negatives="uniform"), bpr), (WARP(trials=1000), warp)):
        rate, h = 1e-3, 1e-5
        model = trainer.replace(
            factors=2,
            epochs=1,
            learning_rate=rate,
            user_regularization=0.1,
            positive_regularization=0.2,
            negative_regularization=0.3,
            bias_regularization=0.4,
            init=(P, Q),
        ).fit(events(np.array([[True, False], [True, True]])))
        # WARP: however many draws it takes to meet the other item, its rank is 2 or 1, and H(2) = 3/2.
        moved = [model.user_factors - P, model.item_factors - Q, model.item_bias - b]
        scales = [1.0] if loss is bpr else [1.0, 2 / 3]
        fits = []
        for scale in scales:
            wanted = []
            for at, array in enumerate((P, Q, b)):
                slope = np.zeros_like(array)
                for place in np.ndindex(array.shape):
                    ends = []
                    for sign in (1, -1):
                        arrays = [P.copy(), Q.copy(), b.copy()]
                        arrays[at][place] += sign * h
                        ends.append(scale * loss(*arrays) + penalty(*arrays))
                    slope[place] = (ends[0] - ends[1]) / (2 * h)
                wanted.append(-rate * slope)
            fits.append(all(np.allclose(m, w, atol=2e-7) for m, w in zip(moved, wanted, strict=True)))
        assert any(fits)


@pytest.mark.parametrize("name", TRAINERS)
def test_threads_change_nothing(name):
    train = world(300, 400, 0.3, explicit=False)  # several blocks
    trainer = TRAINERS[name].replace(factors=20, epochs=2)
    models = [trainer.replace(threads=threads).fit(train) for threads in (1, 2, 5)]
    for model in models[1:]:
        for array in ("user_factors", "item_factors", "user_bias", "item_bias"):
            assert np.array_equal(getattr(model, array), getattr(models[0], array))


@pytest.mark.parametrize("name", ["bpr", "bpr-hard", "warp", "warp-kos", "logistic"])
def test_learns_the_world(name):
    train = world(200, 80, 0.3, explicit=False).as_implicit()
    keep = np.random.default_rng(0).random(train.n_events) < 0.8
    part, rest = train.select(keep), train.select(~keep)
    popular = ts.evaluate(ts.Popularity().fit(part), rest)["ndcg@10"]
    model = TRAINERS[name].replace(factors=8, epochs=60, learning_rate=0.1).fit(part)
    assert ts.evaluate(model, rest)["ndcg@10"] > 1.3 * popular


def test_stopping_keeps_the_best_epoch():
    train = world(200, 80, 0.3, explicit=False)
    keep = np.random.default_rng(0).random(train.n_events) < 0.8
    part, rest = train.select(keep), train.select(~keep)
    told = []
    trainer = BPR(factors=16, epochs=30, stopping=Stopping("ndcg@5", patience=2))
    model = trainer.fit(part, rest, callbacks=[told.append])
    best = max(told, key=lambda epoch: epoch.validation["ndcg@5"])
    assert model.info.metrics == {"best_epoch": best.number, "ndcg@5": best.validation["ndcg@5"]}
    assert told[1].objective < told[0].objective


def test_init_takes_models_arrays_and_svd():
    train = world(explicit=False)
    first = BPR(factors=4, epochs=3).fit(train)
    again = BPR(factors=6, epochs=1, learning_rate=1e-9, init=first).fit(train)
    np.testing.assert_allclose(again.item_factors[:, :4], first.item_factors, atol=1e-6)
    np.testing.assert_allclose(again.item_bias, first.item_bias, atol=1e-6)
    assert (again.user_factors[:, 4:] != 0).all()
    with pytest.raises(ParameterError, match=r"init has 4 factors; a fit of 3 .*: pass factors=4, or more"):
        BPR(factors=3, init=first).fit(train)
    svd = LogisticMF(factors=4, epochs=1, learning_rate=1e-9, init="svd").fit(train)
    assert svd.score_pairs(train.user_rows(), train.by_user.indices).mean() > svd.mean + 0.2


# At the edges


@pytest.mark.parametrize("name", TRAINERS)
def test_a_user_who_has_everything_teaches_no_order(name):
    cells = np.random.default_rng(0).random((6, 9)) < 0.5
    cells[2] = True
    model = TRAINERS[name].replace(factors=3, epochs=5).fit(events(cells))
    assert np.isfinite(model.user_factors).all()
    assert len(model.recommend("u2", 5)) == 0


#: Needs an item that some user has not; the unchecked one any other item.
COMPARES = [name for name in TRAINERS if not name.startswith("logistic")]


@pytest.mark.parametrize("name", COMPARES)
@pytest.mark.parametrize("shape", [(3, 4), (5, 1), (1, 4), (1, 1)], ids=str)
def test_where_nobody_lacks_an_item_there_is_nothing_to_compare(name, shape):
    trainer, train = TRAINERS[name].replace(factors=3, epochs=3), events(np.ones(shape, bool))
    if name == "bpr-unchecked" and shape[1] > 1:
        assert np.isfinite(trainer.fit(train).item_factors).all()
        return
    with pytest.raises(
        EmptyError,
        match=rf"compares seen items with unseen ones, and no user lacks any item \({shape[1]} in all\); learn from",
    ):
        trainer.fit(train)


@pytest.mark.parametrize("name", ["logistic", "logistic-popular"])
@pytest.mark.parametrize("shape", [(3, 4), (5, 1), (1, 1)], ids=str)
def test_a_chance_needs_no_unseen_item(name, shape):
    model = TRAINERS[name].replace(factors=3, epochs=3).fit(events(np.ones(shape, bool)))
    assert np.isfinite(model.item_factors).all()
    assert model.fold_in([0]).recommend(3, exclude_seen=False)["item"].tolist()


@pytest.mark.parametrize("name", TRAINERS)
def test_weights_that_are_all_equal_are_as_none(name):
    cells = np.random.default_rng(0).random((9, 12)) < 0.4
    equal, none = (
        TRAINERS[name].replace(factors=3, epochs=3).fit(events(cells, values))
        for values in (np.full(cells.sum(), 2.5), None)
    )
    np.testing.assert_allclose(equal.item_factors, none.item_factors, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("trainer", "name"),
    [(BPR, "candidates"), (WARP, "trials"), (WARP, "positives"), (LogisticMF, "per_positive")],
)
def test_more_draws_than_items_may_repeat(trainer, name):
    assert trainer(**{name: 1000}, factors=2, epochs=1).fit(events(np.eye(4, dtype=bool))).factors == 2


@pytest.mark.parametrize("trainer", [BPR(), WARP(), LogisticMF()], ids=lambda t: type(t).__name__)
@pytest.mark.parametrize("value", [0.0, -1.0])
def test_weights_must_be_above_zero(trainer, value):
    train = world()  # ratings, which may be anything
    values = train.by_user.values.copy()
    values[5] = value
    with pytest.raises(InputError, match=r"needs values > 0; user 'u\d+' and item \d+ have (0|-1)"):
        trainer.fit(with_values(train, values))


def test_any_power_of_popularity_can_be_drawn_by():
    train = world(40, 30, 0.2, explicit=False)
    model = BPR(factors=3, epochs=2, negatives="popularity", popularity_exponent=5000).fit(train)
    assert model.solver.popularity.max() == 1
    assert np.isfinite(model.fold_in_many(train).user_factors).all()
    given = BPR(factors=3, epochs=2, negatives="popularity", popularity_exponent=0.5).fit(train)
    default = BPR(factors=3, epochs=2, negatives="popularity").fit(train)
    np.testing.assert_array_equal(given.item_factors, default.item_factors)


def test_biases_that_are_not_learned_are_not_penalised():
    assert BPR(biases=False, bias_regularization=100).bias_regularization == 100


def test_no_more_candidates_than_items():
    train = world(40, 30, 0.2, explicit=False)
    many, all_ = (BPR(factors=3, epochs=2, candidates=n).fit(train) for n in (2**16, train.n_items))
    assert many.solver.counts == (train.n_items,)
    np.testing.assert_array_equal(many.item_factors, all_.item_factors)


def test_duplicate_events_are_one_event_of_their_sum():
    def table(users, items, values):
        rows = (np.array(users, np.int32), np.array(items, np.int32))
        names = (Vocabulary(["a", "b"], noun="user"), Vocabulary(range(4), noun="item"))
        return Interactions.from_events(*names, *rows, values=np.float32(values), explicit=False)

    twice = table([0, 0, 0, 1], [0, 0, 1, 2], [1, 2, 1, 1])
    once = table([0, 0, 1], [0, 1, 2], [3, 1, 1])
    trainer = BPR(factors=2, epochs=3)
    assert np.array_equal(trainer.fit(twice).item_factors, trainer.fit(once).item_factors)


def test_weights_scale_with_their_mean_alone():
    train = world(explicit=False)
    trainer = BPR(factors=4, epochs=2, confidence="linear")
    doubled = Interactions.from_events(
        train.users,
        train.items,
        train.user_rows(),
        train.by_user.indices,
        values=2 * train.by_user.values,
        explicit=False,
    )
    a, b = trainer.fit(train), trainer.fit(doubled)
    np.testing.assert_allclose(a.item_factors, b.item_factors, atol=1e-5)
    flat = trainer.fit(train.as_implicit())
    assert not np.allclose(a.item_factors, flat.item_factors, atol=1e-3)


def test_what_cannot_be_learned_from_is_refused():
    with pytest.raises(InputError, match=r"WARP\.fit takes Interactions as valid"):
        WARP().fit(world(explicit=False), "nothing")
    with pytest.raises(ParameterError, match="stopping of LogisticMF needs a validation set"):
        LogisticMF(stopping=Stopping()).fit(world(explicit=False))
    with pytest.raises(NumericalError, match=r"left the range of float32 in epoch .*; lower learning_rate"):
        BPR(factors=4, epochs=50, learning_rate=1e20, regularization=0, bias_regularization=0).fit(
            world(explicit=False)
        )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BPR(negatives="all"), r"negatives of BPR must be one of 'uniform', 'popularity', 'hard'"),
        (lambda: BPR(candidates=1), r"candidates of BPR must be a whole number >= 2; got 1"),
        (lambda: BPR(decay=1.5), r"decay of BPR must be in 0..1; got 1.5"),
        (lambda: BPR(learning_rate=0), r"learning_rate of BPR must be > 0; got 0"),
        (lambda: BPR(negative_regularization=-1), r"negative_regularization of BPR must be >= 0; got -1"),
        (lambda: BPR(check_negatives=1), r"check_negatives of BPR must be True or False; got 1"),
        (lambda: BPR(biases="no"), r"biases of BPR must be True or False"),
        (lambda: BPR(confidence="squared"), r"confidence of BPR must be one of 'linear', 'log', 'bm25'"),
        (lambda: BPR(candidates=2**31), r"candidates of BPR must be at most 65,536; got 2147483648"),
        (lambda: WARP(trials=2**33), r"trials of WARP must be at most 65,536; got 8589934592"),
        (lambda: WARP(positives=2**33), r"positives of WARP must be at most 65,536; got 8589934592"),
        (lambda: LogisticMF(per_positive=2**33), r"per_positive of LogisticMF must be at most 1,024"),
        (
            lambda: BPR(seed=2**64),
            r"seed of BPR must be at most 18,446,744,073,709,551,615; got 18446744073709551616",
        ),
        (lambda: ts.ALS(seed=2**64), r"seed of ALS must be at most 18,446,744,073,709,551,615"),
        (
            lambda: ts.ImplicitALS(seed=2**64),
            r"seed of ImplicitALS must be at most 18,446,744,073,709,551,615",
        ),
        (
            lambda: ts.ItemKNN(overlap=2**33),
            r"overlap of ItemKNN must be at most 2,147,483,647; got 8589934592",
        ),
        (lambda: ts.UserKNN(neighbours=2**64), r"neighbours of UserKNN must be at most 2,147,483,647"),
        (
            lambda: BPR(regularization=1000),
            r"learning_rate times regularization of BPR must be < 1, .*; got up to 0.2 and 1000",
        ),
        (
            lambda: BPR(bias_regularization=20),
            r"learning_rate times bias_regularization of BPR must be < 1, .*; got up to 0.2 and 20",
        ),
        (
            lambda: WARP(negative_regularization=100.0),
            r"learning_rate times negative_regularization of WARP must be < 1, .*; got up to 0.06 and 100.0",
        ),
        (
            lambda: BPR(popularity_exponent=1.0),
            r'popularity_exponent of BPR is for negatives="popularity"; got 1.0 with negatives="hard"',
        ),
        (
            lambda: LogisticMF(popularity_exponent=0.5),
            r'popularity_exponent of LogisticMF is for negatives="popularity"; got 0.5 with negatives="uniform"',
        ),
        (
            lambda: BPR(negatives="popularity", popularity_exponent=-1),
            r"popularity_exponent of BPR must be >= 0; got -1",
        ),
        (lambda: WARP(trials=0), r"trials of WARP must be a whole number >= 1; got 0"),
        (lambda: WARP(positives=2, kth=3), r"kth of WARP must be at most positives, 2; got 3"),
        (
            lambda: LogisticMF(negatives="hard"),
            r"negatives of LogisticMF must be one of 'uniform', 'popularity'",
        ),
        (
            lambda: LogisticMF(per_positive=0),
            r"per_positive of LogisticMF must be a whole number >= 1; got 0",
        ),
    ],
)
def test_settings_are_checked(make, message):
    with pytest.raises(ParameterError, match=message):
        make()


# Fold-in


def expected_loss(model, rows, z):
    """The objective of the fold-in of items ``rows``, in double precision; z is the row and its bias."""
    solver = model.solver
    q, b = model.item_factors.astype(float), model.item_bias.astype(float)
    x = q @ z[:-1] + b
    seen = np.zeros(len(b), bool)
    seen[rows] = True
    softplus = np.logaddexp
    penalty = max(solver.regularization, 1e-4)
    if solver.loss == "bpr":
        data = softplus(0, x[~seen][:, None] - x[seen]).mean(0).sum()
        return data + len(rows) * penalty * (z[:-1] ** 2).sum() / 2
    if solver.loss == "warp":
        data = (
            np.log1p(np.exp(x[~seen][:, None] - x[seen]).sum(0)).sum() / (1 / np.arange(1, len(b) + 1)).sum()
        )
        return data + len(rows) * penalty * (z[:-1] ** 2).sum() / 2
    m = solver.counts[0] * len(rows)
    x = x + model.mean + z[-1]
    data = softplus(0, -x[seen]).sum() + m * softplus(0, x[~seen]).mean()
    shrink = penalty * (z[:-1] ** 2).sum() + max(solver.bias_regularization, 1e-4) * z[-1] ** 2
    return data + (len(rows) + m) * shrink / 2


@pytest.mark.parametrize(
    "trainer", [BPR(negatives="uniform"), WARP(), LogisticMF()], ids=lambda t: type(t).__name__
)
def test_fold_in_is_the_minimum_of_its_objective(trainer):
    train = world(explicit=False).as_implicit()
    model = trainer.replace(factors=4, epochs=30).fit(train)
    items = [100, 105, 111, 130]
    visitor = model.fold_in(items)
    rows = model.items.rows(items)
    z = np.append(visitor.factors.astype(float), visitor.bias)

    def slope(at):
        steps = 1e-5 * np.eye(len(at))
        return np.array(
            [(expected_loss(model, rows, at + s) - expected_loss(model, rows, at - s)) / 2e-5 for s in steps]
        )

    free = slice(None) if model.solver.bias_regularization is not None else slice(-1)
    assert np.linalg.norm(slope(z)[free]) < 1e-3 * np.linalg.norm(slope(np.zeros_like(z))[free])


@pytest.mark.parametrize("name", ["bpr", "bpr-hard", "warp", "logistic"])
def test_fold_in_ranks_about_as_well_as_the_learned_rows(name):
    train = world(200, 80, 0.3, explicit=False).as_implicit()
    keep = np.random.default_rng(0).random(train.n_events) < 0.8
    part, rest = train.select(keep), train.select(~keep)
    model = TRAINERS[name].replace(factors=8, epochs=60, learning_rate=0.1).fit(part)
    learned = ts.evaluate(model, rest)["ndcg@10"]
    folded = ts.evaluate(model.fold_in_many(part), rest)["ndcg@10"]
    assert folded > 0.9 * learned


def test_explain_and_update_say_what_to_do_instead():
    model = BPR(factors=3, epochs=2).fit(world(explicit=False))
    with pytest.raises(UnsupportedError, match=r"a score of BPR is no sum over the history.*similar_items"):
        model.explain("u0", 100)
    new = Interactions.from_events(
        Vocabulary(["new"], noun="user"),
        Vocabulary([100], noun="item"),
        np.zeros(1, np.int32),
        np.zeros(1, np.int32),
        values=np.ones(1, np.float32),
        explicit=False,
    )
    with pytest.raises(
        UnsupportedError, match=r"BPR learns items by steps.*BPR\(factors=model\.factors, init=model"
    ):
        model.update(new)
    assert model.update(None) is model
