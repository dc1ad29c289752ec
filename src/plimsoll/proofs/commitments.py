"""Pedersen commitments: hiding whatever the computer, binding while discrete logarithms are hard."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from plimsoll.proofs.generators import generators
from plimsoll.proofs.group import Point, default_group


def fresh_blinding() -> int:
    """A blinding from the system's randomness, 1 to the order less one."""
    return 1 + secrets.randbelow(default_group().order - 1)


def commit(value: int, blinding: int) -> Point:
    """`value B + blinding B~` (Bulletproofs section 2.2)."""
    group, base = default_group(), generators(1)
    return group.combine([base.value, base.blinding], [group.scalar(value), group.scalar(blinding)])


@dataclass(frozen=True)
class Opening:
    """Private integers and their blindings, `[n]` each: what the commitments hide."""

    values: tuple[int, ...]
    blindings: tuple[int, ...]

    @classmethod
    def of(cls, values: Sequence[int]) -> Opening:
        """Values with fresh blindings."""
        return cls(tuple(values), tuple(fresh_blinding() for _ in values))

    def commitments(self) -> list[Point]:
        """`V_j`."""
        return [commit(v, g) for v, g in zip(self.values, self.blindings, strict=True)]
