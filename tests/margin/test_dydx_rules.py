"""dYdX v4, each rule alone, in numbers multiplied out by hand."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import plimsoll as pl
from dydx_desk import BOTH, BTC, ETH, PACK, account, held, market, one
from plimsoll.margin import Positions, with_parameter
from plimsoll.margin.venues.dydx import funding, liquidation, sequence, transition, units
from plimsoll.margin.venues.dydx.liquidation import Fill, LiquidationConfig
from plimsoll.margin.venues.dydx.margin import (
    Change,
    Held,
    LiquidityTier,
    Market,
    Risk,
    Subaccount,
    changed,
    leverage_cap_imf,
    maintenance_margin_ppm,
    margin_of,
    position_risk,
    risk_of,
    scaled_imf_ppm,
)
from plimsoll.margin.venues.dydx.parameters import DydxParameters

MODEL = pl.margin_model(PACK)
PARAMETERS: DydxParameters = MODEL.parameters
CONFIG = PARAMETERS.liquidation.config
NOTHING = sequence.BlockSoFar()
LIMITS = sequence.BlockLimits(1_000_000_000, 100_000, 50_000_000_000, 2_000_000_000)


def require(
    *positions: dict[str, Any], cash: float = 0.0, at: pl.Market | None = None, **fields: Any
) -> pl.Requirement:
    return MODEL.requirement(account(*positions, cash=cash, **fields), market() if at is None else at)


# --- the whole numbers ------------------------------------------------------------------------------------------


@pytest.mark.rule("DYDX-01")
@pytest.mark.parametrize(("size", "price", "exponent", "resolution", "want"), [
    (7, 333_333, -1, -7, 23_333),
    (-7, 333_333, -1, -7, -23_333),
    (1, 9, -1, -6, 0),
    (-1, 9, -1, -6, 0),
    (3, 5, 2, 4, 15 * 10**12),
    (2**64, 2**64, 0, -6, 2**128),
])  # fmt: skip
def test_a_notional_is_cut_off_toward_zero(size: int, price: int, exponent: int, resolution: int, want: int) -> None:
    assert units.notional_of(size, price, exponent, resolution) == want


@pytest.mark.rule("DYDX-01")
def test_no_float_enters() -> None:
    for build, told in (
        (lambda: Held(1.0), "position.base_quantums: got 1.0; allowed: a whole number"),  # type: ignore[arg-type]
        (lambda: LiquidityTier(True, 0), "liquidity_tier.initial_margin_ppm: got True"),
        (lambda: LiquidityTier(1, 1_000_001), "liquidity_tier.maintenance_fraction_ppm: got 1000001"),
        (lambda: LiquidityTier(1, 1, 2, 1), "open_interest_lower_cap: got 2; allowed: at most the upper cap, 1"),
        (lambda: Market(0, -1, 0, BTC.tier), "perpetual.price: got -1"),
        (lambda: Market(0, 1, 401, BTC.tier), "perpetual.price_exponent: got 401"),
        (lambda: Fill(True, 0, 1, 0), "fill_amount: got 0; allowed: a whole number from 1"),
        (lambda: LiquidationConfig(1_000_001, 1, 1), "config.max_liquidation_fee_ppm"),
        (lambda: risk_of(one(0, 1), {}), "perpetual_id: got 0; allowed: no market at all"),
    ):
        with pytest.raises(pl.DocumentError) as caught:
            build()  # type: ignore[no-untyped-call]
        assert told in str(caught.value)


@pytest.mark.rule("DYDX-02")
def test_open_interest_scales_the_initial_fraction() -> None:
    tier = LiquidityTier(100_000, 500_000, 20_000_000, 50_000_000)
    steps = {0: 100_000, 20_000_000: 100_000, 20_000_034: 100_001, 20_000_033: 100_000, 50_000_000: 1_000_000}
    assert {k: scaled_imf_ppm(tier, k) for k in steps} == steps
    assert scaled_imf_ppm(LiquidityTier(100_000, 0, 0, 0), 10**30) == 100_000
    # caps that are one: a jump
    jump = LiquidityTier(100_000, 0, 5, 5)
    assert [scaled_imf_ppm(jump, n) for n in (4, 5, 6)] == [100_000, 100_000, 1_000_000]


@pytest.mark.rule("DYDX-02")
def test_open_interest_counts_at_the_oracle_price_and_moves_with_it() -> None:
    found = require(held("SOL", 10.0), at=market({"SOL": 175_000.0}, SOL=200.0))
    assert found.workings["imf.SOL"] == 0.55
    assert (found.initial, found.maintenance) == (1_100.0, 100.0)
    up = require(held("SOL", 10.0), at=market({"SOL": 175_000.0}, SOL=240.0))
    assert up.workings["imf.SOL"] == pytest.approx(0.1 + 0.9 * 22.0 / 30.0)
    kinks = MODEL.kinks(account(held("SOL", 1.0), held("BTC", 1.0)), market({"SOL": 175_000.0}, SOL=200.0))
    assert {k: v.tolist() for k, v in kinks.items()} == {"SOL": pytest.approx([20 / 35, 50 / 35])}


@pytest.mark.rule("DYDX-03")
def test_maintenance_is_rounded_up_twice_from_the_base_fraction() -> None:
    tier = LiquidityTier(50_000, 600_000)
    # 0.05 and a bit becomes 1, 0.6 of which becomes 1: once rounded it would be 0.03
    assert margin_of(1, 1_000_000, tier) == (1, 1)
    # 50,001 base, 30,000.6 maintenance; 30,000.03 rounded once would be 30,001 as well, here it shows
    assert margin_of(1_000_001, 50_000, tier) == (50_001, 30_001)
    assert margin_of(3_333_334, 50_000, LiquidityTier(30_000, 1_000)) == (166_667, 101)
    crowded = Market(-8, 1, 0, LiquidityTier(100_000, 500_000, 1, 2), 10**12)
    own = position_risk(Held(-(10**9)), crowded)
    assert (own.nc, own.imr, own.mmr) == (-10_000_000, 10_000_000, 500_000)


@pytest.mark.rule("DYDX-04")
def test_a_leverage_cap_asks_for_more_initial_margin_and_never_for_less() -> None:
    assert leverage_cap_imf(3, LiquidityTier(20_000, 600_000)) == 333_334
    with pytest.raises(pl.DocumentError, match=r"leverage: got 51; allowed: a leverage of at most 1e6 / 20000"):
        leverage_cap_imf(51, LiquidityTier(20_000, 600_000))
    bare, capped = require(held("BTC", 1.0)), require(held("BTC", 1.0, leverage=3.0))
    assert (bare.initial, capped.initial) == (1_000.0, 16_666.7)
    assert bare.maintenance == capped.maintenance == 600.0
    assert require(held("SOL", 1.0, leverage=5.0), at=market({"SOL": 175_000.0}, SOL=200.0)).initial == 110.0


@pytest.mark.rule("DYDX-04")
@pytest.mark.parametrize(("coin", "leverage", "most"), [("BTC", 50.1, "50"), ("BTC", 0.5, "50"), ("SOL", 11.0, "10")])
def test_a_leverage_beyond_the_tier_is_refused(coin: str, leverage: float, most: str) -> None:
    with pytest.raises(
        pl.DocumentError, match=rf"positions\[0\]\.leverage: got {leverage}; allowed: a cap from 1 to {most},"
    ):
        require(held(coin, 1.0, leverage=leverage))


@pytest.mark.rule("DYDX-05")
def test_net_collateral_is_cash_worth_and_quote_balance_after_one_floor_of_funding() -> None:
    markets = {0: Market(-8, 5_000_000_000, -5, BTC.tier, funding_index=1), 1: ETH}
    both = Subaccount(100, {0: Held(-1_500_000, 0), 1: Held(600_000, 1, 40)})
    assert funding.settlement_ppm(1, 0, -1_500_000) == 1_500_000
    # 1.5 and 0.6 quote quantums come to 2.1: floored one by one they would be one
    settled = funding.settled(both, markets)
    assert settled.usdc == 102
    assert {n: p.funding_index for n, p in settled.positions.items()} == {0: 1, 1: 0}
    assert funding.settled(Subaccount(100, {0: Held(500_000, 0)}), markets).usdc == 99
    found = risk_of(settled, markets)
    assert found.nc == 102 - 750_000_000 + 1_800_000 + 40
    assert found == position_risk(settled.positions[0], markets[0]) + position_risk(settled.positions[1], ETH) + Risk(
        102, 0, 0
    )


@pytest.mark.rule("DYDX-05")
def test_updates_add_up_and_what_comes_to_nothing_is_gone() -> None:
    start = one(5, 10)
    after = changed(start, -2, [Change(0, -4), Change(1, 3, 7), Change(0, -6)], BOTH)
    assert after == Subaccount(3, {1: Held(3, 0, 7)})
    assert changed(after, 0, [Change(1, -3)], BOTH).positions == {1: Held(0, 0, 7)}
    later = {0: Market(-8, 1, 0, BTC.tier, funding_index=9)}
    assert changed(Subaccount(0, {}), 0, [Change(0, 1)], later).positions[0].funding_index == 9


@pytest.mark.rule("DYDX-06")
def test_the_clamp_of_funding_goes_by_the_fraction_shown_which_is_rounded_down() -> None:
    tier = LiquidityTier(333_333, 600_000)
    assert maintenance_margin_ppm(tier) == 199_999
    assert funding.largest_funding_ppm(tier, 6_000_000) == 6 * (333_333 - 199_999)
    assert funding.largest_funding_ppm(tier, 3) == 0
    large = PARAMETERS.tiers["large-cap"].tier
    assert funding.largest_funding_ppm(large, PARAMETERS.funding_clamp_factor_ppm) == 48_000


# --- changes ----------------------------------------------------------------------------------------------------


@pytest.mark.rule("DYDX-07")
@pytest.mark.parametrize(("before", "after", "want"), [
    ((10, 8, 4), (8, 8, 4), "Success"),
    ((10, 8, 4), (7, 8, 4), "NewlyUndercollateralized"),
    ((7, 8, 4), (6, 8, 4), "StillUndercollateralized"),
    ((7, 8, 4), (7, 8, 4), "Success"),
    ((7, 8, 4), (5, 6, 3), "StillUndercollateralized"),
    ((6, 8, 4), (5, 6, 3), "Success"),
    ((7, 8, 4), (9, 12, 5), "StillUndercollateralized"),
    ((-6, 8, 4), (-5, 6, 3), "StillUndercollateralized"),
    ((-5, 8, 4), (-1, 0, 0), "StillUndercollateralized"),
    ((-5, 8, 4), (0, 0, 0), "Success"),
    ((-5, 0, 0), (-4, 0, 0), "Success"),
    ((-5, 0, 0), (-5, 0, 0), "StillUndercollateralized"),
])  # fmt: skip
def test_a_change_leaves_an_account_collateralised_or_no_riskier(
    before: tuple[int, int, int], after: tuple[int, int, int], want: str
) -> None:
    assert transition.transition(Risk(*before), Risk(*after)) == want


@pytest.mark.rule("DYDX-07")
def test_a_match_is_checked_with_the_open_interest_that_it_leaves() -> None:
    tier = LiquidityTier(100_000, 500_000, 20_000_000, 50_000_000)
    here = {0: Market(0, 1, 0, tier, 20)}  # 20 coins of a dollar are open, in base quantums of a coin
    buyer = transition.Side(Subaccount(2_000_000, {}), -15_000_000, 15)
    seller = transition.Side(Subaccount(8_250_000, {}), 15_000_000, -15)
    assert transition.after_match(here, 0, [buyer, seller])[0].open_interest == 35
    (_, bought), (_, sold) = transition.match_risks(here, 0, [buyer, seller])
    # 55 % at 35 open; at the 20 before the match 10 % would have done
    assert bought == Risk(2_000_000, 8_250_000, 750_000)
    assert sold == Risk(8_250_000, 8_250_000, 750_000)
    assert transition.match_results(here, 0, [buyer, seller]) == ("NewlyUndercollateralized", "Success")
    # a long that sells to a short that buys closes open interest, one that hands over leaves it
    closing = [transition.Side(one(0, 15), 0, -10), transition.Side(one(0, -15), 0, 10)]
    assert transition.after_match(here, 0, closing)[0].open_interest == 10
    handed = [transition.Side(one(0, 15), 0, -10), transition.Side(Subaccount(0, {}), 0, 10)]
    assert transition.after_match(here, 0, handed)[0].open_interest == 20
    flipped = [transition.Side(one(0, -4), 0, 10), transition.Side(one(0, 2), 0, -10)]
    assert transition.after_match(here, 0, flipped)[0].open_interest == 24


@pytest.mark.rule("DYDX-08")
def test_riskier_is_a_lower_ratio_then_more_maintenance_then_less_collateral() -> None:
    order = [Risk(9, 0, 0), Risk(8, 0, 0), Risk(0, 0, 0), Risk(8, 0, 4), Risk(4, 0, 2), Risk(6, 0, 4), Risk(-1, 0, 4)]
    for i, first in enumerate(order):
        for j, second in enumerate(order):
            # without maintenance nothing but the tie-breaks tells apart
            if (first.mmr == 0) == (second.mmr == 0) and {i, j} != {3, 4}:
                assert transition.riskier(first, second) == (i > j) - (i < j)
    assert transition.riskier(Risk(8, 0, 4), Risk(4, 0, 2)) == 1
    assert transition.riskier(Risk(-1, 0, 0), Risk(-100, 0, 4)) == 1


# --- liquidation ------------------------------------------------------------------------------------------------


@pytest.mark.rule("DYDX-09")
def test_liquidatable_is_strictly_below_maintenance_and_never_without_positions() -> None:
    # 0.1 BTC: worth 5,000, maintenance 500
    assert not liquidation.is_liquidatable(risk_of(one(-4_500_000_000, 10_000_000), BOTH))
    assert liquidation.is_liquidatable(risk_of(one(-4_500_000_001, 10_000_000), BOTH))
    assert not liquidation.is_liquidatable(risk_of(Subaccount(-1, {}), BOTH))
    later = {0: Market(-8, 5_000_000_000, -5, BTC.tier, funding_index=1)}
    assert liquidation.is_liquidatable(liquidation.settled_risk(one(-4_500_000_000, 10_000_000), later))


@pytest.mark.rule("DYDX-10")
def test_the_bankruptcy_price_shares_the_collateral_by_maintenance() -> None:
    # net collateral 200, a quarter of the maintenance goes with a quarter of the position
    pair = Subaccount(-4_800_000_000, {0: Held(10_000_000)})
    assert liquidation.bankruptcy_price(pair, BOTH, 0, -10_000_000) == 4_800_000_000
    assert liquidation.bankruptcy_price(pair, BOTH, 0, -2_500_000) == 1_250_000_000 - 50_000_000
    # two positions: maintenance 500 and 300, so the second has three eighths of 160
    two = Subaccount(-7_840_000_000, {0: Held(10_000_000), 1: Held(1_000_000_000)})
    assert risk_of(two, BOTH) == Risk(160_000_000, 1_600_000_000, 800_000_000)
    assert liquidation.bankruptcy_price(two, BOTH, 1, -1_000_000_000) == 3_000_000_000 - 60_000_000
    # closed at that price the other keeps its ratio, to the rounding in its favour
    left = changed(two, 2_940_000_000, [Change(1, -1_000_000_000)], BOTH)
    assert risk_of(left, BOTH) == Risk(100_000_000, 1_000_000_000, 500_000_000)


@pytest.mark.rule("DYDX-10")
def test_it_is_rounded_in_favour_of_the_account() -> None:
    third = one(-4_999_999_999, 10_000_000)
    got = liquidation.bankruptcy_price(third, BOTH, 0, -3_333_333)
    assert Fraction(got) >= 1_666_666_500 - Fraction(1 * 166_666_650, 500_000_000)
    assert got == 1_666_666_500
    below = one(-5_000_000_001, 10_000_000)
    # a loss of one quote quantum is charged to a part of the position whole
    assert liquidation.bankruptcy_price(below, BOTH, 0, -3_333_333) == 1_666_666_501


@pytest.mark.rule("DYDX-10", "DYDX-11")
@pytest.mark.parametrize("delta", [1, 0, -10_000_001])
def test_a_delta_that_does_not_reduce_is_refused(delta: int) -> None:
    for price in (
        lambda: liquidation.bankruptcy_price(one(0, 10_000_000), BOTH, 0, delta),
        lambda: liquidation.fillable_price(one(0, 10_000_000), BOTH, 0, delta, CONFIG),
    ):
        with pytest.raises(pl.DocumentError, match=r"delta_base_quantums: got .*; allowed: of the other sign"):
            price()  # type: ignore[no-untyped-call]
    nothing = {0: Market(-8, 5_000_000_000, -5, LiquidityTier(200_000, 0))}
    with pytest.raises(pl.DocumentError, match="a subaccount with a maintenance margin above zero"):
        liquidation.bankruptcy_price(one(0, 10), nothing, 0, -10)


@pytest.mark.rule("DYDX-11")
def test_the_fillable_price_leaves_the_oracle_as_collateral_runs_out() -> None:
    def at(usdc: int, size: int = 10_000_000, config: LiquidationConfig = CONFIG) -> Fraction:
        return liquidation.fillable_price(one(usdc, size), BOTH, 0, -size, config)

    # maintenance 500, so at most a tenth of it, 50 of 5,000, is given away
    assert at(-4_500_000_000) == 500
    assert at(-4_750_000_000) == Fraction(4_975_000_000, 10_000_000)
    assert at(-5_000_000_000) == at(-5_500_000_000) == 495
    assert at(5_250_000_000, -10_000_000) == Fraction(5_025_000_000, 10_000_000)
    twice = LiquidationConfig(5_000, 2_000_000, 200_000)
    assert at(-4_625_000_000, config=twice) == Fraction(4_950_000_000, 10_000_000)
    # the whole position counts, whatever part is closed
    part = liquidation.fillable_price(one(-4_750_000_000, 10_000_000), BOTH, 0, -1, CONFIG)
    assert part == at(-4_750_000_000)


@pytest.mark.rule("DYDX-12")
def test_the_insurance_fund_gets_what_is_left_up_to_half_a_percent_and_pays_what_is_missing() -> None:
    assert liquidation.insurance_fund_delta(10_000, 9_990, CONFIG) == 10
    assert liquidation.insurance_fund_delta(10_399, 9_000, CONFIG) == 51
    assert liquidation.insurance_fund_delta(-10_399, -12_000, CONFIG) == 51
    assert liquidation.insurance_fund_delta(10_000, 10_500, CONFIG) == -500
    assert liquidation.insurance_fund_delta(10_000, 10_000, CONFIG) == 0
    sold = Fill(buy=False, base_quantums=10_000_000, subticks=48_500_000_000, quantum_conversion_exponent=-8)
    assert (sold.delta, sold.quote) == (-10_000_000, 4_850_000_000)
    assert liquidation.liquidation_fill(one(-4_800_000_000, 10_000_000), BOTH, 0, sold, CONFIG) == 24_250_000
    bought = Fill(buy=True, base_quantums=10_000_000, subticks=53_000_000_000, quantum_conversion_exponent=-8)
    assert liquidation.liquidation_fill(one(5_200_000_000, -10_000_000), BOTH, 0, bought, CONFIG) == -100_000_000


@pytest.mark.rule("DYDX-14")
def test_how_much_of_a_position_goes_in_a_block() -> None:
    def size(held: int, so_far: sequence.BlockSoFar = NOTHING, step: int = 100_000) -> int:
        return sequence.size_to_liquidate(held, BTC, step, LIMITS, so_far)

    assert size(2_000_000) == -2_000_000  # worth 1,000: whole
    assert size(-40_000_000) == 4_000_000  # 20,000: a tenth
    assert size(4_000_000) == -2_000_000  # 2,000: a tenth is less than 1,000
    assert size(-40_050_000) == 4_000_000  # down to a whole step
    assert size(2_000_000_000) == -100_000_000  # a million: 50,000 at most
    assert size(2_000_000_000, sequence.BlockSoFar(notional=45_000_000_000)) == -10_000_000
    assert size(2_000_000_000, sequence.BlockSoFar(notional=50_000_000_000)) == -100_000  # one step at least
    assert size(50_000, sequence.BlockSoFar(notional=50_000_000_000)) == -50_000  # no larger than a step: whole
    assert sequence.quantums_worth(999, BTC) == 1
    free = Market(-8, 0, 0, BTC.tier)
    with pytest.raises(pl.DocumentError, match=r"perpetual\.price: got 0"):
        sequence.quantums_worth(1, free)


@pytest.mark.rule("DYDX-14")
def test_prices_lie_on_the_book_and_orders_go_by_their_distance_from_the_oracle() -> None:
    def ticks(price: Fraction, *, sells: bool) -> int:
        return sequence.fillable_subticks(price, sells=sells, quantum_conversion_exponent=-8, tick=1_000_000)

    assert ticks(Fraction(49_998_765, 100_000), sells=True) == 49_999_000_000
    assert ticks(Fraction(49_998_765, 100_000), sells=False) == 49_998_000_000
    assert ticks(Fraction(0), sells=False) == 1_000_000
    assert ticks(Fraction(10**20), sells=True) == 2**64 // 1_000_000 * 1_000_000
    with pytest.raises(pl.DocumentError, match="fillable_price"):
        ticks(Fraction(-1), sells=True)
    oracle = sequence.oracle_subticks(BTC, -8)
    assert oracle == 50_000_000_000
    near, far = (sequence.liquidation_rank(s, oracle, 7) for s in (49_900_000_000, 50_200_000_000))
    assert sorted([near, far, (near[0], -9)]) == [far, (near[0], -9), near]


@pytest.mark.rule("DYDX-14")
def test_each_position_goes_once_in_a_block_and_within_its_limits() -> None:
    pick = sequence.position_to_liquidate
    assert [pick([1, 4, 9], i, set()) for i in range(3)] == [1, 4, 9]
    assert [pick([1, 4, 9], 1, done) for done in ({4}, {4, 9}, {1, 4, 9})] == [9, 1, None]
    so_far = sequence.BlockSoFar(frozenset({4}), 49_000_000_000, 1_500_000_000)

    def allowed(market: int, notional: int, delta: int, fund: int = 10**12) -> bool:
        return sequence.fill_allowed(market, notional, delta, fund, LIMITS, so_far)

    assert allowed(1, -1_000_000_000, -500_000_000)
    assert not allowed(4, 1, 1)
    assert not allowed(1, 1_000_000_001, 1)
    assert not allowed(1, 1, -500_000_001)
    assert not allowed(1, 1, -2, fund=1)
    assert allowed(1, 1, 2, fund=0)


@pytest.mark.rule("DYDX-15")
def test_what_no_order_filled_is_closed_against_others_at_bankruptcy() -> None:
    under = one(-5_100_000_000, 10_000_000)
    how = sequence.deleveraging(risk_of(under, BOTH))
    assert how == "bankruptcy"
    quote = sequence.deleveraging_quote(under, BOTH, 0, -10_000_000, how)
    assert quote == 5_100_000_000
    assert changed(under, quote, [Change(0, -10_000_000)], BOTH) == Subaccount(0, {})
    fine = one(0, 10_000_000)
    assert sequence.deleveraging(risk_of(fine, BOTH)) == "none"
    assert sequence.deleveraging(risk_of(fine, BOTH), final_settlement=True) == "oracle"
    assert sequence.deleveraging_quote(fine, BOTH, 0, -10_000_000, "oracle") == 5_000_000_000
    with pytest.raises(pl.DocumentError, match="at: got 'none'"):
        sequence.deleveraging_quote(fine, BOTH, 0, -1, "none")
    assert sequence.offsets(10, [4, -3, 20, 5]) == (4, 0, 6, 0)
    assert sum(sequence.offsets(10, [4, 3])) == 7


# --- accounts ---------------------------------------------------------------------------------------------------


@pytest.mark.rule("DYDX-13")
def test_an_isolated_market_needs_a_subaccount_of_its_own() -> None:
    assert transition.isolated_subaccount([7], frozenset({7}))
    assert not transition.isolated_subaccount([7, 1], frozenset({7}))
    alone = require(held("EIGEN", 100.0), cash=200.0)
    assert (alone.initial, alone.pools) == (pytest.approx(100.0 * 1.5 * 0.525), ())
    with pytest.raises(pl.DocumentError, match=r"positions\[1\]\.instrument: got 'EIGEN'; allowed: isolated_margin"):
        require(held("BTC", 1.0), held("EIGEN", 100.0))
    with pytest.raises(pl.DocumentError, match=r"orders\[0\]\.instrument: got 'BOME'"):
        require(held("BTC", 1.0), orders=[{"instrument": "BOME", "quantity": 1.0, "price": 0.01}])
    apart = require(held("BTC", 1.0), held("EIGEN", -100.0, isolated_margin=50.0), cash=1_000.0)
    assert [(p.subject, p.equity) for p in apart.pools] == [("shared", 950.0), ("EIGEN", 50.0)]
    with pytest.raises(pl.DocumentError, match=r"positions\[0\]\.isolated_margin: got nothing"):
        require(held("BTC", 1.0), mode="isolated")


@pytest.mark.rule("DYDX-13")
def test_what_a_subaccount_loses_beyond_its_money_is_not_the_others() -> None:
    lost = held("EIGEN", 1_000.0, entry_price=2.0, isolated_margin=300.0, unsettled_funding=-0.0000001)
    found = require(lost, held("BTC", 0.1), cash=2_000.0)
    assert [p.equity for p in found.pools] == [1_700.0, pytest.approx(-200.000001)]
    assert found.net_equity == 1_700.0
    assert any("below its own line: EIGEN" in note for note in found.notes)


@pytest.mark.rule("DYDX-16")
def test_orders_are_charged_what_a_match_of_them_all_would_need() -> None:
    buy = {"instrument": "SOL", "quantity": 30_000.0, "price": 201.0}
    sell = {"instrument": "SOL", "quantity": -5.0, "price": 190.0}
    at = market({"SOL": 150_000.0}, SOL=200.0)
    found = require(held("SOL", -10.0), orders=[buy, sell], at=at)
    # 30 million are open: 40 %; bought, the position grows by 29,980 coins, so 35.996 million: 57.988 %
    more = 29_990.0 * 200.0 * 0.57988 - 2_000.0 * 0.4 + 30_000.0
    assert found.component("open_orders").initial == pytest.approx(more, rel=1e-12)
    assert found.component("open_orders").maintenance == 0.0
    assert found.component("open_orders").evidence == "assumed"
    assert any("keeps nothing for resting orders" in note for note in found.notes)
    only = require(held("SOL", -10.0), orders=[sell], at=at)
    assert only.component("open_orders").initial == pytest.approx(15.0 * 200.0 * 0.40003 - 800.0 + 50.0, rel=1e-12)
    assert (
        require(held("SOL", -10.0), orders=[{**buy, "reduce_only": True}], at=at).component("open_orders").initial == 0
    )
    flat = require(orders=[{"instrument": "BTC", "quantity": 1.0, "price": 40_000.0, "leverage": 10.0}])
    assert flat.initial == 5_000.0
    own = require(
        held("EIGEN", 10.0, isolated_margin=50.0), orders=[{"instrument": "EIGEN", "quantity": 10.0, "price": 1.5}]
    )
    assert own.pools[1].initial == pytest.approx(own.initial)
    assert own.pools[0].initial == 0.0


@pytest.mark.rule("DYDX-17")
def test_an_open_interest_that_is_not_told_is_refused_or_charged_whole() -> None:
    book = account(held("BTC", 0.1), held("SOL", -10.0), cash=5_000.0)
    untold = market({"SOL": None, "BTC": None}, SOL=200.0)
    with pytest.raises(pl.MarginRefusedError, match=r"positions\[1\]\.instrument: got 'SOL' \(missing_open_interest"):
        MODEL.requirement(book, untold)
    found = MODEL.requirement(book, untold, on_failure="conservative")
    assert [(f.reason.value, f.effect) for f in found.failures] == [("missing_open_interest", "conservative")]
    assert (found.initial, found.maintenance) == (100.0 + 2_000.0, 60.0 + 100.0)
    # nothing that could be told would ask for more
    for interest in (0.0, 1e5, 2e5, 1e9):
        assert MODEL.requirement(book, market({"SOL": interest}, SOL=200.0)).initial <= found.initial
    order = account(held("BTC", 0.1), orders=[{"instrument": "SOL", "quantity": 1.0, "price": 200.0}])
    with pytest.raises(pl.MarginRefusedError, match=r"orders\[0\]\.instrument"):
        MODEL.requirement(order, untold)
    assert MODEL.requirement(order, untold, on_failure="conservative").component("open_orders").initial == 200.0
    with pytest.raises(pl.DocumentError, match=r"instruments\[0\]: got .*missing_open_interest"):
        MODEL.forms(["SOL"], untold)
    many = MODEL.many(Positions(("SOL", "BTC"), np.array([0, 1, 2]), np.array([0, 1]), np.array([1.0, 1.0])), untold)
    assert list(many.refused) == [0]
    assert many.initial[1] == 1_000.0


@pytest.mark.rule("DYDX-17")
@pytest.mark.parametrize("name", ["NEW", "BTC-TETHER", "BTC-INVERSE", "BTC-SPOT"])
def test_other_contracts_are_refused_by_name(name: str) -> None:
    with pytest.raises(pl.DocumentError, match=rf"account\.positions\[0\]\.instrument: got .*'{name}'"):
        require(held(name, 1.0))


@pytest.mark.rule("DYDX-17")
def test_sizes_off_the_grid_are_told_and_other_balances_do_not_count() -> None:
    found = require(held("BTC-MILLI", 1.5), held("DOGE", 0.00005), collateral={"USDC": 10.0, "BTC": 1.0})
    assert found.workings["notional"] == 75.0
    assert any("nearest whole base quantum: DOGE" in note for note in found.notes)
    assert any("takes USDC alone: 1 BTC" in note for note in found.notes)
    assert found.net_equity == 10.0


@pytest.mark.rule("DYDX-17")
@pytest.mark.parametrize(("path", "value", "told"), [
    ("markets.BTC.tier", "none", r"parameters.markets.BTC.tier: got 'none'; allowed: one of large-cap"),
    ("tiers.fx.initial_margin_ppm", 10_000.0, r"parameters.tiers.fx.initial_margin_ppm: got 10000.0"),
    ("tiers.fx.initial_margin_ppm", 1_000_001, r"parameters.tiers.fx.initial_margin_ppm: got 1000001"),
    ("tiers.fx.open_interest_lower_cap", 2 * 10**12, r"parameters.tiers.fx.open_interest_lower_cap: got 2000000000000"),
    ("liquidation.bankruptcy_adjustment_ppm", 999_999, r"parameters.liquidation.bankruptcy_adjustment_ppm: got 999999"),
])  # fmt: skip
def test_packs_that_make_no_sense_are_refused_with_their_path(path: str, value: Any, told: str) -> None:
    with pytest.raises(pl.DocumentError, match=told):
        pl.margin_model(with_parameter(MODEL.rules, path, value))


@pytest.mark.rule("DYDX-09", "DYDX-10", "DYDX-11")
def test_the_prices_of_a_position_are_those_of_the_whole_numbers() -> None:
    """Long 0.1 BTC and short ETH: at its liquidation price a quote quantum less is too little."""
    book = account(held("BTC", 0.1), held("ETH", -1.0, entry_price=3_100.0), cash=300.0)
    found = MODEL.requirement(book, market())
    for coin in ("BTC", "ETH"):
        line = found.workings[f"liquidation_price.{coin}"]
        safe, worse = (0.999999, 1.000001) if coin == "ETH" else (1.000001, 0.999999)
        for factor, liquidated in ((safe, False), (worse, True)):
            now = {"BTC": 50_000.0, "ETH": 3_000.25, coin: line * factor}
            gain = 0.1 * (now["BTC"] - 50_000.0)
            moved = account(held("BTC", 0.1, unrealised_pnl=gain), held("ETH", -1.0, entry_price=3_100.0), cash=300.0)
            there = MODEL.requirement(moved, market(**now))
            assert (there.excess_maintenance < 0.0) is liquidated
    under = MODEL.requirement(account(held("BTC", 0.1, entry_price=50_590.0), cash=100.0), market())
    assert under.workings["bankruptcy_price.BTC"] == 49_590.0
    assert under.workings["fillable_price.BTC"] == 49_981.0
