"""The command line: ``tastespace demo | read | fit | evaluate | compare | recommend | similar | ...``.

One file per command. The commands import the library when they run, so that ``--help`` answers at once.
"""

from __future__ import annotations

import sys

import typer

from tastespace.cli import (
    compare,
    demo,
    evaluate,
    explain,
    export,
    fit,
    info,
    plot,
    read,
    recommend,
    similar,
    tune,
)
from tastespace.cli.group import EXIT_CODES, Group
from tastespace.cli.options import spread

__all__ = ["app", "main"]

app = typer.Typer(
    name="tastespace",
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for _command in (
    demo.demo,
    read.read,
    fit.fit,
    evaluate.evaluate,
    compare.compare,
    tune.tune,
    recommend.recommend,
    similar.similar,
    explain.explain,
    export.export,
    info.info,
    plot.plot,
):
    app.command(epilog=EXIT_CODES)(spread(_command))


def _version(wanted: bool) -> None:
    if wanted:
        from tastespace import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def tastespace(
    debug: bool = typer.Option(
        False, "--debug", help="Show the traceback of an error; works anywhere on the line."
    ),
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Learn the space in which people and things meet from ratings or clicks, and recommend from it."""


def main() -> None:
    """Run the command line; the entry point of the ``tastespace`` command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a title must not fail on a terminal without its letters
    app()
