"""``tastespace plot``: pictures of a model file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import typer

from tastespace.cli.console import say, working, write, write_json
from tastespace.cli.files import check_writable, replace_file
from tastespace.cli.options import Json, ModelFile, Output
from tastespace.cli.source import Columns
from tastespace.cli.terms import in_terms_of
from tastespace.cli.titles import TitleOptions
from tastespace.errors import InputError, missing_extra

FORMATS = (".png", ".svg", ".pdf")
DARK = "#14171c"  # a page that is not quite black
_PANEL = "Picture"
_UNKNOWN = ("", "na", "n/a", "null")  # and no numbers


class Kind(StrEnum):
    """What is drawn."""

    space = "space"
    factor = "factor"
    spectrum = "spectrum"
    predicted = "predicted-against-actual"
    lift = "popularity-against-lift"
    topics = "topics"


class Side(StrEnum):
    """Whose factors."""

    items = "items"
    users = "users"


class Method(StrEnum):
    """How a map is made flat."""

    pca = "pca"
    umap = "umap"


@dataclass(frozen=True)
class PictureOptions:
    """What the pictures are made by; each option goes with some of the kinds."""

    groups: Annotated[
        str | None,
        typer.Option(
            "--groups",
            metavar="COLUMN",
            help="space: colour items by this column of --titles: groups, of lists such as Drama|Crime the first, "
            "or numbers.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    of: Annotated[
        Side, typer.Option("--of", help="space, factor: whose factors.", rich_help_panel=_PANEL)
    ] = Side.items
    method: Annotated[
        Method,
        typer.Option(
            "--method", help="space: the widest plane, or UMAP where it is installed.", rich_help_panel=_PANEL
        ),
    ] = Method.pca
    factor: Annotated[
        int, typer.Option("--factor", min=0, help="factor: which one, from 0.", rich_help_panel=_PANEL)
    ] = 0
    number: Annotated[
        int,
        typer.Option(
            "--number",
            "-n",
            min=1,
            help="factor: items at each end; topics: words of each; popularity-against-lift: length of the lists.",
            rich_help_panel=_PANEL,
        ),
    ] = 10
    test: Annotated[
        str | None,
        typer.Option(
            "--test",
            metavar="FILE",
            help="predicted-against-actual: ratings that the model has not seen, with --user, --item and --rating.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    dark: Annotated[
        bool, typer.Option("--dark", help="Light on dark, for slides and dark pages.", rich_help_panel=_PANEL)
    ] = False


_NAMED = (Kind.space, Kind.factor, Kind.topics)

#: Which options go with which kinds; the others would have no effect, and are refused.
_GO_WITH = {
    **dict.fromkeys((field.name for field in fields(TitleOptions)), _NAMED),
    **dict.fromkeys((field.name for field in fields(Columns)), (Kind.predicted,)),
    "groups": (Kind.space,),
    "of": (Kind.space, Kind.factor),
    "method": (Kind.space,),
    "factor": (Kind.factor,),
    "number": (Kind.factor, Kind.topics, Kind.lift),
    "test": (Kind.predicted,),
}


def plot(
    model: ModelFile,
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help=", ".join(Kind), show_default=False)],
    output: Output,
    titles: TitleOptions,
    options: PictureOptions,
    columns: Columns,
    json: Json = False,
) -> None:
    """Draw a model to a png, svg or pdf file.

    space: the map of items or users.
    factor: the items at both ends of a factor.
    spectrum: singular values, and what they explain.
    predicted-against-actual: what is predicted for the ratings of a test file.
    popularity-against-lift: how much more often popular items are recommended than they are met.
    topics: the heaviest items of each factor.

    Examples: tastespace plot films.taste space --titles movies.csv --item-column movieId --groups genres -o map.svg;
    tastespace plot films.taste factor --factor 3 --titles movies.csv --item-column movieId -o factor.png
    """
    import tastespace as ts

    if Path(output).suffix.lower() not in FORMATS:
        raise typer.BadParameter(f"{output} should end in {', '.join(FORMATS)}", param_hint="--output")
    _check(kind, titles, options, columns)
    check_writable(output)
    fitted = ts.load(model)
    by_item = options.of is Side.items  # titles are of items
    arguments: dict[str, Any] = {}
    if kind in _NAMED and by_item:
        arguments["titles"] = titles.load(fitted.items)
    if kind in (Kind.space, Kind.factor):
        arguments["of"] = options.of.value
    if kind is Kind.space:
        arguments["method"] = options.method.value
        if options.groups is not None:
            arguments |= {"groups": _feature(titles, fitted.items, options.groups), "name": options.groups}
    elif kind is Kind.factor:
        arguments |= {"number": options.factor, "n": options.number}
    elif kind is Kind.topics:
        arguments["n_words"] = options.number
    elif kind is Kind.lift:
        arguments["n"] = options.number
    elif kind is Kind.predicted:
        assert options.test is not None  # by _check
        arguments["test"] = in_terms_of(fitted, columns.read(options.test))
        say(f"{options.test}: {arguments['test']}")
    with working("drawing"):
        path = _draw(fitted, kind, arguments, Path(output), dark=options.dark)
    if json:
        write_json({"picture": path, "kind": kind.value})
    else:
        write(f"{kind.value} of {fitted.info.trainer}: {path}")


def _check(kind: Kind, titles: TitleOptions, options: PictureOptions, columns: Columns) -> None:
    """Refuse options that do not go with the picture or with each other.

    Raises
    ------
    typer.BadParameter
        Naming the option.
    """
    given = [
        field.name
        for group in (titles, options, columns)
        for field in fields(group)
        if getattr(group, field.name) != field.default
    ]
    for name in given:
        kinds = _GO_WITH.get(name, tuple(Kind))
        if kind not in kinds:
            raise typer.BadParameter(
                f"goes with {' and '.join(kinds)}, and not with {kind.value}", param_hint=_option(name)
            )
    for name in ("groups", "title_column", "item_column"):
        if name in given and titles.titles is None:
            raise typer.BadParameter(
                "names a column of the file of --titles: give that too", param_hint=_option(name)
            )
    if options.of is Side.users and (titles.titles is not None or options.groups is not None):
        raise typer.BadParameter("--titles and --groups are of items", param_hint="--of users")
    if kind is Kind.predicted and options.test is None:
        raise typer.BadParameter("give a file with ratings", param_hint="--test")


def _option(name: str) -> str:
    """How the option of a field is written."""
    return f"--{name.replace('_', '-')}"


def _feature(titles: TitleOptions, items: Any, column: str) -> Mapping[Any, Any]:
    """A column as numbers where all of it are, else as names; of several in one cell the first.

    Items whose cell is empty, or says that the value is unknown, are left out and counted.

    Raises
    ------
    InputError
        All cells are empty, or most of them are numbers and one is not.
    """
    values: dict[Any, Any] = {
        item: next(iter(value), None) if isinstance(value, list) else value
        for item, value in titles.column(items, column, "--groups").items()
    }
    values = {item: value for item, value in values.items() if not _is_unknown(value)}
    if not values:
        raise InputError(f"column {column!r} of {titles.titles} is empty; name another one with --groups")
    without = len(items) - sum(item in values for item in items)
    if without:
        say(f"{column}: {without:,} of {len(items):,} items have no value and no colour")
    numbers = {item: number for item, value in values.items() if (number := _number(value)) is not None}
    if len(numbers) == len(values):
        return numbers
    if 2 * len(numbers) > len(values):
        item = next(item for item in values if item not in numbers)
        raise InputError(
            f"column {column!r} of {titles.titles} holds numbers, but {values[item]!r} for item {item!r}; correct the "
            "cell, or leave it empty where the value is unknown"
        )
    return {item: str(value).partition("|")[0] for item, value in values.items()}


def _is_unknown(value: Any) -> bool:
    """Whether a cell is empty, or says that nobody knows."""
    number = _number(value)
    if number is not None:
        return not isfinite(number)
    return value is None or str(value).strip().lower() in _UNKNOWN


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _draw(model: Any, kind: Kind, arguments: dict[str, Any], path: Path, *, dark: bool) -> Path:
    """Draw on a figure of the size that suits the picture, which no window shows, and write it."""
    try:
        import matplotlib
    except ImportError:
        raise missing_extra("plot", "plot") from None
    matplotlib.use("agg")
    from matplotlib import pyplot as plt
    from matplotlib.figure import Figure

    from tastespace import plots

    paper = DARK if dark else "white"
    settings: Any = {"figure.facecolor": paper, "axes.facecolor": paper, "svg.hashsalt": "tastespace"}
    ending = path.suffix.lower()
    stamp = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}[ending]
    with matplotlib.rc_context(settings):
        figure = getattr(plots, kind.value.replace("-", "_"))(model, **arguments).get_figure(root=True)
        assert isinstance(figure, Figure)  # of its own
        try:
            return replace_file(
                path, lambda file: figure.savefig(file, format=ending[1:], dpi=150, metadata=stamp)
            )
        finally:
            plt.close(figure)
