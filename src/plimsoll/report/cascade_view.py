"""What a cascade did, as tables that fit a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from plimsoll.laboratory.measures import amplification, solvency
from plimsoll.report.amounts import short_money
from plimsoll.report.columns import columns

if TYPE_CHECKING:
    from plimsoll.laboratory.study import CascadeStudy

STRONG, QUIET, BAD = "bold", "dim", "red"


def cascade_view(found: CascadeStudy) -> RenderableType:
    """Prices with and without feedback, forced orders, who paid, and the thresholds that were asked for."""
    run = found.run
    head = Text(run.world.path.name, style=STRONG)
    steps = f"  {run.world.path.steps:,} steps of {run.world.path.step_seconds:g} s"
    head.append(f"  {run.world.fleet.accounts:,} accounts,{steps}", style="none")
    prices = columns("", "from outside", "with feedback", "times", "sold", "bought", "depth left")
    for k, (u, times) in enumerate(zip(run.underlyings, amplification(run), strict=True)):
        moves = [p[np.abs(p / p[0] - 1.0).argmax()] / p[0] - 1.0 for p in (run.outside[:, k], run.price[:, k])]
        prices.add_row(
            u,
            f"{moves[0]:+.1%}",
            f"{moves[1]:+.1%}",
            f"{times:.2f}" if np.isfinite(times) else "–",
            *(short_money(x) for x in run.forced[:, k].sum(axis=0)),
            f"{run.posted[:, k].min():.0%}",
        )
    closed = int((run.times_closed > 0).sum())
    lines = [
        Text(
            f"{closed:,} accounts closed by {int(run.closed.sum()):,} orders, {int(run.under[-1]):,} still under; "
            f"at most {int(run.rounds.max())} rounds in a step" + _bound(run.unsettled)
        )
    ]
    paid = columns("who paid", "USD")
    for name, amount in (
        ("insurance fund", run.fund_paid.sum()),
        ("deleveraged winners", run.adl.sum()),
        ("socialised", run.socialised.sum()),
        ("nobody: bad debt", run.bad_debt[-1]),
    ):
        loss = amount > 0.0 and name != "insurance fund"
        paid.add_row(name, Text(short_money(float(amount)), style=BAD if loss else "none"))
    parts: list[RenderableType] = [head, Text(""), prices, Text(""), *lines, Text(""), paid, Text("")]
    parts += [Text(line) for line in fund_lines(found)]
    parts.append(Text("money and lots conserved to the unit; makers in a storm are assumed, not calibrated", QUIET))
    return Group(*parts)


def _bound(unsettled: int) -> str:
    return f", {unsettled} steps ended at the bound of rounds" if unsettled else ""


def fund_lines(found: CascadeStudy) -> list[str]:
    """The fund, survival, solvency and thresholds as sentences."""
    run, lines = found.run, []
    if run.fund[0] > 0.0:
        short = "short by " + short_money(float(run.short.sum())) if run.emptied else "never short"
        low = short_money(float(run.fund.min()))
        lines.append(f"fund {short_money(float(run.fund[0]))}, lowest {low}, {short}")
    else:
        lines.append("no insurance fund: survival and depletion have no meaning")
    start, end = solvency(run)
    lines.append(
        f"solvency ratio {start:.4f} before, {end:.4f} after; {short_money(float(run.deleveraged.sum()))} deleveraged"
    )
    s = found.survival
    if s is not None and s.draws > 1:
        lines.append(
            f"the fund lasts in {s.survived} of {s.draws} draws: {s.share:.1%}, "
            f"{s.certainty:.0%} interval {s.low:.1%} to {s.high:.1%}"
        )
    if found.absorption is not None:
        a = found.absorption
        more = f"{a.copies:.3g} times this fleet" + ("" if np.isfinite(a.failing) else " and more")
        lines.append(f"absorbs {short_money(a.notional)} of forced orders in {a.minutes:g} minutes ({more})")
    if found.tolerance is not None:
        t = found.tolerance
        moves = np.log(run.outside / run.outside[0])
        widest = float(moves.flat[np.abs(moves).argmax()])
        shock = f"{np.expm1(t.low * widest):+.1%}"
        lines.append(
            f"takes {t.low:.3g} times this scenario, a move of {shock}" + ("" if np.isfinite(t.high) else " and more")
        )
    return lines
