"""The file that a search can be resumed from: Optuna's journal, checked before it is used."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tastespace.errors import DamagedFileError, FileError, ParameterError, missing_extra

if TYPE_CHECKING:
    from optuna import Study

_NAME = "tastespace"
_QUESTION = "question"


@contextmanager
def quiet_optuna() -> Iterator[Any]:
    """The module, whose messages about itself are kept from standard error meanwhile.

    Raises
    ------
    MissingExtraError
        Optuna is not installed.
    """
    try:
        import optuna
    except ImportError:
        raise missing_extra("tune", "tune") from None
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield optuna
    finally:
        optuna.logging.set_verbosity(before)


def open_study(
    path: str | os.PathLike[str] | None,
    direction: Literal["maximize", "minimize"],
    question: Mapping[str, Any],
) -> Study:
    """A study in memory or, with a path, in that file; what was begun there goes on.

    Parameters
    ----------
    path
        A file that holds trials of the same question, or that does not exist yet.
    direction
        Which values are better.
    question
        What the trials answer, as plain data by name: trainer, space, data and so on.

    Raises
    ------
    FileError
        If the file cannot be written.
    DamagedFileError
        If it is something else than a file of trials.
    ParameterError
        If its trials answer another question.
    """
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    if path is None:
        return optuna.create_study(direction=direction)
    file = os.fspath(path)
    _check(file)
    # The lock file of a process that was killed while it wrote is taken away after the backend's 30 seconds.
    try:
        backend = JournalFileBackend(file, JournalFileOpenLock(file))
        study = optuna.create_study(
            storage=optuna.storages.JournalStorage(backend),
            study_name=_NAME,
            direction=direction,
            load_if_exists=True,
        )
        trials = study.get_trials(deepcopy=False)
    except (ValueError, KeyError) as error:
        raise DamagedFileError(
            f"{file} is a damaged file of trials ({error}); start over with another file"
        ) from None
    wanted = json.loads(json.dumps(question))
    held = study.user_attrs.get(_QUESTION)
    if held is None:
        study.set_user_attr(_QUESTION, wanted)
    elif held != wanted:
        name = next(name for name in {**wanted, **held} if held.get(name) != wanted.get(name))
        raise ParameterError(
            f"{file} holds trials of another search: {name} was {_short(held.get(name))} there and is "
            f"{_short(wanted.get(name))} here; take another file, or make the call the same"
        )
    for trial in trials:
        if trial.state == optuna.trial.TrialState.RUNNING:  # its process was killed
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return study


def _check(file: str) -> None:
    """Look at the file before Optuna does; cut off a last line that a killed process wrote in part."""
    path = Path(file)
    if not path.parent.is_dir():
        raise FileError(
            f"{file} cannot be written: there is no folder {path.parent}; create it or change storage"
        )
    if path.is_dir():
        raise FileError(f"{file} cannot be written: it is a folder; give storage a file name")
    if not path.exists() or path.stat().st_size == 0:
        return
    with path.open("rb") as stream:
        first = stream.readline()
    try:
        begun = json.loads(first)
    except ValueError:
        begun = None
    if not isinstance(begun, dict) or "op_code" not in begun:
        raise DamagedFileError(f"{file} is no file of trials; give storage a file of its own")
    with path.open("rb+") as stream:
        content = stream.read()
        if not content.endswith(b"\n"):
            stream.truncate(content.rfind(b"\n") + 1)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
