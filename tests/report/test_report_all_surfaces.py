"""The report's surfaces, one for each rule set, with the point that binds it."""

from __future__ import annotations

import numpy as np
import pytest

import plimsoll as pl
from builders import CALL, PERP, PRBM, PUT, WING, account_doc, market_doc, option
from plimsoll.report.amounts import scenario_point
from plimsoll.report.bundle import Report, build_report, marks_of, surface_of
from plimsoll.report.html import render

BOOK = {CALL: -2.0, PUT: -1.0, WING: 3.0, PERP: 0.4}


@pytest.fixture(scope="module")
def report() -> Report:
    return build_report(pl.Account.from_dict(account_doc(BOOK)), pl.Market.from_dict(market_doc()))


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return render(report)


def test_every_rule_set_has_its_surface_with_its_binding_point(report: Report, page: str) -> None:
    computed = report.comparison.computed
    assert list(report.surfaces) == [row.label for row in computed]
    assert report.surface is report.surfaces[report.lead.label]
    section = page.partition('<section id="surface">')[2].partition("</section>")[0]
    head, *folded = section.split("<summary>The same under ")
    assert f"volatility shock, {report.lead.label}" in head
    assert [text.partition("</summary>")[0] for text in folded] == [
        row.label for row in computed if row is not report.lead
    ]
    pieces = [head, *folded]
    for row in computed:
        assert row.requirement is not None
        (piece,) = [t for t in pieces if f"volatility shock, {row.label}" in t]
        for b in marks_of(row.pack, row.requirement):
            marked = scenario_point(b.label) is not None
            assert (f">{b.underlying} {b.label}<" in piece) is marked
            assert ("no point of this map" in piece) is not marked


def test_surfaces_follow_the_tenor_law_of_their_model(report: Report) -> None:
    laws = {row.pack.name: report.surfaces[row.label].vol_rule for row in report.comparison.computed}
    flat = {n for n, law in laws.items() if (law.short_power, law.long_power) == (0.0, 0.0)}
    # rules without scenarios, and one whose shocks are lines between tenors
    assert flat <= {"deribit-sm", "derive-srm", "bybit-uta", "paradex-xm", "okx-pm", "span"}
    assert {"bybit-pm", "paradex-pm", "deribit-pm", "derive-pmrm2"} <= set(laws) - flat
    house = pl.find_rules(PRBM).parameters
    for name in ("prbm", "dsa"):
        assert laws[name].short_power == house["vol_power_short"]
        assert laws[name].long_power == house["vol_power_long"]


def test_binding_point_of_deribit_lies_where_its_matrix_has_it() -> None:
    content = market_doc()
    content["assets"]["BTC"] = {"price": 70_000.0}
    for strike, call in ((70_000, True), (60_000, False)):
        row = option(strike, call, settlement="inverse", currency="BTC", name=f"BTC-{strike}-COIN")
        content["instruments"].append(row)
        content["marks"][row["name"]] = {"vol": 0.6}
    book = {"BTC-70000-COIN": -4.0, "BTC-60000-COIN": -2.0}
    account = pl.Account.from_dict(account_doc(book, collateral={"BTC": 3.0}))
    pack = pl.find_rules("deribit-pm@2024-06-17")
    model, snapshot = pl.margin_model(pack), pl.Market.from_dict(content)
    requirement = model.requirement(account, snapshot)
    (binding,) = marks_of(pack, requirement)
    point = scenario_point(binding.label)
    assert point is not None
    pair = pack.parameters["pairs"]["BTC"]
    assert point[1] == pair["volatility_range_up"]
    assert abs(point[0]) <= pair["price_range"]
    shape = surface_of(model, account, snapshot, np.array(point[:1]), np.array(point[1:]), np.zeros(1))
    assert shape.vol_rule.short_power == pair["short_term_vega_power"]
    # A month to the second and a high volatility: every reading of the rules says the same. The matrix is in coin; in
    # dollars what the options are worth already moves with the coin too.
    value = sum(
        quantity * float(pl.pricing.inverse_price(70_000.0, strike, 30 / 365, 0.6, call))
        for quantity, strike, call in ((-4.0, 70_000.0, True), (-2.0, 60_000.0, False))
    )
    index = 70_000.0 * (1.0 + point[0])
    expected = binding.pnl * index + value * (index - 70_000.0)
    assert shape.pnl[0, 0, 0] == pytest.approx(expected, rel=1e-9)


def test_the_shocks_of_the_engine_before_2024_have_a_place_too() -> None:
    content = market_doc()
    row = option(70_000, True, settlement="inverse", currency="BTC", name="BTC-70000-COIN")
    content["instruments"].append(row)
    content["marks"][row["name"]] = {"vol": 0.6}
    account = pl.Account.from_dict(account_doc({row["name"]: -4.0}, collateral={"BTC": 3.0}))
    pack = pl.find_rules("deribit-pm@2023-11-01")
    model, snapshot = pl.margin_model(pack), pl.Market.from_dict(content)
    (binding,) = marks_of(pack, model.requirement(account, snapshot))
    assert scenario_point(binding.label) == (0.2, 0.6)
    shape = surface_of(model, account, snapshot, np.array([0.2]), np.array([0.6]), np.zeros(1))
    assert (shape.vol_rule.short_power, shape.vol_rule.min_up_vol) == (0.3, 0.0)
    value = -4.0 * float(pl.pricing.inverse_price(70_000.0, 70_000.0, 30 / 365, 0.6, True))
    assert shape.pnl[0, 0, 0] == pytest.approx(binding.pnl * 84_000.0 + value * 14_000.0, rel=1e-9)
