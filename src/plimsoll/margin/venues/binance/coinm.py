"""Binance coin-margined futures: contracts of so many dollars, brackets in coin.

Source: venues-cex section 3.3, own words. Rule codes `BINANCE-CM-nn` are listed in docs/rules.
"""

from __future__ import annotations

from plimsoll.contracts import Settlement
from plimsoll.margin.venues.binance.usdm import Bracketed


class CoinMargined(Bracketed):
    """Binance coin-margined futures, in cross and isolated margin, one-way or hedge mode; amounts in the coin.

    ```
    notional      contracts * size in USD / mark            coins
    maintenance   notional * rate - cum,  cum_n = cum_(n-1) + floor_n (rate_n - rate_(n-1)), floors in coin
    initial       notional / leverage
    profit        contracts * size * (1 / entry - 1 / mark)
    ```

    Each coin is a wallet of its own. Workings as for the USD-margined futures.
    """

    MODEL = "binance-coinm"

    @property
    def settlement(self) -> Settlement:
        """Paid in the coin."""
        return Settlement.INVERSE
