"""What the fleet page selects and adds up, against the engine itself and plain Python."""

from __future__ import annotations

import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.documents import DocumentError
from plimsoll.feeds.demo import demo_market
from plimsoll.live import Engine
from plimsoll.live.fleet import sample_accounts
from plimsoll.live.runner import Live
from plimsoll.margin.catalogue import margin_model
from plimsoll.serve.dashboard.fleet_view import PAGE, SORTS, FleetView


@pytest.fixture(scope="module")
def engine() -> Engine:
    market = demo_market()
    return Engine(margin_model("prbm@2026-01-30"), market, sample_accounts(market, 130))


def test_rows_are_the_engine_s_own(engine: Engine) -> None:
    view = FleetView.of(engine)
    for a in (0, 1, 64, 129):
        row = view.row(a)
        need = engine.requirement(a)
        assert row.account == engine.holdings.names[a]
        assert row.status == engine.status(a)
        assert row.initial == pytest.approx(need.initial, abs=1e-6)
        assert row.maintenance == pytest.approx(need.maintenance, abs=1e-6)
        assert row.equity == pytest.approx(need.net_equity, abs=1e-6)
        assert row.health == pytest.approx(need.health)
        assert row.positions == len(engine.account(a).positions)


@given(
    sort=st.sampled_from(SORTS),
    down=st.booleans(),
    text=st.sampled_from(["", "1", "ACCOUNT 2", "x"]),
    status=st.sampled_from(["", "healthy", "called"]),
)
def test_selection_against_plain_python(engine: Engine, sort: str, down: bool, text: str, status: str) -> None:
    view = FleetView.of(engine)
    rows, count = view.select(sort, down, text, status)
    every = [view.row(a) for a in range(len(view.names))]
    kept = [r for r in every if text.lower() in r.account.lower() and status in ("", r.status)]
    assert count == len(kept)
    assert len(rows) == min(PAGE, count)
    second, _ = view.select(sort, down, text, status, 2)
    assert {r.account for r in rows} | {r.account for r in second} == {r.account for r in kept}

    def key(row: object) -> object:
        value = getattr(row, sort)
        if sort == "account":
            return int(value.split()[1])
        if sort == "status":
            return -["healthy", "reduce only", "called", "refused"].index(value)
        return math.inf if value is None else value

    told = [key(r) for r in [*rows, *second]]
    assert told == sorted(told, reverse=down)  # type: ignore[type-var]


def test_the_ladder_counts_everybody_once(engine: Engine) -> None:
    view = FleetView.of(engine)
    healths = [r.health for r in (view.row(a) for a in range(130)) if r.health is not None]
    assert sum(r.count for r in view.ladder()) == len(healths)
    for rung in view.ladder():
        own = [h for h in healths if h < rung.high and (h >= rung.low or rung.low == 0.0)]
        assert rung.count == len(own)
    assert sum(r.equity for r in view.ladder()) == pytest.approx(float(view.equity.sum()))


def test_a_large_fleet_is_looked_at_in_blocks(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    from plimsoll.serve.dashboard import desk

    monkeypatch.setattr(desk, "BLOCK", 50)
    with Live(engine) as live:
        asked: list[int] = []
        own = engine.amounts
        monkeypatch.setattr(engine, "amounts", lambda accounts: asked.append(len(accounts)) or own(accounts))
        engaged = SimpleNamespace(live=live, hub=SimpleNamespace(alerts=[]))
        view = asyncio.run(desk.Desk(engaged).fleet())  # type: ignore[arg-type]
    assert asked == [50, 50, 30]
    whole = FleetView.of(engine)
    for name in ("initial", "maintenance", "equity"):
        assert getattr(view, name).tolist() == getattr(whole, name).tolist()


def test_an_order_that_is_none(engine: Engine) -> None:
    with pytest.raises(DocumentError, match="sort"):
        FleetView.of(engine).select("equity; drop table")
    with pytest.raises(DocumentError, match="status"):
        FleetView.of(engine).select(status="rich")
