"""All interleavings of a tiny instance: one chain, few locks, every message in flight delivered, lost or doubled in any
order, every block mined or undone at any time. What has to hold is written here again, from the raw states."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from plimsoll.laboratory.liens.chain import Chain, Transaction
from plimsoll.laboratory.liens.venue import Terms, Venue
from plimsoll.laboratory.liens.watcher import Watcher
from plimsoll.laboratory.liens.world import Payload, World

TERMS = Terms(guard=1, window=1, deadline=2, retry=3, advance=1000)
NAME, EXPIRY, CONFIRMATIONS = "c", 6, 2


@dataclass(frozen=True)
class Left:
    """How often each may still happen."""

    locks: int = 1
    blocks: int = 4
    ticks: int = 3
    lost: int = 1
    doubled: int = 1
    undone: int = 1
    deep: int = 0
    takes: int = 1


@dataclass(frozen=True, eq=False)
class Node:
    world: World
    flying: tuple[Payload, ...]
    left: Left
    path: tuple[str, ...]

    def key(self) -> tuple[object, ...]:
        w = self.world
        chain, watcher, venue = w.chains[NAME], w.watchers[NAME], w.venue
        blocks = tuple((b.transactions, b.locks, b.free, b.vault) for b in chain.past)
        return (
            w.now,
            tuple(sorted(chain.free.items())),
            chain.vault,
            tuple(sorted(chain.locks.items())),
            tuple(chain.waiting),
            blocks,
            tuple(sorted(watcher.told.items())),
            tuple(sorted(watcher.unheard.items())),
            tuple(sorted(venue.liens.items())),
            tuple(sorted(venue.sent.items())),
            venue.lent,
            tuple(sorted(w.unbacked)),
            tuple(sorted(map(repr, self.flying))),
            self.left,
        )


def start(left: Left, venue: Venue | None = None) -> Node:
    chain = Chain.of({"o": 4})
    return Node(World({NAME: chain}, {NAME: Watcher(NAME, CONFIRMATIONS)}, venue or Venue(TERMS)), (), left, ())


def following(node: Node) -> Iterator[Node]:
    """Every state that one thing more leads to."""
    left = node.left

    def after(did: str, world: World, flying: tuple[Payload, ...], budget: Left) -> Node:
        return Node(world, flying + tuple(world.due()), budget, (*node.path, did))

    for k, payload in enumerate(node.flying):
        if payload in node.flying[:k]:
            continue
        rest = node.flying[:k] + node.flying[k + 1 :]
        world = node.world.clone()
        answer = world.deliver(payload)
        yield after(f"deliver {payload}", world, rest + (() if answer is None else (answer,)), left)
        if left.lost:
            yield after(f"lose {payload}", node.world.clone(), rest, replace(left, lost=left.lost - 1))
        if left.doubled:
            more = replace(left, doubled=left.doubled - 1)
            yield after(f"double {payload}", node.world.clone(), (*node.flying, payload), more)
    if left.locks:
        world = node.world.clone()
        number = left.locks
        world.submit(NAME, Transaction("lock", number, "o", 2, EXPIRY))
        yield after("lock", world, node.flying, replace(left, locks=number - 1))
    if left.blocks:
        world = node.world.clone()
        world.mine(NAME)
        yield after("block", world, node.flying, replace(left, blocks=left.blocks - 1))
    for field, depth in (("undone", 1), ("deep", CONFIRMATIONS)):
        if getattr(left, field) and len(node.world.chains[NAME].past) >= depth:
            budget = replace(left, **{field: getattr(left, field) - 1})
            for kept in ((), range(9)):
                world = node.world.clone()
                world.reorganise(NAME, depth, kept)
                yield after(f"undo {depth} keep {bool(kept)}", world, node.flying, budget)
    if left.ticks:
        world = node.world.clone()
        world.now += 2
        yield after("time", world, node.flying, replace(left, ticks=left.ticks - 1))
    for number in node.world.chains[NAME].locks:
        if left.takes:
            world = node.world.clone()
            world.submit(NAME, Transaction("withdraw", number))
            yield after("take", world, node.flying, replace(left, takes=left.takes - 1))
    for key, lien in node.world.venue.liens.items():
        if node.world.venue.room(key, node.world.clock) == 2:
            world = node.world.clone()
            world.venue.draw(key, 1, world.clock)
            yield after("draw", world, node.flying, left)
        if lien.state in ("attested", "active"):
            world = node.world.clone()
            if lien.drawn and lien.state == "active":
                world.venue.seize(key, world.clock)
                yield after("seize", world, node.flying, left)
            elif not lien.drawn:
                world.venue.release(key)
                yield after("release", world, node.flying, left)


def wrong(node: Node) -> str | None:
    """What does not hold in a state, from its parts alone."""
    chain, venue = node.world.chains[NAME], node.world.venue
    locked = free = active = 0
    for lock in chain.locks.values():
        locked += lock.amount if lock.status == "open" else 0
    for units in chain.free.values():
        free += units
    lent = paid = 0
    for (_, number), lien in venue.liens.items():
        lent += lien.drawn
        paid += lien.recovered
        if (
            lien.state == "active"
            and node.world.now < lien.expiry - TERMS.guard
            and (NAME, number) not in node.world.unbacked
        ):
            active += lien.amount
        if lien.recovered + lien.liability > lien.drawn or lien.recovered < 0 or lien.liability < 0:
            return "a claim is paid and booked twice"
        if lien.state in ("seized", "lost", "undone", "released", "lapsed") and lien.owed:
            return "a lien ended with something owed that is in no book"
        if lien.state == "seizing" and node.world.now >= lien.since + TERMS.deadline and lien.owed:
            return "a seizure is late and not booked"
    if free + locked + chain.vault != 4 or free < 0:
        return "the chain's money"
    if active > locked:
        return "more active than locked"
    if lent != venue.lent:
        return "the venue's money"
    if paid > chain.vault and not node.world.unpaid:
        return "recovered, but not in the vault"
    return None


def explore(first: Node, most: int) -> tuple[int, bool, Node | None]:
    """States seen, whether those are all, and the first that is wrong."""
    seen = {first.key()}
    queue = deque([first])
    while queue:
        node = queue.popleft()
        for further in following(node):
            key = further.key()
            if key in seen:
                continue
            if wrong(further) is not None:
                return len(seen), False, further
            seen.add(key)
            if len(seen) >= most:
                return len(seen), False, None
            queue.append(further)
    return len(seen), True, None
