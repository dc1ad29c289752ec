"""Venues lived through random events in whole units and lots, all invariants checked: docs/validation/conservation.md

    python tools/measure_conservation.py [--events N] [--output FILE]

A venue has twelve members who trade two instruments with each other, pay in, are looked at, called, closed by the
smallest set of closes, and let go through the waterfall when nothing is left; a house takes what is closed, or nobody
does and it is deleveraged. Messages arrive again, late and twice. One venue lives a thousand events, its seed is its
number from 1,000 on. All money is in whole units and all positions in whole lots, so a discrepancy is exact.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from plimsoll.liquidation.calls import CallPolicy, Command, Done, Event, Look, Seen, Standing, smallest, step
from plimsoll.liquidation.waterfall import Holding, Member, Outcome, VenueState, waterfall
from plimsoll.liquidation.waterfall.documents import Ranking

ROOT = Path(__file__).resolve().parent.parent
START = datetime(2026, 3, 1, tzinfo=UTC)
POLICY = CallPolicy(warn=1.6, call=1.3, reduce_only=1.15, target=1.4, deadline_hours=2.0)
RATE = 20
"""Maintenance margin is one part in this many of the value of each position, rounded up to the unit."""

FIRST, EACH = 1_000, 1_000
"""The seed of the first venue, and the events of each."""

KINDS = {
    "price move": "both prices move, one in a hundred of the moves by about 12 %; everybody is marked in cash",
    "trade": "two members want to trade up to 40 lots; who is restricted or short of money only reduces",
    "payment": "a member pays in",
    "look": "a member is margined, and its call goes one step on",
    "replay": "a message of the last five of a member comes again",
}
DONE = {
    "call": "calls sent",
    "close": "smallest sets of closes carried out",
    "close all": "members with nothing left, given to the waterfall",
    "deleveraged": "closes against opposite holders",
}
INVARIANTS = {
    "lots": "of each instrument as many lots are long as short",
    "money": "cash, funds and bad debt add up to what was paid in",
    "funds": "no fund is below zero",
    "closed too far": "a close is at most what is held, and giving back any one lot of it misses the target",
    "restricted": "a restricted member's positions grow in no trade",
    "command once": "no command is given twice",
    "replay": "a message that comes again changes nothing",
    "paid once": "what a waterfall pays and leaves unpaid is what was owed",
    "order": "the order of the members changes nothing in a waterfall",
    "monotone": "one unit more owed: no layer before deleveraging pays less, and neither do all together",
}


class Checks:
    """How often each invariant was checked and broken, and the largest discrepancy in units or lots."""

    def __init__(self) -> None:
        self.checked: Counter[str] = Counter()
        self.broken: Counter[str] = Counter()
        self.worst: Counter[str] = Counter()

    def hold(self, name: str, off: int) -> None:
        """Count a check that is `off` by so much; zero holds."""
        self.checked[name] += 1
        if off:
            self.broken[name] += 1
            self.worst[name] = max(self.worst[name], abs(off))

    def add(self, other: Checks) -> None:
        """Take another's counts."""
        self.checked += other.checked
        self.broken += other.broken
        for name, off in other.worst.items():
            self.worst[name] = max(self.worst[name], off)


@dataclass(frozen=True)
class Book:
    """A member's positions for `smallest`: value at the prices, a cost of one unit in 500 of what is closed."""

    lots: tuple[int, ...]
    prices: tuple[int, ...]
    equity: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """Lots of each position."""
        return tuple(abs(n) for n in self.lots)

    def look(self, closed: tuple[int, ...]) -> Look:
        """See `plimsoll.liquidation.calls.Bench`."""
        cost = sum(cost_of(n, p) for n, p in zip(closed, self.prices, strict=True))
        rest = sum(required(s - n, p) for s, n, p in zip(self.sizes, closed, self.prices, strict=True))
        return Look(self.equity, cost, rest)


def cost_of(lots: int, price: int) -> int:
    """Units that closing lots costs."""
    return -(-lots * price // 500)


def required(lots: int, price: int) -> int:
    """Units of maintenance margin of a position."""
    return -(-abs(lots) * price // RATE)


class Venue:
    """Members trading two instruments with each other through a random day; a house takes what is closed."""

    def __init__(self, seed: int, members: int = 12) -> None:
        self.draw = random.Random(seed)
        self.names = [f"m{k:02d}" for k in range(members)]
        self.prices = {"A": 5_000, "B": 900}
        self.cash = {n: self.draw.randint(20_000, 200_000) for n in self.names}
        self.cash["house"] = 5_000_000
        self.lots: dict[str, dict[str, int]] = {n: {"A": 0, "B": 0} for n in self.cash}
        self.capital, self.insurance = 2_000, 5_000
        self.paid_in = sum(self.cash.values()) + self.capital + self.insurance
        self.standing = {n: Standing(n) for n in self.names}
        self.history: dict[str, list[Event]] = {n: [] for n in self.names}
        self.given: set[str] = set()
        self.bad_debt = 0
        self.counts: Counter[str] = Counter()
        self.checks = Checks()
        self.sequence, self.hours = 0, 0.0

    # marked to market in cash: equity is cash, positions are worth nothing until the price moves
    def move(self) -> None:
        """Both prices move."""
        for name in self.prices:
            old = self.prices[name]
            jump = self.draw.gauss(0.0, 0.01) if self.draw.random() > 0.01 else self.draw.gauss(0.0, 0.12)
            self.prices[name] = max(50, round(old * (1.0 + jump)))
            change = self.prices[name] - old
            for member, held in self.lots.items():
                self.cash[member] += held[name] * change

    def trade(self) -> None:
        """Two members trade, if both may."""
        buyer, seller = self.draw.sample(self.names, 2)
        name, lots = self.draw.choice(("A", "B")), self.draw.randint(1, 40)
        before = {m: abs(self.lots[m][name]) for m in (buyer, seller)}
        for member, sign in ((buyer, 1), (seller, -1)):
            held = self.lots[member]
            bigger = abs(held[name] + sign * lots) > abs(held[name])
            if bigger and (self.standing[member].restricted or self.cash[member] < 3 * self.margin(member)):
                return
        self.lots[buyer][name] += lots
        self.lots[seller][name] -= lots
        for member, size in before.items():
            if self.standing[member].restricted:
                self.checks.hold("restricted", max(0, abs(self.lots[member][name]) - size))

    def pay(self) -> None:
        """A member pays in."""
        member = self.draw.choice(self.names)
        amount = self.draw.randint(0, 30_000)
        self.cash[member] += amount
        self.paid_in += amount

    def margin(self, member: str) -> int:
        """Maintenance margin of a member, units."""
        return sum(required(n, self.prices[i]) for i, n in self.lots[member].items())

    def event(self) -> None:
        """One random thing happens, and one member is looked at."""
        self.hours += self.draw.uniform(0.0, 0.2)
        what = self.draw.random()
        if what < 0.3:
            self.counts["price move"] += 1
            self.move()
        elif what < 0.7:
            self.counts["trade"] += 1
            self.trade()
        elif what < 0.75:
            self.counts["payment"] += 1
            self.pay()
        self.look(self.draw.choice(self.names))
        self.hold()

    def look(self, member: str) -> None:
        """A member is margined and told to the state machine; sometimes an old message comes again."""
        self.sequence += 1
        self.counts["look"] += 1
        held = sum(1 for n in self.lots[member].values() if n)
        now = START + timedelta(hours=self.hours)
        event = Seen(self.sequence, now, float(self.cash[member]), float(self.margin(member)), positions=held)
        self.tell(member, event)
        if self.draw.random() < 0.2 and self.history[member]:
            # the same message once more, late or twice: nothing may happen
            self.counts["replay"] += 1
            before = (dict(self.cash), self.standing[member], len(self.given))
            self.tell(member, self.draw.choice(self.history[member][-5:]))
            self.checks.hold("replay", int((dict(self.cash), self.standing[member], len(self.given)) != before))

    def tell(self, member: str, event: Event) -> None:
        """An event reaches the state machine, and its commands are obeyed."""
        self.history[member].append(event)
        self.standing[member], record = step(POLICY, self.standing[member], event)
        for command in record.commands if record is not None else ():
            self.checks.hold("command once", int(command.id in self.given))
            self.given.add(command.id)
            self.obey(member, command)

    def obey(self, member: str, command: Command) -> None:
        """A command is carried out and confirmed."""
        if command.kind in DONE:
            self.counts[command.kind] += 1
        if command.kind == "close":
            self.close(member)
        elif command.kind == "close all":
            self.default(member)
        if command.kind in ("close", "close all"):
            self.sequence += 1
            self.tell(member, Done(self.sequence, START + timedelta(hours=self.hours), command.id))

    def close(self, member: str) -> None:
        """The smallest set of closes, against the house."""
        names = [i for i, n in self.lots[member].items() if n]
        book = Book(tuple(self.lots[member][i] for i in names), tuple(self.prices[i] for i in names), self.cash[member])
        found = smallest(book, POLICY.target)
        for i, n in zip(names, found.lots, strict=True):
            self.checks.hold("closed too far", max(0, n - abs(self.lots[member][i])))
            self.give(member, "house", i, n)
        for k, n in enumerate(found.lots if found.enough else ()):
            if n:
                fewer = tuple(x - (j == k) for j, x in enumerate(found.lots))
                self.checks.hold("closed too far", int(book.look(fewer).gap(POLICY.target) >= 0.0))

    def give(self, member: str, to: str, instrument: str, lots: int) -> None:
        """Close lots of a member against somebody at the mark, for the cost."""
        sign = 1 if self.lots[member][instrument] > 0 else -1
        self.lots[member][instrument] -= sign * lots
        self.lots[to][instrument] += sign * lots
        cost = cost_of(lots, self.prices[instrument])
        self.cash[member] -= cost
        self.cash[to] += cost

    def default(self, member: str) -> None:
        """Equity is gone: the waterfall pays, and what the house does not take is deleveraged."""
        for i in self.prices:
            room = self.draw.choice((0, 10**6))
            self.give(member, "house", i, min(room, abs(self.lots[member][i])))
        members = tuple(
            Member(
                name=n,
                equity=self.cash[n],
                positions={i: Holding(lots=x) for i, x in self.lots[n].items() if x},
            )
            for n in self.cash
            # others below zero have not been looked at yet: their turn comes
            if n == member or self.cash[n] > 0 or any(self.lots[n].values())
        )
        ranking: Ranking = self.draw.choice(("pro-rata", "profit-leverage"))
        state = VenueState(
            currency="USD",
            decimals=2,
            members=members,
            prices=self.prices,
            ranking=ranking,
            venue_capital=self.capital,
            insurance_fund=self.insurance,
        )
        others = {m.name: m.equity for m in members if m.equity < 0 and m.name != member}
        # one default at a time: who else is below zero stays out of the paying and out of the taking
        alone = tuple(m.model_copy(update={"equity": 0}) if m.name in others else m for m in members)
        state = state.model_copy(update={"members": alone})
        found = waterfall(state)
        self.check_waterfall(state, member, found)
        self.counts["deleveraged"] += len(found.closed)
        self.capital, self.insurance = found.after.venue_capital, found.after.insurance_fund
        for m in found.after.members:
            self.cash[m.name] = m.equity + others.get(m.name, 0)
            self.lots[m.name] = {i: (m.positions[i].lots if i in m.positions else 0) for i in self.prices}
        # the member is let go; what it still owes is bad debt
        if self.cash[member] < 0 and not any(self.lots[member].values()):
            self.bad_debt -= self.cash[member]
            self.cash[member] = 0

    def check_waterfall(self, state: VenueState, member: str, found: Outcome) -> None:
        """Paid once, whatever the order of the members, and more owed is never less paid."""
        paid = sum(p.units for p in found.payments)
        self.checks.hold("paid once", paid + sum(found.bad_debt.values()) - found.owed)
        other = waterfall(state.model_copy(update={"members": state.members[::-1]}))
        same = (other.payments, other.closed, other.bad_debt) == (found.payments, found.closed, found.bad_debt)
        self.checks.hold("order", int(not same))
        worse = tuple(m.model_copy(update={"equity": m.equity - 1}) if m.name == member else m for m in state.members)
        more = waterfall(state.model_copy(update={"members": worse}))
        early: tuple[Literal["own_margin", "fund_share", "venue_capital", "insurance_fund"], ...]
        early = ("own_margin", "fund_share", "venue_capital", "insurance_fund")
        less = sum(max(0, found.paid(layer) - more.paid(layer)) for layer in early)
        self.checks.hold("monotone", less + max(0, paid - sum(p.units for p in more.payments)))

    def hold(self) -> None:
        """What holds after every event."""
        for i in self.prices:
            self.checks.hold("lots", sum(held[i] for held in self.lots.values()))
        total = sum(self.cash.values()) + self.capital + self.insurance
        self.checks.hold("money", total - self.bad_debt - self.paid_in)
        self.checks.hold("funds", max(0, -self.capital) + max(0, -self.insurance))


def lived(seed: int, events: int = EACH, members: int = 12) -> Venue:
    """A venue after so many events."""
    venue = Venue(seed, members)
    for _ in range(events):
        venue.event()
    return venue


@dataclass(frozen=True, eq=False)
class Conserved:
    """Counts and checks of many venues."""

    seeds: range
    counts: Counter[str]
    checks: Checks
    bad_debt: int


def conserved(seeds: range, told: bool = False) -> Conserved:
    """Venues of a thousand events each, every invariant checked after every event."""
    counts: Counter[str] = Counter()
    checks, debt = Checks(), 0
    for k, seed in enumerate(seeds):
        venue = lived(seed)
        counts += venue.counts
        checks.add(venue.checks)
        debt += venue.bad_debt
        if told and (k + 1) % max(1, len(seeds) // 20) == 0:
            print(f"{(k + 1) * EACH:,} events, {sum(checks.broken.values())} broken", file=sys.stderr, flush=True)
    return Conserved(seeds, counts, checks, debt)


def page(found: Conserved) -> str:
    """The page as text."""
    rows = [
        "# Money and lots through random events",
        "",
        f"{len(found.seeds) * EACH:,} events in {len(found.seeds):,} venues, seeds {found.seeds[0]:,} to "
        f"{found.seeds[-1]:,}, by `python tools/measure_conservation.py --events {len(found.seeds) * EACH}`, whose",
        "docstring says what a venue is. A tenth as many, with other seeds, run with the tests of every change.",
        "",
        "| event | what happens | times |",
        "| --- | --- | ---: |",
        *(f"| {k} | {words} | {found.counts[k]:,} |" for k, words in KINDS.items()),
        "",
        "| what followed | | times |",
        "| --- | --- | ---: |",
        *(f"| {k} | {words} | {found.counts[k]:,} |" for k, words in DONE.items()),
        "",
        "| invariant | | checked | broken | worst, units or lots |",
        "| --- | --- | ---: | ---: | ---: |",
        *(
            f"| {k} | {words} | {found.checks.checked[k]:,} | {found.checks.broken[k]:,} | {found.checks.worst[k]:,} |"
            for k, words in INVARIANTS.items()
        ),
        "",
        f"Bad debt that was left and counted: {found.bad_debt:,} units. A waterfall is run three times, for the last",
        "three invariants. The same seed gives the same day.",
        "",
    ]
    return "\n".join(rows)


def main() -> int:
    """Run, print and write the page; 1 where an invariant was broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--events", type=int, default=1_000_000, help="events in all, in venues of 1,000")
    parser.add_argument("--output", type=Path, default=ROOT / "docs/validation/conservation.md")
    options = parser.parse_args()
    if options.events < EACH:
        parser.error(f"--events {options.events}: at least {EACH}, the life of one venue")
    found = conserved(range(FIRST, FIRST + options.events // EACH), told=True)
    options.output.write_text(page(found), encoding="utf-8")
    print(f"written: {options.output}")
    return int(sum(found.checks.broken.values()) > 0)


if __name__ == "__main__":
    sys.exit(main())
