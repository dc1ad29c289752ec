"""Digital (binary) options on a forward: cash-or-nothing and asset-or-nothing.

With D the discount factor, F the forward, K the strike, s = vol sqrt(t) and +- for call and put:

    cash  = D cash N(+- d2)          asset = D F N(+- d1)

so that both cash options add up to D cash, both assets to D F, and asset less K cash is the vanilla option.
Source: Rubinstein and Reiner, "Unscrambling the binary code" (1991). The call pays if S > K and the put if S <= K;
that decides the value at F = K when s = 0. Strike 0 always pays the call. A total volatility of 24 or more is
saturated: nearly all paths end near zero, so puts pay cash and calls the asset.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.kernels import SATURATION, d1_d2, normal_cdf, normal_pdf
from plimsoll.pricing.black76 import BoolArray, FloatArray, broadcast, checked_call, checked_real, total_vol
from plimsoll.pricing.greeks import Greeks


def cash_or_nothing(
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    t: npt.ArrayLike,
    vol: npt.ArrayLike,
    call: npt.ArrayLike,
    discount: npt.ArrayLike = 1.0,
) -> FloatArray:
    """Value of one unit of currency paid at expiry if the option ends in the money, from 0 to ``discount``.

    Arguments, shapes and errors as `plimsoll.pricing.price`.

    >>> round(float(cash_or_nothing(100.0, 80.0, 0.75, 0.35, False)), 6)
    0.279399
    """
    f, k, s, c, d = _checked(forward, strike, t, vol, call, discount)
    return np.asarray(d * digital_value(f, k, s, c, np.zeros(np.shape(f), np.bool_)), dtype=np.float64)[()]


def asset_or_nothing(
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    t: npt.ArrayLike,
    vol: npt.ArrayLike,
    call: npt.ArrayLike,
    discount: npt.ArrayLike = 1.0,
) -> FloatArray:
    """Value of one unit of the underlying paid at expiry if the option ends in the money, from 0 to its forward's.

    Arguments, shapes and errors as `plimsoll.pricing.price`.

    >>> round(float(asset_or_nothing(100.0, 80.0, 0.75, 0.35, True)), 6)
    81.265895
    """
    f, k, s, c, d = _checked(forward, strike, t, vol, call, discount)
    return np.asarray(d * digital_value(f, k, s, c, np.ones(np.shape(f), np.bool_)), dtype=np.float64)[()]


def _checked(
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    t: npt.ArrayLike,
    vol: npt.ArrayLike,
    call: npt.ArrayLike,
    discount: npt.ArrayLike,
) -> tuple[FloatArray, FloatArray, FloatArray, BoolArray, FloatArray]:
    f, k = checked_real("forward", forward), checked_real("strike", strike)
    years, sigma = checked_real("t", t), checked_real("vol", vol)
    c, d = checked_call(call), checked_real("discount", discount)
    broadcast({"forward": f, "strike": k, "t": years, "vol": sigma, "call": c, "discount": d})
    return f, k, total_vol(sigma, years), c, d


def digital_value(f: FloatArray, k: FloatArray, s: FloatArray, call: BoolArray, asset: BoolArray) -> FloatArray:
    """Undiscounted value on checked arguments that broadcast; ``s`` is total volatility, ``asset`` what is paid."""
    d1, d2 = d1_d2(f, k, s)
    side = np.where(call, 1.0, -1.0)
    chance = normal_cdf(side * np.where(asset, d1, d2))
    # at the money without volatility the path stays at the strike, where only the put pays
    still = (np.asarray(s) == 0.0) & (np.asarray(f) == np.asarray(k))
    chance = np.where(still, np.where(call, 0.0, 1.0), chance)
    return np.asarray(np.where(asset, f, 1.0) * chance, dtype=np.float64)


def digital_greeks(
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    t: npt.ArrayLike,
    vol: npt.ArrayLike,
    call: npt.ArrayLike,
    asset: npt.ArrayLike,
    rate: npt.ArrayLike = 0.0,
) -> Greeks:
    """Greeks of one unit paid: of the underlying where ``asset`` is true, of the currency elsewhere.

    See `plimsoll.pricing.Greeks` for units. With n the normal density, D = exp(-rate t) and the signs of a call:

        cash:   delta = D n(d2) / (F s)      gamma = -delta d1 / (F s)    vega = -D n(d2) d1 / vol
                vanna = -delta (1 - d1 d2) / vol,   volga = D n(d2) (d1 + d2 - d1^2 d2) / vol^2

    and an asset is K times cash plus the vanilla option. Where there is no smooth density (zero volatility, saturated,
    forward or strike 0) all of delta, gamma, vega, vanna and volga that come from it are 0.

    >>> g = digital_greeks(100.0, 100.0, 0.25, 0.6, True, False)
    >>> round(float(g.delta), 8), round(float(g.vega), 8)
    (0.01314931, -0.09861983)
    """
    from plimsoll.pricing.greeks import greeks

    f, k, s, c, _ = _checked(forward, strike, t, vol, call, 1.0)
    paid = np.asarray(asset)
    if paid.dtype != np.bool_:
        raise ValueError(f"asset: got an array of {paid.dtype}, must be boolean, False for cash")
    years, sigma = checked_real("t", t), checked_real("vol", vol)
    r = checked_real("rate", rate, least=None)
    broadcast({"forward": f, "strike": k, "t": years, "vol": sigma, "call": c, "asset": paid, "rate": r})
    vanilla = greeks(f, k, years, sigma, c, r)
    discount = np.exp(-r * years)
    d1, d2 = d1_d2(f, k, s)
    smooth = (s > 0.0) & (s < SATURATION) & (f > 0.0) & (k > 0.0) & (np.abs(d1) < 38.0) & (np.abs(d2) < 38.0)
    density = np.where(smooth, discount * normal_pdf(d2), 0.0) * np.where(c, 1.0, -1.0)
    d1, d2 = np.where(smooth, d1, 0.0), np.where(smooth, d2, 0.0)
    fs, v = np.where(smooth, f * s, 1.0), np.where(smooth, sigma, 1.0)
    cash = discount * digital_value(f, k, s, c, np.zeros(np.shape(paid), np.bool_))
    vega = -density * d1 / v
    parts = {
        "delta": density / fs,
        "gamma": -density * d1 / fs / np.where(smooth, f * s, 1.0),
        "vega": vega,
        "theta": r * cash - 0.5 * vega * v / np.where(smooth, years, 1.0),
        "rho": -years * cash,
        "vanna": -density * (1.0 - d1 * d2) / (fs * v),
        "volga": density * (d1 + d2 - d1 * d1 * d2) / v**2,
    }
    both = {n: np.where(paid, k * x + getattr(vanilla, n) * np.where(c, 1.0, -1.0), x) for n, x in parts.items()}
    return Greeks(**{n: np.asarray(x, dtype=np.float64)[()] for n, x in both.items()})
