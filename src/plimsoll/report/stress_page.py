"""A book under stress as one self-contained page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.report.canvas import inline_svg
from plimsoll.report.html import page_template
from plimsoll.report.stress_figure import stress_figure
from plimsoll.report.stress_view import verdict

if TYPE_CHECKING:
    from plimsoll.laboratory.book_stress import BookStress

MOST = 200
"""Rows of the page: of thousands of scenarios the rest is in the picture and in the JSON."""


def stress_page(found: BookStress, told: str) -> str:
    """The page as text; what comes from documents is escaped."""
    from markupsafe import Markup

    picture = Markup(inline_svg(stress_figure(found), "stress", "Profit and loss and margin of the worst scenarios"))
    page: str = page_template("stress.html.j2").render(
        found=found, told=told, picture=picture, rows=found.rows[:MOST], verdict=verdict, more=len(found.rows) - MOST
    )
    return page
