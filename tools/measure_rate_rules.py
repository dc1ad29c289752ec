"""The cheapest rates by state against the governed rule, held out: docs/validation/cheapest-rates.md.

    python tools/measure_rate_rules.py [--shared FOLDER] [--check]

Daily closes of seven coins, 2017 to 2026 (Binance). Rates are learnt every ninety days from what was known then and
judged from 2022-01-01 on, as in docs/validation/rates.md. Takes two minutes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from textwrap import fill

from make_rates_page import COINS, histories
from page_files import keep
from plimsoll.documents import parse_instant
from plimsoll.market.history import instant_ns
from plimsoll.optimise.rate_rules import RateStudy, StateRule, compare
from plimsoll.rates.publish import RatePolicy
from plimsoll.rates.study import study_series
from plimsoll.report.rate_rule_view import verdict

ROOT = Path(__file__).resolve().parent.parent
SPLIT = "2022-01-01T00:00:00Z"
COVERAGES = (0.99, 0.975)


def page(found: list[RateStudy]) -> str:
    """The page of results."""
    lines = [
        "# The cheapest rates, held out",
        "",
        _text(
            f"By `python tools/measure_rate_rules.py`: {', '.join(COINS)}, daily, judged from {SPLIT[:10]} on, "
            f"long and short. `states` is one rate for each of {found[0].rule.states} states of EWMA volatility, the "
            "cheapest that cover the losses known so far (an exact mixed-integer program, solved again every "
            f"{found[0].rule.every} days); `one rate` the same with a single state. `governed` is the house's rule "
            "with floor, buffer and stress weight, `plain` the same without them. All are published within the same "
            "limits of speed, notice and emergency. *Equal* is the mean rate after scaling each method by the one "
            "number with which it covers exactly what is wanted, over all coins and both sides; p is one-sided for "
            "`states` being cheaper than the row, by blocks of thirty days."
        ),
    ]
    for study in found:
        lines += [
            "",
            f"## {study.rule.coverage:.1%} covered",
            "",
            "| rates | coverage | worst coin and side | mean rate | equal | p | peak over trough | 30-day rise "
            "| changes a year |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        ]
        for m in study.methods:
            s, test = m.score, study.tests.get(m.name)
            p = "" if test is None else "< 0.0001" if test.smaller < 1e-4 else f"{test.smaller:.4f}"
            lines.append(
                f"| {m.name} | {s.coverage:.2%} | {s.worst_coverage:.2%} | {s.mean:.2%} | {m.equal:.2%} | {p} "
                f"| {s.peak_to_trough:.2f} | {s.rise_30d:+.0%} | {s.changes:.0f} |"
            )
        lines += [
            f"| in hindsight | {study.rule.coverage:.2%} | | {study.hindsight:.2%} | {study.hindsight:.2%} | | | | |",
            "",
            _text(
                f"States are {verdict(study)}. In hindsight, with rates constant over {study.block} days and the same "
                f"limits of speed, {study.hindsight:.2%} would have done, nothing below {study.hindsight_bound:.2%}."
            ),
        ]
    lines += [
        "",
        _text(
            f"States against one rate: cheaper beyond chance in {_won(found)} of {len(found)} cases. Where they are "
            "not, what beats the governed rule is a level learnt coin by coin, and not the state."
        ),
        "",
        _text(
            "What is bought with it: as published, states cover what they were learnt for and hardly more, where the "
            "governed rule holds reserves; and they rise faster in a storm than one rate does. A venue that wants the "
            "reserves pays the difference of the means for them."
        ),
    ]
    return "\n".join(lines) + "\n"


def _won(found: list[RateStudy]) -> int:
    return sum(study.tests["one rate"].smaller < 0.05 for study in found)


def _text(words: str) -> str:
    return fill(words, 150)


def main(argv: list[str] | None = None) -> int:
    """Measures and writes, or compares."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="the folder of recorded data")
    parser.add_argument("--check", action="store_true", help="compare with what lies there")
    options = parser.parse_args(argv)
    policy = RatePolicy()
    series = study_series(policy, histories(options.shared / "data" / "prices"))
    start = instant_ns(parse_instant(SPLIT), "split")
    found = [compare(series, start, rule=StateRule(coverage=c), governor=policy.governor) for c in COVERAGES]
    return keep({ROOT / "docs/validation/cheapest-rates.md": page(found)}, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
