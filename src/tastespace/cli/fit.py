"""``tastespace fit``: learn a model from a file of events."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Annotated

import typer

from tastespace.cli.console import say, size, write, write_json
from tastespace.cli.files import check_writable
from tastespace.cli.options import Json
from tastespace.cli.source import Columns, Selection, Source, check_validation, load, splitter
from tastespace.cli.trainer import TrainerOptions

if TYPE_CHECKING:
    from tastespace.data.interactions import Interactions

Valid = Annotated[
    str | None,
    typer.Option(
        "--valid",
        metavar="SPLIT",
        help="Hold events out to watch the training (--set stopping=ndcg@10): last-out:1, random:0.1, time:0.9, ...",
        show_default=False,
    ),
]


def fit(
    source: Source,
    columns: Columns,
    selection: Selection,
    trainer: TrainerOptions,
    output: Annotated[
        str,
        typer.Option("--output", "-o", metavar="FILE", help="The model file to write.", show_default=False),
    ],
    valid: Valid = None,
    history: Annotated[
        bool,
        typer.Option(
            "--history/--no-history",
            help="Keep each user's history in the file; recommend needs it to leave seen items out.",
        ),
    ] = True,
    json: Json = False,
) -> None:
    """Learn a model and write it to a file.

    Example: tastespace fit ratings.csv --user userId --item movieId --rating rating --factors 64 -o movies.taste
    """
    check_writable(output)
    split = None if valid is None else splitter(valid)
    learner = trainer.build_early()
    events = load(source, columns, selection)
    learner = learner or trainer.build(explicit=events.explicit)
    train: Interactions = events
    held_out: Interactions | None = None
    if split is not None:
        cut = split(events)
        check_validation(cut, valid)
        train, held_out = cut
        say(f"validation: {valid}, {held_out}")
    started = time.perf_counter()
    model = learner.fit(train, valid=held_out)
    seconds = time.perf_counter() - started
    model.save(output, history=history)
    if json:
        write_json(
            {
                "model": output,
                "bytes": os.path.getsize(output),
                "seconds": round(seconds, 3),
                "trainer": model.info.trainer,
                "params": model.info.params,
                "data": model.info.data,
                "metrics": model.info.metrics,
            }
        )
        return
    write(f"{model}, fitted in {seconds:.1f} s")
    for name, value in model.info.metrics.items():
        write(f"{name} {value:.6g}")
    write(f"{output}  {size(os.path.getsize(output))}")
