"""Books of long options only: the scan stays within their value; the minimum delta charge is capped by parameter."""

from __future__ import annotations

import pytest
from hypothesis import given

import plimsoll as pl
from builders import PERP, PRBM, account_doc, at, market_doc, option
from plimsoll.margin import Requirement, with_parameter
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
    model = pl.margin_model(with_parameter(pl.find_rules(PRBM), "min_delta.cap_long_only", cap))
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


@pytest.mark.parametrize("book", [{FAR: 3.0, PERP: 0.001}, {FAR: 3.0, "AT": -0.001}])
def test_the_cap_is_for_long_options_only(book: dict[str, float]) -> None:
    assert require(book, cap=True).workings == require(book, cap=False).workings
    assert require(book, cap=True).workings["BTC.min_delta"] > require({FAR: 3.0}, cap=True).workings["BTC.min_delta"]


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


def test_the_cap_may_cost_the_netting_of_the_core() -> None:
    """The price of the cap: joining a capped book with one that is not lifts the cap of both."""
    wings, straddle = {FAR: 300.0}, {"AT": 10.0, "AT-P": 10.0}

    def core(book: dict[str, float], cap: bool) -> float:
        found = require(book, cap)
        return max(found.workings[f"BTC.{n}"] for n in ("scan", "min_delta", "short_option"))

    assert core(wings | straddle, cap=True) > core(wings, cap=True) + core(straddle, cap=True) + 1_000.0
    assert core(wings | straddle, cap=False) <= core(wings, cap=False) + core(straddle, cap=False) + 1e-9
