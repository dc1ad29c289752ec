"""How the venue closes futures that are below their maintenance margin, as data of a pack.

Source: venues-cex section 3.6, own words; the rates are those of the venue's `exchangeInfo` (`liquidationFee`).
"""

from __future__ import annotations

from typing import Literal

from plimsoll.documents import Flag, Fraction, Name, Part, Positive

Action = Literal["cancel_orders", "reduce_positions", "insurance_fund", "auto_deleverage"]
"""`reduce_positions`: one large order that takes what the book gives at once and cancels the rest; `insurance_fund`:
it takes what is left over at the bankruptcy price; `auto_deleverage`: so do the holders of the other side."""


class Clearance(Part):
    """Fee of closing by force, a part of the notional that is closed."""

    clearance_fee: Fraction


class Liquidation(Part):
    """Staged liquidation of one pool of money.

    It starts when maintenance margin is above `trigger` times the margin balance; the `steps` follow in their order.
    Where `stops_when_safe` none follows once the balance suffices, realised losses and fees counted. `fees` by symbol.
    """

    trigger: Positive
    stops_when_safe: Flag
    steps: tuple[Action, ...]
    fees: dict[Name, Clearance]


def clearance_fee(rate: float, notional: float, equity: float) -> float:
    """Fee of closing `notional` by force, in its currency: `notional * rate`, nothing of a pool that is bankrupt.

    `equity` is what the pool has at the price at which it is closed. The fee is in neither margin, so a line is where
    liquidation begins and not where it can be paid.

    >>> clearance_fee(0.0125, 10_000.0, 40.0), clearance_fee(0.0125, 10_000.0, -1.0)
    (125.0, 0.0)
    """
    return rate * notional if equity > 0.0 else 0.0
