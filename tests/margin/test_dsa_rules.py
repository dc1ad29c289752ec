"""DSA, each rule alone, against hand calculations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import plimsoll as pl
from builders import CALL, PERP, account_doc, market_doc
from dsa_toy import DAYS, T, house, quadratic_at, require, straddle, toy
from naive.black import black, call_delta
from plimsoll.documents import DocumentError
from plimsoll.margin import find_rules, margin_model, open_book
from plimsoll.margin.house.dsa import Dsa
from rule_books import DAY, Desk

PACK = find_rules("dsa@2025-01-01")


def density(x: float) -> float:
    return math.exp(-x * x / 2.0) / math.sqrt(2.0 * math.pi)


def straddle_greeks(vol: float = 0.5) -> list[float]:
    """Derivatives of a long straddle at the money in a relative move of 100 and of its volatility, by hand."""
    s = vol * math.sqrt(T)
    d1, d2 = s / 2.0, -s / 2.0
    n = density(d1)
    vega = 2.0 * 100.0 * n * math.sqrt(T) * vol
    return [
        100.0 * (4.0 * call_delta(100.0, 100.0, T, vol) / 2.0 - 1.0),
        2.0 * 100.0 * n / s,
        vega,
        -2.0 * n * d2 / vol * 100.0 * vol,
        vega * d1 * d2,
    ]


@pytest.mark.rule("DSA-01")
def test_underlyings_are_added_and_the_largest_term_is_the_core() -> None:
    desk = house()
    desk.indices["ETH"] = {"price": 10.0}
    desk.add_perpetual(2.0)
    desk.add_perpetual(-30.0, 10.0, underlying="ETH")
    found = require(desk, delta_rate=0.2, min_delta__net=0.1)
    assert (found.workings["BTC.used"], found.workings["ETH.used"]) == pytest.approx((32.0, 48.0), rel=1e-12)
    assert found.initial == pytest.approx(0.2 * (200.0 + 300.0), rel=1e-12)
    assert [(b.underlying, b.kind) for b in found.binding] == [("BTC", "delta"), ("ETH", "delta")]
    assert [c.initial for c in found.components] == pytest.approx([80.0, 20.0, 0.0], rel=1e-12, abs=1e-12)
    largest = require(desk, delta_rate=0.2, min_delta__net=0.3)
    assert [c.initial for c in largest.components] == pytest.approx([80.0, 20.0, 50.0], rel=1e-12)
    smallest = require(desk, delta_rate=0.1)
    assert [b.label for b in smallest.binding] == ["-16% iv +40%", "+16% iv +40%"]
    assert smallest.initial == pytest.approx(80.0, rel=1e-12)


@pytest.mark.rule("DSA-02")
def test_the_charge_on_the_net_delta() -> None:
    desk = straddle(-2.0)
    desk.add_perpetual(1.0)
    net = 1.0 - 2.0 * (2.0 * call_delta(100.0, 100.0, T, 0.5) - 1.0)
    assert require(desk, delta_rate=0.07).workings["BTC.delta"] == pytest.approx(0.07 * net * 100.0, rel=1e-12)


@pytest.mark.rule("DSA-03")
def test_the_minimum_delta_charge_of_the_worked_fixture() -> None:
    """Net -0.5, gross 2.5 at 70,000: 2 % of 0.5 and 1 % of the hedged 1.0."""
    desk = Desk(spot=70_000.0, cash="USD")
    for quantity in (1.0, -1.5):
        desk.add_perpetual(quantity, 70_000.0)
    found = Dsa(PACK).requirement(desk.account, desk.market)
    assert found.workings["BTC.min_delta"] == pytest.approx(1_400.0, rel=1e-12)
    house_model = margin_model("prbm@2025-01-01").requirement(desk.account, desk.market)
    assert house_model.workings["BTC.min_delta"] == found.workings["BTC.min_delta"]


@pytest.mark.rule("DSA-04")
def test_the_coefficients_of_a_straddle_by_hand() -> None:
    found = require(straddle(1.0)).workings
    names = ("delta", "gamma", "vega", "vanna", "volga")
    assert [found[f"BTC.coefficient.{n}"] for n in names] == pytest.approx(straddle_greeks(), rel=1e-10)


@pytest.mark.rule("DSA-05")
@pytest.mark.parametrize(("days", "factor"), [(7.5, 4.0**0.3), (0.25, 30.0**0.3), (120.0, 0.25**0.13), (30.0, 1.0)])
def test_one_volatility_move_reaches_every_expiry_by_its_power_law(days: float, factor: float) -> None:
    desk = Desk(cash="USD")
    desk.add_option(-1.0, 103.0, True, desk.add_expiry(days * DAY), 0.5)
    flat = require(desk).workings
    scaled = require(desk, vol_power_short=0.3, vol_power_long=0.13).workings
    for name, power in (("delta", 0), ("gamma", 0), ("vega", 1), ("vanna", 1), ("volga", 2)):
        assert scaled[f"BTC.coefficient.{name}"] == pytest.approx(
            flat[f"BTC.coefficient.{name}"] * factor**power, rel=1e-12
        )


@pytest.mark.rule("DSA-06", "DSA-11")
def test_the_worst_corner_of_a_short_straddle_and_its_shares() -> None:
    desk = straddle(-1.0)
    found = require(desk)
    values = {(x, y): quadratic_at(np.array(straddle_greeks()), x, y) for x in (-0.16, 0.16) for y in (-0.22, 0.4)}
    assert max(values, key=lambda p: values[p]) == (0.16, 0.4)
    assert found.binding[0].label == "+16% iv +40%"
    assert found.initial == pytest.approx(values[0.16, 0.4], rel=1e-10)
    shares = {s.subject: s.initial for s in found.shares}
    assert sum(shares.values()) == pytest.approx(found.initial, rel=1e-12)
    # call and put share gamma and vega, so what sets their shares apart is a forward
    assert shares["OPTION-0"] - shares["OPTION-1"] == pytest.approx(16.0, rel=1e-10)


@pytest.mark.rule("DSA-06", "DSA-11")
def test_shares_are_the_gradient_at_the_charged_point() -> None:
    """A point inside the box moves with the position, yet to first order the loss does not notice."""
    desk = straddle(1.0)
    desk.add_perpetual(-0.2)
    model = toy()
    found = model.requirement(desk.account, desk.market)
    for share in found.component("box").shares:
        held = next(p.quantity for p in desk.account.positions if p.instrument == share.subject)
        step = 1e-4 * held
        up = model.incremental(desk.account, desk.market, share.subject, step).initial
        down = model.incremental(desk.account, desk.market, share.subject, -step).initial
        assert (up - down) / (2.0 * step) * held == pytest.approx(share.initial, rel=1e-5)


@pytest.mark.rule("DSA-07")
def test_the_box_goes_before_the_floors() -> None:
    desk = house()
    desk.add_perpetual(1.0)
    # a quarter is exact in binary
    found = require(desk, box__move=0.25, delta_rate=0.25, min_delta__net=0.25)
    assert found.workings["BTC.used"] == found.workings["BTC.delta"] == found.workings["BTC.min_delta"] == 25.0
    assert found.binding[0].kind == "box"
    assert [c.initial for c in found.components] == [25.0, 0.0, 0.0]


@pytest.mark.rule("DSA-12")
def test_maintenance_is_a_share_of_every_component() -> None:
    desk = straddle()
    desk.add_perpetual(1.0)
    found = require(desk, delta_rate=0.5, min_delta__net=0.6, maintenance_factor=0.35)
    assert all(c.initial > 0.0 for c in found.components)
    assert [c.maintenance for c in found.components] == pytest.approx([0.35 * c.initial for c in found.components])


@pytest.mark.rule("DSA-13")
def test_equity_is_that_of_the_scenario_model() -> None:
    desk = straddle(2.0)
    desk.add_perpetual(10.0, settlement="inverse", currency="BTC", unrealised=0.03, funding=-0.01)
    desk.add_collateral("USD", 1_000.0)
    desk.add_collateral("BTC", 2.0)
    found = Dsa(PACK).requirement(desk.account, desk.market)
    value = 4.0 * black(True, 100.0, 100.0, T, 0.5)
    assert found.net_equity == pytest.approx(1_000.0 + 200.0 * 0.95 + value + 0.02 * 100.0, rel=1e-12)
    assert margin_model("prbm@2025-01-01").requirement(desk.account, desk.market).net_equity == found.net_equity


@pytest.mark.rule("DSA-14")
def test_the_difference_to_the_scenario_model_is_reported() -> None:
    account, market = pl.Account.from_dict(account_doc()), pl.Market.from_dict(market_doc())
    found = margin_model("dsa@2026-01-01").requirement(account, market).workings
    scan = margin_model("prbm@2026-01-01").requirement(account, market).workings["BTC.scan"]
    assert found["BTC.prbm_scan"] == scan > 0.0
    assert found["BTC.difference_to_prbm"] == found["BTC.used"] - scan
    naked = pl.Account.from_dict(account_doc({CALL: -1.0}))
    short = margin_model("dsa@2026-01-01").requirement(naked, market).workings
    # the far moves of the table are outside the box: that is what a Greeks margin does not see
    assert short["BTC.prbm_scan"] == pytest.approx(11_046, abs=0.5)
    assert short["BTC.difference_to_prbm"] < 0.0
    perpetual = pl.Account.from_dict(account_doc({PERP: 1.0}))
    linear = margin_model("dsa@2026-01-01").requirement(perpetual, market).workings
    assert linear["BTC.difference_to_prbm"] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.rule("DSA-15")
def test_delta_charges_of_long_options_alone_are_capped_by_their_value_if_the_pack_says_so() -> None:
    desk = Desk(cash="USD")
    near = desk.add_expiry(DAY)
    desk.add_option(1.0, 104.0, True, near, 0.4)
    value = black(True, 100.0, 104.0, 1.0 / 365.0, 0.4)
    delta = 100.0 * call_delta(100.0, 104.0, 1.0 / 365.0, 0.4)
    settings: dict[str, Any] = {"delta_rate": 0.05, "min_delta__net": 0.03}
    capped, free = (require(desk, **settings, min_delta__cap_long_options=on).workings for on in (True, False))
    assert value < 0.03 * delta
    assert [capped[f"BTC.{n}"] for n in ("delta", "min_delta")] == pytest.approx([value, value], rel=1e-9)
    assert [free[f"BTC.{n}"] for n in ("delta", "min_delta")] == pytest.approx([0.05 * delta, 0.03 * delta], rel=1e-9)


@pytest.mark.rule("DSA-16")
@pytest.mark.parametrize(("size", "worst"), [(-1.0, 100.0 * 0.16), (2.0, 0.0)])
def test_an_option_without_a_volatility_stands_at_its_bound(size: float, worst: float) -> None:
    desk = house()
    desk.add_option(size, 100.0, True, DAYS * DAY, None)
    with pytest.raises(DocumentError, match="missing_vol"):
        toy().requirement(desk.account, desk.market)
    found = toy().requirement(desk.account, desk.market, "conservative")
    assert found.workings["BTC.used"] == pytest.approx(worst, rel=1e-12)
    assert found.workings["BTC.bound"] < 1e-9
    assert [f.effect for f in found.failures] == ["conservative"]


@pytest.mark.rule("DSA-16")
def test_a_long_option_without_a_forward_is_worth_nothing_and_loses_nothing() -> None:
    desk = house()
    desk.add_option(3.0, 100.0, True, DAYS * DAY, settlement="inverse", currency="BTC")
    desk.add_perpetual(1.0)
    del desk.expiries["BTC", DAYS * DAY]["forward"]
    found = toy().requirement(desk.account, desk.market, "conservative")
    assert found.initial == pytest.approx(16.0, rel=1e-12)
    assert found.workings["BTC.bound"] < 1e-9


@pytest.mark.rule("DSA-17")
def test_other_modes_and_unknown_assets_are_refused() -> None:
    desk = house()
    desk.add_perpetual(1.0)
    isolated = desk.account.model_copy(update={"mode": "isolated"})
    with pytest.raises(DocumentError, match=r"account\.mode"):
        Dsa(PACK).requirement(isolated, desk.market)
    assert "portfolio" in (Dsa(PACK).applies_to(isolated, desk.market) or "")
    desk.add_collateral("SHELLS", 5.0, 1.0)
    with pytest.raises(DocumentError, match=r"account\.collateral\.SHELLS"):
        Dsa(PACK).requirement(desk.account, desk.market)


@pytest.mark.rule("DSA-01")
def test_an_empty_account_and_a_position_of_size_zero_need_nothing() -> None:
    desk = house()
    empty = require(desk)
    assert (empty.initial, empty.health, empty.notes) == (0.0, None, ())
    name = desk.add_perpetual(0.0, funding=-7.0)
    del desk.marks[name]
    found = require(desk)
    assert (found.initial, found.net_equity) == (0.0, -7.0)
    assert open_book(desk.account, desk.market).names == (name,)
