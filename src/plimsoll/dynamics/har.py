"""HAR: tomorrow's realised variance from that of the day, the week and the month."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse

F64 = npt.NDArray[np.float64]

WINDOWS = (1, 5, 22)
"""Periods of the three averages."""


def har_design(rv: npt.ArrayLike) -> F64:
    """`[T, 3]` averages of realised variance over the last 1, 5 and 22 periods, each known at the end of period `t`.

    `rv`: `[T]` realised variances; NaN where a window is not complete or holds a missing value.
    """
    x = _variances(rv)
    result = np.full((len(x), len(WINDOWS)), np.nan)
    for j, w in enumerate(WINDOWS):
        if len(x) >= w:
            result[w - 1 :, j] = np.lib.stride_tricks.sliding_window_view(x, w).mean(axis=1)
    return result


def forward_mean(rv: npt.ArrayLike, horizon: int) -> F64:
    """`[T]` average of the `horizon` realised variances *after* period `t`; NaN where they are not all known."""
    x = _variances(rv)
    if horizon < 1:
        raise refuse("horizon", horizon, "a whole number of at least one")
    result = np.full(len(x), np.nan)
    if len(x) > horizon:
        result[:-horizon] = np.lib.stride_tricks.sliding_window_view(x, horizon).mean(axis=1)[1:]
    return result


@dataclass(frozen=True)
class Har:
    """`RV' = b0 + bd RV + bw RV5 + bm RV22`, the average variance per period over the next `horizon` periods.

    With `log` the same on logarithms, and `exp(fit + residual variance / 2)` as the forecast. A forecast is kept inside
    `[low, high]`, the range of what was forecast in the fit: a linear form may otherwise give a variance below zero.
    Source: Corsi (2009); capabilities K14.
    """

    coefficients: tuple[float, float, float, float]
    horizon: int
    log: bool
    residual_variance: float
    low: float
    high: float

    def forecast(self, rv: npt.ArrayLike) -> F64:
        """`[T+1]`: row `t` is known before period `t`, from periods `0 .. t-1`; NaN while 22 are not known."""
        design = har_design(rv)
        x = np.log(design) if self.log else design
        fit = self.coefficients[0] + x @ np.asarray(self.coefficients[1:])
        value = np.exp(fit + self.residual_variance / 2.0) if self.log else fit
        return np.concatenate([[np.nan], np.clip(value, self.low, self.high)])


def fit_har(rv: npt.ArrayLike, *, horizon: int = 1, log: bool = False) -> Har:
    """Least squares on the periods whose past and whose `horizon` next periods are known.

    `rv`: `[T]` realised variances above zero, NaN where missing. Raises `DocumentError` for fewer than 60 usable rows.
    """
    x = _variances(rv)
    design, target = har_design(x), forward_mean(x, horizon)
    usable = np.isfinite(design).all(axis=1) & np.isfinite(target)
    if usable.sum() < 60:
        raise refuse("rv", f"{int(usable.sum())} periods with a past and a future", "at least 60")
    a, y = design[usable], target[usable]
    low, high = float(y.min()), float(y.max())
    if log:
        a, y = np.log(a), np.log(y)
    columns = np.column_stack([np.ones(len(a)), a])
    # variances are of the order 1e-3: scaled, so that the rank is judged by shape and not by size
    scale = np.abs(columns).max(axis=0)
    solution = np.linalg.lstsq(columns / scale, y, rcond=None)[0] / scale
    residual = y - columns @ solution
    spread = float(residual @ residual) / (len(y) - 4)
    b0, bd, bw, bm = (float(b) for b in solution)
    return Har((b0, bd, bw, bm), horizon, log, spread if log else 0.0, low, high)


def _variances(rv: npt.ArrayLike) -> F64:
    x = np.asarray(rv, dtype=np.float64)
    if x.ndim != 1 or np.isinf(x).any() or (x <= 0.0).any():
        raise refuse("rv", f"shape {x.shape}", "variances above zero of shape [T], NaN where missing")
    return x
