"""64 instruments and 128 scenarios: sizes, one honest proof, and twenty forgeries of each kind."""

from __future__ import annotations

import random

import pytest

from naive.proofs import P
from plimsoll.proofs import Opening, ProofRefusedError
from plimsoll.proofs.equations import Claim, verify_ranges
from plimsoll.proofs.group import default_group
from plimsoll.proofs.ranges import _prove, prove_ranges
from plimsoll.proofs.rows import Row, Rows
from plimsoll.proofs.wire import proof_bytes, proof_length, read_proof

N, S, EACH = 64, 128, 20


def rows_of(losses: list[list[int]], order: int = P) -> Rows:
    """The statement of the figures: 40 bits a position, 72 bits of money."""
    n = len(losses[0])
    rows = [Row({j: 1}, 1 << 39, 40) for j in range(n)] + [Row({n: 1}, 0, 72)]
    rows += [Row({**{j: -a for j, a in enumerate(row)}, n: 1}, 0, 72) for row in losses]
    return Rows(tuple(f"x{j}" for j in range(n + 1)), tuple(rows), order)


def world(rng: random.Random, size: int = 2**31) -> tuple[list[list[int]], list[int], int]:
    """An array, a book and its requirement."""
    losses = [[rng.randrange(-size, size) for _ in range(N)] for _ in range(S)]
    quantity = [rng.randrange(-1000, 1000) for _ in range(N)]
    return losses, quantity, max(sum(a * q for a, q in zip(row, quantity, strict=True)) for row in losses)


@pytest.mark.parametrize(("n", "s"), [(64, 128), (256, 300)])
def test_a_proof_has_less_than_two_kilobytes_beside_its_commitments(n: int, s: int) -> None:
    bits = 40 * n + 72 * (s + 1)
    assert proof_length(Rows(("x",), tuple([Row({0: 1}, 0, 64)] * (bits // 64)), P)) < 2048


class Case:
    """One honest proof and its world."""

    def __init__(self) -> None:
        self.rng = random.Random(12)
        self.losses, self.quantity, self.need = world(self.rng)
        self.rows = rows_of(self.losses)
        self.opening = Opening.of([*self.quantity, self.need])
        self.encoded = [default_group().encode(v) for v in self.opening.commitments()]
        self.data = proof_bytes(prove_ranges(self.rows, self.opening, b"c", self.encoded))

    def accepts(
        self,
        data: bytes | None = None,
        rows: Rows | None = None,
        encoded: list[bytes] | None = None,
        context: bytes = b"c",
    ) -> bool:
        """What a verifier says of the honest proof with some of it replaced."""
        rows, encoded = rows or self.rows, self.encoded if encoded is None else encoded
        group = default_group()
        try:
            points = [group.decode(v) for v in encoded]
            proof = read_proof(self.data if data is None else data, rows)
            verify_ranges([Claim(rows, points, encoded, context, proof)])
        except ProofRefusedError:
            return False
        return True

    def forged(self, rows: Rows, values: list[int]) -> tuple[bytes, list[bytes]]:
        """A prover without its own checks."""
        opening = Opening.of(values)
        encoded = [default_group().encode(v) for v in opening.commitments()]
        return proof_bytes(_prove(rows, opening, b"c", encoded)), encoded


@pytest.fixture(scope="module")
def case() -> Case:
    return Case()


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["short", "third", "negative", "too large"])
def test_twenty_proofs_of_what_is_not_so(case: Case, kind: str) -> None:
    rng = random.Random(kind)
    for _ in range(EACH):
        losses, quantity, need = world(rng)
        values = [*quantity, need + rng.randrange(2**40)]
        if kind == "short":
            values[-1] = need - 1
        elif kind == "third":
            losses = [[3 * a for a in row] for row in losses]
            values[rng.randrange(N)] = pow(3, -1, P)
            values[-1] = 2**60
        elif kind == "negative":
            values[-1] = -rng.randrange(1, 2**40)
        else:
            values[rng.randrange(N)] = 2**39
            values[-1] = 2**71
        rows = rows_of(losses)
        data, encoded = case.forged(rows, values)
        assert not case.accepts(data, rows, encoded)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_twenty_of_every_other_kind(case: Case) -> None:
    assert case.accepts()
    rng = random.Random(99)
    size, first, last = len(case.data), 1 + 4 * 48, len(case.data) - 64
    for i in range(EACH):
        moved = [list(row) for row in case.losses]
        moved[rng.randrange(S)][rng.randrange(N)] += rng.choice((-1, 1))
        assert not case.accepts(rows=rows_of(moved)), "another array"
        assert not case.accepts(rows=rows_of(moved[: S - 1 - i])), "fewer scenarios"
        assert not case.accepts(context=b"c" + bytes([i])), "another context"
        assert not case.accepts(case.data[: size - 1 - 32 * i]), "cut short"
        assert not case.accepts(encoded=case.encoded[: -1 - i]), "fewer commitments"
        swapped = list(case.encoded)
        j, k = rng.sample(range(N + 1), 2)
        swapped[j], swapped[k] = swapped[k], swapped[j]
        assert not case.accepts(encoded=swapped), "commitments in another order"
        place = rng.choice((first, first + 32, first + 64, last, last + 32))
        number = int.from_bytes(case.data[place : place + 32], "big") + P
        if number < 2**256:
            assert not case.accepts(case.data[:place] + number.to_bytes(32, "big") + case.data[place + 32 :])
        place = 1 + 48 * rng.randrange(4)
        identity = bytes([0xC0]) + bytes(47)
        assert not case.accepts(case.data[:place] + identity + case.data[place + 48 :]), "the identity"
        flipped = bytearray(case.data)
        flipped[rng.randrange(size)] ^= 1 << rng.randrange(8)
        assert not case.accepts(bytes(flipped)), "a bit"
