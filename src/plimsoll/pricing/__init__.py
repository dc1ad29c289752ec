"""Values, Greeks and implied volatility of European options on a forward; other payoffs; evaluation of SVI smiles."""

from __future__ import annotations

from plimsoll.pricing.american import american_price
from plimsoll.pricing.asian import arithmetic_asian, geometric_asian
from plimsoll.pricing.asian_mc import Estimate, asian_mc
from plimsoll.pricing.barrier import barrier_price, touch_chance
from plimsoll.pricing.barrier_greeks import barrier_greeks
from plimsoll.pricing.black76 import forward_delta, inverse_price, price
from plimsoll.pricing.digital import asset_or_nothing, cash_or_nothing, digital_greeks
from plimsoll.pricing.greeks import Greeks, greeks, inverse_greeks
from plimsoll.pricing.implied_vol import ImpliedVol, Status, implied_vol, implied_vol_status
from plimsoll.pricing.perpetual import everlasting, everlasting_weights, perpetual_american
from plimsoll.pricing.power import power_greeks, power_price
from plimsoll.pricing.svi import svi_total_variance, svi_vol

__all__ = [
    "Estimate",
    "Greeks",
    "ImpliedVol",
    "Status",
    "american_price",
    "arithmetic_asian",
    "asian_mc",
    "asset_or_nothing",
    "barrier_greeks",
    "barrier_price",
    "cash_or_nothing",
    "digital_greeks",
    "everlasting",
    "everlasting_weights",
    "forward_delta",
    "geometric_asian",
    "greeks",
    "implied_vol",
    "implied_vol_status",
    "inverse_greeks",
    "inverse_price",
    "perpetual_american",
    "power_greeks",
    "power_price",
    "price",
    "svi_total_variance",
    "svi_vol",
    "touch_chance",
]
