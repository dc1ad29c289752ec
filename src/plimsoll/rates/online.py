"""The governor while time goes on: one look at a time, the same rates as `govern` gives for the whole series."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.rates.governor import Change, GovernorRule, Walk, wanted_rates

F64 = npt.NDArray[np.float64]


class OnlineGovernor:
    """`publish` at each instant gives the rate in force then and the last one announced; at most `most` instants.

    >>> day = 86_400_000_000_000
    >>> governor = OnlineGovernor(GovernorRule(buffer=0.0, stress_weight=0.0, step=0.0, emergency=None), 3)
    >>> [tuple(round(r, 4) for r in governor.publish(n * day, raw)) for n, raw in enumerate([0.1, 0.2, 0.2])]
    [(0.1, 0.1), (0.1, 0.125), (0.125, 0.1562)]
    """

    def __init__(self, rule: GovernorRule, most: int) -> None:
        if most < 1:
            raise refuse("most", most, "at least one instant")
        self.rule, self.count, self.sum, self.worst = rule, 0, 0.0, 0.0
        raw, floor, blended, buffered, wanted, urged = (np.zeros(most) for _ in range(6))
        self.walk = Walk(rule, np.zeros(most, dtype=np.int64), raw, floor, blended, buffered, wanted, urged, {})

    def publish(self, time: int, raw: float, *, floor: float = 0.0, urged: float = 0.0) -> tuple[float, float]:
        """At `time` (ns, after the one before) a `raw` rate above zero, its `floor`, and what is `urged` at once.

        Stressed rate and stress index are those that `govern` uses where none are given. Raises `DocumentError` for
        numbers that are no rates, times that do not rise, or more instants than `most`.
        """
        walk, k = self.walk, self.count
        if k >= walk.times.size:
            raise refuse("time", time, f"one of at most {walk.times.size} instants")
        if k and time <= int(walk.times[k - 1]):
            raise refuse("time", time, f"after {int(walk.times[k - 1])}")
        if not (np.isfinite(raw) and raw > 0.0):
            raise refuse("raw", raw, "a rate above zero")
        for name, value in (("floor", floor), ("urged", urged)):
            if not (np.isfinite(value) and value >= 0.0):
                raise refuse(name, value, "a number of at least zero")
        self.sum, self.worst, self.count = self.sum + raw, max(self.worst, raw), k + 1
        walk.times[k], walk.raw[k], walk.floor[k], walk.urged[k] = time, raw, floor, urged
        rows = (np.array([x]) for x in (raw, floor, self.worst, raw / (self.sum / (k + 1))))
        one, two, three = wanted_rates(self.rule, *rows)
        walk.blended[k], walk.buffered[k], walk.wanted[k] = one[0], two[0], three[0]
        return walk.advance(k)

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every announcement so far."""
        return tuple(self.walk.changes)
