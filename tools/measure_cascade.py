"""How far a cascade follows its assumptions: docs/validation/cascade.md.

    python tools/measure_cascade.py [--check]

One random fleet (seed 7) through two shipped crashes in steps of five minutes; every assumption of the storm at other
values, one at a time. No recorded data but what the package ships.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import fill

from page_files import keep
from plimsoll.feeds.sample_fleet import sample_fleet_arrays, sample_schedule
from plimsoll.laboratory.assumed import Varied, sensitivity
from plimsoll.laboratory.calm import default_liquidity
from plimsoll.laboratory.policy import StaticRates
from plimsoll.laboratory.setup import CascadeVenue
from plimsoll.report.amounts import short_money
from plimsoll.report.assumed_view import cells
from plimsoll.scenarios.stress import shipped_scenarios, stress_path

ROOT = Path(__file__).resolve().parent.parent
SCENARIOS = ("march-2020", "october-2025")
ACCOUNTS, FUND, STEP, SEED = 10_000, 2e6, 300.0, 7
HEAD = (
    "| assumed | value | amplification | forced | fund paid | fund short | winners paid | bad debt |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
)


def measured(scenario: str) -> tuple[Varied, ...]:
    """The table of one crash."""
    schedule, venue = sample_schedule(), CascadeVenue(insurance_fund=FUND)
    fleet = sample_fleet_arrays(schedule, venue, ACCOUNTS, SEED)
    path = stress_path(shipped_scenarios().named(scenario), fleet.underlyings, STEP, seed=SEED)
    return sensitivity(fleet, path, default_liquidity(), venue, StaticRates(schedule), seed=SEED)


def page(tables: dict[str, tuple[Varied, ...]]) -> str:
    """The page of results."""
    lines = [
        "# What a cascade owes to its assumptions",
        "",
        fill(
            f"{ACCOUNTS:,} random accounts (seed {SEED}), an insurance fund of {FUND / 1e6:g} million dollars, steps "
            f"of {STEP:g} seconds, by `python tools/measure_cascade.py`; for a fleet of your own `plimsoll cascade run "
            "--sensitivity`. Calm depth and refill were recorded within minutes of one day "
            "([depth](depth.md)); what makers and the venue's engine do in a storm has not been, and is assumed. "
            "So no figure of a cascade is worth more than what stays of it here: one assumption is changed at a time, "
            "accounts and seed are the same. *Depth* multiplies what the scenario leaves of the posted depth; *refill* "
            "is only ever lowered; the others are fields of `plimsoll schema liquidity` and `cascade-venue`.",
            150,
        ),
    ]
    for name, rows in tables.items():
        lines += [
            "",
            f"## {name}",
            "",
            *HEAD,
            *("| " + " | ".join(cells(row)) + " |" for row in rows),
            "",
            _words(rows),
        ]
    return "\n".join(lines) + "\n"


def _words(rows: tuple[Varied, ...]) -> str:
    base, others = rows[0], rows[1:]

    def between(what: str, text: Callable[[float], str]) -> str:
        low, high = (pick(others, key=lambda r: getattr(r, what)) for pick in (min, max))
        ends = " and ".join(f"{text(getattr(r, what))} ({r.what} {r.value:g})" for r in (low, high))
        return f"between {ends}, as given {text(getattr(base, what))}"

    return fill(
        f"Amplification is {between('deepest', '{:.2f}'.format)}; what is forced "
        f"{between('forced', short_money)}; what the fund lacks {between('short', short_money)}. Not every row is in "
        "the order that one expects: who is closed early at a poor price is not closed later at a worse one, and thin "
        "books leave more to winners and less to orders.",
        150,
    )


def main(argv: list[str] | None = None) -> int:
    """Measures and writes, or compares."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="compare with what lies there")
    options = parser.parse_args(argv)
    text = page({name: measured(name) for name in SCENARIOS})
    return keep({ROOT / "docs/validation/cascade.md": text}, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
