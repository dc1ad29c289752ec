"""All chains, their watchers and the venue together, and what has to hold between them at every step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from plimsoll.laboratory.liens.chain import KEPT, Chain, Transaction
from plimsoll.laboratory.liens.venue import ENDS, Command, Lien, Venue
from plimsoll.laboratory.liens.watcher import Fact, Heard, Watcher

Payload = Fact | Heard | Command


class Broken(NamedTuple):
    """An invariant that does not hold, where, and by how many units."""

    invariant: str
    where: str
    units: int


INVARIANTS = {
    "liens": "active liens on a chain are at most what is locked on it",
    "confirmed": "each active lien's lock has its confirmations",
    "supply": "free, locked and seized money of a chain is its supply, none below zero",
    "ledger": "what was lent is repaid, owed, recovered or booked as lost, none below zero",
    "vault": "what the venue counts as recovered on a chain lies in its vault there",
    "in time": "a seizure past its deadline is booked as a loss",
}


@dataclass
class World:
    """`now` is true time in whole seconds; `ahead` how much the venue's and each chain's clock is before it.

    `unbacked` and `unpaid` are what nobody in this world can know at once: liens whose confirmed lock, and seizures
    whose confirmed payment, a reorganisation as deep as the confirmations has undone. No protocol keeps such a lien
    backed; what has to hold is that the venue learns of it, counts it no more, and books what it lent.
    """

    chains: dict[str, Chain]
    watchers: dict[str, Watcher]
    venue: Venue
    ahead: dict[str, int] = field(default_factory=dict)
    now: int = 0
    unbacked: set[tuple[str, int]] = field(default_factory=set)
    unpaid: set[tuple[str, int]] = field(default_factory=set)

    def clone(self) -> World:
        """A copy that shares nothing that changes."""
        return World(
            {n: c.clone() for n, c in self.chains.items()},
            {n: w.clone() for n, w in self.watchers.items()},
            self.venue.clone(),
            dict(self.ahead),
            self.now,
            set(self.unbacked),
            set(self.unpaid),
        )

    @property
    def clock(self) -> int:
        """The venue's time."""
        return self.now + self.ahead.get("", 0)

    def submit(self, chain: str, transaction: Transaction) -> None:
        """It waits for the next block."""
        self.chains[chain].waiting.append(transaction)

    def mine(self, name: str) -> None:
        """The next block of a chain."""
        chain = self.chains[name]
        chain.mine(self.now + self.ahead.get(name, 0))
        self._look(name)

    def reorganise(self, name: str, depth: int, kept: Iterable[int] = ()) -> tuple[Transaction, ...]:
        """Undo blocks of a chain and put one more in their place; see `Chain.reorganise`."""
        chain, watcher = self.chains[name], self.watchers[name]
        before = dict(chain.locks)
        height = chain.height - watcher.confirmations + 1
        undone = chain.reorganise(depth, self.now + self.ahead.get(name, 0), kept)
        if depth >= watcher.confirmations:
            for lien, lock in before.items():
                after = chain.locks.get(lien)
                # one that is in the new branch too is in another block: it has to get its confirmations again
                if lock.height <= height and after != lock:
                    self.unbacked.add((name, lien))
                    if lock.status == "seized":
                        self.unpaid.add((name, lien))
        self._look(name)
        return undone

    def deliver(self, payload: Payload) -> Heard | None:
        """A message arrives; the answer of the venue to a fact."""
        if isinstance(payload, Fact):
            return self.venue.hear(payload, self.clock)
        if isinstance(payload, Heard):
            self.watchers[payload.chain].hear(payload)
            return None
        self.submit(payload.chain, Transaction(payload.kind, payload.lien, amount=payload.amount))
        return None

    def due(self) -> list[Payload]:
        """What the clock brings, and all messages to send now."""
        found: list[Payload] = [*self.venue.tick(self.clock)]
        for watcher in self.watchers.values():
            found += watcher.due(self.now, self.venue.terms.retry)
        return found

    def broken(self) -> list[Broken]:
        """The invariants that do not hold now (`INVARIANTS`). After `due`, which moves the venue's clock."""
        found: list[Broken] = []
        clock, venue = self.clock, self.venue
        active = dict.fromkeys(self.chains, 0)
        recovered = dict.fromkeys(self.chains, 0)
        for key, lien in venue.liens.items():
            units = venue.counts(key, clock)
            if units and key not in self.unbacked:
                active[lien.chain] += units
                chain = self.chains[lien.chain]
                lock = chain.locks.get(key[1])
                sure = lock is not None and lock.status == "open" and lock.amount == units
                if not sure or chain.depth(key[1]) < self.watchers[lien.chain].confirmations:
                    found.append(Broken("confirmed", f"{lien.chain} {key[1]}", units))
            if key not in self.unpaid:
                recovered[lien.chain] += lien.recovered
            least = min(lien.drawn, lien.recovered, lien.liability, lien.owed)
            if least < 0:
                found.append(Broken("ledger", f"{lien.chain} {key[1]}", -least))
            if lien.state == "seizing" and not lien.loss and clock >= lien.since + venue.terms.deadline:
                found.append(Broken("in time", f"{lien.chain} {key[1]}", lien.owed))
        for name, chain in self.chains.items():
            locked = chain.locked
            if active[name] > locked:
                found.append(Broken("liens", name, active[name] - locked))
            total = sum(chain.free.values()) + locked + chain.vault
            if total != chain.supply or min(chain.free.values(), default=0) < 0 or chain.vault < 0:
                found.append(Broken("supply", name, abs(total - chain.supply)))
            if recovered[name] > chain.vault:
                found.append(Broken("vault", name, recovered[name] - chain.vault))
        sums = venue.totals()
        off = sums["lent"] - sum(units for what, units in sums.items() if what != "lent")
        if off or min(sums.values()) < 0:
            found.append(Broken("ledger", "totals", abs(off)))
        return found

    def forget(self) -> list[tuple[tuple[str, int], Lien]]:
        """Drop what has ended and no reorganisation can bring back, everywhere; returns what was dropped."""
        found = []
        terms = self.venue.terms
        for key, lien in list(self.venue.liens.items()):
            name, number = key
            chain, watcher = self.chains[name], self.watchers[name]
            over = self.clock >= lien.expiry + terms.window + terms.deadline
            if not (lien.state in ENDS or (lien.state == "undone" and over)):
                continue
            final = number not in chain.locks or (chain.status(number) != "open" and chain.depth(number) > KEPT + 1)
            if not final or number in watcher.unheard or any(tx.lien == number for tx in chain.waiting):
                continue
            if number not in chain.locks and not over:
                continue
            self.venue.forget(key)
            chain.locks.pop(number, None)
            watcher.told.pop(number, None)
            self.unbacked.discard(key)
            self.unpaid.discard(key)
            found.append((key, lien))
        return found

    def _look(self, name: str) -> None:
        chain, watcher = self.chains[name], self.watchers[name]
        watcher.look(chain, self.now)
        for known, status in ((self.unbacked, "open"), (self.unpaid, "seized")):
            again = {k for k in known if k[0] == name and chain.status(k[1]) == status}
            known -= {k for k in again if chain.depth(k[1]) >= watcher.confirmations}
