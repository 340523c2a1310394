"""Write the golden files of the present release: `python -m tests.golden.make` from the root, once for each release.

A file that is there stays: what it says is a promise.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tastespace as ts
from tests.models.worlds import world

FOLDER = Path(__file__).parent


def events() -> ts.Interactions:
    return world(30, 20, 0.3, explicit=False, times=True)


def ratings() -> ts.Interactions:
    return world(30, 20, 0.3, times=True)


def blend() -> ts.Blend:
    models = {
        "clicks": ts.ImplicitALS(factors=3, epochs=3).fit(events()),
        "alike": ts.ItemKNN(neighbours=5).fit(events()),
        "stars": ts.ALS(factors=3, epochs=3).fit(ratings()),
    }
    return ts.Blend(models, {"clicks": 0.5, "alike": 0.3, "stars": 0.2})


def reranked() -> ts.Reranked:
    space = ts.ALS(factors=3, epochs=3).fit(ratings())
    model = ts.ItemKNN(neighbours=5).fit(events())
    return model.reranked(popularity_penalty=0.3, diversity=0.4, candidates=8, space=space)


MODELS: dict[str, Callable[[], Any]] = {
    "als": lambda: ts.ALS(factors=3, epochs=3).fit(ratings()),
    "baseline": lambda: ts.Baseline().fit(ratings()),
    "implicit-als": lambda: ts.ImplicitALS(factors=3, epochs=3).fit(events()),
    "implicit-als-bm25": lambda: ts.ImplicitALS(factors=3, epochs=3, alpha=10.0, confidence="bm25").fit(
        events()
    ),
    "popularity": lambda: ts.Popularity(half_life="3d").fit(events()),
    "bpr": lambda: ts.BPR(factors=3, epochs=3, negatives="popularity", confidence="bm25").fit(events()),
    "warp": lambda: ts.WARP(factors=3, epochs=3).fit(events()),
    "logistic-mf": lambda: ts.LogisticMF(factors=3, epochs=3).fit(events()),
    "ease": lambda: ts.EASE(regularization=20.0).fit(events()),
    "ease-sparse": lambda: ts.EASE(regularization=20.0, sparse=True, neighbours=5, confidence="bm25").fit(
        events()
    ),
    "item-knn": lambda: ts.ItemKNN(neighbours=5, confidence="tfidf").fit(events()),
    "item-knn-ratings": lambda: ts.ItemKNN(neighbours=5).fit(ratings()),
    "user-knn": lambda: ts.UserKNN(neighbours=5).fit(events()),
    "user-knn-ratings": lambda: ts.UserKNN(neighbours=5, similarity="pearson").fit(ratings()),
    "blend": blend,
    "reranked": reranked,
    "funk-svd": lambda: ts.FunkSVD(factors=3, epochs=3).fit(ratings()),
    "pmf": lambda: ts.PMF(factors=3, epochs=3).fit(ratings()),
    "svd-plus-plus": lambda: ts.SVDPlusPlus(factors=3, epochs=3).fit(ratings()),
    "nmf": lambda: ts.NMF(factors=3, epochs=20).fit(events()),
    "nmf-kullback-leibler": lambda: ts.NMF(factors=3, epochs=20, loss="kullback-leibler").fit(events()),
    "nmf-observed": lambda: ts.NMF(factors=3, epochs=5, observed_only=True).fit(ratings()),
    "timesvd": lambda: ts.TimeSVDPlusPlus(factors=3, epochs=3, days="factors").fit(ratings()),
    "truncated-svd": lambda: ts.TruncatedSVD(factors=3, centred=True, confidence="tfidf").fit(events()),
    "item-embedding": lambda: ts.ItemEmbedding(factors=3, window="9d", subsample=0.05).fit(events()),
    "truncated-svd-ratings": lambda: ts.TruncatedSVD(factors=3).fit(ratings()),
}


def answers(model: Any) -> dict[str, object]:
    """What a model says, as plain data."""
    best = model.recommend(model.users.ids[:3].tolist(), 4)
    users, items = model.users.ids[:5].tolist(), model.items.ids[:5].tolist()
    said: dict[str, object] = {
        "repr": repr(model),
        "trainer": model.info.trainer,
        "recommend": [best["user"].tolist(), best["item"].tolist(), best["score"].tolist()],
        "predict": model.predict(users, items).tolist(),
    }
    if hasattr(model, "fold_in"):
        history: dict[Any, Any] = dict.fromkeys(items, 3.0)
        if isinstance(model, ts.Blend):
            history = dict.fromkeys(model.models, history)
        said["fold_in"] = model.fold_in(history).recommend(3)["score"].tolist()
    return said


if __name__ == "__main__":
    for name, make in MODELS.items():
        path = FOLDER / f"{name}-{ts.__version__}.taste"
        if not path.exists():
            model = make()
            model.save(path)
            path.with_suffix(".json").write_text(json.dumps(answers(model), indent=1) + "\n")
