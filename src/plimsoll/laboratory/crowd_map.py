"""Where the accounts of a fleet are liquidated: the density map before and after a cascade."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.laboratory.policy import Asked, CascadeRates
from plimsoll.laboratory.result import CascadeRun
from plimsoll.laboratory.state import State

F64 = npt.NDArray[np.float64]
MOVES = tuple(k / 100.0 for k in range(1, 31))


@dataclass(frozen=True, eq=False)
class DensityMap:
    """USD of the positions of accounts that are below their line once *all* prices have moved by `moves[K]`.

    `fall[K, U]` bought notional, `rise[K, U]` sold notional, both cumulative, at the prices before the move.
    """

    moves: F64
    underlyings: tuple[str, ...]
    fall: F64
    rise: F64

    @property
    def density(self) -> tuple[F64, F64]:
        """What each move adds to the one before, for the fall and the rise `[K, U]`."""
        first = np.zeros((1, len(self.underlyings)))
        return np.diff(self.fall, axis=0, prepend=first), np.diff(self.rise, axis=0, prepend=first)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; cumulative USD by underlying."""
        return {
            "moves": self.moves.tolist(),
            "fall": {u: self.fall[:, k].tolist() for k, u in enumerate(self.underlyings)},
            "rise": {u: self.rise[:, k].tolist() for k, u in enumerate(self.underlyings)},
        }


def density_map(run: CascadeRun, rates: CascadeRates, *, after: bool, moves: tuple[float, ...] = MOVES) -> DensityMap:
    """The map before a run, under what its policy asks at the start, or `after` it, under what it asked last.

    Raises `DocumentError` for moves that do not grow between zero and one.
    """
    grid = np.array(moves, dtype=np.float64)
    if not grid.size or not ((grid > 0.0) & (grid < 1.0)).all() or (np.diff(grid) <= 0.0).any():
        raise refuse("moves", list(moves), "growing parts of the price, above zero and below one")
    step = run.world.path.steps if after else 0
    state, price = (run.state if after else run.before), run.price[step]
    # a policy that follows the past cannot be asked for the end again: it would start anew
    asked = run.last if after else None
    if asked is None:
        asked = rates.asked(run.world.past(run.mark, state.lots, step))
    found = [_below(run, state, asked, step, price, sign * grid) for sign in (-1.0, 1.0)]
    return DensityMap(grid, run.underlyings, found[0], found[1])


def _below(run: CascadeRun, state: State, asked: Asked, step: int, price: F64, moves: F64) -> F64:
    """`[K, U]` USD whose accounts are below their line within each move, on the side that it hurts."""
    world = run.world
    now = world.catalogue.worth(price, world.vol[step], world.days(step))
    n = world.fleet.indices
    delta = state.lots * now.delta[n] / world.unit
    under = np.zeros(world.fleet.accounts, dtype=np.bool_)
    found = np.zeros((moves.size, len(world.underlyings)))
    for k, move in enumerate(moves.tolist()):
        moved = price * (1.0 + move)
        there = world.catalogue.worth(moved, world.vol[step], world.days(step))
        standing = world.stand(state, asked, step, moved, there, None)
        under |= standing.equity < standing.red
        hurt = under[world.owner] & (delta * move < 0.0)
        found[k] = np.bincount(
            world.catalogue.underlying[n[hurt]], weights=np.abs(delta[hurt]), minlength=len(world.underlyings)
        )
    return found
