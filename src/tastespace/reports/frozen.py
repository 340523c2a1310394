"""Results that cannot be changed by accident."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any

import numpy as np


class Frozen:
    """Base of frozen data classes: mappings in their fields are read-only, and so are arrays.

    They are pickled and copied through plain dictionaries, because a read-only view of a mapping cannot be.
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        for name in _names(self):
            object.__setattr__(self, name, _freeze(getattr(self, name)))

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (type(self), plain(self))


def plain(one: Frozen) -> dict[str, Any]:
    """The fields of a frozen data class by name, mappings as dictionaries."""
    return {name: thaw(getattr(one, name)) for name in _names(one)}


def thaw(value: Any) -> Any:
    """Plain dictionaries in place of read-only views of mappings."""
    if isinstance(value, Mapping):
        return {key: thaw(item) for key, item in value.items()}
    return value


def _freeze(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.flags.writeable:
        value = value.view()
        value.setflags(write=False)
    if isinstance(value, Mapping):
        return MappingProxyType({key: _freeze(item) for key, item in value.items()})
    return value


def _made(kind: type, values: dict[str, Any]) -> Any:
    return kind(**values)


def _names(one: Any) -> list[str]:
    return [field.name for field in fields(one)]
