"""Margins as records: certified or refused with the reason, computed again, replayed, one account out of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import plimsoll as pl
from plimsoll.certify import Extract, Statement, UncertifiedError, audit, body_hash, link_hash
from plimsoll.documents import canonical_bytes, content_hash
from plimsoll.feeds.demo import demo_account, demo_market
from plimsoll.ledger import Event, Ledger
from plimsoll.ledger.margins import check_margins, extract_of, margin_event
from plimsoll.ledger.quantised import certified, furthest, statement_of
from plimsoll.ledger.replay import replay
from plimsoll.ledger.verify import verify
from plimsoll.margin import Order

PACKS = ("prbm@2025-01-01", "deribit-pm@2026-02-15", "prbm-whole@2025-01-01", "span@2025-01-01")
CERTIFIED = 2


def recorded(place: Path) -> str:
    """A ledger with a margin under each pack, and a note; its head."""
    account, market = demo_account(), demo_market()
    with Ledger.open(place) as ledger:
        events = [margin_event(pl.margin_model(pack), account, market).event for pack in PACKS]
        ledger.append([*events, Event("note", "desk", market.time, {"words": "looked at"})])
        return ledger.head()[1]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    place = tmp_path_factory.mktemp("margins") / "book.db"
    return place, recorded(place)


def test_a_margin_is_recorded_with_its_certificate_or_the_reason(book: tuple[Path, str]) -> None:
    with Ledger.existing(book[0]) as ledger:
        first, second, third, fourth, note = ledger.entries()
        assert verify(ledger, book[1]).faults == ()
        for entry in (first, second):
            certificate, charged = entry.content["certificate"], entry.content["charged"]
            assert abs(certificate["initial"] - charged["initial"]) <= 1
            assert entry.content["uncertified"] is None
            statement = ledger.document(entry.attached["statement"])
            assert certificate["statement"] == content_hash(json.loads(statement))
        assert "a difference of convex functions" in third.content["uncertified"]
        assert "Spreads are formed in the order" in fourth.content["uncertified"]
        assert {"account", "market", "rules", "requirement"} == set(third.attached)
        # one market for all of them
        assert len({e.attached["market"] for e in (first, second, third, fourth)}) == 1
        assert (note.kind, note.position) == ("note", 1)
        found = check_margins(ledger)
        assert (found.records, found.integers, found.arrays, found.identical) == (4, CERTIFIED, CERTIFIED, CERTIFIED)
        assert found.faults == ()
        assert check_margins(ledger, anew=False).arrays == 0


def test_a_replay_in_this_and_in_another_process_is_the_record(book: tuple[Path, str], tmp_path: Path) -> None:
    with Ledger.existing(book[0]) as ledger:
        found = replay(ledger)
    assert (found.same, found.head, found.margins, found.records, found.builds) == (True, book[1], 4, 5, ())
    words = "import sys; from pathlib import Path; from ledger.test_margins import recorded; "
    words += "print(recorded(Path(sys.argv[1])))"
    here = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-c", words, str(tmp_path / "other.db")]
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    other = subprocess.run(command, capture_output=True, text=True, check=True, cwd=here, env=environment)
    assert other.stdout.strip() == book[1]


def rewritten(place: Path, other: Path, change: Any) -> None:
    """A ledger written anew with a consistent chain, with one margin's event changed: what only recomputing finds."""
    with Ledger.existing(place) as ledger, Ledger.open(other) as forged:
        for entry in [ledger.entry(1), ledger.entry(5)]:
            documents = {n: ledger.document(d) for n, d in entry.attached.items()}
            event = Event(entry.kind, entry.stream, demo_market().time, entry.content, entry.position, documents)
            forged.append([change(event) if entry.seq == 1 else event])


def cheaper(event: Event) -> Event:
    content = json.loads(json.dumps(event.content))
    content["certificate"]["initial"] -= 5
    return replace(event, content=content)


def charged_less(event: Event) -> Event:
    content = json.loads(json.dumps(event.content))
    content["charged"]["initial"] -= 5
    return replace(event, content=content)


def with_other_array(event: Event) -> Event:
    """The array of one instrument less by two dollars, with a certificate that follows from it."""
    document = json.loads(event.attached["statement"])
    rows = document["requirement"]["terms"][0]["terms"][0]["long"]
    for row in rows:
        row[0] -= 2 * 10**15
    statement = Statement.from_dict(document)
    from plimsoll.certify import certify

    content = {**event.content, "certificate": certify(statement).to_dict()}
    return replace(event, content=content, attached={**event.attached, "statement": canonical_bytes(document)})


FORGED = {
    "certificate": (cheaper, "content.certificate.initial", 0),
    "charge": (charged_less, "content.charged.initial", 0),
    "array": (with_other_array, "statement", 1),
}


@pytest.mark.parametrize("what", FORGED)
def test_a_forged_result_in_a_chain_that_was_written_anew_is_found_by_computing_again(
    what: str, book: tuple[Path, str], tmp_path: Path
) -> None:
    change, field, only_anew = FORGED[what]
    rewritten(book[0], tmp_path / "forged.db", change)
    with Ledger.existing(tmp_path / "forged.db") as ledger:
        assert verify(ledger).faults == ()
        assert {(f.record, f.field) for f in check_margins(ledger).faults} >= {("1", field)}
        assert len(check_margins(ledger, anew=False).faults) == (0 if only_anew else 1)
        found = replay(ledger)
        assert not found.same
        assert found.differences[0].startswith("record 1: ")


def test_an_auditor_computes_one_account_from_its_extract_alone(book: tuple[Path, str], tmp_path: Path) -> None:
    place, head = book
    with Ledger.existing(place) as ledger:
        extract = extract_of(ledger, 2)
        with pytest.raises(pl.DocumentError, match="record: got '3: the relief between underlyings"):
            extract_of(ledger, 3)
        with pytest.raises(pl.DocumentError, match="of the kind 'note'"):
            extract_of(ledger, 5)
    found = audit(extract, head)
    assert (found.faults, found.head) == ((), head)
    file = tmp_path / "account.json"
    file.write_text(extract.to_json(None))
    # no model, no market, no numpy: nothing but the documents and the second calculator
    words = (
        "import sys; from plimsoll.certify.__main__ import main; code = main(sys.argv[1:]); "
        "rooms = {m.split('.')[1] for m in sys.modules if m.startswith('plimsoll.')}; "
        "print(rooms == {'certify', 'documents'}, 'numpy' in sys.modules, code)"
    )
    command = [sys.executable, "-c", words, str(file), "--head", head]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert found.certificate is not None
    assert shown[0] == f"initial {found.certificate.initial} units of 10^-9"
    assert shown[-1] == "True False 0"


def altered(extract: Extract, **changes: Any) -> Extract:
    return Extract.from_dict(extract.to_dict() | changes)


def test_an_extract_that_was_altered_is_told(book: tuple[Path, str]) -> None:
    with Ledger.existing(book[0]) as ledger:
        extract = extract_of(ledger, 1)
    head = book[1]

    def faults(**changes: Any) -> str:
        return "\n".join(audit(altered(extract, **changes), head).faults)

    statement, account = extract.statement, extract.account
    assert faults() == ""
    assert "head: the chain comes to" in faults(previous="1" * 64)
    assert "link: the body comes to" in faults(link="1" * 64)
    assert "head: the chain comes to" in faults(later=extract.to_dict()["later"][:-1])
    assert "head: the chain comes to" in faults(body=extract.body.replace('"kind":"margin"', '"kind":"nargim"'))
    quantities = [statement["quantities"][0] + 1, *statement["quantities"][1:]]
    found = faults(statement={**statement, "quantities": quantities})
    assert "statement: not the document whose hash the record holds" in found
    assert "statement.quantities: " in found
    assert "certificate.initial: recorded " in found
    positions = [*account["positions"][1:], {**account["positions"][0], "quantity": 9.5}]
    found = faults(account={**account, "positions": positions})
    assert "account: not the document" in found
    assert "the account holds 19/2" in found
    # even where every hash was made to fit, the head does not
    forged = {**statement, "quantities": quantities}
    body = extract.body.replace(content_hash(statement)[7:], content_hash(forged)[7:])
    link = link_hash(extract.seq, extract.previous, body_hash(body.encode()))
    found = faults(statement=forged, body=body, link=link)
    assert "not the document" not in found
    assert "head: the chain comes to" in found
    assert "certificate.decided: recorded" in found
    assert "statement: " in faults(statement={"schema": "plimsoll.statement"})
    with pytest.raises(pl.DocumentError, match="body: got"):
        audit(altered(extract, body="[]"))
    for body in ('{"attached":[],"content":{}}', '{"attached":{}}'):
        with pytest.raises(pl.DocumentError, match=r"body\.(attached|content): got .* a JSON object"):
            audit(altered(extract, body=body))
    # whoever hands an extract over may write anything into it
    for rows in (
        7,
        [7],
        [{"instrument": "X"}],
        [{"instrument": 5, "quantity": 1.0}],
        [{"instrument": "X", "quantity": "1"}],
    ):
        assert "an instrument and a number of contracts are due" in faults(account={**account, "positions": rows})
    assert "certificate.initial: recorded" in faults(body='{"attached":{},"content":{"certificate":[],"charged":3}}')


def test_an_extract_that_was_recorded_with_another_charge_or_head_is_told(book: tuple[Path, str]) -> None:
    """Hashes and certificate fit: the auditor still sees that what was charged, or of what, is something else."""
    with Ledger.existing(book[0]) as ledger:
        extract = extract_of(ledger, 1)
    certificate = audit(extract).certificate
    assert certificate is not None

    def faults(**changes: Any) -> list[str]:
        body = json.loads(extract.body)
        for name, value in changes.items():
            place = body if name == "time" else body["content"]["charged"] if name in CHARGED else body["content"]
            place[name] = value
        text = canonical_bytes(body).decode()
        link = link_hash(extract.seq, extract.previous, body_hash(text.encode()))
        return list(audit(altered(extract, body=text, link=link, later=[])).faults)

    assert faults() == []
    assert faults(initial=certificate.initial + 1) == []
    assert faults(initial=certificate.initial - 2) == [
        f"charged.initial: {certificate.initial - 2}, computed {certificate.initial}"
    ]
    assert [f.split(":")[0] for f in faults(maintenance=None)] == ["charged.maintenance"]
    assert [f.split(":")[0] for f in faults(decimals=3)] == ["charged.decimals"]
    for name in ("account", "rules", "model", "currency"):
        assert next(f.split(":")[0] for f in faults(**{name: "another"})) == name
    assert [f.split(":")[0] for f in faults(time="2020-01-01T00:00:00Z")] == ["time"]


CHARGED = ("initial", "maintenance", "decimals")


def test_what_the_engine_charges_beyond_positions_is_not_certified() -> None:
    account, market = demo_account(), demo_market()
    model = pl.margin_model("deribit-pm@2026-02-15")
    reported = account.model_copy(update={"reported": {"open_orders_margin": 0.25}})
    with pytest.raises(UncertifiedError, match="the account has more than the positions of the form"):
        certified(model, reported, market, model.requirement(reported, market))
    ordered = account.model_copy(
        update={"orders": (Order(instrument=account.positions[0].instrument, quantity=1.0, price=0.01),)}
    )
    found = certified(model, ordered, market, model.requirement(ordered, market))
    assert found.certificate == certified(model, account, market, model.requirement(account, market)).certificate
    empty = pl.Account(name="nothing")
    for pack in PACKS[:2]:
        model = pl.margin_model(pack)
        assert certified(model, empty, market, model.requirement(empty, market)).certificate.initial == 0


def test_arrays_are_compared_number_by_number() -> None:
    mine = statement_of(pl.margin_model(PACKS[0]), demo_account(), demo_market())
    assert furthest(mine, mine) == 0
    document = mine.to_dict()
    document["requirement"]["terms"][0]["terms"][0]["short"][3][2] += 7
    assert furthest(mine, Statement.from_dict(document)) == 7
    document["quantities"][0] += 1
    assert furthest(mine, Statement.from_dict(document)) is None
    other = statement_of(pl.margin_model(PACKS[1]), demo_account(), demo_market())
    assert furthest(mine, other) is None
