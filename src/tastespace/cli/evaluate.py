"""``tastespace evaluate``: how good a model is on events that it has not seen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tastespace.cli.console import say, working, write, write_json
from tastespace.cli.options import Json
from tastespace.cli.protocol import Protocol
from tastespace.cli.source import SPLITS, Columns, Selection, load, splitter
from tastespace.cli.terms import in_terms_of
from tastespace.cli.trainer import TrainerOptions

if TYPE_CHECKING:
    from tastespace.data.interactions import Interactions
    from tastespace.data.split import Split
    from tastespace.models.protocol import Recommender


def evaluate(
    source: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|DATA", help="A model file; or, with --split, a data file.", show_default=False
        ),
    ],
    columns: Columns,
    selection: Selection,
    trainer: TrainerOptions,
    protocol: Protocol,
    test: Annotated[
        str | None,
        typer.Argument(metavar="[TEST]", help="The test events of a model file.", show_default=False),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            "--split",
            metavar="SPLIT",
            help=f"Learn on one part of DATA and test on the other: {SPLITS}.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Measure a model on held-out events: a model file on a test file, or a trainer on a split of a data file.

    Examples: tastespace evaluate movies.taste test.csv --user userId --item movieId --rating rating;
    tastespace evaluate ratings.csv --user userId --item movieId --rating rating --split random:0.2 --factors 32
    """
    import tastespace as ts

    seconds: float | None = None
    if split is not None:
        if test is not None:
            raise typer.BadParameter("either a TEST file or --split, not both", param_hint="--split")
        learner = trainer.build_early()
        cut = splitter(split)(load(source, columns, selection))
        learner = learner or trainer.build(explicit=cut.train.explicit)
        say(str(cut))
        started = time.perf_counter()
        model: Recommender = learner.fit(cut.train)
        seconds = time.perf_counter() - started
        events: Interactions | Split = cut
    elif test is None:
        raise typer.BadParameter(
            "give a TEST file for a model file, or --split for a data file", param_hint="TEST"
        )
    elif trainer.given:
        raise typer.BadParameter(
            "trainer options go with --split: a model file is fitted already", param_hint="MODEL"
        )
    else:
        model = ts.load(source)
        events = in_terms_of(model, load(test, columns, selection))
    with working("ranking"):
        report = ts.evaluate(
            model,
            events,
            **protocol.arguments(),
            threads=trainer.threads,
        )
    if json:
        answer: dict[str, Any] = {
            "metrics": report.metrics,
            "counts": report.counts,
            "protocol": report.protocol,
            "warnings": report.warnings,
            "trainer": model.info.trainer,
            "params": model.info.params,
        }
        write_json(answer if seconds is None else answer | {"fit_seconds": round(seconds, 3)})
        return
    write(str(report))
