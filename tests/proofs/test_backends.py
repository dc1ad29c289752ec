"""The two libraries under the group: one and the same group, and what happens where the quick one is not there."""

from __future__ import annotations

import hashlib
import importlib.util
import random
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from naive.proofs import P, Q
from plimsoll.proofs import Opening, ProofRefusedError, blst
from plimsoll.proofs import generators as generators_module
from plimsoll.proofs.arkworks import Arkworks
from plimsoll.proofs.blst import ADDED, CHUNK, FEW, ORDER_THREE, OUTSIDE, Blst
from plimsoll.proofs.equations import Claim, verify_ranges
from plimsoll.proofs.generators import derive_pairs
from plimsoll.proofs.group import Group, default_group
from plimsoll.proofs.publication import verify_solvency
from plimsoll.proofs.ranges import prove_ranges
from plimsoll.proofs.rows import Row, Rows
from plimsoll.proofs.solvency import prove_solvency
from plimsoll.proofs.wire import proof_bytes, read_commitments, read_proof
from proofs_venue import three

SLOW = Arkworks(1)


def test_the_wheel_for_linux_is_usable() -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("whether blst is visible within the wheel of ckzg is only promised to be tried here")
    assert blst.usable()
    assert type(default_group()) is Blst


@pytest.fixture
def quick() -> Blst:
    """blst, held to arkworks before; whether a wheel must have it is asked above."""
    if not blst.usable():
        pytest.skip("no blst that can be called")
    return Blst(1)


def pairs(quick: Blst, count: int) -> list[tuple[Any, Any]]:
    """Elements in both libraries: each comes again, with its opposite and the identity among them."""
    own = derive_pairs(SLOW, 9)
    own = [*own, SLOW.combine(own[:1], [SLOW.scalar(-1)]), SLOW.identity]
    there = [quick.identity if p == SLOW.identity else quick.from_wide(SLOW.wide(p)) for p in own]
    return [(there[i % len(own)], own[i % len(own)]) for i in range(count)]


def same(quick: Blst, one: Any, other: Any) -> bool:
    if quick.encode(one) != SLOW.encode(other):
        return False
    # the identity is in no file of generators: it has no wide form in common
    return bool(one == quick.identity) if other == SLOW.identity else quick.wide(one) == SLOW.wide(other)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 19, 20, 31, 32, 33, FEW, FEW + 1, 2 * ADDED + 1, 700])
def test_sums_are_the_same(quick: Blst, size: int, threads: int) -> None:
    rng, group = random.Random(size), Blst(threads)
    both = pairs(quick, size)
    numbers = [rng.choice([0, 1, P - 1, blst.LAMBDA, blst.LAMBDA - 1, rng.randrange(P)]) for _ in both]
    scalars = [group.scalar(n) for n in numbers]
    mine, theirs = [p for p, _ in both], [q for _, q in both]
    assert same(quick, group.combine(mine, scalars), SLOW.combine(theirs, scalars))
    assert same(quick, group.total(mine), SLOW.total(theirs))
    if size:
        # numbers of full length whatever the count, which only long lists take otherwise
        own = quick._pippenger(mine, [x.to_le_bytes() for x in scalars])
        assert same(quick, own, SLOW.combine(theirs, scalars))
    lists = [mine, mine[::-1], mine]
    expected = [SLOW.combine(x, scalars) for x in (theirs, theirs[::-1], theirs)]
    assert all(same(quick, p, q) for p, q in zip(group.combine_each(lists, scalars), expected, strict=True))


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
@pytest.mark.parametrize("size", [0, 1, 511, 512, 515])
@pytest.mark.parametrize("kind", [Arkworks, Blst])
def test_a_sum_does_not_depend_on_threads(
    request: pytest.FixtureRequest, kind: type[Arkworks], threads: int, size: int
) -> None:
    if kind is Blst:
        request.getfixturevalue("quick")
    group, rng = kind(threads), random.Random(size)
    few = [group.derive(bytes([i])) for i in range(7)]
    points = [few[i % 7] for i in range(size)]
    scalars = [group.scalar(rng.randrange(P)) for _ in points]
    total = kind(threads=1).combine(points, scalars)
    assert group.combine(points, scalars) == total
    aside = group.combine_aside(points, scalars)
    points.clear()
    assert aside() == total
    assert aside() == total
    with pytest.raises(ValueError, match="one for each point"):
        group.combine_aside(few[:2], [])


def test_additions_are_the_same(quick: Blst) -> None:
    both = pairs(quick, 20)
    for p, q in both:
        for r, s in both:
            assert same(quick, quick.add(p, r), SLOW.add(q, s))
            # a sum of opposites inside of a longer one
            assert same(quick, quick.total([p, r, p, r]), SLOW.total([q, s, q, s]))
    assert quick.total([]) == quick.identity == quick.combine([], [])
    # the first call of many adds up to nothing
    p, opposite = both[0][0], quick.combine([both[0][0]], [quick.scalar(-1)])
    assert quick.total([p, opposite] * ADDED + [p]) == p
    assert quick.total([p, opposite] * ADDED) == quick.identity


def answer(group: Group, data: bytes) -> str:
    try:
        return group.wide(group.decode(data)).hex()
    except ProofRefusedError as error:
        return str(error)


def test_what_is_decoded_and_what_is_refused_is_the_same(quick: Blst) -> None:
    rng = random.Random(5)
    encoded = [SLOW.encode(p) for p in derive_pairs(SLOW, 10)]
    cases = [
        *encoded,
        OUTSIDE,
        ORDER_THREE,
        bytes([0xC0]) + bytes(47),
        bytes([0xE0]) + bytes(47),
        bytes(48),
        b"\xff" * 48,
    ]
    cases += [bytes([0xC0]) + bytes(46) + b"\1", bytes([0x40]) + bytes(47), encoded[0][:47], encoded[0] + b"\0", b""]
    beyond = []
    # the length of x leaves room for x + q: another spelling of one element
    for data in encoded:
        x, sign = int.from_bytes(data, "big") & ((1 << 381) - 1), data[0] & 0xE0
        if (x + Q).bit_length() <= 381:
            wide = (x + Q).to_bytes(48, "big")
            beyond.append(bytes([wide[0] | sign]) + wide[1:])
    assert len(beyond) > 1
    cases += beyond
    for data in encoded:
        for bit in rng.sample(range(384), 40):
            place = bit // 8
            cases.append(data[:place] + bytes([data[place] ^ 1 << bit % 8]) + data[place + 1 :])
    answers = [(answer(quick, data), answer(SLOW, data)) for data in cases]
    assert all(one == other for one, other in answers)
    assert answer(quick, ORDER_THREE) == answer(quick, OUTSIDE) == "proof refused: an element that is not in the group"
    assert all(answer(quick, data) == "proof refused: an element that is not in the group" for data in beyond)
    words = [one for one, _ in answers]
    assert words[: len(encoded)] == [SLOW.wide(SLOW.decode(data)).hex() for data in encoded]
    assert {w for w in words if "element" in w} >= {
        "proof refused: an element of 47 bytes, not 48",
        "proof refused: the identity as an element",
        "proof refused: an element that is not in the group",
    }


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_many_are_decoded_in_order_and_the_first_fault_is_told(quick: Blst, threads: int) -> None:
    group = Blst(threads)
    points = [p for p, q in pairs(quick, 5 * CHUNK) if q != SLOW.identity]
    encoded = [quick.encode(p) for p in points]
    assert group.decode_each(encoded) == points
    spoilt = list(encoded)
    spoilt[3 * CHUNK] = bytes([0xC0]) + bytes(47)
    spoilt[3 * CHUNK + 1] = b""
    spoilt[-1] = OUTSIDE
    for kind in (group, SLOW):
        with pytest.raises(ProofRefusedError, match="the identity as an element"):
            kind.decode_each(spoilt)


def test_what_is_no_element_never_gets_to_the_library(quick: Blst) -> None:
    point = quick.derive(b"x")
    for wrong in (point + point, b"", point[:95]):
        for call in (quick.encode, quick.wide, lambda p: quick.add(point, p), lambda p: quick.add(p, point)):
            with pytest.raises(ValueError, match="allowed: 96"):
                call(wrong)
        with pytest.raises(ValueError, match="allowed: 96"):
            quick.total([point, wrong])
        for count in (1, FEW + 1):
            with pytest.raises(ValueError, match="allowed: 96"):
                quick.combine([wrong] * count, [quick.scalar(7)] * count)
        with pytest.raises(ValueError, match="allowed: 96"):
            # as long together as two elements are
            quick.total([point[:95], point + b"\0"])
    with pytest.raises(ValueError, match="one for each point"):
        quick._pippenger([point, point], [bytes(32)])
    whole = quick.wide(point)
    for wrong in (whole[:95], bytes(95) + b"\1", quick.encode(point) + bytes(48), bytes([0x40]) + bytes(95)):
        with pytest.raises(ProofRefusedError, match="no point"):
            quick.from_wide(wrong)


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Nothing is known of libraries and generators, before and after."""

    def forget() -> None:
        for held in (default_group, blst.usable, blst._library):
            held.cache_clear()

    forget()
    with monkeypatch.context() as patch:
        patch.setattr(generators_module, "_HELD", {})
        yield patch
    forget()


def test_without_the_wheel_everything_is_done_by_arkworks(forgotten: pytest.MonkeyPatch) -> None:
    forgotten.setattr(importlib.util, "find_spec", lambda _name: None)
    assert type(default_group()) is Arkworks
    with pytest.raises(RuntimeError, match="ckzg"):
        Blst()
    made = prove_solvency(three()).solvency
    verify_solvency(made, venue=made.terms.venue, epoch=made.terms.epoch)
    broken = made.model_copy(update={"totals": made.totals[:-2] + ("00" if made.totals[-2:] != "00" else "01")})
    with pytest.raises(ProofRefusedError):
        verify_solvency(broken, venue=made.terms.venue, epoch=made.terms.epoch)


def test_a_wheel_that_hides_blst_is_left_alone(forgotten: pytest.MonkeyPatch) -> None:
    other = importlib.util.find_spec("_ctypes")
    forgotten.setattr(importlib.util, "find_spec", lambda _name: other)
    assert not blst.usable()
    forgotten.setattr(importlib.util, "find_spec", lambda _name: SimpleNamespace(origin="/nowhere/ckzg.so"))
    blst._library.cache_clear()
    blst.usable.cache_clear()
    assert not blst.usable()


def constant(value: object) -> Any:
    return lambda *_: value


def failing(*_: object) -> Any:
    raise ValueError("fails")


@pytest.mark.parametrize("how", ["another element", "an error", "nothing"])
@pytest.mark.parametrize("broken", ["_pippenger", "_endomorphism", "_sum", "add", "_read", "encode", "from_wide"])
def test_a_library_that_does_not_agree_is_left_alone_with_a_warning(
    quick: Blst, forgotten: pytest.MonkeyPatch, broken: str, how: str
) -> None:
    element, nothing = constant(quick.derive(b"wrong")), constant(quick.identity)
    wrong = {"another element": element, "an error": failing, "nothing": nothing}
    forgotten.setattr(Blst, broken, wrong[how])
    with pytest.warns(UserWarning, match="does not agree"):
        assert type(default_group()) is Arkworks


def faulty(real: Any, call: str, wrong: Any) -> Any:
    """blst with one function in the place of which there is another."""

    class Faulty:
        def __getattr__(self, name: str) -> Any:
            return (lambda *given: wrong(getattr(real, name), *given)) if name == call else getattr(real, name)

    return Faulty()


def _only_many(limit: int) -> Any:
    """Right but for lists of at least `limit` points, whose last one it leaves out."""

    def call(real: Any, found: Any, points: Any, count: int, *given: Any) -> Any:
        return real(found, points, count - (count >= limit), *given)

    return call


FAULTS = {
    "every point is in the subgroup": ("blst_p1_affine_in_g1", constant(True)),
    "a long list loses a point": ("blst_p1s_mult_pippenger", _only_many(1000)),
    "a sum loses a point": ("blst_p1s_add", _only_many(2)),
    "every point is read": ("blst_p1_uncompress", constant(0)),
    "no point is read": ("blst_p1_deserialize", constant(1)),
    "no room to work in": ("blst_p1s_mult_pippenger_scratch_sizeof", constant(-1)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_within_the_library_is_noticed(quick: Blst, forgotten: pytest.MonkeyPatch, name: str) -> None:
    real = quick._blst
    forgotten.setattr(blst, "_library", lambda: faulty(real, *FAULTS[name]))
    with pytest.warns(UserWarning, match="does not agree"):
        assert not blst.usable()


def test_other_sizes_of_its_structures_are_another_library(forgotten: pytest.MonkeyPatch) -> None:
    forgotten.setattr(blst, "_SIZES", {"blst_p1_sizeof": blst.AFFINE})
    assert not blst.usable()


class Counted:
    """Randomness that is none: SHA-512 of a counter, in the place of `secrets`."""

    def __init__(self) -> None:
        self.count = 0

    def token_bytes(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            self.count += 1
            found += hashlib.sha512(self.count.to_bytes(8, "big")).digest()
        return found[:size]

    def randbelow(self, below: int) -> int:
        return int.from_bytes(self.token_bytes(64), "big") % below


@pytest.mark.parametrize("library", ["arkworks", "blst"])
def test_bytes_of_a_proof_stay_as_they_are(
    request: pytest.FixtureRequest, forgotten: pytest.MonkeyPatch, library: str
) -> None:
    """Faster arithmetic may not move a byte: proofs that are out would be another statement's, or no proof at all.

    Whoever changes what a prover says has another version of the format; the hash was taken before the verifier's
    arithmetic was rewritten and before there was a second library, with the folded rounds of 128 places among it.
    """
    if library == "arkworks":
        forgotten.setattr(blst, "usable", lambda: False)
    else:
        request.getfixturevalue("quick")
    assert type(default_group()).__name__.lower() == library
    seeded = Counted()
    forgotten.setattr("plimsoll.proofs.ranges.secrets", seeded)
    forgotten.setattr("plimsoll.proofs.commitments.secrets", seeded)
    rows = Rows(("x", "y"), (Row({0: 1}, 0, 40), Row({1: 1}, 5, 30), Row({0: -3, 1: 2}, 1000, 32)), P)
    assert rows.size == 128
    opening = Opening.of([100, -5])
    proof = prove_ranges(rows, opening, b"golden")
    data = proof_bytes(proof)
    assert hashlib.sha256(data).hexdigest() == "e7f654ca3de67c4fac800932b5c5374e6bbca306fc517d8fa01c37de7db5381e"
    encoded = [default_group().encode(v) for v in opening.commitments()]
    points = read_commitments(encoded, 2)
    verify_ranges([Claim(rows, points, encoded, b"golden", read_proof(data, rows))])
