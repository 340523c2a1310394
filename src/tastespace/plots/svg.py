"""A picture as SVG to stand inside a page: it takes the page's colour of text and its font, and names no address."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from tastespace.errors import missing_extra
from tastespace.plots.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK = "#010203"  # no picture uses it; becomes the colour of the text around the picture


def inline_svg(draw: Callable[[Axes], object], name: str, *, size: tuple[float, float] = (6.0, 3.9)) -> str:
    """Draw on an axis without background and return an ``<svg>`` element.

    Parameters
    ----------
    draw
        Draws on the axis that it is given.
    name
        A word that no other picture of the page has; keeps their inner references apart.
    size
        Width and height in inches; the page may scale it.

    Returns
    -------
    str
        The same text for the same picture.

    Raises
    ------
    MissingExtraError
        Matplotlib is not installed.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise missing_extra("the page of a comparison", "plot") from None
    target = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=size, layout="constrained")
        figure.patch.set_alpha(0)
        ax = figure.add_subplot()
        ax.patch.set_alpha(0)
        ax.tastespace_ink = _INK  # type: ignore[attr-defined]  # read by plots.style.ink
        draw(ax)
        figure.savefig(target, format="svg", metadata={"Date": None})
    return _embedded(target.getvalue())


def _embedded(text: str) -> str:
    """The element alone: without prologue, metadata, sizes, unused names, and colours of its own for ink."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<svg [^>]*>", _head, text, count=1)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    text = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", text)
    text = re.sub(r'style="[^"]*"', lambda found: found[0].replace(_INK, "currentColor"), text)
    text = text.replace("font-family: 'DejaVu Sans'; ", "")  # the page's own
    text = re.sub(
        r"<defs>\s*<style.*?</style>\s*</defs>", "", text, flags=re.DOTALL
    )  # it would hold for the page
    return re.sub(r"\n\s*", "\n", text).strip()


def _head(found: re.Match[str]) -> str:
    """The opening tag with its view box and nothing else: size and names of schemas are the page's."""
    [box] = re.findall(r'viewBox="[^"]*"', found[0])
    return f'<svg {box} aria-hidden="true">'


# In a box of 14 x 14 around the origin.
_MARKS = {
    "o": "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z",
    "s": "M-3.6-3.6h7.2v7.2h-7.2z",
    "^": "M0-4.4L4.4 3.6H-4.4z",
    "D": "M0-4.6L4.6 0L0 4.6L-4.6 0z",
    "v": "M0 4.4L4.4-3.6H-4.4z",
    "P": "M-1.5-4.4h3v2.9h2.9v3h-2.9v2.9h-3v-2.9h-2.9v-3h2.9z",
}


def mark_svg(look: Look) -> str:
    """The mark of a series on a piece of its line, to stand beside its name."""
    dash = "" if isinstance(look.dashes, str) else f' stroke-dasharray="{" ".join(map(str, look.dashes[1]))}"'
    return (
        f'<svg class="mark" viewBox="-11 -7 22 14" aria-hidden="true"><path d="M-11 0H11" stroke="{look.colour}" '
        f'stroke-width="1.8"{dash}/><path d="{_MARKS[look.marker]}" fill="{look.colour}"/></svg>'
    )
