"""``tastespace demo``: learn real ratings, compare models, recommend, explain, draw the space, write a page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tastespace.cli.console import Side, write, write_beside, write_json, write_table
from tastespace.cli.options import Json
from tastespace.cli.showcase import LENGTH, LIKED, choose, contestants, draw, report, tell

if TYPE_CHECKING:
    from tastespace.data.split import Split
    from tastespace.reports.comparison import Comparison

DATASET = "movietweetings-100k"
METRICS = ("rmse", "ndcg@10", "recall@10", "hit_rate@10", "coverage@10")
FORMATS = (".png", ".svg", ".pdf")
RATED = 10  # how many of the person's own ratings to show
EXPLAINED = 3  # how many of the recommendations to explain


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
    genres: dict[Any, list[str]] = dict(films.select("item", "genres").iter_rows())
    split = ts.split.last_out(ratings.filter(min_user_events=5, min_item_events=5), n=2)
    if not json:
        write(f"MovieTweetings, ratings of films on Twitter: {ratings}")
        write("Kept: users and films with 5 ratings or more. Held out: the last two ratings of each user.")
        write(f"{split}")
        write("")
    entries = contestants()
    comparison = ts.compare(entries, split, k=LENGTH, relevant=LIKED, metrics=METRICS)
    if not json:
        _show_comparison(comparison)
    name, (trainer, view) = list(entries.items())[-1]
    model = trainer.fit(view(split.train))
    assert isinstance(model, ts.FactorModel)  # the last contestant factorizes
    story = tell(model, split, choose(model, split) if user is None else user, titles)
    if not json:
        _show_story(story, name, chosen=user is None)
    picture = draw(model, name, titles, genres, Path(output))
    page = None if picture is None else report(comparison, Path(output).with_name("comparison.html"))
    if json:
        write_json(_facts(split, comparison) | story | {"picture": picture, "page": page})
    elif picture is not None:
        write("")
        write(f"The space of {name}, as a picture: {picture}")
        write(f"The comparison with intervals, tests and curves, as a page: {page}")


def _facts(split: Split, comparison: Comparison) -> dict[str, Any]:
    """The comparison, for a program."""
    return {
        "data": {"users": split.train.n_users, "items": split.train.n_items, "events": split.train.n_events},
        "split": str(split),
        "relevant": f"rating >= {LIKED}",
        "models": [
            {
                "model": name,
                "trainer": comparison.runs[name][0].trainer,
                "fit_seconds": round(comparison.costs(name)["fit_seconds"] or 0.0, 3),
                **{metric: found.value for metric, found in comparison.estimates[name].items()},
            }
            for name in comparison.models
        ],
    }


def _show_comparison(comparison: Comparison) -> None:
    rows = []
    for name in comparison.models:
        trainer, _, half_life = name.partition(", half-life ")
        found = comparison.estimates[name]
        values = [f"{found[metric].value:.4f}" if metric in found else "-" for metric in METRICS]
        rows.append([trainer, half_life, f"{comparison.costs(name)['fit_seconds'] or 0.0:.2f}", *values])
    numbers = ["fit s", *(name.replace("@", "\n@") for name in METRICS)]
    write_table(["model", "half-life", *numbers], rows, right=["half-life", *numbers])
    write("")
    write(f"{comparison.reports[comparison.models[-1]].protocol}.")
    write(
        "Baseline and ALS rank films by the rating they expect; Popularity and ImplicitALS by what will be seen next, "
        "from who rated what and not how high. A half-life makes an older rating count less."
    )


def _show_story(story: Mapping[str, Any], name: str, *, chosen: bool) -> None:
    history, recommended = story["history"], story["recommended"]
    hidden = {film["item"] for film in story["held_out"]}
    shown = [[f"{film['rating']:g}", film["title"]] for film in history[:RATED]]
    if len(history) > RATED:
        shown[-1] = ["", f"and {len(history) - RATED + 1} more"]
    write("")
    if chosen:
        write(
            f"One person: of those for whom {name} recommends a held-out film that they liked, the one whose "
            "recommendations are the least popular films."
        )
    write_beside(
        Side(
            ["rating", "film"],
            shown,
            f"user {story['user']} has rated {len(history)} films",
            right=("rating",),
            flexible=("film",),
        ),
        Side(
            ["", "film", "score"],
            [
                [film["rank"], film["title"] + " *" * (film["item"] in hidden), f"{film['score']:.3f}"]
                for film in recommended
            ],
            f"{name} recommends",
            right=("", "score"),
            flexible=("film",),
        ),
    )
    if any(film["item"] in hidden for film in recommended):
        write("* rated later: one of the two that were held out")
    write("")
    write_table(
        ["film", "because of", "part of the score"],
        [
            [film["title"] if reason == 0 else "", own["title"], f"{own['part']:+.3f}"]
            for film in recommended[:EXPLAINED]
            for reason, own in enumerate(film["because"])
        ],
        right=("part of the score",),
        flexible=("film", "because of"),
    )
