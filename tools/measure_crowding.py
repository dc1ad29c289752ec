"""The crowding add-on and moving thresholds in cascades: docs/validation/crowding.md and the numbers behind it.

    python tools/measure_crowding.py [--shared FOLDER] [--check]

First beta: every account of a fleet is left out of a crash once, and the charges of all are to be in sum what the loss
is smaller without them. Then the contest: the same five crashes, accounts and seeds under a fixed rule, AVSL, a fixed
rule at the same mean margin, and the crowding add-on beside a flat rise of the same total. `--check` makes the page
again from the recorded numbers (`tools/measured/crowding.json`), which takes no run.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
import numpy.typing as npt

from page_files import keep
from plimsoll.feeds.sample_fleet import sample_fleet_arrays
from plimsoll.laboratory.calm import default_liquidity, scaled
from plimsoll.laboratory.cascade import cascade
from plimsoll.laboratory.crowding.charges import Charges, charges, curves_of
from plimsoll.laboratory.crowding.contest import (
    MEASURES,
    Difference,
    ScaledRates,
    Tally,
    compared,
    holm,
    paid_in,
    tally,
)
from plimsoll.laboratory.crowding.marginal import MOST, Fit, Judged, Marginals, fitted, judged, marginals, owed
from plimsoll.laboratory.fleet import FleetArrays
from plimsoll.laboratory.liquidity import Liquidity
from plimsoll.laboratory.policy import StaticRates
from plimsoll.laboratory.setup import CascadeVenue, Keepers
from plimsoll.margin.avsl import ThresholdRule
from plimsoll.margin.cavb import CrowdingRule
from plimsoll.margin.parts.tiers import Tier, TierTable
from plimsoll.rates.impact import margins
from plimsoll.rates.schedule import RateSchedule
from recorded_crashes import Crash, recorded_crashes

F64 = npt.NDArray[np.float64]
ROOT = Path(__file__).resolve().parent.parent
MEASURED = ROOT / "tools/measured/crowding.json"
PAGE = ROOT / "docs/validation/crowding.md"
WIDTH = 150

VENUE = CascadeVenue(order=("insurance_fund",), keepers=Keepers(latency=300.0, spread=1.0))
"""No fund: all that accounts owe is counted. Orders wait five minutes in the median."""

RULE = ThresholdRule()
GRACE = 4.0 * 3_600.0
SCHEDULES = {"thin": (0.01, 0.025, 0.05), "wide": (0.05, 0.075, 0.10)}
"""Maintenance to 100,000 USD, to a million, and beyond; initial margin is twice that."""

FITTED = ("March 2020", "Luna, May 2022", "June 2022")
HELD_OUT = ("May 2021", "FTX, November 2022")
SMALL, LARGE = 120, 300
"""Accounts of a fleet that is left out one by one, and of a fleet in the contest."""

SHARE = {SMALL: 0.04, LARGE: 0.1}
"""The part of the recorded depth that a venue with so many accounts has."""

FIT_SEEDS, OTHER_SEEDS, CONTEST_SEEDS = (1, 2, 3), (4, 5), tuple(range(11, 17))
POLICIES = (
    "fixed",
    "AVSL",
    "fixed at AVSL's mean",
    "CAVB in maintenance",
    "flat rise in maintenance",
    "CAVB paid in",
    "flat rise paid in",
)
PAIRS = (
    ("AVSL", "fixed"),
    ("AVSL", "fixed at AVSL's mean"),
    ("CAVB in maintenance", "fixed"),
    ("CAVB in maintenance", "flat rise in maintenance"),
    ("CAVB paid in", "fixed"),
    ("CAVB paid in", "flat rise paid in"),
)


def schedule(name: str) -> RateSchedule:
    """Round rates of no venue."""
    tiers = tuple(
        Tier(upto=upto, maintenance=rate, initial=2.0 * rate)
        for upto, rate in zip((1e5, 1e6, None), SCHEDULES[name], strict=True)
    )
    table = TierTable(tiers=tiers)
    assets = dict.fromkeys(("BTC", "ETH", "SOL"), table)
    return RateSchedule(name=name, effective=datetime(2026, 1, 1, tzinfo=UTC), assets=assets)


def market(accounts: int) -> Liquidity:
    """The recorded depth, for a venue of that size."""
    found = default_liquidity()
    return found.model_copy(
        update={"underlyings": {u: scaled(c, SHARE[accounts]) for u, c in found.underlyings.items()}}
    )


def fleet_of(name: str, crash: Crash, accounts: int, seed: int) -> tuple[FleetArrays, Charges]:
    """Accounts at the prices of a crash, and what the add-on asks of each."""
    rates, book = StaticRates(schedule(name)), market(accounts)
    fleet = sample_fleet_arrays(schedule(name), VENUE, accounts, seed=seed, prices=crash.prices)
    before = cascade(fleet, crash.part(0, 2).path, book, VENUE, rates)
    return fleet, charges(CrowdingRule(), curves_of(before, rates, book), fleet, schedule(name))


def left_out(name: str, crash: Crash, seed: int) -> Marginals:
    """Every account of a fleet, left out once."""
    fleet, asked = fleet_of(name, crash, SMALL, seed)
    rates, book = StaticRates(schedule(name)), market(SMALL)

    def lose(them: FleetArrays) -> tuple[float, F64]:
        run = cascade(them, crash.path, book, VENUE, rates, seed=seed)
        return float(run.bad_debt[-1]), owed(run)

    return marginals(crash.path.name, fleet, lose, asked)


def contested(name: str, crash: Crash, seed: int, beta: float) -> dict[str, Tally]:
    """One fleet in one crash under every policy."""
    fleet, asked = fleet_of(name, crash, LARGE, seed)
    fixed, book = StaticRates(schedule(name)), market(LARGE)
    usd = asked.at(beta)
    owner = np.repeat(np.arange(fleet.accounts), np.diff(fleet.indptr))
    each = np.array([i.lot * fleet.prices[i.underlying] for i in fleet.instruments])
    notional = np.zeros((fleet.accounts, len(fleet.instruments)))
    notional[owner, fleet.indices] = fleet.lots * each[fleet.indices]
    base = margins(schedule(name), tuple(i.underlying for i in fleet.instruments), notional).maintenance
    steps = crash.scalar.size
    flat = np.full(steps, 1.0 + usd.sum() / base.sum())
    mean = np.full(steps, crash.scalar.mean())

    def run(rates: StaticRates | ScaledRates, them: FleetArrays = fleet) -> Tally:
        return tally(them, crash.path, book, VENUE, rates, seed=seed)

    return {
        "fixed": run(fixed),
        "AVSL": run(ScaledRates(fixed, crash.scalar, GRACE)),
        "fixed at AVSL's mean": run(ScaledRates(fixed, mean)),
        "CAVB in maintenance": run(StaticRates(schedule(name), addon=usd)),
        "flat rise in maintenance": run(ScaledRates(fixed, flat)),
        "CAVB paid in": run(fixed, paid_in(fleet, usd)),
        "flat rise paid in": run(fixed, paid_in(fleet, asked.initial * (usd.sum() / asked.initial.sum()))),
    }


def fits(crashes: dict[str, Crash]) -> dict[str, Any]:
    """Beta on some crashes and fleets, judged there, on other fleets, and on other crashes."""
    found: dict[str, Any] = {}
    for name in SCHEDULES:
        units: dict[tuple[str, int], Marginals] = {}
        for crash in (*FITTED, *HELD_OUT):
            for seed in (*FIT_SEEDS, *(OTHER_SEEDS if crash in FITTED else ())):
                print(f"{name}: {crash}, fleet {seed}", file=sys.stderr, flush=True)
                units[crash, seed] = left_out(name, crashes[crash].around(24.0), seed)
        mine = [m for (c, s), m in units.items() if c in FITTED and s in FIT_SEEDS]
        fit = fitted(mine)
        groups = {
            "fitted": mine,
            "other fleets": [m for (c, s), m in units.items() if c in FITTED and s in OTHER_SEEDS],
            "other crashes": [m for (c, _), m in units.items() if c in HELD_OUT],
        }
        found[name] = {
            "fit": asdict(fit),
            "judged": {g: asdict(judged(u, fit.beta)) for g, u in groups.items()},
            "alone": {
                crash: {
                    "beta": fitted([m for (c, _), m in units.items() if c == crash], draws=1).beta,
                    "whole": float(np.mean([m.whole for (c, _), m in units.items() if c == crash])),
                    "marginal": float(np.mean([m.loss.sum() for (c, _), m in units.items() if c == crash])),
                }
                for crash in (*FITTED, *HELD_OUT)
            },
        }
        found[name] = rounded(found[name])
    return found


def contests(crashes: dict[str, Crash], beta: float) -> dict[str, Any]:
    """Every policy, crash and fleet."""
    found: dict[str, Any] = {}
    for name in SCHEDULES:
        found[name] = {}
        for crash, path in crashes.items():
            print(f"{name}: {crash}", file=sys.stderr, flush=True)
            rows = [contested(name, path, seed, beta) for seed in CONTEST_SEEDS]
            found[name][crash] = {p: [rounded(list(asdict(r[p]).values())) for r in rows] for p in POLICIES}
    return found


def rounded(content: Any) -> Any:
    """Six significant digits, which is more than the page shows."""
    if isinstance(content, dict):
        return {k: rounded(v) for k, v in content.items()}
    if isinstance(content, list):
        return [rounded(v) for v in content]
    return float(f"{content:.6g}") if isinstance(content, float) else content


def _dumped(recorded: dict[str, Any]) -> str:
    """JSON with a line for each tally."""
    row = re.compile(r"\[\s+((?:[-\d.e+]+,\s+)*[-\d.e+]+)\s+\]")
    return row.sub(lambda m: f"[{' '.join(m[1].split())}]", json.dumps(recorded, indent=1)) + "\n"


def table_of(recorded: dict[str, dict[str, list[list[float]]]], policy: str) -> dict[str, list[Tally]]:
    """Tallies of a policy by crash."""
    return {crash: [Tally(*row) for row in by[policy]] for crash, by in recorded.items()}


MONEY = {"forced": 1e6, "debt": 1e6, "deadline_usd": 1e6, "paid": 1e6}
COLUMNS = {
    "forced": "forced, m USD",
    "debt": "owed, m USD",
    "below_base": "closed below MM_0",
    "deadline": "closed above it",
    "deadline_usd": "their positions, m USD",
    "paid": "paid when called, m USD",
    "impact": "deepest impact",
}


def page(recorded: dict[str, Any]) -> str:
    """The page of results, from the recorded numbers alone."""
    lines = ["# Crowding and moving thresholds in cascades", ""]
    lines += [_text(INTRO), "", "## Beta: charges that are what accounts cost", "", _text(BETA), ""]
    lines += [
        "| margins | beta, 90 % interval | judged on | charges over losses | rank, least to most | on others "
        "| size alone | at the cap | of initial margin |",
        "| --- | --- | --- | ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    for name, found in recorded["fits"].items():
        fit = Fit(**found["fit"])
        for k, (group, row) in enumerate(found["judged"].items()):
            j = Judged(**row)
            head = f"{name} | {_beta(fit.beta)} ({_beta(fit.low)} to {_beta(fit.high)})" if not k else " | "
            ranks = f"{j.rank:.2f}, {j.least:.2f} to {j.most:.2f}"
            lines.append(
                f"| {head} | {group} | {j.covered:.2f} | {ranks} | {j.others:.2f} | {j.size:.2f} "
                f"| {j.capped:.0%} | {j.rate:.1%} |"
            )
    lines += ["", "Each crash by itself, over all its fleets:", ""]
    lines += ["| margins | crash | owed in the mean, thousand USD | sum of marginal losses | beta of it alone |"]
    lines += ["| --- | --- | ---: | ---: | ---: |"]
    for name, found in recorded["fits"].items():
        for crash, row in found["alone"].items():
            money = f"{row['whole'] / 1e3:,.0f} | {row['marginal'] / 1e3:,.0f}"
            lines.append(f"| {name} | {crash} | {money} | {_beta(row['beta'])} |")
    lines += ["", _text(_told_fits(recorded["fits"], recorded["beta"])), "", "## The contest", "", _text(CONTEST)]
    for name, by_crash in recorded["contests"].items():
        lines += ["", f"### {name.capitalize()} margins", ""]
        lines += _means(by_crash)
        found = holm({f"{a} less {b}": compared(table_of(by_crash, a), table_of(by_crash, b)) for a, b in PAIRS})
        lines += ["", "| difference | of | mean | part | lower in, higher in | p | after Holm |"]
        lines += ["| --- | --- | ---: | ---: | --- | ---: | ---: |"]
        for pair, rows in found.items():
            for d in rows:
                if d.measure in ("forced", "debt", "below_base", "deadline", "deadline_usd") and d.p < 1.0:
                    lines.append(_row(pair, d, len(by_crash)))
        lines += ["", *(f"- {x}" for x in _told(found))]
    lines += ["", "## Reading", "", _text(READING)]
    return "\n".join(lines) + "\n"


def _means(by_crash: dict[str, dict[str, list[list[float]]]]) -> list[str]:
    lines = [f"| policy | {' | '.join(COLUMNS.values())} |", f"| --- |{' ---: |' * len(COLUMNS)}"]
    for policy in POLICIES:
        rows = [t for tallies in table_of(by_crash, policy).values() for t in tallies]
        cells = [_shown(m, float(np.mean([getattr(t, m) for t in rows]))) for m in MEASURES]
        lines.append(f"| {policy} | {' | '.join(cells)} |")
    return lines


def _shown(measure: str, x: float) -> str:
    if measure == "impact":
        return f"{x:.1%}"
    return f"{x / MONEY[measure]:.2f}" if measure in MONEY else f"{x:.1f}"


def _row(pair: str, d: Difference, crashes: int) -> str:
    return (
        f"| {pair} | {COLUMNS[d.measure]} | {_shown(d.measure, d.mean)} | {f'{d.part:+.0%}' if d.part else '–'} "
        f"| {d.lower}, {d.higher} of {crashes} | {d.p:.4f} | {d.holm:.4f} |"
    )


def _told(found: dict[str, list[Difference]]) -> list[str]:
    """In words, for what is owed and what is forced: significant at 5 % after Holm, or not told apart."""
    lines = []
    for pair, rows in found.items():
        one, other = pair.split(" less ")
        words = []
        for d in rows:
            if d.measure not in ("debt", "forced"):
                continue
            what = "owed" if d.measure == "debt" else "forced"
            if d.holm > 0.05:
                words.append(f"{what}: no difference that five crashes and these fleets tell ({d.part:+.0%})")
            else:
                sign, many = ("less", d.lower) if d.mean < 0 else ("more", d.higher)
                words.append(f"{what}: {sign} ({d.part:+.0%}, in {many} of 5 crashes)")
        lines.append(f"{one} against {other}: {'; '.join(words)}.")
    return lines


def _told_fits(found: dict[str, Any], beta: float) -> str:
    parts = []
    for name, row in found.items():
        there = {group: j["covered"] for group, j in row["judged"].items()}
        if row["fit"]["beta"] >= MOST:
            parts.append(
                f"With {name} margins no beta makes charges what accounts cost: at the cap, half of the initial "
                f"margin, they are {there['fitted']:.0%} of it."
            )
            continue
        alone = sorted(x["beta"] for x in row["alone"].values())
        parts.append(
            f"With {name} margins the beta that fits asks {there['other crashes']:.2g} times what accounts cost in the "
            f"crashes held out and {there['other fleets']:.2g} times in other fleets; crashes by themselves ask for "
            f"{_beta(alone[0])} to {_beta(alone[-1])}, in the median {alone[len(alone) // 2]:.2g}. The sum is that of "
            "few accounts: one large one decides it."
        )
    return " ".join(parts) + (
        f" The default of `CrowdingRule` is {beta:g}, that median, because a sum over fleets follows its largest "
        "account. It is no calibration: the interval says how little these crashes know. Single charges follow "
        "marginal losses weakly, yet better than size alone in every row: the curves tell something of the order of "
        "accounts, and little of the amount."
    )


def _beta(beta: float) -> str:
    return "none within the cap" if beta >= MOST else f"{beta:.2g}" if beta < 100.0 else f"{beta:.0f}"


def _text(words: str) -> str:
    return fill(" ".join(words.split()), WIDTH)


INTRO = f"""
By `python tools/measure_crowding.py`. Five crashes as recorded, hourly bars of BTC, ETH and (from 2021) SOL, three
prices an hour 20 minutes apart; forced orders wait five minutes in the median and sell into the depth of one recorded
night, cut to the size of the venue ({SHARE[SMALL]:.0%} of it for {SMALL} accounts, {SHARE[LARGE]:.0%} for {LARGE}),
from which makers withdraw by the assumed default. Fleets are random, two thirds bought, all opened within their
initial margin. Thin margins are 1, 2.5 and 5 % of maintenance, wide ones 5, 7.5 and 10 %; initial margin is twice
that. The venue has no fund, so that whatever accounts owe in the end is counted. Nothing here is calibrated to a venue.
"""
_FITTED, _HELD_OUT = ", ".join(f"*{c}*" for c in FITTED), " and ".join(f"*{c}*" for c in HELD_OUT)
BETA = f"""
Every account is left out of the day around the deepest fall once, with all draws unchanged; the difference is what it
cost. Beta is what makes all charges together the sum of these differences, over {len(FIT_SEEDS)} fleets in {_FITTED};
it is judged on other fleets in the same crashes and on {_HELD_OUT}. The interval is a bootstrap of crashes, and of
fleets within them. *Rank* is Spearman's correlation of single charges and marginal losses, in the mean over fleets and
crashes; *on others* leaves out what an account itself owes; *size alone* ranks by initial margin. Nobody pays in here.
"""
CONTEST = f"""
{len(CONTEST_SEEDS)} fleets of {LARGE} accounts in each of five whole windows of a week or two, the same under every
policy. AVSL has its default rule and four hours of grace; *fixed at AVSL's mean* has the mean of the same scalar all
the time. The crowding add-on with the default beta stands in maintenance, where it closes earlier, or is paid in
before, so that the same accounts have more; a *flat rise* asks the same total in proportion to margin. Holders are
called below 1.3 times their line; two of four pay to 1.4 times two hours later, one half of it, one nothing; nobody
sells to meet a call, so *closed above MM_0* is what calls and raised lines cause: under AVSL at a deadline, else at
the raised line. Differences are paired; p turns the signs of pairs at random ({len(CONTEST_SEEDS) * 5} pairs), Holm
over all measures of all comparisons. It speaks of fleets like these in these crashes; of crashes there are five, so
see in how many the sign is the same.
"""


READING = """
AVSL forces a few per cent less than the fixed rule at MM_0 because some pay when they are called; what is owed is not
told apart. A fixed rule at the same mean margin closes a few per cent more accounts in all, more than half of them
above MM_0; AVSL closes nearly as many, later and below it. With wide margins the fixed rule leaves less owed: closing
early protects the venue and costs holders their positions sooner. Hardly anybody under AVSL is closed at a deadline:
with these margins and moves an account falls from the raised line below MM_0, pays, or is back above the line before
the hours of grace are over. The crowding add-on leaves as much owed as a flat rise of the same total, and forces as
much, as far as five crashes and these fleets tell: most of it is paid by the largest accounts. It closes far fewer
accounts above MM_0, because it asks few of them for anything.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and writes, or compares the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="the folder of recorded data")
    parser.add_argument("--part", choices=("fits", "contests"), help="measure this part, keep the other")
    parser.add_argument("--check", action="store_true", help="make the page from the recorded numbers and compare")
    options = parser.parse_args(argv)
    recorded = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.is_file() else {}
    if not options.check:
        crashes = recorded_crashes(options.shared / "data", RULE)
        if options.part != "contests":
            recorded["fits"] = fits(crashes)
        if options.part != "fits":
            recorded["beta"] = CrowdingRule().beta
            recorded["contests"] = contests(crashes, CrowdingRule().beta)
        MEASURED.parent.mkdir(exist_ok=True)
        MEASURED.write_text(_dumped(recorded), encoding="utf-8")
    return keep({PAGE: page(recorded)}, check=options.check) if "contests" in recorded else 0


if __name__ == "__main__":
    sys.exit(main())
