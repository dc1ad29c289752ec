"""Seeded options that share nothing: each has its own forward, strike, time and volatility."""

from __future__ import annotations

import numpy as np

from benchmarks.harness.race import Inputs
from plimsoll.kernels import lognormal_value


def element_inputs(rng: np.random.Generator, count: int) -> Inputs:
    """n options out of the money, each of `forward`, `strike`, `time`, `vol`, `total_vol`, `call` and `price` [n].

    Strikes lie within three standard deviations of the forward. Prices are out of the money because only those carry
    their time value in all digits: what a solver gives back can then be held to the volatility that made the price.
    """
    time = np.exp(rng.uniform(np.log(1.0 / 365.0), 0.0, count))
    vol = rng.uniform(0.3, 1.2, count)
    total_vol = vol * np.sqrt(time)
    forward = rng.uniform(20_000.0, 100_000.0, count)
    strike = forward * np.exp(total_vol * rng.uniform(-3.0, 3.0, count))
    call = strike > forward
    return {
        "forward": forward,
        "strike": strike,
        "time": time,
        "vol": vol,
        "total_vol": total_vol,
        "call": call,
        "price": lognormal_value(forward, strike, total_vol, call),
    }
