"""The risk matrix of one underlying: from the sum of risk vectors to the worst case and its shares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.margin.venues.deribit.grid import Grid
from plimsoll.margin.venues.deribit.pm_parameters import CurrencyParameters, PairParameters
from plimsoll.margin.venues.deribit.vectors import Holding
from plimsoll.risk import Shares, aumann_shapley

F64 = npt.NDArray[np.float64]

TIE = 1e-12
"""Losses closer than this (relative) bind together and the first is named; the amount is that of the largest."""


@dataclass(frozen=True, eq=False)
class Matrix:
    """`summed[S]` before and `vector[S]` after gains are cut and far moves dampened; `worst >= 0` and its place.

    `index` is -1 when nothing loses. Amounts in the settlement currency.
    """

    summed: F64
    vector: F64
    worst: float
    index: int


def summed_up(h: Holding, units: F64) -> F64:
    """`[S]` gains of the whole book from those of one contract, `units[N, S]`.

    Products first, then their sum: what is bought and sold in equal size leaves exactly nothing, which a fused
    multiplication and addition does not.
    """
    total: F64 = (h.quantity[:, None] * units).sum(axis=0) + 0.0
    return total


def dampers(h: Holding, pair: PairParameters, row: CurrencyParameters, grid: Grid) -> F64:
    """`[S]` what the far moves are reduced by: `(|m| / range - 1) dampener` USD at the edge price, zero elsewhere."""
    distance = np.maximum(np.abs(grid.move) / pair.price_range, 1.0) - 1.0
    usd = np.where(grid.extended, distance * row.extended_dampener, 0.0)
    price = (1.0 + np.sign(grid.move) * pair.price_range) * h.index if h.inverse else np.ones(len(grid))
    return usd / price


def aggregate(summed: F64, damper: F64, row: CurrencyParameters, grid: Grid, usd: float) -> Matrix:
    """The venue's aggregation; `usd` is what one unit of the settlement currency is worth for the cap on gains."""
    credit = np.minimum(summed * row.pnl_offset, row.max_offsetable_pnl / usd)
    near = np.where(summed > 0.0, credit, summed)
    far = np.sign(summed) * np.maximum(np.abs(summed) - damper, 0.0)
    # plus zero: a loss that is dampened to nothing is not a negative zero
    return worst_of(summed, np.where(grid.extended, far, near) + 0.0)


def worst_of(summed: F64, vector: F64) -> Matrix:
    """The largest loss in `vector[S]` and the first scenario that has it; nothing where none loses."""
    least = float(vector.min(initial=0.0))
    if least >= 0.0:
        return Matrix(summed, vector, 0.0, -1)
    return Matrix(summed, vector, -least, int(np.argmax(vector <= least * (1.0 - TIE))))


def worst_shares(h: Holding, units: F64, damper: F64, grid: Grid, found: Matrix) -> Shares:
    """`[N]` shares of the worst case in the settlement currency.

    Standard scenarios are linear in the positions, so their Euler shares are exact. A dampened far move is not: what is
    taken off does not grow with the book, and the shares are those of Aumann and Shapley.
    """
    if found.index < 0:
        return Shares(np.zeros(len(h)), 0.0, 0)
    if not grid.extended[found.index] or damper[found.index] == 0.0:
        values = -h.quantity * units[:, found.index]
        return Shares(values, float(found.worst - values.sum()), 1)

    def gradient(quantity: F64) -> F64:
        total = quantity @ units
        loss = np.where(grid.extended, np.sign(total) * np.maximum(np.abs(total) - damper, 0.0), total)
        place = int(np.argmin(loss))
        return -units[:, place] if loss[place] < 0.0 else np.zeros(len(h))

    return aumann_shapley(gradient, h.quantity, found.worst, max_panels=512)
