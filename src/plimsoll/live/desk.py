"""One owner at several venues: an engine for each, the same messages, one table of where the owner stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from plimsoll.documents import refuse
from plimsoll.live.engine import Engine
from plimsoll.live.events import Event
from plimsoll.live.orders import Order, Verdict
from plimsoll.live.outcome import Outcome, Status


@dataclass(frozen=True)
class Place:
    """Where an account of the owner stands: amounts in `currency` and, for `usd`, the equity in dollars."""

    venue: str
    account: str
    status: Status
    initial: float
    maintenance: float
    equity: float
    currency: str
    usd: float

    @property
    def health(self) -> float | None:
        """Equity over maintenance margin; `None` where nothing is required."""
        return self.equity / self.maintenance if self.maintenance > 0.0 else None


class Desk:
    """Engines by the name of their venue, each with the owner's accounts there under that venue's rules and prices.

    Venues do not lend each other anything: an account that is called is called, whatever lies elsewhere. What the desk
    adds is the order of messages, which is that of the caller, and one look at all of them.
    """

    def __init__(self, venues: Mapping[str, Engine]) -> None:
        if not venues:
            raise refuse("venues", "none", "an engine for each venue")
        self.venues = dict(venues)

    def apply(self, venue: str, event: Event) -> Outcome:
        """One event of one venue. Raises `DocumentError` for a venue that is none."""
        return self._engine(venue).apply(event)

    def check(self, venue: str, order: Order) -> Verdict:
        """May this order be sent to that venue?"""
        return self._engine(venue).check(order)

    def cheapest(self, order: Order, accounts: Mapping[str, str]) -> dict[str, Verdict]:
        """The same legs at each venue of `accounts` (venue to account there), least added initial margin in USD first.

        Venues that refuse the order come last. Raises `DocumentError` where one does not list a leg.
        """
        found = {v: self.check(v, Order(account, order.legs)) for v, account in accounts.items()}

        def rank(venue: str) -> tuple[bool, float, str]:
            verdict = found[venue]
            added = verdict.after.initial - verdict.before.initial
            engine = self._engine(venue)
            currency = str(engine.currency[engine.holdings.number[accounts[venue]]])
            return not verdict.allowed, added * engine.prices.asset_price(currency), venue

        return {venue: found[venue] for venue in sorted(found, key=rank)}

    def places(self) -> tuple[Place, ...]:
        """Every account at every venue at this moment, the worst health first."""
        found = []
        for venue, engine in self.venues.items():
            initial, maintenance, equity = engine.amounts(engine.everyone)
            for a, name in enumerate(engine.holdings.names):
                amounts = (float(initial[a]), float(maintenance[a]), float(equity[a]))
                currency = str(engine.currency[a])
                usd = amounts[2] * engine.prices.asset_price(currency)
                found.append(Place(venue, name, engine.status(a), *amounts, currency, usd))
        # a refused account has no number and is looked at first
        return tuple(sorted(found, key=_worst))

    def _engine(self, venue: str) -> Engine:
        if venue not in self.venues:
            raise refuse("venue", venue, ", ".join(self.venues))
        return self.venues[venue]


def _worst(place: Place) -> tuple[float, str, str]:
    health = place.health
    if place.status == "refused":
        return -np.inf, place.venue, place.account
    return np.inf if health is None else health, place.venue, place.account
