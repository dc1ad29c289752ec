"""How positions are liquidated: the venue's formula of the price, what is sent to the book, and the backstop.

Source: venues-cex section 5.1; the wording of the cooldown is that of the venue's documentation.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from plimsoll.documents import Fraction, NonNegative, Part
from plimsoll.margin.parts.tiers import Tiers

Stage = Literal["none", "market", "backstop"]


class Liquidation(Part):
    """Staged liquidation.

    Below maintenance positions are sent to the book: the whole of each, but of one worth more than `partial_above` only
    `partial_share`, unless less than `cooldown_seconds` have passed since a part of any position of the user was sent.
    Below `backstop` times the maintenance margin the backstop vault takes positions and margin over.
    """

    partial_above: NonNegative
    partial_share: Fraction
    cooldown_seconds: NonNegative
    backstop: Fraction


def stage(rule: Liquidation, equity: float, maintenance: float) -> Stage:
    """What happens to a pool of positions: nothing, orders on the book, or the vault.

    >>> rule = Liquidation(partial_above=100_000.0, partial_share=0.2, cooldown_seconds=30.0, backstop=2 / 3)
    >>> stage(rule, 100.0, 100.0), stage(rule, 99.0, 100.0), stage(rule, 66.0, 100.0)
    ('none', 'market', 'backstop')
    """
    if equity >= maintenance:
        return "none"
    return "market" if equity >= rule.backstop * maintenance else "backstop"


def share_sent(rule: Liquidation, notional: float, since_partial: float | None = None) -> float:
    """Part of a liquidated position that the next market order is for.

    `notional` is its value now in the settlement currency, `since_partial` the seconds since a part of any of the
    user's positions was sent, `None` if none was.

    >>> rule = Liquidation(partial_above=100_000.0, partial_share=0.2, cooldown_seconds=30.0, backstop=2 / 3)
    >>> share_sent(rule, 90_000.0), share_sent(rule, 250_000.0), share_sent(rule, 200_000.0, 5.0)
    (1.0, 0.2, 1.0)
    """
    cooling = since_partial is not None and since_partial < rule.cooldown_seconds
    return rule.partial_share if notional > rule.partial_above and not cooling else 1.0


def price_formula(price: float, quantity: float, margin_available: float, rate: float) -> float:
    """`price - side * margin_available / |quantity| / (1 - rate * side)`, the venue's formula of one tier.

    `margin_available` is what is left of the account value, or of the isolated margin, after maintenance at `price`;
    `rate` the maintenance rate of the tier at the liquidation price.

    >>> round(price_formula(37.826, 2.0, 7.525754 - 75.652 / 20, 1 / 20), 10)
    35.8559189474
    """
    side = 1.0 if quantity > 0 else -1.0
    return price - side * margin_available / abs(quantity) / (1.0 - rate * side)


def liquidation_price(tiers: Tiers, quantity: float, price: float, equity: float, other: float = 0.0) -> float | None:
    """Price of one position at which the equity of its pool meets maintenance, all other prices staying; `None`: never.

    `equity` of the pool at `price`, `other` the maintenance margin of the pool's other positions. The formula is tried
    with the rate and deduction of each tier: that one holds in which the position lies at the price that it gives. The
    margin is convex in the price and its slope below the position's own, so there is one at most.
    """
    size = abs(quantity)
    starts = np.concatenate([[0.0], tiers.ends])
    ends = np.append(tiers.ends, np.inf)
    for start, end, rate, deduction in zip(starts, ends, tiers.maintenance_rate, tiers.deduction, strict=True):
        available = equity - other - (size * price * float(rate) - float(deduction))
        found = price_formula(price, quantity, available, float(rate))
        if found > 0.0 and start <= size * found <= end:
            return found
    return None
