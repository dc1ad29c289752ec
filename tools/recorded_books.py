"""Books on the option chain of a day, by kind and seed: what several measurements of the optimiser are about.

BTC options of Deribit at noon of 30 January 2026. A maker holds 24 options of both signs, 1 to 10 coins each, and as
much of the perpetual as takes their delta away; a directional book holds 1 to 4 options that lean the same way, in four
of ten cases with the perpetual. Each has 20 BTC.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

import plimsoll as pl
from plimsoll.documents import parse_instant
from plimsoll.feeds import import_chain
from plimsoll.feeds.bars import read_bars
from plimsoll.optimise import Holding, TradingTerms, make_desk
from plimsoll.scenarios.factors import FactorHistory

ROOT = Path(__file__).resolve().parent.parent
FILE = "deribit_chain_intraday_20260129_20260131.parquet"
BARS = "binance_spot_daily_7coins.parquet"
NOON = "2026-01-30T12:00:00Z"
RULES = "deribit-pm@2026-01-30"
KINDS = ("maker", "directional")
COINS = 20.0
WORTH = 0.02
TERMS = TradingTerms(unquoted="refuse", size=25.0)
"""Only contracts with a quote on the side that is traded, at most 25 coins of each."""


def _data(kind: str, name: str) -> str:
    return str(Path(os.environ.get("PLIMSOLL_SHARED", ROOT.parent / "shared")) / "data" / kind / name)


def snapshot() -> pl.Market:
    """The chain, BTC alone."""
    content = import_chain(_data("options", FILE), parse_instant(NOON)).to_dict()
    kept = [i for i in content["instruments"] if i["underlying"] == "BTC" and i["settlement"] == "inverse"]
    names = {i["name"] for i in kept}
    content["instruments"] = kept
    content["marks"] = {n: m for n, m in content["marks"].items() if n in names}
    content["depth"] = {n: d for n, d in content["depth"].items() if n in names}
    content["expiries"] = [e for e in content["expiries"] if e["underlying"] == "BTC"]
    return pl.Market.from_dict(content)


def quoted(market: pl.Market) -> list[str]:
    """Options near enough to the money to have both quotes, two days to a year out."""
    spot, found = market.indices["BTC"].price, []
    for c in market.instruments:
        mark = market.marks.get(c.name)
        if c.kind != "option" or mark is None or not (mark.bid and mark.ask):
            continue
        if 0.7 < c.strike / spot < 1.5 and 2.0 < market.seconds_to(c.expiry) / 86_400.0 < 366.0:
            found.append(c.name)
    return found


def book(kind: str, seed: int, market: pl.Market) -> pl.Account:
    """A book of a kind."""
    random = np.random.default_rng([KINDS.index(kind), seed])
    names = quoted(market)
    held: dict[str, float] = {}
    if kind == "maker":
        for name in random.choice(names, 24, replace=False).tolist():
            held[name] = round(float(random.choice([-1.0, 1.0]) * random.uniform(1.0, 10.0)), 1)
    else:
        up = random.random() < 0.5
        for name in random.choice(names, int(random.integers(1, 5)), replace=False).tolist():
            call = bool(getattr(market.contracts[name], "call", False))
            held[name] = round(float(random.uniform(1.0, 10.0)) * (1.0 if call == up else -1.0), 1)
        if random.random() < 0.4:
            held["BTC-PERPETUAL"] = float(round(random.uniform(5_000, 40_000))) * (1.0 if up else -1.0)
    account = account_of(f"{kind} {seed}", held, {"BTC": COINS})
    if kind == "maker":
        desk = make_desk(market, [Holding("book", account, pl.margin_model(RULES))], candidates=["BTC-PERPETUAL"])
        place = desk.places[0]
        at = place.names.index("BTC-PERPETUAL")
        # collateral is the owner's own; what is hedged is the delta of the options
        held["BTC-PERPETUAL"] = float(round(-(desk.delta("BTC") - COINS) / place.exposures.delta[at]))
        account = account_of(f"{kind} {seed}", held, {"BTC": COINS})
    return account


def account_of(name: str, held: Mapping[str, float], collateral: Mapping[str, float]) -> pl.Account:
    """An account by what it holds."""
    rows = [{"instrument": n, "quantity": q} for n, q in held.items() if q]
    content = {"schema": "plimsoll.account", "schema_version": 1, "name": name, "positions": rows}
    return pl.Account.from_dict(content | {"collateral": dict(collateral)})


def split(
    kind: str, seed: int, market: pl.Market, collateral: tuple[Mapping[str, float], Mapping[str, float]]
) -> tuple[pl.Account, pl.Account]:
    """A book over two accounts: of each position a share, uniform from nothing to all, lies at the first.

    The share is whole tenths of a coin or ten dollars of a perpetual; `collateral` is what lies at each.
    """
    random = np.random.default_rng([KINDS.index(kind), seed, 2])
    first: dict[str, float] = {}
    second: dict[str, float] = {}
    for p in book(kind, seed, market).positions:
        least = 10.0 if p.instrument == "BTC-PERPETUAL" else 0.1
        part = round(least * round(p.quantity * random.random() / least), 1)
        first[p.instrument], second[p.instrument] = part, round(p.quantity - part, 1)
    return account_of("a", first, collateral[0]), account_of("b", second, collateral[1])


def daily(market: pl.Market) -> FactorHistory:
    """Daily moves of BTC that were known at the time of the market."""
    levels = read_bars(_data("prices", BARS), names={"BTCUSDT": "BTC"}).history
    factors = FactorHistory.of_levels(levels, ("BTC",), source=BARS)
    known = factors.times <= np.datetime64(market.time.replace(tzinfo=None), "ns").astype(np.int64)
    return replace(factors, returns=factors.returns[known], times=factors.times[known])
