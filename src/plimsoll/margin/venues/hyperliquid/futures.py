"""What both accounts of Hyperliquid have in common: linear perpetuals by the venue's margin tables."""

from __future__ import annotations

from functools import cached_property

from plimsoll.contracts import Contract, Perpetual, Settlement
from plimsoll.margin.parts.futures import TieredFutures
from plimsoll.margin.parts.legs import Unit
from plimsoll.margin.parts.tiers import TierTable
from plimsoll.margin.venues.hyperliquid.tables import MarginTables


class HyperliquidFutures(TieredFutures):
    """Linear perpetuals on coins of the pack, settled in its currency.

    ```
    maintenance   notional * rate - deduction    rate_n = 1 / (2 leverage_n)
    initial       notional / leverage            that of the position, at most that of its tier
    ```
    """

    parameters: MarginTables

    @cached_property
    def _tables(self) -> dict[str, TierTable]:
        found = {coin: self.parameters.tiers_of(coin) for coin in self.parameters.coins}
        return {coin: table for coin, table in found.items() if table is not None}

    def rule(self, contract: Contract) -> tuple[str, TierTable, Unit] | None:
        """See `TieredFutures.rule`: linear perpetuals on a coin of the pack, settled in the pack's currency."""
        if not isinstance(contract, Perpetual) or contract.settlement is not Settlement.LINEAR:
            return None
        table = self._tables.get(contract.underlying)
        if table is None or contract.currency != self.rules.currency:
            return None
        name = self.parameters.coins[contract.underlying]
        return (
            (f"tables.{name}" if name in self.parameters.tables else f"coins.{contract.underlying}"),
            table,
            "notional",
        )

    def listed(self) -> str:
        """See `TieredFutures.listed`."""
        return f"linear perpetuals settled in {self.rules.currency} on " + ", ".join(sorted(self.parameters.coins))
