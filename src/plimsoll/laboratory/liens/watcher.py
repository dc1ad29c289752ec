"""Who watches a chain for the venue: what it reports of each lien, and until when it repeats it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from plimsoll.laboratory.liens.chain import Chain, Lock, Status


class Fact(NamedTuple):
    """What a chain says of a lien. Facts of a lien are numbered: only the latest counts, in whatever order they come
    and however often, so a message that is late, repeated or overtaken changes nothing."""

    chain: str
    lien: int
    number: int
    status: Status
    confirmed: bool
    owner: str = ""
    amount: int = 0
    expiry: int = 0
    taken: int = 0
    height: int = 0


class Heard(NamedTuple):
    """The venue has fact `number` of a lien."""

    chain: str
    lien: int
    number: int


@dataclass
class Watcher:
    """Watches one chain and tells the venue of each lien, again and again until the venue has heard.

    A lock is told of when it is seen and once more with `confirmations` blocks on it (its own counted), which no
    reorganisation of fewer blocks undoes. What ends a lien is told of with as many; what takes away something that was
    told of, or puts it into another block, at once.
    """

    chain: str
    confirmations: int
    told: dict[int, Fact] = field(default_factory=dict)
    unheard: dict[int, int] = field(default_factory=dict)
    """By lien, when the fact goes out again."""

    def clone(self) -> Watcher:
        """A copy that shares nothing that changes."""
        return Watcher(self.chain, self.confirmations, dict(self.told), dict(self.unheard))

    def look(self, chain: Chain, now: int) -> None:
        """Compare the head with what was told; what is new goes out."""
        for lien in chain.locks.keys() | self.told.keys():
            last = self.told.get(lien)
            fact = self._fact(lien, chain, last)
            if fact is not None:
                self.told[lien] = fact
                self.unheard[lien] = now

    def due(self, now: int, retry: int) -> list[Fact]:
        """The facts to send now; each goes out again `retry` seconds later unless it was heard."""
        found = []
        for lien, at in self.unheard.items():
            if at <= now:
                self.unheard[lien] = now + retry
                found.append(self.told[lien])
        return found

    def hear(self, heard: Heard) -> None:
        """The venue has it; of an older fact this says nothing."""
        fact = self.told.get(heard.lien)
        if fact is not None and fact.number == heard.number:
            self.unheard.pop(heard.lien, None)

    def _fact(self, lien: int, chain: Chain, last: Fact | None) -> Fact | None:
        lock = chain.locks.get(lien)
        confirmed = chain.depth(lien) >= self.confirmations
        if lock is None:
            if last is None or last.status == "none":
                return None
            return Fact(self.chain, lien, last.number + 1, "none", confirmed=False)
        if last is None:
            # a lock that was closed before anybody saw it open is of no interest until it is sure
            if lock.status != "open" and not confirmed:
                return None
            return self._of(lien, lock, 1, confirmed)
        terms = (lock.owner, lock.amount, lock.expiry, lock.status, lock.taken)
        same = (last.owner, last.amount, last.expiry, last.status, last.taken) == terms
        if same and last.confirmed and lock.height == last.height:
            return None
        # what was sure and stands in another block now is not sure again before that block is
        if same and not last.confirmed and not confirmed:
            return None
        if not same and lock.status in ("released", "seized") and not confirmed:
            return None
        return self._of(lien, lock, last.number + 1, confirmed)

    def _of(self, lien: int, lock: Lock, number: int, confirmed: bool) -> Fact:
        terms = (lock.owner, lock.amount, lock.expiry, lock.taken, lock.height)
        return Fact(self.chain, lien, number, lock.status, confirmed, *terms)
