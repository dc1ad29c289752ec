"""Small Bybit accounts built by hand for one rule at a time."""

from __future__ import annotations

from functools import cache
from typing import Any

import plimsoll as pl
from bybit_books import INDEX, QUARTER, account_doc, market_doc, perpetual
from plimsoll.margin import with_parameter

Doc = dict[str, Any]

UTA, UTA_2023 = "bybit-uta@2025-09-05", "bybit-uta@2023-08-09"
PM, PM_2024 = "bybit-pm@2026-03-24", "bybit-pm@2024-06-01"
LINEAR, INVERSE = perpetual("BTCUSDT", "BTC"), perpetual("BTCUSD", "BTC", "BTC")


@cache
def model_of(reference: str) -> pl.MarginModel:
    """The model, read once."""
    return pl.margin_model(reference)


def option(strike: float, call: bool = True, currency: str = "USDT", expiry: str = QUARTER, coin: str = "BTC") -> Doc:
    """A linear option on one coin."""
    name = f"{coin}-{expiry[:10]}-{strike:g}-{'C' if call else 'P'}-{currency}"
    row: Doc = {"kind": "option", "name": name, "underlying": coin, "expiry": expiry, "strike": strike, "call": call}
    return row | {"settlement": "linear", "currency": currency, "multiplier": 1.0}


def held(row: Doc, quantity: float, **fields: Any) -> tuple[Doc, Doc]:
    """A contract and a position in it."""
    return row, {"instrument": row["name"], "quantity": quantity} | fields


def books(*legs: tuple[Doc, Doc], marks: Doc | None = None, assets: Doc | None = None, **fields: Any) -> Any:
    """Account and market; unmarked futures are at the index, unmarked options at a volatility of one half."""
    rows = {row["name"]: row for row, _ in legs}
    found = {
        n: {"vol": 0.5} if r["kind"] == "option" else {"price": INDEX.get(r["underlying"], 100.0)}
        for n, r in rows.items()
    }
    prices = {"USDT": 1.0, "USDC": 1.0} | (assets or {})
    market = market_doc(list(rows.values()), found | (marks or {}), assets={a: {"price": p} for a, p in prices.items()})
    market["indices"] |= fields.pop("indices", {})
    positions = [p for _, p in legs if p.get("quantity")]
    return pl.Account.from_dict(account_doc(positions=positions, **fields)), pl.Market.from_dict(market)


def require(reference: str, *legs: tuple[Doc, Doc], **fields: Any) -> pl.Requirement:
    """The requirement of such an account."""
    mode = "portfolio" if reference.startswith("bybit-pm") else "cross"
    account, market = books(*legs, **{"mode": mode, **fields})
    return model_of(reference).requirement(account, market)


def changed(reference: str, **changes: float) -> pl.MarginModel:
    """A model with numbers of its pack changed; two underscores stand for a dot."""
    rules = pl.find_rules(reference)
    for path, value in changes.items():
        rules = with_parameter(rules, path.replace("__", "."), value)
    return pl.margin_model(rules)
