"""The liquidation auction of Derive, each rule alone, with round numbers, and on a portfolio."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plimsoll.documents import DocumentError
from plimsoll.margin.venues.derive.auction import (
    Auction,
    Standing,
    bid_price,
    buffer_margin,
    discount,
    insolvent_payout,
    largest_fraction,
    standing,
    start,
    start_fee,
    start_for,
)
from plimsoll.margin.venues.derive.auction_terms import AuctionTerms
from pmrm1_toy import model
from rule_books import DAY, Desk

TERMS = AuctionTerms(
    start_pct=0.9,
    fast_cutoff_pct=0.8,
    fast_seconds=100.0,
    slow_seconds=1_000.0,
    insolvent_seconds=600.0,
    fee_rate=0.02,
    buffer_pct=0.25,
)
NOW = Standing(mtm=100.0, mm=-60.0)
BUFFER = -100.0  # -60 + 0.25 (-60 - 100)


@pytest.mark.rule("DERIVE-LIQ-01")
def test_the_buffer_is_a_part_of_the_requirement_below_maintenance() -> None:
    assert buffer_margin(TERMS, NOW) == BUFFER
    assert buffer_margin(TERMS, Standing(100.0, 100.0)) == 100.0


@pytest.mark.rule("DERIVE-LIQ-02")
def test_only_an_account_below_maintenance_is_sold_and_its_value_says_how() -> None:
    with pytest.raises(DocumentError, match="maintenance"):
        start(TERMS, Standing(100.0, 0.0))
    assert start(TERMS, NOW).solvent
    assert not start(TERMS, Standing(0.0, -1.0)).solvent


@pytest.mark.rule("DERIVE-LIQ-03")
def test_the_fee_is_a_rate_on_what_could_be_sold_undiscounted() -> None:
    expected = 0.02 * 100.0 * (BUFFER / (BUFFER - 100.0))
    assert start_fee(TERMS, NOW) == pytest.approx(expected, rel=1e-15)
    assert start(TERMS, NOW).fee == start_fee(TERMS, NOW) == pytest.approx(1.0)
    assert start(TERMS, Standing(-5.0, -60.0)).fee == 0.0


@pytest.mark.rule("DERIVE-LIQ-04")
@pytest.mark.parametrize(
    ("seconds", "part"), [(0.0, 0.9), (50.0, 0.85), (100.0, 0.8), (350.0, 0.6), (1_100.0, 0.0), (9_999.0, 0.0)]
)
def test_the_price_falls_in_two_phases(seconds: float, part: float) -> None:
    assert discount(TERMS, seconds) == pytest.approx(part, rel=1e-14, abs=1e-15)


@pytest.mark.rule("DERIVE-LIQ-05")
@pytest.mark.parametrize(("part", "reserved"), [(1.0, 0.0), (0.85, 0.0), (0.85, 30.0), (0.0, 30.0)])
def test_the_largest_fraction_brings_the_buffer_margin_to_zero(part: float, reserved: float) -> None:
    x = largest_fraction(TERMS, NOW, part, reserved)
    price = bid_price(NOW, reserved, part, x)
    after = Standing(*(reserved + (v - reserved) * (1.0 - x) + price for v in (NOW.mtm, NOW.mm)))
    assert 0.0 < x <= 1.0
    assert buffer_margin(TERMS, after) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.rule("DERIVE-LIQ-05")
def test_nothing_is_sold_above_the_buffer_and_all_below_the_cutoff() -> None:
    assert largest_fraction(TERMS, Standing(100.0, 50.0), 0.85) == 0.0
    assert largest_fraction(TERMS, Standing(100.0, 20.0), 0.85) == 0.0  # exactly at the buffer
    small = TERMS.model_copy(update={"whole_below": 100.5})
    assert largest_fraction(small, NOW, 0.85) == 1.0
    assert largest_fraction(small, replace(NOW, mtm=100.5), 0.85) < 1.0


@pytest.mark.rule("DERIVE-LIQ-06", "DERIVE-LIQ-07")
def test_a_bid_pays_for_a_part_and_leaves_reserved_cash_alone() -> None:
    auction = start(TERMS, NOW)
    first, auction = auction.bid(NOW, 50.0, 0.1)
    assert (first.fraction, first.price, first.payout) == pytest.approx((0.1, 100.0 * 0.85 * 0.1, 0.0))
    assert (first.after.mtm, first.after.mm) == pytest.approx((90.0 + 8.5, -54.0 + 8.5))
    assert auction.reserved == first.price
    second, auction = auction.bid(first.after, 50.0, 0.1)
    assert second.price == pytest.approx(90.0 * 0.85 * 0.1)
    assert second.after.mtm == pytest.approx(8.5 + 90.0 * 0.9 + second.price)
    assert auction.reserved == first.price + second.price


@pytest.mark.rule("DERIVE-LIQ-07")
def test_a_bid_is_cut_to_the_largest_fraction() -> None:
    auction = start(TERMS, NOW)
    bid, after = auction.bid(NOW, 50.0, 1.0)
    assert bid.fraction == auction.largest_fraction(NOW, 50.0) == pytest.approx(BUFFER / (BUFFER - 85.0))
    assert buffer_margin(TERMS, bid.after) == pytest.approx(0.0, abs=1e-12)
    assert after.largest_fraction(bid.after, 60.0) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.rule("DERIVE-LIQ-07")
@pytest.mark.parametrize(("time", "requested"), [(10.0, 0.0), (10.0, 1.1), (-1.0, 0.5)])
def test_a_bid_out_of_range_is_refused(time: float, requested: float) -> None:
    with pytest.raises(DocumentError, match="bid"):
        start(TERMS, NOW).bid(NOW, time, requested)


@pytest.mark.rule("DERIVE-LIQ-08")
@pytest.mark.parametrize(("seconds", "whole"), [(0.0, 20.0), (300.0, 40.0), (600.0, 60.0), (5_000.0, 60.0)])
def test_the_insurance_fund_pays_more_and_more_for_an_insolvent_account(seconds: float, whole: float) -> None:
    now = Standing(-20.0, -60.0)
    assert insolvent_payout(TERMS, now, seconds, 0.25) == pytest.approx(0.25 * whole)
    bid, _ = start(TERMS, now, time=7.0).bid(now, 7.0 + seconds, 0.25)
    assert (bid.price, bid.payout) == (0.0, pytest.approx(0.25 * whole))
    assert bid.after == Standing(-15.0, -45.0)
    assert start(TERMS, now).largest_fraction(now, seconds) == 1.0


@pytest.mark.rule("DERIVE-LIQ-09")
def test_a_solvent_auction_of_a_worthless_account_restarts_as_insolvent() -> None:
    _, auction = start(TERMS, NOW).bid(NOW, 50.0, 0.1)
    worse = Standing(-20.0, -60.0)
    with pytest.raises(DocumentError, match="restart as insolvent"):
        auction.bid(worse, 400.0, 0.5)
    again = auction.turn_insolvent(400.0)
    assert (again.solvent, again.reserved) == (False, 0.0)
    bid, _ = again.bid(worse, 400.0, 0.5)
    assert bid.payout == pytest.approx(10.0)


AUCTION = TERMS.model_dump()
MOVES = ((0.8, "up"), (1.2, "up"), (1.0, "down"))


def book() -> Desk:
    desk = Desk()
    near, far = desk.add_expiry(36.5 * DAY), desk.add_expiry(73.0 * DAY)
    desk.add_option(-2.0, 100.0, True, near)
    desk.add_option(1.0, 90.0, False, far)
    desk.add_perpetual(-1.0, 101.0, unrealised=4.0, funding=1.0)
    desk.add_collateral("BTC", 0.5)
    desk.add_collateral("USDC", -30.0)
    return desk


@pytest.mark.rule("DERIVE-LIQ-07")
def test_what_is_left_of_a_portfolio_is_worth_what_the_bid_says() -> None:
    desk, rules = book(), model(*MOVES, other__perp_pct=0.03, other__option_pct=0.02, auction=AUCTION)
    account = desk.account
    auction = start_for(rules, account, desk.market)
    for time, part in ((10.0, 0.3), (250.0, 0.2), (700.0, 1.0)):
        now = standing(rules, account, desk.market, auction.scenario)
        bid, following = auction.bid(now, time, part)
        account = auction.remaining(account, "USDC", bid)
        left = standing(rules, account, desk.market, auction.scenario)
        assert (left.mtm, left.mm) == pytest.approx((bid.after.mtm, bid.after.mm), rel=1e-11)
        auction = following
    assert buffer_margin(TERMS, left) == pytest.approx(0.0, abs=1e-10)


@pytest.mark.rule("DERIVE-LIQ-01")
def test_the_auction_keeps_the_scenario_that_was_worst_at_its_start() -> None:
    desk, rules = book(), model(*MOVES, auction=AUCTION)
    auction = start_for(rules, desk.account, desk.market)
    full = rules.workings(desk.account, desk.market)
    assert auction.scenario == 1
    assert standing(rules, desk.account, desk.market, auction.scenario).mm == full.maintenance() < 0.0
    others = [standing(rules, desk.account, desk.market, s) for s in range(3)]
    # one scenario and the basis contingency, which is zero here
    assert [o.mm for o in others] == [full.equity + min(0.0, x) for x in full.span.pnl.tolist()]


@pytest.mark.rule("DERIVE-LIQ-01")
def test_the_basis_contingency_can_be_the_stored_scenario() -> None:
    desk = book()
    rules = model((1.0, "none"), basis__spot_up=1.2, basis__spot_down=0.8, basis__add_factor=1.0, auction=AUCTION)
    full = rules.workings(desk.account, desk.market)
    assert full.worst_scenario == 1
    assert standing(rules, desk.account, desk.market, 1).mm == full.equity + full.span.basis


def test_a_pack_without_terms_has_no_auction() -> None:
    desk = book()
    with pytest.raises(DocumentError, match="auction"):
        start_for(model(*MOVES), desk.account, desk.market)


def test_an_auction_is_a_value() -> None:
    auction = start(TERMS, NOW)
    auction.bid(NOW, 50.0, 0.5)
    assert auction == Auction(TERMS, True, 0.0, None, 1.0)
