"""The margin calendar: an account hour by hour through expiries, funding, theta and announced rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np

from plimsoll.contracts import is_dated
from plimsoll.documents import DAY_SECONDS, DocumentError, format_instant, refuse
from plimsoll.liquidation.evidence import rules_known
from plimsoll.liquidation.funding import NOTHING, Due, due, hours_of, instants
from plimsoll.margin import Account, MarginModel, Rules, margin_model, shipped_packs
from plimsoll.margin.changes.levels import Change, Levels, levels
from plimsoll.margin.changes.shifts import Shifts
from plimsoll.market import Market

LONGEST = 400
"""Most days that a calendar may span."""

CLIFF = 0.01
"""Part of maintenance margin (as a rise) or of health (as a fall) from which an expiry is flagged."""

BEFORE = timedelta(seconds=1)
"""How long before an event the account is looked at, so that the event stands alone."""

Progress = Callable[[str, int, int], None]
Kind = Literal["expiry", "rules"]


@dataclass(frozen=True)
class Hour:
    """The account at one instant; `levels` is `None` where `refusal` says why there is no number.

    `funding` is what was paid (negative) or got since the start, by currency; `expired` what ended at this instant.
    """

    time: datetime
    rules: str
    levels: Levels | None
    refusal: str
    funding: dict[str, float]
    expired: tuple[str, ...]


@dataclass(frozen=True)
class Event:
    """What an expiry or a change of the rules did by itself, from just before it to just after.

    For an expiry `subjects` are the instruments that left, the one whose leaving alone raises the maintenance margin
    most first, with that rise in `rises`; `cliff`: maintenance rose, or health fell, by a hundredth or more.
    """

    time: datetime
    kind: Kind
    subjects: tuple[str, ...]
    rises: tuple[float, ...]
    before: Levels
    after: Levels
    cliff: bool

    @property
    def change(self) -> Change:
        """After less before."""
        return self.after.minus(self.before)


@dataclass(frozen=True)
class Calendar:
    """Hours in order, and the events among them.

    `cliff` is the expiry with the largest rise of maintenance margin, or, where no expiry raises it, the one with the
    largest fall of health, among those that are flagged. `below` is the first hour below the line.
    """

    account: str
    rules: str
    currency: str
    hours: tuple[Hour, ...]
    events: tuple[Event, ...]
    assumptions: tuple[str, ...]

    @property
    def cliff(self) -> Event | None:
        """The worst of the flagged expiries."""
        flagged = [e for e in self.events if e.cliff]
        return max(flagged, key=lambda e: (max(0.0, e.change.maintenance), _fall(e.change)), default=None)

    @property
    def below(self) -> Hour | None:
        """The first hour at which net equity is less than maintenance margin."""
        return next((h for h in self.hours if h.levels and h.levels.net_equity < h.levels.maintenance), None)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        cliff, below = self.cliff, self.below
        return {
            "account": self.account,
            "rules": self.rules,
            "currency": self.currency,
            "hours": [
                {
                    "time": format_instant(h.time),
                    "rules": h.rules,
                    **({} if h.levels is None else h.levels.to_dict()),
                    "refusal": h.refusal or None,
                    "funding": h.funding,
                    "expired": list(h.expired),
                }
                for h in self.hours
            ],
            "events": [_told(e) for e in self.events],
            "cliff": None if cliff is None else _told(cliff),
            "below": None if below is None else format_instant(below.time),
            "assumptions": list(self.assumptions),
        }


def _fall(change: Change) -> float:
    return 0.0 if change.health is None else -change.health


def _told(e: Event) -> dict[str, Any]:
    return {
        "time": format_instant(e.time),
        "kind": e.kind,
        "subjects": list(e.subjects),
        "rises": list(e.rises),
        "before": e.before.to_dict(),
        "after": e.after.to_dict(),
        "cliff": e.cliff,
    }


def calendar(
    model: MarginModel,
    account: Account,
    market: Market,
    days: float = 14.0,
    *,
    announced: Sequence[Rules] | None = None,
    progress: Progress | None = None,
) -> Calendar:
    """The account at every full hour (UTC) of the next `days`, at every expiry and at every change of the rules.

    Prices and volatilities stay where they are; time passes, options lose theirs (`Shifts.passed`), what expires is
    paid out at today's forward, perpetuals pay funding at today's rates, and from the first instant of its effective
    day a pack of `announced` (by default every shipped pack of the same name that begins within the days) replaces
    the one before. Raises `DocumentError` where the account cannot be margined as it stands.
    """
    if not 0 < days <= LONGEST:
        raise refuse("days", days, f"a number of days above zero, at most {LONGEST}")
    walk = _Walk(model, account, market, market.time + timedelta(days=days), announced)
    return walk.calendar(progress)


class _Walk:
    """One account on its way; every state is computed from the start, so that no error adds up."""

    def __init__(
        self, model: MarginModel, account: Account, market: Market, end: datetime, announced: Sequence[Rules] | None
    ) -> None:
        self.account, self.market, self.end = account, market, end
        self.shifts = Shifts(account, market)
        self.funding = instants(market.time, end, hours_of(model))
        start = market.time.date()
        later = shipped_packs() if announced is None else announced
        coming = [p for p in later if p.name == model.rules.name and start < p.effective <= end.date()]
        coming = [p for p in coming if p.effective > model.rules.effective]
        self.models = [(market.time, model)]
        for pack in sorted(coming, key=lambda p: p.effective):
            begins = datetime(pack.effective.year, pack.effective.month, pack.effective.day, tzinfo=market.time.tzinfo)
            self.models.append((begins, margin_model(pack)))
        held = [market.contracts[p.instrument] for p in account.positions if p.instrument in market.contracts]
        self.expiries = sorted({c.expiry for c in held if is_dated(c) and market.time < c.expiry <= end})

    def model_at(self, time: datetime) -> MarginModel:
        """The rules in force at an instant."""
        return [m for begins, m in self.models if begins <= time][-1]

    def due_by(self, time: datetime, *, included: bool = True) -> Due:
        """Funding from the start up to an instant."""
        total = NOTHING
        hours = sum(h for at, h in self.funding if at < time or (included and at == time))
        return due(self.account, self.market, hours) if hours else total

    def at(self, time: datetime, model: MarginModel, *, funded: bool = True, without: str = "") -> Levels:
        """The levels at an instant; `funded`: with the funding of that very instant; `without` one position."""
        passed = self.shifts.passed((time - self.market.time).total_seconds() / DAY_SECONDS)
        held = self.due_by(time, included=funded).paid(passed.account, passed.market)
        if without:
            left = tuple(p for p in held.positions if p.instrument != without)
            held = held.model_copy(update={"positions": left})
        return levels(model, held, passed.market)

    def instants(self) -> list[datetime]:
        """Now, every full hour, every expiry and every change of the rules, in order."""
        start = self.market.time
        found = {start, *self.expiries, *(begins for begins, _ in self.models[1:])}
        hour = start.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        while hour <= self.end:
            found.add(hour)
            hour += timedelta(hours=1)
        return sorted(found)

    def calendar(self, progress: Progress | None) -> Calendar:
        """Everything, told in order."""
        first = self.at(self.market.time, self.models[0][1])
        hours, events = [], []
        times = self.instants()
        for k, time in enumerate(times):
            if progress is not None:
                progress(f"{time:%d %b %H:%M}", k, len(times))
            hours.append(self._hour(time))
            events += self._events(time)
        return Calendar(
            account=self.account.name,
            rules=self.models[0][1].rules.label,
            currency=first.currency,
            hours=tuple(hours),
            events=tuple(events),
            assumptions=self._assumptions(),
        )

    def _hour(self, time: datetime) -> Hour:
        model, found, refusal = self.model_at(time), None, ""
        try:
            found = self.at(time, model)
        except DocumentError as error:
            refusal = str(error)
        paid = self.due_by(time).total(self.account, self.market)
        return Hour(time, model.rules.label, found, refusal, paid, self._ending(time))

    def _ending(self, time: datetime) -> tuple[str, ...]:
        if time not in self.expiries:
            return ()
        named = [p.instrument for p in self.account.positions if p.quantity]
        contracts = [self.market.contracts[n] for n in dict.fromkeys(named) if n in self.market.contracts]
        return tuple(c.name for c in contracts if is_dated(c) and c.expiry == time)

    def _events(self, time: datetime) -> list[Event]:
        found = []
        before = self.model_at(time - BEFORE) if time > self.market.time else self.models[0][1]
        try:
            ending = self._ending(time)
            if ending:
                found.append(self._expiry(time, before, ending))
            now = self.model_at(time)
            if now is not before:
                old, new = self.at(time, before), self.at(time, now)
                found.append(Event(time, "rules", (now.rules.label,), (), old, new, False))
        except DocumentError:
            return found  # the hour says why there is no number
        return found

    def _expiry(self, time: datetime, model: MarginModel, ending: tuple[str, ...]) -> Event:
        just = max(self.market.time, time - BEFORE)
        before, after = self.at(just, model), self.at(time, model, funded=False)
        change = after.minus(before)
        lower = -_fall(change) <= -CLIFF * abs(before.health) if before.health else False
        cliff = change.maintenance >= CLIFF * max(before.maintenance, 1e-12) or lower
        rises = dict.fromkeys(ending, 0.0)
        if cliff:
            for name in ending:
                rises[name] = self.at(just, model, without=name).maintenance - before.maintenance
        ranked = sorted(ending, key=lambda n: (-rises[n], n))
        return Event(time, "expiry", tuple(ranked), tuple(rises[n] for n in ranked), before, after, cliff)

    def _assumptions(self) -> tuple[str, ...]:
        rates = {p.instrument: self.market.marks[p.instrument].funding_rate for p in self._perpetuals()}
        known = [n for n, r in rates.items() if r is not None]
        hours = sorted({at.hour for at, _ in self.funding})
        paid = "no perpetual is held, so no funding falls due"
        if rates:
            paid = f"funding at today's rates and marks at {', '.join(f'{h:02d}' for h in hours)} h UTC"
            paid += "" if len(known) == len(rates) else f"; no rate, no funding: {len(rates) - len(known)} perpetuals"
        coming = [m.rules.label for _, m in self.models[1:]]
        with np.errstate(all="ignore"):
            here = self.models[0][1].assess(self.account, self.market, "refuse")
        return (
            "prices and volatilities stay where they are; options lose their time value",
            "what expires is paid out at today's forward, its orders lapse, and nothing is traded",
            paid,
            "rules: " + (f"announced, {', '.join(coming)}" if coming else "none announced within these days"),
            *rules_known(here),
        )

    def _perpetuals(self) -> list[Any]:
        held = self.account.positions
        return [
            p
            for p in held
            if p.instrument in self.market.marks and self.market.contracts[p.instrument].kind == "perpetual"
        ]
