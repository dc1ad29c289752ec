"""The frontier of margin and shortfall against cost."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from hedge_desks import chain, holding
from plimsoll.documents import DocumentError
from plimsoll.optimise import Desk, TradingTerms, Wish, frontier, make_desk
from plimsoll.optimise.frontiers import EASED, LEAST, Curve
from plimsoll.scenarios import Scenarios


def desk(tails: bool = True) -> Desk:
    rng = np.random.default_rng(4)
    market = chain(rng)
    book = {"60D-1-C": -5.0, "60D-0.9-P": -4.0}
    terms = TradingTerms(size=4.0)
    columns = {u: Scenarios.build(np.exp(rng.normal(0.0, 0.1, 60))) for u in market.indices} if tails else None
    names = ("60D-1.1-C", "60D-0.8-P", "PERP")
    return make_desk(market, [holding("prbm@2026-01-01", book)], candidates=names, terms=terms, columns=columns)


def rising(curve: Curve, name: str) -> list[float]:
    return [b - a for a, b in pairwise(getattr(p, name) for p in curve.points)]


def test_each_curve_makes_least_what_it_says() -> None:
    told: list[tuple[int, int]] = []
    found = frontier(
        desk(), Wish(), level=0.9, shares=(0.0, 0.2, 0.6, 1.0), progress=lambda _, k, n: told.append((k, n))
    )
    margin, both, shortfall = found.curves
    assert [c.least for c in found.curves] == ["margin", "both", "shortfall"]
    assert [k for k, _ in told] == list(range(len(told)))
    assert len(told) <= told[-1][1]
    assert found.start.es is not None
    assert margin.points[-1].capital < 0.9 * found.start.capital
    assert max(rising(margin, "capital")) <= 1e-6 * found.start.capital
    assert max(rising(shortfall, "es")) <= 1e-6 * found.start.es
    for a, b, c in zip(margin.points, both.points, shortfall.points, strict=True):
        # of equal ones the cheapest is worth LEAST a dollar
        slack = LEAST * a.budget + 1e-6 * found.start.capital
        assert a.es is not None
        assert b.es is not None
        assert c.es is not None
        assert max(p.cost for p in (a, b, c)) <= a.budget * (1.0 + 1e-6) + 1e-6
        assert a.capital <= b.capital + slack
        assert b.capital <= c.capital + slack
        assert c.es <= a.es + slack
        assert b.es <= (a.es + c.es) / 2.0 + 2.0 * EASED * max(1.0, abs(a.es) + abs(c.es))
    assert rising(Curve("", (margin.points[1], both.points[1])), "es")[0] < 0.0
    assert found.to_dict()["curves"][0]["points"][1]["capital"] == margin.points[1].capital


def test_a_desk_without_scenarios_has_the_least_margin_alone() -> None:
    found = frontier(desk(tails=False), Wish(budget=50.0), shares=(0.5, 1.0))
    assert [c.least for c in found.curves] == ["margin"]
    assert found.start.es is None
    assert found.curves[0].points[-1].budget <= 50.0 * (1.0 + 1e-9)


def test_shares_are_parts() -> None:
    with pytest.raises(DocumentError, match=r"shares\[1\]: got 1.5; allowed: a part from 0 to 1"):
        frontier(desk(tails=False), shares=(0.5, 1.5))
