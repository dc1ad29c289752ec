"""What is assumed of an execution: risk aversion, how prices move, what lasts of an impact, the costs of a chain."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from plimsoll.documents import Asset, Document, Fraction, Name, NonNegative, Part, Positive, fault
from plimsoll.documents.instants import Day

Correlation = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1, le=1)]
Evidence = Annotated[str, Field(pattern="^(measured|assumed)$")]


class ChainCost(Part):
    """What a chain takes of one order: gas in US dollars and what others make of having seen it (MEV), as a part of the
    notional. Both log-normal, given by their mean and the standard deviation of the logarithm.

    ```
    cost = gas_usd exp(gas_spread Z - gas_spread^2 / 2) + notional mev exp(mev_spread Z' - mev_spread^2 / 2)
    ```
    """

    gas_usd: NonNegative = 0.0
    gas_spread: NonNegative = 0.0
    mev: Fraction = 0.0
    mev_spread: NonNegative = 0.0


CHAINS: dict[str, ChainCost] = {
    "aevo": ChainCost(gas_usd=0.0, mev=0.0),
    "derive": ChainCost(gas_usd=0.02, gas_spread=0.8),
    "drift": ChainCost(gas_usd=0.01, gas_spread=1.0, mev=0.0001, mev_spread=1.0),
    "dydx": ChainCost(gas_usd=0.0, mev=0.00005, mev_spread=1.0),
    "gmx": ChainCost(gas_usd=0.30, gas_spread=1.0, mev=0.0001, mev_spread=1.0),
    "hyperliquid": ChainCost(gas_usd=0.0, mev=0.00002, mev_spread=1.0),
    "opyn": ChainCost(gas_usd=8.0, gas_spread=1.2, mev=0.0003, mev_spread=1.0),
    "paradex": ChainCost(gas_usd=0.0, mev=0.0),
    "synthetix": ChainCost(gas_usd=0.20, gas_spread=1.0, mev=0.0001, mev_spread=1.0),
}
"""By the first word of a rule set, orders of magnitude as of 2026-11-26, assumed, measured on no chain."""


class ExecutionTerms(Document):
    """Terms of an execution, all of them assumptions unless `evidence` says otherwise.

    `risk_aversion` is what a dollar squared of variance is worth, in dollars. `volatility` (a year) replaces the
    implied one nearest to 30 days; where the market has no option it is needed. `correlation` holds between any two
    coins, `vol_of_vol` is the relative volatility a year of every implied volatility of a coin, `spot_vol` its
    correlation with the price. `lasting` is the part of an impact that never goes away, `refill` what comes back of the
    rest in a minute. An instrument without a book has the slope of `liquidity` where that is about its coin, and
    otherwise one that doubles the half-spread at the posted size. `chains` are costs of orders by the first word of a
    rule set; `as_of` is the day of these numbers.
    """

    SCHEMA: ClassVar[str] = "plimsoll.execution-terms"

    risk_aversion: NonNegative = 1e-6
    volatility: dict[Asset, Positive] = {}
    correlation: Correlation = 0.8
    vol_of_vol: NonNegative = 0.9
    spot_vol: Correlation = -0.3
    lasting: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, lt=1)] = 0.3
    refill: Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, le=1)] = 0.737
    delay_seconds: NonNegative = 2.0
    chains: dict[Name, ChainCost] = CHAINS
    as_of: Day = date(2026, 11, 26)
    evidence: Evidence = "assumed"

    @model_validator(mode="after")
    def _joint(self) -> Self:
        # of many coins with one correlation only a number not below zero is a correlation of all of them
        if self.correlation < 0.0:
            raise fault("correlation", self.correlation, "a number from 0 to 1")
        return self

    def chain(self, rules: str) -> ChainCost:
        """The costs at the venue of a rule set such as `derive-pmrm2@2025-04-18`; none where no chain is known."""
        return self.chains.get(rules.partition("@")[0].partition("-")[0], ChainCost())
