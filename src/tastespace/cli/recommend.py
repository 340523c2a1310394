"""``tastespace recommend``: the best items for users of a model."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tastespace.cli.console import say, write_json
from tastespace.cli.options import Count, Json, ModelFile
from tastespace.cli.titles import TitleOptions, with_titles, write_ranked
from tastespace.errors import EmptyError, MissingFileError, UnknownIdError, UnsupportedError

if TYPE_CHECKING:
    from tastespace.data.vocabulary import Vocabulary


def _items(name: str, what: str) -> Any:
    return typer.Option(name, metavar="FILE", help=f"{what}: one item id a line.", show_default=False)


def recommend(
    model: ModelFile,
    users: Annotated[list[str], typer.Argument(metavar="USER...", help="Ids of users.", show_default=False)],
    titles: TitleOptions,
    number: Count = 10,
    include_seen: Annotated[
        bool, typer.Option("--include-seen", help="Offer items of the user's history too.")
    ] = False,
    allow: Annotated[str | None, _items("--allow", "Recommend only these")] = None,
    deny: Annotated[str | None, _items("--deny", "Never recommend these")] = None,
    popularity_penalty: Annotated[
        float,
        typer.Option("--popularity-penalty", help="Order candidates by score less this times popularity."),
    ] = 0.0,
    diversity: Annotated[
        float,
        typer.Option("--diversity", help="From 0 to below 1: keep items apart that are alike."),
    ] = 0.0,
    candidates: Annotated[
        int, typer.Option("--candidates", help="Items that these two may put into another order.")
    ] = 100,
    at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="DATE", help="The moment, of a model that changes with time.", show_default=False
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Recommend items to one or more users.

    Example: tastespace recommend movies.taste 42 -n 10 --titles movies.csv --item-column movieId
    """
    import tastespace as ts

    fitted: Any = ts.load(model)
    if at is not None:
        if not isinstance(fitted, ts.TemporalModel):
            raise UnsupportedError(f"{fitted.info.trainer} does not change with time; leave out --at")
        fitted = fitted.at(at)
    names = titles.load(fitted.items)
    table = fitted.recommend(
        [fitted.users.coerce(user) for user in users],
        n=number,
        exclude_seen=not include_seen,
        allow=None if allow is None else _ids(allow, fitted.items),
        deny=None if deny is None else _ids(deny, fitted.items),
        popularity_penalty=popularity_penalty,
        diversity=diversity,
        candidates=candidates,
    )
    rows = with_titles(table, names, of="item")
    if json:
        write_json(rows)
        return
    if not rows:
        say("no items are left to recommend")
    write_ranked(rows, heading=lambda user: f"user {user}", score="score")


def _ids(path: str, items: Vocabulary) -> list[Any]:
    """The item ids listed in a file that the model knows, with a word about the others.

    Raises
    ------
    MissingFileError
        If there is no such file.
    EmptyError
        If the model knows none of them.
    """
    if not os.path.exists(path):
        raise MissingFileError(f"{path} does not exist; it should list item ids, one a line")
    with open(path, encoding="utf-8-sig") as lines:
        texts = [text for line in lines if (text := line.strip())]
    known, unknown = [], []
    for text in texts:
        try:
            item = items.coerce(text)
        except UnknownIdError:
            item = None
        if item is not None and item in items:
            known.append(item)
        else:
            unknown.append(text)
    if not known:
        held = ", ".join(map(repr, texts[:3])) or "nothing"
        raise EmptyError(
            f"{path} names no item of the model: it holds {held}; it should list item ids, one a line"
        )
    if unknown:
        say(f"{path}: {len(unknown):,} of {len(texts):,} items are not in the model, like {unknown[0]!r}")
    return known
