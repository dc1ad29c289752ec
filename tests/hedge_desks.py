"""Small books on generated chains for the optimiser, from a seed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np

import plimsoll as pl
from builders import NOW, TIME
from plimsoll.optimise import Holding

SPOT = 70_000.0
DAYS = (14, 60)


def chain(
    rng: np.random.Generator, style: str = "linear", strikes: tuple[float, ...] = (0.8, 0.9, 1.0, 1.1, 1.25)
) -> Any:
    """A market of calls and puts of two expiries with a random smile, and a perpetual; nothing is quoted."""
    currency = "USDC" if style == "linear" else "BTC"
    settle = {"underlying": "BTC", "settlement": style, "currency": currency}
    instruments: list[Any] = [
        {"kind": "perpetual", "name": "PERP", **settle} | ({} if style == "linear" else {"multiplier": 10.0})
    ]
    marks: Any = {"PERP": {"price": SPOT * float(rng.uniform(0.999, 1.001))}}
    expiries = []
    for days in DAYS:
        when = (TIME + timedelta(days=days)).isoformat()
        forward = SPOT * float(rng.uniform(0.99, 1.02))
        expiries.append({"underlying": "BTC", "expiry": when, "forward": {"variable": forward}})
        level, skew = rng.uniform(0.4, 0.9), rng.uniform(-0.3, 0.2)
        for part in strikes:
            for call in (True, False):
                name = f"{days}D-{part:g}-{'C' if call else 'P'}"
                instruments.append(
                    {"kind": "option", "name": name, "expiry": when, "strike": SPOT * part, "call": call, **settle}
                )
                marks[name] = {"vol": float(level + skew * np.log(part))}
    return pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": NOW,
            "indices": {"BTC": {"price": SPOT}},
            "assets": {"USDC": {"price": 1.0}},
            "expiries": expiries,
            "instruments": instruments,
            "marks": marks,
        }
    )


def account(held: dict[str, float], collateral: dict[str, float] | None = None) -> pl.Account:
    """An account that holds these contracts."""
    return pl.Account.from_dict(
        {
            "schema": "plimsoll.account",
            "schema_version": 1,
            "positions": [{"instrument": n, "quantity": q} for n, q in held.items()],
            "collateral": {"USDC": 1e6} if collateral is None else collateral,
        }
    )


def random_book(rng: np.random.Generator, market: Any, most: int = 6, lot: float = 0.0) -> dict[str, float]:
    """Some contracts of a market, sold more often than bought."""
    names = [c.name for c in market.instruments]
    chosen = rng.choice(len(names), size=int(rng.integers(1, most + 1)), replace=False)
    held = {}
    for i in chosen.tolist():
        size = float(rng.uniform(0.2, 10.0)) * (1.0 if rng.random() < 0.35 else -1.0)
        contract = market.contracts[names[i]]
        if contract.kind == "perpetual" and contract.settlement == "inverse":
            size *= 7_000.0
        held[names[i]] = round(size / lot) * lot if lot else size
    return {n: q for n, q in held.items() if q} or {names[0]: -1.0}


def holding(
    pack: str, held: dict[str, float], collateral: dict[str, float] | None = None, name: str = "book"
) -> Holding:
    """An account under a shipped pack, in the first mode of its rules."""
    model = pl.margin_model(pack)
    return Holding(name, account(held, collateral).model_copy(update={"mode": model.MODES[0]}), model)
