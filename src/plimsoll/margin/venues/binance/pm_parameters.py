"""The numbers of Binance's Portfolio Margin as a pack holds them."""

from __future__ import annotations

from itertools import pairwise
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


class Status(Part):
    """What the venue does with an account whose uniMMR is above `uni_mmr_above`."""

    name: Name
    uni_mmr_above: NonNegative


class PmParameters(Part):
    """A Portfolio Margin pack.

    `default_leverage` of futures for which none was chosen, `default_margin_leverage` the key in `loans` that holds
    unless a setting of the account names another. `open_loss`: what open orders would lose at once is taken off
    equity. `statuses` from the highest uniMMR down, the last above zero. `um` and `cm` are brackets by symbol.
    """

    default_leverage: Positive
    default_margin_leverage: Name
    open_loss: Flag
    collateral: dict[Asset, CollateralRate]
    loans: dict[Name, LoanTerms]
    statuses: tuple[Status, ...]
    um: dict[Name, TierTable]
    cm: dict[Name, TierTable]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.default_margin_leverage not in self.loans:
            raise fault("default_margin_leverage", self.default_margin_leverage, "one of " + ", ".join(self.loans))
        if not self.statuses or self.statuses[-1].uni_mmr_above != 0.0:
            raise fault("statuses", f"{len(self.statuses)} statuses", "a last one above 0")
        for i, (above, below) in enumerate(pairwise(self.statuses)):
            if above.uni_mmr_above <= below.uni_mmr_above:
                allowed = f"a ratio below {above.uni_mmr_above!r}, that of the status before it"
                raise fault(f"statuses[{i + 1}].uni_mmr_above", below.uni_mmr_above, allowed)
        return self

    def status(self, ratio: float) -> str:
        """The status at a uniMMR; at or below zero that of the last."""
        return next((s.name for s in self.statuses if ratio > s.uni_mmr_above), self.statuses[-1].name)
