"""Accounts without a mode under rules that have no portfolio mode: told how, and taken with --mode."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import plimsoll as pl
from binance_books import INDEX, UM, account_doc, market_doc
from plimsoll.cli import run
from plimsoll.feeds import demo_account, demo_market
from plimsoll.margin.translate import same_exposure

RULES = "binance-usdm@2025-01-01"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """A long of a bitcoin and its market; the account does not say how it is margined."""
    account = account_doc([{"instrument": "BTCUSDT", "quantity": 1.0}], collateral={"USDT": 20_000.0})
    del account["mode"]
    market = market_doc(UM, {c["name"]: {"price": INDEX[c["underlying"]]} for c in UM})
    for name, content in (("account", account), ("market", market)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return {name: str(tmp_path / f"{name}.json") for name in ("account", "market")}


@pytest.mark.parametrize("command", ["margin", "sensitivity", "liquidation", "calendar"])
def test_a_mode_that_the_rules_lack_is_refused_with_the_way_out(
    files: dict[str, str], command: str, capsys: Any
) -> None:
    shared = [command, "-a", files["account"], "-m", files["market"], "-r", RULES, "--json"]
    assert run(shared) == 2
    told = (
        "account.mode: got 'portfolio' (unsupported_mode); allowed: 'cross' or 'isolated', in the document or by --mode"
    )
    assert told in capsys.readouterr().err
    more = ["--days", "1"] if command == "calendar" else ["--points", "16"] if command == "liquidation" else []
    assert run([*shared, "--mode", "cross", *more]) == 0
    assert json.loads(capsys.readouterr().out)


def test_a_change_of_rules_is_asked_in_a_mode(files: dict[str, str], capsys: Any) -> None:
    command = ["rules", "impact", RULES, RULES, "-m", files["market"], "-a", files["account"], "--no-lines", "--json"]
    assert run(command) == 2
    assert "unsupported_mode" in capsys.readouterr().out
    assert run([*command, "--mode", "isolated"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["accounts"]
    assert row["before"]["maintenance"] == pytest.approx(300.0)
    assert row["before"]["health"] == pytest.approx(3_500.0 / 300.0)


def test_a_change_of_rules_for_accounts_that_hold_coin_settled_contracts(tmp_path: Path, capsys: Any) -> None:
    """The demonstration's book is coin-settled; Derive's rules take linear contracts: refused with the way out."""
    paths = {n: str(tmp_path / f"{n}.json") for n in ("market", "account", "other")}
    market, account = demo_market(), demo_account()
    other = account.model_copy(update={"name": "other", "positions": account.positions[:3]})
    for name, document in (("market", market), ("account", account), ("other", other)):
        Path(paths[name]).write_text(document.to_json(), encoding="utf-8")
    packs = ["derive-pmrm2@2025-04-18", "derive-pmrm2@2026-01-21"]
    command = ["rules", "impact", *packs, "-m", paths["market"], "-a", paths["account"], "-a", paths["other"]]
    command += ["--no-lines", "--json"]
    assert run(command) == 2
    assert "see --same-exposure" in capsys.readouterr().out
    assert run([*command, "--same-exposure"]) == 0
    rows = {r["account"]: r for r in json.loads(capsys.readouterr().out)["accounts"]}
    for name, held in ((account.name, account), ("other", other)):
        linear, there = same_exposure(held, market)
        for side, pack in zip(("before", "after"), packs, strict=True):
            want = pl.margin_model(pack).requirement(linear, there)
            assert rows[name][side]["maintenance"] == want.maintenance
