"""Accounts, markets and days of events for the tests of the live engine."""

from __future__ import annotations

from typing import Any

import numpy as np

import plimsoll as pl
from builders import TIME, at
from plimsoll.live import Engine, GateRule
from plimsoll.margin.many import Positions

EXPIRIES = (3 * 86_400.0, 30 * 86_400.0)
INDEX = {"BTC": 70_000.0, "ETH": 2_500.0}
MODEL = "prbm@2026-01-01"


def small_market(seed: int = 1) -> pl.Market:
    """Two coins, two expiries, options in coin and in dollars, futures with and without a mark, perpetuals, spot."""
    rng = np.random.default_rng(seed)
    instruments: list[dict[str, Any]] = []
    marks: dict[str, Any] = {}
    expiries = []
    for coin, spot in INDEX.items():
        instruments.append({"kind": "spot", "name": f"{coin}-SPOT", "underlying": coin})
        for settlement, currency in (("inverse", coin), ("linear", "USDC")):
            m = 10.0 if settlement == "inverse" else 1.0
            common = {"underlying": coin, "settlement": settlement, "currency": currency}
            name = f"{coin}-PERP-{settlement}"
            instruments.append({"kind": "perpetual", "name": name, "multiplier": m, **common})
            marks[name] = {"price": spot * 1.001}
            for e, seconds in enumerate(EXPIRIES):
                future = f"{coin}-{e}-{settlement}"
                instruments.append({"kind": "future", "name": future, "expiry": at(seconds), "multiplier": m, **common})
                if e == 0:
                    marks[future] = {"price": spot * 1.002}
                for strike in (0.8, 1.0, 1.25):
                    for call in (True, False):
                        option = f"{future}-{strike:g}-{'C' if call else 'P'}"
                        row = {"kind": "option", "name": option, "expiry": at(seconds), "strike": strike * spot}
                        instruments.append({**row, "call": call, "multiplier": 1.0, **common})
                        marks[option] = {"vol": float(rng.uniform(0.3, 1.2))}
        forward = {"variable": spot * 1.003}
        expiries += [{"underlying": coin, "expiry": at(seconds), "forward": forward} for seconds in EXPIRIES]
    return pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": at(0),
            "indices": {c: {"price": p} for c, p in INDEX.items()},
            "assets": {"USDC": {"price": 0.999}},
            "expiries": expiries,
            "instruments": instruments,
            "marks": marks,
        }
    )


def small_accounts(market: pl.Market, size: int = 6, seed: int = 2, cash: float = 60_000.0) -> list[pl.Account]:
    """Accounts of up to eight positions with cash, a coin now and then, and entry prices or profits of futures."""
    rng = np.random.default_rng(seed)
    found = []
    for a in range(size):
        rows = []
        for name in sorted({market.instruments[int(i)].name for i in rng.integers(0, len(market.instruments), 8)}):
            contract = market.contracts[name]
            spot = INDEX[contract.underlying]
            dollars = contract.kind in ("future", "perpetual") and contract.settlement == "inverse"
            size_of = 20_000.0 * float(rng.exponential()) / (10.0 if dollars else spot)
            row: dict[str, Any] = {"instrument": name, "quantity": float(rng.choice([-1.0, 1.0])) * size_of}
            if contract.kind in ("future", "perpetual"):
                row |= (
                    {"entry_price": spot * float(rng.uniform(0.97, 1.03))}
                    if rng.random() < 0.7
                    else {"unrealised_pnl": float(rng.normal()) * (0.001 if contract.currency != "USDC" else 100.0)}
                )
            rows.append(row)
        balances = {"USDC": cash * float(rng.uniform(0.5, 2.0))}
        if rng.random() < 0.5:
            balances["BTC"] = float(rng.normal()) * 0.2
        found.append(
            pl.Account.from_dict(
                {
                    "schema": "plimsoll.account",
                    "schema_version": 1,
                    "name": f"account {a}",
                    "positions": rows,
                    "collateral": balances,
                }
            )
        )
    return found


def engine_of(market: pl.Market, accounts: list[pl.Account], **options: Any) -> Engine:
    """An engine of the house model."""
    options.setdefault("gate", GateRule())
    return Engine(pl.margin_model(MODEL), market, accounts, **options)


def furthest(engine: Engine) -> int:
    """How many smallest units the engine is from the exact requirement and from `many`, at most."""
    model, market = engine.model, engine.market()
    documents = [engine.account(a) for a in range(len(engine.holdings))]
    many = model.many(Positions.of(documents), market).check()
    worst = 0
    for a, document in enumerate(documents):
        own = engine.charged(a)
        exact = model.requirement(document, market).charged
        worst = max(
            worst, *(abs(x - y) for x, y in zip(own, (exact.initial, exact.maintenance, exact.equity), strict=True))
        )
        unit = 10**model.rules.decimals
        worst = max(worst, abs(own[0] - int(np.ceil(many.initial[a] * unit - 1e-3))) - 1)
    return worst


__all__ = ["INDEX", "TIME", "engine_of", "furthest", "small_accounts", "small_market"]
