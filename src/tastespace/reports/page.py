"""A comparison as one HTML file: tables, pictures and words, without a script and without an address to fetch."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tastespace.errors import FileError, InputError, MissingFileError
from tastespace.plots.style import Look, looks
from tastespace.plots.svg import mark_svg
from tastespace.reports.page_style import STYLE
from tastespace.reports.pictures import pictures
from tastespace.reports.text import COSTS
from tastespace.reports.words import (
    NONE,
    against_reference,
    amount,
    arrow,
    best,
    headline,
    legend,
    number,
    percent,
    probability,
    share,
    signed,
)

if TYPE_CHECKING:
    from tastespace.reports.comparison import Comparison
    from tastespace.reports.summary import Estimate


def write_page(comparison: Comparison, path: str | os.PathLike[str]) -> Path:
    """Write the page by way of a temporary file beside it, so that it is never half written."""
    file = _file(path)
    text = page(comparison)
    temporary = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(file)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise FileError(
            f"{file} cannot be written: {error.strerror or error}; choose another path"
        ) from error
    return file


def _file(path: object) -> Path:
    """The path of a file that may be written."""
    if not isinstance(path, str | os.PathLike) or isinstance(name := os.fspath(path), bytes):
        raise InputError(
            f'path must be the name of a file to write, such as "report.html"; got {type(path).__name__}'
        )
    file = Path(name)
    if not name:
        raise FileError('path is empty; give the page a file name, such as "report.html"')
    if "\0" in name:
        raise FileError(f"{name!r} cannot be written: a file name holds no zero character")
    if os.path.isdir(file):
        raise FileError(f"{file} cannot be written: it is a folder; give the page a file name in it")
    if not os.path.isdir(file.parent):
        raise MissingFileError(f"{file} cannot be written: there is no folder {file.parent}; create it first")
    return file


def page(comparison: Comparison) -> str:
    """The text of the file."""
    look = looks(comparison.models)
    n = len(comparison.models)
    title = f"{n} {'model' if n == 1 else 'models'} compared"
    body = [
        f'<header><h1>{title}</h1><p class="finding">{_bound(headline(comparison))}</p></header>',
        _facts(comparison),
        _warnings(comparison),
        _quality(comparison, look),
        _pictures(comparison, look),
        _costs(comparison, look),
        _tests(comparison),
        _how(comparison),
    ]
    made = datetime.datetime.fromisoformat(comparison.facts.made).strftime("%d %B %Y, %H:%M UTC").lstrip("0")
    versions = ", ".join(f"{name} {version}" for name, version in comparison.facts.versions.items())
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # Nothing may be fetched, whatever a name holds: the page stands alone.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{title}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in body if part)
        + f"\n<footer>Made {made} with {escape(versions)}.</footer>\n</main>\n</body>\n</html>\n"
    )


def _facts(comparison: Comparison) -> str:
    facts = comparison.facts
    counts = comparison.reports[comparison.reference].counts
    shown: list[tuple[str, str]] = []
    if facts.train is not None:
        shown += [
            ("training events", f"{facts.train['events']:,}"),
            ("users", f"{facts.train['users']:,}"),
            ("items", f"{facts.train['items']:,}"),
        ]
    shown += [
        ("held-out events", f"{facts.test['events']:,}"),
        ("users scored", f"{counts['users_scored']:,}"),
    ]
    cells = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in shown)
    return f'<dl class="facts">{cells}</dl>'


def _warnings(comparison: Comparison) -> str:
    if not comparison.warnings:
        return ""
    items = "".join(f"<li>{escape(warning)}</li>" for warning in comparison.warnings)
    return f'<section class="warnings"><h2>Before you trust the numbers</h2><ul>{items}</ul></section>'


def _quality(comparison: Comparison, look: dict[str, Look]) -> str:
    ends = {metric: _ends(comparison, metric) for metric in comparison.metrics}
    rows = []
    for model in comparison.models:
        cells = [_named(comparison, model, look)]
        for metric in comparison.metrics:
            found = comparison.estimates[model].get(metric)
            cells.append(_value(comparison, model, metric, found, ends[metric], look[model].colour))
        rows.append(cells)
    columns = ["model", *(metric + arrow(metric) for metric in comparison.metrics)]
    words = legend(comparison, best_mark="Underlined:")
    return (
        f"<section><h2>Quality</h2>{_table(columns, rows)}"
        f'<p class="soft">{_bound(words)} Bars show the intervals between the lowest and the highest '
        "of all models.</p></section>"
    )


def _value(
    comparison: Comparison,
    model: str,
    metric: str,
    found: Estimate | None,
    ends: tuple[float, float],
    colour: str,
) -> str:
    if found is None:
        return f"<td>{NONE}</td>"
    verdict = against_reference(comparison, metric, model)
    mark = {
        "better": '<span class="up" title="better than the reference">▲</span>',
        "worse": '<span class="down" title="worse than the reference">▼</span>',
        "open": "",
    }[verdict]
    kind = ' class="best"' if model in best(comparison, metric) else ""
    cell = f"<td{kind}>{mark}<b>{number(found.value)}</b>"
    if found.low is not None and found.high is not None:
        a, w, v = (
            _place(found.low, ends),
            _place(found.high, ends) - _place(found.low, ends),
            _place(found.value, ends),
        )
        cell += (
            f'<span class="range" style="--a:{a:.1f};--w:{w:.1f};--v:{v:.1f};--c:{colour}"><i></i><u></u></span>'
            f"<small>{number(found.low)} to {number(found.high)}</small>"
        )
    if found.deviation is not None:
        cell += f"<small>± {number(found.deviation)} over seeds</small>"
    return f"{cell}</td>"


def _ends(comparison: Comparison, metric: str) -> tuple[float, float]:
    """The lowest and highest bound of all models."""
    found = [of[metric] for of in comparison.estimates.values() if metric in of]
    bounds = [bound for one in found for bound in (one.low, one.high) if bound is not None]
    return (min(bounds), max(bounds)) if bounds else (0.0, 1.0)


def _place(value: float, ends: tuple[float, float]) -> float:
    """A place on a bar, in percent of its length."""
    low, high = ends
    return 100 * (value - low) / (high - low) if high > low else 50.0


def _pictures(comparison: Comparison, look: dict[str, Look]) -> str:
    drawn = pictures(comparison)
    key = "".join(f"<li>{mark_svg(look[model])}{escape(model)}</li>" for model in comparison.models)
    figures = "".join(
        f'<figure><h3>{escape(title)}</h3><div class="chart" tabindex="0">{svg}</div>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for title, svg, caption in drawn
    )
    return (
        f'<section><h2>Pictures</h2><ul class="key">{key}</ul><div class="pictures">{figures}</div></section>'
    )


def _costs(comparison: Comparison, look: dict[str, Look]) -> str:
    rows = []
    for model in comparison.models:
        costs = comparison.costs(model)
        rows.append(
            [_named(comparison, model, look), *(f"<td>{escape(amount(costs[name]))}</td>" for name in COSTS)]
        )
    return (
        f"<section><h2>Costs</h2>{_table(['model', *_COST_TITLES], rows)}"
        '<p class="soft">Fitting is training alone, scoring is ranking and measuring all scored users. Memory is the '
        "growth of the process while fitting, on top of the data; the model is its arrays, without the "
        "histories.</p></section>"
    )


_COST_TITLES = ("fitting, s", "scoring, s", "memory to fit, MB", "model, MB")
_TESTED = (
    "metric",
    "model",
    "against",
    "difference",
    "permutation",
    "Wilcoxon",
    "sign",
    "effect d",
    "users better",
    "worse",
)


def _tests(comparison: Comparison) -> str:
    if not comparison.tested:
        return ""
    rows = []
    for test in comparison.tested:
        found = test.paired
        p_values = (test.holm_permutation, test.holm_wilcoxon, test.holm_sign)
        rows.append(
            [
                f"<td>{escape(test.metric)}</td>",
                f'<td class="name">{escape(test.model)}</td>',
                f'<td class="name">{escape(test.against)}</td>',
                f"<td><b>{signed(found.difference)}</b><small>{signed(found.low)} to {signed(found.high)}</small></td>",
                *(f"<td>{escape(probability(p))}</td>" for p in p_values),
                f"<td>{signed(found.d, 2)}</td>",
                f"<td>{share(found.better)}</td>",
                f"<td>{share(found.worse)}</td>",
            ]
        )
    return (
        f"<section><details><summary>All {len(rows)} tests</summary>{_table(_TESTED, rows)}"
        f"<p class=\"soft\">Every difference is the model's value less the other's on the same users, with its "
        f"{percent(comparison)} interval. The p-values of each test are Holm-corrected over all rows. Effect d is the "
        "mean of the users' differences over their standard deviation. A small p-value says that the order would "
        "likely hold for other users of this kind; it does not say that the difference matters, nor that it holds "
        "for another time, another split or other settings of the models.</p></details></section>"
    )


def _how(comparison: Comparison) -> str:
    facts = comparison.facts
    pairs = [("Split", facts.how), ("Protocol", comparison.protocol), ("Relevant", facts.relevant)]
    for name, data in (("Training set", facts.train), ("Test set", facts.test)):
        if data is not None:
            pairs.append((name, _data(data)))
    words = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in pairs)
    settings = "".join(
        f"<dt>{escape(model)}</dt><dd><code>{escape(_call(comparison, model))}</code></dd>"
        for model in comparison.models
    )
    return (
        f'<section><h2>How it was done</h2><dl class="pairs">{words}</dl></section>'
        f'<section><details><summary>Settings of the models</summary><dl class="pairs">{settings}</dl></details>'
        "</section>"
    )


def _data(data: Mapping[str, Any]) -> str:
    text = f"{data['users']:,} users, {data['items']:,} items, {data['events']:,} "
    text += "ratings" if data["explicit"] else "events"
    if data["scale"]:
        text += f" {data['scale'][0]:g} to {data['scale'][1]:g}"
    if data["first_time"] is not None:
        days = [
            f"{datetime.datetime.fromtimestamp(data[name], datetime.UTC):%Y-%m-%d}"
            for name in ("first_time", "last_time")
        ]
        text += f", {days[0]} to {days[1]}"
    return text


def _call(comparison: Comparison, model: str) -> str:
    run = comparison.runs[model][0]
    settings = ", ".join(f"{name}={value!r}" for name, value in run.params.items())
    return f"{run.trainer}({settings})"


def _named(comparison: Comparison, model: str, look: dict[str, Look]) -> str:
    under = "<small>reference</small>" if model == comparison.reference and len(comparison.models) > 1 else ""
    return f'<th scope="row">{mark_svg(look[model])}{escape(model)}{under}</th>'


def _bound(text: str) -> str:
    """Text in which no line ends between a number or a mark and what belongs to it."""
    bound = re.sub(r"(?<=\d) (?=%)|(?<=\bp) (?=<)|(?<=<) (?=0)|(?<=[▲▼±↓]) ", "\N{NO-BREAK SPACE}", text)
    return escape(bound)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that scrolls on its own; cells come as elements, columns as text."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
