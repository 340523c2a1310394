"""The options that describe a trainer; its parameters are read from the trainer itself."""

from __future__ import annotations

import dataclasses
import types
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import typer

from tastespace.errors import ParameterError

_PANEL = "Trainer"
_COMMON = ("factors", "epochs", "regularization", "seed", "threads")


class Model(StrEnum):
    """The trainers, as the command line names them."""

    als = "als"
    implicit_als = "implicit-als"
    item_knn = "item-knn"
    user_knn = "user-knn"
    popularity = "popularity"
    baseline = "baseline"
    ease = "ease"
    bpr = "bpr"
    warp = "warp"
    logistic_mf = "logistic-mf"
    funk_svd = "funk-svd"
    pmf = "pmf"
    svd_plus_plus = "svd-plus-plus"
    timesvd = "time-svd-plus-plus"
    truncated_svd = "truncated-svd"
    nmf = "nmf"
    item_embedding = "item-embedding"

    @property
    def trainer(self) -> type[Any]:
        """The trainer's class."""
        import tastespace as ts

        classes: dict[Model, type[Any]] = {
            Model.als: ts.ALS,
            Model.implicit_als: ts.ImplicitALS,
            Model.item_knn: ts.ItemKNN,
            Model.user_knn: ts.UserKNN,
            Model.popularity: ts.Popularity,
            Model.baseline: ts.Baseline,
            Model.ease: ts.EASE,
            Model.bpr: ts.BPR,
            Model.warp: ts.WARP,
            Model.logistic_mf: ts.LogisticMF,
            Model.funk_svd: ts.FunkSVD,
            Model.pmf: ts.PMF,
            Model.svd_plus_plus: ts.SVDPlusPlus,
            Model.timesvd: ts.TimeSVDPlusPlus,
            Model.truncated_svd: ts.TruncatedSVD,
            Model.nmf: ts.NMF,
            Model.item_embedding: ts.ItemEmbedding,
        }
        return classes[self]


def _option(*names: str, what: str, **more: Any) -> Any:
    return typer.Option(*names, help=what, show_default=False, rich_help_panel=_PANEL, **more)


@dataclass(frozen=True)
class TrainerOptions:
    """Which trainer, and its parameters; what is not given keeps the trainer's default."""

    model: Annotated[
        Model | None, _option("--model", what="Default: als for ratings, implicit-als for events.")
    ] = None
    factors: Annotated[int | None, _option("--factors", what="Width of the space.")] = None
    epochs: Annotated[int | None, _option("--epochs", what="Passes over the data.")] = None
    regularization: Annotated[
        float | None, _option("--regularization", what="Strength of the L2 penalty.")
    ] = None
    seed: Annotated[int | None, _option("--seed", what="Of the random start; same seed, same model.")] = None
    threads: Annotated[int | None, _option("--threads", what="Default: one per core.")] = None
    set: Annotated[
        list[str] | None,
        _option(
            "--set",
            "-s",
            what="Any other parameter of the trainer, like solver=cholesky; repeat for more. "
            "A part of a parameter: stopping.patience=5.",
            metavar="NAME=VALUE",
        ),
    ] = None

    @property
    def given(self) -> bool:
        """Whether any of these options was used, threads apart: evaluation takes them too."""
        names = (field.name for field in dataclasses.fields(self) if field.name != "threads")
        return any(getattr(self, name) not in (None, []) for name in names)

    def build_early(self) -> Any | None:
        """The trainer where ``--model`` names it, so that a mistake shows before the data are read."""
        return None if self.model is None else self.build(explicit=True)

    def build(self, *, explicit: bool) -> Any:
        """The trainer; for data that are ratings (`explicit`) or events where ``--model`` names none.

        Raises
        ------
        typer.BadParameter
            If the trainer has no such parameter, or a value is not of its type.
        tastespace.errors.ParameterError
            If the trainer refuses a value.
        """
        model = self.model or (Model.als if explicit else Model.implicit_als)
        trainer = model.trainer
        settings = [
            (f"--{name}", name, value) for name in _COMMON if (value := getattr(self, name)) is not None
        ]
        for text in self.set or ():
            name, equals, value = text.partition("=")
            if not equals:
                raise typer.BadParameter(
                    f"{text!r} is not NAME=VALUE, like solver=cholesky", param_hint="--set"
                )
            settings.append(("--set", name.strip().replace("-", "_"), value.strip()))
        return _construct(trainer, settings, noun=model.value)


def build_trainer(text: str, settings: list[tuple[str, str]], *, option: str) -> Any:
    """A trainer from the name of a model and its parameters as text.

    Raises
    ------
    typer.BadParameter
        If there is no such model, it has no such parameter, or a value is not of its type.
    tastespace.errors.ParameterError
        If the trainer refuses a value.
    """
    names = [model.value for model in Model]
    if text not in names:
        near = get_close_matches(text, names, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise typer.BadParameter(
            f"there is no model {text!r}{hint}; use {', '.join(names)}", param_hint=option
        )
    given = [(option, name.replace("-", "_"), value) for name, value in settings]
    return _construct(Model(text).trainer, given, noun=text)


def _construct(cls: type[Any], settings: list[tuple[str, str, Any]], *, noun: str) -> Any:
    """An instance of a dataclass from (option, dotted name, text or value)."""
    hints = get_type_hints(cls)
    names = [field.name for field in dataclasses.fields(cls) if field.init]
    values: dict[str, Any] = {}
    parts: dict[str, list[tuple[str, str, Any]]] = {}
    for option, dotted, value in settings:
        name, dot, part = dotted.partition(".")
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise typer.BadParameter(
                f"{noun} has no parameter {name!r}{hint}; it has {', '.join(names) or 'none'}",
                param_hint=option,
            )
        if dot:
            parts.setdefault(name, []).append((option, part, value))
        elif isinstance(value, str):
            values[name] = _parsed(value, hints[name], option, name)
        else:
            values[name] = value
    for name, inner in parts.items():
        rules = [kind for kind in _members(hints[name]) if _is_rule(kind)]
        if not rules:
            raise typer.BadParameter(f"{name} of {noun} has no parts", param_hint=inner[0][0])
        values[name] = _construct(rules[0], inner, noun=name)
    return cls(**values)


def _members(annotation: Any) -> tuple[Any, ...]:
    """The types of a union; a tuple of one for any other type."""
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _is_model(kind: Any) -> bool:
    import tastespace as ts

    return kind is ts.FactorModel


def _is_rule(kind: Any) -> bool:
    """Whether a parameter of this type has parts of its own, like stopping."""
    return isinstance(kind, type) and dataclasses.is_dataclass(kind) and not _is_model(kind)


def _parsed(text: str, annotation: Any, option: str, name: str) -> Any:
    """`text` as the first type of `annotation` that takes it."""
    members = _members(annotation)
    for kind in sorted(members, key=lambda kind: kind is str):  # text is what is left when nothing else fits
        try:
            return _as(kind, text)
        except ValueError as error:
            if isinstance(error, ParameterError):
                raise
    raise typer.BadParameter(f"{name}={text}: expected {_described(members)}", param_hint=option)


def _as(kind: Any, text: str) -> Any:
    """`text` as a value of `kind`; ValueError where it is none."""
    if kind is types.NoneType and text.lower() == "none":
        return None
    if get_origin(kind) is Literal:
        for choice in get_args(kind):
            if str(choice) == text:
                return choice
    elif kind is bool and text.lower() in ("true", "false"):
        return text.lower() == "true"
    elif kind in (int, float, str):
        return kind(text)
    elif _is_model(kind):
        import tastespace as ts

        return ts.load(text)
    elif _is_rule(kind):
        return kind(text)  # its first part: stopping=ndcg@10
    raise ValueError(text)


def _described(members: tuple[Any, ...]) -> str:
    """What a parameter takes, for a message: ``a whole number or none``."""
    words = {
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        str: "text",
        types.NoneType: "none",
    }
    found = []
    for kind in members:
        if get_origin(kind) is Literal:
            found += [str(choice) for choice in get_args(kind)]
        elif kind in words:
            found.append(words[kind])
        elif _is_model(kind):
            found.append("a model file")
    return " or ".join(found)
