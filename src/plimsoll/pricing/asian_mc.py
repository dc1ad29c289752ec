"""Arithmetic Asian options by Monte Carlo, with the geometric option as control variate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.pricing.asian import geometric_asian
from plimsoll.pricing.black76 import FloatArray, checked_real

_BLOCK = 16_384


@dataclass(frozen=True, slots=True)
class Estimate:
    """A Monte Carlo value, its standard error and the number of independent draws behind it."""

    value: float
    error: float
    draws: int


def asian_mc(
    forwards: npt.ArrayLike,
    times: npt.ArrayLike,
    strike: float,
    vol: float,
    call: bool,
    known: int = 0,
    accrued: float = 1.0,
    discount: float = 1.0,
    *,
    draws: int = 65_536,
    seed: int = 0,
    control: bool = True,
) -> Estimate:
    """Value of one option on the arithmetic average; ``forwards[n]``, ``times[n]``, the rest as `geometric_asian`.

    Each draw is the mean of a path and its mirror image. With ``control`` the geometric option, whose value is
    known, takes away most of the noise; its weight is the regression of one payoff on the other over all draws.
    Known fixings enter the geometric average at the arithmetic one: a control needs no meaning, only an exact value.
    Same arguments, same number.

    >>> asian_mc([100.0, 100.0], [0.5, 1.0], 100.0, 0.3, True, draws=1024).draws
    1024
    """
    f, t = checked_real("forwards", forwards, above=True), checked_real("times", times)
    if f.ndim != 1 or t.shape != f.shape:
        raise ValueError(f"times: got shape {t.shape}, must be one number for each of forwards {f.shape}")
    if draws < 2:
        raise ValueError(f"draws: got {draws}, must be at least 2")
    exact = float(geometric_asian(f, t, strike, vol, call, known, accrued))
    rng = np.random.Generator(np.random.PCG64([seed, 11]))
    steps = np.sqrt(np.diff(t, prepend=0.0))
    found, controls = np.empty(draws), np.empty(draws)
    for start in range(0, draws, _BLOCK):
        size = min(_BLOCK, draws - start)
        noise = np.cumsum(steps * rng.standard_normal((size, f.size)), axis=1)
        pair = [_payoffs(f, t, side * noise, strike, vol, call, known, accrued) for side in (1.0, -1.0)]
        found[start : start + size] = 0.5 * (pair[0][0] + pair[1][0])
        controls[start : start + size] = 0.5 * (pair[0][1] + pair[1][1])
    if control:
        spread = float(controls.var())
        weight = float(np.cov(found, controls, bias=True)[0, 1]) / spread if spread > 0.0 else 0.0
        found = found - weight * (controls - exact)
    error = float(found.std(ddof=1) / np.sqrt(draws))
    return Estimate(discount * float(found.mean()), discount * error, draws)


def _payoffs(
    f: FloatArray,
    t: FloatArray,
    noise: FloatArray,
    strike: float,
    vol: float,
    call: bool,
    known: int,
    accrued: float,
) -> tuple[FloatArray, FloatArray]:
    """Payoffs on the arithmetic and on the geometric average of each path; ``noise[paths, n]`` is Brownian motion."""
    logs = np.log(f) - 0.5 * vol * vol * t + vol * noise
    count = known + f.size
    plain = (known * accrued + np.exp(logs).sum(axis=1)) / count
    geometric = np.exp((known * np.log(accrued) + logs.sum(axis=1)) / count)
    side = 1.0 if call else -1.0
    return np.maximum(side * (plain - strike), 0.0), np.maximum(side * (geometric - strike), 0.0)
