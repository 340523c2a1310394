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
    │   └── DivergenceError                training went astray; holds the last good model
    ├── TooLargeError (MemoryError)        a fit would take more memory than there is; names a smaller way
    ├── FileError                          a file cannot be used
    │   ├── MissingFileError (FileNotFoundError)
    │   ├── DamagedFileError               truncated, edited, or not written by tastespace
    │   └── NewerFormatError               written by a later release
    └── MissingExtraError (ImportError)    an optional dependency is not installed

Messages say what is wrong, where, and how to mend it. What can be gone on with is a `TastespaceWarning` (UserWarning).
"""

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


class DivergenceError(NumericalError):
    """Training went astray in an epoch.

    Attributes
    ----------
    epoch
        Its number, from 1.
    model
        The model of the epoch before; None where that was the first.
    """

    def __init__(self, message: str, epoch: int, model: Any = None) -> None:
        super().__init__(message)
        self.epoch, self.model = epoch, model


class TooLargeError(TastespaceError, MemoryError):
    """A fit would take more memory than there is."""


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


def missing_extra(feature: str, extra: str) -> MissingExtraError:
    """The error for a feature whose optional dependency is absent."""
    return MissingExtraError(
        f"{feature} needs an optional dependency; install it with: pip install 'tastespace[{extra}]'"
    )
