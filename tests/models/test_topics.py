"""Texts as tables, and what factors of 0 or more are about."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer

import tastespace as ts
from tastespace.errors import EmptyError, InputError, ParameterError, UnknownUserError, UnsupportedError
from tests.models.worlds import world

TEXTS = [
    "cat dog pet", "dog pet food cat", "stock bank money", "bank money loan", "pet cat food", "loan stock bank",
]  # fmt: skip


def test_texts_become_documents_and_words():
    table = ts.documents(TEXTS, ids=list("abcdef"))
    counts = CountVectorizer(stop_words="english").fit(TEXTS)
    assert set(table.items.ids.tolist()) == set(counts.get_feature_names_out())
    assert table.users.ids.tolist() == list("abcdef")
    assert table.n_events == counts.transform(TEXTS).nnz
    same = ts.documents(dict(zip("abcdef", TEXTS, strict=True)))
    assert same.by_user.same(table.by_user)
    weighed = ts.documents(pl.Series(TEXTS), vectorizer=TfidfVectorizer())
    assert weighed.users.ids.tolist() == list(range(6))
    assert (weighed.by_user.filled_values() < 1).all()


def test_counts_become_documents_and_words():
    matrix = sp.csr_matrix(np.array([[2, 0, 1], [0, 3, 0]]))
    table = ts.documents(matrix, ids=["x", "y"], words=["u", "v", "w"])
    rows = pl.DataFrame({"document": ["x", "x", "y"], "word": ["u", "w", "v"], "count": [2, 1, 3]})
    again = ts.documents(rows)
    assert again.items.ids.tolist() == ["u", "w", "v"]  # in order of appearance
    assert again.by_user.values.tolist() == table.by_user.values.tolist() == [2, 1, 3]
    assert (ts.documents(rows.drop("count")).by_user.filled_values() == 1).all()
    assert ts.documents(["one document of words"]).n_users == 1


def test_refuses_what_is_no_text():
    with pytest.raises(EmptyError, match="documents got no texts"):
        ts.documents([])
    with pytest.raises(EmptyError, match="no word of these 2 texts is kept"):
        ts.documents(["", "!"])
    with pytest.raises(InputError, match="takes a list of texts; got one text"):
        ts.documents("cat dog")
    with pytest.raises(InputError, match="text 1 is int"):
        ts.documents(["cat", 3])
    with pytest.raises(InputError, match="ids has 1 entries for 2 texts"):
        ts.documents(["cat", "dog"], ids=["a"])
    for source in (None, 5):
        with pytest.raises(
            InputError, match=r"takes texts, a sparse matrix or a table; got (NoneType|int): pass"
        ):
            ts.documents(source)
    table = pl.DataFrame({"document": [1], "word": ["cat"]})
    for source, given, match in (
        (TEXTS, {"words": ["cat"]}, "words of documents goes with a matrix; the vectorizer finds"),
        ({"a": "cat dog"}, {"ids": ["b"]}, "ids of documents goes with a list of texts; of a mapping"),
        (
            sp.eye(3, format="csr"),
            {"vectorizer": CountVectorizer()},
            "vectorizer of documents goes with texts; drop",
        ),
        (table, {"ids": ["b"]}, "ids of documents goes with texts or a matrix; drop it"),
        (table, {"words": ["b"]}, "words of documents goes with texts or a matrix; drop it"),
        (
            table,
            {"vectorizer": CountVectorizer()},
            "vectorizer of documents goes with texts or a matrix; drop it",
        ),
    ):
        with pytest.raises(ParameterError, match=match):
            ts.documents(source, **given)
    dense = (
        r"dense one of 300 x 40 cells, 96.0 kB: pass scipy.sparse.csr_matrix\(X\), whose 600 cells .* 7.2 kB"
    )
    with pytest.raises(InputError, match=dense):
        ts.documents(np.tile(np.eye(20), (15, 2)))
    with pytest.raises(
        InputError, match=r"vectorizer must have fit_transform and get_feature_names_out.*got Hash"
    ):
        ts.documents(TEXTS, vectorizer=HashingVectorizer())
    with pytest.raises(ValueError, match="max_df"):
        ts.documents(TEXTS, vectorizer=CountVectorizer(max_df=1, min_df=5))


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
def test_topics_are_found_and_new_documents_placed(loss):
    model = ts.NMF(factors=2, loss=loss).fit(ts.documents(TEXTS))
    topics = model.topics(n_words=3)
    words = [set(topics["item"][topics["topic"] == t].tolist()) for t in (0, 1)]
    assert {frozenset(found & {"cat", "pet", "bank"}) for found in words} == {
        frozenset({"cat", "pet"}),
        frozenset({"bank"}),
    }
    assert topics["rank"].tolist() == [1, 2, 3] * 2
    whole = model.topics(n_words=100)
    sums = np.bincount(whole["topic"], whole["weight"])
    np.testing.assert_allclose(sums, 1, rtol=1e-5)
    assert topics.diversity() == 1.0
    assert str(topics).splitlines()[1].startswith("1: ")
    placed = model.fold_in_many(ts.documents({"new": "my cat is a pet"}))
    pets = 0 if "pet" in words[0] else 1
    assert placed.user_factors[0].argmax() == pets


def test_coherence_is_the_mean_of_all_pairs():
    table = ts.documents(TEXTS)
    topics = ts.NMF(factors=2).fit(table).topics(n_words=3)
    have = {
        word: {place for place, text in enumerate(TEXTS) if word in text.split()} for word in table.items.ids
    }
    for topic, value in enumerate(topics.coherence(table)):
        words = topics["item"][topics["topic"] == topic].tolist()
        pairs = []
        for i, a in enumerate(words):
            for b in words[i + 1 :]:
                both = len(have[a] & have[b]) / 6
                alone = len(have[a]) * len(have[b]) / 36
                pairs.append(np.log(both / alone) / -np.log(both) if both else -1.0)
        assert value == pytest.approx(np.mean(pairs))
    strange = ts.documents(["nothing known here", "other words entirely"])
    assert (topics.coherence(strange) == -1).all()
    assert np.isnan(ts.NMF(factors=2).fit(table).topics(1).coherence(table)).all()
    always = ts.documents(["cat dog"] * 3)
    assert ts.NMF(factors=1).fit(always).topics(2).coherence(always).tolist() == [1.0]
    with pytest.raises(InputError, match="coherence takes Interactions; got list"):
        topics.coherence(TEXTS)


def test_refuses_factors_that_are_no_parts():
    with pytest.raises(
        UnsupportedError, match="topics are factors of 0 or more, and those of ALS are not; use NMF"
    ):
        ts.ALS(factors=3, epochs=2).fit(world()).topics()
    with pytest.raises(UnsupportedError, match="those of Baseline are not"):
        ts.Baseline().fit(world()).topics()
    with pytest.raises(ParameterError, match="n_words must be a whole number of at least 1; got 0"):
        ts.NMF(factors=2).fit(ts.documents(TEXTS)).topics(0)


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
def test_documents_of_a_topic_and_topics_of_a_document(loss):
    names = list("abcdef")
    model = ts.NMF(factors=2, loss=loss).fit(ts.documents(TEXTS, ids=names))
    topics = model.topics(3)
    pets = int(topics["topic"][topics["item"] == "cat"][0])
    found = model.topic_users(pets, n=3)
    assert found.columns == ("topic", "rank", "user", "weight", "share")
    assert set(found["user"].tolist()) == set("abe")
    assert found["rank"].tolist() == [1, 2, 3]
    assert (np.diff(found["weight"]) <= 0).all()
    assert (found["share"] > 0.9).all()
    every = model.topic_users(n=100)
    np.testing.assert_allclose(np.bincount(every["topic"], every["weight"]), 1, rtol=1e-5)
    assert model.topic_users([1 - pets, pets], n=1)["topic"].tolist() == [1 - pets, pets]
    shares = model.topic_shares()
    assert shares.shape == (6, 2)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    brought = model.user_factors * model.item_factors.sum(axis=0)
    np.testing.assert_allclose(shares, brought / brought.sum(axis=1, keepdims=True), rtol=1e-5)
    np.testing.assert_array_equal(model.topic_shares(["c", "a"]), shares[[2, 0]])
    np.testing.assert_array_equal(model.topic_shares("c"), shares[[2]])
    new = model.fold_in_many(ts.documents({"new": "my cat is a pet"})).topic_shares()
    assert new[0, pets] > 0.9


def test_shares_do_not_depend_on_lengths_traded_between_the_sides(tmp_path):
    model = ts.NMF(factors=2).fit(ts.documents(TEXTS))
    traded = replace(
        model,
        user_factors=model.user_factors * np.float32([8, 1]),
        item_factors=model.item_factors / np.float32([8, 1]),
    )
    np.testing.assert_allclose(traded.topic_shares(), model.topic_shares(), rtol=1e-6)
    for column in ("user", "weight", "share"):
        np.testing.assert_array_equal(traded.topic_users()[column], model.topic_users()[column])
    model.save(tmp_path / "m.taste", history=False)  # nothing here needs what was read
    again = ts.load(tmp_path / "m.taste").topic_users()
    np.testing.assert_array_equal(again["user"], model.topic_users()["user"])


def test_documents_of_nothing_have_no_topic():
    model = ts.NMF(factors=2).fit(ts.documents(TEXTS))
    p = model.user_factors.copy()
    p[4] = 0
    empty = replace(model, user_factors=p)
    assert empty.topic_shares(4).tolist() == [[0.0, 0.0]]
    assert set(empty.topic_users(n=9)["user"].tolist()) == {0, 1, 2, 3, 5}


def test_documents_and_words_of_nothing_are_left_out():
    matrix = sp.csr_matrix(np.array([[2, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]))
    table = ts.documents(matrix, ids=list("xyz"), words=list("abcd"))
    assert table.users.ids.tolist() == ["x", "z"]
    assert table.items.ids.tolist() == ["a", "b", "d"]
    assert ts.documents(["cat dog", "!!", "cat"]).users.ids.tolist() == [0, 2]


def test_refuses_topics_that_are_not_there():
    model = ts.NMF(factors=2).fit(ts.documents(TEXTS))
    for odd in (2, -1, True, 0.0, [0, 5]):
        with pytest.raises(ParameterError, match=r"topics must be whole numbers in 0\.\.1, as model.topics"):
            model.topic_users(odd)
    with pytest.raises(ParameterError, match="n must be a whole number of at least 1; got 0"):
        model.topic_users(0, n=0)
    with pytest.raises(UnknownUserError, match="9"):
        model.topic_shares([0, 9])
    als = ts.ALS(factors=3, epochs=2).fit(world())
    for call in (als.topic_users, als.topic_shares):
        with pytest.raises(
            UnsupportedError, match="topics are factors of 0 or more, and those of ALS are not"
        ):
            call()
