"""The scenario grid of portfolio margin, and the shocked volatilities under each reading of the rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DAY_SECONDS
from plimsoll.margin.account import Account
from plimsoll.margin.venues.deribit.pm_parameters import VolShock
from plimsoll.market import Market
from plimsoll.scenarios import FLAT, VolRule

F64 = npt.NDArray[np.float64]

UP, SAME, DOWN = 0, 1, 2
REFERENCE_DAYS = 30.0

FLOOR_READINGS = ("floor_after", "floor_before")
"""The least volatility of an upward shock: put in after it, or before it."""

DAY_READINGS = ("days_from_one", "days_whole", "days_fraction")
"""Days to expiry in a volatility shock: with fractions, at least one; whole days done, at least one; any fraction."""


@dataclass(frozen=True, eq=False)
class Grid:
    """`S` scenarios of one underlying in the venue's order: price buckets upwards, three volatilities each, far moves.

    `move[S]` relative, `vol[S]` one of `UP`, `SAME`, `DOWN`, `extended[S]` whether it belongs to the far table. The
    venue does not tell the order of the three volatilities; here up, same, down.
    """

    move: F64
    vol: npt.NDArray[np.int8]
    extended: npt.NDArray[np.bool_]
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.move)


def grid_of(price_range: float, buckets: int, extended_moves: Sequence[float] = ()) -> Grid:
    """`(2 buckets + 1) * 3` standard scenarios, moves `price_range * i / buckets`; far moves with volatility up."""
    steps = range(-buckets, buckets + 1)
    near = [price_range * i / buckets for i in steps for _ in (UP, SAME, DOWN)]
    move = np.array([*near, *extended_moves])
    vol = np.array([UP, SAME, DOWN] * len(steps) + [UP] * len(extended_moves), dtype=np.int8)
    extended = np.arange(len(move)) >= len(near)
    words = {UP: " iv up", SAME: "", DOWN: " iv down"}
    labels = tuple(
        f"{m * 100:+.4g}%".replace("+0%", "0%") + words[int(v)] + (" (extended)" if far else "")
        for m, v, far in zip(move, vol, extended, strict=True)
    )
    return Grid(move, vol, extended, labels)


def shocked_vols(shock: VolShock, least: float, vol: F64, seconds: F64, floor: str, days: str) -> F64:
    """`[N, 3]` volatilities up, same and down of options with `vol[N]`, `seconds[N]` from expiry.

    `up = max(vol (1 + range_up s), least)` or, with the floor before the shock, `max(vol, least) (1 + range_up s)`;
    `down = max(vol (1 - range_down s), 0)`; `s = (30 / days)^p`, `p` the short power below 30 days, else the long.
    """
    left = seconds / DAY_SECONDS
    if days == "days_whole":
        left = np.maximum(np.floor(left), 1.0)
    elif days == "days_from_one":
        left = np.maximum(left, 1.0)
    power = np.where(left < REFERENCE_DAYS, shock.short_term_vega_power, shock.long_term_vega_power)
    # one second keeps the shock finite at expiry
    scale = (REFERENCE_DAYS / np.maximum(left, 1.0 / DAY_SECONDS)) ** power
    up = 1.0 + shock.volatility_range_up * scale
    raised = np.maximum(vol, least) * up if floor == "floor_before" else np.maximum(vol * up, least)
    lowered = np.maximum(vol * (1.0 - shock.volatility_range_down * scale), 0.0)
    return np.stack([raised, vol, lowered], axis=1)


def tenor_law(shocks: Mapping[str, VolShock], account: Account, market: Market) -> VolRule:
    """The power law of the first underlying, by name, that is held and has one in `shocks`; flat where none has."""
    held = {market.contracts[p.instrument].underlying for p in account.positions if p.instrument in market.contracts}
    shock = next((q for name, q in sorted(shocks.items()) if name in held), None)
    if shock is None:
        return FLAT
    powers = shock.short_term_vega_power, shock.long_term_vega_power
    return VolRule(*powers, REFERENCE_DAYS, min_up_vol=getattr(shock, "min_volatility_for_shock_up", 0.0))
