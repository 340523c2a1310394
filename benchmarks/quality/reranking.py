"""What a popularity penalty and diversity cost and bring: re-ranked lists on MovieLens 1M.

Protocol: likes are ratings of 4 and 5; a cut in time at 80 % parts training from test. ``ts.ImplicitALS`` with the
settings that ``ts.tune`` chose on validation events (64 factors, unobserved_weight .39, regularization .015, two
epochs; see ``tune_ml_1m``). Its lists of ten for the warm test users, seen items removed, over all items, re-ranked by
``model.reranked``; nothing is chosen here. Popularity is the mean number of training likes of the listed items;
diversity is by audience, so it is not what MMR is told to raise, which is by factors.

Run as ``python -m benchmarks.quality.reranking [--threads N]``.
"""

import argparse
from typing import Any

import matplotlib

matplotlib.use("agg")

from matplotlib import pyplot as plt

import tastespace as ts
from benchmarks import common
from benchmarks.pictures import OURS, STYLE, THEIRS, _save

METRICS = ["ndcg@10", "recall@10", "coverage@10", "gini@10", "popularity@10", "novelty@10", "diversity@10"]
PICTURE = common.ROOT / "docs" / "images" / "reranking.svg"
PENALTIES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
DIVERSITIES = (0.0, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9)
CANDIDATES = (30, 50, 100, 200, 500)


def draw(rows: list[dict[str, Any]]) -> None:
    """NDCG against coverage, Gini, popularity and diversity, one line for each setting."""
    shown = (
        ("coverage@10", "share of the catalogue in any list"),
        ("gini@10", "Gini"),
        ("popularity@10", "mean popularity"),
        ("diversity@10", "diversity"),
    )
    lines = (("popularity_penalty", "popularity_penalty", OURS), ("diversity", "diversity", THEIRS[0]))
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, len(shown), figsize=(11, 2.8), sharey=True, layout="constrained")
        for ax, (metric, label) in zip(axes, shown, strict=True):
            for group, name, colour in lines:
                mine = [row for row in rows if row["group"] == group]
                x, y = ([row[m] for row in mine] for m in (metric, "ndcg@10"))
                ax.plot(x, y, "o-", color=colour, markersize=3, label=name)
                for row in mine[-3:]:  # the others lie close together
                    ax.annotate(f"{row[name]:g}", (row[metric], row["ndcg@10"]), fontsize=7, color=colour)
            ax.set_xlabel(label)
        axes[0].set_ylabel("NDCG@10")
        axes[0].legend()
        _save(figure, PICTURE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    split = ts.split.by_time(ts.datasets.load("ml-1m").as_implicit(at_least=4), 0.8)
    model = ts.ImplicitALS(
        factors=64,
        unobserved_weight=0.39,
        regularization=0.015,
        epochs=2,
        threads=options.threads,
        progress=False,
    ).fit(split.train)
    asked: list[tuple[str, dict[str, Any]]] = [
        *(("popularity_penalty", {"popularity_penalty": penalty}) for penalty in PENALTIES),
        *(("diversity", {"diversity": diversity}) for diversity in DIVERSITIES),
        ("both", {"popularity_penalty": 0.2, "diversity": 0.5}),
    ]
    for setting in ({"popularity_penalty": 0.3}, {"diversity": 0.5}):
        asked.extend(("candidates", setting | {"candidates": candidates}) for candidates in CANDIDATES)
    rows = []
    for group, setting in asked:
        report = ts.evaluate(model.reranked(**setting), split, metrics=METRICS, threads=options.threads)
        rows.append(
            {"group": group}
            | setting
            | {name: round(float(value), 5) for name, value in report.metrics.items()}
        )
        print(rows[-1])
    popular = ts.evaluate(ts.Popularity().fit(split.train), split, metrics=METRICS, threads=options.threads)
    results = {
        "protocol of the test": report.protocol,
        "lists": rows,
        "Popularity": {name: round(float(value), 5) for name, value in popular.metrics.items()},
    }
    draw(rows)
    path = common.write("reranking", __doc__, results)
    print(results["Popularity"], f"written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
