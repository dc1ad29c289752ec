"""Naive Deribit margins: one position, one scenario, one number at a time, on floats and the math module only.

Second opinion for the vectorised models, so nothing is imported from the package. Rules: spec/venues-cex.md 1.1 to 1.5.
A row of a book: `kind, style, quantity, multiplier`, `mark` of a future or perpetual, `share` that still moves, `days`
to expiry (None for a perpetual), `expiry` (any key); options: `call, strike, vol, forward`, and `price` as quoted.
"""

from __future__ import annotations

import math
from itertools import product
from typing import Any

from naive.black import black, call_delta

Doc = dict[str, Any]

FLOORS = ("floor_after", "floor_before")
DAYS = ("days_from_one", "days_whole", "days_fraction")
FARS = ("far_in_coin", "far_in_usd")
DELTAS = ("delta_shock_m_inc", "delta_shock_cent")
ROWS = ("row_of_usd", "row_of_coin")


def standard_margin(params: Doc, index: float, rows: list[Doc], coin: str) -> Doc:
    """Initial margin for each meaning of the underlying's price, maintenance for each reading of the share."""
    initial = {"forward": 0.0, "index": 0.0}
    maintenance = {"slope": 0.0, "share": 0.0}
    for row in rows:
        size = abs(row["quantity"]) * row["multiplier"]
        inverse = row["style"] == "inverse"
        if row["kind"] != "option":
            rates = params["futures"][coin][row["style"]]
            coins = size / row["mark"] if inverse else size
            unit = coins if inverse else coins * index
            first = (rates["initial"] + rates["slope"] * coins) * unit
            second = (rates["maintenance"] + rates["slope"] * coins) * unit
            share = params.get("maintenance_share")
            for name in initial:
                initial[name] += round(first, 9)
            maintenance["slope"] += round(second, 9)
            maintenance["share"] += round(second if share is None else share * first, 9)
            continue
        if row["quantity"] > 0:
            continue
        rates = params["inverse_options"]
        for name in initial:
            price = row["forward"] if name == "forward" else index
            out = max(row["strike"] - price, 0.0) if row["call"] else max(price - row["strike"], 0.0)
            first = max(rates["initial"] - out / price, rates["initial_floor"]) + row["price"]
            if row["call"]:
                second = rates["maintenance"] + row["price"]
            else:
                second = max(rates["maintenance"], rates["put_mark_rate"] * row["price"]) + row["price"]
                first = max(first, second)
            initial[name] += round(first * size, 9)
        for name in maintenance:
            maintenance[name] += round(second * size, 9)
    return {"initial": initial, "maintenance": maintenance}


def portfolio_margin(params: Doc, index: float, rows: list[Doc], coin: str) -> dict[tuple[str, ...], Doc]:
    """`worst, roll, delta, summed, vector` of one underlying under each combination of readings."""
    found, units = {}, {}
    for combination in product(FLOORS, DAYS, FARS, DELTAS, ROWS):
        floor, days, far, delta, row = combination
        inverse = all(r["style"] == "inverse" for r in rows)
        pair = params["pairs"][coin]
        currency = params["currencies"][coin if inverse or row == "row_of_coin" else "USD"]
        if (floor, days, far) not in units:
            units[floor, days, far] = [
                sum(r["quantity"] * gain(pair, r, move, vol, extended, floor, days, far) for r in rows)
                for move, vol, extended in scenarios(params, pair)
            ]
        summed, vector = units[floor, days, far], []
        for (move, _, extended), gained in zip(scenarios(params, pair), summed, strict=True):
            total = gained
            if extended:
                cut = (max(abs(move) / pair["price_range"], 1.0) - 1.0) * currency["extended_dampener"]
                if inverse:
                    cut /= (1.0 + math.copysign(pair["price_range"], move)) * index
                total = math.copysign(max(abs(total) - cut, 0.0), total)
            elif total > 0:
                cap = currency["max_offsetable_pnl"] / (index if inverse else 1.0)
                total = min(total * currency["pnl_offset"], cap)
            vector.append(total)
        found[combination] = {
            "worst": max(0.0, -min(vector)),
            "roll": roll(currency, rows, 1.0 if inverse else index),
            "delta": big_delta(pair, rows, index, delta, inverse),
            "summed": summed,
            "vector": vector,
        }
    return found


def scenarios(params: Doc, pair: Doc) -> list[tuple[float, str, bool]]:
    """(move, volatility, extended) in the venue's order."""
    n = params["buckets_count"]
    near = [(pair["price_range"] * i / n, vol, False) for i in range(-n, n + 1) for vol in ("up", "same", "down")]
    return near + [(move, "up", True) for move in params["extended_moves"]]


def gain(pair: Doc, row: Doc, move: float, vol: str, extended: bool, floor: str, days: str, far: str) -> float:
    """What one contract gains in its settlement currency."""
    m = row["multiplier"]
    moved = row["share"] * (1.0 + move) + 1.0 - row["share"]
    edge = 1.0 + math.copysign(pair["price_range"], move)
    keep = pair["extended_table_factor"] * pair["price_range"] / abs(move) if extended else 1.0
    if row["kind"] != "option":
        if row["style"] != "inverse":
            return m * row["mark"] * (moved - 1.0) * keep
        coins = m / row["mark"]
        return coins * (moved - 1.0) * keep / edge if extended else coins * (1.0 - 1.0 / moved)
    before, t = row["forward"], row["days"] / 365.0
    after = before * moved
    v0 = black(row["call"], before, row["strike"], t, row["vol"])
    v1 = black(row["call"], after, row["strike"], t, shocked(pair, row, vol, floor, days))
    if row["style"] != "inverse":
        return m * (v1 - v0) * keep
    coin = v1 / after - v0 / before
    if not extended:
        return m * coin
    usd = (v1 - v0) / before if far == "far_in_usd" else coin * moved
    return m * usd * keep / edge


def shocked(pair: Doc, row: Doc, vol: str, floor: str, days: str) -> float:
    """The volatility in a scenario."""
    left = row["days"]
    if days == "days_whole":
        left = max(math.floor(left), 1)
    if days == "days_from_one":
        left = max(left, 1.0)
    power = pair["short_term_vega_power"] if left < 30 else pair["long_term_vega_power"]
    scale = (30.0 / max(left, 1.0 / 86_400.0)) ** power
    sigma, least = row["vol"], pair["min_volatility_for_shock_up"]
    if vol == "down":
        return max(sigma * (1.0 - pair["volatility_range_down"] * scale), 0.0)
    if vol == "same":
        return sigma
    rise = 1.0 + pair["volatility_range_up"] * scale
    return max(sigma, least) * rise if floor == "floor_before" else max(sigma * rise, least)


def delta_of(row: Doc) -> float:
    """Delta of one contract in coins."""
    m = row["multiplier"]
    if row["kind"] != "option":
        return row["share"] * (m / row["mark"] if row["style"] == "inverse" else m)
    t = row["days"] / 365.0
    delta = call_delta(row["forward"], row["strike"], t, row["vol"]) - (0.0 if row["call"] else 1.0)
    if row["style"] == "inverse":
        delta -= black(row["call"], row["forward"], row["strike"], t, row["vol"]) / row["forward"]
    return row["share"] * m * delta


def roll(currency: Doc, rows: list[Doc], price: float) -> float:
    """Roll shock: expiries apart."""
    nets: dict[Any, float] = {}
    years: dict[Any, float] = {}
    for row in rows:
        key = row["expiry"]
        nets[key] = nets.get(key, 0.0) + row["quantity"] * delta_of(row)
        years[key] = 0.0 if row["days"] is None else row["days"] / 365.0
    return sum(
        abs(net)
        * price
        * max(currency["min_annualised_move"], math.exp(currency["annualised_move_risk"] * years[key]) - 1)
        for key, net in nets.items()
    )


def big_delta(pair: Doc, rows: list[Doc], index: float, reading: str, inverse: bool) -> float:
    """Delta shock."""
    helped = sum(r["quantity"] * delta_of(r) for r in rows if r["kind"] == "option" and r["quantity"] > 0)
    rest = sum(r["quantity"] * delta_of(r) for r in rows if not (r["kind"] == "option" and r["quantity"] > 0))
    if rest < 0:
        charged = min(max(helped + rest, rest), 0.0)
    else:
        charged = max(min(helped + rest, rest), 0.0)
    notional = abs(charged) * index
    rate = 0.01 if reading == "delta_shock_cent" else pair["m_inc"]
    usd = max(notional - pair["delta_total_liq_shock_threshold"], 0.0) * abs(charged) * rate
    usd = min(usd, pair["max_delta_shock"] * notional)
    return usd / index if inverse else usd


def contingency_margin(params: Doc, index: float, rows: list[Doc], coin: str) -> Doc:
    """Portfolio margin before 2024 of one underlying: `cells` by reading of the days, the two contingencies.

    `options` is the charge expiry by expiry, `together` that across all of them.
    """
    pair = {**params["underlyings"][coin], "min_volatility_for_shock_up": 0.0}
    n = params["buckets_count"]
    cells = {}
    for days in DAYS:
        cells[days] = [
            sum(
                r["quantity"] * gain(pair, r, pair["price_range"] * i / n, vol, False, FLOORS[0], days, "")
                for r in rows
            )
            for i in range(-n, n + 1)
            for vol in ("up", "same", "down")
        ]
    inverse = all(r["style"] == "inverse" for r in rows)
    price = 1.0 if inverse else index
    alive = [r for r in rows if r["share"] > 0.0]
    long = short = 0.0
    for row in alive:
        if row["kind"] != "option":
            coins = row["quantity"] * row["multiplier"] / (row["mark"] if inverse else 1.0)
            long, short = long + max(coins, 0.0), short + max(-coins, 0.0)
    counted = long + short if params["futures"]["of"] == "all" else min(long, short)
    options = [r for r in alive if r["kind"] == "option"]
    expiries = {r["expiry"] for r in options}
    apart = sum(net_short(params["options"], index, [r for r in options if r["expiry"] == e]) for e in expiries)
    return {
        "cells": cells,
        "futures": params["futures"]["rate"] * counted * price,
        "options": params["options"]["coin_per_option"] * apart * price,
        "together": params["options"]["coin_per_option"] * net_short(params["options"], index, options) * price,
    }


def net_short(rules: Doc, index: float, rows: list[Doc]) -> float:
    """Coins of options that stay short, strike by strike from the money outwards on both sides."""
    positions: dict[float, float] = {}
    for row in rows:
        near = rules["near_range"] * index
        weight = 1.0 if near == 0.0 else min(abs(row["strike"] - index) / near, 1.0)
        coins = row["quantity"] * row["multiplier"] * weight
        positions[row["strike"]] = positions.get(row["strike"], 0.0) + coins
    if not rules["rolled"]:
        return sum(max(-coins, 0.0) for coins in positions.values())
    total = 0.0
    for walk in (
        sorted(k for k in positions if k > index),
        sorted((k for k in positions if k <= index), reverse=True),
    ):
        carried = 0.0
        for strike in walk:
            carried += positions[strike]
            if carried < 0.0:
                total -= carried
                carried = 0.0
    return total


def open_profit(row: Doc) -> float:
    """Profit and funding still to settle, in the settlement currency: as reported, else from the entry price."""
    total = row["funding"]
    if row["profit"] is not None:
        total += row["profit"]
    elif row["entry"] is not None and row["style"] == "inverse":
        total += row["quantity"] * row["multiplier"] * (1.0 / row["entry"] - 1.0 / row["mark"])
    elif row["entry"] is not None:
        total += row["quantity"] * row["multiplier"] * (row["mark"] - row["entry"])
    return float(total)


def standard_equity(rows: list[Doc], balance: float) -> float:
    """Balance and open profit, with the value of options or without, whichever is less; one currency."""
    cash = balance + sum(open_profit(r) for r in rows)
    options = sum(r["quantity"] * r["multiplier"] * r["price"] for r in rows if r["kind"] == "option")
    return min(cash, cash + options)


def portfolio_equity(rows: list[Doc], balance: float) -> float:
    """Balance, open profit and the value of options at their volatilities; one currency."""
    total = balance + sum(open_profit(r) for r in rows)
    for r in rows:
        if r["kind"] == "option":
            value = black(r["call"], r["forward"], r["strike"], r["days"] / 365.0, r["vol"])
            total += r["quantity"] * r["multiplier"] * (value / r["forward"] if r["style"] == "inverse" else value)
    return total


def cross_margin(params: Doc, indices: Doc, rows: dict[str, list[Doc]], collateral: Doc, prices: Doc) -> Doc:
    """Cross collateral: the sums of `standard_margin` over the coins of inverse rows in USD, and the balance there."""
    out: Doc = {"initial": {"forward": 0.0, "index": 0.0}, "maintenance": {"slope": 0.0, "share": 0.0}}
    cash = sum(amount * prices[asset] for asset, amount in collateral.items())
    options = 0.0
    for coin, mine in rows.items():
        found = standard_margin(params, indices[coin], mine, coin)
        for kind in ("initial", "maintenance"):
            for name, amount in found[kind].items():
                out[kind][name] += amount * prices[coin]
        cash += sum(open_profit(r) for r in mine) * prices[coin]
        held = sum(r["quantity"] * r["multiplier"] * r["price"] for r in mine if r["kind"] == "option")
        options += held * prices[coin]
    for asset, amount in collateral.items():
        for name in out["initial"]:
            out["initial"][name] += max(amount, 0.0) * prices[asset] * params["haircuts"][asset]
    return out | {"equity": min(cash, cash + options)}
