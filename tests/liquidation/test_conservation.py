"""A venue lived through random events, in whole units and lots: nothing is lost, made, closed twice or too far."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from plimsoll.liquidation.calls import CallPolicy, Command, Done, Event, Look, Seen, Standing, smallest, step
from plimsoll.liquidation.waterfall import Holding, Member, VenueState, waterfall

START = datetime(2026, 3, 1, tzinfo=UTC)
POLICY = CallPolicy(warn=1.6, call=1.3, reduce_only=1.15, target=1.4, deadline_hours=2.0)
RATE = 20
"""Maintenance margin is one part in this many of the value of each position, rounded up to the unit."""


@dataclass(frozen=True)
class Book:
    """A member's positions for `smallest`: value at the prices, a cost of one unit in 500 of what is closed."""

    lots: tuple[int, ...]
    prices: tuple[int, ...]
    equity: int

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(abs(n) for n in self.lots)

    def look(self, closed: tuple[int, ...]) -> Look:
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

    def __init__(self, seed: int, members: int) -> None:
        self.draw = random.Random(seed)
        self.names = [f"m{k:02d}" for k in range(members)]
        self.prices = {"A": 5_000, "B": 900}
        self.cash = {n: self.draw.randint(20_000, 200_000) for n in self.names}
        self.cash["house"] = 5_000_000
        self.lots: dict[str, dict[str, int]] = {n: {"A": 0, "B": 0} for n in self.cash}
        self.funds = {"venue_capital": 2_000, "insurance_fund": 5_000}
        self.paid_in = sum(self.cash.values()) + sum(self.funds.values())
        self.standing = {n: Standing(n) for n in self.names}
        self.history: dict[str, list[Event]] = {n: [] for n in self.names}
        self.given: set[str] = set()
        self.bad_debt = 0
        self.counts = {"close": 0, "close all": 0, "call": 0, "waterfall": 0, "adl": 0}
        self.sequence, self.hours = 0, 0.0

    # marked to market in cash: equity is cash, positions are worth nothing until the price moves
    def move(self) -> None:
        for name in self.prices:
            old = self.prices[name]
            jump = self.draw.gauss(0.0, 0.01) if self.draw.random() > 0.01 else self.draw.gauss(0.0, 0.12)
            self.prices[name] = max(50, round(old * (1.0 + jump)))
            change = self.prices[name] - old
            for member, held in self.lots.items():
                self.cash[member] += held[name] * change

    def trade(self) -> None:
        buyer, seller = self.draw.sample(self.names, 2)
        name, lots = self.draw.choice(("A", "B")), self.draw.randint(1, 40)
        for member, sign in ((buyer, 1), (seller, -1)):
            held = self.lots[member]
            bigger = abs(held[name] + sign * lots) > abs(held[name])
            if (bigger and self.standing[member].restricted) or self.cash[member] < 3 * self.margin(member):
                return
        self.lots[buyer][name] += lots
        self.lots[seller][name] -= lots

    def pay(self) -> None:
        member = self.draw.choice(self.names)
        amount = self.draw.randint(0, 30_000)
        self.cash[member] += amount
        self.paid_in += amount

    def margin(self, member: str) -> int:
        return sum(required(n, self.prices[i]) for i, n in self.lots[member].items())

    def event(self) -> None:
        """One random thing happens, and one member is looked at."""
        self.hours += self.draw.uniform(0.0, 0.2)
        what = self.draw.random()
        if what < 0.3:
            self.move()
        elif what < 0.7:
            self.trade()
        elif what < 0.75:
            self.pay()
        self.look(self.draw.choice(self.names))
        self.hold()

    def look(self, member: str) -> None:
        self.sequence += 1
        held = sum(1 for n in self.lots[member].values() if n)
        now = START + timedelta(hours=self.hours)
        event = Seen(self.sequence, now, float(self.cash[member]), float(self.margin(member)), positions=held)
        self.tell(member, event)
        if self.draw.random() < 0.2 and self.history[member]:
            # the same messages once more, late or twice: nothing may happen
            before = (dict(self.cash), self.standing[member])
            self.tell(member, self.draw.choice(self.history[member][-5:]))
            assert (dict(self.cash), self.standing[member]) == before

    def tell(self, member: str, event: Event) -> None:
        self.history[member].append(event)
        before = self.standing[member]
        self.standing[member], record = step(POLICY, before, event)
        for command in record.commands if record is not None else ():
            assert command.id not in self.given
            self.given.add(command.id)
            self.obey(member, command)

    def obey(self, member: str, command: Command) -> None:
        if command.kind in self.counts:
            self.counts[command.kind] += 1
        if command.kind == "close":
            self.close(member)
        elif command.kind == "close all":
            self.default(member)
        if command.kind in ("close", "close all"):
            self.sequence += 1
            done = Done(self.sequence, START + timedelta(hours=self.hours), command.id)
            self.tell(member, done)

    def close(self, member: str) -> None:
        names = [i for i, n in self.lots[member].items() if n]
        book = Book(tuple(self.lots[member][i] for i in names), tuple(self.prices[i] for i in names), self.cash[member])
        found = smallest(book, POLICY.target)
        for i, n in zip(names, found.lots, strict=True):
            assert 0 <= n <= abs(self.lots[member][i])
            self.give(member, "house", i, n)
        if found.enough:
            # no lot more than needed
            for k, n in enumerate(found.lots):
                if n:
                    fewer = tuple(x - (j == k) for j, x in enumerate(found.lots))
                    assert book.look(fewer).gap(POLICY.target) < 0.0

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
        self.counts["waterfall"] += 1
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
        state = VenueState(
            currency="USD",
            decimals=2,
            members=members,
            prices=self.prices,
            ranking=self.draw.choice(("pro-rata", "profit-leverage")),
            **self.funds,
        )
        others = {m.name: m.equity for m in members if m.equity < 0 and m.name != member}
        # one default at a time: who else is below zero stays out of the paying and out of the taking
        alone = tuple(replace_equity(m, 0) if m.name in others else m for m in members)
        found = waterfall(state.model_copy(update={"members": alone}))
        self.counts["adl"] += len(found.closed)
        self.funds = {"venue_capital": found.after.venue_capital, "insurance_fund": found.after.insurance_fund}
        for m in found.after.members:
            self.cash[m.name] = m.equity + others.get(m.name, 0)
            self.lots[m.name] = {i: (m.positions[i].lots if i in m.positions else 0) for i in self.prices}
        # the member is let go; what it still owes is bad debt
        if self.cash[member] < 0 and not any(self.lots[member].values()):
            self.bad_debt -= self.cash[member]
            self.cash[member] = 0

    def hold(self) -> None:
        for i in self.prices:
            assert sum(held[i] for held in self.lots.values()) == 0
        assert sum(self.cash.values()) + sum(self.funds.values()) - self.bad_debt == self.paid_in
        assert all(f >= 0 for f in self.funds.values())


def replace_equity(member: Member, equity: int) -> Member:
    """A member with another equity."""
    return member.model_copy(update={"equity": equity})


def lived(seed: int, events: int, members: int = 12) -> Venue:
    """A venue after so many events."""
    venue = Venue(seed, members)
    for _ in range(events):
        venue.event()
    return venue


def conserved(seeds: range) -> None:
    """Venues of a thousand events each, every invariant checked after every event."""
    counts: dict[str, int] = {}
    for seed in seeds:
        for kind, n in lived(seed, 1_000).counts.items():
            counts[kind] = counts.get(kind, 0) + n
    # everything that can happen has happened, often
    assert min(counts.values()) > 10, counts


def test_money_and_lots_are_conserved_through_random_events() -> None:
    conserved(range(12))


@pytest.mark.slow
def test_money_and_lots_are_conserved_through_a_hundred_thousand_events() -> None:
    conserved(range(100, 200))


@pytest.mark.long
def test_money_and_lots_are_conserved_through_a_million_events() -> None:
    conserved(range(1_000, 2_000))


def test_the_same_seed_gives_the_same_day() -> None:
    one, other = lived(5, 500), lived(5, 500)
    assert one.cash == other.cash
    assert one.standing == {n: replace(s) for n, s in other.standing.items()}
