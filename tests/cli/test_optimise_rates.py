"""`plimsoll optimise rates`: what it prints and draws."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plimsoll.cli import run

ASKED = ["optimise", "rates", "--asset", "BTC", "--states", "3", "--every", "600"]


def test_a_study_as_tables_document_and_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "rates.svg"
    assert run([*ASKED, "-o", str(picture)]) == 0
    told = capsys.readouterr().out
    assert max(len(line) for line in told.splitlines() if "picture" not in line) <= 80
    assert "at equal coverage" in told
    assert "in hindsight" in told
    assert picture.read_text().startswith("<?xml")
    assert run([*ASKED, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["methods"]) == {"states", "one rate", "governed", "plain"}
    assert len(found["learnt"]["BTC"][0]["rates"]) == 3
    assert found["hindsight"]["bound"] <= found["hindsight"]["mean"]


def test_a_start_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*ASKED, "--from", "soon"]) == 2
    assert "soon" in capsys.readouterr().err
