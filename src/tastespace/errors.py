"""Every error that tastespace raises on purpose.

::

    TastespaceError
    ├── InputError (ValueError)            the data cannot be used as given
    │   ├── ColumnError                    a column is missing or has an unusable type
    │   ├── BadRowError                    a row holds an unusable value; names line or row and column
    │   └── EmptyError                     nothing is left to work with
    ├── ParameterError (ValueError)        a setting is outside its range
    ├── UnknownIdError (LookupError)       an id that the model or the data does not know
    │   ├── UnknownUserError
    │   └── UnknownItemError
    ├── UnsupportedError (TypeError)       this model cannot do that; the message names what can
    ├── HistoryError                       the call needs the users' histories and the model was saved without
    ├── NumericalError (ArithmeticError)   a computation left the range of numbers; names the row
    │   └── DivergedError                  steps were too long; names epoch and setting, holds the last good model
    ├── TooLargeError (MemoryError)        a call would take more memory than there is; names a smaller way
    ├── FileError                          a file cannot be used
    │   ├── MissingFileError (FileNotFoundError)
    │   ├── DamagedFileError               truncated, edited, or not written by tastespace
    │   └── NewerFormatError               written by a later release
    └── MissingExtraError (ImportError)    an optional dependency is not installed

Messages say what is wrong, where, and how to mend it. What can be gone on with is a `TastespaceWarning` (UserWarning).
"""

import sys
import warnings
from typing import Any


class TastespaceError(Exception):
    """Base of all errors raised on purpose by tastespace."""


class TastespaceWarning(UserWarning):
    """Something can be gone on with, but its result may mislead."""


class InputError(TastespaceError, ValueError):
    """The data cannot be used as given."""


class ColumnError(InputError):
    """A column is missing or has an unusable type."""


class BadRowError(InputError):
    """A row holds an unusable value."""


class EmptyError(InputError):
    """Nothing is left to work with."""


class ParameterError(TastespaceError, ValueError):
    """A setting is outside its range."""


class UnknownIdError(TastespaceError, LookupError):
    """An id that the model or the data does not know."""


class UnknownUserError(UnknownIdError):
    """A user id that the model or the data does not know."""


class UnknownItemError(UnknownIdError):
    """An item id that the model or the data does not know."""


class UnsupportedError(TastespaceError, TypeError):
    """This model cannot do that; the message names what can."""


class HistoryError(TastespaceError):
    """The call needs the users' histories and the model holds none."""


class NumericalError(TastespaceError, ArithmeticError):
    """A computation left the range of numbers."""


class DivergedError(NumericalError):
    """Training by steps went away from its minimum.

    Attributes
    ----------
    epoch
        The epoch in which it did, from 1; None outside of training.
    model
        The model after the last good epoch, as ``fit`` would have returned it then; None where there is none.
    """

    def __init__(self, message: str, epoch: int | None = None, model: Any = None) -> None:
        super().__init__(message)
        self.epoch = epoch
        self.model = model


class TooLargeError(TastespaceError, MemoryError):
    """A call would take more memory than there is."""


class FileError(TastespaceError):
    """A file cannot be used."""


class MissingFileError(FileError, FileNotFoundError):
    """A file does not exist."""


class DamagedFileError(FileError):
    """A file is truncated, edited, or not of this format."""


class NewerFormatError(FileError):
    """A file was written by a later release."""


class MissingExtraError(TastespaceError, ImportError):
    """An optional dependency is not installed."""


def warn(message: str) -> None:
    """A `TastespaceWarning` at the line outside this package that led here."""
    level, frame = 1, sys._getframe()
    while frame.f_globals.get("__name__", "").partition(".")[0] == __package__ and frame.f_back is not None:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, TastespaceWarning, stacklevel=level)


def missing_extra(feature: str, extra: str) -> MissingExtraError:
    """The error for a feature whose optional dependency is absent."""
    return MissingExtraError(
        f"{feature} needs an optional dependency; install it with: pip install 'tastespace[{extra}]'"
    )
