"""What a proof speaks of: rows `A x + b` over private integers, each in a range, with a bound against wrapping."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from plimsoll.proofs.errors import NotProvableError
from plimsoll.proofs.generators import LARGEST
from plimsoll.proofs.group import Group, Scalar

WIDEST = 200
"""Bits of the widest range of a row."""


@dataclass(frozen=True)
class Row:
    """`0 <= sum_j coefficients[j] x_j + offset < 2**width`, in integers; `name` says what it is."""

    coefficients: Mapping[int, int]
    offset: int
    width: int
    name: str = ""

    def value(self, x: Sequence[int]) -> int:
        """The row at private integers `x[n]`."""
        return sum(a * x[j] for j, a in self.coefficients.items()) + self.offset


@dataclass(frozen=True)
class Rows:
    """A public statement of `K` rows over `n` private integers, `variables[n]` their names.

    Modulo the order of a group the rows say nothing of integers by themselves: `w = 1/3` makes `3 w = 1`. So every
    variable has to be bounded by rows, and what the bounds allow may not come round the order. Raises
    `NotProvableError` where a variable is unbounded or a row could wrap.
    """

    variables: tuple[str, ...]
    rows: tuple[Row, ...]
    order: int

    def __post_init__(self) -> None:
        for k, row in enumerate(self.rows):
            if not 1 <= row.width <= WIDEST:
                raise NotProvableError(f"rows[{k}].width: got {row.width}, allowed: 1 to {WIDEST} bits")
            if any(not 0 <= j < len(self.variables) for j in row.coefficients):
                raise NotProvableError(f"rows[{k}]: a variable that there is not")
        if not self.rows:
            raise NotProvableError("rows: got none, allowed: at least one")
        free = [self.variables[j] for j in range(len(self.variables)) if j not in self.bounds]
        if free:
            raise NotProvableError(f"variable {free[0]!r} has no range: modulo the order it could be any fraction")
        if self.largest >= self.order // 2:
            bits = self.largest.bit_length()
            raise NotProvableError(f"a row could reach {bits} bits and wrap around the order of the group")
        if self.size > LARGEST:
            total = sum(row.width for row in self.rows)
            raise NotProvableError(f"{total:,} bits of ranges; at most {LARGEST:,} can be proved together")

    @cached_property
    def bounds(self) -> dict[int, int]:
        """For each variable the largest size of the integer that its commitment holds, as far as the rows bound it.

        A row whose other variables are bounded bounds the one that it holds plus or minus once:
        `|x| <= 2**width + |offset| + sum |a_j| bound_j`.
        """
        found: dict[int, int] = {}
        waiting = list(self.rows)
        while True:
            left = []
            for row in waiting:
                unknown = [j for j, a in row.coefficients.items() if a and j not in found]
                if len(unknown) == 1 and abs(row.coefficients[unknown[0]]) == 1:
                    found[unknown[0]] = (1 << row.width) + self._reach(row, found)
                elif unknown:
                    left.append(row)
            if len(left) == len(waiting) or not left:
                return found
            waiting = left

    @staticmethod
    def _reach(row: Row, bounds: Mapping[int, int]) -> int:
        return abs(row.offset) + sum(abs(a) * bounds.get(j, 0) for j, a in row.coefficients.items())

    @cached_property
    def largest(self) -> int:
        """What no row can exceed in size, its range included: below half of the order, congruent is equal."""
        return max(self._reach(row, self.bounds) + (1 << row.width) for row in self.rows)

    @cached_property
    def size(self) -> int:
        """Bits of all ranges, rounded up to a power of two: the length of the inner product."""
        total = sum(row.width for row in self.rows)
        return max(2, 1 << (total - 1).bit_length())

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the rows in one binary form.

        `n`, `K` (4 bytes each); for each name its length (2) and UTF-8; for each row its width (2), offset (32, two's
        complement), the number of coefficients that are not zero (4) and these by rising variable: index (4), number
        (32, two's complement). Everything most significant byte first.
        """
        parts = [len(self.variables).to_bytes(4, "big"), len(self.rows).to_bytes(4, "big")]
        for name in self.variables:
            text = name.encode()
            parts += [len(text).to_bytes(2, "big"), text]
        for row in self.rows:
            kept = sorted((j, a) for j, a in row.coefficients.items() if a)
            parts += [row.width.to_bytes(2, "big"), _signed(row.offset), len(kept).to_bytes(4, "big")]
            for j, a in kept:
                parts += [j.to_bytes(4, "big"), _signed(a)]
        return hashlib.sha256(b"".join(parts)).digest()

    def scalars(self, group: Group) -> list[list[tuple[int, Scalar]]]:
        """The coefficients of each row that are not zero, as scalars of `group`."""
        kept: list[list[tuple[int, Scalar]]] | None = self.__dict__.get("_scalars")
        if kept is None:
            kept = [[(j, group.scalar(a)) for j, a in row.coefficients.items() if a] for row in self.rows]
            self.__dict__["_scalars"] = kept
        return kept

    def broken(self, x: Sequence[int]) -> tuple[Row, int] | None:
        """The first row that private integers do not meet, and its value; `None` if they meet all."""
        for row in self.rows:
            value = row.value(x)
            if not 0 <= value < 1 << row.width:
                return row, value
        return None


def _signed(number: int) -> bytes:
    return number.to_bytes(32, "big", signed=True)
