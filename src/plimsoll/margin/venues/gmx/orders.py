"""Orders at GMX: collateral that the filled position takes to open, less what is needed now, and the fee."""

from __future__ import annotations

from collections.abc import Sequence

from plimsoll.margin.account import Account
from plimsoll.margin.parts.orders import resting
from plimsoll.margin.venues.gmx.factors import open_factor
from plimsoll.margin.venues.gmx.parameters import GmxParameters
from plimsoll.margin.venues.gmx.state import Interest, Row
from plimsoll.market import Market


def order_charges(p: GmxParameters, account: Account, market: Market, rows: Sequence[Row]) -> list[tuple[str, float]]:
    """Subject and amount in USD for each position with orders: the dearer of all buys and all sells, at least nothing.

    Orders against a position close it first; what is left opens the other side. The open interest of a side grows by
    what is opened on it.
    """
    found = []
    for (name, leg), orders in resting(account.orders, market.contracts).items():
        subject = name if leg == "net" else f"{name} {leg}"
        held = next((r for r in rows if r.subject == subject), None)
        rule, interest = p.markets[market.contracts[name].underlying], Interest.of(account, name)
        size = 0.0 if held is None else (held.size if held.tokens > 0 else -held.size)
        now = 0.0 if held is None else held.size * held.factor
        added = [0.0]
        for value in (orders.bought_value, -orders.sold_value):
            if value == 0.0:
                continue
            after = size + value
            long, grown = after > 0.0, max(0.0, abs(after) - (abs(size) if after * size > 0.0 else 0.0))
            factor = open_factor(rule, long, interest.side(rule, long) + grown)
            added.append(abs(after) * factor - now + abs(value) * rule.position_fee_negative)
        found.append((subject, max(added)))
    return found
