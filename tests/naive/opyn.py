"""Naive Opyn: vaults of one sold and one bought option in exact fractions.

Second opinion for `plimsoll.margin.venues.opyn`; imports nothing of the package.
"""

from __future__ import annotations

from fractions import Fraction as Exact
from typing import Any


def bound(rows: list[dict[str, Any]], seconds: float) -> Exact | None:
    found = None
    for row in reversed(rows):
        if seconds <= row["tenor_days"] * 86_400:
            found = Exact(row["upper_bound"])
    return found


def naked(call: bool, strike: float, spot: float, amount: float, shock: float, most: Exact) -> Exact:
    k, s, n = Exact(strike), Exact(spot), Exact(amount)
    if call:
        # in coins: what is owed at the higher price s / shock, and the bound on what is left of the coin
        moved = s / Exact(shock)
        inside = max(Exact(0), 1 - k / moved)
        return n * (inside + most * (1 - inside))
    moved = s * Exact(shock)
    inside = max(Exact(0), k - moved)
    return n * (inside + most * (k - inside))


def spread(call: bool, short: float, short_strike: float, long: float, long_strike: float) -> Exact:
    """The most that the pair can lose, over prices of the coin at nothing, at the strikes and without end."""
    ns, nl, ks, kl = Exact(short), Exact(long), Exact(short_strike), Exact(long_strike)
    if call:
        worst = max(ns - nl, Exact(0))
        for price in (ks, kl):
            if price > 0:
                worst = max(worst, (ns * max(price - ks, 0) - nl * max(price - kl, 0)) / price)
        return worst
    return max(ns * max(ks - p, 0) - nl * max(kl - p, 0) for p in (Exact(0), ks, kl))
