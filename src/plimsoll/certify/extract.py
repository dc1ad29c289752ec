"""One account out of a record: what an auditor needs to compute its margin again, and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, ClassVar

from pydantic import Field

from plimsoll.certify.certificate import Certificate, UncertifiedError, certify, charged_apart
from plimsoll.certify.chain import body_hash, link_hash
from plimsoll.certify.statement import Statement
from plimsoll.documents import (
    Document,
    DocumentError,
    JsonObject,
    content_hash,
    format_instant,
    parse_json,
    refuse,
    shorten,
)

Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Extract(Document):
    """A margin record of a ledger with its inputs, for an auditor who has nothing else.

    `body` is the text that was hashed into the chain at number `seq` after `previous`; `later` are the hashes of the
    bodies that followed, up to the head of the chain. `account` is the account document and `statement` the
    quantised array with the account's positions: the body names the hash of both.
    """

    SCHEMA: ClassVar[str] = "plimsoll.audit-extract"

    seq: Annotated[int, Field(strict=True, ge=1)]
    previous: Hex
    link: Hex
    body: str
    later: tuple[Hex, ...] = ()
    account: JsonObject
    statement: JsonObject


@dataclass(frozen=True)
class Audited:
    """What an auditor found: the `certificate` computed here, the `head` that the chain comes to, `faults` in words."""

    certificate: Certificate | None
    head: str
    faults: tuple[str, ...]


def audit(extract: Extract, head: str | None = None) -> Audited:
    """Check an extract by itself: the chain, the hashes of the inputs, the positions, and the integers once more.

    `head` is the published hash of the chain's head, without which it only shows that the extract agrees with itself.
    """
    faults, content = [], _content(extract.body)
    found = link_hash(extract.seq, extract.previous, body_hash(extract.body.encode()))
    if found != extract.link:
        faults.append(f"link: the body comes to {found}, the record says {extract.link}")
    for i, later in enumerate(extract.later):
        found = link_hash(extract.seq + 1 + i, found, later)
    if head is not None and found != head:
        faults.append(f"head: the chain comes to {found}, the published head is {head}")
    attached = content["attached"]
    for name, document in (("account", extract.account), ("statement", extract.statement)):
        if content_hash(document) != f"sha256:{attached.get(name)}":
            faults.append(f"{name}: not the document whose hash the record holds")
    certificate = None
    try:
        statement = Statement.from_dict(extract.statement, "statement")
        certificate = certify(statement)
    except (DocumentError, UncertifiedError) as error:
        faults.append(f"statement: {error}")
    else:
        faults += _positions(extract.account, statement)
        faults += _same(content, extract.account, statement)
        faults += _amounts(content["content"], certificate)
    return Audited(certificate, found, tuple(faults))


def _content(body: str) -> dict[str, Any]:
    content = parse_json(body, "body")
    if not isinstance(content, dict):
        raise refuse("body", content, "a JSON object")
    for name in ("attached", "content"):
        if not isinstance(content.get(name), dict):
            raise refuse(f"body.{name}", content.get(name), "a JSON object")
    return content


def _positions(account: dict[str, Any], statement: Statement) -> list[str]:
    """The statement's positions must be those of the account document, digit by digit."""
    unit = 10**statement.quantity_decimals
    said = dict(zip(statement.instruments, statement.quantities, strict=True))
    held: dict[str, Fraction] = {}
    faults = []
    rows = account.get("positions", [])
    for i, row in enumerate(rows if isinstance(rows, list) else [rows]):
        name, quantity = (row.get("instrument"), row.get("quantity")) if isinstance(row, dict) else (None, None)
        if not isinstance(name, str) or isinstance(quantity, bool) or not isinstance(quantity, (int, float)):
            faults.append(f"account.positions[{i}]: {shorten(row)}, an instrument and a number of contracts are due")
            continue
        # the shortest decimal that reads back as the number, which is what its file wrote
        held[name] = held.get(name, Fraction(0)) + Fraction(json.dumps(quantity))
    for name in sorted({*said, *(n for n, q in held.items() if q)}):
        own, here = held.get(name, Fraction(0)), Fraction(said.get(name, 0), unit)
        if own != here:
            faults.append(f"statement.quantities: {here} of {name!r}, the account holds {own}")
    return faults


def _same(content: dict[str, Any], account: dict[str, Any], statement: Statement) -> list[str]:
    """The record, its account and its statement must speak of the same account, rules, moment and currency."""
    told = content["content"]
    pairs = [
        ("time", content.get("time"), format_instant(statement.time)),
        *((name, told.get(name), getattr(statement, name)) for name in ("account", "rules", "model", "currency")),
        ("account.name", account.get("name", ""), statement.account),
    ]
    return [f"{name}: {shorten(said)}, the statement is of {own!r}" for name, said, own in pairs if said != own]


def _amounts(content: dict[str, Any], certificate: Certificate) -> list[str]:
    recorded = content.get("certificate")
    recorded = recorded if isinstance(recorded, dict) else {}
    computed = certificate.to_dict()
    faults = [
        f"certificate.{field}: recorded {shorten(recorded.get(field))}, computed {shorten(computed[field])}"
        for field in computed
        if recorded.get(field) != computed[field]
    ]
    charges = charged_apart(content.get("charged"), certificate)
    faults += [f"charged.{field}: {shorten(said)}, computed {own}" for field, said, own in charges]
    return faults
