"""The venue's closed formula of the price at which one contract is liquidated, all other prices standing still."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from plimsoll.margin.parts.legs import Legs
from plimsoll.margin.parts.tiers import Tiers
from plimsoll.risk.plan import INVERSE

_EDGE = 1e-12
"""Relative room at the end of a tier, so that a root on it is not lost between the two sides."""


@dataclass(frozen=True)
class Leg:
    """One side held of a contract: signed `quantity` (coins of a linear contract, USD of an inverse one), the price at
    which its profit counts from, and its tiers of notional in the settlement currency.
    """

    quantity: float
    entry: float
    tiers: Tiers


def liquidation_prices(
    wallet: float,
    legs: Sequence[Leg],
    *,
    others_maintenance: float = 0.0,
    others_profit: float = 0.0,
    inverse: bool = False,
) -> tuple[float, ...]:
    """Every price above zero at which the equity of a pool is its maintenance margin, rising; empty if there is none.

    ```
    linear    LP = (WB - TMM + UPNL + sum cum - sum q EP) / (sum |q| MMR - sum q)
    inverse   LP = (sum q + sum |q| MMR) / (WB - TMM + UPNL + sum cum + sum q / EP)
    ```

    `wallet` (WB) is the wallet balance of the pool, `others_maintenance` (TMM) and `others_profit` (UPNL) what its
    other contracts need and have gained at their marks, all in the settlement currency; an isolated position has only
    its own margin. `legs` are the sides held of the contract: one, or in hedge mode a long and a short one, which meet
    the same price. Rate and `cum` are those of the tier that each leg is in at the answer, so each stretch of prices
    between the ends of tiers is solved by itself. Of one leg there is one price at most; of two there may be two.
    Source: venues-cex sections 3.2 and 3.3 (the inverse form follows from equity = maintenance margin).

    >>> tier = Tiers(np.zeros(0), np.array([0.1]), np.array([0.2]), np.array([135_365.0]))
    >>> [round(p, 2) for p in liquidation_prices(1_535_443.01, [Leg(3_683.979, 1_456.84, tier)])]
    [1114.78]
    """
    # in y = P, or 1 / P of an inverse contract, profit and notional are both linear
    side = -1.0 if inverse else 1.0
    held = [leg for leg in legs if leg.quantity]
    ends = sorted({e / abs(leg.quantity) for leg in held for e in leg.tiers.ends.tolist()})
    base = wallet - others_maintenance + others_profit
    base -= sum(side * leg.quantity * (1.0 / leg.entry if inverse else leg.entry) for leg in held)
    found: list[float] = []
    for low, high in pairwise([0.0, *ends, np.inf]):
        middle = 2.0 * low + 1.0 if np.isinf(high) else (low + high) / 2.0
        slope, level = 0.0, base
        for leg in held:
            at = int(leg.tiers.place(np.array(abs(leg.quantity) * middle)))
            slope += side * leg.quantity - abs(leg.quantity) * float(leg.tiers.maintenance_rate[at])
            level += float(leg.tiers.deduction[at])
        if slope == 0.0:
            continue
        y = -level / slope
        inside = low * (1.0 - _EDGE) <= y <= high * (1.0 + _EDGE) and 0.0 < y < np.inf
        if inside and not any(abs(y - z) <= _EDGE * 4.0 * y for z in found):
            found.append(y)
    prices = sorted(1.0 / y if inverse else y for y in found)
    return tuple(p for p in prices if p < np.inf)


def shown_prices(legs: Legs, balance: float) -> dict[str, float]:
    """What the venue shows for each contract, by the subject of its pool: the nearest price, in logarithms, if any.

    `balance` is what the account holds of the settlement currency, margins of isolated positions included.
    """
    prices = legs.price
    profit = legs.profits(prices[:, None])[:, 0]
    maintenance = legs.maintenance(legs.notional(prices[:, None]))[:, 0]
    apart = legs.isolated
    shared = balance - float(legs.margin[apart].sum())
    groups: dict[str, list[int]] = {}
    for i, p in enumerate(legs.book.positions):
        groups.setdefault(legs.subjects[i] if apart[i] else p.instrument, []).append(i)
    shown = {}
    for name, mine in groups.items():
        own = [
            Leg(float(legs.book.quantity[i] * legs.book.plan.multiplier[i]), float(prices[i]), legs.tiers[i])
            for i in mine
        ]
        inverse = bool(legs.book.plan.style[mine[0]] == INVERSE)
        if apart[mine[0]]:
            found = liquidation_prices(float(legs.margin[mine[0]] + profit[mine[0]]), own, inverse=inverse)
        else:
            rest = ~apart
            rest[mine] = False
            found = liquidation_prices(
                shared + float(profit[mine].sum()),
                own,
                others_maintenance=float(maintenance[rest].sum()),
                others_profit=float(profit[rest].sum()),
                inverse=inverse,
            )
        if found:
            now = float(prices[mine[0]])
            shown[name] = min(found, key=lambda p: abs(np.log(p / now)))
    return shown
