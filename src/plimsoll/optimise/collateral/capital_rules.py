"""Floors, leverage caps and capital ratios of accounts: a dated document of parameters, without a legal claim."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from plimsoll.documents import Document, Instant, Name, NonNegative, Part, Positive
from plimsoll.margin.account import Account
from plimsoll.market import Market
from plimsoll.optimise.terms import Evidence
from plimsoll.risk import compile_plan
from plimsoll.risk.plan import F64

Ratio = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=1.0, le=1e6)]


class AccountRules(Part):
    """One account: `least_equity` in US dollars (a floor of a mode), `leverage` the most of gross notional over equity,
    `ratio` the least of equity over initial margin. Equity is what the account's own rules count.
    """

    least_equity: NonNegative = 0.0
    leverage: Positive | None = None
    ratio: Ratio | None = None


class CapitalRules(Document):
    """Rules by account, read on a day and in force from it; `accounts` by name, `default` for the others."""

    SCHEMA: ClassVar[str] = "plimsoll.capital-rules"

    as_of: Instant
    source: Annotated[str, Field(min_length=1)]
    evidence: Evidence = "assumed"
    default: AccountRules = AccountRules()
    accounts: dict[Name, AccountRules] = {}

    def of(self, account: str) -> AccountRules:
        """The rules of an account."""
        return self.accounts.get(account, self.default)


def unit_notional(names: tuple[str, ...], market: Market) -> F64:
    """`[N]` US dollars of the underlying that one contract is about, at the index."""
    plan = compile_plan([market.contracts[n] for n in names], market)
    linear = np.array([getattr(c, "settlement", "linear") != "inverse" for c in plan.contracts], dtype=bool)
    coins = np.where(linear | plan.option, plan.multiplier, plan.multiplier / plan.price)
    result: F64 = np.abs(coins * plan.spot)
    return result


def gross_notional(account: Account, market: Market) -> float:
    """US dollars of underlying of all positions, long and short added up."""
    held: Mapping[str, float] = {p.instrument: p.quantity for p in account.positions if p.quantity}
    if not held:
        return 0.0
    return float(unit_notional(tuple(held), market) @ np.abs(np.array(list(held.values()))))
