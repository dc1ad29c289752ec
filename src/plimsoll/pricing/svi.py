"""Raw SVI total variance, w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + sigma^2)), k = ln(K / forward).

`svi_vol` adds the clamps of the on-chain volatility feed described in the project's venue specification.
Source of the form: Gatheral (2004), "A parsimonious arbitrage-free implied volatility parameterization".
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.pricing.black76 import FloatArray, broadcast, checked_real

#: Largest total variance the feed reports: a volatility of 1200 % over one year.
MAX_TOTAL_VARIANCE = 144.0

#: Log-moneyness is clamped to this many times the root of ``a + b sigma``.
MONEYNESS_BOUND = 4.0


def _parameters(
    a: npt.ArrayLike, b: npt.ArrayLike, rho: npt.ArrayLike, m: npt.ArrayLike, sigma: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    correlation = checked_real("rho", rho, least=-1.0)
    if (correlation > 1.0).any():
        raise ValueError(f"rho: got {correlation.max()}, must be from -1 to 1")
    return (
        checked_real("a", a, least=None),
        checked_real("b", b),
        correlation,
        checked_real("m", m, least=None),
        checked_real("sigma", sigma),
    )


def _variance(
    k: FloatArray, a: FloatArray, b: FloatArray, rho: FloatArray, m: FloatArray, sigma: FloatArray
) -> FloatArray:
    return np.asarray(a + b * (rho * (k - m) + np.hypot(k - m, sigma)), dtype=np.float64)


def _refuse_negative(w: FloatArray, k: FloatArray) -> None:
    if (w < 0.0).any():
        at = np.unravel_index(int(np.argmin(w)), w.shape)
        where = float(np.broadcast_to(k, w.shape)[at])
        raise ValueError(f"total variance: got {w[at]} at log-moneyness {where}, must be at least 0")


def svi_total_variance(
    k: npt.ArrayLike,
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    rho: npt.ArrayLike,
    m: npt.ArrayLike,
    sigma: npt.ArrayLike,
) -> FloatArray:
    """Total variance (volatility squared times years) at ``k = ln(strike/forward)``, no clamp, no cap.

    Arguments broadcast; b and sigma at least 0, rho from -1 to 1. A result without axes is a numpy scalar.
    Raises ValueError for an argument out of range and for a negative total variance, with the value and
    where.

    >>> round(float(svi_total_variance(0.0, 0.04, 0.1, -0.3, 0.0, 0.2)), 12)
    0.06
    """
    moneyness = checked_real("k", k, least=None)
    parameters = _parameters(a, b, rho, m, sigma)
    broadcast(dict(zip(("k", "a", "b", "rho", "m", "sigma"), (moneyness, *parameters), strict=True)))
    w = _variance(moneyness, *parameters)
    _refuse_negative(w, moneyness)
    return w[()]


def svi_vol(
    strike: npt.ArrayLike,
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    rho: npt.ArrayLike,
    m: npt.ArrayLike,
    sigma: npt.ArrayLike,
    forward: npt.ArrayLike,
    tau: npt.ArrayLike,
) -> FloatArray:
    """Volatility that the on-chain feed reports at ``strike``, a decimal per square-root year of 365 days.

    ``forward`` and ``tau`` (years) are the reference values stored with the slice, both above 0, not the live
    ones. ``k = ln(strike/forward)`` is clamped to ``+-4 sqrt(a + b sigma)``, the total variance is capped at
    144, and the result is its root over that of ``tau``. Strike 0 gives 0. Raises ValueError for an argument
    out of range, for a negative ``a + b sigma`` and for a negative total variance.

    >>> round(float(svi_vol(2_000_000.0, 0.01, 0.01, -0.04, 0.03, 0.05, 2000.0, 0.03287671232)), 6)
    0.645049
    """
    x = checked_real("strike", strike)
    parameters = _parameters(a, b, rho, m, sigma)
    reference, years = checked_real("forward", forward, above=True), checked_real("tau", tau, above=True)
    names = ("strike", "a", "b", "rho", "m", "sigma", "forward", "tau")
    broadcast(dict(zip(names, (x, *parameters, reference, years), strict=True)))
    spread = np.asarray(parameters[0] + parameters[1] * parameters[4])
    if (spread < 0.0).any():
        raise ValueError(f"a + b*sigma: got {spread.min()}, must be at least 0")
    bound = MONEYNESS_BOUND * np.sqrt(spread)
    # A strike of 0 is answered at the end; at the reference forward it cannot trip the check of the variance.
    log_strike = np.log(np.where(x > 0.0, x, reference))
    k = np.clip(log_strike - np.log(reference), -bound, bound)
    w = _variance(np.asarray(k, dtype=np.float64), *parameters)
    _refuse_negative(np.where(x > 0.0, w, 0.0), np.asarray(k))
    vol = np.where(x > 0.0, np.sqrt(np.clip(w, 0.0, MAX_TOTAL_VARIANCE) / years), 0.0)
    return vol[()]
