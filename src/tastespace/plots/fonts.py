"""Letters that the font of the pictures lacks: from other fonts that are installed, or said to be missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from unicodedata import category

from tastespace.errors import warn

__all__ = ["lettering"]

#: Families that are asked for missing letters, where they are installed: of many scripts first, then of single ones.
_FAMILIES = (
    *(
        "DejaVu Sans",
        "Noto Sans",
        "Noto Sans CJK JP",
        "Noto Sans CJK SC",
        "Noto Sans CJK TC",
        "Noto Sans CJK KR",
    ),
    *("Noto Sans JP", "Noto Sans SC", "Noto Sans TC", "Noto Sans KR", "Source Han Sans", "IPAexGothic"),
    *("WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback", "Arial Unicode MS", "Hiragino Sans"),
    *("PingFang SC", "PingFang HK", "Apple SD Gothic Neo", "Yu Gothic", "Meiryo", "Microsoft YaHei"),
    *("Microsoft JhengHei", "SimHei", "Malgun Gothic", "NanumGothic", "Noto Sans Arabic", "Noto Sans Hebrew"),
    *("Noto Sans Devanagari", "Noto Sans Bengali", "Noto Sans Tamil", "Noto Sans Thai", "Nirmala UI"),
    *(
        "Leelawadee UI",
        "Segoe UI",
        "Noto Sans Symbols",
        "Noto Sans Symbols 2",
        "Noto Emoji",
        "Segoe UI Emoji",
    ),
    *("Segoe UI Symbol", "Symbola"),
)
_BOX = "□"  # stands for a letter that no font has
_NAMED = 8  # missing letters that the message names


def lettering(texts: Sequence[str]) -> tuple[list[str], list[str] | None]:
    """Texts as they can be drawn, and the families of fonts to draw them in.

    A letter that is in neither the font of the style nor another one known to hold many becomes an empty box, and one
    warning tells which these are; Matplotlib would warn of each of them whenever it draws.

    Parameters
    ----------
    texts
        All of a kind in the picture, so that it is told once.

    Returns
    -------
    texts
        As given where all letters are there.
    families
        For ``fontfamily=``; None: the style's will do.
    """
    letters = {letter for text in texts for letter in text if not letter.isascii()}
    if not letters:
        return list(texts), None
    from matplotlib import rcParams

    own = list(rcParams["font.family"])
    missing = letters.difference(*map(_letters, own))
    if not missing:
        return list(texts), None
    helpers = []
    for family in _installed(own):
        if missing & (found := _letters(family)):
            helpers.append(family)
            missing -= found
    # Joiners and variants only change how their neighbours look.
    boxes = {ord(letter): "" if category(letter) in ("Cf", "Mn") else _BOX for letter in missing}
    named = sorted(letter for letter in missing if boxes[ord(letter)])
    if named:
        more = "" if len(named) <= _NAMED else f" and {len(named) - _NAMED:,} more"
        warn(
            f"no font of Matplotlib has the letters {' '.join(named[:_NAMED])}{more}; drawn are boxes: install a font "
            "with them, such as Noto Sans CJK, and name it, as in plt.rcParams['font.family'] = ['DejaVu Sans', "
            "'Noto Sans CJK JP']"
        )
    return [text.translate(boxes) for text in texts], [*own, *helpers] if helpers else None


def _installed(own: Sequence[str]) -> Iterator[str]:
    """The families that Matplotlib knows here, without those of the style."""
    from matplotlib.font_manager import fontManager

    names = {font.name for font in fontManager.ttflist}
    return (family for family in _FAMILIES if family in names and family not in own)


def _letters(family: str) -> set[str]:
    """The letters of a font."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return set(map(chr, get_font(findfont(FontProperties(family=[family]))).get_charmap()))
