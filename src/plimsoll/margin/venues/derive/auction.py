"""Derive's liquidation auction: what may be taken of an account, at which price, and what is left of it.

Source: venues-onchain section 1.5, own words. Rule codes `DERIVE-LIQ-nn` are listed in docs/rules. Everything here is a
pure function of the account's standing; `standing` reads that of a portfolio under the first portfolio manager.
Amounts in the settlement currency, times in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from plimsoll.documents import refuse
from plimsoll.margin.account import Account
from plimsoll.margin.venues.derive.auction_terms import AuctionTerms
from plimsoll.market import Market

if TYPE_CHECKING:
    from plimsoll.margin.venues.derive.pmrm1 import Pmrm1


@dataclass(frozen=True)
class Standing:
    """An account at one instant: `mtm`, its value with cash, and `mm`, its net maintenance margin (excess)."""

    mtm: float
    mm: float


@dataclass(frozen=True)
class Bid:
    """What one bid takes: `fraction` of the account, `price` that the bidder pays, `payout` that the bidder gets.

    A solvent account is paid the price; for an insolvent one the insurance fund pays the bidder. `after` follows from
    `before` because both values and margins scale with what is left.
    """

    fraction: float
    price: float
    payout: float
    before: Standing
    after: Standing


@dataclass(frozen=True)
class Auction:
    """A running auction: when its phase `began`, the `scenario` it stores, the money `reserved` from its bids."""

    terms: AuctionTerms
    solvent: bool
    began: float
    scenario: int | None
    fee: float
    reserved: float = 0.0

    def largest_fraction(self, now: Standing, time: float) -> float:
        """The most that one bid may take at `time`: all of an insolvent account."""
        if not self.solvent:
            return 1.0
        return largest_fraction(self.terms, now, discount(self.terms, time - self.began), self.reserved)

    def bid(self, now: Standing, time: float, requested: float) -> tuple[Bid, Auction]:
        """A bid for `requested` of the account as it stands, cut to the largest fraction, and the auction after it.

        Raises `DocumentError` for a fraction outside (0, 1], a time before the auction began, and for a solvent auction
        of an account that is worth nothing any more: it has to be restarted as insolvent.
        """
        if not 0.0 < requested <= 1.0:
            raise refuse("bid.fraction", requested, "a fraction above zero and at most one")
        if time < self.began:
            raise refuse("bid.time", time, f"a time from {self.began:g} on")
        if not self.solvent:
            payout = insolvent_payout(self.terms, now, time - self.began, requested)
            left = 1.0 - requested
            return Bid(requested, 0.0, payout, now, Standing(now.mtm * left, now.mm * left)), self
        if now.mtm <= 0.0:
            raise refuse("bid", f"an account worth {now.mtm:g}", "a solvent account, or a restart as insolvent")
        fraction = min(requested, self.largest_fraction(now, time))
        price = bid_price(now, self.reserved, discount(self.terms, time - self.began), fraction)
        after = Standing(*(self.reserved + (v - self.reserved) * (1.0 - fraction) + price for v in (now.mtm, now.mm)))
        return Bid(fraction, price, 0.0, now, after), replace(self, reserved=self.reserved + price)

    def turn_insolvent(self, time: float) -> Auction:
        """The auction restarted for an account worth nothing any more; earlier proceeds are plain cash again."""
        return replace(self, solvent=False, began=time, reserved=0.0)

    def remaining(self, account: Account, cash: str, bid: Bid) -> Account:
        """The account after `bid` of this auction (as it was before the bid): everything scaled but reserved cash."""
        left = 1.0 - bid.fraction
        content = account.model_dump()
        for row in content["positions"]:
            row["quantity"] *= left
            row["unsettled_funding"] *= left
            if row["unrealised_pnl"] is not None:
                row["unrealised_pnl"] *= left
        balances = {asset: amount * left for asset, amount in account.collateral.items()}
        free = account.collateral.get(cash, 0.0) - self.reserved
        balances[cash] = self.reserved + free * left + bid.price
        return Account.model_validate({**content, "collateral": balances})


def start(terms: AuctionTerms, now: Standing, *, time: float = 0.0, scenario: int | None = None) -> Auction:
    """The auction of an account below maintenance. A solvent one pays the fee; an insolvent one pays nothing.

    Raises `DocumentError` while the maintenance margin holds.
    """
    if now.mm >= 0.0:
        raise refuse("account", f"a net maintenance margin of {now.mm:g}", "one below zero")
    solvent = now.mtm > 0.0
    fee = start_fee(terms, now) if solvent else 0.0
    return Auction(terms, solvent, time, scenario, fee)


def buffer_margin(terms: AuctionTerms, now: Standing) -> float:
    """`mm + buffer * (mm - mtm)`: the margin up to which a solvent auction may sell."""
    return now.mm + terms.buffer_pct * (now.mm - now.mtm)


def discount(terms: AuctionTerms, seconds: float) -> float:
    """The part of the value that a bidder pays: from start to cutoff in the fast phase, then down to zero."""
    if seconds <= terms.fast_seconds:
        return terms.start_pct - (terms.start_pct - terms.fast_cutoff_pct) * seconds / terms.fast_seconds
    return terms.fast_cutoff_pct * max(0.0, 1.0 - (seconds - terms.fast_seconds) / terms.slow_seconds)


def largest_fraction(terms: AuctionTerms, now: Standing, part: float, reserved: float = 0.0) -> float:
    """The fraction at price `part` that brings the buffer margin to zero: `B / (B - mtm d - R (1 - d))`, `B <= 0`."""
    if now.mtm < terms.whole_below:
        return 1.0
    short = min(buffer_margin(terms, now), 0.0)
    return 0.0 if short == 0.0 else short / (short - now.mtm * part - reserved * (1.0 - part))


def start_fee(terms: AuctionTerms, now: Standing) -> float:
    """The fee of a solvent account: a rate on the value of what could be sold at no discount."""
    return largest_fraction(terms, now, 1.0) * now.mtm * terms.fee_rate


def bid_price(now: Standing, reserved: float, part: float, fraction: float) -> float:
    """`(mtm - reserved) * part * fraction`: reserved cash is not for sale."""
    return (now.mtm - reserved) * part * fraction


def insolvent_payout(terms: AuctionTerms, now: Standing, seconds: float, fraction: float) -> float:
    """What the insurance fund pays for `fraction`: from `-mtm` at the start linearly to `-mm`, and no more."""
    passed = min(seconds / terms.insolvent_seconds, 1.0)
    return (-now.mtm + (now.mtm - now.mm) * passed) * fraction


def standing(model: Pmrm1, account: Account, market: Market, scenario: int | None = None) -> Standing:
    """Value and net maintenance margin of a portfolio; with `scenario` over that one and the basis contingency."""
    w = model.workings(account, market)
    return Standing(mtm=w.equity, mm=w.maintenance(scenario))


def start_for(model: Pmrm1, account: Account, market: Market, *, time: float = 0.0) -> Auction:
    """The auction of a portfolio under the pack's own terms; it stores the worst scenario at the start."""
    if model.parameters.auction is None:
        raise refuse("rules.parameters.auction", None, "the terms of the auction")
    scenario = model.workings(account, market).worst_scenario
    return start(model.parameters.auction, standing(model, account, market), time=time, scenario=scenario)
