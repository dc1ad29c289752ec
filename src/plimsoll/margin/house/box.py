"""The worst point of a quadratic over a box of spot moves and volatility moves, exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.scenarios import Scenarios, VolRule, grid

F64 = npt.NDArray[np.float64]

TIE_TOLERANCE = 1e-12
"""Losses closer than this (relative) are equal but for rounding: the earlier candidate is taken."""


@dataclass(frozen=True)
class Box:
    """Relative spot moves `[-move, +move]` times relative volatility moves `[-vol_down, +vol_up]`, all above zero.

    A volatility move is quoted at the reference tenor of `vol_rule` and reaches each expiry by its power law.
    """

    move: float
    vol_down: float
    vol_up: float
    vol_rule: VolRule

    def axes(self, spot_cells: int, vol_cells: int) -> tuple[F64, F64]:
        """Nodes `[2 spot_cells + 1]`, `[2 vol_cells + 1]`: so many cells on each side of no move, itself a node."""
        right = np.linspace(0.0, self.move, spot_cells + 1)
        up, down = np.linspace(0.0, self.vol_up, vol_cells + 1), np.linspace(0.0, self.vol_down, vol_cells + 1)
        return np.concatenate([-right[:0:-1], right]), np.concatenate([-down[:0:-1], up])

    def nodes(self, spot: F64, vol: F64) -> Scenarios:
        """Every combination of the two axes as columns; spot runs fastest."""
        return grid((1.0 + spot).tolist(), vol.tolist(), vol_rule=self.vol_rule)

    def worst(self, quadratic: F64) -> tuple[float, float, float]:
        """`(spot move, vol move, loss)` where the quadratic is least; the origin and a loss of zero if nothing loses.

        `quadratic` holds the five coefficients of `d x + g x^2 / 2 + v y + c x y + o y^2 / 2`. A least value lies in
        a corner, at the turning point of an edge, or at the turning point inside. On a tie the origin comes first, then
        the corners (spot down before spot up, volatility up before down), the edges and the inside. Raises
        `DocumentError` where the coefficients are beyond double precision.
        """
        points = self._candidates(quadratic)
        x, y = np.array(points).T
        d, g, v, c, o = quadratic
        values = d * x + g * x * x / 2.0 + v * y + c * x * y + o * y * y / 2.0
        lowest = values.min()
        if not np.isfinite(lowest):
            raise refuse("expansion", "a number beyond double precision", "markets and positions of sane size")
        first = int(np.flatnonzero(values <= lowest + TIE_TOLERANCE * abs(lowest))[0])
        return float(x[first]), float(y[first]), max(0.0, -float(values[first]))

    def _candidates(self, quadratic: F64) -> list[tuple[float, float]]:
        d, g, v, c, o = (float(number) for number in quadratic)
        found = [(0.0, 0.0)]
        found += [(x, y) for x in (-self.move, self.move) for y in (self.vol_up, -self.vol_down)]
        if o > 0:
            turns = [(x, -(v + c * x) / o) for x in (-self.move, self.move)]
            found += [(x, y) for x, y in turns if -self.vol_down < y < self.vol_up]
        if g > 0:
            turns = [(-(d + c * y) / g, y) for y in (self.vol_up, -self.vol_down)]
            found += [(x, y) for x, y in turns if -self.move < x < self.move]
        # elsewhere the turning point is no least value, or a whole line of them that reaches an edge
        steep = g * o - c * c
        if g > 0 and steep > 0:
            x, y = (c * v - d * o) / steep, (c * d - v * g) / steep
            if -self.move < x < self.move and -self.vol_down < y < self.vol_up:
                found.append((x, y))
        return found
