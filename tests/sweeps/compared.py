"""What a comparison of a model with its twin has seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from plimsoll.margin import Requirement

TOLERANCE = 1e-9


@dataclass(frozen=True)
class Certified:
    """How the certified bound of one underlying of a DSA account fared: `error` is the largest that was met."""

    kind: str
    revalued: bool
    bound: float
    error: float


@dataclass
class Compared:
    """Counts amounts and keeps the largest difference: relative, with a floor of one unit of the currency."""

    amounts: int = 0
    largest: float = 0.0
    certified: list[Certified] = field(default_factory=list)

    def near(self, what: str, got: float, expected: float) -> None:
        """Hold `got` to `expected`."""
        apart = abs(got - expected) / max(1.0, abs(expected))
        assert apart <= TOLERANCE, f"{what}: {got!r}, the twin says {expected!r}"
        self.amounts += 1
        self.largest = max(self.largest, apart)

    def all_near(self, what: str, got: Iterable[float], expected: Iterable[float]) -> None:
        """Hold each of `got` to its partner; there must be as many."""
        for i, (mine, theirs) in enumerate(zip(got, expected, strict=True)):
            self.near(f"{what}[{i}]", mine, theirs)


def adds_up(requirement: Requirement) -> None:
    """The shares of every component, and the components, within the tolerance and what a quadrature says it left."""
    for part in requirement.components:
        for amount, shares in (
            (part.initial, [s.initial for s in part.shares]),
            (part.maintenance, [s.maintenance for s in part.shares]),
        ):
            slack = TOLERANCE * max(1.0, abs(amount)) + part.share_error
            assert abs(sum(shares) - amount) <= slack, f"{requirement.rules}: shares of {part.name}"
        assert part.share_error <= TOLERANCE * max(1.0, abs(part.initial)), f"{requirement.rules}: {part.name}"
