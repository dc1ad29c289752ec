"""Curves: pieces found on a function that is only asked, and those of the shipped haircuts."""

from __future__ import annotations

import numpy as np
import pytest

import plimsoll as pl
from hedge_desks import account
from plimsoll.margin.parts.discounts import Discounts, DiscountTable
from plimsoll.optimise import Holding
from plimsoll.optimise.collateral import measure_curve, post
from treasuries import market, model_of


@pytest.mark.parametrize("seed", range(8))
def test_bends_that_nobody_names_are_found(seed: int) -> None:
    rng = np.random.default_rng([3, seed])
    bends = np.sort(rng.uniform(-5.0, 20.0, 4))
    slopes = np.sort(rng.uniform(0.0, 2.0, 5))[::-1]

    def f(x: float) -> float:
        edges = [-10.0, *bends, 30.0]
        return float(sum(s * (min(max(x, a), b) - a) for s, a, b in zip(slopes, edges, edges[1:], strict=False)))

    curve = measure_curve(f, -10.0, 30.0, ())
    assert curve.concave
    assert curve.error <= 1e-5
    for x in np.linspace(-10.0, 30.0, 101).tolist():
        assert curve(x) == pytest.approx(f(x), abs=1e-5)
        assert curve(x) <= f(x) + 1e-5


def test_a_jump_belongs_to_the_side_below() -> None:
    curve = measure_curve(lambda x: x if x <= 4.0 else 0.5 * x, 0.0, 10.0, (4.0,))
    assert not curve.concave
    assert curve(4.0) == pytest.approx(4.0)
    assert curve(4.1) == pytest.approx(2.05, abs=1e-4)
    assert curve.beyond(9.0) == pytest.approx(0.5, abs=1e-6)
    assert curve.beyond(10.0) == 0.0


def test_a_curved_function_is_below_itself_by_no_more_than_the_error() -> None:
    curve = measure_curve(lambda x: 1_000.0 * np.sqrt(1.0 + x), 0.0, 50.0, ())
    assert curve.concave
    off = [1_000.0 * np.sqrt(1.0 + x) - curve(x) for x in np.linspace(0.0, 50.0, 997).tolist()]
    assert min(off) >= -1e-6
    assert max(off) <= curve.error < 5.0


def test_tiers_of_a_pack_are_the_pieces_of_its_curve() -> None:
    """BETH at OKX: 95 % of the first two millions, 85 % to four, 50 % to eight, nothing beyond."""
    snapshot = market(np.random.default_rng(5))
    model = model_of("okx-pm@2026-01-01")
    held = Holding("okx", account({"PERP": -1.0}, {"USDC": 50_000.0}), model)
    curve = post(held, snapshot, {"BETH": (0.0, 5_000.0)}).curves["BETH"]
    table = Discounts.of(DiscountTable.model_validate(model.rules.parameters["discounts"]["BETH"]))
    for coins in np.linspace(0.0, 5_000.0, 41):
        assert curve(float(coins)) == pytest.approx(float(table.counted(coins, np.array(1_980.0))), abs=0.01)
    assert curve.concave
    assert (curve.slope / 1_980.0).round(6).tolist() == [0.95, 0.85, 0.5, 0.0]


def test_discounts_on_the_whole_amount_are_no_concave_curve() -> None:
    snapshot = market(np.random.default_rng(5))
    held = Holding("okx", account({"PERP": -1.0}, {"USDC": 50_000.0}), model_of("okx-whole"))
    curve = post(held, snapshot, {"ETH": (0.0, 60.0)}).curves["ETH"]
    assert not curve.concave
    assert curve(22.5) == pytest.approx(0.95 * 45_000.0, abs=0.01)
    assert curve(23.0) == pytest.approx(0.7 * 46_000.0, abs=0.5)


def test_a_coin_against_a_short_counts_for_more_than_its_price() -> None:
    """Derive puts coins into its scenarios: until the short is covered a coin takes away its margin too."""
    snapshot = market(np.random.default_rng(5))
    held = Holding("derive", account({"PERP": -1.0}, {"USDC": 50_000.0}), model_of("derive-pmrm2@2026-02-01"))
    posted = post(held, snapshot, {"BETH": (0.0, 10.0), "BTC": (0.0, 10.0), "USDC": (0.0, 90_000.0)})
    assert posted.refused["BETH"].startswith("10.0 of BETH (unknown_currency); allowed: assets these rules know")
    assert set(posted.curves) == {"BTC", "USDC"}
    assert posted.curves["USDC"].slope[-1] == pytest.approx(1.0)
    short, more = posted.curves["BTC"].slope
    assert more < 70_000.0 < short
    assert posted.curves["BTC"].high[0] == pytest.approx(1.0, abs=0.01)


def test_rules_that_count_balances_together_are_told() -> None:
    """The house model with everything sets coins against its scenarios and de-pegs all dollars at once."""
    snapshot = market(np.random.default_rng(5))
    held = Holding("house", account({"PERP": -1.0}, {"USDC": 90_000.0}), model_of("prbm-whole@2026-01-01"))
    reach = {"USDC": (0.0, 200_000.0), "USDT": (0.0, 200_000.0), "BTC": (0.0, 5.0)}
    posted = post(held, snapshot, reach)
    assert "depends on the balances of other assets" in " ".join(posted.refused.values())
    assert set(posted.curves) | set(posted.refused) == set(reach)


def test_a_discount_that_grows_with_the_amount_is_below_the_rules_by_no_more_than_it_says() -> None:
    """Synthetix: 5 % to 500 ETH, then by the amount to 20 % at 2,000, where a further coin counts for more again."""
    snapshot = market(np.random.default_rng(5))
    held = account({}, {"USD": 1_000.0}).model_copy(update={"mode": "cross"})
    posted = post(Holding("s", held, model_of("synthetix-v3@2025-06-12")), snapshot, {"ETH": (0.0, 3_000.0)})
    curve = posted.curves["ETH"]
    assert not curve.concave
    for coins in (100.0, 500.0, 1_200.0, 2_000.0, 2_900.0):
        counted = 2_000.0 * coins * (1.0 - min(max(coins / 10_000.0, 0.05), 0.2))
        assert counted - curve.error - 1e-3 <= curve(coins) <= counted + 1e-3
    assert 0.0 < curve.error < 1e-4 * 2_000.0 * 3_000.0


def test_a_supply_cap_ends_what_counts() -> None:
    """Hyperliquid: coins beyond the cap of the pack count for nothing."""
    model = model_of("hyperliquid-pm@2026-07-22")
    rule = next((a, r) for a, r in model.rules.parameters["collateral"].items() if r["supply_cap"] > 0.0)
    asset, cap = rule[0], float(rule[1]["supply_cap"])
    content = market(np.random.default_rng(5)).to_dict()
    assets = content["assets"] | {asset: {"price": 1.0}, model.rules.currency: {"price": 1.0}}
    held = Holding("h", account({}, {model.rules.currency: 1_000.0}), model)
    curve = post(held, pl.Market.from_dict(content | {"assets": assets}), {asset: (0.0, 2.0 * cap)}).curves[asset]
    assert curve(0.5 * cap) > 0.0
    assert curve.slope[-1] == pytest.approx(0.0, abs=1e-9)
    assert curve(2.0 * cap) == pytest.approx(curve(cap), rel=1e-9)
