"""dYdX against a naive twin that shares no line with it: whole numbers are equal, not near."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from dydx_desk import PACK, documents, rows
from naive import dydx as naive
from plimsoll.margin.many import Positions
from plimsoll.margin.path import States, tracks_of
from plimsoll.margin.venues.dydx.blocks import maintenance, notionals, ppm_up
from plimsoll.margin.venues.dydx.liquidation import LiquidationConfig, bankruptcy_price, fillable_price
from plimsoll.margin.venues.dydx.margin import (
    Held,
    LiquidityTier,
    Market,
    Risk,
    Subaccount,
    margin_of,
    risk_of,
    scaled_imf_ppm,
)
from plimsoll.margin.venues.dydx.transition import transition
from random_books import SOME

MODEL = pl.margin_model(PACK)
PPM = st.integers(0, 1_000_000)
QUANTUMS = st.integers(-(10**12), 10**12) | st.integers(-(10**30), 10**30) | st.sampled_from([0, 1, -1])


@st.composite
def tiers(draw: st.DrawFn) -> LiquidityTier:
    low, high = sorted(draw(st.tuples(*[st.sampled_from([0, 1, 5, 10**6, 10**13]) | st.integers(0, 10**14)] * 2)))
    return LiquidityTier(draw(PPM), draw(PPM), low, high)


@st.composite
def places(draw: st.DrawFn) -> Market:
    interest = draw(st.sampled_from([0, 10**8, 10**13]) | st.integers(0, 10**16))
    price = draw(st.integers(1, 10**12))
    return Market(draw(st.integers(-10, 4)), price, draw(st.integers(-9, 1)), draw(tiers()), interest)


@st.composite
def subaccounts(draw: st.DrawFn) -> tuple[Subaccount, dict[int, Market]]:
    markets = dict(enumerate(draw(st.lists(places(), min_size=1, max_size=3))))
    positions = {n: Held(draw(QUANTUMS), 0, draw(st.sampled_from([0, 7, -(10**6)])), draw(PPM)) for n in markets}
    return Subaccount(draw(QUANTUMS), positions), markets


def plain(account: Subaccount, markets: dict[int, Market]) -> tuple[int, dict[Any, Any], dict[Any, Any]]:
    """The same for the twin."""
    mine = {}
    for n, m in markets.items():
        mine[n] = {
            "price": Fraction(m.price) * Fraction(10) ** m.price_exponent,
            "quantum": Fraction(10) ** m.atomic_resolution,
            "interest": m.open_interest,
            "imf": Fraction(m.tier.initial_margin_ppm, 10**6),
            "part": Fraction(m.tier.maintenance_fraction_ppm, 10**6),
            "lower": Fraction(m.tier.open_interest_lower_cap, 10**6),
            "upper": Fraction(m.tier.open_interest_upper_cap, 10**6),
        }
    held = {
        n: {"size": p.base_quantums, "cap": Fraction(p.custom_imf_ppm, 10**6), "quote": p.quote_balance}
        for n, p in account.positions.items()
    }
    return account.usdc, held, mine


@given(subaccounts())
def test_net_collateral_and_margins_are_those_of_the_twin(drawn: tuple[Subaccount, dict[int, Market]]) -> None:
    found = risk_of(*drawn)
    assert (found.nc, found.imr, found.mmr) == naive.standing(*plain(*drawn))


@given(subaccounts(), st.integers(1, 10**6), st.integers(10**6, 3 * 10**6), st.integers(1, 10**6))
def test_bankruptcy_and_fillable_prices_are_those_of_the_twin(
    drawn: tuple[Subaccount, dict[int, Market]], part: int, adjust: int, spread: int
) -> None:
    account, markets = drawn
    config = LiquidationConfig(5_000, adjust, spread)
    if risk_of(account, markets).mmr == 0:
        return
    for n, held in account.positions.items():
        size = held.base_quantums
        if size == 0:
            continue
        delta = -max(1, abs(size) * part // 10**6) * (1 if size > 0 else -1)
        args = plain(account, markets)
        assert bankruptcy_price(account, markets, n, delta) == naive.bankruptcy(*args, n, delta)
        want = naive.fillable(*args, n, Fraction(adjust, 10**6), Fraction(spread, 10**6))
        assert fillable_price(account, markets, n, delta, config) == want


AMOUNTS = st.integers(-20, 20)
MARGINS = st.integers(0, 12)


@given(AMOUNTS, MARGINS, MARGINS, AMOUNTS, MARGINS, MARGINS)
def test_a_change_is_allowed_where_the_twin_allows_it(a: int, b: int, c: int, d: int, e: int, f: int) -> None:
    before, after = (a, max(b, c), c), (d, max(e, f), f)
    assert (transition(Risk(*before), Risk(*after)) == "Success") == naive.may_change(before, after)


@given(rows())
def test_documents_become_the_twins_whole_numbers(drawn: tuple[list[Any], float]) -> None:
    """Equal to the quote quantum: what is charged is an integer, rounded against the account."""
    account, market = documents(*drawn)
    found = MODEL.requirement(account, market)
    twin = naive.pools(MODEL.rules.parameters, *drawn)
    assert found.charged.initial == sum(p["initial"] for p in twin)
    assert found.charged.maintenance == sum(p["maintenance"] for p in twin)
    assert found.charged.equity == twin[0]["collateral"] + sum(max(0, p["collateral"]) for p in twin[1:])
    for pool, own in zip(found.pools, twin, strict=bool(found.pools)):
        assert round(pool.equity * 1e6) == own["collateral"]
        assert round(pool.initial * 1e6) == own["initial"]
        assert round(pool.maintenance * 1e6) == own["maintenance"]


@SOME
@given(rows(), st.lists(st.floats(0.05, 4.0), min_size=1, max_size=4))
def test_along_a_path_it_is_one_requirement_after_the_other(drawn: tuple[list[Any], float], steps: list[float]) -> None:
    account, market = documents(*drawn)
    coins = [r["coin"] for r in drawn[0]][::2]
    states = States({coin: np.array(steps) for coin in coins}, np.ones(len(steps)))
    size = sum(abs(r["size"]) * r["price"] for r in drawn[0]) * 4.0
    fast, slow = MODEL.along(account, market, states), tracks_of(MODEL.assess, account, market, states)
    assert [t.subject for t in fast] == [t.subject for t in slow]
    for mine, own in zip(fast, slow, strict=True):
        # a quote quantum for each position where a product lies beside a whole number, else the digits of a double
        slack = 1e-6 * len(drawn[0]) + 1e-12 * size
        assert np.abs(mine.equity - own.equity).max() <= slack
        assert np.abs(mine.maintenance - own.maintenance).max() <= slack


@SOME
@given(rows())
def test_blocks_of_accounts_equal_the_exact_engine(drawn: tuple[list[Any], float]) -> None:
    found = [{**r, "leverage": None, "margin": None} for r in drawn[0]]
    account, market = documents(found, 0.0)
    account = account.model_copy(
        update={"positions": tuple(p.model_copy(update={"unsettled_funding": 0.0}) for p in account.positions)}
    )
    names, sizes = [p.instrument for p in account.positions], np.array([p.quantity for p in account.positions])
    indptr = np.array([0, *range(1, len(names) + 1), 2 * len(names)])
    indices = np.concatenate([np.arange(len(names))] * 2)
    totals = MODEL.many(Positions(tuple(names), indptr, indices, np.concatenate([sizes, sizes])), market)
    for i, position in enumerate(account.positions):
        own = MODEL.requirement(account.model_copy(update={"positions": (position,)}), market)
        assert totals.initial[i] == pytest.approx(own.initial, rel=1e-12, abs=1e-12)
        assert totals.maintenance[i] == pytest.approx(own.maintenance, rel=1e-12, abs=1e-12)
    last = len(names)
    if last in totals.refused:
        assert MODEL.applies_to(account, market) is not None
    else:
        assert totals.initial[last] == pytest.approx(MODEL.requirement(account, market).initial, rel=1e-12, abs=1e-12)


@given(st.integers(0, 2**53 - 1), PPM, PPM)
def test_doubles_hold_the_integers(size: int, base: int, part: int) -> None:
    tier = LiquidityTier(base, part)
    one = np.array([float(size)])
    assert int(ppm_up(one, np.array([float(base)]))[0]) == margin_of(size, base, tier)[0]
    got = maintenance(one, np.array([float(base)]), np.array([float(part)]))
    assert int(got[0]) == margin_of(size, base, tier)[1]


@given(st.integers(1, 10**9), st.integers(1, 10**6), st.integers(-10, 2), st.integers(-6, 1))
def test_a_decimal_price_is_cut_off_where_the_integers_cut_it(q: int, price: int, resolution: int, places: int) -> None:
    exact = Market(resolution, price, places, LiquidityTier(0, 0)).notional(q)
    got = notionals(np.array([float(q)]), np.array([float(f"{price}e{places}")]), np.array([resolution]))
    assert got[0] == pytest.approx(float(exact), rel=1e-15, abs=0.0)


@given(tiers(), st.integers(0, 10**15), st.integers(0, 10**15))
def test_more_open_interest_never_lowers_the_fraction(tier: LiquidityTier, less: int, more: int) -> None:
    low, high = sorted((less, more))
    assert tier.initial_margin_ppm <= scaled_imf_ppm(tier, low) <= scaled_imf_ppm(tier, high) <= 1_000_000
