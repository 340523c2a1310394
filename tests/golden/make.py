"""Write the golden files of the present release: `python -m tests.golden.make` from the root, once for each release."""

import json
from pathlib import Path

import tastespace as ts
from tests.models.worlds import world

FOLDER = Path(__file__).parent

MODELS = {
    "als": (ts.ALS(factors=3, epochs=3), True),
    "baseline": (ts.Baseline(), True),
    "implicit-als": (ts.ImplicitALS(factors=3, epochs=3), False),
    "implicit-als-bm25": (ts.ImplicitALS(factors=3, epochs=3, alpha=10.0, confidence="bm25"), False),
    "popularity": (ts.Popularity(half_life="3d"), False),
    "bpr": (ts.BPR(factors=3, epochs=3, negatives="popularity", confidence="bm25"), False),
    "warp": (ts.WARP(factors=3, epochs=3), False),
    "logistic-mf": (ts.LogisticMF(factors=3, epochs=3), False),
    "timesvd": (ts.TimeSVDPlusPlus(factors=3, epochs=3, days="factors"), True),
}


def answers(model: ts.FactorModel) -> dict[str, object]:
    """What a model says, as plain data."""
    best = model.recommend(model.users.ids[:3].tolist(), 4)
    users, items = model.users.ids[:5].tolist(), model.items.ids[:5].tolist()
    return {
        "repr": repr(model),
        "trainer": model.info.trainer,
        "recommend": [best["user"].tolist(), best["item"].tolist(), best["score"].tolist()],
        "predict": model.predict(users, items).tolist(),
        "fold_in": model.fold_in(dict.fromkeys(items, 3.0)).recommend(3)["score"].tolist(),
    }


if __name__ == "__main__":
    for name, (trainer, explicit) in MODELS.items():
        model = trainer.fit(world(30, 20, 0.3, explicit=explicit, times=True))
        path = FOLDER / f"{name}-{ts.__version__}.taste"
        model.save(path)
        path.with_suffix(".json").write_text(json.dumps(answers(model), indent=1) + "\n")
