"""Write `docs/validation/rates.md`: published rates of seven coins, tuned before 2022 and judged once from then on.

    python tools/make_rates_page.py [--data FOLDER] [--output FILE] [--check]

FOLDER holds the price files (default: `../shared/data/prices` beside the project). With --check nothing is written and
a page that differs fails. Takes a minute.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from page_files import keep
from plimsoll.dynamics.ewma import ewma_variance
from plimsoll.feeds import read_bars
from plimsoll.market.history import instant_ns
from plimsoll.rates.governor import RAW, GovernorRule
from plimsoll.rates.publish import AssetHistory, RatePolicy
from plimsoll.rates.raw import TailRule, both_sides
from plimsoll.rates.study import study_series
from plimsoll.rates.tune import Score, Series, Tuned, grid, tune
from plimsoll.validate import kupiec
from plimsoll.validate.coverage import holm
from plimsoll.validate.walk import BOUNDS, REGIMES
from rates_perpetual import perpetual
from rates_sensitivity import hedge_rows, refill_rows
from rates_tables import HEADS, Schedule, of_rule, score_row, table

F64 = npt.NDArray[np.float64]
ROOT = Path(__file__).resolve().parent.parent
COINS = ("BTC", "ETH", "BNB", "XRP", "ADA", "DOGE", "SOL")
SPLIT = "2022-01-01T00:00:00Z"
LIMITS = (3.0, 4.0, None)
"""Limits of peak over trough for which a rule is chosen; the middle one is the tuned rule of the tables."""

CRASHES = (
    ("March 2020", "2020-03-09", "2020-03-20"),
    ("May 2021", "2021-05-12", "2021-05-25"),
    ("June 2022", "2022-06-08", "2022-06-20"),
    ("November 2022", "2022-11-06", "2022-11-16"),
    ("February 2026", "2026-01-28", "2026-02-10"),
)


def histories(folder: Path) -> dict[str, AssetHistory]:
    """The daily closes and volumes of all coins."""
    bars = read_bars(folder / "binance_spot_daily_7coins.parquet", names={f"{c}USDT": c for c in COINS})
    volume = bars.field("quote_volume")
    return {c: AssetHistory.of(c, bars.history, volume) for c in COINS}


def static(series: Sequence[Series], assets: dict[str, AssetHistory], rule: TailRule, split: int) -> Schedule:
    """One rate for ever: the plain 99 % measure of all moves before the split, which no later look improves."""
    rates = []
    for s in series:
        history = assets[s.name]
        closes = history.closes[history.times < split]
        moves = np.diff(np.log(closes))
        rates.append(np.full(s.times.size, both_sides(rule, moves[np.isfinite(moves)])))
    return Schedule("static, fixed at the split", tuple(rates), tuple(() for _ in series))


def coverage_rows(
    schedule: Schedule, series: Sequence[Series], split: int, side: Literal["both", "too many"]
) -> list[list[str]]:
    """Each coin and side from the split on, with exact p-values adjusted by Holm over all of them."""
    counted = []
    for s, rate in zip(series, schedule.rates, strict=True):
        part = s.part(split, int(s.times[-1]) + 1)
        known = np.isfinite(s.losses[part]).all(axis=1)
        for k, held in enumerate(("long", "short")):
            hits = s.losses[part][known, k] > rate[part][known]
            counted.append((s.name, held, hits, float(rate[part].mean())))
    adjusted = holm([kupiec(h, 0.01, exact=True, side=side).p_value for _, _, h, _ in counted])
    return [
        [f"{coin}, {held}", f"{h.size}", f"{int(h.sum())}", f"{1 - h.mean():.2%}", f"{p:.3f}", f"{mean:.2%}"]
        for (coin, held, h, mean), p in zip(counted, adjusted, strict=True)
    ]


def regimes(asset: AssetHistory) -> dict[str, F64]:
    """For each regime of the walk of `plimsoll validate run`, by the volatility of the first coin that was known, which
    of the asset's times are in it `[T]`."""
    annual = np.sqrt(365.0 * ewma_variance(np.diff(np.log(asset.closes)), 0.94))
    place = np.searchsorted(BOUNDS, annual, side="right")
    return {name: asset.times[(place == k) & np.isfinite(annual)] for k, name in enumerate(REGIMES)}


def regime_rows(
    schedule: Schedule,
    series: Sequence[Series],
    split: int,
    days: dict[str, F64],
    side: Literal["both", "too many"],
) -> list[list[str]]:
    """Coverage in each regime from the split on, with p-values by Holm over all regimes, coins and sides."""
    counted = []
    for name, at in days.items():
        for s, rate in zip(series, schedule.rates, strict=True):
            part = s.part(split, int(s.times[-1]) + 1)
            known = np.isfinite(s.losses[part]).all(axis=1) & np.isin(s.times[part], at)
            for k, held in enumerate(("long", "short")):
                counted.append((name, f"{s.name}, {held}", s.losses[part][known, k] > rate[part][known]))
    adjusted = holm([kupiec(h, 0.01, exact=True, side=side).p_value for _, _, h in counted])
    rows = []
    for name in days:
        here = [(who, h, p) for (regime, who, h), p in zip(counted, adjusted, strict=True) if regime == name]
        worst = min(here, key=lambda c: 1.0 - c[1].mean())
        out = [f"{who} (too {'many' if h.mean() > 0.01 else 'few'})" for who, h, p in here if p < 0.05]
        rows.append(
            [
                schedule.name,
                name,
                f"{max(h.size for _, h, _ in here):,}",
                f"{1.0 - np.concatenate([h for _, h, _ in here]).mean():.2%}",
                f"{1.0 - worst[1].mean():.2%}, {worst[0]}",
                f"{min(p for _, _, p in here):.3f}",
                "; ".join(out) or "none",
            ]
        )
    return rows


COVERAGES = (0.99, 0.995, 0.999)


def equal_rows(schedules: Sequence[Schedule], series: Sequence[Series], split: int) -> list[list[str]]:
    """The mean rate of each schedule from the split on, had one factor on all its rates made it cover just so much."""
    rows = []
    for schedule in schedules:
        needs, means = [], []
        for s, rate in zip(series, schedule.rates, strict=True):
            part = s.part(split, int(s.times[-1]) + 1)
            known = np.isfinite(s.losses[part]).all(axis=1)
            needs.append((s.losses[part][known] / rate[part][known, None]).ravel())
            means.append(float(rate[part].mean()))
        need, mean = np.sort(np.concatenate(needs)), float(np.mean(means))
        factors = [float(need[int(np.ceil(c * need.size)) - 1]) for c in COVERAGES]
        rows.append([schedule.name, *(f"{f * mean:.2%} (×{f:.2f})" for f in factors)])
    return rows


def crash_rows(schedules: Sequence[Schedule], series: Sequence[Series]) -> list[list[str]]:
    """What each schedule did around a crash, in BTC: rate before and at its highest, and losses beyond it."""
    rows = []
    at = next(n for n, s in enumerate(series) if s.name == "BTC")
    btc = series[at]
    for name, start, end in CRASHES:
        part = btc.part(instant_ns(f"{start}T00:00:00Z"), instant_ns(f"{end}T00:00:00Z"))
        loss = np.nanmax(btc.losses[part])
        row = [name, f"{loss:.1%}"]
        for schedule in schedules:
            rate = schedule.rates[at][part]
            beyond = int((np.nan_to_num(btc.losses[part]) > rate[:, None]).sum())
            row.append(f"{rate[0]:.1%} → {rate.max():.1%} ({beyond})")
        rows.append(row)
    return rows


def _under(rows: Sequence[Sequence[str]]) -> str:
    """Which schedules the minutes find under 99 %, in words."""
    said = []
    for k, of in ((-2, "by days"), (-1, "by blocks")):
        names = [row[0] for row in rows if float(row[k]) < 0.05]
        said.append(f"{', '.join(names) if names else 'none'} {of}")
    return f"Significantly under 99 % at 5 %: {said[0]}, {said[1]}."


def _against_static(fixed: Score, tuned: Score) -> str:
    """Who wins on coverage and on cost, in words."""
    more, less = fixed.coverage > tuned.coverage, fixed.coverage < tuned.coverage
    cover = "more than" if more else "less than" if less else "as much as"
    cost = "less" if fixed.mean < tuned.mean else "more"
    return (
        f"From the split on the static rate covers {cover} the tuned one ({fixed.coverage:.2%} against "
        f"{tuned.coverage:.2%}) at {cost} margin on average ({fixed.mean:.2%} against {tuned.mean:.2%}): it was fixed "
        "in a storm, and the days after it were calmer. Before the split, on days that it was fixed on, it covers its "
        f"worst coin and side to less than 99 %. The tuned rate's mean loss beyond it is {tuned.shortfall:.2%}, the "
        f"static one's {fixed.shortfall:.2%}."
    )


def page(folder: Path) -> str:
    """The page as text."""
    assets, policy, split = histories(folder), RatePolicy(), instant_ns(SPLIT)
    series = study_series(policy, assets)
    begin, end = min(int(s.times[0]) for s in series), max(int(s.times[-1]) for s in series) + 1
    chosen: dict[float | None, Tuned] = {m: tune(series, grid(), split, peak_to_trough=m) for m in LIMITS}
    tuned = chosen[LIMITS[1]]
    schedules = [
        static(series, assets, policy.tail, split),
        of_rule("raw", RAW, series),
        of_rule("house governor", GovernorRule(), series),
        of_rule("tuned", tuned.rule, series),
    ]
    perp, looks, events = perpetual(
        folder, (("raw", RAW), ("house governor", GovernorRule()), ("tuned", tuned.rule)), "house governor"
    )
    known = regimes(assets[COINS[0]])
    # the raw rate claims its level, a governed one that it is not below it
    sides: dict[str, Literal["both", "too many"]] = {s.name: "too many" for s in schedules}
    sides["raw"] = "both"
    judged = {s.name: coverage_rows(s, series, split, sides[s.name]) for s in schedules}
    rejected = {
        name: [f"{r[0]} (too {'many' if int(r[2]) > 0.01 * int(r[1]) else 'few'})" for r in rows if float(r[4]) < 0.05]
        for name, rows in judged.items()
    }
    lines = [
        "# Published rates, judged",
        "",
        "Made by `python tools/make_rates_page.py`; the numbers are of the shared price files.",
        "",
        f"Daily closes of {', '.join(COINS)} from 17 August 2017 (or their first day) to 20 May 2026. The raw rate is "
        "the 99 % quantile of filtered history over one day, both sides (`plimsoll schema rate-policy` has the house's "
        "parameters); a rate in force at a close has to cover the move to the next one. Rules were chosen on the days "
        f"before {SPLIT[:10]} from {len(tuned.tried)} combinations of buffer, stressed weight, floor and speed limits, "
        "the cheapest with at least 99 % coverage over all coins and sides and a peak over trough of at most "
        f"{LIMITS[1]:g}; their hash was taken before the later days were read, and those were judged once.",
        "",
        "## What was chosen",
        "",
        *table(
            ("limit of peak / trough", "buffer", "stressed weight", "floor", "up a day", "down a day", "hash"),
            [
                [
                    "none" if m is None else f"{m:g}",
                    f"{t.rule.buffer:.0%}",
                    f"{t.rule.stress_weight:.0%}",
                    "on" if t.rule.floor else "off",
                    "free" if t.rule.up_per_day is None else f"{t.rule.up_per_day:.0%}",
                    "free" if t.rule.down_per_day is None else f"{t.rule.down_per_day:.1%}",
                    f"`{t.frozen[7:19]}`",
                ]
                for m, t in chosen.items()
            ],
        ),
        "",
        f"## Before {SPLIT[:10]}",
        "",
        *table(HEADS, [score_row(s.name, s.score(series, begin, split)) for s in schedules]),
        "",
        f"## From {SPLIT[:10]} on",
        "",
        *table(HEADS, [score_row(s.name, s.score(series, split, end)) for s in schedules]),
        "",
        *table(
            ("tuned for a peak / trough of", *HEADS[1:]),
            [score_row("any" if m is None else f"{m:g}", t.after) for m, t in chosen.items()],
        ),
        "",
        _against_static(schedules[0].score(series, split, end), tuned.after),
        "",
        "Where each schedule would lie on the frontier of coverage against mean rate, had one factor on all of its "
        "rates made it cover just so much from the split on; the factor is found afterwards, for comparison alone.",
        "",
        *table(("schedule", *(f"mean rate for {c:.1%}" for c in COVERAGES)), equal_rows(schedules, series, split)),
        "",
        "## Coverage of each coin and side",
        "",
        "Exact binomial test of 99 %, p-values adjusted by Holm over all coins and sides, 0.05 rejects. The raw rate "
        "is tested on both sides: it may cover neither less nor more than it says. Governed rates are tested on one: "
        "they may not be under 99 %. One rate serves both sides, the larger side's: the other is covered more than "
        "asked.",
        "",
    ]
    for s in schedules[1:]:
        lines += [
            f"**{s.name}**, {'two-sided' if sides[s.name] == 'both' else 'one-sided'}: {len(rejected[s.name])} of "
            f"{2 * len(series)} rejected{''.join(f'; {name}' for name in rejected[s.name])}",
            "",
            *table(("coin, side", "days", "beyond", "coverage", "p", "mean rate"), judged[s.name]),
            "",
        ]
    lines += [
        "## Coverage in each regime",
        "",
        f"Days by the volatility of BTC that was known, {BOUNDS[0]:.0%} and {BOUNDS[1]:.0%} a year between calm, "
        "normal and stressed; tests as above, p-values by Holm over all regimes, coins and sides of a schedule.",
        "",
        "| schedule | regime | days | coverage | worst | least p | rejected |",
        "| --- | --- | ---: | ---: | --- | ---: | --- |",
        *(
            "| " + " | ".join(row) + " |"
            for s in schedules
            for row in regime_rows(s, series, split, known, sides[s.name])
        ),
        "",
        "## Five crashes, BTC",
        "",
        "Rate in force at the start and at its highest within the days, and in brackets the losses beyond it; the "
        "second column is the largest move of a day.",
        "",
        *table(("crash", "largest move", *(s.name for s in schedules)), crash_rows(schedules, series)),
        "",
        "## The perpetual, minute by minute",
        "",
        f"BTCUSDT perpetual of 2022: at {looks:,} looks, one in six hours, the worst minute of the next 24 hours is "
        "held against the rate in force, which comes from the closes of every sixth hour since June 2018. A rate that "
        "covers closes does not have to cover every minute between them; here it is asked to. The static rate is the "
        "plain quantile of all moves of 24 hours before the year.",
        "",
        "Looks six hours apart share most of their 24 hours. *p, days* is one-sided and exact on looks a day apart, "
        "which share none: the least over both sides and the four series of such looks, times eight. *p, blocks* does "
        "the same with blocks of ten days, of which at most a tenth may hold a loss beyond the rate however the days "
        f"of a storm hang together. *On events*: the minutes had {events} moves of more than four sigmas within six "
        f"hours, and each published a rate at once. {_under(perp)}",
        "",
        *table((*HEADS, "p, days", "p, blocks"), perp),
        "",
        "## What was assumed",
        "",
        "No source gives the part of the open interest that leans on a hedge in BTC (30 %) nor how often the depth of "
        "a book comes back (288 times a day); both are `assumed`. The first moves the rates of the six other coins, "
        f"from {SPLIT[:10]} on:",
        "",
        *table(
            (
                "hedged part",
                "mean raw rate",
                "against 30 %",
                "coverage, raw",
                "mean, house",
                "against 30 %",
                "its coverage",
            ),
            hedge_rows(assets, split),
        ),
        "",
        "The second counts only where a book is known, and where the depth that comes back is less than the traded "
        "volume. BTC on 9 August 2024 with the book recorded on Binance five minutes before midnight, depth counted "
        "within 0.1 % of its middle, as far as its levels are dense, and the same book with a tenth and a hundredth "
        "of its sizes; raw rates:",
        "",
        *table(
            (
                "book",
                "refills a day",
                "depth",
                "day's closing at most",
                "period of $50m",
                "rate",
                "period of $200m",
                "rate",
            ),
            refill_rows(assets["BTC"], folder.parent),
        ),
        "",
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "prices")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "validation" / "rates.md")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args(arguments)
    return keep({given.output: page(given.data)}, check=given.check)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
