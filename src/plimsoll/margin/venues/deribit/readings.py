"""Portfolio margin under every reading of the rule, and the one that is charged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import numpy.typing as npt

from plimsoll.margin.venues.deribit.grid import DAY_READINGS, FLOOR_READINGS, Grid, grid_of
from plimsoll.margin.venues.deribit.matrix import Matrix, aggregate, dampers, summed_up
from plimsoll.margin.venues.deribit.pm_parameters import CurrencyParameters, PairParameters, PmParameters
from plimsoll.margin.venues.deribit.shocks import DELTA_READINGS, Roll, delta_shock, roll_shock
from plimsoll.margin.venues.deribit.vectors import FAR_READINGS, Holding, unit_vectors

F64 = npt.NDArray[np.float64]

ROW_READINGS = ("row_of_usd", "row_of_coin")
"""Which row of the currency table a linear contract answers to: that of USD, or that of its coin."""

AXES = {
    "floor": FLOOR_READINGS,
    "days": DAY_READINGS,
    "far": FAR_READINGS,
    "delta": DELTA_READINGS,
    "row": ROW_READINGS,
}
"""Questions that the sources leave open, each with its answers; the first is the one that is printed or plainest."""

WORDS = {
    "floor_after": "least volatility after the upward shock",
    "floor_before": "least volatility before the upward shock",
    "days_from_one": "days to expiry with fractions, at least one",
    "days_whole": "whole days to expiry, at least one",
    "days_fraction": "days to expiry with fractions, without a floor",
    "far_in_coin": "far moves valued in coin",
    "far_in_usd": "far moves valued in USD",
    "delta_shock_m_inc": "delta shock at m_inc for each coin",
    "delta_shock_cent": "delta shock at 0.01 for each coin",
    "row_of_usd": "the USD row for linear contracts",
    "row_of_coin": "the row of the coin for linear contracts",
}


@dataclass(frozen=True)
class Reading:
    """One answer to each open question."""

    floor: str = FLOOR_READINGS[0]
    days: str = DAY_READINGS[0]
    far: str = FAR_READINGS[0]
    delta: str = DELTA_READINGS[0]
    row: str = ROW_READINGS[0]


@dataclass(frozen=True, eq=False)
class Side:
    """One underlying under one reading: its matrix, shocks and what they follow from; settlement currency."""

    holding: Holding
    pair: PairParameters
    row: CurrencyParameters
    grid: Grid
    units: F64
    damper: F64
    matrix: Matrix
    roll: Roll
    delta_shock: float


@dataclass(frozen=True, eq=False)
class Evaluation:
    """All underlyings under one reading. Underlyings are added: gains of one pay for losses of no other."""

    reading: Reading
    sides: tuple[Side, ...]

    @property
    def worst(self) -> float:
        """Sum of the worst cases."""
        return sum(s.matrix.worst for s in self.sides)

    @property
    def roll(self) -> float:
        """Sum of the roll shocks."""
        return sum(s.roll.amount for s in self.sides)

    @property
    def delta(self) -> float:
        """Sum of the delta shocks."""
        return sum(s.delta_shock for s in self.sides)

    @property
    def total(self) -> float:
        """Worst cases and shocks, unrounded."""
        return self.worst + self.roll + self.delta

    @property
    def together(self) -> float:
        """The total if the underlyings moved together, scenario by scenario, gains counted after their offset."""
        if not self.sides:
            return 0.0
        joint = np.sum([s.matrix.vector for s in self.sides], axis=0)
        return max(0.0, -float(joint.min())) + self.roll + self.delta


class Readings:
    """The account under each combination of the answers that can make a difference to it."""

    def __init__(self, p: PmParameters, holdings: tuple[Holding, ...]) -> None:
        self._p, self._holdings = p, holdings
        self._units: dict[tuple[str, str, str, str], F64] = {}
        self.axes = self._open_axes()
        names = list(self.axes)
        choices = [Reading(**dict(zip(names, answer, strict=True))) for answer in product(*self.axes.values())]
        self.all = tuple(self._evaluate(reading) for reading in choices)
        # max keeps the first of equals, and the first answers come first
        self.charged = max(self.all, key=lambda e: e.total)

    def _open_axes(self) -> dict[str, tuple[str, ...]]:
        axes: dict[str, tuple[str, ...]] = {}
        if any(h.option.any() for h in self._holdings):
            axes |= {"floor": AXES["floor"], "days": AXES["days"]}
            if any(h.inverse and h.option.any() for h in self._holdings):
                axes["far"] = AXES["far"]
        if any(delta_shock(h, self._p.pairs[h.underlying], name) > 0 for h in self._holdings for name in AXES["delta"]):
            axes["delta"] = AXES["delta"]
        if any(not h.inverse for h in self._holdings):
            axes["row"] = AXES["row"]
        return axes

    def _evaluate(self, reading: Reading) -> Evaluation:
        sides = []
        for h in self._holdings:
            pair = self._p.pairs[h.underlying]
            row = self._p.currencies["USD" if not h.inverse and reading.row == "row_of_usd" else h.underlying]
            grid = grid_of(pair.price_range, self._p.buckets_count, self._p.extended_moves)
            key = (h.underlying, reading.floor, reading.days, reading.far)
            if key not in self._units:
                self._units[key] = unit_vectors(h, pair, grid, reading.floor, reading.days, reading.far)
            units = self._units[key]
            damper = dampers(h, pair, row, grid)
            matrix = aggregate(summed_up(h, units), damper, row, grid, h.index if h.inverse else 1.0)
            shock = delta_shock(h, pair, reading.delta)
            sides.append(Side(h, pair, row, grid, units, damper, matrix, roll_shock(h, row), shock))
        return Evaluation(reading, tuple(sides))

    def amounts(self) -> dict[str, float]:
        """Totals by answer, the other questions answered as charged; `least` and `most` over all combinations."""
        if not self.axes:
            return {}
        totals = {e.reading: e.total for e in self.all}
        found = {
            answer: totals[replace(self.charged.reading, **{axis: answer})]
            for axis, answers in self.axes.items()
            for answer in answers
        }
        return {**found, "least": min(totals.values()), "most": max(totals.values())}

    def binding(self) -> tuple[str, ...]:
        """Answers that are charged where another one would have cost less, in words."""
        amounts = self.amounts()
        return tuple(
            WORDS[getattr(self.charged.reading, axis)]
            for axis, answers in self.axes.items()
            if min(amounts[a] for a in answers) < amounts[getattr(self.charged.reading, axis)] * (1.0 - 1e-12)
        )
