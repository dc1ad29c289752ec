"""Liens lived through random owners, messages and reorganisations: a seeded run with every invariant checked."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from plimsoll.documents import refuse
from plimsoll.laboratory.liens.chain import Chain, Transaction
from plimsoll.laboratory.liens.network import LienNetwork
from plimsoll.laboratory.liens.venue import Lien, Venue
from plimsoll.laboratory.liens.watcher import Fact, Watcher
from plimsoll.laboratory.liens.world import INVARIANTS, Broken, Payload, World

OWNERS, FUNDS = 12, 1_000_000
"""On each chain: owners, and the units that each has."""

LIFE = (9_000, 30_000)
"""A lock's time to its expiry, seconds, drawn evenly."""

Progress = Callable[[str, int, int], None]


@dataclass
class Outcome:
    """What a run did. `events` and `messages` by kind, `ends` of liens by state, `money` as `Venue.totals`;
    `checked` and `broken` by invariant, `worst` the largest discrepancy in units. `unbacked` is how many liens a deep
    reorganisation left without a lock while they counted, `unknown_seconds` the longest time until the venue counted
    one of them no more, `seized_seconds` of each seizure that came, from command to knowledge."""

    network: LienNetwork
    seed: int
    seconds: int = 0
    events: Counter[str] = field(default_factory=Counter)
    messages: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    money: dict[str, int] = field(default_factory=dict)
    checked: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    worst: int = 0
    unbacked: int = 0
    unknown_seconds: int = 0
    late: int = 0
    seized_seconds: list[int] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        waits = sorted(self.seized_seconds)
        found = {k: (dict(sorted(v.items())) if isinstance(v, Counter) else v) for k, v in vars(self).items()}
        found |= {"network": self.network.to_dict(), "seized_seconds": _quantiles(waits)}
        return found | {"invariants": INVARIANTS}


@dataclass
class _Run:
    network: LienNetwork
    rng: random.Random
    world: World
    found: Outcome
    queue: list[tuple[int, int, str, Any]] = field(default_factory=list)
    order: count[int] = field(default_factory=count)
    numbers: count[int] = field(default_factory=lambda: count(1))
    since: dict[tuple[str, int], int] = field(default_factory=dict)
    seizing: dict[tuple[str, int], int] = field(default_factory=dict)

    def at(self, time: int, kind: str, what: Any) -> None:
        heapq.heappush(self.queue, (time, next(self.order), kind, what))

    def wait(self, mean: float) -> int:
        return 1 + int(self.rng.expovariate(1.0 / mean))

    def send(self, payload: Payload) -> None:
        """Into the network: it may be lost, come twice, and be overtaken."""
        terms = self.network.chains[payload.chain]
        self.found.messages["sent"] += 1
        copies = 1 + (self.rng.random() < terms.duplicate)
        self.found.messages["doubled"] += copies - 1
        for _ in range(copies):
            if self.rng.random() < terms.loss:
                self.found.messages["lost"] += 1
            else:
                self.at(self.world.now + self.wait(terms.delay_seconds), "message", payload)

    def step(self, kind: str, what: Any) -> None:
        world, rng, found = self.world, self.rng, self.found
        found.events[kind] += 1
        if kind == "message":
            answer = world.deliver(what)
            found.messages["facts" if isinstance(what, Fact) else "other"] += 1
            if answer is not None:
                self.send(answer)
        elif kind == "block":
            world.mine(what)
            terms = self.network.chains[what]
            if rng.random() < terms.reorganise and world.chains[what].height > terms.deepest:
                depth = 1
                while depth < terms.deepest and rng.random() < terms.further:
                    depth += 1
                found.events["reorganisation"] += 1
                found.events["deep reorganisation"] += depth >= terms.confirmations
                # each transaction of the undone blocks comes back with four in five
                undone = sum(len(block.transactions) for block in list(world.chains[what].past)[-depth:])
                kept = [k for k in range(undone) if rng.random() < 0.8]
                world.reorganise(what, depth, kept)
            self.at(world.now + self.wait(terms.block_seconds), "block", what)
        else:
            self.owner(what)
            self.at(world.now + self.wait(20.0), "owner", what)

    def owner(self, name: str) -> None:
        """Somebody on a chain locks, borrows, pays back, asks for a lock back, or tries to take one."""
        world, rng, venue = self.world, self.rng, self.world.venue
        chain = world.chains[name]
        mine = [k for k, x in venue.liens.items() if x.chain == name and x.state in ("attested", "active")]
        act = rng.choice(("lock", "borrow", "borrow", "repay", "release", "take", "default"))
        key = rng.choice(mine) if mine else None
        lien = venue.liens[key] if key is not None else None
        if act == "lock":
            owner = rng.choice(sorted(chain.free))
            units = rng.randint(1, max(1, chain.free[owner]))
            expiry = world.now + rng.randint(*LIFE)
            world.submit(name, Transaction("lock", next(self.numbers), owner, units, expiry))
        elif act == "take" and chain.locks:
            # too early it does nothing, after the expiry it is the owner's right
            number = rng.choice(list(chain.locks))
            world.submit(name, Transaction("withdraw", number))
        elif key is None or lien is None:
            return
        elif act == "borrow" and venue.room(key, world.clock):
            venue.draw(key, rng.randint(1, venue.room(key, world.clock)), world.clock)
        elif act == "repay" and lien.state == "active" and lien.drawn:
            venue.repay(key, rng.choice((lien.drawn, rng.randint(1, lien.drawn))))
        elif act == "release" and not lien.drawn:
            venue.release(key)
        elif act == "default" and lien.state == "active" and lien.drawn and rng.random() < 0.2:
            venue.seize(key, world.clock)

    def check(self) -> None:
        found, world = self.found, self.world
        for name in INVARIANTS:
            found.checked[name] += 1
        for wrong in world.broken():
            found.broken[wrong.invariant] += 1
            found.worst = max(found.worst, wrong.units)
        counted = {k for k in world.unbacked if world.venue.counts(k, world.clock)}
        for key in counted - self.since.keys():
            self.since[key] = world.now
            found.unbacked += 1
        for key in list(self.since):
            found.unknown_seconds = max(found.unknown_seconds, world.now - self.since[key])
            if key not in counted:
                del self.since[key]
        for key, lien in world.venue.liens.items():
            if lien.state == "seizing":
                self.seizing.setdefault(key, lien.since)
            elif key in self.seizing:
                began = self.seizing.pop(key)
                if lien.state == "seized":
                    found.seized_seconds.append(world.clock - began)


def simulate(network: LienNetwork, *, events: int = 10_000, seed: int = 1, progress: Progress | None = None) -> Outcome:
    """A run of so many events (blocks, messages, acts of owners), every invariant checked after each.

    The same network, events and seed give the same outcome. Raises `DocumentError` for fewer than one event.
    """
    if events < 1:
        raise refuse("events", events, "one or more")
    rng = random.Random(seed)
    skews = {name: terms.skew for name, terms in network.chains.items()}
    ahead = {name: rng.randint(-skew, skew) for name, skew in skews.items()}
    ahead[""] = rng.randint(-max(skews.values()), max(skews.values()))
    world = World(
        {n: Chain.of({f"o{k}": FUNDS for k in range(OWNERS)}) for n in network.chains},
        {n: Watcher(n, terms.confirmations) for n, terms in network.chains.items()},
        Venue(network.terms),
        ahead,
    )
    run = _Run(network, rng, world, Outcome(network, seed))
    for name in network.chains:
        run.at(1, "block", name)
        run.at(1, "owner", name)
    ended: list[tuple[tuple[str, int], Lien]] = []
    for done in range(events):
        time, _, kind, what = heapq.heappop(run.queue)
        world.now = max(world.now, time)
        run.step(kind, what)
        for payload in world.due():
            run.send(payload)
        run.check()
        if done % 50 == 0:
            ended += world.forget()
            if progress is not None:
                progress(f"{world.now / 3600:,.0f} hours of liens", done, events)
    found = run.found
    found.seconds = world.now
    found.ends.update(x.state for _, x in ended)
    found.ends.update(x.state for x in world.venue.liens.values())
    found.money, found.late = world.venue.totals(), world.venue.late
    return found


def _quantiles(waits: list[int]) -> dict[str, int]:
    if not waits:
        return {"count": 0}
    return {"count": len(waits), "half": waits[len(waits) // 2], "most": waits[-1]}


__all__ = ["FUNDS", "OWNERS", "Broken", "Outcome", "simulate"]
