"""The numbers of an OKX portfolio-margin pack: groups of coins, shocks, tiers, borrow margin, discounts."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, model_validator

from plimsoll.documents import Asset, Flag, Fraction, Name, NonNegative, Part, Positive, fault
from plimsoll.margin.parts.discounts import DiscountTable

Move = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, lt=1)]
UnitBy = Literal["underlying", "settlement"]
"""A risk unit holds everything on a coin, or only what settles in one currency."""

Step = Literal[
    "cancel_orders",
    "hedge_stable_coins",
    "hedge_delta",
    "reduce_by_tier",
]
"""`hedge_stable_coins` where the de-peg charge dominates (DDH1), `hedge_delta` with perpetuals and futures where the
spot shock does (DDH2)."""


class Group(Part):
    """Numbers that a list of coins has in common; no coins: all that no other group names."""

    coins: tuple[Asset, ...] = ()


class Moves(Group):
    """Spot shocks of MR1 as fractions, each up and down; the unmoved price is a scenario of its own."""

    moves: Annotated[tuple[Move, ...], Field(min_length=1, max_length=20)]


class Extreme(Group):
    """The far move of MR6, up and down, as a fraction."""

    move: Move


class Basis(Group):
    """MR4 of an expiry's net cash delta: `max(floor, e^(annual years) - 1)`; a perpetual has the floor."""

    annual: NonNegative
    floor: NonNegative


class CloseOut(Group):
    """MR7 before scaling: fees and slippage of a future or perpetual as a part of its cash delta."""

    rate: Fraction


class ScaleTier(Part):
    """Raw minimum charge up to `upto` USD (`null`: without end) counts `multiplier` times."""

    upto: Positive | None
    multiplier: NonNegative


class Scaling(Group):
    """Tiers of MR7 within a risk unit, each part of the raw charge at the multiplier of its own tier."""

    tiers: Annotated[tuple[ScaleTier, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for n, (before, tier) in enumerate(pairwise(self.tiers)):
            if before.upto is None:
                raise fault(f"tiers[{n}].upto", None, "an amount, for all tiers but the last")
            if tier.upto is not None and tier.upto <= before.upto:
                raise fault(f"tiers[{n + 1}].upto", tier.upto, f"an amount above {before.upto!r}")
        if self.tiers[-1].upto is not None:
            raise fault(f"tiers[{len(self.tiers) - 1}].upto", self.tiers[-1].upto, "null: the last tier has no end")
        return self


class Borrow(Group):
    """MR8: margin of an owed currency as parts of the amount, and the fee of liquidating it."""

    maintenance: Fraction
    initial: Fraction
    liquidation_fee: Fraction


class VolPoint(Part):
    """Volatility shock of MR1 at `days` to expiry: in points (0.3 = 30 points) and as a part of the volatility."""

    days: NonNegative
    points: NonNegative
    percent: Fraction


class OptionClose(Part):
    """MR7 of an option for one coin: slippage `max(least, rate |delta|)` coins, for a long one at most its mark; fee
    `fee` of the index, at most `fee_cap` of the mark."""

    slippage_least: NonNegative
    slippage_rate: NonNegative
    fee: NonNegative
    fee_cap: NonNegative


class RatePoint(Part):
    """MR5 at `days` to expiry: how far the first component lifts the curve, a rate a year."""

    days: NonNegative
    level: NonNegative


class RateShock(Part):
    """MR5: a level component, linear between its points, and a slope one that goes from `+slope` at the first to
    `-slope` at the last."""

    points: Annotated[tuple[RatePoint, ...], Field(min_length=2)]
    slope: NonNegative

    @model_validator(mode="after")
    def _later(self) -> Self:
        for n, (before, point) in enumerate(pairwise(self.points)):
            if point.days <= before.days:
                raise fault(f"points[{n + 1}].days", point.days, f"days above {before.days!r}")
        return self


class DepegTier(Part):
    """Hedged cash delta up to `upto` USD (`null`: without end) and its rate at each level of the index."""

    upto: Positive | None
    rates: tuple[Fraction, ...]


class Depeg(Part):
    """MR9: rates by tier of the hedged amount and by how far the pair is from its peg.

    `levels` fall; a pair at or above `levels[n]` has the rate `n`, one below all of them the last. `order` names the
    pairs in the order in which hedges are taken.
    """

    levels: Annotated[tuple[Move, ...], Field(min_length=1)]
    order: Annotated[tuple[tuple[Asset, Asset], ...], Field(min_length=1)]
    tiers: Annotated[tuple[DepegTier, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _shape(self) -> Self:
        for n, (level, below) in enumerate(pairwise(self.levels)):
            if below >= level:
                raise fault(f"levels[{n + 1}]", below, f"a level below {level!r}")
        for n, tier in enumerate(self.tiers):
            if len(tier.rates) != len(self.levels):
                raise fault(f"tiers[{n}].rates", f"{len(tier.rates)} of them", f"{len(self.levels)}, one for a level")
            last = n == len(self.tiers) - 1
            if (tier.upto is None) != last:
                raise fault(f"tiers[{n}].upto", tier.upto, "null for the last tier and for no other")
        for n, (tier, after) in enumerate(pairwise(self.tiers)):
            if tier.upto is not None and after.upto is not None and after.upto <= tier.upto:
                raise fault(f"tiers[{n + 1}].upto", after.upto, f"an amount above {tier.upto!r}")
        return self


class PmLiquidation(Part):
    """What happens below which margin ratio: a warning, then `steps` in their order until the account is safe."""

    warn_at: Positive
    liquidate_at: Positive
    steps: tuple[Step, ...]


G = TypeVar("G", bound=Group)


def group_of(groups: Mapping[str, G], coin: str) -> tuple[str, G]:
    """Name and numbers of the group that a coin is in, the one without coins where none names it."""
    for name, group in groups.items():
        if coin in group.coins:
            return name, group
    return next((name, group) for name, group in groups.items() if not group.coins)


class PmParameters(Part):
    """A whole portfolio-margin pack, amounts in USD.

    `term_structure` is the part of volatility gains in one expiry, set against losses in another, that MR3 takes back;
    `extreme_share` the part of the loss of MR6 that is charged; `theta_days` the time of MR2. `spot_in_use`: whether
    coins held take part in the unit of their coin unless the holder says otherwise.
    """

    unit: UnitBy
    spot_in_use: Flag
    initial_factor: Positive
    mr1: dict[Name, Moves]
    vol_shocks: Annotated[tuple[VolPoint, ...], Field(min_length=1)]
    theta_days: Positive
    term_structure: Fraction
    mr4: dict[Name, Basis]
    mr5: RateShock
    mr6: dict[Name, Extreme]
    extreme_share: Fraction
    mr7: dict[Name, CloseOut]
    option_close: OptionClose
    scaling: dict[Name, Scaling]
    mr8: dict[Name, Borrow]
    mr9: Depeg | None = None
    discounts: Annotated[dict[Asset, DiscountTable], Field(min_length=1)]
    liquidation: PmLiquidation

    @model_validator(mode="after")
    def _groups(self) -> Self:
        for field in ("mr1", "mr4", "mr6", "mr7", "scaling", "mr8"):
            groups: dict[str, Group] = getattr(self, field)
            rest = [name for name, group in groups.items() if not group.coins]
            if len(rest) != 1:
                raise fault(field, f"groups without coins: {', '.join(rest) or 'none'}", "one, for all other coins")
            named = [coin for group in groups.values() for coin in group.coins]
            twice = sorted({coin for coin in named if named.count(coin) > 1})
            if twice:
                raise fault(field, f"{', '.join(twice)} in two groups", "each coin in one group")
        for n, (before, point) in enumerate(pairwise(self.vol_shocks)):
            if point.days <= before.days:
                raise fault(f"vol_shocks[{n + 1}].days", point.days, f"days above {before.days!r}")
        return self
