"""What a verifier does with the documents that he was given: signatures first, then the proof."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from plimsoll.market import Market
from plimsoll.proofs.account import verify_margin
from plimsoll.proofs.book import CommittedBook
from plimsoll.proofs.errors import ProofRefusedError
from plimsoll.proofs.publication import verify_solvency
from plimsoll.proofs.shortfall import Measure, required
from plimsoll.proofs.signing import Signature, check_signature
from plimsoll.proofs.terms import MarginProof
from plimsoll.proofs.venue import Solvency

Told = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Signed:
    """A signature and the key that the verifier knows its signer by."""

    signature: Signature
    key: str


def check_margin(
    proof: MarginProof,
    market: Market,
    measure: Measure,
    *,
    venue: str,
    account: str,
    epoch: str,
    source: Signed | None = None,
    book: CommittedBook | None = None,
    signed: Signed | None = None,
    told: Told | None = None,
) -> str | None:
    """Why a proof of margin is refused, `None` if it is accepted.

    `source` signed the market (`None`: the verifier trusts it as it is), `signed` the `book`. The requirement is
    computed here from market and measure: of the proof's own terms only its list of instruments and its reach are
    taken.
    """
    say = told or (lambda _text, _done, _total: None)
    try:
        if source is not None:
            check_signature(market, "market", source.signature, source.key)
        if signed is not None and book is not None:
            check_signature(book, "book", signed.signature, signed.key)
        say("the requirement in integers", 0, 2)
        requirement = required(measure, proof.terms.instruments, market, proof.terms.reach)
        say("the proof", 1, 2)
        verify_margin(proof, requirement, venue=venue, account=account, epoch=epoch, book=book)
    except ProofRefusedError as error:
        return error.reason
    return None


def check_solvency(
    made: Solvency, *, venue: str, epoch: str, signed: Signed | None = None, told: Told | None = None
) -> str | None:
    """Why a publication is refused, `None` if it is accepted; `signed` by the venue."""
    say = told or (lambda _text, _done, _total: None)
    try:
        if signed is not None:
            check_signature(made, "solvency", signed.signature, signed.key)
        say("the proofs", 1, 2)
        verify_solvency(made, venue=venue, epoch=epoch)
    except ProofRefusedError as error:
        return error.reason
    return None
