"""A judgement as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from plimsoll.validate.judge import Judgement, Verdict


def coverage_table(judged: Judgement, model: str) -> Table:
    """A row for each book over all days: exceptions, their share in percent, Holm's p-value, the light, cost, steps.

    `mean` and `short` are the mean margin and shortfall in percent of a coin, `need` the mean margin over what
    hindsight needed, `peak` the largest margin over the smallest; `*` marks a rejection, `!` a need beyond the ceiling.
    `iv` is the most exceptions with the errors of the volatility proxy drawn in, `-` for books without options.
    """
    from rich.table import Table

    title = f"{model} at {1 - judged.level:.3g} (iv: proxy in books with a number under iv)"
    table = Table(box=None, padding=(0, 1, 0, 0), title=title, title_justify="left")
    table.add_column("book", no_wrap=True)
    heads = ("days", "beyond", "iv", "95 %, %", "Holm", "light", "mean", "need", "short", "peak")
    for heading in heads:
        table.add_column(heading, justify="right", no_wrap=True)
    studies = {s.book: s for s in judged.studies if s.model == model}
    for v in (v for v in judged.verdicts if v.model == model and v.regime == "all"):
        s = studies[v.book]
        table.add_row(
            v.book,
            str(v.days),
            str(v.exceptions),
            "-" if v.noisy is None or v.on_chains is None else str(max(v.noisy[1], v.on_chains[1])),
            f"{100 * v.low:.1f}-{100 * v.high:.1f}",
            chance(v.adjusted) + ("*" if v.rejected() else ""),
            f"{s.light} {s.light_exceptions}",
            f"{100 * v.mean:.2f}",
            f"{v.conservatism:.2f}" + ("!" if v.conservatism > judged.ceiling else ""),
            f"{100 * v.shortfall.mean:.2f}",
            f"{s.peak_to_trough:.1f}",
        )
    return table


def rejection_lines(judged: Judgement, model: str) -> Iterator[str]:
    """Every rejection in words."""
    found = judged.rejections(model)
    if not found:
        yield f"{model}: no coverage of {1 - judged.level:.3g} is rejected, over all books and regimes (Holm, 5 %)"
    for v in found:
        yield f"{model}: {sentence(v)}"


def unclaimed_lines(judged: Judgement, model: str) -> Iterator[str]:
    """The books with options whose coverage over all days is not claimed, though without the proxy's error it would."""
    for v in (v for v in judged.verdicts if v.model == model and v.regime == "all"):
        if v.noisy is not None and v.on_chains is not None and v.one_sided >= 0.05 and not v.claimed():
            yield (
                f"{model}: {v.book}: no coverage is claimed (iv: proxy): with the proxy's errors up to {v.noisy[1]} "
                f"(level) and {v.on_chains[1]} (chains) of {v.days} beyond, {v.level * v.days:.0f} promised"
            )


def sentence(v: Verdict) -> str:
    """One rejection."""
    where = "all days" if v.regime == "all" else f"{v.regime} days"
    return (
        f"{v.book}, {where}: {v.exceptions} of {v.days} beyond, {v.level * v.days:.0f} promised, {v.side} "
        f"(p {chance(v.p_value)}, Holm {chance(v.adjusted)})"
    )


def chance(p: float) -> str:
    """A p-value in at most six characters."""
    return f"{p:.3f}" if p >= 0.0005 else f"{p:.0e}"
