"""Lines ahead and calendars under the rules of every venue, and books of orders that stay where prices do."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import plimsoll as pl
from builders import CALL, PERP, account_doc, market_doc
from plimsoll.liquidation import liquidation
from plimsoll.liquidation.calendar import calendar
from plimsoll.liquidation.funding import hours_of
from plimsoll.margin.changes.sensitivity import sensitivity
from plimsoll.margin.changes.shifts import Shifts
from plimsoll.margin.path import moved
from venue_pairs import VENUES, desk_of

WHOLE = "prbm-whole@2026-01-01"
DEPTH = {
    PERP: {"bids": [[69_990.0, 1.0], [69_000.0, 40.0]], "asks": [[70_010.0, 1.0], [71_000.0, 40.0]]},
    CALL: {"bids": [[4_000.0, 1.0]], "asks": [[4_100.0, 1.0]]},
}


@pytest.mark.parametrize("rules", VENUES)
def test_every_rule_set_has_lines_ahead_and_a_calendar(rules: str) -> None:
    """Half a day by both: the calendar's last hour is what the line starts from."""
    desk = desk_of(rules)
    account, market, path = desk.draw("in time", 3)
    (currency,) = account.collateral
    account = account.model_copy(update={"collateral": {currency: 1e6}})
    hours = calendar(desk.model, account, market, 0.5).hours
    assert [h.time for h in hours] == [market.time + timedelta(hours=k) for k in range(13)]
    found = liquidation(desk.model, account, market, path, ahead=0.5, points=8, low=0.9, high=1.1)
    last = hours[-1].levels
    assert last is not None
    assert sum(p.maintenance for p in found.pools) == pytest.approx(last.maintenance, rel=1e-9)
    paid = sorted({h.time.hour for a, h in pairwise(hours) if a.funding != h.funding})
    due = any(market.contracts[p.instrument].kind == "perpetual" and p.quantity for p in account.positions)
    assert paid == ([h for h in hours_of(desk.model) if 0 < h <= 12] if due else [])


def test_funding_is_paid_when_the_rules_say() -> None:
    assert hours_of(pl.margin_model("paradex-pm@2026-05-01")) == (0, 8, 16)
    assert hours_of(pl.margin_model("hyperliquid-perps@2026-01-01")) == tuple(range(24))


def large(**changes: Any) -> tuple[pl.MarginModel, pl.Account, pl.Market]:
    """A position that has to be walked through the book, with half of it in an option."""
    held = account_doc({PERP: 30.0, CALL: 5.0}, collateral={"USDC": 1e6})
    return pl.margin_model(WHOLE), pl.Account.from_dict(held), pl.Market.from_dict(market_doc(depth=DEPTH, **changes))


def test_the_book_of_orders_counts_on_the_way_as_it_does_today() -> None:
    model, account, market = large()
    now = model.requirement(account, market)
    bare = model.requirement(account, market.model_copy(update={"depth": {}}))
    assert now.component("close_out").initial > 1.5 * bare.component("close_out").initial > 0
    line = liquidation(model, account, market, points=8, low=0.9, high=1.1).pools[0]
    assert line.maintenance == pytest.approx(now.maintenance, rel=1e-12)
    first = calendar(model, account, market, 0.1).hours[0].levels
    assert first is not None
    assert first.maintenance == pytest.approx(now.maintenance, rel=1e-12)
    assert sensitivity(model, account, market, parameters=False).here.maintenance == pytest.approx(now.maintenance)


def test_the_book_moves_with_its_price_and_books_of_options_are_gone() -> None:
    _, account, market = large()
    _, after = moved(account, market, {"BTC": 0.5}, 1.2)
    assert set(after.depth) == {PERP}
    assert after.marks[PERP].price == pytest.approx(0.5 * market.marks[PERP].price)
    for side in ("bids", "asks"):
        rows, was = (np.array(getattr(m.depth[PERP], side)) for m in (after, market))
        assert rows == pytest.approx(was * [0.5, 1.0])
    # it is kept where nobody holds the perpetual: an option's delta is closed there too
    only = account.model_copy(update={"positions": account.positions[1:]})
    assert set(moved(only, market, {"BTC": 0.5})[1].depth) == {PERP}
    assert set(Shifts(only, market).passed(1.0).market.depth) == {PERP}


def test_the_book_of_a_future_ends_with_it() -> None:
    terms = {"kind": "future", "name": "F", "underlying": "BTC", "settlement": "linear", "currency": "USDC"}
    content = market_doc()
    content["instruments"].append(terms | {"expiry": content["expiries"][0]["expiry"]})
    content["marks"]["F"] = {"price": 70_000.0}
    content["depth"] = {"F": DEPTH[PERP]}
    _, account, _ = large()
    shifts = Shifts(account, pl.Market.from_dict(content))
    assert set(shifts.passed(1.0).market.depth) == {"F"}
    assert not shifts.passed(40.0).market.depth
