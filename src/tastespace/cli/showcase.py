"""What the demo computes: a comparison of models, one person's recommendations, and the picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tastespace.cli.console import say, working
from tastespace.cli.files import replace_file
from tastespace.errors import missing_extra

if TYPE_CHECKING:
    from tastespace.data.interactions import Interactions
    from tastespace.data.split import Split
    from tastespace.models.factor_model import FactorModel
    from tastespace.reports.comparison import Comparison
    from tastespace.reports.entries import Learner

LIKED = 8  # of 10; the median rating is 7
LENGTH = 10  # of a list of recommendations
REASONS = 3  # for each of them

# A film is coloured by the most telling of its genres: many films are dramas too, few are animated.
TELLING = ("Animation", "Horror", "Sci-Fi", "Romance", "Comedy", "Crime", "Action", "Drama")


def contestants() -> dict[str, tuple[Learner, Callable[[Interactions], Interactions]]]:
    """The models of the comparison, each with what it makes of the training ratings."""
    import tastespace as ts

    def rated(ratings: Interactions) -> Interactions:
        return ratings.as_implicit()

    def rated_lately(ratings: Interactions) -> Interactions:
        return ratings.as_implicit().decay("60d")

    def ratings(ratings: Interactions) -> Interactions:
        return ratings

    # The settings were chosen on the last rating of each user before the held-out ones.
    als = ts.ALS(factors=32, regularization=15, bias_regularization=2, frequency_scaling=0)
    implicit = ts.ImplicitALS(factors=32, regularization=0.02, unobserved_weight=0.2)
    return {
        "Popularity": (ts.Popularity(), rated),
        "Popularity, half-life 30 d": (ts.Popularity(half_life="30d"), rated),
        "Baseline": (ts.Baseline(), ratings),
        "ALS": (als, ratings),
        "ImplicitALS": (implicit, rated),
        "ImplicitALS, half-life 60 d": (
            implicit.replace(unobserved_weight=0.05, confidence="linear"),
            rated_lately,
        ),
    }


def choose(model: FactorModel, split: Split) -> Any:
    """The id of a person worth showing.

    Of those with 15 to 60 ratings for whom a held-out film that they liked is recommended, the one whose
    recommendations are the least popular films.
    """
    import numpy as np

    train, test = split.train, split.test
    rows = np.arange(train.n_users, dtype=np.int32)
    best, _ = model.rank(rows, LENGTH)
    liked = test.by_user.filled_values() >= LIKED
    who = train.users.rows(test.users.ids)[test.user_rows()[liked]]
    what = train.items.find(test.items.ids)[test.by_user.indices[liked]]
    found = np.zeros(train.n_users, dtype=bool)
    found[who[(best[who] == what[:, None]).any(axis=1)]] = True
    counts = train.by_user.counts()
    fame = train.by_item.counts()[best].mean(axis=1)
    eligible = found & (counts >= 15) & (counts <= 60)
    return train.users.ids[int(np.argmin(np.where(eligible, fame, np.inf)))].item()


def tell(model: FactorModel, split: Split, person: int, titles: Mapping[Any, str]) -> dict[str, Any]:
    """What a person has rated, what the model recommends, and why, as plain data."""
    items, values = split.train.by_user.row(split.train.users.row(person))
    history = sorted(
        zip(split.train.items.ids[items].tolist(), values.tolist(), strict=True), key=lambda one: -one[1]
    )
    held_out: dict[Any, float] = {}
    if person in split.test.users:
        items, values = split.test.by_user.row(split.test.users.row(person))
        held_out = dict(zip(split.test.items.ids[items].tolist(), values.tolist(), strict=True))
    recommended = []
    for _, item, rank, score in model.recommend(person, n=LENGTH):
        parts = model.explain(person, item).parts.head(REASONS)
        recommended.append(
            {
                "rank": rank,
                "item": item,
                "title": titles[item],
                "score": score,
                "held_out_rating": held_out.get(item),
                "because": [{"item": own, "title": titles[own], "part": part} for own, _, part in parts],
            }
        )
    return {
        "user": person,
        "history": [{"item": item, "title": titles[item], "rating": rating} for item, rating in history],
        "held_out": [
            {"item": item, "title": titles[item], "rating": rating} for item, rating in held_out.items()
        ],
        "recommended": recommended,
    }


def draw(
    model: FactorModel, name: str, titles: Mapping[Any, str], genres: Mapping[Any, Any], path: Path
) -> Path | None:
    """Draw the space to a file; without Matplotlib None, and a word on what to install."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        say(str(missing_extra("the picture of the space", "plot")))
        return None
    from tastespace.plots import space

    with working("drawing the space"):
        figure = Figure(figsize=(11, 8.5), dpi=150, layout="constrained")
        figure.suptitle(f"Films, placed by who rated what ({name})", x=0.02, ha="left", fontsize=12)
        space(
            model,
            titles={item: title.rpartition(" (")[0] or title for item, title in titles.items()},  # no year
            groups={item: next((one for one in TELLING if one in own), "") for item, own in genres.items()},
            ax=figure.add_subplot(),
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        return replace_file(path, lambda file: figure.savefig(file, format=path.suffix[1:]))


def report(comparison: Comparison, path: Path) -> Path:
    """Write the page of the comparison."""
    with working("writing the page"):
        return comparison.to_html(path)
