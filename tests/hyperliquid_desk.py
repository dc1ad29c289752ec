"""Small accounts in perpetuals of Hyperliquid."""

from __future__ import annotations

from typing import Any

import plimsoll as pl

MARKS = {"BTC": 100_000.0, "ETH": 3_000.0, "HYPE": 40.0, "DOGE": 0.2}


def market(**marks: float) -> pl.Market:
    """Every coin at its mark, `USDC` at one."""
    prices = {**MARKS, **marks}
    swap = {"kind": "perpetual", "settlement": "linear", "currency": "USDC"}
    spot = {"kind": "spot", "name": "BTC-SPOT", "underlying": "BTC"}
    inverse = {**swap, "name": "BTC-INVERSE", "underlying": "BTC", "settlement": "inverse", "currency": "BTC"}
    return pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": "2026-09-27T00:00:00Z",
            "indices": {c: {"price": p} for c, p in {**prices, "PEPE": 1.0}.items()},
            "assets": {"USDC": {"price": 1.0}},
            "instruments": [*({**swap, "name": c, "underlying": c} for c in [*prices, "PEPE"]), spot, inverse],
            "marks": {c: {"price": p} for c, p in {**prices, "PEPE": 1.0, "BTC-INVERSE": prices["BTC"]}.items()},
        }
    )


def account(*positions: dict[str, Any], cash: float = 0.0, **fields: Any) -> pl.Account:
    content = {"schema": "plimsoll.account", "schema_version": 1, "mode": "cross", "positions": list(positions)}
    return pl.Account.from_dict({**content, "collateral": {"USDC": cash}, **fields})


def held(coin: str, quantity: float, **fields: Any) -> dict[str, Any]:
    return {"instrument": coin, "quantity": quantity, **fields}
