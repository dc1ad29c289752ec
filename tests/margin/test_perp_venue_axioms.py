"""What holds for every account under the rules of Hyperliquid, Paradex and Aevo."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from perp_books import Desk, Swaps, desks, swaps
from plimsoll.margin import Rules, find_rules
from plimsoll.margin.path import moved
from random_books import INDEX, SOME

SCANS = [("paradex-pm@2026-06-01", {}), ("aevo-pm@2024-01-01", {"underlyings": ("ETH",)})]


def scale(desk: Desk) -> float:
    return sum(abs(r["quantity"]) * r["multiplier"] * 6.0 * INDEX[r["underlying"]] for r in desk.rows)


def initial(desk: Desk, rules: str | Rules, positions: list[Any]) -> float:
    account = pl.Account.from_dict({**desk.account, "positions": positions, "orders": [], "mode": "portfolio"})
    return pl.margin_model(rules).requirement(account, pl.Market.from_dict(desk.market)).initial


@SOME
@given(st.data())
@pytest.mark.parametrize(("reference", "terms"), SCANS, ids=[s[0] for s in SCANS])
def test_netting_never_costs(reference: str, terms: dict[str, Any], data: st.DataObject) -> None:
    desk = data.draw(desks(**terms))
    rows = desk.account["positions"]
    cut = data.draw(st.integers(0, len(rows)))
    whole = initial(desk, reference, rows)
    parts = initial(desk, reference, rows[:cut]) + initial(desk, reference, rows[cut:])
    assert whole <= parts + 1e-11 * max(1.0, scale(desk))


@SOME
@given(desks(), st.floats(-0.9, 4.0), st.floats(-0.5, 1.0))
def test_a_further_scenario_never_lowers_the_requirement(desk: Desk, move: float, vol: float) -> None:
    rules = find_rules("paradex-pm@2026-06-01")
    more = rules.to_dict()
    more["parameters"]["tables"]["standard"]["scenarios"].append({"move": move, "vol": vol, "weight": 1.0})
    rows = desk.account["positions"]
    assert initial(desk, Rules.from_dict(more), rows) >= initial(desk, rules, rows) - 1e-11 * max(1.0, scale(desk))


@SOME
@given(desks(kinds=("option",), long_only=True))
def test_a_scan_of_bought_options_is_never_above_their_value(desk: Desk) -> None:
    found = desk.requirement("paradex-pm@2026-06-01", "portfolio", orders=[])
    value = found.net_equity - desk.account["collateral"]["USDC"]
    scans = sum(v for k, v in found.workings.items() if k.endswith(".scan"))
    assert scans <= value + 1e-11 * max(1.0, scale(desk))


@SOME
@given(swaps(isolated=True), st.floats(0.2, 3.0))
def test_an_isolated_loss_never_exceeds_its_bucket(book: Swaps, move: float) -> None:
    """Whatever the price, the account is worth at least its shared pool, which no isolated price touches."""
    model = pl.margin_model("hyperliquid-perps@2026-09-01")
    apart = {r["coin"]: move for r in book.rows if r["margin"] is not None}
    now = model.requirement(book.account("cross"), book.market)
    then = model.requirement(*moved(book.account("cross"), book.market, apart))
    if now.pools:
        size = 1e-11 * sum(abs(r["size"]) * r["mark"] * 3.0 for r in book.rows)
        assert abs(then.pools[0].equity - now.pools[0].equity) <= size
        assert then.net_equity >= now.pools[0].equity - size
        assert then.net_equity == pytest.approx(
            then.pools[0].equity + sum(max(0.0, p.equity) for p in then.pools[1:]), abs=size, rel=1e-12
        )
