"""A margin as a record: its inputs by hash, what decided it, the integers, and the same once more when asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from plimsoll.certify import Certificate, Extract, Statement, UncertifiedError, certify, charged_apart
from plimsoll.documents import Document, PlimsollError, canonical_bytes, parse_json
from plimsoll.ledger.build import build
from plimsoll.ledger.quantised import UNIT, certified, furthest
from plimsoll.ledger.records import Entry, Event
from plimsoll.ledger.store import Ledger
from plimsoll.ledger.verify import Fault
from plimsoll.margin import Account, MarginModel, Requirement, Rules
from plimsoll.margin.book import OnFailure
from plimsoll.margin.catalogue import margin_model
from plimsoll.market import Market

KIND = "margin"
STREAM = "margin"
DOCUMENTS = ("account", "market", "rules", "requirement", "statement")


@dataclass(frozen=True)
class Margin:
    """A requirement, its certificate or the reason why there is none, and the event that records both."""

    requirement: Requirement
    certificate: Certificate | None
    reason: str | None
    event: Event


def margin_event(
    model: MarginModel,
    account: Account,
    market: Market,
    on_failure: OnFailure = "refuse",
    stream: str = STREAM,
    position: int | None = None,
    of: dict[str, Any] | None = None,
) -> Margin:
    """Compute a margin and make the event that records it; the time of the record is the time of the market.

    `of` names the record whose books and market these are, where they come out of one.
    Raises what `MarginModel.requirement` raises.
    """
    found = model.requirement(account, market, on_failure)
    statement: Statement | None = None
    certificate: Certificate | None = None
    reason: str | None = None
    try:
        own = certified(model, account, market, found)
        statement, certificate = own.statement, own.certificate
    except UncertifiedError as error:
        reason = error.reason
    documents: dict[str, Document] = {"account": account, "market": market, "rules": model.rules, "requirement": found}
    if statement is not None:
        documents["statement"] = statement
    content = {
        "account": account.name,
        "rules": model.rules.label,
        "model": model.MODEL,
        "on_failure": on_failure,
        "currency": found.currency,
        "charged": found.charged.model_dump(mode="json"),
        "binding": [b.model_dump(mode="json") for b in found.binding],
        "certificate": None if certificate is None else certificate.to_dict(),
        "uncertified": reason,
        "build": build(),
    }
    if of is not None:
        content["of"] = of
    attached = {name: canonical_bytes(document.to_dict()) for name, document in documents.items()}
    event = Event(KIND, stream, market.time, content, position, attached)
    return Margin(found, certificate, reason, event)


@dataclass(frozen=True)
class Checked:
    """What checking the margins of a ledger came to; amounts of the array in its own units.

    `records` margins were read, `integers` certificates computed once more, `arrays` statements made anew from
    account, market and rules, of which `identical` bit for bit; `furthest` is how far the others lay apart at most,
    units of the currency for one contract.
    """

    records: int
    integers: int
    arrays: int
    identical: int
    furthest: float
    faults: tuple[Fault, ...]


def check_margins(ledger: Ledger, anew: bool = True, told: Any = None) -> Checked:
    """Compute every certificate again from its recorded array, and (`anew`) every array and charge from the inputs.

    The integers must be equal bit for bit. The arrays must be equal within a unit of the currency for one contract,
    the charges within a unit: they come from floats, which another machine may round another way. `told(text, done,
    total)` hears of each record.
    """
    faults: list[Fault] = []
    records = integers = arrays = identical = 0
    apart = 0.0
    total = ledger.head()[0]
    for entry in ledger.entries(kind=KIND):
        records += 1
        if told is not None:
            told("margins", entry.seq, total)
        try:
            documents = _documents(ledger, entry)
            content = entry.content
            statement = None
            if "statement" in documents:
                integers += 1
                statement = Statement.from_dict(documents["statement"], "statement")
                faults += _integers(entry, content, certify(statement))
            if anew:
                again = recomputed(documents, content)
                faults += _charges(entry, content, again)
                if statement is not None:
                    arrays += 1
                    distance = _distance(statement, again)
                    identical += distance == 0.0
                    apart = max(apart, distance)
                    if distance > UNIT:
                        faults.append(_fault(entry, "statement", "another array", "one within a unit of the recorded"))
        except PlimsollError as error:
            faults.append(_fault(entry, "content", str(error), "what this release can compute"))
    return Checked(records, integers, arrays, identical, apart, tuple(faults))


def recomputed(documents: dict[str, Any], content: dict[str, Any]) -> Margin:
    """The margin once more from the account, the market and the rules of a record."""
    account = Account.from_dict(documents["account"], "account")
    market = Market.from_dict(documents["market"], "market")
    model = margin_model(Rules.from_dict(documents["rules"], "rules"))
    return margin_event(model, account, market, content["on_failure"])


def _documents(ledger: Ledger, entry: Entry) -> dict[str, Any]:
    return {name: parse_json(ledger.document(digest), name) for name, digest in entry.attached.items()}


def _fault(entry: Entry, name: str, got: object, expected: object) -> Fault:
    return Fault("entries", str(entry.seq), name, str(got), str(expected))


def _integers(entry: Entry, content: dict[str, Any], found: Certificate) -> list[Fault]:
    recorded, own = content["certificate"], found.to_dict()
    if recorded is None:
        return [_fault(entry, "content.certificate", "nothing", "the certificate of the statement")]
    fields = [f for f in own if recorded.get(f) != own[f]]
    faults = [_fault(entry, f"content.certificate.{f}", recorded.get(f), own[f]) for f in fields]
    charges = charged_apart(content.get("charged"), found)
    return faults + [_fault(entry, f"content.charged.{f}", said, amount) for f, said, amount in charges]


def _charges(entry: Entry, content: dict[str, Any], again: Margin) -> list[Fault]:
    recorded, own = content["charged"], again.requirement.charged
    pairs = [(f, recorded[f], getattr(own, f)) for f in ("initial", "maintenance", "equity")]
    return [_fault(entry, f"content.charged.{f}", a, b) for f, a, b in pairs if abs(a - b) > UNIT]


def _distance(statement: Statement, again: Margin) -> float:
    """How far the array of a statement lies from the one made anew, units of the currency; infinite where it cannot."""
    if again.certificate is None:
        return float("inf")
    other = Statement.from_json(again.event.attached["statement"], "statement")
    found = furthest(statement, other)
    return float("inf") if found is None else found / 10 ** (statement.array_decimals - statement.decimals)


def extract_of(ledger: Ledger, seq: int) -> Extract:
    """One margin record with what an auditor needs to compute it again. Raises `DocumentError` for any other record."""
    from plimsoll.documents import refuse

    entry = ledger.entry(seq)
    if entry.kind != KIND:
        raise refuse("record", f"{seq}, of the kind {entry.kind!r}", f"a record of the kind {KIND!r}")
    if "statement" not in entry.attached:
        raise refuse("record", f"{seq}: {entry.content['uncertified']}", "a record with a certificate")
    documents = _documents(ledger, entry)
    later = tuple(e.body_hash for e in ledger.entries(seq))
    return Extract(
        seq=entry.seq,
        previous=entry.previous,
        link=entry.hash,
        body=entry.body.decode(),
        later=later,
        account=documents["account"],
        statement=documents["statement"],
    )


def margins(ledger: Ledger) -> Iterator[Entry]:
    """The margin records."""
    return ledger.entries(kind=KIND)


__all__ = ["Checked", "Margin", "check_margins", "extract_of", "margin_event", "margins", "recomputed"]
