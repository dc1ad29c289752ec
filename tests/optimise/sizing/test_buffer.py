"""Least collateral, least cut, largest size: kept and tight, against passage's own probability and a sorted list."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import plimsoll as pl
from hedge_desks import account, chain
from plimsoll.documents import DocumentError
from plimsoll.liquidation.passage import passage
from plimsoll.liquidation.passage.estimate import chance_of
from plimsoll.optimise import TradingTerms, make_desk
from plimsoll.optimise.algebra import Loss
from plimsoll.optimise.desk import Holding
from plimsoll.optimise.measure import start
from plimsoll.optimise.sizing import (
    Trader,
    Watch,
    deposited,
    largest_multiple,
    least_collateral,
    least_cut,
    outside_loss,
)
from plimsoll.optimise.sizing.buffer import NEAR
from sizing_desk import log_normal

RULES = "prbm@2026-01-01"
MARKET = chain(np.random.default_rng(21))


def watch(size: int = 1_500, rules: str = RULES) -> Watch:
    return Watch(MARKET, pl.margin_model(rules), log_normal(4, {"BTC": 0.8}, days=6.0, instants=4, size=size))


def short(cash: float = 100_000.0) -> pl.Account:
    """Short calls and puts; a call is likely."""
    return account({"60D-1-C": -5.0, "60D-0.9-P": -5.0}, {"USDC": cash})


def test_the_chance_is_that_of_the_passage() -> None:
    w = watch()
    for book in (short(), short(40_000.0)):
        found = passage(w.model, book, MARKET, w.paths).probability()
        mine = w.course(book).chance()
        assert mine.value == found.value
        assert mine.error == pytest.approx(found.error)
        assert mine.met > 0


def test_the_least_collateral_is_kept_and_tight_and_that_of_a_sorted_list() -> None:
    w, book = watch(), short()
    found = least_collateral(w, book, 0.02, "USDC", 0.1)
    assert found.before.at_most > 0.02 >= found.after.at_most
    assert found.amount > 0.0
    assert w.course(deposited(book, "USDC", found.amount * (1.0 - 2.5 * NEAR))).chance().at_most > 0.02
    assert found.cost == pytest.approx(found.amount * 0.1 * 6 / 365)
    # cash counts at par: what is missing on each path, sorted, and as many of the worst left as the limit lets
    missing = sorted(w.course(book).missing.tolist(), reverse=True)
    left = 0
    while chance_of(np.arange(1_500) < left + 1, w.paths).at_most <= 0.02:
        left += 1
    assert found.amount == pytest.approx(missing[left], rel=2 * NEAR)
    assert found.after.met == left


def test_what_is_too_much_may_be_taken_out() -> None:
    w, book = watch(), short(400_000.0)
    found = least_collateral(w, book, 0.02, "USDC", 0.1)
    assert found.amount < 0.0
    assert found.cost == 0.0
    need = least_collateral(w, short(), 0.02, "USDC", 0.1)
    assert found.amount + 300_000.0 == pytest.approx(need.amount, rel=0.01)


def test_a_coin_that_falls_with_the_book_is_needed_in_larger_value() -> None:
    w = watch(800)
    book = account({"60D-0.9-P": -8.0}, {"USDC": 100_000.0})
    coin, cash = (least_collateral(w, book, 0.03, a, 0.1) for a in ("BTC", "USDC"))
    assert coin.after.at_most <= 0.03
    assert coin.amount * 70_000.0 > cash.amount > 0.0


def test_more_cash_never_makes_a_call_likelier() -> None:
    w = watch(300)
    chances = [w.course(short(c)).chance().value for c in np.linspace(20_000.0, 200_000.0, 8).tolist()]
    assert all(b <= a for a, b in pairwise(chances))


def test_the_least_cut_is_kept_and_a_smaller_one_is_not() -> None:
    w, book, trader = watch(), short(), Trader(MARKET, TradingTerms())
    found = least_cut(w, book, 0.02, trader)
    assert found is not None
    assert 0.0 < found.amount < 1.0
    assert found.after.at_most <= 0.02
    assert found.cost > 0.0
    smaller = found.amount - 2.5 * NEAR
    less, _ = trader.after(book, {"60D-1-C": 5.0 * smaller, "60D-0.9-P": 5.0 * smaller})
    assert w.course(less).chance().at_most > 0.02
    held = {p.instrument: p.quantity for p in found.account.positions}
    assert held["60D-1-C"] == pytest.approx(-5.0 * (1.0 - found.amount))


def test_no_cut_helps_who_owes_more_than_he_has() -> None:
    book = account({"60D-1-C": -5.0}, {"USDC": -500_000.0})
    assert least_cut(watch(300), book, 0.05, Trader(MARKET, TradingTerms())) is None


def test_the_largest_size_keeps_margin_and_calls_and_no_larger_one_does() -> None:
    w, trader = watch(), Trader(MARKET, TradingTerms(size=1e4))
    book = short(500_000.0)
    found = largest_multiple(w, book, 0.02, trader)
    assert found is not None
    assert found.amount > 1.0
    assert found.after.at_most <= 0.02
    assert found.excess >= 0.0
    more = found.amount * (1.0 + 2.5 * NEAR) - 1.0
    larger, _ = trader.after(book, {"60D-1-C": -5.0 * more, "60D-0.9-P": -5.0 * more})
    broken = w.model.requirement(larger, MARKET).excess_initial < 0.0
    assert broken or w.course(larger).chance().at_most > 0.02
    assert largest_multiple(w, short(), 0.02, trader) is None


def test_trades_cost_what_the_ladders_say_and_the_rest_is_as_traded() -> None:
    trader = Trader(MARKET, TradingTerms())
    after, cost = trader.after(short(), {"60D-1-C": 2.0})
    assert cost == pytest.approx(trader.side("60D-1-C", True).of(2.0))
    before, then = (watch(10).model.requirement(a, MARKET) for a in (short(), after))
    assert then.net_equity == pytest.approx(before.net_equity - cost)
    with pytest.raises(DocumentError, match="all that there is to trade"):
        trader.after(short(), {"60D-1-C": 1e6})


def test_the_loss_beyond_the_grids_is_that_of_the_optimiser() -> None:
    for book in (short(), account({"60D-1-C": -5.0, "60D-1.1-C": 4.0}, {"BTC": 2.0, "USDC": 1e5})):
        desk = make_desk(MARKET, [Holding("a", book, pl.margin_model(RULES))])
        assert outside_loss(book, MARKET) == pytest.approx(start(desk, Loss("both", None)), rel=1e-9)
    assert outside_loss(account({}, {"USDC": 1e5}), MARKET) == 0.0


def test_refusals() -> None:
    w = watch(100)
    with pytest.raises(DocumentError, match="at least 299"):
        least_collateral(w, short(), 0.01, "USDC", 0.1)
    with pytest.raises(DocumentError, match="called"):
        least_cut(w, short(), 1.0, Trader(MARKET, TradingTerms()))
    with pytest.raises(DocumentError, match="asset"):
        least_collateral(w, short(), 0.2, "DOGE", 0.1)
