"""Derive's auction behind the contract of a sale; the auction itself, to the digit, is `auction`."""

from __future__ import annotations

from collections.abc import Callable

from plimsoll.margin.account import Account
from plimsoll.margin.procedure import Offer, Sale
from plimsoll.margin.requirement import Evidence
from plimsoll.margin.venues.derive.auction import Auction, Standing
from plimsoll.market import Market

Read = Callable[[Account, Market, int | None], Standing]
"""Value and net maintenance margin of an account, over the scenario that the auction stores."""


class DeriveSale(Sale):
    """Source: venues-onchain section 1.5. What is worth nothing any more is sold as insolvent from then on."""

    def __init__(self, auction: Auction, read: Read, currency: str, evidence: Evidence) -> None:
        self.auction, self.read, self.currency = auction, read, currency
        self.evidence = evidence

    @property
    def seconds(self) -> float:
        """See `Sale.seconds`: both phases of a solvent auction and that of an insolvent one."""
        terms = self.auction.terms
        return terms.fast_seconds + terms.slow_seconds if self.auction.solvent else terms.insolvent_seconds

    @property
    def start_fee(self) -> float:
        """See `Sale.start_fee`."""
        return self.auction.fee

    def offer(self, account: Account, market: Market, seconds: float) -> Offer | None:
        """See `Sale.offer`."""
        now = self.read(account, market, self.auction.scenario)
        if now.mm >= 0.0:
            return None
        if self.auction.solvent and now.mtm <= 0.0:
            self.auction = self.auction.turn_insolvent(seconds)
        fraction = self.auction.largest_fraction(now, seconds)
        if fraction <= 0.0:
            return Offer(0.0, 0.0)
        bid, _ = self.auction.bid(now, seconds, fraction)
        return Offer(bid.fraction, bid.price - bid.payout)

    def bid(self, account: Account, market: Market, seconds: float, fraction: float) -> float:
        """See `Sale.bid`."""
        bid, self.auction = self.auction.bid(self.read(account, market, self.auction.scenario), seconds, fraction)
        return bid.price - bid.payout
