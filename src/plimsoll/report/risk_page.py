"""Results of the risk engine as one self-contained page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plimsoll.report.canvas import inline_svg
from plimsoll.report.html import page_template
from plimsoll.report.risk_figure import risk_figure

if TYPE_CHECKING:
    from plimsoll.risk.engine import RiskResult


def risk_page(results: Sequence[RiskResult], told: str, name: str) -> str:
    """The page as text: every model with its picture, components, scenarios, shares and hashes; text is escaped."""
    from markupsafe import Markup

    pictures = [
        Markup(inline_svg(risk_figure(r), f"losses{k}", f"Losses of the book under {r.model.name} with VaR and ES"))
        for k, r in enumerate(results)
    ]
    shares = [sorted(zip(r.names, r.shares.tolist(), strict=True), key=lambda s: (-abs(s[1]), s[0])) for r in results]
    page: str = page_template("risk.html.j2").render(
        name=name, told=told, results=results, pictures=pictures, shares=shares
    )
    return page
