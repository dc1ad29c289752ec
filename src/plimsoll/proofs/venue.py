"""The books of a venue: the private document it proves from, and the publication that everybody verifies."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, StringConstraints, model_validator

from plimsoll.documents import Asset, Count, Document, Name, Part, fault
from plimsoll.proofs.errors import UNAUDITED, Label
from plimsoll.proofs.terms import Hex

Whole = Annotated[int, Field(strict=True, ge=-(2**100), le=2**100)]
Digits = Annotated[int, Field(strict=True, ge=0, le=18)]
Salt = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Marked(Part):
    """An instrument and its published mark: what one unit of quantity is worth, in units of the currency."""

    name: Name
    mark: Whole


class Reserve(Part):
    """An asset: `value` of one unit in units of the currency, and how many units the venue shows that it holds."""

    name: Asset
    decimals: Digits
    value: Annotated[int, Field(strict=True, ge=0, le=2**60)]
    reserve: Annotated[int, Field(strict=True, ge=0, lt=2**63)]


class VenueTerms(Part):
    """What is public of all accounts: the linear map from positions and balances to equity, and the reserves.

    `equity = sum_j mark_j quantity_j + sum_a value_a balance_a`, in units of `10**-decimals` of `currency`; quantities
    in units of `10**-quantity_decimals`. Each number that is proved lies below `2**bits`.
    """

    venue: Name
    epoch: Name
    nonce: Salt
    currency: Asset
    decimals: Digits
    quantity_decimals: Digits
    instruments: tuple[Marked, ...]
    assets: Annotated[tuple[Reserve, ...], Field(min_length=1)]
    bits: Annotated[int, Field(strict=True, ge=8, le=56)] = 48

    @model_validator(mode="after")
    def _once(self) -> Self:
        for field, names in (
            ("instruments", [i.name for i in self.instruments]),
            ("assets", [a.name for a in self.assets]),
        ):
            if len(set(names)) != len(names):
                raise fault(field, "a name twice", "each name once")
        return self

    @property
    def map(self) -> tuple[int, ...]:
        """What a unit of each number of a book adds to its equity: instruments, then assets."""
        return (*(i.mark for i in self.instruments), *(a.value for a in self.assets))

    @property
    def worth(self) -> int:
        """The reserves in units of the currency."""
        return sum(a.value * a.reserve for a in self.assets)


class Holder(Part):
    """One account of the private books: units of quantity by instrument, units by asset, both signed."""

    name: Name
    positions: dict[Name, Whole] = {}
    balances: dict[Asset, Whole] = {}


class VenueBooks(Document):
    """All accounts of a venue at one instant. Private: nobody but the venue sees it."""

    SCHEMA: ClassVar[str] = "plimsoll.venue-books"

    terms: VenueTerms
    accounts: Annotated[tuple[Holder, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _known(self) -> Self:
        instruments = {i.name for i in self.terms.instruments}
        assets = {a.name for a in self.terms.assets}
        seen = set()
        for i, holder in enumerate(self.accounts):
            if holder.name in seen:
                raise fault(f"accounts[{i}].name", holder.name, "each account once")
            seen.add(holder.name)
            for name in holder.positions.keys() - instruments:
                raise fault(f"accounts[{i}].positions.{name}", name, "an instrument of the terms")
            for name in holder.balances.keys() - assets:
                raise fault(f"accounts[{i}].balances.{name}", name, "an asset of the terms")
        return self


class Leaf(Part):
    """One account in the publication, under its salted id.

    `equity` is the commitment to its equity and `commitments` those of its book, instruments then assets. `under` says
    that the equity is below zero: it is then listed apart and counts nowhere. `owed` are assets of which it owes.
    """

    id: Hash
    equity: Hex
    commitments: tuple[Hex, ...]
    under: bool = False
    owed: tuple[Asset, ...] = ()


class Root(Part):
    """The root of the sum tree: its hash, and the commitment to the sum of all equities that are not below zero."""

    hash: Hash
    total: Hex


class Solvency(Document):
    """What a venue publishes: every leaf, the root, and proofs.

    `ranges` are proofs over the numbers of the leaves in order (equity, then each balance, 2^13 bits to a proof);
    `totals` is the proof that the sums are within the reserves.
    """

    SCHEMA: ClassVar[str] = "plimsoll.solvency"

    unaudited: Label = UNAUDITED
    terms: VenueTerms
    leaves: tuple[Leaf, ...]
    root: Root
    ranges: tuple[Hex, ...]
    totals: Hex


class Neighbour(Part):
    """A step of a path: hash and sum of the neighbour, and whether it stands on the left."""

    hash: Hash
    total: Hex
    on_left: bool


class Inclusion(Document):
    """What a venue hands one customer: his leaf, opened, and the path to the published root. Private to him.

    `equity` in units of the currency and `blinding` open the commitment; `book` is the digest of his commitments.
    """

    SCHEMA: ClassVar[str] = "plimsoll.inclusion"

    unaudited: Label = UNAUDITED
    venue: Name
    epoch: Name
    account: Name
    salt: Salt
    book: Hash
    equity: Count
    blinding: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    path: tuple[Neighbour, ...]
    root: Root
