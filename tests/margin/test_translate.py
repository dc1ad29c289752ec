"""The same exposure in linear contracts: delta, option value and equity stay, and what cannot be moved is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import CALL as A_CALL
from builders import PERP, account_doc, market_doc
from plimsoll.contracts import Future, Option, Perpetual, Settlement
from plimsoll.documents import DocumentError
from plimsoll.feeds import generated_market, sample_book
from plimsoll.margin import Account, MarginRefusedError, margin_model, open_book
from plimsoll.margin.house.prbm import unit_deltas
from plimsoll.margin.translate import linear_market, linear_name, same_exposure
from plimsoll.market import Market
from plimsoll.risk import unit_values
from plimsoll.scenarios import Scenarios

MARKET = generated_market()
PERPETUAL, FUTURE, CALL, PUT = "BTC-PERPETUAL", "BTC-26JUN26", "BTC-24APR26-70000-C", "BTC-24APR26-60000-P"


def account(*positions: dict[str, Any], **fields: Any) -> Account:
    content = {"schema": Account.SCHEMA, "schema_version": Account.VERSION, "collateral": {"USDC": 100_000.0}}
    return Account.from_dict({**content, **fields, "positions": list(positions)})


def held(instrument: str, quantity: float, **fields: Any) -> dict[str, Any]:
    return {"instrument": instrument, "quantity": quantity, **fields}


def changed(market: Market, **fields: Any) -> Market:
    """`market` with other fields; a copy would keep the tables that the old one has looked up."""
    return Market.model_validate({**{f: getattr(market, f) for f in Market.model_fields}, **fields})


def delta(book: Account, market: Market) -> float:
    opened = open_book(book, market)
    return float(opened.quantity @ unit_deltas(opened.plan, opened.quantity))


def option_value(book: Account, market: Market) -> dict[tuple[Any, ...], float]:
    """USD value of each option, by its terms."""
    opened = open_book(book, market)
    values = opened.quantity * unit_values(opened.plan, Scenarios.build([1.0]), "usd")[:, 0]
    return {
        (c.underlying, c.expiry, c.strike, c.call): float(v)
        for c, v in zip(opened.plan.contracts, values, strict=True)
        if isinstance(c, Option)
    }


def price(market: Market, name: str) -> float:
    found = market.marks[name].price
    assert found is not None
    return found


@given(seed=st.integers(0, 5_000), positions=st.integers(1, 60), keep=st.booleans())
def test_delta_and_option_value_stay(seed: int, positions: int, keep: bool) -> None:
    book = sample_book(MARKET, positions, seed, ["BTC", "ETH"])
    twin, linear = same_exposure(book, MARKET, futures_as_perpetual=not keep)
    gross = sum(abs(v) for v in (delta(account(p.model_dump()), MARKET) for p in book.positions))
    assert delta(twin, linear) == pytest.approx(delta(book, MARKET), abs=1e-12 * gross)
    before, after = option_value(book, MARKET), option_value(twin, linear)
    assert before.keys() == after.keys()
    for key, value in before.items():
        row = MARKET.expiry_table[key[0], key[1]]
        assert row.forward is not None
        basis = row.forward.price / MARKET.indices[key[0]].price
        assert after[key] == pytest.approx(value * basis, rel=1e-12)


def test_every_contract_held_becomes_linear_of_one_coin() -> None:
    book = account(held(PERPETUAL, -500.0), held(FUTURE, 300.0), held(CALL, -2.0))
    twin, market = same_exposure(book, MARKET, futures_as_perpetual=False)
    found = {p.instrument: p.quantity for p in twin.positions}
    assert found == {
        "BTC_USDC-PERPETUAL": pytest.approx(-5_000.0 / price(MARKET, PERPETUAL)),
        "BTC_USDC-26JUN26": pytest.approx(3_000.0 / price(MARKET, FUTURE)),
        "BTC_USDC-24APR26-70000-C": -2.0,
    }
    for name in found:
        contract = market.contracts[name]
        assert isinstance(contract, (Option, Future, Perpetual))
        assert (contract.settlement, contract.currency, contract.multiplier) == (Settlement.LINEAR, "USDC", 1.0)
    assert not any(getattr(c, "settlement", None) is Settlement.INVERSE for c in market.instruments)


def test_multipliers_become_coins() -> None:
    big = [c.model_copy(update={"multiplier": 5.0}) if c.name == CALL else c for c in MARKET.instruments]
    market = changed(MARKET, instruments=tuple(big))
    twin, _ = same_exposure(account(held(CALL, -2.0)), market)
    assert twin.positions[0].quantity == -10.0


def test_profit_and_funding_are_converted_at_the_index() -> None:
    index = MARKET.indices["BTC"].price
    entry, mark = 68_000.0, price(MARKET, PERPETUAL)
    book = account(held(PERPETUAL, 1_000.0, entry_price=entry, unsettled_funding=0.01))
    (position,) = same_exposure(book, MARKET)[0].positions
    assert position.unrealised_pnl == pytest.approx(10_000.0 * (1 / entry - 1 / mark) * index)
    assert position.unsettled_funding == pytest.approx(0.01 * index)
    assert position.entry_price is None


def test_equity_without_options_stays_to_the_cent() -> None:
    house = margin_model("prbm@2026-01-01")
    for seed in range(5):
        book = sample_book(MARKET, 8, seed, kinds=["future", "perpetual"])
        twin, market = same_exposure(book, MARKET)
        before = house.requirement(book, MARKET).net_equity
        assert house.requirement(twin, market).net_equity == pytest.approx(before, abs=1e-6)


def test_the_price_of_the_stable_coin_counts() -> None:
    cheap = changed(MARKET, assets={**MARKET.assets, "USDC": {"price": 0.8}})
    book = account(held(PERPETUAL, 1_000.0, unrealised_pnl=0.5))
    (position,) = same_exposure(book, cheap)[0].positions
    assert position.unrealised_pnl == pytest.approx(0.5 * MARKET.indices["BTC"].price / 0.8)


def test_futures_move_into_the_perpetual_coin_by_coin() -> None:
    book = account(held(FUTURE, 400.0, entry_price=70_000.0), held(PERPETUAL, -100.0, unrealised_pnl=0.01))
    twin, _ = same_exposure(book, MARKET)
    coins = 4_000.0 / price(MARKET, FUTURE) - 1_000.0 / price(MARKET, PERPETUAL)
    (position,) = twin.positions
    assert (position.instrument, position.quantity) == ("BTC_USDC-PERPETUAL", pytest.approx(coins))
    won = 4_000.0 * (1 / 70_000.0 - 1 / price(MARKET, FUTURE)) + 0.01
    assert position.unrealised_pnl == pytest.approx(won * MARKET.indices["BTC"].price)


def test_spot_and_linear_contracts_stay_and_dated_linear_futures_move() -> None:
    linear = generated_market(settlement="linear")
    book = account(held("BTC_USDC-26JUN26", 2.0, entry_price=70_000.0), held("BTC_USDC-24APR26-70000-C", -1.0))
    kept, same = same_exposure(book, linear, futures_as_perpetual=False)
    assert (kept.positions, same.instruments, same.marks) == (book.positions, linear.instruments, linear.marks)
    moved, _ = same_exposure(book, linear)
    assert moved.positions[0].instrument == "BTC_USDC-PERPETUAL"
    assert moved.positions[0].unrealised_pnl == pytest.approx(2.0 * (price(linear, "BTC_USDC-26JUN26") - 70_000.0))


def test_without_a_perpetual_a_future_has_nowhere_to_go() -> None:
    kept = tuple(c for c in MARKET.instruments if not isinstance(c, Perpetual))
    names = {c.name for c in kept}
    marks = {n: m for n, m in MARKET.marks.items() if n in names}
    market = changed(MARKET, instruments=kept, marks=marks)
    book = account(held(CALL, 1.0), held(FUTURE, 10.0))
    with pytest.raises(DocumentError) as caught:
        same_exposure(book, market)
    assert caught.value.problems[0].path == "account.positions[1].instrument"
    assert len(same_exposure(book, market, futures_as_perpetual=False)[0].positions) == 2


def test_an_unknown_instrument_is_left_for_the_margin_to_name() -> None:
    twin, market = same_exposure(account(held("BTC-NOTHING", 1.0), held(CALL, 1.0)), MARKET)
    assert [p.instrument for p in twin.positions] == ["BTC-NOTHING", "BTC_USDC-24APR26-70000-C"]
    with pytest.raises(MarginRefusedError, match="unknown_instrument"):
        open_book(twin, market)


def test_positions_that_become_one_contract_are_added_up() -> None:
    both = linear_market(MARKET)
    listed = {c.name for c in both.instruments}
    twins = [c for c in both.instruments if c.name == "BTC_USDC-24APR26-70000-C"]
    market = changed(MARKET, instruments=(*MARKET.instruments, *twins))
    twin, after = same_exposure(account(held(CALL, 1.5), held(twins[0].name, -0.5)), market)
    assert [(p.instrument, p.quantity) for p in twin.positions] == [(twins[0].name, 1.0)]
    assert {c.name for c in after.instruments} == listed


def test_a_name_taken_by_another_contract_is_refused() -> None:
    other = MARKET.contracts[CALL].model_copy(
        update={"name": "BTC_USDC-24APR26-70000-C", "settlement": Settlement.LINEAR, "currency": "USDT"}
    )
    market = changed(MARKET, instruments=(*MARKET.instruments, other))
    with pytest.raises(DocumentError) as caught:
        same_exposure(account(), market)
    assert caught.value.problems[0].path == "market.instruments.BTC_USDC-24APR26-70000-C"


def test_orders_are_translated_too() -> None:
    orders = [
        {"instrument": CALL, "quantity": -1.0, "price": 0.05},
        {"instrument": PERPETUAL, "quantity": 70.0, "price": 69_000.0, "reduce_only": True},
        {"instrument": FUTURE, "quantity": 70.0, "price": 1.01 * price(MARKET, FUTURE)},
    ]
    call, perpetual, future = same_exposure(account(orders=orders), MARKET)[0].orders
    expiry = MARKET.contracts[CALL].model_dump()["expiry"]
    forward = MARKET.expiry_table["BTC", expiry].forward
    assert forward is not None
    assert (call.instrument, call.quantity) == ("BTC_USDC-24APR26-70000-C", -1.0)
    assert call.price == pytest.approx(0.05 * forward.price)
    assert (perpetual.price, perpetual.reduce_only) == (69_000.0, True)
    assert perpetual.quantity == pytest.approx(700.0 / price(MARKET, PERPETUAL))
    assert future.instrument == "BTC_USDC-PERPETUAL"
    assert future.price == pytest.approx(1.01 * price(MARKET, PERPETUAL))


def test_marks_of_options_are_in_the_new_currency() -> None:
    market = linear_market(MARKET)
    old, new = MARKET.marks[CALL], market.marks["BTC_USDC-24APR26-70000-C"]
    expiry = MARKET.contracts[CALL].model_dump()["expiry"]
    forward = MARKET.expiry_table["BTC", expiry].forward
    assert forward is not None
    assert old.price is not None
    assert (new.vol, new.open_interest) == (old.vol, old.open_interest)
    assert new.price == pytest.approx(old.price * forward.price)
    assert "linear in USDC" in market.source


def test_the_rest_of_the_account_stays() -> None:
    book = account(held(PUT, 1.0), name="mine", venue="deribit", as_of="2026-03-27T08:00:00Z")
    twin, _ = same_exposure(book, MARKET)
    for field in ("name", "venue", "mode", "as_of", "collateral"):
        assert getattr(twin, field) == getattr(book, field)


def test_names() -> None:
    assert linear_name("ETH-27MAR26-2000-P", "ETH", "USDT") == "ETH_USDT-27MAR26-2000-P"
    assert linear_name("XBTUSD", "BTC") == "BTC_USDC-XBTUSD"


@pytest.mark.parametrize(
    ("arguments", "path"),
    [({"settlement": "inverse"}, "settlement"), ({"currency": "DAI"}, "market.assets.DAI")],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], path: str) -> None:
    with pytest.raises(DocumentError) as caught:
        same_exposure(account(), MARKET, **arguments)
    assert caught.value.problems[0].path == path


@pytest.mark.parametrize("name", [PERPETUAL, FUTURE])
def test_a_contract_without_a_mark_is_named(name: str) -> None:
    marks = {n: m for n, m in MARKET.marks.items() if n != name}
    expiries = tuple(e.model_copy(update={"forward": None}) for e in MARKET.expiries)
    market = changed(MARKET, marks=marks, expiries=expiries)
    with pytest.raises(DocumentError) as caught:
        same_exposure(account(held(name, 1.0)), market)
    assert caught.value.problems[0].path == "account.positions[0].instrument"


def test_linear_books_lose_like_inverse_ones_in_usd() -> None:
    """A hedge in the perpetual: both books gain the same USD on any move, for coin futures pay the move in coin."""
    from plimsoll.risk import plan_pnl

    book = account(held(PERPETUAL, 1_000.0))
    twin, market = same_exposure(book, MARKET)
    moves = Scenarios.build([0.5, 0.9, 1.1, 2.0])
    gains = []
    for a, m in ((book, MARKET), (twin, market)):
        opened = open_book(a, m)
        gains.append(opened.quantity @ plan_pnl(opened.plan, moves, "usd"))
    basis = MARKET.indices["BTC"].price / price(MARKET, PERPETUAL)
    np.testing.assert_allclose(gains[0], gains[1] * basis, rtol=1e-12)


def test_linear_contracts_and_dollar_balances_move_into_another_dollar_coin() -> None:
    content = market_doc(assets={"USDC": {"price": 0.99}, "USDT": {"price": 1.01}})
    content["marks"][A_CALL]["price"] = 5_000.0
    market = Market.from_dict(content)
    positions = [
        {"instrument": A_CALL, "quantity": 2.0},
        {"instrument": PERP, "quantity": -1.0, "entry_price": 69_000.0, "leverage": 5.0, "isolated_margin": 101.0},
    ]
    orders = [{"instrument": A_CALL, "quantity": 1.0, "price": 101.0, "reduce_only": True}]
    held = Account.from_dict(account_doc(positions=positions, orders=orders, collateral={"USDC": 101.0, "BTC": 1.0}))
    twin, snapshot = same_exposure(held, market, currency="USDT", restate=True)
    unit = 0.99 / 1.01
    assert [p.instrument for p in twin.positions] == ["BTC_USDT-70000-C", "BTC_USDT-PERP"]
    assert twin.collateral == pytest.approx({"USDT": 101.0 * unit, "BTC": 1.0})
    call, perpetual = twin.positions
    assert call.quantity == 2.0
    assert (perpetual.quantity, perpetual.leverage) == (-1.0, 5.0)
    assert perpetual.unrealised_pnl == pytest.approx(-1_000.0 * unit)
    assert perpetual.isolated_margin == pytest.approx(101.0 * unit)
    assert snapshot.marks["BTC_USDT-70000-C"].price == pytest.approx(5_000.0 * unit)
    assert snapshot.marks["BTC_USDT-PERP"].price == 70_000.0
    assert (twin.orders[0].price, twin.orders[0].reduce_only) == (pytest.approx(101.0 * unit), True)
    same, _ = same_exposure(held, market, currency="USDC")
    assert [p.instrument for p in same.positions] == [A_CALL, PERP]
    assert same.collateral == held.collateral
