"""``tastespace explain``: what of a user's history makes the score of an item."""

from __future__ import annotations

from typing import Annotated

import typer

from tastespace.cli.console import write, write_json, write_table
from tastespace.cli.options import Count, Json, ModelFile
from tastespace.cli.titles import TitleOptions, with_titles


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
    names = titles.load(fitted.items)
    found = fitted.explain(fitted.users.coerce(user), fitted.items.coerce(item))
    rows = with_titles(found.parts, names, of="item")
    if json:
        write_json(
            {
                "user": found.user,
                "item": found.item,
                "title": names.get(found.item),
                "score": found.score,
                "mean": found.mean,
                "item_bias": found.item_bias,
                "parts": rows,
            }
        )
        return
    shown, rest = rows[:number], rows[number:]
    named = ["item", "title"] if names else ["item"]
    lines = [
        [*(row[name] or "" for name in named), f"{row['value']:g}", f"{row['contribution']:+.3f}"]
        for row in shown
    ]
    if rest:
        others = sum(row["contribution"] for row in rest)
        lines.append([f"{len(rest):,} more", *[""] * len(named), f"{others:+.3f}"])
    title = f" ({names[found.item]})" if found.item in names else ""
    write_table(
        [*named, "value", "contribution"],
        lines,
        title=f"user {found.user}, item {found.item}{title}",
        right=("value", "contribution"),
        flexible=("title",),
    )
    history = found.score - found.mean - found.item_bias
    write("")
    write(
        f"score {found.score:.3f} = mean {found.mean:.3f} {found.item_bias:+.3f} item {history:+.3f} history"
    )
