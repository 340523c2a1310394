"""Texts as a table of documents and words, which trainers take for users and items."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import scipy.sparse

from tastespace.data.interactions import Interactions
from tastespace.data.memory import size
from tastespace.data.read import read
from tastespace.errors import EmptyError, InputError, ParameterError, missing_extra


def documents(source: Any, *, ids: Any = None, words: Any = None, vectorizer: Any = None) -> Interactions:
    """Read texts, or counts of words: documents become the users of a table, words its items.

    So ``ts.NMF(loss="kullback-leibler").fit(ts.documents(texts)).topics()`` finds topics, `fold_in` and `fold_in_many`
    place new documents, and `similar_users` finds documents alike.

    As everywhere, who has no event is not in the table: documents of no word that is kept, and words of no document.
    So find labels by id, not by place: ``labels[model.users.ids]`` where the ids are 0, 1, 2, ...

    Parameters
    ----------
    source
        One of

        - texts: a list, a pandas or polars column, or a mapping of ids to texts,
        - a SciPy sparse matrix, documents x words, of counts or other weights of 0 or more,
        - anything that `read` takes with the columns ``document``, ``word`` and, if it has one, ``count``.
    ids
        Ids of the documents, of texts or of the rows of a matrix; by default 0, 1, 2, ...
    words
        The words of the columns of a matrix.
    vectorizer
        What cuts texts into words and weighs them: a vectorizer of scikit-learn, which is fitted to these texts. By
        default ``CountVectorizer(stop_words="english")``; ``TfidfVectorizer`` suits the squared error. New documents
        have the weights of the old ones by ``documents(vectorizer.transform(texts), words=...)``.

    Raises
    ------
    EmptyError
        Without texts, or where no text holds a word.
    InputError
        If ids and texts differ in number, something is no text, or the matrix is dense.
    ParameterError
        If an argument goes with another kind of source.
    MissingExtraError
        If texts are given and scikit-learn is not installed.
    """
    if scipy.sparse.issparse(source):
        _refuse("texts", vectorizer=vectorizer)
        return read(source, users=ids, items=words)
    if isinstance(source, Mapping):
        _refuse("a list of texts; of a mapping the keys are the ids", ids=ids)
        ids, texts = list(source), list(source.values())
    elif hasattr(source, "columns"):
        _refuse("texts or a matrix", ids=ids, words=words, vectorizer=vectorizer)
        count = "count" if "count" in list(source.columns) else None
        return read(source, user="document", item="word", weight=count)
    elif getattr(source, "ndim", 1) == 2:
        raise InputError(_dense(source))
    elif isinstance(source, str | bytes):
        raise InputError("documents takes a list of texts; got one text: put it into a list")
    elif isinstance(source, Iterable):
        texts = list(source)
    else:
        raise InputError(
            f"documents takes texts, a sparse matrix or a table; got {type(source).__name__}: pass a list of texts"
        )
    _refuse("a matrix; the vectorizer finds the words of texts", words=words)
    if not texts:
        raise EmptyError("documents got no texts")
    odd = next((place for place, text in enumerate(texts) if not isinstance(text, str)), None)
    if odd is not None:
        raise InputError(f"documents takes texts; text {odd} is {type(texts[odd]).__name__}")
    if ids is not None and len(ids) != len(texts):
        raise InputError(f"ids has {len(ids):,} entries for {len(texts):,} texts; each needs one")
    if vectorizer is None:
        try:
            from sklearn.feature_extraction.text import CountVectorizer
        except ModuleNotFoundError:
            raise missing_extra("documents of texts", "sklearn") from None
        vectorizer = CountVectorizer(stop_words="english")
    if not hasattr(vectorizer, "fit_transform") or not hasattr(vectorizer, "get_feature_names_out"):
        raise InputError(
            "vectorizer must have fit_transform and get_feature_names_out, like CountVectorizer(); got "
            f"{type(vectorizer).__name__}"
        )
    try:
        matrix = vectorizer.fit_transform(texts)
    except ValueError as error:
        if "empty vocabulary" not in str(error):
            raise
        raise EmptyError(
            f"no word of these {len(texts):,} texts is kept; pass a vectorizer that keeps more, such as "
            "CountVectorizer(token_pattern=...)"
        ) from None
    return read(matrix, users=ids, items=vectorizer.get_feature_names_out().astype(object))


def _refuse(what: str, **given: Any) -> None:
    """Refuse parameters that only go with another kind of source."""
    for name, value in given.items():
        if value is not None:
            raise ParameterError(f"{name} of documents goes with {what}; drop it")


def _dense(matrix: Any) -> str:
    """What is wrong with a dense matrix: its size in memory, and the sparse way."""
    rows, columns = matrix.shape
    cells = int((matrix != 0).sum())
    return (
        f"documents takes a sparse matrix; got a dense one of {rows:,} x {columns:,} cells, {size(matrix.nbytes)}: "
        f"pass scipy.sparse.csr_matrix(X), whose {cells:,} cells that are not 0 need {size(12 * cells)}"
    )
