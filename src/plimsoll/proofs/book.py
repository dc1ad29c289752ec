"""The committed book of an account, as a venue publishes and signs it."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import model_validator

from plimsoll.documents import Asset, Count, Document, Name, Part, fault
from plimsoll.proofs.rows import Rows
from plimsoll.proofs.terms import Hex, MarginProof


class CommittedBook(Document):
    """The commitments of one account at one epoch: positions in the order of `instruments`, then collateral.

    Signed by the venue (`role="book"`) it says that these are the true book; a proof of margin is held to it.
    """

    SCHEMA: ClassVar[str] = "plimsoll.committed-book"

    venue: Name
    account: Name
    epoch: Name
    instruments: tuple[Name, ...]
    quantity_decimals: int
    assets: tuple[Asset, ...]
    asset_decimals: tuple[int, ...]
    commitments: tuple[Hex, ...]

    @model_validator(mode="after")
    def _one_for_each(self) -> Self:
        for field, names in (("instruments", self.instruments), ("assets", self.assets)):
            if len(set(names)) != len(names):
                raise fault(field, "a name twice", "each name once")
        if len(self.asset_decimals) != len(self.assets):
            raise fault("asset_decimals", len(self.asset_decimals), f"{len(self.assets)}, one for each asset")
        whole = len(self.instruments) + len(self.assets)
        if len(self.commitments) != whole:
            raise fault("commitments", len(self.commitments), f"{whole}, one for each instrument and asset")
        return self

    @classmethod
    def of(cls, proof: MarginProof) -> CommittedBook:
        """The book that a proof speaks of."""
        terms = proof.terms
        return cls(
            venue=terms.venue,
            account=terms.account,
            epoch=terms.epoch,
            instruments=terms.instruments,
            quantity_decimals=terms.quantity_decimals,
            assets=tuple(p.asset for p in terms.collateral),
            asset_decimals=tuple(p.decimals for p in terms.collateral),
            commitments=proof.book,
        )


class PublicRow(Part):
    """A row as text: `coefficients` are `(variable, number)` by rising variable."""

    width: Count
    offset: str
    coefficients: tuple[tuple[Count, str], ...]


class RowsDocument(Document):
    """The rows of a statement for a verifier that does not write them himself, numbers as decimal text."""

    SCHEMA: ClassVar[str] = "plimsoll.rows"

    variables: tuple[str, ...]
    rows: tuple[PublicRow, ...]

    @classmethod
    def of(cls, rows: Rows) -> RowsDocument:
        """The document of rows."""
        return cls(
            variables=rows.variables,
            rows=tuple(
                PublicRow(
                    width=row.width,
                    offset=str(row.offset),
                    coefficients=tuple((j, str(a)) for j, a in sorted(row.coefficients.items()) if a),
                )
                for row in rows.rows
            ),
        )
