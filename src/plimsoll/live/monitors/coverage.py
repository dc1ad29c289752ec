"""Coverage drift: did losses of the accounts exceed their initial margin more often than was promised?

Observed as the engine runs: at the start of an interval what everybody holds and is charged, at its end what those very
positions have lost. Two tests, one of them valid whenever one looks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from plimsoll.documents import format_instant, parse_instant
from plimsoll.live.engine import Engine
from plimsoll.live.monitors.block import sums_of
from plimsoll.live.monitors.rule import MonitorRule
from plimsoll.margin.many.positions import F64, I64
from plimsoll.validate.coverage import holm, kupiec

BETS = (0.05, 0.15, 0.4, 0.8)
"""Parts of the largest bet `1 / level`, mixed in equal parts, as the best depends on how far the truth is off."""

MOST = 1e300
"""Evidence stops growing here, as a document has no infinities."""


@dataclass(frozen=True)
class Interval:
    """One interval: `exceptions` of `accounts` lost more than the initial margin at its start. `worst` is the largest
    loss over margin."""

    start: datetime
    end: datetime
    accounts: int
    exceptions: int
    worst: float


@dataclass(frozen=True)
class Coverage:
    """Exceptions against the level that was promised.

    `intervals` were closed in all; `window` of them, the last, count in `observed`, `exceptions` and `share`, over
    accounts and intervals. `kupiec` is the smallest one-sided exact p-value of the accounts' own series in the window,
    adjusted by Holm for their number (any dependence), and `account` whose it is. `evidence` is the e-value of all
    intervals against "the mean share is at most the level", `detector` the same with restarts; `drift` says that one of
    the two tests has spoken at `alpha`.
    """

    level: float
    horizon_hours: float
    intervals: int
    window: int
    observed: int
    exceptions: int
    share: float | None
    kupiec: float | None
    account: str
    evidence: float
    detector: float
    alpha: float
    drift: bool
    last: Interval | None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        found = dict(vars(self))
        if self.last is not None:
            times = {"start": format_instant(self.last.start), "end": format_instant(self.last.end)}
            found["last"] = dict(vars(self.last)) | times
        return found


class CoverageWatch:
    """Follows an engine: call `look` after events; it acts when the clock has gone `horizon_hours` on.

    ```
    L_a    = -sum q_i (worth_i(end) - worth_i(start))      of the positions of account a at the start, USD
    x_t    = share of the accounts with positions whose L_a > IM_a(start)
    E_t    = mean over bets b of prod (1 + b / level (x_t - level))       evidence
    D_t(b) = (1 + D_{t-1}(b)) (1 + b / level (x_t - level)); mean of them  detector
    ```

    Accounts fall together, so they are no independent trials: `x_t` is one observation of an interval. While its mean,
    whatever happened before, is at most `level`, `E_t` is a nonnegative supermartingale that begins at one, so it ever
    reaches `1 / alpha` with a chance of at most `alpha` (Ville), and `D_t` does not do so before `1 / alpha` intervals
    on average: looking at every event costs nothing. Waudby-Smith and Ramdas (2024), JRSS B 86; Shin, Ramdas and
    Rinaldo (2024), E-detectors. Intervals do not overlap. Settled contracts stand at their settlement price; collateral
    does not count, and what is traded meanwhile neither.
    """

    def __init__(self, engine: Engine, rule: MonitorRule) -> None:
        self.engine, self.rule = engine, rule
        self.count = 0
        self.evidence = np.ones(len(BETS))
        self.detector = np.zeros(len(BETS))
        # of each interval: +1 for an exception, 0 for a covered loss, -1 for nothing to cover
        self.hits: deque[np.ndarray[tuple[int], np.dtype[np.int8]]] = deque(maxlen=rule.window)
        self.last: Interval | None = None
        self.start: datetime
        self.account: I64
        self.item: I64
        self.quantity: F64
        self.worth: F64
        self.initial: F64
        self._open()

    def look(self) -> Interval | None:
        """Close the interval if its time has come, and open the next; the one that was closed."""
        time = self.engine.prices.time
        if (time - self.start).total_seconds() < self.rule.horizon_hours * 3600.0:
            return None
        gained = self.quantity * (worth(self.engine) - self.worth)[self.item]
        lost = -sums_of(self.account, gained, len(self.engine.holdings))
        return self.close(time, lost, self.initial)

    def close(self, time: datetime, lost: F64, initial: F64) -> Interval:
        """Count an interval in which account `a` lost `lost[a]`, `initial[a]` NaN where it had nothing to cover."""
        known = ~np.isnan(initial)
        over = known & (lost > initial)
        self.hits.append(np.where(known, over, -1).astype(np.int8))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(initial > 0.0, lost / initial, np.where(lost > 0.0, np.inf, 0.0))[known]
        worst = float(ratio.max(initial=0.0))
        counted, found = int(known.sum()), int(over.sum())
        self.last = Interval(self.start, time, counted, found, min(worst, MOST))
        if counted:
            step = 1.0 + np.array(BETS) / self.rule.level * (found / counted - self.rule.level)
            self.evidence = np.minimum(self.evidence * step, MOST)
            self.detector = np.minimum((1.0 + self.detector) * step, MOST)
            self.count += 1
        self._open()
        return self.last

    def read(self) -> Coverage:
        """The tests as they stand."""
        rule = self.rule
        hits = np.array(self.hits).reshape(len(self.hits), len(self.engine.holdings))
        observed, exceptions = int((hits >= 0).sum()), int((hits == 1).sum())
        chance, name = self._kupiec(hits)
        evidence, detector = float(self.evidence.mean()), float(self.detector.mean())
        drift = (chance is not None and chance < rule.alpha) or max(evidence, detector) >= 1.0 / rule.alpha
        return Coverage(
            rule.level, rule.horizon_hours, self.count, len(self.hits), observed, exceptions,
            exceptions / observed if observed else None, chance, name, evidence, detector, rule.alpha, drift, self.last,
        )  # fmt: skip

    def freeze(self) -> dict[str, Any]:
        """What it remembers, as plain JSON values."""
        last = None if self.last is None else [format_instant(self.last.start), format_instant(self.last.end)]
        tail = None if self.last is None else [self.last.accounts, self.last.exceptions, self.last.worst]
        return {
            "count": self.count,
            "evidence": self.evidence.tolist(),
            "detector": self.detector.tolist(),
            "hits": [h.tolist() for h in self.hits],
            "last": None if last is None or tail is None else [*last, *tail],
            "start": format_instant(self.start),
            "lots": [self.account.tolist(), self.item.tolist(), self.quantity.tolist()],
            "worth": self.worth.tolist(),
            "initial": [None if np.isnan(x) else x for x in self.initial.tolist()],
        }

    def thaw(self, content: Mapping[str, Any]) -> None:
        """Remember what `freeze` gave."""
        self.count = int(content["count"])
        self.evidence, self.detector = np.array(content["evidence"], float), np.array(content["detector"], float)
        self.hits.clear()
        self.hits.extend(np.array(h, dtype=np.int8) for h in content["hits"])
        own = content["last"]
        if own is not None:
            self.last = Interval(parse_instant(own[0]), parse_instant(own[1]), int(own[2]), int(own[3]), float(own[4]))
        self.start = parse_instant(content["start"])
        account, item, quantity = content["lots"]
        self.account, self.item = np.array(account, dtype=np.int64), np.array(item, dtype=np.int64)
        self.quantity, self.worth = np.array(quantity, float), np.array(content["worth"], float)
        self.initial = np.array([np.nan if x is None else x for x in content["initial"]], dtype=np.float64)

    def _open(self) -> None:
        engine = self.engine
        self.start = engine.prices.time
        lots = engine.holdings.lots(engine.everyone)
        self.account = lots.account
        self.item = lots.item
        self.quantity = lots.quantity.copy()
        self.worth = worth(engine)
        currency = engine.model.rules.currency
        usd = 1.0 if currency == "USD" else engine.prices.asset_price(currency)
        initial = engine.amounts(engine.everyone)[0] * usd
        holds = np.bincount(lots.account, minlength=lots.accounts) > 0
        self.initial = np.where(holds & (engine.level != 3), initial, np.nan)

    def _kupiec(self, hits: np.ndarray[tuple[int, int], np.dtype[np.int8]]) -> tuple[float | None, str]:
        found: list[tuple[float, str]] = []
        cache: dict[tuple[int, int], float] = {}
        for a, name in enumerate(self.engine.holdings.names):
            own = hits[:, a][hits[:, a] >= 0]
            if not own.size:
                continue
            key = (own.size, int(own.sum()))
            if key not in cache:
                cache[key] = kupiec(own == 1, self.rule.level, side="too many").p_value
            found.append((cache[key], name))
        if not found:
            return None, ""
        adjusted = holm([p for p, _ in found])
        least = int(adjusted.argmin())
        return float(adjusted[least]), found[least][1] if adjusted[least] < 1.0 else ""


def worth(engine: Engine) -> F64:
    """`[N]` USD that one contract is worth: value of options and spot, what a future stands at."""
    prices = engine.prices
    rows = np.arange(len(prices.plan), dtype=np.int64)
    with np.errstate(all="ignore"):
        marks = prices.unit_marks(rows) * prices.plan.settle
    values = engine.greeks.value()
    found: F64 = np.where(prices.swaps, np.nan_to_num(marks), np.nan_to_num(values))
    return found
