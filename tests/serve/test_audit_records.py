"""A margin that is recorded over the wire is the ledger's, is verified, and computes again from nothing but itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plimsoll.certify.__main__ import main as check
from plimsoll.ledger import Ledger
from plimsoll.serve.client import ServiceError
from served import Served, served


def test_a_record_is_verified_and_checked_by_the_second_calculator(house: Served, tmp_path: Path, capsys: Any) -> None:
    client, engine = house.client("north operate"), house.north.live.engine
    found = client.record_margin("account 1", key="margin-1")
    assert client.record_margin("account 1", key="margin-1") == found
    own = engine.requirement(1).charged
    assert found.charged == own.model_dump(mode="json")
    row = client.get_record(found.seq)
    assert (row.kind, row.hash, row.content["account"]) == ("margin", found.hash, "account 1")
    assert [r.seq for r in client.list_records(kind="margin").records] == [found.seq]
    verified = client.verify_records()
    assert (verified.good, verified.margins, verified.faults) == (True, 1, ())
    if found.certified:
        assert (verified.certificates, verified.arrays, verified.identical) == (1, 1, 1)
        path = tmp_path / "extract.json"
        path.write_text(client.get_extract(found.seq).to_json())
        capsys.readouterr()
        assert check([str(path)]) == 0
        assert "account 0" not in path.read_text()
    else:
        assert found.uncertified
    wrong = client.verify_records(anew=False, head="0" * 64)
    assert not wrong.good
    assert wrong.faults[0].field == "hash"


def test_pages_of_records_are_the_chain(house: Served) -> None:
    client = house.client("north read")
    rows, cursor = [], None
    while True:
        page = client.list_records(limit=3, cursor=cursor)
        rows += page.records
        cursor = page.next
        if cursor is None:
            break
    assert [r.seq for r in rows] == list(range(1, len(rows) + 1))
    assert [r.previous for r in rows[1:]] == [r.hash for r in rows[:-1]]
    assert rows[-1].hash == page.head


def test_a_changed_byte_is_found(tmp_path: Path) -> None:
    import sqlite3

    with served(tmp_path) as house:
        house.client("north operate").record_margin("account 0")
    with sqlite3.connect(tmp_path / "north.db") as file:
        (body,) = file.execute("SELECT body FROM entries WHERE kind = 'margin'").fetchone()
        changed = json.loads(body)
        changed["content"]["charged"]["initial"] += 1
        text = json.dumps(changed, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
        file.execute("UPDATE entries SET body = ? WHERE kind = 'margin'", (text,))
    file.close()
    with served(tmp_path) as house:
        found = house.client("north trade-check").verify_records()
        assert not found.good
        assert {"body", "content.charged.initial"} & {f.field for f in found.faults}


def test_without_a_ledger_there_is_no_record(house: Served) -> None:
    client = house.client("south admin")
    for ask in (lambda: client.record_margin("south account 0"), client.list_records, client.verify_records):
        with pytest.raises(ServiceError, match="404: this service keeps no ledger"):
            ask()


def test_the_ledger_has_the_events_of_the_wire(house: Served) -> None:
    ledger = house.north.ledger
    assert isinstance(ledger, Ledger)
    assert ledger.last("live") == house.north.live.engine.events
