"""One step in the life of a call, as the ledger has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from plimsoll.documents import format_instant
from plimsoll.liquidation.calls import Record, Seen, State

StepKind = Literal[
    "warned", "raised", "raised again", "restricted", "lifted", "acknowledged", "extended", "met", "recovered",
    "lapsed", "handed over", "carried out", "settled",
]  # fmt: skip
RECOVERIES = {
    *((before, "healthy") for before in ("warned", "partial", "full", "settled")),
    *((before, "warned") for before in ("partial", "full", "settled")),
}
Cause = Literal["transfer", "reduction", "close", "market", "acknowledgement", "clock"]


@dataclass(frozen=True)
class CallStep:
    """What happened to the call of an account.

    ```
    warned        the health fell below the level of a warning; recovered: it came back
    raised        called for `amount` by `deadline`; raised again: for more, by the same deadline
    restricted    only orders that reduce are taken; lifted: all are again
    acknowledged  the holder has read it; extended: the clock leapt, and the deadline moved
    met           the health is back at the target, by its `cause`
    lapsed        the deadline passed and it was not met
    handed over   liquidation has to close positions: `call` is the command, `amount` is missing to the target
    carried out   liquidation says that it has closed what it could; settled: nothing is held any more
    ```

    `amount` in the smallest unit of the account's currency, rounded against the holder; `cause` is what the event was
    that brought the step about.
    """

    account: str
    kind: StepKind
    before: State
    after: State
    call: str
    amount: int
    deadline: str
    cause: Cause
    reason: str


def steps_of(record: Record, account: str, cause: Cause, call: str, units: Any) -> list[CallStep]:
    """The steps in one record of the machine, the call's own first; `call` is the id of the open call, if one is."""
    found: list[CallStep] = []

    def add(kind: StepKind, own: str = "", amount: float = 0.0, deadline: str = "") -> None:
        found.append(
            CallStep(account, kind, record.before, record.after, own, units(amount), deadline, cause, record.reason)
        )

    calling = ("called", "reduce-only")
    seen = record.event
    # a close above the maintenance margin is one at the deadline
    if record.before in calling and record.after == "partial" and isinstance(seen, Seen) and seen.equity >= seen.line:
        add("lapsed", call)
    for command in record.commands:
        deadline = "" if command.deadline is None else format_instant(command.deadline)
        if command.kind == "warn":
            add("warned", command.id)
        elif command.kind == "call":
            add("raised again" if record.before in calling else "raised", command.id, command.amount, deadline)
        elif command.kind == "restrict":
            add("restricted", command.id)
        elif command.kind == "lift":
            add("lifted", command.id)
        else:
            add("handed over", command.id, command.amount)
    if record.before in calling and record.after in ("healthy", "warned"):
        found.insert(0, CallStep(
            account, "met", record.before, record.after, call, 0, "", cause, record.reason,
        ))  # fmt: skip
    elif (record.before, record.after) in RECOVERIES:
        add("recovered", call)
    elif record.after == "settled" and record.before != "settled":
        add("settled", call)
    return found
