"""An evaluation of margin-rate policies as one self-contained page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.control.terms import TERMS
from plimsoll.report.canvas import inline_svg
from plimsoll.report.controller_figure import (
    WORDS,
    controller_elasticity,
    controller_frontier,
    controller_storm,
    controller_terms,
)
from plimsoll.report.controller_view import UNITS, apart_words
from plimsoll.report.html import page_template

if TYPE_CHECKING:
    from plimsoll.control.evaluation import Evaluation


def controller_page(found: Evaluation) -> str:
    """The page as text: frontier and terms of each set of episodes, differences, whole histories, the worst storm,
    elasticities, bounds, hashes."""
    from markupsafe import Markup

    import plimsoll

    differences, cycle_differences = found.differences, found.cycle_differences
    sets = []
    for k, (name, rows) in enumerate(found.judged.items()):
        costs = {j.name: j.costs.mean(axis=0).tolist() for j in rows}
        sets.append(
            {
                "name": name,
                "many": len(rows[0].episodes),
                "rows": [j.to_dict() for j in rows],
                "apart": [apart_words(d) for d in differences[name]],
                "frontier": Markup(inline_svg(controller_frontier(costs, name), f"frontier{k}", f"Frontier, {name}")),
                "terms": Markup(inline_svg(controller_terms(rows, name), f"terms{k}", f"Terms, {name}")),
            }
        )
    histories = [
        {
            "name": name,
            "steps": cycles[0].steps,
            "rows": [c.to_dict() for c in cycles],
            "apart": [apart_words(d) for d in cycle_differences[name]],
        }
        for name, cycles in found.cycles.items()
    ]
    storms = [
        Markup(inline_svg(controller_storm(s, s.name), f"storm{k}", f"Worst three days, {s.name}"))
        for k, s in enumerate(found.storms())
    ]
    more = [
        (f"{name}{words}", [apart_words(d) for d in rows[name]])
        for rows, words in ((differences, ""), (cycle_differences, ", in one run each"))
        for name in rows
        if name not in found.judged
    ]
    elastic = Markup(inline_svg(controller_elasticity(found.varied), "elastic", "Elasticity")) if found.varied else ""
    page: str = page_template("controller.html.j2").render(
        version=plimsoll.__version__,
        sets=sets,
        histories=histories,
        storms=storms,
        more=more,
        units=UNITS,
        names=TERMS,
        words=WORDS,
        elastic=elastic,
        steps=found.steps,
        violated=found.violated,
        t=found.terms,
        terms_hash=found.terms.hash(),
    )
    return page
