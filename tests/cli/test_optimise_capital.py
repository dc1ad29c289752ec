"""`plimsoll optimise capital`, and `--breach` of a hedge and a placement: what they print, and how they end."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from hedge_desks import account, chain
from plimsoll.cli import run
from plimsoll.optimise import TradingTerms
from plimsoll.optimise.variation import Route, TransferTerms

RULES = "derive-pmrm2@2025-04-18"


def files(folder: Path) -> list[str]:
    """A book long at one venue and short at another, no delta on balance."""
    chain(np.random.default_rng(21)).save(folder / "m.json")
    words = ["-m", str(folder / "m.json")]
    for name, quantity in (("a", 20.0), ("b", -20.0)):
        book = account({"PERP": quantity}, {"USDC": 1e6}).model_copy(update={"name": name})
        book.save(folder / f"{name}.json")
        words += ["-a", str(folder / f"{name}.json"), "-r", RULES]
    return words


def test_two_venues_without_delta_and_two_buffers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["optimise", "capital", *files(tmp_path), "--paths", "1500"]
    picture = str(tmp_path / "capital.png")
    assert run([*words, "--transfer", "24h", "-o", picture]) == 0
    told = capsys.readouterr().out
    assert "of a breach anywhere" in told
    assert "cut to 3 h by the root of time (assumed)" in told.replace("\n", " ")
    assert max(len(line) for line in told.splitlines() if "picture" not in line) <= 80
    assert Path(picture).stat().st_size > 10_000
    found = {}
    for hours in ("12h", "24h"):
        assert run([*words, "--transfer", hours, "--json"]) == 0
        found[hours] = json.loads(capsys.readouterr().out)
    for k in range(2):
        early, late = (found[h]["venues"][k] for h in ("12h", "24h"))
        assert late["buffer"] > 0.0
        assert early["buffer"] < late["buffer"]
        assert late["capital"] == pytest.approx(late["initial"] + late["buffer"])
        assert late["idle"] == pytest.approx(late["equity"] - late["capital"])
    assert run([*words, "--transfer", "24h", "--joint", "--json"]) == 0
    joint = json.loads(capsys.readouterr().out)
    assert joint["anywhere"] <= 0.01 + 1e-12
    assert joint["capital"] > found["24h"]["capital"]


def test_transfer_times_by_venue_come_from_a_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["optimise", "capital", *files(tmp_path), "--paths", "500", "--json"]
    routes = (Route(venue="a", hours=6.0), Route(venue="b", hours=18.0))
    TransferTerms(date=date(2025, 12, 1), routes=routes).save(tmp_path / "terms.json")
    assert run([*words, "--transfer", str(tmp_path / "terms.json")]) == 0
    content = json.loads(capsys.readouterr().out)
    assert [v["hours"] for v in content["venues"]] == [6.0, 18.0]
    assert content["venues"][0]["needed"] < content["venues"][1]["needed"]


def test_a_hedge_and_a_placement_for_capital(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*files(tmp_path), "--breach", "0.02", "--transfer", "24h", "--paths", "600"]
    # of fresh paths: the checks on draws, stress and a venue have tests of their own
    assert run(["optimise", "place", *words, "--no-recheck"]) == 0
    told = capsys.readouterr().out
    assert "HELD OUT" in told
    assert "→ $0 at 2 %" in told
    TradingTerms(size=5.0).save(tmp_path / "terms.json")
    straddle = account({"60D-1-C": -5.0, "60D-1-P": -5.0}, {"USDC": 1e5})
    straddle.save(tmp_path / "s.json")
    hedge = ["-a", str(tmp_path / "s.json"), "-m", str(tmp_path / "m.json"), "-r", "prbm@2026-01-01", *words[-6:]]
    hedge += ["--trading-terms", str(tmp_path / "terms.json"), "--candidate", "60D-1.1-C", "--candidate", "60D-0.9-P"]
    hedge += ["--delta", "0.5"]
    assert run(["optimise", "hedge", *hedge, "--json", "--no-recheck"]) == 0
    content = json.loads(capsys.readouterr().out)
    change = content["until_transfer"]
    assert content["gap"] <= 2e-6
    assert change["relief"] > 0.0
    assert change["fresh"]["holds"]
    assert change["before"]["p"] == change["after"]["p"] == 0.02
    (venue,) = change["fresh"]["venues"]
    assert venue["money"][1] <= max(venue["money"][0], 0.02)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--transfer", "0h"], "--transfer: got '0h'"),
        (["--transfer", "nowhere.json"], "nowhere.json"),
        (["--breach", "0"], "breach: got 0.0"),
        (["--breach", "0.001", "--paths", "100"], "paths: got '100 of them'; allowed: at least 1000"),
        (["--paths", "1"], "paths: got 1"),
    ],
)
def test_refusals(more: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["optimise", "capital", *files(tmp_path), *more]) == 2
    assert said in capsys.readouterr().err


def test_a_transfer_time_without_a_probability_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["optimise", "place", *files(tmp_path), "--transfer", "4h"]) == 2
    assert "--breach: got 'nothing'" in capsys.readouterr().err
