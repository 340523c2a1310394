"""Several models on the same held-out events, with what is chance told from what is not."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tastespace.data.interactions import Interactions
from tastespace.data.split import Split
from tastespace.errors import InputError, ParameterError, TastespaceError
from tastespace.evaluation.candidates import Candidates, Sampled
from tastespace.evaluation.directions import base, direction, has_cutoff
from tastespace.evaluation.overlap import check_apart
from tastespace.evaluation.prepared import Cold, check_settings
from tastespace.evaluation.protocol import describe_relevance
from tastespace.evaluation.selection import Selection, nearest
from tastespace.evaluation.targets import Relevance
from tastespace.models.info import summarize
from tastespace.reports.comparison import Comparison, Facts
from tastespace.reports.entries import Entrant, Entry, read_entries
from tastespace.reports.measuring import Protocol, Run, run
from tastespace.reports.summary import summarise
from tastespace.trainers.progress import Tick, progress_bar
from tastespace.version import __version__

#: Shown when none are named: the first four always, the last two where some model predicts the test set's ratings.
SHORT = ("ndcg", "recall", "hit_rate", "coverage", "rmse", "mae")

#: Cut-offs of the picture of quality against k, beside those that are asked for.
CURVE = (1, 2, 5, 10, 20, 50)


def compare(
    models: Mapping[str, Entrant],
    split: Split | Interactions,
    *,
    k: int | Sequence[int] = 10,
    metrics: str | Sequence[str] | None = None,
    relevant: Relevance = None,
    exclude_seen: bool = True,
    candidates: Sampled | Candidates | None = None,
    cold: Cold = "skip",
    reference: str | None = None,
    seeds: int = 1,
    resamples: int = 10_000,
    confidence: float = 0.95,
    valid: Interactions | None = None,
    slices: int = 10,
    seed: int = 0,
    threads: int | None = None,
    progress: bool | None = None,
) -> Comparison:
    """Fit models on one side of a split, measure them on the other, and tell differences from chance.

    Every model is measured by the same call of :func:`tastespace.evaluate` on the same users. The differences
    between models are then tested on the values of these users: users are the sample, and what is asked is whether
    other users of this kind, with such a split, would show the same order. ``docs/guide/comparing.md`` reads a
    result with you, ``docs/math/comparing.md`` has the formulas.

    Parameters
    ----------
    models
        By name: a trainer, which learns from ``split.train``; a trainer and a function, which learns from what the
        function makes of ``split.train``; or a model that is fitted already. Ratings serve `ALS` as ratings and
        `ImplicitALS` as weights; to learn that all that was rated was watched, write
        ``(ts.ImplicitALS(), lambda train: train.as_implicit())``. The test events are the same for all.
    split
        The split; or the test events alone, where all models are fitted already.
    k, metrics, relevant, exclude_seen, candidates, cold
        As in :func:`tastespace.evaluate`. ``metrics=None`` is ndcg, recall, hit_rate and coverage at `k`, and rmse and
        mae where the test events are ratings and the model predicts ratings; ``"all"`` is every metric that applies.
        A model that predicts no ratings has no value in rating metrics.
        They are shown in the order of an evaluation: those of rankings first.
    reference
        The name of the model that the others are held against first; None: the first of `models`.
    seeds
        Trainers with a seed are fitted so many times, with their own seed and those that follow. Values of users are
        averaged over seeds before they are tested; the spread over seeds is told apart.
    resamples, confidence
        How many samples of users the bootstrap draws, and how often the permutation test swaps models at random; and
        the share of samples that an interval holds.
    valid
        Validation events, handed to trainers that take callbacks and report each epoch: learning curves then show
        the validation metric, and such a trainer stops and keeps its best epoch by its own rule. They are apart from
        training and test events, and warned of where some are in both.
    slices
        Groups of users by activity and of items by popularity; 0: none.
    seed
        Of the bootstrap and the permutation test.
    threads
        For scoring, and for trainers that name no number; None: all cores. No value depends on it.
    progress
        Show a bar; None: if standard error is a terminal.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        An entry is neither trainer nor model, `split` is neither a split nor, with fitted models, test events, or
        `valid` holds no events or none that are apart from those of the test side.
    ParameterError
        A setting is outside its range.
    TastespaceError
        What a trainer or an evaluation raises, of the same type, with the name of the entry before its message.
    """
    entries = read_entries(models)
    train = _train(split, entries)
    if isinstance(valid, Interactions):
        check_apart(valid, split.test if isinstance(split, Split) else split, "test")
    check_counts(seeds=seeds, resamples=resamples, seed=seed)
    check_confidence(confidence)
    first = entries[0].name if reference is None else reference
    if first not in list(models):
        raise ParameterError(
            f"reference {first!r} is none of the models{nearest(str(first), list(models)) or ';'} they are "
            f"{', '.join(map(repr, models))}"
        )
    if valid is not None and not isinstance(valid, Interactions):
        raise InputError(
            f"valid must be Interactions, such as the test side of another split; got {type(valid).__name__}"
        )
    names = check_measuring(
        split.test if isinstance(split, Split) else split,
        metrics=metrics,
        k=k,
        relevant=relevant,
        candidates=candidates,
        cold=cold,
        slices=slices,
        threads=threads,
    )
    headline = _headline(names)
    protocol = Protocol(
        split,
        tuple(dict.fromkeys([*names, *_curve(headline)])),
        metrics is None or metrics == "all",
        {
            "relevant": relevant,
            "exclude_seen": exclude_seen,
            "candidates": candidates,
            "cold": cold,
            "slices": slices,
        },
    )
    runs = _runs(entries, train, valid, protocol, seeds, threads, progress)
    shown = [name for name in names if any(name in several[0].report.metrics for several in runs.values())]
    summary = summarise(
        runs, shown, reference=first, resamples=resamples, confidence=float(confidence), seed=seed
    )
    facts = Facts(
        how=split.how if isinstance(split, Split) else "test events of their own, and models fitted before",
        train=None if train is None else summarize(train),
        test=summarize(protocol.events),
        relevant=describe_relevance(relevant, protocol.events.explicit),
        seeds=seeds,
        resamples=resamples,
        confidence=float(confidence),
        slices=slices,
        made=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        versions=_versions(),
    )
    return Comparison(
        runs=runs,
        metrics=tuple(shown),
        headline=headline if headline in shown else shown[0],
        reference=first,
        estimates=summary.estimates,
        tested=summary.tests,
        warnings=(*summary.warnings, *_warnings(entries, runs, train, () if protocol.by_default else shown)),
        facts=facts,
    )


def _train(split: object, entries: Sequence[Entry]) -> Interactions | None:
    if isinstance(split, Split):
        return split.train
    if not isinstance(split, Interactions):
        raise InputError(
            f"split must be a Split, as ts.split.last_out(ratings) makes it; got {type(split).__name__}"
        )
    learners = [entry.name for entry in entries if entry.model is None]
    if learners:
        raise InputError(
            f"models[{learners[0]!r}] is not fitted and needs training events; pass a Split, not its test side alone"
        )
    return None


def check_counts(**counts: int) -> None:
    """Whole numbers by name, each large enough.

    Raises
    ------
    ParameterError
        Naming the setting, what it must be, and what it is.
    """
    least = {"seeds": 1, "resamples": 100, "seed": 0}
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least[name]:
            raise ParameterError(f"{name} must be a whole number >= {least[name]}; got {value!r}")


def check_confidence(confidence: float) -> None:
    """A share.

    Raises
    ------
    ParameterError
        It is none.
    """
    if not isinstance(confidence, (int, float)) or not 0 < confidence < 1:
        raise ParameterError(
            f"confidence must be a share above 0 and below 1, such as 0.95; got {confidence!r}"
        )


def check_measuring(
    events: Interactions, *, metrics: str | Sequence[str] | None, **settings: Any
) -> list[str]:
    """Check everything that evaluations of these test events will be asked, and return the names of the metrics.

    Raises
    ------
    ParameterError, InputError
        As `tastespace.evaluate` does.
    """
    chosen = check_settings(events, metrics=SHORT if metrics is None else metrics, **settings)
    return _names(chosen)


def _names(chosen: Selection) -> list[str]:
    return [*(f"{metric}@{k}" for metric, k in chosen.ranking), *chosen.whole, *chosen.rating]


def _headline(names: Sequence[str]) -> str:
    """The metric of the pictures: the first with a better side and a cut-off, else with a better side, else any."""
    good = [name for name in names if direction(name)]
    return next((name for name in good if has_cutoff(base(name))), next(iter(good), names[0]))


def _curve(headline: str) -> list[str]:
    """The headline at the cut-offs of its picture."""
    metric, at, _ = headline.partition("@")
    return [f"{metric}@{k}" for k in CURVE] if at else []


def _runs(
    entries: Sequence[Entry],
    train: Interactions | None,
    valid: Interactions | None,
    protocol: Protocol,
    seeds: int,
    threads: int | None,
    progress: bool | None,
) -> dict[str, tuple[Run, ...]]:
    """Every entry, fitted once for each of its seeds and measured."""
    found: dict[str, tuple[Run, ...]] = {}
    trainers = {
        entry.name: [(None, None)] if entry.model is not None else entry.seeded(seeds) for entry in entries
    }
    with progress_bar("comparing", sum(map(len, trainers.values())), progress) as tick:
        for entry in entries:
            try:
                found[entry.name] = _runs_of(
                    entry, trainers[entry.name], train, valid, protocol, threads, tick
                )
            except TastespaceError as error:
                raise type(error)(f"models[{entry.name!r}]: {error}") from error
            except Exception as error:  # not ours, so it keeps its own words
                error.add_note(f"at models[{entry.name!r}] of the comparison")
                raise
    return found


def _runs_of(
    entry: Entry,
    trainers: Sequence[tuple[int | None, Any]],
    train: Interactions | None,
    valid: Interactions | None,
    protocol: Protocol,
    threads: int | None,
    tick: Tick,
) -> tuple[Run, ...]:
    events = entry.events(train) if train is not None and entry.model is None else train
    several = []
    for seed, trainer in trainers:
        several.append(run(entry, seed, trainer, events, valid, protocol, threads))
        tick(entry.name)
    return tuple(several)


def _warnings(
    entries: Sequence[Entry],
    runs: Mapping[str, Sequence[Run]],
    train: Interactions | None,
    wanted: Sequence[str],
) -> list[str]:
    """What a reader should know: said once where it holds for all models, else with the model's name."""
    said: dict[str, list[str]] = {}
    for entry in entries:
        report = runs[entry.name][0].report
        for warning in getattr(report, "warnings", ()):
            said.setdefault(warning, []).append(entry.name)
        events = runs[entry.name][0].events
        if train is not None and events is not None:
            fewer = train.n_events - events
            if fewer > 0:
                said.setdefault(
                    f"learned from {fewer:,} events fewer than the others, and may recommend what is in those",
                    [],
                ).append(entry.name)
        missing = [name for name in wanted if name not in report.metrics]
        if missing:
            said.setdefault(f"predicts no ratings, so it has no {', '.join(missing)}", []).append(entry.name)
    return [
        warning if len(names) == len(entries) else f"{', '.join(names)}: {warning}"
        for warning, names in said.items()
    ]


def _versions() -> dict[str, str]:
    import scipy

    return {
        "tastespace": __version__,
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "SciPy": scipy.__version__,
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }
