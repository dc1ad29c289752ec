"""Books with exotic options under the house models, and the venues that refuse them by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from builders import MONTH as MONTH_AT
from builders import PRBM, option
from exotic_desk import KINDS, SPOT, SWAP, VANILLA, contract, desk
from plimsoll.margin import Requirement, with_parameter
from plimsoll.risk import pnl_array
from plimsoll.scenarios import Scenarios
from random_books import SOME

DSA = "dsa@2026-01-01"


def require(pack: str, book: dict[str, float], settlement: str = "linear", **changes: Any) -> Requirement:
    model = pl.margin_model(pack)
    return model.requirement(*desk(book, settlement, **changes))


def shares_of(found: Requirement) -> None:
    for component in found.components:
        total = sum(s.initial for s in component.shares)
        assert total == pytest.approx(component.initial, abs=1e-6 + 1e-9 * abs(component.initial))


@pytest.mark.parametrize("pack", [PRBM, DSA])
@pytest.mark.parametrize("settlement", ["linear", "inverse"])
@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("name", KINDS)
def test_each_payoff_is_margined_alone(name: str, side: float, settlement: str, pack: str) -> None:
    found = require(pack, {name: side}, settlement)
    assert np.isfinite(found.initial)
    assert found.initial >= 0.0
    shares_of(found)
    account, m = desk({name: side}, settlement)
    worth = side * float(pl.margin_model(pack).requirement(account, m).net_equity - 50_000.0)
    if side > 0:
        # nothing that was bought can lose more than it is worth
        assert worth > 0.0
        assert found.initial - found.workings.get("basis", 0.0) <= worth * (1.0 + 1e-9)


@pytest.mark.rule("PRBM-02", "PRBM-20")
@pytest.mark.parametrize("settlement", ["linear", "inverse"])
def test_the_scan_is_the_worst_of_the_array_and_of_the_barriers(settlement: str) -> None:
    book = dict.fromkeys(KINDS, -1.0)
    account, m = desk(book, settlement)
    found = pl.margin_model(PRBM).requirement(account, m)
    rows = pl.find_rules(PRBM).parameters["scenarios"]
    model = pl.margin_model(PRBM)
    columns = model.scenarios()  # type: ignore[attr-defined]
    held = [m.contracts[n] for n in book]
    losses = pnl_array(held, m, columns, "usd").sum(axis=0) * columns.weight
    ways = [(h / SPOT - 1.0) * j / 16.0 for h in (62_000.0, 76_000.0) for j in range(1, 16)]
    ways += [h * (1.0 + t) / SPOT - 1.0 for h in (62_000.0, 76_000.0) for t in (-1e-9, 1e-9)]
    vols = sorted({float(r["vol"]) for r in rows if r.get("weight", 1.0) == 1.0})
    further = Scenarios.build(
        [1.0 + x for x in ways for _ in vols], [v for _ in ways for v in vols], vol_rule=columns.vol_rule
    )
    more = pnl_array(held, m, further, "usd").sum(axis=0)
    assert found.workings["BTC.scan"] == pytest.approx(max(losses.max(), more.max()), rel=1e-12)
    assert len(found.scenarios) == len(columns) + len(further)


@pytest.mark.rule("PRBM-20", "DSA-18")
@pytest.mark.parametrize(("pack", "term"), [(PRBM, "scan"), (DSA, "used")])
def test_a_sold_knock_out_is_charged_at_its_worst_point(pack: str, term: str) -> None:
    """A sold reverse knock-out costs most on the way to its barrier, where no row of the table looks."""
    found = require(pack, {"barrier-up-out": -1.0}, vol=0.15)
    m = desk({"barrier-up-out": -1.0}, vol=0.15)[1]

    def cost(moves: np.ndarray) -> float:
        columns = Scenarios.build(1.0 + moves, np.full(moves.size, -0.22))
        return float(pnl_array([m.contracts["barrier-up-out"]], m, columns, "usd").max())

    table, worst = cost(np.linspace(-0.16, 0.16, 9)), cost(np.linspace(-0.16, 0.16, 6_401))
    assert table < 0.85 * worst
    assert found.workings[f"BTC.{term}"] >= 0.99 * worst
    if pack == PRBM:
        assert "barrier" in found.binding[0].label


@pytest.mark.rule("PRBM-11", "PRBM-19")
def test_what_was_sold_of_an_exotic_option_is_floored_by_itself() -> None:
    rules = with_parameter(pl.find_rules(PRBM), "short_option_rate", 1.0)
    model = pl.margin_model(rules)

    def floor(book: dict[str, float], settlement: str = "linear", *more: dict[str, Any]) -> float:
        return model.requirement(*desk(book, settlement, *more)).workings["BTC.short_option"] / SPOT

    assert floor({"american": -2.0}) == 2.0
    assert floor({"american": -2.0, "barrier-down-in": 5.0}) == 2.0
    assert floor({"american": -2.0, VANILLA["name"]: 5.0}) == 2.0
    assert floor({"american": -2.0, VANILLA["name"]: -1.0}) == 3.0
    assert floor({"cash": -2.0}) == pytest.approx(2.0 * 1_000.0 / SPOT)
    assert floor({"asset": -1.0, "asian": -1.0, "endless": -1.0}, "inverse") == 3.0
    assert floor({"power": -1.5}) == 3.0
    dead = contract("barrier-up-out", touched=True, name="dead")
    assert floor({"dead": -4.0}, "linear", dead) == 0.0
    alive = contract("barrier-up-in", touched=True, name="alive")
    assert floor({"alive": -4.0}, "linear", alive) == 4.0


@pytest.mark.rule("PRBM-09", "PRBM-10", "PRBM-21")
def test_the_minimum_delta_of_an_exotic_option_is_its_slope() -> None:
    rules = with_parameter(pl.find_rules(PRBM), "min_delta.net", 1.0)
    rules = with_parameter(rules, "min_delta.cap_long_options", False)
    model = pl.margin_model(rules)

    def charge(book: dict[str, float], *more: dict[str, Any]) -> float:
        return model.requirement(*desk(book, "linear", *more)).workings["BTC.min_delta"]

    # an American option on a forward above the index is European where it is a call
    call = contract("american", call=True, name="early")
    twin = option(75_000, True, name="late", expiry=MONTH_AT)
    assert charge({"early": 3.0}, call) == pytest.approx(charge({"late": 3.0}, twin), rel=1e-4)
    assert charge({"early": 3.0, "late": -3.0}, call, twin) == pytest.approx(
        charge({"early": 3.0, "late": -3.0}, twin, call)
    )
    capped = pl.margin_model(with_parameter(rules, "min_delta.cap_long_options", True))
    account, m = desk({"cash": 4.0})
    found = capped.requirement(account, m)
    assert found.workings["BTC.min_delta"] <= found.net_equity - 50_000.0 + 1e-9


@pytest.mark.rule("PRBM-12")
def test_the_basis_charge_counts_dated_exotic_options_only() -> None:
    assert require(PRBM, {"asset": -1.0, "power": 1.0}).workings["basis"] > 0.0
    assert require(PRBM, {"everlasting": -1.0, "endless": 1.0}).workings["basis"] == 0.0


@pytest.mark.rule("DSA-09", "DSA-18")
def test_the_greeks_margin_revalues_what_it_has_no_bound_for() -> None:
    book = {"barrier-down-in": -1.0, SWAP["name"]: 0.5}
    found = require(DSA, book)
    assert found.workings["BTC.full_used"] == 1.0
    assert found.workings["BTC.used"] == found.workings["BTC.full"]
    assert "BTC.bound" not in found.workings
    assert "BTC.full_gap" not in found.workings
    assert "no error bound is known" in found.notes[0]
    # without them nothing changes
    plain = require(DSA, {SWAP["name"]: 0.5})
    assert plain.workings["BTC.bound"] >= 0.0


@pytest.mark.rule("DSA-04")
def test_the_coefficients_of_an_exotic_option_are_those_of_its_vanilla_twin() -> None:
    power = contract("power", power=1.0, cap=None, name="power", strike=70_000.0)
    twin = option(70_000, True, name="twin")
    one = pl.margin_model(DSA).requirement(*desk({"power": 1.0}, "linear", power))
    other = pl.margin_model(DSA).requirement(*desk({"twin": 1.0}, "linear", twin))
    for name in ("delta", "gamma", "vega", "vanna", "volga"):
        key = f"BTC.coefficient.{name}"
        assert one.workings[key] == pytest.approx(other.workings[key], rel=3e-3, abs=20.0)


books = st.dictionaries(st.sampled_from(sorted(KINDS)), st.sampled_from([-2.0, -1.0, 0.5, 3.0]), min_size=1, max_size=5)


@SOME
@given(books, books, st.sampled_from(["linear", "inverse"]))
def test_netting_never_costs_on_common_scenarios(
    one: dict[str, float], other: dict[str, float], settlement: str
) -> None:
    """The scan of the pack's table, the floors and the basis charge are each subadditive."""
    both = {n: one.get(n, 0.0) + other.get(n, 0.0) for n in {**one, **other}}
    rows = {n: require(PRBM, b, settlement) for n, b in (("one", one), ("other", other), ("both", both))}
    for term in ("BTC.min_delta", "BTC.short_option", "basis"):
        parts = rows["one"].workings[term] + rows["other"].workings[term]
        assert rows["both"].workings.get(term, 0.0) <= parts + 1e-6

    def scan(found: Requirement) -> float:
        weights = pl.margin_model(PRBM).scenarios().weight  # type: ignore[attr-defined]
        return max(0.0, -min(s.pnl for s in found.scenarios[: len(weights)])) if found.scenarios else 0.0

    assert scan(rows["both"]) <= scan(rows["one"]) + scan(rows["other"]) + 1e-6


@given(books, st.floats(0.1, 7.0))
@SOME
def test_the_requirement_is_homogeneous(book: dict[str, float], size: float) -> None:
    one, many = require(PRBM, book), require(PRBM, {n: size * q for n, q in book.items()})
    assert many.initial == pytest.approx(size * one.initial, rel=1e-9)
