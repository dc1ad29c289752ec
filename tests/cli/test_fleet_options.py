"""What `cascade run` and `stress venue` take alike: scenario files, thresholds, the crowding add-on, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from builders import bars
from cascade_fleets import liquidity, schedule
from plimsoll.cli import run
from plimsoll.feeds.sample_fleet import sample_fleet
from plimsoll.laboratory.policy import RaisedRates, StaticRates
from plimsoll.laboratory.reverse_venue import FundLeft
from plimsoll.laboratory.setup import CascadeVenue
from plimsoll.scenarios.stress import StressScenarios, shipped_scenarios

CASCADE = ("cascade", "run", "--sample", "60", "--fund", "1e6")
SHOCK = ("--shock", "-0.15", "--minutes", "20", "--hours", "0.5")


def json_of(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    assert run([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def closes(tmp_path: Path) -> str:
    """Daily bars of three coins, drawn."""
    return bars(tmp_path / "closes.csv", {"BTCUSDT": 1.0, "ETHUSDT": 1.0, "SOLUSDT": 1.0}, days=100)


def test_a_scenario_of_a_file_is_the_path_of_the_cascade(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = str(tmp_path / "generated.json")
    assert run(["stress", "scenarios", "--generate", "4", "--seed", "7", "-o", file]) == 0
    made = StressScenarios.load(file)
    name = made.scenarios[2].name
    capsys.readouterr()
    found = json_of(capsys, *CASCADE, "--fund", "1e9", "--scenario", f"{file}:{name}")
    assert found["scenario"] == name
    # a file that holds one scenario needs no name, and the package's own is the same from either side
    only = tmp_path / "only.json"
    StressScenarios(scenarios=(made.named(name),)).save(str(only))
    assert json_of(capsys, *CASCADE, "--fund", "1e9", "--scenario", str(only)) == found
    shipped = tmp_path / "shipped.json"
    shipped_scenarios().save(str(shipped))
    slow = ("--fund", "1e9", "--step", "900")
    one = json_of(capsys, *CASCADE, *slow, "--scenario", "ftx-2022")
    assert json_of(capsys, *CASCADE, *slow, "--scenario", f"{shipped}:ftx-2022") == one
    assert one["steps"] == 72 * 4


@pytest.mark.parametrize("name", [s.name for s in shipped_scenarios().of("historical").scenarios])
def test_every_shipped_crash_is_met_by_its_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = json_of(capsys, *CASCADE, "--fund", "1e9", "--step", "1800", "--scenario", name)
    hours = shipped_scenarios().named(name).hours[-1]
    assert found["steps"] == round(hours * 2)
    assert found["conserved"]
    low = found["lowest_price"]["ETH"]["without"] / 3000.0
    recorded = [w for s in shipped_scenarios().named(name).shocks if s.shock == "price" for w in s.waypoints or ()]
    assert low > 1.0 + min(move for _, move in recorded) - 1e-9


def test_a_peg_reaches_a_venue_that_counts_in_the_coin(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A currency that is neither the dollar nor an underlying follows the scenario's peg, the dollar never does."""
    content = {
        "schema": StressScenarios.SCHEMA,
        "schema_version": 1,
        "scenarios": [
            {
                "name": "gone", "kind": "hypothetical", "source": "made up", "evidence": "assumed",
                "shocks": [{"shock": "peg", "currency": "USDC", "price": 0.0}],
            }
        ],
    }  # fmt: skip
    file, venue = tmp_path / "gone.json", str(tmp_path / "venue.json")
    content["scenarios"][0]["shocks"][0]["price"] = 1e-9
    file.write_text(json.dumps(content))
    CascadeVenue(currency="USDC").save(venue)
    given = ("--sample", "5", "--scenario", str(file))
    assert json_of(capsys, "cascade", "run", *given, "--venue", venue)["closed_accounts"] == 0
    content["scenarios"][0]["shocks"][0]["price"] = 0.0
    file.write_text(json.dumps(content))
    assert run(["cascade", "run", *given, "--venue", venue]) == 2
    assert "path.peg: got 0.0; allowed: a price above zero for USDC" in capsys.readouterr().err
    assert json_of(capsys, "cascade", "run", *given)["closed_accounts"] == 0


def test_raised_thresholds_call_before_they_close(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    plain = json_of(capsys, *CASCADE, *SHOCK)
    called = json_of(capsys, *CASCADE, *SHOCK, "--avsl", "house")
    assert called["avsl"] == {"rule": called["avsl"]["rule"], "grace_minutes": 60.0}
    # whoever is only below the raised line still has an hour when the path ends
    assert called["closed_accounts"] == plain["closed_accounts"]
    rule = tmp_path / "rule.json"
    rule.write_text(json.dumps({**called["avsl"]["rule"], "cap": 4.0, "up": 100.0}))
    at_once = json_of(capsys, *CASCADE, *SHOCK, "--avsl", str(rule), "--grace", "0")
    assert at_once["closed_accounts"] > plain["closed_accounts"]
    assert json_of(capsys, *CASCADE, *SHOCK, "--avsl", str(rule), "--grace", "5")["orders"] > plain["orders"]
    rule.write_text(json.dumps({**called["avsl"]["rule"], "cap": 1.0}))
    same = json_of(capsys, *CASCADE, *SHOCK, "--avsl", str(rule), "--grace", "0")
    assert {k: v for k, v in same.items() if k != "avsl"} == plain


def test_the_crowding_add_on_is_brought_before_the_crash(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    plain = json_of(capsys, *CASCADE, *SHOCK)
    found = json_of(capsys, *CASCADE, *SHOCK, "--cavb", "house")
    added = found["cavb"]
    assert 0.0 < added["total"] <= added["rule"]["cap"] * added["initial"]
    assert 0 < added["charged"] <= 60
    assert found["solvency_ratio"]["start"] < plain["solvency_ratio"]["start"]
    assert found["closed_accounts"] <= plain["closed_accounts"]
    rule = tmp_path / "rule.json"
    rule.write_text(json.dumps({**added["rule"], "beta": 0.0}))
    none = json_of(capsys, *CASCADE, *SHOCK, "--cavb", str(rule))
    assert none["cavb"]["total"] == 0.0
    assert {k: v for k, v in none.items() if k != "cavb"} == plain
    assert run([*CASCADE, *SHOCK, "--cavb", "house", "--avsl", "house"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"accounts bring {added['total']:,.0f} USD more" in told
    assert "Maintenance follows volatility up to 2 times, 60 minutes of grace." in told


def test_both_take_part_in_reverse_stress(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, closes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[FundLeft] = []

    class Seen(FundLeft):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            asked.append(self)

    monkeypatch.setattr("plimsoll.laboratory.reverse_venue.FundLeft", Seen)
    depth, rates = tmp_path / "thin.json", tmp_path / "rates.json"
    depth.write_text(liquidity(1e5).to_json())
    rates.write_text(schedule().to_json())
    given = ["stress", "venue", "--sample", "20", "--schedule", str(rates), "--liquidity", str(depth)]
    given += ["--history", closes, "--minutes", "2", "--rays", "2", "--reach", "0.5", "--fund", "1e9"]
    plain = json_of(capsys, *given)
    more = json_of(capsys, *given, "--cavb", "house", "--avsl", "house")
    assert "cavb" not in plain
    assert set(plain) | {"avsl", "cavb"} == set(more)
    assert more["cavb"]["charged"] > 0
    # what the search asks is a cascade of accounts that have brought their charge, under the raised thresholds
    before, after = asked
    assert type(before.rates) is StaticRates
    assert isinstance(after.rates, RaisedRates)
    assert after.rates.grace == 3600.0
    brought = (after.fleet.cash - before.fleet.cash).sum() / 1e6
    assert brought == pytest.approx(more["cavb"]["total"], abs=1e-3)
    # a fund that nothing empties: the search ends at its grid
    assert plain["found"] is more["found"] is False


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """Documents that both commands must refuse."""
    curve = {"moves": [0.01], "depth": [-1.0], "refill": 0.5}
    depth = {"schema": "plimsoll.liquidity", "schema_version": 1, "underlyings": {"BTC": curve}}
    (tmp_path / "depth.json").write_text(json.dumps(depth))
    odd = shipped_scenarios().of("hypothetical").to_dict()
    odd["scenarios"][0]["shocks"][0] = {"shock": "meteor", "size": 3.0}
    (tmp_path / "odd.json").write_text(json.dumps(odd))
    thin = shipped_scenarios().of("hypothetical").to_dict()
    thin["scenarios"][3]["shocks"][1]["left"] = -0.1
    (tmp_path / "thin.json").write_text(json.dumps(thin))
    CascadeVenue().save(str(tmp_path / "venue.json"))
    (tmp_path / "rule.json").write_text(
        json.dumps({"schema": "plimsoll.threshold-rule", "schema_version": 1, "cap": 0})
    )
    sample_fleet(schedule(), 5).save(str(tmp_path / "fleet.json"))
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--fund", "0"], "--fund: got 0.0; allowed: an amount above zero"),
        (["--fund", "-5"], "insurance_fund: got -5.0"),
        (["--fund", "nan"], "insurance_fund: got nan"),
        (["--liquidity", "{}/depth.json"], "underlyings.BTC.depth[0]: got -1.0; allowed: greater than 0"),
        (["--avsl", "{}/rule.json"], "cap: got 0"),
        (["--avsl", "{}/none.json"], "none.json"),
        (["--cavb", "{}/depth.json"], "schema"),
    ],
)
def test_refusals_of_both(
    arguments: list[str], told: str, bad: Path, closes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [a.format(bad) for a in arguments]
    for command in (["cascade", "run", *SHOCK], ["stress", "venue", "--history", closes]):
        assert run([*command, "--sample", "5", "--fund", "1e6", *given]) == 2
        assert told in capsys.readouterr().err
    assert run(["stress", "venue", "--history", closes, "--sample", "5", "--venue", f"{bad}/venue.json"]) == 2
    assert "without a fund none is emptied" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["odd.json:correlation-one"], "scenarios[0].shocks[0].shock: got 'meteor'; allowed: 'price', 'correlation'"),
        (["thin.json:depth-90"], "scenarios[3].shocks[1].left: got -0.1"),
    ],
)
def test_a_scenario_file_with_unknown_shocks_or_negative_depth(
    arguments: list[str], told: str, bad: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, _, name = arguments[0].partition(":")
    for text in (f"{bad}/{file}:{name}", f"{bad}/{file}"):
        assert run([*CASCADE, "--scenario", text]) == 2
        assert told in capsys.readouterr().err
    assert run(["stress", "-s", f"{bad}/{file}"]) == 2
    assert told in capsys.readouterr().err


def test_a_file_of_many_scenarios_asks_for_a_name(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "all.json"
    shipped_scenarios().save(str(file))
    assert run([*CASCADE, "--scenario", str(file)]) == 2
    assert f"FILE:NAME with one of its {len(shipped_scenarios())} names: march-2020" in capsys.readouterr().err
    assert run([*CASCADE, "--scenario", f"{file}:nobody"]) == 2
    assert "scenario: got 'nobody'; allowed: march-2020" in capsys.readouterr().err
    assert run([*CASCADE, "--scenario", f"{tmp_path}/gone.json:march-2020"]) == 2
    assert "gone.json" in capsys.readouterr().err
