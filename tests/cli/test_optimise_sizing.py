"""`plimsoll optimise kelly`, `buffer`, `remedies` and `mva`: what they print, and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import plimsoll as pl
from hedge_desks import account, chain
from plimsoll.cli import run


def files(folder: Path) -> list[str]:
    chain(np.random.default_rng(21)).save(folder / "market.json")
    account({"60D-1-C": -5.0, "60D-0.9-P": -5.0}, {"USDC": 100_000.0}).save(folder / "account.json")
    paths = ["-a", str(folder / "account.json"), "-m", str(folder / "market.json"), "-r", "prbm@2026-01-01"]
    return [*paths, "--paths", "256"]


def raised(folder: Path) -> str:
    content = pl.margin_model("prbm@2026-01-01").rules.to_dict()
    content["parameters"]["maintenance_factor"] = 0.8
    pl.Rules.from_dict(content | {"name": "prbm-raised"}).save(folder / "raised.json")
    return str(folder / "raised.json")


def test_kelly_as_tables_and_as_a_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chain(np.random.default_rng(21)).save(tmp_path / "market.json")
    asked = ["optimise", "kelly", "-m", str(tmp_path / "market.json"), "-r", "prbm@2026-01-01", "-i", "PERP"]
    asked += ["--mean", "BTC=0.9:0.3", "--paths", "256", "--horizon", "10d", "--called", "0.05"]
    assert run(asked) == 0
    told = capsys.readouterr().out
    assert "margin call:" in told
    assert "for means that are estimates" in told
    assert run([*asked, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    (row,) = content["sizes"]
    assert 0.0 < row["held"] <= row["full"]
    assert row["contracts"] == pytest.approx(row["held"] * 1e6 / 70_000.0)
    assert content["called"]["at_most"] <= 0.05
    assert content["means"]["mean"] == [0.9]


def test_a_buffer_as_tables_and_as_a_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["optimise", "buffer", *files(tmp_path), "--called", "0.05"]
    assert run(asked) == 0
    assert "add collateral" in capsys.readouterr().out
    assert run([*asked, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["collateral"]["before"]["at_most"] > 0.05 >= content["collateral"]["after"]["at_most"]
    assert 0.0 < content["cut"]["amount"] <= 1.0
    assert content["multiple"] is None
    # announced rules need more
    assert run([*asked, "--json", "--announced", raised(tmp_path), "--in", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["collateral"]["amount"] > content["collateral"]["amount"]


def test_remedies_as_tables_and_as_a_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["optimise", "remedies", *files(tmp_path), "--called", "0.05", "--cuts", "1"]
    assert run([*asked, "--to", "deribit-pm@2026-01-30"]) == 0
    told = capsys.readouterr().out
    assert "cheapest that keeps 5 %" in told
    assert "$/point" in told
    assert run([*asked, "--announced", raised(tmp_path), "--in", "1"]) == 0
    assert "a call on the way" in capsys.readouterr().out
    assert run([*asked, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    points = [r["per_point"] for r in content["ranked"] if r["per_point"] is not None]
    assert points == sorted(points)


def test_the_cost_of_margin_as_tables_and_as_a_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["optimise", "mva", *files(tmp_path), "-i", "60D-1.1-C", "-q", "2", "--spread", "0.1"]
    asked[asked.index("256")] = "32"
    assert run(asked) == 0
    told = capsys.readouterr().out
    assert "points of volatility" in told
    assert "10 % a year" in told
    assert run([*asked, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["ask"]["cost"] > content["bid"]["cost"]
    assert content["terms"]["spread"] == 0.1
    assert len(content["ask"]["profile"]) == 25


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["kelly", "-i", "NONE"], "--instrument: got 'NONE'"),
        (["kelly", "-i", "BTC-PERPETUAL", "--mean", "BTC=much"], "--mean: got 'BTC=much'"),
        (["kelly", "-i", "BTC-PERPETUAL", "--mean", "ETH=1"], "--mean: got 'ETH=1'"),
        (["kelly", "-i", "BTC-PERPETUAL", "--currency", "BTC"], "currency: got 'BTC'"),
        (["kelly", "-i", "BTC-PERPETUAL", "-r", "deribit-pm@2026-02-15"], "0 % of it are equity"),
        (["kelly", "-i", "BTC-3APR26"], "one that outlives the paths"),
        (["kelly", "-i", "BTC-PERPETUAL", "--paths", "1"], "--paths: got 1"),
        (["buffer", "--announced", "prbm@2026-01-01"], "--in: got 'nothing'"),
        (["buffer", "-m", "market.json"], "--account: got 'nothing'"),
        (["buffer", "--horizon", "900d"], "--horizon: got '900 days'"),
        (["buffer", "--horizon", "3w"], "--horizon: got '3w'"),
        (["buffer", "--called", "0.0001", "--paths", "100"], "paths: got 100"),
        (["remedies", "--asset", "DOGE", "--paths", "200"], "asset: got 'DOGE'"),
        (["mva", "-i", "BTC-PERPETUAL", "--seed", "-1"], "-1 is not in the range"),
        (["mva", "-i", "BTC-PERPETUAL"], "holding_days: got 'nothing'"),
        (["mva", "-i", "BTC-PERPETUAL", "--holding-days", "3", "--spread", "-1"], "spread"),
    ],
)
def test_refusals(asked: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["optimise", *asked]) == 2
    got = capsys.readouterr()
    assert said in got.err + got.out
