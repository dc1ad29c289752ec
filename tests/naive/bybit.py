"""Naive Bybit margins: one position, one scenario, one number at a time, on floats and the math module only.

Second opinion for the vectorised models, so nothing is imported from the package. Rules: spec/venues-cex.md section 4.
Takes the JSON documents of an account and a market as they are, and the parameters of a pack.
"""

from __future__ import annotations

import math
from typing import Any

from naive.adapters import instant, open_profit, seconds_to
from naive.black import black, call_delta

Doc = dict[str, Any]

DAY = 86_400.0
YEAR = 31_536_000.0


def unified_margin(params: Doc, account: Doc, market: Doc) -> Doc:
    """`initial, maintenance, equity` of the account and of each of its pools in USD."""
    terms = {i["name"]: i for i in market["instruments"]}
    pools: dict[str, Doc] = {"shared": {"initial": 0.0, "maintenance": 0.0, "equity": 0.0}}
    coins: dict[str, float] = dict(account["collateral"])
    dip: dict[str, float] = {}
    for position in account["positions"]:
        contract = terms[position["instrument"]]
        usd, currency = price_of(market, contract["currency"]), contract["currency"]
        if contract["kind"] == "option":
            value = position["quantity"] * contract["multiplier"] * option_price(contract, market)
            if moved_share(contract, market) == 0.0:
                coins[currency] = coins.get(currency, 0.0) + value
                continue
            first, second = short_option(params, contract, market, position["quantity"], position["entry_price"])
            pools["shared"]["initial"] += first * usd
            pools["shared"]["maintenance"] += second * usd
            dip[currency] = dip.get(currency, 0.0) + min(value, 0.0)
            continue
        first, second, fee = future(params, contract, market, position, account["positions"])
        if moved_share(contract, market) == 0.0:
            first = second = fee = 0.0
        profit = position["unsettled_funding"] + open_profit(position, contract, mark_of(contract, market))
        name = "shared"
        if position["isolated_margin"] is not None:
            name = contract["name"] if position["leg"] == "net" else f"{contract['name']} {position['leg']}"
            pools[name] = {"initial": 0.0, "maintenance": 0.0}
            pools[name]["equity"] = (position["isolated_margin"] + profit) * usd
            coins[currency] = coins.get(currency, 0.0) - position["isolated_margin"]
        else:
            coins[currency] = coins.get(currency, 0.0) + profit
        pools[name]["initial"] += (first + fee) * usd
        pools[name]["maintenance"] += (second + fee) * usd
    orders = order_margin(params, account, market, dip)
    pools["shared"]["initial"] += orders
    lend(params, account, market, coins, dip, pools["shared"])
    total = {k: sum(p[k] for p in pools.values()) for k in ("initial", "maintenance")}
    equity = sum(max(p["equity"], 0.0) if n != "shared" else p["equity"] for n, p in pools.items())
    return {**total, "equity": equity, "pools": pools, "orders": orders}


def lend(params: Doc, account: Doc, market: Doc, coins: Doc, dip: Doc, pool: Doc) -> None:
    """Add to a pool what its coins are worth and what is borrowed costs."""
    for asset in {**coins, **dip, **account["borrowed"]}:
        usd, held, loan = price_of(market, asset), coins.get(asset, 0.0), account["borrowed"].get(asset, 0.0)
        missing = max(-(held + dip.get(asset, 0.0)), 0.0) + loan
        pool["initial"] += params["borrow"]["initial"] * missing * usd
        pool["maintenance"] += params["borrow"]["maintenance"] * missing * usd
        net = held - loan
        pool["equity"] += usd * (net * (1.0 - params["haircuts"].get(asset, 1.0)) if net > 0.0 else net)


def price_of(market: Doc, asset: str) -> float:
    """USD price of an asset."""
    if asset in market["assets"]:
        return float(market["assets"][asset]["price"])
    if asset in market["indices"]:
        return float(market["indices"][asset]["price"])
    return 1.0


def mark_of(contract: Doc, market: Doc) -> float:
    """The mark of a future or perpetual, the settlement of what has settled."""
    if contract["kind"] == "future" and moved_share(contract, market) == 0.0:
        return float(row_of(contract, market)["settlement"])
    return float(market["marks"][contract["name"]]["price"])


def row_of(contract: Doc, market: Doc) -> Doc:
    """The expiry of a contract."""
    found = [
        e
        for e in market["expiries"]
        if e["underlying"] == contract["underlying"] and instant(e["expiry"]) == instant(contract["expiry"])
    ]
    return found[0] if found else {"forward": None, "settlement": None}


def option_price(contract: Doc, market: Doc) -> float:
    """Price of one coin of option: the mark, else Black-76."""
    mark = market["marks"].get(contract["name"], {})
    if mark.get("price") is not None and moved_share(contract, market) > 0.0:
        return float(mark["price"])
    return option_value(contract, market, 1.0, 1.0)


def option_value(contract: Doc, market: Doc, spot: float, vol: float) -> float:
    """Black-76 of one coin with the moving part of the forward and the volatility multiplied."""
    row = row_of(contract, market)
    seconds = seconds_to(market, contract["expiry"])
    if seconds < 0 or (seconds == 0 and row["settlement"] is not None):
        settled = row["settlement"]
        return max(settled - contract["strike"], 0.0) if contract["call"] else max(contract["strike"] - settled, 0.0)
    forward = row["forward"]["variable"] * spot + row["forward"]["fixed"]
    sigma = market["marks"][contract["name"]]["vol"] * vol
    return black(contract["call"], forward, contract["strike"], seconds / YEAR, sigma)


def short_option(params: Doc, contract: Doc, market: Doc, quantity: float, paid: float | None) -> tuple[float, float]:
    """Initial and maintenance margin of a position in an option, zero of a long one."""
    if quantity >= 0.0:
        return 0.0, 0.0
    p, size = params["underlyings"][contract["underlying"]]["options"], -quantity * contract["multiplier"]
    index, mark = market["indices"][contract["underlying"]]["price"], option_price(contract, market)
    out = contract["strike"] - index if contract["call"] else index - contract["strike"]
    second = max(p["maintenance"] * index, p["maintenance_on_mark"] * mark) + mark + p["liquidation_fee"] * index
    first = max(p["initial"] * index - max(out, 0.0), p["initial_floor"] * index) + max(paid or 0.0, mark)
    return max(first, second) * size, second * size


def tables_of(params: Doc, contract: Doc) -> Doc:
    """The tiers of a future."""
    inverse = contract["settlement"] == "inverse"
    pair = contract["underlying"] + ("USD" if inverse else contract["currency"])
    return dict(params["futures"].get(contract["name"]) or params["futures"][pair])


def tier_of(tables: Doc, size: float) -> tuple[float, float, float]:
    """Maintenance rate, least initial rate and deduction of the tier that a size is in."""
    start, before, deduction = 0.0, 0.0, 0.0
    for n, tier in enumerate(tables["tiers"]):
        if n:
            deduction += start * (tier["maintenance"] - before)
        before = tier["maintenance"]
        start = math.inf if tier["upto"] is None else tier["upto"]
        if size <= start or n == len(tables["tiers"]) - 1:
            return tier["maintenance"], tier["initial"], deduction
    raise AssertionError("no tier")


def future(params: Doc, contract: Doc, market: Doc, position: Doc, every: list[Doc]) -> tuple[float, float, float]:
    """Initial margin, maintenance margin and fee of closing of a position, in its settlement currency."""
    inverse = contract["settlement"] == "inverse"
    apart = position["isolated_margin"] is not None
    price = mark_of(contract, market)
    if params["valued_at"]["isolated" if apart else "cross"] == "entry" and position["entry_price"] is not None:
        price = position["entry_price"]
    size = abs(position["quantity"]) * contract["multiplier"]
    value = size / price if inverse else size * price
    rate, least, deduction = tier_of(tables_of(params, contract), value)
    first = value * max(least, 1.0 / (position["leverage"] or params["default_leverage"]))
    second = value * rate - deduction
    offset = 0.0
    if position["leg"] != "net" and not apart and size > 0.0:
        for other in every:
            same = other["instrument"] == position["instrument"] and other["isolated_margin"] is None
            if same and other["leg"] not in (position["leg"], "net"):
                offset = min(abs(other["quantity"]) / abs(position["quantity"]), 1.0)
    down = (position["quantity"] > 0.0) != inverse
    bust = max(value - first, 0.0) if down else value + first
    times = offset * params["close_fee"]["hedged_factor"] + (1.0 - offset)
    fee = params["close_fee"]["taker"] * bust * times if position["quantity"] else 0.0
    return first, second * (1.0 - offset), fee


def order_margin(params: Doc, account: Doc, market: Doc, dip: Doc) -> float:
    """Initial margin in USD of all open orders; premiums of bought options go into `dip`."""
    terms = {i["name"]: i for i in market["instruments"]}
    total = 0.0
    groups: dict[tuple[str, str], list[Doc]] = {}
    for order in account["orders"]:
        if order["reduce_only"] or order["quantity"] == 0.0:
            continue
        contract, quantity = terms[order["instrument"]], order["quantity"]
        if moved_share(contract, market) == 0.0:
            continue
        if contract["kind"] == "option":
            size = abs(quantity) * contract["multiplier"]
            index = market["indices"][contract["underlying"]]["price"]
            fee = size * min(params["option_fee"]["rate"] * index, params["option_fee"]["cap"] * order["price"])
            premium, usd = size * order["price"], price_of(market, contract["currency"])
            if quantity > 0.0:
                dip[contract["currency"]] = dip.get(contract["currency"], 0.0) - premium
                total += (premium + fee) * usd
            else:
                margin = short_option(params, contract, market, quantity, order["price"])[0]
                total += max(margin + fee - premium, 0.0) * usd
        elif not (order["leg"] == "long" and quantity < 0.0) and not (order["leg"] == "short" and quantity > 0.0):
            groups.setdefault((order["instrument"], order["leg"]), []).append(order)
    for (name, leg), orders in groups.items():
        total += future_orders(params, terms[name], market, leg, orders, account["positions"])
    return total


def future_orders(params: Doc, contract: Doc, market: Doc, leg: str, orders: list[Doc], held: list[Doc]) -> float:
    """What the orders in one leg add, in USD."""
    inverse = contract["settlement"] == "inverse"

    def worth(quantity: float, price: float) -> float:
        size = quantity * contract["multiplier"]
        return size / price if inverse else size * price

    mine = [p for p in held if p["instrument"] == contract["name"] and p["leg"] == leg]
    now = worth(mine[0]["quantity"], mark_of(contract, market)) if mine else 0.0
    named = [o["leverage"] for o in orders if o["leverage"] is not None]
    chosen = mine[0]["leverage"] if mine and mine[0]["leverage"] is not None else min(named, default=None)
    leverage = chosen or params["default_leverage"]
    buys = sum(worth(o["quantity"], o["price"]) for o in orders if o["quantity"] > 0.0)
    sells = sum(worth(o["quantity"], o["price"]) for o in orders if o["quantity"] < 0.0)
    worst = max(abs(now), abs(now + buys), abs(now + sells))
    tables = tables_of(params, contract)
    before = abs(now) * max(tier_of(tables, abs(now))[1], 1.0 / leverage)
    rate = max(tier_of(tables, worst)[1], 1.0 / leverage)
    fees = params["close_fee"]["taker"] * (worst - abs(now)) * (2.0 + rate)
    return max(worst * rate - before + fees, 0.0) * price_of(market, contract["currency"])


def portfolio_margin(params: Doc, account: Doc, market: Doc) -> Doc:
    """`initial, maintenance, equity` in USD, and the parts of each risk unit."""
    terms = {i["name"]: i for i in market["instruments"]}
    rows = [(terms[p["instrument"]], p["quantity"]) for p in account["positions"]]
    coins: dict[str, float] = dict(account["collateral"])
    for position in account["positions"]:
        contract = terms[position["instrument"]]
        if contract["kind"] == "option":
            worth = position["quantity"] * contract["multiplier"] * option_price(contract, market)
        else:
            worth = position["unsettled_funding"] + open_profit(position, contract, mark_of(contract, market))
        coins[contract["currency"]] = coins.get(contract["currency"], 0.0) + worth
    pool = {"initial": 0.0, "maintenance": 0.0, "equity": 0.0}
    lend(params, account, market, coins, {}, pool)
    units: dict[str, Doc] = {}
    for coin in sorted({c["underlying"] for c, _ in rows}):
        units[coin] = risk_unit(params, account, market, coin, [(c, q) for c, q in rows if c["underlying"] == coin])
        pool["maintenance"] += units[coin]["maintenance"]
        pool["initial"] += units[coin]["initial"]
    live = [o for o in account["orders"] if not o["reduce_only"] and o["quantity"]]
    live = [o for o in live if moved_share(terms[o["instrument"]], market) > 0.0]
    for coin in sorted({terms[o["instrument"]]["underlying"] for o in live}):
        mine = [(c, q) for c, q in rows if c["underlying"] == coin]
        base = units[coin]["initial"] if coin in units else 0.0
        added = 0.0
        for side in (1.0, -1.0):
            filled, lost = list(mine), 0.0
            for order in live:
                contract = terms[order["instrument"]]
                if contract["underlying"] == coin and order["quantity"] * side > 0.0:
                    filled.append((contract, order["quantity"]))
                    lost += max(-edge(contract, market, order), 0.0)
            added = max(added, risk_unit(params, account, market, coin, filled)["initial"] + lost - base)
        pool["initial"] += added
    return {**pool, "units": units}


def edge(contract: Doc, market: Doc, order: Doc) -> float:
    """USD that a filled order is worth at the mark."""
    option = contract["kind"] == "option"
    mark = option_price(contract, market) if option else mark_of(contract, market)
    size, usd = order["quantity"] * contract["multiplier"], price_of(market, contract["currency"])
    if contract["settlement"] == "inverse" and order["price"]:
        return float(size * (1.0 / order["price"] - 1.0 / mark) * usd)
    return float(size * (mark - order["price"]) * usd)


def moved_share(contract: Doc, market: Doc) -> float:
    """The part of a price that still moves."""
    if contract["kind"] == "perpetual":
        return 1.0
    row, seconds = row_of(contract, market), seconds_to(market, contract["expiry"])
    if seconds < 0 or (seconds == 0 and row["settlement"] is not None):
        return 0.0
    forward = row["forward"]
    return 1.0 if forward is None else float(forward["variable"] / (forward["variable"] + forward["fixed"]))


def gain(params: Doc, contract: Doc, market: Doc, move: float, shock: float) -> float:
    """USD that one contract gains in a scenario, against its mark."""
    usd, size = price_of(market, contract["currency"]), contract["multiplier"]
    if contract["kind"] == "option":
        days = seconds_to(market, contract["expiry"]) / DAY
        if params["whole_days"]:
            days = math.ceil(days)
        power = params["vol_power_short"] if days <= 30 else params["vol_power_long"]
        factor = max(1.0 + shock * (30.0 / max(days, 1.0)) ** power, 0.0)
        then = option_value(contract, market, 1.0 + move, factor)
        return float((then - option_price(contract, market)) * size * usd)
    price = mark_of(contract, market)
    rate = 1.0 + moved_share(contract, market) * move
    if contract["settlement"] == "inverse":
        return float(size / price * (1.0 - 1.0 / rate) * usd * (1.0 + move))
    return float(size * price * (rate - 1.0) * usd)


def coins_of(contract: Doc, market: Doc, quantity: float) -> float:
    """Coins of a position."""
    size = quantity * contract["multiplier"]
    if moved_share(contract, market) == 0.0:
        return 0.0
    inverse = contract["settlement"] == "inverse"
    return size / mark_of(contract, market) if inverse and contract["kind"] != "option" else size


def greeks(contract: Doc, market: Doc, quantity: float) -> tuple[float, float]:
    """Delta and vega in coins."""
    coins = coins_of(contract, market, quantity)
    share = moved_share(contract, market)
    if contract["kind"] != "option":
        return coins * share, 0.0
    row = row_of(contract, market)
    years = max(seconds_to(market, contract["expiry"]), 0.0) / YEAR
    settled = years == 0.0 and row["settlement"] is not None
    forward = row["settlement"] if settled else row["forward"]["variable"] + row["forward"]["fixed"]
    vol, index = market["marks"][contract["name"]]["vol"], market["indices"][contract["underlying"]]["price"]
    delta = call_delta(forward, contract["strike"], years, vol) - (0.0 if contract["call"] else 1.0)
    spread = vol * math.sqrt(years)
    if spread == 0.0 or contract["strike"] == 0.0:
        return coins * delta * share, 0.0
    d1 = math.log(forward / contract["strike"]) / spread + spread / 2.0
    density = math.exp(-d1 * d1 / 2.0) / math.sqrt(2.0 * math.pi)
    return coins * delta * share, coins * forward / index * density * math.sqrt(years)


def match(points: list[tuple[float, float]]) -> float:
    """Sizes of opposite sign matched, near ones of one with far ones of the other, times their distance."""
    best = 0.0
    for sign in (1.0, -1.0):
        long = sorted((at, sign * x) for at, x in points if sign * x > 0.0)
        short = sorted(((at, -sign * x) for at, x in points if sign * x < 0.0), reverse=True)
        total = 0.0
        while long and short:
            (a, x), (b, y) = long[0], short[0]
            size = min(x, y)
            total += size * abs(a - b)
            long = ([(a, x - size)] if x > size else []) + long[1:]
            short = ([(b, y - size)] if y > size else []) + short[1:]
        best = max(best, total)
    return best


def summed(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points of one place added up."""
    found: dict[float, float] = {}
    for at, x in points:
        found[at] = found.get(at, 0.0) + x
    return sorted(found.items())


def risk_unit(params: Doc, account: Doc, market: Doc, coin: str, rows: list[tuple[Doc, float]]) -> Doc:
    """One underlying."""
    unit, index = params["underlyings"][coin], market["indices"][coin]["price"]
    held = [(c, q, *greeks(c, market, q)) for c, q in rows if q]
    hedge = 0.0
    if account["settings"].get("spot_hedging"):
        balance = account["collateral"].get(coin, 0.0) - account["borrowed"].get(coin, 0.0)
        delta = sum(d for *_, d, _ in held)
        if balance * delta < 0.0:
            hedge = math.copysign(min(abs(balance), abs(delta)), balance)
    vector = []
    for step in range(-params["price_steps"], params["price_steps"] + 1):
        move = unit["price_range"] * step / params["price_steps"]
        for shock in (unit["vol_up"], 0.0, -unit["vol_down"]):
            spot = max(hedge * price_of(market, coin) * move, 0.0)
            vector.append(spot + sum(q * gain(params, c, market, move, shock) for c, q, _, _ in held))
    worst = max(0.0, -min(vector))

    def left(contract: Doc) -> float:
        return 0.0 if contract["kind"] == "perpetual" else max(seconds_to(market, contract["expiry"]), 0.0)

    net: dict[tuple[float, bool], float] = {}
    for c, q, _, _ in held:
        if c["kind"] == "option":
            net[left(c), c["call"]] = net.get((left(c), c["call"]), 0.0) + coins_of(c, market, q)
    by_currency: dict[str, float] = {}
    for c, _, d, _ in held:
        by_currency[c["currency"]] = by_currency.get(c["currency"], 0.0) + d
    longs, shorts = (sum(max(s * x, 0.0) for x in by_currency.values()) for s in (1.0, -1.0))
    deltas = summed([(left(c) / YEAR, d) for c, _, d, _ in held]) + ([(0.0, hedge)] if hedge else [])
    outright = sum(d for c, _, d, _ in held if c["kind"] != "option") + hedge
    price = price_of(market, coin) if hedge else index
    parts = {
        "option": unit["short_option"] * index * sum(max(-x, 0.0) for x in net.values()),
        "option_vega": unit["vega_spread"] * index * match(summed([(left(c) / DAY, v) for c, _, _, v in held])),
        "usdt_usdc": unit["stable_spread"] * index * min(longs, shorts),
        "future_delta": max(unit["basis"] * index * match(deltas), unit["future_delta"] * price * abs(outright)),
        "future": unit["future"]
        * index
        * sum(abs(coins_of(c, market, q)) for c, q, _, _ in held if c["kind"] != "option"),
    }
    if "futureDeltaContingency" in account["reported"]:
        parts["future_delta"] = account["reported"]["futureDeltaContingency"]
    maintenance = worst + sum(parts.values())
    return {
        "vector": vector,
        "worst": worst,
        "hedge": hedge,
        "parts": parts,
        "maintenance": maintenance,
        "initial": unit["initial_factor"] * maintenance,
    }
