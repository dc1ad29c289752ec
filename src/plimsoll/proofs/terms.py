"""What a proof of margin publishes besides its commitments: the terms, from which anybody writes the same rows."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from plimsoll.documents import Asset, Count, Document, Name, Part, fault
from plimsoll.proofs.errors import UNAUDITED, Label

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Hex = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2})+$", max_length=20_000)]
Bits = Annotated[int, Field(strict=True, ge=2, le=160)]


class Pledged(Part):
    """One asset of the collateral, in units of `10**-decimals`, less than `2**bits` of them; `owed`: may be a debt."""

    asset: Asset
    decimals: Annotated[int, Field(strict=True, ge=0, le=18)]
    bits: Annotated[int, Field(strict=True, ge=2, le=80)] = 48
    owed: bool = False


class MarginTerms(Part):
    """The public side of a proof that collateral covers the margin of a book.

    `instruments` are all that the book may hold, whether it does or not; quantities are units of
    `10**-quantity_decimals` contracts, less than `2**quantity_bits` of them. `money_bits` is the width of a row of
    money, `reach` the largest position in contracts where the rules needed one. `market`, `rules`, `array` and `rows`
    are hashes: of the snapshot, the pack, the integer expression and the rows that follow.
    """

    venue: Name
    account: Name
    epoch: Name
    nonce: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    rules_label: Name
    rules: Digest
    market: Digest
    array: Digest
    rows: Digest
    standing: Literal["exact", "bound"]
    currency: Asset
    array_decimals: Count
    instruments: tuple[Name, ...]
    quantity_decimals: Annotated[int, Field(strict=True, ge=0, le=18)]
    quantity_bits: Annotated[int, Field(strict=True, ge=2, le=80)]
    money_bits: Bits
    reach: Annotated[int, Field(strict=True, ge=1)] | None = None
    collateral: Annotated[tuple[Pledged, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _once(self) -> Self:
        names = [p.asset for p in self.collateral]
        if len(set(names)) != len(names):
            raise fault("collateral", "an asset twice", "each asset once")
        if len(set(self.instruments)) != len(self.instruments):
            raise fault("instruments", "a name twice", "each instrument once")
        return self


class MarginProof(Document):
    """A proof that the committed collateral covers the requirement of the committed positions under `terms`.

    `commitments` are those of the positions in the order of the instruments, of the collateral in the order of its
    assets, then of further private numbers; `proof` as in `docs/proofs-format.md`. It says nothing of whether these
    are the true book: see there what binds them.
    """

    SCHEMA: ClassVar[str] = "plimsoll.margin-proof"

    unaudited: Label = UNAUDITED
    terms: MarginTerms
    commitments: tuple[Hex, ...]
    proof: Hex

    @property
    def book(self) -> tuple[str, ...]:
        """The commitments of positions, then of collateral: what a venue signs and fills move."""
        return self.commitments[: len(self.terms.instruments) + len(self.terms.collateral)]
