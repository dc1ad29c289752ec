"""Options other than the European vanilla one: one kind for each payoff.

`S` is the index of the underlying, `K` the strike, `T` the expiry; a payoff is in USD for one coin of `multiplier`.
A linear contract pays it in `currency` at par, a quanto one pays as many units of `currency`, an inverse one pays it
over the index at the moment of payment, in coins. Formulas, sources and limits: docs/payoffs.md.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from plimsoll.contracts.settlement import Settlement
from plimsoll.documents import Asset, Flag, Instant, Name, NonNegative, Part, Positive, fault


class AmericanOption(Part):
    """A call or put that its holder may exercise into the index at any time up to `expiry`."""

    kind: Literal["american_option"] = "american_option"
    name: Name
    underlying: Asset
    expiry: Instant
    strike: Positive
    call: Flag
    settlement: Settlement
    currency: Asset
    multiplier: Positive = 1.0


class BarrierOption(Part):
    """A European option that lives only if the index never touched `barrier` (out), or only if it did (`knock_in`).

    The index is watched without a break until `expiry`. With `up` the barrier is touched at or above it, else at or
    below it; `touched` says that this has happened, and an index beyond the barrier now says so too. `rebate` in USD
    is paid at expiry, and at no other time, if the option is then not alive.
    """

    kind: Literal["barrier_option"] = "barrier_option"
    name: Name
    underlying: Asset
    expiry: Instant
    strike: NonNegative
    call: Flag
    barrier: Positive
    up: Flag
    knock_in: Flag
    rebate: NonNegative = 0.0
    touched: Flag = False
    settlement: Settlement
    currency: Asset
    multiplier: Positive = 1.0


class DigitalOption(Part):
    """Pays all or nothing at expiry: a call if `S > K`, a put if `S <= K`.

    `pays="cash"` pays `cash` USD for each coin of `multiplier`; `pays="asset"` pays the coin's price `S`.
    """

    kind: Literal["digital_option"] = "digital_option"
    name: Name
    underlying: Asset
    expiry: Instant
    strike: NonNegative
    call: Flag
    pays: Literal["cash", "asset"]
    cash: Positive = 1.0
    settlement: Settlement
    currency: Asset
    multiplier: Positive = 1.0

    @model_validator(mode="after")
    def _one_payout(self) -> Self:
        if self.pays == "asset" and self.cash != 1.0:
            raise fault("cash", self.cash, "left out where pays is 'asset'")
        return self


class AsianOption(Part):
    """A European option on the average of the index at the instants `fixings`, which all weigh the same.

    `average` is arithmetic or geometric. `accrued` is the average, of the same sort, of the fixings that are known:
    those at or before the time of the market. It is needed as soon as there is one, and means nothing before.
    """

    kind: Literal["asian_option"] = "asian_option"
    name: Name
    underlying: Asset
    expiry: Instant
    strike: NonNegative
    call: Flag
    average: Literal["arithmetic", "geometric"]
    fixings: Annotated[tuple[Instant, ...], Field(min_length=1, max_length=2000)]
    accrued: Positive | None = None
    settlement: Settlement
    currency: Asset
    multiplier: Positive = 1.0

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for i in range(1, len(self.fixings)):
            if self.fixings[i] <= self.fixings[i - 1]:
                raise fault(f"fixings[{i}]", self.fixings[i].isoformat(), "instants that increase")
        if self.fixings[-1] > self.expiry:
            allowed = f"instants not after the expiry {self.expiry.isoformat()}"
            raise fault(f"fixings[{len(self.fixings) - 1}]", self.fixings[-1].isoformat(), allowed)
        return self


class PowerOption(Part):
    """Pays `K * max(0, (S/K)^power - 1)` (call) or `K * max(0, 1 - (S/K)^power)` (put), at most `cap` USD.

    The price counts in units of the strike, so that the payoff is in dollars and a power of one is the vanilla option.
    """

    kind: Literal["power_option"] = "power_option"
    name: Name
    underlying: Asset
    expiry: Instant
    strike: Positive
    call: Flag
    power: Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, le=10)]
    cap: Positive | None = None
    settlement: Settlement
    currency: Asset
    multiplier: Positive = 1.0


class PerpetualOption(Part):
    """An option without expiry, whose holder pays for its time as he goes, at `holding_rate` per year.

    * `style="everlasting"`: the holder pays `holding_rate * (value - payoff)` per year, without a break, and cannot
      exercise. A rate of 365 is the difference once a day.
    * `style="american"`: the holder pays `holding_rate * value` per year and may exercise into the index at any time.
    """

    kind: Literal["perpetual_option"] = "perpetual_option"
    name: Name
    underlying: Asset
    strike: Positive
    call: Flag
    style: Literal["everlasting", "american"]
    holding_rate: Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, le=100_000)]
    settlement: Settlement
    currency: Asset
    multiplier: Positive = 1.0


DatedExotic = AmericanOption | BarrierOption | DigitalOption | AsianOption | PowerOption
Exotic = DatedExotic | PerpetualOption
