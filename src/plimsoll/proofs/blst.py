"""BLS12-381 by blst, the assembly of the Ethereum clients, where the wheel of `ckzg` has it within.

Nobody publishes blst for Python with its multi-scalar multiplication, but the extension module of `ckzg` (C-KZG, by the
Ethereum Foundation) is linked with all of it and leaves its C interface visible. It is called through `ctypes`, which
gives the interpreter lock free while a call runs. What a wheel happens to leave visible is no promise: everything is
looked up by name, and held to the other library's results, before any of it is used (`usable`).
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import warnings
from collections.abc import Sequence
from typing import Any

from plimsoll.proofs.arkworks import Arkworks, pool
from plimsoll.proofs.errors import ProofRefusedError
from plimsoll.proofs.group import Point, Scalar

AFFINE, PROJECTIVE, COORDINATE = 96, 144, 48
"""Bytes of `blst_p1_affine`, `blst_p1` and `blst_fp`."""

FEW = 256
"""Points up to which two multiplications by halves of 128 bits cost less than one of 255 (measured)."""

LAMBDA = 0xAC45A4010001A40200000000FFFFFFFF
"""`z^2 - 1` for the curve's parameter `z`: what the endomorphism `(x, y) -> (beta x, y)` multiplies by."""

BETA = 0x1A0111EA397FE699EC02408663D4DE85AA0D857D89759AD4897D29650FB85F9B409427EB4F49FFFD8BFD00000000AAAC
"""The cube root of one that belongs to `LAMBDA`."""

CHUNK = 64
"""Elements that a thread decodes before it takes more."""

ADDED = 256
"""Elements that one call adds: blst keeps what it needs on the stack, and that of a thread may be small."""

FLAGS = 0xE0
"""The bits of the first byte that are no part of a coordinate."""

_SIZES = {"blst_p1_affine_sizeof": AFFINE, "blst_p1_sizeof": PROJECTIVE}
_COUNTS = ("blst_p1s_mult_pippenger_scratch_sizeof",)
_TRUTHS = ("blst_p1_affine_in_g1",)
_CODES = ("blst_p1_uncompress", "blst_p1_deserialize")
_CALLS = (
    "blst_fp_from_bendian",
    "blst_fp_mul",
    "blst_p1_add_or_double_affine",
    "blst_p1_affine_compress",
    "blst_p1_affine_serialize",
    "blst_p1_from_affine",
    "blst_p1_to_affine",
    "blst_p1s_add",
    "blst_p1s_mult_pippenger",
)


@functools.cache
def usable() -> bool:
    """Whether the library is there and gives what arkworks gives; a warning if it is there and does not."""
    other = Arkworks(1)
    if _library() is None:
        return False
    try:
        right = _agrees(Blst(1), other)
    except (ProofRefusedError, ValueError, ctypes.ArgumentError):
        right = False
    if not right:
        warnings.warn("the blst in this ckzg does not agree with arkworks: it is not used", stacklevel=2)
    return right


class Blst(Arkworks):
    """The same group: elements are 96 bytes as blst holds them, the identity zeros; scalars stay with arkworks.

    Encodings, sums and so the bytes of every proof are those of `Arkworks`. Multiplications take variable time in both.
    """

    def __init__(self, threads: int | None = None) -> None:
        super().__init__(threads)
        library = _library()
        if library is None:
            raise RuntimeError("ckzg: got none whose blst can be called, allowed: a wheel that leaves it visible")
        self._blst = library
        self._arkworks = Arkworks(1)
        self._identity = bytes(AFFINE)
        self._beta = ctypes.create_string_buffer(COORDINATE)
        self._blst.blst_fp_from_bendian(self._beta, BETA.to_bytes(COORDINATE, "big"))

    def derive(self, message: bytes) -> Point:
        """See `Group.derive`."""
        return self.from_wide(self._arkworks.wide(self._arkworks.derive(message)))

    def add(self, one: Point, two: Point) -> Point:
        """See `Group.add`."""
        found = ctypes.create_string_buffer(PROJECTIVE)
        self._blst.blst_p1_from_affine(found, _held(one))
        self._blst.blst_p1_add_or_double_affine(found, found, _held(two))
        return self._affine(found)

    def total(self, points: Sequence[Point]) -> Point:
        """See `Group.total`."""
        there = [p for p in points if p != self._identity]
        while len(there) > 1:
            sums = [self._sum(there[i : i + ADDED]) for i in range(0, len(there), ADDED)]
            there = [p for p in sums if p != self._identity]
        return there[0] if there else self._identity

    def _sum(self, points: list[Point]) -> Point:
        found = ctypes.create_string_buffer(PROJECTIVE)
        self._blst.blst_p1s_add(found, _array(points, AFFINE), len(points))
        return self._affine(found)

    def encode(self, point: Point) -> bytes:
        """See `Group.encode`."""
        data = ctypes.create_string_buffer(self.width)
        self._blst.blst_p1_affine_compress(data, _held(point))
        return data.raw

    def decode_each(self, encoded: Sequence[bytes]) -> list[Point]:
        """See `Group.decode_each`; on all threads."""
        if self.threads < 2 or len(encoded) < 2 * CHUNK:
            return super().decode_each(encoded)
        parts = [encoded[i : i + CHUNK] for i in range(0, len(encoded), CHUNK)]
        decode = super().decode_each
        return [point for part in pool(self.threads).map(decode, parts) for point in part]

    def wide(self, point: Point) -> bytes:
        """See `Group.wide`."""
        data = ctypes.create_string_buffer(AFFINE)
        self._blst.blst_p1_affine_serialize(data, _held(point))
        return data.raw

    def from_wide(self, data: bytes) -> Point:
        """See `Group.from_wide`."""
        found = ctypes.create_string_buffer(AFFINE)
        if len(data) != AFFINE or data[0] & FLAGS or self._blst.blst_p1_deserialize(found, data):
            raise ProofRefusedError("bytes that are no point of the curve")
        return found.raw

    def _read(self, data: bytes) -> Point | None:
        found = ctypes.create_string_buffer(AFFINE)
        if self._blst.blst_p1_uncompress(found, bytes(data)) or not self._blst.blst_p1_affine_in_g1(found):
            return None
        return found.raw

    def _multiply(self, points: list[Point], scalars: list[Scalar]) -> Point:
        if len(points) > FEW:
            return self._pippenger(points, [x.to_le_bytes() for x in scalars])
        return self._multiply_each([points], scalars)[0]

    def _multiply_each(self, lists: Sequence[Sequence[Point]], scalars: list[Scalar]) -> list[Point]:
        if len(scalars) > FEW or not scalars:
            return super()._multiply_each(lists, scalars)
        low, high = [], []
        for x in scalars:
            above, below = divmod(int(x), LAMBDA)
            low.append(below.to_bytes(16, "little"))
            high.append(above.to_bytes(16, "little"))
        halves = low + high
        return [self._pippenger([*points, *map(self._endomorphism, points)], halves) for points in lists]

    def _endomorphism(self, point: Point) -> Point:
        found = ctypes.create_string_buffer(COORDINATE)
        self._blst.blst_fp_mul(found, _held(point), self._beta)
        return found.raw + point[COORDINATE:]

    def _pippenger(self, points: list[Point], numbers: list[bytes]) -> Point:
        """`sum_i numbers[i] points[i]`; the numbers little-endian of 16 bytes or of 32."""
        size = len(numbers[0])
        if len(points) != len(numbers):
            raise ValueError(f"numbers: got {len(numbers)}, allowed: {len(points)}, one for each point")
        if self._identity in points:
            pairs = [(p, n) for p, n in zip(points, numbers, strict=True) if p != self._identity]
            points, numbers = [p for p, _ in pairs], [n for _, n in pairs]
            if not points:
                return self._identity
        found = ctypes.create_string_buffer(PROJECTIVE)
        scratch = ctypes.create_string_buffer(self._blst.blst_p1s_mult_pippenger_scratch_sizeof(len(points)))
        bits = min(8 * size, self.order.bit_length())
        self._blst.blst_p1s_mult_pippenger(
            found, _array(points, AFFINE), len(points), _array(numbers, size), bits, scratch
        )
        return self._affine(found)

    def _affine(self, found: Any) -> Point:
        point = ctypes.create_string_buffer(AFFINE)
        self._blst.blst_p1_to_affine(point, found)
        return point.raw


def _held(point: Point) -> bytes:
    """`point` as it may be handed to C, which does not ask how long it is."""
    if len(point) != AFFINE:
        raise ValueError(f"point: got {len(point)} bytes, allowed: {AFFINE}, an element")
    return bytes(point)


def _array(items: Sequence[bytes], size: int) -> Any:
    """Items one behind the other, as blst takes them: a pointer to the first and a null."""
    wrong = next((len(item) for item in items if len(item) != size), None)
    if wrong is not None:
        raise ValueError(f"items: got {wrong} bytes, allowed: {size} for each of them")
    return (ctypes.c_char_p * 2)(b"".join(items), None)


@functools.cache
def _library() -> Any | None:
    """The blst within `ckzg` with its arguments declared, or `None`."""
    try:
        found = importlib.util.find_spec("ckzg")
        if found is None or not found.origin:
            return None
        library = ctypes.CDLL(found.origin)
        for name in (*_SIZES, *_COUNTS):
            getattr(library, name).restype = ctypes.c_size_t
        for name in _COUNTS:
            getattr(library, name).argtypes = [ctypes.c_size_t]
        for name in _TRUTHS:
            getattr(library, name).restype = ctypes.c_bool
        for name in _CODES:
            getattr(library, name).restype = ctypes.c_int
        for name in _CALLS:
            getattr(library, name).restype = None
        pointer, size = ctypes.c_void_p, ctypes.c_size_t
        library.blst_p1s_add.argtypes = [pointer, pointer, size]
        library.blst_p1s_mult_pippenger.argtypes = [pointer, pointer, size, pointer, size, pointer]
        right = all(getattr(library, name)() == expected for name, expected in _SIZES.items())
    except (ImportError, OSError, AttributeError, ValueError):
        return None
    return library if right else None


OUTSIDE = bytes([0x80]) + bytes(46) + bytes([4])
"""A point of the curve that is not in the subgroup."""

ORDER_THREE = bytes([0x80]) + bytes(47)
"""The point (0, 2) of the curve, whose order is three."""


def _agrees(one: Blst, other: Arkworks) -> bool:
    """Whether both give the same on a few elements, by every path that `one` takes, and refuse the same."""
    messages = [b"agree %d" % i for i in range(4)]
    mine, theirs = [one.derive(m) for m in messages], [other.derive(m) for m in messages]

    def same(point: Point, expected: Point) -> bool:
        if one.encode(point) != other.encode(expected):
            return False
        return bool(point == one.identity) if expected == other.identity else one.wide(point) == other.wide(expected)

    minus, opposite = one.scalar(-1), other.combine(theirs[:1], [other.scalar(-1)])
    mine.append(one.from_wide(other.wide(opposite)))
    theirs.append(opposite)
    right = all(map(same, mine, theirs)) and [one.decode(other.encode(p)) for p in theirs] == mine
    for p, q in ((0, 0), (0, 1), (0, 4)):
        right = right and same(one.add(mine[p], mine[q]), other.add(theirs[p], theirs[q]))
    right = right and one.add(mine[0], one.identity) == one.add(one.identity, mine[0]) == mine[0]
    # opposites side by side, and sums of nothing
    for places in ((0, 4), (0, 4, 1), (1, 0, 4), (0, 4) * 20, (0, 4) * (ADDED // 2) + (1, 2), (3, 0, 0, 4, 4, 2) * 50):
        right = right and same(one.total([mine[i] for i in places]), other.total([theirs[i] for i in places]))
    right = right and one.combine(mine[:2] * 2, [one.scalar(n) for n in (1, 1, -1, -1)]) == one.identity
    # each kind of multiplication in blst: one point, fewer than 32, buckets; whole numbers and halves
    for count in (1, 2, 5, 40, FEW + 1, 1024):
        # numbers of full length with no pattern, an end of the range among them; elements come again
        scalars = [one.scalar(-pow(3, 200 + 7 * i, one.order)) for i in range(count - 1)] + [minus]
        some, others = [mine[i % 5] for i in range(count)], [theirs[i % 5] for i in range(count)]
        expected = other.combine(others, scalars)
        right = right and same(one.combine(some, scalars), expected)
        right = right and same(one._pippenger(some, [x.to_le_bytes() for x in scalars]), expected)
    # with a part of small order, an element is none; neither is an x without a point, and one beyond the field
    small = other._point.from_compressed_bytes_unchecked(ORDER_THREE)
    strangers = [OUTSIDE, ORDER_THREE, *(other.encode(p + small) for p in theirs[:2])]
    strangers += [bytes([0x80]) + bytes(46) + bytes([1]), bytes([0x9F]) + b"\xff" * 47]
    return right and all(one._read(data) is None and other._read(data) is None for data in strangers)
