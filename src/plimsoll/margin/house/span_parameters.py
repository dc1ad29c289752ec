"""The numbers a SPAN pack holds."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from plimsoll.documents import Asset, Fraction, Name, NonNegative, Part, Positive, fault
from plimsoll.margin.parts.span import PAIRED, SCENARIOS, Offsets, Spread
from plimsoll.scenarios import Scenarios

Steps = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-10, le=10)]
Part_of = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, lt=1)]


class SpanScenario(Part):
    """One scenario: `price` in scan ranges, `vol` in volatility ranges, `weight` on the loss."""

    price: Steps
    vol: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1, le=1)]
    weight: Fraction = 1.0


class DeltaPoint(Part):
    """A move of the composite delta, in scan ranges, and how much the delta there counts."""

    price: Steps
    weight: Positive


class SpanUnderlying(Part):
    """Scan ranges of one combined commodity: parts of its price and of each volatility; `short_option` is the least
    charge for one coin of a sold option, a part of the index."""

    price_scan: Part_of
    vol_scan: Part_of
    short_option: Fraction


class SpanTier(Part):
    """Contract months up to `upto` days from expiry (`null`: without end), and their spot-month charges for one coin
    of delta, parts of the index: `outright` for what no spread took, `consumed` for what one did."""

    name: Name
    upto: Positive | None = None
    outright: Fraction = 0.0
    consumed: Fraction = 0.0


class SpanSpread(Part):
    """The charge for a coin long in one tier against a coin short in the other, a part of the index."""

    legs: tuple[Name, Name]
    rate: Fraction


class SpanLeg(Part):
    """A leg of a spread across combined commodities: dollars of delta that one spread takes, and its side."""

    underlying: Asset
    ratio: Positive
    side: Literal["long", "short"]


class SpanCredit(Part):
    """A spread across combined commodities and the part of its legs' price risk that is given back."""

    legs: Annotated[tuple[SpanLeg, ...], Field(min_length=2, max_length=8)]
    rate: Fraction

    @model_validator(mode="after")
    def _apart(self) -> Self:
        named = [leg.underlying for leg in self.legs]
        if len(set(named)) < len(named):
            raise fault("legs", ", ".join(named), "each underlying once")
        return self


class SpanParameters(Part):
    """A whole SPAN pack.

    `scenarios` are the sixteen in the order of `plimsoll.margin.parts.span`. `lookahead_days` pass in each of them.
    `perpetual` is the tier of contracts without expiry; the others take the dated ones, nearest first. `spreads` and
    `credits` in the order of their priority. The maintenance margin is the risk, the initial margin `initial_ratio`
    times it. `haircuts` by collateral asset; an asset that is owed is charged the haircut on top.
    """

    scenarios: tuple[SpanScenario, ...]
    lookahead_days: NonNegative
    delta_points: Annotated[tuple[DeltaPoint, ...], Field(min_length=1, max_length=64)]
    initial_ratio: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=1, le=10)]
    underlyings: Annotated[dict[Asset, SpanUnderlying], Field(min_length=1)]
    perpetual: Name
    tiers: Annotated[tuple[SpanTier, ...], Field(min_length=1, max_length=64)]
    spreads: Annotated[tuple[SpanSpread, ...], Field(max_length=1024)]
    credits: Annotated[tuple[SpanCredit, ...], Field(max_length=1024)] = ()
    haircuts: dict[Asset, Fraction]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len(self.scenarios) != SCENARIOS:
            raise fault("scenarios", f"{len(self.scenarios)} of them", f"{SCENARIOS}")
        for n, (scenario, pair) in enumerate(zip(self.scenarios, PAIRED, strict=True)):
            if scenario.price != self.scenarios[pair].price:
                raise fault(
                    f"scenarios[{n}].price", scenario.price, f"that of its pair, {self.scenarios[pair].price!r}"
                )
        if self.scenarios[0].price != 0.0:
            raise fault("scenarios[0].price", self.scenarios[0].price, "0.0: the first two leave the price where it is")
        lowest = min([s.price for s in self.scenarios] + [d.price for d in self.delta_points])
        for name, row in self.underlyings.items():
            if 1.0 + lowest * row.price_scan <= 0.02:
                allowed = "a range whose lowest move leaves more than two per cent of the price"
                raise fault(f"underlyings.{name}.price_scan", row.price_scan, allowed)
        self._named()
        return self

    def _named(self) -> None:
        names = [t.name for t in self.tiers]
        if len(set(names)) < len(names):
            raise fault("tiers", ", ".join(names), "each name once")
        if self.perpetual not in names:
            raise fault("perpetual", self.perpetual, "one of the tiers: " + ", ".join(names))
        ends = [t.upto for t in self.tiers if t.name != self.perpetual]
        for n, (end, later) in enumerate(zip(ends, [*ends[1:], None], strict=True)):
            if (end is None) != (n == len(ends) - 1) or (later is not None and end is not None and later <= end):
                raise fault(
                    "tiers", f"ends {ends!r}", "days that rise, and no end for the last tier of dated contracts"
                )
        if not ends:
            raise fault("tiers", ", ".join(names), "a tier for dated contracts beside the perpetual one")
        for n, spread in enumerate(self.spreads):
            for leg in spread.legs:
                if leg not in names:
                    raise fault(f"spreads[{n}].legs", leg, "tiers of the pack: " + ", ".join(names))
        for n, credit in enumerate(self.credits):
            for c in credit.legs:
                if c.underlying not in self.underlyings:
                    allowed = "underlyings of the pack: " + ", ".join(self.underlyings)
                    raise fault(f"credits[{n}].legs", c.underlying, allowed)

    def columns(self, underlying: str) -> Scenarios:
        """The sixteen scenarios of one combined commodity as columns of the P&L array."""
        row = self.underlyings[underlying]
        return Scenarios.build(
            [1.0 + s.price * row.price_scan for s in self.scenarios],
            [s.vol * row.vol_scan for s in self.scenarios],
            [s.weight for s in self.scenarios],
            days=[self.lookahead_days] * SCENARIOS,
            labels=[_label(s) for s in self.scenarios],
            kinds=["regular" if s.weight == 1.0 else "tail" for s in self.scenarios],
        )

    def tier_of(self, seconds: float | None) -> int:
        """Number of the tier of a contract that expires in `seconds`, or never."""
        for n, tier in enumerate(self.tiers):
            if (tier.name == self.perpetual) == (seconds is None) and (
                seconds is None or tier.upto is None or seconds <= tier.upto * 86_400.0
            ):
                return n
        raise AssertionError("the last tier has no end")

    def offsets(self, spot: float) -> Offsets:
        """Spreads and spot charges in USD for one coin of delta at an index of `spot` USD."""
        number = {t.name: n for n, t in enumerate(self.tiers)}
        return Offsets(
            tuple(Spread(number[s.legs[0]], number[s.legs[1]], s.rate * spot) for s in self.spreads),
            np.array([t.outright * spot for t in self.tiers]),
            np.array([t.consumed * spot for t in self.tiers]),
        )


def _label(row: SpanScenario) -> str:
    price = {0.0: "price still"}.get(row.price, f"price {row.price:+.3g} ranges")
    return price + (f", vol {'up' if row.vol > 0 else 'down'}" if row.vol else "")
