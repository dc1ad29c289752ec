"""Books of long options only: the scan stays within their value; the minimum delta charge is capped by parameter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

import plimsoll as pl
from builders import PERP, PRBM, account_doc, at, market_doc, option
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
