"""`plimsoll optimise joint`: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hedge_desks import account
from plimsoll.cli import run
from plimsoll.optimise import TradingTerms
from plimsoll.optimise.collateral import Wallet
from treasuries import market


def files(folder: Path) -> list[str]:
    """A hedge that is split over two accounts."""
    market(np.random.default_rng(5)).save(folder / "m.json")
    TradingTerms(size=10.0).save(folder / "t.json")
    words = ["optimise", "joint", "-m", str(folder / "m.json"), "--trading-terms", str(folder / "t.json")]
    for name, held in (("one", {"60D-1.1-C": -3.0}), ("two", {"60D-1.25-C": 3.0})):
        account(held, {"USDC": 90_000.0}).model_copy(update={"name": name}).save(folder / f"{name}.json")
        words += ["-a", str(folder / f"{name}.json")]
    Wallet(name="cold", balances={"ETH": 40.0}).save(folder / "w.json")
    return [*words, "--wallet", str(folder / "w.json")]


def test_tables_and_a_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        *files(tmp_path),
        "-r",
        "prbm@2026-01-01,paradex-pm@2026-01-01",
        "-r",
        "prbm@2026-01-01",
        "--keep-positions",
        "--no-recheck",
    ]
    assert run(words) == 0
    told = capsys.readouterr().out
    for text in ("cost of 30 days", "initial margin", "cost a year", "room left", "rules of each account"):
        assert text in told
    assert all(len(line) <= 80 for line in told.splitlines())
    assert run([*words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["objective"]["after"] <= answer["objective"]["before"]
    assert answer["gap"] <= 1e-6
    assert answer["steps"]["complete"]
    assert {s["kind"] for s in answer["steps"]["steps"]} <= {"trade", "move"}
    assert len(answer["combinations"]) == 2


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["-r", "prbm@2026-01-01"], "--rules: got '1 of them'; allowed: one for each of the 2 accounts"),
        (["-r", "prbm@2026-01-01", "-r", "prbm@2026-01-01", "--delta", "-1"], "delta_band: got -1.0"),
        (["-r", "prbm@2026-01-01", "-r", "prbm@2026-01-01", "--candidate", "X"], "X"),
    ],
)
def test_bad_options_are_named(
    tmp_path: Path, more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*files(tmp_path), *more]) != 0
    assert message in capsys.readouterr().err


def test_capital_until_a_transfer_and_a_refusal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*files(tmp_path), "-r", "prbm@2026-01-01", "-r", "prbm@2026-01-01", "--breach", "0.05"]
    words += ["--transfer", "4h", "--paths", "100"]
    assert run([*words, "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["status"] == "refused"
    assert answer["objective"]["saving"] == 0.0
    assert not answer["recheck"]["passed"]
    assert answer["until_transfer"]["relief"] == 0.0
    assert run([*files(tmp_path), "-r", "prbm@2026-01-01", "-r", "prbm@2026-01-01", "--transfer", "4h"]) != 0
    assert "--breach" in capsys.readouterr().err
