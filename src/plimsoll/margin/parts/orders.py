"""Resting orders: what an instrument comes to when they are filled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from plimsoll.contracts import Contract, Settlement
from plimsoll.margin.account import Leg, Order


@dataclass(frozen=True)
class Resting:
    """Orders of one leg of one instrument: contracts bought and sold, and their value at the orders' own prices.

    `quantity` counts contracts and `value` settlement currency, neither below zero; orders that only reduce are left
    out, as are those that would close a leg held apart. `leverage` is the lowest that an order names.
    """

    bought: float
    sold: float
    bought_value: float
    sold_value: float
    leverage: float | None

    def worst(self, held: float) -> float:
        """The larger absolute value of a position of `held` (signed) with all buys filled and with all sells filled.

        >>> Resting(2.0, 1.0, 200.0, 100.0, None).worst(50.0)
        250.0
        >>> Resting(0.0, 1.0, 0.0, 100.0, None).worst(50.0)  # filled, it turns to -50: no more than what is held
        50.0
        """
        return max(value for _, value in self.ends(0.0, held))

    def ends(self, quantity: float, value: float) -> tuple[tuple[float, float], ...]:
        """Contracts and value, without sign, of a position (signed) as it is, with all buys and with all sells filled.

        >>> Resting(2.0, 1.0, 200.0, 100.0, None).ends(0.5, 50.0)
        ((0.5, 50.0), (2.5, 250.0), (0.5, 50.0))
        """
        return (
            (abs(quantity), abs(value)),
            (abs(quantity + self.bought), abs(value + self.bought_value)),
            (abs(quantity - self.sold), abs(value - self.sold_value)),
        )


def value_of(contract: Contract, quantity: float, price: float) -> float:
    """Value of `quantity` contracts of a future or perpetual at `price`, in the settlement currency, with its sign."""
    size = quantity * float(getattr(contract, "multiplier", 1.0))
    if getattr(contract, "settlement", Settlement.LINEAR) is Settlement.INVERSE:
        return size / price if price > 0 else 0.0
    return size * price


def resting(orders: Iterable[Order], contracts: dict[str, Contract]) -> dict[tuple[str, Leg], Resting]:
    """The orders by instrument and leg, in the order in which they first stand."""
    found: dict[tuple[str, Leg], list[Order]] = {}
    for order in orders:
        closes = (order.leg == "long" and order.quantity < 0) or (order.leg == "short" and order.quantity > 0)
        if order.quantity and not order.reduce_only and not closes:
            found.setdefault((order.instrument, order.leg), []).append(order)
    rows = {}
    for key, mine in found.items():
        buys, sells = [o for o in mine if o.quantity > 0], [o for o in mine if o.quantity < 0]
        named = [o.leverage for o in mine if o.leverage is not None]
        contract = contracts[key[0]]
        rows[key] = Resting(
            sum(o.quantity for o in buys),
            -sum(o.quantity for o in sells),
            sum(value_of(contract, o.quantity, o.price) for o in buys),
            -sum(value_of(contract, o.quantity, o.price) for o in sells),
            min(named, default=None),
        )
    return rows
