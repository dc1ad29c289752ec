"""Collateral that a vault at Opyn needs: naked, spread, and after expiry; and the price of a liquidation.

Amounts for puts are in the strike asset, those for calls in the coin. The chain counts in 1e-27 and cuts what is below;
doubles differ by less than 1e-15 of an amount. Source: venues-onchain section 3.1, own words. Rule codes `OPYN-nn` are
in docs/rules.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.margin.venues.opyn.parameters import Product

F64 = npt.NDArray[np.float64]
DAY = 86_400.0


def upper_bound(product: Product, seconds: float) -> float | None:
    """Bound of the next larger tenor, that tenor included; `None` beyond the last.

    >>> row = {"spot_shock": 0.75, "upper_bounds": [{"tenor_days": 7.0, "upper_bound": 0.1678},
    ...     {"tenor_days": 14.0, "upper_bound": 0.237}]}
    >>> [upper_bound(Product.model_validate(row), days * DAY) for days in (0.0, 7.0, 7.1, 15.0)]
    [0.1678, 0.1678, 0.237, None]
    """
    return next((row.upper_bound for row in product.upper_bounds if seconds <= row.tenor_days * DAY), None)


def naked(call: bool, strike: float, spot: F64, shock: float, bound: float) -> F64:
    """Collateral of one naked option at the prices `spot`.

    ```
    put    bound min(K, shock S) + max(K - shock S, 0)
    call   bound min(1, shock K / S) + max(1 - shock K / S, 0)
    ```

    >>> float(naked(False, 100.0, np.array(150.0), 0.75, 0.1678))
    16.78
    >>> float(naked(True, 2500.0, np.array(1800.0), 0.75, 0.1678))
    0.1678
    """
    whole = 1.0 if call else strike
    other = strike * shock / spot if call else shock * spot
    found: F64 = bound * np.minimum(whole, other) + np.maximum(whole - other, 0.0)
    return found


def spread(call: bool, short: float, short_strike: float, long: float, long_strike: float | None) -> float:
    """Most that a spread of sold and bought options (both from zero) can lose.

    >>> spread(False, 2.0, 100.0, 1.0, 90.0), spread(True, 1.0, 100.0, 1.0, 125.0), spread(True, 2.0, 100.0, 1.0, 80.0)
    (110.0, 0.2, 1.0)
    """
    bought = long if long_strike is not None else 0.0
    if not call:
        return max(short_strike * short - (long_strike or 0.0) * min(short, bought), 0.0)
    bare = max(short - bought, 0.0)
    # a call struck at nothing never falls short, and leaves no strike to divide by
    return max((long_strike - short_strike) * short / long_strike, bare) if long_strike and short > 0.0 else bare


def cash_value(call: bool, strike: float, spot: F64) -> F64:
    """What an option pays at a price: a put in the strike asset, a call in the coin.

    >>> float(cash_value(True, 80.0, np.array(100.0))), float(cash_value(False, 120.0, np.array(100.0)))
    (0.2, 20.0)
    """
    paid: F64 = np.maximum((spot - strike) / spot if call else strike - spot, 0.0)
    return paid


def debt_price(call: bool, strike: float, spot: float, deviation: float, end: float, part: float) -> float:
    """Collateral that a liquidator gets for one option bought back after a `part` of the auction, at most `end`.

    `end` is all collateral over all options sold. The start is the cash value less `deviation` of the price.

    >>> [round(debt_price(False, 120.0, 100.0, 0.05, 25.0, part), 9) for part in (0.0, 0.5, 1.0, 2.0)]
    [15.0, 20.0, 25.0, 25.0]
    """
    paid = max(spot - strike, 0.0) if call else max(strike - spot, 0.0)
    start = max(paid - deviation * spot, 0.0) / (spot if call else 1.0)
    return min(start + (end - start) * min(part, 1.0), end)
