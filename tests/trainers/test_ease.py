"""EASE: the closed form, its restriction to few weights, and what it takes."""

import logging
from dataclasses import replace

import numpy as np
import pytest

import tastespace as ts
from tastespace.data import memory
from tastespace.data.csr import Csr
from tastespace.errors import EmptyError, InputError, NumericalError, ParameterError, TooLargeError
from tastespace.trainers import inverse
from tastespace.trainers.ease import EASE
from tests.models.worlds import dense, world
from tests.reference import ease as twin


def table(train, model):
    """X in double precision."""
    x = np.zeros((train.n_users, train.n_items))
    values = model.solver.values(train.by_user)
    x[train.user_rows(), train.by_user.indices] = 1 if values is None else values
    return x


def events(users, items, values=None):
    return ts.Interactions.from_events(
        ts.Vocabulary([f"u{u}" for u in range(max(users) + 1)], noun="user"),
        ts.Vocabulary([f"i{i}" for i in range(max(items) + 1)], noun="item"),
        users,
        items,
        values=values,
        explicit=False,
    )


@pytest.mark.parametrize("confidence", ["linear", "log", "bm25"])
@pytest.mark.parametrize("regularization", [0.5, 20.0])
def test_weights_are_those_of_the_closed_form(confidence, regularization):
    train = world(150, 70, 0.1, explicit=False)
    model = EASE(regularization=regularization, confidence=confidence).fit(train)
    x = table(train, model)
    loss = np.linalg.cond(x.T @ x + regularization * np.eye(x.shape[1]))
    np.testing.assert_allclose(model.weights, twin.weights(x, regularization), atol=3e-7 * loss + 1e-6)
    assert (np.diag(model.weights) == 0).all()
    users, items = (grid.ravel().astype(np.int32) for grid in np.indices(x.shape))
    np.testing.assert_allclose(
        model.score_pairs(users, items), (x @ model.weights).ravel(), atol=1e-5 * np.abs(x).max()
    )


def test_the_closed_form_is_the_minimum():
    train = world(80, 40, 0.2, explicit=False)
    model = EASE(regularization=3.0).fit(train)
    x, b = table(train, model), model.weights.astype(np.float64)
    gradient = x.T @ (x @ b - x) + 3.0 * b
    np.fill_diagonal(gradient, 0)
    assert np.abs(gradient).max() < 1e-3 * np.abs(x.T @ x).max()
    least = twin.objective(x, b, 3.0)
    rng = np.random.default_rng(0)
    for _ in range(5):
        move = rng.normal(size=b.shape) * 0.01
        np.fill_diagonal(move, 0)
        assert twin.objective(x, b + move, 3.0) > least


@pytest.mark.parametrize("confidence", ["linear", "log", "bm25"])
@pytest.mark.parametrize("neighbours", [1, 7, 30])
def test_few_weights_are_the_minimum_on_their_support(confidence, neighbours):
    train = world(150, 70, 0.1, explicit=False)
    trainer = EASE(regularization=4.0, confidence=confidence, sparse=True, neighbours=neighbours)
    model = trainer.fit(train)
    x = table(train, model)
    columns = model.weights.to_scipy().toarray().T
    for item in range(0, train.n_items, 5):
        support = twin.support(x, item, neighbours, 4.0)
        np.testing.assert_allclose(columns[item], twin.column(x, item, support, 4.0), atol=1e-4)


def test_all_neighbours_give_the_dense_weights():
    train = world(300, 30, 0.4, explicit=False)
    few = EASE(regularization=4.0, sparse=True, neighbours=1000).fit(train)
    np.testing.assert_allclose(
        few.weights.to_scipy().toarray(), EASE(regularization=4.0).fit(train).weights, atol=1e-5
    )


@pytest.mark.parametrize("sparse", [False, True])
def test_the_number_of_threads_changes_no_weight(sparse):
    train = world(400, 150, 0.05, explicit=False)
    one, three = (EASE(sparse=sparse, neighbours=20, threads=threads).fit(train) for threads in (1, 3))
    if sparse:
        assert one.weights.same(three.weights)
    else:
        assert one.weights.tobytes() == three.weights.tobytes()


def test_events_without_values_count_one():
    train = world(60, 30, 0.2, explicit=False)
    ones = ts.Interactions.from_events(
        train.users, train.items, train.user_rows(), train.by_user.indices, explicit=False
    )
    model = EASE(regularization=2.0).fit(ones)
    np.testing.assert_allclose(model.weights, twin.weights(np.nan_to_num(dense(ones)), 2.0), atol=1e-5)


@pytest.mark.parametrize("sparse", [False, True])
def test_explanations_are_the_parts_of_the_history(sparse):
    train = world(150, 70, 0.1, explicit=False)
    model = EASE(regularization=4.0, sparse=sparse, neighbours=10).fit(train)
    [item] = model.recommend("u3", 1)["item"].tolist()
    why = model.explain("u3", item)
    assert why.score == pytest.approx(model.predict("u3", item), abs=1e-5)
    weights = model.weights.to_scipy().toarray() if sparse else model.weights
    best = why.parts["item"][0]
    [row, column] = model.items.rows([best, item])
    value = table(train, model)[model.users.row("u3"), row]
    assert why.parts["contribution"][0] == pytest.approx(value * weights[row, column], abs=1e-6)


@pytest.mark.parametrize("sparse", [False, True])
def test_one_item_has_nothing_beside_it(sparse):
    model = EASE(sparse=sparse).fit(events([0, 1, 2], [0, 0, 0]))
    assert model.predict("u0", "i0") == 0
    assert len(model.recommend("u0")) == 0  # the user has everything
    assert len(model.recommend("u0", exclude_seen=False)) == 1
    assert len(model.similar_items("i0")) == 0


@pytest.mark.parametrize("sparse", [False, True])
def test_a_user_who_has_everything_gets_an_empty_list(sparse):
    model = EASE(sparse=sparse).fit(events([0, 0, 0, 1], [0, 1, 2, 0]))
    assert len(model.recommend("u0")) == 0
    assert len(model.recommend("u1", n=100)) == 2


@pytest.mark.parametrize("sparse", [False, True])
def test_duplicates_are_summed_before_they_count(sparse):
    twice = events([0, 0, 1, 1], [0, 0, 0, 1], [1.0, 2.0, 1.0, 1.0])
    once = events([0, 1, 1], [0, 0, 1], [3.0, 1.0, 1.0])
    a, b = (EASE(sparse=sparse, regularization=1.0).fit(train).predict("u0", "i1") for train in (twice, once))
    assert a == b != 0


@pytest.mark.parametrize("sparse", [False, True])
def test_values_at_the_ends_of_float32(sparse):
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((60, 25)) < 0.2)
    for values in (10.0 ** rng.uniform(-6, 4, len(users)), np.full(len(users), 1e-40)):
        train = events(users, items, values.astype(np.float32))
        for confidence in ("linear", "log", "bm25"):
            model = EASE(sparse=sparse, confidence=confidence).fit(train)
            found, scores = model.rank(np.arange(len(model.users), dtype=np.int32), 5, exclude_seen=False)
            assert found.min() >= 0
            assert np.isfinite(scores).all()


def test_bad_settings():
    for settings, message in (
        ({"regularization": 0.0}, "regularization of EASE must be > 0; got 0.0"),
        ({"regularization": float("nan")}, "regularization of EASE must be > 0"),
        ({"regularization": 1e300}, r"regularization of EASE must be at most 1e\+30; got 1e\+300"),
        (
            {"neighbours": 2**70},
            "neighbours of EASE must be at most 2,147,483,647; got 1180591620717411303424",
        ),
        ({"confidence": "cosine"}, "confidence of EASE must be one of"),
        ({"sparse": 1}, "sparse of EASE must be True or False; got 1"),
        ({"neighbours": 0}, "neighbours of EASE must be a whole number >= 1"),
        ({"threads": 0}, "threads must be"),
        ({"progress": 1}, "progress of EASE must be True, False or None; got 1"),
    ):
        with pytest.raises(ParameterError, match=message):
            EASE(**settings)


@pytest.mark.parametrize("sparse", [False, True])
def test_the_largest_penalty_leaves_next_to_nothing(sparse):
    model = EASE(regularization=1e30, sparse=sparse, neighbours=2**31 - 1).fit(world(explicit=False))
    weights = model.weights.filled_values() if sparse else model.weights
    assert np.isfinite(weights).all()
    assert np.abs(weights).max() < 1e-20


def test_bad_events():
    none = replace(world(), by_user=world().by_user.select(np.zeros(len(world()), bool)))
    with pytest.raises(EmptyError, match="EASE has nothing to learn from"):
        EASE().fit(none)
    with pytest.raises(InputError, match=r"EASE\.fit takes Interactions"):
        EASE().fit([1, 2])
    bad = world()
    ratings = ts.Interactions.from_events(
        bad.users, bad.items, bad.user_rows(), bad.by_user.indices, values=np.zeros(len(bad)), explicit=True
    )
    with pytest.raises(InputError, match="an implicit model needs values > 0"):
        EASE().fit(ratings)


@pytest.mark.parametrize("sparse", [False, True])
def test_too_little_regularization_names_the_item(sparse):
    # Items 0 and 1 are the same column: their Gram matrix is singular, and the penalty vanishes beside it.
    users = np.repeat(np.arange(9000), 3)
    items = np.tile([0, 1, 2], 9000)
    with pytest.raises(
        NumericalError, match=r"EASE cannot solve item 'i\d' in single precision with regular"
    ):
        EASE(regularization=1e-12, sparse=sparse).fit(events(users, items))


def test_what_is_too_small_for_the_weights_names_the_item(monkeypatch):
    monkeypatch.setattr("tastespace.trainers.ease.invert", lambda matrix, tick: matrix.fill(0) or 0)
    with pytest.raises(NumericalError, match="EASE cannot solve item"):
        EASE().fit(world(explicit=False))


@pytest.mark.parametrize("n", [65, 96, 130])
def test_the_inverse_by_blocks_is_the_inverse(monkeypatch, n):
    monkeypatch.setattr(inverse, "WHOLE", 64)
    monkeypatch.setattr(inverse, "PIVOT", 32)
    monkeypatch.setattr(inverse, "ROWS", 16)
    x = np.random.default_rng(n).normal(size=(2 * n, n))
    full = x.T @ x + np.eye(n)
    for half in (32, 64, 200):  # a pivot of the size of the rows, larger ones, and one for all
        monkeypatch.setattr(inverse, "PIVOT", half)
        matrix, told = np.triu(full).astype(np.float32), []
        assert inverse.invert(matrix, lambda told=told: told.append(1)) == 0
        np.testing.assert_allclose(np.triu(matrix), np.triu(np.linalg.inv(full)), atol=2e-6)
        assert len(told) == inverse.ticks(n) == -(-n // half)
    assert inverse.workspace(n) > 0 == inverse.workspace(64)
    full[40, 40] = -1.0
    monkeypatch.setattr(inverse, "PIVOT", 32)
    assert inverse.invert(np.triu(full).astype(np.float32), lambda: None) == 41


def test_ease_by_blocks_is_ease(monkeypatch):
    train = world(150, 70, 0.1, explicit=False)
    whole = EASE(regularization=20.0).fit(train)
    monkeypatch.setattr(inverse, "WHOLE", 16)
    monkeypatch.setattr(inverse, "PIVOT", 16)
    np.testing.assert_allclose(EASE(regularization=20.0).fit(train).weights, whole.weights, atol=1e-5)


def test_memory_is_told_before_it_is_taken(caplog):
    with caplog.at_level(logging.INFO, "tastespace"):
        EASE().fit(world(60, 40, 0.2, explicit=False))
        EASE(sparse=True).fit(world(60, 40, 0.2, explicit=False))
    dense_said, sparse_said = (record.message for record in caplog.records)
    assert dense_said == "EASE of 39 items takes 11.8 kB of memory"
    assert sparse_said.startswith("EASE(sparse=True) of 39 items, of which")


def test_what_does_not_fit_is_refused_with_a_way_out(monkeypatch):
    train = world(60, 40, 0.2, explicit=False)
    monkeypatch.setattr(memory, "available", lambda: 6000)
    with pytest.raises(
        TooLargeError, match=r"takes 11.8 kB of memory, and 6.0 kB are free; EASE\(sparse=True\)"
    ):
        EASE().fit(train)
    monkeypatch.setattr(memory, "available", lambda: 600)
    with pytest.raises(TooLargeError, match=r"and 600 B are free; leave rare items out by filter"):
        EASE(sparse=True).fit(train)
    monkeypatch.setattr(memory, "available", lambda: None)

    def refuse(*_):
        raise MemoryError

    monkeypatch.setattr("tastespace.trainers.ease.np.empty", refuse)
    with pytest.raises(TooLargeError, match=r"does not give it; EASE\(sparse=True\)"):
        EASE().fit(train)


def test_free_memory_is_that_of_the_machine_and_the_container(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    assert memory.available() is None or memory.available() > 1e6  # what the system has, by other means
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:   8000 kB\n")
    assert memory.available() == 8000 * 1024
    for name, text in (("max", "max"), ("current", "5000000"), ("stat", "anon 1\ninactive_file 1000\n")):
        (tmp_path / f"memory.{name}").write_text(text)
    assert memory.available() == 8000 * 1024
    (tmp_path / "memory.max").write_text("6000000\n")
    assert memory.available() == 1_001_000
    (tmp_path / "memory.max").write_text("max")
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "absent")
    monkeypatch.delattr(memory.os, "sysconf", raising=False)
    assert memory.available() is None


def test_sizes_as_text():
    assert [memory.size(n) for n in (7, 6400, 123_456, 6_700_000_000, 123_000_000_000)] == [
        "7 B",
        "6.4 kB",
        "123 kB",
        "6.7 GB",
        "123 GB",
    ]


def test_a_table_in_a_file_is_the_same(tmp_path):
    train = world(60, 40, 0.2, explicit=False)
    for sparse in (False, True):
        model = EASE(sparse=sparse).fit(train)
        model.save(tmp_path / "ease.taste")
        loaded = ts.load(tmp_path / "ease.taste")
        assert isinstance(loaded, ts.NeighbourModel)
        assert isinstance(loaded.weights, Csr) == sparse
        assert loaded.info.params["sparse"] is sparse
