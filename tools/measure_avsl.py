"""A fixed rule against thresholds that follow volatility, on the same crashes with the same accounts.

    python tools/measure_avsl.py [--accounts N] [--output FILE]

Writes `docs/validation/avsl.md`. Each window is a week or two of BTC in hourly bars. A bar is three prices, twenty
minutes apart: its high and low, the one against its direction first, and its close. The fast volatility is that of
hourly closes, weighted exponentially with a half-life of 12 hours, the forecast the same with 10 days; both are known
when a bar is over and count for the next. N accounts hold a perpetual of BTC, three of four bought, with 0.5 to 5
coins and a health from 1.2 to 5 (all three drawn evenly in logs or at random, seed 12). Half of them pay what they are
called for within two hours, a quarter pays half of it, a quarter nothing. A close is carried out at the next price.
Three rules are run with each model: thresholds fixed, AVSL, and fixed at AVSL's cap.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import fill

import numpy as np
import numpy.typing as npt
import polars as pol

import plimsoll as pl
from plimsoll.liquidation.calls import CallPolicy, Command, Course, Tally, lived, tallied
from plimsoll.margin.avsl import ThresholdRule, changes, scalars, zones
from plimsoll.margin.path import States

F64 = npt.NDArray[np.float64]
ROOT = Path(__file__).resolve().parent.parent
SEED, ACCOUNTS = 12, 60
FAST, SLOW = 12.0, 240.0
"""Half-lives in hours."""

YEAR = 8_760.0
SHOWN = 0.001
"""Differences of less than this part are none."""

RULE = ThresholdRule()
POLICY = CallPolicy()
MODELS = ("prbm@2025-01-01", "hyperliquid-perps@2025-08-06")
WAYS = ("fixed", "AVSL", "at the cap")
CRASHES = {
    "March 2020": ("2020-03-08", "2020-03-16"),
    "May 2021": ("2021-05-15", "2021-05-26"),
    "Luna, May 2022": ("2022-05-05", "2022-05-15"),
    "June 2022": ("2022-06-09", "2022-06-20"),
    "FTX, November 2022": ("2022-11-05", "2022-11-13"),
}
WINDOWS = CRASHES | {"October 2020, quiet": ("2020-10-03", "2020-10-13")}
BAR = ("open", "high", "low", "close")
HOURLY = ("binance_spot_1h_BTC_ETH_2017_2021.parquet", "binance_spot_1h_BTC_ETH_SOL_2021_2023.parquet")


@dataclass(frozen=True, eq=False)
class Window:
    """`times[K]`, `prices[K]` and the scalar `[K]` at them."""

    name: str
    times: tuple[datetime, ...]
    prices: F64
    scalar: F64

    def part(self, points: int) -> Window:
        """The first points of it."""
        return Window(self.name, self.times[:points], self.prices[:points], self.scalar[:points])


def folder() -> Path:
    """Where the recorded prices lie."""
    named = os.environ.get("PLIMSOLL_SHARED")
    return (Path(named) if named else ROOT.parent / "shared") / "data/prices"


def bars(folder: Path, coin: str = "BTC") -> pol.DataFrame:
    """Hourly bars of a coin, in their order."""
    parts = []
    for file in HOURLY:
        table = pol.read_parquet(folder / file)
        name = next(c for c in table.columns if c.lower() in ("symbol", "ticker"))
        mine = table.filter(pol.col(name).str.starts_with(coin))
        parts.append(mine.select(pol.col("time").dt.cast_time_unit("us"), *BAR))
    return pol.concat(parts).unique("time", keep="first").sort("time")


def volatility(closes: F64, hours: F64, half_life: float) -> F64:
    """`[K]` annual volatility of log returns weighted exponentially, NaN for the first."""
    found = np.full(closes.size, np.nan)
    steps, gaps = np.diff(np.log(closes)) ** 2, np.diff(hours)
    variance = np.nan
    for k, (step, gap) in enumerate(zip(steps.tolist(), gaps.tolist(), strict=True)):
        kept = 0.5 ** (gap / half_life)
        variance = step / gap if np.isnan(variance) else kept * variance + (1.0 - kept) * step / gap
        found[k + 1] = np.sqrt(variance * YEAR)
    return found


def thirds(table: pol.DataFrame) -> F64:
    """`[3 K]` three prices of each bar: high and low, the one against its direction first, and the close."""
    o, h, low, c = (table[n].to_numpy() for n in BAR)
    up = c >= o
    return np.stack([np.where(up, low, h), np.where(up, h, low), c], axis=1).ravel()


def hours_of(days: tuple[str, str]) -> tuple[float, float]:
    """The first and last day of a window as hours since 1970."""
    first, last = (datetime.fromisoformat(d).replace(tzinfo=UTC).timestamp() / 3_600.0 for d in days)
    return first, last


def windows(rule: ThresholdRule = RULE) -> dict[str, Window]:
    """Every window with its scalar, which has run a week before it begins."""
    table = bars(folder())
    hours = table["time"].dt.epoch("s").to_numpy() / 3_600.0
    c, every = table["close"].to_numpy(), thirds(table).reshape(-1, 3)
    fast, slow = volatility(c, hours, FAST), volatility(c, hours, SLOW)
    found = {}
    for name, days in WINDOWS.items():
        begin, end = hours_of(days)
        inside = np.flatnonzero((hours >= begin - 168.0) & (hours < end))
        times: list[datetime] = []
        prices: list[float] = []
        fasts: list[float] = []
        slows: list[float] = []
        for k in inside.tolist():
            for third, price in enumerate(every[k].tolist()):
                times.append(datetime.fromtimestamp(3_600.0 * hours[k], UTC) + timedelta(minutes=20 * (third + 1)))
                prices.append(price)
                # what is known when the bar begins
                fasts.append(float(fast[k - 1]))
                slows.append(float(slow[k - 1]))
        clock = np.array([t.timestamp() / 3_600.0 for t in times])
        scalar = scalars(rule, clock, np.array(fasts), np.array(slows))
        own = np.flatnonzero(clock > begin)
        at = slice(int(own[0]), None)
        found[name] = Window(name, tuple(times[at]), np.array(prices[at]), scalar[at])
    return found


def market_of(price: float) -> pl.Market:
    """One perpetual of BTC at a price."""
    row = {"kind": "perpetual", "name": "BTC-PERP", "underlying": "BTC", "settlement": "linear", "currency": "USDC"}
    return pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": "2026-03-01T00:00:00Z",
            "indices": {"BTC": {"price": price}},
            "assets": {"USDC": {"price": 1.0}},
            "instruments": [row],
            "marks": {"BTC-PERP": {"price": price}},
        }
    )


def accounts_of(model: pl.MarginModel, market: pl.Market, count: int) -> list[pl.Account]:
    """Random accounts, the same for every rule."""
    draw = np.random.default_rng(SEED)
    price = market.indices["BTC"].price
    found = []
    for k in range(count):
        coins = float(np.exp(draw.uniform(np.log(0.5), np.log(5.0)))) * (-1.0 if draw.random() < 0.25 else 1.0)
        health = float(np.exp(draw.uniform(np.log(1.2), np.log(5.0))))
        content = {
            "schema": "plimsoll.account",
            "schema_version": 1,
            "name": f"a{k:03d}",
            "mode": model.MODES[0],
            "collateral": {"USDC": 1e9},
            "positions": [{"instrument": "BTC-PERP", "quantity": coins, "entry_price": price}],
        }
        rough = pl.Account.from_dict(content)
        need = model.requirement(rough, market).maintenance
        found.append(rough.model_copy(update={"collateral": {"USDC": health * need}}))
    return found


def answers(k: int) -> tuple[float, float] | None:
    """What the k-th holder does when called: half pay all within two hours, a quarter half, a quarter nothing."""
    return {0: (2.0, 1.0), 1: (2.0, 1.0), 2: (2.0, 0.5)}.get(k % 4)


def run(window: Window, rules: str, way: str, count: int = ACCOUNTS) -> Tally:
    """All accounts through a window."""
    model, market = pl.margin_model(rules), market_of(float(window.prices[0]))
    scalar = {"fixed": None, "AVSL": window.scalar, "at the cap": np.full(len(window.times), RULE.cap)}[way]
    course = Course(window.times, States({"BTC": window.prices / window.prices[0]}, np.ones(len(window.times))), scalar)

    def answer(k: int, _: Command) -> tuple[float, float] | None:
        return answers(k)

    lives = [
        lived(model, a, market, course, POLICY, lambda c, k=k: answer(k, c), close_hours=0.25)  # type: ignore[misc]
        for k, a in enumerate(accounts_of(model, market, count))
    ]
    return tallied(lives)


def zone_changes(window: Window) -> tuple[int, float]:
    """Most changes of zone in a window of an account whose equity stands still anywhere between the base margin and the
    cap, and the least bound of `avsl.zone` for them."""
    most = 0
    for equity in np.linspace(1.0, RULE.cap, 101):
        still = np.full(window.scalar.size, equity)
        most = max(most, changes(zones(RULE, still, np.ones(still.size), window.scalar)))
    hours = (window.times[-1] - window.times[0]).total_seconds() / 3_600.0
    gap = RULE.cap * (1.0 - 1.0 / RULE.release)
    return most, 2.0 + 2.0 * hours / (gap / RULE.up + gap / RULE.down)


def page(tables: dict[str, dict[str, dict[str, Tally]]], seen: dict[str, Window]) -> str:
    """The page as text."""
    every = [t for by_window in tables.values() for by_way in by_window.values() for t in by_way.values()]
    most, bound = max(zone_changes(w) for w in seen.values())
    intro = (
        f"{every[0].accounts} accounts in each window, by `python tools/measure_avsl.py`, whose docstring says how "
        f"prices and accounts are made and what holders do. The rule is the default: weight {RULE.weight:g}, reference "
        f"{100 * RULE.reference:.0f} % a year, cap {RULE.cap:g}, at most {RULE.up:g} an hour up and {RULE.down:g} down"
        f", release {RULE.release:g}; calls under the default policy, {POLICY.deadline_hours:g} hours to pay. *By "
        "threshold* are accounts closed at a deadline without ever having been below their base margin, under any of "
        "the rules: a call comes above the base, so a fixed rule has some too. Closes by a threshold before a "
        f"deadline, over all rows: {sum(t.at_once for t in every)}. Money in thousands of USD."
    )
    lines = ["# Fixed thresholds and AVSL on the same crashes", "", fill(intro, WIDTH), ""]
    lines += ["| window | price, first, least and most | scalar, first and most |", "| --- | --- | --- |"]
    for name, w in seen.items():
        prices = f"{w.prices[0]:,.0f}, {w.prices.min():,.0f}, {w.prices.max():,.0f}"
        lines.append(f"| {name} | {prices} | {w.scalar[0]:.2f}, {w.scalar.max():.2f} |")
    columns = ("called", "closed below base", "by threshold", "bankrupt", "paid in", "closed notional", "bad debt")
    for rules, by_window in tables.items():
        lines += ["", f"## {rules}", "", f"| window | rule | {' | '.join(columns)} |"]
        lines.append("| --- | --- |" + " ---: |" * len(columns))
        for name, by_way in by_window.items():
            for way, t in by_way.items():
                counts = f"{t.called} | {t.closed_below_base} | {t.closed_by_threshold} | {t.bankrupt}"
                money = f"{t.paid / 1e3:,.1f} | {t.forced / 1e3:,.1f} | {t.bad_debt / 1e3:,.2f}"
                lines.append(f"| {name} | {way} | {counts} | {money} |")
        lines += ["", *(f"- {x}" for x in _told(by_window))]
    lines += ["", "## Reading", "", fill(READING.strip(), WIDTH), "", "## Chatter", ""]
    chatter = (
        f"An account whose equity stands still between the base margin and the cap changes its zone at most {most} "
        f"times in any of the windows; the rule promises at most {bound:.0f} there. Release and speed limits do that."
    )
    return "\n".join([*lines, fill(chatter, WIDTH), ""])


READING = """
What helps is the money that is called early, and it has to be there: an account that pays nothing is closed at its
deadline, at a better price than below its base, and counts as closed by the threshold. Where the base margin is as
small as the moves of an hour (the second model), the scalar comes too late, and who was saved once meets the next fall
with more left to lose. In March 2020 most of the fall came within hours: the speed limit that keeps thresholds from
jumping keeps them from helping as well. *At the cap* is what twice the margin does all the time, quiet weeks included.
"""
WIDTH = 160


def _told(by_window: dict[str, dict[str, Tally]]) -> list[str]:
    """In words: where AVSL did better than the fixed rule, and where not."""
    found = []
    for what, field in (
        ("bad debt", "bad_debt"),
        ("closed notional", "forced"),
        ("accounts closed below base", "closed_below_base"),
    ):
        pairs = [(n, getattr(b["fixed"], field), getattr(b["AVSL"], field)) for n, b in by_window.items()]
        # what the table does not show is no difference
        better = [n for n, fixed, avsl in pairs if avsl < fixed * (1.0 - SHOWN)]
        worse = [n for n, fixed, avsl in pairs if avsl > fixed * (1.0 + SHOWN)]
        sums = [sum(p[1] for p in pairs), sum(p[2] for p in pairs)]
        change = f", {100 * (sums[1] / sums[0] - 1):+.0f} % in all" if sums[0] else ""
        found.append(
            f"AVSL against the fixed rule, {what}: less in {len(better)} windows, more in {len(worse)}"
            + (f" ({', '.join(worse)})" if worse else "")
            + f"{change}."
        )
    return found


def measured(names: Sequence[str], rules: str, count: int) -> dict[str, dict[str, Tally]]:
    """Every way through some windows."""
    seen = windows()
    return {n: {way: run(seen[n], rules, way, count) for way in WAYS} for n in names}


def main() -> int:
    """Run everything and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    parser.add_argument("--output", type=Path, default=ROOT / "docs/validation/avsl.md")
    options = parser.parse_args()
    if options.accounts < 4:
        parser.error(f"--accounts {options.accounts}: at least 4, one of each kind of holder")
    seen = windows()
    tables: dict[str, dict[str, dict[str, Tally]]] = {}
    for rules in MODELS:
        tables[rules] = {}
        for name, window in seen.items():
            print(f"{rules}: {name}", file=sys.stderr, flush=True)
            tables[rules][name] = {way: run(window, rules, way, options.accounts) for way in WAYS}
    options.output.write_text(page(tables, seen), encoding="utf-8")
    print(f"written: {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
