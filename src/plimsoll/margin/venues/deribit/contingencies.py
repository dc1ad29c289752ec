"""What portfolio margin before 2024 adds to the worst cell: charges on futures and on net short options.

Both grow in proportion to the book, so their Euler shares are exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.margin.venues.deribit.contingency_parameters import FuturesContingency, OptionsContingency
from plimsoll.margin.venues.deribit.vectors import Holding

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Contingency:
    """A charge in the settlement currency; `shares[N]` add up to it."""

    amount: float
    shares: F64


def futures_contingency(h: Holding, p: FuturesContingency) -> Contingency:
    """`rate` times all coins of futures and perpetuals, or times those that offset each other; linear at the index.

    The offsetting coins are the lesser of long and short, `(sum |q| - |sum q|) / 2`: their shares lie on the lesser
    side, half and half where both are equal. An inverse contract is so many coins as its USD are worth at its own mark.
    """
    coins = h.multiplier / h.price if h.inverse else h.multiplier
    held = np.where(_live(h) & ~h.option, h.quantity * coins, 0.0)
    size = np.abs(held) if p.of == "all" else 0.5 * (np.abs(held) - np.sign(held.sum()) * held)
    shares = p.rate * size * _unit(h)
    return Contingency(float(shares.sum()), shares)


def options_contingency(h: Holding, p: OptionsContingency, apart: bool = True) -> Contingency:
    """`coin_per_option` coins for each coin that is net short, expiry by expiry unless not `apart`.

    Calls and puts of a strike are one position; linear ones are charged at the index. With `rolled` the strikes above
    the index are walked upwards and those below it downwards: what is long is carried on and stands for what is short
    further out, what is short is charged where it stands. Shares lie on the positions that make up what is charged:
    long ones among them have negative shares.
    """
    live = _live(h) & h.option
    held = np.where(live, p.coin_per_option * h.quantity * h.multiplier * _weights(h, p) * _unit(h), 0.0)
    group = h.group if apart else np.zeros_like(h.group)
    shares = np.zeros(len(h))
    for expiry in np.unique(group[live]):
        for above, step in ((True, 1), (False, -1)):
            rows = np.flatnonzero(live & (group == expiry) & ((h.strike > h.index) == above))
            strikes, place = np.unique(h.strike[rows], return_inverse=True)
            position = np.zeros(len(strikes))
            np.add.at(position, place, held[rows])
            counted = position < 0.0
            if p.rolled:
                counted = (np.arange(len(strikes)) < walked(position[::step]))[::step]
            shares[rows] = np.where(counted[place], -held[rows], 0.0)
    return Contingency(float(shares.sum()), shares + 0.0)


def walked(position: F64) -> int:
    """How many strikes, from the first of the walk, make up what stays short.

    A long position is carried to the strikes that follow and a short one stays, so that all that stays short is the
    lowest running sum of `position[K]`.

    >>> import numpy as np
    >>> walked(np.array([100.0, -50.0, -60.0, -200.0, 100.0, -10.0])), walked(np.array([5.0, -3.0]))
    (4, 0)
    """
    running = np.cumsum(position)
    if running.size == 0 or running.min() >= 0.0:
        return 0
    return int(np.argmin(running)) + 1


def _weights(h: Holding, p: OptionsContingency) -> F64:
    """`[N]` part of its position with which a strike counts."""
    width = p.near_range * h.index
    if width == 0.0:
        return np.ones(len(h))
    weights: F64 = np.minimum(np.abs(h.strike - h.index) / width, 1.0)
    return weights


def _live(h: Holding) -> npt.NDArray[np.bool_]:
    """`[N]` contracts that still move: what has settled is no position any more."""
    live: npt.NDArray[np.bool_] = h.share > 0.0
    return live


def _unit(h: Holding) -> float:
    return 1.0 if h.inverse else h.index
