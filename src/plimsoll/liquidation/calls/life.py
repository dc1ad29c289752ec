"""An account lived along a path of prices: called, paying or not, closed, or bankrupt, with a record of everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from plimsoll.documents import format_instant, refuse
from plimsoll.liquidation.calls.bench import ModelBench
from plimsoll.liquidation.calls.closes import Closes, smallest
from plimsoll.liquidation.calls.machine import Command, Done, Record, Seen, Standing, step
from plimsoll.liquidation.calls.policy import CallPolicy
from plimsoll.margin import Account, MarginModel
from plimsoll.margin.path import States, moved
from plimsoll.market import Market

F64 = npt.NDArray[np.float64]
Why = Literal["base", "threshold", "deadline", "equity"]

Answer = Callable[[Command], tuple[float, float] | None]
"""What the holder does when called: the hours until he pays and the part of the amount, or nothing."""


@dataclass(frozen=True, eq=False)
class Course:
    """What happens around an account at `times[K]`: `states` multiplies the market's prices and volatilities, and
    `scalar[K]` the maintenance margin below which it is called (`margin.avsl.scalars`; `None`: one throughout)."""

    times: tuple[datetime, ...]
    states: States
    scalar: F64 | None = None

    def __post_init__(self) -> None:
        if len(self.times) != len(self.states) or not self.times:
            got = f"{len(self.times)} times for {len(self.states)} states"
            raise refuse("course", got, "a time for each state, and at least one")
        if any(b < a for a, b in zip(self.times, self.times[1:], strict=False)):
            raise refuse("course.times", "times that go back", "times in their order")
        if self.scalar is not None and (self.scalar.shape != (len(self.times),) or not (self.scalar >= 1.0).all()):
            raise refuse("course.scalar", "another number of scalars, or one below 1", "one from 1 up for each time")


@dataclass(frozen=True)
class Closing:
    """A close as it was carried out.

    `why`: `base`, equity was below the base margin; `threshold`, the deadline had passed and the account had never
    been below its base margin until then; `deadline`, the same for one that had been below it before; `equity`, nothing
    was left. `equity` and `base` are those at which it was ordered, `scalar` that of then; `lots` are closed of each
    position, `notional` in USD, `cost` in the currency of the requirement.
    """

    ordered: datetime
    done: datetime
    why: Why
    equity: float
    base: float
    scalar: float
    notional: float
    cost: float
    enough: bool


@dataclass(frozen=True)
class Life:
    """What became of an account: amounts in the currency of the requirement, `forced` in USD.

    `calls` counts the times that it was called anew. `bad_debt` is what it owes at the end of a close of everything.
    `equity` and `maintenance` are those of the last time, `[K]` healths are over the raised margin.
    """

    account: Account
    records: tuple[Record, ...]
    closings: tuple[Closing, ...]
    calls: int
    paid: float
    bad_debt: float
    equity: float
    maintenance: float
    health: tuple[float, ...]

    def closed_by(self, why: Why) -> int:
        """Closes for one reason."""
        return sum(c.why == why for c in self.closings)

    @property
    def by_threshold(self) -> bool:
        """Closed at a deadline without ever having been below its base margin."""
        return any(c.why == "threshold" for c in self.closings)

    @property
    def bankrupt(self) -> bool:
        """Whether it ended owing more than it had."""
        return self.bad_debt > 0.0

    @property
    def forced(self) -> float:
        """USD of notional that was closed for it."""
        return sum(c.notional for c in self.closings)

    @property
    def cost(self) -> float:
        """What the closes cost it."""
        return sum(c.cost for c in self.closings)


@dataclass(frozen=True)
class Tally:
    """Sums over accounts. `at_once` are closes that came from a raised threshold before a deadline: none, ever."""

    accounts: int
    called: int
    calls: int
    closed_below_base: int
    closed_by_threshold: int
    closed_at_deadline: int
    bankrupt: int
    at_once: int
    forced: float
    cost: float
    paid: float
    bad_debt: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return dict(vars(self))


def tallied(lives: Sequence[Life]) -> Tally:
    """Accounts that were called, closed for each reason and bankrupt, and the money of all together."""
    return Tally(
        accounts=len(lives),
        called=sum(x.calls > 0 for x in lives),
        calls=sum(x.calls for x in lives),
        closed_below_base=sum(x.closed_by("base") > 0 for x in lives),
        closed_by_threshold=sum(x.by_threshold for x in lives),
        closed_at_deadline=sum(x.closed_by("deadline") > 0 for x in lives),
        bankrupt=sum(x.bankrupt for x in lives),
        at_once=sum(_at_once(x) for x in lives),
        forced=sum(x.forced for x in lives),
        cost=sum(x.cost for x in lives),
        paid=sum(x.paid for x in lives),
        bad_debt=sum(x.bad_debt for x in lives),
    )


def _at_once(life: Life) -> int:
    """Closes ordered at or above the base margin while no call had reached its deadline."""
    deadline: datetime | None = None
    found = 0
    for record in life.records:
        seen = record.event
        ordered = [c for c in record.commands if c.kind in ("close", "close all")]
        if ordered and isinstance(seen, Seen) and seen.equity >= seen.line and seen.equity > 0.0:
            found += deadline is None or seen.time < deadline
        for command in record.commands:
            if command.kind == "call":
                deadline = command.deadline
    return found


def lived(
    model: MarginModel,
    account: Account,
    market: Market,
    course: Course,
    policy: CallPolicy | None = None,
    answer: Answer | None = None,
    *,
    asset: str | None = None,
    close_hours: float = 0.0,
) -> Life:
    """Take an account along a course under a policy: margined at each time, called, closed as `calls.step` says.

    A call is answered as `answer` says (by default by nobody), in `asset` (by default the first linear currency of
    the rules). A close is carried out at the first time that is `close_hours` after its order, at the prices of then,
    with `smallest` against the policy's target times the scalar. Nobody trades otherwise, no funding is paid and
    options do not age. Raises `DocumentError` for an account with isolated positions: each of their pools has its own
    call (`calls.called`), and each can be lived as an account of its own.
    """
    if any(p.isolated_margin is not None for p in account.positions):
        raise refuse("account.positions", "isolated positions", "one pool: an account for each of them")
    run = _Run(
        model,
        CallPolicy() if policy is None else policy,
        course,
        answer,
        model.LINEAR[0] if asset is None else asset,
        close_hours,
        account,
        market,
    )
    for k in range(len(course.times)):
        run.at(k)
        if run.over:
            break
    return run.life()


@dataclass
class _Run:
    """Everything that changes on the way. `account` and `market` are those of the state `origin`, `None`: before."""

    model: MarginModel
    policy: CallPolicy
    course: Course
    answer: Answer | None
    asset: str
    close_hours: float
    account: Account
    market: Market
    origin: int | None = None
    standing: Standing = field(default_factory=lambda: Standing("account"))
    sequence: int = 0
    start: int = 0
    tracks: tuple[F64, F64] | None = None
    pending: tuple[Command, Seen, float, Why] | None = None
    promised: list[tuple[datetime, float]] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    closings: list[Closing] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    calls: int = 0
    paid: float = 0.0
    bad_debt: float = 0.0
    below: bool = False
    over: bool = False
    last: tuple[float, float] = (0.0, 0.0)

    def at(self, k: int) -> None:
        """One time of the course."""
        now = self.course.times[k]
        self._pay(k, now)
        if self.pending is not None and now >= self.pending[1].time + timedelta(hours=self.close_hours):
            self._close(k, now)
        equity, base = self._margined(k)
        scalar = self._scalar(k)
        self.health.append(equity / (scalar * base) if base > 0.0 else float("inf"))
        self.last = (equity, base)
        held = sum(p.quantity != 0.0 for p in self.account.positions)
        self.sequence += 1
        seen = Seen(self.sequence, now, equity, scalar * base, base=base, positions=held)
        was_below = self.below
        self.below = self.below or equity < base
        before = self.standing.state
        self.standing, record = step(self.policy, self.standing, seen)
        if record is None:
            return
        self.records.append(record)
        for command in record.commands:
            if command.kind == "call":
                self.calls += before not in ("called", "reduce-only")
                self._asked(command, now)
            elif command.kind in ("close", "close all"):
                self.pending = (command, seen, scalar, _why(command, seen, was_below))
                if self.close_hours == 0.0:
                    self._close(k, now)
        self.over = self.standing.state == "settled"

    def _scalar(self, k: int) -> float:
        return 1.0 if self.course.scalar is None else float(self.course.scalar[k])

    def _margined(self, k: int) -> tuple[float, float]:
        """Equity and base margin at a state; the whole rest of the course is margined at once where rules can."""
        if self.tracks is None:
            self.start = k
            with np.errstate(all="ignore"):
                found = self.model.along(self.account, self.market, self._rest(k))
            if len(found) != 1:
                raise refuse("account", f"{len(found)} pools", "one pool: an account for each of them")
            self.tracks = (found[0].equity, found[0].maintenance)
        equity, base = self.tracks
        return float(equity[k - self.start]), float(base[k - self.start])

    def _rest(self, k: int) -> States:
        """The states from `k` on, seen from where account and market stand."""
        states = self.course.states
        part = states.part(slice(k, None))
        if self.origin is None:
            return part
        o = self.origin
        return States({u: x / states.spot[u][o] for u, x in part.spot.items()}, part.vol / states.vol[o])

    def _here(self, k: int) -> None:
        """Take account and market to the state `k`."""
        states = self._rest(k)
        at = {u: float(x[0]) for u, x in states.spot.items()}
        self.account, self.market = moved(self.account, self.market, at, float(states.vol[0]))
        self.origin, self.tracks = k, None

    def _asked(self, command: Command, now: datetime) -> None:
        answered = None if self.answer is None else self.answer(command)
        if answered is not None:
            hours, part = answered
            if not (hours >= 0.0 and 0.0 <= part < float("inf")):
                raise refuse("answer", answered, "hours from zero up and a part of the amount from zero up")
            # a further call is for the whole that is missing: it takes the place of what was promised
            self.promised = [(now + timedelta(hours=hours), part * command.amount)]

    def _pay(self, k: int, now: datetime) -> None:
        due = sum(amount for at, amount in self.promised if at <= now)
        if due <= 0.0:
            return
        self.promised = [x for x in self.promised if x[0] > now]
        self._here(k)
        currency = self.model.rules.currency
        prices = [1.0 if c == "USD" else _usd(self.market, c) for c in (currency, self.asset)]
        balances = dict(self.account.collateral)
        balances[self.asset] = balances.get(self.asset, 0.0) + due * prices[0] / prices[1]
        self.account = self.account.model_copy(update={"collateral": balances})
        self.paid += due

    def _close(self, k: int, now: datetime) -> None:
        assert self.pending is not None
        command, seen, scalar, why = self.pending
        self._here(k)
        bench = ModelBench(self.model, self.account, self.market, self.policy)
        whole = bench.sizes
        if command.kind == "close all":
            start = bench.look((0,) * len(whole))
            found = Closes(whole, start, bench.look(whole), True, 2)
        else:
            found = smallest(bench, self.policy.target * self._scalar(k))
        self.account = bench.paid(found.lots)
        notional = float(bench.notional @ (np.array(found.lots) / self.policy.lots)) if whole else 0.0
        self.closings.append(
            Closing(seen.time, now, why, seen.equity, seen.line, scalar, notional, found.after.cost, found.enough)
        )
        if not any(p.quantity != 0.0 for p in self.account.positions):
            self.bad_debt = max(0.0, found.after.cost - found.after.equity)
        self.pending = None
        self.sequence += 1
        self.standing, _ = step(self.policy, self.standing, Done(self.sequence, now, command.id))

    def life(self) -> Life:
        """The result."""
        return Life(
            self.account,
            tuple(self.records),
            tuple(self.closings),
            self.calls,
            self.paid,
            self.bad_debt,
            *self.last,
            tuple(self.health),
        )


def _why(command: Command, seen: Seen, was_below: bool) -> Why:
    if command.kind == "close all":
        return "equity"
    if seen.equity < seen.line:
        return "base"
    return "deadline" if was_below else "threshold"


def _usd(market: Market, asset: str) -> float:
    price = market.price_of(asset)
    if price is None:
        raise refuse(f"market.assets.{asset}", "nothing", "a USD price of what calls are paid in")
    return price.price


def told(life: Life) -> list[str]:
    """One line for each transition: when, from where to where, why."""
    return [f"{format_instant(r.event.time)}  {r.before} -> {r.after}: {r.reason}" for r in life.records]
