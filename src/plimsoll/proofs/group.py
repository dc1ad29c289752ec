"""The group under the proofs, behind six operations, so that another one can be put in."""

from __future__ import annotations

import functools
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from plimsoll.proofs.errors import MissingProofsError, ProofRefusedError

Point = Any
"""An element of the group, opaque outside of its backend; compared with `==`."""

Scalar = Any
"""A number modulo the order, opaque but for `+`, `-`, `*`, `int()` and `inverse()`."""


class Group(ABC):
    """A group of prime `order` in which discrete logarithms are hard.

    `width` is the length of an encoded element, bytes; scalars take 32, the most significant first.
    """

    name: str
    order: int
    width: int

    @abstractmethod
    def scalar(self, number: int) -> Scalar:
        """`number` modulo the order; any sign."""

    @abstractmethod
    def derive(self, message: bytes) -> Point:
        """An element whose relation to any other nobody knows, from a message (hash to the curve)."""

    @abstractmethod
    def add(self, one: Point, two: Point) -> Point:
        """The sum of two elements."""

    @abstractmethod
    def combine(self, points: Sequence[Point], scalars: Sequence[Scalar]) -> Point:
        """`sum_i scalars[i] points[i]`; the identity of none. Raises `ValueError` for lists of different length."""

    @abstractmethod
    def encode(self, point: Point) -> bytes:
        """The one encoding of an element, `width` bytes."""

    @abstractmethod
    def decode(self, data: bytes) -> Point:
        """The element that `data` encodes.

        Raises `ProofRefusedError` for another length, what is no element of the subgroup, the identity, and an
        encoding that is not the one `encode` writes.
        """

    def scalar_bytes(self, number: int) -> bytes:
        """A canonical scalar, 32 bytes, the most significant first."""
        return (number % self.order).to_bytes(32, "big")

    def read_scalar(self, data: bytes) -> int:
        """The number of a canonical scalar. Raises `ProofRefusedError` for another length or one beyond the order."""
        number = int.from_bytes(data, "big")
        if len(data) != 32 or number >= self.order:
            raise ProofRefusedError("a scalar that is not canonical")
        return number


PARALLEL = 512
"""Points from which a multi-scalar multiplication is cut among threads."""


class Bls12381(Group):
    """G1 of BLS12-381 through `py_arkworks_bls12381`: some 117 to 120 bits of security.

    Elements are derived by RFC 9380 (`BLS12381G1_XMD:SHA-256_SSWU_RO_`). The library truncates lists of different
    length, reduces scalars and accepts the identity without a word; all of that is refused here. It releases the
    interpreter lock in multiplications, so large ones run on several threads.
    """

    name = "BLS12-381 G1"
    order = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
    width = 48
    TAG = b"PLIMSOLL-PROOFS-V1-BLS12381G1_XMD:SHA-256_SSWU_RO_"

    def __init__(self, threads: int | None = None) -> None:
        try:
            from py_arkworks_bls12381 import G1Point
            from py_arkworks_bls12381 import Scalar as Field
        except ImportError:
            words = "proofs need py-arkworks-bls12381: pip install 'plimsoll-margin[proofs]'"
            raise MissingProofsError(words) from None
        self._point: Any = G1Point
        self._field: Any = Field
        self._identity = G1Point.identity()
        self.threads = _cores() if threads is None else threads

    def scalar(self, number: int) -> Scalar:
        """See `Group.scalar`."""
        return self._field.from_le_bytes((number % self.order).to_bytes(32, "little"))

    def derive(self, message: bytes) -> Point:
        """See `Group.derive`."""
        return self._point.hash_to_curve(message, self.TAG)

    def add(self, one: Point, two: Point) -> Point:
        """See `Group.add`."""
        return one + two

    def combine(self, points: Sequence[Point], scalars: Sequence[Scalar]) -> Point:
        """See `Group.combine`."""
        points, scalars = self._paired(points, scalars)
        if not points:
            return self._identity
        if len(points) < PARALLEL or self.threads < 2:
            return self._point.multiexp_unchecked(points, scalars)
        return self._cut(points, scalars, self.threads)()

    def combine_aside(self, points: Sequence[Point], scalars: Sequence[Scalar]) -> Callable[[], Point]:
        """`combine`, begun on all threads but the caller's; what is given back waits for the sum.

        With one thread, or fewer than `PARALLEL` points, nothing is begun before it is asked for.
        """
        points, scalars = self._paired(points, scalars)
        if len(points) < PARALLEL or self.threads < 2:
            return lambda: self.combine(points, scalars)
        return self._cut(points, scalars, self.threads - 1)

    @staticmethod
    def _paired(points: Sequence[Point], scalars: Sequence[Scalar]) -> tuple[list[Point], list[Scalar]]:
        if len(points) != len(scalars):
            raise ValueError(f"scalars: got {len(scalars)}, allowed: {len(points)}, one for each point")
        return list(points), list(scalars)

    def _cut(self, points: list[Point], scalars: list[Scalar], count: int) -> Callable[[], Point]:
        """Begin `count` multiplications of about as many points each; what is given back adds them up."""
        step, multiply = -(-len(points) // count), self._point.multiexp_unchecked
        parts = [
            _pool(self.threads).submit(multiply, points[i : i + step], scalars[i : i + step])
            for i in range(0, len(points), step)
        ]
        return lambda: functools.reduce(self.add, (part.result() for part in parts), self._identity)

    def combine_each(self, lists: Sequence[Sequence[Point]], scalars: Sequence[Scalar]) -> list[Point]:
        """`combine` of each of many lists with the same scalars, on all threads."""
        shared, one = list(scalars), self._point.multiexp_unchecked
        if any(len(points) != len(shared) for points in lists):
            raise ValueError(f"lists: got other lengths, allowed: {len(shared)} points in each")
        if self.threads < 2 or len(lists) < self.threads:
            return [one(list(points), shared) for points in lists]
        parts = [lists[i :: self.threads] for i in range(self.threads)]
        done = list(_pool(self.threads).map(lambda part: [one(list(points), shared) for points in part], parts))
        return [done[i % self.threads][i // self.threads] for i in range(len(lists))]

    def encode(self, point: Point) -> bytes:
        """See `Group.encode`; 48 bytes compressed."""
        return bytes(point.to_compressed_bytes())

    def decode(self, data: bytes) -> Point:
        """See `Group.decode`."""
        if len(data) != self.width:
            raise ProofRefusedError(f"an element of {len(data)} bytes, not {self.width}")
        try:
            point = self._point.from_compressed_bytes(data)
        except (ValueError, TypeError):
            raise ProofRefusedError("an element that is not in the group") from None
        if point == self._identity:
            raise ProofRefusedError("the identity as an element")
        if self.encode(point) != data:
            raise ProofRefusedError("an element that is not encoded canonically")
        return point

    def wide(self, point: Point) -> bytes:
        """96 bytes, x then y: read back fast, for what we wrote ourselves and hold to a hash."""
        return bytes(point.to_xy_bytes_be())

    def from_wide(self, data: bytes) -> Point:
        """The element that `wide` wrote; the caller holds `data` to a hash."""
        return self._point.from_xy_bytes_unchecked_be(data)

    @property
    def identity(self) -> Point:
        """The neutral element."""
        return self._identity


def _cores() -> int:
    return min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="plimsoll-proofs")


@functools.cache
def default_group() -> Bls12381:
    """The one group that is served. Raises `MissingProofsError` without the extra `proofs`."""
    return Bls12381()
