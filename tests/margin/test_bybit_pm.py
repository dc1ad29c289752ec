"""Bybit's portfolio margin, one rule at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import plimsoll as pl
from bybit_books import QUARTER, WEEK, perpetual, portfolios
from bybit_desk import INVERSE, LINEAR, PM, PM_2024, books, changed, held, model_of, option, require
from naive.black import black, call_delta
from plimsoll.conformance.case import run_case
from plimsoll.conformance.shipped import shipped_cases
from plimsoll.margin.venues.bybit.money import account_rate
from plimsoll.margin.venues.bybit.pm_contingencies import paired
from random_books import SOME

BTC = 70_000.0
PERP_USDC = perpetual("BTCPERP", "BTC", "USDC")
DAYS = {WEEK: 7.0 + 1.0 / 3.0, QUARTER: 85.0 + 1.0 / 3.0}
FORWARD = {WEEK: BTC * 1.002, QUARTER: BTC * 1.02}


def example(**changes: float) -> Any:
    case = next(c for c in shipped_cases() if c.id == "bybit-pm-api-example")
    return run_case(case, changed(PM, **changes).rules if changes else None)


@pytest.mark.rule("BYBIT-PM-01", "BYBIT-PM-02", "BYBIT-PM-11")
def test_a_perpetual_loses_ten_percent_and_needs_a_fifth_more() -> None:
    r = require(PM, held(LINEAR, 2.0))
    worst = 0.1 * 2.0 * BTC
    assert r.component("max_loss").maintenance == pytest.approx(worst)
    charges = 0.02181 * 2.0 * BTC + 0.0003 * 2.0 * BTC
    assert r.maintenance == pytest.approx(worst + charges)
    assert r.initial == pytest.approx(1.2 * r.maintenance)
    assert (len(r.scenarios), r.binding[0].label) == (33, "-10% iv up")
    assert require(PM_2024, held(LINEAR, 2.0)).component("max_loss").maintenance == pytest.approx(1.5 * worst)


@pytest.mark.rule("BYBIT-PM-01")
def test_contracts_on_a_coin_are_one_unit_and_coins_are_added() -> None:
    eth = perpetual("ETHUSDT", "ETH")
    apart = [require(PM, held(row, q)).maintenance for row, q in ((LINEAR, 1.0), (eth, 30.0))]
    assert require(PM, held(LINEAR, 1.0), held(eth, 30.0)).maintenance == pytest.approx(sum(apart))
    r = require(PM, held(LINEAR, 1.0), held(PERP_USDC, -1.0))
    assert r.component("max_loss").maintenance == pytest.approx(0.0, abs=1e-9)
    assert r.binding[0].label in ("no loss", "-10% iv up")
    assert require(PM).initial == 0.0


@pytest.mark.rule("BYBIT-PM-03", "BYBIT-PM-04")
@pytest.mark.parametrize("day", [WEEK, QUARTER])
def test_a_short_call_is_revalued_at_shocked_forward_and_volatility_against_its_mark(day: str) -> None:
    row, mark = option(76_000.0, expiry=day), 1.05 * black(True, FORWARD[day], 76_000.0, DAYS[day] / 365.0, 0.5)
    r = require(PM, held(row, -1.0), marks={row["name"]: {"vol": 0.5, "price": mark}}, assets={"USDT": 0.99})
    whole = math.ceil(DAYS[day])
    vol = 0.5 * (1.0 + 0.24 * (30.0 / whole) ** 0.3)
    value = black(True, FORWARD[day] * 1.1, 76_000.0, DAYS[day] / 365.0, vol)
    assert r.component("max_loss").maintenance == pytest.approx((value - mark) * 0.99)
    assert r.binding[0].label == "+10% iv up"
    shocked = [s.label for s in r.scenarios][:3]
    assert shocked == ["-10% iv up", "-10%", "-10% iv down"]
    level = {s.label: s.pnl for s in r.scenarios}["0% iv down"]
    low = black(True, FORWARD[day], 76_000.0, DAYS[day] / 365.0, 0.5 * (1.0 - 0.2 * (30.0 / whole) ** 0.3))
    assert level == pytest.approx((mark - low) * 0.99)


@pytest.mark.rule("BYBIT-PM-03")
def test_a_day_begun_counts_whole() -> None:
    """Twenty minutes do not move the shock, and crossing a whole day does."""

    def worst(time: str) -> float:
        row = option(70_000.0)
        account, market = books(held(row, -1.0), mode="portfolio")
        content = market.to_dict() | {"time": time}
        found = pl.margin_model(PM).requirement(account, pl.Market.from_dict(content))
        return next(s.pnl for s in found.scenarios if s.label == "0% iv up")

    # the value falls with time: the shock is told apart by the relative change of the gain
    early, later, next_day = (worst(f"2026-01-01T{t}Z") for t in ("08:00:00", "08:20:00", "07:40:00"))
    assert abs(later / early - 1.0) < 4e-4
    assert next_day / early - 1.0 < -2e-3 or next_day / early - 1.0 > 2e-3


@pytest.mark.rule("BYBIT-PM-04")
def test_a_gain_in_coin_turns_into_usd_at_the_shocked_price() -> None:
    r = require(PM, held(INVERSE, 70_000.0))
    losses = {s.label: s.pnl for s in r.scenarios}
    # so many USD of an inverse contract gain as many USD as the same coins of a linear one would
    assert losses["-10%"] == pytest.approx(-0.1 * BTC)
    assert losses["+10%"] == pytest.approx(0.1 * BTC)


@pytest.mark.rule("BYBIT-PM-05")
def test_spot_hedges_against_the_delta_of_the_derivatives_only_and_where_it_gains() -> None:
    short, money = held(LINEAR, -2.0), {"BTC": 5.0, "USDT": 1e5}
    on = require(PM, short, collateral=money, settings={"spot_hedging": True})
    assert on.workings["BTC.hedging_spot"] == 2.0
    losses = {s.label: s.pnl for s in on.scenarios}
    assert losses["+10%"] == pytest.approx(0.0, abs=1e-9)
    assert losses["-10%"] == pytest.approx(0.2 * BTC)
    for off in ({"collateral": money}, {"collateral": money, "settings": {"spot_hedging": False}}):
        r = require(PM, short, **off)
        assert r.workings["BTC.hedging_spot"] == 0.0
        assert r.component("max_loss").maintenance == pytest.approx(0.2 * BTC)
    same = require(PM, held(LINEAR, 2.0), collateral=money, settings={"spot_hedging": True})
    assert same.workings["BTC.hedging_spot"] == 0.0
    assert any("spot hedging is on" in note for note in same.notes)
    owed = require(
        PM, held(LINEAR, 2.0), collateral={"USDT": 1e5}, borrowed={"BTC": 0.5}, settings={"spot_hedging": True}
    )
    assert owed.workings["BTC.hedging_spot"] == -0.5
    assert owed.component("max_loss").maintenance == pytest.approx(0.1 * 1.5 * BTC)


@pytest.mark.rule("BYBIT-PM-06")
def test_net_short_options_are_charged_by_expiry_and_kind() -> None:
    def charge(*legs: tuple[Any, float]) -> float:
        return require(PM, *(held(row, q) for row, q in legs)).component("option_contingency").maintenance

    unit = 0.01 * BTC
    low, high = option(60_000.0, False), option(65_000.0, False)
    assert charge((low, -1.0), (high, 1.0)) == 0.0
    assert charge((low, -3.0), (high, 1.0)) == pytest.approx(2.0 * unit)
    assert charge((low, -1.0), (option(70_000.0), 1.0)) == pytest.approx(unit)
    assert charge((low, -1.0), (option(65_000.0, False, expiry=WEEK), 1.0)) == pytest.approx(unit)
    r = require(PM, held(low, -3.0), held(high, 1.0)).component("option_contingency")
    assert [s.maintenance for s in r.shares] == pytest.approx([3.0 * unit, -unit])


@pytest.mark.rule("BYBIT-PM-07")
def test_vega_that_expiries_offset_is_charged_by_the_days_between() -> None:
    near_, far = option(70_000.0, expiry=WEEK), option(70_000.0)
    r = require(PM, held(near_, -1.0), held(far, 1.0))

    def vega(day: str) -> float:
        root = math.sqrt(DAYS[day] / 365.0)
        d1 = math.log(FORWARD[day] / 70_000.0) / (0.5 * root) + 0.25 * root
        return FORWARD[day] / BTC * math.exp(-d1 * d1 / 2.0) / math.sqrt(2.0 * math.pi) * root

    charge = r.component("option_vega_contingency")
    assert charge.maintenance == pytest.approx(0.0003 * BTC * vega(WEEK) * (DAYS[QUARTER] - DAYS[WEEK]))
    # the smaller side is the one that more of would cost more
    assert [s.subject for s in charge.shares] == [near_["name"]]
    assert require(PM, held(near_, 1.0), held(far, 1.0)).component("option_vega_contingency").maintenance == 0.0


@pytest.mark.rule("BYBIT-PM-08")
def test_delta_that_settlement_currencies_offset_is_charged() -> None:
    r = require(PM, held(LINEAR, 3.0), held(PERP_USDC, -1.0))
    assert r.component("usdt_usdc_contingency").maintenance == pytest.approx(0.005 * BTC)
    r = require(PM, held(LINEAR, 3.0), held(INVERSE, -140_000.0))
    assert r.component("usdt_usdc_contingency").maintenance == pytest.approx(0.005 * 2.0 * BTC)
    assert require(PM, held(LINEAR, 3.0), held(PERP_USDC, 1.0)).component("usdt_usdc_contingency").maintenance == 0.0


@pytest.mark.rule("BYBIT-PM-09")
def test_the_dearer_of_two_delta_contingencies_or_the_venues_own() -> None:
    future = perpetual("BTC-27MAR26", "BTC", "USDC", kind="future", expiry=QUARTER)
    spread = held(LINEAR, 2.0), held(future, -2.0)
    r = require(PM, *spread).component("future_delta_contingency")
    assert r.maintenance == pytest.approx(0.6 * BTC * 2.0 * DAYS[QUARTER] / 365.0)
    assert require(PM, held(LINEAR, 2.0)).component("future_delta_contingency").maintenance == pytest.approx(
        0.02181 * BTC * 2.0
    )
    # an option has delta between expiries, and none that is outright
    row = option(70_000.0)
    delta = call_delta(FORWARD[QUARTER], 70_000.0, DAYS[QUARTER] / 365.0, 0.5)
    r = require(PM, held(row, -1.0), held(LINEAR, delta)).component("future_delta_contingency")
    assert r.maintenance == pytest.approx(0.6 * BTC * delta * DAYS[QUARTER] / 365.0)
    told = require(PM, *spread, reported={"futureDeltaContingency": 7.0, "other": 1.0})
    assert told.component("future_delta_contingency").maintenance == 7.0
    assert any("other" in note for note in told.notes)
    two = require(
        PM, held(LINEAR, 1.0), held(perpetual("ETHUSDT", "ETH"), 1.0), reported={"futureDeltaContingency": 7.0}
    )
    assert any("each of the 2 risk units" in note for note in two.notes)


@pytest.mark.rule("BYBIT-PM-09")
def test_matching_takes_the_dearer_end() -> None:
    one = np.array([1.0, -1.0, 1.0]), np.array([0.0, 1.0, 5.0])
    assert paired(*one) == 4.0
    assert paired(-one[0], one[1]) == 4.0
    assert paired(np.array([1.0, 2.0]), np.array([0.0, 3.0])) == 0.0


@pytest.mark.rule("BYBIT-PM-10")
def test_every_future_is_charged_whatever_its_sign() -> None:
    r = require(PM, held(LINEAR, 1.0), held(PERP_USDC, -2.0), held(option(70_000.0), 5.0))
    assert r.component("future_contingency").maintenance == pytest.approx(0.0003 * 3.0 * BTC)


@pytest.mark.rule("BYBIT-PM-09", "BYBIT-PM-10")
def test_the_example_moves_with_every_number_it_fixes() -> None:
    assert example().misses == []
    for path in ("price_range", "vol_down", "future_delta", "future", "initial_factor"):
        value = pl.find_rules(PM).parameters["underlyings"]["BTC"][path]
        assert example(**{f"underlyings__BTC__{path}": value * 1.001}).misses != [], path
    assert example(vol_power_long=0.303).misses != []


@pytest.mark.rule("BYBIT-PM-12", "BYBIT-PM-13")
def test_equity_counts_options_and_what_is_missing_is_borrowed() -> None:
    row = option(70_000.0)
    marks = {row["name"]: {"vol": 0.5, "price": 4_000.0}}
    legs = held(row, 2.0), held(LINEAR, 1.0, entry_price=75_000.0)
    r = require(PM, *legs, marks=marks, collateral={"USDT": 1_000.0, "BTC": 1.0})
    assert r.net_equity == pytest.approx(1_000.0 + 8_000.0 - 5_000.0 + 0.95 * BTC)
    assert r.component("borrowing").initial == 0.0
    assert r.workings["account_mm_rate"] == account_rate(r.maintenance, r.net_equity)
    assert r.workings["available_balance"] == pytest.approx(r.net_equity - r.initial)
    lent = require(PM, *legs, marks=marks, collateral={"USDT": -9_000.0}, borrowed={"ETH": 1.0}).component("borrowing")
    assert (lent.initial, lent.maintenance) == pytest.approx((0.1 * 8_500.0, 0.04 * 8_500.0))


@pytest.mark.rule("BYBIT-PM-13")
def test_the_account_rates_of_the_example() -> None:
    equity, initial, maintenance = 52197.86892104, 1304.50829757, 1069.93399838
    assert equity - initial == pytest.approx(50893.36062347, abs=1e-8)
    assert (account_rate(initial, equity), account_rate(maintenance, equity)) == (0.0249, 0.0204)
    assert math.floor(maintenance / 52145.70917115 * 1e4) / 1e4 == 0.0205  # over the margin balance it would be more


@pytest.mark.rule("BYBIT-PM-14")
def test_orders_count_at_the_worse_fill_of_each_unit() -> None:
    def order(quantity: float, price: float = BTC, name: str = "BTCUSDT", **fields: Any) -> dict[str, Any]:
        return {"instrument": name, "quantity": quantity, "price": price, **fields}

    base = require(PM, held(LINEAR, 1.0))
    grown = require(PM, held(LINEAR, 3.0))
    r = require(PM, held(LINEAR, 1.0), orders=[order(2.0), order(-1.0)])
    assert r.initial == pytest.approx(grown.initial)
    assert r.maintenance == pytest.approx(base.maintenance)
    assert r.component("open_orders").evidence == "assumed"
    assert require(PM, held(LINEAR, 1.0), orders=[order(-1.0)]).initial == pytest.approx(base.initial)
    dear = require(PM, held(LINEAR, 1.0), orders=[order(2.0, BTC + 100.0)])
    assert dear.initial == pytest.approx(grown.initial + 200.0)
    assert require(PM, held(LINEAR, 1.0), orders=[order(2.0, reduce_only=True)]).initial == pytest.approx(base.initial)
    row = option(90_000.0)
    filled = require(PM, held(row, -1.0), marks={row["name"]: {"vol": 0.5, "price": 900.0}})
    sold = require(
        PM,
        held(row, 0.0),
        orders=[order(-1.0, 900.0, row["name"])],
        marks={row["name"]: {"vol": 0.5, "price": 900.0}},
    )
    assert sold.initial == pytest.approx(filled.initial - filled.component("borrowing").initial)
    with pytest.raises(pl.DocumentError, match=r"account.orders\[0\].instrument.*unknown_instrument"):
        require(PM, held(LINEAR, 1.0), orders=[order(1.0, name="NOWHERE")])
    with pytest.raises(pl.DocumentError, match=r"account.orders\[0\].instrument.*missing_vol"):
        require(PM, held(row, 0.0), orders=[order(-1.0, 900.0, row["name"])], marks={row["name"]: {"price": 900.0}})


@pytest.mark.rule("BYBIT-PM-15")
@pytest.mark.parametrize(
    ("legs", "fields", "path", "words"),
    [
        ([held(perpetual("SOLUSDT", "SOL"), 1.0)], {}, "account.positions[0].instrument", "underlyings BTC, ETH"),
        (
            [held(option(70_000.0) | {"settlement": "inverse", "currency": "BTC"}, 1.0)],
            {},
            "account.positions[0]",
            "inverse futures",
        ),
        (
            [held(LINEAR | {"settlement": "quanto", "currency": "BTC"}, 1.0)],
            {},
            "account.positions[0]",
            "linear futures",
        ),
        ([held(LINEAR | {"currency": "EUR"}, 1.0)], {"assets": {"EUR": 1.1}}, "account.positions[0]", "USDT"),
        ([held({"kind": "spot", "name": "BTC-SPOT", "underlying": "BTC"}, 1.0)], {}, "account.positions[0]", "linear"),
        ([held(LINEAR, 1.0)], {"mode": "cross"}, "account.mode", "'portfolio'"),
        ([held(LINEAR, 1.0, isolated_margin=1.0)], {}, "account.positions[0].isolated_margin", "these do not"),
        ([held(LINEAR, 1.0)], {"collateral": {"DOGE": 1.0}}, "account.collateral.DOGE", "BTC, ETH, USDC, USDT"),
        ([held(LINEAR, 1.0)], {"settings": {"hedge": True}}, "account.settings.hedge", "spot_hedging"),
    ],
)
def test_what_the_rules_do_not_take_is_refused_with_its_path(
    legs: list[Any], fields: dict[str, Any], path: str, words: str
) -> None:
    with pytest.raises(pl.DocumentError) as told:
        require(PM, *legs, **fields)
    assert path in str(told.value)
    assert words in str(told.value)


@pytest.mark.rule("BYBIT-PM-16", "BYBIT-PM-17")
def test_packs_by_date_with_liquidation_as_data() -> None:
    ranges = {"2025-01-09": 0.15, "2025-01-10": 0.1, "2026-03-24": 0.1}
    for day, wide in ranges.items():
        model = pl.margin_model(f"bybit-pm@{day}")
        assert {u.price_range for u in model.parameters.underlyings.values()} == {wide}
        assert (model.parameters.liquidation.trigger, model.parameters.liquidation.stop) == (1.0, 0.9)


@pytest.mark.rule("BYBIT-PM-18")
@SOME
@given(portfolios())
def test_shares_add_up_and_netting_never_costs(book: tuple[Any, Any]) -> None:
    account, market = pl.Account.from_dict(book[0] | {"orders": []}), pl.Market.from_dict(book[1])
    model = model_of(PM)
    r = model.requirement(account, market)
    for part in r.components:
        slack = part.share_error + 1e-9 * max(1.0, part.initial)
        assert abs(sum(s.initial for s in part.shares) - part.initial) <= slack
    apart = 0.0
    for position in account.positions:
        alone = account.model_copy(update={"positions": (position,), "settings": {}})
        apart += model.requirement(alone, market).component("max_loss").maintenance
    assert r.component("max_loss").maintenance <= apart * (1.0 + 1e-9) + 1e-6


def test_a_wider_grid_never_needs_less() -> None:
    legs = held(LINEAR, 1.0), held(option(60_000.0, False), -2.0), held(option(80_000.0), -1.0)
    account, market = books(*legs, mode="portfolio")
    wide, narrow = (changed(PM, underlyings__BTC__price_range=x).requirement(account, market) for x in (0.15, 0.1))
    assert wide.maintenance >= narrow.maintenance


def test_a_short_option_without_a_volatility_is_refused_or_carried_at_its_bound() -> None:
    row = option(72_000.0)
    account, market = books(held(row, -1.0), marks={row["name"]: {}}, mode="portfolio")
    model = model_of(PM)
    with pytest.raises(pl.DocumentError, match="missing_vol"):
        model.requirement(account, market)
    r = model.requirement(account, market, "conservative")
    assert r.component("max_loss").maintenance == pytest.approx(0.1 * FORWARD[QUARTER])
    assert r.failures[0].subject == row["name"]
