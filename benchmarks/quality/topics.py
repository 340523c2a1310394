"""Topics of BBC News and 20 Newsgroups: coherence, diversity and labels, beside scikit-learn's NMF and LDA.

Protocol. A random fifth of the documents is held out, anew for each of the seeds 0, 1 and 2, which also seed the
models. All models see the same words of the same documents: bbc-news 2,225 lemmatized documents of five labels, cut at
spaces, words of at least 2 training documents; 20newsgroups 18,845 documents as counts of 3,072 words (in this table
they have no labels). ``counts`` are counts; ``tf-idf`` is scikit-learn's ``TfidfTransformer`` of the training part.
Topics are the ten heaviest words of each factor.

NPMI: mean over topics of the coherence in the held-out documents (a word that a document holds occurs in it).
Diversity: the share of different words. Labels (bbc-news): a held-out document is placed by ``fold_in_many`` or
``transform`` and belongs to its topic of the largest share; purity is the share of held-out documents whose label is
the most frequent of their topic, and NMI scikit-learn's normalized mutual information. Seconds are those of the fit.
scikit-learn's estimators are at their defaults (NMF starts at "nndsvda" and makes at most 200 passes);
``LatentDirichletAllocation`` as it comes (``batch``, 10 passes) and, as ``LDA, 50 passes``, for longer, on bbc-news
alone, both with ``n_jobs`` threads. With 50 topics only tf-idf is tried. Nothing was tuned. Seconds are for
orientation: other programs were running.

Run as ``python -m benchmarks.quality.topics [DATA ...] [--threads N] [--only MODEL ...]``.
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import scipy.sparse as sp
from sklearn import decomposition
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.metrics import normalized_mutual_info_score
from threadpoolctl import threadpool_limits

import tastespace as ts
from benchmarks import common

TOPICS = {"bbc-news": (5,), "20newsgroups": (20, 50)}
SEEDS = (0, 1, 2)
WORDS = 10
KULLBACK = "kullback-leibler"

#: What a fit returns: words of the topics, (topics, WORDS), and shares of the held-out documents, (documents, topics).
Found = tuple[np.ndarray, np.ndarray]


class Part(NamedTuple):
    """The documents of one seed."""

    counts: tuple[sp.csr_matrix, sp.csr_matrix]  # of training, held out
    weights: tuple[sp.csr_matrix, sp.csr_matrix]  # tf-idf of the same
    words: np.ndarray
    labels: np.ndarray | None  # of those held out

    def table(self, kind: str) -> tuple[sp.csr_matrix, sp.csr_matrix]:
        return self.counts if kind == "counts" else self.weights


def split(name: str, seed: int) -> Part:
    """A data set, cut by documents."""
    folder = common.DATA / f"topics-{name}"
    labels = None
    if name == "bbc-news":
        frame = pl.read_parquet(folder / "docs.parquet")
        texts, labels = frame["text"].to_numpy(), frame["label"].to_numpy()
        held = np.random.default_rng(seed).random(len(texts)) < 0.2
        vectorizer = CountVectorizer(token_pattern=r"\S+", min_df=2).fit(texts[~held])
        counts = vectorizer.transform(texts[~held]), vectorizer.transform(texts[held])
        words = vectorizer.get_feature_names_out()
    else:
        cells = pl.read_parquet(folder / "bow.parquet")
        vocabulary = pl.read_parquet(folder / "vocab.parquet").sort("word")
        words = vocabulary["token"].to_numpy()
        table = sp.csr_matrix(
            (cells["count"].to_numpy().astype(np.int64), (cells["doc"].to_numpy(), cells["word"].to_numpy())),
            shape=(int(cells["doc"].max()) + 1, len(words)),
        )
        held = np.random.default_rng(seed).random(table.shape[0]) < 0.2
        counts = table[~held], table[held]
    kept = [np.flatnonzero(np.diff(one.indptr)) for one in counts]  # documents of no word
    counts = counts[0][kept[0]], counts[1][kept[1]]
    idf = TfidfTransformer().fit(counts[0])
    there = labels[held][kept[1]] if labels is not None else None
    return Part(counts, (idf.transform(counts[0]), idf.transform(counts[1])), words.astype(object), there)


def ours(part: Part, kind: str, k: int, seed: int, threads: int, **settings: Any) -> tuple[Found, float]:
    train, test = (ts.documents(one, words=part.words) for one in part.table(kind))
    begin = time.perf_counter()
    model = ts.NMF(factors=k, seed=seed, threads=threads, progress=False, **settings).fit(train)
    seconds = time.perf_counter() - begin
    order = np.argsort(-model.item_factors, axis=0, kind="stable")[:WORDS].T
    shares = np.zeros((part.counts[1].shape[0], k), np.float32)
    placed = model.fold_in_many(test)
    shares[placed.users.ids.astype(int)] = placed.topic_shares()
    return (model.items.ids[order], shares), seconds


def theirs(part: Part, kind: str, estimator: Any) -> tuple[Found, float]:
    train, test = part.table(kind)
    begin = time.perf_counter()
    estimator.fit(train)
    seconds = time.perf_counter() - begin
    components = estimator.components_
    order = np.argsort(-components, axis=1, kind="stable")[:, :WORDS]
    placed = estimator.transform(test)
    if isinstance(estimator, decomposition.NMF):
        placed = placed * components.sum(axis=1)  # what each factor brings, as in topic_shares
    return (part.words[order], placed), seconds


Fit = Callable[[Part, int, int, int], tuple[Found, float]]

MODELS: dict[str, Fit] = {
    "tastespace NMF, tf-idf": lambda part, k, seed, n: ours(part, "tf-idf", k, seed, n),
    "tastespace NMF, tf-idf, random start": lambda part, k, seed, n: ours(
        part, "tf-idf", k, seed, n, init="random"
    ),
    "tastespace NMF, tf-idf, tolerance=1e-6": lambda part, k, seed, n: ours(
        part, "tf-idf", k, seed, n, tolerance=1e-6
    ),
    "tastespace NMF, counts": lambda part, k, seed, n: ours(part, "counts", k, seed, n),
    "tastespace NMF, Kullback-Leibler, counts": lambda part, k, seed, n: ours(
        part, "counts", k, seed, n, loss=KULLBACK
    ),
    "tastespace NMF, Kullback-Leibler, counts, random start": lambda part, k, seed, n: ours(
        part, "counts", k, seed, n, loss=KULLBACK, init="random"
    ),
    "tastespace NMF, Kullback-Leibler, tf-idf": lambda part, k, seed, n: ours(
        part, "tf-idf", k, seed, n, loss=KULLBACK
    ),
    "scikit-learn NMF, tf-idf": lambda part, k, seed, n: theirs(
        part, "tf-idf", decomposition.NMF(k, random_state=seed)
    ),
    "scikit-learn NMF, Kullback-Leibler, counts": lambda part, k, seed, n: theirs(
        part,
        "counts",
        decomposition.NMF(k, solver="mu", beta_loss=KULLBACK, random_state=seed, max_iter=500),
    ),
    "LDA, counts": lambda part, k, seed, n: theirs(
        part, "counts", decomposition.LatentDirichletAllocation(k, random_state=seed, n_jobs=n)
    ),
    "LDA, 50 passes, counts": lambda part, k, seed, n: theirs(
        part, "counts", decomposition.LatentDirichletAllocation(k, random_state=seed, n_jobs=n, max_iter=50)
    ),
}


def judge(part: Part, found: Found) -> dict[str, float]:
    """Coherence and diversity of the words, purity and NMI of the documents."""
    words, shares = found
    k = len(words)
    topics = ts.Topics(
        {
            "topic": np.repeat(np.arange(k, dtype=np.int32), WORDS),
            "rank": np.tile(np.arange(1, WORDS + 1, dtype=np.int32), k),
            "item": words.ravel(),
            "weight": np.full(k * WORDS, 1.0, np.float32),
        }
    )
    held = ts.documents(part.counts[1], words=part.words)
    judged = {
        "npmi": float(np.mean(topics.coherence(held))),
        "diversity": topics.diversity(),
    }
    if part.labels is not None:
        top = shares.argmax(axis=1)
        table = pl.DataFrame({"topic": top, "label": part.labels}).group_by("topic", "label").len()
        pure = table.group_by("topic").agg(pl.col("len").max())["len"].sum()
        judged["purity"] = pure / len(top)
        judged["nmi"] = float(normalized_mutual_info_score(part.labels, top))
    return {name: round(value, 4) for name, value in judged.items()}


def measure(name: str, k: int, model: str, threads: int) -> dict[str, Any]:
    """One model with each seed, and the words of the first."""
    runs, words = [], None
    for seed in SEEDS:
        part = split(name, seed)
        found, seconds = MODELS[model](part, k, seed, threads)
        runs.append(judge(part, found) | {"seconds": round(seconds, 3)})
        if seed == SEEDS[0]:
            words = [" ".join(map(str, topic)) for topic in found[0]]
    means = {key: round(float(np.mean([run[key] for run in runs])), 4) for key in runs[0]}
    return {"mean": means, "runs": runs, "words": words}


def main() -> None:
    warnings.simplefilter("ignore", ConvergenceWarning)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(TOPICS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--topics", type=int, help="only this number")
    parser.add_argument("--only", nargs="*", default=list(MODELS))
    options = parser.parse_args()
    path = common.RESULTS / "topics.json"
    results: dict[str, Any] = json.loads(path.read_text())["results"] if path.exists() else {}
    with threadpool_limits(options.threads):
        for name in options.names:
            for k in TOPICS[name]:
                if options.topics not in (None, k):
                    continue
                for model in options.only:
                    if (name != "bbc-news" and model.startswith("LDA, 50")) or (
                        k == 50 and "tf-idf" not in model
                    ):
                        continue
                    cell = results.setdefault(f"{name}, {k} topics", {})
                    cell[model] = measure(name, k, model, options.threads)
                    print(f"{name} {k} {model}: {cell[model]['mean']}", flush=True)
                    common.write("topics", __doc__, results, more_versions=common.versions("scikit-learn"))
    print(f"written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
