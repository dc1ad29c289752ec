"""`plimsoll cascade run` as a user runs it: samples, fleets, scenarios, pages and refusals."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from plimsoll.cli import run
from plimsoll.feeds.sample_fleet import sample_fleet, sample_fleet_arrays, sample_schedule
from plimsoll.laboratory.fleet import from_fleet
from plimsoll.laboratory.setup import CascadeVenue


def json_of(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict:
    assert run(["cascade", "run", "--json", *arguments]) == code
    return json.loads(capsys.readouterr().out)


DEEP = ("--sample", "300", "--shock", "-0.4", "--minutes", "5", "--hours", "0.25")
SAMPLE = ("--sample", "400", "--shock", "-0.15", "--minutes", "20", "--hours", "0.5")


def test_a_sample_through_a_shock(capsys: pytest.CaptureFixture[str]) -> None:
    found = json_of(capsys, *SAMPLE, "--fund", "1e9")
    assert found["accounts"] == 400
    assert found["steps"] == 30
    assert found["conserved"]
    assert found["closed_accounts"] > 100
    assert found["survival"]["survived"] == found["survival"]["draws"] == 1
    assert found["fund_depletion"] < 0.1
    assert all(found["lowest_price"][u]["with_feedback"] <= found["lowest_price"][u]["without"] for u in ("BTC", "SOL"))
    assert found["bad_debt"] == 0.0
    assert len(found["density"]["before"]["fall"]["BTC"]) == 30
    assert json_of(capsys, *SAMPLE, "--fund", "1e9") == found


def test_a_short_fund_ends_with_one_and_the_table_fits(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page = tmp_path / "cascade.html"
    arguments = ["cascade", "run", *DEEP, "--fund", "10"]
    assert run([*arguments, "--html", str(page)]) == 1
    told = capsys.readouterr().out
    assert "short by" in told
    assert "deleveraged winners" in told
    assert max(len(line) for line in told.splitlines() if not line.startswith("page")) <= 80
    text = page.read_text()
    assert text.count("<svg") == 4
    assert "http" not in re.sub(r"http://www.w3.org/\S+", "", text)
    assert "Assumed, not calibrated" in text


def test_draws_thresholds_and_no_fund(capsys: pytest.CaptureFixture[str]) -> None:
    found = json_of(capsys, *DEEP, "--fund", "2e4", "--noise", "3", "--seeds", "4", "--thresholds", code=1)
    survival = found["survival"]
    assert survival["draws"] == 4
    assert survival["survived"] == sum(d["survived"] for d in found["draws"])
    assert survival["low"] <= survival["share"] <= survival["high"]
    assert len({d["forced"] for d in found["draws"]}) == 4
    assert found["absorption"]["notional"] > 0.0
    assert found["loss_tolerance"]["low"] < 1.0
    none = json_of(capsys, *DEEP, code=1)
    assert none["survival"] is None
    assert none["fund_depletion"] is None
    run(["cascade", "run", *SAMPLE])
    assert "no insurance fund: survival and depletion have no meaning" in capsys.readouterr().out


def test_a_fleet_a_schedule_a_venue_and_a_named_scenario(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    schedule, fleet, venue = (str(tmp_path / name) for name in ("schedule.json", "fleet.json", "venue.json"))
    sample_schedule().save(schedule)
    sample_fleet(sample_schedule(), 50).save(fleet)
    CascadeVenue(insurance_fund=1e8, close="part").save(venue)
    arguments = (fleet, "--schedule", schedule, "--venue", venue, "--step", "600")
    found = json_of(capsys, *arguments, "--scenario", "march-2020")
    assert found["scenario"] == "march-2020"
    assert found["venue"]["close"] == "part"
    assert found["orders"] > found["closed_accounts"] > 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--shock", "-0.2"], "FLEET: got None; allowed: a fleet document, or --sample"),
        (["--sample", "10"], "--scenario: got None; allowed: the name of a scenario, or --shock"),
        (["--sample", "10", "--shock", "-2"], "shock: got -2.0; allowed: a part above -1"),
        (["--sample", "10", "--shock", "-0.2", "--fund", "-1"], "insurance_fund: got -1.0"),
        (["--sample", "10", "--shock", "-0.2", "--thresholds"], "insurance_fund: got 0.0; allowed: an amount above"),
        (["--sample", "10", "--shock", "-0.2", "--seeds", "3"], "draws: got 3; allowed: 1, unless"),
        (["--sample", "10", "--scenario", "nobody"], "scenario: got 'nobody'; allowed: march-2020"),
        (["nothing.json", "--shock", "-0.2"], "--schedule: got None"),
    ],
)
def test_refusals(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cascade", "run", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_a_liquidity_with_negative_depth_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "liquidity.json"
    curve = {"moves": [0.01], "depth": [-1.0], "refill": 0.5}
    path.write_text(json.dumps({"schema": "plimsoll.liquidity", "schema_version": 1, "underlyings": {"BTC": curve}}))
    assert run(["cascade", "run", *SAMPLE, "--liquidity", str(path)]) == 2
    assert "underlyings.BTC.depth[0]: got -1.0; allowed: greater than 0" in capsys.readouterr().err


def test_sample_arrays_follow_the_law_of_sample_documents() -> None:
    schedule, venue = sample_schedule(), CascadeVenue()
    many = sample_fleet_arrays(schedule, venue, 4000, seed=3)
    few = from_fleet(sample_fleet(schedule, 4000, seed=3), venue)
    for name in ("lots", "cash"):
        again = getattr(sample_fleet_arrays(schedule, venue, 4000, seed=3), name)
        assert np.array_equal(getattr(many, name), again)

    def law(fleet: object) -> np.ndarray:
        lots, cash = fleet.lots, fleet.cash[:, 0]  # type: ignore[attr-defined]
        equity = cash.copy()
        owner = np.repeat(np.arange(cash.size), np.diff(fleet.indptr))  # type: ignore[attr-defined]
        np.add.at(equity, owner, fleet.entry)  # type: ignore[attr-defined]
        return np.array([lots.size / cash.size, (lots > 0).mean(), np.log(equity[equity > 0]).mean()])

    assert law(many) == pytest.approx(law(few), rel=0.03)


def test_each_assumption_of_the_storm_at_other_values(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page = tmp_path / "cascade.html"
    found = json_of(capsys, *SAMPLE, "--fund", "1e9", "--sensitivity", "--html", str(page))
    first, *others = found["sensitivity"]
    assert first["what"] == "as given"
    assert first["forced"] == pytest.approx(sum(sum(v.values()) for v in found["forced_volume"].values()))
    assert {v["what"] for v in others} == {"depth", "stay", "shy", "minutes", "lasting", "refill", "delay"}
    assert any(v["forced"] != first["forced"] for v in others)
    assert "What was assumed of the storm" in page.read_text()
    assert run(["cascade", "run", *SAMPLE, "--fund", "1e9", "--sensitivity"]) == 0
    told = capsys.readouterr().out
    assert "one assumption changed at a time" in told
    assert max(map(len, told.splitlines())) <= 80


def test_a_volatility_in_points_moves_no_linear_fleet_and_a_peg_that_nobody_holds_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    small = ("--sample", "50", "--step", "600", "--fund", "1e9")
    points = json_of(capsys, *small, "--scenario", "vol-points-40")
    assert points["lowest_price"]["BTC"]["without"] == pytest.approx(0.8 * 88_000.0, rel=0.01)
    assert run(["cascade", "run", *small, "--scenario", "depeg-usdc"]) == 0
    assert "No account holds USDC" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "value"), [("--hours", "-1"), ("--hours", "nan"), ("--noise", "-0.5"), ("--noise", "nan")]
)
@pytest.mark.parametrize("world", [("--shock", "-0.1"), ("--scenario", "march-2020")])
def test_times_and_noise_outside_their_range(
    capsys: pytest.CaptureFixture[str], world: tuple[str, str], option: str, value: str
) -> None:
    assert run(["cascade", "run", "--sample", "50", *world, option, value]) == 2
    assert f"{option}: got" in capsys.readouterr().err
