"""Scenarios beyond every venue's grid, in which a short that is free inside of it is not."""

from __future__ import annotations

from functools import cache

from plimsoll.scenarios import ABSOLUTE_SKEW, LINEAR_SKEW, NO_SKEW, Scenarios, SkewRule

MOVES = (0.30, 0.40, 0.50, 0.60)
"""Moves of the price on either side, as parts of it."""

VOLS = (0.0, 0.5, 1.0)
"""Rises of volatility that go with each."""

SKEW = SkewRule(
    linear_base_cap=0.25, abs_base_cap=0.5, linear_c_base=0.0, abs_c_base=0.0, min_k_star=0.5, width=0.0,
    vol_static=0.0, vol_scale=0.0,
)  # fmt: skip
"""A smile that turns by up to a quarter at half in the logarithm, or lifts both wings by up to a half; assumed."""


@cache
def outside_columns() -> Scenarios:
    """`S` scenarios: each move with each rise of volatility, with a smile that turns and with one whose wings rise.

    The first half falls, the second half rises.
    """
    spot, vol, skew = [], [], []
    for sign in (-1.0, 1.0):
        for move in MOVES:
            for rise in VOLS:
                spot.append(1.0 + sign * move)
                vol.append(rise)
                skew.append(NO_SKEW)
            for tilt in (LINEAR_SKEW, ABSOLUTE_SKEW):
                spot.append(1.0 + sign * move)
                vol.append(0.0)
                skew.append(tilt)
    return Scenarios.build(spot, vol, skew=skew, skew_rule=SKEW)
