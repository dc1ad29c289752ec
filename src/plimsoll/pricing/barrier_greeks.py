"""Greeks of barrier options, by differences that never straddle the barrier.

The closed form is smooth on the living side of the barrier and ends there, so a step across it measures the knock and
not the slope. Steps are a fortieth of a standard deviation, and at most a sixteenth of the way to the barrier;
differences are central and of fourth order. In volatility and time the step is a two-hundredth of what there is.
Spot and forward move together: the carry is kept.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.pricing.barrier import barrier_value
from plimsoll.pricing.black76 import FloatArray, checked_call, checked_real
from plimsoll.pricing.greeks import Greeks

_SPOT_STEP, _WALL_SHARE, _VOL_STEP = 1.0 / 40.0, 1.0 / 16.0, 1.0 / 200.0


def barrier_greeks(
    spot: npt.ArrayLike,
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    barrier: npt.ArrayLike,
    t: npt.ArrayLike,
    vol: npt.ArrayLike,
    call: npt.ArrayLike,
    up: npt.ArrayLike,
    knock_in: npt.ArrayLike,
    rebate: npt.ArrayLike = 0.0,
    rate: npt.ArrayLike = 0.0,
) -> Greeks:
    """Greeks of a barrier option that is alive, per unit of the underlying; units as `Greeks`.

    Arguments as `plimsoll.pricing.barrier_price`, with ``t`` and ``vol`` above 0 and the spot on the living side of the
    barrier: touched, it is a vanilla option or a rebate and has their Greeks. delta and gamma are derivatives in the
    forward while spot over forward is kept; ``rate`` discounts. Raises ValueError naming the argument.

    >>> g = barrier_greeks(100.0, 100.0, 100.0, 90.0, 0.5, 0.4, True, False, False)
    >>> round(float(g.delta), 6), round(float(g.gamma), 6)
    (0.764778, 0.003384)
    """
    named = {"spot": spot, "forward": forward, "barrier": barrier, "t": t, "vol": vol}
    x, f, h, years, sigma = (checked_real(n, v, above=True) for n, v in named.items())
    k, paid = checked_real("strike", strike), checked_real("rebate", rebate)
    r, c = checked_real("rate", rate, least=None), checked_call(call)
    above, inward = np.asarray(up, dtype=np.bool_), np.asarray(knock_in, dtype=np.bool_)
    x, f, k, h, years, sigma, paid, r, c, above, inward = np.broadcast_arrays(
        x, f, k, h, years, sigma, paid, r, c, above, inward
    )
    if np.where(above, x >= h, x <= h).any():
        raise ValueError("spot: must be on the living side of the barrier")
    carry = np.log(f / x) / years
    none = np.zeros(x.shape, np.bool_)

    def value(ds: float = 0.0, dv: float = 0.0, dt: float = 0.0) -> FloatArray:
        """Undiscounted, so many steps away in the logarithm of the price, in volatility, in time."""
        time, moved = years * (1.0 + dt * _VOL_STEP), x * np.exp(ds * step)
        total = sigma * (1.0 + dv * _VOL_STEP) * np.sqrt(time)
        return barrier_value(moved, moved * np.exp(carry * time), k, h, total, c, above, inward, paid, none)

    step = np.minimum(_SPOT_STEP * sigma * np.sqrt(years), _WALL_SHARE * np.abs(np.log(h / x)))
    v = _VOL_STEP * sigma
    here = value()
    # in the logarithm of the price
    first = _slope([value(ds=d) for d in (-2.0, -1.0, 1.0, 2.0)]) / step
    second = _bend([value(ds=d) for d in (-2.0, -1.0, 0.0, 1.0, 2.0)]) / step**2
    vega = _slope([value(dv=d) for d in (-2.0, -1.0, 1.0, 2.0)]) / v
    mixed = _slope([_slope([value(ds=d, dv=e) for d in (-2.0, -1.0, 1.0, 2.0)]) for e in (-2.0, -1.0, 1.0, 2.0)])
    # time that passes takes carry with it; the forward stays
    passing = _slope([value(dt=d) for d in (-2.0, -1.0, 1.0, 2.0)]) / (_VOL_STEP * years) - carry * first
    discount = np.exp(-r * years)
    parts = {
        "delta": first / f,
        "gamma": (second - first) / f**2,
        "vega": vega,
        "theta": r * here - passing,
        "rho": -years * here,
        "vanna": mixed / (step * v) / f,
        "volga": _bend([value(dv=d) for d in (-2.0, -1.0, 0.0, 1.0, 2.0)]) / v**2,
    }
    return Greeks(**{n: np.asarray(discount * a, dtype=np.float64)[()] for n, a in parts.items()})


def _slope(at: list[FloatArray]) -> FloatArray:
    """First difference of fourth order, per step, from values two and one steps below and above."""
    return np.asarray((8.0 * (at[2] - at[1]) - (at[3] - at[0])) / 12.0, dtype=np.float64)


def _bend(at: list[FloatArray]) -> FloatArray:
    """Second difference of fourth order, per squared step."""
    return np.asarray((16.0 * (at[1] + at[3]) - (at[0] + at[4]) - 30.0 * at[2]) / 12.0, dtype=np.float64)
