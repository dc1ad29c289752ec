"""Figures for a page that allows no inline style: the style attributes of an SVG as attributes of their own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from plimsoll.report.canvas import inline_svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLE = re.compile(r'\sstyle="([^"]*)"')
_FONT = re.compile(r"^(?:(?P<weight>bold|[1-9]00)\s+)?(?P<size>[\d.]+(?:px|pt)?)\s+(?P<family>.+)$")


def clean_svg(figure: Figure, name: str, description: str) -> str:
    """The figure as an `<svg>` element without a `style` attribute or element.

    Under `style-src 'self'` a browser ignores those; presentation attributes say the same and are no style of the page.
    """
    svg = inline_svg(figure, name, description)
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)
    return _STYLE.sub(lambda found: _attributes(found[1]), svg)


def _attributes(style: str) -> str:
    told = []
    for part in style.split(";"):
        name, colon, value = part.partition(":")
        name, value = name.strip(), value.strip().replace("&quot;", "'")
        if not colon or not value:
            continue
        if name == "font":
            font = _FONT.match(value)
            if font is None:
                continue
            told.append(f' font-size="{font["size"]}" font-family="{font["family"]}"')
            if font["weight"]:
                told.append(f' font-weight="{font["weight"]}"')
        else:
            told.append(f' {name}="{value}"')
    return "".join(told)
