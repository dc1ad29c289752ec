"""Naive Drift: one account, line by line, in exact fractions that are cut to whole numbers where the chain cuts them.

Second opinion for `plimsoll.margin.venues.drift`; imports nothing of the package. A token is a dictionary with `asset`,
`amount`, `bids`, `asks` (both from zero, in tokens), `orders`, `price`, `twap`, `deposits`; a perpetual one with
`coin`, `size`, `entry` (or None), `unrealised`, `funding`, `price`, `bids`, `asks`, `orders`, `leverage` (or None),
`market_profit`.
"""

from __future__ import annotations

import math
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

Doc = dict[str, Any]


def exact(number: float) -> Fraction:
    return Fraction(Decimal(repr(float(number))))


def nearest(number: float, decimals: int) -> int:
    return round(exact(number) * Fraction(10) ** decimals)


def root(size: int) -> int:
    return math.floor(Decimal(10 * size + 1).sqrt(Context(prec=80)))


def dearer(weight: int, size: int, factor: int) -> int:
    """A liability weight or a ratio, grown by size, perhaps below what it was."""
    if not factor:
        return weight
    fifth = math.floor(Fraction(weight, 5))
    return weight - fifth + math.floor(Fraction(root(size) * factor, 10**7))


def cheaper(weight: int, size: int, factor: int) -> int:
    if not factor:
        return weight
    grown = 10**6 + math.floor(Fraction(root(size) * factor, 10**5))
    return min(weight, math.floor(Fraction(11 * 10**9, grown)))


def kind(margin: str, initial: int, maintenance: int) -> int:
    if margin == "fill":
        return math.floor(Fraction(initial + maintenance, 2))
    return initial if margin == "initial" else maintenance


def ratio(market: Doc, margin: str, size: int, high: bool) -> int:
    usual = kind(margin, market["margin_ratio_initial"], market["margin_ratio_maintenance"])
    lows = market["high_leverage_initial"], market["high_leverage_maintenance"]
    if not high or not lows[0] or not lows[1]:
        return max(usual, dearer(usual, size, market["imf_factor"]))
    low = kind(margin, *lows)
    if margin == "maintenance":
        return max(low, dearer(low, size, market["imf_factor"]))
    grown = dearer(usual, size, market["imf_factor"])
    if grown > usual:
        return grown
    if grown == usual:
        return low
    fifth = math.floor(Fraction(usual, 5))
    missing = math.floor(Fraction((usual - grown) * 10**6, fifth))
    share = Fraction(max(0, 10**6 - missing), 10**6)
    return low + math.floor(max(1, usual - low) * share)


def cut(value: Fraction) -> int:
    """Towards zero."""
    return math.floor(value) if value >= 0 else -math.floor(-value)


def token_side(p: Doc, token: Doc, margin: str, strict: bool, custom: int, filled: float) -> tuple[int, int, int]:
    """(token value, weighted value, what the orders pay) with so many tokens bought."""
    rule = p["spot"][token["asset"]]
    decimals = rule["decimals"]
    now = nearest(token["price"], 6)
    mean = nearest(token["twap"], 6) if strict and token["twap"] is not None else now
    held, order = nearest(token["amount"], decimals), nearest(filled, decimals)
    own = math.floor(Fraction(held * (min(now, mean) if held > 0 else max(now, mean)), 10**decimals))
    paid = math.floor(Fraction(-order * max(now, mean), 10**decimals))
    value, amount = own - paid, held + order
    size = math.floor(Fraction(abs(amount) * 10**9, 10**decimals))
    if value > 0:
        deposits = math.floor(Fraction(nearest(token["deposits"], decimals) * now, 10**decimals))
        initial, start = rule["initial_asset_weight"], nearest(rule["scale_start"], 6)
        if start and deposits >= start:
            initial = math.floor(Fraction(initial * start, deposits))
        weight = cheaper(kind(margin, initial, rule["maintenance_asset_weight"]), size, rule["imf_factor"])
        weight = min(weight, max(0, 10_000 - custom)) if custom else weight
    else:
        weight = kind(margin, rule["initial_liability_weight"], rule["maintenance_liability_weight"])
        weight = max(weight, dearer(weight, size, rule["imf_factor"]))
        weight = max(weight, 10_000 + custom) if custom else weight
    return value, cut(Fraction(value * weight, 10_000)), paid


def account(p: Doc, cash: Doc, tokens: list[Doc], perps: list[Doc], margin: str, **switches: Any) -> tuple[int, int]:
    """(requirement, collateral) in 1e-6 USD. `cash` has `amount`, `price` and `twap` of the quote token."""
    strict = bool(switches.get("strict")) and margin != "maintenance"
    custom = int(switches.get("custom", 0)) if margin == "initial" else 0
    now = nearest(cash["price"], 6)
    mean = nearest(cash["twap"], 6) if strict and cash["twap"] is not None else now
    dear, cheap = max(now, mean), min(now, mean)
    required = collateral = 0
    held = nearest(cash["amount"], 6)
    if held > 0:
        collateral += math.floor(Fraction(held * cheap, 10**6))
    else:
        required -= math.floor(Fraction(held * dear, 10**6))
    for token in tokens:
        required += token["orders"] * 10_000
        sides = [token_side(p, token, margin, strict, 0, f) for f in (-token["asks"], token["bids"])]
        worse = 0 if sides[0][1] + sides[0][2] <= sides[1][1] + sides[1][2] else 1
        value, weighted, paid = token_side(
            p, token, margin, strict, custom, -token["asks"] if worse == 0 else token["bids"]
        )
        collateral += (weighted if value > 0 else 0) + max(paid, 0)
        required += (-weighted if value < 0 else 0) + max(-paid, 0)
    for perp in perps:
        market = p["perps"][perp["coin"]]
        price, base = nearest(perp["price"], 6), nearest(perp["size"], 9)
        ends = [base + nearest(perp["bids"], 9), base - nearest(perp["asks"], 9)]
        value, size = max((math.floor(Fraction(abs(e) * price, 10**9)), abs(e)) for e in ends)
        least = custom
        if margin == "initial" and perp["leverage"] is not None:
            least = max(least, math.ceil(10_000 / perp["leverage"]))
        rate = max(ratio(market, margin, size, bool(switches.get("high"))), least)
        worth = math.floor(Fraction(value * dear, 10**6))
        required += math.floor(Fraction(worth * rate, 10_000)) + perp["orders"] * 10_000
        profit = nearest(perp["funding"], 6)
        if perp["entry"] is None:
            profit += nearest(perp["unrealised"], 6)
        else:
            profit += cut(Fraction(base * price, 10**9))
            profit += math.floor(Fraction(-base * nearest(perp["entry"], 6), 10**9))
        weight = 10_000
        if profit > 0 and margin == "maintenance":
            weight = market["pnl_maintenance_weight"]
        elif profit > 0:
            weight, most = market["pnl_initial_weight"], nearest(market["pnl_max_imbalance"], 6)
            all_profit = nearest(perp["market_profit"], 6)
            if most and all_profit > most:
                weight = math.floor(Fraction(weight * most, all_profit))
            weight = cheaper(weight, profit * 1000, market["pnl_imf_factor"]) if weight else 0
        counted = cut(Fraction(profit * weight, 10_000))
        counted = cut(Fraction(counted * (cheap if profit > 0 else dear), 10**6))
        collateral += min(counted, 100 * 10**6) if margin == "initial" else counted
    return required, collateral
