"""Texts as tables, and what factors of 0 or more are about."""

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

import tastespace as ts
from tastespace.errors import EmptyError, InputError, ParameterError, UnsupportedError
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
