"""The probability that a linear position in one coin is called before a horizon, in closed form, and the size that
keeps it.

A position of `f` times its wealth with a margin of `rate` times its notional is called when `1 + f (x - 1) = rate |f|
x` at a price of `x` times today's:

```
long    x = (f - 1) / (f (1 - rate))        for f above 1: at or below it no price calls
short   x = (1 + |f|) / (|f| (1 + rate))
P       = N((-b - n T) / (s sqrt T)) + exp(-2 n b / s^2) N((-b + n T) / (s sqrt T))
```
`b = -ln x > 0` for a long and `n = mu - s^2 / 2` the drift of the log price; a short is the long of the mirrored log
price. Watched all the time, on a log-normal price. Source: first passage of a Brownian motion (Harrison 1985, section
1.8).
"""

from __future__ import annotations

import numpy as np

from plimsoll.documents import refuse
from plimsoll.liquidation.passage.closed import first_passage

LARGEST = 1e6
"""Sizes beyond are not looked at."""


def call_price(size: float, rate: float) -> float | None:
    """The price over today's at which a position of `size` times its wealth is called; `None` where none does."""
    _margin(rate)
    if size > 1.0:
        return (size - 1.0) / (size * (1.0 - rate))
    return None if size >= 0.0 else (1.0 - size) / (-size * (1.0 + rate))


def call_probability(size: float, rate: float, drift: float, sigma: float, years: float) -> float:
    """Probability of a call within `years`; `drift` and `sigma` of the price a year, `rate` the margin's.

    >>> round(call_probability(3.0, 0.05, 0.0, 0.6, 30 / 365), 4)
    0.047
    """
    for name, value in (("drift", drift), ("sigma", sigma), ("years", years)):
        if not np.isfinite(value) or (name != "drift" and not value > 0.0):
            raise refuse(name, value, "a finite number" + ("" if name == "drift" else " above zero"))
    price = call_price(size, rate)
    if price is None:
        return 0.0
    if (price >= 1.0) == (size > 0.0):
        return 1.0  # called today
    return float(first_passage(price, sigma, [years], drift=drift)[0])


def largest_size(most: float, rate: float, drift: float, sigma: float, years: float, side: int = 1) -> float:
    """The largest size on a side (1 long, -1 short), in times of wealth, whose call has a probability of at most
    `most`.

    The probability grows with the size, so it is found by halving, and the answer keeps the limit.
    """
    if not 0.0 < most < 1.0:
        raise refuse("most", most, "a probability above 0 and below 1")
    if side not in (1, -1):
        raise refuse("side", side, "1 for long, -1 for short")
    low, high = 0.0, 1.0
    while high < LARGEST and call_probability(side * high, rate, drift, sigma, years) <= most:
        low, high = high, 2.0 * high
    for _ in range(100):
        middle = 0.5 * (low + high)
        if call_probability(side * middle, rate, drift, sigma, years) <= most:
            low = middle
        else:
            high = middle
    return side * low


def _margin(rate: float) -> None:
    if not 0.0 <= rate < 1.0:
        raise refuse("rate", rate, "a margin of at least zero and below one of the notional")
