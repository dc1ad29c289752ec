"""Hyperliquid's perpetuals in cross and isolated margin: tiers by notional, half of the initial rate for maintenance.

Source: venues-cex section 5.1 and venues-onchain section 3.5, own words. Rule codes `HL-PERPS-nn` are in docs/rules.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from plimsoll.documents import Fraction
from plimsoll.margin.account import Account
from plimsoll.margin.book import OnFailure, open_book
from plimsoll.margin.components import weakest
from plimsoll.margin.model import Assessment
from plimsoll.margin.parts.legs import Legs
from plimsoll.margin.procedure import SUPPOSED, Assumed, Procedure
from plimsoll.margin.venues.hyperliquid.futures import HyperliquidFutures
from plimsoll.margin.venues.hyperliquid.liquidation import Liquidation, liquidation_price
from plimsoll.margin.venues.hyperliquid.procedure import HyperliquidProcedure
from plimsoll.margin.venues.hyperliquid.tables import MarginTables
from plimsoll.market import Market


def transfer_requirement(initial: float, notional: float, share: float) -> float:
    """What has to stay when money is taken out: initial margin, or `share` of the notional if that is more.

    >>> round(147.412857 - transfer_requirement(140.43678, 1352.7404, 0.1), 6)  # withdrawable of a real account
    6.976077
    """
    return max(initial, share * notional)


class PerpsParameters(MarginTables):
    """Margin tables, the part of the notional that stays on a withdrawal, and how positions are liquidated."""

    transfer_share: Fraction
    liquidation: Liquidation


class HyperliquidPerps(HyperliquidFutures):
    """Hyperliquid's linear perpetuals, cross and isolated.

    ```
    maintenance   notional * rate - deduction    rate_n = 1 / (2 leverage_n)
    initial       notional / leverage            that of the position, at most that of its tier
    withdrawable  equity of the shared pool less max(initial, 10 % of its notional)
    line          price - side * available / |q| / (1 - rate * side), by the tier at that price
    ```

    `workings` hold `withdrawable`, `transfer_requirement` and `liquidation_price.NAME` of every position that has one,
    all other prices staying where they are.
    """

    MODEL = "hyperliquid-perps"
    PARAMETERS = PerpsParameters
    parameters: PerpsParameters

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        found = super().assess(account, market, on_failure)
        legs, _ = self._legs(open_book(account.model_copy(update={"orders": ()}), market, on_failure))
        shared = found.pools[0] if found.pools else None
        initial = sum(c.initial for c in found.components) if shared is None else shared.initial
        equity = found.net_equity if shared is None else shared.equity
        notional = float(legs.notional(legs.price[:, None])[~legs.isolated].sum())
        required = transfer_requirement(initial, notional, self.parameters.transfer_share)
        more = {"transfer_requirement": required, "withdrawable": max(0.0, equity - required)}
        return replace(found, workings={**found.workings, **more, **self._lines(legs, equity)})

    def procedure(self, assumed: Assumed = SUPPOSED) -> Procedure | None:
        """See `MarginModel.procedure`."""
        return HyperliquidProcedure(self.parameters.liquidation, assumed, weakest(self.rules, ["liquidation"]))

    @staticmethod
    def _lines(legs: Legs, shared: float) -> dict[str, float]:
        """Liquidation price of each position that has one, from the equity of its pool."""
        maintenance = legs.maintenance(legs.notional(legs.price[:, None]))[:, 0]
        profit = legs.profits(legs.price[:, None])[:, 0]
        apart, size = legs.isolated, legs.book.quantity * legs.book.plan.multiplier
        found = {}
        for i in np.flatnonzero(size != 0.0).tolist():
            equity = float(legs.margin[i] + profit[i]) if apart[i] else shared
            other = 0.0 if apart[i] else float(maintenance[~apart].sum() - maintenance[i])
            line = liquidation_price(legs.tiers[i], float(size[i]), float(legs.price[i]), equity, other)
            if line is not None:
                found[f"liquidation_price.{legs.subjects[i]}"] = line
        return found
