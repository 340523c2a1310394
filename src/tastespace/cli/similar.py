"""``tastespace similar``: the nearest items, or users, in the space."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from tastespace.cli.console import write_json
from tastespace.cli.options import Count, Json, ModelFile
from tastespace.cli.titles import TitleOptions, with_titles, write_ranked
from tastespace.errors import UnsupportedError


class Metric(StrEnum):
    """How nearness is measured."""

    cosine = "cosine"
    dot = "dot"


def similar(
    model: ModelFile,
    ids: Annotated[list[str], typer.Argument(metavar="ITEM...", help="Ids of items.", show_default=False)],
    titles: TitleOptions,
    number: Count = 10,
    metric: Annotated[
        Metric | None,
        typer.Option(
            "--metric", help="How nearness of factors is measured. Default: cosine.", show_default=False
        ),
    ] = None,
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
    asked = [vocabulary.coerce(text) for text in ids]
    if isinstance(fitted, ts.FactorModel | ts.TemporalModel):
        measure = "cosine" if metric is None else metric.value
        nearest = fitted.similar_users if users else fitted.similar_items
        table = nearest(asked, n=number, metric="dot" if metric is Metric.dot else "cosine")
    elif not isinstance(fitted, ts.NeighbourModel):
        raise UnsupportedError(f"{model} holds a model made of others; ask one of those")
    elif metric is None:
        measure = "weight"
        table = (fitted.similar_users if users else fitted.similar_items)(asked, n=number)
    else:
        raise UnsupportedError(
            f"{fitted.info.trainer} has weights between neighbours and no factors; leave out --metric"
        )
    rows = with_titles(table, names, of="neighbour")
    if json:
        write_json(rows)
        return
    noun = table.columns[0]
    write_ranked(
        rows,
        heading=lambda one: f"nearest to {noun} {one}" + (f" ({names[one]})" if one in names else ""),
        score=measure,
    )
