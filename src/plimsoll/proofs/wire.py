"""Proofs as bytes: one length for each statement, canonical scalars, elements checked one by one. Version 1."""

from __future__ import annotations

from collections.abc import Sequence

from plimsoll.proofs.errors import ProofRefusedError
from plimsoll.proofs.group import Group, Point, default_group
from plimsoll.proofs.inner_product import InnerProduct
from plimsoll.proofs.ranges import RangeProof
from plimsoll.proofs.rows import Rows

VERSION = 1


def proof_length(rows: Rows, group: Group | None = None) -> int:
    """Bytes of a proof: a version byte, `4 + 2 log2 L` elements, five scalars."""
    width = (group or default_group()).width
    return 1 + (4 + 2 * (rows.size.bit_length() - 1)) * width + 5 * 32


def proof_bytes(proof: RangeProof) -> bytes:
    """`version, A, S, T1, T2, tau, mu, t, L_1, R_1, L_2, R_2, ..., a, b`."""
    group = default_group()
    parts = [bytes([VERSION])]
    parts += [group.encode(p) for p in (proof.a, proof.s, proof.t1, proof.t2)]
    parts += [group.scalar_bytes(n) for n in (proof.tau, proof.mu, proof.t)]
    for left, right in zip(proof.inner.left, proof.inner.right, strict=True):
        parts += [group.encode(left), group.encode(right)]
    parts += [group.scalar_bytes(proof.inner.a), group.scalar_bytes(proof.inner.b)]
    return b"".join(parts)


def read_proof(data: bytes, rows: Rows) -> RangeProof:
    """The proof in `data`. Raises `ProofRefusedError` for another version or length, or what is not canonical."""
    group = default_group()
    allowed = proof_length(rows)
    if len(data) != allowed:
        raise ProofRefusedError(f"{len(data)} bytes, not the {allowed} of this statement")
    if data[0] != VERSION:
        raise ProofRefusedError(f"version {data[0]}, not {VERSION}")
    place = 1

    def take(count: int) -> bytes:
        nonlocal place
        place += count
        return data[place - count : place]

    a, s, t1, t2 = (group.decode(take(group.width)) for _ in range(4))
    tau, mu, t = (group.read_scalar(take(32)) for _ in range(3))
    pairs = [
        (group.decode(take(group.width)), group.decode(take(group.width))) for _ in range(rows.size.bit_length() - 1)
    ]
    last_a, last_b = (group.read_scalar(take(32)) for _ in range(2))
    inner = InnerProduct(tuple(p for p, _ in pairs), tuple(q for _, q in pairs), last_a, last_b)
    return RangeProof(a, s, t1, t2, tau, mu, t, inner)


def read_commitments(encoded: Sequence[bytes], count: int) -> list[Point]:
    """Elements of commitments. Raises `ProofRefusedError` for another number of them, or one that is no element."""
    if len(encoded) != count:
        raise ProofRefusedError(f"{len(encoded)} commitments, not the {count} of the statement")
    group = default_group()
    return [group.decode(data) for data in encoded]


def from_hex(text: str) -> bytes:
    """Bytes of lower-case hexadecimal text, the only spelling that is read."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        raise ProofRefusedError("text that is not hexadecimal") from None
    if data.hex() != text:
        raise ProofRefusedError("hexadecimal text that is not in lower case without spaces")
    return data
