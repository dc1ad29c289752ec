"""`plimsoll call` and `plimsoll waterfall`: what they print and write, and how they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plimsoll.cli import run
from plimsoll.feeds.demo import demo_account, demo_market
from plimsoll.liquidation.waterfall import VenueState
from plimsoll.margin import Account, margin_model

RULES = "prbm@2026-03-01"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """The demo account with too little money, and its market, in files; a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    account, market = demo_account(), demo_market()
    found = margin_model(RULES).requirement(account, market)
    cash = {**account.collateral, "USDC": account.collateral["USDC"] - found.net_equity + 1.05 * found.maintenance}
    account.model_copy(update={"collateral": cash}).save(tmp_path / "account.json")
    market.save(tmp_path / "market.json")
    return str(tmp_path / "account.json"), str(tmp_path / "market.json")


def test_a_call_with_its_picture_and_the_account_after(files: tuple[str, str], tmp_path: Path, capsys: Any) -> None:
    account, market = files
    after, picture = tmp_path / "after.json", tmp_path / "call.png"
    command = ["call", "-a", account, "-m", market, "-r", RULES]
    assert run([*command, "--after", str(after), "-o", str(picture)]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines()[:-4])) <= 80
    assert "REDUCE-ONLY" in out
    assert "to pay in: $" in out
    assert "by 27 Mar 12:30 UTC" in out
    assert picture.read_bytes().startswith(b"\x89PNG")
    # what was written is an account at its target
    assert run(["call", "-a", str(after), "-m", market, "-r", RULES, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["pools"][0]
    assert told["health"] >= 1.3
    assert told["state"] == "warned"
    assert len(Account.load(after).positions) <= len(Account.load(account).positions)


def test_a_policy_from_a_file(files: tuple[str, str], tmp_path: Path, capsys: Any) -> None:
    account, market = files
    policy = tmp_path / "policy.json"
    content = {"schema": "plimsoll.call-policy", "schema_version": 1, "warn": 1.04, "call": 1.02, "target": 1.03}
    policy.write_text(json.dumps({**content, "reduce_only": 1.01}))
    command = ["call", "-a", account, "-m", market, "-r", RULES, "--policy", str(policy)]
    assert run([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pools"][0]["state"] == "healthy"
    assert run([*command, "--after", str(tmp_path / "x.json")]) == 2
    assert "an account that is healthy" in capsys.readouterr().err
    policy.write_text(json.dumps({**content, "reduce_only": 1.5}))
    assert run(command) == 2
    assert "reduce_only" in capsys.readouterr().err


def test_a_default_from_a_seed_to_the_last_cent(tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    venue, after, picture = tmp_path / "venue.json", tmp_path / "after.json", tmp_path / "waterfall.svg"
    assert run(["book", "default", "--members", "25", "--seed", "3", "-o", str(venue)]) == 0
    assert "25 members" in capsys.readouterr().out
    command = ["waterfall", str(venue)]
    assert run([*command, "--after", str(after), "-o", str(picture)]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines()[:-4])) <= 80
    assert "auto-deleveraging" in out
    assert "cover 2" in out
    assert picture.read_text().startswith("<?xml")
    assert run([*command, "--ranking", "least-risk", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert sum(told["layers"].values()) == told["owed"]
    assert told["bad_debt"] == {}
    # afterwards nobody is in default
    assert all(m.deficit == 0 for m in VenueState.load(after).members)


@pytest.mark.parametrize(
    ("option", "value", "path"),
    [
        ("--seed", "-1", "seed"),
        ("--members", "1", "members"),
        ("--members", "100000001", "members"),
        ("--move", "2", "move"),
    ],
)
def test_a_venue_that_cannot_be_made_is_refused(option: str, value: str, path: str, capsys: Any) -> None:
    assert run(["book", "default", option, value]) == 2
    assert f"error: {path}: got" in capsys.readouterr().err


def test_what_stays_open_with_members_in_default_is_told(tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "venue.json"
    assert run(["book", "default", "-o", str(file)]) == 0
    content = json.loads(file.read_text())
    content["insurance_fund"] *= 10
    file.write_text(json.dumps(content))
    capsys.readouterr()
    # the fund pays everything, so nobody is deleveraged and the positions are still there
    assert run(["waterfall", str(file)]) == 0
    assert "still open: " in capsys.readouterr().out
    assert run(["waterfall", str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["layers"]["adl"] == 0
    held = {m["name"]: m.get("positions", {}) for m in content["members"]}
    for name, lots in told["left_open"].items():
        assert lots == {i: h["lots"] for i, h in sorted(held[name].items())}


def test_bad_debt_ends_with_one(tmp_path: Path, capsys: Any) -> None:
    venue = tmp_path / "venue.json"
    head = {"schema": "plimsoll.venue-state", "schema_version": 1, "currency": "USD", "decimals": 2}
    venue.write_text(json.dumps({**head, "members": [{"name": "gone", "equity": -1000}]}))
    assert run(["waterfall", str(venue)]) == 1
    assert "bad debt of gone" in capsys.readouterr().out
    venue.write_text(json.dumps({**head, "members": [{"name": "gone", "equity": "much"}]}))
    assert run(["waterfall", str(venue)]) == 2
    assert "members[0].equity" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["venue-state", "balance-sheet", "call-policy", "threshold-rule", "crowding-rule", "crowding-curves"]
)
def test_their_schemas(name: str, capsys: Any) -> None:
    assert run(["schema", name]) == 0
    assert json.loads(capsys.readouterr().out)["properties"]["schema"]["const"] == f"plimsoll.{name}"


def test_a_raised_threshold_calls_and_closes_nothing(files: tuple[str, str], tmp_path: Path, capsys: Any) -> None:
    """At 1.05 times its base margin, with thresholds at five quarters of it: below what calls, above what closes."""
    account, market = files
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps({"schema": "plimsoll.call-policy", "schema_version": 1, "lots": 2}))
    command = ["call", "-a", account, "-m", market, "-r", RULES, "--policy", str(policy), "--scalar", "1.25"]
    assert run([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (pool,) = found["pools"]
    assert found["scalar"] == 1.25
    assert pool["maintenance"] == pytest.approx(1.25 * pool["base"])
    assert pool["health"] == pytest.approx(1.05 / 1.25)
    assert pool["state"] == "reduce-only"
    assert pool["call"] == pytest.approx((1.3 * 1.25 - 1.05) * pool["base"])
    plan = pool["closes"]
    assert plan["equity"] >= 1.3 * 1.25 * plan["maintenance"]
    assert run(command) == 0
    out = capsys.readouterr().out
    assert "1.25 times $" in out
    assert "below which" in out
    for wrong in ("0.9", "nan", "inf"):
        assert run([*command[:-1], wrong]) == 2
        assert "a number from 1 up" in capsys.readouterr().err
