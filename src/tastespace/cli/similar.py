"""``tastespace similar``: the nearest items, or users, in the space."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from tastespace.cli.console import write_json
from tastespace.cli.options import Count, Json, ModelFile
from tastespace.cli.titles import TitleOptions, with_titles, write_ranked


class Metric(StrEnum):
    """How nearness is measured."""

    cosine = "cosine"
    dot = "dot"


def similar(
    model: ModelFile,
    ids: Annotated[list[str], typer.Argument(metavar="ITEM...", help="Ids of items.", show_default=False)],
    titles: TitleOptions,
    number: Count = 10,
    metric: Annotated[Metric, typer.Option("--metric", help="How nearness is measured.")] = Metric.cosine,
    users: Annotated[
        bool, typer.Option("--users", help="The ids name users: show users of like taste.")
    ] = False,
    json: Json = False,
) -> None:
    """Show the items nearest to one or more items.

    Example: tastespace similar movies.taste 318 --titles movies.csv --item-column movieId
    """
    import tastespace as ts

    fitted = ts.load(model)
    names = {} if users else titles.load(fitted.items)
    vocabulary = fitted.users if users else fitted.items
    nearest = fitted.similar_users if users else fitted.similar_items
    table = nearest([vocabulary.coerce(text) for text in ids], n=number, metric=metric.value)
    rows = with_titles(table, names, of="neighbour")
    if json:
        write_json(rows)
        return
    noun = table.columns[0]
    write_ranked(
        rows,
        heading=lambda one: f"nearest to {noun} {one}" + (f" ({names[one]})" if one in names else ""),
        score=metric.value,
    )
