"""``tastespace tune``: search for the settings of a trainer that do best on validation events."""

from __future__ import annotations

import os
import warnings
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tastespace.cli.console import say, size, write, write_json
from tastespace.cli.files import check_writable
from tastespace.cli.options import Json
from tastespace.cli.source import SPLITS, Columns, Selection, Source, load, splitter
from tastespace.cli.trainer import TrainerOptions

if TYPE_CHECKING:
    from tastespace.models.table import Table
    from tastespace.tuning import Tuning


class Method(StrEnum):
    """How trials are drawn."""

    tpe = "tpe"
    random = "random"
    grid = "grid"


def _one(name: str) -> str:
    """The name of a metric that is no list.

    Raises
    ------
    typer.BadParameter
        If it is one.
    """
    if "," in name:
        raise typer.BadParameter(
            f"{name!r} names several, and a search is for one; name that, such as ndcg@10"
        )
    return name


def tune(
    source: Source,
    columns: Columns,
    selection: Selection,
    trainer: TrainerOptions,
    split: Annotated[
        str,
        typer.Option(
            "--split",
            metavar="SPLIT",
            help="Hold out the test events, and in the same manner the validation events out of the rest: "
            f"{SPLITS}.",
            show_default=False,
        ),
    ],
    space: Annotated[
        list[str] | None,
        typer.Option(
            "--space",
            metavar="NAME=VALUES",
            help="What a parameter may be, as in the examples; repeat for more. Default: the space of the trainer.",
            show_default=False,
        ),
    ] = None,
    metric: Annotated[
        str,
        typer.Option(
            "--metric",
            metavar="NAME",
            callback=_one,
            help="What to search for: one metric. The test events are measured by the usual ones.",
        ),
    ] = "ndcg@10",
    trials: Annotated[
        int, typer.Option("--trials", min=1, help="How many, those in --storage included.")
    ] = 50,
    method: Annotated[Method, typer.Option("--method", help="How trials are drawn.")] = Method.tpe,
    seconds: Annotated[
        float | None, typer.Option("--seconds", help="Begin no trial after so many.", show_default=False)
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Fits of each trial, averaged.")] = 1,
    grow: Annotated[
        bool, typer.Option("--grow", help="Double the factors of the best trial as long as that helps.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune/--no-prune", help="End trials that fall behind the others.")
    ] = True,
    relevant: Annotated[
        float | None,
        typer.Option("--relevant", help="An event counts if its value is at least this. Default all count."),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            "--storage", metavar="FILE", help="Keep the trials here, and go on from them.", show_default=False
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="The model file to write.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Search for good settings on validation events; then learn with the best, and measure once on the test events.

    Ctrl-C ends the search and goes on with the best so far.

    Example: tastespace tune ratings.csv --user userId --item movieId --rating rating --timestamp timestamp
    --as-implicit --split time:0.8 --trials 30 -o best.taste

    What a parameter may be, one of a list: --space factors=32,64,128

    a range, with log in the logarithm: --space "regularization=0.001..0.1 log"

    multiples of the default: --space "regularization=0.1..10 default"
    """
    import tastespace as ts

    if output is not None:
        check_writable(output)
    cut = splitter(split)
    wanted = None if not space else dict(_entry(text) for text in space)
    learner = trainer.build_early()
    events = load(source, columns, selection)
    learner = learner or trainer.build(explicit=events.explicit)
    parts = cut(events)
    say(str(parts))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ts.errors.TastespaceWarning)  # the answer says it
        found = ts.tune(
            learner,
            wanted,
            parts,
            metric=metric,
            trials=trials,
            method=method.value,
            seconds=seconds,
            seeds=seeds,
            grow=grow,
            prune=prune,
            relevant=relevant,
            storage=storage,
            threads=trainer.threads,
        )
    report = found.evaluate()
    if output is not None:
        found.fit().save(output)
    if json:
        write_json(
            {
                "trainer": type(learner).__name__,
                "params": found.trainer.params(),
                "chosen": found.params,
                "metric": metric,
                "validation": found.value,
                "warnings": list(found.warnings),
                "trials": list(found.trials.rows()),
                "metrics": report.metrics,
                "counts": report.counts,
                "protocol": report.protocol,
                "model": output,
            }
        )
        return
    write(f"trials, best first:\n{_best_first(found)}\n\n{found}\n\non the test events:\n{report}")
    if output is not None:
        write(f"{output}  {size(os.path.getsize(output))}")


def _best_first(found: Tuning) -> Table:
    """The trials by value; equal ones in their order, and failed ones last."""
    from tastespace.evaluation.directions import direction
    from tastespace.models.table import Table

    trials = found.trials
    order = (-direction(found.metric) * trials["value"]).argsort(kind="stable")
    return Table({name: trials[name][order] for name in trials.columns})


def _entry(text: str) -> tuple[str, Any]:
    """A parameter and what it may be.

    Raises
    ------
    typer.BadParameter
        If the text does not say both.
    """
    name, equals, values = text.partition("=")
    name, values = name.strip().replace("-", "_"), values.strip()
    if not (name and equals and values):
        raise typer.BadParameter(
            f"{text!r} is not NAME=VALUES, like factors=32,64 or regularization=0.001..0.1 log",
            param_hint="--space",
        )
    ends, _, how = values.partition(" ")
    low, dots, high = ends.partition("..")
    if not dots:
        return name, [_value(value.strip()) for value in values.split(",")]
    if how.strip() not in ("", "log", "default"):
        raise typer.BadParameter(
            f"{text!r}: after a range only 'log' or 'default' can stand", param_hint="--space"
        )
    pair = (_number(low, text), _number(high, text))
    if how.strip() == "default":
        from tastespace.tuning import Relative

        return name, Relative(*pair)
    return name, (*pair, "log") if how else pair


def _number(text: str, entry: str) -> float:
    value = _value(text.strip())
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise typer.BadParameter(f"{entry!r}: {text!r} is not a number", param_hint="--space")
    return value


def _value(text: str) -> Any:
    """A word as the number, truth value or None that it names, else as text."""
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text
