"""``tastespace explain``: what of a user's history makes the score of an item."""

from __future__ import annotations

from typing import Annotated

import typer

from tastespace.cli.console import write, write_json, write_table
from tastespace.cli.options import Count, Json, ModelFile
from tastespace.cli.titles import TitleOptions, with_titles
from tastespace.errors import UnsupportedError


def explain(
    model: ModelFile,
    user: Annotated[str, typer.Argument(metavar="USER", help="The id of a user.", show_default=False)],
    item: Annotated[str, typer.Argument(metavar="ITEM", help="The id of an item.", show_default=False)],
    titles: TitleOptions,
    number: Count = 10,
    json: Json = False,
) -> None:
    """Show which events of a user's history drive the score of an item; the parts sum to the score.

    Example: tastespace explain movies.taste 42 318 --titles movies.csv --item-column movieId
    """
    import tastespace as ts

    fitted = ts.load(model)
    if not isinstance(fitted, ts.FactorModel):
        raise UnsupportedError(f"{model} holds a {fitted.info.trainer} model, which cannot explain a score")
    names = titles.load(fitted.items)
    found = fitted.explain(fitted.users.coerce(user), fitted.items.coerce(item))
    columns, rows = with_titles(found.parts.columns, list(found.parts), names, of="item")
    if json:
        write_json(
            {
                "user": found.user,
                "item": found.item,
                "score": found.score,
                "mean": found.mean,
                "item_bias": found.item_bias,
                "parts": [dict(zip(columns, row, strict=True)) for row in rows],
            }
        )
        return
    title = f" {names[found.item]}" if found.item in names else ""
    rest = rows[number:]
    lines = [[*row[:-2], f"{row[-2]:g}", f"{row[-1]:+.3f}"] for row in rows[:number]]
    if rest:
        filler = [""] * (len(columns) - 3)
        lines.append([f"{len(rest):,} others", *filler, "", f"{sum(float(str(row[-1])) for row in rest):+.3f}"])
    write_table(
        columns,
        lines,
        title=f"user {found.user}, item {found.item}{title}",
        right=("value", "contribution"),
        flexible=("item", "title"),
    )
    history = found.score - found.mean - found.item_bias
    write("")
    write(f"score {found.score:.3f} = mean {found.mean:.3f} {found.item_bias:+.3f} item bias {history:+.3f} history")
