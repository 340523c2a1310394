"""``tastespace similar``: the nearest items, or users, in the space."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from tastespace.cli.console import write, write_json, write_table
from tastespace.cli.options import Count, Json, ModelFile
from tastespace.cli.titles import TitleOptions, with_titles
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
    metric: Annotated[Metric, typer.Option("--metric", help="How nearness is measured.")] = Metric.cosine,
    users: Annotated[bool, typer.Option("--users", help="The ids name users: show users of like taste.")] = False,
    json: Json = False,
) -> None:
    """Show the items nearest to one or more items.

    Example: tastespace similar movies.taste 318 --titles movies.csv --item-column movieId
    """
    import tastespace as ts

    fitted = ts.load(model)
    if not isinstance(fitted, ts.FactorModel):
        raise UnsupportedError(f"{model} holds a {fitted.info.trainer} model, which has no space to look for neighbours in")
    names = {} if users else titles.load(fitted.items)
    vocabulary = fitted.users if users else fitted.items
    nearest = fitted.similar_users if users else fitted.similar_items
    table = nearest([vocabulary.coerce(text) for text in ids], n=number, metric=metric.value)
    columns, rows = with_titles(table.columns, list(table), names, of="neighbour")
    if json:
        write_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    by_id: dict[object, list[list[object]]] = {}
    for one, neighbour, *title, rank, score in rows:
        by_id.setdefault(one, []).append([rank, neighbour, *title, f"{score:.3f}"])
    for position, (one, lines) in enumerate(by_id.items()):
        if position:
            write("")
        name = f" {names[one]}" if one in names else ""
        write_table(
            ["rank", *columns[1:-2], metric.value],
            lines,
            title=f"nearest to {table.columns[0]} {one}{name}",
            right=("rank", metric.value),
            flexible=("neighbour", "title"),
        )
