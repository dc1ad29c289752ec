"""Small and random accounts at Drift, as documents and as rows of the naive twin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

import plimsoll as pl

Doc = dict[str, Any]

PRICES = {"SOL": 150.0, "BTC": 70_000.0, "ETH": 2_500.0, "USDT": 0.999}
NOW = "2026-04-02T00:00:00Z"


def market(cash: float = 1.0, **prices: float) -> pl.Market:
    """Every coin at its oracle price, perpetuals and spot of each; `cash` is the price of USDC."""
    at = {**PRICES, **prices}
    swap = {"kind": "perpetual", "settlement": "linear", "currency": "USDC"}
    coins = [c for c in at if c != "USDT"]
    rows: list[Doc] = [{**swap, "name": f"{c}-PERP", "underlying": c} for c in coins]
    rows += [{"kind": "spot", "name": f"{c}-SPOT", "underlying": c} for c in at]
    rows.append({**swap, "name": "DOGE-PERP", "underlying": "DOGE"})
    return pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": NOW,
            "indices": {c: {"price": p} for c, p in {**at, "DOGE": 0.2}.items()},
            "assets": {"USDC": {"price": cash}},
            "instruments": rows,
            "marks": {f"{c}-PERP": {"price": p} for c, p in {**{c: at[c] for c in coins}, "DOGE": 0.2}.items()},
        }
    )


def account(*positions: Doc, **fields: Any) -> pl.Account:
    content = {"schema": "plimsoll.account", "schema_version": 1, "mode": "cross", "positions": list(positions)}
    return pl.Account.from_dict({**content, **fields})


@dataclass(frozen=True)
class Desk:
    """A random account: documents and what the twin takes."""

    account: pl.Account
    market: pl.Market
    rules: pl.Rules
    cash: Doc
    tokens: tuple[Doc, ...]
    perps: tuple[Doc, ...]
    switches: Doc


def _split(draw: st.DrawFn, name: str, unit: float, price: float) -> tuple[list[Doc], float, float]:
    """Up to two orders in one instrument: documents, what they buy and what they sell."""
    rows, bids, asks = [], 0.0, 0.0
    for side in draw(st.lists(st.sampled_from([1.0, -1.0]), max_size=2, unique=True)):
        size = unit * draw(st.sampled_from([0.001, 0.5, 2.0, 40.0]))
        rows.append({"instrument": name, "quantity": side * size, "price": price})
        bids, asks = (bids + size, asks) if side > 0 else (bids, asks + size)
    if draw(st.booleans()):
        rows.append({"instrument": name, "quantity": -unit, "price": price, "reduce_only": True})
    return rows, bids, asks


@st.composite
def desks(draw: st.DrawFn) -> Desk:
    """Tokens, loans, perpetuals and orders of all sizes, with every switch, under numbers moved from the pack's."""
    rules = pl.find_rules("drift@2026-04-01")
    content = rules.to_dict()
    numbers = content["parameters"]
    for market_rules in numbers["perps"].values():
        market_rules |= {"imf_factor": draw(st.sampled_from([0, 50, 450, 5000]))}
        market_rules |= {"pnl_initial_weight": draw(st.sampled_from([10_000, 7_000, 0]))}
        market_rules |= {"pnl_maintenance_weight": draw(st.sampled_from([10_000, 9_500]))}
        market_rules |= {"pnl_imf_factor": draw(st.sampled_from([0, 800]))}
        market_rules |= {"pnl_max_imbalance": draw(st.sampled_from([0.0, 40_000.0]))}
        market_rules |= draw(st.sampled_from([{}, {"high_leverage_initial": 0, "high_leverage_maintenance": 0}]))
    numbers["spot"]["SOL"]["scale_start"] = draw(st.sampled_from([0.0, 1e6]))
    rules = pl.Rules.from_dict(content)
    at = {c: p * draw(st.floats(0.7, 1.4)) for c, p in PRICES.items()}
    cash_price = draw(st.sampled_from([1.0, 0.97, 1.0013]))
    means = {c: p * draw(st.sampled_from([0.98, 1.0, 1.03])) for c, p in at.items()}
    switches: Doc = {"high": draw(st.booleans()), "strict": draw(st.booleans())}
    switches["custom"] = draw(st.sampled_from([0, 0, 1_234, 5_000]))
    reported: dict[str, float] = {"max_margin_ratio": float(switches["custom"])}
    if draw(st.booleans()):
        reported |= {f"twap.{c}": m for c, m in means.items()} | {"twap.USDC": 0.99}
    orders: list[Doc] = []
    collateral = {"USDC": draw(st.floats(-50_000.0, 200_000.0))}
    tokens = []
    for coin in draw(st.lists(st.sampled_from(sorted(PRICES)), unique=True, max_size=3)):
        unit = 10_000.0 / PRICES[coin]
        amount = unit * draw(st.sampled_from([-30.0, -1.0, 0.01, 1.0, 500.0]))
        rows, bids, asks = _split(draw, f"{coin}-SPOT", unit, at[coin])
        deposits = unit * draw(st.sampled_from([0.0, 50.0, 1_000.0]))
        reported[f"deposits.{coin}"] = deposits
        collateral[coin], orders = amount, [*orders, *rows]
        mean = reported.get(f"twap.{coin}")
        row: Doc = {"asset": coin, "amount": amount, "bids": bids, "asks": asks, "orders": len(rows)}
        tokens.append(row | {"price": at[coin], "twap": mean, "deposits": deposits})
    perps, positions = [], []
    for coin in draw(st.lists(st.sampled_from(["SOL", "BTC", "ETH"]), unique=True, max_size=3)):
        unit = 10_000.0 / PRICES[coin]
        size = unit * draw(st.sampled_from([0.003, 1.0, 70.0, 20_000.0])) * draw(st.sampled_from([1.0, -1.0]))
        rows, bids, asks = _split(draw, f"{coin}-PERP", unit, at[coin])
        entry = at[coin] * draw(st.floats(0.9, 1.1)) if draw(st.booleans()) else None
        unrealised = 0.0 if entry else draw(st.floats(-20_000.0, 20_000.0))
        funding, leverage = draw(st.sampled_from([0.0, 3.5, -7.25])), draw(st.sampled_from([None, 3.0, 20.0]))
        position: Doc = {"instrument": f"{coin}-PERP", "quantity": size, "unsettled_funding": funding}
        position |= {"entry_price": entry} if entry else {"unrealised_pnl": unrealised}
        positions.append(position | ({} if leverage is None else {"leverage": leverage}))
        profit = draw(st.sampled_from([0.0, 90_000.0]))
        reported[f"net_unsettled_pnl.{coin}-PERP"] = profit
        orders = [*orders, *rows]
        own: Doc = {"coin": coin, "size": size, "entry": entry, "unrealised": unrealised, "funding": funding}
        own |= {"price": at[coin], "bids": bids, "asks": asks, "orders": len(rows), "leverage": leverage}
        perps.append(own | {"market_profit": profit})
    settings = {"high_leverage": switches["high"], "strict": switches["strict"]}
    document = account(*positions, collateral=collateral, orders=orders, reported=reported, settings=settings)
    cash = {"amount": collateral["USDC"], "price": cash_price, "twap": reported.get("twap.USDC")}
    return Desk(document, market(cash_price, **at), rules, cash, tuple(tokens), tuple(perps), switches)
