"""The cheapest rates against the governed rule as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from plimsoll.documents import format_instant
from plimsoll.market.history import instant_of

if TYPE_CHECKING:
    from plimsoll.optimise.rate_rules import RateStudy

STRONG, QUIET = "bold", "dim"
LEVEL = 0.05


def verdict(found: RateStudy) -> str:
    """One sentence on the governed rule at equal coverage."""
    test = found.tests["governed"]
    part = test.mean / test.before
    if test.smaller < LEVEL:
        return f"cheaper than the governed rule by {_part(-part, 1)} at equal coverage ({_chance(test.smaller)})"
    if test.larger < LEVEL:
        return f"dearer than the governed rule by {_part(part, 1)} at equal coverage ({_chance(test.larger)})"
    return f"no different from the governed rule at equal coverage ({_chance(test.smaller)})"


def rate_rule_view(found: RateStudy) -> RenderableType:
    """Held out: coverage, mean rate as published and at equal coverage, how it swings; and the rates by state now."""
    states = found.methods[0]
    kept = states.score.coverage >= found.rule.coverage
    head = Text("COVERED" if kept else "NOT COVERED", style="green" if kept else "red")
    head.append(f"  {_part(states.score.coverage, 2)} of {_part(found.rule.coverage, 1)} wanted, held out", STRONG)
    parts: list[RenderableType] = [head, Text(verdict(found)), Text(""), _methods(found)]
    since = format_instant(instant_of(found.start))[:10]
    parts.append(
        Text(
            f"{', '.join(found.assets)} from {since} on; in hindsight, constant over {found.block} bars: "
            f"{_part(found.hindsight, 2)} (none is below {_part(found.hindsight_bound, 2)})",
            QUIET,
        )
    )
    parts += [Text(""), _states(found)]
    return Group(*parts)


def _table(*columns: tuple[str, bool]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name, right in columns:
        table.add_column(name, justify="right" if right else "left")
    return table


def _methods(found: RateStudy) -> Table:
    table = _table(
        ("rates", False),
        ("coverage", True),
        ("mean", True),
        ("equal", True),
        ("p", True),
        ("peak", True),
        ("30 d", True),
    )
    for m in found.methods:
        test = found.tests.get(m.name)
        table.add_row(
            m.name,
            _part(m.score.coverage, 2),
            _part(m.score.mean, 2),
            _part(m.equal, 2),
            "" if test is None else _chance(test.smaller)[2:],
            f"{m.score.peak_to_trough:.2f}",
            f"{m.score.rise_30d:+.0%}",
            style=STRONG if m is found.methods[0] else "none",
        )
    return table


def _states(found: RateStudy) -> Table:
    """The rates last learnt, calm to stormy."""
    most = max(rows[-1].rates.size for rows in found.learnt.values())
    table = _table(
        ("by state", False), *((("calm" if k == 0 else "storm" if k == most - 1 else ""), True) for k in range(most))
    )
    for name, rows in found.learnt.items():
        last = rows[-1]
        table.add_row(name, *(_part(r, 1) for r in last.rates.tolist()))
    return table


def _chance(p: float) -> str:
    return "p < 0.0001" if p < 1e-4 else f"p {p:.4f}"


def _part(value: float, decimals: int) -> str:
    return f"{value:.{decimals}%}"
