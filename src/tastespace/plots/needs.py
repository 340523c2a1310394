"""What pictures need of models and mappings, asked for with messages that say what to do instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tastespace.data.csr import Csr
from tastespace.errors import HistoryError, InputError, ParameterError, UnsupportedError
from tastespace.models.factor_model import FactorModel
from tastespace.models.temporal import TemporalModel

if TYPE_CHECKING:
    from tastespace.data.vocabulary import Vocabulary
    from tastespace.models.protocol import Id

_LONGEST = 44  # letters of a title; a longer one is cut


def factors_of(model: object, what: str, least: int = 1) -> FactorModel:
    """The model, which has factors.

    Parameters
    ----------
    model
        What was given.
    what
        The picture, for messages.
    least
        So many factors at least.

    Raises
    ------
    UnsupportedError
        It has none, or is no factor model; says which models are.
    """
    if isinstance(model, TemporalModel):
        raise UnsupportedError(f"{what} draws the factors of one moment; pass model.at(...)")
    if not isinstance(model, FactorModel):
        info = getattr(model, "info", None)
        name = type(model).__name__ if info is None else info.trainer
        raise UnsupportedError(
            f"{what} draws factors, and {name} has none; pass a factor model, such as those of ALS and TruncatedSVD"
        )
    if model.factors < least:
        raise UnsupportedError(
            f"{what} needs at least {least} factor{'s'[: least > 1]}; the model of {model.info.trainer} has "
            f"{model.factors}"
        )
    return model


def able(model: object, method: str, what: str) -> None:
    """Refuse what is no fitted model.

    Parameters
    ----------
    model
        What was given.
    method
        Of models, that the picture calls.
    what
        The picture, for messages.

    Raises
    ------
    UnsupportedError
        It has no such method.
    """
    if not hasattr(model, method):
        raise UnsupportedError(
            f"{what} draws what a model does, and {type(model).__name__} is none; pass what fit(...) returned"
        )


def history_of(model: object, what: str) -> Csr:
    """The histories that a model remembers, (users, items).

    Raises
    ------
    HistoryError
        It was saved without.
    """
    history = getattr(model, "history", None)
    if history is None:
        raise HistoryError(
            f"{what} counts the events of the histories, and this model holds none: save it with history=True"
        )
    assert isinstance(history, Csr)  # by the protocol of models
    return history


def events_of(history: Csr, of: str = "items") -> NDArray[np.int64]:
    """Events of each item, or of each user, (items,) or (users,)."""
    if of == "users":
        return history.counts().astype(np.int64)
    return np.bincount(history.indices, minlength=history.columns).astype(np.int64)


def matching(names: Mapping[Id, object] | None, known: Vocabulary, what: str) -> Mapping[Id, object]:
    """The mapping, which names some of the known ids; it may name others too.

    Raises
    ------
    InputError
        It is no mapping, or names none of them, as happens when ``318`` is asked for ``"318"``.
    """
    names = mapping(names, what)
    if not names or not len(known) or any(id in known for id in names):
        return names
    theirs, ours = next(iter(names)), next(iter(known))
    raise InputError(
        f"{what} name none of the {len(known):,} {known.noun}s of the model: its ids are like {ours!r}, theirs like "
        f"{theirs!r}"
    )


def mapping(names: Mapping[Id, object] | None, what: str) -> Mapping[Id, object]:
    """The mapping, empty for None.

    Raises
    ------
    InputError
        It is something else, such as a frame.
    """
    if names is None:
        return {}
    if not isinstance(names, Mapping):
        raise InputError(
            f"{what} must map ids, as in {{318: 'Heat'}}; got {type(names).__name__}: of two columns of a frame "
            "dict(zip(ids, values)) makes one"
        )
    return names


def texts(
    ids: NDArray[Any], titles: Mapping[Id, str] | None, known: Vocabulary, *, longest: int = _LONGEST
) -> list[str]:
    """A label of one line for each id: its title or, where there is none, the id; long ones are cut.

    Raises
    ------
    InputError
        The titles are no mapping, or name no known id.
    """
    names = matching(titles, known, "titles")
    return [shorten(titled(names, id), longest) for id in ids.tolist()]


def titled(names: Mapping[Any, object], id: Any) -> str:
    """The title of an id, or the id where it has none."""
    title = names.get(id)
    return str(id if title is None else title)


def shorten(text: str, longest: int) -> str:
    """The text in one line, or its beginning and an ellipsis."""
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1].rstrip(" ,;:-") + "…"


def finite(numbers: Iterable[float], what: str) -> None:
    """Refuse values without a finite one, which would leave an empty picture.

    Parameters
    ----------
    numbers
        All that would be drawn.
    what
        Which they are, for the message.

    Raises
    ------
    ParameterError
        There is none.
    """
    if not any(np.isfinite(number) for number in numbers):
        raise ParameterError(f"there is nothing to draw: {what} hold no number that is finite")


def count(what: str, value: object, least: int) -> int:
    """The value, which is a whole number.

    Raises
    ------
    ParameterError
        It is none, or too small.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ParameterError(f"{what} must be a whole number >= {least}; got {value!r}")
    return int(value)


def choice(what: str, value: object, known: tuple[str, ...]) -> None:
    """Refuse what is not among the known.

    Raises
    ------
    ParameterError
        Naming those there are.
    """
    if value not in known:
        raise ParameterError(f"{what} must be one of {', '.join(map(repr, known))}; got {value!r}")
