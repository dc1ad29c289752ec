"""What moves a margin, against Greeks, closed forms and a fine grid; where the next kink lies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import plimsoll as pl
from builders import CALL, PERP, PRBM, PUT, WING, account_doc, at, market_doc, option
from plimsoll.documents import DocumentError
from plimsoll.feeds import demo_account, demo_market, generated_market
from plimsoll.margin import find_rules, with_parameter
from plimsoll.margin.changes.sensitivity import ParameterStep, Sensitivity, Step, sensitivity, signature
from plimsoll.margin.changes.shifts import Shifts
from plimsoll.margin.path import shifted
from plimsoll.margin.translate import same_exposure
from plimsoll.pricing import greeks

Doc = dict[str, Any]
YEAR = 365.0


def study(book: dict[str, float], market: Doc | None = None, rules: Any = PRBM, **options: Any) -> Sensitivity:
    account = pl.Account.from_dict(account_doc(book))
    return sensitivity(pl.margin_model(rules), account, pl.Market.from_dict(market or market_doc()), **options)


def step(found: Sensitivity, name: str) -> Step:
    return next(s for s in found.steps if s.name == name)


def change(found: Sensitivity, name: str) -> Any:
    known = step(found, name).change
    assert known is not None
    return known


def parameter(found: Sensitivity, path: str) -> ParameterStep:
    return next(p for p in found.parameters if p.path == path)


def test_a_perpetual_is_linear_in_spot() -> None:
    """Two coins at 16 % of 70,000: one percent of spot is 1,400 of equity and 1 % of the margin."""
    found = study({PERP: 2.0}, parameters=False)
    assert found.here.initial == pytest.approx(22_400.0)
    for name, sign in (("spot_up", 1.0), ("spot_down", -1.0)):
        assert change(found, name).net_equity == pytest.approx(sign * 1_400.0)
        assert change(found, name).initial == pytest.approx(sign * 224.0)
        assert change(found, name).maintenance == pytest.approx(sign * 112.0)
    for name in ("vol_up", "vol_down", "day"):
        assert change(found, name).is_zero()


def test_equity_moves_by_the_greeks_of_the_options() -> None:
    book = {CALL: 3.0, PUT: -2.0, WING: -4.0}
    found = study(book, parameters=False)
    years = 30.0 / YEAR
    strikes = {CALL: (70_000.0, True), PUT: (70_000.0, False), WING: (80_000.0, True)}
    per_unit = {n: greeks(70_000.0, k, years, 0.6, call) for n, (k, call) in strikes.items()}
    vega = sum(q * per_unit[n].vega for n, q in book.items())
    theta = sum(q * per_unit[n].theta for n, q in book.items())
    delta = sum(q * per_unit[n].delta for n, q in book.items())
    up, down = (change(found, f"vol_{way}").net_equity for way in ("up", "down"))
    assert (up - down) / 2.0 == pytest.approx(0.01 * vega, rel=2e-3)
    up, down = (change(found, f"spot_{way}").net_equity for way in ("up", "down"))
    assert (up - down) / 2.0 == pytest.approx(700.0 * delta, rel=5e-3)
    assert change(found, "day").net_equity == pytest.approx(theta / YEAR, rel=0.05)


def test_a_step_is_the_difference_of_two_requirements() -> None:
    account, market = demo_account(), demo_market()
    model = pl.margin_model("prbm@2026-03-27")
    found = sensitivity(model, account, market, parameters=False)
    before = model.requirement(account, market)
    after = model.requirement(*shifted(account, market, 1.01))
    assert change(found, "spot_up").initial == pytest.approx(after.initial - before.initial)
    assert before.health is not None
    assert after.health is not None
    assert change(found, "spot_up").health == pytest.approx(after.health - before.health)


def test_health_follows_from_its_parts() -> None:
    found = study({CALL: -2.0})
    for row in found.steps:
        assert row.change is not None
        equity = found.here.net_equity + row.change.net_equity
        line = found.here.maintenance + row.change.maintenance
        assert row.change.health == pytest.approx(equity / line - found.here.net_equity / found.here.maintenance)


# --- a day on which something expires ---------------------------------------------------------------------------


def soon(hours: float, price: float = 70_000.0) -> Doc:
    """A market whose one expiry is `hours` away."""
    when = at(hours * 3_600.0)
    rows = [option(60_000, True, expiry=when), option(70_000, False, expiry=when)]
    return market_doc(
        expiries=[{"underlying": "BTC", "expiry": when, "forward": {"variable": price}}],
        instruments=rows,
        marks={r["name"]: {"vol": 0.6} for r in rows},
    )


def test_what_expires_within_the_day_is_paid_out_and_named() -> None:
    name = "BTC-60000-C"
    found = study({name: -1.0}, soon(5.0), parameters=False)
    assert step(found, "day").expired == (name,)
    assert found.here.initial + change(found, "day").initial == 0.0
    # 50,000 of cash less what the call pays
    assert found.here.net_equity + change(found, "day").net_equity == pytest.approx(50_000.0 - 10_000.0)


@pytest.mark.parametrize("hours", [24.1, 30.0])
def test_what_expires_after_the_day_stays(hours: float) -> None:
    found = study({"BTC-60000-C": -1.0}, soon(hours), parameters=False)
    assert step(found, "day").expired == ()
    assert found.here.initial + change(found, "day").initial > 0.0


def test_no_time_changes_nothing_and_time_does_not_run_backwards() -> None:
    account, market = demo_account(), demo_market()
    model = pl.margin_model("prbm@2026-03-27")
    passed = Shifts(account, market).passed(0.0)
    assert model.requirement(passed.account, passed.market).initial == model.requirement(account, market).initial
    with pytest.raises(DocumentError, match="days"):
        Shifts(account, market).passed(-1.0)


# --- marks ------------------------------------------------------------------------------------------------------


def test_a_mark_keeps_its_distance_from_the_model() -> None:
    """Standard margin charges the mark: one that is 10 % off must not make a step look larger."""
    account, market = demo_account(), generated_market(seed=7, underlyings=("BTC",))
    model = pl.margin_model("deribit-sm@2026-03-27")
    content = market.to_dict()
    options = {c["name"] for c in content["instruments"] if c["kind"] == "option"}
    for name in options:
        content["marks"][name]["price"] *= 1.1
    far = pl.Market.from_dict(content)
    near, off = (sensitivity(model, account, m, parameters=False) for m in (market, far))
    assert off.here.initial > near.here.initial + 0.01
    for name in ("spot_up", "spot_down", "vol_up", "vol_down"):
        assert change(off, name).initial == pytest.approx(change(near, name).initial, abs=1e-6), name


# --- the numbers of the rules -----------------------------------------------------------------------------------


def test_rule_numbers_that_scale_a_margin_scale_it() -> None:
    found = study({PERP: 2.0})
    assert parameter(found, "maintenance_factor").change.maintenance == pytest.approx(0.01 * found.here.maintenance)
    assert parameter(found, "maintenance_factor").change.initial == 0.0
    # the binding row of a long perpetual is -16 %; its move and its weight count one to one
    moves = [p for p in found.parameters if p.path.endswith(".move") and p.change.initial]
    assert [p.value for p in moves] == [-0.16]
    assert moves[0].change.initial == pytest.approx(224.0)


def test_rule_numbers_are_ranked_and_counted() -> None:
    found = study({CALL: -2.0, PERP: 0.5})
    sizes = [abs(p.change.initial) for p in found.parameters]
    assert sizes == sorted(sizes, reverse=True)
    flat = pl.margin_model(PRBM).rules.parameters
    numbers = 3 * len(flat["scenarios"]) + len(flat["haircuts"]) + 12
    assert found.tried + found.unmoved == numbers
    assert len(found.parameters) == found.tried
    assert {p.evidence for p in found.parameters} <= {"reproduced", "read", "assumed"}


def test_a_number_at_its_upper_limit_is_measured_from_below() -> None:
    rules = with_parameter(find_rules(PRBM), "maintenance_factor", 1.0)
    found = study({PERP: 2.0}, rules=rules)
    row = parameter(found, "maintenance_factor")
    assert row.below
    assert row.change.maintenance == pytest.approx(0.01 * found.here.maintenance)


def test_a_refused_step_keeps_its_reason_and_the_others_their_numbers() -> None:
    """A call marked without a volatility: standard margin has a number, a moved market has none."""
    content = generated_market(seed=7, underlyings=("BTC",)).to_dict()
    short = next(p.instrument for p in demo_account().positions if p.instrument.endswith("-C"))
    expiry = next(c["expiry"] for c in content["instruments"] if c["name"] == short)
    content["marks"][short]["vol"] = None
    for row in content["expiries"]:
        row["svi"] = None if row["expiry"] == expiry else row["svi"]
    account = demo_account().to_dict()
    account["positions"] = [{"instrument": short, "quantity": -1.0}]
    model = pl.margin_model("deribit-sm@2026-03-27")
    found = sensitivity(model, pl.Account.from_dict(account), pl.Market.from_dict(content), parameters=False)
    assert found.here.initial > 0.0
    assert step(found, "spot_up").change is None
    assert "missing_vol" in step(found, "spot_up").refusal


# --- kinks ------------------------------------------------------------------------------------------------------


def binding_at(model: Any, account: pl.Account, market: pl.Market, move: float) -> Any:
    return signature(model.requirement(*shifted(account, market, 1.0 + move)).binding)


@pytest.mark.parametrize("rules", ["prbm@2026-03-27", "derive-pmrm2@2026-03-27", "deribit-pm@2026-03-27"])
def test_kinks_are_where_a_fine_grid_finds_them(rules: str) -> None:
    account, market = demo_account(), demo_market()
    if rules.startswith("derive"):
        account, market = same_exposure(account, market)
    model = pl.margin_model(rules)
    found = sensitivity(model, account, market, parameters=False)
    start = binding_at(model, account, market, 0.0)
    for sign, kink in ((1, found.up), (-1, found.down)):
        reach = found.span if kink is None else abs(kink.move) - 2e-5
        for move in np.linspace(0.0, reach, 30):
            assert binding_at(model, account, market, sign * float(move)) == start, (sign, move)
        if kink is not None:
            beyond = binding_at(model, account, market, kink.move + sign * 2e-5)
            assert beyond != start
            assert beyond == signature(kink.after)
            assert start == signature(kink.before)


def test_a_kink_of_known_place() -> None:
    """A coin long under two rows, of 16 % down and of 33 % down at 0.48, and a put that caps the far one."""
    found = study({PERP: 1.0, PUT: 1.0}, parameters=False)
    assert found.down is not None or found.up is not None
    for kink in (found.down, found.up):
        if kink is None:
            continue
        account = pl.Account.from_dict(account_doc({PERP: 1.0, PUT: 1.0}))
        model, market = pl.margin_model(PRBM), pl.Market.from_dict(market_doc())
        sides = [model.requirement(*shifted(account, market, 1.0 + kink.move + d)) for d in (-1e-5, 1e-5)]
        # where two scenarios change places they ask for the same
        assert sides[0].initial == pytest.approx(sides[1].initial, rel=1e-3)
        assert kink.initial == pytest.approx(sides[0].initial, rel=1e-3)


def test_one_scenario_all_the_way_has_no_kink() -> None:
    found = study({PERP: 1.0}, parameters=False)
    assert found.up is None
    assert found.down is None


@pytest.mark.parametrize("span", [0.0, 1.0, -0.1])
def test_the_span_is_a_fraction(span: float) -> None:
    with pytest.raises(DocumentError, match="span"):
        study({PERP: 1.0}, span=span)


def test_progress_is_told_of_every_step() -> None:
    told: list[tuple[str, int, int]] = []
    study({PERP: 1.0}, progress=lambda *row: told.append(row))
    assert [done for _, done, _ in told] == list(range(1, len(told) + 1))
    assert {total for _, _, total in told} == {len(told)}
