"""Small and random accounts in perpetuals of dYdX."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

import plimsoll as pl
from plimsoll.margin.venues.dydx.margin import Held, LiquidityTier, Market, Subaccount

Doc = dict[str, Any]
PACK = "dydx-v4@2026-09-27"
MARKS = {"BTC": 50_000.0, "ETH": 3_000.25, "SOL": 200.123, "DOGE": 0.2, "PEPE": 0.00001234, "MKR": 1_500.0}
APART = {"EIGEN": 1.5, "BOME": 0.0071}
INTEREST = {
    "BTC": 9_000.0,
    "ETH": 1e5,
    "SOL": 150_000.0,
    "DOGE": 3e8,
    "PEPE": 1e12,
    "MKR": 900.0,
    "EIGEN": 5e5,
    "BOME": 9e7,
}

BTC = Market(-8, 5_000_000_000, -5, LiquidityTier(200_000, 500_000))
ETH = Market(-9, 3_000_000_000, -6, LiquidityTier(200_000, 500_000))
BOTH = {0: BTC, 1: ETH}


def market(interest: dict[str, float | None] | None = None, **marks: float) -> pl.Market:
    """Every coin at its mark, with its open interest in coins unless told otherwise."""
    prices = {**MARKS, **APART, **marks}
    told = {**INTEREST, **(interest or {})}
    swap = {"kind": "perpetual", "settlement": "linear", "currency": "USDC"}
    more = [
        {**swap, "name": "NEW", "underlying": "NEW"},
        {**swap, "name": "BTC-TETHER", "underlying": "BTC", "currency": "USDT"},
        {**swap, "name": "BTC-INVERSE", "underlying": "BTC", "settlement": "inverse", "currency": "BTC"},
        {"kind": "spot", "name": "BTC-SPOT", "underlying": "BTC"},
        {**swap, "name": "BTC-MILLI", "underlying": "BTC", "multiplier": 0.001},
    ]
    return pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": "2026-09-27T00:00:00Z",
            "indices": {c: {"price": p} for c, p in {**prices, "NEW": 1.0}.items()},
            "assets": {"USDC": {"price": 1.0}, "USDT": {"price": 1.0}},
            "instruments": [*({**swap, "name": c, "underlying": c} for c in prices), *more],
            "marks": {
                **{c: {"price": p, "open_interest": told.get(c)} for c, p in prices.items()},
                **{n: {"price": prices["BTC"]} for n in ("BTC-TETHER", "BTC-INVERSE", "BTC-MILLI")},
                "NEW": {"price": 1.0},
            },
        }
    )


def account(*positions: Doc, cash: float = 0.0, **fields: Any) -> pl.Account:
    content = {"schema": "plimsoll.account", "schema_version": 1, "mode": "cross", "positions": list(positions)}
    return pl.Account.from_dict({**content, "collateral": {"USDC": cash}, **fields})


def held(coin: str, quantity: float, **fields: Any) -> Doc:
    return {"instrument": coin, "quantity": quantity, **fields}


def one(usdc: int, size: int, **fields: int) -> Subaccount:
    """A subaccount with one position in BTC."""
    return Subaccount(usdc, {0: Held(size, **fields)})


@st.composite
def rows(draw: st.DrawFn) -> tuple[list[Doc], float]:
    """Rows of the twin from dust to beyond any cap of open interest, and a balance."""
    found = []
    for coin in draw(st.lists(st.sampled_from([*MARKS, *APART]), unique=True, min_size=1, max_size=5)):
        price = draw(st.sampled_from([{**MARKS, **APART}[coin]] * 2 + [{**MARKS, **APART}[coin] * 1.2345678901]))
        notional = draw(st.sampled_from([1e-5, 1.0, 1e3, 1e6, 4e8])) * draw(st.floats(0.2, 1.5))
        # an account document takes a hundred billion contracts at most
        notional = min(notional, 9e10 * price)
        size = notional / price * draw(st.sampled_from([1.0, -1.0]))
        entry = price * draw(st.floats(0.8, 1.25)) if draw(st.booleans()) else None
        own = coin in APART or draw(st.booleans())
        found.append(
            {
                "coin": coin,
                "price": price,
                "interest": INTEREST[coin] * draw(st.sampled_from([0.0, 0.5, 1.0, 1.3, 20.0])),
                "size": size,
                "entry": entry,
                "unrealised": 0.0 if entry else notional * draw(st.floats(-0.05, 0.05)),
                "funding": notional * draw(st.sampled_from([0.0, 0.00123456789, -0.002])),
                "leverage": draw(st.sampled_from([None, 1.0, 3.0, 4.5])) if coin != "EIGEN" else None,
                "margin": notional * draw(st.floats(0.01, 0.3)) if own else None,
            }
        )
    return found, sum(abs(r["size"]) * r["price"] for r in found) * draw(st.floats(-0.1, 0.5))


def documents(found: list[Doc], balance: float) -> tuple[pl.Account, pl.Market]:
    """The account and market that the rows describe."""
    positions = []
    for row in found:
        position: Doc = {"instrument": row["coin"], "quantity": row["size"], "unsettled_funding": row["funding"]}
        position |= {"entry_price": row["entry"]} if row["entry"] else {"unrealised_pnl": row["unrealised"]}
        position |= {} if row["leverage"] is None else {"leverage": row["leverage"]}
        position |= {} if row["margin"] is None else {"isolated_margin": row["margin"]}
        positions.append(position)
    interest: dict[str, float | None] = {r["coin"]: r["interest"] for r in found}
    return account(*positions, cash=balance), market(interest, **{r["coin"]: r["price"] for r in found})
