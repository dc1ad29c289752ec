"""Naive Black-76 and SVI: one number at a time, on floats and the math module only.

Second opinion for the vectorised kernels, so nothing is imported from the package. Rules:
spec/venues-onchain.md section 1.1.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

YEAR_SECONDS = 31_536_000.0
TINY = 1e-18
TOTAL_VOL_LIMIT = 24.0
TOTAL_VARIANCE_CAP = 144.0


def normal_cdf(x: float) -> float:
    """Standard normal distribution function, accurate in the left tail."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def black_call_put(forward: float, strike: float, t: float, vol: float, discount: float = 1.0) -> tuple[float, float]:
    """(call, put) of one option on one unit; t in years, vol as a decimal, same money unit as forward."""
    top_call = forward * discount
    top_put = strike * discount
    if strike == 0.0:
        return top_call, 0.0
    if forward == 0.0:
        return 0.0, top_put
    total_vol = vol * math.sqrt(t)
    if total_vol >= TOTAL_VOL_LIMIT:
        return top_call, top_put
    total_vol = max(total_vol, TINY)
    moneyness = max(strike / forward, TINY)
    d1 = 0.5 * total_vol - math.log(moneyness) / total_vol
    d2 = d1 - total_vol
    call_unit = max(normal_cdf(d1) - moneyness * normal_cdf(d2), 0.0)
    put_unit = max(call_unit + moneyness - 1.0, 0.0)
    call = min(discount * forward * call_unit, top_call)
    put = min(discount * forward * put_unit, top_put)
    return call, put


# Sweeps ask for the same option in the same scenario under several rule sets.
@lru_cache(maxsize=1 << 17)
def black(is_call: bool, forward: float, strike: float, t: float, vol: float, discount: float = 1.0) -> float:
    """Value of one call or put."""
    call, put = black_call_put(forward, strike, t, vol, discount)
    return call if is_call else put


def call_delta(forward: float, strike: float, t: float, vol: float) -> float:
    """N(d1) of a call, undiscounted, with respect to the forward; 0, 1/2 or 1 once nothing is uncertain."""
    if strike <= 0.0:
        return 1.0
    total_vol = vol * math.sqrt(t)
    if total_vol <= 0.0:
        return 1.0 if forward > strike else (0.5 if forward == strike else 0.0)
    return normal_cdf(math.log(forward / strike) / total_vol + 0.5 * total_vol)


def svi_vol(svi: dict[str, Any], strike: float) -> float:
    """Implied vol of a strike from the slice's own forward and its own tau."""
    if strike == 0.0:
        return 0.0
    a, b, rho, m, sigma = (float(svi[name]) for name in ("a", "b", "rho", "m", "sigma"))
    edge = 4.0 * math.sqrt(a + b * sigma)
    k = min(max(math.log(strike / float(svi["forward"])), -edge), edge)
    variance = a + b * (rho * (k - m) + math.sqrt((k - m) ** 2 + sigma**2))
    if variance < 0.0:
        raise ValueError("SVI total variance is negative")
    return math.sqrt(min(variance, TOTAL_VARIANCE_CAP) / float(svi["tau"]))
