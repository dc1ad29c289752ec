"""The equations of range proofs, many added up, and their verification with one multiplication.

Each proof is two equations that must give the identity (Bulletproofs section 4.2, 65 and 67, with 3.1 for the inner
product). They are added with weights that the prover cannot know, drawn after the proofs, so that the generators are
multiplied once for all: a false proof passes with a chance of about `2 / order`. Equations that a caller adds are as
sure as the weights he gives them.
"""

from __future__ import annotations

import operator
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from plimsoll.proofs.errors import ProofRefusedError
from plimsoll.proofs.generators import generators
from plimsoll.proofs.group import Group, Point, Scalar, default_group
from plimsoll.proofs.inner_product import products
from plimsoll.proofs.ranges import RangeProof, mixed, opened_transcript
from plimsoll.proofs.rows import Rows


@dataclass(frozen=True)
class Claim:
    """One proof with the public things it speaks of: `commitments[n]` as elements and as bytes."""

    rows: Rows
    points: Sequence[Point]
    commitments: Sequence[bytes]
    context: bytes
    proof: RangeProof


def verify_ranges(claims: Sequence[Claim]) -> None:
    """Verify proofs together; raises `ProofRefusedError` if one of them does not hold."""
    if not claims:
        return
    equations = Equations()
    for claim in claims:
        if len(claim.points) != len(claim.rows.variables):
            raise ProofRefusedError(
                f"{len(claim.points)} commitments, not the {len(claim.rows.variables)} of the statement"
            )
        shares = equations.add(claim.rows, claim.commitments, claim.context, claim.proof)
        equations.also(claim.points, shares)
    equations.must_hold()


class Equations:
    """The equations of proofs, added up: what each element is multiplied with.

    A proof is added before its commitments are decoded, which takes longer than all else: what multiplies them is
    given back and comes in by `also`. Of the generators, `everywhere[size]` is what all of the first `size` have of `G`
    and of `H`, beside what each has.
    """

    def __init__(self, group: Group | None = None) -> None:
        self.group = group or default_group()
        self.points: list[Point] = []
        self.scalars: list[Scalar] = []
        self.begun: list[Callable[[], Point]] = []
        self._nothing_on_generators()

    def _nothing_on_generators(self) -> None:
        zero = self.group.scalar(0)
        self.totals = [zero, zero, zero]
        self.left: list[Scalar] = []
        self.right: list[Scalar] = []
        self.everywhere: dict[int, tuple[Scalar, Scalar]] = {}

    def add(self, rows: Rows, commitments: Sequence[bytes], context: bytes, proof: RangeProof) -> list[Scalar]:
        """Add both equations of a proof; what each of its commitments is to be multiplied with (`also`).

        Raises `ProofRefusedError` for a proof that is not of the statement's form.
        """
        group = self.group
        rounds, n = rows.size.bit_length() - 1, len(rows.variables)
        if len(proof.inner.left) != rounds or len(proof.inner.right) != rounds:
            raise ProofRefusedError(f"{len(proof.inner.left)} rounds, not the {rounds} of the statement")
        if len(commitments) != n:
            raise ProofRefusedError(f"{len(commitments)} commitments, not the {n} of the statement")
        for number in (proof.tau, proof.mu, proof.t, proof.inner.a, proof.inner.b):
            if not 0 <= number < group.order:
                raise ProofRefusedError("a scalar that is not canonical")
        first, second = (group.scalar(1 + secrets.randbelow(group.order - 1)) for _ in range(2))
        transcript = opened_transcript(group, rows, commitments, context)
        transcript.absorb(b"A", group.encode(proof.a))
        transcript.absorb(b"S", group.encode(proof.s))
        y = group.scalar(transcript.challenge(b"y", group.order))
        z = group.scalar(transcript.challenge(b"z", group.order))
        transcript.absorb(b"T1", group.encode(proof.t1))
        transcript.absorb(b"T2", group.encode(proof.t2))
        x = group.scalar(transcript.challenge(b"x", group.order))
        for label, number in ((b"tau", proof.tau), (b"mu", proof.mu), (b"t", proof.t)):
            transcript.absorb(label, group.scalar_bytes(number))
        w = group.scalar(transcript.challenge(b"w", group.order))
        challenges = []
        for left, right in zip(proof.inner.left, proof.inner.right, strict=True):
            transcript.absorb(b"L", group.encode(left))
            transcript.absorb(b"R", group.encode(right))
            challenges.append(group.scalar(transcript.challenge(b"u", group.order)))
        tau, mu, t, a, b = map(group.scalar, (proof.tau, proof.mu, proof.t, proof.inner.a, proof.inner.b))
        zero, one = group.scalar(0), group.scalar(1)
        shares, offset = mixed(group, rows, z)
        back = y.inverse()
        places, of_places = _weighted_places(group, rows, z, back, second)
        # sum_i y^i = prod_k (1 + y^(2^k))
        of_powers, power, backs = one, y, [back]
        for _ in range(rounds):
            of_powers, power = of_powers * (one + power), power * power
            backs.append(backs[-1] * backs[-1])
        delta = (z - z * z) * of_powers - z * of_places
        # 65: (delta + sum_k z^(1+k) b_k - t) B - tau B~ + sum_j share_j V_j + x T1 + x^2 T2 = 0
        # 67: A + x S - z <1, G> + <z y^i + d_i, H'> - mu B~ + t w U + sum u^2 L + u^-2 R - a <s, G> - b <1/s, H'>
        #     - a b w U
        self.totals[0] += first * (delta + offset - t)
        self.totals[1] -= first * tau + second * mu
        self.totals[2] += second * w * (t - a * b)
        self.also((proof.t1, proof.t2, proof.a, proof.s), (first * x, first * x * x, second, second * x))
        pairs = [(u.inverse(), u) for u in challenges]
        for (inverse, u), left, right in zip(pairs, proof.inner.left, proof.inner.right, strict=True):
            self.also((left, right), (second * u * u, second * inverse * inverse))
        # s_i (section 3.1), and y^-i / s_i: round j has the bit of i that is worth L / 2^j
        on_left = products(pairs, zero - second * a)
        on_right = products(
            [(u, inverse * backs[rounds - 1 - j]) for j, (inverse, u) in enumerate(pairs)], zero - second * b
        )
        self._on_generators(on_left, _added(on_right, places), zero - second * z, second * z)
        return [first * share for share in shares]

    def also(self, points: Sequence[Point], scalars: Sequence[Scalar]) -> None:
        """Add multiples of elements: of commitments, or of an equation of the caller's own with a secret weight."""
        if len(points) != len(scalars):
            raise ValueError(f"scalars: got {len(scalars)}, allowed: {len(points)}, one for each point")
        self.points += points
        self.scalars += scalars

    def begin(self) -> None:
        """Multiply what there is of the generators, on other threads while the caller goes on.

        A caller who then finds another fault does not wait for them; the next multiplication does.
        """
        if self.left:
            self.begun.append(self.group.combine_aside(*self._on_all_generators()))
            self._nothing_on_generators()

    def must_hold(self) -> None:
        """Raise `ProofRefusedError` unless everything comes to the identity."""
        if not self.hold():
            raise ProofRefusedError("the equations of the proof do not hold")

    def hold(self) -> bool:
        """Whether everything comes to the identity."""
        points, scalars = self._on_all_generators() if self.left else ([], [])
        total = self.group.combine([*self.points, *points], [*self.scalars, *scalars])
        for one in self.begun:
            total = self.group.add(total, one())
        return bool(total == self.group.identity)

    def _on_generators(self, left: list[Scalar], right: list[Scalar], all_left: Scalar, all_right: Scalar) -> None:
        """Add what one proof has of each generator, and of all of them alike."""
        before = self.everywhere.get(len(left))
        self.everywhere[len(left)] = (
            (all_left, all_right) if before is None else (before[0] + all_left, before[1] + all_right)
        )
        self.left, self.right = _added(self.left, left), _added(self.right, right)

    def _on_all_generators(self) -> tuple[list[Point], list[Scalar]]:
        base, lefts, rights = generators(len(self.left)), self.left, self.right
        for count, (left, right) in self.everywhere.items():
            lefts, rights = _added(lefts, [left] * count), _added(rights, [right] * count)
        return [base.value, base.blinding, base.product, *base.left, *base.right], [*self.totals, *lefts, *rights]


def _added(one: list[Scalar], two: list[Scalar]) -> list[Scalar]:
    """The sum of two lists, the shorter one with zeros behind."""
    short, long = sorted((one, two), key=len)
    return [*map(operator.add, short, long), *long[len(short) :]]


def _weighted_places(group: Group, rows: Rows, z: Scalar, back: Scalar, second: Scalar) -> tuple[list[Scalar], Scalar]:
    """`second d_i y^-i` up to the padding for `back = 1 / y`, and `sum_i d_i`."""
    places: list[Scalar] = []
    power, start, total = z, second, group.scalar(0)
    step = back + back
    across = {width: group.scalar(pow(int(back), width, group.order)) for width in {row.width for row in rows.rows}}
    for row in rows.rows:
        power = power * z
        term = start * power
        for _ in range(row.width):
            places.append(term)
            term = term * step
        start = start * across[row.width]
        total = total + power * group.scalar((1 << row.width) - 1)
    return places, total
