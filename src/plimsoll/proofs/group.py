"""The group under the proofs, behind six operations, so that another one can be put in.

The identity, and bytes for the file of generators, go with them.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from plimsoll.proofs.errors import ProofRefusedError

Point = Any
"""An element of the group, opaque outside of its backend; compared with `==`, added with `Group.add`."""

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

    @property
    @abstractmethod
    def identity(self) -> Point:
        """The neutral element."""

    @abstractmethod
    def wide(self, point: Point) -> bytes:
        """96 bytes, x then y: read back fast, for what we wrote ourselves and hold to a hash."""

    @abstractmethod
    def from_wide(self, data: bytes) -> Point:
        """The element that `wide` wrote; the caller holds `data` to a hash."""

    def total(self, points: Sequence[Point]) -> Point:
        """The sum of elements; the identity of none."""
        return functools.reduce(self.add, points, self.identity)

    def combine_aside(self, points: Sequence[Point], scalars: Sequence[Scalar]) -> Callable[[], Point]:
        """`combine`, begun on other threads where there are any; what is given back waits for it."""
        points, scalars = list(points), list(scalars)
        return lambda: self.combine(points, scalars)

    def combine_each(self, lists: Sequence[Sequence[Point]], scalars: Sequence[Scalar]) -> list[Point]:
        """`combine` of each of many lists with the same scalars."""
        return [self.combine(points, scalars) for points in lists]

    def decode_each(self, encoded: Sequence[bytes]) -> list[Point]:
        """`decode` of each; raises what the first one that is refused would."""
        return [self.decode(data) for data in encoded]

    def scalar_bytes(self, number: int) -> bytes:
        """A canonical scalar, 32 bytes, the most significant first."""
        return (number % self.order).to_bytes(32, "big")

    def read_scalar(self, data: bytes) -> int:
        """The number of a canonical scalar. Raises `ProofRefusedError` for another length or one beyond the order."""
        number = int.from_bytes(data, "big")
        if len(data) != 32 or number >= self.order:
            raise ProofRefusedError("a scalar that is not canonical")
        return number


@functools.cache
def default_group() -> Group:
    """BLS12-381 by the quickest library that is there. Raises `MissingProofsError` without the extra `proofs`."""
    from plimsoll.proofs import arkworks, blst

    return blst.Blst() if blst.usable() else arkworks.Arkworks()
