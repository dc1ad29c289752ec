"""What an event came to: accounts that went from one status to another, what was margined and what was refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from plimsoll.documents import Problem
from plimsoll.live.calls.step import CallStep
from plimsoll.live.gate_rule import Refusal

Status = Literal["healthy", "reduce only", "called", "refused"]
STATUSES: tuple[Status, ...] = ("healthy", "reduce only", "called", "refused")


@dataclass(frozen=True)
class Decision:
    """An account went from one status to another; amounts in the smallest unit of `currency`, as they are charged."""

    account: str
    before: Status
    after: Status
    initial: int | None
    maintenance: int | None
    equity: int | None
    currency: str
    reason: str = ""


@dataclass(frozen=True)
class Outcome:
    """What one event came to. `number` counts the events that arrived.

    `touched` accounts hold something that it moved, of which `margined` were computed again and `skipped` were left
    asleep because the bound says that their status cannot have changed. `problems` are facts that were refused;
    `refusals` what the gate set apart. `full` passes margin every account. `calls` are the steps of margin calls, where
    the engine has a desk for them.
    """

    number: int
    applied: int
    touched: int
    margined: int
    skipped: int
    decisions: tuple[Decision, ...]
    refusals: tuple[Refusal, ...]
    problems: tuple[Problem, ...]
    full: bool = False
    calls: tuple[CallStep, ...] = ()
