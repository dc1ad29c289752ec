"""A ticket over time: every trade within its margin, lots and quantities kept, and better than everything at once."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from hedge_desks import chain, holding, random_book
from plimsoll.documents import DocumentError, PlimsollError
from plimsoll.laboratory.calm import default_liquidity
from plimsoll.optimise import Desk, TradingTerms, Wish, hedge, make_desk
from plimsoll.optimise.execution import ExecutionTerms, Schedule, make_schedule, quadratic

HOUR = 3_600.0


def held_to_its_word(desk: Desk, trades: tuple[np.ndarray, ...], found: Schedule) -> None:
    """What has to hold of every schedule."""
    wanted = {
        (p.name, p.names[i]): float(y[i]) for p, y in zip(desk.places, trades, strict=True) for i in np.flatnonzero(y)
    }
    traded = dict.fromkeys(wanted, 0.0)
    for fill in found.fills:
        traded[fill.book, fill.instrument] += fill.quantity
        assert fill.quantity * wanted[fill.book, fill.instrument] > 0.0
    assert traded == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    # the fills once more, by the engine alone
    accounts = {p.name: p.holding.account for p in desk.places}
    places = {p.name: p for p in desk.places}
    floors = {}
    for name, place in places.items():
        start = place.holding.model.requirement(accounts[name], desk.market)
        floors[name] = min(0.0, start.excess_initial) - 1e-8 * max(1.0, abs(start.net_equity), start.initial)
    for fill in found.fills:
        place = places[fill.book]
        i = place.names.index(fill.instrument)
        accounts[fill.book] = desk.filled(place, accounts[fill.book], i, fill.quantity, fill.cost)
        again = place.holding.model.requirement(accounts[fill.book], desk.market)
        assert again.excess_initial == pytest.approx(fill.excess, rel=1e-9, abs=1e-6)
        assert not found.kept or again.excess_initial >= floors[fill.book]
    spread = sum(abs(n.quantity) * n.impact.spread for n in found.lines)
    assert sum(f.cost for f in found.fills) == pytest.approx(found.law.known, rel=1e-9)
    assert found.law.known >= spread - 1e-9
    assert found.value <= found.at_once + 1e-9 or found.status != "planned"
    assert found.bound <= found.value + 1e-9


def scheduled_hedge(seed: int) -> bool:
    """The schedule of a random book's hedge, held to its word; false where the book has no hedge."""
    rng = np.random.default_rng([31, seed])
    pack, style = (("prbm@2026-01-01", "linear"), ("deribit-pm@2026-02-15", "inverse"))[seed % 2]
    market = chain(rng, style)
    lot = 0.1 if seed % 3 == 0 else None
    book = random_book(rng, market, lot=lot or 0.0)
    money = {"USDC": float(rng.uniform(1e5, 1e6))} if style == "linear" else {"BTC": float(rng.uniform(2.0, 12.0))}
    few = sorted(rng.choice([c.name for c in market.instruments], 6, replace=False).tolist())
    desk = make_desk(
        market, [holding(pack, book, money)], candidates=few, terms=TradingTerms(option_lot=lot, size=20.0)
    )
    answer = hedge(desk, Wish(worth=0.2, delta_band=1.0))
    if not any(y.any() for y in answer.trades):
        return False
    found = make_schedule(desk, answer.trades, seconds=HOUR, slices=5)
    held_to_its_word(desk, answer.trades, found)
    assert found.kept
    if lot:
        options = [f for f in found.fills if f.instrument != "PERP"]
        # a slice may cut its lots further where no order of whole trades keeps the margin; left are whole ones
        left = found.left[:, [n.instrument != "PERP" for n in found.lines]]
        assert options or not left.size
        assert left / lot == pytest.approx(np.round(left / lot), abs=1e-6)
    return True


@pytest.mark.parametrize("seed", range(6))
def test_hedges_of_random_books(seed: int) -> None:
    assert scheduled_hedge(seed)


def tight(equity: float) -> tuple[Desk, tuple[np.ndarray, ...]]:
    """The ticket buys perpetuals out of a deep market and the puts that protect them out of a thin one."""
    market = chain(np.random.default_rng(1))
    sizes = {"60D-0.9-P": 1.0, "PERP": 1e7}
    desk = make_desk(
        market,
        [holding("prbm@2026-01-01", {"PERP": 0.5}, {"USDC": equity})],
        candidates=["60D-0.9-P", "PERP"],
        terms=TradingTerms(sizes=sizes),
    )
    (place,) = desk.places
    wanted = {"60D-0.9-P": 10.0, "PERP": 10.0}
    return desk, (np.array([wanted[n] for n in place.names]),)


def test_margin_holds_back_what_would_come_first() -> None:
    terms = ExecutionTerms(risk_aversion=1e-4, lasting=0.0)
    rich_desk, trades = tight(3e6)
    rich = make_schedule(rich_desk, trades, seconds=HOUR, slices=6, terms=terms)
    held_to_its_word(rich_desk, trades, rich)
    assert rich.value == pytest.approx(rich.free, rel=1e-9)
    assert rich.status == "planned"
    # the poor account has what the end needs, and a little on top; on the way the rich one needs more
    last, least = rich.fills[-1].excess, min(f.excess for f in rich.fills)
    assert least < last - 5_000.0
    poor_desk, trades = tight(3e6 - last + 2_000.0)
    poor = make_schedule(poor_desk, trades, seconds=HOUR, slices=6, terms=terms)
    held_to_its_word(poor_desk, trades, poor)
    assert poor.kept
    assert poor.status in ("planned", "held back")
    assert min(f.excess for f in poor.fills) >= -1e-6
    # margin binds: dearer than without it, cheaper than everything at once, and perpetuals wait for their puts
    assert poor.free * (1.0 + 1e-4) < poor.value < poor.at_once
    perp = [n.instrument for n in poor.lines].index("PERP")
    assert poor.left[1, perp] > rich.left[1, perp] + 0.2


def test_where_the_interior_point_gives_up_clarabel_finds_the_same_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("clarabel")
    terms = ExecutionTerms(risk_aversion=1e-4, lasting=0.0)
    rich_desk, trades = tight(3e6)
    last = make_schedule(rich_desk, trades, seconds=HOUR, slices=6, terms=terms).fills[-1].excess
    desk, trades = tight(3e6 - last + 2_000.0)  # margin holds it back
    want = make_schedule(desk, trades, seconds=HOUR, slices=6, terms=terms)
    assert [r.split(":")[0] for r in want.route] == ["interior point"]

    def gives_up(*_rest: object) -> np.ndarray:
        raise PlimsollError("made to")

    monkeypatch.setattr(quadratic, "interior_point", gives_up)
    found = make_schedule(desk, trades, seconds=HOUR, slices=6, terms=terms)
    held_to_its_word(desk, trades, found)
    assert found.route[0] == "interior point: made to"
    assert found.route[1].startswith("Clarabel: gap ")
    assert found.gap <= 1e-6
    assert found.value == pytest.approx(want.value, rel=1e-7)
    assert found.to_dict()["route"] == list(found.route)
    # a point of the first method that is beyond the limits is not the end either
    monkeypatch.setattr(quadratic, "interior_point", lambda _model, _q, c: np.full(c.size, 0.5))
    better = make_schedule(desk, trades, seconds=HOUR, slices=6, terms=terms)
    assert "limits to" in better.route[0]
    assert len(better.route) == 2
    assert better.value == pytest.approx(want.value, rel=1e-7)
    monkeypatch.setattr(quadratic, "interior_point", gives_up)
    monkeypatch.setitem(sys.modules, "clarabel", None)
    with pytest.raises(PlimsollError, match=r"interior point: made to; Clarabel: .*plimsoll-margin\[optimise\]"):
        make_schedule(desk, trades, seconds=HOUR, slices=6, terms=terms)


def test_a_perpetual_takes_the_measured_depth_of_its_coin() -> None:
    market = chain(np.random.default_rng(2))
    desk = make_desk(market, [holding("prbm@2026-01-01", {"PERP": 300.0}, {"USDC": 3e7})], candidates=["PERP"])
    trades = (np.array([-100.0]),)
    known = make_schedule(desk, trades, seconds=1_800.0, slices=6, liquidity=default_liquidity())
    assert known.lines[0].impact.source == "liquidity, measured"
    # 100 coins at 70,000 walk the recorded depth to 7.0 of 8.1 million within a thousandth: some 0.06 % of them
    part = known.lines[0].impact.slope * 100.0**2 / 7e6
    assert 2e-4 < part < 1e-3
    assert known.value < min(known.at_once, known.straight)
    assert make_schedule(desk, trades, seconds=1_800.0, slices=6).lines[0].impact.source == "assumed"


def test_the_limits_of_aversion() -> None:
    desk, trades = tight(3e6)
    calm = make_schedule(desk, trades, seconds=HOUR, slices=4, terms=ExecutionTerms(risk_aversion=0.0))
    assert calm.left == pytest.approx(trades[0] * np.linspace(1.0, 0.0, 5)[:, None], rel=1e-5, abs=1e-6)
    assert calm.value == pytest.approx(calm.straight, rel=1e-9)
    afraid = make_schedule(desk, trades, seconds=HOUR, slices=4, terms=ExecutionTerms(risk_aversion=1e3))
    assert np.abs(afraid.left[1:]).max() < 1e-3
    assert afraid.value == pytest.approx(afraid.at_once, rel=1e-3)


def test_two_books_move_by_the_same_price() -> None:
    market = chain(np.random.default_rng(4))
    long = holding("prbm@2026-01-01", {"PERP": 20.0}, {"USDC": 2e6}, "long")
    short = holding("prbm@2026-01-01", {"PERP": -20.0}, {"USDC": 2e6}, "short")
    desk = make_desk(market, [long, short], candidates=["PERP"])
    trades = (np.array([-20.0]), np.array([20.0]))
    found = make_schedule(desk, trades, seconds=HOUR, slices=5, terms=ExecutionTerms(risk_aversion=1e-4))
    held_to_its_word(desk, trades, found)
    # what one sells the other buys: nothing waits, so the straight line is best however much risk is shunned
    assert found.law.waiting == pytest.approx(0.0, abs=1e-3)
    assert found.value == pytest.approx(found.straight, rel=1e-6)


def test_the_same_again_and_as_a_document() -> None:
    desk, trades = tight(3e6)
    one, two = (make_schedule(desk, trades, seconds=HOUR, slices=4, seed=3) for _ in range(2))
    assert one.to_dict() == two.to_dict()
    assert one.to_dict()["cost"]["schedule"]["seed"] == 3
    assert make_schedule(desk, trades, seconds=HOUR, slices=4, seed=4).law.q95 != one.law.q95


@pytest.mark.parametrize(
    ("field", "change"),
    [("seconds", {"seconds": 0.0}), ("slices", {"slices": 0}), ("trades", {"trades": None})],
)
def test_bad_input_is_refused(field: str, change: dict[str, object]) -> None:
    desk, trades = tight(3e6)
    given = {"trades": trades, "seconds": HOUR, "slices": 4} | change
    if given["trades"] is None:
        given["trades"] = (np.zeros(2),)
    with pytest.raises(DocumentError, match=field):
        make_schedule(desk, **given)  # type: ignore[arg-type]


def test_a_side_without_anything_is_refused() -> None:
    market = chain(np.random.default_rng(2))
    terms = TradingTerms(unquoted="refuse")
    desk = make_desk(
        market, [holding("prbm@2026-01-01", {"PERP": 1.0}, {"USDC": 1e6})], candidates=["PERP"], terms=terms
    )
    with pytest.raises(DocumentError, match=r"trades\.PERP"):
        make_schedule(desk, (np.array([-1.0]),), seconds=HOUR, slices=2)


def test_an_unknown_coin_of_the_terms_is_refused() -> None:
    desk, trades = tight(3e6)
    with pytest.raises(DocumentError, match=r"terms\.volatility\.XYZ"):
        make_schedule(desk, trades, seconds=HOUR, slices=2, terms=ExecutionTerms(volatility={"XYZ": 0.5}))


@pytest.mark.long
def test_hedges_of_many_random_books() -> None:
    # a few books have nothing to trade
    assert sum(scheduled_hedge(seed) for seed in range(6, 66)) >= 50
