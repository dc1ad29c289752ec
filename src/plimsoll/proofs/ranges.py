"""Aggregated range proofs over public linear maps of commitments, one or many verified with one multiplication.

Bulletproofs section 4.2 (aggregation) with one change: the value behind row `k` is `A_k x + b_k`, and of its commitment
`sum_j A_kj V_j + b_k B` the verifier needs only the sum over `k` weighted with `z^(1+k)`. So the public matrix costs
integer arithmetic and no further element.
"""

from __future__ import annotations

import operator
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from plimsoll.proofs.commitments import Opening, fresh_blinding
from plimsoll.proofs.errors import NotProvableError, ProofRefusedError
from plimsoll.proofs.generators import generators
from plimsoll.proofs.group import Bls12381, Point, Scalar, default_group
from plimsoll.proofs.inner_product import InnerProduct, dot, products, prove_inner_product
from plimsoll.proofs.rows import Rows
from plimsoll.proofs.transcript import Transcript

PROTOCOL = b"plimsoll/range-proof/v1"


@dataclass(frozen=True)
class RangeProof:
    """`A, S, T1, T2`, the numbers `tau_x, mu, t_hat`, and the inner product."""

    a: Point
    s: Point
    t1: Point
    t2: Point
    tau: int
    mu: int
    t: int
    inner: InnerProduct


def opened_transcript(group: Bls12381, rows: Rows, commitments: Sequence[bytes], context: bytes) -> Transcript:
    """Everything public, absorbed before the first element of the proof: group, context, rows, commitments."""
    transcript = Transcript(PROTOCOL)
    transcript.absorb(b"group", group.name.encode())
    transcript.absorb(b"context", context)
    transcript.absorb(b"rows", rows.digest)
    transcript.absorb(b"commitments", len(commitments).to_bytes(4, "big"))
    for encoded in commitments:
        transcript.absorb(b"V", encoded)
    return transcript


def prove_ranges(rows: Rows, opening: Opening, context: bytes, commitments: Sequence[bytes] = ()) -> RangeProof:
    """A proof that the committed integers meet every row.

    Raises `NotProvableError` naming the first row that they do not meet; `commitments` are made from the opening if
    they are not at hand.
    """
    if len(opening.values) != len(rows.variables) or len(opening.blindings) != len(rows.variables):
        raise NotProvableError(f"opening: got {len(opening.values)} numbers, allowed: {len(rows.variables)}")
    broken = rows.broken(opening.values)
    if broken is not None:
        row, value = broken
        raise NotProvableError(f"{row.name or 'a row'} comes to {value}, allowed: 0 to 2^{row.width} - 1")
    return _prove(rows, opening, context, commitments)


def _prove(rows: Rows, opening: Opening, context: bytes, commitments: Sequence[bytes] = ()) -> RangeProof:
    """The protocol, without a look at whether the rows hold: what a liar would run too."""
    group = default_group()
    base = generators(rows.size)
    encoded = list(commitments) or [group.encode(v) for v in opening.commitments()]
    transcript = opened_transcript(group, rows, encoded, context)
    one, zero = group.scalar(1), group.scalar(0)
    bits = _bits(rows, opening.values)
    # A = alpha B~ + <a_L, G> + <a_R, H> with a_R = a_L - 1: zeros and ones, and minus the rest of H
    alpha, rho = fresh_blinding(), fresh_blinding()
    a_l = [one if bit else zero for bit in bits]
    a_r = [x - one for x in a_l]
    a = group.combine([base.blinding], [group.scalar(alpha)])
    chosen = [p for p, bit in zip(base.left, bits, strict=True) if bit]
    rest = [p for p, bit in zip(base.right, bits, strict=True) if not bit]
    a = a + group.combine(chosen, [one] * len(chosen))
    # times minus one is a number of full length: take the sum first
    a = a + group.combine([group.combine(rest, [one] * len(rest))], [zero - one]) if rest else a
    s_l, s_r = _random(group, rows.size), _random(group, rows.size)
    s = group.combine([base.blinding, *base.left, *base.right], [group.scalar(rho), *s_l, *s_r])
    transcript.absorb(b"A", group.encode(a))
    transcript.absorb(b"S", group.encode(s))
    y = group.scalar(transcript.challenge(b"y", group.order))
    z = group.scalar(transcript.challenge(b"z", group.order))
    powers, d = _powers(group, y, rows.size), _places(group, rows, z)
    # l(X) = a_L - z + s_L X, r(X) = y^i (a_R + z + s_R X) + d_i, t(X) = <l, r> (equations 70 and 71)
    l0 = [x - z for x in a_l]
    r0 = [p * (x + z) + e for p, x, e in zip(powers, a_r, d, strict=True)]
    r1 = [p * x for p, x in zip(powers, s_r, strict=True)]
    t_one = dot(l0, r1, group) + dot(s_l, r0, group)
    t_two = dot(s_l, r1, group)
    tau1, tau2 = fresh_blinding(), fresh_blinding()
    pair = [base.value, base.blinding]
    t1 = group.combine(pair, [t_one, group.scalar(tau1)])
    t2 = group.combine(pair, [t_two, group.scalar(tau2)])
    transcript.absorb(b"T1", group.encode(t1))
    transcript.absorb(b"T2", group.encode(t2))
    x = group.scalar(transcript.challenge(b"x", group.order))
    left = [p + q * x for p, q in zip(l0, s_l, strict=True)]
    right = [p + q * x for p, q in zip(r0, r1, strict=True)]
    t = dot(left, right, group)
    shares, _ = _mixed(group, rows, z)
    tau = group.scalar(tau1) * x + group.scalar(tau2) * x * x
    for share, blinding in zip(shares, opening.blindings, strict=True):
        tau = tau + share * group.scalar(blinding)
    mu = group.scalar(alpha) + group.scalar(rho) * x
    for label, number in ((b"tau", tau), (b"mu", mu), (b"t", t)):
        transcript.absorb(label, group.scalar_bytes(int(number)))
    w = transcript.challenge(b"w", group.order)
    weights = _powers(group, y.inverse(), rows.size)
    inner = prove_inner_product(group, transcript, base, weights, w, left, right)
    return RangeProof(a, s, t1, t2, int(tau), int(mu), int(t), inner)


@dataclass(frozen=True)
class Claim:
    """One proof with the public things it speaks of: `commitments[n]` as elements and as bytes."""

    rows: Rows
    points: Sequence[Point]
    commitments: Sequence[bytes]
    context: bytes
    proof: RangeProof


def verify_ranges(claims: Sequence[Claim]) -> None:
    """Verify proofs together; raises `ProofRefusedError` if one of them does not hold.

    Each claim is two equations that must give the identity (section 4.2, 65 and 67, with 3.1 for the inner product).
    They are added up with weights that the prover cannot know, drawn after the proofs, so that the generators are
    multiplied once for all: a false claim passes with a chance of about `2 / order`.
    """
    if not claims:
        return
    group = default_group()
    found = _Sums(group)
    for claim in claims:
        first, second = (group.scalar(1 + secrets.randbelow(group.order - 1)) for _ in range(2))
        _add_claim(group, claim, first, second, found)
    if not found.vanish():
        raise ProofRefusedError("the equations of the proof do not hold")


class _Sums:
    """The equations of many claims added up: what each element is multiplied with.

    Of the generators, `everywhere[size]` is what all of the first `size` have of `G` and of `H`, beside what each has.
    """

    def __init__(self, group: Bls12381) -> None:
        self.group = group
        zero = group.scalar(0)
        self.totals = [zero, zero, zero]
        self.points: list[Point] = []
        self.scalars: list[Scalar] = []
        self.left: list[Scalar] = []
        self.right: list[Scalar] = []
        self.everywhere: dict[int, tuple[Scalar, Scalar]] = {}

    def on_generators(self, left: list[Scalar], right: list[Scalar], all_left: Scalar, all_right: Scalar) -> None:
        """Add what one claim has of each generator, and of all of them alike."""
        before = self.everywhere.get(len(left))
        self.everywhere[len(left)] = (
            (all_left, all_right) if before is None else (before[0] + all_left, before[1] + all_right)
        )
        self.left, self.right = _added(self.left, left), _added(self.right, right)

    def vanish(self) -> bool:
        """Whether everything comes to the identity: one multiplication."""
        base = generators(len(self.left))
        for count, (left, right) in self.everywhere.items():
            self.left = _added(self.left, [left] * count)
            self.right = _added(self.right, [right] * count)
        points = [*self.points, base.value, base.blinding, base.product, *base.left, *base.right]
        return bool(
            self.group.combine(points, [*self.scalars, *self.totals, *self.left, *self.right]) == self.group.identity
        )


def _added(one: list[Scalar], two: list[Scalar]) -> list[Scalar]:
    """The sum of two lists, the shorter one with zeros behind."""
    short, long = sorted((one, two), key=len)
    return [*map(operator.add, short, long), *long[len(short) :]]


def _add_claim(group: Bls12381, claim: Claim, first: Scalar, second: Scalar, found: _Sums) -> None:
    """`first` times equation 65 and `second` times equation 67, added to what is there."""
    rows, proof = claim.rows, claim.proof
    rounds = rows.size.bit_length() - 1
    n = len(rows.variables)
    if len(proof.inner.left) != rounds or len(proof.inner.right) != rounds:
        raise ProofRefusedError(f"{len(proof.inner.left)} rounds, not the {rounds} of the statement")
    if len(claim.points) != n or len(claim.commitments) != n:
        raise ProofRefusedError(f"{len(claim.points)} commitments, not the {n} of the statement")
    for number in (proof.tau, proof.mu, proof.t, proof.inner.a, proof.inner.b):
        if not 0 <= number < group.order:
            raise ProofRefusedError("a scalar that is not canonical")
    transcript = opened_transcript(group, rows, claim.commitments, claim.context)
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
    shares, offset = _mixed(group, rows, z)
    back = y.inverse()
    places, of_places = _weighted_places(group, rows, z, back, second)
    # sum_i y^i = prod_k (1 + y^(2^k))
    of_powers, power, backs = one, y, [back]
    for _ in range(rounds):
        of_powers, power = of_powers * (one + power), power * power
        backs.append(backs[-1] * backs[-1])
    delta = (z - z * z) * of_powers - z * of_places
    # 65: (delta + sum_k z^(1+k) b_k - t) B - tau B~ + sum_j share_j V_j + x T1 + x^2 T2 = 0
    # 67: A + x S - z <1, G> + <z y^i + d_i, H'> - mu B~ + t w U + sum u^2 L + u^-2 R - a <s, G> - b <1/s, H'> - a b w U
    found.totals[0] += first * (delta + offset - t)
    found.totals[1] -= first * tau + second * mu
    found.totals[2] += second * w * (t - a * b)
    found.points += [*claim.points, proof.t1, proof.t2, proof.a, proof.s]
    found.scalars += [*(first * share for share in shares), first * x, first * x * x, second, second * x]
    pairs = [(u.inverse(), u) for u in challenges]
    for (inverse, u), left, right in zip(pairs, proof.inner.left, proof.inner.right, strict=True):
        found.points += [left, right]
        found.scalars += [second * u * u, second * inverse * inverse]
    # s_i (section 3.1), and y^-i / s_i: round j has the bit of i that is worth L / 2^j
    on_left = products(pairs, zero - second * a)
    on_right = products(
        [(u, inverse * backs[rounds - 1 - j]) for j, (inverse, u) in enumerate(pairs)], zero - second * b
    )
    found.on_generators(on_left, _added(on_right, places), zero - second * z, second * z)


def _weighted_places(
    group: Bls12381, rows: Rows, z: Scalar, back: Scalar, second: Scalar
) -> tuple[list[Scalar], Scalar]:
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


def _bits(rows: Rows, x: Sequence[int]) -> list[int]:
    """`a_L[L]`: the bits of every row's value, the lowest first, then zeros."""
    bits: list[int] = []
    for row in rows.rows:
        value = row.value(x) % rows.order
        bits += [value >> i & 1 for i in range(row.width)]
    return bits + [0] * (rows.size - len(bits))


def _places(group: Bls12381, rows: Rows, z: Scalar) -> list[Scalar]:
    """`d[L]`: `z^(1+k) 2^i` at bit `i` of row `k = 1..K`, zero in the padding."""
    places: list[Scalar] = []
    power = z
    for row in rows.rows:
        power = power * z
        term = power
        for _ in range(row.width):
            places.append(term)
            term = term + term
    return places + [group.scalar(0)] * (rows.size - len(places))


def _mixed(group: Bls12381, rows: Rows, z: Scalar) -> tuple[list[Scalar], Scalar]:
    """`sum_k z^(1+k) A_kj` for each variable, and `sum_k z^(1+k) b_k`."""
    zero = group.scalar(0)
    shares, offset, power = [zero] * len(rows.variables), zero, z
    for row, scaled in zip(rows.rows, rows.scalars(group), strict=True):
        power = power * z
        for j, coefficient in scaled:
            shares[j] = shares[j] + power * coefficient
        if row.offset:
            offset = offset + power * group.scalar(row.offset)
    return shares, offset


def _powers(group: Bls12381, base: Scalar, size: int) -> list[Scalar]:
    powers, power = [], group.scalar(1)
    for _ in range(size):
        powers.append(power)
        power = power * base
    return powers


def _random(group: Bls12381, size: int) -> list[Scalar]:
    """Numbers below the order from the system's randomness, each from 64 bytes of it."""
    data = secrets.token_bytes(64 * size)
    from_bytes = int.from_bytes
    return [group.scalar(from_bytes(data[i : i + 64], "little")) for i in range(0, len(data), 64)]
