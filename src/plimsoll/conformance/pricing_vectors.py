"""`derive-pricing-vectors/1`: Black-76 prices and SVI volatilities."""

from __future__ import annotations

from typing import Any

from plimsoll.conformance.outcome import Tolerance
from plimsoll.documents import YEAR_SECONDS
from plimsoll.pricing.black76 import forward_delta, price
from plimsoll.pricing.svi import svi_vol

BLACK76 = Tolerance(absolute=1e-12)
SVI = Tolerance(absolute=1e-14)
TRUNCATED = Tolerance(absolute=1e-6)
"""The venue prints some SVI cases cut to six decimals."""


def evaluate(inputs: dict[str, Any]) -> dict[str, Any]:
    """Prices (discounted), undiscounted call delta, or a volatility, from the inputs of one case."""
    if "svi" in inputs:
        s = inputs["svi"]
        smile = svi_vol(inputs["strike"], s["a"], s["b"], s["rho"], s["m"], s["sigma"], s["forward"], s["tau"])
        return {"vol": float(smile)}
    years = inputs["seconds_to_expiry"] / YEAR_SECONDS
    forward, strike, vol, discount = (float(inputs[k]) for k in ("forward", "strike", "vol", "discount"))
    return {
        "call": float(price(forward, strike, years, vol, True, discount)),
        "put": float(price(forward, strike, years, vol, False, discount)),
        "call_delta_undiscounted": float(forward_delta(forward, strike, years, vol, True)),
    }


def tolerance(name: str, expected: Any) -> Tolerance:
    """Tolerance of one expected value, by what it is and how many digits the venue printed."""
    if name != "vol":
        return BLACK76
    return TRUNCATED if len(repr(float(expected)).partition(".")[2]) <= 6 else SVI
