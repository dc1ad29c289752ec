"""The venue's ledger of liens: what it counts, lends, seizes, and books as a loss.

The ledger is final: no reorganisation undoes it. A venue that lives on a chain lets a message out only from blocks that
are final there, and is then this ledger, later by that finality.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from plimsoll.documents import Count, Part, refuse
from plimsoll.laboratory.liens.watcher import Fact, Heard

State = Literal["attested", "active", "releasing", "released", "seizing", "seized", "lapsed", "undone", "lost"]
ENDS: frozenset[State] = frozenset({"released", "seized", "lapsed", "lost"})


class Command(NamedTuple):
    """What the venue asks of a chain, until a fact says that it is done: to do it twice does nothing more."""

    chain: str
    lien: int
    kind: Literal["release", "seize"]
    amount: int = 0


class Terms(Part):
    """The venue's times, in seconds, and what it lends.

    A lien counts until `guard` before its expiry: `guard` is at least the largest difference between the venue's clock
    and a chain's, so that no owner can take a lock back while it counts. What is still lent `window` before that is
    seized. A seizure that has not come in `deadline` later is booked as a loss. Messages go out again every `retry`.
    `advance` per mille of a lien is lent at most.
    """

    guard: Count = 120
    window: Count = 7_200
    deadline: Count = 3_600
    retry: Count = 60
    advance: Count = 900


class Lien(NamedTuple):
    """A lien as the venue has it, whole units.

    ```
    drawn = recovered + liability + what is still owed
    ```
    `number` is that of the latest fact, `since` when a seizure began, `loss` whether what is owed is booked as one.
    """

    chain: str
    owner: str
    amount: int
    expiry: int
    state: State
    number: int
    drawn: int = 0
    recovered: int = 0
    liability: int = 0
    since: int = 0
    loss: bool = False

    @property
    def owed(self) -> int:
        """Lent and neither back nor booked as lost."""
        return self.drawn - self.recovered - self.liability


@dataclass
class Venue:
    """The ledger. `closed` are liens that ended and were forgotten: a message about one of them changes nothing."""

    terms: Terms
    liens: dict[tuple[str, int], Lien] = field(default_factory=dict)
    closed: set[tuple[str, int]] = field(default_factory=set)
    sent: dict[tuple[str, int], int] = field(default_factory=dict)
    """By lien, when its command goes out again."""
    lent: int = 0
    repaid: int = 0
    settled: dict[str, int] = field(default_factory=lambda: {"recovered": 0, "liability": 0})
    """Of forgotten liens."""
    late: int = 0
    """Seizures whose loss was booked at the deadline."""

    def clone(self) -> Venue:
        """A copy that shares nothing that changes."""
        return Venue(
            self.terms,
            dict(self.liens),
            set(self.closed),
            dict(self.sent),
            self.lent,
            self.repaid,
            dict(self.settled),
            self.late,
        )

    def counts(self, key: tuple[str, int], now: int) -> int:
        """Units of a lien that are collateral now: all of it or none."""
        lien = self.liens.get(key)
        if lien is None or lien.state != "active" or now >= lien.expiry - self.terms.guard:
            return 0
        return lien.amount

    def active(self, chain: str, now: int) -> int:
        """Units of the liens on a chain that are collateral now."""
        return sum(self.counts(key, now) for key in self.liens if key[0] == chain)

    def draw(self, key: tuple[str, int], units: int, now: int) -> None:
        """Lend against a lien. Raises `DocumentError` for more than it bears, or one that does not count or soon
        will not."""
        lien = self.liens.get(key)
        room = self.room(key, now)
        if lien is None or not 0 < units <= room:
            raise refuse("units", units, f"1 to {room}, what the lien still bears")
        self.lent += units
        self.liens[key] = lien._replace(drawn=lien.drawn + units)

    def room(self, key: tuple[str, int], now: int) -> int:
        """Units that can still be lent against a lien."""
        lien = self.liens.get(key)
        if lien is None or now >= self._last(lien):
            return 0
        return max(0, self.counts(key, now) * self.terms.advance // 1000 - lien.drawn)

    def repay(self, key: tuple[str, int], units: int) -> None:
        """What was lent comes back, while it is not yet being seized."""
        lien = self.liens.get(key)
        owed = 0 if lien is None or lien.state not in ("attested", "active") else lien.drawn
        if lien is None or not 0 < units <= owed:
            raise refuse("units", units, f"1 to {owed}, what is owed")
        self.repaid += units
        self.liens[key] = lien._replace(drawn=lien.drawn - units)

    def release(self, key: tuple[str, int]) -> None:
        """Give a lien back that owes nothing: it counts no more from now, before the chain knows of it."""
        lien = self.liens.get(key)
        if lien is None or lien.state not in ("attested", "active") or lien.drawn:
            raise refuse(
                "lien", "none" if lien is None else f"{lien.state}, {lien.drawn} drawn", "one that owes nothing"
            )
        self.liens[key] = lien._replace(state="releasing")
        self.sent[key] = 0

    def seize(self, key: tuple[str, int], now: int) -> None:
        """Take what is owed from the lock: the lien counts no more from now."""
        lien = self.liens.get(key)
        if lien is None or lien.state not in ("attested", "active") or not lien.drawn:
            raise refuse(
                "lien", "none" if lien is None else f"{lien.state}, {lien.drawn} drawn", "a live one that owes"
            )
        self.liens[key] = lien._replace(state="seizing", since=now)
        self.sent[key] = 0

    def tick(self, now: int) -> list[Command]:
        """What the clock brings: seizures that are due, losses at their deadline, liens that lapse; and the commands to
        send."""
        terms = self.terms
        for key, lien in list(self.liens.items()):
            if lien.state in ("attested", "active") and lien.drawn and now >= self._last(lien):
                self.seize(key, now)
            elif lien.state in ("attested", "active") and now >= lien.expiry - terms.guard:
                self.liens[key] = lien._replace(state="lapsed")
            elif lien.state == "seizing" and not lien.loss and now >= lien.since + terms.deadline:
                self.liens[key] = _booked(lien)
                self.late += 1
        found = []
        for key, at in list(self.sent.items()):
            if at > now:
                continue
            command = self._command(key, now)
            if command is None:
                del self.sent[key]
            else:
                found.append(command)
                self.sent[key] = now + terms.retry
        return found

    def hear(self, fact: Fact, now: int) -> Heard:
        """Take in a fact. One that is older than what is known changes nothing; the answer is the same."""
        key = (fact.chain, fact.lien)
        heard = Heard(fact.chain, fact.lien, fact.number)
        lien = self.liens.get(key)
        if key in self.closed or (lien is not None and fact.number <= lien.number):
            return heard
        if lien is None:
            # a lien that was never seen open owes nothing; only its number is kept
            state: State = "attested" if fact.status == "open" else "undone"
            lien = Lien(fact.chain, fact.owner, fact.amount, fact.expiry, state, 0)
        self.liens[key] = self._after(lien._replace(number=fact.number), fact, now)
        if self.liens[key].state in ("seizing", "undone", "releasing"):
            self.sent.setdefault(key, 0)
        return heard

    def forget(self, key: tuple[str, int]) -> None:
        """Drop an ended lien; its sums stay."""
        lien = self.liens.pop(key)
        self.settled["recovered"] += lien.recovered
        self.settled["liability"] += lien.liability
        self.sent.pop(key, None)
        self.closed.add(key)

    def totals(self) -> dict[str, int]:
        """`lent = repaid + owed + recovered + liability`, of all liens ever."""
        return {
            "lent": self.lent,
            "repaid": self.repaid,
            "owed": sum(x.owed for x in self.liens.values()),
            "recovered": self.settled["recovered"] + sum(x.recovered for x in self.liens.values()),
            "liability": self.settled["liability"] + sum(x.liability for x in self.liens.values()),
        }

    def _last(self, lien: Lien) -> int:
        return lien.expiry - self.terms.guard - self.terms.window

    def _command(self, key: tuple[str, int], now: int) -> Command | None:
        """What a lien still asks of its chain: nothing once it has ended, or long after its expiry."""
        lien = self.liens.get(key)
        if lien is None or now >= lien.expiry + self.terms.window + self.terms.deadline:
            return None
        if lien.state == "releasing":
            return Command(*key, "release")
        # a lock that was undone and comes back is taken for what was lent on it
        if lien.state == "seizing" or (lien.state == "undone" and lien.drawn):
            return Command(*key, "seize", lien.drawn)
        return None

    def _after(self, lien: Lien, fact: Fact, now: int) -> Lien:
        """The lien once a newer fact is known."""
        if fact.status == "open" and (fact.owner, fact.amount, fact.expiry) == (lien.owner, lien.amount, lien.expiry):
            if lien.state in ("attested", "active") or (lien.state == "undone" and not lien.drawn):
                # a lock that was sure and is no longer does not count until it is again, whatever is lent on it
                return lien._replace(state="active" if fact.confirmed else "attested")
            if lien.state == "released":
                # the block that released it is gone, and the owner's money is locked again
                return lien._replace(state="releasing")
            if lien.state == "seized":
                # the block that paid is gone: what it paid is owed again, and no longer counted on
                return _booked(lien._replace(state="seizing", recovered=0, liability=0, loss=False))
            # a lock that was taken back and is there again is claimed again; its loss stays booked until it pays
            return lien._replace(state="seizing") if lien.state == "lost" else lien
        if fact.status == "released":
            return lien._replace(state="released") if not lien.drawn else _booked(lien._replace(state="undone"))
        if fact.status == "seized":
            if not fact.confirmed:
                return _booked(lien._replace(state="seizing", recovered=0, liability=0, loss=False))
            taken = min(fact.taken, lien.drawn)
            return lien._replace(state="seized", recovered=taken, liability=lien.drawn - taken, loss=taken < lien.drawn)
        if fact.status == "withdrawn":
            # an owner can take a lock back only after its expiry, when it has long ceased to count
            if not lien.drawn:
                return lien._replace(state="lapsed")
            return _booked(lien._replace(state="lost", recovered=0, liability=0))
        if lien.state == "releasing":
            return lien._replace(state="released")
        return _booked(lien._replace(state="undone", recovered=0, liability=0))


def _booked(lien: Lien) -> Lien:
    """All that is owed is a loss; what comes later makes it smaller."""
    return lien._replace(liability=lien.drawn - lien.recovered, loss=lien.drawn > lien.recovered)
