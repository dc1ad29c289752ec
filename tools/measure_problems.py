"""What the optimiser saves by problem, on 60 books and the quotes of a day: `docs/validation/problems.md`.

    python tools/measure_problems.py [--books N] [--problems hedge,place,...] [--check] [--again]

Each row is kept in `tools/measured/problems.json` as soon as it is there: a run that was stopped goes on where it was.
`--again` measures what is asked for anew, `--check` only compares the page with the recorded rows. The books are
described in `tools/recorded_books.py`, the problems in `tools/recorded_problems.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from page_files import keep
from recorded_books import KINDS, NOON, RULES, snapshot
from recorded_problems import PROBLEMS, Row, solve

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "validation" / "problems.md"
MEASURED = ROOT / "tools" / "measured" / "problems.json"
Rows = dict[tuple[str, str, int], Row]

AMOUNTS = {
    "hedge": ("trades that free margin", "initial margin", "trades"),
    "capital": ("trades that free capital, breach 1 %, transfer 4 h", "capital", "trades"),
    "place": ("two accounts of Deribit, PM or SM", "initial margin", "trades"),
    "collateral": ("two accounts and a wallet", "cost in 30 days", "moves, once; in `after` too"),
    "joint": ("the same, trades and modes too", "cost in 30 days", "trades and moves, once; in `after` too"),
    "buffer": ("called within 3 days at most 3 %", "collateral", "carry of what is added"),
}
"""What each problem is, what stands under before and after, and what the cost is of."""

INTRO = f"""# What is saved, by problem

`python tools/measure_problems.py --books 30`. Generated, not edited.

Books of two kinds, maker and directional, on the option chain of Deribit, {NOON}, under
`{RULES}`: those of [hedges](hedges.md), drawn with fixed seeds. What each problem asks is said in
`tools/recorded_problems.py`. Amounts are US dollars summed over the books; before and after are by the exact rules. A
saving is what the objective is lower by; the gap is relative to the bound. Seconds are CPU time of a whole answer,
ticket and re-check included."""

NOTES = """- **Gap.** The largest of the answers with a bound. `local` counts those without: a rule set that was tried
  (standard margin; the house model beside trades) or the delta of the book has a form that is only a bound. Such an
  answer is better than the start by the exact rules, and claims no more.
- **Place** begins with every position split at random, so that much of what is saved is what the split cost. The desk
  keeps its delta, and pays quotes and fees on both sides of what the accounts exchange.
- **Collateral and joint** begin with 1.3 times the margin in BTC at Deribit and in USDC at the house model, where a
  dollar is forgone at 4 % a year; coins, which cost nothing to hold, lie in the wallet for half of it. Before and after
  are what that costs in 30 days, rates and fees of the assumed terms.
- **Buffer** compares what is needed with the 20 BTC that every book was given: what lies there too much or too little,
  and no saving by trades. Where initial margin asks for more than the probability does, the line says that it binds."""


def recorded(market_hash: str | None) -> Rows:
    """Rows that were measured before. Raises `SystemExit` where they are of another market."""
    if not MEASURED.is_file():
        return {}
    content = json.loads(MEASURED.read_text(encoding="utf-8"))
    if market_hash not in (None, content["market"]):
        raise SystemExit(f"{MEASURED.name} is of another snapshot: remove it to begin again")
    rows = [Row(**r) for r in content["rows"]]
    return {(r.problem, r.kind, r.seed): r for r in rows}


def record(rows: Rows, market_hash: str) -> None:
    """All rows, one a line, in the order of the page; a file that is never half written."""
    lines = ",\n".join(json.dumps(r.to_dict()) for r in _ordered(rows.values()))
    beside = MEASURED.with_suffix(".partly")
    MEASURED.parent.mkdir(parents=True, exist_ok=True)
    beside.write_text(f'{{"market": "{market_hash}", "rows": [\n{lines}\n]}}\n', encoding="utf-8")
    os.replace(beside, MEASURED)


def page(rows: Iterable[Row]) -> str:
    """The page of all rows."""
    own = _ordered(rows)
    columns = (
        "problem", "kind", "books", "with a saving", "what", "before", "after", "cost", "saving",
        "largest gap", "local", "CPU seconds, median", "worst",
    )  # fmt: skip
    groups = [
        (p, k, found) for p in PROBLEMS for k in KINDS if (found := [r for r in own if (r.problem, r.kind) == (p, k)])
    ]
    lines = [INTRO, "", "| " + " | ".join(columns) + " |", "| --- | --- | ---: | ---: | --- |" + " ---: |" * 8]
    lines += [_summary(p, k, found) for p, k, found in groups]
    lines += ["", "| problem | what it is | cost |", "| --- | --- | --- |"]
    lines += [f"| {p} | {AMOUNTS[p][0]} | {AMOUNTS[p][2]} |" for p in PROBLEMS]
    lines += ["", NOTES, *_fresh(own), "", "## Books without a saving", ""]
    without = [r for r in own if r.saving <= 0.0]
    if without:
        lines += ["| problem | book | why |", "| --- | --- | --- |"]
        lines += [f"| {r.problem} | {r.kind} {r.seed} | {r.why.replace('|', '/')} |" for r in without]
    else:
        lines.append("None.")
    head = "| book | answer | before | after | cost | saving | gap | seconds | |"
    for p in PROBLEMS:
        found = [r for r in own if r.problem == p]
        if found:
            lines += ["", f"## Every book: {p}", "", head, "| --- | --- |" + " ---: |" * 6 + " --- |"]
            lines += [_line(r) for r in found]
    return "\n".join(lines) + "\n"


def _fresh(rows: list[Row]) -> list[str]:
    """What fresh paths said, and where the paths asked for more than margin."""
    asked = [r for r in rows if r.held is not None]
    if not asked:
        return []
    held = sum(bool(r.held) for r in asked)
    refused = ", ".join(f"{r.kind} {r.seed}" for r in asked if not r.held)
    plain = sum(r.detail == "buffer 0, then 0" for r in asked)
    text = f"- **Capital** was held against 500 fresh paths: they agree in {held} of {len(asked)} books"
    text += f" (not in {refused})" if refused else ""
    return [text + f". In {plain} initial margin is more than the paths ask for, before and after: capital is margin."]


def _summary(problem: str, kind: str, rows: list[Row]) -> str:
    gaps = [r.gap for r in rows if r.gap is not None]
    seconds = [r.seconds for r in rows]
    cells = (
        problem,
        kind,
        f"{len(rows)}",
        f"{sum(r.saving > 0.0 for r in rows)}",
        AMOUNTS[problem][1],
        f"{sum(r.before or 0.0 for r in rows):,.0f}",
        f"{sum(r.after or 0.0 for r in rows):,.0f}",
        f"{sum(r.cost for r in rows):,.0f}",
        f"{sum(r.saving for r in rows):,.0f}",
        f"{max(gaps):.0e}" if gaps else "–",
        "–" if problem == "buffer" else f"{sum(r.gap is None and r.before is not None for r in rows)}",
        f"{np.median(seconds):.1f}",
        f"{max(seconds):.1f}",
    )
    return "| " + " | ".join(cells) + " |"


def _line(row: Row) -> str:
    amounts = ("–" if x is None else f"{x:,.0f}" for x in (row.before, row.after, row.cost, row.saving))
    gap = "–" if row.gap is None else f"{row.gap:.0e}"
    cells = (f"{row.kind} {row.seed}", row.status, *amounts, gap, f"{row.seconds:.1f}", row.detail)
    return "| " + " | ".join(cells) + " |"


def _ordered(rows: Iterable[Row]) -> list[Row]:
    places = {p: k for k, p in enumerate(PROBLEMS)}
    return sorted(rows, key=lambda r: (places[r.problem], KINDS.index(r.kind), r.seed))


def main(arguments: list[str] | None = None) -> int:
    """Measure what is missing and write, or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--books", type=int, default=30, help="of each kind")
    parser.add_argument("--problems", default=",".join(PROBLEMS), help="names with commas; all of them")
    parser.add_argument("--again", action="store_true", help="measure anew what is recorded")
    parser.add_argument("--check", action="store_true", help="compare the page with the recorded rows, run nothing")
    given = parser.parse_args(arguments)
    if given.check:
        return keep({PAGE: page(recorded(None).values())}, check=True)
    names = given.problems.split(",")
    stray = [n for n in names if n not in PROBLEMS]
    if stray or given.books < 1:
        parser.error(f"--problems {stray}: of {', '.join(PROBLEMS)}; --books at least 1")
    market = snapshot()
    rows = recorded(market.hash())
    # seed by seed, so that a run that is stopped has as many books of each problem
    asked = [(p, kind, seed) for seed in range(given.books) for p in names for kind in KINDS]
    todo = [key for key in asked if given.again or key not in rows]
    for done, (problem, kind, seed) in enumerate(todo, 1):
        row = rows[problem, kind, seed] = solve(problem, kind, seed, market)
        record(rows, market.hash())
        amounts = (
            "refused" if row.before is None else f"{row.before:,.0f} to {row.after:,.0f}, saving {row.saving:,.0f}"
        )
        print(f"{done}/{len(todo)} {problem} {kind} {seed}: {row.status}, {amounts}, {row.seconds:.1f} s", flush=True)
    return keep({PAGE: page(rows.values())}, check=False)


if __name__ == "__main__":
    sys.exit(main())
