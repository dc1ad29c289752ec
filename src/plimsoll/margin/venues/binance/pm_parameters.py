"""The numbers of Binance's Portfolio Margin as a pack holds them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from plimsoll.documents import Asset, Flag, Fraction, Name, NonNegative, Part, Positive, fault
from plimsoll.margin.parts.tiers import TierTable


class CollateralRate(Part):
    """Part of a positive balance's value that counts as equity."""

    collateral_rate: Fraction


class LoanTerms(Part):
    """Margin on what is borrowed at one of the leverages of the margin account: `loan_maintenance` of the loan is
    maintenance margin, `1 / (margin_leverage - 1)` of it initial margin.
    """

    margin_leverage: Annotated[float, Field(strict=True, allow_inf_nan=False, gt=1)]
    loan_maintenance: Fraction


LIQUIDATED = ("liquidation", "bankrupt")
"""Statuses in which the venue closes the account."""


class Status(Part):
    """What the venue does with an account whose uniMMR is above `uni_mmr_above`."""

    uni_mmr_above: NonNegative


class PmParameters(Part):
    """A Portfolio Margin pack.

    `default_leverage` of futures for which none was chosen, `default_margin_leverage` the key in `loans` that holds
    unless a setting of the account names another. `open_loss`: what open orders would lose at once is taken off
    equity. `statuses` by name, the lowest above zero; in those called `liquidation` and `bankrupt` the account is
    closed. `um` and `cm` are brackets by symbol.
    """

    default_leverage: Positive
    default_margin_leverage: Name
    open_loss: Flag
    collateral: dict[Asset, CollateralRate]
    loans: dict[Name, LoanTerms]
    statuses: dict[Name, Status]
    um: dict[Name, TierTable]
    cm: dict[Name, TierTable]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.default_margin_leverage not in self.loans:
            raise fault("default_margin_leverage", self.default_margin_leverage, "one of " + ", ".join(self.loans))
        above: dict[float, str] = {}
        for name, status in self.statuses.items():
            other = above.setdefault(status.uni_mmr_above, name)
            if other != name:
                allowed = f"another ratio than that of {other!r}"
                raise fault(f"statuses.{name}.uni_mmr_above", status.uni_mmr_above, allowed)
        if 0.0 not in above:
            raise fault("statuses", f"{len(above)} statuses", "one above 0 among them")
        return self

    @property
    def liquidated_at(self) -> float:
        """The uniMMR at which liquidation begins: the lowest of the statuses before it; one where none is so called."""
        before = [s.uni_mmr_above for name, s in self.statuses.items() if name not in LIQUIDATED]
        return min(before) if before and len(before) < len(self.statuses) else 1.0

    def status(self, ratio: float) -> str:
        """The status at a uniMMR; at or below zero that of the lowest."""
        falling = sorted(self.statuses, key=lambda n: -self.statuses[n].uni_mmr_above)
        return next((n for n in falling if ratio > self.statuses[n].uni_mmr_above), falling[-1])
