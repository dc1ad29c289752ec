"""The three ways in which a contract pays."""

from __future__ import annotations

from enum import StrEnum


class Settlement(StrEnum):
    """How a contract pays.

    * `linear`: one contract is `multiplier` coins; it gains `multiplier * (P1 - P0)` units of `currency`.
    * `inverse`: paid in the coin. A future or perpetual of `multiplier` USD gains `multiplier * (1/P0 - 1/P1)` coins;
      an option on `multiplier` coins pays its dollar payoff over the price at which it settles, in coins, so a
      European one is worth `multiplier * black76 / forward` coins. For the others see docs/payoffs.md.
    * `quanto`: `multiplier` units of `currency` for each USD of price change: `multiplier * (P1 - P0)`.
    """

    LINEAR = "linear"
    INVERSE = "inverse"
    QUANTO = "quanto"
