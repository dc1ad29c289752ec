"""From what a policy asks to the rate in force: nothing that breaks floor, cap, speed or coverage gets through.

```
needed     min(cap, max(floor, coverage))
asked      clip(last asked * exp(step * clip(action, -1, 1)), needed, cap)
in force   OnlineGovernor(raw = asked, floor = needed, urged = asked)
```

A rise is what is urged: in force at once. A fall is what the governor lets through: at most `down_per_day` of what it
was, announced, and in force `notice_hours` later. An action that is no number counts as zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isfinite, log1p

from plimsoll.control.terms import Bounds
from plimsoll.rates.online import OnlineGovernor

HOUR_NS = 3_600_000_000_000


@dataclass(frozen=True)
class Posted:
    """One look: at `time` (ns), `needed` by coverage and floor, `asked` by the policy, the rate `in_force` and the one
    last `announced`, fractions of the notional."""

    time: int
    needed: float
    asked: float
    in_force: float
    announced: float


class Projection:
    """Rates of one episode of at most `most` looks, `step_hours` apart."""

    def __init__(self, bounds: Bounds, step_hours: float, most: int) -> None:
        self.bounds = bounds
        self.step_ns = round(step_hours * HOUR_NS)
        self.governor = OnlineGovernor(bounds.governor, most)
        self.posted: list[Posted] = []

    def post(self, action: float, coverage: float) -> Posted:
        """The next look: the policy's `action` and what history asks for then."""
        cap = self.bounds.governor.cap
        needed = min(cap, max(self.bounds.floor, coverage))
        step = max(-1.0, min(1.0, action)) if isfinite(action) else 0.0
        last = self.posted[-1].asked if self.posted else needed
        asked = min(cap, max(needed, last * exp(self.bounds.step * step)))
        time = len(self.posted) * self.step_ns
        rate, announced = self.governor.publish(time, asked, floor=needed, urged=asked)
        self.posted.append(Posted(time, needed, asked, rate, announced))
        return self.posted[-1]


def violations(bounds: Bounds, posted: Sequence[Posted]) -> list[str]:
    """Every breach of a bound in an episode, in words; none is what is promised.

    Written against the words above and not against the code: it looks at rates alone. *Rise*: no rate in force rises
    above what the policy's step and the needed rate allow, but for one step of the grid. *Fall*: no rate is announced
    below `down_per_day`, compounded, of any that was announced before, but for the grid and `least_change`, within
    which a fall waits; and where the rate in force falls, so low a rate had been announced `notice_hours` before, and
    since it last rose.
    """
    g, tiny = bounds.governor, 1e-9
    down = -log1p(-(g.down_per_day or 0.0))
    notice = round(g.notice_hours * HOUR_NS)
    least, rose, found = 0.0, 0, []
    for k, p in enumerate(posted):
        at, days = f"step {k}", p.time / (24.0 * HOUR_NS)
        if p.in_force > g.cap + tiny:
            found.append(f"{at}: {p.in_force} above the cap {g.cap}")
        if p.in_force < bounds.floor - tiny:
            found.append(f"{at}: {p.in_force} below the floor {bounds.floor}")
        if p.in_force < p.needed - tiny:
            found.append(f"{at}: {p.in_force} below the coverage {p.needed}")
        if p.announced * exp(down * days) < least - tiny:
            found.append(f"{at}: announced {p.announced}, a fall too fast")
        least = max(least, (p.announced * (1.0 - g.least_change) - g.step) * exp(down * days))
        if k == 0:
            continue
        before = posted[k - 1]
        most = max(before.in_force, before.announced, p.needed, before.asked * exp(bounds.step)) + g.step
        if p.in_force > most + tiny:
            found.append(f"{at}: rises from {before.in_force} to {p.in_force}, above {most}")
        if p.in_force < before.in_force - tiny:
            told = (q.announced for q in posted[rose:k] if q.time + notice <= p.time)
            if min(told, default=1.0) > p.in_force + tiny:
                found.append(f"{at}: falls to {p.in_force} without notice")
        if p.in_force > before.in_force + tiny:
            rose = k
    return found
