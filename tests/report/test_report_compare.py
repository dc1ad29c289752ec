"""One account under several rule sets, and the market after a move."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import plimsoll as pl
from builders import CALL, FUTURE, MONTH, NOW, PERP, PRBM, PUT, WING, account_doc, market_doc, option, perpetual
from plimsoll.documents import DocumentError
from plimsoll.margin.compare import compare, rules_in_force, takeable
from plimsoll.margin.path import shifted
from plimsoll.report.tables import comparison_view, evidence_parts

LINEAR = {CALL: -1.0, PUT: -1.0, WING: 2.0, PERP: 0.3}
quantities = st.lists(st.floats(-20, 20).filter(lambda q: abs(q) > 1e-6), min_size=4, max_size=4)


def account(book: dict[str, float] | None = None, **changes: object) -> pl.Account:
    return pl.Account.from_dict(account_doc(LINEAR if book is None else book, **changes))


def market() -> pl.Market:
    return pl.Market.from_dict(market_doc())


def inverse_market() -> pl.Market:
    """Coin-settled twins of the options and a 10-dollar inverse perpetual, beside the linear market."""
    content = market_doc()
    for strike in (70_000, 80_000):
        row = option(strike, True, settlement="inverse", currency="BTC", name=f"BTC-{strike}-C-COIN")
        content["instruments"].append(row)
        content["marks"][row["name"]] = {"vol": 0.6}
    content["instruments"].append(perpetual(name="BTC-COIN", settlement="inverse", currency="BTC", multiplier=10.0))
    content["marks"]["BTC-COIN"] = {"price": 70_000.0}
    return pl.Market.from_dict(content)


def test_rules_in_force_are_one_of_each_name_and_not_of_tomorrow() -> None:
    found = rules_in_force(market())
    names = [r.name for r in found]
    assert names == sorted(set(names))
    assert {"prbm", "derive-pmrm2"} <= set(names)
    assert all(r.effective.isoformat() <= NOW[:10] for r in found)


def test_rows_are_the_requirements_of_the_models() -> None:
    found = compare(account(), market())
    assert {"prbm", "derive-pmrm2"} <= {r.pack.name for r in found.computed}
    assert all(r.refusal for r in found.rows if r not in found.computed)
    for row in found.computed:
        model = pl.margin_model(row.pack)
        held, snapshot, reason = takeable(model, account(), market(), row.mode)
        assert row.requirement == model.requirement(held, snapshot)
        assert row.translated is (reason is not None)
        assert row.mode in model.MODES
        assert held.mode == row.mode
        assert sum(row.evidence.values()) == pytest.approx(row.requirement.initial)


def test_comparison_is_deterministic_and_plain_json() -> None:
    one, other = (compare(account(), market()).to_dict() for _ in range(2))
    assert json.loads(json.dumps(one, allow_nan=False)) == other
    assert {r["rules"] for r in one["rows"]} == {r.label for r in rules_in_force(market())}


def test_one_account_in_three_modes_has_three_requirements_and_one_cheapest() -> None:
    book = account({PERP: 2.0, FUTURE: -1.0}, collateral={"USDC": 40_000.0})
    found = compare(book, market())
    rows = {r.label: r for r in found.computed}
    cross, isolated = (rows[f"binance-usdm@2024-10-24 {mode}"] for mode in ("cross", "isolated"))
    assert cross.requirement is not None
    assert isolated.requirement is not None
    # venues without the dated future hold both legs as one perpetual
    assert cross.requirement.maintenance == pytest.approx(70_000 * 0.005 - 50)
    (shared, own) = isolated.requirement.pools
    assert (shared.maintenance, own.subject) == (0.0, "BTC_USDT-PERP")
    assert own.margin == pytest.approx(70_000 / 20)
    assert shared.equity == pytest.approx(40_000 - own.margin)
    assert isolated.health == pytest.approx(own.margin / own.maintenance)
    assert cross.health == cross.requirement.health
    cheapest = found.cheapest
    assert cheapest is not None
    assert cheapest.cost == min(r.cost for r in found.computed if r.cost is not None)
    assert found.to_dict()["cheapest"] == cheapest.label


def test_parts_by_evidence_are_parts_even_where_one_component_is_relief() -> None:
    """Relief between two coins is assumed and below zero: the parts are of what was added up, and make a whole."""
    content = market().to_dict()
    content["indices"]["ETH"] = {"price": 2_500.0}
    terms = {"kind": "perpetual", "name": "ETH-PERP", "underlying": "ETH", "settlement": "linear", "currency": "USDC"}
    content["instruments"].append(terms)
    content["marks"]["ETH-PERP"] = {"price": 2_500.0}
    book = account({PERP: 1.0, "ETH-PERP": -28.0}, collateral={"USDC": 90_000.0})
    (row,) = compare(book, pl.Market.from_dict(content), [pl.find_rules("prbm-whole@2026-01-01")]).rows
    assert row.evidence["assumed"] < 0 < row.evidence["read"]
    parts = evidence_parts(row)
    assert sum(parts.values()) == pytest.approx(1.0)
    assert 0.2 < parts["assumed"] < 0.5


def test_modes_with_the_same_amounts_share_a_row() -> None:
    """Derive's standard manager nets alike in both of its modes; isolated margins are never the same as shared ones."""
    packs = [pl.find_rules(r) for r in ("derive-srm@2026-03-01", "binance-usdm@2026-03-01")]
    found = compare(account({PERP: 2.0}, collateral={"USDC": 90_000.0}), market(), packs)
    assert [r.label.partition(" ")[2] for r in found.rows] == ["portfolio, cross", "cross", "isolated"]
    assert (found.rows[0].mode, found.rows[0].same) == ("portfolio", ("cross",))
    assert found.to_dict()["rows"][0]["same_modes"] == ["cross"]
    alone = compare(account({PERP: 2.0}, collateral={"USDC": 90_000.0}), market(), packs[:1], modes=["cross"])
    assert [(r.mode, r.same) for r in alone.rows] == [("cross", ())]
    # what cannot be held keeps a row for each mode, with the reason
    refused = compare(account({PERP: 2.0}, collateral={"DOT": 1.0}), market(), packs[:1])
    assert [(r.mode, r.same, bool(r.refusal)) for r in refused.rows] == [("portfolio", (), True), ("cross", (), True)]


def test_what_is_below_the_line_is_not_cheap() -> None:
    found = compare(account({PERP: 2.0}, collateral={"USDC": 1.0}), market())
    assert found.computed
    assert found.cheapest is None


def test_money_set_apart_is_in_the_currency_that_a_position_settles_in() -> None:
    """Bybit counts in USD; an isolated coin-settled position has coins set apart, worth what it needs alone."""
    pack = pl.find_rules("bybit-uta@2026-01-01")
    book = account({"BTC-COIN": 1_000.0}, collateral={"BTC": 1.0}, mode="cross")
    cross, isolated = compare(book, inverse_market(), [pack], modes=["cross", "isolated"]).rows
    assert cross.requirement is not None
    assert isolated.requirement is not None
    # 10,000 USD of value at the default leverage, and the fee of closing
    assert cross.requirement.initial == pytest.approx(isolated.requirement.initial, rel=1e-9)
    shared, own = isolated.requirement.pools
    assert own.margin == pytest.approx(cross.requirement.initial, rel=1e-9)
    assert shared.equity == pytest.approx((70_000.0 - own.margin) * (cross.requirement.net_equity / 70_000.0))
    held, _, _ = takeable(pl.margin_model(pack), book, inverse_market(), "isolated")
    assert held.positions[0].isolated_margin == pytest.approx(own.margin / 70_000.0)


def test_a_row_with_a_pool_below_its_line_is_not_the_cheapest() -> None:
    """Binance counts coins for coin-settled contracts alone: isolated, the balance cannot pay for what is set apart."""
    packs = [pl.find_rules(r) for r in ("binance-coinm@2026-03-01", "prbm@2026-03-01")]
    book = account({"BTC-COIN": 1_000.0}, collateral={"BTC": 0.001, "USDC": 50_000.0})
    found = compare(book, inverse_market(), packs)
    rows = {r.mode: r for r in found.rows}
    assert rows["isolated"].requirement is not None
    assert rows["isolated"].requirement.excess_maintenance > 0
    assert rows["isolated"].requirement.pools[0].equity < 0
    assert {m: r.above for m, r in rows.items()} == {"cross": True, "isolated": False, "portfolio": True}
    assert rows["isolated"].cost == rows["cross"].cost
    assert found.cheapest is not rows["isolated"]


def test_an_instrument_that_nobody_lists_is_told_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    found = compare(account({"NOWHERE": 1.0, CALL: -1.0, PERP: 1.0}), market())
    assert not found.computed
    Console(width=100_000).print(comparison_view(found))
    told = capsys.readouterr().out
    assert "no number under any rule set" in told
    assert "account.positions[0].instrument: got 'NOWHERE' (unknown_instrument" in told


@given(quantities)
def test_netting_never_raises_the_scan(held: list[float]) -> None:
    book = account(dict(zip(LINEAR, held, strict=True)))
    row = compare(book, market(), [pl.find_rules(PRBM)]).rows[0]
    assert row.standalone is not None
    scan = pl.margin_model(PRBM).requirement(book, market()).workings["BTC.scan"]
    assert row.standalone["scan"] >= scan - 1e-6


def test_a_single_position_nets_nothing() -> None:
    row = compare(account({CALL: -3.0}), market(), [pl.find_rules(PRBM)]).rows[0]
    assert row.netting == pytest.approx(0.0, abs=1e-12)


def test_offsetting_positions_net() -> None:
    row = compare(account({CALL: -1.0, PERP: 0.5}), market(), [pl.find_rules(PRBM)]).rows[0]
    assert row.netting is not None
    assert 0.1 < row.netting < 1.0


def test_coin_settled_book_is_held_as_linear_where_it_must_be() -> None:
    book = account({"BTC-70000-C-COIN": -1.0, "BTC-COIN": 3_500.0})
    by_name = {r.pack.name: r for r in compare(book, inverse_market()).rows}
    assert not by_name["prbm"].translated
    derive = by_name["derive-pmrm2"]
    assert derive.translated
    assert derive.requirement is not None
    # 3,500 contracts of ten dollars at 70,000 are half a coin
    linear = account({CALL: -1.0, PERP: 0.5})
    expected = pl.margin_model(derive.pack).requirement(linear, market())
    assert derive.requirement.initial == pytest.approx(expected.initial)
    assert "do not take 'BTC-70000-C-COIN'" in derive.notes[0]


def test_what_no_rules_can_take_is_a_row_with_a_reason() -> None:
    found = compare(account({"NOTHING-C": 1.0}), market())
    assert found.computed == ()
    # rules of balances alone take no contract at all, known or not
    assert all("unknown_instrument" in r.refusal for r in found.rows if r.pack.model not in ("okx-margin", "lending"))
    assert all(r["initial"] is None and r["refusal"] for r in found.to_dict()["rows"])
    assert {r.pack.name for r in compare(account({PERP: 1.0}), market(), modes=["isolated"]).rows} >= {"binance-usdm"}


def test_empty_account_requires_nothing_under_any_rules() -> None:
    for row in compare(account({}), market()).rows:
        assert row.requirement is not None
        assert (row.requirement.initial, row.requirement.health, row.netting) == (0.0, None, None)


@pytest.mark.parametrize("multiplier", [0.7, 1.0, 1.25])
@pytest.mark.parametrize("entry", [None, 64_000.0])
def test_shift_moves_equity_by_the_gain(multiplier: float, entry: float | None) -> None:
    content = account_doc({CALL: -1.0, PERP: 0.8, FUTURE: -1.5}, collateral={"USDC": 50_000.0})
    if entry is not None:
        for row in content["positions"][1:]:
            row["entry_price"] = entry
    book, model = pl.Account.from_dict(content), pl.margin_model(PRBM)
    before = model.requirement(book, market())
    after = model.requirement(*shifted(book, market(), multiplier))
    held = [market().contracts[p.instrument] for p in book.positions]
    gain = pl.pnl_array(held, market(), pl.Scenarios.build([multiplier]), "usd")[:, 0]
    expected = before.net_equity + float(np.array([-1.0, 0.8, -1.5]) @ gain)
    assert after.net_equity == pytest.approx(expected, abs=1e-6)


def test_shift_of_coin_settled_contracts_and_coin_collateral() -> None:
    content = account_doc({"BTC-70000-C-COIN": -1.0, "BTC-COIN": -3_500.0}, collateral={"BTC": 2.0})
    book, model = pl.Account.from_dict(content), pl.margin_model(PRBM)
    moved, snapshot = shifted(book, inverse_market(), 0.8)
    after = model.requirement(moved, snapshot)
    # the perpetual, in coin: -3,500 * 10 * (1 / 70,000 - 1 / 56,000), worth 56,000 each
    perpetual_gain = -35_000 * (1 / 70_000 - 1 / 56_000) * 56_000
    call = pl.pnl_array(
        [inverse_market().contracts["BTC-70000-C-COIN"]], inverse_market(), pl.Scenarios.build([0.8]), "usd"
    )
    before = model.requirement(book, inverse_market()).net_equity
    collateral = 2.0 * (56_000 - 70_000) * (1 - 0.05)
    assert after.net_equity == pytest.approx(before + perpetual_gain - float(call[0, 0]) + collateral, abs=1e-6)


def test_fixed_part_of_a_settling_forward_does_not_move() -> None:
    content = market_doc()
    content["expiries"][0]["forward"] = {"variable": 20_000.0, "fixed": 50_000.0}
    book = account({CALL: 1.0, FUTURE: 1.0})
    _, snapshot = shifted(book, pl.Market.from_dict(content), 1.1)
    assert snapshot.expiries[0].forward is not None
    assert snapshot.expiries[0].forward.price == pytest.approx(72_000.0)
    assert snapshot.marks[FUTURE].price == pytest.approx(72_000.0)
    assert snapshot.marks[CALL].vol == 0.6


def test_a_shift_to_nothing_is_refused() -> None:
    with pytest.raises(DocumentError, match="multiplier"):
        shifted(account(), market(), 0.0)


def test_expired_but_settled_options_do_not_move() -> None:
    content = market_doc(time=MONTH.replace("01-31", "02-01"))
    content["expiries"][0] |= {"settlement": 75_000.0}
    del content["expiries"][0]["forward"]
    content["instruments"] = [c for c in content["instruments"] if c["kind"] == "option"]
    content["marks"] = {}
    snapshot = pl.Market.from_dict(content)
    model = pl.margin_model(PRBM)
    before = model.requirement(account({CALL: 1.0}), snapshot)
    after = model.requirement(*shifted(account({CALL: 1.0}), snapshot, 1.3))
    assert before.net_equity == after.net_equity == 55_000.0
