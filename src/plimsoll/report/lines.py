"""The liquidation line in words and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from plimsoll.report.amounts import exact_percent, health_words, money

if TYPE_CHECKING:
    from plimsoll.liquidation import Line, Liquidation, PoolLines
    from plimsoll.liquidation.sigma import Sigma

LOSS, STRONG, QUIET = "red", "bold", "dim"

SIDES = {"falling": "below it", "rising": "above it", "touching": "nowhere: it touches"}
"""Where the pool is under its line, seen from the price of the line."""


def move_words(move: float) -> str:
    """A move as people read it: `-6.21%`, `+9900%`.

    >>> move_words(-0.062134), move_words(99.0), move_words(-0.99912)
    ('-6.21%', '+9900%', '-99.912%')
    """
    if abs(move) < 0.95:
        return exact_percent(round(move, 4))
    return f"{move * 100:+.5g}%"


def nearest_lines(pool: PoolLines) -> list[Line]:
    """The nearest line on each side of today's prices, in the order of the price."""
    return [x for x in (pool.nearest(-1), pool.nearest(1)) if x is not None]


def line_words(found: Liquidation) -> str:
    """The nearest lines of an account in a sentence, pool by pool where it has several."""
    several = len(found.pools) > 1
    within = f"from {move_words(found.searched[0] - 1.0)} to {move_words(found.searched[1] - 1.0)}"
    parts = [(f"{p.subject}: " if several else "") + _pool_words(p, within) for p in found.pools]
    return "; ".join(parts)


def _pool_words(pool: PoolLines, within: str) -> str:
    if not pool.lines:
        return f"{'above' if pool.above else 'below'} the line for every move {within}"
    met = " or ".join(_met(x) for x in nearest_lines(pool))
    more = len(pool.lines) - len(nearest_lines(pool))
    beyond = f", {more} further" if more > 0 else ""
    start = "the line is reached at" if pool.above else "below the line now; back above it at"
    return f"{start} {met}{beyond}"


def _met(line: Line) -> str:
    far = "" if line.deviations is None else f" ({line.deviations:.3g} daily sd)"
    return move_words(line.move) + far


def lines_view(found: Sequence[Liquidation]) -> RenderableType:
    """A row for each rule set: its nearest lines in words."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    for one in found:
        table.add_row(one.rules, Text(line_words(one), style=STRONG))
    said = "; ".join(dict.fromkeys(one.assumptions[0] for one in found))
    return Group(table, Text(f"{said}; at once", QUIET)) if found else table


def liquidation_view(found: Liquidation) -> RenderableType:
    """Every line of every pool, nearest first, with the standing today and what was assumed."""
    title = Text(found.account or "account", style=STRONG)
    title.append(f"  under {found.rules}", style="none")
    parts: list[RenderableType] = [title, Text("")]
    for p in found.pools:
        style = "none" if p.above else LOSS
        health = health_words(p.equity / p.maintenance if p.maintenance > 0 else None)
        head = Text(p.subject, style=STRONG)
        head.append(
            f"  equity {money(p.equity, found.currency, 2)}, maintenance {money(p.maintenance, found.currency, 2)}, "
            f"health {health}",
            style=style,
        )
        parts.append(head)
        if not p.above:
            parts.append(Text(f"below its line by {money(p.shortfall, found.currency, 2)}: liquidation", style=LOSS))
        parts += [_lines(found, p), Text("")]
    parts += [Text(text, QUIET) for text in dict.fromkeys(_sigma_words(p.sigma) for p in found.pools if p.lines)]
    parts += [Text(f"assumed: {a}", QUIET) for a in found.assumptions]
    parts += [Text(f"note: {n}", QUIET) for n in found.notes]
    return Group(*parts)


def _sigma_words(sigma: Sigma) -> str:
    if sigma.annual is None:
        return f"no daily sd: {sigma.source}"
    return f"daily sd {sigma.annual / 365**0.5:.3%} of the price: {sigma.source}"


def _lines(found: Liquidation, pool: PoolLines) -> RenderableType:
    if not pool.lines:
        low, high = (move_words(x - 1.0) for x in found.searched)
        side = "above" if pool.above else "below"
        return Text(f"  no line from {low} to {high}: {side} it everywhere")
    moving = [u for u, b in found.path.betas.items() if b != 0.0 and u in pool.lines[0].prices]
    ranked = sorted(moving, key=lambda u: (u != pool.lead, u))[:3]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("  line", justify="right")
    for u in ranked:
        table.add_column(f"{u} at", justify="right", no_wrap=True)
    table.add_column("daily sd", justify="right")
    table.add_column("liquidated" if pool.above else "liquidation")
    for x in pool.lines:
        far = "–" if x.deviations is None else f"{x.deviations:.2f}"
        where = SIDES[x.side] + (" (a jump)" if x.jump else "")
        table.add_row(move_words(x.move), *(price_words(x.prices[u]) for u in ranked), far, where)
    return table


def round_price(price: float) -> str:
    """A price in USD as a picture shows it.

    >>> round_price(65659.1234), round_price(123.456)
    ('65,659', '123.46')
    """
    return f"{price:,.0f}" if price >= 1000 else price_words(price)


def price_words(price: float) -> str:
    """A price in USD with the digits that its size needs.

    >>> price_words(65659.1234), price_words(12.345678), price_words(0.0001234567)
    ('65,659.12', '12.3457', '0.00012346')
    """
    if price >= 100:
        return f"{price:,.2f}"
    return f"{price:.4f}" if price >= 1 else f"{price:.5g}"
