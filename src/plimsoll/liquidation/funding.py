"""Funding that falls due: what perpetuals pay or get at the instants of the venue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from plimsoll.contracts import Perpetual
from plimsoll.documents import refuse
from plimsoll.margin import Account, MarginModel
from plimsoll.market import Market

HOURS = (0, 8, 16)
"""Hours of the day (UTC) at which funding is paid where the rules name no others."""

QUOTED = 8.0
"""Hours for which `Mark.funding_rate` stands."""


@dataclass(frozen=True)
class Due:
    """What each instrument of an account pays (negative) or gets at one instant, in its settlement currency."""

    amounts: dict[str, float]

    def paid(self, account: Account, market: Market) -> Account:
        """The account with the amounts in its balances; an isolated position's also in the money set apart for it.

        Money set apart never falls below zero here: what is missing there is missing in its pool.
        """
        if not any(self.amounts.values()):
            return account
        balances, positions = dict(account.collateral), []
        for p in account.positions:
            amount = self.amounts.get(p.instrument, 0.0) * p.quantity
            if amount != 0.0:
                currency = market.contracts[p.instrument].currency
                balances[currency] = balances.get(currency, 0.0) + amount
                if p.isolated_margin is not None:
                    p = p.model_copy(update={"isolated_margin": max(0.0, p.isolated_margin + amount)})
            positions.append(p)
        return account.model_copy(update={"collateral": balances, "positions": tuple(positions)})

    def total(self, account: Account, market: Market) -> dict[str, float]:
        """The sum by settlement currency."""
        found: dict[str, float] = {}
        for p in account.positions:
            amount = self.amounts.get(p.instrument, 0.0) * p.quantity
            if amount != 0.0:
                currency = market.contracts[p.instrument].currency
                found[currency] = found.get(currency, 0.0) + amount
        return found

    def plus(self, other: Due) -> Due:
        """Both together."""
        names = dict.fromkeys([*self.amounts, *other.amounts])
        return replace(self, amounts={n: self.amounts.get(n, 0.0) + other.amounts.get(n, 0.0) for n in names})


NOTHING = Due({})


def hours_of(model: MarginModel) -> tuple[int, ...]:
    """Hours of the day (UTC) at which funding is paid under the rules of a model.

    Every `funding_interval` hours from midnight where the pack has one, else the usual 0, 8 and 16.

    >>> import plimsoll as pl
    >>> hours_of(pl.margin_model("binance-usdm@2026-01-01"))
    (0, 8, 16)
    >>> len(hours_of(pl.margin_model("hyperliquid-perps@2026-01-01")))
    24
    """
    interval = getattr(model.parameters, "funding_interval", None)
    return HOURS if interval is None else tuple(range(0, 24, interval))


def instants(start: datetime, end: datetime, hours: Sequence[int] = HOURS) -> list[tuple[datetime, float]]:
    """The instants after `start`, up to `end`, at which funding is paid, each with the hours since the one before.

    >>> from datetime import UTC
    >>> found = instants(datetime(2026, 1, 1, 5, tzinfo=UTC), datetime(2026, 1, 1, 17, tzinfo=UTC))
    >>> [(at.hour, hours) for at, hours in found]
    [(8, 8.0), (16, 8.0)]
    """
    if not hours or any(not 0 <= h < 24 for h in hours) or sorted(set(hours)) != list(hours):
        raise refuse("hours of funding", list(hours), "increasing hours of the day, 0 to 23")
    found = []
    day = start.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    every = []
    while day <= end:
        every += [day + timedelta(hours=h) for h in hours]
        day += timedelta(days=1)
    for before, at in pairwise(every):
        if start < at <= end:
            found.append((at, (at - before).total_seconds() / 3600.0))
    return found


def due(account: Account, market: Market, hours: float) -> Due:
    """What one contract of each perpetual held gets for `hours` at its mark and its rate of today.

    ```
    linear    -multiplier * mark * rate * hours / 8      a positive rate is paid by who is long
    inverse   -multiplier / mark * rate * hours / 8
    ```

    A perpetual without a rate pays nothing.
    """
    found = {}
    for p in account.positions:
        contract, mark = market.contracts.get(p.instrument), market.marks.get(p.instrument)
        if not isinstance(contract, Perpetual) or mark is None or not mark.funding_rate or not mark.price:
            continue
        inverse = contract.settlement.value == "inverse"
        value = contract.multiplier / mark.price if inverse else contract.multiplier * mark.price
        found[p.instrument] = -value * mark.funding_rate * hours / QUOTED
    return Due(found)
