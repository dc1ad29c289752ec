"""The published table of the lines that were swept."""

from __future__ import annotations

from pathlib import Path

from line_checks import Found, twin
from plimsoll.margin import find_rules, margin_model

PAGE = Path(__file__).resolve().parents[1] / "docs" / "validation" / "lines.md"
TABLE = (
    "| rules | twin | accounts | prices | assessed | pools | sign changes | no line | one | two | more | tangent "
    "books |\n"
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
)


def row(t: Found) -> str:
    """The row of one rule set."""
    kind = twin(margin_model(find_rules(t.rules)))
    counts = [
        t.accounts,
        t.prices,
        t.assessed,
        t.pools,
        t.changes,
        *(t.lines[n] for n in ("0", "1", "2", "3+")),
        t.kinds["tangent"],
    ]
    return f"| {t.rules} | {kind} | " + " | ".join(f"{n:,}" for n in counts) + " |"


def rows() -> dict[str, str]:
    """The rows that are published, by the name of their rules."""
    found = PAGE.read_text(encoding="utf-8").split(TABLE)[1].splitlines()
    return {line.split("|")[1].strip().split("@")[0]: line for line in found}


def accounts_of(line: str) -> int:
    """How many accounts a row is of."""
    return int(line.split("|")[3].replace(",", ""))


def publish(t: Found) -> None:
    """Put the row of one rule set into the page, in the place of an older one of the same name."""
    text = PAGE.read_text(encoding="utf-8")
    told = rows() | {t.rules.split("@")[0]: row(t)}
    PAGE.write_text(text.split(TABLE)[0] + TABLE + "".join(f"{told[n]}\n" for n in sorted(told)), encoding="utf-8")
