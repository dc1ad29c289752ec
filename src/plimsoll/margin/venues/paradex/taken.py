"""What an account at Paradex is worth, and what is set aside for fees."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.margin.account import Account
from plimsoll.margin.book import Book
from plimsoll.margin.parts.linear import held_value
from plimsoll.margin.venues.paradex.parameters import Fees
from plimsoll.risk import Plan

F64 = npt.NDArray[np.float64]

RETAIL = "retail_profile"
"""Setting of an account that trades perpetuals without a fee."""


def equity_of(book: Book, currency: str, marks: F64) -> float:
    """Balance, value of options, unrealised profit and funding in `currency`.

    The balance is what is left after premiums, so that this is the venue's account value: balance before premiums and
    the profit of every position.
    """
    return book.account.collateral.get(currency, 0.0) + held_value(book, marks)


def fee_units(fees: Fees, plan: Plan, marks: F64, retail: bool) -> F64:
    """`[N]` set aside for closing one contract.

    A perpetual: rate times its mark. An option: rate times the spot price, at most `option_cap` of its mark.
    """
    option = np.minimum(fees.option * plan.spot, fees.option_cap * marks)
    perpetual = (0.0 if retail else fees.perpetual) * plan.price
    units: F64 = np.where(plan.valued, option, perpetual) * plan.multiplier
    return units


def idle_notes(account: Account, currency: str) -> tuple[str, ...]:
    """A note on balances in other assets, which the venue charges with their whole value."""
    idle = ", ".join(f"{v:.9g} {a}" for a, v in account.collateral.items() if a != currency and v != 0.0)
    return (f"only {currency} is collateral: {idle} adds nothing to equity above its own margin",) if idle else ()
