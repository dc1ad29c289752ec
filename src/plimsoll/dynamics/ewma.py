"""Exponentially weighted variance: what was known of it before each return."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse

F64 = npt.NDArray[np.float64]

Seed = Literal["bias-corrected", "first"] | float


def ewma_variance(returns: npt.ArrayLike, lam: float, *, seed: Seed = "bias-corrected") -> F64:
    """Variance known *before* each return, and the forecast after the last one.

    `returns`: `[T]` or `[T, N]`, a return per period; `lam` in (0, 1). Result `[T+1]` or `[T+1, N]` in squared return
    units per period: row `t` follows from returns `0 .. t-1` only, row `T` is the forecast.

    ```
    raw_0 = 0,  raw_t = lam * raw_{t-1} + (1 - lam) * r_{t-1}^2
    "bias-corrected"   v_t = raw_t / (1 - lam^n), n the returns seen; NaN while there are none
    a number s         raw_0 = s, v = raw: the variance before the first return
    "first"            as the number r_0^2, but NaN before the first return, which cannot know itself
    ```

    A recursion that starts at zero is low by the factor `1 - lam^n`, whatever the returns; dividing by it makes the
    weights sum to one. A missing return (NaN) changes nothing: the variance stays and `n` does not grow. Computed by
    `scipy.signal.lfilter`, whose operations are those of the loop above, in its order. Raises `DocumentError` for a
    `lam` outside (0, 1), a negative seed, an infinite return or another shape. Source: institutional-models 4.

    >>> ewma_variance([0.02, 0.02, 0.02], 0.94).round(12).tolist()
    [nan, 0.0004, 0.0004, 0.0004]
    """
    from scipy.signal import lfilter

    r = np.asarray(returns, dtype=np.float64)
    if r.ndim not in (1, 2):
        raise refuse("returns", f"shape {r.shape}", "shape [T] or [T, N]")
    if np.isinf(r).any():
        raise refuse("returns", "infinity", "finite numbers, NaN where missing")
    if not 0.0 < lam < 1.0:
        raise refuse("lam", lam, "a number between zero and one, neither included")
    if isinstance(seed, str):
        if seed not in ("bias-corrected", "first"):
            raise refuse("seed", seed, "bias-corrected, first, or a variance of at least zero")
    elif not (np.isfinite(seed) and seed >= 0.0):
        raise refuse("seed", seed, "bias-corrected, first, or a variance of at least zero")
    table = r[:, None] if r.ndim == 1 else r
    result = np.empty((len(table) + 1, table.shape[1]))
    for j in range(table.shape[1]):
        present = ~np.isnan(table[:, j])
        squares = table[present, j] ** 2
        start = squares[0] if seed == "first" and squares.size else 0.0 if isinstance(seed, str) else float(seed)
        known = np.empty(len(squares) + 1)
        known[0] = np.nan if isinstance(seed, str) else start
        if squares.size:
            known[1:] = lfilter([1.0 - lam], [1.0, -lam], squares, zi=[lam * start])[0]
        if seed == "bias-corrected":
            known[1:] /= -np.expm1(np.arange(1, len(known)) * np.log(lam))
        seen = np.concatenate([[0], np.cumsum(present)])
        result[:, j] = known[seen]
    return result[:, 0] if r.ndim == 1 else result


def ewma_weights(count: int, lam: float) -> F64:
    """`[count]` weights of past returns, oldest first, that sum to one: `lam^(count-1-i)` over their sum."""
    if count < 1:
        raise refuse("count", count, "a whole number of at least one")
    if not 0.0 < lam < 1.0:
        raise refuse("lam", lam, "a number between zero and one, neither included")
    powers = lam ** np.arange(count - 1, -1, -1, dtype=np.float64)
    result: F64 = powers / powers.sum()
    return result
