"""Bybit's unified account in cross and isolated margin, one rule at a time."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from bybit_books import GONE, QUARTER, perpetual
from bybit_desk import INVERSE, LINEAR, PM, UTA, UTA_2023, books, changed, held, model_of, option, require
from plimsoll.margin.path import States
from plimsoll.margin.venues.bybit.liquidation_price import bankruptcy_price, isolated_liquidation_price
from plimsoll.margin.venues.bybit.money import account_rate
from random_books import SOME

BTC = 70_000.0
FEE = 0.00055


def positions(r: pl.Requirement) -> tuple[float, float]:
    part = r.component("positions")
    return part.initial, part.maintenance


@pytest.mark.rule("BYBIT-UTA-01")
def test_every_published_deduction_follows_from_the_rates_and_no_margin_jumps() -> None:
    tiers = pl.find_rules(UTA).parameters["futures"]["BTCUSDT"]["tiers"]
    assert len(tiers) == 20
    deduction = 0.0
    for before, tier in pairwise(tiers):
        deduction += before["upto"] * (tier["maintenance"] - before["maintenance"])
        assert tier["deduction"] == pytest.approx(deduction, abs=1e-6)
        size = before["upto"] / BTC
        below, above = (positions(require(UTA, held(LINEAR, size * x)))[1] for x in (1.0 - 1e-9, 1.0 + 1e-9))
        assert below == pytest.approx(above, rel=1e-8)
    assert tiers[-1]["deduction"] == 1_482_000.0


@pytest.mark.rule("BYBIT-UTA-01")
@pytest.mark.parametrize(
    ("value", "rate", "deduction"), [(1e6, 0.005, 0), (9e6, 0.013, 46_000), (9e7, 0.045, 1_482_000)]
)
def test_maintenance_margin_is_the_rate_of_the_tier_less_its_deduction(
    value: float, rate: float, deduction: float
) -> None:
    """Beyond the last limit the last tier goes on."""
    r = require(UTA, held(LINEAR, -value / BTC, leverage=5.0))
    found = positions(r)
    assert any("above the largest size" in note for note in r.notes) == (value > 8e7)
    assert found[1] == pytest.approx(value * rate - deduction, rel=1e-12)


@pytest.mark.rule("BYBIT-UTA-02")
@pytest.mark.parametrize(("leverage", "rate"), [(None, 0.1), (4.0, 0.25), (100.0, 1 / 45), (45.0, 1 / 45)])
def test_initial_margin_is_the_value_over_the_leverage_that_its_tier_allows(
    leverage: float | None, rate: float
) -> None:
    found = positions(require(UTA, held(LINEAR, 9e6 / BTC, leverage=leverage)))
    assert found[0] == pytest.approx(9e6 * rate, rel=1e-12)


@pytest.mark.rule("BYBIT-UTA-03")
@pytest.mark.parametrize("leverage", [1.0, 10.0])
def test_the_fee_of_closing_is_taken_at_the_bankruptcy_price(leverage: float) -> None:
    rate = 1.0 / leverage
    for side in (1.0, -1.0):
        r = require(UTA, held(LINEAR, 2.0 * side, leverage=leverage))
        bust = bankruptcy_price(2.0 * side, BTC, rate)
        fee = FEE * 2.0 * (bust or 0.0)
        assert r.component("close_fees").maintenance == pytest.approx(fee, rel=1e-12, abs=1e-9)
        assert r.component("close_fees").initial == r.component("close_fees").maintenance
        r = require(UTA, held(INVERSE, 70_000.0 * side, leverage=leverage))
        bust = bankruptcy_price(70_000.0 * side, BTC, rate, inverse=True)
        fee = FEE * 70_000.0 / bust * BTC if bust else 0.0
        assert r.component("close_fees").maintenance == pytest.approx(fee, rel=1e-12, abs=1e-9)


@pytest.mark.rule("BYBIT-UTA-04")
def test_the_value_is_that_of_entry_or_mark_by_date_and_mode() -> None:
    cheap = held(LINEAR, 1.0, entry_price=50_000.0)
    assert positions(require(UTA_2023, cheap))[0] == pytest.approx(5_000.0)
    assert positions(require(UTA, cheap))[0] == pytest.approx(7_000.0)
    assert positions(require(UTA_2023, held(LINEAR, 1.0)))[0] == pytest.approx(7_000.0)
    apart = held(LINEAR, 1.0, entry_price=50_000.0, isolated_margin=5_000.0)
    r = require(UTA, apart, mode="isolated", collateral={"USDT": 6_000.0})
    assert positions(r)[0] == pytest.approx(5_000.0)
    assert r.pools[1].equity == pytest.approx(25_000.0)


@pytest.mark.rule("BYBIT-UTA-05")
def test_of_a_hedge_the_offset_part_keeps_initial_margin_and_pays_two_fees() -> None:
    legs = held(LINEAR, 3.0, leg="long"), held(LINEAR, -1.0, leg="short")
    r = require(UTA, *legs)
    w = r.workings
    assert w["BTCUSDT short.initial"] == pytest.approx(7_000.0)
    assert w["BTCUSDT short.maintenance"] == 0.0
    assert w["BTCUSDT short.close_fee"] == pytest.approx(2.0 * FEE * 77_000.0)
    assert w["BTCUSDT long.maintenance"] == pytest.approx(210_000.0 * 0.005 * 2.0 / 3.0)
    assert w["BTCUSDT long.close_fee"] == pytest.approx(FEE * 189_000.0 * (1.0 + 1.0 / 3.0))
    assert any("fees only" in note for note in r.notes)
    # by itself each leg would need its whole margin, and the tiers of what is left no more than is charged
    alone = sum(positions(require(UTA, leg))[1] for leg in legs)
    assert r.component("positions").maintenance < alone
    big = held(LINEAR, 300.0, leg="long"), held(LINEAR, -100.0, leg="short")
    left = positions(require(UTA, held(LINEAR, 200.0)))[1]
    assert require(UTA, *big).component("positions").maintenance > left
    apart = held(LINEAR, 3.0, leg="long"), held(LINEAR, -1.0, leg="short", isolated_margin=7_500.0)
    assert positions(require(UTA, *apart, collateral={"USDT": 9e4}))[1] == pytest.approx(alone)


@pytest.mark.rule("BYBIT-UTA-06")
def test_an_inverse_contract_is_margined_in_coin_and_shown_in_usd() -> None:
    r = require(UTA, held(INVERSE, 70_000.0 * 200.0, leverage=50.0), marks={"BTCUSD": {"price": 70_000.0}})
    # 200 coins: the second tier of 150 each
    assert r.workings["BTCUSD.value"] == pytest.approx(200.0)
    assert r.workings["BTCUSD.maintenance"] == pytest.approx(150.0 * 0.005 + 50.0 * 0.01)
    assert r.component("positions").maintenance == pytest.approx(r.workings["BTCUSD.maintenance"] * BTC)
    assert r.currency == "USD"


@pytest.mark.rule("BYBIT-UTA-07")
@given(
    st.sampled_from([1.0, -1.0]),
    st.booleans(),
    st.floats(0.01, 300.0),
    st.floats(20_000.0, 120_000.0),
    st.sampled_from([1.5, 5.0, 20.0, 50.0]),
    st.floats(0.0, 0.5),
)
@SOME
def test_the_venues_liquidation_price_is_where_the_pool_of_the_position_meets_its_margin(
    side: float, inverse: bool, size: float, entry: float, leverage: float, added: float
) -> None:
    row = INVERSE if inverse else LINEAR
    quantity = side * size * (entry if inverse else 1.0)
    fields: dict[str, Any] = {"entry_price": entry, "leverage": leverage}
    position = held(row, quantity, isolated_margin=0.0, **fields)
    w = require(UTA, position, mode="isolated", marks={row["name"]: {"price": entry}}).workings
    initial, maintenance, fee = (w[f"{row['name']}.{x}"] for x in ("initial", "maintenance", "close_fee"))
    extra = added * initial
    price = isolated_liquidation_price(quantity, entry, initial, maintenance, extra=extra, inverse=inverse)
    if price is None or not 0.02 * entry < price < 50.0 * entry:
        return
    if extra == 0.0 and not inverse:
        # as the page writes it, with both margins as parts of the value
        rates = initial / w["BTCUSDT.value"] - maintenance / w["BTCUSDT.value"]
        assert price == pytest.approx(entry * (1.0 - side * rates), rel=1e-12)
    margin = initial + fee + extra
    account, market = books(
        held(row, quantity, isolated_margin=margin, **fields),
        mode="isolated",
        marks={row["name"]: {"price": entry}},
        collateral={row["currency"]: margin},
    )
    model = model_of(UTA)
    at = price / entry
    moves = np.array([at * (1.0 - side * 1e-7), at, at * (1.0 + side * 1e-7)])
    shared, own = model.along(account, market, States({"BTC": moves}, np.ones(3)))
    gap = own.equity - own.maintenance
    assert gap[0] < 0.0 < gap[2]
    assert abs(gap[1]) <= 1e-11 * (abs(own.equity[1]) + initial * BTC * (100.0 if inverse else 1.0))
    assert np.abs(shared.equity).max() <= 1e-6


@pytest.mark.rule("BYBIT-UTA-07")
def test_an_isolated_loss_stays_in_its_pool() -> None:
    lost = held(LINEAR, -1.0, entry_price=30_000.0, isolated_margin=3_000.0)
    r = require(UTA, lost, mode="isolated", collateral={"USDT": 10_000.0})
    assert r.net_equity == pytest.approx(7_000.0)
    assert r.pools[1].equity == pytest.approx(-37_000.0)
    assert any("below its own line: BTCUSDT" in note for note in r.notes)


@pytest.mark.rule("BYBIT-UTA-07")
def test_bad_inputs_of_the_closed_formulas_are_refused() -> None:
    for bad in (0.0, math.nan):
        with pytest.raises(pl.DocumentError, match="quantity"):
            isolated_liquidation_price(bad, 100.0, 1.0, 0.5)
    with pytest.raises(pl.DocumentError, match="entry"):
        isolated_liquidation_price(1.0, -1.0, 1.0, 0.5)
    assert isolated_liquidation_price(1.0, 100.0, 150.0, 0.5) is None
    assert isolated_liquidation_price(-100.0, 100.0, 1.5, 0.005, inverse=True) is None


@pytest.mark.rule("BYBIT-UTA-08")
@pytest.mark.parametrize(
    ("strike", "call", "mark", "paid", "initial", "maintenance"),
    [
        (72_000.0, True, 500.0, None, 0.15 * BTC - 2_000.0 + 500.0, 0.03 * BTC + 500.0 + 0.002 * BTC),
        (90_000.0, True, 500.0, 800.0, 0.1 * BTC + 800.0, 0.03 * BTC + 500.0 + 0.002 * BTC),
        (69_000.0, False, 900.0, 800.0, 0.15 * BTC - 1_000.0 + 900.0, 0.03 * BTC + 900.0 + 0.002 * BTC),
        (200_000.0, False, 130_000.0, None, 0.15 * BTC + 130_000.0, 0.03 * 130_000.0 + 130_000.0 + 0.002 * BTC),
    ],
)
def test_a_short_option(
    strike: float, call: bool, mark: float, paid: float | None, initial: float, maintenance: float
) -> None:
    row = option(strike, call)
    r = require(UTA, held(row, -2.0, entry_price=paid), marks={row["name"]: {"price": mark}}, collateral={"USDT": 1e6})
    assert r.initial == pytest.approx(2.0 * initial)
    assert r.maintenance == pytest.approx(2.0 * maintenance)
    both = held(row, -2.0), held(option(strike, call, "USDC"), 5.0)
    marks = {x[0]["name"]: {"price": mark} for x in both}
    assert require(UTA, *both, marks=marks, collateral={"USDT": 1e6}).maintenance == pytest.approx(2.0 * maintenance)


@pytest.mark.rule("BYBIT-UTA-08")
def test_maintenance_margin_is_initial_margin_where_it_is_larger() -> None:
    row = option(300_000.0, False)
    model = changed(UTA, underlyings__BTC__options__maintenance_on_mark=0.2)
    account, market = books(held(row, -1.0), marks={row["name"]: {"price": 230_000.0}}, collateral={"USDT": 1e6})
    r = model.requirement(account, market)
    assert r.initial == r.maintenance == pytest.approx(0.2 * 230_000.0 + 230_000.0 + 0.002 * BTC)


@pytest.mark.rule("BYBIT-UTA-09")
def test_orders_in_options() -> None:
    row = option(70_000.0)
    marks, money = {row["name"]: {"price": 4_000.0}}, {"USDT": 1e6}
    order = {"instrument": row["name"], "quantity": -2.0, "price": 5_000.0}
    fee = min(0.0003 * BTC, 0.125 * 5_000.0)
    r = require(UTA, held(row, 0.0), marks=marks, collateral=money, orders=[order])
    assert r.initial == pytest.approx(2.0 * (0.15 * BTC + 5_000.0 + fee - 5_000.0))
    assert r.maintenance == 0.0
    assert r.component("open_orders").evidence == "read"
    cheap = order | {"quantity": 2.0, "price": 20.0}
    r = require(UTA, held(row, 0.0), marks=marks, collateral=money, orders=[cheap])
    assert r.initial == pytest.approx(2.0 * (20.0 + 0.125 * 20.0))
    rich = order | {"price": 200_000.0}
    assert require(UTA, held(row, 0.0), marks=marks, collateral=money, orders=[rich]).initial > 0.0
    assert require(UTA, held(row, 0.0), marks=marks, orders=[order | {"reduce_only": True}]).initial == 0.0


@pytest.mark.rule("BYBIT-UTA-10")
def test_orders_in_futures_count_at_their_worst_fill() -> None:
    def order(quantity: float, price: float = 60_000.0, **fields: Any) -> dict[str, Any]:
        return {"instrument": "BTCUSDT", "quantity": quantity, "price": price, **fields}

    held_one = held(LINEAR, 1.0, leverage=5.0)
    r = require(UTA, held_one, orders=[order(2.0), order(-0.5)])
    added = 2.0 * 60_000.0
    assert r.component("open_orders").initial == pytest.approx(added * 0.2 + added * FEE * 2.2)
    assert r.component("open_orders").evidence == "assumed"
    assert r.maintenance == require(UTA, held_one).maintenance
    assert require(UTA, held_one, orders=[order(-2.0)]).component("open_orders").initial == 0.0
    assert require(UTA, held_one, orders=[order(9.0, reduce_only=True)]).component("open_orders").initial == 0.0
    # a tier of less leverage makes the position dearer too
    r = require(UTA, held(LINEAR, 100.0, leverage=30.0), orders=[order(300.0, 70_000.0)])
    assert r.component("open_orders").initial > 300.0 * BTC / 30.0 + 100.0 * BTC * (1 / 30.0 - 1 / 30.1)


@pytest.mark.rule("BYBIT-UTA-10")
def test_an_order_without_a_mark_or_a_listing_is_refused() -> None:
    order = {"instrument": "BTCUSD", "quantity": 10.0, "price": 70_000.0}
    with pytest.raises(pl.DocumentError, match=r"account.orders\[0\].instrument.*missing_mark"):
        require(UTA, held(INVERSE, 0.0), orders=[order], marks={"BTCUSD": {}})
    with pytest.raises(pl.DocumentError, match=r"account.orders\[1\].instrument.*unknown_instrument"):
        require(UTA, held(INVERSE, 0.0), orders=[order, order | {"instrument": "NOWHERE"}])
    row = option(70_000.0)
    bare = {"instrument": row["name"], "quantity": -1.0, "price": 9.0}
    with pytest.raises(pl.DocumentError, match=r"account.orders\[0\].instrument.*missing_vol"):
        require(UTA, held(row, 0.0), orders=[bare], marks={row["name"]: {}})


@pytest.mark.rule("BYBIT-UTA-11")
def test_the_margin_balance_is_coin_by_coin_without_options() -> None:
    row = option(70_000.0)
    legs = held(LINEAR, 1.0, entry_price=80_000.0), held(INVERSE, 70_000.0, entry_price=35_000.0), held(row, 2.0)
    r = require(UTA, *legs, marks={row["name"]: {"price": 4_000.0}}, collateral={"BTC": 1.0, "USDT": 4_000.0})
    # a loss of 10,000 on 4,000 counts whole, two coins less the haircut
    assert r.net_equity == pytest.approx(-6_000.0 + 0.95 * 2.0 * BTC)
    assert r.workings["total_equity"] == pytest.approx(r.net_equity + 8_000.0)
    assert any("options do not count" in note for note in r.notes)


@pytest.mark.rule("BYBIT-UTA-11")
@pytest.mark.parametrize("label", [UTA, PM])
def test_what_has_settled_is_money(label: str) -> None:
    row = option(60_000.0, expiry=GONE)
    future = perpetual("BTC-1JAN26", "BTC", kind="future", expiry=GONE)
    legs = held(row, -1.0), held(future, 1.0, entry_price=70_000.0)
    mode = "portfolio" if label == PM else "cross"
    account, market = books(*legs, mode=mode, collateral={"USDT": 20_000.0})
    content = market.to_dict()
    content["expiries"].append({"underlying": "BTC", "expiry": GONE, "settlement": 65_000.0})
    r = pl.margin_model(label).requirement(account, pl.Market.from_dict(content))
    assert (r.initial, r.maintenance) == (0.0, 0.0)
    assert r.net_equity == pytest.approx(20_000.0 - 5_000.0 - 5_000.0)
    late = [{"instrument": x["name"], "quantity": -9.0, "price": 60_000.0} for x in (row, future)]
    account = pl.Account.from_dict(account.to_dict() | {"orders": late})
    assert pl.margin_model(label).requirement(account, pl.Market.from_dict(content)).initial == 0.0


@pytest.mark.rule("BYBIT-UTA-12")
def test_what_is_missing_of_a_coin_is_borrowed() -> None:
    row = option(70_000.0)
    short = held(row, -1.0), held(LINEAR, 1.0, entry_price=75_000.0)
    order = {"instrument": row["name"], "quantity": 1.0, "price": 1_000.0}
    money: dict[str, Any] = {"collateral": {"USDT": 7_000.0, "BTC": 1.0}, "marks": {row["name"]: {"price": 4_000.0}}}
    lent = require(UTA, *short, orders=[order], **money).component("borrowing")
    missing = 5_000.0 + 4_000.0 + 1_000.0 - 7_000.0
    assert lent.initial == pytest.approx(0.1 * missing)
    assert lent.maintenance == pytest.approx(0.04 * missing)
    assert require(UTA, held(row, 1.0), **money).component("borrowing").initial == 0.0
    r = require(UTA, held(row, 0.0), borrowed={"USDT": 3_000.0, "ETH": 2.0}, **money)
    assert r.component("borrowing").maintenance == pytest.approx(0.04 * (3_000.0 + 5_000.0))
    assert r.net_equity == pytest.approx(4_000.0 - 5_000.0 + 0.95 * BTC)


@pytest.mark.rule("BYBIT-UTA-13")
def test_account_rates_are_cut_off_and_infinite_without_a_balance() -> None:
    r = require(UTA, held(LINEAR, 1.0), collateral={"USDT": 30_000.0})
    assert r.workings["account_im_rate"] == math.floor(r.initial / 3.0) / 1e4
    assert r.workings["account_mm_rate"] == math.floor(r.maintenance / 3.0) / 1e4
    assert r.workings["available_balance"] == pytest.approx(30_000.0 - r.initial)
    assert (account_rate(1.0, 0.0), account_rate(0.0, 0.0)) == (math.inf, 0.0)
    assert account_rate(1.0, 1e-320) == math.inf
    assert "account_mm_rate" not in require(UTA, held(LINEAR, 1.0)).workings
    # a loan of next to nothing leaves a ratio that no number holds
    apart = held(LINEAR, 1.0, isolated_margin=0.0)
    r = require(UTA, apart, mode="isolated", collateral={"USDC": 70_000.0}, borrowed={"USDT": 1.5e-308})
    assert r.pools[0].health is None


@pytest.mark.rule("BYBIT-UTA-14")
@pytest.mark.parametrize(
    ("legs", "fields", "path", "words"),
    [
        ([held(perpetual("SOLUSDT", "SOL"), 1.0)], {}, "account.positions[0].instrument", "BTCUSDT"),
        (
            [held(option(70_000.0) | {"settlement": "inverse", "currency": "BTC"}, 1.0)],
            {},
            "account.positions[0]",
            "linear",
        ),
        ([held(option(70_000.0), 1.0)], {"mode": "isolated"}, "account.positions[0].instrument", "cross margin only"),
        ([held(LINEAR, 1.0)], {"mode": "isolated"}, "account.positions[0].isolated_margin", "set apart"),
        ([held(LINEAR, 1.0)], {"mode": "portfolio"}, "account.mode", "'cross' or 'isolated'"),
        ([held(LINEAR, 1.0)], {"collateral": {"DOGE": 1.0}}, "account.collateral.DOGE", "BTC, ETH, USDC, USDT"),
        ([held(LINEAR, 1.0)], {"borrowed": {"DOGE": 1.0}}, "account.borrowed.DOGE", "BTC, ETH, USDC, USDT"),
        ([held(LINEAR, 1.0)], {"settings": {"spot_hedging": True}}, "account.settings.spot_hedging", "no setting"),
        (
            [held(LINEAR | {"name": "Q", "settlement": "quanto", "currency": "BTC"}, 1.0)],
            {},
            "account.positions[0]",
            "BTC",
        ),
        (
            [held(LINEAR | {"name": "BTCUSDT", "currency": "EUR"}, 1.0)],
            {"assets": {"EUR": 1.1}},
            "account.positions[0]",
            "USDT",
        ),
    ],
)
def test_what_the_rules_do_not_take_is_refused_with_its_path(
    legs: list[Any], fields: dict[str, Any], path: str, words: str
) -> None:
    with pytest.raises(pl.DocumentError) as told:
        require(UTA, *legs, **fields)
    assert path in str(told.value)
    assert words in str(told.value)


@pytest.mark.rule("BYBIT-UTA-14")
def test_orders_are_held_to_the_same_contracts() -> None:
    sol = perpetual("SOLUSDT", "SOL")
    order = {"instrument": "SOLUSDT", "quantity": 1.0, "price": 100.0}
    with pytest.raises(pl.DocumentError, match=r"account.orders\[0\].instrument.*unsupported_contract"):
        require(UTA, held(sol, 0.0), held(LINEAR, 1.0), orders=[order], marks={"SOLUSDT": {"price": 1.0}})


@pytest.mark.rule("BYBIT-UTA-15")
def test_a_position_is_as_well_known_as_its_tier() -> None:
    def evidence(label: str, size: float, leverage: float | None = 5.0) -> str:
        return require(label, held(LINEAR, size, leverage=leverage)).component("positions").evidence

    assert (evidence(UTA, 300.0), evidence(UTA, 300.0, None)) == ("read", "assumed")
    assert (evidence(UTA_2023, 10.0), evidence(UTA_2023, 300.0)) == ("read", "assumed")
    ada = perpetual("ADAUSDT", "ADA")
    r = pl.margin_model(UTA_2023).requirement(*books(held(ada, 10.0, leverage=5.0), indices={"ADA": {"price": 0.3}}))
    assert {c.name: c.evidence for c in r.components}["positions"] == "reproduced"


@pytest.mark.rule("BYBIT-UTA-15", "BYBIT-UTA-16")
def test_packs_by_date_with_liquidation_as_data() -> None:
    assert pl.find_rules("bybit-uta@2025-09-04").label == "bybit-uta@2023-08-09"
    assert pl.find_rules("bybit-uta@2025-09-05").label == "bybit-uta@2025-09-05"
    for label in (UTA, UTA_2023):
        p = pl.margin_model(label).parameters.liquidation
        assert (p.repay, p.trigger, p.stop) == (0.85, 1.0, 0.9)
        assert p.steps == ("cancel_spot_margin_orders", "repay", "cancel_orders", "reduce_positions")


@pytest.mark.rule("BYBIT-UTA-17")
def test_the_share_of_a_position_is_its_own_margin() -> None:
    eth, row = perpetual("ETHUSDT", "ETH"), option(72_000.0)
    legs = held(LINEAR, 3.0), held(eth, -40.0), held(row, -1.0)
    r = require(UTA, *legs, collateral={"USDT": 1e6})
    for share, leg in zip(r.shares, legs, strict=True):
        alone = require(UTA, leg, collateral={"USDT": 1e6})
        assert (share.initial, share.maintenance) == pytest.approx((alone.initial, alone.maintenance))
    assert all(c.method == "aumann-shapley" for c in r.components if c.name != "open_orders")


def test_no_order_of_positions_and_no_idle_instrument_matters() -> None:
    legs = held(LINEAR, 3.0), held(INVERSE, -90_000.0), held(option(72_000.0), -1.0)
    one = require(UTA, *legs, collateral={"USDT": 1e5})
    other = require(UTA, *legs[::-1], collateral={"USDT": 1e5})
    assert other.charged == one.charged
    assert require(UTA, *legs, held(option(1e5), 0.0), collateral={"USDT": 1e5}).charged == one.charged


def test_a_short_option_without_a_volatility_is_refused_or_carried_at_its_bound() -> None:
    row = option(72_000.0)
    account, market = books(held(row, -1.0), marks={row["name"]: {}}, collateral={"USDT": 1e6})
    model = model_of(UTA)
    with pytest.raises(pl.DocumentError, match="missing_vol"):
        model.requirement(account, market)
    r = model.requirement(account, market, "conservative")
    forward = BTC * 1.02
    assert r.maintenance == pytest.approx(0.03 * forward + forward + 0.002 * BTC, rel=0.02)
    assert r.failures
    assert all(f.subject == row["name"] for f in r.failures)


def test_kinks_are_strikes_and_the_ends_of_tiers() -> None:
    account, market = books(held(LINEAR, 100.0), held(option(72_000.0, expiry=QUARTER), -1.0))
    kinks = pl.margin_model(UTA).kinks(account, market)["BTC"]
    assert 2.6e6 / 7e6 in kinks.tolist()
    assert any(abs(x - 72_000.0 / (BTC * 1.02)) < 1e-12 for x in kinks.tolist())
    assert (np.diff(kinks) > 0).all()
