"""Margin calls of a stream, and any account at any event, as certified margins: out of the record alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from plimsoll.documents import canonical_bytes, refuse
from plimsoll.ledger import Entry, Ledger, LedgerError
from plimsoll.ledger.margins import KIND as MARGIN
from plimsoll.ledger.margins import STREAM, Margin, margin_event
from plimsoll.live.engine import Engine
from plimsoll.live.events import from_json
from plimsoll.live.frozen import thaw
from plimsoll.live.outcome import Outcome
from plimsoll.live.record import KIND, SNAPSHOT, outcome_json, records_of

UNIT = 1
"""By how many smallest units what hot rows come to may differ from the requirement of the exact engine."""


@dataclass
class CertifiedCalls:
    """What certifying the margin calls of a stream came to.

    `events` were applied again; of `calls` found, `before` were recorded by an earlier run, `certified` are recorded
    now with their integers and `without` by reason without. `furthest`: how many smallest units the live engine lies
    from the requirement at most; `differences` names accounts where that is more than one.
    """

    stream: str
    events: int = 0
    calls: int = 0
    before: int = 0
    certified: int = 0
    without: Counter[str] = field(default_factory=Counter)
    furthest: int = 0
    differences: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class CertifiedAccount:
    """The margin of an account behind an event, `furthest` units from the live engine's at most; `differences` in words
    where that is more than one."""

    margin: Margin
    furthest: int
    differences: tuple[str, ...]


def applied(
    ledger: Ledger, stream: str, start: Entry | None = None, told: Any = None
) -> Iterator[tuple[Engine, Entry, Outcome | None]]:
    """The engine behind each record of a stream from a state on, the first if none is given; the state itself first.

    Raises `LedgerError` where an event comes to another outcome than its record says or bytes were changed, and
    `DocumentError` where the ledger has no such stream.
    """
    engine: Engine | None = None
    for record in records_of(ledger, stream, told, None if start is None else start.seq - 1):
        content = record.sound().content
        if engine is None:
            # events whose state was moved to an archive
            if record.kind != SNAPSHOT:
                continue
            engine = thaw(ledger.document(record.attached["state"]))
            yield engine, record, None
        elif record.kind == SNAPSHOT:
            # whoever wrote it margined everybody, and from there on counts what a tick may leave asleep
            engine.full_pass()
        else:
            outcome = engine.apply(from_json(content["event"]))
            if canonical_bytes(outcome_json(outcome)) != canonical_bytes(content["outcome"]):
                raise LedgerError(f"record {record.seq}: event {outcome.number} comes to another outcome than recorded")
            yield engine, record, outcome


def certify_calls(ledger: Ledger, into: Ledger, stream: str = "live", told: Any = None) -> CertifiedCalls:
    """Record a certified margin for every margin call of a stream.

    Called are accounts whose status an event leaves at `called`, below their maintenance margin, and those that the
    desk for calls raises one for, where the engine has one. Account and market are those of the engine behind the
    event, applied again from the first state that is kept. The margins go to the stream `<stream> calls` of `into`,
    each with number and hash of the record that it is about; what `into` has of them already is left out, so a later
    run adds the calls that came since. `told(text, done, total)` hears of each record.
    """
    found = CertifiedCalls(stream)
    target = f"{stream} calls"
    have = {
        (of["hash"], entry.content["account"])
        for entry in into.entries(kind=MARGIN)
        if entry.stream == target and (of := entry.content.get("of"))
    }
    for engine, record, outcome in applied(ledger, stream, told=told):
        if outcome is None:
            continue
        found.events += 1
        made = []
        for a in _called(engine, outcome):
            found.calls += 1
            if (record.hash, engine.holdings.names[a]) in have:
                found.before += 1
                continue
            own = _certified(engine, a, target, record, stream)
            if own.margin.certificate is None:
                found.without[str(own.margin.reason)] += 1
            else:
                found.certified += 1
            found.furthest = max(found.furthest, own.furthest)
            found.differences += own.differences
            made.append(own.margin.event)
        into.append(made)
    return found


def _called(engine: Engine, outcome: Outcome) -> list[int]:
    """Numbers of the accounts that an event called, increasing."""
    # what a gap held back may be several facts of one event: the last word on an account is where it stands
    last = {d.account: d.after for d in outcome.decisions}
    names = {name for name, status in last.items() if status == "called"}
    names |= {s.account for s in outcome.calls if s.kind in ("raised", "raised again")}
    return sorted(engine.holdings.number[name] for name in names)


def certify_account(
    ledger: Ledger, account: str, stream: str = "live", event: int | None = None, told: Any = None
) -> CertifiedAccount:
    """The certified margin of one account behind event number `event` of a stream, the last if none is given.

    Applies the events from the last state before it on; zero is the state before any event. Nothing is recorded: the
    margin has its event. Raises `DocumentError` for an account or event that the stream does not have, and what
    `MarginModel.requirement` raises.
    """
    last = ledger.last(stream)
    wanted = last if event is None else event
    states = [s for s in ledger.entries(kind=SNAPSHOT) if s.stream == f"{stream} state"]
    if not states:
        raise refuse("stream", stream, f"a stream of {ledger.place} that an engine wrote")
    before = [s for s in states if s.content["events"] <= wanted]
    if not before or wanted > last:
        first = states[0].content["events"]
        raise refuse(
            "event", wanted, f"{first} to {last}, the events of the stream {stream!r} that {ledger.place} holds"
        )
    for engine, record, _ in applied(ledger, stream, before[-1], told):
        if engine.events < wanted:
            continue
        number = engine.holdings.number.get(account)
        if number is None:
            few = ", ".join(engine.holdings.names[:3])
            raise refuse("account", account, f"one of the {len(engine.holdings)} accounts of the stream: {few}, ...")
        return _certified(engine, number, STREAM, record, stream)
    raise refuse("event", wanted, f"an event of the stream {stream!r}")


def _certified(engine: Engine, number: int, target: str, record: Entry, stream: str) -> CertifiedAccount:
    """The margin of an account as the engine stands behind a record, held to the engine's own amounts."""
    # a state's place counts from one, an event's is its number
    event = record.position if record.kind == KIND else record.content["events"]
    of = {"stream": stream, "event": event, "record": record.seq, "hash": record.hash}
    margin = margin_event(engine.model, engine.account(number), engine.market(), stream=target, of=of)
    charged = margin.requirement.charged
    exact = (charged.initial, charged.maintenance, charged.equity)
    said = engine.charged(number)
    apart = [abs(x - y) for x, y in zip(said, exact, strict=True)]
    name = engine.holdings.names[number]
    words = (
        f"record {record.seq}: {amount} of {name!r} is {own} in the live engine, {rules} by the rules"
        for amount, own, rules, far in zip(("initial", "maintenance", "equity"), said, exact, apart, strict=True)
        if far > UNIT
    )
    return CertifiedAccount(margin, max(apart), tuple(words))


__all__ = ["CertifiedAccount", "CertifiedCalls", "applied", "certify_account", "certify_calls"]
