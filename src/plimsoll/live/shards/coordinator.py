"""The one that takes the feed in: writes it down, sends it to the shards, and answers when all of them are durable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from plimsoll.documents import canonical_bytes, parse_json, refuse
from plimsoll.ledger import Event as Written
from plimsoll.ledger import Ledger, LedgerError
from plimsoll.live.events import Event, from_json, to_json
from plimsoll.live.gate_rule import Refusal
from plimsoll.live.monitors import MonitorRule, Readings, SourceBooks
from plimsoll.live.outcome import Decision, Status
from plimsoll.live.shards.handles import Handle, LostShardError
from plimsoll.live.shards.monitors import read_shards
from plimsoll.live.shards.opening import Opening
from plimsoll.live.shards.router import Route, Router
from plimsoll.margin.many.positions import F64

KIND, STREAM = "intake", "intake"
STATE, STATES = "intake-state", "intake state"
EVERY = 10_000
TRIES = 3
"""How often a shard is started anew for one question."""


@dataclass(frozen=True)
class Combined:
    """What one message came to over all shards: as `Outcome`, with problems and calls as their records say them."""

    number: int
    applied: int
    touched: int
    margined: int
    decisions: tuple[Decision, ...]
    refusals: tuple[Refusal, ...]
    problems: tuple[str, ...]
    calls: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, eq=False)
class Standing:
    """All accounts, in the order of the opening: names, `amounts[3, A]` (initial, maintenance, equity, unrounded in the
    rules' currency), statuses by number, account documents."""

    names: tuple[str, ...]
    amounts: F64
    level: tuple[int, ...]
    documents: tuple[dict[str, Any], ...]

    def counts(self) -> dict[Status, int]:
        """How many accounts are in which status."""
        from plimsoll.live.outcome import STATUSES

        return {name: sum(level == n for level in self.level) for n, name in enumerate(STATUSES)}


@dataclass
class _Batch:
    """What one shard gets of a batch: from place `first` on, and for each event the message it belongs to."""

    first: int = 0
    events: list[Event] = field(default_factory=list)
    of: list[tuple[int, int]] = field(default_factory=list)


class Coordinator:
    """Shards as one engine: the same margins, statuses and judgements as one engine over all accounts, bit for bit.

    Messages are written to a record of their own (`intake.db`) and then applied by the shards, each into its record; a
    batch is acknowledged when everything of it is on the disk. A shard whose process is lost is started anew from its
    state and record and sent what it may have missed; a coordinator that is started anew goes on from the intake.
    """

    def __init__(self, opening: Opening, handles: Sequence[Handle], folder: str, every: int = EVERY) -> None:
        if len(handles) != opening.shards:
            raise refuse("handles", len(handles), f"one for each of {opening.shards} shards")
        self.opening, self.handles, self.every = opening, list(handles), every
        self.names = tuple(a.name for a in opening.accounts())
        self.order = {name: a for a, name in enumerate(self.names)}
        self.restarts = [0] * opening.shards
        self.router = Router(opening)
        self.ledger = Ledger.open(str(Path(folder) / "intake.db"))
        for handle in self.handles:
            handle.start()
        self._recover()

    @property
    def events(self) -> int:
        """Messages that were taken in."""
        return self.router.number

    def apply(self, events: Sequence[Event]) -> list[Combined]:
        """Take messages in and answer what each came to, once all of it is durable.

        Raises what a ledger raises; then the books are in doubt, and a new coordinator settles what of it arrived.
        """
        time = datetime.fromtimestamp(self.router.gate.clock, tz=UTC)
        first = self.events + 1
        written = [Written(KIND, STREAM, time, {"event": to_json(event)}, first + n) for n, event in enumerate(events)]
        self.ledger.append(written)
        found = self._send([(first + n, self.router.route(event)) for n, event in enumerate(events)])
        if self.events // self.every > (first - 1) // self.every:
            self._state()
        return found

    def standing(self) -> Standing:
        """Where every account stands at this moment, from all shards."""
        parts = self.all("books")
        markets = {p.market for p in parts}
        if len(markets) != 1:
            raise LedgerError("the shards see different markets: their records are not of the same feed")
        amounts = np.full((3, len(self.names)), np.nan)
        level = [0] * len(self.names)
        documents: list[dict[str, Any]] = [{}] * len(self.names)
        for part in parts:
            for k, name in enumerate(part.names):
                a = self.order[name]
                amounts[:, a], level[a], documents[a] = part.amounts[:, k], part.level[k], part.documents[k]
        return Standing(self.names, amounts, tuple(level), tuple(documents))

    def heads(self) -> dict[str, tuple[int, str]]:
        """Number and hash of the last record of the intake and of every shard."""
        return {"intake": self.ledger.head(), **{f"shard {s}": h for s, h in enumerate(self.all("head"))}}

    def monitors(
        self, rule: MonitorRule | None = None, *, with_density: bool = True, books: SourceBooks | None = None
    ) -> Readings:
        """Every monitor but coverage, over the accounts of all shards (`read_shards`)."""
        return read_shards(self, rule, with_density=with_density, books=books)

    def all(self, method: str, arguments: Sequence[tuple[Any, ...]] | None = None) -> list[Any]:
        """A question to every shard, all at once; one that is lost is started anew and asked again."""
        own = arguments or [() for _ in self.handles]
        asked = [self._ask(s, method, *told) for s, told in enumerate(own)]
        return [self._answer(s, asked[s], method, *told) for s, told in enumerate(own)]

    def close(self) -> None:
        """End the shards and let the intake go."""
        for handle in self.handles:
            handle.close()
        self.ledger.close()

    def __enter__(self) -> Coordinator:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _recover(self) -> None:
        """Go on where the intake ends: what a shard has not applied of it is sent again."""
        entry = self.ledger.latest(STATE, STATES)
        state = None if entry is None else parse_json(self.ledger.document(entry.sound().attached["state"]), "state")
        if state is not None and "market" in state:
            self.router.thaw(state)
        else:
            # a state that an older build wrote does not say what the shards believe: from the first message on
            entry = None
        routes = [
            (record.position, self.router.route(from_json(record.sound().content["event"])))
            for record in self.ledger.entries(None if entry is None else entry.seq, kind=KIND)
        ]
        have = self.all("position")
        for s, (there, sent) in enumerate(zip(have, self.router.sent, strict=True)):
            if there > sent:
                raise LedgerError(f"shard {s} has {there} events, of which the intake knows {sent}")
        if routes:
            self._send(routes, have)

    def _state(self) -> None:
        """Keep what the router remembers; every shard has everything up to here."""
        state = canonical_bytes(self.router.freeze())
        time = datetime.fromtimestamp(self.router.gate.clock, tz=UTC)
        content = {"events": self.events}
        self.ledger.append([Written(STATE, STATES, time, content, self.events + 1, {"state": state})])

    def _send(self, routes: Sequence[tuple[int, Route]], have: Sequence[int] | None = None) -> list[Combined]:
        """Send what was routed, all shards at once; `have` are places up to which nothing is sent."""
        batches = [_Batch() for _ in self.handles]
        for m, (_, route) in enumerate(routes):
            for k, routed in enumerate(route.routed):
                for s, (place, event) in routed.to.items():
                    if have is not None and place <= have[s]:
                        continue
                    batch = batches[s]
                    batch.first = batch.first or place
                    batch.events.append(event)
                    batch.of.append((m, k))
        asked = [self._ask(s, "apply", b.first, b.events) if b.events else None for s, b in enumerate(batches)]
        found: list[list[list[dict[str, Any]]]] = [[[] for _ in route.routed] for _, route in routes]
        for s, batch in enumerate(batches):
            if batch.events:
                outcomes = self._answer(s, asked[s], "apply", batch.first, batch.events)
                for (m, k), outcome in zip(batch.of, outcomes, strict=True):
                    found[m][k].append(outcome)
        return [self._combined(n, route, parts) for (n, route), parts in zip(routes, found, strict=True)]

    def _ask(self, s: int, method: str, *arguments: Any) -> Any:
        """Begin a question; `None` where the shard is lost."""
        try:
            return self.handles[s].ask(method, *arguments)
        except LostShardError:
            return None

    def _answer(self, s: int, asked: Any, method: str, *arguments: Any) -> Any:
        """What a shard answers; one that is lost comes back from its record and is asked again."""
        for _ in range(TRIES):
            try:
                if asked is None:
                    raise LostShardError(f"shard {s}")
                return self.handles[s].answer(asked)
            except LostShardError:
                self.restarts[s] += 1
                self.handles[s].start()
                asked = self._ask(s, method, *arguments)
        raise LostShardError(f"shard {s} was started {TRIES} times and lost each time")

    def _combined(self, number: int, route: Route, parts: list[list[dict[str, Any]]]) -> Combined:
        """One outcome of those of the shards: what all of them judge is said once, what accounts did is joined."""
        decisions: list[Decision] = []
        refusals, problems, calls = list(route.refusals), list(route.problems), list[dict[str, Any]]()
        applied = touched = margined = 0
        for outcomes in parts:
            if not outcomes:
                continue
            shared = outcomes[0]
            applied += shared.get("applied", 0)
            refusals += [Refusal(**r) for r in shared.get("refusals", ())]
            problems += shared.get("problems", ())
            touched += sum(o.get("touched", 0) for o in outcomes)
            margined += sum(o.get("margined", 0) for o in outcomes)
            own = [Decision(**d) for o in outcomes for d in o.get("decisions", ())]
            decisions += sorted(own, key=lambda d: self.order[d.account])
            said = [c for o in outcomes for c in o.get("calls", ())]
            # as one engine says them: a leap of the clock moves all deadlines before anybody is judged
            calls += sorted(said, key=lambda c: (c["kind"] != "extended", self.order[c["account"]]))
        return Combined(
            number, applied, touched, margined, tuple(decisions), tuple(refusals), tuple(problems), tuple(calls)
        )
