"""Forecasts of the models in the published tables that need nothing but the returns themselves.

Forecasts here have the publisher's sign: `quantile` is the return that should be undercut on `level` of the days, so
it is negative; `mean` and `std` are those of the return. The forecast for a day uses the `window` returns before it,
or all of them for EWMA.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import genpareto, norm
from scipy.stats import t as student

from plimsoll.documents import DocumentError, Problem
from plimsoll.validate.result import F64

WINDOW = 250
DECAY = 0.94
PERCENT = 100.0

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Forecast:
    """Quantiles by level, mean and standard deviation of each day's return, each of shape (days,), and how many fits
    of a day did not converge (its forecast is then the publisher's fallback)."""

    quantile: dict[float, F64]
    mean: F64
    std: F64
    failed: int = 0


def historical(returns: F64, levels: list[float], window: int = WINDOW) -> Forecast:
    """The linear quantile of the window, with its mean and (population) standard deviation."""
    before = np.lib.stride_tricks.sliding_window_view(returns, window)[:-1]
    rows = np.quantile(before, levels, axis=1)
    return Forecast(dict(zip(levels, rows, strict=True)), before.mean(axis=1), before.std(axis=1))


def ewma(returns: F64, levels: list[float], window: int = WINDOW, decay: float = DECAY) -> Forecast:
    """Normal quantiles of the exponentially weighted variance, begun with the first squared return; mean zero."""
    variance = np.empty(returns.size + 1)
    variance[0] = returns[0] ** 2
    for t, r in enumerate(returns):
        variance[t + 1] = decay * variance[t] + (1 - decay) * r * r
    std = np.sqrt(variance[window:-1])
    return Forecast({p: std * norm.ppf(p) for p in levels}, np.zeros_like(std), std)


def garch(
    returns: F64,
    levels: list[float],
    window: int = WINDOW,
    *,
    asymmetric: bool = False,
    progress: Progress | None = None,
) -> Forecast:
    """GARCH(1,1) without mean, normal likelihood, fitted anew to every window, and normal quantiles of its forecast.

    `asymmetric` fits GJR-GARCH(1,1,1) with a skewed t likelihood and takes the quantiles of a t with five degrees
    *not* scaled to unit variance, as the published figures do: their ratios are those of that t to ten digits.
    """
    days = returns.size - window
    std, failed = np.empty(days), 0
    for i in range(days):
        found = _fitted(returns[i : i + window], asymmetric)
        if found is None:
            failed += 1
            std[i] = returns[i : i + window].std(ddof=1)
        else:
            std[i] = found[0]
        if progress is not None and i % 25 == 0:
            progress("GJR-GARCH" if asymmetric else "GARCH", i, days)
    law = student(5) if asymmetric else norm
    return Forecast({p: std * law.ppf(p) for p in levels}, np.zeros_like(std), std, failed)


def _fitted(window: F64, asymmetric: bool = False) -> tuple[float, F64] | None:
    """Volatility of the next day and the standardised residuals of the window; `None` where there is no fit."""
    import warnings

    model = _arch()
    settings: dict[str, Any] = {"o": 1, "dist": "skewt"} if asymmetric else {"dist": "normal"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of convergence: what comes out is checked below
        try:
            result = model(window * PERCENT, mean="Zero", vol="GARCH", p=1, q=1, rescale=False, **settings).fit(
                disp="off", show_warning=False
            )
            variance = float(np.asarray(result.forecast(horizon=1, reindex=False).variance)[-1, 0])
        except (ValueError, np.linalg.LinAlgError):
            return None
    inside = np.asarray(result.conditional_volatility, dtype=np.float64) / PERCENT
    if not (variance > 0 and np.isfinite(variance) and (inside > 0).all()):
        return None
    return float(np.sqrt(variance)) / PERCENT, window / inside


def _arch() -> Callable[..., Any]:
    """`arch_model`, with a refusal that names the extra where it is absent."""
    try:
        from arch import arch_model
    except ImportError:
        allowed = "the library arch: install plimsoll-margin with its extra [history]"
        raise DocumentError(Problem("arch", "no such module", allowed)) from None
    builder: Callable[..., Any] = arch_model
    return builder


@dataclass(frozen=True, eq=False)
class Tail:
    """VaR at one level by peaks over a threshold and by filtered history, positive, each of shape (days,); how many
    days had no usable volatility fit or tail fit."""

    pot: F64
    filtered: F64
    unfitted: int
    untailed: int


def tail(
    returns: F64,
    start: int,
    level: float,
    *,
    fit: bool,
    peaks: bool = True,
    window: int = WINDOW,
    progress: Progress | None = None,
) -> Tail:
    """Peaks over the 95 % loss of the window's residuals, and their plain quantile, times the day's volatility.

    Residuals are those of GARCH(1,1) where `fit`, else the window over one exponentially weighted volatility: then
    filtered history is plain history. A generalised Pareto with a shape beyond one half either way, or fewer than ten
    peaks, falls back on the quantile; without `peaks` no tail is fitted at all.
    """
    weights = (1 - DECAY) * DECAY ** np.arange(window - 1, -1, -1)
    weights /= weights.sum()
    days = returns.size - start
    pot, filtered = np.empty(days), np.empty(days)
    unfitted = untailed = 0
    for i in range(days):
        before = returns[start + i - window : start + i]
        found = _fitted(before) if fit else None
        if found is None:
            unfitted += 1
            sigma = float(np.sqrt((weights * before * before).sum()))
            residuals = before / sigma
        else:
            sigma, residuals = found
        filtered[i] = -sigma * np.quantile(residuals, level)
        peak = _peaks(-residuals, level) if peaks else None
        value = None if peak is None else sigma * peak
        if value is None or not 0 < value <= 1:
            untailed += 1
            value = filtered[i]
        pot[i] = value
        if progress is not None and i % 25 == 0:
            progress("peaks over threshold", i, days)
    return Tail(pot, filtered, unfitted, untailed)


def _peaks(losses: npt.NDArray[np.float64], level: float) -> float | None:
    """The quantile of the losses by McNeil and Frey's formula; `None` where the tail cannot be fitted."""
    threshold = float(np.quantile(losses, 0.95))
    excess = losses[losses > threshold] - threshold
    if excess.size < 10:
        return None
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        shape, _, scale = genpareto.fit(excess, floc=0)
    if not (-0.5 <= shape <= 0.5 and scale > 0):
        return None
    return threshold + float(scale / shape * ((losses.size / excess.size * level) ** -shape - 1))
