"""Random accounts under the rules of Hyperliquid, Paradex and Aevo, as documents and as rows of the naive twins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

import plimsoll as pl
from naive.black import black
from random_books import INDEX, SECONDS, YEAR, World, quantities, worlds

Doc = dict[str, Any]

MARKS = {"BTC": 100_000.0, "ETH": 3_000.0, "SOL": 200.0, "HYPE": 40.0, "DOGE": 0.2}
NOW = "2026-09-01T00:00:00Z"


@dataclass(frozen=True)
class Swaps:
    """Perpetuals of Hyperliquid: rows of the twin, the balance, and the documents they make."""

    rows: tuple[Doc, ...]
    balance: float
    coins: dict[str, float]
    loan: float = 0.0

    def account(self, mode: str, **changes: Any) -> pl.Account:
        """The account document."""
        positions = []
        for row in self.rows:
            position: Doc = {"instrument": row["coin"], "quantity": row["size"], "unsettled_funding": row["funding"]}
            position |= {"entry_price": row["entry"]} if row["entry"] else {"unrealised_pnl": row["unrealised"]}
            position |= {} if row["leverage"] is None else {"leverage": row["leverage"]}
            position |= {} if row["margin"] is None else {"isolated_margin": row["margin"]}
            positions.append(position)
        content = {"schema": "plimsoll.account", "schema_version": 1, "mode": mode, "positions": positions}
        content |= {"collateral": {"USDC": self.balance, **self.coins}}
        content |= {"borrowed": {"USDC": self.loan}} if self.loan else {}
        return pl.Account.from_dict(content | changes)

    @property
    def market(self) -> pl.Market:
        """The market document: every coin at its mark."""
        swap = {"kind": "perpetual", "settlement": "linear", "currency": "USDC"}
        return pl.Market.from_dict(
            {
                "schema": "plimsoll.market",
                "schema_version": 1,
                "time": NOW,
                "indices": {c: {"price": p} for c, p in MARKS.items()},
                "assets": {"USDC": {"price": 1.0}},
                "instruments": [{**swap, "name": c, "underlying": c} for c in MARKS],
                "marks": {c: {"price": p} for c, p in MARKS.items()},
            }
        )


@st.composite
def swaps(draw: st.DrawFn, *, isolated: bool = False, coins: bool = False) -> Swaps:
    """Up to five perpetuals from dust to far beyond the last tier."""
    rows: list[Doc] = []
    for coin in draw(st.lists(st.sampled_from(sorted(MARKS)), unique=True, min_size=1, max_size=5)):
        mark = MARKS[coin]
        notional = draw(st.sampled_from([1e2, 1e4, 1e6, 2e7, 1.5e8, 4e8])) * draw(st.floats(0.2, 1.5))
        size = notional / mark * draw(st.sampled_from([1.0, -1.0]))
        entry = mark * draw(st.floats(0.8, 1.25)) if draw(st.booleans()) else None
        unrealised = 0.0 if entry else notional * draw(st.floats(-0.05, 0.05))
        funding = notional * draw(st.sampled_from([0.0, 0.001, -0.002]))
        profit = (size * (mark - entry) if entry else unrealised) + funding
        own = isolated and draw(st.booleans())
        margin = max(0.0, notional * draw(st.floats(0.01, 0.3))) if own else None
        leverage = draw(st.sampled_from([None, 1.0, 5.0, 20.0, 50.0]))
        row = {"coin": coin, "size": size, "mark": mark, "entry": entry, "unrealised": unrealised, "funding": funding}
        rows.append(row | {"profit": profit, "leverage": leverage, "margin": margin})
    total = sum(abs(r["size"]) * r["mark"] for r in rows)
    balance = total * draw(st.floats(-0.1 if coins else 0.0, 0.5))
    held = {c: draw(st.sampled_from([0.0, 3.0, 15.0, 40.0, 90_000.0])) for c in ("BTC", "HYPE")} if coins else {}
    return Swaps(tuple(rows), balance, held, draw(st.sampled_from([0.0, 1e5])) if coins else 0.0)


@dataclass(frozen=True)
class Desk:
    """Linear options and perpetuals in USDC: documents, and rows and orders of the twins."""

    account: Doc
    market: Doc
    rows: tuple[Doc, ...]
    orders: tuple[Doc, ...]

    def books(self) -> dict[str, tuple[list[Doc], list[Doc], float]]:
        """Rows, orders and spot price by underlying."""
        names = sorted({r["underlying"] for r in (*self.rows, *self.orders)})
        return {
            n: (
                [r for r in self.rows if r["underlying"] == n],
                [o for o in self.orders if o["underlying"] == n],
                INDEX[n],
            )
            for n in names
        }

    def requirement(self, reference: str, mode: str, **changes: Any) -> pl.Requirement:
        """What our model asks for."""
        account = pl.Account.from_dict({**self.account, "mode": mode, **changes})
        return pl.margin_model(reference).requirement(account, pl.Market.from_dict(self.market))


def _rows(world: World, market: Doc) -> list[Doc]:
    found = []
    for leg in world.legs:
        row: Doc = {"name": leg.name, "underlying": leg.underlying, "kind": leg.kind, "quantity": leg.quantity}
        row |= {"multiplier": leg.multiplier, "mark": leg.mark}
        if leg.kind == "option":
            variable, fixed = world.forwards[leg.underlying][leg.expiry]
            t = SECONDS[leg.expiry] / YEAR
            row |= {"call": leg.call, "strike": leg.strike, "t": t, "vol": 0.0 if t == 0.0 else leg.vol}
            row |= {"forward": variable + fixed, "fixed": fixed}
            row["mark"] = black(leg.call, variable + fixed, leg.strike, t, row["vol"])
        else:
            row["funding"] = market["marks"][leg.name].get("funding_rate", 0.0)
        found.append(row)
    return found


@st.composite
def desks(draw: st.DrawFn, *, kinds: tuple[str, ...] = ("option", "option", "perpetual"), **terms: Any) -> Desk:
    """A book with open orders, funding, and now and then a mark beside the volatility."""
    world = draw(worlds(styles=("linear",), kinds=kinds, most=6, **terms))
    market = world.market()
    for leg in world.legs:
        if leg.kind == "perpetual" and draw(st.booleans()):
            market["marks"][leg.name]["funding_rate"] = draw(st.sampled_from([0.0001, -0.0003]))
    rows = _rows(world, market)
    for row in rows:
        if row["kind"] == "option" and row["t"] > 0.0 and draw(st.booleans()):
            row["mark"] = row["mark"] * draw(st.floats(0.9, 1.1)) + draw(st.sampled_from([0.0, 1.0]))
            market["marks"][row["name"]]["price"] = row["mark"]
    chosen = draw(st.lists(st.sampled_from(rows), max_size=4))
    orders = [{**r, "quantity": draw(quantities(20.0)), "price": r["mark"] * draw(st.floats(0.8, 1.2))} for r in chosen]
    named = [{"instrument": o["name"], "quantity": o["quantity"], "price": o["price"]} for o in orders]
    account = world.account() | {"orders": named}
    return Desk(account, market, tuple(rows), tuple(orders))
