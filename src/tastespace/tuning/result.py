"""What a search found."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tastespace.data.split import Split
from tastespace.errors import InputError, ParameterError
from tastespace.evaluation import Report, Sampled, evaluate
from tastespace.evaluation.targets import Relevance
from tastespace.models.table import Table
from tastespace.plots.tuning import parameter, search
from tastespace.tuning.search import Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tastespace.data.interactions import Interactions


class Tuning:
    """The settings that a search found, and all that it tried. Made by `tastespace.tune`.

    The test side is not looked at until `evaluate` is called, and only once.
    """

    __slots__ = (
        "_found",
        "_lower",
        "_metric",
        "_model",
        "_names",
        "_progress",
        "_protocol",
        "_read",
        "_relevant",
        "_split",
        "_stages",
        "_threads",
        "_train",
    )

    def __init__(
        self,
        found: list[Trial],
        stages: tuple[Trial, ...],
        names: tuple[str, ...],
        metric: str,
        *,
        lower: bool,
        split: Split | Interactions,
        train: Interactions,
        relevant: Relevance,
        protocol: str,
        threads: int | None,
        progress: bool | None,
    ) -> None:
        self._found, self._stages, self._names = found, stages, names
        self._metric, self._lower, self._relevant, self._protocol = metric, lower, relevant, protocol
        self._split, self._train = split, train
        self._threads, self._progress = threads, progress
        self._model: Any = None
        self._read: tuple[dict[str, Any], Report] | None = None

    @property
    def trainer(self) -> Any:
        """The best trainer, frozen, with the best number of epochs. ``fit`` needs no validation set any more."""
        return self._stages[-1].chosen()

    @property
    def stages(self) -> tuple[Any, ...]:
        """The trainers that `fit` goes through, each from the model before: one, or more where factors grew."""
        return tuple(stage.chosen() for stage in self._stages)

    @property
    def value(self) -> float:
        """The metric on the validation events. As the best of many it flatters: report `evaluate` instead."""
        return self._stages[-1].value

    @property
    def metric(self) -> str:
        """What was searched for."""
        return self._metric

    @property
    def params(self) -> dict[str, Any]:
        """What was chosen: the searched parameters, and the epochs where they were validated (a new dictionary)."""
        best, params = self._stages[-1], self.trainer.params()
        names = [
            *self._names,
            *(["factors"] if best.state == "grown" else []),
            *(["epochs"] if best.epochs else []),
        ]
        return {name: params[name] for name in dict.fromkeys(names)}

    @property
    def trials(self) -> Table:
        """One row for each trial, in order.

        Columns ``number`` (from 0); ``state``: ``"complete"``, ``"pruned"`` (ended early; value and epochs are the best
        until then), ``"failed"`` (left the range of float32; value NaN) or ``"grown"`` (factors doubled); ``value`` on
        the validation events; ``seconds``; ``epochs``, the best number (0 where they are not validated); and the
        searched parameters.
        """
        names = dict.fromkeys(self._names)
        if any(trial.state == "grown" for trial in self._found):
            names["factors"] = None
        columns: dict[str, Any] = {
            "number": np.arange(len(self._found), dtype=np.int32),
            "state": [trial.state for trial in self._found],
            "value": np.array([trial.value for trial in self._found], np.float64),
            "seconds": np.array([trial.seconds for trial in self._found], np.float64),
            "epochs": np.array([trial.epochs or 0 for trial in self._found], np.int32),
        }
        for name in names:
            columns[name] = _column([trial.trainer.params()[name] for trial in self._found])
        return Table(columns)

    @property
    def curve(self) -> NDArray[np.float64]:
        """The best value so far, of whole trials, by trial; NaN before the first."""
        whole = [trial.value if trial.state in ("complete", "grown") else np.nan for trial in self._found]
        best = np.fmin if self._lower else np.fmax
        return np.asarray(best.accumulate(np.array(whole, np.float64)))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What should be known before the choice is trusted: a metric that is the same whatever is set."""
        whole = [trial for trial in self._found if not np.isnan(trial.value)]
        values = {trial.value for trial in whole}
        points = {repr([trial.trainer.params()[name] for name in self._names]) for trial in whole}
        if len(values) > 1 or (len(points) == 1 and (self._lower or values != {0.0})):
            return ()
        return (
            f"{self._metric} is {next(iter(values)):.4g} on the validation events for every trial, so it tells nothing "
            "of the settings; validate on more events, take another metric or a longer list, and see that training "
            "knows the validation users and relevant leaves some of their events",
        )

    def fit(self) -> Any:
        """The chosen trainer's model of the whole training side, validation events included.

        It is kept: another call returns the same frozen model. ``threads`` and ``progress`` are those of the search.
        """
        if self._model is None:
            model = None
            for trainer in self.stages:
                wanted = {"threads": self._threads, "progress": self._progress, "init": model}
                has = trainer.params()
                changes = {name: value for name, value in wanted.items() if name in has and value is not None}
                model = trainer.replace(**changes).fit(self._train)
            self._model = model
        return self._model

    def evaluate(self, **options: Any) -> Report:
        """Fit the chosen trainer and compare its model with the test side, once.

        A test side that is looked at again and again becomes a validation set. Another call with the same arguments
        returns the same report.

        Parameters
        ----------
        **options
            As in `tastespace.evaluate`; `relevant` and `threads` are as in the search unless they are given.

        Raises
        ------
        InputError
            If the search was given training events alone, so that there is no test side.
        ParameterError
            If the test side was looked at before, with other arguments.
        """
        if not isinstance(self._split, Split):
            raise InputError(
                "tune was given training events and no Split, so there is no test side; call "
                "ts.evaluate(tuning.fit(), test)"
            )
        options = {"relevant": self._relevant, "threads": self._threads} | options
        asked = _asked(options)
        if self._read is None:
            self._read = asked, evaluate(self.fit(), self._split, **options)
        before, report = self._read
        for name, value in asked.items():
            if not _same(value, before[name]):
                raise ParameterError(
                    f"the test side was looked at with {name}={before[name]!r}, and now {name}={value!r} is asked for. "
                    "It is looked at once, because looked at again and again it becomes a validation set; ask for all "
                    "at once, as in k=[5, 10]. The same arguments give the same report"
                )
        return report

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the value of every trial, and the best so far: see `tastespace.plots.search`."""
        return search(self.trials, self._metric, lower=self._lower, ax=ax)

    def plot_parameter(self, name: str, ax: Axes | None = None) -> Axes:
        """Draw the values of all trials against one parameter: see `tastespace.plots.parameter`."""
        return parameter(self.trials, name, self._metric, ax=ax)

    def __repr__(self) -> str:
        states = [trial.state for trial in self._found]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        seconds = sum(trial.seconds for trial in self._found)
        number = next(place for place, trial in enumerate(self._found) if trial is self._stages[-1])
        chosen = ", ".join(
            f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in self.params.items()
        )
        name = type(self.trainer).__name__
        looked = "looked at" if self._read is not None else "not looked at"
        test = f"test side {looked}" if isinstance(self._split, Split) else "no test side"
        return "\n".join(
            [
                f"{name} tuned for {self._metric}: {len(states)} trials ({counts}), {seconds:,.1f} s",
                f"best: trial {number}, {self._metric} {self.value:.4f} on validation",
                f"  {chosen}",
                f"{self._protocol}; {test}",
                *(f"warning: {warning}" for warning in self.warnings),
            ]
        )


def _column(values: list[Any]) -> Any:
    """A column of whole numbers or of numbers where all values are such, else of text."""
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return np.array(values, np.int64)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return np.array(values, np.float64)
    return np.array([str(value) for value in values], object)


def _asked(options: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `evaluate` that its numbers depend on, with those left to their defaults."""
    given = inspect.signature(evaluate).bind(None, None, **options)
    given.apply_defaults()
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in given.arguments.items()
        if name not in ("model", "test", "threads", "batch")
    }


def _same(a: object, b: object) -> bool:
    """Whether two arguments are the same: plain ones by value; functions, events and candidates by identity."""
    return a is b or (isinstance(a, str | int | float | tuple | Sampled) and type(a) is type(b) and a == b)
