"""Aggregated range proofs over public linear maps of commitments; `equations` verifies them.

Bulletproofs section 4.2 (aggregation) with one change: the value behind row `k` is `A_k x + b_k`, and of its commitment
`sum_j A_kj V_j + b_k B` the verifier needs only the sum over `k` weighted with `z^(1+k)`. So the public matrix costs
integer arithmetic and no further element.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from plimsoll.proofs.commitments import Opening, fresh_blinding
from plimsoll.proofs.errors import NotProvableError
from plimsoll.proofs.generators import generators
from plimsoll.proofs.group import Group, Point, Scalar, default_group
from plimsoll.proofs.inner_product import InnerProduct, dot, prove_inner_product
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


def opened_transcript(group: Group, rows: Rows, commitments: Sequence[bytes], context: bytes) -> Transcript:
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
    chosen = group.total([p for p, bit in zip(base.left, bits, strict=True) if bit])
    rest = group.total([p for p, bit in zip(base.right, bits, strict=True) if not bit])
    # times minus one is a number of full length: the sum comes first
    a = group.add(chosen, group.combine([base.blinding, rest], [group.scalar(alpha), zero - one]))
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
    shares, _ = mixed(group, rows, z)
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


def _bits(rows: Rows, x: Sequence[int]) -> list[int]:
    """`a_L[L]`: the bits of every row's value, the lowest first, then zeros."""
    bits: list[int] = []
    for row in rows.rows:
        value = row.value(x) % rows.order
        bits += [value >> i & 1 for i in range(row.width)]
    return bits + [0] * (rows.size - len(bits))


def _places(group: Group, rows: Rows, z: Scalar) -> list[Scalar]:
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


def mixed(group: Group, rows: Rows, z: Scalar) -> tuple[list[Scalar], Scalar]:
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


def _powers(group: Group, base: Scalar, size: int) -> list[Scalar]:
    powers, power = [], group.scalar(1)
    for _ in range(size):
        powers.append(power)
        power = power * base
    return powers


def _random(group: Group, size: int) -> list[Scalar]:
    """Numbers below the order from the system's randomness, each from 64 bytes of it."""
    data = secrets.token_bytes(64 * size)
    from_bytes = int.from_bytes
    return [group.scalar(from_bytes(data[i : i + 64], "little")) for i in range(0, len(data), 64)]
