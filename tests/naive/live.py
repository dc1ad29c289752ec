"""Naive live engine: dictionaries, one event after the other, every margin from the beginning; no arrays, no memory.

Second opinion for `plimsoll.live`; imports nothing of the package. Documents are plain JSON as the package writes them.
A price is a lie here if it is none or if it is three tenths (log) off what it was: days whose prices walk in small
steps need no finer rule.
"""

from __future__ import annotations

import copy
import math
from typing import Any

from .adapters import prbm_inputs
from .prbm import net_equity, prbm

Doc = dict[str, Any]

FAR = 0.3


class NaiveEngine:
    """Accounts and a market as documents, changed by events as plain JSON."""

    def __init__(self, parameters: Doc, market: Doc, accounts: list[Doc]) -> None:
        self.parameters = parameters
        self.market = copy.deepcopy(market)
        self.terms = {i["name"]: i for i in self.market["instruments"]}
        self.held: dict[str, dict[str, list[float]]] = {}
        self.balances: dict[str, dict[str, float]] = {}
        self.last: dict[str, int] = {}
        self.waiting: dict[str, dict[int, Doc]] = {}
        self.seen: set[tuple[str, str, int]] = set()
        self.told: dict[tuple[str, str, str], int] = {}
        for account in accounts:
            rows: dict[str, list[float]] = {}
            for p in account["positions"]:
                quantity, unit = p["quantity"], self.unit(p["instrument"], self.mark(p["instrument"]))
                if p.get("entry_price") is not None:
                    cost = quantity * self.unit(p["instrument"], p["entry_price"])
                else:
                    cost = quantity * unit - (p.get("unrealised_pnl") or 0.0)
                rows[p["instrument"]] = [quantity, cost if self.linear_profit(p["instrument"]) else 0.0]
            self.held[account["name"]] = rows
            self.balances[account["name"]] = dict(account["collateral"])

    def linear_profit(self, name: str) -> bool:
        return str(self.terms[name]["kind"]) in ("future", "perpetual")

    def mark(self, name: str) -> float:
        """USD price of a future or perpetual; of a future without a mark the forward of its expiry."""
        price = self.market["marks"].get(name, {}).get("price")
        if price is not None or not self.linear_profit(name):
            return float(price or 1.0)
        row = self.expiry(self.terms[name]["underlying"], self.terms[name]["expiry"])
        return float(row["forward"]["variable"] + row["forward"]["fixed"])

    def expiry(self, underlying: str, instant: str) -> Doc:
        rows = self.market["expiries"]
        found: Doc = next(e for e in rows if e["underlying"] == underlying and e["expiry"] == instant)
        return found

    def unit(self, name: str, price: float) -> float:
        """What one future stands at in its settlement currency."""
        terms = self.terms[name]
        m = float(terms.get("multiplier", 1.0))
        return -m / price if terms.get("settlement") == "inverse" else m * price

    def take(self, event: Doc) -> None:
        """One event as it arrives."""
        if event["kind"] == "prices":
            key = ("prices", event["source"], event["number"])
            if key not in self.seen:
                self.seen.add(key)
                self.prices(event)
            return
        source, number = event["source"], event["number"]
        key = ("fact", source, number)
        if key in self.seen:
            return
        self.seen.add(key)
        self.waiting.setdefault(source, {})[number] = event
        while self.last.get(source, 0) + 1 in self.waiting[source]:
            self.last[source] = self.last.get(source, 0) + 1
            self.fact(self.waiting[source].pop(self.last[source]))

    def fact(self, event: Doc) -> None:
        if event["kind"] == "clock":
            self.market["time"] = event["time"]
        elif event["kind"] == "transfer":
            balances = self.balances[event["account"]]
            balances[event["asset"]] = balances.get(event["asset"], 0.0) + event["amount"]
        elif event["kind"] == "fill":
            self.fill(event)

    def fill(self, event: Doc) -> None:
        name, quantity, price = event["instrument"], event["quantity"], event["price"]
        terms = self.terms[name]
        balances = self.balances[event["account"]]
        currency = "USD" if terms["kind"] == "spot" else terms["currency"]
        held, cost = self.held[event["account"]].get(name, [0.0, 0.0])
        paid = -event["fee"]
        if not self.linear_profit(name):
            paid -= quantity * price * float(terms.get("multiplier", 1.0))
        else:
            unit = self.unit(name, price)
            # first what closes, then what opens
            closing = 0.0
            if held * quantity < 0.0:
                closing = math.copysign(min(abs(held), abs(quantity)), quantity)
                part = cost * abs(closing / held)
                paid += -closing * unit - part
                cost = 0.0 if abs(closing) == abs(held) else cost - part
            cost += (quantity - closing) * unit
        balances[currency] = balances.get(currency, 0.0) + paid
        if held + quantity == 0.0:
            del self.held[event["account"]][name]
        else:
            self.held[event["account"]][name] = [held + quantity, cost]

    def prices(self, event: Doc) -> None:
        """Whatever is believed of a message: a lie of an index takes all that hangs on it along."""
        doubted = set()
        fresh: list[tuple[str, str, float]] = []
        for field in ("indices", "assets", "forwards", "vols", "marks"):
            for key, price in event.get(field, {}).items():
                place = (event["source"], field, key)
                if self.told.get(place, 0) <= event["number"]:
                    self.told[place] = event["number"]
                    # a number that JSON does not have comes as a text
                    fresh.append((field, key, float(price)))
        for field, key, price in fresh:
            if not (math.isfinite(price) and price > 0.0 and abs(math.log(price / self.now(field, key))) < FAR):
                doubted.add(key if field == "indices" else "")
                continue
            if field != "assets" and field != "indices" and self.underlying(field, key) in doubted:
                continue
            if field in ("indices", "assets"):
                self.market[field][key]["price"] = price
            elif field == "forwards":
                underlying, _, instant = key.partition(" ")
                forward = self.expiry(underlying, instant)["forward"]
                forward["variable"] = max(0.0, price - forward["fixed"])
            else:
                self.market["marks"][key]["vol" if field == "vols" else "price"] = price

    def now(self, field: str, key: str) -> float:
        if field in ("indices", "assets"):
            return float(self.market[field][key]["price"])
        if field == "forwards":
            underlying, _, instant = key.partition(" ")
            forward = self.expiry(underlying, instant)["forward"]
            return float(forward["variable"] + forward["fixed"])
        return float(self.market["marks"][key]["vol" if field == "vols" else "price"])

    def underlying(self, field: str, key: str) -> str:
        return key.partition(" ")[0] if field == "forwards" else str(self.terms[key]["underlying"])

    def margin(self, name: str) -> tuple[float, float, float]:
        """Initial, maintenance and equity of one account in USD."""
        rows = []
        for instrument, (quantity, cost) in self.held[name].items():
            profit = 0.0
            if self.linear_profit(instrument):
                profit = quantity * self.unit(instrument, self.mark(instrument)) - cost
            rows.append(
                {
                    "instrument": instrument,
                    "quantity": quantity,
                    "unrealised_pnl": profit,
                    "entry_price": None,
                    "unsettled_funding": 0.0,
                }
            )
        market = copy.deepcopy(self.market)
        for instrument in self.terms:
            if self.linear_profit(instrument):
                market["marks"].setdefault(instrument, {})["price"] = self.mark(instrument)
        book, prices = prbm_inputs({"positions": rows}, market)
        found = prbm(self.parameters, book, prices)
        equity = net_equity(self.parameters["haircuts"], book, prices, self.balances[name])
        return float(found["initial"]), float(found["maintenance"]), equity

    def status(self, name: str) -> str:
        initial, maintenance, equity = self.margin(name)
        return "called" if equity < maintenance else "reduce only" if equity < initial else "healthy"
