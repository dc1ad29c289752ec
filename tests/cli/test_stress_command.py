"""`plimsoll stress` as a user runs it: a book, the scenarios, the smallest shock."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from builders import CALL, PERP, PUT, account_doc, bars, market_doc
from cascade_fleets import liquidity, schedule
from plimsoll.cli import run
from plimsoll.scenarios.stress import StressScenarios, shipped_scenarios


def json_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert run(["stress", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    account, market = tmp_path / "account.json", tmp_path / "market.json"
    account.write_text(json.dumps(account_doc({CALL: -1.0, PUT: -1.0, PERP: 0.5})))
    market.write_text(json.dumps(market_doc()))
    return str(account), str(market)


def test_a_book_worst_first(capsys: pytest.CaptureFixture[str], files: tuple[str, str], tmp_path: Path) -> None:
    found = json_of(capsys, *files, "--rules", "prbm@2026-01-01")
    pnl = [s["pnl"] for s in found["scenarios"]]
    assert pnl == sorted(pnl)
    assert len(pnl) == len(shipped_scenarios()) == found["exact"]
    assert found["short"] == sum(s["exact"]["short"] for s in found["scenarios"])
    assert found["rules"] == "prbm@2025-01-01"
    # a folder with both files says the same, and so does the subcommand by its name
    assert json_of(capsys, str(tmp_path), "--rules", "prbm@2026-01-01") == found
    assert json_of(capsys, "book", *files, "--rules", "prbm@2026-01-01") == found


def test_the_demonstration_as_a_table_with_picture_and_page(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    picture, page = tmp_path / "stress.svg", tmp_path / "stress.html"
    arguments = ["--generate", "60", "--exact", "8", "-o", str(picture), "--html", str(page)]
    assert run(["stress", *arguments]) == 0
    told = capsys.readouterr().out
    lines = [line for line in told.splitlines() if not line.startswith(("picture", "page"))]
    assert max(len(line) for line in lines) <= 80
    assert re.search(r"^march-2020 \+26\.5 h +-\$\S+ .* short$", told, re.MULTILINE)
    assert "short of maintenance margin: 8 of 8 margined again; 57 more scenarios not shown" in told.replace("\n", " ")
    assert picture.read_text().startswith("<?xml")
    text = page.read_text()
    assert text.count("<svg") == 1
    assert text.count("<tr>") == 1 + 77
    assert "http" not in re.sub(r"http://www.w3.org/\S+", "", text)


def test_scenarios_are_listed_generated_and_used_from_a_file(
    capsys: pytest.CaptureFixture[str], files: tuple[str, str], tmp_path: Path
) -> None:
    assert StressScenarios.from_dict(json_of(capsys, "scenarios")) == shipped_scenarios()
    assert run(["stress", "scenarios"]) == 0
    told = capsys.readouterr().out
    assert max(len(line) for line in told.splitlines()) <= 80
    assert re.search(r"^usdc-2023 +measured .* 0\.875$", told, re.MULTILINE)
    file = str(tmp_path / "generated.json")
    assert run(["stress", "scenarios", "--generate", "25", "--seed", "7", "-u", "BTC", "-o", file]) == 0
    assert "5 more" in capsys.readouterr().out
    assert StressScenarios.load(file).to_dict() == json_of(
        capsys, "scenarios", "--generate", "25", "--seed", "7", "-u", "BTC"
    )
    found = json_of(capsys, *files, "-s", file, "--exact", "3")
    assert (len(found["scenarios"]), found["exact"]) == (25, 3)
    assert len(json_of(capsys, *files, "-s", file, "--kind", "generated")["scenarios"]) == 25


def test_the_smallest_shock(capsys: pytest.CaptureFixture[str], files: tuple[str, str]) -> None:
    found = json_of(capsys, "reverse", *files, "--rules", "prbm@2026-01-01")
    assert found["found"]
    assert set(found["moves"]) == {"BTC", "BTC iv"}
    assert 0.0 < found["clear_on_grid_up_to"] <= found["size"] < 20.0
    assert -1.0 < found["left"] <= 0.0
    assert run(["stress", "reverse", *files, "--reach", "0.5"]) == 0
    assert "none of 128 directions breaks it up to a size of 0.5" in capsys.readouterr().out


def test_the_smallest_shock_that_empties_a_fund(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    depth, rates = tmp_path / "thin.json", tmp_path / "rates.json"
    depth.write_text(liquidity(1e5).to_json())
    rates.write_text(schedule().to_json())
    closes = bars(tmp_path / "closes.csv", {"BTCUSDT": 1.0, "ETHUSDT": 1.0, "SOLUSDT": 1.0}, days=200)
    given = ["--sample", "80", "--schedule", str(rates), "--liquidity", str(depth), "--history", closes]
    given += ["--minutes", "5", "--rays", "6", "--reach", "10"]
    found = json_of(capsys, "venue", *given, "--fund", "20000")
    assert found["found"]
    assert found["left"] < 0.0
    assert set(found["moves"]) == {"BTC", "ETH", "SOL"}
    assert found["clear_on_grid_up_to"] <= found["size"] <= 10.0
    assert run(["stress", "venue", *given, "--fund", "0"]) == 2
    assert "without a fund none is emptied" in capsys.readouterr().err
    assert run(["stress", "venue", "--history", closes]) == 2
    assert "--sample with a number of accounts" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing.json"], "MARKET.json"),
        (["scenarios", "x.json", "--generate", "5"], "no file beside --generate"),
        (["scenarios", "--generate", "0"], "count"),
        (["--kind", "generated"], "none of kind generated"),
        (["--exact", "-1"], "exact"),
        (["reverse", "--horizon", "5x"], "--horizon"),
        (["reverse", "--rays", "1"], "rays"),
    ],
)
def test_bad_requests(capsys: pytest.CaptureFixture[str], arguments: list[str], told: str) -> None:
    assert run(["stress", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_a_file_with_unknown_shocks_is_refused_by_name(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "odd.json"
    content = shipped_scenarios().of("hypothetical").to_dict()
    content["scenarios"][0]["shocks"][0] = {"shock": "meteor", "size": 3.0}
    content["scenarios"][1]["shocks"] = [{"shock": "depth", "left": -0.2}]
    file.write_text(json.dumps(content))
    assert run(["stress", "-s", str(file)]) == 2
    error = capsys.readouterr().err
    assert "scenarios[0].shocks[0].shock: got 'meteor'; allowed: 'price', 'correlation'" in error
    assert "scenarios[1].shocks[0].left: got -0.2" in error
