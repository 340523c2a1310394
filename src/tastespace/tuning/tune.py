"""Searches for the settings of a trainer that do best on validation events."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from numbers import Integral
from typing import Any

from tastespace.data.interactions import Interactions
from tastespace.data.split import Split
from tastespace.errors import EmptyError, InputError, ParameterError, warn
from tastespace.evaluation.directions import direction, has_cutoff
from tastespace.evaluation.overlap import check_apart
from tastespace.evaluation.selection import nearest, select
from tastespace.evaluation.targets import Relevance
from tastespace.trainers.base import Trainer, plain
from tastespace.tuning.fingerprint import of_events, of_mask
from tastespace.tuning.grow import WIDEST
from tastespace.tuning.grow import grow as grow_factors
from tastespace.tuning.result import Tuning
from tastespace.tuning.search import METHODS, PRUNERS, Method, Search
from tastespace.tuning.spaces import Space, combinations, default_space, read_space
from tastespace.tuning.storage import open_study, quiet_optuna
from tastespace.tuning.trial import Validation


def tune(
    trainer: Any,
    space: Mapping[str, Any] | None,
    split: Split | Interactions,
    *,
    metric: str = "ndcg@10",
    trials: int = 50,
    method: Method = "tpe",
    seed: int = 0,
    seconds: float | None = None,
    seeds: int = 1,
    prune: bool | str = True,
    grow: bool | int = False,
    storage: str | os.PathLike[str] | None = None,
    valid: Interactions | None = None,
    relevant: Relevance = None,
    threads: int | None = None,
    progress: bool | None = None,
) -> Tuning:
    """Search for the settings of a trainer that do best on validation events.

    Validation events are held out of ``split.train`` in the manner in which the test events were held out of the
    whole; ``split.test`` is not looked at. Every trial is validated after each epoch and keeps the best one, whose
    number becomes the ``epochs`` of the chosen trainer; the trainer's own ``epochs`` are the most. The first trial is
    the trainer itself where the space holds it, so that the search does no worse than that on the validation events.

    Parameters
    ----------
    trainer
        A trainer, or its class for one with default settings. What is not in the space stays as it has it.
    space
        What each parameter may be, by name: a list of choices; ``(low, high)``, of whole numbers where both are whole
        and the parameter is; ``(low, high, "log")``; or ``tastespace.tuning.Relative(low, high)``, multiples of the
        default for these data.
        None: the default space, see ``docs/guide/tuning.md``. ``{}`` with ``grow``: nothing, so that the trainer as
        it is grows, in one trial.
    split
        Its training side is searched on. With ``valid``, training events alone will do.
    metric
        As in `tastespace.evaluate`, with its cut-off. Errors such as ``"rmse"`` are made small, everything else large.
    trials
        How many, those that ``storage`` holds included.
    method
        ``"tpe"``: Optuna's tree-structured Parzen estimator, ten random trials before; ``"random"``; ``"grid"``: all
        combinations, which must be choices, in order.
    seed
        Of the search. The same call gives the same answer on any number of threads, unless ``seconds`` cut in.
    seconds
        After so many no trial begins, and the one under way is let go; at least one trial is always finished.
    seeds
        Fits of each trial, from consecutive seeds of the trainer; values and best epochs are averaged.
    prune
        End trials that fall behind: ``True`` or ``"median"`` when their best epoch so far is below the median of the
        whole trials at that epoch (after two epochs and five trials), ``"halving"`` by successive halving, or
        ``False``.
    grow
        After the search, double the factors of the best trial, each time from the model before and with its penalty or
        twice that, for as long as it improves, to at most that many (True: 1024). The space must not hold ``factors``.
    storage
        A file that keeps the trials (Optuna's journal). If it exists, the search goes on from there; it must have been
        the same search.
    valid
        Validation events beside those of the training side, of which nothing is held out then. The last fit learns from
        both. They are apart from training and test events, and warned of where some are in both.
    relevant
        As in `tastespace.evaluate`.
    threads
        At most this many for each fit and measurement, also in `Tuning.fit` and `Tuning.evaluate`; None: as the
        trainer says.
    progress
        Show a bar, in `Tuning.fit` as well; None: if standard error is a terminal.

    Returns
    -------
    Tuning

    Warns
    -----
    TastespaceWarning
        If the metric is 0 for all trials, or the same for all settings, and so tells nothing.

    Raises
    ------
    ParameterError
        If a setting, a name or a value in the space cannot be used; all are tried before the first fit.
    InputError, EmptyError
        If no validation events can be had, or those given cannot be learned from or are all in the training or the
        test side too.
    FileError, DamagedFileError
        If ``storage`` cannot be used.
    MissingExtraError
        Optuna is not installed.
    KeyboardInterrupt
        At Ctrl-C before one trial is whole; later, the search ends and what it found is returned.

    References
    ----------
    T. Akiba, S. Sano, T. Yanase, T. Ohta, M. Koyama, Optuna: a next-generation hyperparameter optimization framework,
    KDD 2019. J. Bergstra, R. Bardenet, Y. Bengio, B. Kégl, Algorithms for hyper-parameter optimization, NIPS 2011.
    """
    started = time.monotonic()
    base = _trainer(trainer)
    lower = lower_is_better(metric)
    _check_counts(base, trials, seeds, seed, seconds)
    _check_choices(method, prune)
    _check_storage(storage)
    with quiet_optuna():
        train, held, whole, protocol = _validation(split, valid)
        given = default_space(base, train) if space is None else space
        if grow:
            given = _without_factors(base, given, space)
        # Nothing to search for is a mistake, unless the trainer is to grow as it is.
        read = {} if grow and given == {} else read_space(base, given, train)
        if not read:
            trials = 1
        if method == "grid":
            trials = _grid_size(read, trials)
        validation = Validation(train, held, metric, relevant, seeds, threads)
        question = _question(base, read, validation, method, seed, prune, relevant)
        search = Search(
            trainer=base,
            space=read,
            train=train,
            validation=validation,
            study=open_study(storage, "minimize" if lower else "maximize", question),
            trials=trials,
            method=method,
            seed=seed,
            prune=prune,
            deadline=None if seconds is None else started + seconds,
            progress=progress,
        )
        search.run()
        best = search.best()
        if best is None:
            raise EmptyError(
                f"none of the {len(search.found)} trials could be finished: all left the range of float32; search for "
                "larger values of regularization"
            )
        widest = WIDEST if grow is True else int(grow)
        stages = grow_factors(search, widest) if grow and not search.interrupted else (best,)
    found = Tuning(
        search.found,
        stages,
        tuple(read),
        metric,
        lower=lower,
        split=split,
        train=whole,
        relevant=relevant,
        protocol=protocol,
        threads=threads,
        progress=progress,
    )
    for warning in found.warnings:
        warn(warning)
    return found


def _trainer(given: Any) -> Trainer:
    made = given() if isinstance(given, type) and issubclass(given, Trainer) else given
    if not isinstance(made, Trainer):
        raise InputError(
            f"tune takes a trainer, such as ts.ImplicitALS or ts.ImplicitALS(epochs=30); got {given!r}"
        )
    return made


def lower_is_better(metric: str) -> bool:
    """Whether less of a metric is better.

    Raises
    ------
    ParameterError
        If it is unknown, lacks its cut-off, or describes what is neither good nor bad.
    """
    if not isinstance(metric, str) or "," in metric:
        raise ParameterError(
            f"metric of tune must be one name, such as 'ndcg@10'; got {metric!r}. Name the one to choose by, and the "
            "others in Tuning.evaluate(metrics=[...])"
        )
    select(10, metric)  # knows all names
    if has_cutoff(metric) and "@" not in metric:
        raise ParameterError(f"metric of tune must name its cut-off, such as 'ndcg@10'; got {metric!r}")
    if direction(metric) == 0:
        raise ParameterError(
            f"{metric!r} describes lists, and neither more nor less of it is better, so there is nothing to search "
            "for; use 'ndcg@10'"
        )
    return direction(metric) < 0


def _check_counts(trainer: Trainer, trials: Any, seeds: Any, seed: Any, seconds: float | None) -> None:
    for name, value, least in (("trials", trials, 1), ("seeds", seeds, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
            raise ParameterError(f"{name} of tune must be a whole number >= {least}; got {value!r}")
    if seeds > 1 and "seed" not in trainer.params():
        raise ParameterError(
            f"seeds of tune must be 1 for {type(trainer).__name__}, which uses no chance; got {seeds}"
        )
    if seconds is not None and not (isinstance(seconds, int | float) and seconds > 0):
        raise ParameterError(f"seconds of tune must be > 0, or None; got {seconds!r}")


def _check_choices(method: str, prune: bool | str) -> None:
    if method not in METHODS:
        hint = nearest(str(method), METHODS)
        raise ParameterError(
            f"method of tune must be one of {', '.join(map(repr, METHODS))}{hint or ';'} got {method!r}"
        )
    if prune not in PRUNERS:
        raise ParameterError(f"prune of tune must be one of {', '.join(map(repr, PRUNERS))}; got {prune!r}")


def _check_storage(storage: object) -> None:
    if not isinstance(storage, str | os.PathLike | None):
        raise ParameterError(
            f"storage of tune must be the path of a file such as 'trials.log', or None; got {storage!r}"
        )


def _validation(
    split: Split | Interactions, valid: Interactions | None
) -> tuple[Interactions, Split | Interactions, Interactions, str]:
    """Events to learn from, to measure on, and to learn from in the end, and a sentence about them."""
    if not isinstance(split, Split | Interactions):
        raise InputError(
            f"tune takes a Split, as ts.split.by_time(ratings, 0.8) makes it; got {type(split).__name__}"
        )
    train = split.train if isinstance(split, Split) else split
    if valid is not None:
        if not isinstance(valid, Interactions):
            raise InputError(f"valid of tune must be Interactions; got {type(valid).__name__}")
        check_apart(valid, train, "train")
        if isinstance(split, Split):
            check_apart(valid, split.test, "test")
        try:
            whole = train.merge(valid)
        except InputError as error:
            raise InputError(
                f"valid of tune must be events like those of training, because the last fit learns from both: {error}"
            ) from None
        given = f"validation: {valid.n_events:,} events as given, {train.n_events:,} to learn from"
        return train, valid, whole, f"{given}, the last fit learns from both"
    if not isinstance(split, Split) or split.recipe is None:
        what = (
            "this split does not say how it was made"
            if isinstance(split, Split)
            else "these are events and no Split"
        )
        raise InputError(f"{what}, so validation events cannot be held out in the same manner; pass valid=")
    try:
        inner = split.recipe.again(train)
    except EmptyError as error:
        raise EmptyError(
            f"no validation events can be held out of the training side in the same manner ({error}); pass valid="
        ) from None
    held = f"validation: {inner.how}, out of the training side"
    return (
        inner.train,
        inner,
        train,
        f"{held}, {inner.test.n_events:,} events, {inner.train.n_events:,} to learn from",
    )


def _without_factors(
    trainer: Trainer, given: Mapping[str, Any], space: Mapping[str, Any] | None
) -> dict[str, Any]:
    if not {"factors", "init"} <= set(trainer.params()):
        raise ParameterError(
            f"grow doubles factors from a model, and {type(trainer).__name__} cannot start from one"
        )
    if space is not None and "factors" in space:
        raise ParameterError(
            "grow doubles the factors of the trainer after the search; leave factors out of the space, and set where "
            "to begin: trainer.replace(factors=32)"
        )
    return {name: entry for name, entry in given.items() if name != "factors"}


def _grid_size(space: Space, trials: int) -> int:
    points = combinations(space)
    if points is None:
        ranged = next(name for name, entry in space.items() if combinations({name: entry}) is None)
        raise ParameterError(
            f"a grid needs a list of choices for each parameter, and {ranged} has a range; write a list, or take "
            "method='random'"
        )
    if points > trials:
        raise ParameterError(
            f"the grid has {points:,} combinations, and trials is {trials:,}; raise trials, make the grid smaller or "
            "take method='random'"
        )
    return points


def _question(
    trainer: Trainer,
    space: Space,
    validation: Validation,
    method: str,
    seed: int,
    prune: bool | str,
    relevant: Relevance,
) -> dict[str, Any]:
    """What the trials answer, as plain data: trials of another question are of no use."""
    return {
        "trainer": type(trainer).__name__,
        "settings": plain(trainer.params()),
        "space": {name: str(entry) for name, entry in space.items()},
        "metric": validation.metric,
        "relevant": relevant if relevant is None or isinstance(relevant, int | float) else "a function",
        "method": method,
        "seed": int(seed),
        "seeds": int(validation.seeds),
        "prune": str(prune),
        "training events": of_events(validation.train),
        "validation events": of_events(validation.events),
        "known events": None if validation.known is None else of_events(validation.known),
        "relevant events": of_mask(validation.chosen()),
    }
