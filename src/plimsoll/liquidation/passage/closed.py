"""The probability of a first passage in closed form: one log-normal price and one line.

Source: Harrison (1985), "Brownian Motion and Stochastic Flow Systems", the reflection principle with drift.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse

F64 = npt.NDArray[np.float64]


def first_passage(line: float, sigma: float, days: npt.ArrayLike, *, drift: float = 0.0) -> F64:
    """`[K]` probabilities that a price reaches `line` times itself within `days[K]`.

    The price follows `dS / S = drift dt + sigma dW`, both a day (a daily standard deviation of 0.03 is 3 %); `line` is
    a multiplier above zero, below one for a fall. With `b = |ln(line)|` and `v` the drift of the log price away from
    the line,

    ```
    p(t) = N((-b - v t) / (sigma sqrt(t))) + e^(-2 v b / sigma^2) N((-b + v t) / (sigma sqrt(t)))
    ```

    where `v = drift - sigma^2 / 2` for a line below and its negative for one above. A line at one is reached at once.
    Raises `DocumentError` naming the argument.

    >>> first_passage(0.9, 0.03, [1.0, 10.0]).round(6).tolist()
    [0.000469, 0.280994]
    """
    from scipy.special import log_ndtr, ndtr

    t = np.asarray(days, dtype=np.float64)
    if not (np.isfinite(line) and line > 0.0):
        raise refuse("line", line, "a multiplier of the price above zero")
    if not (np.isfinite(sigma) and sigma >= 0.0):
        raise refuse("sigma", sigma, "a daily standard deviation of at least zero")
    if not np.isfinite(drift):
        raise refuse("drift", drift, "a finite number a day")
    if not (np.isfinite(t) & (t >= 0.0)).all():
        raise refuse("days", t.tolist(), "numbers of days of at least zero")
    b = abs(float(np.log(line)))
    away = (1.0 if line < 1.0 else -1.0) * (drift - 0.5 * sigma**2)
    if b == 0.0:
        return np.ones(t.shape)
    if sigma == 0.0:
        return np.where(-away * t >= b, 1.0, 0.0)
    root = sigma * np.sqrt(np.maximum(t, 1e-300))
    # the exponential can be large where the other factor is small: their product goes through logarithms
    reflected = np.exp(-2.0 * away * b / sigma**2 + log_ndtr((-b + away * t) / root))
    found: F64 = np.where(t > 0.0, np.minimum(ndtr((-b - away * t) / root) + reflected, 1.0), 0.0)
    return found


def bridge(start: F64, end: F64, variance: float) -> F64:
    """`[P]` probabilities that a Brownian bridge meets zero between two heights above it: `e^(-2 a b / variance)`.

    `start[P]` and `end[P]` are log distances to the line, positive on the safe side; one at or below zero has met it.
    The line may move between the instants as long as it is linear in the logarithm: exact in law all the same.

    >>> bridge(np.array([0.1, 0.1]), np.array([0.1, -0.01]), 0.01).round(6).tolist()
    [0.135335, 1.0]
    """
    if not variance > 0.0:
        raise refuse("variance", variance, "a number above zero")
    found: F64 = np.exp(-2.0 * np.maximum(start, 0.0) * np.maximum(end, 0.0) / variance)
    return found
