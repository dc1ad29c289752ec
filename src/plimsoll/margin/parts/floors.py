"""A core that is the largest of several terms, and how it is shown as components that add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


class Terms(Protocol):
    """`amount[t]` and Euler `shares[t]` (`[N]`) of every term of one underlying's core."""

    @property
    def amount(self) -> Mapping[str, float]: ...

    @property
    def shares(self) -> Mapping[str, F64]: ...


def largest(terms: Sequence[str], amount: Mapping[str, float]) -> str:
    """The largest term; the first in `terms` on a tie."""
    return max(terms, key=lambda t: (amount[t], -terms.index(t)))


def stacked(terms: Sequence[str], cores: Iterable[Terms], size: int) -> dict[str, F64]:
    """`[N]` shares by term: each shows what it adds to the terms before it, so that they add up to the largest."""
    parts = {t: np.zeros(size) for t in terms}
    for core in cores:
        charged = terms[0]
        parts[charged] += core.shares[charged]
        for floor in terms[1:]:
            if core.amount[floor] > core.amount[charged]:
                parts[floor] += core.shares[floor] - core.shares[charged]
                charged = floor
    return parts
