"""The desk that calls: standings of the accounts under a policy, moved by what the engine margins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from plimsoll.documents import Problem, format_instant, parse_instant, to_units
from plimsoll.liquidation.calls import Done, Seen, Standing, step
from plimsoll.live.calls.rule import CallRule, in_force
from plimsoll.live.calls.step import CallStep, Cause, steps_of
from plimsoll.margin import MarginModel
from plimsoll.margin.many.positions import F64, I64

CALLING = ("called", "reduce-only")


@dataclass(frozen=True)
class OpenCall:
    """A call that is running: `amount` asked last, in the currency of the account; `ids` of it, the last one last."""

    account: str
    ids: tuple[str, ...]
    amount: float
    raised: datetime
    deadline: datetime
    acknowledged: datetime | None = None


@dataclass(frozen=True)
class CallsReading:
    """The desk at one moment.

    Accounts by state, open calls with their deadlines, closes that were handed over and are not carried out
    (`waiting` of them), steps of each kind so far, and calls met by each cause. `asked` adds up the open calls by
    currency, of every currency that an account is charged in. `overdue` are open calls whose deadline has passed and
    that were not yet judged since.
    """

    states: dict[str, int]
    open: dict[str, dict[str, Any]]
    handed: dict[str, str]
    waiting: int
    asked: dict[str, float]
    unacknowledged: int
    overdue: int
    steps: dict[str, int]
    met_by: dict[str, int]
    deadline_by: str

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return dict(vars(self))

    @classmethod
    def joined(cls, names: tuple[str, ...], parts: Sequence[CallsReading]) -> CallsReading:
        """The desks of several parts of the accounts `names`, of one rule, as one desk."""
        order = {name: a for a, name in enumerate(names)}
        rows = {name: row for part in parts for name, row in part.open.items()}
        by_deadline = sorted(rows, key=lambda name: (parse_instant(rows[name]["deadline"]), order[name]))
        asked = dict.fromkeys(sorted({currency for part in parts for currency in part.asked}), 0.0)
        for name in by_deadline:
            asked[rows[name]["currency"]] += rows[name]["amount"]
        handed = {name: command for part in parts for name, command in part.handed.items()}

        def added(counts: str) -> dict[str, int]:
            sums: Counter[str] = Counter()
            for part in parts:
                # an addition of counters would lose those at zero
                sums.update(getattr(part, counts))
            return dict(sorted(sums.items()))

        return cls(
            added("states"),
            {name: rows[name] for name in by_deadline},
            {name: handed[name] for name in sorted(handed, key=order.__getitem__)},
            sum(part.waiting for part in parts),
            asked,
            sum(part.unacknowledged for part in parts),
            sum(part.overdue for part in parts),
            added("steps"),
            added("met_by"),
            parts[0].deadline_by,
        )


class CallDesk:
    """Standings of `A` accounts, each moved by `liquidation.calls.step` whenever the engine margins it in an event.

    Times are those of the events, so a replay gives the same steps. An account that has a standing other than healthy,
    or a health below the first level, is `watched`: it never sleeps. The rest cost one comparison. Sequence numbers of
    the machine are counted here, of each account by itself: one event may margin an account several times, and the ids
    of its calls depend on no other account.
    """

    def __init__(self, rule: CallRule, model: MarginModel, names: tuple[str, ...]) -> None:
        self.rule = rule
        self.policy, self.deadline_by = in_force(rule, model)
        self.decimals, self.currency = model.rules.decimals, model.rules.currency
        self.names = names
        self.standing: dict[int, Standing] = {}
        self.open: dict[int, OpenCall] = {}
        self.handed: dict[int, str] = {}
        self.sequence: Counter[int] = Counter()
        self.steps: Counter[str] = Counter()
        self.met_by: Counter[str] = Counter()
        self.time: datetime | None = None

    @property
    def lines(self) -> tuple[float, ...]:
        """Healths that no sleeper may cross."""
        return (self.policy.warn, self.policy.call, self.policy.reduce_only)

    def restricted(self) -> I64:
        """Numbers of the accounts of which only orders that reduce are taken, increasing."""
        return np.array(sorted(a for a, s in self.standing.items() if s.restricted), dtype=np.int64)

    def watched(self, accounts: I64, equity: F64, maintenance: F64) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """`[K]` which accounts must not sleep: those with a standing, or below the first level."""
        found = ~(equity >= self.policy.warn * maintenance)
        for k in range(accounts.size) if self.standing else ():
            found[k] |= int(accounts[k]) in self.standing
        return np.asarray(found)

    def see(
        self, accounts: I64, equity: F64, maintenance: F64, positions: I64, time: datetime, cause: Cause
    ) -> list[CallStep]:
        """Judge accounts as they were margined; amounts `[K]` in the currency of each. Those that the rules refuse
        (NaN) keep their standing."""
        found: list[CallStep] = []
        known = np.isfinite(equity) & np.isfinite(maintenance)
        for k in np.flatnonzero(known & self.watched(accounts, equity, maintenance)).tolist():
            a = int(accounts[k])
            self.sequence[a] += 1
            seen = Seen(self.sequence[a], time, float(equity[k]), float(maintenance[k]), positions=int(positions[k]))
            found += self._judge(a, seen, cause)
        self._count(found)
        return found

    def clock(self, time: datetime) -> list[CallStep]:
        """The clock goes to `time`: deadlines move by what a leap is beyond the rule's step."""
        before, self.time = self.time, time
        most = timedelta(hours=self.rule.clock_step_hours)
        found: list[CallStep] = []
        if before is None or time - before <= most:
            return found
        leap = time - before - most
        for a, call in sorted(self.open.items()):
            # the time that was left is served from where the clock was down
            deadline = call.deadline + leap
            state = self.standing[a]
            self.open[a] = replace(call, deadline=deadline)
            self.standing[a] = replace(state, deadline=deadline)
            hours = leap.total_seconds() / 3600.0
            found.append(
                CallStep(
                    self.names[a],
                    "extended",
                    state.state,
                    state.state,
                    call.ids[-1],
                    self._units(call.amount),
                    format_instant(deadline),
                    "clock",
                    f"the clock leapt {hours:.6g} hours beyond its longest step",
                )
            )
        self._count(found)
        return found

    def acknowledge(self, a: int, call: str, time: datetime) -> list[CallStep] | Problem:
        """The holder has read a call; the first acknowledgement counts, and a call that is none is refused."""
        own = self.open.get(a)
        if own is None or call not in own.ids:
            allowed = "no call of this account is open" if own is None else ", ".join(own.ids)
            return Problem("acknowledge.call", repr(call), allowed)
        if own.acknowledged is not None:
            return []
        self.open[a] = replace(own, acknowledged=time)
        state = self.standing[a].state
        found = [
            CallStep(
                self.names[a],
                "acknowledged",
                state,
                state,
                call,
                self._units(own.amount),
                format_instant(own.deadline),
                "acknowledgement",
                "read by the holder",
            )
        ]
        self._count(found)
        return found

    def carried(self, a: int, command: str, time: datetime) -> list[CallStep] | Problem:
        """Liquidation has carried out a close; the account is judged anew with its next margin."""
        # its last fill may have settled the account already: the word that it is done is still awaited
        if self.handed.get(a) != command:
            return Problem("carried.command", repr(command), self.handed.get(a, "no close"))
        del self.handed[a]
        own = self.standing.get(a, Standing(self.names[a]))
        self.sequence[a] += 1
        now, _ = step(self.policy, own, Done(self.sequence[a], time, command))
        if a in self.standing:
            self.standing[a] = now
        found = [
            CallStep(self.names[a], "carried out", own.state, own.state, command, 0, "", "close", "said by liquidation")
        ]
        self._count(found)
        return found

    def read(self, currency: Sequence[str]) -> CallsReading:
        """The desk as it stands; `currency[A]` that of each account, which the rules may leave to its positions."""
        states = Counter(s.state for s in self.standing.values())
        states["healthy"] += len(self.names) - len(self.standing)
        rows = {}
        asked = dict.fromkeys(sorted({self.currency, *currency}), 0.0)
        for a, call in sorted(self.open.items(), key=lambda x: (x[1].deadline, x[0])):
            acknowledged = None if call.acknowledged is None else format_instant(call.acknowledged)
            rows[self.names[a]] = {
                "call": call.ids[-1],
                "amount": call.amount,
                "currency": str(currency[a]),
                "raised": format_instant(call.raised),
                "deadline": format_instant(call.deadline),
                "acknowledged": acknowledged,
            }
            asked[str(currency[a])] += call.amount
        late = [c for c in self.open.values() if self.time is not None and c.deadline <= self.time]
        handed = {self.names[a]: command for a, command in sorted(self.handed.items())}
        return CallsReading(
            dict(sorted(states.items())),
            rows,
            handed,
            len(handed),
            asked,
            sum(c.acknowledged is None for c in self.open.values()),
            len(late),
            dict(sorted(self.steps.items())),
            dict(sorted(self.met_by.items())),
            self.deadline_by,
        )

    def freeze(self) -> dict[str, Any]:
        """What it remembers, as plain JSON values."""
        return {
            "rule": self.rule.to_dict(),
            "sequence": [[a, n] for a, n in sorted(self.sequence.items())],
            "time": None if self.time is None else format_instant(self.time),
            "steps": dict(self.steps),
            "met_by": dict(self.met_by),
            "handed": [[a, command] for a, command in sorted(self.handed.items())],
            "standing": [[a, _plain(asdict(s))] for a, s in sorted(self.standing.items())],
            "open": [[a, _plain(asdict(c))] for a, c in sorted(self.open.items())],
        }

    def thaw(self, content: Mapping[str, Any]) -> None:
        """Remember what `freeze` gave."""
        self.sequence = Counter({int(a): int(n) for a, n in content["sequence"]})
        self.time = None if content["time"] is None else parse_instant(content["time"])
        self.steps = Counter({name: int(n) for name, n in content["steps"].items()})
        self.met_by = Counter({name: int(n) for name, n in content["met_by"].items()})
        self.handed = {int(a): command for a, command in content["handed"]}
        self.standing = {int(a): Standing(**_thawed(s)) for a, s in content["standing"]}
        self.open = {int(a): OpenCall(**_thawed(c) | {"ids": tuple(c["ids"])}) for a, c in content["open"]}

    def _judge(self, a: int, seen: Seen, cause: Cause) -> list[CallStep]:
        before = self.standing.get(a, Standing(self.names[a]))
        now, record = step(self.policy, before, seen)
        call = self.open.get(a)
        found = (
            [] if record is None else steps_of(record, self.names[a], cause, call.ids[-1] if call else "", self._units)
        )
        self.standing[a] = now
        if now.state == "healthy":
            del self.standing[a]
        for one in found:
            if one.kind == "raised":
                assert now.deadline is not None
                self.open[a] = OpenCall(self.names[a], (one.call,), now.asked, seen.time, now.deadline)
            elif one.kind == "raised again" and call is not None:
                self.open[a] = replace(call, ids=(*call.ids, one.call), amount=now.asked)
            elif one.kind == "handed over":
                self.handed[a] = one.call
            elif one.kind == "met":
                self.met_by[cause] += 1
        if now.state not in CALLING:
            self.open.pop(a, None)
        return found

    def _count(self, found: list[CallStep]) -> None:
        self.steps.update(one.kind for one in found)

    def _units(self, amount: float) -> int:
        return to_units(amount, self.decimals, against="payer")


def _plain(content: dict[str, Any]) -> dict[str, Any]:
    return {k: format_instant(v) if isinstance(v, datetime) else v for k, v in content.items()}


def _thawed(content: Mapping[str, Any]) -> dict[str, Any]:
    times = ("deadline", "raised", "acknowledged")
    return {k: parse_instant(v) if k in times and v is not None else v for k, v in content.items()}
