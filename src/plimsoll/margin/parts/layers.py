"""Scenarios on top of the states of a path: a grid of shocks in markets that have moved already."""

from __future__ import annotations

from dataclasses import dataclass, fields

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
    """The scenarios of `grid[S]` in each of `K` states, state by state, `[K * S]`."""
    size = spot.size
    every = grid.take(np.tile(np.arange(len(grid)), size))
    content = {f.name: getattr(every, f.name) for f in fields(Scenarios)}
    content["spot"] = np.repeat(spot, len(grid)) * every.spot
    return Layered(**content, factor=np.repeat(vol, len(grid)))
