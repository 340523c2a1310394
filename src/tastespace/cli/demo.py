"""``tastespace demo``: learn real ratings, compare models, recommend, explain, and draw the space."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from tastespace.cli.console import console, plain, say, working, write, write_json, write_table
from tastespace.cli.options import Json
from tastespace.errors import MissingExtraError

if TYPE_CHECKING:
    from tastespace.data.interactions import Interactions
    from tastespace.evaluation import Report
    from tastespace.models.factor_model import FactorModel

DATASET = "movietweetings-100k"
LIKED = 8  # of 10; the median rating is 7
METRICS = ("rmse", "ndcg@10", "recall@10", "hit_rate@10", "coverage@10")
SHOWN = 10

# A film is coloured by the most telling of its genres: many a film is also a drama, few are also animated.
TELLING = ("Animation", "Horror", "Sci-Fi", "Romance", "Comedy", "Crime", "Action", "Drama")


def demo(
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Where to draw the space (png, svg, pdf).")
    ] = "demo/space.png",
    user: Annotated[
        int | None, typer.Option("--user", help="Whose history and recommendations to show.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Learn 100,000 film ratings that come with the package, compare models, recommend, and draw the space.

    Takes less than a minute and needs no network.
    """
    import tastespace as ts

    with working("reading"):
        ratings = ts.datasets.load(DATASET)
        films = ts.datasets.items(DATASET)
        kept = ratings.filter(min_user_events=5, min_item_events=5)
        split = ts.split.last_out(kept, n=2)
    titles = dict(films.select("item", "title").iter_rows())
    if not json:
        write(f"MovieTweetings, ratings of films on Twitter: {ratings}")
        write(f"with 5 ratings a user and a film at least: {kept}")
        write(f"the last two ratings of each user are held out: {split}")
        write("")
    rows, best = [], None
    for name, model, report, seconds in _compared(split.train, split.test):
        rows.append({"model": name, "fit_seconds": round(seconds, 2)} | {m: report.metrics.get(m) for m in METRICS})
        best = (model, report)
    ...
