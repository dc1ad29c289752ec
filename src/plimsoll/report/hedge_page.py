"""A hedge as one self-contained page: what it saves and how, what is left to lose, and what more or less would cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plimsoll.report.canvas import inline_svg
from plimsoll.report.frontier_figure import LOOKS, before_after_figure, frontier_figure, saving_figure
from plimsoll.report.hedge_view import WORDS
from plimsoll.report.html import page_template

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from plimsoll.optimise import Answer, Desk, Frontier
    from plimsoll.optimise.execution import Schedule
    from plimsoll.optimise.recheck import Recheck
    from plimsoll.optimise.variation.change import CapitalChange

SHADES = {"optimal": "good", "local": "good", "refused": "bad"}


def hedge_page(
    desk: Desk,
    answer: Answer,
    found: Frontier | None = None,
    checked: Recheck | None = None,
    *,
    change: CapitalChange | None = None,
    course: Schedule | None = None,
    allowed: bool = False,
) -> str:
    """The page as text; what comes from documents is escaped.

    `found` is the frontier, `checked` what was looked at again, `change` the capital on held-out paths, `course` the
    schedule, each where it was asked for; `allowed` whether what they refuse was allowed. A refused answer is said so,
    with its reasons, before anything else, and nothing is drawn of trades that are not made.
    """
    from markupsafe import Markup

    from plimsoll.report.recheck_view import finding_value
    from plimsoll.report.schedule_figure import schedule_figure
    from plimsoll.report.schedule_view import clock

    refused = answer.status == "refused"
    drawn: dict[str, tuple[Figure, str]] = {}
    if not refused:
        text = "Profit and loss over price and volatility, before and after"
        drawn["saving"] = (saving_figure(answer), "Initial margin from before to after, by instrument traded")
        drawn["losses"] = (before_after_figure(desk, answer), text)
        if found is not None:
            text = "Margin and expected shortfall against the cost of the trades"
            drawn["frontier"] = (frontier_figure(found, answer), text)
    if course is not None:
        drawn["schedule"] = (schedule_figure(course), "Contracts still to be traded, and what is free above margin")
    page: str = page_template("hedge.html.j2").render(
        a=answer,
        word=WORDS[answer.status][0].lower(),
        state=SHADES.get(answer.status, "tight"),
        time=f"{desk.market.time:%Y-%m-%d %H:%M} UTC",
        pictures={name: Markup(inline_svg(figure, name, text)) for name, (figure, text) in drawn.items()},
        components=[_components(b.before, b.after) for b in answer.books],
        currency={b.name: b.before.currency for b in answer.books},
        frontier=None if refused else found,
        refused=refused,
        against=() if allowed and not refused else _against(answer, checked, change),
        course=course,
        clock=clock,
        checked=checked,
        value=finding_value,
        labels={name: label for name, (_, _, label) in LOOKS.items()},
        terms=desk.terms.hash(),
        market=desk.market.hash(),
    )
    return page


def _against(answer: Answer, checked: Recheck | None, change: CapitalChange | None) -> tuple[str, ...]:
    """Why the answer is refused, or should be: what is larger, and what held-out paths break."""
    found = [] if checked is None or answer.status != "refused" else list(checked.reasons)
    if change is not None and not change.holds:
        p = change.after.p
        for v in (v for v in change.proofs if not v.holds):
            found.append(
                f"{v.name or 'book'} on held-out paths: capital is not enough in {v.breach:.2%} where {p:.2%} are "
                f"allowed, what lies there in {v.money[1]:.2%} after and {v.money[0]:.2%} before"
            )
        if not found:
            found.append("held-out paths find no capital freed")
    return tuple(found)


def _components(before: Any, after: Any) -> list[tuple[str, float, float]]:
    """Title, initial margin before and after of each component of either requirement."""
    was = {c.title: c.initial for c in before.components}
    now = {c.title: c.initial for c in after.components}
    return [(title, was.get(title, 0.0), now.get(title, 0.0)) for title in {**was, **now}]
