"""When DSA charges the full revaluation instead of its expansion, and what that is."""

from __future__ import annotations

from typing import Any

import pytest

import plimsoll as pl
from dsa_toy import DAYS, T, house, require, straddle, toy
from naive.black import black
from rule_books import DAY, Desk


@pytest.mark.rule("DSA-09", "DSA-14")
def test_past_the_tolerance_the_revaluation_is_charged_and_named() -> None:
    """A straddle of a day: gamma makes the expansion ask for far more than the two legs can lose."""
    desk = Desk(cash="USD")
    desk.add_expiry(DAY)
    desk.add_option(-1.0, 100.0, True, DAY, 0.5)
    desk.add_option(-1.0, 100.0, False, DAY, 0.5)
    year = 1.0 / 365.0
    legs = {x: black(True, x, 100.0, year, 0.7) + black(False, x, 100.0, year, 0.7) for x in (84.0, 116.0)}
    today = black(True, 100.0, 100.0, year, 0.5) * 2.0
    full = require(desk, tolerance=0.1)
    assert full.workings["BTC.full_used"] == 1.0
    assert full.initial == full.workings["BTC.used"] == full.workings["BTC.full"]
    assert full.initial == pytest.approx(max(legs.values()) - today, rel=1e-9)
    assert full.workings["BTC.expansion"] > 2.0 * full.initial
    assert "full revaluation, because the expansion may err by" in full.notes[0]
    kept = require(desk, tolerance=100.0)
    assert kept.workings["BTC.full_used"] == 0.0
    assert kept.initial == kept.workings["BTC.expansion"] == full.workings["BTC.expansion"]
    assert "expansion, which errs by at most" in kept.notes[0]
    for name in ("bound", "seen", "full", "full_gap", "expansion"):
        assert kept.workings[f"BTC.{name}"] == full.workings[f"BTC.{name}"]


@pytest.mark.rule("DSA-09")
def test_the_switch_is_at_the_tolerance_itself() -> None:
    desk = straddle()
    found = require(desk).workings
    part = found["BTC.bound"] / found["BTC.expansion"]
    assert require(desk, tolerance=part * (1.0 + 1e-9)).workings["BTC.full_used"] == 0.0
    assert require(desk, tolerance=part * (1.0 - 1e-9)).workings["BTC.full_used"] == 1.0
    # the charge that the tolerance is a part of may be a delta charge
    settings: dict[str, Any] = {"delta_rate": 2.0}
    desk.add_perpetual(1.0)
    large = require(desk, **settings).workings
    assert large["BTC.delta"] > large["BTC.expansion"]
    assert require(desk, **settings, tolerance=0.1).workings["BTC.tolerance"] == pytest.approx(0.1 * large["BTC.delta"])


@pytest.mark.rule("DSA-09")
def test_where_no_charge_depends_on_it_the_expansion_stays() -> None:
    desk = straddle()
    desk.add_perpetual(1.0)
    found = require(desk, tolerance=0.0, delta_rate=3.0)
    assert found.workings["BTC.bound"] > found.workings["BTC.tolerance"] == 0.0
    assert found.workings["BTC.expansion"] + found.workings["BTC.bound"] < found.workings["BTC.delta"]
    assert found.workings["BTC.full_used"] == 0.0
    assert found.binding[0].kind == "delta"
    assert "which no charge depends on" in found.notes[0]


@pytest.mark.rule("DSA-10", "DSA-11")
def test_shares_of_the_revaluation_are_losses_at_its_worst_node() -> None:
    desk = house()
    hedge = desk.add_perpetual(-0.4)
    call = desk.add_option(1.0, 100.0, True, DAYS * DAY)
    found = require(desk, tolerance=0.0)
    assert found.workings["BTC.full_used"] == 1.0
    model = toy()
    spot, vol = model.box.axes(16, 4)
    legs = {
        (x, y): (
            black(True, 100.0, 100.0, T, 0.5) - black(True, 100.0 * (1.0 + x), 100.0, T, 0.5 * (1.0 + y)),
            0.4 * 100.0 * x,
        )
        for x in spot.tolist()
        for y in vol.tolist()
    }
    worst = max(legs, key=lambda p: sum(legs[p]))
    assert {s.subject: s.initial for s in found.shares} == {
        call: pytest.approx(legs[worst][0], rel=1e-9),
        hedge: pytest.approx(legs[worst][1], rel=1e-9),
    }
    assert found.initial == pytest.approx(sum(legs[worst]), rel=1e-9)
    assert found.binding[0].label == pl.Scenarios.build([1.0 + worst[0]], [worst[1]]).labels[0]


@pytest.mark.rule("DSA-07", "DSA-10")
def test_of_equal_nodes_the_one_nearest_to_no_move_in_volatility_is_taken() -> None:
    desk = Desk(cash="USD")
    desk.add_expiry(60.0)
    desk.add_option(-1.0, 100.0, True, 60.0, 0.0)
    desk.add_option(-1.0, 100.0, False, 60.0, 0.0)
    found = require(desk, tolerance=0.0)
    assert found.workings["BTC.full_used"] == 1.0
    assert found.binding[0].label == "-16%"
    assert found.initial == pytest.approx(16.0, rel=1e-12)
