"""MR9: what hedges between stable coins, or between one and the dollar, would lose if the pair left its peg."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.margin.venues.okx.pm_parameters import Depeg

F64 = npt.NDArray[np.float64]
USD = "USD"


@dataclass(frozen=True, eq=False)
class Hedge:
    """A pair of currencies within one risk unit: `amount[K]` USD hedged across it, `parts[N, K]` what each position
    adds to that amount, `rate_column[K]` the level of the pair, `charge[K]` USD.
    """

    pair: tuple[str, str]
    amount: F64
    parts: F64
    column: npt.NDArray[np.intp]
    charge: F64


def level_of(prices: dict[str, F64], pair: tuple[str, str]) -> F64:
    """`[K]` how far a pair is from its peg: the lower price over the higher, at most one.

    >>> level_of({"USDT": np.array([0.99, 1.01])}, ("USDT", "USD")).round(4).tolist()
    [0.99, 0.9901]
    """
    first, second = (prices.get(c, np.array(1.0)) for c in pair)
    found: F64 = np.minimum(first, second) / np.maximum(first, second)
    return found


def charge_of(rule: Depeg, amount: F64, column: npt.NDArray[np.intp]) -> F64:
    """`[K]` marginal tiers of the hedged amount at the rates of a level.

    >>> from plimsoll.margin.venues.okx.pm_parameters import DepegTier
    >>> tiers = [DepegTier(upto=u, rates=(r,)) for u, r in ((1e6, 0.0075), (5e6, 0.0175), (None, 0.025))]
    >>> rule = Depeg(levels=(0.98,), order=(("USDT", "USD"),), tiers=tiers)
    >>> charge_of(rule, np.array([1e7]), np.array([0])).tolist()
    [202500.0]
    """
    found, low = np.zeros_like(amount), 0.0
    for tier in rule.tiers:
        high = np.inf if tier.upto is None else tier.upto
        found += np.clip(amount - low, 0.0, high - low) * np.array(tier.rates)[column]
        low = high
    return found


def hedges(rule: Depeg, deltas: dict[str, F64], prices: dict[str, F64]) -> list[Hedge]:
    """The pairs in the order of the rules; `deltas[currency][N, K]` cash delta of each position, zero for others.

    What one pair has taken is gone for the next: the smaller side counts, and both are reduced by it.
    """
    left = dict(deltas)
    found = []
    for pair in rule.order:
        a, b = (left.get(c) for c in pair)
        if a is None or b is None:
            continue
        first, second = a.sum(axis=0), b.sum(axis=0)
        across = first * second < 0.0
        smaller = np.abs(first) <= np.abs(second)
        parts = np.where(smaller, a * np.sign(first), b * np.sign(second))
        parts = np.where(across, parts, 0.0)
        amount = np.maximum(parts.sum(axis=0), 0.0)
        level = np.broadcast_to(level_of(prices, pair), amount.shape)
        reached = level[..., None] >= np.array(rule.levels)
        column = np.where(reached.any(axis=-1), reached.argmax(axis=-1), len(rule.levels) - 1)
        left[pair[0]] = a - parts * np.sign(first)
        left[pair[1]] = b - parts * np.sign(second)
        found.append(Hedge(pair, amount, parts, column, charge_of(rule, amount, column)))
    return found
