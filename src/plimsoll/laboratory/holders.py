"""What holders do when they are called: the money that comes into a cascade from outside, and who was closed why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Seen:
    """What holders see at a step, `[A]` in units of the venue's currency: `equity` at the mark, the `line` of their
    maintenance, `base` without scalar and add-on; `held` where something is held; `ids` are their numbers."""

    step: int
    seconds: float
    equity: I64
    line: I64
    base: I64
    held: BoolArray
    ids: I64


class Holders(Protocol):
    """People behind the accounts of a cascade."""

    def pays(self, seen: Seen) -> I64:
        """Units `[A]` from zero up that they pay in now, before anybody is looked at."""

    def closing(self, seen: Seen, rows: I64, usd: F64) -> None:
        """The accounts `rows`, with `usd` of positions each, are closed now."""


@dataclass
class Called:
    """Holders who are called below `call` times their line and pay to `target` times it, or do not.

    By their number: two of four pay all `hours` after the call, the third half of it, the fourth nothing, as in the
    measurement of thresholds. One payment for a call; a new call comes once they have been above the line of calls.
    Nobody sells to meet a call by himself: whoever cannot pay is closed by the venue, which `deadline` counts.

    Counted: `calls`, `paid` (units), `below_base` accounts closed below their base margin, and `deadline` accounts that
    were not, which only a raised margin closes, with `deadline_usd` of positions.
    """

    call: float = 1.3
    target: float = 1.4
    hours: float = 2.0
    calls: int = 0
    paid: int = 0
    below_base: int = 0
    deadline: int = 0
    deadline_usd: float = 0.0
    _since: F64 = field(default_factory=lambda: np.zeros(0))
    _done: BoolArray = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    _counted: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        if not 1.0 <= self.call <= self.target:
            raise refuse(
                "target", self.target, f"at least {self.call:g}, below which they are called, itself from 1 up"
            )

    def pays(self, seen: Seen) -> I64:
        """What is due now."""
        if not self._since.size:
            self._since, self._done = np.full(seen.ids.size, np.nan), np.zeros(seen.ids.size, dtype=np.bool_)
        low = seen.held & (seen.equity < self.call * seen.line)
        self._since[~low], self._done[~low] = np.nan, False
        new = low & np.isnan(self._since)
        self._since[new] = seen.seconds
        self.calls += int(new.sum())
        due = low & ~self._done & (seen.seconds - self._since >= self.hours * 3600.0)
        self._done |= due
        part = np.array([1.0, 1.0, 0.5, 0.0])[seen.ids % 4]
        # whoever owes more than he has does not throw money after it
        due &= seen.equity > 0
        units = np.where(due, np.ceil(part * np.maximum(0.0, self.target * seen.line - seen.equity)), 0.0)
        found: I64 = units.astype(np.int64)
        self.paid += int(found.sum())
        return found

    def closing(self, seen: Seen, rows: I64, usd: F64) -> None:
        """Counts each account the first time."""
        new = np.array([int(i) not in self._counted for i in seen.ids[rows]], dtype=np.bool_)
        self._counted.update(seen.ids[rows].tolist())
        rows, usd = rows[new], usd[new]
        base = seen.equity[rows] < seen.base[rows]
        self.below_base += int(base.sum())
        self.deadline += int((~base).sum())
        self.deadline_usd += float(usd[~base].sum())
