"""``tastespace compare``: several trainers on one split, with what is chance told from what is not."""

from __future__ import annotations

from dataclasses import replace
from json import loads
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tastespace.cli.console import say, size, write, write_json
from tastespace.cli.files import check_writable, replace_file
from tastespace.cli.options import Json
from tastespace.cli.protocol import Protocol
from tastespace.cli.source import SPLITS, Columns, Selection, Source, check_validation, load, splitter
from tastespace.cli.trainer import build_trainer
from tastespace.errors import missing_extra

if TYPE_CHECKING:
    from tastespace.data.interactions import Interactions


def compare(
    source: Source,
    columns: Columns,
    selection: Selection,
    protocol: Protocol,
    model: Annotated[
        list[str],
        typer.Option(
            "--model",
            metavar="[NAME=]MODEL[:SETTING,...]",
            help="als, implicit-als, popularity or baseline, with parameters and a name of your own if wanted: "
            "small=als:factors=16. The setting as-implicit (or as-implicit=4) lets this model learn that "
            "something was rated (at least 4) and not how high. Repeat for each model; the first is the reference.",
            show_default=False,
        ),
    ],
    split: Annotated[
        str,
        typer.Option(
            "--split",
            metavar="SPLIT",
            help=f"Learn on one part and test on the other: {SPLITS}.",
            show_default=False,
        ),
    ],
    reference: Annotated[
        str | None, typer.Option("--reference", metavar="NAME", help="The model to hold the others against.")
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", help="Fits of each model that has a seed.")] = 1,
    valid: Annotated[
        str | None,
        typer.Option(
            "--valid",
            metavar="SPLIT",
            help="Take validation events from the training part, for learning curves and early stopping.",
            show_default=False,
        ),
    ] = None,
    resamples: Annotated[
        int,
        typer.Option(
            "--resamples", help="Samples of users behind each interval, and swaps behind each test."
        ),
    ] = 10_000,
    threads: Annotated[int | None, typer.Option("--threads", help="Default: one per core.")] = None,
    html: Annotated[
        str | None, typer.Option("--html", metavar="FILE", help="Write a page with tables and pictures.")
    ] = None,
    markdown: Annotated[
        str | None, typer.Option("--markdown", metavar="FILE", help="Write the tables as Markdown.")
    ] = None,
    json: Json = False,
) -> None:
    """Compare models on held-out events: values with intervals, paired tests, seconds and memory.

    Example: tastespace compare ratings.csv --user userId --item movieId --rating rating --timestamp timestamp
    --split time:0.8 --model popularity --model als:factors=32 --model implicit-als --html report.html
    """
    import tastespace as ts

    for option, path in (("--html", html), ("--markdown", markdown)):
        if path is not None:
            check_writable(path, option)
    if html is not None:
        _check_pictures()
    models = _entries(model)
    cutter, validator = splitter(split), None if valid is None else splitter(valid)
    cut = cutter(load(source, columns, selection))
    held_out: Interactions | None = None
    if validator is not None:
        inner = validator(cut.train)
        check_validation(inner, valid)
        train, held_out = inner
        cut = replace(cut, train=train)
    say(str(cut))
    found = ts.compare(
        models,
        cut,
        **protocol.arguments(),
        reference=reference,
        seeds=seeds,
        resamples=resamples,
        valid=held_out,
        threads=threads,
    )
    if json:
        write_json(loads(found.to_json()))
    else:
        write(str(found))
    if markdown is not None:
        replace_file(Path(markdown), lambda file: file.write(found.to_markdown().encode()))
        say(f"{markdown}  {size(Path(markdown).stat().st_size)}")
    if html is not None:
        say(f"{html}  {size(found.to_html(html).stat().st_size)}")


def _check_pictures() -> None:
    """Refuse a page without Matplotlib before hours of fitting, not after."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise missing_extra("the page with pictures", "plot") from None


def _entries(texts: list[str]) -> dict[str, Any]:
    """The models by name, from what follows ``--model``."""
    found: dict[str, Any] = {}
    for text in texts:
        head, _, rest = text.partition(":")
        name, named, kind = head.rpartition("=")
        name = name.strip() if named else text
        if not name or name in found:
            what = f"two models are named {name!r}" if name else f"{text!r} has no name before ="
            raise typer.BadParameter(f"{what}; write NAME=MODEL", param_hint="--model")
        found[name] = _entry(kind.strip(), [part.strip() for part in rest.split(",") if part.strip()])
    return found


def _entry(kind: str, parts: list[str]) -> Any:
    """A trainer, with a transform of its training events where the settings ask for one."""
    settings: list[tuple[str, str]] = []
    transform = None
    for part in parts:
        setting, equals, value = part.partition("=")
        if setting in ("as-implicit", "as_implicit"):
            transform = _as_implicit(value if equals else None)
        elif not equals:
            raise typer.BadParameter(f"{part!r} is not SETTING=VALUE, like factors=32", param_hint="--model")
        else:
            settings.append((setting.strip(), value.strip()))
    trainer = build_trainer(kind, settings, option="--model")
    return trainer if transform is None else (trainer, transform)


def _as_implicit(text: str | None) -> Any:
    try:
        least = None if text is None else float(text)
    except ValueError:
        raise typer.BadParameter(f"as-implicit={text}: expected a number", param_hint="--model") from None
    return lambda train: train.as_implicit(at_least=least)
