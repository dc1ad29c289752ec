"""The shocks that a stress scenario is made of, one part for each kind; an unknown kind is refused with the list."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from plimsoll.documents import Asset, Fraction, NonNegative, Number, Part, Positive, fault

ALL = "all"
"""Subject of a shock that every underlying has which no shock of the same kind names."""

Evidence = Literal["measured", "read", "assumed"]
Move = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=-1)]
Correlation = Annotated[float, Field(strict=True, ge=-1, le=1)]
Tilt = Annotated[float, Field(strict=True, gt=-1, lt=1)]


class _Shock(Part):
    """`evidence` is `measured` where the numbers are cut from recorded prices, `read` where a source prints them, else
    `assumed`; `source` says which, where it is not that of the scenario."""

    evidence: Evidence = "assumed"
    source: str = ""

    @property
    def subject(self) -> str:
        """What is shocked: with the kind, it appears once in a scenario."""
        return ""


def _ordered(waypoints: Sequence[tuple[float, float]] | None) -> None:
    if waypoints is not None and any(b[0] <= a[0] for a, b in pairwise(waypoints)):
        raise fault("waypoints", [h for h, _ in waypoints], "hours that grow")


def _one_of(part: Part, *fields: str) -> None:
    given = [f for f in fields if getattr(part, f) is not None]
    if len(given) != 1:
        raise fault(given[-1] if given else fields[0], given or "nothing", "exactly one of " + ", ".join(fields))


class PriceShock(_Shock):
    """`move` of the price at `hour` (-0.3 = -30 %), or `waypoints`: the move since the start by hour, growing.

    Between waypoints the log of the price is straight, before the first it comes from zero, after the last it stays.
    With `underlying` `all`, `betas` multiply the log move of those that they name; the others have one.
    """

    shock: Literal["price"] = "price"
    underlying: Asset = ALL
    move: Move | None = None
    hour: NonNegative = 0.0
    waypoints: Annotated[tuple[tuple[NonNegative, Move], ...], Field(min_length=1)] | None = None
    betas: dict[Asset, Number] = {}

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        _one_of(self, "move", "waypoints")
        _ordered(self.waypoints)
        if self.betas and self.underlying != ALL:
            raise fault("betas", list(self.betas), f"no betas where the underlying is not {ALL!r}")
        return self

    @property
    def subject(self) -> str:
        return self.underlying


class CorrelationShock(_Shock):
    """How the others follow `lead`: with `rho` 1 all move with it, with 0 they only have their own move.

    Log move of another underlying: `rho * ratio * lead + sqrt(1 - rho^2) * own`, `ratio` (one if left out) its
    volatility over that of the lead, `own` what a price shock that names it says (zero without one).
    """

    shock: Literal["correlation"] = "correlation"
    lead: Asset
    rho: Correlation
    ratio: dict[Asset, Positive] = {}


class VolatilityShock(_Shock):
    """Implied volatilities times `multiple`, or plus `points` (0.2 = 20 points), from `hour` on; or `waypoints` of
    multiples by hour, straight in their log.

    The multiple is that of `reference_days`; the relative shock of another tenor follows the power law of
    `plimsoll.scenarios.VolRule` with `short_power` and `long_power` (zero: the same at every tenor).
    """

    shock: Literal["volatility"] = "volatility"
    underlying: Asset = ALL
    multiple: Positive | None = None
    points: Number | None = None
    hour: NonNegative = 0.0
    waypoints: Annotated[tuple[tuple[NonNegative, Positive], ...], Field(min_length=1)] | None = None
    reference_days: Positive = 30.0
    short_power: NonNegative = 0.0
    long_power: NonNegative = 0.0

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        _one_of(self, "multiple", "points", "waypoints")
        _ordered(self.waypoints)
        return self

    @property
    def subject(self) -> str:
        return self.underlying


class SkewShock(_Shock):
    """The smile turns from `hour` on: a volatility is multiplied by `1 + tilt * x`, `x = -ln(K/F) / sqrt(T)` held
    within -1 and 1, `T` in years of at least a week. A positive tilt lifts puts; within -1 and 1 no volatility
    reaches zero."""

    shock: Literal["skew"] = "skew"
    underlying: Asset = ALL
    tilt: Tilt
    hour: NonNegative = 0.0

    @property
    def subject(self) -> str:
        return self.underlying


class DepthShock(_Shock):
    """`left` of the calm depth remains from `hour` on for `hours`; then what is missing halves every `recovery_hours`
    (`None`: nothing comes back)."""

    shock: Literal["depth"] = "depth"
    underlying: Asset = ALL
    left: Fraction
    hour: NonNegative = 0.0
    hours: NonNegative = 0.0
    recovery_hours: Positive | None = None

    @property
    def subject(self) -> str:
        return self.underlying


class PegShock(_Shock):
    """USD for one unit of a stable `currency`: `price` from `hour` on, or `waypoints` by hour, straight between them.

    Before the first waypoint it comes from one.
    """

    shock: Literal["peg"] = "peg"
    currency: Asset
    price: NonNegative | None = None
    hour: NonNegative = 0.0
    waypoints: Annotated[tuple[tuple[NonNegative, NonNegative], ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        _one_of(self, "price", "waypoints")
        _ordered(self.waypoints)
        return self

    @property
    def subject(self) -> str:
        return self.currency


class DelayShock(_Shock):
    """Marks come `seconds` late and gas costs `gas` times the calm price, from `hour` for `hours` (`None`: on)."""

    shock: Literal["delay"] = "delay"
    seconds: NonNegative
    gas: Positive = 1.0
    hour: NonNegative = 0.0
    hours: Positive | None = None


class FundingShock(_Shock):
    """Funding `rate` per 8 hours (0.003 = 0.3 %, longs pay) of perpetuals from `hour` for `hours`."""

    shock: Literal["funding"] = "funding"
    underlying: Asset = ALL
    rate: Number
    hour: NonNegative = 0.0
    hours: Positive = 8.0

    @property
    def subject(self) -> str:
        return self.underlying


Shock = Annotated[
    PriceShock | CorrelationShock | VolatilityShock | SkewShock | DepthShock | PegShock | DelayShock | FundingShock,
    Field(discriminator="shock"),
]


def hours_of(shock: Any) -> list[float]:
    """The hours at which a shock begins, bends or ends."""
    waypoints = getattr(shock, "waypoints", None)
    if waypoints is not None:
        return [h for h, _ in waypoints]
    return [getattr(shock, "hour", 0.0)]
