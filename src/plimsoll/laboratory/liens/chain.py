"""One chain with an escrow: free money, locks, what was seized; blocks that can be undone."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from plimsoll.documents import refuse

Status = Literal["none", "open", "released", "seized", "withdrawn"]
Kind = Literal["lock", "withdraw", "release", "seize"]

KEPT = 64
"""How many blocks can be undone at most: older ones are final by definition of the simulation."""


class Transaction(NamedTuple):
    """What somebody asks of an escrow. `amount` (units) and `expiry` (chain time) are of a lock; of a seizure `amount`
    is what the venue claims. `lien` names the lock: a second lock of the same name is ignored, so a transaction that
    arrives twice does once."""

    kind: Kind
    lien: int
    owner: str = ""
    amount: int = 0
    expiry: int = 0


class Lock(NamedTuple):
    """A lock as the chain has it: `height` is of the block in which it last changed, `taken` what a seizure took."""

    owner: str
    amount: int
    expiry: int
    status: Status
    height: int
    taken: int = 0


class _Before(NamedTuple):
    """What a block changed, to put it back."""

    time: int
    transactions: tuple[Transaction, ...]
    locks: tuple[tuple[int, Lock | None], ...]
    free: tuple[tuple[str, int], ...]
    vault: int


@dataclass
class Chain:
    """Blocks of transactions over an escrow. `free` is by owner, `locks` by lien, `vault` what the venue has seized;
    together they are `supply` in every block. `waiting` transactions come into the next block."""

    free: dict[str, int]
    supply: int
    time: int = 0
    height: int = 0
    vault: int = 0
    locks: dict[int, Lock] = field(default_factory=dict)
    waiting: list[Transaction] = field(default_factory=list)
    past: deque[_Before] = field(default_factory=lambda: deque(maxlen=KEPT))

    @classmethod
    def of(cls, free: dict[str, int]) -> Chain:
        """A chain on which owners have so much. Raises `DocumentError` for an amount below zero."""
        for owner, units in free.items():
            if units < 0:
                raise refuse(f"free.{owner}", units, "whole units from zero up")
        return cls(dict(free), sum(free.values()))

    def clone(self) -> Chain:
        """A copy that shares nothing that changes."""
        return Chain(
            dict(self.free),
            self.supply,
            self.time,
            self.height,
            self.vault,
            dict(self.locks),
            list(self.waiting),
            self.past.copy(),
        )

    @property
    def locked(self) -> int:
        """Units in open locks."""
        return sum(lock.amount for lock in self.locks.values() if lock.status == "open")

    def status(self, lien: int) -> Status:
        """What the head says of a lien."""
        lock = self.locks.get(lien)
        return "none" if lock is None else lock.status

    def depth(self, lien: int) -> int:
        """Blocks from the one in which the lock last changed to the head, both counted; none for no lock."""
        lock = self.locks.get(lien)
        return 0 if lock is None else self.height - lock.height + 1

    def mine(self, time: int) -> None:
        """The next block, with all that waits; its time is at least that of the one before."""
        before: list[tuple[int, Lock | None]] = []
        free: dict[str, int] = {}
        vault, old = self.vault, self.time
        self.height, self.time = self.height + 1, max(self.time, time)
        done = tuple(self.waiting)
        self.waiting = []
        for tx in done:
            lock = self.locks.get(tx.lien)
            owner = tx.owner if lock is None else lock.owner
            had = self.free.get(owner, 0)
            if self._apply(tx, lock):
                before.append((tx.lien, lock))
                free.setdefault(owner, had)
        self.past.append(_Before(old, done, tuple(before), tuple(free.items()), vault))

    def reorganise(self, depth: int, time: int, kept: Iterable[int]) -> tuple[Transaction, ...]:
        """Undo `depth` blocks and put `depth + 1` in their place; returns the transactions that were in them.

        Those whose number is in `kept` are in the last block of the new branch; the others are gone, as a payment is
        that somebody spent elsewhere.
        """
        if not 1 <= depth <= len(self.past):
            raise refuse("depth", depth, f"1 to {len(self.past)}, the blocks that can be undone")
        undone: list[Transaction] = []
        for _ in range(depth):
            block = self.past.pop()
            for lien, lock in reversed(block.locks):
                if lock is None:
                    del self.locks[lien]
                else:
                    self.locks[lien] = lock
            self.free.update(block.free)
            self.vault, self.time, self.height = block.vault, block.time, self.height - 1
            undone[:0] = block.transactions
        chosen = set(kept)
        later, self.waiting = [*(tx for k, tx in enumerate(undone) if k in chosen), *self.waiting], []
        for _ in range(depth):
            self.mine(self.time)
        self.waiting = later
        self.mine(time)
        return tuple(undone)

    def _apply(self, tx: Transaction, lock: Lock | None) -> bool:
        """Whether the transaction did something: one that may not is in its block and does nothing."""
        if tx.kind == "lock":
            if lock is not None or tx.amount <= 0 or self.free.get(tx.owner, 0) < tx.amount:
                return False
            self.free[tx.owner] -= tx.amount
            self.locks[tx.lien] = Lock(tx.owner, tx.amount, tx.expiry, "open", self.height)
            return True
        if lock is None or lock.status != "open":
            return False
        if tx.kind == "withdraw":
            if self.time < lock.expiry:
                return False
            return self._close(tx.lien, lock, "withdrawn", 0)
        if tx.kind == "release":
            return self._close(tx.lien, lock, "released", 0)
        return self._close(tx.lien, lock, "seized", min(lock.amount, max(0, tx.amount)))

    def _close(self, lien: int, lock: Lock, status: Status, taken: int) -> bool:
        self.vault += taken
        self.free[lock.owner] = self.free.get(lock.owner, 0) + lock.amount - taken
        self.locks[lien] = lock._replace(status=status, height=self.height, taken=taken)
        return True
