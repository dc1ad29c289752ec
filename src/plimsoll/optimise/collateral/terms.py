"""What collateral costs while it lies at a venue, what moving and borrowing it costs, and what is in wallets."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from plimsoll.documents import Asset, Document, Fraction, Instant, Name, NonNegative, Number, Part, Positive, fault
from plimsoll.optimise.terms import Evidence

Yearly = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1.0, le=10.0)]
"""A simple rate a year, of which 0.04 is 4 % of the value in 365 days."""


class AssetTerms(Part):
    """One asset wherever it lies.

    `carry` is what it earns a year in a wallet (staking, lending, a bill) and so what is forgone where it is posted.
    A transfer costs the sender `fee` of the asset and `rate` of the amount on top of it, and takes `hours`, in which
    the amount counts nowhere. Amounts moved are multiples of `lot`; left out, any amount. `moves_with` is the coin with
    whose index the price moves; left out, the asset itself if the market has an index of it, else nothing.
    """

    carry: Yearly = 0.0
    fee: NonNegative = 0.0
    rate: Fraction = 0.0
    hours: NonNegative = 1.0
    lot: Positive | None = None
    moves_with: Asset | None = None


class Loan(Part):
    """What a venue lends of an asset: at most `limit` of it, at `rate` a year."""

    limit: Positive
    rate: NonNegative


class AccountTerms(Part):
    """One account, by its name. `paid` is what the venue pays a year on a balance, `loans` what it lends.

    `most` caps the balance of an asset (in the asset), `share` its part of the value of everything posted there, and
    `most_usd` that value: limits of the desk on what one venue may hold of its money.
    """

    paid: dict[Asset, Yearly] = {}
    loans: dict[Asset, Loan] = {}
    most: dict[Asset, NonNegative] = {}
    share: dict[Asset, Fraction] = {}
    most_usd: NonNegative | None = None


class Swap(Part):
    """A conversion that a wallet can make: `sell` into `buy`, up to `size` US dollars at `spread` of their value.

    Several of one pair are levels of depth, the cheapest first taken.
    """

    sell: Asset
    buy: Asset
    spread: Fraction
    size: Positive

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.sell == self.buy:
            raise fault("buy", self.buy, f"another asset than {self.sell}, which is sold")
        return self


class CollateralTerms(Document):
    """Costs and limits of moving collateral, for a state that is kept `days`.

    `default` holds for assets without an entry of their own. Raises `DocumentError` where a venue lends an asset for
    less than the asset earns: what that would gain is no saving of margin, and is not believed.
    """

    SCHEMA: ClassVar[str] = "plimsoll.collateral-terms"

    as_of: Instant | None = None
    days: Positive = 30.0
    default: AssetTerms = AssetTerms()
    assets: dict[Asset, AssetTerms] = {}
    accounts: dict[Name, AccountTerms] = {}
    swaps: tuple[Swap, ...] = ()
    evidence: Evidence = "assumed"
    source: str = ""

    @model_validator(mode="after")
    def _no_carry_on_loans(self) -> Self:
        for name, account in self.accounts.items():
            for asset, loan in account.loans.items():
                earned = max([self.of(asset).carry, *(a.paid.get(asset, 0.0) for a in self.accounts.values())])
                if loan.rate < earned:
                    allowed = f"at least {earned:g}, what the asset earns: lending on what was borrowed is not believed"
                    raise fault(f"accounts.{name}.loans.{asset}.rate", loan.rate, allowed)
        return self

    def of(self, asset: str) -> AssetTerms:
        """The terms of an asset."""
        return self.assets.get(asset, self.default)

    def at(self, account: str) -> AccountTerms:
        """The terms of an account."""
        return self.accounts.get(account, AccountTerms())


class Wallet(Document):
    """What the desk has outside of venues: `balances` by asset, in the asset."""

    SCHEMA: ClassVar[str] = "plimsoll.wallet"

    name: str = "wallet"
    balances: dict[Asset, Annotated[Number, Field(ge=0.0, le=1e15)]]

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.name:
            raise fault("name", "''", "a name: the ticket says out of which wallet a transfer is")
        return self


SHIPPED = "collateral-terms@2026-11-01.json"


def assumed_terms() -> CollateralTerms:
    """The dated terms that hold where none are given: usual fees and carries, every one of them assumed.

    >>> assumed_terms().of("USDC").carry, assumed_terms().evidence
    (0.04, 'assumed')
    """
    text = files("plimsoll.optimise.collateral").joinpath("data", SHIPPED).read_bytes()
    return CollateralTerms.from_json(text, SHIPPED)
