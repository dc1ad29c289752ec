"""Margin calls of a stream, and any account at any event, as certified margins: out of the record alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from plimsoll.documents import canonical_bytes, refuse
from plimsoll.ledger import Entry, Event, Ledger, LedgerError
from plimsoll.ledger.margins import Margin, margin_event
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
    """Record a certified margin for every account that an event of a stream left `called` and found otherwise.

    Account and market are those of the engine behind the event, applied again from the first state that is kept. The
    margins go to the stream `<stream> calls` of `into`, that of account `a` of `A` by event `n` at place `(n - 1) A + a
    + 1`, each with number and hash of the record that it is about; a later run adds only those that came since.
    `told(text, done, total)` hears of each record.
    """
    found = CertifiedCalls(stream)
    recorded = into.last(f"{stream} calls")
    for engine, record, outcome in applied(ledger, stream, told=told):
        if outcome is None:
            continue
        found.events += 1
        # what a gap held back may be several facts of one event: the last word on an account is where it stands
        last = {d.account: d.after for d in outcome.decisions}
        called = sorted(engine.holdings.number[name] for name, status in last.items() if status == "called")
        places = {a: (engine.events - 1) * len(engine.holdings) + a + 1 for a in called}
        fresh = [a for a in called if places[a] > recorded]
        found.calls += len(called)
        found.before += len(called) - len(fresh)
        into.append([_call(found, engine, a, places[a], record) for a in fresh])
    return found


def _call(found: CertifiedCalls, engine: Engine, number: int, place: int, record: Entry) -> Event:
    stream, of = f"{found.stream} calls", _about(record, found.stream)
    margin = margin_event(engine.model, engine.account(number), engine.market(), "refuse", stream, place, of)
    if margin.certificate is None:
        found.without[str(margin.reason)] += 1
    else:
        found.certified += 1
    charged = margin.requirement.charged
    exact = (charged.initial, charged.maintenance, charged.equity)
    for amount, own, said in zip(("initial", "maintenance", "equity"), exact, engine.charged(number), strict=True):
        found.furthest = max(found.furthest, abs(said - own))
        if abs(said - own) > UNIT:
            words = f"{amount} of {engine.holdings.names[number]!r} is {said} in the live engine, {own} by the rules"
            found.differences.append(f"record {record.seq}: {words}")
    return margin.event


def certify_account(
    ledger: Ledger, into: Ledger, account: str, stream: str = "live", event: int | None = None, told: Any = None
) -> tuple[Entry, Margin]:
    """Record a certified margin of one account behind event number `event` of a stream, the last if none is given.

    Applies the events from the last state before it on. Zero is the state before any event. Raises `DocumentError` for
    an account or event that the stream does not have, and what `MarginModel.requirement` raises.
    """
    last = ledger.last(stream)
    wanted = last if event is None else event
    start = None
    for state in ledger.entries(kind=SNAPSHOT):
        if state.stream == f"{stream} state" and state.content["events"] <= wanted:
            start = state
    if start is None or not 0 <= wanted <= last:
        if start is None and ledger.latest(SNAPSHOT, f"{stream} state") is None:
            raise refuse("stream", stream, f"a stream of {ledger.place} that an engine wrote")
        raise refuse("event", wanted, f"0 to {last}, the events of the stream {stream!r} that {ledger.place} holds")
    for engine, record, _ in applied(ledger, stream, start, told):
        if engine.events < wanted:
            continue
        number = engine.holdings.number.get(account)
        if number is None:
            few = ", ".join(engine.holdings.names[:3])
            raise refuse("account", account, f"one of the {len(engine.holdings)} accounts of the stream: {few}, ...")
        held, market, of = engine.account(number), engine.market(), _about(record, stream)
        margin = margin_event(engine.model, held, market, of=of)
        return into.append([margin.event])[0], margin
    raise refuse("event", wanted, f"an event of the stream {stream!r}")


def _about(record: Entry, stream: str) -> dict[str, Any]:
    """The record behind which a margin is; a state's place counts from one, an event's is its number."""
    event = record.position if record.kind == KIND else record.content["events"]
    return {"stream": stream, "event": event, "record": record.seq, "hash": record.hash}


__all__ = ["CertifiedCalls", "applied", "certify_account", "certify_calls"]
