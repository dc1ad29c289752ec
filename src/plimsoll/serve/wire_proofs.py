"""Messages about proofs: what is proved of the tenant's accounts, and what is verified. Unaudited, as all are."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, WithJsonSchema, model_validator

from plimsoll.documents import Asset, Flag, Name, NonNegative, Part, fault
from plimsoll.serve.wire_words import MarketObject, Rules, Text

Passphrase = Annotated[str, StringConstraints(min_length=8, max_length=200)]
PublicKey = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
BooksObject = Annotated[dict[str, Any], WithJsonSchema({"x-document": "VenueBooks"})]
BookObject = Annotated[dict[str, Any], WithJsonSchema({"x-document": "CommittedBook"})]
MarginProofObject = Annotated[dict[str, Any], WithJsonSchema({"x-document": "MarginProof"})]
SignatureObject = Annotated[dict[str, Any], WithJsonSchema({"x-document": "Signature"})]
SolvencyObject = Annotated[dict[str, Any], WithJsonSchema({"x-document": "Solvency"})]
VaultObject = Annotated[dict[str, Any], WithJsonSchema({"x-document": "VaultFile"})]


class ProveMarginIn(Part):
    """A proof that an account's collateral covers its margin, which shows neither; needs the scope operate.

    The account is called `pseudonym` in the proof. The public list of instruments has those held, those of `also` and
    all of each `underlying`. The result has the proof, its rows, the committed book that the venue signs, and a vault:
    the blindings under `passphrase`, added to those of `vault`. The service keeps none of them, nor the passphrase.
    """

    kind: Literal["prove-margin"]
    account: Text
    pseudonym: Name
    epoch: Name
    passphrase: Passphrase
    venue: Name | None = None
    also: Annotated[tuple[Text, ...], Field(max_length=2_000)] = ()
    underlying: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    quantity_bits: Annotated[int, Field(strict=True, ge=2, le=80)] = 32
    money_bits: Annotated[int, Field(strict=True, ge=2, le=160)] = 80
    reach: Annotated[int, Field(strict=True, ge=1, le=10**12)] | None = None
    vault: VaultObject | None = None


class StatedReserves(Part):
    """Books made of every account of the tenant as it stands, in USD, and the reserves that the venue states."""

    venue: Name
    epoch: Name
    reserves: Annotated[dict[Asset, NonNegative], Field(min_length=1, max_length=100)]
    bits: Annotated[int, Field(strict=True, ge=8, le=56)] = 56


class ProveSolvencyIn(Part):
    """A venue's publication: it owes no more than it shows to hold, and open interest balances; needs operate.

    Either `books`, the private document, or `tenant`: then they are made of the tenant's accounts. The result has the
    publication, an inclusion for each customer whose equity is not below zero, and the vault under `passphrase`.
    """

    kind: Literal["prove-solvency"]
    passphrase: Passphrase
    books: BooksObject | None = None
    tenant: StatedReserves | None = None
    padding: Annotated[int, Field(strict=True, ge=0, le=10_000)] = 0
    vault: VaultObject | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.books is None) == (self.tenant is None):
            raise fault("books", "both" if self.books is not None else "nothing", "either books or tenant")
        return self


class SignedBy(Part):
    """A signature, and the public key that the verifier knows the signer by from elsewhere."""

    signature: SignatureObject
    key: PublicKey


class VerifyMarginIn(Part):
    """Whether a proof of margin holds by the verifier's own snapshot and a shipped rule set.

    `venue`, `account` and `epoch` are what the verifier expects. Without a `market` it is that of the tenant; `source`
    signed the one that is given, unless `trust_market` says that it is the verifier's own. `book` and the venue's
    signature of it bind the commitments; without them nothing does, and the result says so.
    """

    kind: Literal["verify-margin"]
    proof: MarginProofObject
    rules: Rules
    venue: Name
    account: Name
    epoch: Name
    market: MarketObject | None = None
    source: SignedBy | None = None
    trust_market: Flag = False
    book: BookObject | None = None
    signed: SignedBy | None = None

    @model_validator(mode="after")
    def _trusted(self) -> Self:
        if self.market is not None and self.source is None and not self.trust_market:
            raise fault("source", "nothing", "the source's signature of the market, or trust_market")
        if (self.book is None) != (self.signed is None):
            raise fault("signed", "one of them alone", "a book with the venue's signature of it")
        return self


class VerifySolvencyIn(Part):
    """Whether a venue's publication holds, and speaks of the venue and epoch that are expected."""

    kind: Literal["verify-solvency"]
    publication: SolvencyObject
    venue: Name
    epoch: Name
    signed: SignedBy | None = None


ProofJob = ProveMarginIn | ProveSolvencyIn | VerifyMarginIn | VerifySolvencyIn
PROVES = (ProveMarginIn, ProveSolvencyIn)
"""Those that speak in the tenant's name, which needs the scope operate and is recorded."""
