"""Capital efficiency as one self-contained page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.report.amounts import short_money
from plimsoll.report.canvas import inline_svg
from plimsoll.report.efficiency_figure import efficiency_figure
from plimsoll.report.efficiency_view import signed_part
from plimsoll.report.html import page_template

if TYPE_CHECKING:
    from plimsoll.validate.efficiency import Efficiency


def efficiency_page(found: Efficiency, told: str) -> str:
    """The page as text; what comes from documents is escaped."""
    from markupsafe import Markup

    from plimsoll.validate.efficiency import HOW, WAYS

    picture = Markup(inline_svg(efficiency_figure(found), "efficiency", "Saving of every book at equal coverage"))
    page: str = page_template("efficiency.html.j2").render(
        found=found, told=told, picture=picture, how=HOW, ways=WAYS, money=short_money, part=signed_part
    )
    return page
