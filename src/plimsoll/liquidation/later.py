"""An account some days from now, with prices standing still."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from plimsoll.documents import refuse
from plimsoll.liquidation.funding import HOURS, due, instants
from plimsoll.margin import Account
from plimsoll.margin.changes.shifts import Shifts
from plimsoll.market import Market

LONGEST = 400.0
"""Most days ahead."""


def later(account: Account, market: Market, days: float, hours: Sequence[int] = HOURS) -> tuple[Account, Market]:
    """The account and market after `days`: options aged, what expired paid out, funding at today's rates paid.

    `hours` are the hours of the day (UTC) at which funding is paid. Prices and volatilities stay where they are.
    """
    if not 0 <= days <= LONGEST:
        raise refuse("days ahead", days, f"a number of days from 0 to {LONGEST:g}")
    if days == 0:
        return account, market
    passed = Shifts(account, market).passed(days)
    times = instants(market.time, market.time + timedelta(days=days), hours)
    owed = due(account, market, sum(h for _, h in times))
    return owed.paid(passed.account, passed.market), passed.market
