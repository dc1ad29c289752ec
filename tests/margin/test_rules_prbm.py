"""The house model, each rule alone, against hand calculations with the naive Black-76."""

from __future__ import annotations

from typing import Any

import pytest

from naive.black import black, call_delta
from plimsoll.documents import DocumentError
from plimsoll.margin import Requirement, find_rules
from plimsoll.margin.house.prbm import Prbm
from rule_books import DAY, Desk, changed, rules_of

PACK = find_rules("prbm@2025-01-01")
T = 0.2
DAYS = 73.0

PLAIN: dict[str, Any] = {
    "scenarios": [{"move": 0.0, "vol": 0.0, "weight": 1.0}],
    "vol_power_short": 0.0,
    "vol_power_long": 0.0,
    "vol_reference_days": 30.0,
    "vol_days_floor": 1.0,
    "min_delta": {"net": 0.0, "hedged": 0.0, "cap_long_options": False},
    "short_option_rate": 0.0,
    "basis": {"up": 1.0, "down": 1.0, "add": 0.0, "mult": 0.0},
    "maintenance_factor": 0.5,
    "haircuts": {"USD": 0.0, "BTC": 0.1, "GOLD": 0.2},
}


def require(desk: Desk, *rows: tuple[float, float, float], **changes: Any) -> Requirement:
    """The requirement under `(move, vol, weight)` rows and the rules that `changes` switch on."""
    parameters = changed(PLAIN, {k.replace("__", "."): v for k, v in changes.items()})
    if rows:
        parameters["scenarios"] = [{"move": m, "vol": v, "weight": w} for m, v, w in rows]
    return Prbm(rules_of("prbm", "USD", parameters)).requirement(desk.account, desk.market)


def house() -> Desk:
    """A desk in dollars with one expiry 73 days away."""
    desk = Desk(cash="USD")
    desk.add_expiry(DAYS * DAY)
    return desk


def option(quantity: float, strike: float = 100.0, call: bool = True, vol: float = 0.5, **terms: Any) -> Desk:
    desk = house()
    desk.add_option(quantity, strike, call, DAYS * DAY, vol, **terms)
    return desk


def worth(strike: float = 100.0, call: bool = True, forward: float = 100.0, vol: float = 0.5) -> float:
    return black(call, forward, strike, T, vol)


@pytest.mark.rule("PRBM-01")
def test_underlyings_are_added_and_the_largest_term_is_the_core() -> None:
    desk = option(-2.0)
    desk.indices["ETH"] = {"price": 10.0}
    desk.add_perpetual(30.0, 10.0, underlying="ETH")
    settings = {"short_option_rate": 0.3, "min_delta__net": 0.01, "basis__up": 1.02, "basis__add": 1.0}
    found = require(desk, (0.1, 0.0, 1.0), (-0.1, 0.0, 1.0), **settings)
    assert found.workings["ETH.scan"] == pytest.approx(30.0, rel=1e-12)
    floor = 0.3 * 100.0 * 2.0
    assert found.workings["BTC.scan"] == pytest.approx(2.0 * (worth(forward=110.0) - worth()), rel=1e-10)
    assert 0.0 < found.workings["BTC.scan"] < floor
    basis = 2.0 * (worth(forward=102.0) - worth())
    assert found.initial == pytest.approx(30.0 + floor + basis, rel=1e-10)
    assert [(b.underlying, b.kind) for b in found.binding] == [("BTC", "short_option"), ("ETH", "scan")]


@pytest.mark.rule("PRBM-02")
def test_the_scan_is_the_worst_loss_and_never_negative() -> None:
    desk = house()
    desk.add_perpetual(3.0)
    rows = ((0.1, 0.0, 1.0), (-0.05, 0.0, 1.0), (-0.02, 0.0, 1.0))
    assert require(desk, *rows).workings["BTC.scan"] == pytest.approx(15.0, rel=1e-12)
    won = require(desk, (0.1, 0.0, 1.0))
    assert (won.workings["BTC.scan"], won.initial, won.health) == (0.0, 0.0, None)
    assert won.binding[0].label == "no loss"


@pytest.mark.rule("PRBM-03")
def test_a_far_move_counts_its_weight() -> None:
    desk = house()
    desk.add_perpetual(1.0)
    found = require(desk, (-0.16, 0.0, 1.0), (-0.66, 0.0, 0.24), (-0.5, 0.0, 0.4))
    assert [s.pnl for s in found.scenarios] == pytest.approx([-16.0, -15.84, -20.0], rel=1e-12)
    assert found.binding[0].label == "-50%"


@pytest.mark.rule("PRBM-04")
@pytest.mark.parametrize(
    ("days", "shock", "multiplier"),
    [
        (7.5, 0.4, 1.0 + 0.4 * 4.0**0.3),
        (7.5, -0.22, 1.0 - 0.22 * 4.0**0.3),
        (0.1, 0.4, 1.0 + 0.4 * 30.0**0.3),
        (120.0, 0.4, 1.0 + 0.4 * 0.25**0.13),
        (30.0, 0.4, 1.4),
        (1.0, -0.8, 0.0),  # 1 - 0.8 * 30^0.3 = -1.2
    ],
)
def test_volatility_shocks_follow_a_power_law_in_time(days: float, shock: float, multiplier: float) -> None:
    desk = Desk(cash="USD")
    desk.add_option(-1.0, 101.0, True, desk.add_expiry(days * DAY), 0.5)
    law = {"vol_power_short": 0.3, "vol_power_long": 0.13}
    t = days / 365.0
    expected = black(True, 100.0, 101.0, t, 0.5) - black(True, 100.0, 101.0, t, 0.5 * multiplier)
    assert require(desk, (0.0, shock, 1.0), **law).scenarios[0].pnl == pytest.approx(expected, rel=1e-9)


@pytest.mark.rule("PRBM-05")
def test_what_is_already_averaged_does_not_move() -> None:
    desk = Desk(spot=101.0, cash="USD")
    soon = desk.add_expiry(900.0, variable=50.0, fixed=50.0)
    desk.add_option(1.0, 40.0, True, soon)
    assert require(desk, (0.05, 0.0, 1.0)).scenarios[0].pnl == pytest.approx(2.5, rel=1e-10)
    future = Desk(cash="USD")
    future.add_future(2.0, future.add_expiry(900.0, variable=50.0, fixed=50.0), 100.0)
    future.add_perpetual(3.0, 102.0)
    assert require(future, (0.05, 0.0, 1.0)).scenarios[0].pnl == pytest.approx(5.0 + 15.3, rel=1e-10)


@pytest.mark.rule("PRBM-06")
def test_options_are_not_discounted() -> None:
    desk = Desk(cash="USD")
    desk.add_option(1.0, 100.0, True, desk.add_expiry(DAYS * DAY, rate=0.5))
    found = require(desk, (-0.1, 0.0, 1.0))
    assert found.net_equity == pytest.approx(worth(), rel=1e-12)
    assert found.scenarios[0].pnl == pytest.approx(worth(forward=90.0) - worth(), rel=1e-10)


@pytest.mark.rule("PRBM-07")
def test_coin_settled_contracts_are_converted_at_the_shocked_index() -> None:
    desk = house()
    coin = {"settlement": "inverse", "currency": "BTC"}
    desk.add_perpetual(-30.0, 102.0, multiplier=10.0, **coin)
    desk.add_option(2.0, 100.0, False, DAYS * DAY, multiplier=0.5, **coin)
    coins = -300.0 * (1.0 / 102.0 - 1.0 / (102.0 * 1.5))
    put_now, put_then = worth(call=False), worth(call=False, forward=150.0)
    expected = coins * 150.0 + (put_then / 150.0) * 150.0 - (put_now / 100.0) * 100.0
    found = require(desk, (0.5, 0.0, 1.0))
    assert found.scenarios[0].pnl == pytest.approx(expected, rel=1e-10)
    # index and forward apart: the coins are those of the forward, the dollars those of the index
    apart = Desk(spot=98.0, cash="USD")
    apart.add_option(2.0, 100.0, False, apart.add_expiry(DAYS * DAY), multiplier=0.5, **coin)
    assert require(apart).net_equity == pytest.approx(put_now / 100.0 * 98.0, rel=1e-12)
    change = put_then / 150.0 * 147.0 - put_now / 100.0 * 98.0
    assert require(apart, (0.5, 0.0, 1.0)).scenarios[0].pnl == pytest.approx(change, rel=1e-10)


@pytest.mark.rule("PRBM-08", "PRBM-09")
def test_the_minimum_delta_charge_by_hand() -> None:
    desk = house()
    desk.add_perpetual(1.5)
    desk.add_option(-4.0, 110.0, True, DAYS * DAY)
    desk.add_option(2.0, 90.0, False, DAYS * DAY, multiplier=0.5)
    desk.add_perpetual(-200.0, 80.0, settlement="inverse", currency="BTC")
    deltas = [
        1.5,
        -4.0 * call_delta(100.0, 110.0, T, 0.5),
        2.0 * 0.5 * (call_delta(100.0, 90.0, T, 0.5) - 1.0),
        -200.0 / 80.0,
    ]
    net, gross = abs(sum(deltas)), sum(abs(d) for d in deltas)
    expected = (0.02 * net + 0.01 * (gross - net) / 2.0) * 100.0
    found = require(desk, min_delta__net=0.02, min_delta__hedged=0.01)
    assert found.workings["BTC.min_delta"] == pytest.approx(expected, rel=1e-10)
    assert found.binding[0].label == "minimum delta charge"


@pytest.mark.rule("PRBM-10")
def test_the_charge_of_a_long_option_book_is_capped_by_its_value_if_the_pack_says_so() -> None:
    """One day to go and 4 % out of the money: the premium is less than 2 % of the delta."""
    desk = Desk(cash="USD")
    near = desk.add_expiry(DAY)
    desk.add_option(1.0, 104.0, True, near, 0.4)
    value = black(True, 100.0, 104.0, 1.0 / 365.0, 0.4)
    whole = 0.02 * 100.0 * call_delta(100.0, 104.0, 1.0 / 365.0, 0.4)
    assert value < whole
    capped, free = (require(desk, min_delta__net=0.02, min_delta__cap_long_options=on) for on in (True, False))
    assert capped.workings["BTC.min_delta"] == pytest.approx(value, rel=1e-9)
    assert free.workings["BTC.min_delta"] == pytest.approx(whole, rel=1e-9)
    # a perpetual beside it is charged its own delta: the cap is for each bought option, not for the whole book
    desk.add_perpetual(0.5)
    both = require(desk, min_delta__net=0.02, min_delta__cap_long_options=True).workings["BTC.min_delta"]
    assert both == pytest.approx(value + 0.02 * 0.5 * 100.0, rel=1e-9)


@pytest.mark.rule("PRBM-11")
def test_net_short_coins_by_expiry_and_kind() -> None:
    desk = house()
    far = desk.add_expiry(146.0 * DAY)
    for quantity, strike, call, expiry in (
        (-3.0, 120.0, True, DAYS * DAY),
        (1.0, 90.0, True, DAYS * DAY),  # 2 net short: any strike nets
        (4.0, 80.0, False, DAYS * DAY),  # puts are long and cover no call
        (-1.0, 80.0, False, far),  # 1 more: another expiry covers nothing
    ):
        desk.add_option(quantity, strike, call, expiry)
    desk.add_option(-5.0, 90.0, False, far, multiplier=0.1)  # half a coin
    assert require(desk, short_option_rate=0.01).workings["BTC.short_option"] == pytest.approx(3.5, rel=1e-12)


@pytest.mark.rule("PRBM-12")
def test_the_basis_charge_takes_the_worse_shock_of_each_expiry() -> None:
    desk = option(-1.0, 110.0)
    far = desk.add_expiry(146.0 * DAY)
    desk.add_future(2.0, far, 103.0)
    desk.add_perpetual(50.0)
    settings = {"basis__up": 1.04, "basis__down": 0.97, "basis__add": 0.5, "basis__mult": 2.0}
    short = worth(110.0, forward=104.0) - worth(110.0)
    expected = short * (0.5 + 2.0 * 0.2) + 2.0 * 0.03 * 103.0 * (0.5 + 2.0 * 0.4)
    found = require(desk, **settings)
    assert found.component("basis").initial == pytest.approx(expected, rel=1e-10)


@pytest.mark.rule("PRBM-13")
def test_maintenance_is_a_share_of_every_component() -> None:
    desk = option(-1.0)
    settings = {"basis__up": 1.04, "basis__add": 0.5, "short_option_rate": 0.5, "min_delta__net": 0.2}
    found = require(desk, (0.1, 0.1, 1.0), maintenance_factor=0.35, **settings)
    charged = {c.name: c.initial for c in found.components}
    assert all(amount > 0.0 for amount in charged.values())
    assert [c.maintenance for c in found.components] == pytest.approx([0.35 * a for a in charged.values()])
    assert found.initial == pytest.approx(50.0 + charged["basis"], rel=1e-12)
    assert found.maintenance == pytest.approx(0.35 * found.initial, rel=1e-12)


@pytest.mark.rule("PRBM-14")
def test_equity_is_collateral_after_haircut_and_every_open_profit() -> None:
    desk = option(2.0, 90.0)
    desk.add_option(-1.0, 120.0, True, DAYS * DAY)
    desk.add_perpetual(1.0, unrealised=12.0, funding=-2.5)
    desk.add_perpetual(10.0, settlement="inverse", currency="BTC", unrealised=0.03)
    desk.add_perpetual(4.0, 108.0)
    desk.positions[-1] = {"instrument": desk.positions[-1]["instrument"], "quantity": 4.0, "entry_price": 105.0}
    desk.add_collateral("USD", 1_000.0)
    desk.add_collateral("BTC", 2.0)
    desk.add_collateral("GOLD", -3.0, 50.0)
    money = 1_000.0 + 2.0 * 100.0 * 0.9 - 3.0 * 50.0 * 1.2
    open_profit = 12.0 - 2.5 + 0.03 * 100.0 + 4.0 * 3.0
    expected = money + 2.0 * worth(90.0) - worth(120.0) + open_profit
    assert require(desk).net_equity == pytest.approx(expected, rel=1e-12)


@pytest.mark.rule("PRBM-15")
def test_a_tie_goes_to_the_first_scenario_and_to_the_scan() -> None:
    desk = house()
    desk.add_perpetual(1.0)
    rows = ((-0.5, 0.0, 0.5), (-0.25, 0.0, 1.0), (-0.25, 0.4, 1.0))
    found = require(desk, *rows, min_delta__net=0.25)
    assert found.workings["BTC.min_delta"] == found.workings["BTC.scan"] == 25.0
    assert (found.binding[0].kind, found.binding[0].label) == ("scan", "-50%")
    assert (found.component("scan").initial, found.component("min_delta").initial) == (25.0, 0.0)
    above = require(desk, *rows, min_delta__net=0.5)
    assert (above.component("scan").initial, above.component("min_delta").initial) == (25.0, 25.0)


@pytest.mark.rule("PRBM-16")
def test_shares_are_what_each_position_loses_in_the_binding_scenario() -> None:
    desk = house()
    hedge = desk.add_perpetual(-0.4)
    call = desk.add_option(1.0, 100.0, True, DAYS * DAY)
    found = require(desk, (0.1, 0.0, 1.0), (-0.1, -0.2, 0.5))
    assert found.binding[0].label == "-10% iv -20%"
    shares = {s.subject: s.initial for s in found.component("scan").shares}
    lost = worth() - worth(forward=90.0, vol=0.4)
    assert shares == {hedge: pytest.approx(-0.4 * 10.0 * 0.5), call: pytest.approx(0.5 * lost, rel=1e-9)}
    assert sum(shares.values()) == pytest.approx(found.workings["BTC.scan"], rel=1e-12)


@pytest.mark.rule("PRBM-17")
@pytest.mark.parametrize("days", [0.2, 1.0, 30.0, 400.0])
@pytest.mark.parametrize("strike", [40.0, 95.0, 100.0, 130.0, 400.0])
def test_long_options_never_lose_more_than_they_are_worth(days: float, strike: float) -> None:
    desk = Desk(cash="USD")
    seconds = desk.add_expiry(days * DAY)
    desk.add_option(1.0, strike, True, seconds, 0.6)
    desk.add_option(0.5, strike, False, seconds, 0.6)
    found = Prbm(PACK).requirement(desk.account, desk.market)
    value = black(True, 100.0, strike, days / 365.0, 0.6) + 0.5 * black(False, 100.0, strike, days / 365.0, 0.6)
    assert found.workings["BTC.scan"] <= value * (1.0 + 1e-12)
    assert found.net_equity == pytest.approx(value, rel=1e-9, abs=1e-12)


@pytest.mark.rule("PRBM-18")
def test_other_modes_and_unknown_assets_are_refused() -> None:
    desk = house()
    desk.add_perpetual(1.0)
    isolated = desk.account.model_copy(update={"mode": "isolated"})
    with pytest.raises(DocumentError, match=r"account\.mode"):
        Prbm(PACK).requirement(isolated, desk.market)
    desk.add_collateral("SHELLS", 5.0, 1.0)
    with pytest.raises(DocumentError, match=r"account\.collateral\.SHELLS"):
        Prbm(PACK).requirement(desk.account, desk.market)
