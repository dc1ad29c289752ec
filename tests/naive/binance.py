"""Naive Binance margins: one position, one bracket, one number at a time, in plain Python.

Second opinion for the vectorised models, so nothing is imported from the package. Rules: spec/venues-cex.md 3.1 to 3.5.
The functions take the JSON documents of an account, a market and the parameters of a pack.
"""

from __future__ import annotations

from typing import Any

from .adapters import open_profit, seconds_to
from .black import black

Doc = dict[str, Any]


def bracket(tiers: list[Doc], size: float) -> tuple[float, float, float]:
    """Maintenance rate, `cum` by the recursion and least initial rate of the bracket a notional is in."""
    cum, floor, rate = 0.0, 0.0, tiers[0]["maintenance"]
    for tier in tiers:
        cum += floor * (tier["maintenance"] - rate)
        rate = tier["maintenance"]
        if tier["upto"] is None or size <= tier["upto"]:
            break
        if tier is not tiers[-1]:
            floor = tier["upto"]
    return rate, cum, tier["initial"]


def marginal(tiers: list[Doc], size: float) -> float:
    """The same maintenance margin without `cum`: each part of a notional at the rate of its own bracket."""
    total, start = 0.0, 0.0
    for k, tier in enumerate(tiers):
        end = float("inf") if tier["upto"] is None or k == len(tiers) - 1 else tier["upto"]
        total += max(0.0, min(size, end) - start) * tier["maintenance"]
        start = end
    return total


def worth(terms: Doc, quantity: float, price: float) -> float:
    """Value of futures in their settlement currency, with its sign."""
    size = quantity * terms["multiplier"]
    return size / price if terms["settlement"] == "inverse" else size * price


def gain(terms: Doc, quantity: float, start: float, end: float) -> float:
    size = quantity * terms["multiplier"]
    return size * (1.0 / start - 1.0 / end) if terms["settlement"] == "inverse" else size * (end - start)


def futures_initial(tiers: list[Doc], notional: float, leverage: float) -> float:
    return notional * max(bracket(tiers, notional)[2], 1.0 / leverage)


def table_of(symbols: Doc, terms: Doc) -> list[Doc]:
    """Brackets of a contract, all tests name them by pair."""
    quote = "USD" if terms["settlement"] == "inverse" else terms["currency"]
    return symbols[terms["underlying"] + quote]["tiers"]  # type: ignore[no-any-return]


def order_margins(account: Doc, market: Doc, symbols: Doc, default: float) -> dict[str, float]:
    """By settlement currency what initial margin rises by when all buys, or all sells, of an instrument are filled."""
    instruments = {i["name"]: i for i in market["instruments"]}
    live: dict[tuple[str, str], list[Doc]] = {}
    for order in account["orders"]:
        closing = {"long": order["quantity"] < 0, "short": order["quantity"] > 0, "net": False}[order["leg"]]
        if order["reduce_only"] or closing or order["quantity"] == 0:
            continue
        live.setdefault((order["instrument"], order["leg"]), []).append(order)
    found: dict[str, float] = {}
    for (name, leg), orders in live.items():
        terms = instruments[name]
        value, own = 0.0, None
        for position in account["positions"]:
            if (position["instrument"], position["leg"]) == (name, leg):
                value = worth(terms, position["quantity"], market["marks"][name]["price"])
                own = position["leverage"]
        named = min((o["leverage"] for o in orders if o["leverage"] is not None), default=default)
        bought = sum(worth(terms, o["quantity"], o["price"]) for o in orders if o["quantity"] > 0)
        sold = sum(worth(terms, o["quantity"], o["price"]) for o in orders if o["quantity"] < 0)
        tiers = table_of(symbols, terms)
        states = [futures_initial(tiers, abs(value + x), own or named) for x in (0.0, bought, sold)]
        before = futures_initial(tiers, abs(value), own or default)
        found[terms["currency"]] = found.get(terms["currency"], 0.0) + max(0.0, max(states) - before)
    return found


def futures_rows(account: Doc, market: Doc, symbols: Doc, default: float) -> list[Doc]:
    """Every position with its notional, profit and both margins, in its settlement currency."""
    instruments = {i["name"]: i for i in market["instruments"]}
    rows = []
    for position in account["positions"]:
        terms = instruments[position["instrument"]]
        mark = market["marks"][terms["name"]]["price"]
        notional = abs(worth(terms, position["quantity"], mark))
        tiers = table_of(symbols, terms)
        rate, cum, _ = bracket(tiers, notional)
        leverage = default if position["leverage"] is None else position["leverage"]
        rows.append(
            {
                "terms": terms,
                "position": position,
                "notional": notional,
                "maintenance": notional * rate - cum,
                "initial": futures_initial(tiers, notional, leverage),
                "profit": open_profit(position, terms, mark) + position["unsettled_funding"],
            }
        )
    return rows


def futures(account: Doc, market: Doc, params: Doc) -> Doc:
    """Cross and isolated futures of one settlement currency."""
    default = params["default_leverage"]
    rows = futures_rows(account, market, params["symbols"], default)
    currency = rows[0]["terms"]["currency"]
    shared = account["collateral"].get(currency, 0.0)
    equity = need = 0.0
    isolated = []
    for row in rows:
        margin = row["position"]["isolated_margin"]
        if margin is None:
            equity += row["profit"]
            need += row["maintenance"]
        else:
            shared -= margin
            isolated.append((margin + row["profit"], row["maintenance"]))
    orders = order_margins(account, market, params["symbols"], default).get(currency, 0.0)
    return {
        "initial": sum(r["initial"] for r in rows) + orders,
        "maintenance": sum(r["maintenance"] for r in rows),
        "equity": shared + equity + sum(max(e, 0.0) for e, _ in isolated),
        "pools": [(shared + equity, need), *isolated],
    }


def portfolio(account: Doc, market: Doc, params: Doc) -> Doc:
    """Portfolio Margin, USD."""
    price = {a: r["price"] for a, r in market["indices"].items()}
    price.update({a: r["price"] for a, r in market["assets"].items()})
    symbols = {**params["um"], **params["cm"]}
    rows = futures_rows(account, market, symbols, params["default_leverage"])
    assets = {*account["collateral"], *account["borrowed"], *(r["terms"]["currency"] for r in rows)}
    equity = 0.0
    for asset in assets:
        x = account["collateral"].get(asset, 0.0) - account["borrowed"].get(asset, 0.0)
        x += sum(r["profit"] for r in rows if r["terms"]["currency"] == asset)
        value = x * price[asset]
        equity += value * params["collateral"][asset]["collateral_rate"] if value > 0 else value
    if params["open_loss"]:
        instruments = {i["name"]: i for i in market["instruments"]}
        for order in account["orders"]:
            terms = instruments[order["instrument"]]
            if not order["reduce_only"] and order["quantity"]:
                lost = -gain(terms, order["quantity"], order["price"], market["marks"][terms["name"]]["price"])
                equity -= max(0.0, lost) * price[terms["currency"]]
    chosen = [s.removeprefix("margin_leverage_") for s, on in account["settings"].items() if on]
    terms = params["loans"][chosen[0] if chosen else params["default_margin_leverage"]]
    initial = maintenance = 0.0
    for row in rows:
        p = price[row["terms"]["currency"]]
        initial += row["initial"] * p
        maintenance += row["maintenance"] * p
    for asset, loan in account["borrowed"].items():
        initial += loan * price[asset] / (terms["margin_leverage"] - 1.0)
        maintenance += loan * price[asset] * terms["loan_maintenance"]
    for asset, amount in order_margins(account, market, symbols, params["default_leverage"]).items():
        initial += amount * price[asset]
    # the account is closed once its ratio is no longer above what the last open status asks for
    last = min(s["uni_mmr_above"] for name, s in params["statuses"].items() if name not in ("liquidation", "bankrupt"))
    return {"initial": initial, "maintenance": maintenance * last, "equity": equity}


def options(account: Doc, market: Doc, params: Doc) -> Doc:
    """Options account, USDT."""
    instruments = {i["name"]: i for i in market["instruments"]}
    forwards = {(e["underlying"], e["expiry"]): e["forward"] for e in market["expiries"]}

    def mark(terms: Doc) -> float:
        shown = market["marks"][terms["name"]]
        if shown.get("price") is not None:
            return float(shown["price"])
        forward = forwards[terms["underlying"], terms["expiry"]]
        years = seconds_to(market, terms["expiry"]) / 31_536_000.0
        return black(terms["call"], forward["variable"] + forward["fixed"], terms["strike"], years, shown["vol"])

    def short(terms: Doc, kind: str) -> float:
        rates = params["underlyings"][terms["underlying"]]
        s = market["indices"][terms["underlying"]]["price"]
        away = max(terms["strike"] - s, 0.0) if terms["call"] else max(s - terms["strike"], 0.0)
        rate, floor = rates[f"option_{kind}"], rates[f"option_{kind}_floor"]
        return float(max(rate * s - away, floor * s) + mark(terms)) * terms["multiplier"]

    initial = maintenance = value = 0.0
    held = {}
    for position in account["positions"]:
        terms, q = instruments[position["instrument"]], position["quantity"]
        held[terms["name"]] = q
        value += q * terms["multiplier"] * mark(terms)
        if q < 0:
            initial += -q * short(terms, "initial")
            maintenance += -q * short(terms, "maintenance")
    for name in {o["instrument"] for o in account["orders"]}:
        terms = instruments[name]
        mine = [o for o in account["orders"] if o["instrument"] == name and not o["reduce_only"]]
        premium = sum(o["quantity"] * o["price"] * terms["multiplier"] for o in mine if o["quantity"] > 0)
        q = held.get(name, 0.0)
        after = q + sum(o["quantity"] for o in mine if o["quantity"] < 0)
        more = max(0.0, -after) - max(0.0, -q)
        initial += max(premium, more * short(terms, "initial"))
    balance = account["collateral"].get("USDT", 0.0)
    return {"initial": initial, "maintenance": maintenance, "equity": balance + min(value, 0.0)}
