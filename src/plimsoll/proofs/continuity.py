"""Books that move with fills: commitments are updated without opening them, so a later proof speaks of the true book.

A fill of `q` units at a public price moves `D = q B + r B~` from the seller's commitment to the buyer's, and `price D`
of cash the other way. Sums over accounts do not change, so open interest goes on balancing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from plimsoll.documents import Asset, Count, Document, Name, Part, fault
from plimsoll.proofs.book import CommittedBook
from plimsoll.proofs.commitments import Opening, commit, fresh_blinding
from plimsoll.proofs.errors import NotProvableError, ProofRefusedError
from plimsoll.proofs.group import default_group
from plimsoll.proofs.terms import Hex
from plimsoll.proofs.wire import from_hex


class Fill(Part):
    """One fill as it is published: `delta` is the commitment to what the buyer gets.

    `price` is what one unit of quantity costs, in units of `asset`, a whole number; 0 where nothing is paid at once.
    """

    sequence: Count
    buyer: Name
    seller: Name
    instrument: Name
    asset: Asset
    price: Annotated[int, Field(strict=True, ge=0, le=2**60)]
    delta: Hex

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.buyer == self.seller:
            raise fault("seller", self.seller, "another account than the buyer")
        return self


class FillLog(Document):
    """The fills between two epochs of a venue, in order, numbered without a gap from `first`."""

    SCHEMA: ClassVar[str] = "plimsoll.fill-log"

    venue: Name
    before: Name
    after: Name
    first: Count
    fills: tuple[Fill, ...]

    @model_validator(mode="after")
    def _numbered(self) -> Self:
        for i, fill in enumerate(self.fills):
            if fill.sequence != self.first + i:
                raise fault(f"fills[{i}].sequence", fill.sequence, f"{self.first + i}, the next number")
        return self


@dataclass(frozen=True)
class PrivateFill:
    """What the two sides of a fill know besides: its size in units of quantity, and the blinding."""

    fill: Fill
    quantity: int
    blinding: int

    @classmethod
    def of(
        cls, sequence: int, buyer: str, seller: str, instrument: str, quantity: int, asset: str, price: int
    ) -> PrivateFill:
        """A fill with a fresh blinding."""
        blinding = fresh_blinding()
        delta = default_group().encode(commit(quantity, blinding)).hex()
        fill = Fill(
            sequence=sequence,
            buyer=buyer,
            seller=seller,
            instrument=instrument,
            asset=asset,
            price=price,
            delta=delta,
        )
        return cls(fill, quantity, blinding)


def follow(books: Mapping[str, CommittedBook], log: FillLog) -> dict[str, CommittedBook]:
    """The committed books after the fills, by account: what anybody computes from what is published.

    Raises `ProofRefusedError` for a book of another venue, epoch or account, for a fill of what a book does not list,
    and for one between books in other units: the same commitment would then be two amounts.
    """
    group = default_group()
    moved = {name: [group.decode(from_hex(v)) for v in book.commitments] for name, book in books.items()}
    for name, book in books.items():
        if (book.venue, book.epoch) != (log.venue, log.before):
            raise ProofRefusedError(f"the book of {name} is of another venue or epoch than the fills")
        if book.account != name:
            raise ProofRefusedError(f"the book of {name} is that of {book.account}")
    for fill in log.fills:
        delta = group.decode(from_hex(fill.delta))
        units = {_units(books[name], fill) for name in (fill.buyer, fill.seller) if name in books}
        if len(units) > 1:
            raise ProofRefusedError(f"fill {fill.sequence}: the books of its two sides are in other units")
        for name, sign in ((fill.buyer, 1), (fill.seller, -1)):
            if name not in books:
                raise ProofRefusedError(f"fill {fill.sequence}: {name} is no account with a book")
            place, cash = _places(books[name], fill)
            points = moved[name]
            points[place] = group.add(points[place], group.combine([delta], [group.scalar(sign)]))
            points[cash] = group.add(points[cash], group.combine([delta], [group.scalar(-sign * fill.price)]))
    return {
        name: book.model_copy(
            update={"epoch": log.after, "commitments": tuple(group.encode(p).hex() for p in moved[name])}
        )
        for name, book in books.items()
    }


def _units(book: CommittedBook, fill: Fill) -> tuple[int, int]:
    _, cash = _places(book, fill)
    return book.quantity_decimals, book.asset_decimals[cash - len(book.instruments)]


def _places(book: CommittedBook, fill: Fill) -> tuple[int, int]:
    if fill.instrument not in book.instruments or fill.asset not in book.assets:
        raise ProofRefusedError(f"fill {fill.sequence}: a book does not list {fill.instrument} and {fill.asset}")
    return book.instruments.index(fill.instrument), len(book.instruments) + book.assets.index(fill.asset)


def moved_opening(opening: Opening, book: CommittedBook, fills: Sequence[PrivateFill]) -> Opening:
    """What an account itself keeps: its opening after fills of which it was one side.

    Raises `NotProvableError` for a fill of others.
    """
    order = default_group().order
    values, blindings = list(opening.values), list(opening.blindings)
    for private in fills:
        fill = private.fill
        if book.account not in (fill.buyer, fill.seller):
            raise NotProvableError(f"fill {fill.sequence} is between others")
        sign = 1 if book.account == fill.buyer else -1
        place, cash = _places(book, fill)
        for j, times in ((place, sign), (cash, -sign * fill.price)):
            values[j] += times * private.quantity
            blindings[j] = (blindings[j] + times * private.blinding) % order
    return Opening(tuple(values), tuple(blindings))
