"""Accounts and days for every rule set with hot rows: books that it takes, fills in contracts that it takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

import plimsoll as pl
from live_books import INDEX
from plimsoll.live import Engine, Event, Fill
from plimsoll.live.generated import DayRule, generated_day

FAMILIES: dict[str, list[tuple[str, str]]] = {
    "prbm@2026-01-01": [("BTC", "any"), ("ETH", "any")],
    "dsa@2025-01-01": [("BTC", "any"), ("ETH", "any")],
    "deribit-pm@2026-02-15": [("BTC", "BTC"), ("ETH", "ETH"), ("any", "USDC")],
    "deribit-pm@2026-09-23": [("BTC", "BTC"), ("any", "USDC")],
    "deribit-sm@2023-10-25": [("BTC", "BTC"), ("ETH", "ETH")],
    "derive-pmrm2@2026-01-21": [("BTC", "USDC-derive"), ("ETH", "USDC-derive")],
    "derive-pmrm1@2025-04-18": [("BTC", "USDC-derive"), ("ETH", "USDC-derive")],
    "derive-srm@2026-01-21": [("any", "USDC-derive")],
}
"""Which contracts an account of each rule set may hold: underlying, and settlement currency."""


def family(market: pl.Market, underlying: str, currency: str) -> list[str]:
    """Names of contracts that one account may hold together."""
    found = []
    for c in market.instruments:
        if underlying not in ("any", c.underlying):
            continue
        if currency == "any" or (c.kind != "spot" and c.currency == currency.removesuffix("-derive")):
            if currency.endswith("-derive") and c.kind == "future":
                continue
            found.append(c.name)
    return found


def venue_accounts(
    model: pl.MarginModel, market: pl.Market, label: str, size: int = 6, seed: int = 2, room: float = 1.0
) -> list[pl.Account]:
    """Books of up to seven contracts of a family, with cash of their currency: from `room` times tight on."""
    rng = np.random.default_rng(seed)
    found = []
    for a in range(size):
        names = family(market, *FAMILIES[label][a % len(FAMILIES[label])])
        rows: list[dict[str, Any]] = []
        for name in sorted({names[int(i)] for i in rng.integers(0, len(names), 7)}):
            c = market.contracts[name]
            dollars = c.kind in ("future", "perpetual") and c.settlement == "inverse"
            size_of = 20_000.0 * float(rng.exponential()) / (10.0 if dollars else INDEX[c.underlying])
            row: dict[str, Any] = {"instrument": name, "quantity": float(rng.choice([-1.0, 1.0])) * size_of}
            if c.kind in ("future", "perpetual") and rng.random() < 0.7:
                row["entry_price"] = INDEX[c.underlying] * float(rng.uniform(0.97, 1.03))
            rows.append(row)
        book = pl.Account.from_dict(
            {"schema": "plimsoll.account", "schema_version": 1, "name": f"account {a}", "positions": rows}
        )
        asked = model.requirement(book, market)
        need = max(0.0, asked.initial - asked.net_equity) * room * float(rng.uniform(1.0, 3.0))
        cash = {asked.currency if asked.currency != "USD" else "USDC": need + 1e-6}
        found.append(book.model_copy(update={"collateral": cash}))
    return found


def venue_day(
    market: pl.Market, label: str, accounts: list[pl.Account], events: int, seed: int, **rule: float
) -> Iterator[Event]:
    """A generated day whose fills are in contracts that the account of each may hold."""
    rng = np.random.default_rng(seed)
    kinds = FAMILIES[label]
    names = [a.name for a in accounts]
    for event in generated_day(market, names, events, seed, DayRule(**rule)):
        if isinstance(event, Fill):
            own = family(market, *kinds[names.index(event.account) % len(kinds)])
            name = own[int(rng.integers(len(own)))]
            c = market.contracts[name]
            spot = INDEX[c.underlying]
            option = c.kind == "option"
            coin = option and c.settlement == "inverse"
            dollars = not option and getattr(c, "settlement", "linear") == "inverse"
            price = 0.03 * (1.0 if coin else spot) if option else spot
            quantity = float(rng.choice([-1.0, 1.0])) * (200.0 if dollars else 2_000.0 / spot)
            event = replace(event, instrument=name, quantity=quantity, price=price)
        yield event


def venue_engine(label: str, market: pl.Market, accounts: list[pl.Account], **options: Any) -> Engine:
    """An engine of a rule set."""
    return Engine(pl.margin_model(label), market, accounts, **options)
