"""BLS12-381 by `py_arkworks_bls12381`: everything that a group needs, on every machine."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from plimsoll.proofs.errors import MissingProofsError, ProofRefusedError
from plimsoll.proofs.group import Group, Point, Scalar

IDENTITY = 0x40
"""The bit of the first byte that says that an encoding is of the identity."""

PARALLEL = 512
"""Points from which a multi-scalar multiplication is cut among threads."""


class Arkworks(Group):
    """G1 of BLS12-381: some 117 to 120 bits of security.

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
        self._identity: Point = G1Point.identity()
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
            return self._multiply(points, scalars)
        return self._cut(points, scalars, self.threads)()

    def combine_aside(self, points: Sequence[Point], scalars: Sequence[Scalar]) -> Callable[[], Point]:
        """`combine`, begun on all threads but the caller's; what is given back waits for the sum.

        With one thread, or fewer than `PARALLEL` points, nothing is begun before it is asked for.
        """
        points, scalars = self._paired(points, scalars)
        if len(points) < PARALLEL or self.threads < 2:
            return lambda: self.combine(points, scalars)
        return self._cut(points, scalars, self.threads - 1)

    def combine_each(self, lists: Sequence[Sequence[Point]], scalars: Sequence[Scalar]) -> list[Point]:
        """`combine` of each of many lists with the same scalars, on all threads."""
        shared = list(scalars)
        if any(len(points) != len(shared) for points in lists):
            raise ValueError(f"lists: got other lengths, allowed: {len(shared)} points in each")
        if self.threads < 2 or len(lists) < self.threads:
            return self._multiply_each(lists, shared)
        parts = [lists[i :: self.threads] for i in range(self.threads)]
        done = list(pool(self.threads).map(lambda part: self._multiply_each(part, shared), parts))
        return [done[i % self.threads][i // self.threads] for i in range(len(lists))]

    def encode(self, point: Point) -> bytes:
        """See `Group.encode`; 48 bytes compressed."""
        return bytes(point.to_compressed_bytes())

    def decode(self, data: bytes) -> Point:
        """See `Group.decode`."""
        if len(data) != self.width:
            raise ProofRefusedError(f"an element of {len(data)} bytes, not {self.width}")
        # libraries differ in what they take for the identity when more than the bit for it is set
        point = self._identity if data[0] & IDENTITY else self._read(data)
        if point is None:
            raise ProofRefusedError("an element that is not in the group")
        if point == self._identity:
            raise ProofRefusedError("the identity as an element")
        if self.encode(point) != data:
            raise ProofRefusedError("an element that is not encoded canonically")
        return point

    def wide(self, point: Point) -> bytes:
        """See `Group.wide`."""
        return bytes(point.to_xy_bytes_be())

    def from_wide(self, data: bytes) -> Point:
        """See `Group.from_wide`."""
        return self._point.from_xy_bytes_unchecked_be(data)

    @property
    def identity(self) -> Point:
        """The neutral element."""
        return self._identity

    def _read(self, data: bytes) -> Point | None:
        """The element of the subgroup in 48 bytes, the identity too; `None` if there is none."""
        try:
            return self._point.from_compressed_bytes(data)
        except (ValueError, TypeError):
            return None

    def _multiply(self, points: list[Point], scalars: list[Scalar]) -> Point:
        """The multiplication of the library: one thread, at least one point, lists of one length."""
        return self._point.multiexp_unchecked(points, scalars)

    def _multiply_each(self, lists: Sequence[Sequence[Point]], scalars: list[Scalar]) -> list[Point]:
        """`_multiply` of each of many lists with the same scalars."""
        return [self._multiply(list(points), scalars) if scalars else self._identity for points in lists]

    @staticmethod
    def _paired(points: Sequence[Point], scalars: Sequence[Scalar]) -> tuple[list[Point], list[Scalar]]:
        if len(points) != len(scalars):
            raise ValueError(f"scalars: got {len(scalars)}, allowed: {len(points)}, one for each point")
        return list(points), list(scalars)

    def _cut(self, points: list[Point], scalars: list[Scalar], count: int) -> Callable[[], Point]:
        """Begin `count` multiplications of about as many points each; what is given back adds them up."""
        step = -(-len(points) // count)
        parts = [
            pool(self.threads).submit(self._multiply, points[i : i + step], scalars[i : i + step])
            for i in range(0, len(points), step)
        ]
        return lambda: self.total([part.result() for part in parts])


def _cores() -> int:
    return min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


@functools.cache
def pool(threads: int) -> ThreadPoolExecutor:
    """The threads of the proofs, made once for each number of them."""
    return ThreadPoolExecutor(threads, thread_name_prefix="plimsoll-proofs")
