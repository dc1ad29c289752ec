"""Write `docs/validation/rates.md`: published rates of seven coins, tuned before 2022 and judged once from then on.

    python tools/make_rates_page.py [--data FOLDER] [--output FILE] [--check]

FOLDER holds the price files (default: `../shared/data/prices` beside the project). With --check nothing is written and
a page that differs fails. Takes some two minutes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from page_files import keep
from plimsoll.feeds import read_bars
from plimsoll.market.history import HOUR_NS, History, instant_ns
from plimsoll.rates.governor import RAW, GovernorRule, Published
from plimsoll.rates.publish import AssetHistory, RatePolicy
from plimsoll.rates.raw import TailRule, TailSeries, both_sides, tail_series
from plimsoll.rates.study import study_series
from plimsoll.rates.tune import Score, Series, Tuned, grid, published, score, tune
from plimsoll.validate import kupiec
from plimsoll.validate.coverage import holm

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


@dataclass(frozen=True, eq=False)
class Schedule:
    """A name and the rate of each asset `[T]`, with the indices of its changes."""

    name: str
    rates: tuple[F64, ...]
    changes: tuple[tuple[int, ...], ...]

    def score(self, series: Sequence[Series], start: int, end: int) -> Score:
        """Over a part of time."""
        return score(list(zip(series, self.rates, self.changes, strict=True)), start, end)


def histories(folder: Path) -> dict[str, AssetHistory]:
    """The daily closes and volumes of all coins."""
    bars = read_bars(folder / "binance_spot_daily_7coins.parquet", names={f"{c}USDT": c for c in COINS})
    volume = bars.field("quote_volume")
    return {c: AssetHistory.of(c, bars.history, volume) for c in COINS}


def of_rule(name: str, rule: GovernorRule, series: Sequence[Series]) -> Schedule:
    """A governor on all assets."""
    found: list[Published] = [published(rule, s) for s in series]
    return Schedule(name, tuple(p.rate for p in found), tuple(tuple(c.announced for c in p.changes) for p in found))


def static(series: Sequence[Series], assets: dict[str, AssetHistory], rule: TailRule, split: int) -> Schedule:
    """One rate for ever: the plain 99 % measure of all moves before the split, which no later look improves."""
    rates = []
    for s in series:
        history = assets[s.name]
        closes = history.closes[history.times < split]
        moves = np.diff(np.log(closes))
        rates.append(np.full(s.times.size, both_sides(rule, moves[np.isfinite(moves)])))
    return Schedule("static, fixed at the split", tuple(rates), tuple(() for _ in series))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table: words left, numbers right."""
    lines = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * (len(heads) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def score_row(name: str, s: Score) -> list[str]:
    """One schedule in the frontier's table."""
    return [
        name,
        f"{s.coverage:.2%}",
        f"{s.worst_coverage:.2%}",
        f"{s.mean:.2%}",
        f"{s.peak_to_trough:.2f}",
        f"{s.rise_30d:.0%}",
        f"{s.shortfall:.2%}",
        f"{s.changes:.0f}",
    ]


HEADS = (
    "schedule",
    "coverage",
    "worst coin, side",
    "mean rate",
    "peak / trough",
    "rise in 30 days",
    "mean shortfall",
    "changes a year",
)


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


def perpetual(folder: Path, rules: Sequence[tuple[str, GovernorRule]]) -> tuple[list[list[str]], int]:
    """The BTC perpetual of 2022, hour by hour: the worst minute of the next 24 hours against the rate in force."""
    early = read_bars(folder / "binance_spot_1h_BTC_ETH_2017_2021.parquet", names={"BTC/USDT": "BTC"}).history
    late = read_bars(folder / "binance_spot_1h_BTC_ETH_SOL_2021_2023.parquet", names={"BTCUSDT": "BTC"}).history
    minutes = read_bars(folder / "binance_usdm_BTCUSDT_1m_2022.parquet", name="BTC")
    spot = _joined(early, late)
    policy = TailRule(decay=0.9985, window=24 * 1000, least=24 * 250, stress_window=24 * 250, cap=3.0)
    # hours from 2019 on are enough for a thousand days of windows before 2022
    start = int(np.searchsorted(spot.times, instant_ns("2018-06-01T00:00:00Z")))
    end = int(np.searchsorted(spot.times, instant_ns("2023-01-01T00:00:00Z"), side="right"))
    tails = _every(6, policy, spot.times[start:end], spot.series("BTC")[start:end])
    worst = _excursions(minutes.field("low"), minutes.field("high"), minutes.history, tails.times)
    rows = []
    for name, rule in rules:
        series = Series("BTC", tails.times, tails.tail[:, 0], tails.floor[:, 0], tails.stressed[:, 0], worst)
        found = of_rule(name, rule, [series])
        begin = instant_ns("2022-01-01T00:00:00Z")
        s = found.score([series], begin, int(tails.times[-1]) + 1)
        rows.append(score_row(name, s))
    return rows, int(np.isfinite(worst).all(axis=1).sum())


def _joined(early: History, late: History) -> History:
    """The first history up to the second's first bar, then the second."""
    border = int(late.times[0])
    keep = early.times < border
    times = np.concatenate([early.times[keep], late.times])
    values = np.concatenate([early.series("BTC")[keep], late.series("BTC")])
    return History.build(["BTC"], times, values, step_ns=HOUR_NS)


def _every(hours: int, rule: TailRule, times: npt.NDArray[np.int64], closes: F64) -> TailSeries:
    """Rates of the next 24 hours from the closes of every so many hours; the rule counts hours."""
    at = np.arange(times.size - 1, -1, -hours)[::-1]
    coarse = rule.model_copy(
        update={
            "decay": rule.decay**hours,
            "window": rule.window // hours,
            "least": rule.least // hours,
            "stress_window": rule.stress_window // hours,
        }
    )
    return tail_series(coarse, times[at], closes[at], (24 // hours,))


def _excursions(low: History, high: History, close: History, looks: npt.NDArray[np.int64]) -> F64:
    """`[T, 2]` the largest fall and rise of any minute of the 24 hours after each look; NaN outside the minutes."""
    day = 24 * 60
    lows, highs, closes = low.series("BTC"), high.series("BTC"), close.series("BTC")
    found = np.full((looks.size, 2), np.nan)
    for k, look in enumerate(looks):
        at = int((int(look) - int(close.times[0])) // close.step_ns)
        if at >= 0 and at + day < closes.size:
            found[k, 0] = 1.0 - lows[at + 1 : at + 1 + day].min() / closes[at]
            found[k, 1] = highs[at + 1 : at + 1 + day].max() / closes[at] - 1.0
    return found


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
    perp, looks = perpetual(folder, (("raw", RAW), ("house governor", GovernorRule()), ("tuned", tuned.rule)))
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
        "covers closes does not have to cover every minute between them; here it is asked to.",
        "",
        *table(HEADS, perp),
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
