"""How every command ends: exit codes, one line for an error, Ctrl-C, a reader that went away."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any

import typer
from typer.core import TyperGroup

from tastespace.cli.console import complain
from tastespace.errors import TastespaceError

EXIT_CODES = (
    "Exit codes: 0 done; 1 an error, in one line on standard error (a traceback with --debug); "
    "2 the command line was not understood; 130 interrupted; 141 the reader of the output went away."
)

ERROR, INTERRUPTED, NO_READER = 1, 130, 141  # 128 + the signal's number, as shells report it


class Group(TyperGroup):
    """The group of all commands."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the command line; ``--debug`` may stand anywhere before ``--``."""
        end = args.index("--") if "--" in args else len(args)
        if "--debug" in args[:end]:
            args = ["--debug", *(word for word in args[:end] if word != "--debug"), *args[end:]]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command and turn what it raises into an exit code."""
        debug = ctx.params.get("debug", False)
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except KeyboardInterrupt:
            complain("interrupted")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            _drop_output()
            raise typer.Exit(NO_READER) from None
        except (TastespaceError, OSError) as error:
            if debug:
                raise
            complain(_one_line(error))
            raise typer.Exit(ERROR) from None
        return result


#: What the library advises, in the words of the command line.
OPTIONS = {
    "on_bad_rows='skip'": "--on-bad-rows skip",
    "exclude_seen=False": "--include-seen",
    "ratings.as_implicit(at_least=...)": "--as-implicit --at-least",
    "name the column with read(..., rating=...)": "name the column with --rating",
    "name the column with read(..., timestamp=...)": "name the column with --timestamp",
    "name their column: read(..., timestamp=)": "name their column with --timestamp",
}


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and not isinstance(error, TastespaceError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}"
    message = str(error)
    for advice, option in OPTIONS.items():
        message = message.replace(advice, option)
    return message


def _drop_output() -> None:
    """Point standard output at nothing, so that the flush at exit does not fail again."""
    with suppress(OSError, ValueError):  # it may not be a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
