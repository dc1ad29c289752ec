"""What conformance reports: cases counted, the worst error found, a word for each file."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Tolerance:
    """How near a number must come: `absolute`, or `relative` times the expected number's size, at least `floor`."""

    relative: float = 0.0
    absolute: float = 0.0
    floor: float = 1.0

    @property
    def exact(self) -> bool:
        """Nothing is allowed for."""
        return self.relative == 0.0 and self.absolute == 0.0

    def error(self, got: float, expected: float) -> float:
        """The distance in units of the tolerance: at most one passes. NaN counts as infinite."""
        allowed = max(self.absolute, self.relative * max(abs(expected), self.floor))
        gap = abs(got - expected)
        if math.isnan(gap):
            return math.inf
        if allowed == 0.0:
            return 0.0 if gap == 0.0 else math.inf
        return gap / allowed

    def distance(self, got: float, expected: float) -> float:
        """The plain distance that is shown: relative to `floor` where the tolerance is, else absolute."""
        gap = abs(got - expected)
        if math.isnan(gap):
            return math.inf
        return gap / max(abs(expected), self.floor) if self.relative else gap


@dataclass
class CaseOutcome:
    """One case: how many assertions were made, which failed, and the largest distance."""

    case: str
    assertions: int = 0
    worst_error: float = 0.0
    misses: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """All assertions hold and there was at least one."""
        return not self.misses and self.assertions > 0

    def compare(self, name: str, got: Any, expected: Any, tolerance: Tolerance) -> None:
        """Assert one expected value: numbers within tolerance, texts and flags equal; `None` asserts nothing."""
        if expected is None:
            return
        self.assertions += 1
        if isinstance(expected, (str, bool)) or not isinstance(got, (int, float)) or isinstance(got, bool):
            if got != expected:
                self.misses.append(f"{name}: got {got!r}, expected {expected!r}")
            return
        if isinstance(got, int) and isinstance(expected, int) and tolerance.exact:
            # doubles would let integers beyond 2^53 differ unseen
            self.worst_error = max(self.worst_error, float(abs(got - expected)))
            if got != expected:
                self.misses.append(f"{name}: got {got!r}, expected {expected!r}")
            return
        self.worst_error = max(self.worst_error, tolerance.distance(float(got), float(expected)))
        if tolerance.error(float(got), float(expected)) > 1.0:
            self.misses.append(f"{name}: got {got!r}, expected {expected!r}")


@dataclass
class FileOutcome:
    """One file: `passed` and `total` count cases. `status`: `cases`, `parameters`, or `no model`."""

    path: str
    model: str
    status: str = "cases"
    cases: list[CaseOutcome] = field(default_factory=list)
    unchecked: int = 0

    @property
    def passed(self) -> int:
        """Cases of which every assertion holds."""
        return sum(c.passed for c in self.cases)

    @property
    def total(self) -> int:
        """Cases in the file, those without a model to compute them included."""
        return len(self.cases) + self.unchecked

    @property
    def worst_error(self) -> float | None:
        """Largest distance over the cases; `None` where nothing was compared."""
        return max((c.worst_error for c in self.cases), default=None)

    @property
    def ok(self) -> bool:
        """Nothing missed: a parameters-only file is fine, a file of cases needs all of them to pass."""
        if self.status == "parameters":
            return True
        return self.total > 0 and self.passed == self.total
