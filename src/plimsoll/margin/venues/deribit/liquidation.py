"""How the venue takes positions over, as data of a pack: documented steps only."""

from __future__ import annotations

from typing import Literal

from plimsoll.documents import Asset, Flag, Fraction, Part, Positive

Action = Literal[
    "reduce_positions",
    "trade_futures",
    "largest_contributor",
    "next_contributor",
    "delta_hedge_with_perpetual",
]
"""`trade_futures`: futures and perpetuals only, never options; `largest_contributor`: trade the instrument that adds
most to the risk matrix; `next_contributor`: where that does not trade, the one after it; `delta_hedge_with_perpetual`:
even where it opens a position."""


class LiquidationFees(Part):
    """Fee of a forced trade: of the notional of a future or perpetual, of the underlying of an option."""

    future: Fraction
    option: Fraction


class Liquidation(Part):
    """Staged liquidation.

    It starts when maintenance margin is above `trigger` times the margin balance and stops as soon as it is not, after
    `rounds_per_second` rounds in each second; `steps` are tried in order in each round. `margin_call`: whether the
    venue asks for money first. `user_locked`: whether the holder can act meanwhile. `fees` by underlying.
    """

    trigger: Positive
    rounds_per_second: Positive
    margin_call: Flag
    user_locked: Flag
    steps: tuple[Action, ...]
    fees: dict[Asset, LiquidationFees]
