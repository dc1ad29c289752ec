"""Opyn's vaults: naked margin and spreads against twins in fractions, paths, expiry, auction, bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from naive import opyn
from plimsoll.liquidation import Path, liquidation
from plimsoll.margin.path import States, tracks_of
from plimsoll.margin.rules import with_parameter
from plimsoll.margin.venues.opyn.formulas import debt_price, spread
from random_books import SOME

NAKED, SPREAD = "opyn-naked@2022-08-22", "opyn-spread@2022-08-22"
RULES = pl.find_rules(NAKED)
Doc = dict[str, Any]
NOW = "2022-09-01T08:00:00Z"
WEEKS = {7: "2022-09-08T08:00:00Z", 8: "2022-09-09T08:00:00Z", 56: "2022-10-27T08:00:00Z", 57: "2022-10-28T08:00:00Z"}


def option(name: str, strike: float, *, call: bool, days: int = 7, coin: str = "ETH", **terms: Any) -> Doc:
    row = {"kind": "option", "name": name, "underlying": coin, "expiry": WEEKS[days], "strike": strike, "call": call}
    return {**row, "settlement": "inverse" if call else "linear", "currency": coin if call else "USDC", **terms}


def market(*rows: Doc, spot: float = 1_500.0, **fields: Any) -> pl.Market:
    head = {"schema": "plimsoll.market", "schema_version": 1, "time": NOW, "instruments": list(rows)}
    return pl.Market.from_dict({**head, "indices": {"ETH": {"price": spot}, "SOL": {"price": 30.0}}, **fields})


def require(reference: str, held: Doc, *rows: Doc, spot: float = 1_500.0, **fields: Any) -> pl.Requirement:
    positions = [{"instrument": n, "quantity": q} for n, q in held.items()]
    head = {"schema": "plimsoll.account", "schema_version": 1, "mode": "cross", "positions": positions}
    at = market(*rows, spot=spot, **fields.pop("market", {}))
    return pl.margin_model(reference).requirement(pl.Account.from_dict({**head, **fields}), at)


@pytest.mark.rule("OPYN-01", "OPYN-03")
def test_the_vaults_of_the_venue_s_test() -> None:
    put = require(NAKED, {"P": -1.0}, option("P", 100.0, call=False), spot=150.0, collateral={"USDC": 30.0})
    assert (put.initial, put.maintenance) == pytest.approx((16.78, 16.78))
    assert put.charged.initial == 16_780_000
    assert put.workings["excess"] == pytest.approx(13.22)
    call = require(NAKED, {"C": -1.0}, option("C", 2_500.0, call=True), spot=1_800.0)
    assert (call.initial, call.currency) == (pytest.approx(0.1678), "ETH")


@pytest.mark.rule("OPYN-02")
@pytest.mark.parametrize(("days", "bound"), [(7, 0.1678), (8, 0.237), (56, 0.4603)])
def test_the_bound_is_that_of_the_next_larger_tenor(days: int, bound: float) -> None:
    found = require(NAKED, {"P": -2.0}, option("P", 1_000.0, call=False, days=days))
    assert found.workings["upper_bound"] == bound
    assert found.initial == pytest.approx(2.0 * 1_000.0 * bound)


@pytest.mark.rule("OPYN-02")
def test_beyond_the_last_tenor_there_is_no_bound() -> None:
    with pytest.raises(pl.DocumentError, match=r"positions\[0\]\.instrument: got .*57 days.*within 56 days"):
        require(NAKED, {"P": -1.0}, option("P", 1_000.0, call=False, days=57))


@given(
    st.booleans(),
    st.floats(100.0, 5_000.0),
    st.floats(200.0, 4_000.0),
    st.floats(0.01, 1e4),
    st.sampled_from([7, 8, 56]),
)
def test_naked_margin_equals_its_twin(call: bool, strike: float, spot: float, amount: float, days: int) -> None:
    found = require(NAKED, {"O": -amount / 0.1}, option("O", strike, call=call, days=days, multiplier=0.1), spot=spot)
    product = RULES.parameters["products"]["ETH"]["call" if call else "put"]
    most = opyn.bound(product["upper_bounds"], days * 86_400.0)
    assert most is not None
    wanted = float(opyn.naked(call, strike, spot, amount, product["spot_shock"], most))
    assert found.initial == found.maintenance == pytest.approx(wanted, rel=1e-12)


@pytest.mark.rule("OPYN-04", "OPYN-05")
@given(st.booleans(), st.floats(0.01, 1e3), st.floats(50.0, 5e3), st.floats(0.0, 1e3), st.floats(50.0, 5e3))
def test_a_spread_needs_the_most_that_it_can_lose(
    call: bool, short: float, strike: float, long: float, other: float
) -> None:
    wanted = float(opyn.spread(call, short, strike, long, other))
    assert spread(call, short, strike, long, other) == pytest.approx(wanted, rel=1e-12, abs=1e-12 * short * strike)
    rows = option("S", strike, call=call), option("L", other, call=call)
    found = require(SPREAD, {"S": -short, "L": long}, *rows)
    assert found.maintenance == pytest.approx(wanted, rel=1e-12, abs=1e-12 * short * strike)


@pytest.mark.rule("OPYN-04", "OPYN-05")
def test_an_option_without_its_pair_is_backed_whole() -> None:
    assert require(SPREAD, {"P": -2.0}, option("P", 1_000.0, call=False)).initial == 2_000.0
    assert require(SPREAD, {"C": -2.0}, option("C", 1_000.0, call=True)).initial == 2.0
    assert require(SPREAD, {"C": 2.0}, option("C", 1_000.0, call=True)).initial == 0.0
    assert require(SPREAD, {}, collateral={"ETH": 2.0}).net_equity == 2.0
    assert (
        require(SPREAD, {"C": -1.0, "F": 1.0}, option("C", 9.0, call=True), option("F", 0.0, call=True)).initial == 0.0
    )


@pytest.mark.rule("OPYN-06")
@pytest.mark.parametrize("reference", [NAKED, SPREAD])
def test_an_expired_vault_owes_what_its_option_pays(reference: str) -> None:
    rows = option("C", 1_000.0, call=True), option("L", 1_100.0, call=True)
    settled = {"time": WEEKS[7], "expiries": [{"underlying": "ETH", "expiry": WEEKS[7], "settlement": 1_250.0}]}
    held = {"C": -2.0} if reference == NAKED else {"C": -2.0, "L": 1.0}
    found = require(reference, held, *rows, collateral={"ETH": 1.0}, market=settled)
    assert found.maintenance == pytest.approx(2.0 * 0.2)
    assert found.net_equity == pytest.approx(1.0 if reference == NAKED else 1.12)
    with pytest.raises(pl.DocumentError, match=r"market\.expiries\.ETH .*settlement: got nothing"):
        require(reference, held, *rows, collateral={"ETH": 1.0}, market={"time": WEEKS[7]})


@pytest.mark.rule("OPYN-07")
def test_a_liquidator_is_paid_more_and_more() -> None:
    row = option("P", 2_000.0, call=False)
    found = require(NAKED, {"P": -2.0}, row, spot=1_000.0, collateral={"USDC": 2_000.0})
    assert found.excess_maintenance < 0.0
    assert found.workings["auction.start_price"] == pytest.approx(950.0)
    assert found.workings["auction.end_price"] == 1_000.0
    call = [debt_price(True, 1_000.0, 2_000.0, 0.05, 0.6, part) for part in (0.0, 0.5, 3.0)]
    assert call == pytest.approx([0.45, 0.525, 0.6])
    # with next to nothing in the vault the price never passes what there is
    assert debt_price(False, 2_000.0, 1_000.0, 0.05, 10.0, 0.0) == 10.0


@SOME
@given(st.booleans(), st.floats(500.0, 4_000.0), st.lists(st.floats(0.2, 4.0), min_size=1, max_size=5))
def test_a_path_is_one_requirement_after_the_other(call: bool, strike: float, moves: list[float]) -> None:
    states, at = States({"ETH": np.array(moves)}, np.ones(len(moves))), market(option("O", strike, call=call))
    head = {"schema": "plimsoll.account", "schema_version": 1, "mode": "cross"}
    book = {
        **head,
        "positions": [{"instrument": "O", "quantity": -3.0}],
        "collateral": {"ETH" if call else "USDC": 2.0},
    }
    account = pl.Account.from_dict(book)
    for reference in (NAKED, SPREAD):
        model = pl.margin_model(reference)
        (fast,), (slow,) = model.along(account, at, states), tracks_of(model.assess, account, at, states)
        assert fast.equity == pytest.approx(slow.equity)
        assert fast.maintenance == pytest.approx(slow.maintenance, rel=1e-12)


@pytest.mark.rule("OPYN-03")
@pytest.mark.parametrize("call", [True, False])
def test_margin_bends_where_the_shocked_price_meets_the_strike(call: bool) -> None:
    model, at = pl.margin_model(NAKED), market(option("O", 1_200.0, call=call))
    head = {"schema": "plimsoll.account", "schema_version": 1, "mode": "cross"}
    account = pl.Account.from_dict({**head, "positions": [{"instrument": "O", "quantity": -1.0}]})
    (bend,) = model.kinks(account, at)["ETH"]
    points = bend * np.array([1.0 - 2e-4, 1.0 - 1e-4, 1.0, 1.0 + 1e-4, 1.0 + 2e-4])
    (track,) = model.along(account, at, States({"ETH": points}, np.ones(5)))
    slopes = np.diff(track.maintenance)
    assert abs(slopes[0] - slopes[1]) < 1e-3 * abs(slopes[1] - slopes[2])
    assert abs(slopes[2] - slopes[3]) < 1e-3 * abs(slopes[1] - slopes[2])
    assert pl.margin_model(SPREAD).kinks(account, at) == {}


@pytest.mark.rule("OPYN-08")
@pytest.mark.parametrize(("held", "rows", "fields", "path"), [
    ({"P": 1.0}, [option("P", 1e3, call=False)], {}, r"positions\[0\]\.quantity: got 'P', bought; allowed: sold"),
    ({"P": -1.0, "Q": -1.0}, [option("P", 1e3, call=False), option("Q", 9e2, call=False)], {}, r"one sold option"),
    ({"P": -1.0}, [option("P", 1e3, call=False, coin="SOL")], {}, r"got 'P', option on SOL"),
    ({"P": -1.0}, [option("P", 1e3, call=False, settlement="inverse", currency="ETH")], {}, r"puts that settle in"),
    ({"X": -1.0}, [], {}, r"positions\[0\]\.instrument: got 'X'"),
    ({"P": -1.0}, [option("P", 1e3, call=False)], {"collateral": {"USDC": 0.1}}, r"collateral\.USDC: got 0\.1"),
    ({"P": -1.0}, [option("P", 1e3, call=False)], {"collateral": {"ETH": 1.0}}, r"account\.collateral\.ETH"),
    ({}, [], {"collateral": {"ETH": 1.0, "USDC": 1.0}}, r"account\.collateral: got ETH, USDC"),
    ({}, [], {"collateral": {"SOL": 1.0}}, r"account\.collateral\.SOL"),
    ({"P": -1.0}, [option("P", 1e3, call=False)], {"collateral": {"USDC": -1.0}}, r"nothing is borrowed"),
    (
        {"P": -1.0},
        [option("P", 1e3, call=False)],
        {"orders": [{"instrument": "P", "quantity": 1.0, "price": 1.0}]},
        r"account\.orders: got 1 orders",
    ),
    ({"P": -1.0}, [option("P", 1e3, call=False)], {"market": {"indices": {}}}, r"market\.indices\.ETH: got nothing"),
])  # fmt: skip
def test_what_no_vault_holds_is_refused_by_name(held: Doc, rows: list[Doc], fields: Doc, path: str) -> None:
    with pytest.raises(pl.DocumentError, match=path):
        require(NAKED, held, *rows, **fields)


@pytest.mark.rule("OPYN-08")
def test_a_spread_is_of_one_kind_and_expiry() -> None:
    rows = option("P", 1_000.0, call=False), option("Q", 900.0, call=False, days=8)
    with pytest.raises(pl.DocumentError, match=r"positions\[1\]\.instrument: got 'Q'; allowed: options of one coin"):
        require(SPREAD, {"P": -1.0, "Q": 1.0}, *rows)


@pytest.mark.rule("OPYN-08")
@pytest.mark.parametrize(("path", "value", "told"), [
    ("strike_asset", "DAI", "strike_asset: got 'DAI'"),
    ("products.ETH.put.upper_bounds.1.tenor_days", 7.0, r"upper_bounds\[1\]\.tenor_days: got 7\.0"),
    ("tokens", {"USDC": {"decimals": 6}}, r"products\.ETH"),
    ("dust", {"DAI": 1.0}, r"dust\.DAI"),
])  # fmt: skip
def test_packs_that_make_no_sense_are_refused(path: str, value: Any, told: str) -> None:
    with pytest.raises(pl.DocumentError, match=told):
        pl.margin_model(with_parameter(RULES, path, value))


@pytest.mark.rule("OPYN-03")
@pytest.mark.parametrize(("call", "collateral"), [(True, 0.5), (False, 300.0)])
def test_the_line_of_a_vault_is_where_its_collateral_is_needed_whole(call: bool, collateral: float) -> None:
    """A put beyond its strike needs `K - shock S (1 - bound)`, a call `1 - K shock / S (1 - bound)`: solved for S."""
    strike, shock, bound = 1_200.0, 0.75, 0.1678
    model, at = pl.margin_model(NAKED), market(option("O", strike, call=call))
    head = {"schema": "plimsoll.account", "schema_version": 1, "mode": "cross"}
    held = {"positions": [{"instrument": "O", "quantity": -1.0}], "collateral": {"ETH" if call else "USDC": collateral}}
    left = (
        strike * shock * (1.0 - bound) / (1.0 - collateral) if call else (strike - collateral) / shock / (1.0 - bound)
    )
    found = liquidation(model, pl.Account.from_dict({**head, **held}), at, Path({"ETH": 1.0}, None))
    (line,) = found.pools[0].lines
    assert line.multiplier == pytest.approx(left / 1_500.0, rel=1e-9)
