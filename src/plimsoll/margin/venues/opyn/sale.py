"""Opyn's auction of a vault below its collateral: options bought back for more and more of it."""

from __future__ import annotations

import numpy as np

from plimsoll.margin.account import Account
from plimsoll.margin.path import States
from plimsoll.margin.procedure import Offer, Sale
from plimsoll.margin.requirement import Evidence
from plimsoll.margin.venues.opyn.formulas import debt_price
from plimsoll.margin.venues.opyn.parameters import NakedParameters
from plimsoll.margin.venues.opyn.vault import Vault, spot_of
from plimsoll.market import Market


class OpynSale(Sale):
    """Source: venues-onchain section 3.1.

    A liquidator brings the options and gets the price of the moment for each; what the vault has beyond is its
    holder's. In the words of a sale: it takes options and collateral, and pays back what is above the price.
    """

    def __init__(self, parameters: NakedParameters, currency: str, evidence: Evidence) -> None:
        self.parameters, self.currency, self.evidence = parameters, currency, evidence

    @property
    def seconds(self) -> float:
        """See `Sale.seconds`."""
        return self.parameters.auction_seconds

    @property
    def start_fee(self) -> float:
        """See `Sale.start_fee`: none."""
        return 0.0

    def offer(self, account: Account, market: Market, seconds: float) -> Offer | None:
        """See `Sale.offer`: the whole vault, as long as it holds a sold option."""
        vault = Vault.of(self.parameters, account, market)
        return None if vault.short is None else Offer(1.0, self._left(vault, market, seconds))

    def bid(self, account: Account, market: Market, seconds: float, fraction: float) -> float:
        """See `Sale.bid`."""
        return self._left(Vault.of(self.parameters, account, market), market, seconds) * fraction

    def _left(self, vault: Vault, market: Market, seconds: float) -> float:
        """Collateral that stays with the vault when all its options are bought back now."""
        assert vault.short is not None
        c = vault.short.contract
        spot = float(spot_of(c, market, States({}, np.ones(1)))[0])
        end = vault.collateral / vault.short.size
        part = seconds / self.parameters.auction_seconds
        price = debt_price(c.call, c.strike, spot, self.parameters.oracle_deviation, end, part)
        return vault.collateral - vault.short.size * price
