"""What portfolio margin adds to the worst case: roll shock and delta shock of one underlying."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.margin.venues.deribit.pm_parameters import CurrencyParameters, PairParameters
from plimsoll.margin.venues.deribit.vectors import Holding, deltas
from plimsoll.risk import Shares, aumann_shapley
from plimsoll.scenarios import years_of

F64 = npt.NDArray[np.float64]

DELTA_READINGS = ("delta_shock_m_inc", "delta_shock_cent")
"""The rate on the excess of a large delta, per coin of it: the venue's `m_inc`, or 0.01 as in third-party code."""

CENT = 0.01


@dataclass(frozen=True, eq=False)
class Roll:
    """Roll shock: `shares[N]` add up to `amount`; `least_binds` if every expiry is charged the least move."""

    amount: float
    shares: F64
    least_binds: bool


def roll_shock(h: Holding, row: CurrencyParameters) -> Roll:
    """`sum over expiries of |delta| * max(least move, exp(move risk * years) - 1)`, times the index where linear.

    A perpetual is an expiry of its own with no time left; nothing is netted across expiries.
    """
    price = 1.0 if h.inverse else h.index
    delta = h.quantity * deltas(h)
    shares, least_binds = np.zeros(len(h)), True
    for group in np.unique(h.group):
        mine = h.group == group
        years = 0.0 if group < 0 else float(years_of(h.seconds[mine])[0])
        move = float(np.exp(row.annualised_move_risk * years)) - 1.0
        least_binds = least_binds and move <= row.min_annualised_move
        net = float(delta[mine].sum())
        shares[mine] = np.sign(net) * delta[mine] * max(row.min_annualised_move, move) * price
    return Roll(float(shares.sum()), shares, least_binds)


def shocked_delta(long_options: float, rest: float) -> float:
    """The delta that is charged: long options may reduce the rest to zero, never turn or enlarge it.

    >>> shocked_delta(3.0, -5.0), shocked_delta(9.0, -5.0), shocked_delta(3.0, 5.0)
    (-2.0, 0.0, 5.0)
    """
    total = long_options + rest
    return min(max(total, rest), 0.0) if rest < 0.0 else max(min(total, rest), 0.0)


def delta_shock(h: Holding, pair: PairParameters, reading: str) -> float:
    """`min((N - L)+ |d| rate, max_delta_shock N)` of the charged delta `d`, `N = |d| index`, threshold `L` in USD.

    Below the threshold it is zero, as in the venue's examples; above it the rate is not published.
    """
    return _shock(h, pair, reading, *_parts(h, h.quantity, deltas(h)))[0]


def delta_shocks(
    pair: PairParameters, reading: str, long_options: F64, rest: F64, index: F64 | float, *, inverse: bool
) -> F64:
    """The delta shock of many books at once, from the deltas in coins of their long options and of the rest."""
    total = long_options + rest
    below, above = np.minimum(np.maximum(total, rest), 0.0), np.maximum(np.minimum(total, rest), 0.0)
    size = np.abs(np.where(rest < 0.0, below, above))
    notional = size * index
    rate = CENT if reading == "delta_shock_cent" else pair.m_inc
    steep = np.maximum(notional - pair.delta_total_liq_shock_threshold, 0.0) * size * rate
    shock: F64 = np.minimum(steep, pair.max_delta_shock * notional) / (index if inverse else 1.0)
    return shock


def delta_shock_shares(h: Holding, pair: PairParameters, reading: str) -> Shares:
    """`[N]` Aumann-Shapley shares of the delta shock, which grows faster than the book."""
    unit = deltas(h)
    total = delta_shock(h, pair, reading)
    if total == 0.0:
        return Shares(np.zeros(len(h)), 0.0, 0)
    long = h.option & (h.quantity > 0)

    def gradient(quantity: F64) -> F64:
        parts = _parts(h, quantity, unit)
        slope = _shock(h, pair, reading, *parts)[1]
        charged, whole = shocked_delta(*parts), sum(parts)
        direction = np.sign(charged) * unit
        # where long options do not reduce the delta, or reduce it to nothing, they have no part in it
        return slope * np.where(long & (charged != whole), 0.0, direction)

    return aumann_shapley(gradient, h.quantity, total, max_panels=512)


def _parts(h: Holding, quantity: F64, unit: F64) -> tuple[float, float]:
    long = h.option & (h.quantity > 0)
    delta = quantity * unit
    return float(delta[long].sum()), float(delta[~long].sum())


def _shock(h: Holding, pair: PairParameters, reading: str, long_options: float, rest: float) -> tuple[float, float]:
    """The shock in the settlement currency and its slope in the size of the charged delta."""
    size = abs(shocked_delta(long_options, rest))
    notional = size * h.index
    rate = CENT if reading == "delta_shock_cent" else pair.m_inc
    excess = max(notional - pair.delta_total_liq_shock_threshold, 0.0)
    price = h.index if h.inverse else 1.0
    steep = excess * size * rate
    if steep <= pair.max_delta_shock * notional:
        slope = (excess + size * h.index) * rate if excess > 0.0 else 0.0
        return steep / price, slope / price
    return pair.max_delta_shock * notional / price, pair.max_delta_shock * h.index / price
