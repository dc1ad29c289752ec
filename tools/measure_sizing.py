"""Buffers and Kelly's sizes on recorded prices, forecast and then lived through: docs/validation/sizing.md

    python tools/measure_sizing.py [--every DAYS] [--paths N] [--output FILE]

Every so many days (--every, at least ten) from the 500th of a coin's daily closes on, a position of one coin, long and
short, gets the least collateral for which a call within ten days has a probability of at most p, from the closes known
by then alone: by paths of filtered history against the maintenance margin of the rules, and by the closed form of a
log-normal price with the volatility of that day and no drift. The next ten closes then say whether it was called.

For Kelly's sizes a position in BTC and ETH is chosen every twenty days from what was known, and held: the means of the
closes so far taken for known without a limit on calls, half of it, and with the fraction for estimates and a limit. The
limits, the seeds and the windows were fixed before the first run.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import plimsoll as pl
from plimsoll.feeds.bars import read_bars
from plimsoll.optimise.sizing import KellyTerms, Watch, estimated, kelly, largest_size
from plimsoll.risk.engine import volatility
from plimsoll.scenarios.path_makers import filtered_joint_paths
from plimsoll.scenarios.paths import JointPaths

ROOT = Path(__file__).resolve().parent.parent
FILE = "binance_spot_daily_7coins.parquet"
COINS = ("BTC", "ETH", "BNB", "XRP", "SOL")
RULES = "prbm@2026-03-01"
CHANCES = (0.01, 0.02, 0.05, 0.1)
FIRST, MEMORY, AHEAD, HOLD = 500, 1_000, 10, 20
DECAY = 0.97
GONE = 1e-3
"""Wealth that is left, at the least, of what lost more than it had: its logarithm would be none."""
NOW = "2026-03-01T00:00:00Z"


@dataclass(frozen=True)
class Lived:
    """One window: the collateral over the notional for each of `CHANCES` by paths and in closed form, and the least one
    with which the closes that followed would have called nothing."""

    coin: str
    side: int
    paths: tuple[float, ...]
    closed: tuple[float, ...]
    needed: float


@dataclass(frozen=True)
class Held:
    """A policy of sizes through all windows: mean leverage, windows called, mean log growth a year and the worst
    window, a called position closed at the close that called it.
    """

    name: str
    leverage: float
    called: int
    windows: int
    growth: float
    worst: float


def market_of(coins: tuple[str, ...]) -> Any:
    """Perpetuals at a price of one, so that sizes are parts of today's price."""
    settle = {"settlement": "linear", "currency": "USDC"}
    return pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": NOW,
            "indices": {c: {"price": 1.0} for c in coins},
            "assets": {"USDC": {"price": 1.0}},
            "instruments": [{"kind": "perpetual", "name": c, "underlying": c, **settle} for c in coins],
            "marks": {c: {"price": 1.0} for c in coins},
        }
    )


def folder() -> Path:
    """Where the prices lie."""
    return Path(os.environ.get("PLIMSOLL_SHARED", ROOT.parent / "shared")) / "data" / "prices"


def closes(coins: tuple[str, ...]) -> np.ndarray:
    """`[T, coins]` closes of the days on which all have one."""
    history = read_bars(str(folder() / FILE)).history
    levels = history.values[:, [history.names.index(f"{c}USDT") for c in coins]]
    return levels[np.isfinite(levels).all(axis=1)]


def paths_of(coins: tuple[str, ...], returns: np.ndarray, steps: int, size: int, seed: int) -> JointPaths:
    """Filtered history of what was known."""
    known = returns[-MEMORY:]
    sigma = volatility(returns, DECAY)[-len(known) - 1 :]
    return filtered_joint_paths(coins, known, sigma, size=size, decay=DECAY, seed=seed, steps=steps)


def account(rows: dict[str, float], cash: float) -> pl.Account:
    """Positions and cash."""
    content = {"schema": "plimsoll.account", "schema_version": 1, "collateral": {"USDC": cash}}
    return pl.Account.from_dict(content | {"positions": [{"instrument": n, "quantity": q} for n, q in rows.items()]})


def lived(levels: np.ndarray, coin: str, every: int, size: int) -> Iterator[Lived]:
    """The windows of one coin."""
    market, model = market_of((coin,)), pl.margin_model(RULES)
    returns = np.diff(np.log(levels), axis=0)
    rate = model.requirement(account({coin: 1.0}, 1.0), market).maintenance
    for t in range(FIRST, len(levels) - AHEAD, every):
        paths = paths_of((coin,), returns[:t], AHEAD, size, t)
        watch = Watch(market, model, paths)
        sigma = float(volatility(returns[:t], DECAY)[-1, 0]) * np.sqrt(365.0)
        ahead = levels[t + 1 : t + 1 + AHEAD, 0] / levels[t, 0]
        for side in (1, -1):
            course = watch.course(account({coin: float(side)}, 0.0))
            closed = tuple(1.0 / abs(largest_size(p, rate, 0.0, sigma, AHEAD / 365.0, side)) for p in CHANCES)
            needed = float((rate * ahead - side * (ahead - 1.0)).max())
            yield Lived(coin, side, tuple(course.enough(p) for p in CHANCES), closed, max(needed, rate))


def share(called: int, count: int) -> str:
    """A share with its exact interval of 95 %."""
    from scipy.special import betaincinv

    low = float(betaincinv(called, count - called + 1.0, 0.025)) if called else 0.0
    high = float(betaincinv(called + 1.0, float(count - called), 0.975)) if called < count else 1.0
    return f"{100 * called / count:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def held(levels: np.ndarray, size: int) -> list[Held]:
    """Kelly's sizes of BTC and ETH by three policies."""
    coins = ("BTC", "ETH")
    market, model = market_of(coins), pl.margin_model(RULES)
    returns = np.diff(np.log(levels), axis=0)
    free = KellyTerms(1e6, fraction=1.0, shrink=False, leverage=20.0, margin=1.0, called=0.999)
    policies = {
        "Kelly, means taken for known": free,
        "half of it": replace(free, fraction=0.5),
        "Kelly, fraction for estimates": replace(free, shrink=True),
        "half of that, a call at most 1 %": replace(free, fraction=0.5, shrink=True, called=0.01),
    }
    found: dict[str, list[tuple[float, float, bool]]] = {name: [] for name in policies}
    for t in range(FIRST, len(levels) - HOLD, HOLD):
        means = estimated(coins, returns[:t], 1.0)
        inside, outside = (
            Watch(market, model, paths_of(coins, returns[:t], HOLD, size, seed)) for seed in (2 * t, 2 * t + 1)
        )
        ahead = levels[t + 1 : t + 1 + HOLD] / levels[t]
        for name, terms in policies.items():
            sizes = kelly(inside, outside, coins, means, terms)
            f = sizes.held
            rate = model.requirement(sizes.account, market).maintenance / max(1e-12, float(np.abs(f).sum()) * 1e6)
            equity = 1.0 + (ahead - 1.0) @ f
            below = equity < rate * (ahead @ np.abs(f))
            called = bool(below.any()) and bool(np.abs(f).sum())
            # a called position is closed at the close that called it
            end = float(equity[int(np.argmax(below))] if called else equity[-1])
            found[name].append((float(np.abs(f).sum()), end, called))
    years = len(next(iter(found.values()))) * HOLD / 365.0
    result = []
    for name, rows in found.items():
        ends = np.array([max(e, GONE) for _, e, _ in rows])
        result.append(
            Held(
                name,
                float(np.mean([x for x, _, _ in rows])),
                sum(c for _, _, c in rows),
                len(rows),
                float(np.log(ends).sum() / years),
                float(ends.min() - 1.0),
            )
        )
    return result


def page(windows: list[Lived], sizes: list[Held], every: int, size: int) -> str:
    """The page."""
    lines = [
        "# Buffers and sizes on recorded prices",
        "",
        f"Measured by `python tools/measure_sizing.py --every {every} --paths {size}`, whose docstring says how. Daily",
        f"closes of {', '.join(COINS)} against the dollar to May 2026, {len(windows):,} windows "
        f"of {AHEAD} days that were",
        f"forecast from what was known and then lived through, under `{RULES}`. A probability is "
        f"kept where its upper limit",
        "of 95 % is: the share called is meant to lie at or below what was asked for.",
        "",
        "## Buffers",
        "",
        "| position | asked for | called, paths | called, closed form | collateral, paths | collateral, closed form |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    groups = [("all", windows)]
    groups += [(name, [w for w in windows if w.side == s]) for name, s in (("long", 1), ("short", -1))]
    groups += [(coin, [w for w in windows if w.coin == coin]) for coin in COINS]
    for name, mine in groups:
        for k, p in enumerate(CHANCES):
            if not mine or (name in COINS and p not in (0.01, 0.05)):
                continue
            by_paths = sum(w.needed > w.paths[k] for w in mine)
            by_form = sum(w.needed > w.closed[k] for w in mine)
            means = (100 * float(np.mean([getattr(w, x)[k] for w in mine])) for x in ("paths", "closed"))
            cells = (name, f"{100 * p:g} %", share(by_paths, len(mine)), share(by_form, len(mine)))
            lines.append("| " + " | ".join((*cells, *(f"{m:.1f} %" for m in means))) + " |")
    lines += [
        "",
        "Collateral is the mean over the windows, in parts of the notional. In brackets the exact "
        "interval of 95 % of the",
        "share, as if windows were independent; windows of several coins at one time are not, so it is too narrow.",
        "",
        "## Kelly's sizes of BTC and ETH",
        "",
        f"Chosen every {HOLD} days, {sizes[0].windows} times, on half as many paths. "
        "Growth is the mean log of wealth a",
        "year at the closes, a called position closed at the close that called it "
        "and a thousandth left of one that lost",
        "all; costs and funding are left out.",
        "",
        "| policy | mean leverage | windows called | growth a year | worst window |",
        "| --- | --- | --- | --- | --- |",
    ]
    for h in sizes:
        row = (h.name, f"{h.leverage:.2f}", f"{h.called}", f"{100 * h.growth:+.0f} %", f"{100 * h.worst:+.0f} %")
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--every", type=int, default=30)
    parser.add_argument("--paths", type=int, default=1_000)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "validation" / "sizing.md")
    given = parser.parse_args()
    if given.every < AHEAD:
        parser.error(f"--every: windows of {AHEAD} days would overlap")
    windows: list[Lived] = []
    for coin in COINS:
        windows += lived(closes((coin,)), coin, given.every, given.paths)
        print(f"{coin}: {len(windows)} windows so far", file=sys.stderr)
    sizes = held(closes(("BTC", "ETH")), given.paths // 2)
    given.output.write_text(page(windows, sizes, given.every, given.paths), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
