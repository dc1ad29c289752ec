"""The Deribit models against naive twins that share no line with them, on random books."""

from __future__ import annotations

import pytest
from hypothesis import given

import plimsoll as pl
from deribit_books import index_of, twin_rows
from naive.deribit import DAYS, DELTAS, FARS, FLOORS, ROWS, contingency_margin, portfolio_margin, standard_margin
from plimsoll.margin import Requirement, with_parameter
from random_books import World, worlds

SM, PM = "deribit-sm@2026-09-23", "deribit-pm@2026-02-15"
OLD = ("deribit-pm@2019-06-01", "deribit-pm@2023-11-01")
ETHER = "ETH"


def require(reference: str, world: World, **changes: float) -> Requirement:
    rules = pl.find_rules(reference)
    for path, value in changes.items():
        rules = with_parameter(rules, path.replace("__", "."), value)
    account, market = pl.Account.from_dict(world.account()), pl.Market.from_dict(world.market())
    return pl.margin_model(rules).requirement(account, market)


def inverse(coin: str) -> object:
    return worlds(underlyings=(coin,), styles=("inverse",), kinds=("option", "option", "future", "perpetual"))


def near(got: float, expected: float, size: float) -> bool:
    """Equal but for what double precision loses on a book of that size."""
    return abs(got - expected) <= 1e-11 * max(1.0, size, abs(expected))


def gross(world: World) -> float:
    """Largest amount that can cancel: coins of inverse books, USD of linear ones."""
    usd = any(leg.style == "linear" for leg in world.legs)
    price = index_of(world)[1]
    return sum(
        abs(leg.quantity) * leg.multiplier * (price if usd else max(1.0, leg.strike / price)) for leg in world.legs
    )


@given(inverse("BTC"))
def test_standard_margin_equals_its_twin_on_inverse_books(world: World) -> None:
    check_standard(world)


@given(worlds(underlyings=("ETH",), styles=("linear",), kinds=("perpetual", "future")))
def test_standard_margin_equals_its_twin_on_linear_books(world: World) -> None:
    check_standard(world)


def check_standard(world: World) -> None:
    coin, index = index_of(world)
    found = require(SM, world)
    twin = standard_margin(pl.find_rules(SM).parameters, index, twin_rows(world), coin)
    # amounts of a position are rounded: two roundings may fall apart by one unit
    slack = 1.1e-9 * len(world.legs)
    assert found.initial == pytest.approx(max(twin["initial"].values()), rel=1e-11, abs=slack)
    assert found.maintenance == pytest.approx(max(twin["maintenance"].values()), rel=1e-11, abs=slack)
    for name, amount in twin["initial"].items():
        got = found.workings.get(f"reading.underlying.{name}", found.initial)
        assert got == pytest.approx(amount, rel=1e-11, abs=slack)


@given(inverse(ETHER))
@pytest.mark.parametrize("threshold", [2e7, 2e4])
def test_portfolio_margin_equals_its_twin_on_inverse_books(threshold: float, world: World) -> None:
    check_portfolio(world, threshold)


@given(worlds(underlyings=("ETH",), styles=("linear",), kinds=("option", "option", "future", "perpetual")))
def test_portfolio_margin_equals_its_twin_on_linear_books(world: World) -> None:
    check_portfolio(world, 2e7)


def check_portfolio(world: World, threshold: float) -> None:
    coin, index = index_of(world)
    path = "pairs__ETH__delta_total_liq_shock_threshold"
    found = require(PM, world, **{path: threshold})
    parameters = with_parameter(pl.find_rules(PM), path.replace("__", "."), threshold).parameters
    twin = portfolio_margin(parameters, index, twin_rows(world), coin)
    size = gross(world)
    totals = {name: t["worst"] + t["roll"] + t["delta"] for name, t in twin.items()}
    most, least = max(totals.values()), min(totals.values())
    w = found.workings
    charged = w["worst_case"] + w["roll_shock"] + w["delta_shock"]
    assert near(charged, most, size)
    assert near(w.get("reading.most", charged), most, size)
    assert near(w.get("reading.least", charged), least, size)
    reading = tuple(
        max((a for a in axis if f"reading.{a}" in w), key=lambda a: w[f"reading.{a}"], default=axis[0])
        for axis in (FLOORS, DAYS, FARS, DELTAS, ROWS)
    )
    mine = twin[reading]
    for name, got in (("worst", w["worst_case"]), ("roll", w["roll_shock"]), ("delta", w["delta_shock"])):
        assert near(got, mine[name], size), name
    assert all(near(s.pnl, e, size) for s, e in zip(found.scenarios, mine["vector"], strict=True))
    summed = [v for k, v in w.items() if k.startswith("pre_aggregated.")]
    assert all(near(a, b, size) for a, b in zip(summed, mine["summed"], strict=True))


@given(inverse(ETHER))
@pytest.mark.parametrize("threshold", [2e7, 2e4])
def test_shares_add_up_to_every_component(threshold: float, world: World) -> None:
    found = require(PM, world, pairs__ETH__delta_total_liq_shock_threshold=threshold)
    for component in found.components:
        left = component.initial - sum(s.initial for s in component.shares)
        assert abs(left) <= component.share_error + 1e-12 * max(1.0, abs(component.initial)), component.name
        assert component.share_error <= 1e-8 * max(1.0, abs(component.initial)), component.name


@given(inverse(ETHER))
@pytest.mark.parametrize("reference", OLD)
def test_margin_before_2024_equals_its_twin_on_inverse_books(reference: str, world: World) -> None:
    check_contingencies(reference, world)


@given(worlds(underlyings=("BTC",), styles=("linear",), kinds=("option", "option", "future", "perpetual")))
@pytest.mark.parametrize("reference", OLD)
def test_margin_before_2024_equals_its_twin_on_linear_books(reference: str, world: World) -> None:
    check_contingencies(reference, world)


def check_contingencies(reference: str, world: World) -> None:
    coin, index = index_of(world)
    found, parameters = require(reference, world), pl.find_rules(reference).parameters
    twin = contingency_margin(parameters, index, twin_rows(world), coin)
    size, w = gross(world), found.workings
    worst = {days: max(0.0, -min(cells)) for days, cells in twin["cells"].items()}
    assert near(w["worst_cell"], max(worst.values()), size)
    assert near(w["futures_contingency"], twin["futures"], size)
    assert near(w["options_contingency"], twin["options"], size)
    total = max(worst.values()) + twin["futures"] + twin["options"]
    assert near(found.maintenance, total, size)
    assert near(found.initial, parameters["initial_factor"] * total, size)
    for days, amount in worst.items():
        assert near(w.get(f"reading.{days}", w["maintenance"]), amount + twin["futures"] + twin["options"], size)
    saved = w.get("reading.expiries_apart", 0.0) - w.get("reading.expiries_together", 0.0)
    assert near(saved, twin["options"] - twin["together"], size)
    charged = max(worst, key=lambda d: w.get(f"reading.{d}", 0.0))
    assert all(near(s.pnl, e, size) for s, e in zip(found.scenarios, twin["cells"][charged], strict=True))
    for component in found.components:
        for kind in ("initial", "maintenance"):
            left = getattr(component, kind) - sum(getattr(s, kind) for s in component.shares)
            assert abs(left) <= 1e-12 * max(1.0, size), component.name
