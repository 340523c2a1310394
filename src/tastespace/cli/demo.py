"""``tastespace demo``: learn real ratings, compare models, recommend, explain, and draw the space."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tastespace.cli.console import grid, say, working, write, write_beside, write_json, write_table
from tastespace.cli.options import Json
from tastespace.errors import missing_extra

if TYPE_CHECKING:
    from tastespace.data.interactions import Interactions
    from tastespace.data.split import Split
    from tastespace.evaluation import Report
    from tastespace.models.factor_model import FactorModel

DATASET = "movietweetings-100k"
LIKED = 8  # of 10; the median rating is 7
METRICS = ("rmse", "ndcg@10", "recall@10", "hit_rate@10", "coverage@10")
SHOWN = 10
REASONS = 3

# A film is coloured by the most telling of its genres: many films are dramas too, few are animated.
TELLING = ("Animation", "Horror", "Sci-Fi", "Romance", "Comedy", "Crime", "Action", "Drama")


@dataclass(frozen=True)
class Contestant:
    """One model of the comparison."""

    name: str
    model: FactorModel
    report: Report
    seconds: float


def demo(
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Where to draw the space (png, svg or pdf).")
    ] = "demo/space.png",
    user: Annotated[
        int | None, typer.Option("--user", help="Whose recommendations to show.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Learn 100,000 film ratings that come with the package: compare models, recommend, explain, draw the space.

    Takes less than a minute and needs no network.
    """
    import tastespace as ts

    ratings = ts.datasets.load(DATASET)
    films = ts.datasets.items(DATASET)
    titles: dict[Any, str] = dict(films.select("item", "title").iter_rows())
    split = ts.split.last_out(ratings.filter(min_user_events=5, min_item_events=5), n=2)
    if not json:
        _introduce(ratings, split)
    contestants = compare(split)
    best = max(contestants, key=lambda one: one.report["ndcg@10"])
    person = split.train.users.ids[choose(split.train)].item() if user is None else user
    story = tell(best.model, split, person, titles)
    picture = draw(best.model, titles, dict(films.select("item", "genres").iter_rows()), output)
    if json:
        write_json(
            {
                "data": {
                    "users": split.train.n_users,
                    "items": split.train.n_items,
                    "events": split.train.n_events,
                },
                "relevant": f"rating >= {LIKED}",
                "models": [
                    {
                        "model": one.name,
                        "seconds": one.seconds,
                        **{name: one.report[name] for name in one.report},
                    }
                    for one in contestants
                ],
                **story,
                "picture": picture,
            }
        )
        return
    _show_comparison(contestants)
    _show_story(story, best.name)
    write("")
    write(f"the space of {best.name}: {picture}" if picture else "no picture was drawn (see above)")


def compare(split: Split) -> list[Contestant]:
    """Fit each model on the training side and rank all films for everyone on the test side."""
    import tastespace as ts

    events = split.train.as_implicit()
    entries = [
        ("Popularity", ts.Popularity(), events),
        ("Baseline", ts.Baseline(), split.train),
        ("ALS", ts.ALS(factors=32, regularization=0.08), split.train),
        ("ImplicitALS", ts.ImplicitALS(factors=32), events),
    ]
    found = []
    for name, trainer, train in entries:
        with working(f"fitting {name}"):
            started = time.perf_counter()
            model = trainer.fit(train)
            seconds = time.perf_counter() - started
        with working(f"evaluating {name}"):
            found.append(
                Contestant(name, model, ts.evaluate(model, split.test, k=10, relevant=LIKED), seconds)
            )
    return found


def choose(train: Interactions) -> int:
    """The row of a person worth showing: of those with 20 to 40 ratings, the one whose ratings differ most."""
    import numpy as np

    counts = train.by_user.counts()
    values = train.by_user.filled_values().astype(np.float64)
    rows = train.user_rows()
    means = np.bincount(rows, values) / counts
    spread = np.bincount(rows, (values - means[rows]) ** 2) / counts
    return int(np.argmax(np.where((counts >= 20) & (counts <= 40), spread, -1)))


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
    for _, item, rank, score in model.recommend(person, n=SHOWN):
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


def draw(model: FactorModel, titles: Mapping[Any, str], genres: Mapping[Any, Any], output: str) -> str | None:
    """Draw the space to a file; without Matplotlib None, and a word on what to install."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        say(str(missing_extra("the picture of the space", "plot")))
        return None
    from tastespace.plots import space

    with working("drawing the space"):
        axes = Figure(figsize=(11, 8.5), dpi=150, layout="constrained").add_subplot()
        space(
            model,
            titles={
                item: title.rpartition(" (")[0] or title for item, title in titles.items()
            },  # without the year
            groups={
                item: next((genre for genre in TELLING if genre in own), "") for item, own in genres.items()
            },
            ax=axes,
        )
        figure = axes.get_figure(root=True)
        os.makedirs(os.path.dirname(output) or ".", exist_ok=True)
        figure.savefig(output)
    return output


def _introduce(ratings: Interactions, split: Split) -> None:
    write(f"MovieTweetings, ratings of films on Twitter: {ratings}")
    write("Kept: users and films with 5 ratings or more. Held out: the last two ratings of each user.")
    write(f"{split}")
    write("")


def _show_comparison(contestants: Sequence[Contestant]) -> None:
    rows = [
        [
            one.name,
            f"{one.seconds:.2f}",
            *(f"{one.report[name]:.4f}" if name in one.report.metrics else "-" for name in METRICS),
        ]
        for one in contestants
    ]
    headings = ["model", "fit s", *(name.replace("_", " ") for name in METRICS)]
    write_table(headings, rows, right=headings[1:], flexible=("model",))
    write("")
    write(contestants[-1].report.protocol)
    write(
        f"Relevant: a held-out film with a rating of {LIKED} or more. RMSE: over all held-out ratings of known films. "
        "ImplicitALS learns who rated what and forgets how high."
    )


def _show_story(story: Mapping[str, Any], name: str) -> None:
    history, recommended = story["history"], story["recommended"]
    hidden = {film["item"] for film in story["held_out"]}
    shown = [[f"{film['rating']:g}", film["title"]] for film in history[:SHOWN]]
    if len(history) > SHOWN:
        shown[-1] = ["", f"and {len(history) - SHOWN + 1} more"]
    write("")
    write_beside(
        grid(
            ["rating", "film"],
            shown,
            title=f"user {story['user']} has rated {len(history)} films",
            right=("rating",),
            flexible=("film",),
        ),
        grid(
            ["", "film", "score"],
            [
                [
                    film["rank"],
                    film["title"] + (" *" if film["item"] in hidden else ""),
                    f"{film['score']:.3f}",
                ]
                for film in recommended
            ],
            title=f"{name} recommends",
            right=("", "score"),
            flexible=("film",),
        ),
    )
    if any(film["item"] in hidden for film in recommended):
        write("* held out: rated later")
    write("")
    for film in recommended[:3]:
        reasons = ", ".join(f"{own['title']} {own['part']:+.3f}" for own in film["because"])
        write(f"{film['title']}: {reasons}")
