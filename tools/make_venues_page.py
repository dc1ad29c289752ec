"""Write `docs/validation/venues.md`: every shipped pack by venue and mode, with how well each of its rules is known.

    python tools/make_venues_page.py [--output FILE] [--check]

A rule is a part of a pack: its first path step, with the number of its leaves under each evidence. With --check nothing
is written and a page that differs fails.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from page_files import keep
from plimsoll.margin import Rules, flatten, model_class, shipped_packs
from plimsoll.margin.changes.wording import words_for

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "validation" / "venues.md"
KNOWN = ("reproduced", "read", "assumed")


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or compare it with what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=PAGE)
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args(arguments)
    return keep({chosen.output: page_of(shipped_packs())}, check=chosen.check)


def page_of(packs: tuple[Rules, ...]) -> str:
    """The page in Markdown: a summary of the rule sets, then the newest pack of each name, rule by rule."""
    newest = {p.name: p for p in packs}
    lines = [
        "# Venue, mode, rule",
        "",
        f"{len(newest)} rule sets in {len(packs)} dated packs (`python tools/make_venues_page.py`). Evidence counts",
        "the numbers of a pack: *reproduced* meets numbers that the venue computed under that very pack, *read* stands",
        "in its rules, *assumed* is our reading where nothing is public. Below, the newest pack of each, rule by rule.",
        "",
        "| venue | pack | until | modes | reproduced | read | assumed |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for pack in sorted(packs, key=lambda p: (venue_of(p) != "house", venue_of(p), p.name, p.effective)):
        counts = Counter(pack.evidence_for(path) for path in flatten(pack.parameters))
        modes = ", ".join(model_class(pack.model).MODES)
        until = "" if pack.until is None else pack.until.isoformat()
        told = " | ".join(str(counts[k]) for k in KNOWN)
        lines.append(f"| {venue_of(pack)} | `{pack.label}` | {until} | {modes} | {told} |")
    for _, pack in sorted(newest.items()):
        lines += ["", f"## {pack.label}", "", *sources(pack), "", *rules_of(pack)]
    return "\n".join(lines) + "\n"


def venue_of(pack: Rules) -> str:
    """The folder that computes the pack: `house` or the venue."""
    module = model_class(pack.model).__module__.split(".")
    return "house" if "house" in module else module[module.index("venues") + 1]


def sources(pack: Rules) -> list[str]:
    """Where the numbers were read, and when."""
    found = []
    for s in pack.sources:
        where = f", {s.reference}" if s.reference else ""
        found.append(f"- {s.title}{where}; captured {s.captured.isoformat()}.")
    return found or ["- no source is named"]


def rules_of(pack: Rules) -> list[str]:
    """One line for each part of the parameters."""
    parts: dict[str, Counter[str]] = {}
    leaves: dict[str, list[str]] = {}
    for path in flatten(pack.parameters):
        head = path.split(".")[0]
        parts.setdefault(head, Counter())[pack.evidence_for(path)] += 1
        leaves.setdefault(head, []).append(path)
    lines = ["| rule | numbers | reproduced | read | assumed |", "| --- | --- | --- | --- | --- |"]
    for head, counts in parts.items():
        words = (
            words_for(head, model_class(pack.model).PARAMETERS) if leaves[head] == [head] else head.replace("_", " ")
        )
        told = " | ".join(str(counts[k]) for k in KNOWN)
        lines.append(f"| {words.replace('|', '/')} | {len(leaves[head])} | {told} |")
    return lines


if __name__ == "__main__":
    raise SystemExit(main())
