"""The pictures of ``docs/guide/speed.md``, each from one result file."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np

Content = dict[str, Any]
OURS = "#c8442c"
THEIRS = ("#30628f", "#7a9e3f", "#8c6bb1", "#999999", "#555555")
STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "legend.frameon": False,
    "svg.fonttype": "none",  # small files; the reader's own font
    "svg.hashsalt": "tastespace",  # the same file from the same numbers
}


def _colours(names: list[str]) -> dict[str, str]:
    rivals = [name for name in names if not name.startswith("tastespace")]
    found = dict(zip(rivals, THEIRS, strict=False))
    return found | {name: OURS for name in names if name.startswith("tastespace")}


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None, "Creator": None}, bbox_inches="tight")
    plt.close(figure)
    text = path.read_text()
    path.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n")


def _cells(content: Content) -> dict[str, dict[int, Content]]:
    found: dict[str, dict[int, Content]] = {}
    for key, cell in content["results"].items():
        match = re.fullmatch(r"(\S+) k=(\d+)", key)
        if match:
            found.setdefault(match[1], {})[int(match[2])] = cell
    return found


def epochs(content: Content, path: Path) -> None:
    """Bars: seconds of an epoch on the largest table, with ranges."""
    by_width = list(_cells(content).values())[-1]
    names = sorted(
        dict.fromkeys(name for cell in by_width.values() for name in cell), key=lambda n: n != "tastespace"
    )
    colours = _colours(names)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(6, 2.8))
        for place, name in enumerate(names):
            at = [x + place / (len(names) + 1) for x, cell in enumerate(by_width.values()) if name in cell]
            bars = [cell[name] for cell in by_width.values() if name in cell]
            middle = [bar["median"] for bar in bars]
            below = [bar["median"] - bar["least"] for bar in bars]
            above = [bar["most"] - bar["median"] for bar in bars]
            axes.bar(
                at,
                middle,
                1 / (len(names) + 1),
                yerr=(below, above),
                label=name,
                color=colours[name],
                ecolor="#333333",
            )
        centre = (len(names) - 1) / 2 / (len(names) + 1)
        axes.set_xticks([x + centre for x in range(len(by_width))], [f"{k} factors" for k in by_width])
        axes.set_ylabel("seconds of an epoch")
        axes.legend()
        _save(figure, path)


def quality_at(content: Content, path: Path) -> None:
    """Curves: NDCG@10 against seconds since fit began."""
    found = {key: cell for key, cell in content["results"].items() if key.startswith("k=")}
    with plt.rc_context(STYLE):
        figure, every = plt.subplots(1, len(found), figsize=(3.6 * len(found), 2.8), squeeze=False)
        for axes, (key, cell) in zip(every[0], found.items(), strict=True):
            colours = _colours(list(cell["curves"]))
            for name, curve in cell["curves"].items():
                axes.plot(
                    [row["seconds"]["median"] for row in curve],
                    [row["ndcg@10"] for row in curve],
                    marker=".",
                    label=name,
                    color=colours[name],
                    linestyle="--" if name.endswith("tuned") else "-",
                )
            axes.axhline(cell["target"], color="#333333", linewidth=0.7, linestyle=":")
            axes.set_xscale("log")
            axes.set_ylim(bottom=cell["target"] * 0.85)
            axes.set_title(key.replace("k=", "") + " factors")
            axes.set_xlabel("seconds since fit began")
        every[0][0].set_ylabel("NDCG@10")
        every[0][-1].legend(loc="lower right")
        _save(figure, path)


def growth(content: Content, path: Path) -> None:
    """Lines in logarithms: seconds against factors, and against events."""
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.8))
        for (table, by_width), colour in zip(
            _cells(content).items(), (THEIRS[0], OURS, THEIRS[1]), strict=False
        ):
            widths = sorted(by_width)
            left.loglog(widths, [by_width[k]["median"] for k in widths], ".-", label=table, color=colour)
        ticks = sorted({k for by_width in _cells(content).values() for k in by_width})
        left.set_xticks(ticks, [str(k) for k in ticks], fontsize=7)
        left.minorticks_off()
        left.set_xlabel("factors")
        left.set_ylabel("seconds of an epoch")
        left.legend()
        shares: dict[str, list[tuple[int, float]]] = {}
        for key, cell in content["results"].items():
            if key.startswith("share"):
                shares.setdefault(key.split(" k=")[1], []).append((cell["events"], cell["median"]))
        for (k, points), colour in zip(shares.items(), (THEIRS[0], OURS), strict=False):
            right.loglog(*zip(*sorted(points), strict=True), ".-", label=f"{k} factors", color=colour)
        events = sorted({count for points in shares.values() for count, _ in points})
        right.set_xticks(events, [f"{count / 1e6:.2g} M" for count in events], fontsize=7)
        right.minorticks_off()
        right.set_xlabel("events")
        right.legend()
        _save(figure, path)


def roofline(content: Content, path: Path) -> None:
    """Operations a second against operations for each byte gathered, under the roofs."""
    peaks = content["results"]["peaks"][str(content["results"]["threads"])]
    top = max(value for name, value in peaks.items() if name.startswith("fma"))
    roofs = {name: peaks[name] for name in ("read L2", "read L3", "gather items k=64", "gather users k=64")}
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(6, 3.2))
        x = np.geomspace(0.5, 64, 200)
        for colour, (name, rate) in zip(
            ("#bbbbbb", "#999999", "#666666", "#333333"), roofs.items(), strict=True
        ):
            axes.loglog(
                x, np.minimum(top, rate * x), color=colour, linewidth=1, label=f"{name}, {rate:.0f} GB/s"
            )
        axes.axhline(top, color="black", linewidth=1)
        axes.annotate(f"multiply-adds, {top:.0f} GFLOP/s", (0.55, top * 1.08), fontsize=8)
        for (table, by_width), colour in zip(_cells(content).items(), (THEIRS[0], OURS), strict=False):
            points = [(cell["intensity"], cell["gflops"]) for cell in by_width.values()]
            axes.loglog(*zip(*points, strict=True), "o", color=colour, label=table)
            for k, point in zip(by_width, points, strict=True):
                axes.annotate(f" {k}", point, fontsize=8)
        axes.set_ylim(top=top * 1.6)
        axes.set_xlabel("operations for each byte of gathered factors")
        axes.set_ylabel("GFLOP/s")
        axes.legend(fontsize=7, loc="lower right")
        _save(figure, path)


#: Result file and what draws it.
PICTURES: dict[str, Callable[[Content, Path], None]] = {
    "speed_epochs": epochs,
    "speed_quality_at": quality_at,
    "speed_growth": growth,
    "speed_roofline": roofline,
}
