"""Books of long options only: the scan stays within their value; the minimum delta charge is capped by parameter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

import plimsoll as pl
from builders import PERP, PRBM, account_doc, at, market_doc, option
from plimsoll.kernels import normal_cdf
from plimsoll.margin import Requirement, with_parameter
from plimsoll.margin.parts.delta import delta_charge_shares
from random_books import World, worlds

DAY = at(86_400)
FAR = "BTC-74000-C"


def one_day_market(**more: float) -> pl.Market:
    """A one-day call 6 % out of the money at 40 %, and other one-day calls by `name=vol`."""
    base = market_doc()
    options = [option(74_000, True, expiry=DAY), option(70_000, True, expiry=DAY, name="AT")]
    options.append(option(70_000, False, expiry=DAY, name="AT-P"))
    marks = {FAR: {"vol": 0.4}, "AT": {"vol": 0.18}, "AT-P": {"vol": 0.18}, PERP: {"price": 70_000.0}}
    expiries = [{"underlying": "BTC", "expiry": DAY, "forward": {"variable": 70_000.0}}]
    perpetual = [i for i in base["instruments"] if i["name"] == PERP]
    content = base | {"instruments": [*options, *perpetual], "marks": marks, "expiries": expiries}
    return pl.Market.from_dict(content)


def require(book: dict[str, float], cap: bool) -> Requirement:
    model = pl.margin_model(with_parameter(pl.find_rules(PRBM), "min_delta.cap_long_options", cap))
    return model.requirement(pl.Account.from_dict(account_doc(book, collateral={})), one_day_market())


@given(worlds(kinds=("option",), long_only=True))
def test_the_scan_never_exceeds_the_net_option_value(world: World) -> None:
    account, market = pl.Account.from_dict(world.account() | {"collateral": {}}), pl.Market.from_dict(world.market())
    found = pl.margin_model(PRBM).requirement(account, market)
    scan = sum(v for n, v in found.workings.items() if n.endswith(".scan"))
    capped = sum(v for n, v in found.workings.items() if n.endswith(".min_delta"))
    assert 0.0 <= scan <= found.net_equity * (1.0 + 1e-12) + 1e-9
    assert capped <= found.net_equity * (1.0 + 1e-12) + 1e-9
    assert all(v == 0.0 for n, v in found.workings.items() if n.endswith(".short_option"))


def test_the_cap_is_a_parameter() -> None:
    capped, free = require({FAR: 3.0}, cap=True), require({FAR: 3.0}, cap=False)
    value = capped.net_equity
    assert 0.0 < value < free.workings["BTC.min_delta"]
    assert capped.workings["BTC.min_delta"] == pytest.approx(value, rel=1e-12)
    assert free.workings["BTC.scan"] == capped.workings["BTC.scan"] <= value
    assert free.binding[0].kind == "min_delta"
    assert free.initial - capped.initial == pytest.approx(free.workings["BTC.min_delta"] - value, rel=1e-9)
    assert capped.component("scan").initial + capped.component("min_delta").initial == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("book", [{PERP: 0.5}, {"AT": -0.5}, {"AT": 4.0}, {PERP: -0.5, "AT-P": 2.0}])
def test_what_is_beside_a_bought_option_never_lifts_its_cap(book: dict[str, float]) -> None:
    charge = {n: require(b, cap=True).workings["BTC.min_delta"] for n, b in {"far": {FAR: 300.0}, "book": book}.items()}
    joined = require(book | {FAR: 300.0}, cap=True).workings["BTC.min_delta"]
    assert joined <= charge["far"] + charge["book"] + 1e-9


@given(st.lists(st.tuples(st.floats(-3.0, 3.0), st.floats(0.0, 4.0), st.booleans()), min_size=1, max_size=7))
def test_the_capped_charge_is_the_optimum_of_a_linear_program(legs: list[tuple[float, float, bool]]) -> None:
    """Against a solver: the least of charge(kept part) + value of the part left out."""
    spot, net, hedged = 100.0, 0.02, 0.01
    delta = np.array([d for d, _, _ in legs])
    worth = np.array([w if capped else np.inf for _, w, capped in legs])
    size, free = np.abs(delta), np.isfinite(worth)
    value = np.where(free, worth, 0.0)
    cost = np.append(-(net - hedged) * spot * size - value, (2.0 * net - hedged) * spot)
    sides = [np.append(np.where(side, size, 0.0), -1.0) for side in (delta > 0, delta <= 0)]
    bounds = [(0.0 if f else 1.0, 1.0) for f in free]
    best = linprog(cost, A_ub=sides, b_ub=[0.0, 0.0], bounds=[*bounds, (0.0, None)], method="highs")
    shares = delta_charge_shares(delta, spot, net, hedged, worth)
    assert shares.sum() == pytest.approx(best.fun + value.sum(), rel=1e-9, abs=1e-7)
    assert np.all(shares <= worth + 1e-12)


def test_a_position_of_size_zero_is_not_held() -> None:
    """It may carry money still to settle, but neither lifts the cap nor needs a price."""
    base = account_doc({FAR: 3.0}, collateral={})
    base["positions"].append({"instrument": PERP, "quantity": 0.0, "unrealised_pnl": -5.0, "unsettled_funding": 2.0})
    content = one_day_market().to_dict()
    del content["marks"][PERP]
    model = pl.margin_model(PRBM)
    found = model.requirement(pl.Account.from_dict(base), pl.Market.from_dict(content))
    alone = model.requirement(pl.Account.from_dict(account_doc({FAR: 3.0}, collateral={})), one_day_market())
    assert (found.initial, found.workings) == (alone.initial, alone.workings)
    assert found.net_equity == pytest.approx(alone.net_equity - 3.0, rel=1e-12)


@pytest.mark.parametrize("cap", [True, False])
def test_the_core_of_wings_and_a_straddle_is_at_most_the_sum_of_both(cap: bool) -> None:
    wings, straddle = {FAR: 300.0}, {"AT": 10.0, "AT-P": 10.0}

    def core(book: dict[str, float]) -> float:
        found = require(book, cap)
        return max(found.workings[f"BTC.{n}"] for n in ("scan", "min_delta", "short_option"))

    assert core(wings | straddle) <= core(wings) + core(straddle) + 1e-9


LEGS = st.tuples(st.floats(-3.0, 3.0), st.floats(0.0, 4.0), st.booleans())
HELD = st.lists(st.tuples(LEGS, st.floats(-2.0, 2.0), st.floats(-2.0, 2.0)), min_size=1, max_size=6)


def joined_and_apart(held: list[tuple[tuple[float, float, bool], float, float]], cancels: bool) -> tuple[float, float]:
    """What the joined book is charged above the sum of both, and the most that it may be; legs are unit terms."""
    spot, net, hedged = 100.0, 0.02, 0.01
    unit = np.array([d for (d, _, _), _, _ in held])
    worth = np.array([w if capped else np.inf for (_, w, capped), _, _ in held])
    first, second = (np.array([row[k] for row in held]) for k in (1, 2))
    if not cancels:
        second = np.where(first * second < 0.0, -second, second)

    def charge(q: np.ndarray) -> float:
        limit = np.full(q.size, np.inf)
        bought = (q > 0.0) & np.isfinite(worth)
        limit[bought] = q[bought] * worth[bought]
        return float(delta_charge_shares(q * unit, spot, net, hedged, limit).sum())

    gone = np.where(first * second < 0.0, np.minimum(np.abs(first), np.abs(second)), 0.0)
    most = float((gone * np.maximum((net - hedged) * np.abs(unit) * spot - worth, 0.0)).sum())
    return charge(first + second) - charge(first) - charge(second), most


@given(HELD)
def test_joined_books_cost_no_more_where_no_contract_is_on_both_sides(held: list[Any]) -> None:
    above, most = joined_and_apart(held, cancels=False)
    assert most == 0.0
    assert above <= 1e-9


@given(HELD)
def test_a_contract_on_both_sides_costs_no_more_than_it_hedged_above_its_value(held: list[Any]) -> None:
    above, most = joined_and_apart(held, cancels=True)
    assert above <= most + 1e-9


@pytest.mark.parametrize("beside", [{PERP: 1.0, "AT-P": 1.0}, {PERP: 1.0}])
def test_a_cheap_option_on_both_sides_lifts_the_charge_by_exactly_that(beside: dict[str, float]) -> None:
    """The bound is met: the call sold hedges the perpetual, the call bought is given up for less than that is worth."""
    apart = [require(book, cap=True) for book in (beside | {FAR: -1.0}, {FAR: 1.0})]
    together = require(beside, cap=True)
    rise = together.workings["BTC.min_delta"] - sum(one.workings["BTC.min_delta"] for one in apart)
    s = 0.4 * np.sqrt(1.0 / 365.0)
    delta = float(normal_cdf(np.log(70_000.0 / 74_000.0) / s + 0.5 * s))
    bound = (0.02 - 0.01) * delta * 70_000.0 - apart[1].net_equity
    assert 1.0 < bound < 1.1
    assert rise == pytest.approx(bound, rel=1e-9)
    # beside it the basis charge of the options falls by more
    assert together.initial <= sum(one.initial for one in apart)
