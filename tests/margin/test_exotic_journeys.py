"""Exotic options through everything that is asked of a book: venues, comparison, steps, time, documents, damage."""

from __future__ import annotations

import random

import numpy as np
import pytest

import plimsoll as pl
from builders import MONTH as MONTH_AT
from builders import PMRM2, PRBM, account_doc, at
from exotic_desk import FORWARD, KINDS, SPOT, SWAP, contract, desk, market
from mutations import mutated_text
from plimsoll.documents import DocumentError, PlimsollError, Reason
from plimsoll.liquidation import liquidation
from plimsoll.margin import MarginRefusedError
from plimsoll.margin.changes.explain import explain
from plimsoll.margin.changes.sensitivity import sensitivity
from plimsoll.margin.changes.shifts import Shifts
from plimsoll.margin.compare import compare, rules_in_force
from plimsoll.margin.translate import same_exposure
from plimsoll.risk import pnl_array
from plimsoll.risk.surface import surface
from plimsoll.scenarios import grid

DSA = "dsa@2026-01-01"


@pytest.mark.parametrize("pack", ["deribit-pm", "deribit-sm", "derive-pmrm2", "derive-srm", "derive-pmrm1"])
@pytest.mark.parametrize("settlement", ["linear", "inverse"])
def test_a_venue_that_lists_none_refuses_by_name(pack: str, settlement: str) -> None:
    account, m = desk({"barrier-up-in": 1.0}, settlement)
    (rules,) = [r for r in rules_in_force(m) if r.name == pack]
    with pytest.raises(DocumentError, match=Reason.UNSUPPORTED_CONTRACT.value) as found:
        pl.margin_model(rules).requirement(account, m)
    assert "account.positions[0].instrument" in str(found.value)
    assert "barrier" in str(found.value)


def test_compare_margins_where_it_can_and_says_where_not() -> None:
    for settlement in ("linear", "inverse"):
        account, m = desk({"barrier-up-in": -1.0, "everlasting": 2.0}, settlement)
        rows = {r.pack.name: r for r in compare(account, m).rows}
        assert rows["prbm"].requirement is not None
        assert rows["dsa"].requirement is not None
        assert rows["prbm"].netting is not None
        assert {n for n, r in rows.items() if r.requirement is None} == set(rows) - {"prbm", "prbm-whole", "dsa"}
        assert all("barrier" in r.refusal for r in rows.values() if r.requirement is None)


def test_sensitivity_surface_and_the_line_take_them() -> None:
    book = {n: (-0.2 if i % 2 else 0.2) for i, n in enumerate(KINDS)}
    account, m = desk(book)
    model = pl.margin_model(PRBM)
    found = sensitivity(model, account, m, parameters=False, span=0.02)
    assert [s.name for s in found.steps if s.change is None] == []
    assert any(s.change is not None and s.change.initial != 0.0 for s in found.steps)
    shape = surface([m.contracts[n] for n in book], np.array(list(book.values())), m, [-0.1, 0.0, 0.1], [0.0, 0.4])
    assert np.isfinite(shape.pnl).all()
    assert shape.pnl[0, 0, 1] == 0.0
    lines = liquidation(model, account, m, low=0.7, high=1.3, points=8)
    assert [p.subject for p in lines.pools] == ["account"]
    assert np.isfinite(lines.pools[0].equities).all()
    for line in lines.lines:
        assert abs(line.equity - line.maintenance) < 1e-6 * line.maintenance


def test_a_day_over_the_expiry_pays_the_exotic_option_out() -> None:
    book = {"asset": 1.0, "barrier-up-out": -2.0, "everlasting": 1.0}
    account, m = desk(book)
    passed = Shifts(account, m).passed(31.0)
    assert set(passed.expired) == {"asset", "barrier-up-out"}
    # delivered at the forward of 71,000: the digital pays nothing, the knock-out 3,000 each
    assert passed.account.collateral["USDC"] == pytest.approx(50_000.0 - 2.0 * 3_000.0)
    assert [p.instrument for p in passed.account.positions] == ["everlasting"]


def test_explain_follows_an_exotic_option_over_its_expiry() -> None:
    book = {"power": 1.0, "barrier-up-out": -2.0, "everlasting": 1.0}
    account, before = desk(book)
    later = desk({"everlasting": 1.0})[0]
    content = before.to_dict() | {"time": at(31.0 * 86_400.0), "indices": {"BTC": {"price": 72_000.0}}}
    content["expiries"] = [{"underlying": "BTC", "expiry": MONTH_AT, "settlement": 72_000.0}]
    after = pl.Market.from_dict(content)
    paid = 70_000.0 * ((72 / 70) ** 2 - 1.0) - 2.0 * 4_000.0
    later = later.model_copy(update={"collateral": {"USDC": 50_000.0 + paid}})
    model = pl.margin_model(PRBM)
    told = explain(model, account, before, later, after)
    first, last = model.requirement(account, before), model.requirement(later, after)
    change = sum(e.change.net_equity for e in told.effects)
    assert change == pytest.approx(last.net_equity - first.net_equity, abs=1e-6)
    # what was paid for the ended options is no effect of its own: they turn into cash
    (cash,) = [e.change.net_equity for e in told.effects if e.name == "collateral"]
    assert cash == pytest.approx(0.0, abs=1e-6)


def test_a_bought_one_without_volatility_is_carried_at_nothing_and_a_sold_one_refused() -> None:
    account, m = desk({"endless": 1.0}, unmarked=("endless",))
    model = pl.margin_model(PRBM)
    found = model.requirement(account, m, "conservative")
    assert found.net_equity == 50_000.0
    assert found.failures[0].reason is Reason.MISSING_VOL
    assert pl.margin_model(DSA).requirement(account, m, "conservative").net_equity == 50_000.0
    with pytest.raises(MarginRefusedError, match="missing_vol"):
        model.requirement(account, m)
    short, m = desk({"endless": -1.0}, unmarked=("endless",))
    with pytest.raises(MarginRefusedError, match="missing_vol"):
        model.requirement(short, m, "conservative")


def test_a_purchase_at_the_mark_leaves_equity_alone() -> None:
    model = pl.margin_model(PRBM)
    for name in KINDS:
        account, m = desk({name: 1.0})
        bought = pl.margin.traded(account, m, name, 2.0)
        before, after = (model.requirement(a, m).net_equity for a in (account, bought))
        assert after == pytest.approx(before, abs=1e-6)


def test_markets_travel_through_documents_and_frames() -> None:
    _, m = desk(dict.fromkeys(KINDS, 1.0), "inverse")
    assert pl.Market.from_json(m.to_json()) == m
    fields = {f: getattr(m, f) for f in ("time", "indices", "assets", "expiries", "source")}
    again = pl.Market.from_frame(m.frame(), **fields)
    assert again.instruments == m.instruments
    assert again.marks == m.marks


def test_pmrm2_takes_what_is_left() -> None:
    """Exotic contracts in the market are nobody's business while the account does not hold them."""
    account, m = desk({SWAP["name"]: 0.5})
    listed = m.model_copy(update={"instruments": (*m.instruments, *desk({"asian": 1.0})[1].instruments[:1])})
    model = pl.margin_model(PMRM2)
    assert model.requirement(account, listed).initial == model.requirement(account, m).initial


def test_damaged_markets_get_a_number_or_a_reason() -> None:
    listed = [contract(n, s, name=f"{n} {s}") for n in KINDS for s in ("linear", "inverse")]
    intact = market(listed)
    account = pl.Account.from_dict(account_doc({c["name"]: (-1.0) ** i for i, c in enumerate(listed)}))
    seen = {"number": 0, "reason": 0}
    for i in range(300):
        own = random.Random(i)
        try:
            m = pl.Market.from_json(mutated_text(intact, own))
            found = pl.margin_model(own.choice([PRBM, DSA])).requirement(account, m, "conservative")
            assert np.isfinite(found.initial)
            seen["number"] += 1
        except PlimsollError:
            seen["reason"] += 1
    assert min(seen.values()) > 5, seen


ODD = [1e-6, 0.5, 1.0, 3.0, 30_000.0, 69_999.0, 70_001.0, 1e5, 1e6]


def test_odd_terms_have_finite_rows() -> None:
    """Levels from nothing to a million, volatilities from none to fifty, the last second, the day after."""
    columns = grid([0.3, 0.84, 1.0, 1.16, 6.0], [0.0, 0.4, -0.22, -1.0], [0.0, 1.0, 40.0])
    own = random.Random(3)
    for _ in range(150):
        legs = []
        for name in own.sample(sorted(KINDS), 4):
            c = contract(name, own.choice(["linear", "inverse", "quanto"]))
            for field in ("strike", "barrier", "rebate", "cash", "cap", "holding_rate"):
                if field in c and name != "asset" and own.random() < 0.4:
                    c[field] = own.choice([x for x in ODD if x <= 1e5] if field == "holding_rate" else ODD)
            legs.append(c)
        content = market(legs, own.choice([6_000.0, 70_000.0, 1e5]), own.choice([0.0, 1e-9, 1e-4, 0.6, 3.0, 50.0]))
        if own.random() < 0.3:
            content["time"] = own.choice([at(30 * 86_400.0), at(32 * 86_400.0), at(30 * 86_400.0 - 1.0)])
            content["expiries"][0]["settlement"] = own.choice([0.0, 70_000.0, 1e9])
            for c in legs:
                if c["kind"] == "asian_option":
                    c["accrued"] = 70_000.0
        m = pl.Market.from_dict(content)
        for currency in ("settlement", "usd"):
            assert np.isfinite(pnl_array(m.instruments, m, columns, currency)).all()  # type: ignore[arg-type]


def test_the_same_exposure_in_linear_contracts() -> None:
    listed = [contract(n, "inverse", multiplier=0.1) for n in ("cash", "everlasting")]
    content = market(listed)
    for name in ("cash", "everlasting"):
        content["marks"][name]["price"] = 0.01
    account = pl.Account.from_dict(account_doc({"cash": 3.0, "everlasting": -2.0}))
    held, m = same_exposure(account, pl.Market.from_dict(content))
    assert {p.instrument: p.quantity for p in held.positions} == pytest.approx(
        {"BTC_USDC-cash": 0.3, "BTC_USDC-everlasting": -0.2}
    )
    assert m.contracts["BTC_USDC-cash"].settlement.value == "linear"  # type: ignore[union-attr]
    # a price in coin converts at what the value converts at: the forward, and the index without an expiry
    assert m.marks["BTC_USDC-cash"].price == pytest.approx(0.01 * FORWARD)
    assert m.marks["BTC_USDC-everlasting"].price == pytest.approx(0.01 * SPOT)
