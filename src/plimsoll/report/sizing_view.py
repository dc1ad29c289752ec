"""Sizes, buffers, remedies and the cost of margin as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from plimsoll.report.amounts import money

if TYPE_CHECKING:
    from plimsoll.liquidation.passage import Estimate
    from plimsoll.optimise.sizing import KellyTerms, Means, Sizes

STRONG, QUIET = "bold", "dim"


def percent(x: float) -> str:
    """A probability in per cent."""
    return f"{100.0 * x:.3g} %"


def chance_text(c: Estimate) -> str:
    """A probability with its error and its upper limit."""
    return f"{percent(c.value)} ± {percent(c.error)} (below {percent(c.at_most)} with 95 %)"


def table(*columns: tuple[str, bool]) -> Table:
    """A table without lines; the second of each column says whether it is of numbers."""
    made = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name, right in columns:
        made.add_column(name, justify="right" if right else "left", no_wrap=right)
    return made


def kelly_view(found: Sizes, means: Means, terms: KellyTerms, rules: str, told: str) -> RenderableType:
    """The sizes with what each step took of them, growth, margin and calls."""
    held = sum(abs(float(h)) for h in found.held)
    head = Text(f"HOLD {held:.3g} x wealth" if held else "HOLD NOTHING", style="green" if held else "yellow")
    head.append(f"  of {money(terms.wealth, 'USD')} for {found.days:g} days under {rules}", STRONG)
    rows = table(
        ("instrument", False),
        ("Σ⁻¹μ", True),
        ("Kelly", True),
        ("limited", True),
        ("held", True),
        ("USD", True),
        ("contracts", True),
    )
    numbers = zip(found.plain, found.full, found.sized, found.held, found.contracts, strict=True)
    for name, (p, f, s, h, c) in zip(found.names, numbers, strict=True):
        rows.add_row(name, *(f"{x:+.3f}" for x in (p, f, s, h)), f"{h * terms.wealth:+,.0f}", f"{c:+,.4g}")
    drift = table(("mean a year", False), ("drift", True), ("error", True), ("volatility", True))
    for k, name in enumerate(means.names):
        sigma = float(means.covariance[k, k]) ** 0.5
        drift.add_row(name, *(percent(float(x)) for x in (means.mean[k], means.error[k], sigma)))
    lines = [
        f"fraction {found.fraction:.3g}: {terms.fraction:g} asked for"
        + (f", {means.fraction:.3g} for means that are estimates" if terms.shrink else ", means taken for known"),
        f"growth over the horizon: {percent(found.growth[1])} of Kelly's {percent(found.growth[0])};"
        f" on other paths {percent(found.growth_outside)}",
        f"no sizes within the limits are better by more than {found.gap:.1e} (before the fraction)",
        f"initial margin {money(found.margin, 'USD')}, {percent(found.margin / terms.wealth)} of wealth"
        f" (at most {percent(terms.margin)})",
        f"margin call: {chance_text(found.called)}",
        f"on other paths: {chance_text(found.called_outside)}; asked for at most {percent(terms.called)}",
    ]
    binding = [name for name, price in found.price.items() if price > 1e-9]
    if found.part < 1.0:
        binding.append(f"margin calls (sizes times {found.part:.3f})")
    lines.append("binding: " + (", ".join(binding) or "nothing but the fraction"))
    parts: list[RenderableType] = [head, Text(""), rows, Text(""), drift, Text("")]
    parts += [Text(line) for line in lines]
    parts += [Text(note, QUIET) for note in (*found.notes, f"means: {means.source}", told)]
    return Group(*parts)
