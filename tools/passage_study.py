"""Forecasts of a passage and what happened: the studies behind `measure_passage.py`.

Everything is walk-forward: at each origin only bars that had ended by then are known, to the histories, to the
volatility and to the climatology.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import plimsoll as pl
from plimsoll.dynamics.iv_proxy import IvProxy
from plimsoll.feeds.bars import read_bars
from plimsoll.liquidation import alone, liquidation
from plimsoll.liquidation.passage import first_passage, passage
from plimsoll.risk.engine import volatility
from plimsoll.scenarios.moves import IvLaw
from plimsoll.scenarios.path_makers import filtered_joint_paths
from plimsoll.scenarios.paths import JointPaths

F64 = npt.NDArray[np.float64]

# Frozen before any result was looked at.
LEVERAGES = (3, 5, 10, 20)
HORIZONS = (1, 3, 7)
DAILY_FROM = "2018-01-01"
MINUTES_FROM = "2022-03-01"
STEP_MINUTES, MINUTE_HISTORY_DAYS, MINUTE_ORIGIN_HOURS = 15, 60, 6
OPTION_HEALTH, OPTION_DAYS, OPTION_EVERY = 1.4, 3, 7
OPTIONS = {
    "short strangle": (("P", 0.9, -1.0), ("C", 1.1, -1.0)),
    "short straddle": (("P", 1.0, -1.0), ("C", 1.0, -1.0)),
    "put spread and long": (("P", 1.0, -1.0), ("P", 0.85, 1.0), ("F", 0.0, 0.5)),
}
DECAY, PATHS, OPTION_PATHS, BLOCK_DAYS = 0.97, 2_000, 400, 30
LINEAR_RULES, OPTION_RULES = "binance-usdm@2026-01-01", "prbm@2025-01-01"
SHIFT = 0.5826
"""Broadie, Glasserman and Kou (1997): a line looked at in steps is like one further off by so many step deviations."""

PRICE = 50_000.0


@dataclass(frozen=True)
class Row:
    """One forecast: its study and book, the origin as a day, what three said, and whether it happened.

    `closed` is the closed form watched at every moment, `shifted` that for the instants looked at.
    """

    study: str
    book: str
    day: float
    forecast: float
    closed: float
    shifted: float
    climate: float
    happened: bool


class Climate:
    """The frequency of an event among forecasts whose horizon has ended, each book by itself."""

    def __init__(self) -> None:
        self.pending: list[tuple[float, bool]] = []
        self.count, self.events = 0, 0

    def at(self, day: float) -> float:
        """What was known at a day; a half of an event to begin with."""
        ended = [x for x in self.pending if x[0] <= day]
        self.pending = [x for x in self.pending if x[0] > day]
        self.count += len(ended)
        self.events += sum(happened for _, happened in ended)
        return (self.events + 0.5) / (self.count + 1.0)

    def tell(self, ends: float, happened: bool) -> None:
        """An outcome that is known from `ends` on."""
        self.pending.append((ends, happened))


def linear_market() -> pl.Market:
    """One perpetual at the price that all books start from."""
    return pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": "2026-03-01T00:00:00Z",
            "indices": {"BTC": {"price": PRICE}},
            "assets": {"USDT": {"price": 1.0}},
            "instruments": [
                {
                    "kind": "perpetual",
                    "name": "BTCUSDT",
                    "underlying": "BTC",
                    "settlement": "linear",
                    "currency": "USDT",
                }
            ],
            "marks": {"BTCUSDT": {"price": PRICE}},
        }
    )


def linear_book(side: int, leverage: int) -> pl.Account:
    """One coin long (1) or short (-1) with a leverage-th part of it in cash."""
    row = {"instrument": "BTCUSDT", "quantity": float(side), "entry_price": PRICE}
    content = {"schema": "plimsoll.account", "schema_version": 1, "name": "book", "mode": "cross", "positions": [row]}
    return pl.Account.from_dict({**content, "collateral": {"USDT": PRICE / leverage}})


def lines() -> dict[tuple[int, int], float]:
    """The line of each book as a multiplier of the price, from the exact engine."""
    model, market = pl.margin_model(LINEAR_RULES), linear_market()
    found = {}
    for side in (1, -1):
        for leverage in LEVERAGES:
            book = linear_book(side, leverage)
            (line,) = liquidation(model, book, market, alone("BTC", market)).lines
            found[side, leverage] = line.multiplier
    return found


def agree(paths: JointPaths, side: int, leverage: int, line: float) -> None:
    """A line on the extremes of a path and the engine at every instant of it are the same passages."""
    found = passage(pl.margin_model(LINEAR_RULES), linear_book(side, leverage), linear_market(), paths)
    level = paths.multiplier[:, 0]
    crossed = level < line if side > 0 else level > line
    first = np.where(crossed.any(axis=0), crossed.argmax(axis=0), paths.days.size)
    if not np.array_equal(first, found.firsts()):
        raise AssertionError("the line and the engine disagree")


def linear(study: str, closes: F64, days: F64, *, horizons: tuple[float, ...], step: float, first: float,
           every: int, look_back: int, fine: F64 | None = None) -> list[Row]:  # fmt: skip
    """Forecasts of longs and shorts from `closes[T]` known at `days[T]`, `step` days apart.

    What happened is read off the closes themselves, or off `fine[T, n]`, the `n` prices within each step.
    """
    returns = np.diff(np.log(closes))[:, None]
    sigma = volatility(returns, DECAY**step)
    at_lines = lines()
    climates = {(b, h): Climate() for b in at_lines for h in horizons}
    rows: list[Row] = []
    most = round(max(horizons) / step)
    starts = np.flatnonzero(days >= first)[::every]
    for n, t in enumerate(starts.tolist()):
        if t + most >= closes.size:
            break
        low = max(0, t - look_back)
        paths = filtered_joint_paths(
            ["BTC"], returns[low:t], sigma[low : t + 1], size=PATHS, decay=DECAY**step, seed=t, steps=most,
            step_days=step,
        )  # fmt: skip
        if n == 0:
            for (side, leverage), line in at_lines.items():
                agree(paths, side, leverage, line)
        levels = paths.multiplier[:, 0]
        least, most_up = np.minimum.accumulate(levels), np.maximum.accumulate(levels)
        now = float(sigma[t, 0])
        for (side, leverage), line in at_lines.items():
            for h in horizons:
                k = round(h / step)
                hit = least[k - 1] < line if side > 0 else most_up[k - 1] > line
                real = (closes[t + 1 : t + k + 1] if fine is None else fine[t + 1 : t + k + 1].ravel()) / closes[t]
                happened = bool(real.min() < line) if side > 0 else bool(real.max() > line)
                further = line * np.exp(-side * SHIFT * now)
                climate = climates[(side, leverage), h]
                day = float(days[t])
                rows.append(
                    Row(
                        study=study,
                        book=f"{'long' if side > 0 else 'short'}, {leverage} times, {h:g} d",
                        day=day,
                        forecast=float(hit.mean()),
                        closed=float(first_passage(line, now, float(k))),
                        shifted=float(first_passage(further, now, float(k))),
                        climate=climate.at(day),
                        happened=happened,
                    )
                )
                climate.tell(day + h, happened)
    return rows


def daily(folder: Path) -> list[Row]:
    """Daily closes of seven years."""
    bars = read_bars(folder / "binance_spot_daily_7coins.parquet", names={"BTCUSDT": "BTC"})
    times, closes = _known(bars.history)
    first = float(np.datetime64(DAILY_FROM, "D").astype(np.int64))
    return linear(
        "daily closes, 2018 to 2026", closes, times, horizons=HORIZONS, step=1.0, first=first, every=1, look_back=10_000
    )


def minutes(folder: Path) -> list[Row]:
    """Minutes of 2022: paths in quarters of an hour, outcomes on every minute."""
    bars = read_bars(folder / "binance_usdm_BTCUSDT_1m_2022.parquet", name="BTC")
    times, closes = _known(bars.history)
    whole = closes.size // STEP_MINUTES * STEP_MINUTES
    fine = closes[:whole].reshape(-1, STEP_MINUTES)
    ends = times[:whole].reshape(-1, STEP_MINUTES)[:, -1]
    step = STEP_MINUTES / 1440.0
    first = float(np.datetime64(MINUTES_FROM, "D").astype(np.int64))
    every = MINUTE_ORIGIN_HOURS * 60 // STEP_MINUTES
    return linear(
        "minutes, 2022", fine[:, -1], ends, horizons=(1.0,), step=step, first=first, every=every,
        look_back=round(MINUTE_HISTORY_DAYS / step), fine=fine,
    )  # fmt: skip


def _known(history: Any) -> tuple[F64, F64]:
    """Days since 1970 at which each close was known, and the closes; a missing bar is the one before it."""
    values = history.values[:, 0].copy()
    good = np.isfinite(values)
    filled = np.maximum.accumulate(np.where(good, np.arange(values.size), 0))
    return history.times.astype(np.float64) / 86_400e9, values[filled]


def option_account(parts: tuple[tuple[str, float, float], ...], level: float, proxy: IvProxy) -> tuple[Any, Any]:
    """A book of a month with volatilities of the proxy, and so much cash that health is `OPTION_HEALTH`."""
    expiry, tau = "2026-03-31T00:00:00Z", 30.0 / 365.0
    rows: list[dict[str, Any]] = [
        {"kind": "perpetual", "name": "F", "underlying": "BTC", "settlement": "linear", "currency": "USDC"}
    ]
    marks: dict[str, Any] = {"F": {"price": PRICE}}
    held = []
    for kind, ratio, quantity in parts:
        name = "F" if kind == "F" else f"{kind}{ratio:g}"
        held.append({"instrument": name, "quantity": quantity} | ({"entry_price": PRICE} if kind == "F" else {}))
        if kind != "F":
            row = {"kind": "option", "name": name, "underlying": "BTC", "expiry": expiry, "strike": ratio * PRICE,
                   "call": kind == "C", "settlement": "linear", "currency": "USDC"}  # fmt: skip
            rows.append(row)
            marks[name] = {"vol": float(proxy.vol(np.log(ratio), tau, level))}
    market = pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": "2026-03-01T00:00:00Z",
            "indices": {"BTC": {"price": PRICE}},
            "assets": {"USDC": {"price": 1.0}},
            "expiries": [{"underlying": "BTC", "expiry": expiry, "forward": {"variable": PRICE}}],
            "instruments": rows,
            "marks": marks,
        }
    )
    content = {"schema": "plimsoll.account", "schema_version": 1, "name": "book", "positions": held}
    account = pl.Account.from_dict({**content, "collateral": {"USDC": 10.0 * PRICE}})
    here = pl.margin_model(OPTION_RULES).requirement(account, market)
    cash = 10.0 * PRICE - here.net_equity + OPTION_HEALTH * here.maintenance
    return account.model_copy(update={"collateral": {"USDC": cash}}), market


def options(folder: Path) -> list[Row]:
    """Option books written anew each week; volatility moves by the declared law in forecasts, by the proxy in fact."""
    bars = read_bars(folder / "binance_spot_daily_7coins.parquet", names={"BTCUSDT": "BTC"})
    days, closes = _known(bars.history)
    returns = np.diff(np.log(closes))[:, None]
    sigma, proxy, model = volatility(returns, DECAY), IvProxy.load("BTC"), pl.margin_model(OPTION_RULES)
    levels = proxy.level_from_returns(returns[:, 0])
    climates = {name: Climate() for name in OPTIONS}
    rows: list[Row] = []
    first = float(np.datetime64(DAILY_FROM, "D").astype(np.int64))
    for t in np.flatnonzero(days >= first)[::OPTION_EVERY].tolist():
        if t + OPTION_DAYS >= closes.size:
            break
        drawn = filtered_joint_paths(
            ["BTC"], returns[:t], sigma[: t + 1], size=OPTION_PATHS, decay=DECAY, seed=t, steps=OPTION_DAYS, iv=IvLaw()
        )
        ahead = slice(t + 1, t + OPTION_DAYS + 1)
        fact = np.stack([closes[ahead] / closes[t], levels[ahead] / levels[t]], axis=1)[:, :, None]
        both = JointPaths(
            drawn.names, np.concatenate([drawn.multiplier, fact], axis=2), drawn.days, np.ones(OPTION_PATHS + 1)
        )
        for name, parts in OPTIONS.items():
            account, market = option_account(parts, float(levels[t]), proxy)
            hit = passage(model, account, market, both, route="exact").firsts() < OPTION_DAYS
            sides = liquidation(model, account, market, alone("BTC", market), points=60, kinks=False).pools[0]
            near = [x.multiplier for x in (sides.nearest(-1), sides.nearest(1)) if x is not None]
            now = float(sigma[t, 0])
            closed = min(1.0, sum(float(first_passage(x, now, OPTION_DAYS)) for x in near))
            shifted = min(
                1.0,
                sum(float(first_passage(x * np.exp(np.sign(np.log(x)) * SHIFT * now), now, OPTION_DAYS)) for x in near),
            )
            climate = climates[name]
            day, happened = float(days[t]), bool(hit[-1])
            rows.append(
                Row(
                    "options with the proxy, weekly", f"{name}, {OPTION_DAYS} d", day, float(hit[:-1].mean()), closed,
                    shifted, climate.at(day), happened,
                )
            )  # fmt: skip
            climate.tell(day + OPTION_DAYS, happened)
    return rows
