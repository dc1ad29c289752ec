"""`plimsoll liens`: what it prints, how it ends, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plimsoll.cli import run
from plimsoll.laboratory.liens.network import sample_network


def test_simulate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["liens", "simulate", "--events", "1500", "--deep"]) == 0
    text = capsys.readouterr().out
    assert "1,500 events" in text
    assert "worst discrepancy 0 units" in text
    assert all(len(line) <= 120 for line in text.splitlines() if "deep as" not in line)
    file = tmp_path / "network.json"
    sample_network().save(file)
    assert run(["liens", "simulate", str(file), "--events", "1500", "--seed", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["worst"], found["broken"], found["seed"]) == (0, {}, 3)
    assert found["money"]["lent"] == sum(found["money"][k] for k in ("repaid", "owed", "recovered", "liability"))


def test_value(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["liens", "value", "slow=1000000", "bridged=1000000", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    slow, bridged = found["chains"]
    assert found["equity"] == slow["equity"] + bridged["equity"]
    assert 0.0 < slow["latency"] < bridged["latency"] < 0.05
    assert run(["liens", "value", "slow=1000000"]) == 0
    assert f"equity {slow['equity']:,} units" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["liens", "simulate", "--events", "0"], "events"),
        (["liens", "simulate", "none.json"], "none.json"),
        (["liens", "value", "nowhere=5"], "bridged, fast, slow"),
        (["liens", "value", "slow=-5"], "CHAIN=UNITS"),
        (["liens", "value", "slow"], "CHAIN=UNITS"),
    ],
)
def test_bad_input(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert told in capsys.readouterr().err


def test_deep_with_a_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "network.json"
    sample_network().save(file)
    assert run(["liens", "simulate", str(file), "--deep"]) == 2
    assert "--deep" in capsys.readouterr().err
