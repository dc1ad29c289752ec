"""Proof of an account: its collateral covers the margin of its positions, and neither is shown.

The rows come from the same integers as the certified requirement: the P&L array rounded up for what is bought and for
what is sold, positions in exact units, collateral rounded down.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from plimsoll.documents import DocumentError, canonical_bytes, exact_decimal
from plimsoll.margin import Account
from plimsoll.margin.book import open_book
from plimsoll.market import Market
from plimsoll.proofs.book import CommittedBook
from plimsoll.proofs.commitments import Opening
from plimsoll.proofs.equations import Claim, verify_ranges
from plimsoll.proofs.errors import NotProvableError, ProofRefusedError
from plimsoll.proofs.group import default_group
from plimsoll.proofs.ranges import prove_ranges
from plimsoll.proofs.requirement import Requirement
from plimsoll.proofs.terms import MarginProof, MarginTerms, Pledged
from plimsoll.proofs.wire import from_hex, proof_bytes, read_commitments, read_proof
from plimsoll.proofs.written import Written, written_rows


def context_bytes(terms: MarginTerms) -> bytes:
    """What the transcript absorbs as context: canonical JSON of the terms."""
    return canonical_bytes({"schema": MarginProof.SCHEMA, "schema_version": MarginProof.VERSION, **_plain(terms)})


def _plain(terms: MarginTerms) -> dict[str, Any]:
    return terms.model_dump(mode="json")


@dataclass(frozen=True)
class MarginStatement:
    """The terms of a proof and the rows that they come to."""

    terms: MarginTerms
    written: Written
    requirement: Requirement

    @classmethod
    def of(
        cls,
        requirement: Requirement,
        *,
        venue: str,
        account: str,
        epoch: str,
        collateral: Sequence[Pledged],
        quantity_decimals: int,
        quantity_bits: int = 32,
        money_bits: int = 80,
        nonce: str | None = None,
    ) -> MarginStatement:
        """A statement with a fresh nonce. Raises `NotProvableError` where the rows could wrap or are too many."""
        written = written_rows(requirement, quantity_decimals, quantity_bits, money_bits, collateral)
        content = {
            "venue": venue,
            "account": account,
            "epoch": epoch,
            "nonce": secrets.token_hex(16) if nonce is None else nonce,
            "rules_label": requirement.rules_label,
            "rules": requirement.rules,
            "market": requirement.market,
            "array": requirement.array,
            "rows": "sha256:" + written.rows.digest.hex(),
            "standing": requirement.standing,
            "currency": requirement.currency,
            "array_decimals": requirement.array_decimals,
            "instruments": requirement.instruments,
            "quantity_decimals": quantity_decimals,
            "quantity_bits": quantity_bits,
            "money_bits": money_bits,
            "collateral": tuple(collateral),
            "reach": requirement.asked_reach,
        }
        return cls(MarginTerms.model_validate(content), written, requirement)

    def units(self, account: Account, market: Market) -> tuple[list[int], list[int]]:
        """Positions and collateral of an account in units of the terms; collateral is rounded down.

        Profit that is not settled and funding count as collateral in their currency: a gain after the haircut, a loss
        in full, as if it were paid from collateral that counts after its haircut. Raises
        `NotProvableError` for a position that the terms do not list or one that is no whole number of units, and for
        what is owed in an asset that the terms do not list.
        """
        places = {name: i for i, name in enumerate(self.terms.instruments)}
        quantities = [0] * len(places)
        for position in account.positions:
            if position.quantity == 0.0:
                continue
            if position.instrument not in places:
                raise NotProvableError(f"{position.instrument} is not among the instruments of the statement")
            quantities[places[position.instrument]] += self._units(position.quantity, position.instrument)
        held = held_of(account, market, self.requirement)
        listed = {p.asset for p in self.terms.collateral}
        missing = [*(a for a, amount in held.items() if amount < 0 and a not in listed), *account.borrowed]
        if missing:
            raise NotProvableError(f"{missing[0]} is owed and not among the collateral of the statement")
        amounts = []
        for p in self.terms.collateral:
            exact = held.get(p.asset, Fraction(0)) * 10**p.decimals
            amounts.append(exact.numerator // exact.denominator)
        return quantities, amounts

    def _units(self, quantity: float, name: str) -> int:
        digits, decimals = exact_decimal(quantity)
        if decimals > self.terms.quantity_decimals:
            allowed = f"{self.terms.quantity_decimals} decimals"
            raise NotProvableError(f"{name}: a position of {decimals} decimals, the statement allows {allowed}")
        return digits * int(10 ** (self.terms.quantity_decimals - decimals))


def held_of(account: Account, market: Market, requirement: Requirement) -> dict[str, Fraction]:
    """Collateral by asset with profit that is not settled and funding, as `MarginStatement.units` counts them."""
    held = {asset: _exact(amount) for asset, amount in account.collateral.items()}
    for asset, amount in _unsettled(account, market).items():
        held[asset] = held.get(asset, Fraction(0)) + _whole(requirement, asset, amount)
    return held


def _whole(requirement: Requirement, asset: str, amount: Fraction) -> Fraction:
    """A loss so much larger that it counts in full after the haircut."""
    counted, charged = requirement.prices.get(asset, (Fraction(1), Fraction(1)))
    if amount >= 0:
        return amount
    if counted == 0:
        raise NotProvableError(f"{asset}: a loss in an asset that does not count as collateral")
    return amount * (counted + charged) / (2 * counted)


def _exact(amount: float) -> Fraction:
    digits, decimals = exact_decimal(amount)
    return Fraction(digits, 10**decimals)


def _unsettled(account: Account, market: Market) -> dict[str, Fraction]:
    """Unrealised profit and unsettled funding by currency."""
    book = open_book(account, market)
    found: dict[str, Fraction] = {}
    for contract, profit, funding in zip(
        book.plan.contracts, book.unrealised.tolist(), book.funding.tolist(), strict=True
    ):
        if profit or funding:
            found[contract.currency] = found.get(contract.currency, Fraction(0)) + Fraction(profit) + Fraction(funding)
    return found


def prove_margin(statement: MarginStatement, opening: Opening) -> MarginProof:
    """The proof for an opened book: positions, then collateral, in units of the terms.

    Raises `NotProvableError` where the collateral does not cover the requirement or a number leaves its range.
    """
    terms, written = statement.terms, statement.written
    n, m = len(terms.instruments), len(terms.collateral)
    if len(opening.values) != n + m:
        raise NotProvableError(f"opening: got {len(opening.values)} numbers, allowed: {n + m}")
    x = written.witness(opening.values[:n], opening.values[n:])
    further = Opening.of(x[n + m :])
    whole = Opening((*opening.values, *further.values), (*opening.blindings, *further.blindings))
    group = default_group()
    encoded = [group.encode(v) for v in whole.commitments()]
    proof = prove_ranges(written.rows, whole, context_bytes(terms), encoded)
    return MarginProof(terms=terms, commitments=tuple(v.hex() for v in encoded), proof=proof_bytes(proof).hex())


def margin_claim(proof: MarginProof, requirement: Requirement) -> Claim:
    """What a proof claims, over rows written anew from `requirement`, which the verifier has computed himself.

    Raises `ProofRefusedError` where the terms do not follow from it.
    """
    terms = proof.terms
    try:
        own = MarginStatement.of(
            requirement,
            venue=terms.venue,
            account=terms.account,
            epoch=terms.epoch,
            collateral=terms.collateral,
            quantity_decimals=terms.quantity_decimals,
            quantity_bits=terms.quantity_bits,
            money_bits=terms.money_bits,
            nonce=terms.nonce,
        )
    except (NotProvableError, DocumentError) as error:
        raise ProofRefusedError(f"its terms are no statement: {error}") from None
    for name in MarginTerms.model_fields:
        if getattr(own.terms, name) != getattr(terms, name):
            raise ProofRefusedError(f"terms.{name} does not follow from the snapshot and the rules")
    rows = own.written.rows
    encoded = [from_hex(text) for text in proof.commitments]
    points = read_commitments(encoded, len(rows.variables))
    return Claim(rows, points, encoded, context_bytes(terms), read_proof(from_hex(proof.proof), rows))


def verify_margin(
    proof: MarginProof, requirement: Requirement, *, venue: str, account: str, epoch: str, book: CommittedBook | None
) -> None:
    """Verify a proof against a requirement that the verifier has computed from snapshot and rules himself.

    `venue`, `account` and `epoch` are what he expects; `book` is the one that the venue signed or that follows from
    fills, `None` where nothing binds the commitments. The proof is held to all of it: the same commitments under
    another list of instruments or in other units would be another book. Raises `ProofRefusedError` with the check that
    failed.
    """
    for name, expected in (("venue", venue), ("account", account), ("epoch", epoch)):
        if getattr(proof.terms, name) != expected:
            raise ProofRefusedError(f"it speaks of another {name}")
    if book is not None:
        _check_book(CommittedBook.of(proof), book)
    verify_ranges([margin_claim(proof, requirement)])


def _check_book(spoken: CommittedBook, book: CommittedBook) -> None:
    if spoken.commitments != book.commitments:
        raise ProofRefusedError("its commitments are not those of the book")
    for name in CommittedBook.model_fields:
        if getattr(spoken, name) != getattr(book, name):
            raise ProofRefusedError(f"the book has another {name}")
