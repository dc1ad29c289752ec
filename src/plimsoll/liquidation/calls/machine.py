"""The life of a margin call: what an account's standing asks for, once, with a record of every change."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from plimsoll.documents import format_instant, refuse
from plimsoll.liquidation.calls.policy import CallPolicy

State = Literal["healthy", "warned", "called", "reduce-only", "partial", "full", "settled"]
MET = 1e-9
"""A call is met when no more than this part of the target is missing: who pays what he was asked for has paid."""

Kind = Literal["warn", "call", "restrict", "close", "close all", "lift"]


@dataclass(frozen=True)
class Seen:
    """The account as it was margined: amounts in the currency of the requirement.

    `base` is the maintenance margin below which positions are closed at once, where a raised threshold calls earlier:
    between the two an account is called and has its deadline, however the threshold came there. Default: the same.
    """

    sequence: int
    time: datetime
    equity: float
    maintenance: float
    base: float | None = None
    positions: int = 1

    @property
    def line(self) -> float:
        """The maintenance margin below which positions are closed."""
        return self.maintenance if self.base is None else min(self.base, self.maintenance)


@dataclass(frozen=True)
class Done:
    """A close command has been carried out, as far as it could be."""

    sequence: int
    time: datetime
    command: str


Event = Seen | Done


@dataclass(frozen=True)
class Command:
    """What is to be done, once: the same `id` twice is the same command."""

    id: str
    kind: Kind
    amount: float = 0.0
    deadline: datetime | None = None


@dataclass(frozen=True)
class Record:
    """One transition with everything it follows from."""

    account: str
    before: State
    after: State
    reason: str
    event: Event
    commands: tuple[Command, ...]


@dataclass(frozen=True)
class Standing:
    """Where an account is in its call. `amount` is missing now and `asked` the last that was called for; `pending`
    is the close not yet carried out."""

    account: str
    state: State = "healthy"
    sequence: int = -1
    amount: float = 0.0
    asked: float = 0.0
    deadline: datetime | None = None
    pending: str | None = None

    @property
    def restricted(self) -> bool:
        """Whether only orders that reduce are taken."""
        return self.state in ("reduce-only", "partial", "full")


def step(policy: CallPolicy, standing: Standing, event: Event) -> tuple[Standing, Record | None]:
    """The standing after an event, and the record of it where something changed; the record holds the commands.

    Events carry increasing sequence numbers. One that is not newer than the last is a replay and changes nothing, so
    commands are given once. While a close is being carried out no other is given, and the account stays in its state
    until it is done; but for a close of everything once nothing is left. A call keeps its first deadline, and its
    amount follows the account. Raises `DocumentError` for an amount that is not a finite number.
    """
    if event.sequence <= standing.sequence:
        return standing, None
    now = replace(standing, sequence=event.sequence)
    if isinstance(event, Done):
        if event.command != standing.pending:
            return now, None
        return replace(now, pending=None), None
    _check(event)
    state, reason = _state(policy, standing, event)
    if standing.pending is not None and state != "settled" and (state != "full" or standing.state == "full"):
        # a close that is under way is waited for, whatever the account looks like meanwhile; all of it may be needed
        return now, None
    return _entered(policy, standing, replace(now, state=state), event, reason)


def owed(policy: CallPolicy, equity: float, maintenance: float) -> float:
    """What has to be paid in to bring health to its target: `target * maintenance - equity`, at least zero.

    >>> owed(CallPolicy(), 110.0, 100.0)
    20.0
    """
    return max(0.0, policy.target * maintenance - equity)


def _check(seen: Seen) -> None:
    """Numbers with which an account can be judged: a margin that is not a number would never close anything."""
    margins = {"maintenance": seen.maintenance, "base": seen.maintenance if seen.base is None else seen.base}
    if not math.isfinite(seen.equity):
        raise refuse("event.equity", seen.equity, "a finite number")
    for name, margin in margins.items():
        if not (math.isfinite(margin) and margin >= 0.0):
            raise refuse(f"event.{name}", margin, "a finite number from zero up")
    if seen.positions < 0:
        raise refuse("event.positions", seen.positions, "a number of positions from zero up")


def _state(policy: CallPolicy, standing: Standing, seen: Seen) -> tuple[State, str]:
    """The state that an account's numbers ask for, and why."""
    if seen.positions == 0:
        calm = seen.equity >= 0.0 and standing.state in ("healthy", "warned", "called", "reduce-only")
        return ("healthy", "holds nothing") if calm else ("settled", "holds nothing any more")
    if seen.equity < 0.0 or (seen.equity == 0.0 and seen.line > 0.0):
        return "full", "equity is gone"
    if seen.equity < seen.line:
        return "partial", f"equity {seen.equity:.9g} is below maintenance {seen.line:.9g}"
    health = seen.equity / seen.maintenance if seen.maintenance > 0.0 else float("inf")
    called = standing.state in ("called", "reduce-only", "partial", "full")
    if called and owed(policy, seen.equity, seen.maintenance) > MET * policy.target * seen.maintenance:
        if standing.deadline is not None and seen.time >= standing.deadline:
            return "partial", f"the call was not met by {format_instant(standing.deadline)}"
        if health < policy.reduce_only:
            return "reduce-only", f"health {health:.9g} is below {policy.reduce_only:g}"
        return "called", f"health {health:.9g} has not come back to {policy.target:g}"
    if health < policy.reduce_only:
        return "reduce-only", f"health {health:.9g} is below {policy.reduce_only:g}"
    if health < policy.call:
        return "called", f"health {health:.9g} is below {policy.call:g}"
    if health < policy.warn:
        return "warned", f"health {health:.9g} is below {policy.warn:g}"
    return "healthy", f"health {health:.9g}"


def _entered(
    policy: CallPolicy, before: Standing, now: Standing, seen: Seen, reason: str
) -> tuple[Standing, Record | None]:
    """The standing after entering (or staying in) a state, with the commands that go with it."""
    stem = f"{before.account}:{seen.sequence}"
    commands: list[Command] = []
    amount = owed(policy, seen.equity, seen.maintenance)
    if now.state in ("called", "reduce-only"):
        deadline = before.deadline or seen.time + timedelta(hours=policy.period.call)
        now = replace(now, amount=amount, deadline=deadline)
        first = before.state not in ("called", "reduce-only")
        if first or amount > before.asked * (1.0 + policy.repeat):
            now = replace(now, asked=amount)
            commands.append(Command(f"{stem}:call", "call", amount, deadline))
    else:
        now = replace(now, amount=0.0 if now.state not in ("partial", "full") else amount, asked=0.0, deadline=None)
    if now.restricted and not before.restricted:
        commands.append(Command(f"{stem}:restrict", "restrict"))
    if before.restricted and not now.restricted:
        commands.append(Command(f"{stem}:lift", "lift"))
    if now.state == "warned" and before.state == "healthy":
        commands.append(Command(f"{stem}:warn", "warn"))
    if now.state in ("partial", "full") and (before.pending is None or now.state != before.state):
        kind: Kind = "close" if now.state == "partial" else "close all"
        command = Command(f"{stem}:{kind.replace(' ', '-')}", kind, amount)
        commands.append(command)
        now = replace(now, pending=command.id)
    if now.state not in ("partial", "full"):
        now = replace(now, pending=None)
    if now.state == before.state and not commands:
        return now, None
    return now, Record(before.account, before.state, now.state, reason, seen, tuple(commands))
