"""Pairs of snapshots for the rule sets of every venue, with what only they look at: leverage, legs, money set apart."""

from __future__ import annotations

import random
from datetime import timedelta
from functools import cache
from typing import Any

import plimsoll as pl
from line_books import Desk, listed
from plimsoll.documents import DocumentError

Doc = dict[str, Any]

NAMES = ("aevo", "binance", "bybit", "hyperliquid", "okx", "paradex")
VENUES = tuple(
    {
        p.name: p.label for p in pl.shipped_packs() if p.name.partition("-")[0] in NAMES and p.model != "okx-margin"
    }.values()
)
"""The newest pack of each rule set of the centralised venues that takes contracts."""

APART = ("isolated_margin", "leverage")
SETTINGS = {"binance": "margin_leverage_5x", "okx-pm": "spot_hedging", "bybit-pm": "spot_hedging"}


@cache
def desk_of(rules: str) -> Desk:
    """A rule set and what it takes of the listed market, the same for all pairs."""
    content = listed()
    # fewer names than for the lines: every one is offered to the rules first
    names = {
        r["name"]
        for r in content["instruments"]
        if r["underlying"] != "SOL" and r["currency"] != "USD" and not r["name"].endswith(("-PERP", "_PERPETUAL"))
    }
    content["instruments"] = [r for r in content["instruments"] if r["name"] in names]
    content["marks"] = {n: m for n, m in content["marks"].items() if n in names}
    return Desk.of(pl.find_rules(rules), pl.Market.from_dict(content))


def venue_pair(number: int, rules: str) -> tuple[pl.Account, pl.Market, pl.Account, pl.Market]:
    """Another pair for each number. The account after is the one before, traded on, or one that was drawn anew."""
    desk = desk_of(rules)
    for attempt in range(20):
        dice = random.Random(f"{rules} {number} {attempt}")
        account, _, _ = desk.draw(f"explain {number} {attempt}")
        (currency,) = account.collateral
        account = account.model_copy(update={"collateral": {currency: 1e6 * dice.uniform(0.1, 10.0)}})
        after = _later(account, desk, dice)
        market_after = _moved(desk.of_names(_named(account, after)), dice)
        whole = desk.of_names(_named(account, after))
        try:
            desk.model.assess(account, whole, "refuse")
            desk.model.assess(after, market_after, "refuse")
        except DocumentError:
            continue
        return account, whole, after, market_after
    raise AssertionError(f"{rules}: no pair was taken in 20 draws")


def _named(*accounts: pl.Account) -> list[str]:
    rows = [x for a in accounts for x in (*a.positions, *a.orders)]
    return list(dict.fromkeys(x.instrument for x in rows))


def _later(account: pl.Account, desk: Desk, dice: random.Random) -> pl.Account:
    content = account.to_dict()
    rows: list[Doc] = content["positions"]
    (currency,) = content["collateral"]
    content["collateral"][currency] *= dice.choice([1.0, dice.uniform(0.5, 1.5)])
    for row in rows:
        if dice.random() < 0.4:
            row["quantity"] *= dice.choice([0.0, dice.uniform(0.5, 1.5)])
        for field in APART:
            if row.get(field) is not None and dice.random() < 0.4:
                row[field] *= dice.choice([0.5, 1.5])
        if row.get("unsettled_funding") and dice.random() < 0.5:
            row["unsettled_funding"] *= dice.uniform(0.0, 2.0)
    if len(rows) > 1 and dice.random() < 0.2 and rows[-1].get("leg", "net") == "net":
        rows.pop()
    free = [n for n in desk.takes[currency] if n not in {r["instrument"] for r in rows}]
    if free and "leverage" in desk.model.TAKES and dice.random() < 0.5:
        name = dice.choice(free)
        mark = desk.market.marks[name].price or 0.01
        side = dice.choice([-1.0, 1.0])
        content["orders"] = [{"instrument": name, "quantity": side, "price": mark, "reduce_only": False}]
    if "borrowed" in desk.model.TAKES and dice.random() < 0.4:
        content["borrowed"] = {currency: dice.uniform(1.0, 1e4)}
    name = next((s for venue, s in SETTINGS.items() if desk.model.rules.name.startswith(venue)), None)
    if name in desk.model.SETTINGS and dice.random() < 0.5:
        content["settings"] = {name: dice.random() < 0.5}
    return pl.Account.from_dict(content)


def _moved(market: pl.Market, dice: random.Random) -> pl.Market:
    """Some days later: every coin at another price, every volatility another, every rate another."""
    content = market.to_dict()
    content["time"] = (market.time + timedelta(hours=dice.choice([0, 7, 200]))).isoformat()
    factor = {coin: dice.choice([1.0, dice.uniform(0.8, 1.25)]) for coin in content["indices"]}
    for coin, index in content["indices"].items():
        index["price"] *= factor[coin]
    for row in content["expiries"]:
        row["forward"]["variable"] *= factor[row["underlying"]]
    coins = {c.name: c.underlying for c in market.instruments}
    lift = dice.choice([0.0, dice.uniform(0.01, 0.2)])
    for name, mark in content["marks"].items():
        if mark.get("price") is not None:
            mark["price"] *= factor[coins[name]] * dice.choice([1.0, dice.uniform(0.999, 1.001)])
        if mark.get("vol") is not None:
            mark["vol"] += lift
    return pl.Market.from_dict(content)
