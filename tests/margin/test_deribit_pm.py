"""Deribit portfolio margin: the grid, the vectors and their aggregation, one rule at a time."""

from __future__ import annotations

from typing import Any

import pytest

from deribit_desk import LINEAR, PM, WEEK, coins, desk, future_coins, option, require
from naive.black import black
from plimsoll.margin import Requirement
from rule_books import DAY

T = 7.5 / 365.0
RANGE = 0.16


def summed(found: Requirement, label: str, underlying: str = "BTC") -> float:
    """What the account gains in a scenario before offset and dampener."""
    return found.workings[f"pre_aggregated.{underlying}.{label}"]


FIRST: dict[str, Any] = {"pairs__BTC__min_volatility_for_shock_up": 0.0}
"""Without a least volatility, where an option has half days, two readings of its volatility fall together."""


@pytest.mark.rule("DERIBIT-PM-01")
def test_the_grid_runs_upwards_with_three_volatilities_and_eight_far_moves() -> None:
    found = desk()
    coins(found, 1.0)
    labels = [s.label for s in require(found, PM).scenarios]
    assert len(labels) == 35
    assert labels[:4] == ["-16% iv up", "-16%", "-16% iv down", "-12% iv up"]
    assert labels[12:15] == ["0% iv up", "0%", "0% iv down"]
    assert labels[24:29] == ["+16% iv up", "+16%", "+16% iv down", "-66% iv up (extended)", "-33% iv up (extended)"]
    assert labels[-1] == "+500% iv up (extended)"


@pytest.mark.rule("DERIBIT-PM-02")
@pytest.mark.parametrize(("seconds", "power"), [(7.5 * DAY, 0.3), (30.0 * DAY, 0.13), (45.5 * DAY, 0.13)])
@pytest.mark.parametrize("sigma", [0.1, 0.8])
def test_volatility_shocks_follow_a_power_law_with_a_least_volatility(
    seconds: float, power: float, sigma: float
) -> None:
    found = desk()
    found.add_expiry(seconds)
    option(found, 1.0, 101.0, True, seconds, sigma)
    days = seconds / DAY
    t = days / 365.0
    r = require(found, PM)
    now = black(True, 100.0, 101.0, t, sigma) / 100.0

    def gain(vol: float) -> float:
        return black(True, 100.0, 101.0, t, vol) / 100.0 - now

    scale = (30.0 / days) ** power
    # for a long option the reading with the smaller gain in the worst scenario is charged: any of the floors may stand
    ups = {gain(max(sigma * (1 + 0.5 * s), 0.5)) for s in (scale, (30.0 / int(days)) ** power)}
    ups |= {gain(max(sigma, 0.5) * (1 + 0.5 * s)) for s in (scale, (30.0 / int(days)) ** power)}
    assert min(abs(summed(r, "0% iv up") - u) for u in ups) < 1e-12
    downs = {gain(max(sigma * (1 - 0.25 * s), 0.0)) for s in (scale, (30.0 / int(days)) ** power)}
    assert min(abs(summed(r, "0% iv down") - d) for d in downs) < 1e-12
    assert summed(r, "0%") == 0.0


@pytest.mark.rule("DERIBIT-PM-02")
def test_a_volatility_never_goes_below_zero() -> None:
    found = desk()
    found.add_expiry(0.01 * DAY)
    option(found, -1.0, 99.0, True, 0.01 * DAY, 3.0)
    r = require(found, PM, pairs__BTC__volatility_range_down=0.9)
    now = black(True, 100.0, 99.0, 0.01 / 365.0, 3.0)
    assert summed(r, "0% iv down") == pytest.approx((now - 1.0) / 100.0, rel=1e-9)


@pytest.mark.rule("DERIBIT-PM-03")
def test_a_future_moves_by_its_own_mark_and_an_averaged_part_stays() -> None:
    found = desk(spot=100.0)
    coins(found, 2.0, 103.0)
    r = require(found, PM)
    assert summed(r, "-16%") == pytest.approx(2.0 * (1 - 1 / 0.84), rel=1e-14)
    assert summed(r, "+16%") == pytest.approx(2.0 * (1 - 1 / 1.16), rel=1e-14)
    late = desk()
    late.add_expiry(900.0, variable=50.0, fixed=50.0)
    future_coins(late, 2.0, 900.0)
    assert summed(require(late, PM), "-16%") == pytest.approx(2.0 * (1 - 1 / 0.92), rel=1e-14)
    linear = desk(USDC=1.0)
    linear.add_perpetual(2.0, 103.0, **LINEAR)
    r = require(linear, PM)
    assert r.currency == "USDC"
    assert summed(r, "-12%") == pytest.approx(-2.0 * 103.0 * 0.12, rel=1e-14)
    assert summed(r, "+300% iv up (extended)") == pytest.approx(2.0 * 103.0 * RANGE, rel=1e-14)


@pytest.mark.rule("DERIBIT-PM-04")
@pytest.mark.parametrize("linear", [False, True])
def test_an_option_is_revalued_on_its_own_forward(linear: bool) -> None:
    found = desk(spot=100.0, USDC=1.0, BTC=1.0)
    found.add_expiry(WEEK, variable=106.0, rate=0.4)
    option(found, 2.0, 101.0, False, vol=0.6, multiplier=0.5, **(LINEAR if linear else {}))
    r = require(found, PM, **FIRST)
    now = black(False, 106.0, 101.0, T, 0.6)
    then = black(False, 106.0 * 0.92, 101.0, T, 0.6)
    expected = then - now if linear else then / (106.0 * 0.92) - now / 106.0
    assert summed(r, "-8%") == pytest.approx(expected, rel=1e-12)


@pytest.mark.rule("DERIBIT-PM-05")
@pytest.mark.parametrize("far", ["far_in_coin", "far_in_usd"])
def test_a_far_move_counts_a_fraction_at_the_edge_price(far: str) -> None:
    found = desk()
    found.add_expiry(120.0 * DAY)
    coins(found, -3.0)
    r = require(found, PM, pairs__BTC__extended_table_factor=1.0)
    for label in ("-66%", "-33%"):
        assert summed(r, f"{label} iv up (extended)") == pytest.approx(summed(r, "-16%"), rel=1e-13)
    for label in ("+50%", "+500%"):
        assert summed(r, f"{label} iv up (extended)") == pytest.approx(summed(r, "+16%"), rel=1e-13)
    short = desk()
    short.add_expiry(120.0 * DAY)
    strike = 300.0
    option(short, -100.0, strike, True, 120.0 * DAY, 0.9)
    t = 120.0 / 365.0
    sigma = 0.9 * (1 + 0.5 * 0.25**0.13)
    now, then = black(True, 100.0, strike, t, 0.9), black(True, 600.0, strike, t, sigma)
    value = {"far_in_coin": then / 600.0 - now / 100.0, "far_in_usd": (then - now) / 600.0}[far]
    expected = -100.0 * value * 0.7 * (RANGE / 5.0) * 6.0 / (1 + RANGE)
    free = {"pairs__BTC__extended_table_factor": 0.7, "currencies__BTC__extended_dampener": 0.0}
    r = require(short, PM, **free)
    reading = require(short, PM, **free).workings[f"reading.{far}"]
    assert reading == pytest.approx(-expected + r.workings["roll_shock"], rel=1e-9)
    # money in the premium does not count as a gain where the whole change of USD value is taken
    assert r.workings["reading.far_in_usd"] > r.workings["reading.far_in_coin"]
    assert r.binding[0].kind == "extended"


@pytest.mark.rule("DERIBIT-PM-06")
def test_only_a_part_of_a_gain_counts_up_to_a_cap_and_losses_whole() -> None:
    found = desk()
    coins(found, -5.0)
    half = {"currencies__BTC__pnl_offset": 0.5, "currencies__BTC__max_offsetable_pnl": 30.0}
    r = require(found, PM, **half)
    rows = {s.label: s.pnl for s in r.scenarios}
    assert rows["-4%"] == pytest.approx(0.5 * 5.0 * (1 / 0.96 - 1), rel=1e-12)
    assert rows["-16%"] == pytest.approx(30.0 / 100.0, rel=1e-12)
    assert rows["+16%"] == summed(r, "+16%") < 0
    assert {s.pnl for s in require(found, PM).scenarios if s.label.startswith("-")} == {0.0}


@pytest.mark.rule("DERIBIT-PM-07")
def test_far_entries_are_dampened_towards_zero() -> None:
    found = desk()
    coins(found, -5.0)
    r = require(found, PM, currencies__BTC__extended_dampener=20.0)
    rows = {s.label: s.pnl for s in r.scenarios}
    up, down = summed(r, "+16%"), summed(r, "-16%")
    cut = (0.5 / RANGE - 1) * 20.0 / (1.16 * 100.0)
    assert rows["+50% iv up (extended)"] == pytest.approx(up + cut, rel=1e-12)
    assert rows["+500% iv up (extended)"] == 0.0
    assert rows["-33% iv up (extended)"] == pytest.approx(down - (0.33 / RANGE - 1) * 20.0 / (0.84 * 100.0), rel=1e-12)


@pytest.mark.rule("DERIBIT-PM-08")
def test_the_worst_case_is_the_largest_loss_and_the_first_of_equals() -> None:
    found = desk()
    coins(found, 1.0)
    r = require(found, PM, currencies__BTC__extended_dampener=0.0)
    assert r.workings["worst_case"] == pytest.approx(1 / 0.84 - 1, rel=1e-14)
    assert (r.binding[0].label, r.binding[0].kind) == ("-16% iv up", "standard")
    coins(found, -1.0)
    still = require(found, PM)
    assert (still.workings["worst_case"], still.binding[0].label) == (0.0, "no loss")


@pytest.mark.rule("DERIBIT-PM-08")
def test_underlyings_are_added() -> None:
    found = desk(USDC=1_000.0)
    found.indices["ETH"] = {"price": 10.0}
    found.add_perpetual(1.0, 100.0, **LINEAR)
    found.add_perpetual(-12.0, 10.0, underlying="ETH", **LINEAR)
    r = require(found, PM, currencies__USD__pnl_offset=0.5, currencies__USD__max_offsetable_pnl=1e6)
    assert r.workings["worst_case"] == pytest.approx(16.0 + 12.0 * 10.0 * 0.18, rel=1e-12)
    assert [b.label for b in r.binding] == ["-16% iv up", "+18% iv up"]
    # a gain of half of 16 stands against the loss of 21.6 if both go up
    assert r.workings["reading.underlyings_together"] == pytest.approx(21.6 - 8.0 + r.workings["roll_shock"], rel=1e-12)
    assert r.workings["reading.underlyings_apart"] > r.workings["reading.underlyings_together"]
    assert {s.label for s in r.scenarios} >= {"BTC -16% iv up", "ETH +18%"}
