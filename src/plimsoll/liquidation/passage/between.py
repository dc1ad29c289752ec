"""Passage between instants where it is exact in law: one log-normal price, a linear book, one line."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.liquidation.line import liquidation
from plimsoll.liquidation.passage.closed import bridge
from plimsoll.liquidation.passage.stand import Ground, Standings
from plimsoll.liquidation.path import alone

F64 = npt.NDArray[np.float64]

POINTS = 200


def crossed(ground: Ground, start: dict[str, Standings], sigma: float) -> F64:
    """`[K, P]` probabilities that the path has met the line by each instant, given where it stands at the instants.

    `sigma` is the daily standard deviation of its log moves. Raises `DocumentError` where a bridge is not exact.
    """
    if not (np.isfinite(sigma) and sigma > 0.0):
        raise refuse("between", sigma, "a daily standard deviation above zero")
    if len(ground.spots) != 1 or ground.optional or len(start) != 1:
        held = f"{len(ground.spots)} underlyings, {len(ground.optional)} with options, {len(start)} pools"
        raise refuse("between", held, "one underlying without options in one pool")
    name = ground.spots[0]
    size = ground.paths.weight.size
    if next(iter(start.values())).below[0]:
        return np.ones((ground.paths.days.size, size))
    lines = [_line(ground, None, name), *(_line(ground, k, name) for k in range(ground.paths.days.size))]
    side = np.sign(-np.log(lines[0]))
    level = np.log(ground.paths.multiplier[:, ground.paths.names.index(name)])
    stays = np.ones(size)
    found = np.empty((ground.paths.days.size, size))
    before = np.full(size, side * -np.log(lines[0]))
    gaps = np.diff(ground.paths.days, prepend=0.0)
    for k in range(found.shape[0]):
        here = side * (level[k] - np.log(lines[k + 1]))
        stays = stays * (1.0 - bridge(before, here, sigma**2 * float(gaps[k])))
        found[k], before = 1.0 - stays, here
    return found


def _line(ground: Ground, k: int | None, name: str) -> float:
    """The one line of the pool at an instant, as a multiplier of today's price; now for `None`."""
    account, market = (ground.account, ground.market) if k is None else ground.base[k]
    if k is not None and k > 0 and account == ground.base[k - 1][0]:
        ground.lines[k] = ground.lines[k - 1]
        return ground.lines[k]
    found = liquidation(ground.model, account, market, alone(name, market), points=POINTS)
    ground.computed += found.computed
    if len(found.lines) != 1:
        raise refuse("between", f"{len(found.lines)} lines", "an account with one line")
    line = found.lines[0].multiplier
    if k is not None:
        ground.lines[k] = line
    return line
