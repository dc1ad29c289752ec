"""How to sell: the schedule of Almgren and Chriss, and what it costs under their impact.

Own words after Almgren and Chriss, Optimal Execution of Portfolio Transactions (Journal of Risk, 2000): with a
temporary impact proportional to the rate of trade, a permanent one proportional to the size, and volatility, the
holdings that minimise `E[cost] + lambda V[cost]` are

```
x_k = X sinh(kappa (T - t_k)) / sinh(kappa T)        t_k = k T / N
```

`kappa` is the urgency, in one over the unit of time: zero sells evenly, a large one at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse

F64 = npt.NDArray[np.float64]


def holdings(size: float, horizon: float, slices: int, kappa: float) -> F64:
    """`[slices + 1]` what is still held at the times `k horizon / slices`: `size` first, zero last.

    `kappa = 0` is the limit, a straight line. Raises `DocumentError` for a negative urgency, a horizon that is not
    above zero or fewer than one slice.

    >>> holdings(4.0, 1.0, 4, 0.0).tolist()
    [4.0, 3.0, 2.0, 1.0, 0.0]
    >>> holdings(1.0, 60.0, 3, 0.05).round(4).tolist()
    [1.0, 0.362, 0.1173, 0.0]
    """
    if not (math.isfinite(kappa) and kappa >= 0.0):
        raise refuse("kappa", kappa, "an urgency from zero up, in one over the unit of time")
    if not (math.isfinite(horizon) and horizon > 0.0):
        raise refuse("horizon", horizon, "a time above zero")
    if slices < 1:
        raise refuse("slices", slices, "a number from one up")
    left = 1.0 - np.arange(slices + 1) / slices
    a = kappa * horizon
    if a < 1e-6:
        # sinh(a u) / sinh(a) = u (1 + a^2 (u^2 - 1) / 6 + ...)
        shape = left * (1.0 + a * a * (left * left - 1.0) / 6.0)
    else:
        # sinh(a u) / sinh(a) without the overflow of either
        shape = np.exp(a * (left - 1.0)) * -np.expm1(-2.0 * a * left) / -np.expm1(-2.0 * a)
    found: F64 = size * shape
    return found


def trades(size: float, horizon: float, slices: int, kappa: float) -> F64:
    """`[slices]` what is sold in each slice; they add up to `size`."""
    found: F64 = -np.diff(holdings(size, horizon, slices, kappa))
    return found


@dataclass(frozen=True)
class Impact:
    """Impact linear in size and rate; prices in USD, sizes in coins, times in seconds.

    Selling `n` coins in a slice of `tau` seconds costs `half_spread + temporary n / tau` for each of them and moves the
    price by `permanent n` for good. `sigma` is USD for the root of a second.
    """

    half_spread: float
    temporary: float
    permanent: float
    sigma: float

    def urgency(self, risk_aversion: float, tau: float) -> float:
        """`kappa` of the schedule that minimises `E + risk_aversion V`, from `2 (cosh(kappa tau) - 1) / tau^2`."""
        cleaned = self.temporary - 0.5 * self.permanent * tau
        if not cleaned > 0.0:
            raise refuse(
                "impact.temporary", self.temporary, f"above half of permanent times tau, {0.5 * self.permanent * tau:g}"
            )
        squared = risk_aversion * self.sigma**2 / cleaned
        return math.acosh(1.0 + 0.5 * squared * tau * tau) / tau

    def expected_cost(self, held: F64, tau: float) -> float:
        """USD beside the price at the start: `sum_k permanent n_k x_k + n_k (half_spread + temporary n_k / tau)`.

        A slice does not pay its own permanent impact, only the slices after it do.
        """
        n = -np.diff(held)
        return float(
            (self.permanent * n * held[1:]).sum()
            + (np.abs(n) * self.half_spread).sum()
            + (self.temporary * n * n / tau).sum()
        )

    def variance(self, held: F64, tau: float) -> float:
        """USD squared: `sigma^2 tau sum_k x_k^2` of what is held while the price moves."""
        return float(self.sigma**2 * tau * (held[1:] ** 2).sum())
