"""`plimsoll live`: what it prints, how it ends, what it records and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plimsoll.cli import run
from plimsoll.feeds import demo_account, demo_market

SMALL = ["live", "replay", "--events", "80", "--accounts", "4"]


def test_replay_prints_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*SMALL, "--noise", "0.2"]) == 0
    text = capsys.readouterr().out
    assert all(len(line) <= 80 for line in text.splitlines())
    for words in ("80 events, 4 accounts", "skipped, by the bound", "contradictory", "0 units of 1e-6, 4 accounts"):
        assert words in text
    assert run([*SMALL, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["events"], found["acknowledged"], found["faults"]) == (80, 80, {})
    assert found["touched"] == found["margined"] + found["skipped"]
    assert run([*SMALL, "--json", "--no-skip"]) == 0
    awake = json.loads(capsys.readouterr().out)
    assert awake["skipped"] == 0
    assert awake["statuses"] == found["statuses"]
    assert awake["worst_health"]["health"] == found["worst_health"]["health"]


def test_replay_records_and_goes_on_where_the_record_ends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sqlalchemy")
    place = str(tmp_path / "day.db")
    assert run([*SMALL, "--ledger", place, "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert run([*SMALL, "--ledger", place, "--json"]) == 0
    second = json.loads(capsys.readouterr().out)
    assert (first["events"], second["events"]) == (80, 160)
    assert run(["live", "replay", "--events", "160", "--accounts", "4", "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    # the day once more in one piece: the same margins
    assert second["worst_health"] == whole["worst_health"]
    assert second["statuses"] == whole["statuses"]
    assert run(["audit", "verify", place]) == 0
    capsys.readouterr()
    assert run(["audit", "log", place, "--last", "3", "--json"]) == 0
    assert {e["kind"] for e in json.loads(capsys.readouterr().out)} == {"live"}


def test_check_says_before_and_after(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["live", "check", "BTC-PERPETUAL:-5000"]) == 0
    text = capsys.readouterr().out
    assert all(word in text for word in ("excess", "binding after it: BTC", "may be sent"))
    assert run(["live", "check", "BTC-PERPETUAL:-5000000@70000", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert not found["allowed"]
    assert found["reasons"][0].startswith("margin: excess after the order is below 0")
    account, market, limits = (tmp_path / f"{n}.json" for n in ("account", "market", "limits"))
    demo_account().save(account)
    demo_market().save(market)
    limits.write_text(
        json.dumps({"schema": "plimsoll.limits", "schema_version": 1, "delta": {"BTC": 1.0}, "reducing": False})
    )
    files = ["--account", str(account), "--market", str(market), "--limits", str(limits)]
    assert run(["live", "check", "BTC-PERPETUAL:5000", *files]) == 1
    assert "refused: delta" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["check", "BTC-PERPETUAL"], "INSTRUMENT:QUANTITY"),
        (["check", "BTC-PERPETUAL:x"], "INSTRUMENT:QUANTITY"),
        (["check", "NONE:1"], "one of 502 listed contracts"),
        (["replay", "--chain", "a", "--book", "b"], "one of --chain and --book"),
        (["replay", "--speed", "0", "--events", "2", "--accounts", "1"], "speed"),
    ],
)
def test_refusals(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["live", *arguments]) == 2
    assert told in capsys.readouterr().err
