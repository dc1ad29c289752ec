"""Variance from ticks, with the bounce between bid and ask taken out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TickVariance:
    """Integrated variance over the whole span of the ticks (squared log return, not annualised).

    `plain` is the sum of all squared returns, which grows with the number of ticks; `two_scale` and `kernel` converge
    to the variance of the price without the noise; `noise` is the variance of the noise on one log price, from their
    difference (zero where prices trend from tick to tick, as those of one large order do: see `merged_ticks`). `ticks`
    counts prices, `scale` is the number of subsamples and `bandwidth` that of the kernel.
    """

    plain: float
    two_scale: float
    kernel: float
    noise: float
    ticks: int
    scale: int
    bandwidth: int


def tick_variance(prices: npt.ArrayLike, *, scale: int | None = None, bandwidth: int | None = None) -> TickVariance:
    """Both estimators on `[n]` prices in order of time; at least 50 of them, all above zero, or `DocumentError`.

    `scale` defaults to the rule of Zhang, Mykland and Ait-Sahalia (2005) and `bandwidth` to that of Barndorff-Nielsen,
    Hansen, Lunde and Shephard (2009), both from the noise and a first variance of the sample itself.
    """
    p = np.asarray(prices, dtype=np.float64)
    if p.ndim != 1 or not (np.isfinite(p).all() and (p > 0.0).all()):
        raise refuse("prices", f"shape {p.shape}", "finite prices above zero of shape [n], in order of time")
    if len(p) < 50:
        raise refuse("prices", f"{len(p)} of them", "at least 50")
    x = np.log(p)
    n = len(x) - 1
    plain = float((np.diff(x) ** 2).sum())
    sparse = _sparse(x, max(2, n // 60))
    # what the rules take for the noise: all of the plain variance, an upper bound, as both sources do
    bound = plain / (2.0 * n)
    k = scale or _scale(bound, sparse, n)
    h = bandwidth if bandwidth is not None else _bandwidth(bound, sparse, n)
    if not 1 < k <= n // 2:
        raise refuse("scale", k, f"2 to {n // 2}, half of the returns")
    if not 0 <= h < n // 2:
        raise refuse("bandwidth", h, f"0 to {n // 2 - 1}, under half of the returns")
    subsampled = two_scale(x, k)
    noise = max(0.0, (plain - subsampled) / (2.0 * n))
    return TickVariance(plain, subsampled, realised_kernel(x, h), noise, len(p), k, h)


def merged_ticks(times: npt.ArrayLike, prices: npt.ArrayLike) -> tuple[npt.NDArray[np.int64], F64]:
    """One price for each instant, the median of those at it: an order that takes several levels is one event.

    `times` `[n]` int64, not falling; `prices` `[n]`. Source: Barndorff-Nielsen et al. (2009), cleaning rule T3.
    """
    stamps, p = np.asarray(times, dtype=np.int64), np.asarray(prices, dtype=np.float64)
    if stamps.shape != p.shape or stamps.ndim != 1 or (np.diff(stamps) < 0).any():
        raise refuse("times", f"shape {stamps.shape}", f"shape {p.shape}, times that do not fall")
    once, starts = np.unique(stamps, return_index=True)
    return once, np.array([float(np.median(part)) for part in np.split(p, starts[1:])])


def two_scale(log_prices: F64, scale: int) -> float:
    """Zhang, Mykland, Ait-Sahalia (2005): the average over `scale` subsamples, less what noise adds to it.

    ```
    ([x]_K - n_K / n [x]_1) / (1 - n_K / n),   n_K = (n - K + 1) / K,   [x]_K = 1/K sum (x_{i+K} - x_i)^2
    ```
    """
    n = len(log_prices) - 1
    average = float(((log_prices[scale:] - log_prices[:-scale]) ** 2).sum()) / scale
    share = (n - scale + 1) / scale / n
    return (average - share * float((np.diff(log_prices) ** 2).sum())) / (1.0 - share)


def realised_kernel(log_prices: F64, bandwidth: int) -> float:
    """Barndorff-Nielsen et al. (2009): autocovariances `|h| <= H` of returns under the Parzen kernel.

    ```
    sum over |h| <= H of k(h / (H + 1)) * gamma_h,   gamma_h = sum_j r_j r_{j-|h|}
    ```
    Not below zero. The first and last two prices are averaged (their jittering), so that noise at the ends dies too.
    """
    x = np.concatenate([[log_prices[:2].mean()], log_prices[2:-2], [log_prices[-2:].mean()]])
    r = np.diff(x)
    total = float(r @ r)
    for h in range(1, bandwidth + 1):
        total += 2.0 * _parzen(h / (bandwidth + 1.0)) * float(r[h:] @ r[:-h])
    return max(0.0, total)


def _parzen(u: float) -> float:
    return 1.0 - 6.0 * u * u + 6.0 * u**3 if u <= 0.5 else 2.0 * (1.0 - u) ** 3 if u <= 1.0 else 0.0


def _sparse(x: F64, step: int) -> float:
    """Subsampled variance at a distance of `step` ticks, in which noise matters little."""
    d = x[step:] - x[:-step]
    return float((d**2).sum()) / step * (len(x) - 1) / (len(x) - step)


def _scale(noise: float, variance: float, n: int) -> int:
    """`K = c n^(2/3)`, `c = (12 noise^2 / variance^2)^(1/3)`, with the square of the variance for the quarticity."""
    c = (12.0 * noise**2 / variance**2) ** (1.0 / 3.0) if variance > 0.0 else 0.0
    return min(max(2, math.ceil(float(c * n ** (2.0 / 3.0)))), n // 2)


def _bandwidth(noise: float, variance: float, n: int) -> int:
    """`H = 3.5134 xi^(4/5) n^(3/5)`, `xi^2 = noise / variance`."""
    xi = math.sqrt(noise / variance) if variance > 0.0 else 0.0
    return min(math.ceil(float(3.5134 * xi**0.8 * n**0.6)), n // 2 - 1)
