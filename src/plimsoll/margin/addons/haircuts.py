"""What a collateral asset counts for."""

from __future__ import annotations

import math

from plimsoll.documents import Fraction, NonNegative, Part, Positive
from plimsoll.margin.period import HOURS, MarginPeriod


class HaircutRule(Part):
    """The haircut of one asset: `floor`, and what `daily_vol` (a fraction) can take while it is sold within `days` and
    its sale becomes final within `settlement_hours` more.

    `volume` is what trades in a day, USD, and `impact` the Y of the square-root law; `cap` is the most of it that
    counts, USD. `depeg` is the fall that a coin tied to the dollar must be able to take (zero for others).
    """

    floor: Fraction
    daily_vol: NonNegative
    days: Positive
    volume: Positive
    impact: NonNegative
    cap: Positive | None = None
    depeg: Fraction = 0.0
    settlement_hours: NonNegative = 0.0

    @property
    def margin_period(self) -> MarginPeriod:
        """The time that its price has to fall: who sells collateral has detected and called already."""
        return MarginPeriod(close_out=HOURS * self.days, settlement=self.settlement_hours)


def haircut(rule: HaircutRule, value: float, quantile: float) -> float:
    """`max(floor, 1 - exp(-z sigma sqrt(T))) + Y sigma sqrt(value / ADV)`, at most one; `value` in USD.

    Source: capabilities K7. `quantile` is z and T the margin period of the asset in days. The impact grows with the
    holding, so the counted value is concave in it.

    >>> rule = HaircutRule(floor=0.02, daily_vol=0.04, days=1.0, volume=1e10, impact=1.0)
    >>> round(haircut(rule, 1e8, 2.33), 6)
    0.092989
    """
    falls = 1.0 - math.exp(-quantile * rule.daily_vol * math.sqrt(rule.margin_period.hours / HOURS))
    impact = rule.impact * rule.daily_vol * math.sqrt(max(value, 0.0) / rule.volume)
    return min(1.0, max(rule.floor, falls) + impact)


def counted(rule: HaircutRule, value: float, quantile: float) -> float:
    """USD that a holding of `value` USD counts for: the capped part after its haircut, and never less than the most
    that a smaller part of it would count for; what is owed is charged its haircut on top.

    >>> rule = HaircutRule(floor=0.5, daily_vol=0.0, days=1.0, volume=1.0, impact=0.0, cap=100.0)
    >>> counted(rule, 300.0, 2.33), counted(rule, -10.0, 2.33)
    (50.0, -15.0)
    """
    if value < 0:
        return value * (1.0 + haircut(rule, -value, quantile))
    held = value if rule.cap is None else min(value, rule.cap)
    # v (1 - h0 - k sqrt(v)) is largest where 1 - h0 = 1.5 k sqrt(v): a further coin must never count against its owner
    still = 1.0 - haircut(rule, 0.0, quantile)
    slope = rule.impact * rule.daily_vol / math.sqrt(rule.volume)
    root = still / (1.5 * slope) if slope > 0 else math.inf
    top = root * root  # infinite where a power would refuse
    held = min(held, top)
    return held * (1.0 - haircut(rule, held, quantile))
