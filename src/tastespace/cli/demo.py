"""``tastespace demo``: learn real ratings, compare models, recommend, explain, and draw the space."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tastespace.cli.console import grid, say, working, write, write_beside, write_json, write_table
from tastespace.cli.files import replace_file
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
FORMATS = (".png", ".svg", ".pdf")
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

    if Path(output).suffix not in FORMATS:
        raise typer.BadParameter(f"{output} should end in {', '.join(FORMATS)}", param_hint="--output")
    ratings = ts.datasets.load(DATASET)
    films = ts.datasets.items(DATASET)
    titles: dict[Any, str] = dict(films.select("item", "title").iter_rows())
    split = ts.split.last_out(ratings.filter(min_user_events=5, min_item_events=5), n=2)
    if not json:
        _introduce(ratings, split)
    contestants = compare(split)
    shown = contestants[-1]
    person = choose(shown.model, split) if user is None else user
    story = tell(shown.model, split, person, titles)
    genres = dict(films.select("item", "genres").iter_rows())
    picture = draw(shown.model, shown.name, titles, genres, Path(output))
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
    _show_story(story, shown.name)
    write("")
    if picture is not None:
        write(f"The space of {shown.name}, as a picture: {picture}")


def compare(split: Split) -> list[Contestant]:
    """Fit each model on the training side and rank all films for everyone on the test side."""
    import tastespace as ts

    ratings, events = split.train, split.train.as_implicit()
    # Settings that were best on the last rating of each user before the held-out ones.
    entries: list[tuple[str, Any, Interactions]] = [
        ("Popularity", ts.Popularity(), events),
        ("Popularity, half-life 30 d", ts.Popularity(half_life="30d"), events),
        ("Baseline", ts.Baseline(), ratings),
        (
            "ALS",
            ts.ALS(factors=32, regularization=15, bias_regularization=2, frequency_scaling=0),
            ratings,
        ),
        ("ImplicitALS", ts.ImplicitALS(factors=32, regularization=0.02, unobserved_weight=0.2), events),
        (
            "ImplicitALS, half-life 60 d",
            ts.ImplicitALS(factors=32, regularization=0.02, unobserved_weight=0.05, confidence="linear"),
            events.decay("60d"),
        ),
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


def choose(model: FactorModel, split: Split) -> Any:
    """The id of a person worth showing.

    Of those with 15 to 60 ratings for whom a held-out film that they liked is recommended, the one whose
    recommendations are the least popular films.
    """
    import numpy as np

    train, test = split.train, split.test
    rows = np.arange(train.n_users, dtype=np.int32)
    best, _ = model.rank(rows, SHOWN)
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
    write(f"{contestants[-1].report.protocol}.")
    write(
        "Baseline and ALS rank films by the rating they expect; Popularity and ImplicitALS by what will be seen next, "
        "from who rated what and not how high. A half-life makes an older rating count less."
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
