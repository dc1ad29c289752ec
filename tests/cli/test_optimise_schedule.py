"""`plimsoll optimise hedge --schedule`: the ticket over time as a table, a document and a picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hedge_desks import account, chain
from plimsoll.cli import run
from plimsoll.cli._durations import seconds_of
from plimsoll.optimise.execution import ExecutionTerms


def files(folder: Path) -> list[str]:
    """A small book and what it may trade."""
    market = chain(np.random.default_rng(21))
    market.save(folder / "market.json")
    account({"60D-1-C": -5.0, "60D-0.9-P": -5.0}).save(folder / "account.json")
    names = [a for n in ("60D-1.1-C", "60D-0.8-P", "PERP", "60D-1-C") for a in ("--candidate", n)]
    paths = ["-a", str(folder / "account.json"), "-m", str(folder / "market.json"), "-r", "prbm@2026-01-01"]
    return ["optimise", "hedge", *paths, "--delta", "0.5", "--no-recheck", *names]


def test_a_schedule_as_table_document_and_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture, terms = tmp_path / "schedule.svg", tmp_path / "execution.json"
    ExecutionTerms(risk_aversion=1e-5, delay_seconds=60.0).save(terms)
    asked = [*files(tmp_path), "--schedule", "1h", "--slices", "4", "--execution", str(terms)]
    assert run([*asked, "--schedule-output", str(picture)]) == 0
    told = capsys.readouterr().out
    assert "SCHEDULE" in told
    assert "this schedule" in told
    assert "0:45:00" in told
    assert max(len(line) for line in told.splitlines()) <= 80
    assert picture.read_text().startswith("<?xml")
    assert run([*asked, "--json", "--risk-aversion", "1e-7"]) == 0
    found = json.loads(capsys.readouterr().out)["schedule"]
    assert found["kept"] is True
    assert found["terms"]["risk_aversion"] == 1e-7
    assert found["mean_variance"]["schedule"] <= found["mean_variance"]["at_once"]
    assert found["cost"]["schedule"]["delay"] > 0.0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--schedule", "soon"], "--schedule: got 'soon'"),
        (["--schedule", "0h"], "--schedule: got '0h'"),
        (["--schedule-output", "x.svg"], "--schedule-output"),
        (["--slices", "3"], "--slices"),
        (["--execution", "none.json"], "--execution"),
        (["--risk-aversion", "1e-6"], "--risk-aversion"),
        (["--schedule", "1h", "--risk-aversion", "nan"], "risk_aversion"),
        (["--seconds", "-1"], "seconds"),
        (["--seconds", "nan"], "seconds"),
    ],
)
def test_refusals(more: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*files(tmp_path), *more]) == 2
    assert said in capsys.readouterr().err


def test_times_with_their_units() -> None:
    assert [seconds_of(t) for t in ("90s", "30m", "2h", "1.5 d")] == [90.0, 1_800.0, 7_200.0, 129_600.0]
