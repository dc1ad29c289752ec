"""An account through its expiries, funding and announced rules, each held to the requirement computed by itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import plimsoll as pl
from builders import MONTH, PRBM, TIME, account_doc, at, market_doc, option, perpetual
from plimsoll.cli import run
from plimsoll.documents import DocumentError, parse_instant
from plimsoll.liquidation.calendar import Calendar, calendar
from plimsoll.liquidation.funding import due, instants
from plimsoll.margin.changes.levels import levels
from plimsoll.margin.changes.shifts import Shifts
from plimsoll.report.days import calendar_figure, calendar_view

Doc = dict[str, Any]
WEEK = 7.0 * 86_400.0 + 8.0 * 3_600.0
"""Eight in the morning a week later, when options expire and funding is paid."""
HEDGE, SHORT, PERP, COIN = "BTC-7D-72000-C", "BTC-70000-C", "BTC-PERP", "BTC-COIN"


def market(**changes: Any) -> pl.Market:
    """A call of a week, one of a month, and two perpetuals with funding."""
    near = option(72_000, True, name=HEDGE, expiry=at(WEEK))
    coin = perpetual(name=COIN, settlement="inverse", currency="BTC", multiplier=10.0)
    content = market_doc()
    content["instruments"] = [near, option(70_000, True), perpetual(), coin]
    content["expiries"].append({"underlying": "BTC", "expiry": at(WEEK), "forward": {"variable": 70_000.0}})
    content["marks"] = {
        HEDGE: {"vol": 0.6},
        SHORT: {"vol": 0.6},
        PERP: {"price": 70_000.0, "funding_rate": 2e-4},
        COIN: {"price": 70_000.0, "funding_rate": -1e-4},
    }
    return pl.Market.from_dict(content | changes)


def account(book: dict[str, float], **more: Any) -> pl.Account:
    return pl.Account.from_dict(account_doc(book, collateral={"USDC": 60_000.0, "BTC": 0.1}, **more))


def hedged(days: float = 7.6) -> Calendar:
    """A short call of a month with a bought call of a week."""
    return calendar(pl.margin_model(PRBM), account({SHORT: -1.0, HEDGE: 1.0}), market(), days)


def test_the_cliff_is_where_the_hedge_leaves() -> None:
    found = hedged()
    cliff = found.cliff
    assert cliff is not None
    assert cliff.time == parse_instant(at(WEEK))
    assert cliff.subjects == (HEDGE,)
    assert cliff.cliff
    model, book = pl.margin_model(PRBM), account({SHORT: -1.0, HEDGE: 1.0})
    before = Shifts(book, market()).passed((WEEK - 1.0) / 86_400.0)
    after = Shifts(book, market()).passed(WEEK / 86_400.0)
    assert after.expired == (HEDGE,)
    assert cliff.before == levels(model, before.account, before.market)
    assert cliff.after == levels(model, after.account, after.market)
    assert cliff.change.maintenance > 0.3 * cliff.before.maintenance
    # without the hedge the second before needs what the second after does, but for a second of time
    assert cliff.rises[0] == pytest.approx(cliff.change.maintenance, rel=1e-3)


def test_a_short_that_leaves_is_no_cliff() -> None:
    found = calendar(pl.margin_model(PRBM), account({SHORT: 1.0, HEDGE: -1.0}), market(), 7.6)
    (event,) = found.events
    assert (event.kind, event.cliff, event.subjects) == ("expiry", False, (HEDGE,))
    assert event.change.maintenance < 0
    assert found.cliff is None


def test_of_several_that_leave_the_hedge_is_named() -> None:
    content = market().to_dict()
    content["instruments"].append(option(90_000, True, name="FAR", expiry=at(WEEK)))
    content["marks"]["FAR"] = {"vol": 0.6}
    found = calendar(
        pl.margin_model(PRBM), account({SHORT: -1.0, HEDGE: 1.0, "FAR": 0.01}), pl.Market.from_dict(content), 8.0
    )
    cliff = found.cliff
    assert cliff is not None
    assert cliff.subjects == (HEDGE, "FAR")
    assert cliff.rises[0] > cliff.rises[1]


def test_every_hour_is_the_requirement_of_that_hour() -> None:
    found = hedged(8.0)
    model, book = pl.margin_model(PRBM), account({SHORT: -1.0, HEDGE: 1.0})
    assert [h.time for h in found.hours] == [TIME + timedelta(hours=k) for k in range(8 * 24 + 1)]
    for k in (0, 1, 50, 175, 176, 192):
        passed = Shifts(book, market()).passed(k / 24.0)
        assert found.hours[k].levels == levels(model, passed.account, passed.market)
        assert found.hours[k].expired == ((HEDGE,) if k == 176 else ())
    assert found.below is None


def test_funding_by_hand() -> None:
    """Linear: 2 long of 70,000 pay 2e-4; inverse: 700 short of 10 dollars, rate below zero, so the short pays too."""
    book = account({PERP: 2.0, COIN: -700.0})
    found = calendar(pl.margin_model(PRBM), book, market(), 1.0)
    usdc, coin = -2.0 * 70_000.0 * 2e-4, 700.0 * 10.0 / 70_000.0 * -1e-4
    for hour, times in ((0, 0), (7, 0), (8, 1), (15, 1), (16, 2), (24, 3)):
        paid = found.hours[hour].funding
        assert paid.get("USDC", 0.0) == pytest.approx(times * usdc)
        assert paid.get("BTC", 0.0) == pytest.approx(times * coin)
    first, last = found.hours[0].levels, found.hours[-1].levels
    assert first is not None
    assert last is not None
    # BTC counts at 95 % in the shipped house rules
    assert last.net_equity - first.net_equity == pytest.approx(3 * (usdc + coin * 70_000.0 * 0.95), rel=1e-6)
    assert last.maintenance == pytest.approx(first.maintenance)


def test_an_isolated_position_pays_from_its_own_money() -> None:
    content = market_doc(
        assets={"USDT": {"price": 1.0}},
        instruments=[perpetual(name="BTCUSDT", currency="USDT")],
        marks={"BTCUSDT": {"price": 70_000.0, "funding_rate": 1e-3}},
        expiries=[],
    )
    rows = [{"instrument": "BTCUSDT", "quantity": 1.0, "isolated_margin": 5_000.0}]
    book = pl.Account.from_dict(account_doc({}, collateral={"USDT": 9_000.0}, mode="isolated") | {"positions": rows})
    listed = pl.Market.from_dict(content)
    paid = due(book, listed, 16.0).paid(book, listed)
    assert paid.positions[0].isolated_margin == pytest.approx(5_000.0 - 140.0)
    assert paid.collateral["USDT"] == pytest.approx(9_000.0 - 140.0)
    found = calendar(pl.margin_model("binance-usdm@2026-01-01"), book, listed, 2.0)
    last = found.hours[-1].levels
    assert last is not None
    assert last.net_equity == pytest.approx(9_000.0 - 6 * 70.0)
    gone = due(book, listed, 10_000.0).paid(book, listed)
    assert gone.positions[0].isolated_margin == 0.0


def test_instants_of_funding() -> None:
    start = datetime(2026, 1, 1, 16, tzinfo=UTC)
    found = instants(start, start + timedelta(hours=8))
    assert found == [(datetime(2026, 1, 2, tzinfo=UTC), 8.0)]
    hourly = instants(start, start + timedelta(hours=3), tuple(range(24)))
    assert [hours for _, hours in hourly] == [1.0, 1.0, 1.0]
    for hours in ((), (8, 0), (24,), (0, 0)):
        with pytest.raises(DocumentError, match="hours of funding"):
            instants(start, start, hours)


def test_announced_rules_begin_on_their_day() -> None:
    """Deribit's portfolio margin of 15 February 2026, seen from three days before."""
    start = datetime(2026, 2, 12, 10, 30, tzinfo=UTC)
    content = market(time=start.isoformat()).to_dict()
    expiry = datetime(2026, 3, 27, 8, tzinfo=UTC).isoformat()
    content["instruments"] = [
        option(k, False, name=f"P{k}", expiry=expiry, settlement="inverse", currency="BTC") for k in (60_000, 50_000)
    ]
    content["expiries"] = [{"underlying": "BTC", "expiry": expiry, "forward": {"variable": 70_000.0}}]
    content["marks"] = {f"P{k}": {"vol": 0.6} for k in (60_000, 50_000)}
    listed = pl.Market.from_dict(content)
    book = pl.Account.from_dict(account_doc({"P60000": -10.0, "P50000": 10.0}, collateral={"BTC": 3.0}))
    model = pl.margin_model("deribit-pm@2026-02-12")
    found = calendar(model, book, listed, 2.7)
    (event,) = found.events
    assert event.kind == "rules"
    assert event.time == datetime(2026, 2, 15, tzinfo=UTC)
    new = pl.margin_model("deribit-pm@2026-02-15")
    assert event.subjects == (new.rules.label,)
    passed = Shifts(book, listed).passed((event.time - start).total_seconds() / 86_400.0)
    assert event.before == levels(model, passed.account, passed.market)
    assert event.after == levels(new, passed.account, passed.market)
    labels = [(h.time < event.time, h.rules) for h in found.hours]
    assert set(labels) == {(True, model.rules.label), (False, new.rules.label)}
    assert new.rules.label in found.assumptions[3]
    # nothing announced, nothing changes
    alone = calendar(model, book, listed, 0.1, announced=())
    assert alone.events == ()
    assert {h.rules for h in alone.hours} == {model.rules.label}


def test_what_has_no_number_says_why() -> None:
    """The first expiry has no forward: from then on its options cannot be paid out."""
    content = market().to_dict()
    content["expiries"] = [r for r in content["expiries"] if r["expiry"] == MONTH]
    content["instruments"] = [r for r in content["instruments"] if r["name"] != HEDGE]
    del content["marks"][HEDGE]
    future = perpetual(kind="future", name="F", expiry=at(WEEK))
    content["instruments"].append(future)
    content["marks"]["F"] = {"price": 70_500.0}
    found = calendar(pl.margin_model(PRBM), account({SHORT: -1.0, "F": 0.5}), pl.Market.from_dict(content), 8.0)
    # a future is paid out at its mark
    assert [e.subjects for e in found.events] == [("F",)]
    assert all(h.levels is not None for h in found.hours)


def test_below_the_line_is_told() -> None:
    poor = account({SHORT: -1.0, HEDGE: 1.0}).model_copy(update={"collateral": {"USDC": 6_500.0}})
    found = calendar(pl.margin_model(PRBM), poor, market(), 7.6)
    assert found.below is not None
    assert found.below.time == parse_instant(at(WEEK))
    assert "below the line from 08 Jan 08:00" in _shown(found)


def _shown(found: Calendar) -> str:
    out = StringIO()
    Console(file=out, width=80, highlight=False).print(calendar_view(found))
    return out.getvalue()


def test_table_and_figure() -> None:
    found = hedged()
    text = _shown(found)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "CLIFF" in text
    assert f"{HEDGE} was the hedge" in " ".join(text.split())
    assert calendar_figure(found).axes[1].get_ylabel() == "health"


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.json").write_text(account({SHORT: -1.0, HEDGE: 1.0, PERP: 0.3}).to_json())
    (tmp_path / "m.json").write_text(market().to_json())
    files = ["-a", str(tmp_path / "a.json"), "-m", str(tmp_path / "m.json"), "-r", PRBM]
    picture = tmp_path / "calendar.png"
    assert run(["calendar", *files, "--days", "8", "-o", str(picture), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert len(said["hours"]) == 8 * 24 + 1
    assert said["cliff"]["subjects"] == [HEDGE]
    assert picture.stat().st_size > 10_000
    assert run(["calendar", *files, "--days", "1"]) == 0
    assert "funding until the end: -" in capsys.readouterr().out
    for days in ("0", "-1", "500", "nan"):
        assert run(["calendar", *files, "--days", days]) == 2
        assert "days" in capsys.readouterr().err
    assert run(["calendar", *files, "--announced", "nothing@2026-01-01"]) == 2
