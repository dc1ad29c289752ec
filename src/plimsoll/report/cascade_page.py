"""A cascade as one self-contained page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plimsoll.report.assumed_view import HEADINGS, cells
from plimsoll.report.canvas import inline_svg
from plimsoll.report.cascade_figure import density_figure, fund_figure, liquidation_figure, price_figure
from plimsoll.report.cascade_view import fund_lines
from plimsoll.report.html import page_template

if TYPE_CHECKING:
    from plimsoll.laboratory.assumed import Varied
    from plimsoll.laboratory.study import CascadeStudy


def cascade_page(found: CascadeStudy, notes: list[str], varied: Sequence[Varied] = ()) -> str:
    """The page as text: what happened, prices, liquidations by minute, the fund, the density map, and its terms."""
    from markupsafe import Markup

    import plimsoll

    pictures = {
        name: Markup(inline_svg(draw(found), name, words))
        for name, draw, words in (
            ("prices", price_figure, "Prices with and without the feedback of forced orders"),
            ("liquidations", liquidation_figure, "Forced orders by minute"),
            ("fund", fund_figure, "The insurance fund and who paid when it was short"),
            ("density", density_figure, "Where accounts are liquidated, before and after"),
        )
    }
    page: str = page_template("cascade.html.j2").render(
        version=plimsoll.__version__,
        d=found.to_dict(),
        run=found.run,
        pictures=pictures,
        lines=fund_lines(found),
        makers=found.run.world.liquidity.makers,
        evidence={u: c.evidence for u, c in found.run.world.liquidity.underlyings.items()},
        notes=notes,
        headings=HEADINGS,
        varied=[cells(row) for row in varied],
    )
    return page
