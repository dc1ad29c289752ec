"""How likely an account is called before a horizon: equity against re-computed maintenance margin on every path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from plimsoll.documents import refuse
from plimsoll.liquidation.passage.estimate import Estimate, chance_of
from plimsoll.liquidation.passage.stand import Ground
from plimsoll.margin import Account, MarginModel
from plimsoll.margin.path import States
from plimsoll.market import Market
from plimsoll.risk.plan import F64
from plimsoll.scenarios.moves import BASIS, IV, IvLaw
from plimsoll.scenarios.paths import JointPaths

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Course:
    """An account on paths: `missing[P]`, the largest of maintenance margin less equity over the instants of a path in
    `currency` (of the weakest pool), below zero where it was never called and infinite where the rules have no number.
    """

    missing: F64
    currency: str
    paths: JointPaths
    notes: tuple[str, ...]

    def chance(self, more: float = 0.0) -> Estimate:
        """The probability of a call with `more` of the currency as further equity."""
        return chance_of(self.missing > more, self.paths)

    def enough(self, most: float) -> float:
        """The least further equity in the currency, counted at par, with which the upper limit is at most `most`; below
        zero where there is too much, infinite where the rules have no number on too many paths.
        """
        levels = np.sort(self.missing)
        low, high = -1, levels.size - 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.chance(float(levels[middle])).at_most <= most else (middle, high)
        return float(levels[high])


@dataclass(frozen=True, eq=False)
class Watch:
    """What accounts are watched against: a model in a market on paths, and a change of rules on the way.

    From `change[0]` days on the model is `change[1]`. Equity and margin are looked at now and at each instant of the
    paths, with options aged, what has expired paid out and funding at today's rates paid; between instants nobody
    looks. `iv` is the law of implied volatilities where sizes are chosen on paths without them.
    """

    market: Market
    model: MarginModel
    paths: JointPaths
    change: tuple[float, MarginModel] | None = None
    iv: IvLaw = field(default_factory=IvLaw)

    def __post_init__(self) -> None:
        if self.change is not None and not 0.0 <= self.change[0] < 400.0:
            raise refuse("change", self.change[0], "days from now, from 0 to 400")

    def model_at(self, days: float) -> MarginModel:
        """The model that holds so many days from now."""
        return self.change[1] if self.change is not None and days >= self.change[0] else self.model

    def course(self, account: Account, progress: Tell | None = None) -> Course:
        """The account on every path, as `plimsoll.liquidation.passage` finds it. Raises what the model raises, and
        names an underlying that the paths have not.
        """
        models = (self.model,) if self.change is None else (self.model, self.change[1])
        grounds = {id(m): Ground(m, account, self.market, self.paths) for m in models}
        every = np.arange(self.paths.weight.size)
        missing = np.full(every.size, -np.inf)
        times = [0.0, *self.paths.days.tolist()]
        for k, days in enumerate(times):
            if progress is not None:
                progress(f"day {days:.3g}", k, len(times))
            ground = grounds[id(self.model_at(days))]
            for pool in (ground.today() if k == 0 else ground.at(k - 1, every)).values():
                missing = np.maximum(missing, np.where(np.isfinite(pool.excess), -pool.excess, np.inf))
        now = self.model.requirement(account, self.market)
        refused = sum(g.refused for g in grounds.values())
        notes = [f"{refused} states that the rules refuse count as a call"] if refused else []
        optional = grounds[id(self.model)].optional
        notes += [f"implied volatility of {u} stands still" for u in optional if u + IV not in self.paths.names]
        return Course(missing, now.currency, self.paths, tuple(notes))

    def states(self, k: int, underlyings: tuple[str, ...]) -> States:
        """The states of all paths at instant `k`."""
        names, at = self.paths.names, self.paths.multiplier[k]
        spot = {n: at[i] for i, n in enumerate(names) if not n.endswith((IV, BASIS))}
        lead = underlyings[0] if underlyings else None
        vol = np.ones(self.paths.weight.size)
        if lead is not None and lead + IV in names:
            vol = at[names.index(lead + IV)]
        elif lead is not None:
            vol = np.exp(self.iv.log_moves(np.log(spot[lead]), float(self.paths.days[k]), 0))
        return States(spot, vol)
