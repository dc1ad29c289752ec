"""What hedges save on recorded quotes: `docs/validation/hedges.md`.

    python tools/measure_hedges.py [--books N] [--output FILE]

N books of two kinds (30 of each), seeds 0 to N - 1, on the option chain of Deribit at noon of 30 January 2026, BTC,
under Deribit's portfolio margin of that day. A maker holds 24 options of both signs, 1 to 10 coins each, and as much of
the perpetual as takes their delta away; a directional book holds 1 to 4 options that lean the same way, in four of ten
cases with the perpetual. Each has 20 BTC. Only contracts with a quote on the side that is traded, at most 25 coins of
each, and none that expires within a week. A dollar of margin freed is worth 0.02. Deltas stay, and no loss beyond the
grids grows: the defaults of `plimsoll optimise hedge`. Seconds are CPU time of the whole answer, ticket included.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import plimsoll as pl
from plimsoll.optimise import Answer, Desk, Holding, Wish, hedge, make_desk
from recorded_books import KINDS, NOON, RULES, TERMS, WORTH, book, snapshot

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Row:
    """One book and its answer."""

    kind: str
    seed: int
    answer: Answer
    seconds: float


def run(kind: str, seed: int, market: pl.Market) -> Row:
    """One book, hedged."""
    account = book(kind, seed, market)
    begun = time.process_time()
    desk: Desk = make_desk(market, [Holding("book", account, pl.margin_model(RULES))], terms=TERMS, horizon_days=7.0)
    answer = hedge(desk, Wish(worth=WORTH))
    return Row(kind, seed, answer, time.process_time() - begun)


def page(rows: list[Row], books: int) -> str:
    """The page."""
    columns = (
        "kind", "books", "with a saving", "margin before", "after", "cost", "freed by the dollar, median",
        "largest gap", "CPU seconds, median", "worst",
    )  # fmt: skip
    lines = [
        "# Hedges on recorded quotes",
        "",
        f"{books} books of each kind, measured by `python tools/measure_hedges.py --books {books}`, whose docstring",
        f"says how they are drawn and what may be traded. Rules `{RULES}`, quotes of Deribit, {NOON}. Margin is",
        "initial margin under the exact rules, US dollars; the objective is 0.02 of it and the cost of the trades.",
        f"Seconds are of one core ({platform.machine()}, {os.cpu_count()} cores, shared with other work).",
        "",
        "| " + " | ".join(columns) + " |",
        "| --- |" + " ---: |" * (len(columns) - 1),
        *(_summary(kind, [r for r in rows if r.kind == kind]) for kind in KINDS),
        "",
        _local(rows),
        "No book is worse than at its start: that is how an answer is made. The loss outside is the worst at moves of",
        "30 to 60 %, falls and rises apart; where it is a loss it never grows.",
        "",
        "## Every book",
        "",
        "| book | answer | margin | after | cost | trades | worst loss outside | after | gap |",
        "| --- | --- |" + " ---: |" * 7,
        *(_line(r) for r in rows),
    ]
    return "\n".join(lines) + "\n"


def _local(rows: list[Row]) -> str:
    local = sum(r.answer.gap is None for r in rows)
    if not local:
        return "Every answer has a bound, over the trades that stay within the threshold of the delta shock.\n"
    return (
        f"{local} of the {len(rows)} answers are local: the delta of the book lies above the threshold of the delta\n"
        "shock, where the form is a bound, and convex steps are priced again one by one.\n"
    )


def _summary(kind: str, rows: list[Row]) -> str:
    own = [r.answer for r in rows]
    better = [a for a in own if a.saving > 0.0]
    freed = [a.relief / a.cost for a in better if a.cost > 0.0]
    seconds = [r.seconds for r in rows]
    gap = max((a.gap for a in own if a.gap is not None), default=0.0)
    cells = (
        kind,
        f"{len(own)}",
        f"{len(better)}",
        f"{sum(a.capital[0] for a in own):,.0f}",
        f"{sum(a.capital[1] for a in own):,.0f}",
        f"{sum(a.cost for a in own):,.0f}",
        f"{np.median(freed) if freed else 0.0:,.0f}",
        f"{gap:.0e}",
        f"{np.median(seconds):.1f}",
        f"{max(seconds):.1f}",
    )
    return "| " + " | ".join(cells) + " |"


def _line(row: Row) -> str:
    a = row.answer
    cells = (
        f"{row.kind} {row.seed}",
        a.status,
        f"{a.capital[0]:,.0f}",
        f"{a.capital[1]:,.0f}",
        f"{a.cost:,.0f}",
        f"{len(a.ticket.steps)}",
        f"{a.outside[0]:,.0f}",
        f"{a.outside[1]:,.0f}",
        "–" if a.gap is None else f"{a.gap:.0e}",
    )
    return "| " + " | ".join(cells) + " |"


def main(arguments: list[str] | None = None) -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--books", type=int, default=30)
    parser.add_argument("--output", default=str(ROOT / "docs" / "validation" / "hedges.md"))
    given = parser.parse_args(arguments)
    market, rows = snapshot(), list[Row]()
    for kind in KINDS:
        for seed in range(given.books):
            rows.append(run(kind, seed, market))
            answer = rows[-1].answer
            margins = f"{answer.capital[0]:,.0f} to {answer.capital[1]:,.0f}"
            print(f"{kind} {seed}: {answer.status}, {margins}, {rows[-1].seconds:.1f} s", flush=True)
    Path(given.output).write_text(page(rows, given.books), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
