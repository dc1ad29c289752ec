"""`plimsoll compare --html`: the page beside the table, and the places that cannot hold it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import plimsoll as pl
from builders import CALL, PERP, PRBM, account_doc, market_doc
from plimsoll.cli import run
from plimsoll.cli._progress import LateBar
from plimsoll.report.bundle import build_report
from plimsoll.report.html import render


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    account, market = tmp_path / "account.json", tmp_path / "market.json"
    account.write_text(json.dumps(account_doc({CALL: -1.0, PERP: 0.5})))
    market.write_text(json.dumps(market_doc()))
    return ["--account", str(account), "--market", str(market)]


def test_json_names_the_report_and_stays_json(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compare", *files, "-r", PRBM, "--json"]) == 0
    bare = json.loads(capsys.readouterr().out)
    target = tmp_path / "page.html"
    assert run(["compare", *files, "-r", PRBM, "--json", "--html", str(target)]) == 0
    assert json.loads(capsys.readouterr().out) == bare | {"report": str(target)}
    assert target.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("place", ["", "none/page.html"])
def test_a_place_that_holds_no_file_is_refused_first(
    place: str, files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compare", *files, "--html", str(tmp_path / place)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: --html: got ")
    assert "Traceback" not in err


def test_without_a_number_there_is_no_page(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(files[1]).write_text(json.dumps(account_doc({"NOTHING": 1.0})))
    target = tmp_path / "page.html"
    assert run(["compare", *files, "-r", PRBM, "--html", str(target)]) == 2
    out = capsys.readouterr().out
    assert "unknown_instrument" in out
    assert "report:" not in out
    assert not target.exists()


def test_compare_writes_the_report_of_any_account(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "report.html"
    assert run(["compare", *files, "-r", PRBM, "-r", "dsa@2026-01-01", "--html", str(target)]) == 0
    assert f"report: {target}" in capsys.readouterr().out.replace("\n", "")
    account, market = pl.Account.load(files[1]), pl.Market.load(files[3])
    packs = [pl.find_rules(PRBM), pl.find_rules("dsa@2026-01-01")]
    assert target.read_text() == render(build_report(account, market, packs))


def test_who_waits_sees_which_rules_are_next(
    files: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[tuple[str, int, int]] = []
    monkeypatch.setattr(LateBar, "__call__", lambda _, *step: told.append(step))
    assert run(["compare", *files, "-r", PRBM, "-r", "dsa@2026-01-01", "--json"]) == 0
    rows = [r["rules"] for r in json.loads(capsys.readouterr().out)["rows"]]
    assert told == [(label, n, 2) for n, label in enumerate(rows)]
