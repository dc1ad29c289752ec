"""What the fleet page shows of an engine: where every account stands at one moment, and who changed since."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from plimsoll.documents import parse_instant, refuse
from plimsoll.live import Engine
from plimsoll.live.outcome import STATUSES, Status
from plimsoll.serve.dashboard.calls import Calls

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Sort = Literal["health", "account", "status", "initial", "maintenance", "equity", "excess", "positions"]
SORTS: tuple[Sort, ...] = ("health", "account", "status", "initial", "maintenance", "equity", "excess", "positions")
STEPS = (1.0, 1.1, 1.25, 1.5, 2.0, 3.0)
"""Upper ends of the rungs of the health ladder; the last rung is open."""

PAGE = 100
"""Accounts on one page."""

REMEMBERED = 200
"""Changes of status that are kept."""


@dataclass(frozen=True)
class Changed:
    """An account went from one status to another; `time` is the market's."""

    time: datetime
    account: str
    before: Status
    after: Status


@dataclass(frozen=True)
class Rung:
    """Accounts whose health lies in `[low, high)`; equity and maintenance are their sums."""

    low: float
    high: float
    count: int
    equity: float
    maintenance: float

    @property
    def words(self) -> str:
        """The rung in words."""
        if self.low == 0.0:
            return "below 1"
        return f"{self.low:g} to {self.high:g}" if np.isfinite(self.high) else f"{self.low:g} and above"


@dataclass(frozen=True)
class FleetRow:
    """One account; amounts in the rules' currency, `health` equity over maintenance, `None` with nothing required."""

    account: str
    status: Status
    initial: float
    maintenance: float
    equity: float
    health: float | None
    positions: int
    reason: str = ""

    @property
    def excess(self) -> float:
        """Equity less initial margin."""
        return self.equity - self.initial


@dataclass(frozen=True, eq=False)
class FleetView:
    """All `A` accounts at one moment. `health[A]` is infinite where nothing is required, NaN where it was refused."""

    time: datetime
    events: int
    currency: str
    rules: str
    names: tuple[str, ...]
    level: npt.NDArray[np.int8]
    initial: F64
    maintenance: F64
    equity: F64
    positions: I64
    reasons: dict[int, str]
    indices: dict[str, float]
    calls: Calls | None = None

    @classmethod
    def of(cls, engine: Engine, amounts: tuple[F64, F64, F64] | None = None) -> FleetView:
        """The fleet as it stands; asked on the engine's own thread. `amounts` if they were asked for before."""
        initial, maintenance, equity = engine.amounts(engine.everyone) if amounts is None else amounts
        coins = sorted({c.underlying for c in engine.prices.plan.contracts})
        return cls(
            engine.prices.time,
            engine.events,
            engine.model.rules.currency,
            engine.model.rules.label,
            engine.holdings.names,
            engine.level.copy(),
            initial,
            maintenance,
            equity,
            np.array([i.size for i in engine.holdings.items], dtype=np.int64),
            {a: str(problem) for a, problem in engine.reason.items()},
            {u: price for u in coins if (price := engine.prices.index(u)) is not None},
            Calls.of(engine),
        )

    @property
    def health(self) -> F64:
        """`[A]` equity over maintenance margin."""
        with np.errstate(divide="ignore", invalid="ignore"):
            found: F64 = np.where(self.maintenance > 0.0, self.equity / self.maintenance, np.inf)
        found[self.level == STATUSES.index("refused")] = np.nan
        return found

    def row(self, a: int) -> FleetRow:
        """One account."""
        health = float(self.health[a]) if self.maintenance[a] > 0.0 else np.inf
        return FleetRow(
            self.names[a],
            STATUSES[int(self.level[a])],
            float(self.initial[a]),
            float(self.maintenance[a]),
            float(self.equity[a]),
            health if np.isfinite(health) else None,
            int(self.positions[a]),
            self.reasons.get(a, ""),
        )

    def counts(self) -> dict[Status, int]:
        """Accounts by status."""
        return {status: int((self.level == n).sum()) for n, status in enumerate(STATUSES)}

    def ladder(self) -> tuple[Rung, ...]:
        """Accounts by health, lowest rung first; those that were refused or have nothing required stand on none."""
        health = self.health
        ends = (0.0, *STEPS, np.inf)
        found = []
        for low, high in pairwise(ends):
            on = (health < high) & np.isfinite(health) & ((health >= low) | (low == 0.0))
            sums = float(self.equity[on].sum()), float(self.maintenance[on].sum())
            found.append(Rung(low, high, int(on.sum()), *sums))
        return tuple(found)

    def select(
        self, sort: str = "health", down: bool = False, text: str = "", status: str = "", page: int = 1
    ) -> tuple[list[FleetRow], int]:
        """A page of the accounts whose name contains `text` and that have a status, and how many there are in all.

        Refused accounts, which have no number, come first in the order of health: they are looked at first. Raises
        `DocumentError` for an order or status that is none.
        """
        if sort not in SORTS:
            raise refuse("sort", sort, ", ".join(SORTS))
        if status and status not in STATUSES:
            raise refuse("status", status, ", ".join(STATUSES))
        keep = np.ones(len(self.names), dtype=bool)
        if status:
            keep &= self.level == STATUSES.index(status)
        if text:
            low = text.lower()
            keep &= np.array([low in name.lower() for name in self.names], dtype=bool)
        rows = np.flatnonzero(keep)
        if sort == "account":
            order = np.array(sorted(range(rows.size), key=lambda i: _natural(self.names[rows[i]])), dtype=np.int64)
        else:
            keys: dict[str, F64] = {
                "health": np.nan_to_num(self.health, nan=-np.inf),
                "status": -self.level.astype(np.float64),
                "initial": self.initial,
                "maintenance": self.maintenance,
                "equity": self.equity,
                "excess": self.equity - self.initial,
                "positions": self.positions.astype(np.float64),
            }
            order = np.argsort(keys[sort][rows], kind="stable").astype(np.int64)
        chosen = rows[order[::-1] if down else order]
        start = PAGE * max(0, page - 1)
        return [self.row(int(a)) for a in chosen[start : start + PAGE]], int(chosen.size)


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """`account 9` before `account 10`."""
    parts: list[tuple[int, int, str]] = []
    word = ""
    digits = ""
    for character in name:
        if character.isascii() and character.isdigit():
            if word:
                parts.append((1, 0, word))
                word = ""
            digits += character
        else:
            if digits:
                parts.append((0, int(digits), ""))
                digits = ""
            word += character
    if digits:
        parts.append((0, int(digits), ""))
    if word:
        parts.append((1, 0, word))
    return tuple(parts)


class Changes:
    """Changes of status, newest first: who was not healthy at the first look, then every decision of the engine."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self.seen: deque[Changed] = deque(maxlen=most)
        self._last = -1

    def look(self, view: FleetView, alerts: Sequence[tuple[int, str]]) -> None:
        """Take what is new among the numbered alerts of the service; the first look takes the fleet as it stands."""
        if self._last < 0:
            for a in np.flatnonzero(view.level).tolist():
                self.seen.appendleft(Changed(view.time, view.names[a], "healthy", STATUSES[int(view.level[a])]))
            self._last = alerts[-1][0] if alerts else 0
            return
        for number, frame in list(alerts):
            if number > self._last:
                told = json.loads(frame)
                time = parse_instant(told["time"])
                self.seen.appendleft(Changed(time, told["account"], told["before"], told["after"]))
                self._last = number


__all__ = ["Changed", "Changes", "FleetRow", "FleetView", "Rung", "SORTS"]
