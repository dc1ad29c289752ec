"""What an optimiser was not asked: planted trades that are riskier beyond its program are refused, hedges are not."""

from __future__ import annotations

import numpy as np
import pytest

import plimsoll as pl
from hedge_desks import chain, holding
from plimsoll.documents import DocumentError
from plimsoll.feeds.sample_stage import sample_stage
from plimsoll.laboratory.cascade import cascade
from plimsoll.laboratory.paths import shock_path
from plimsoll.margin.path import moved as shifted
from plimsoll.optimise import Desk, Wish, hedge, make_desk
from plimsoll.optimise.frontiers import Curve, Frontier, Point
from plimsoll.optimise.recheck import Crashes, Recheck, placed, recheck, recheck_answer, refused
from plimsoll.optimise.recheck.draws import breaches, drawn, gains
from plimsoll.rates.schedule import maintenance_margin
from plimsoll.report.hedge_page import hedge_page

QUICK = Crashes(shocks=(-0.6, 0.3), draws=3, step_seconds=300.0)
STRIKES = (0.4, 0.8, 0.9, 1.0, 1.1, 1.25)


def desk_of(held: dict[str, float], usd: float) -> Desk:
    market = chain(np.random.default_rng(7), strikes=STRIKES)
    return make_desk(market, [holding("prbm@2026-01-01", held, {"USDC": usd})])


def asked(desk: Desk, wanted: dict[str, float], seed: int = 0) -> Recheck:
    """The desk before and after trades, with few draws."""
    (place,) = desk.places
    market = desk.market
    before = [place.holding]
    account = place.holding.account
    for name, quantity in wanted.items():
        account = desk.filled(place, account, place.names.index(name), quantity, 0.0)
    later = [type(place.holding)(place.name, account, place.holding.model)]
    return recheck(market, before, later, size=512, stage=sample_stage(market, 60), crashes=QUICK, seed=seed)


def test_a_planted_trade_that_lowers_margin_and_raises_what_lies_beyond_is_refused() -> None:
    # near calls are bought back, and puts far below everything that the grid asks are sold instead
    desk = desk_of({"60D-1-C": -6.0}, 150_000.0)
    planted = {"60D-1-C": 6.0, "60D-0.4-P": -30.0}
    (place,) = desk.places
    account = place.holding.account
    for name, quantity in planted.items():
        account = desk.filled(place, account, place.names.index(name), quantity, 0.0)
    model = place.holding.model
    assert (
        model.requirement(account, desk.market).initial < model.requirement(place.holding.account, desk.market).initial
    )
    found = asked(desk, planted)
    assert not found.passed
    larger = {f.name for f in found.findings if f.larger}
    # neither the grid nor expected shortfall sees it, scenarios beyond them do
    assert larger == {"worst loss, stress scenarios"}
    assert all("before" in r and "after" in r for r in found.reasons)
    assert found.left_out == ()


def test_what_a_venue_would_lose_by_a_trade_is_seen_in_the_laboratory() -> None:
    found = asked(desk_of({"60D-1-C": -6.0}, 150_000.0), {"60D-1-C": 6.0, "14D-0.4-P": -150.0})
    lost = next(f for f in found.findings if f.name == "lost beyond margins on the venue")
    assert lost.after > lost.before
    assert lost.larger


def test_a_real_hedge_passes_and_equal_seeds_give_equal_bits() -> None:
    desk = desk_of({"60D-1-C": -6.0, "60D-0.9-P": -6.0}, 150_000.0)
    answer = hedge(desk, Wish(worth=0.2, delta_band=1.0))
    assert answer.saving > 0.0
    one, two = (
        recheck_answer(desk, answer, size=512, stage=sample_stage(desk.market, 60), crashes=QUICK, seed=5)
        for _ in range(2)
    )
    assert one.passed
    assert one.to_dict() == two.to_dict()
    other = recheck_answer(desk, answer, size=512, seed=6)
    assert any("no venue was given" in text for text in other.left_out)
    assert other.draws.shortfall.before != one.draws.shortfall.before
    tail = next(f for f in one.findings if f.name.startswith("expected shortfall"))
    assert tail.after < tail.before


def test_nothing_traded_is_nothing_larger() -> None:
    found = asked(desk_of({"60D-1-C": -6.0}, 150_000.0), {})
    assert found.passed
    assert all(f.before == f.after for f in found.findings)


def test_more_of_the_same_is_refused_in_every_measure_that_it_moves() -> None:
    found = asked(desk_of({"PERP": 4.0}, 60_000.0), {"PERP": 4.0})
    larger = {f.name for f in found.findings if f.larger}
    assert larger >= {"short of maintenance, held-out draws", "expected shortfall 0.975, held-out draws"}
    assert "worst loss, stress scenarios" in larger
    tail = next(f for f in found.findings if f.name.startswith("expected shortfall"))
    assert tail.after == pytest.approx(2.0 * tail.before, rel=1e-9)


def test_an_account_near_its_line_is_counted_as_the_engine_counts_every_draw() -> None:
    (place,) = desk_of({"PERP": 4.0}, 12_000.0).places
    market, h = chain(np.random.default_rng(7), strikes=STRIKES), place.holding
    law = drawn(market, ("BTC",), size=512, horizon_days=2.0, seed=3)
    (gain,) = gains([h], market, law.columns())
    every = [
        h.model.requirement(*shifted(h.account, market, {"BTC": float(x)}, float(v))).excess_maintenance < 0.0
        for x, v in zip(law.spot[0], law.vol, strict=True)
    ]
    found, count = breaches(h, market, law, gain)
    # more of them than the first blocks hold
    assert found.sum() > 100
    assert found.tolist() == every
    assert count < 512


def test_a_refused_answer_keeps_the_start() -> None:
    desk = desk_of({"60D-1-C": -6.0, "60D-0.9-P": -6.0}, 150_000.0)
    answer = hedge(desk, Wish(worth=0.2, delta_band=1.0))
    found = asked(desk, {"PERP": 20.0})
    assert not found.passed
    kept = refused(answer, found)
    assert kept.status == "refused"
    assert kept.saving == kept.relief == kept.cost == 0.0
    assert not any(y.any() for y in kept.trades)
    assert kept.ticket.steps == ()
    assert any(n.startswith("refused: ") for n in kept.notes)
    # the page says what was found, and that it is larger
    point = Point(0.0, 0.0, answer.capital[0], None, "no saving")
    page = hedge_page(desk, kept, Frontier(point, 0.99, (Curve("margin", (point,)),)), found)
    for finding in found.findings:
        assert f"{finding.name}{' <strong>(larger)</strong>' if finding.larger else ''}</td>" in page
    assert "Refused: the start is kept." in page
    assert "<svg" not in page
    assert kept.to_dict()["status"] == "refused"


@pytest.mark.parametrize("style", ["linear", "inverse"])
def test_an_account_on_a_venue_stands_where_its_own_rules_have_it(style: str) -> None:
    market = chain(np.random.default_rng(3), style)
    pack = "prbm@2026-01-01" if style == "linear" else "deribit-pm@2026-02-15"
    money = {"USDC": 4e5} if style == "linear" else {"BTC": 6.0}
    size = 5.0 if style == "linear" else 30_000.0
    held = {"PERP": -size, "60D-1-C": -3.0, "14D-0.9-P": 2.0}
    own = holding(pack, held, money)
    venue = sample_stage(market, 40, 1)
    stage = placed(venue.fleet, venue.schedule, venue.rates, market, [own])
    path = shock_path(-0.05, stage.fleet.underlyings, minutes=10.0, step_seconds=120.0, after=0.0)
    run = cascade(stage.fleet, path, venue.liquidity, venue.venue, stage.rates)
    world = run.world
    unit = world.unit
    need = own.model.requirement(own.account, market)
    usd = market.price_of(need.currency)
    assert usd is not None
    mark = run.price[0]
    worth = world.catalogue.worth(mark, world.vol[0], 0.0)
    rows = slice(int(stage.fleet.indptr[-2]), int(stage.fleet.indptr[-1]))
    cash = world.base(stage.fleet.cash, world.rates(0, mark))[-1]
    equity = (cash + float((stage.fleet.lots[rows] * worth.usd[stage.fleet.indices[rows]]).sum())) / unit
    assert equity == pytest.approx(need.net_equity * usd.price, rel=1e-4)
    line = stage.rates.asked(world.past(run.price[:1], stage.fleet.lots, 0))
    sizes = np.abs(stage.fleet.lots[rows]) * worth.size[stage.fleet.indices[rows]] / unit
    tiers = float(maintenance_margin(venue.schedule.assets["BTC"], sizes).sum())
    assert tiers + np.asarray(line.addon)[-1] == pytest.approx(need.maintenance * usd.price, rel=1e-9)
    # and its slope is that of the account: a twentieth down, options by their own curve
    later = run.price[-1]
    moved = world.catalogue.worth(later, world.vol[-1], 0.0)
    cash = world.base(stage.fleet.cash, world.rates(path.steps, later))[-1]
    lower = (cash + float((stage.fleet.lots[rows] * moved.usd[stage.fleet.indices[rows]]).sum())) / unit
    account, there = shifted(own.account, market, {"BTC": float(later[0] / mark[0])})
    again, price = own.model.requirement(account, there), there.price_of(need.currency)
    assert price is not None
    change = again.net_equity * price.price - need.net_equity * usd.price
    assert lower - equity == pytest.approx(change, rel=0.02, abs=0.001 * abs(equity))


def test_what_the_laboratory_does_not_know_is_said() -> None:
    market = chain(np.random.default_rng(3))
    content = market.to_dict()
    content["indices"]["XYZ"] = {"price": 10.0}
    content["instruments"].append(
        {"kind": "perpetual", "name": "XYZ-PERP", "underlying": "XYZ", "settlement": "linear", "currency": "USDC"}
    )
    content["marks"]["XYZ-PERP"] = {"price": 10.0}
    other = pl.Market.from_dict(content)
    strange = holding("prbm@2026-01-01", {"XYZ-PERP": 10.0}, {"USDC": 1e5})
    found = recheck(other, [strange], [strange], size=256, stage=sample_stage(other, 30), crashes=QUICK)
    assert any("laboratory" in text for text in found.left_out)
    assert found.passed


def test_desks_with_other_accounts_are_refused() -> None:
    desk = desk_of({"PERP": 1.0}, 1e5)
    mine = desk.places[0].holding
    other = type(mine)("other", mine.account, mine.model)
    with pytest.raises(DocumentError, match="after"):
        recheck(desk.market, [mine], [other])
