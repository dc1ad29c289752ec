"""Write `docs/validation/unpinned.md`: the numbers of the rule packs that no outside case holds in place.

    python tools/make_unpinned_page.py [--vectors FOLDER] [--output FILE] [--check]

FOLDER holds the outside vectors (default: `../shared/vectors` beside the project). With --check nothing is written and
a page that differs fails. How a number is moved and what counts as pinned: `plimsoll.conformance.mutation`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from page_files import keep
from plimsoll.conformance.mutation import Pin, Probe, gate
from plimsoll.conformance.mutation_cases import CaseProbe
from plimsoll.conformance.mutation_vectors import LOCATORS, VectorProbe
from plimsoll.conformance.shipped import shipped_cases
from plimsoll.margin import Rules, shipped_packs

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "validation" / "unpinned.md"

HEAD = """# Unpinned parameters

Each number of each shipped rule pack is moved by 1 % (zero to 0.01, a count by one, a flag to its opposite) and the
outside cases are run again. A number is **pinned** when a case that holds this very number then fails. A case that
has the parameter with another value, or for another date, can pin the **formula** only: the number then rests on its
source alone.

- The house models and Deribit's are run on the shipped case documents: fixtures and tables printed in this project's
  specification, worked examples of the venue, captured answers. A case pins numbers of the pack it is run under. One
  that is run under another pack of the model, or under rates of its own, speaks of those: a number that is equal by
  chance, or has not changed since, is listed with the rule set under which the case holds it. Where a number gives a
  scenario its name, the name is not an outside number: the others decide.
- The cases of Derive's managers carry parameters, scenario tables and haircuts of their own and no date, so the same
  parameter is moved in the case. Scenarios are matched by spot and volatility shock, haircuts of PMRM_2 by asset and
  by whether it moves with the scenarios, terms of a single SRM market by its name (only that market's are moved then),
  the SRM defaults by whether the case's markets rest on them in the pack. The auction is tested on accounts of the
  first portfolio manager; its numbers count for that pack alone.

What is not pinned is listed below, with how well the pack knows it: `read` in the venue's rules or deploy constants
(with which `tests/conformance/test_deploy_constants.py` compares the packs) or `assumed` by this project. Nothing
here is `reproduced`: that is kept for numbers that are pinned (`tests/conformance/test_evidence.py`).

Written by `python tools/make_unpinned_page.py`, not by hand.
"""


def survey(vectors: Path) -> dict[str, list[Pin]]:
    """Every number of every shipped pack, by pack."""
    documents = CaseProbe(shipped_cases())
    probes: dict[str, Probe] = {model: VectorProbe.load(model, vectors) for model in LOCATORS}
    return {rules.label: gate(rules, probes.get(rules.model, documents)) for rules in shipped_packs()}


def page(pins: dict[str, list[Pin]]) -> str:
    """The page as Markdown."""
    lines = [
        HEAD,
        "| pack | numbers | pinned | formula pinned, number not | neither |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for label, rows in pins.items():
        formula = sum(p.formula and not p.pinned for p in rows)
        loose = sum(not p.formula for p in rows)
        lines.append(f"| {label} | {len(rows)} | {sum(p.pinned for p in rows)} | {formula} | {loose} |")
    packs = {rules.label: rules for rules in shipped_packs()}
    run = {case.rule_set().label for case in shipped_cases() if isinstance(case.rules, str)}
    for label, rows in pins.items():
        lines += ["", f"## {label}", "", *_verdict(label, rows, run), "| parameter | value | evidence | why |"]
        lines += ["| --- | ---: | --- | --- |"]
        lines += [
            f"| `{p.path}`{_row(packs[label], p.path)} | {_shown(p)} | {p.evidence} | {p.why} |"
            for p in rows
            if not p.pinned
        ]
    return "\n".join(lines) + "\n"


def _verdict(label: str, rows: list[Pin], run: set[str]) -> list[str]:
    """A sentence on a pack of which nothing is pinned; `run` are the packs that case documents are run under."""
    if any(p.pinned for p in rows):
        return []
    if label in run:
        return ["Wholly unpinned: the outside cases that are run under this pack notice none of its numbers.", ""]
    if any(p.carried for p in rows):
        return ["Wholly unpinned: no outside case is run under this pack; those of its model speak of others.", ""]
    return ["Wholly unpinned: no outside case speaks of this model.", ""]


def _shown(pin: Pin) -> str:
    return str(pin.value).lower() if isinstance(pin.value, bool) else f"{pin.value:g}"


def _row(rules: Rules, path: str) -> str:
    """Which scenario a path through a table speaks of."""
    match path.split("."):
        case ["scenario_tables", table, index, _]:
            row = rules.parameters["scenario_tables"][table][int(index)]
            return f" (spot {row['spot_shock']:g}, vol {row['vol_shock']})"
        case ["scenarios", index, _]:
            row = rules.parameters["scenarios"][int(index)]
            if "spot_shock" in row:
                return f" (spot {row['spot_shock']:g}, vol {row['vol_shock']})"
            if "price" in row:
                return f" (price {row['price']:.3g} ranges, vol {row['vol']:g})"
            return f" (move {row['move']:g}, vol {row['vol']:g})"
        case ["extended_moves", index]:
            return f" (move {rules.parameters['extended_moves'][int(index)]:g})"
    return ""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write or check the page of unpinned parameters.")
    parser.add_argument("--vectors", type=Path, default=ROOT.parent / "shared" / "vectors", help="the outside vectors")
    parser.add_argument("--output", type=Path, default=PAGE, help="the page")
    parser.add_argument("--check", action="store_true", help="write nothing, fail where the page is stale")
    chosen = parser.parse_args(arguments)
    pins = survey(chosen.vectors)
    text = page(pins)
    for label, rows in pins.items():
        print(f"{label}: {sum(p.pinned for p in rows)} of {len(rows)} pinned")
    return keep({chosen.output: text}, check=chosen.check)


if __name__ == "__main__":
    sys.exit(main())
