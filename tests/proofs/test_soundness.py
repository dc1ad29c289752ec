"""No kind of forgery is accepted, and what is honest is."""

from __future__ import annotations

import random

import pytest

from plimsoll.proofs import Opening, prove_margin
from proofs_forgers import KINDS, PROVED, Kind, accepted, changed, flipped, forged
from proofs_toy import NAMES, array, honest, needed, requirement, statement, worst


def forge(kind: Kind, wanted: int) -> int:
    """How many forgeries of a kind were tried; fails at the first one that is accepted."""
    rng = random.Random(KINDS.index(kind))
    count = 0
    while count < wanted:
        for proof, of in kind(rng):
            terms = of.terms
            expected = {"venue": terms.venue, "account": terms.account, "epoch": terms.epoch}
            assert not accepted(proof, of, **expected), f"{kind.__name__} was accepted"
            count += 1
    return count


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_forgery_is_accepted(kind: Kind) -> None:
    assert forge(kind, 3 if kind.__name__ in PROVED else 20) >= 3


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_none_of_a_thousand_forgeries_is_accepted() -> None:
    counts = {kind.__name__: forge(kind, 24 if kind.__name__ in PROVED else 145) for kind in KINDS}
    assert sum(counts.values()) >= 1000, counts


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_single_bit_of_a_proof_can_be_flipped() -> None:
    made, _, proof = honest(random.Random(77))
    assert accepted(proof, made)
    data = bytes.fromhex(proof.proof)
    for bit in range(8 * len(data)):
        assert not accepted(changed(proof, flipped(data, bit)), made), f"bit {bit}"


def check_honest(rng: random.Random, count: int) -> None:
    for i in range(count):
        # nothing to spare, anything in between, and a fixed excess
        made, opening, proof = honest(rng, (0, None, 7)[i % 3])
        assert accepted(proof, made), opening.values


def test_what_is_honest_is_accepted() -> None:
    check_honest(random.Random(5), 6)
    made = statement(requirement(worst([[0, 0, 0, 0]] * 8)))
    # every range full to its end
    assert accepted(prove_margin(made, Opening.of([127, -128, 0, 0, 255])), made)
    assert accepted(prove_margin(made, Opening.of([-128, 127, 0, 0, 0])), made)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_hundred_honest_statements_are_accepted() -> None:
    check_honest(random.Random(6), 200)


def check_sufficient(rng: random.Random, count: int) -> None:
    """A prover without its own checks, within three units of the requirement: accepted if and only if it is met."""
    sides = {True: 0, False: 0}
    while min(sides.values()) < count:
        made = statement(requirement(array(rng)))
        quantities = [rng.randint(-5, 5) for _ in NAMES]
        collateral = max(0, needed(made, quantities) + rng.randint(-3, 3))
        sufficient = collateral >= needed(made, quantities)
        assert accepted(forged(made, [*quantities, collateral]), made) == sufficient, (quantities, collateral)
        sides[sufficient] += 1


def test_accepted_is_sufficient_and_sufficient_is_accepted() -> None:
    check_sufficient(random.Random(21), 2)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_accepted_is_sufficient_a_hundred_times_on_either_side() -> None:
    check_sufficient(random.Random(22), 100)
