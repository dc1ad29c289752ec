"""Ranked remedies: each looked at again, what raises the loss beyond the grids refused, and announced rules."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import plimsoll as pl
from hedge_desks import account, chain
from plimsoll.documents import DocumentError
from plimsoll.optimise import Holding
from plimsoll.optimise.sizing import Remedies, RemedyTerms, Watch, changing, outside_loss, remedies, respond
from sizing_desk import log_normal

MARKET = chain(np.random.default_rng(21))
CASH = 82_000.0
MODEL = pl.margin_model("prbm@2026-01-01")
WATCH = Watch(MARKET, MODEL, log_normal(4, {"BTC": 0.8}, days=6.0, instants=3, size=800))
BOOK = account({"60D-1-C": -6.0, "60D-1.1-C": 5.0, "60D-0.9-P": -5.0}, {"USDC": CASH})


def raised(factor: float) -> pl.MarginModel:
    """The same rules with another part of the initial margin as maintenance."""
    content = MODEL.rules.to_dict()
    content["parameters"]["maintenance_factor"] = factor
    return pl.margin_model(pl.Rules.from_dict(content | {"name": "prbm-raised"}))


@cache
def found() -> Remedies:
    return remedies(WATCH, BOOK, RemedyTerms(called=0.03, others=(raised(0.3), raised(0.9))))


def test_each_remedy_is_what_the_exact_rules_and_the_paths_say() -> None:
    told = found()
    assert not told.failed
    assert told.chance.value > 0.05
    assert told.initial == pytest.approx(MODEL.requirement(BOOK, MARKET).initial)
    kinds = {r.kind for r in told.ranked} | {r.kind for r in told.refused}
    assert kinds >= {"add", "cut all", "cut", "hedge", "move"}
    for r in (*told.ranked, *told.refused):
        model = MODEL if r.kind != "move" else raised(0.3 if r.removed > 0 else 0.9)
        again = replace(WATCH, model=model).course(r.account).chance()
        assert again == r.chance
        assert r.removed == pytest.approx(told.chance.value - again.value, abs=1e-12)
        assert r.relief == pytest.approx(told.initial - model.requirement(r.account, MARKET).initial, abs=1e-6)
        assert r.keeps == (again.at_most <= 0.03)
        assert r.outside == pytest.approx(outside_loss(r.account, MARKET))


def test_the_order_is_that_of_cost_for_each_point_and_the_cheapest_keeps_the_limit() -> None:
    told = found()
    points = [r.per_point for r in told.ranked if r.per_point is not None]
    assert points == sorted(points)
    assert all(r.sure for r in told.ranked[: len(points)])
    assert not any(r.sure for r in told.ranked[len(points) :])
    best = told.cheapest
    assert best is not None
    assert best.keeps
    assert all(best.cost <= r.cost for r in told.ranked if r.keeps)


def test_closing_the_long_leg_is_refused_for_what_lies_beyond_the_grids() -> None:
    told = found()
    assert [r for r in told.refused if "60D-1.1-C" in r.words and "beyond the grids" in r.refused]
    assert all(r.outside <= told.outside * (1 + 1e-9) + 1e-6 for r in told.ranked)


def test_a_rule_set_that_asks_less_makes_a_call_rarer_and_costs_nothing_at_the_same_venue() -> None:
    moves = sorted((r for r in found().ranked if r.kind == "move"), key=lambda r: r.chance.value)
    assert moves[0].removed > 0.0
    assert moves[0].cost == 0.0


def test_an_account_that_is_safe_needs_nothing() -> None:
    safe = account({"60D-1-C": -1.0}, {"USDC": 1e6})
    told = remedies(WATCH, safe, RemedyTerms(called=0.03))
    assert told.chance.value == 0.0
    assert not any(r.kind in ("add", "cut", "cut all") for r in told.ranked)
    assert not any(r.sure for r in told.ranked)


def test_an_announced_rise_is_answered_today() -> None:
    terms = RemedyTerms(called=0.03, cuts=0)
    told = respond(WATCH, raised(0.8), 2.0, BOOK, terms)
    assert told.after.value > told.before.value
    assert told.hit.after is not None
    assert told.hit.before is not None
    rise = told.hit.after.requirement.maintenance / told.hit.before.requirement.maintenance
    assert rise == pytest.approx(0.8 / MODEL.maintenance_part)  # type: ignore[operator]
    needed = next(r for r in told.remedies.ranked if r.kind == "add")
    before = next(r for r in remedies(WATCH, BOOK, terms).ranked if r.kind == "add")
    assert needed.cost > before.cost
    changed = changing(WATCH, raised(0.8), 2.0)
    assert changed.course(needed.account).chance().at_most <= 0.03
    # before its day the change binds nobody, from the first moment on it is the new rules alone
    assert changing(WATCH, raised(0.8), 6.0).model_at(5.9) is MODEL
    at_once = changing(WATCH, raised(0.8), 0.0).course(BOOK).chance()
    assert at_once == replace(WATCH, model=raised(0.8)).course(BOOK).chance()
    assert told.before.value <= told.after.value <= at_once.value


def test_refusals() -> None:
    with pytest.raises(DocumentError, match="day"):
        respond(WATCH, raised(0.8), 7.0, BOOK, RemedyTerms(called=0.03))
    with pytest.raises(DocumentError, match="paths"):
        remedies(WATCH, BOOK, RemedyTerms(called=1e-4))
    for name, wrong in (("carry", -0.01), ("carry", float("nan")), ("worth", float("nan")), ("cuts", -1)):
        with pytest.raises(DocumentError, match=name):
            remedies(WATCH, BOOK, replace(RemedyTerms(called=0.03), **{name: wrong}))


SAME = Holding("roomy", account({"60D-1-C": 4.0}, {"USDC": 150_000.0}), MODEL)


def test_positions_that_go_to_an_account_that_they_hedge_are_a_remedy_looked_at_on_both() -> None:
    told = remedies(WATCH, BOOK, RemedyTerms(called=0.03, cuts=0, beside=(SAME,)))
    (placed,) = (r for r in told.ranked if r.kind == "place")
    assert placed.other is not None
    # what one account buys the other sells
    assert placed.trades
    for name, quantity in placed.trades.items():
        lots = {side: sum(p.quantity for p in a.positions if p.instrument == name) for side, a in
                (("own", placed.account), ("other", placed.other))}  # fmt: skip
        start = sum(p.quantity for a in (BOOK, SAME.account) for p in a.positions if p.instrument == name)
        assert lots["own"] + lots["other"] == pytest.approx(start, abs=1e-9)
        assert quantity != 0.0
    # a call at either of the two, by the exact rules on the same paths
    own, other = (WATCH.course(a).missing > 0.0 for a in (placed.account, placed.other))
    assert placed.chance.value == pytest.approx(float((own | other).mean()))
    before = (WATCH.course(BOOK).missing > 0.0) | (WATCH.course(SAME.account).missing > 0.0)
    assert placed.removed == pytest.approx(before.mean() - placed.chance.value, abs=1e-12)
    margins = [MODEL.requirement(a, MARKET).initial for a in (BOOK, SAME.account, placed.account, placed.other)]
    assert placed.relief == pytest.approx(margins[0] + margins[1] - margins[2] - margins[3], abs=1e-6)
    assert placed.relief > 0.0
    assert placed.removed > 0.0
    assert placed.cost > 0.0
    points = [r.per_point for r in told.ranked if r.per_point is not None]
    assert points == sorted(points)


def test_an_account_that_helps_nothing_is_no_remedy() -> None:
    poor = Holding("poor", account({}, {"USDC": 1.0}), MODEL)
    told = remedies(WATCH, BOOK, RemedyTerms(called=0.03, cuts=0, beside=(poor,)))
    assert not [r for r in (*told.ranked, *told.refused) if r.kind == "place"]
