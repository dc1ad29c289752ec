"""A prover with its own checks removed: every kind of forgery, on four instruments and eight scenarios of 8 bits."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

from naive.proofs import P
from plimsoll.certify import Worst
from plimsoll.proofs import MarginProof, MarginStatement, Opening, ProofRefusedError, verify_margin
from plimsoll.proofs.account import context_bytes
from plimsoll.proofs.generators import generators
from plimsoll.proofs.group import default_group
from plimsoll.proofs.ranges import _prove
from plimsoll.proofs.wire import proof_bytes
from proofs_toy import NAMES, array, honest, needed, requirement, statement, worst

Kind = Callable[[random.Random], Iterator[tuple[MarginProof, MarginStatement]]]

EXPECTED = {"venue": "toy", "account": "a", "epoch": "1", "book": None}
PROVED = ("one_short", "a_third", "negative_collateral", "too_large", "swapped_matrix", "another_account")
"""Kinds of which each forgery takes a proof of its own."""


def accepted(proof: MarginProof, of: MarginStatement, **changes: object) -> bool:
    """What a verifier says who knows the requirement and whom he asked about."""
    try:
        verify_margin(proof, of.requirement, **{**EXPECTED, **changes})  # type: ignore[arg-type]
    except ProofRefusedError:
        return False
    return True


def forged(of: MarginStatement, values: list[int], blindings: list[int] | None = None) -> MarginProof:
    """The protocol run on any numbers, without a look at whether they meet the rows."""
    opening = Opening.of(values)
    if blindings is not None:
        opening = Opening(opening.values, tuple(blindings))
    group = default_group()
    encoded = [group.encode(v) for v in opening.commitments()]
    proof = _prove(of.written.rows, opening, context_bytes(of.terms), encoded)
    return MarginProof(terms=of.terms, commitments=tuple(v.hex() for v in encoded), proof=proof_bytes(proof).hex())


def changed(proof: MarginProof, data: bytes) -> MarginProof:
    return proof.model_copy(update={"proof": data.hex()})


def flipped(data: bytes, bit: int) -> bytes:
    place = bit // 8
    return data[:place] + bytes([data[place] ^ 1 << bit % 8]) + data[place + 1 :]


def one_short(rng: random.Random) -> Iterator[tuple[MarginProof, MarginStatement]]:
    """Collateral one unit below the requirement."""
    made = statement(requirement(array(rng)))
    quantities = [rng.randint(-5, 5) for _ in NAMES]
    least = needed(made, quantities)
    if least > 0:
        yield forged(made, [*quantities, least - 1]), made


def a_third(rng: random.Random) -> Iterator[tuple[MarginProof, MarginStatement]]:
    """A position of `1 / 3` modulo the order, of which three are one."""
    rows = [[3 * x for x in row] for row in array(rng).long]
    made = statement(requirement(worst(list(map(list, rows)))))
    third = pow(3, -1, P)
    yield forged(made, [rng.choice((third, P - third)), *(rng.randint(-2, 2) for _ in NAMES[1:]), 40]), made


def negative_collateral(rng: random.Random) -> Iterator[tuple[MarginProof, MarginStatement]]:
    """Less than nothing pledged, for a book that needs nothing or gains everywhere."""
    made = statement(requirement(worst([[-rng.randint(1, 3) for _ in NAMES] for _ in range(8)])))
    yield forged(made, [*(rng.randint(10, 20) for _ in NAMES), -rng.randint(1, 30)]), made
    made = statement(requirement(array(rng)))
    yield forged(made, [0, 0, 0, 0, -1]), made


def too_large(rng: random.Random) -> Iterator[tuple[MarginProof, MarginStatement]]:
    """A position, collateral or excess of one beyond its range."""
    made = statement(requirement(worst([[0, 0, 0, 0]] * 8)))
    yield forged(made, [rng.choice((128, -129)), 0, 0, 0, 5]), made
    yield forged(made, [0, 0, 0, 0, 256 + rng.randint(0, 300)]), made


def swapped_matrix(rng: random.Random) -> Iterator[tuple[MarginProof, MarginStatement]]:
    """A proof over another array: two losses moved, an array of zeros, a scenario left out; its hashes fit it."""
    made, _, _ = honest(rng)
    node = made.requirement.node
    assert isinstance(node, Worst)
    rows = [list(row) for row in node.long]
    quantities = [rng.randint(-5, 5) for _ in NAMES]
    i, j = rng.sample(range(4), 2)
    rows[0][i], rows[0][j] = rows[0][i] - 7, rows[0][j] + 7
    for other in (worst(rows), worst([[0] * 4] * 8), worst([list(row) for row in node.long[:-1]])):
        fake = statement(replace(made.requirement, node=other))
        proof = forged(fake, [*quantities, 60])
        # under its own hashes, and under those of the true array
        yield proof, made
        yield proof.model_copy(update={"terms": made.terms}), made


def replayed(rng: random.Random) -> Iterator[tuple[MarginProof, MarginStatement]]:
    """An honest proof under another venue, account, epoch or nonce, or as a proof about somebody else."""
    made, _, proof = honest(rng)
    for name, value in (("venue", "other"), ("account", "b"), ("epoch", "2"), ("nonce", "11" * 16)):
        other = proof.terms.model_copy(update={name: value})
        moved = proof.model_copy(update={"terms": other})
        yield moved, replace(made, terms=other)
        # what the verifier expects is the old one
        yield moved, made
        if name != "nonce":
            yield proof, replace(made, terms=other)


def other_terms(rng: random.Random) -> Iterator[tuple[MarginProof, MarginStatement]]:
    """An honest proof under terms that ask for something else."""
    made, _, proof = honest(rng)
    for name, value in (("quantity_bits", 9), ("money_bits", 9), ("quantity_decimals", 1), ("standing", "bound")):
        yield proof.model_copy(update={"terms": proof.terms.model_copy(update={name: value})}), made
    for name in ("rules", "market", "array", "rows"):
        yield proof.model_copy(update={"terms": proof.terms.model_copy(update={name: "sha256:" + "1" * 64})}), made


def truncated(rng: random.Random) -> Iterator[tuple[MarginProof, MarginStatement]]:
    """Lists of commitments and bytes cut short or drawn out."""
    made, _, proof = honest(rng)
    data = bytes.fromhex(proof.proof)
    for commitments in (
        proof.commitments[:-1],
        (*proof.commitments, proof.commitments[0]),
        proof.commitments[1:],
        (),
        tuple(reversed(proof.commitments)),
    ):
        yield proof.model_copy(update={"commitments": commitments}), made
    for cut in (data[:-1], data[:-32], data[:-96], data + bytes(1), data + data[-96:], data[1:]):
        yield changed(proof, cut), made


def not_canonical(rng: random.Random) -> Iterator[tuple[MarginProof, MarginStatement]]:
    """Scalars with the order added, of the same residue; the other spelling of hexadecimal."""
    made, _, proof = honest(rng)
    data = bytes.fromhex(proof.proof)
    first, last = 1 + 4 * 48, len(data) - 64
    for place in (first, first + 32, first + 64, last, last + 32):
        number = int.from_bytes(data[place : place + 32], "big") + P
        if number < 2**256:
            yield changed(proof, data[:place] + number.to_bytes(32, "big") + data[place + 32 :]), made
        yield changed(proof, data[:place] + P.to_bytes(32, "big") + data[place + 32 :]), made
    yield proof.model_copy(update={"proof": proof.proof.upper()}), made


def identities(rng: random.Random) -> Iterator[tuple[MarginProof, MarginStatement]]:
    """The identity, zeros or another element of the proof in the place of each element."""
    made, _, proof = honest(rng)
    data = bytes.fromhex(proof.proof)
    rounds = made.written.rows.size.bit_length() - 1
    places = [1 + 48 * i for i in range(4)] + [1 + 4 * 48 + 96 + 48 * i for i in range(2 * rounds)]
    identity = bytes([0xC0]) + bytes(47)
    other = default_group().encode(generators(1).value)
    for place in rng.sample(places, 4):
        for element in (identity, bytes(48), other):
            yield changed(proof, data[:place] + element + data[place + 48 :]), made
    i = rng.randrange(len(proof.commitments))
    for element in (identity, other):
        commitments = (*proof.commitments[:i], element.hex(), *proof.commitments[i + 1 :])
        yield proof.model_copy(update={"commitments": commitments}), made
    # an honest commitment to nothing without a blinding is the identity
    yield forged(made, [0, 0, 0, 0, 60], [0, 0, 0, 0, 7]), made


def some_flips(rng: random.Random) -> Iterator[tuple[MarginProof, MarginStatement]]:
    """Single bits of the proof and of its commitments."""
    made, _, proof = honest(rng)
    data = bytes.fromhex(proof.proof)
    for bit in rng.sample(range(8 * len(data)), 12):
        yield changed(proof, flipped(data, bit)), made
    for i, text in enumerate(proof.commitments):
        moved = flipped(bytes.fromhex(text), rng.randrange(384)).hex()
        yield (
            proof.model_copy(update={"commitments": (*proof.commitments[:i], moved, *proof.commitments[i + 1 :])}),
            made,
        )


def another_account(rng: random.Random) -> Iterator[tuple[MarginProof, MarginStatement]]:
    """The proof of one account with the commitments of another, and the other way round."""
    made, _, proof = honest(rng)
    again = statement(made.requirement)
    other = forged(again, [0, 0, 0, 0, 60])
    assert accepted(other, made)
    yield other.model_copy(update={"commitments": proof.commitments}), made
    yield proof.model_copy(update={"commitments": other.commitments}), made
    mixed = (*proof.commitments[:2], *other.commitments[2:])
    yield proof.model_copy(update={"commitments": mixed}), made


KINDS = (
    one_short, a_third, negative_collateral, too_large, swapped_matrix, replayed, other_terms, truncated, not_canonical,
    identities, some_flips, another_account,
)  # fmt: skip
