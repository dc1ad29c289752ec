"""A feed played through an engine on its thread, and what came of it."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from plimsoll.live.engine import Engine
from plimsoll.live.events import Event
from plimsoll.live.gate_rule import Refusal
from plimsoll.live.outcome import STATUSES, Decision, Outcome
from plimsoll.live.record import Recorder
from plimsoll.live.runner import Live
from plimsoll.margin.many import Positions

Told = Callable[[str, int, int], None]
KEPT = 20
"""The last decisions and refusals that a session keeps."""


@dataclass
class Session:
    """What a replay came to.

    `seconds` of the wall, `took` those of each event in the engine. `furthest` is how many smallest units an account is
    from the batch at the end, at most, of `compared` accounts that the model takes on blocks and by the exact engine.
    """

    engine: Engine
    seconds: float = 0.0
    stopped: bool = False
    took: list[float] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    decisions: deque[Decision] = field(default_factory=lambda: deque(maxlen=KEPT))
    refusals: deque[Refusal] = field(default_factory=lambda: deque(maxlen=KEPT))
    acknowledged: int = 0
    furthest: int = 0
    compared: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        engine = self.engine
        worst = worst_health(engine)
        micro = 1e6 * np.quantile(self.took, [0.5, 0.99, 1.0]) if self.took else np.zeros(3)
        return {
            "rules": engine.model.rules.label,
            "how": engine.margins.how,
            "accounts": len(engine.holdings),
            "contracts": len(engine.prices.plan),
            "events": engine.events,
            "events_by_kind": dict(self.kinds),
            "acknowledged": self.acknowledged,
            "stopped": self.stopped,
            "seconds": self.seconds,
            "events_per_second": engine.events / self.seconds if self.seconds else 0.0,
            "microseconds": dict(zip(("p50", "p99", "largest"), micro.tolist(), strict=True)),
            "touched": engine.totals["touched"],
            "margined": engine.totals["margined"],
            "skipped": engine.totals["skipped"],
            "full_passes": engine.totals["full"],
            "refused_facts": engine.totals["refused"],
            "faults": dict(sorted(engine.gate.counts.items())),
            "gaps": engine.gate.gaps(),
            "margin_calls": engine.totals["calls"],
            "statuses": {name: int((engine.level == n).sum()) for n, name in enumerate(STATUSES)},
            "worst_health": None if worst is None else {"account": worst[0], "health": worst[1]},
            "decisions": [vars(d) for d in self.decisions],
            "furthest_from_the_batch": self.furthest,
            "compared": self.compared,
        }


def played(
    engine: Engine,
    events: Iterator[Event],
    *,
    most: int | None = None,
    recorder: Recorder | None = None,
    told: Told | None = None,
    compare: int = 50,
) -> Session:
    """Play events through an engine on its own thread, at most so many; `compare` accounts are held to the batch after.

    An interruption from the keyboard ends it cleanly: what is queued is applied, and recorded where there is a record.
    """
    session = Session(engine)
    waiting: deque[Future[Outcome]] = deque()

    def heard(future: Future[Outcome]) -> None:
        outcome = future.result()
        session.acknowledged += 1
        session.decisions.extend(outcome.decisions)
        session.refusals.extend(outcome.refusals)

    began = time.perf_counter()
    with Live(engine, recorder) as live:
        try:
            for n, event in enumerate(events):
                if most is not None and n >= most:
                    break
                session.kinds[type(event).__name__.lower()] += 1
                waiting.append(live.submit(event))
                while waiting and waiting[0].done():
                    heard(waiting.popleft())
                if told is not None and n % 100 == 0:
                    told("events", n, most or 0)
        except KeyboardInterrupt:
            session.stopped = True
        while waiting:
            heard(waiting.popleft())
        session.took = list(live.took)
    session.seconds = time.perf_counter() - began
    session.furthest, session.compared = from_batch(engine, compare)
    return session


def worst_health(engine: Engine) -> tuple[str, float] | None:
    """The account with the least equity over maintenance margin, at this moment; `None` where nothing is required."""
    _, maintenance, equity = engine.amounts(engine.everyone)
    with np.errstate(divide="ignore", invalid="ignore"):
        health = np.where(maintenance > 0.0, equity / maintenance, np.inf)
    health = np.where(np.isfinite(health), health, np.inf)
    if not health.size or not np.isfinite(health.min()):
        return None
    a = int(np.argmin(health))
    return engine.holdings.names[a], float(health[a])


def from_batch(engine: Engine, most: int = 50) -> tuple[int, int]:
    """How many smallest units the engine is from the exact engine and from `MarginModel.many` at most, and for how many
    accounts, spread over all; accounts that the rules refuse are not counted."""
    size = len(engine.holdings)
    chosen = np.unique(np.linspace(0, size - 1, min(size, most)).astype(np.int64)).tolist() if size and most else []
    market = engine.market()
    furthest = compared = 0
    documents = [engine.account(a) for a in chosen]
    many = engine.model.many(Positions.of(documents), market) if documents else None
    for k, a in enumerate(chosen):
        if engine.status(a) == "refused" or many is None:
            continue
        exact = engine.model.requirement(documents[k], market).charged
        own = engine.charged(a)
        apart = [abs(x - y) for x, y in zip(own, (exact.initial, exact.maintenance, exact.equity), strict=True)]
        if np.isfinite(many.initial[k]) and type(engine.model).MODEL == "prbm":
            unit = 10.0**engine.model.rules.decimals
            initial, maintenance, _ = engine.amounts([a])
            apart += [int(abs(float(initial[0]) - many.initial[k]) * unit)]
            apart += [int(abs(float(maintenance[0]) - many.maintenance[k]) * unit)]
        furthest, compared = max(furthest, *apart), compared + 1
    return furthest, compared
