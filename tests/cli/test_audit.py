"""`plimsoll margin --record` and `plimsoll audit`."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from builders import PRBM, account_doc, market_doc
from plimsoll.cli import run


@pytest.fixture
def ledger(tmp_path: Path, capsys: Any) -> str:
    """A ledger with three margins of one account."""
    for name, content in (("account", account_doc()), ("market", market_doc())):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    files = ["--account", str(tmp_path / "account.json"), "--market", str(tmp_path / "market.json")]
    place = str(tmp_path / "book.db")
    for rules in (PRBM, "dsa@2025-01-01", PRBM):
        assert run(["margin", *files, "--rules", rules, "--record", place]) == 0
    told = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in told] == ["record 1", "record 2", "record 3"]
    assert told[0].endswith(": certified")
    return place


def test_a_record_is_verified_replayed_and_exported(ledger: str, tmp_path: Path, capsys: Any) -> None:
    assert run(["audit", "log", ledger]) == 0
    assert "prbm@2025-01-01" in capsys.readouterr().out
    assert run(["audit", "log", ledger, "--last", "2", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["seq"] for row in rows] == [2, 3]
    head = rows[-1]["hash"]
    assert run(["audit", "verify", ledger, "--head", head]) == 0
    out = capsys.readouterr().out
    assert "3 records from number 1" in out
    assert out.endswith(f"head {head}\nno fault\n")
    assert run(["audit", "verify", ledger, "--integers-only", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["arrays"] == 0
    assert run(["audit", "replay", ledger]) == 0
    assert capsys.readouterr().out.endswith(f"replayed {head}\nthe same\n")
    assert run(["audit", "replay", ledger, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["head"] == head
    extract, parquet = str(tmp_path / "one.json"), str(tmp_path / "all.parquet")
    assert run(["audit", "export", ledger, "-o", parquet]) == 0
    assert run(["audit", "export", ledger, "--record", "1", "-o", extract]) == 0
    assert head in capsys.readouterr().out
    assert run(["audit", "check", extract, "--head", head]) == 0
    assert capsys.readouterr().out.startswith("initial ")
    assert run(["audit", "check", extract, "--head", "0" * 64]) == 1
    assert "fault: head: the chain comes to" in capsys.readouterr().out
    old = str(tmp_path / "old.parquet")
    assert run(["audit", "compact", ledger, "--through", "2", "--archive", old]) == 0
    assert run(["audit", "verify", ledger]) == 0
    assert run(["audit", "verify", ledger, "--archive", old]) == 0
    assert "4 records from number 1" in capsys.readouterr().out


def test_a_changed_byte_is_told_with_its_record_and_field(ledger: str, capsys: Any) -> None:
    connection = sqlite3.connect(ledger)
    with connection:
        connection.execute("UPDATE entries SET stream = 'nargin' WHERE seq = 2")
    connection.close()
    assert run(["audit", "verify", ledger]) == 1
    assert "fault: entries 2, stream: got 'nargin'; expected 'margin'" in capsys.readouterr().out
    assert run(["audit", "verify", ledger, "--json"]) == 1
    (fault,) = json.loads(capsys.readouterr().out)["faults"]
    assert (fault["table"], fault["record"], fault["field"]) == ("entries", "2", "stream")


@pytest.mark.parametrize(
    "command", [["log"], ["verify"], ["replay"], ["export", "-o", "x.parquet"]], ids=lambda c: c[0]
)
def test_a_ledger_that_is_not_there_is_told(command: list[str], tmp_path: Path, capsys: Any) -> None:
    assert run(["audit", *command, str(tmp_path / "none.db")]) == 2
    assert "allowed: a ledger that is there" in capsys.readouterr().err
    assert run(["audit", "check", str(tmp_path / "none.json")]) == 2
    assert not (tmp_path / "none.db").exists()
