"""Values, Greeks and implied volatility of European options on a forward; evaluation of SVI smiles."""

from __future__ import annotations

from plimsoll.pricing.black76 import forward_delta, inverse_price, price
from plimsoll.pricing.greeks import Greeks, greeks, inverse_greeks
from plimsoll.pricing.implied_vol import ImpliedVol, Status, implied_vol, implied_vol_status
from plimsoll.pricing.svi import svi_total_variance, svi_vol

__all__ = [
    "Greeks",
    "ImpliedVol",
    "Status",
    "forward_delta",
    "greeks",
    "implied_vol",
    "implied_vol_status",
    "inverse_greeks",
    "inverse_price",
    "price",
    "svi_total_variance",
    "svi_vol",
]
