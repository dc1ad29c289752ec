"""The published table of the lines that were swept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from line_checks import Found, by_tiers
from plimsoll.margin import find_rules, margin_model

PAGE = Path(__file__).resolve().parents[1] / "docs" / "validation" / "lines.md"
TABLE = (
    "| rules | twin | accounts | prices | pools | sign changes | no line | one | two | more | tangent books |\n"
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
)


def page(tallies: Sequence[Found]) -> str:
    """The table: a row for each rule set."""
    rows = []
    for t in tallies:
        twin = "closed form" if by_tiers(margin_model(find_rules(t.rules))) else "assessed again"
        counts = [
            t.accounts,
            t.prices,
            t.pools,
            t.changes,
            *(t.lines[n] for n in ("0", "1", "2", "3+")),
            t.kinds["tangent"],
        ]
        rows.append(f"| {t.rules} | {twin} | " + " | ".join(f"{n:,}" for n in counts) + " |\n")
    return TABLE + "".join(rows)
