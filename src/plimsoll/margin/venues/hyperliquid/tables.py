"""Margin tables as the venue lists them: a highest leverage from each notional up.

Source: venues-cex section 5.1 and venues-onchain section 3.5, own words. Rule codes `HL-PERPS-nn` are in docs/rules.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from plimsoll.documents import Asset, Name, NonNegative, Part, fault
from plimsoll.margin.parts.tiers import Tier, TierTable

SINGLE_TIER_BELOW = 50
"""A table whose number is smaller has one tier, with that number as its highest leverage."""

Single = Annotated[int, Field(strict=True, ge=1, lt=SINGLE_TIER_BELOW)]
Interval = Annotated[int, Field(strict=True, ge=1, le=24)]
Leverage = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=1, le=1000)]


class MarginTier(Part):
    """A tier: it holds for notionals above `lower_bound` (in the settlement currency), up to the next one."""

    lower_bound: NonNegative
    max_leverage: Leverage


class MarginTables(Part):
    """Tables by name, and the table of each coin: a name in `tables`, or a number below 50 for a single tier.

    `funding_interval` are the hours between two payments of funding, from midnight UTC; `None`: the usual eight.

    Raises `DocumentError` for a coin whose table is neither, for bounds that do not start at zero and rise, and for a
    leverage that rises with the notional.
    """

    tables: dict[Name, Annotated[tuple[MarginTier, ...], Field(min_length=1)]]
    coins: Annotated[dict[Asset, Single | Name], Field(min_length=1)]
    funding_interval: Interval | None = None

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name, tiers in self.tables.items():
            if tiers[0].lower_bound != 0.0:
                raise fault(f"tables.{name}[0].lower_bound", tiers[0].lower_bound, "0, where the first tier starts")
            for n, (before, tier) in enumerate(pairwise(tiers), start=1):
                if tier.lower_bound <= before.lower_bound:
                    allowed = f"a notional above {before.lower_bound!r}, where the tier before it starts"
                    raise fault(f"tables.{name}[{n}].lower_bound", tier.lower_bound, allowed)
                if tier.max_leverage > before.max_leverage:
                    allowed = f"at most {before.max_leverage!r}, the leverage of the tier before it"
                    raise fault(f"tables.{name}[{n}].max_leverage", tier.max_leverage, allowed)
        for coin, table in self.coins.items():
            if isinstance(table, str) and table not in self.tables:
                allowed = "a name in tables, or a whole number from 1 to 49: one tier of that leverage"
                raise fault(f"coins.{coin}", table, allowed)
        return self

    def tiers_of(self, coin: str) -> TierTable | None:
        """The tiers of a coin, `None` where it is not listed.

        `rate_n = 1 / (2 leverage_n)`, `deduction_n = deduction_(n-1) + lower_n (rate_n - rate_(n-1))`.
        """
        name = self.coins.get(coin)
        if name is None:
            return None
        single = isinstance(name, int)
        listed = (MarginTier(lower_bound=0.0, max_leverage=float(name)),) if single else self.tables[str(name)]
        ends = [tier.lower_bound for tier in listed[1:]]
        rows = zip(listed, [*ends, None], strict=True)
        return TierTable(
            tiers=tuple(
                Tier(upto=end, maintenance=0.5 / tier.max_leverage, initial=1.0 / tier.max_leverage)
                for tier, end in rows
            )
        )
