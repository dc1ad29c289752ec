"""What filtered history asks for at each step, from the marks alone, one step at a time.

The rule is `plimsoll.rates.raw`: overlapping moves of the margin period scaled by EWMA volatilities. `tests/control`
holds the two together on the same prices.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.control.terms import Bounds
from plimsoll.rates.windows import Measure

F64 = npt.NDArray[np.float64]


class Coverage:
    """The tail of a growing series of prices; `rate` after each `add`.

    `sigma` is the EWMA volatility of a step after the last price (bias-corrected), `slow` that of the whole window.
    """

    def __init__(self, bounds: Bounds, step_hours: float, past: F64, room: int) -> None:
        self.bounds = bounds
        self.bars = max(1, int(np.ceil(bounds.hours / step_hours - 1e-9)))
        self.measure = Measure("var", bounds.level, bounds.scaled)
        self.logs = np.empty(past.size + room)
        self.sigma_at = np.full(past.size + room, np.nan)
        self.count, self._raw, self._left = 0, 0.0, 1.0
        self._looked, self._slow, self._rate = -1, 0.0, 0.0
        self._places: dict[int, int] = {}
        for price in past.tolist():
            self.add(price)

    def add(self, price: float) -> None:
        """One more price, above zero."""
        n = self.count
        self.logs[n] = np.log(price)
        if n:
            decay = self.bounds.decay
            r = float(self.logs[n] - self.logs[n - 1])
            self._raw = decay * self._raw + (1.0 - decay) * r * r
            self._left *= decay
            self.sigma_at[n] = np.sqrt(max(self._raw / (1.0 - self._left), np.finfo(np.float64).tiny))
        self.count = n + 1

    @property
    def sigma(self) -> float:
        """Volatility of the next step."""
        return float(self.sigma_at[self.count - 1])

    @property
    def slow(self) -> float:
        """Root mean square of the window's returns."""
        self._look()
        return self._slow

    @property
    def rate(self) -> float:
        """The larger side's quantile of the loss over the margin period, a fraction of the notional."""
        self._look()
        return self._rate

    def _look(self) -> None:
        """Both measures of the window, once for each price."""
        h, n, most = self.bars, self.count, self.bounds.scaled
        if self._looked == n:
            return
        logs = self.logs
        r = logs[max(1, n - self.bounds.window) : n] - logs[max(0, n - 1 - self.bounds.window) : n - 1]
        self._slow = float(np.sqrt(r @ r / r.size))
        first = max(1, n - h - self.bounds.window)
        factor = np.minimum(np.maximum(self.sigma / self.sigma_at[first : n - h], 1.0 / most), most)
        moves = (logs[first + h : n] - logs[first : n - h]) * factor
        if moves.size not in self._places:
            self._places[moves.size] = int(self.measure.places(np.array([moves.size]))[0])
        k = self._places[moves.size]
        moves.partition((k - 1, moves.size - k))
        self._rate = max(0.0, -float(np.expm1(moves[k - 1])), float(np.expm1(moves[-k])))
        self._looked = n
