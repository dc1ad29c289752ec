"""What comes in, judged before anything is margined on it: order, repetition, contradiction, bad prices."""

from __future__ import annotations

import hashlib
import math
from collections import Counter, OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from plimsoll.documents import canonical_bytes
from plimsoll.live.beliefs import Beliefs
from plimsoll.live.events import Acknowledge, Carried, Clock, Event, Fill, Prices, Transfer, from_json, to_json
from plimsoll.live.gate_rule import Fault, GateRule, Refusal
from plimsoll.live.prices import HotPrices

TIMED = Fill | Transfer | Acknowledge | Carried
"""Facts that cannot be of a time beyond the clock."""
FIELDS = ("indices", "assets", "forwards", "vols", "marks")


@dataclass(frozen=True)
class Admitted:
    """Events to apply, in this order, and what was set apart."""

    events: tuple[Event, ...]
    refusals: tuple[Refusal, ...] = ()


@dataclass
class _Source:
    """What is remembered of one source: the last number of its facts, what waits, contents by number, prices by key."""

    last: int = 0
    waiting: dict[int, Event] = field(default_factory=dict)
    seen: OrderedDict[tuple[str, int], bytes] = field(default_factory=OrderedDict)
    newest: float = -math.inf
    told: dict[str, int] = field(default_factory=dict)


class Gate:
    """Judges messages in the order in which they arrive; the same messages give the same judgements.

    Facts (fills, transfers, clocks, settlements, listings) have to come in order: one that is early waits for those
    before it, one that came before is left out. Prices are states: of each key the highest number counts, so an old
    message gives only what no newer one has told. `counts` has every fault; `recent` the last refusals; `heard` the
    time (seconds) of the last message that was believed of each key, as `indices.BTC`.
    """

    def __init__(self, rule: GateRule, prices: HotPrices, keep: int = 1_000) -> None:
        self.rule = rule
        self.counts: Counter[str] = Counter()
        self.recent: deque[Refusal] = deque(maxlen=keep)
        self.clock = prices.time.timestamp()
        self.began = self.clock
        self.heard: dict[str, float] = {}
        self._sources: dict[str, _Source] = {}
        self.beliefs = Beliefs(rule, prices)

    def admit(self, event: Event) -> Admitted:
        """Judge one message."""
        found = self._prices(event) if isinstance(event, Prices) else self._fact(event)
        for refusal in found.refusals:
            self.counts[refusal.fault] += 1
            self.recent.append(refusal)
        return found

    def ticked(self, clock: Clock) -> None:
        """A clock was taken: messages are judged by it from now on.

        Not before: one that is refused, for an expiry that has to settle first, would make every price late.
        """
        self.clock = max(self.clock, clock.time.timestamp())

    @property
    def newest(self) -> float:
        """Time in seconds of the newest price of all sources, minus infinity before there is one."""
        return max((s.newest for s in self._sources.values()), default=-math.inf)

    def sources(self) -> dict[str, tuple[int, float | None]]:
        """Of each source the number of its last fact in order, and the time of its newest price, if it told one."""
        return {
            name: (s.last, None if s.newest == -math.inf else s.newest) for name, s in sorted(self._sources.items())
        }

    def gaps(self) -> dict[str, tuple[int, int]]:
        """Sources whose facts wait: the number that is missing, and how many wait behind it."""
        return {n: (s.last + 1, len(s.waiting)) for n, s in sorted(self._sources.items()) if s.waiting}

    def over(self, prices: HotPrices) -> None:
        """Judge by other prices from now on; what was told before stays told.

        A price that comes with a listing is of the clock, not as old as the market that the engine began with.
        """
        before = self.beliefs.prices
        for name in FIELDS:
            for key in sorted(set(prices.expected(name)) - set(before.expected(name))):
                self.heard.setdefault(f"{name}.{key}", self.clock)
        self.beliefs.over(prices)

    def freeze(self) -> dict[str, Any]:
        """What it remembers, as plain JSON values."""
        sources = {
            name: {
                "last": s.last,
                "waiting": [to_json(s.waiting[n]) for n in sorted(s.waiting)],
                "seen": [[what, number, digest.hex()] for (what, number), digest in s.seen.items()],
                "newest": None if s.newest == -math.inf else s.newest,
                "told": s.told,
            }
            for name, s in sorted(self._sources.items())
        }
        own = {"clock": self.clock, "began": self.began, "heard": dict(self.heard), "counts": dict(self.counts)}
        return {**own, "sources": sources, **self.beliefs.freeze()}

    def thaw(self, content: Mapping[str, Any]) -> None:
        """Remember what `freeze` gave."""
        self.clock = float(content["clock"])
        # a state of an older build says nothing of them
        self.began = float(content.get("began", self.clock))
        self.heard = {key: float(time) for key, time in content.get("heard", {}).items()}
        self.counts = Counter({name: int(n) for name, n in content["counts"].items()})
        self._sources = {}
        for name, own in content["sources"].items():
            seen = OrderedDict(((what, number), bytes.fromhex(digest)) for what, number, digest in own["seen"])
            waiting = {event.number: event for event in map(from_json, own["waiting"])}
            newest = -math.inf if own["newest"] is None else float(own["newest"])
            self._sources[name] = _Source(int(own["last"]), waiting, seen, newest, dict(own["told"]))
        self.beliefs.thaw(content)

    def _repeated(self, source: _Source, event: Event, what: str) -> Fault | None:
        """Whether this number was there before, with this content or another."""
        digest = hashlib.sha256(canonical_bytes(to_json(event))).digest()
        key = (what, event.number)
        before = source.seen.get(key)
        waits = source.waiting.get(event.number) if what == "fact" else None
        if before is None and waits is not None:
            # what waits is held to its word for as long as it does, however much came since
            before = hashlib.sha256(canonical_bytes(to_json(waits))).digest()
        if before is not None:
            return "duplicate" if before == digest else "contradictory"
        source.seen[key] = digest
        if len(source.seen) > self.rule.remembered:
            source.seen.popitem(last=False)
        return None

    def _fact(self, event: Event) -> Admitted:
        source = self._sources.setdefault(event.source, _Source())
        repeated = self._repeated(source, event, "fact")
        if repeated is not None:
            allowed = "each number once" if repeated == "duplicate" else "the same content again"
            return self._no(event, repeated, "", f"number {event.number} again", allowed)
        if event.number <= source.last:
            return self._no(event, "duplicate", "", f"number {event.number}", f"numbers from {source.last + 1} on")
        # a clock brings time with it, and a settlement is the word that its time has come
        if isinstance(event, TIMED) and event.time.timestamp() > self.clock + self.rule.ahead:
            # it is not lost: it may be sent again when its time has come
            source.seen.pop(("fact", event.number), None)
            return self._no(event, "from the future", "", event.time.isoformat(), "an instant up to the clock")
        if event.number > source.last + 1:
            if len(source.waiting) >= self.rule.held:
                source.seen.pop(("fact", event.number), None)
                return self._no(event, "gap", "", f"number {event.number}", f"number {source.last + 1} first")
            source.waiting[event.number] = event
            return self._no(event, "held", "", f"number {event.number}", f"number {source.last + 1} first")
        ready = [event]
        while ready[-1].number + 1 in source.waiting:
            ready.append(source.waiting.pop(ready[-1].number + 1))
        source.last = ready[-1].number
        return Admitted(tuple(ready))

    def _prices(self, event: Prices) -> Admitted:
        if self.rule.sources and event.source not in self.rule.sources:
            return self._no(event, "unknown", "", repr(event.source), ", ".join(self.rule.sources))
        source = self._sources.setdefault(event.source, _Source())
        seconds = event.time.timestamp()
        repeated = self._repeated(source, event, "prices")
        if repeated is not None:
            allowed = "each number once" if repeated == "duplicate" else "the same content again"
            return self._no(event, repeated, "", f"number {event.number} again", allowed)
        if seconds > self.clock + self.rule.ahead:
            return self._no(event, "from the future", "", event.time.isoformat(), "an instant up to the clock")
        if seconds < max(source.newest, self.clock) - self.rule.late:
            return self._no(
                event, "late", "", event.time.isoformat(), f"at most {self.rule.late:g} s before the newest"
            )
        source.newest = max(source.newest, seconds)
        refusals: list[Refusal] = []
        kept: dict[str, dict[str, float]] = {name: {} for name in FIELDS}
        old = False
        for name in FIELDS:
            values: Mapping[str, float] = getattr(event, name)
            # a record keeps its keys sorted: judged in any other order, a replay would refuse in another one
            for key, price in sorted(values.items()):
                full = f"{name}.{key}"
                # the same number here is one whose content is no longer remembered: what it told first stands
                if source.told.get(full, 0) >= event.number:
                    old = True
                    continue
                # a feed that speaks of what is not listed here is told so, and nothing of it is kept
                if self.beliefs.prices.known(name, key) is not None:
                    source.told[full] = event.number
                kept[name][key] = price
        if old:
            refusals.append(
                Refusal.of(event, "out of order", "", "keys that a newer message has told", "the newest only")
            )
        accepted: dict[str, dict[str, float]] = {name: {} for name in FIELDS}
        doubted: set[str] = set()
        for key, price in kept["indices"].items():
            fault = self.beliefs.index(event, key, price, seconds, accepted["indices"])
            if fault is not None:
                refusals.append(fault)
                doubted.add(key)
        for name in FIELDS[1:]:
            for key, price in kept[name].items():
                wrong = self.beliefs.other(event, name, key, price, seconds, accepted["indices"], doubted)
                if wrong is None:
                    accepted[name][key] = price
                else:
                    refusals.append(wrong)
        for name in FIELDS:
            for key in accepted[name]:
                full = f"{name}.{key}"
                self.heard[full] = max(seconds, self.heard.get(full, -math.inf))
        if not any(accepted.values()):
            return Admitted((), tuple(refusals))
        return Admitted((Prices(event.source, event.number, event.time, **accepted),), tuple(refusals))

    def _no(self, event: Event, fault: Fault, key: str, got: str, allowed: str) -> Admitted:
        return Admitted((), (Refusal.of(event, fault, key, got, allowed),))
