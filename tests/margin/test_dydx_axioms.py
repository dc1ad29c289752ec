"""What must hold of dYdX's rules whatever the numbers are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import plimsoll as pl
from dydx_desk import BOTH, PACK, documents, market, rows
from plimsoll.margin.venues.dydx.liquidation import LiquidationConfig, bankruptcy_price, fillable_price
from plimsoll.margin.venues.dydx.liquidation import insurance_fund_delta as insured
from plimsoll.margin.venues.dydx.margin import Change, Held, Subaccount, changed, risk_of
from plimsoll.margin.venues.dydx.transition import Side, match_risks, riskier, transition
from random_books import SOME

MODEL = pl.margin_model(PACK)
CONFIG = LiquidationConfig(5_000, 1_000_000, 100_000)
SIZE = st.integers(1, 10**10) | st.integers(-(10**10), -1)


@st.composite
def pairs(draw: st.DrawFn) -> Subaccount:
    """Positions in two markets, anywhere around their maintenance margin."""
    positions = {0: Held(draw(SIZE)), 1: Held(draw(SIZE))}
    bare = risk_of(Subaccount(0, positions), BOTH)
    near = bare.mmr * draw(st.integers(-30, 30)) // 10 + draw(st.integers(-5, 5))
    return Subaccount(near - bare.nc, positions)


@given(pairs(), st.integers(1, 10**6))
def test_closing_at_bankruptcy_keeps_the_ratio_to_a_quote_quantum(account: Subaccount, part: int) -> None:
    held = account.positions[0].base_quantums
    delta = -max(1, abs(held) * part // 10**6) * (1 if held > 0 else -1)
    quote = bankruptcy_price(account, BOTH, 0, delta)
    before, after = risk_of(account, BOTH), risk_of(changed(account, quote, [Change(0, delta)], BOTH), BOTH)
    assert 0 <= after.nc * before.mmr - before.nc * after.mmr < before.mmr
    assert riskier(after, before) <= 0
    assert transition(before, after) == "Success"
    # a fill there costs the insurance fund nothing, one quote quantum worse costs it one
    assert insured(quote, quote, CONFIG) == 0
    assert insured(quote - 1, quote, CONFIG) == -1


@given(pairs(), st.integers(0, 10**9))
def test_the_fillable_price_gives_away_more_the_less_there_is(account: Subaccount, less: int) -> None:
    poorer = Subaccount(account.usdc - less, account.positions)
    for number, held in account.positions.items():
        size, mark = held.base_quantums, BOTH[number]
        now, then = (fillable_price(a, BOTH, number, -size, CONFIG) for a in (account, poorer))
        oracle = mark.notional(size) / size
        side = 1 if size > 0 else -1
        assert side * then <= side * now
        assert side * float(now) <= side * oracle * (1 + 1e-15 * side)


@given(pairs(), SIZE, st.integers(-(10**12), 10**12))
def test_a_match_makes_and_loses_no_money(account: Subaccount, size: int, quote: int) -> None:
    sides = [Side(account, -quote, size), Side(Subaccount(10**12, {}), quote, -size)]
    risks = match_risks(BOTH, 0, sides)
    gained = sum(after.nc - before.nc for before, after in risks)
    # each of three notionals is cut off by less than one
    assert abs(gained) <= 1


@SOME
@given(rows(), st.floats(1.0, 30.0))
def test_open_interest_raises_initial_margin_alone(drawn: tuple[list[Any], float], more: float) -> None:
    account, now = documents(*drawn)
    interest: dict[str, float | None] = {r["coin"]: r["interest"] * more for r in drawn[0]}
    later = market(interest, **{r["coin"]: r["price"] for r in drawn[0]})
    before, after = MODEL.requirement(account, now), MODEL.requirement(account, later)
    assert after.charged.initial >= before.charged.initial
    assert after.charged.maintenance == before.charged.maintenance
    assert after.charged.equity == before.charged.equity
    assert after.initial <= after.workings["notional"] + 1e-6 * len(drawn[0])


@SOME
@given(rows())
def test_the_order_of_positions_is_nothing(drawn: tuple[list[Any], float]) -> None:
    account, at = documents(*drawn)
    turned = account.model_copy(update={"positions": account.positions[::-1]})
    first, second = MODEL.requirement(account, at), MODEL.requirement(turned, at)
    assert first.charged == second.charged
    assert (first.initial, first.maintenance, first.net_equity) == (
        second.initial,
        second.maintenance,
        second.net_equity,
    )


@SOME
@given(rows(), st.floats(0.01, 1.0))
def test_a_smaller_book_never_needs_more(drawn: tuple[list[Any], float], part: float) -> None:
    account, at = documents(*drawn)
    smaller = account.model_copy(
        update={"positions": tuple(p.model_copy(update={"quantity": p.quantity * part}) for p in account.positions)}
    )
    less, whole = MODEL.requirement(smaller, at).charged, MODEL.requirement(account, at).charged
    assert less.initial <= whole.initial
    assert less.maintenance <= whole.maintenance


@SOME
@given(rows())
def test_two_accounts_never_need_more_than_their_sum(drawn: tuple[list[Any], float]) -> None:
    """Held together or apart it is the same but for rounding, as nothing is netted between markets."""
    found = [{**r, "margin": None} for r in drawn[0] if r["coin"] not in ("EIGEN", "BOME")]
    assume(len(found) > 1)
    account, at = documents(found, drawn[1])
    alone = [MODEL.requirement(account.model_copy(update={"positions": (p,)}), at) for p in account.positions]
    together = MODEL.requirement(account, at)
    assert together.charged.initial == sum(r.charged.initial for r in alone)
    assert together.charged.maintenance == sum(r.charged.maintenance for r in alone)
    assert together.initial == pytest.approx(sum(r.initial for r in alone), rel=1e-12, abs=1e-12)
