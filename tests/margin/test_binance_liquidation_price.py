"""The venue's liquidation price: the FAQ's numbers, hedge mode, tiers, and against roots of the path."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import plimsoll as pl
from binance_books import CM, INDEX, UM, account_doc, futures_books, market_doc
from plimsoll.margin.parts.tiers import Tiers
from plimsoll.margin.path import States
from plimsoll.margin.venues.binance.liquidation_price import Leg, liquidation_prices

Doc = dict[str, Any]
USDM, COINM = "binance-usdm@2025-01-01", "binance-coinm@2025-01-01"
WALLET = 1_535_443.01
FAR = np.geomspace(1e-6, 1e6, 4001)


def one_tier(rate: float, cum: float) -> Tiers:
    return Tiers(np.zeros(0), np.array([rate]), np.array([2.0 * rate]), np.array([cum]))


ETHER = Leg(3_683.979, 1_456.84, one_tier(0.10, 135_365.0))
BITCOIN = Leg(109.488, 32_481.98, one_tier(0.025, 16_300.0))


@pytest.mark.parametrize(
    ("leg", "maintenance", "profit", "price"),
    [
        (ETHER, 0.0, 0.0, 1_114.78),
        (BITCOIN, 0.0, 0.0, 18_778.73),
        (ETHER, 71_200.81144, -56_354.57, 1_153.26),
        (BITCOIN, 356_512.508, -448_192.89, 26_316.89),
    ],
)
@pytest.mark.rule("BINANCE-UM-03")
def test_the_four_examples_of_the_faq(leg: Leg, maintenance: float, profit: float, price: float) -> None:
    found = liquidation_prices(WALLET, [leg], others_maintenance=maintenance, others_profit=profit)
    assert [round(p, 2) for p in found] == [price]


@pytest.mark.rule("BINANCE-UM-03")
def test_a_price_below_zero_is_none() -> None:
    assert liquidation_prices(1e7, [ETHER]) == ()
    assert liquidation_prices(1e7, []) == ()


def test_the_bracket_is_that_of_the_answer() -> None:
    """500 coins bought at 100 stand at 5 % and are liquidated where they stand at 1 %."""
    tiers = Tiers(np.array([20_000.0]), np.array([0.01, 0.05]), np.array([0.02, 0.1]), np.array([0.0, 800.0]))
    (price,) = liquidation_prices(35_000.0, [Leg(500.0, 100.0, tiers)])
    assert price == pytest.approx((35_000.0 - 50_000.0) / (500.0 * 0.01 - 500.0))
    assert price * 500.0 < 20_000.0
    # a root at the very end of a bracket is found once
    wallet = 50_000.0 - 20_000.0 + 200.0
    assert liquidation_prices(wallet, [Leg(500.0, 100.0, tiers)]) == pytest.approx([40.0])


@pytest.mark.rule("BINANCE-UM-05")
def test_both_legs_of_hedge_mode_meet_one_price() -> None:
    long, short = Leg(3.0, 100.0, one_tier(0.02, 4.0)), Leg(-1.0, 120.0, one_tier(0.01, 1.0))
    (price,) = liquidation_prices(50.0, [long, short])
    equity = 50.0 + 3.0 * (price - 100.0) + (120.0 - price)
    assert equity == pytest.approx(3.0 * price * 0.02 - 4.0 + price * 0.01 - 1.0)
    # by the formula with both legs in numerator and denominator
    assert price == pytest.approx((50.0 + 4.0 + 1.0 - 3.0 * 100.0 + 120.0) / (3.0 * 0.02 + 0.01 - 3.0 + 1.0))


@pytest.mark.rule("BINANCE-UM-05")
def test_equal_legs_may_have_two_prices_or_one() -> None:
    """Both legs grow in need with the price; a long in a steep bracket turns the slope between them."""
    steep = Tiers(np.array([1_000.0]), np.array([0.01, 0.9]), np.array([0.02, 1.0]), np.array([0.0, 890.0]))
    legs = [Leg(10.0, 100.0, steep), Leg(-5.0, 100.0, one_tier(0.01, 0.0))]
    found = liquidation_prices(100.0, legs)
    assert len(found) == 2
    for price in found:
        need = max(10.0 * price * 0.01, 10.0 * price * 0.9 - 890.0) + 5.0 * price * 0.01
        assert 100.0 + 5.0 * (price - 100.0) == pytest.approx(need)


@pytest.mark.rule("BINANCE-CM-03")
def test_the_price_of_an_inverse_contract() -> None:
    dollars, entry, wallet, rate, cum = 1e6, 50_000.0, 3.0, 0.01, 0.11
    (price,) = liquidation_prices(wallet, [Leg(dollars, entry, one_tier(rate, cum))], inverse=True)
    assert price == pytest.approx(dollars * (1.0 + rate) / (wallet + cum + dollars / entry))
    assert wallet + dollars * (1.0 / entry - 1.0 / price) == pytest.approx(dollars / price * rate - cum)


def surplus(model: pl.MarginModel, account: pl.Account, market: pl.Market, coin: str, x: Any) -> dict[str, Any]:
    tracks = model.along(account, market, States({coin: x}, np.ones(x.size)))
    return {t.subject: t.equity - t.maintenance for t in tracks}


@given(st.data())
@pytest.mark.parametrize(("pack", "contracts"), [(USDM, UM[:3]), (COINM, CM[:1])])
@pytest.mark.rule("BINANCE-UM-03", "BINANCE-UM-04", "BINANCE-CM-03")
def test_a_price_shown_is_a_root_of_the_path_and_the_nearest(
    pack: str, contracts: list[Doc], data: st.DataObject
) -> None:
    """One contract for each underlying, so that a path of that underlying alone is what the formula is about."""
    content, market_content = data.draw(futures_books(contracts, orders=False))
    account, market = pl.Account.from_dict(content), pl.Market.from_dict(market_content)
    model = pl.margin_model(pack)
    found = model.requirement(account, market)
    shown = {k.removeprefix("liquidation_price."): v for k, v in found.workings.items() if k.startswith("liq")}
    isolated = {p.subject for p in found.pools if p.isolated}
    for position in account.positions:
        own = position.instrument if position.leg == "net" else f"{position.instrument} {position.leg}"
        name, pool = (own, own) if own in isolated else (position.instrument, "shared" if isolated else "account")
        mark = market.marks[position.instrument].price
        assert mark is not None
        coin = market.contracts[position.instrument].underlying
        rows = surplus(model, account, market, coin, FAR)
        mine = rows[pool]
        size = np.abs(mine).max()
        crossings = np.flatnonzero(np.sign(mine[1:]) != np.sign(mine[:-1]))
        if name not in shown:
            assert crossings.size == 0 or np.abs(mine[crossings]).min() < 1e-9 * size
            continue
        ratio = shown[name] / mark
        at = surplus(model, account, market, coin, np.array([ratio]))[pool][0]
        slack = 1e-9 * (abs(at) + found.workings["notional"] * max(ratio, 1.0 / ratio, 1.0))
        slack += 1e-9 * (abs(found.net_equity) + sum(map(abs, account.collateral.values())))
        assert abs(at) <= slack
        if 1e-6 < ratio < 1e6:
            away = abs(np.log(ratio))
            nearer = np.abs(np.log(FAR)) < away * (1.0 - 1e-6) - 0.01
            inside = mine[nearer]
            big = np.abs(inside) > 1e-9 * size
            assert np.unique(np.sign(inside[big])).size <= 1


@given(
    st.floats(-1e6, 1e7),
    st.floats(0.001, 1e4),
    st.booleans(),
    st.sampled_from(["BTCUSDT", "ETHUSDT", "SOLUSDT"]),
    st.booleans(),
)
@example(0.0, 1.0, True, "BTCUSDT", False)
@pytest.mark.rule("BINANCE-UM-03")
def test_one_leg_has_one_price_at_most(wallet: float, size: float, long: bool, symbol: str, inverse: bool) -> None:
    tiers = Tiers.of(pl.margin_model(USDM).parameters.symbols[symbol])
    quantity = size if long else -size
    found = liquidation_prices(wallet, [Leg(quantity, 100.0, tiers)], inverse=inverse)
    assert len(found) <= 1
    for price in found:
        y, side = (1.0 / price, -1.0) if inverse else (price, 1.0)
        entry = 0.01 if inverse else 100.0
        need = float(tiers.maintenance(np.array(abs(quantity) * y)))
        equity = wallet + side * quantity * (y - entry)
        assert equity == pytest.approx(need, rel=1e-8, abs=1e-9 * (abs(wallet) + size * (y + entry)))


@pytest.mark.rule("BINANCE-UM-03")
def test_an_account_without_a_price_shows_none() -> None:
    row = {"instrument": "BTCUSDT", "quantity": 1.0, "entry_price": 70_000.0}
    market = pl.Market.from_dict(market_doc(UM, {c["name"]: {"price": INDEX[c["underlying"]]} for c in UM}))
    rich = pl.Account.from_dict(account_doc([row], collateral={"USDT": 1e6}))
    assert "liquidation_price.BTCUSDT" not in pl.margin_model(USDM).requirement(rich, market).workings
    poor = pl.Account.from_dict(account_doc([row], collateral={"USDT": 7_000.0}))
    price = pl.margin_model(USDM).requirement(poor, market).workings["liquidation_price.BTCUSDT"]
    assert price == pytest.approx((7_000.0 + 50.0 - 70_000.0) / (0.005 - 1.0), rel=1e-12)
