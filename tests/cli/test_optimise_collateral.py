"""`plimsoll optimise collateral`: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hedge_desks import account
from plimsoll.cli import run
from plimsoll.optimise.collateral import Wallet
from treasuries import market


def files(folder: Path, wallet: dict[str, float]) -> list[str]:
    """Two accounts, a market and a wallet on disk, and the words that name them."""
    market(np.random.default_rng(5)).save(folder / "m.json")
    words = ["optimise", "collateral", "-m", str(folder / "m.json")]
    for name, short, dollars in (("okx", 2.0, 90_000.0), ("house", 1.0, 60_000.0)):
        book = account({"PERP": -short}, {"USDC": dollars}).model_copy(update={"name": name})
        book.save(folder / f"{name}.json")
        words += ["-a", str(folder / f"{name}.json")]
    Wallet(name="cold", balances=wallet).save(folder / "w.json")
    return [*words, "-r", "okx-pm@2026-01-01", "-r", "prbm@2026-01-01", "--wallet", str(folder / "w.json")]


def test_tables_name_balances_moves_and_prices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = files(tmp_path, {"BTC": 0.5, "ETH": 10.0})
    assert run([*words, "--floor", "okx=5000", "--no-recheck", "-o", str(tmp_path / "c.png")]) == 0
    told = capsys.readouterr().out
    for text in ("OPTIMAL", "cost a year", "margin of okx and 0.1 of it", "BTC in cold", "nothing is below", "picture"):
        assert text in told
    assert all(len(line) <= 80 for line in told.splitlines() if not line.startswith("picture"))
    assert (tmp_path / "c.png").stat().st_size > 10_000


def test_json_has_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*files(tmp_path, {"BTC": 0.5}), "--json", "--days", "60", "--buffer", "0", "--no-recheck"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["days"] == 60.0
    assert answer["status"] == "optimal"
    assert answer["gap"] <= 1e-6
    assert answer["moves"]["complete"]
    assert {b["place"] for b in answer["balances"]} == {"cold", "okx", "house"}
    assert answer["inputs"]["terms"]["evidence"] == "assumed"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--floor", "okx"], "--floor: got 'okx'; allowed: the name of an account, = and US dollars"),
        (["--floor", "other=1"], "floors: got 'other'; allowed: one of the accounts: okx, house"),
        (["--buffer", "-1"], "buffer: got -1.0"),
        (["-r", "prbm@2026-01-01"], "--rules: got '3 of them'"),
        (["--days", "0"], "days"),
    ],
)
def test_bad_options_are_named(
    tmp_path: Path, more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*files(tmp_path, {"BTC": 0.5}), *more]) != 0
    assert message in capsys.readouterr().err


def test_what_cannot_be_kept_is_a_smallest_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*files(tmp_path, {"BTC": 0.01}), "--buffer", "40"]) != 0
    told = capsys.readouterr().err
    assert "no balances keep these limits together" in told
    assert "margin of house and 40 of it" in told


def test_a_buffer_until_a_transfer_arrives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        *files(tmp_path, {"BTC": 0.5}),
        "--breach",
        "0.05",
        "--transfer",
        "4h",
        "--paths",
        "100",
        "--allow-riskier",
        "--no-recheck",
    ]
    assert run(words) == 0
    told = capsys.readouterr().out
    assert "probability 5 % at each venue" in told
    assert "fresh paths: okx" in told
    assert all(len(line) <= 80 for line in told.splitlines())
    assert run([*files(tmp_path, {"BTC": 0.5}), "--transfer", "4h"]) != 0
    assert "--breach: got 'nothing'" in capsys.readouterr().err


def test_moves_that_are_riskier_are_refused_unless_they_are_allowed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = files(tmp_path, {"BTC": 0.5})
    assert run(words) == 1
    told = capsys.readouterr().out
    for text in ("REFUSED", "refused: short of maintenance", "RISKIER  refused: the start is kept", "--allow-riskier"):
        assert text in told
    assert all(len(line) <= 80 for line in told.splitlines())
    assert run([*words, "--allow-riskier", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["status"] == "optimal"
    assert answer["objective"]["saving"] > 0.0
    assert answer["recheck"]["passed"] is False
