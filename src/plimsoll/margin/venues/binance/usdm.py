"""Binance USD-margined futures: brackets of notional with a cumulative deduction.

Source: venues-cex section 3.1, own words. Rule codes `BINANCE-UM-nn` are listed in docs/rules.
"""

from __future__ import annotations

from plimsoll.contracts import Contract, Future, Perpetual, Settlement
from plimsoll.documents import Name, Part, Positive
from plimsoll.margin.parts.futures import TieredFutures
from plimsoll.margin.parts.legs import Unit
from plimsoll.margin.parts.tiers import TierTable


class UsdmParameters(Part):
    """Brackets by symbol, sizes in the settlement currency; `default_leverage` where none was chosen."""

    default_leverage: Positive
    symbols: dict[Name, TierTable]


class UsdMargined(TieredFutures):
    """Binance USD-margined futures, in cross and isolated margin, single-asset mode.

    ```
    notional      |q| * mark
    maintenance   notional * rate - cum,  cum_n = cum_(n-1) + floor_n (rate_n - rate_(n-1))
    initial       notional / leverage
    ```
    """

    MODEL = "binance-usdm"
    PARAMETERS = UsdmParameters
    LINEAR = ("USDT", "USDC")
    parameters: UsdmParameters

    def rule(self, contract: Contract) -> tuple[str, TierTable, Unit] | None:
        """See `TieredFutures.rule`: a contract is found by its name, else by underlying and settlement currency."""
        if not isinstance(contract, Perpetual | Future) or contract.settlement is not Settlement.LINEAR:
            return None
        for symbol in (contract.name, f"{contract.underlying}{contract.currency}"):
            if symbol in self.parameters.symbols:
                return f"symbols.{symbol}", self.parameters.symbols[symbol], "notional"
        return None

    def listed(self) -> str:
        """See `TieredFutures.listed`."""
        return "linear futures and perpetuals of " + ", ".join(sorted(self.parameters.symbols))

    @property
    def default_leverage(self) -> float | None:
        """See `TieredFutures.default_leverage`."""
        return self.parameters.default_leverage
