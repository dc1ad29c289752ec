"""Range proofs over linear maps: small cases by hand, a naive verifier of the paper, batches, wrapping."""

from __future__ import annotations

import hashlib
import random

import pytest

from naive.proofs import P, accepts, read, times
from naive.proofs import add as plain_add
from plimsoll.proofs import NotProvableError, Opening, ProofRefusedError, commit
from plimsoll.proofs.equations import Claim, Equations, verify_ranges
from plimsoll.proofs.generators import PINNED, Generators, derive_pairs, generators
from plimsoll.proofs.group import default_group
from plimsoll.proofs.inner_product import dot, products, prove_inner_product
from plimsoll.proofs.ranges import RangeProof, _prove, prove_ranges
from plimsoll.proofs.rows import Row, Rows
from plimsoll.proofs.transcript import Transcript
from plimsoll.proofs.wire import proof_bytes, proof_length, read_proof


def small() -> Rows:
    """`x` in 0..15, and `10 - 3 x` in 0..15: four values of x are left, 0 to 3."""
    return Rows(("x",), (Row({0: 1}, 0, 4), Row({0: -3}, 10, 4)), P)


def claim(rows: Rows, opening: Opening, proof: RangeProof, context: bytes = b"c") -> Claim:
    group = default_group()
    points = opening.commitments()
    return Claim(rows, points, [group.encode(p) for p in points], context, proof)


def named(base: Generators) -> dict[str, list[bytes]]:
    encode = default_group().encode
    return {
        "value": [encode(base.value)],
        "blinding": [encode(base.blinding)],
        "product": [encode(base.product)],
        "left": list(map(encode, base.left)),
        "right": list(map(encode, base.right)),
    }


@pytest.mark.parametrize("x", range(4))
def test_what_meets_the_rows_is_accepted_by_both_verifiers(x: int) -> None:
    rows, opening = small(), Opening.of([x])
    proof = prove_ranges(rows, opening, b"c")
    made = claim(rows, opening, proof)
    verify_ranges([made])
    plain = [(dict(r.coefficients), r.offset, r.width) for r in rows.rows]
    data = proof_bytes(proof)
    naive = (plain, rows.digest, b"c", list(made.commitments), data, named(generators(rows.size)))
    assert accepts(*naive)
    if x == 3:
        assert not accepts(plain, rows.digest, b"d", *naive[3:])
        changed = data[:-1] + bytes([data[-1] ^ 1])
        assert not accepts(*naive[:4], changed, naive[5])


@pytest.mark.parametrize("x", [-1, 4, 15, 16])
def test_what_does_not_is_refused_by_prover_and_by_both_verifiers(x: int) -> None:
    rows, opening = small(), Opening.of([x])
    with pytest.raises(NotProvableError, match="comes to"):
        prove_ranges(rows, opening, b"c")
    proof = _prove(rows, opening, b"c")
    made = claim(rows, opening, proof)
    with pytest.raises(ProofRefusedError):
        verify_ranges([made])
    plain = [(dict(r.coefficients), r.offset, r.width) for r in rows.rows]
    data = proof_bytes(proof)
    assert not accepts(plain, rows.digest, b"c", list(made.commitments), data, named(generators(rows.size)))


def test_a_third_wraps_where_no_row_bounds_it() -> None:
    third = pow(3, -1, P)
    rows = (Row({0: 3}, 0, 4),)
    with pytest.raises(NotProvableError, match="'x' has no range"):
        Rows(("x",), rows, P)
    # the same rows without that check: the forger's number passes, so it is the check that keeps it out
    unchecked = object.__new__(Rows)
    unchecked.__dict__.update(variables=("x",), rows=rows, order=P)
    opening = Opening.of([third])
    verify_ranges([claim(unchecked, opening, _prove(unchecked, opening, b"c"))])


def test_rows_that_could_come_round_the_order_are_refused() -> None:
    # |x| <= 2^100 (its row) and 2^154 of it may reach 2^254 > p / 2
    ranges = Row({0: 1}, 0, 100)
    Rows(("x",), (ranges, Row({0: 1 << 150}, 0, 100)), P)
    with pytest.raises(NotProvableError, match="wrap around"):
        Rows(("x",), (ranges, Row({0: 1 << 154}, 0, 100)), P)
    with pytest.raises(NotProvableError, match="wrap around"):
        Rows(("x",), (ranges, Row({0: 1}, 1 << 254, 100)), P)
    with pytest.raises(NotProvableError, match="65,536"):
        Rows(("x",), (Row({0: 1}, 0, 200),) * 328, P)


def test_bounds_follow_through_rows() -> None:
    # y is bounded by the row x - y, z by y + z
    rows = Rows(("x", "y", "z"), (Row({1: 1, 2: 1}, 0, 3), Row({0: 1, 1: -1}, 5, 4), Row({0: 1}, 0, 2)), P)
    assert rows.bounds == {0: 4, 1: 16 + 5 + 4, 2: 8 + 25}
    assert rows.largest == max(33 + 25 + 8, 25 + 4 + 5 + 16, 4 + 4)


def test_the_inner_product_of_two_by_hand() -> None:
    group = default_group()
    base = generators(2)
    a, b = [group.scalar(3), group.scalar(5)], [group.scalar(7), group.scalar(11)]
    assert int(dot(a, b, group)) == 3 * 7 + 5 * 11
    one = group.scalar(1)
    script = Transcript(b"t")
    found = prove_inner_product(group, script, base, [one, one], 2, list(a), list(b))
    # L = 3 G_1 + 11 H_0 + 33 * 2 U, R = 5 G_0 + 7 H_1 + 35 * 2 U, then a' = 3 u + 5 / u, b' = 7 / u + 11 u
    g, h, u_point = base.left, base.right, base.product
    assert found.left[0] == group.combine([g[1], h[0], u_point], list(map(group.scalar, (3, 11, 66))))
    assert found.right[0] == group.combine([g[0], h[1], u_point], list(map(group.scalar, (5, 7, 70))))
    script = Transcript(b"t")
    script.absorb(b"L", group.encode(found.left[0]))
    script.absorb(b"R", group.encode(found.right[0]))
    u = script.challenge(b"u", group.order)
    back = pow(u, -1, P)
    assert found.a == (3 * u + 5 * back) % P
    assert found.b == (7 * back + 11 * u) % P
    assert [int(s) for s in products([(group.scalar(back), group.scalar(u))], one)] == [back, u]


def test_products_over_bits_by_hand() -> None:
    two, three, five, seven, eleven, more = (default_group().scalar(n) for n in (2, 3, 5, 7, 11, 13))
    found = products([(two, three), (five, seven), (eleven, more)], two)
    assert [int(n) for n in found] == [2 * a * b * c for a in (2, 3) for b in (5, 7) for c in (11, 13)]
    assert [int(n) for n in products([(two, three)], five)] == [10, 15]
    assert [int(n) for n in products([], five)] == [5]


def test_plain_curve_and_library_agree() -> None:
    group, rng = default_group(), random.Random(3)
    base = generators(2)
    k, m = rng.randrange(P), rng.randrange(P)
    both = group.combine([base.value, base.blinding], [group.scalar(k), group.scalar(m)])
    plain = plain_add(times(k, read(group.encode(base.value))), times(m, read(group.encode(base.blinding))))
    assert read(group.encode(both)) == plain
    assert group.encode(commit(k, m)) == group.encode(both)
    assert times(P, read(group.encode(base.value))) is None


@pytest.mark.parametrize("size", [64, 256])
def test_every_size_folds_as_the_verifier_unrolls(size: int) -> None:
    # beyond 32 the prover folds several rounds at once
    rows = Rows(("x",), tuple([Row({0: 1}, 0, 50)] * (size // 50)), P)
    assert rows.size == size
    opening = Opening.of([2**50 - 1])
    verify_ranges([claim(rows, opening, prove_ranges(rows, opening, b"c"))])


def test_a_batch_holds_only_if_each_holds() -> None:
    rows = small()
    openings = [Opening.of([x]) for x in (0, 1, 2)]
    claims = [claim(rows, o, prove_ranges(rows, o, b"c")) for o in openings]
    wide = Rows(("x",), (Row({0: 1}, 0, 20),), P)
    longer = Opening.of([2**20 - 1])
    verify_ranges([*claims, claim(wide, longer, prove_ranges(wide, longer, b"c"))])
    verify_ranges([])
    bad = Opening.of([4])
    with pytest.raises(ProofRefusedError):
        verify_ranges([*claims, claim(rows, bad, _prove(rows, bad, b"c"))])
    # two wrong ones that would cancel if they were added without weights
    crossed = [
        Claim(c.rows, d.points, d.commitments, c.context, c.proof)
        for c, d in ((claims[0], claims[1]), (claims[1], claims[0]))
    ]
    with pytest.raises(ProofRefusedError):
        verify_ranges(crossed)


@pytest.mark.parametrize("wrong", [None, "begun", "later"])
def test_what_is_multiplied_aside_counts_with_what_comes_later(wrong: str | None) -> None:
    # the first is of 512 generators and more, so that its multiplication is cut off to another thread
    wide = Rows(("x",), tuple([Row({0: 1}, 0, 50)] * 5), P)
    group = type(default_group())(threads=3)
    equations = Equations(group)
    for name, rows, most in (("begun", wide, 2**50 - 1), ("later", small(), 3)):
        opening = Opening.of([most + (name == wrong)])
        made = claim(rows, opening, _prove(rows, opening, b"c"))
        equations.also(made.points, equations.add(rows, made.commitments, b"c", made.proof))
        equations.begin()
        # nothing is left of it to be begun twice
        equations.begin()
    assert equations.hold() is (wrong is None)
    stray = commit(1, 2)
    equations.also([stray], [group.scalar(1)])
    assert not equations.hold()
    if wrong is None:
        equations.also([stray], [group.scalar(-1)])
        equations.must_hold()
    else:
        with pytest.raises(ProofRefusedError, match="equations"):
            equations.must_hold()


def test_generators_are_those_of_their_numbers() -> None:
    group = default_group()
    for size in (1, 64):
        data = b"".join(map(group.wide, derive_pairs(group, size)))
        assert hashlib.sha256(data).hexdigest() == PINNED[size]


def test_a_cache_that_was_changed_is_made_again(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path

    from plimsoll.proofs import generators as module

    folder = Path(str(tmp_path))
    monkeypatch.setattr(module, "_HELD", {})
    first = module.generators(1024, folder)
    file = folder / "generators-v1.bin"
    data = file.read_bytes()
    file.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
    monkeypatch.setattr(module, "_HELD", {})
    assert module.generators(1024, folder) == first
    assert file.read_bytes() == data
    monkeypatch.setattr(module, "_HELD", {})
    monkeypatch.setattr(module, "derive_pairs", None)  # nothing is derived: the file serves
    assert module.generators(1024, folder) == first
    with pytest.raises(NotProvableError, match="65,536"):
        module.generators(2**17)


def test_lengths_are_fixed_and_lists_are_not_truncated() -> None:
    group, rows = default_group(), small()
    data = proof_bytes(prove_ranges(rows, Opening.of([1]), b"c"))
    assert len(data) == proof_length(rows) == 1 + (4 + 2 * 3) * 48 + 160
    for wrong in (data[:-1], data + b"\0", bytes([2]) + data[1:], b""):
        with pytest.raises(ProofRefusedError):
            read_proof(wrong, rows)
    with pytest.raises(ValueError, match="one for each point"):
        group.combine([generators(1).value] * 2, [group.scalar(1)])
    for bad in (bytes([0xC0]) + bytes(47), bytes(48), b"\xff" * 48, b"\x80" + bytes(46)):
        with pytest.raises(ProofRefusedError):
            group.decode(bad)
    # on the curve, outside of the subgroup: the smallest x that has a point and is not of prime order
    from py_arkworks_bls12381 import G1Point

    for x in range(1, 50):
        candidate = bytes([0x80]) + bytes(46) + bytes([x])
        try:
            point = G1Point.from_compressed_bytes_unchecked(candidate)
        except ValueError:
            continue
        if not point.is_in_subgroup():
            with pytest.raises(ProofRefusedError, match="not in the group"):
                group.decode(candidate)
            break
    else:
        pytest.fail("no such point was found")
    with pytest.raises(ProofRefusedError, match="canonical"):
        group.read_scalar(P.to_bytes(32, "big"))
