"""The forecasts that a learned one has to beat: exponential weights, GJR and HAR."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DocumentError, refuse
from plimsoll.dynamics.ewma import ewma_variance
from plimsoll.dynamics.garch import garch_forecast
from plimsoll.dynamics.har import fit_har, forward_mean

F64 = npt.NDArray[np.float64]

Baseline = Literal["ewma", "garch", "har", "har-log"]
BASELINES: tuple[Baseline, ...] = ("ewma", "garch", "har", "har-log")


def baseline_variance(
    kind: Baseline, returns: npt.ArrayLike, rv: npt.ArrayLike, train: int, horizon: int, *, lam: float = 0.94
) -> F64:
    """`[T]` forecasts, each known at the end of day `t`, of the mean variance of the next `horizon` days.

    `returns` and `rv`: `[T]`, those of day `t`. Parameters come from the first `train` days alone, as does the factor
    that makes the mean forecast equal to the mean realised variance over them: exponential weights and GJR speak of
    returns, the target of ranges, and none of them is to lose for that. Where HAR has too few days to be fitted, and
    where the range of a day is missing, the forecast is that of the exponential weights; GJR falls back by itself.
    """
    r, v = np.asarray(returns, dtype=np.float64), np.asarray(rv, dtype=np.float64)
    if not 0 < train <= len(r):
        raise refuse("train", train, f"1 to {len(r)}")
    flat = ewma_variance(np.sqrt(v), lam)[1:]
    if kind == "ewma":
        forecast = flat
    elif kind == "garch":
        fitted = garch_forecast(r[:train])
        if fitted.model is None:
            forecast = flat
        else:
            forecast = fitted.model.horizon(fitted.model.variance(r)[1:], horizon) / horizon
    else:
        try:
            forecast = fit_har(v[:train], horizon=horizon, log=kind == "har-log").forecast(v)[1:]
        except DocumentError:
            forecast = flat
        forecast = np.where(np.isnan(forecast), flat, forecast)
    target = forward_mean(v[:train], horizon)
    both = np.isfinite(target) & np.isfinite(forecast[:train])
    scale = float(target[both].mean() / forecast[:train][both].mean()) if both.sum() >= 60 else 1.0
    result: F64 = scale * forecast
    return result
