"""Resting orders: what a match of them all would need beyond what the positions need.

The venue checks a match when it is made and keeps nothing for orders on the book. The conservative reading charges
what that check would ask for.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from plimsoll.margin.account import Account, Order
from plimsoll.margin.book import MarginRefusedError
from plimsoll.margin.venues.dydx.documents import Rows, base_quantums, cost_of, decimal, leverage_imf, market_row
from plimsoll.margin.venues.dydx.margin import Held, Market, position_risk
from plimsoll.margin.venues.dydx.parameters import DydxParameters
from plimsoll.margin.venues.dydx.units import ONE_MILLION
from plimsoll.market import Market as Snapshot
from plimsoll.risk import compile_plan


@dataclass(frozen=True)
class Charge:
    """Initial margin that the orders of one contract add, in quote quantums."""

    name: str
    amount: int


def charges(
    account: Account, rows: Rows, snapshot: Snapshot, parameters: DydxParameters, unknown: Collection[str]
) -> list[Charge]:
    """For each contract the worse of all buys and all sells matched at their prices, less what is held.

    A match adds the initial margin of the larger position, at the open interest with what the position grows by, and
    costs what its price is worse than the oracle's. Orders that only reduce add nothing. Raises `MarginRefusedError`
    for an order in a contract without a mark.
    """
    held = {name: (rows.held[i], rows.markets[i]) for i, name in enumerate(rows.book.names)}
    found = []
    for name in dict.fromkeys(o.instrument for o in account.orders if o.quantity and not o.reduce_only):
        mine = [o for o in account.orders if o.instrument == name and o.quantity and not o.reduce_only]
        before, market = held.get(name) or (Held(0), _market(name, snapshot, parameters))
        multiplier = float(getattr(snapshot.contracts[name], "multiplier", 1.0))
        chosen = max([before.custom_imf_ppm, *(leverage_imf(o.leverage) for o in mine)])
        cap = ONE_MILLION if name in unknown else chosen
        now = position_risk(before, market).imr
        sides = [[o for o in mine if o.quantity > 0], [o for o in mine if o.quantity < 0]]
        found.append(
            Charge(name, max(0, *(_matched(before, market, side, multiplier, cap) - now for side in sides if side)))
        )
    return found


def _market(name: str, snapshot: Snapshot, parameters: DydxParameters) -> Market:
    contract = snapshot.contracts[name]
    plan, mark = compile_plan([contract], snapshot), snapshot.marks.get(name)
    if plan.failures:
        failure = plan.failures[0]
        raise MarginRefusedError([failure], ["account.orders"])
    interest = None if mark is None else mark.open_interest
    return market_row(contract.underlying, float(plan.price[0]), interest, float(plan.multiplier[0]), parameters)


def _matched(before: Held, market: Market, side: list[Order], multiplier: float, cap: int) -> int:
    """Initial margin and what is lost at once when one side is matched."""
    quantum, size, lost = market.atomic_resolution, before.base_quantums, 0
    for order in side:
        more = base_quantums(decimal(order.quantity) * decimal(multiplier), quantum)
        lost += max(0, cost_of(order.price, more, quantum) - market.notional(more))
        size += more
    grown = max(0, abs(size) - abs(before.base_quantums))
    later = replace(market, open_interest=market.open_interest + grown)
    return position_risk(Held(size, custom_imf_ppm=cap), later).imr + lost
