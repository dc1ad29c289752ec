"""Delta and vega of one contract in dollars, for the limits of an order; computed when one asks."""

from __future__ import annotations

import numpy as np

from plimsoll.live.prices import HotPrices
from plimsoll.margin.many.positions import F64
from plimsoll.margin.parts.delta import unit_deltas
from plimsoll.pricing.greeks import greeks
from plimsoll.risk import unit_values
from plimsoll.risk.plan import INVERSE
from plimsoll.scenarios import Scenarios, years_of

NOW = Scenarios.build([1.0])


class UnitGreeks:
    """`[N]` USD sensitivities of one contract of every row, kept until the prices change."""

    def __init__(self, prices: HotPrices) -> None:
        self.prices = prices
        self._made: dict[str, tuple[int, F64]] = {}

    def delta(self, underlying: str) -> F64:
        """`[N]` coins of delta times the index, zero outside the underlying."""
        return self._only(self._kept("delta"), underlying)

    def vega(self, underlying: str) -> F64:
        """`[N]` USD for one volatility point more, zero outside the underlying."""
        return self._only(self._kept("vega"), underlying)

    def value(self) -> F64:
        """`[N]` USD worth of one option or coin, zero for futures and perpetuals."""
        return self._kept("value")

    def _only(self, rows: F64, underlying: str) -> F64:
        known = self.prices.universe.underlyings
        number = known.index(underlying) if underlying in known else -1
        return np.where(self.prices.universe.underlying == number, rows, 0.0)

    def _kept(self, name: str) -> F64:
        made = self._made.get(name)
        if made is None or made[0] != self.prices.version:
            rows = {"delta": self._delta, "vega": self._vega, "value": self._value}[name]()
            made = (self.prices.version, np.where(self.prices.universe.taken, np.nan_to_num(rows), 0.0))
            self._made[name] = made
        return made[1]

    def _delta(self) -> F64:
        plan = self.prices.plan
        result: F64 = unit_deltas(plan, np.ones(len(plan))) * plan.spot
        return result

    def _value(self) -> F64:
        result: F64 = unit_values(self.prices.plan, NOW, "usd")[:, 0]
        return result

    def _vega(self) -> F64:
        plan = self.prices.plan
        found = np.zeros(len(plan))
        rows = np.array([i for i in plan.options.tolist() if i not in plan.failures], dtype=np.int64)
        if rows.size:
            group = plan.group[rows]
            forward = plan.forward[group]
            own = greeks(forward, plan.strike[rows], years_of(plan.seconds[group]), plan.vol[rows], plan.call[rows])
            coins = np.divide(own.vega, forward, out=np.zeros(rows.size), where=forward > 0.0)
            each = np.where(plan.style[rows] == INVERSE, coins, own.vega)
            found[rows] = 0.01 * each * plan.multiplier[rows] * plan.settle[rows]
        return found
