"""Small books in USDC for the rules of Paradex and Aevo."""

from __future__ import annotations

from typing import Any

import plimsoll as pl
from rule_books import DAY, Desk

MONTH = 40 * DAY


def desk(spot: float = 100.0, *, underlying: str = "BTC", seconds: float = MONTH, cash: float = 0.0) -> Desk:
    """An empty desk with one expiry whose forward is the index."""
    found = Desk(spot)
    found.indices = {underlying: {"price": spot}}
    found.add_expiry(seconds, spot, underlying=underlying)
    found.collateral = {"USDC": cash} if cash else {}
    return found


def require(found: Desk, reference: str, mode: str, orders: tuple[Any, ...] = (), **fields: Any) -> pl.Requirement:
    """The requirement; `orders` are (instrument, quantity, price) and perhaps reduce-only."""
    rows = [
        {"instrument": o[0], "quantity": o[1], "price": o[2], "reduce_only": len(o) > 3 and bool(o[3])} for o in orders
    ]
    document = pl.Account.from_dict({**found.account.to_dict(), "mode": mode, "orders": rows, **fields})
    return pl.margin_model(reference).requirement(document, found.market)


def reason(found: Desk, reference: str, mode: str) -> str | None:
    """Why the rules cannot take the desk."""
    document = pl.Account.from_dict({**found.account.to_dict(), "mode": mode})
    return pl.margin_model(reference).applies_to(document, found.market)
