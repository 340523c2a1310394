"""Options shared by several commands, each spelled once.

A command takes a group of options as one dataclass parameter; `spread` shows typer its fields.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Annotated, Any, get_type_hints

import typer

Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")]
ModelFile = Annotated[
    str, typer.Argument(metavar="MODEL", help="A model file written by fit.", show_default=False)
]
Count = Annotated[int, typer.Option("--number", "-n", min=1, help="How many to show.")]
Output = Annotated[
    str, typer.Option("--output", "-o", metavar="FILE", help="Where to write.", show_default=False)
]


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """`command` with each dataclass parameter replaced by one option per field.

    Parameters
    ----------
    command
        A function whose parameters are options, or dataclasses whose annotated fields are options.

    Returns
    -------
    callable
        The function to register with typer: it packs the fields again and calls `command`.
    """
    groups: dict[str, type] = {}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        group = parameter.annotation
        if isinstance(group, type) and is_dataclass(group):
            groups[parameter.name] = group
            hints = get_type_hints(group, include_extras=True)
            parameters += [
                inspect.Parameter(
                    field.name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=_default(field),
                    annotation=hints[field.name],
                )
                for field in fields(group)
            ]
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(command)
    def run(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        command(**values)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _default(field: Field[Any]) -> Any:
    return inspect.Parameter.empty if field.default is MISSING else field.default
