"""Deribit portfolio margin before 2024: the roll-up, readings, what is refused, and the packs."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

import plimsoll as pl
from deribit_desk import DECK, INVERSE, LINEAR, PAGE, WEEK, chain, coins, desk, option, pack, reason, require
from naive.black import black
from plimsoll.documents import DocumentError
from rule_books import DAY

T = 7.0 / 365.0


@pytest.mark.rule("DERIBIT-PMC-09")
def test_initial_is_a_factor_on_maintenance() -> None:
    book = chain((130.0, -10.0))
    coins(book, 3.0)
    r = require(book, DECK)
    parts = r.workings["worst_cell"] + r.workings["futures_contingency"] + r.workings["options_contingency"]
    assert r.workings["maintenance"] == parts
    assert r.maintenance == pytest.approx(parts, rel=1e-14)
    assert r.initial == pytest.approx(1.2 * parts, rel=1e-14)
    for part in r.components[:3]:
        assert part.initial == pytest.approx(1.2 * part.maintenance, rel=1e-12)
        assert sum(s.initial for s in part.shares) == pytest.approx(part.initial, rel=1e-12)


@pytest.mark.rule("DERIBIT-PMC-10")
def test_orders_are_free_until_august_2022_and_as_reported_after() -> None:
    found = desk()
    order = {"instrument": coins(found, 1.0), "quantity": 10.0, "price": 90.0}
    before = require(found, "deribit-pm@2022-08-17", {"orders": [order], "reported": {"open_orders_margin": 0.1}})
    bare = require(found, "deribit-pm@2022-08-17")
    assert (before.initial, before.failures) == (bare.initial, ())
    assert any("18 August 2022" in note for note in before.notes)
    assert any("not used by these rules: open_orders_margin" in note for note in before.notes)
    silent = require(found, "deribit-pm@2022-08-18", {"orders": [order]})
    assert [f.reason for f in silent.failures] == ["orders_not_charged"]
    told = require(found, "deribit-pm@2022-08-18", {"orders": [order], "reported": {"open_orders_margin": 0.1}})
    assert told.failures == ()
    assert told.initial - bare.initial == pytest.approx(0.1, rel=1e-9)
    assert told.maintenance == bare.maintenance
    with pytest.raises(DocumentError, match=r"orders\[0\]"):
        require(found, "deribit-pm@2022-08-17", {"orders": [{**order, "instrument": "no such"}]})


@pytest.mark.rule("DERIBIT-PMC-11")
def test_the_dearest_reading_of_the_days_is_charged() -> None:
    book = desk()
    book.add_expiry(WEEK)  # seven days and a half
    option(book, -5.0, 104.0, True, vol=0.6)
    r = require(book, DECK)
    w = r.workings
    # counting down makes the shock larger, and a floor of one day makes no difference to more than a day
    assert w["reading.days_whole"] == pytest.approx(w["maintenance"], rel=1e-14)
    assert w["reading.days_whole"] > w["reading.days_from_one"] == w["reading.days_fraction"]
    assert any("charged: whole days to expiry" in note for note in r.notes)
    assert r.component("risk_matrix").evidence == "assumed"
    late = desk()
    late.add_expiry(0.2 * DAY)
    option(late, -5.0, 100.0, True, 0.2 * DAY, 0.6)
    w = require(late, DECK).workings
    assert w["reading.days_fraction"] == pytest.approx(w["maintenance"], rel=1e-14)
    assert w["reading.days_fraction"] > w["reading.days_from_one"] == w["reading.days_whole"]


@pytest.mark.rule("DERIBIT-PMC-12")
def test_underlyings_of_one_currency_are_added() -> None:
    found = desk(USDC=1_000.0)
    found.indices["ETH"] = {"price": 10.0}
    found.add_perpetual(1.0, 100.0, **LINEAR)
    found.add_perpetual(-12.0, 10.0, underlying="ETH", **LINEAR)
    r = require(found, DECK)
    assert r.workings["worst_cell"] == pytest.approx(15.0 + 18.0, rel=1e-12)
    assert [b.label for b in r.binding] == ["-15% iv up", "+15% iv up"]
    both = 0.006 * (100.0 + 120.0)
    assert r.workings["reading.underlyings_together"] == pytest.approx(18.0 - 15.0 + both, rel=1e-12)
    assert {s.label for s in r.scenarios} >= {"BTC -15% iv up", "ETH +12%"}


@pytest.mark.rule("DERIBIT-PMC-13")
def test_equity_is_the_balance_options_and_open_profit_of_one_currency() -> None:
    found = desk(BTC=3.0, USDC=500.0)
    found.add_expiry(7.0 * DAY)
    option(found, -2.0, 100.0, True, 7.0 * DAY)
    found.add_perpetual(0.0, 100.0, unrealised=0.25, funding=-0.5, **INVERSE)
    r = require(found, DECK)
    assert r.net_equity == pytest.approx(2.75 - 2.0 * black(True, 100.0, 100.0, T, 0.5) / 100.0, rel=1e-12)
    assert any("balance in USDC" in note for note in r.notes)


@pytest.mark.rule("DERIBIT-PMC-14")
def test_what_is_refused_says_why() -> None:
    found = desk()
    coins(found, 1.0)
    assert reason(found, DECK) is None
    assert "came with the engine of 2024" in str(reason(found, DECK, mode="cross"))
    assert "unsupported_mode" in str(reason(found, DECK, mode="isolated"))
    found.add_perpetual(1.0, 100.0, **LINEAR)
    assert "several_currencies" in str(reason(found, DECK))
    sol = desk(SOL=1.0)
    sol.indices["SOL"] = {"price": 10.0}
    sol.add_perpetual(1.0, 10.0, underlying="SOL", settlement="inverse", currency="SOL")
    assert "unknown_underlying" in str(reason(sol, DECK))
    with pytest.raises(DocumentError, match="a day on which a pack is in force"):
        pl.find_rules("deribit-pm@2024-03-01")


@pytest.mark.rule("DERIBIT-PMC-14")
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("futures.of", "gross"),
        ("futures.rate", 1.5),
        ("options.rolled", 1.0),
        ("options.near_range", -0.1),
        ("initial_factor", 0.9),
        ("buckets_count", 0),
        ("open_orders", "maybe"),
        ("underlyings.BTC.price_range", 1.0),
        ("liquidation.steps", ["sell everything"]),
    ],
)
def test_a_bad_number_is_refused_with_its_path(path: str, value: Any) -> None:
    with pytest.raises(DocumentError, match="parameters." + path.replace(".", r"\.")):
        pl.margin_model(pack(DECK, **{path.replace(".", "__"): value}))


@pytest.mark.rule("DERIBIT-PMC-14")
def test_an_option_without_volatility_is_refused_or_carried_at_its_bound() -> None:
    found = desk()
    found.add_expiry(WEEK)
    option(found, -1.0, 130.0, True, vol=None)
    with pytest.raises(DocumentError, match="missing_vol"):
        require(found, DECK)
    r = pl.margin_model(DECK).requirement(found.account, found.market, on_failure="conservative")
    assert [f.reason for f in r.failures] == ["missing_vol"]
    # carried at its forward it is a coin, which loses nothing in coin; it is as short as before
    assert r.maintenance == pytest.approx(0.01, rel=1e-12)
    assert r.net_equity == pytest.approx(9.0, rel=1e-12)


@pytest.mark.rule("DERIBIT-PMC-15")
def test_what_has_settled_is_no_position() -> None:
    found = desk()
    found.add_expiry(0.0, settlement=100.0)
    option(found, -5.0, 130.0, True, 0.0)
    option(found, -5.0, 90.0, True, 0.0)
    r = require(found, DECK)
    assert (r.initial, r.maintenance) == (0.0, 0.0)
    assert r.net_equity == pytest.approx(10.0 - 5.0 * 10.0 / 100.0, rel=1e-12)


@pytest.mark.rule("DERIBIT-PMC-16")
def test_packs_by_date_and_how_well_they_are_known() -> None:
    days = ["2019-01-01", "2020-01-01", "2022-01-11", "2022-08-18", "2023-08-01"]
    days += ["2023-10-25", "2023-10-26", "2023-10-27", "2023-10-30"]
    packs = [r for r in pl.shipped_packs() if r.model == "deribit-pm-contingency"]
    assert [r.effective.isoformat() for r in packs] == days
    assert {r.name for r in packs} == {"deribit-pm"}
    ranges = [
        [r.parameters["underlyings"]["BTC"][f] for f in ("price_range", "volatility_range_up", "volatility_range_down")]
        for r in packs
    ]
    widened = [[0.15, 0.50, 0.30], [0.15, 0.55, 0.30], [0.175, 0.60, 0.30], [0.20, 0.60, 0.30]]
    assert ranges == [[0.10, 0.38, 0.38], *[[0.15, 0.45, 0.30]] * 4, *widened]
    # one follows on the other, and none speaks of the engine of 2024
    ends = [r.until for r in packs]
    assert ends == [*[r.effective - timedelta(days=1) for r in packs[1:]], date(2023, 12, 31)]
    assert pl.find_rules("deribit-pm@2024-06-17").model == "deribit-pm"
    # what is carried back from 2023 is assumed, and so is the ramp until it is over
    known = [r.evidence_for("underlyings.BTC.volatility_range_up") for r in packs]
    assert known == ["read", "assumed", "assumed", "assumed", "read", "assumed", "assumed", "assumed", "read"]
    assert {r.evidence_for("underlyings.ETH.price_range") for r in packs} == {"assumed"}
    assert [r.evidence_for("initial_factor") for r in packs] == ["assumed"] * 4 + ["read"] * 5
    for path in ("futures.rate", "options.coin_per_option"):
        found = [r.evidence_for(path) for r in packs]
        assert found == ["reproduced", "assumed", "assumed", "assumed", "reproduced", "read", "read", "read", "read"]


@pytest.mark.rule("DERIBIT-PMC-16")
def test_the_volatility_range_of_october_2023_is_the_widest_that_any_start_of_its_ramp_gives() -> None:
    """From 45 % to 60 % by 5 % a day, starting at the announcement of 25 October or on one of the days after it."""
    starts = [date(2023, 10, day) for day in (25, 26, 27, 28)]
    for day in (date(2023, 10, n) for n in range(20, 32)):
        widest = max(min(0.60, 0.45 + 0.05 * max(0, (day - start).days + 1)) for start in starts)
        row = pl.find_rules(f"deribit-pm@{day}").parameters["underlyings"]["BTC"]
        assert row["volatility_range_up"] == pytest.approx(widest), day


@pytest.mark.rule("DERIBIT-PMC-16")
def test_a_requirement_says_that_the_date_of_its_pack_was_chosen() -> None:
    found = desk()
    coins(found, 1.0)
    for rules in (r for r in pl.shipped_packs() if r.model == "deribit-pm-contingency"):
        told = [note for note in require(found, rules.label).notes if "was chosen" in note]
        assert told == list(rules.notes)
        assert len(told) == (0 if rules.effective == date(2023, 8, 1) else 1)
        assert require(desk(), rules.label).notes == ()


@pytest.mark.rule("DERIBIT-PMC-17")
def test_liquidation_is_data() -> None:
    packs = [r for r in pl.shipped_packs() if r.model == "deribit-pm-contingency"]
    steps = {r.effective.isoformat(): r.parameters["liquidation"]["steps"] for r in packs}
    staged = ["largest_contributor", "next_contributor", "delta_hedge_with_perpetual"]
    assert {day for day, s in steps.items() if s == ["trade_futures"]} == {d for d in steps if d < "2023-08-01"}
    assert {day for day, s in steps.items() if s == staged} == {d for d in steps if d >= "2023-08-01"}
    fees = {r.effective.isoformat(): r.parameters["liquidation"]["fees"]["BTC"]["future"] for r in packs}
    assert {fee for day, fee in fees.items() if day < "2022-01-11"} == {0.005}
    assert {fee for day, fee in fees.items() if day >= "2022-01-11"} == {0.0075}


@pytest.mark.rule("DERIBIT-PMC-18")
def test_a_requirement_says_what_it_was_held_to() -> None:
    found = desk()
    coins(found, 1.0)
    r = require(found, DECK)
    assert r.component("risk_matrix").evidence == r.component("futures_contingency").evidence == "read"
    assert any("no published example" in note for note in r.notes)
    assert {c.evidence for c in require(found, PAGE).components} == {"assumed"}  # its factor for initial margin is
    ether = desk(ETH=1.0)
    ether.indices["ETH"] = {"price": 10.0}
    ether.add_perpetual(5.0, 10.0, underlying="ETH", settlement="inverse", currency="ETH")
    assert require(ether, DECK).component("futures_contingency").evidence == "assumed"  # no source names the coin
    assert not any("short vega" in note for note in r.notes)
    assert any("short vega" in note for note in require(chain((130.0, -1.0)), DECK).notes)
    empty = require(desk(), DECK)
    assert (empty.initial, empty.maintenance, empty.notes) == (0.0, 0.0, ())
