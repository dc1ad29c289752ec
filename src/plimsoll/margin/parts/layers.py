"""Scenarios on top of the states of a path: a grid of shocks in markets that have moved already."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.scenarios import Scenarios

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Layered(Scenarios):
    """Scenarios on top of a state that has changed every volatility by `factor[S]` already."""

    factor: F64 | None = None

    def vol_scale(self, seconds: F64) -> F64:
        """See `Scenarios.vol_scale`."""
        scale = super().vol_scale(seconds)
        return scale if self.factor is None else scale * self.factor[None, :]


def layered(grid: Scenarios, spot: F64, vol: F64) -> Layered:
    """The scenarios of `grid[S]` in each of `K` states, state by state, `[K * S]`, without names."""
    states, size = spot.size, spot.size * len(grid)
    unnamed = ("",) * size
    return Layered(
        unnamed,
        np.outer(spot, grid.spot).ravel(),
        np.tile(grid.vol, states),
        np.tile(grid.weight, states),
        np.tile(grid.basis, states),
        np.tile(grid.skew, states),
        np.tile(grid.days, states),
        grid.vol_rule,
        grid.skew_rule,
        unnamed,
        factor=np.repeat(vol, len(grid)),
    )
