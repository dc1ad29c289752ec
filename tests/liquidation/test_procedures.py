"""Liquidation as each venue runs it: cases worked by hand from the rules of its pack, and the naive twin."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plimsoll as pl
from close_out_desk import account, market, one_level, terms, whole
from naive.close_out import hyperliquid
from plimsoll.liquidation.mechanisms import PortfolioAuction, Scene, Staged
from plimsoll.margin import Account, Position, margin_model
from plimsoll.margin.parts.delta_hedge import delta_hedge
from plimsoll.margin.venues.dydx.units import ppm_down
from random_books import SOME

FEW = settings(parent=SOME, max_examples=max(8, SOME.max_examples // 2))
EXACT = terms(stress=0.0, lots=1_000)


def scene_of(rules: str, money: float, books: dict[str, object], *, currency: str = "USDC", **coins: float) -> Scene:
    here = market(currency, books=books)  # type: ignore[arg-type]
    return Scene(margin_model(rules), account(money, currency, **coins), here, EXACT)


@pytest.mark.rule("BINANCE-UM-10")
def test_binance_takes_what_the_book_gives_and_stops_when_safe() -> None:
    # 5,000 coins are 300 million, bracket of 10 % less 14,481,450: maintenance 15,518,550 against 15 million. The
    # book has 200 coins at 59,990; further than the bankruptcy price, 60,000 - 3,000, nothing fills.
    books = {"BTC-P": {"bids": [[59_990.0, 200.0], [56_000.0, 1e6]], "asks": [[60_010.0, 1.0]]}}
    scene = scene_of("binance-usdm@2026-01-01", 15e6, books, currency="USDT", BTC=5_000.0)
    found = Staged().run(scene)
    whole(found)
    assert [(f.quantity, f.price) for f in found.fills] == [(-200.0, 59_990.0)]
    # 10 beside the mark, and a clearance fee of 1.25 %: what is left is above 288,000,000 * 10 % - 14,481,450
    assert found.slippage == pytest.approx(2_000.0)
    assert found.to["insurance fund"] == pytest.approx(0.0125 * 200 * 59_990.0)
    assert found.equity_after == pytest.approx(15e6 - 2_000.0 - 149_975.0)
    assert found.maintenance_after == pytest.approx(14_318_550.0)
    assert (found.done, found.evidence) == (True, "read")


@pytest.mark.rule("BINANCE-UM-10")
def test_what_binance_cannot_sell_is_the_funds() -> None:
    # nothing at all within the bankruptcy price
    books = {"BTC-P": {"bids": [[56_000.0, 1e6]], "asks": [[60_010.0, 1.0]]}}
    found = Staged().run(scene_of("binance-usdm@2026-01-01", 15e6, books, currency="USDT", BTC=5_000.0))
    whole(found)
    assert found.why == "the book did not take it: the insurance fund does"
    assert found.value_after == 0.0
    # it sells for 4,000 less a coin, and had 3,000 for each
    assert found.results["insurance fund"] == pytest.approx(15e6 - 5_000.0 * 4_000.0)
    assert found.loss_of_others == pytest.approx(5e6)
    assert found.bad_debt == 0.0


@pytest.mark.rule("BYBIT-UTA-16")
def test_bybit_comes_down_a_tier_and_stops_at_nine_tenths() -> None:
    # 50 coins are 3.0 million, in the tier that ends at 3.2; the one below ends at 2.6 million
    scene = scene_of("bybit-uta@2026-01-01", 1e6, {"BTC-P": one_level(60_000.0, 1.0)}, currency="USDT", BTC=50.0)
    tiers = scene.model.tier_parts(scene.account, scene.market)  # type: ignore[attr-defined]
    needed = scene.model.requirement(scene.account, scene.market).maintenance
    assert tiers == {"BTC-P": pytest.approx(1.0 - 2.6 / 3.0)}
    failing = replace(scene, account=account(needed * 0.999, "USDT", BTC=50.0))
    found = Staged().run(failing)
    whole(found)
    # down to whole lots of a twentieth of a coin, and then below nine tenths of the balance
    assert found.fills[0].quantity == pytest.approx(-6.65)
    assert found.maintenance_after <= 0.9 * found.equity_after
    assert len(found.fills) == 1
    # from below the stop it would not have begun
    assert Staged().run(replace(scene, account=account(needed * 1.001, "USDT", BTC=50.0))).fills == ()


def test_okx_comes_down_tier_by_tier() -> None:
    model = margin_model("okx-futures@2025-01-01")
    contract = {"kind": "perpetual", "settlement": "linear", "currency": "USDT", "name": "ETH-USDT-SWAP"}
    here = pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": "2026-10-01T00:00:00Z",
            "indices": {"ETH": {"price": 3_000.0}},
            "assets": {"USDT": {"price": 1.0}},
            "instruments": [{**contract, "underlying": "ETH", "multiplier": 0.1}],
            "marks": {"ETH-USDT-SWAP": {"price": 3_000.0}},
            "depth": {"ETH-USDT-SWAP": one_level(3_000.0, 0.1)},
        }
    )
    table = model.rule(here.contracts["ETH-USDT-SWAP"])[1]  # type: ignore[attr-defined]
    ends = [t.upto for t in table.tiers[:3]]
    held = Account(
        mode="cross",
        positions=(Position(instrument="ETH-USDT-SWAP", quantity=ends[2], entry_price=3_000.0),),
        collateral={"USDT": 1.0},
    )
    needed = model.requirement(held, here).maintenance
    failing = held.model_copy(update={"collateral": {"USDT": 0.9 * needed}})
    found = Staged().run(Scene(model, failing, here, terms(stress=0.0, lots=int(ends[2]))))
    whole(found)
    left = ends[2] + found.fills[0].quantity
    # the first order brings it to the end of the second tier, to a lot
    assert left == pytest.approx(ends[1], abs=1.0)
    assert found.equity_after > found.maintenance_after
    assert found.done


@pytest.mark.rule("HL-PERPS-07", "HL-PERPS-08")
@FEW
@given(st.floats(0.5, 300.0), st.floats(0.3, 1.1), st.floats(0.5, 400.0))
def test_hyperliquid_as_its_twin(coins: float, health: float, beside: float) -> None:
    coins = round(coins, 3)
    rate = 1.0 / 80.0
    money = round(health * rate * coins * 60_000.0, 2)
    scene = scene_of("hyperliquid-perps@2026-01-01", money, {"BTC-P": one_level(60_000.0, beside)}, BTC=coins)
    found = Staged(unwind=False).run(replace(scene, terms=terms(stress=0.0, lots=100_000)))
    whole(found)
    expected = hyperliquid(coins, 60_000.0, money, rate, beside)
    assert len(found.fills) == len(expected)
    for fill, (second, size, _) in zip(found.fills, expected, strict=True):
        assert fill.seconds == second
        taken = fill.taker == "backstop vault"
        # rounded down to a lot of one in a hundred thousand
        assert taken or -fill.quantity == pytest.approx(size, abs=2e-5 * coins)


@pytest.mark.rule("HL-PERPS-07", "HL-PERPS-08")
def test_hyperliquid_sends_a_fifth_then_all_then_the_vault_takes_over() -> None:
    # 10 coins, 600,000: maintenance 7,500, vault below 5,000. A fifth is enough for 7,000; 5,100 takes the whole
    # within the cooldown; 4,900 is the vault's.
    books = {"BTC-P": one_level(60_000.0, 10.0)}
    fifth, all_of_it, vault = (
        Staged().run(scene_of("hyperliquid-perps@2026-01-01", money, books, BTC=10.0))
        for money in (7_000.0, 5_100.0, 4_900.0)
    )
    assert [(f.seconds, f.quantity) for f in fifth.fills] == [(1.0, pytest.approx(-2.0))]
    assert fifth.equity_after == pytest.approx(6_980.0)
    assert [(f.seconds, f.quantity) for f in all_of_it.fills] == [
        (1.0, pytest.approx(-2.0)),
        (2.0, pytest.approx(-8.0)),
    ]
    assert all_of_it.value_after == pytest.approx(5_000.0, abs=1e-4)
    assert vault.to == {"backstop vault": pytest.approx(4_900.0)}
    assert vault.results["backstop vault"] == pytest.approx(4_800.0, abs=1e-3)


@pytest.mark.rule("DYDX-11", "DYDX-12")
def test_dydx_fills_within_its_fillable_price_and_pays_the_fund() -> None:
    # 10 coins of 60,000 at 2 % and 60 %: maintenance 7,200. Nine tenths of it: one tenth of the adjustment, so the
    # order fills down to 60,000 - 0.1 * 0.1 * 7,200 / 10 = 59,992.8. Three coins rest at 59,993.
    books = {"BTC-P": {"bids": [[59_993.0, 3.0], [59_990.0, 50.0]], "asks": [[60_010.0, 1.0]]}}
    scene = scene_of("dydx-v4@2026-09-27", 6_480.0, books, BTC=10.0)
    found = Staged().run(replace(scene, terms=terms(stress=0.0, rounds=1)))
    whole(found)
    assert [(f.quantity, f.price) for f in found.fills] == [(pytest.approx(-3.0), pytest.approx(59_993.0))]
    # bankruptcy of three coins: 180,000 - 6,480 * 2,160 / 7,200; half of one per cent of the fill is the most
    quote, bankrupt = 3 * 59_993_000_000, 180_000_000_000 - 6_480_000_000 * 2_160 // 7_200
    assert quote - bankrupt > ppm_down(quote, 5_000)
    paid = [p for p in found.payments if p.payee == "insurance fund"]
    assert [p.units for p in paid] == [ppm_down(quote, 5_000)]
    assert found.to["insurance fund"] == pytest.approx(899.895)


@pytest.mark.rule("DYDX-12", "DYDX-15")
def test_dydx_is_insured_below_bankruptcy_and_deleverages_what_nobody_takes() -> None:
    # worth 500 less than nothing: fillable down to 59,928 (the whole spread of 72), bankrupt at 60,050
    books = {"BTC-P": one_level(60_000.0, 70.0)}
    insured = Staged().run(scene_of("dydx-v4@2026-09-27", -500.0, books, BTC=10.0))
    whole(insured)
    assert insured.to["insurance fund"] == pytest.approx(-1_200.0, abs=1e-3)
    assert insured.value_after == pytest.approx(0.0, abs=1e-3)
    nobody = {"BTC-P": {"bids": [[59_000.0, 50.0]], "asks": [[60_010.0, 1.0]]}}
    found = Staged().run(scene_of("dydx-v4@2026-09-27", -500.0, nobody, BTC=10.0))
    whole(found)
    assert found.why == "deleveraged at the bankruptcy price"
    assert found.results == {"opposite holders": pytest.approx(-500.0)}


@pytest.mark.rule("DERIBIT-SM-17")
def test_deribit_closes_a_part_each_second_for_its_fee() -> None:
    scene = scene_of("deribit-sm@2026-10-01", 1e6, {"BTC-P": one_level(60_000.0, 1.0)}, BTC=10.0)
    needed = scene.model.requirement(scene.account, scene.market).maintenance
    found = Staged().run(replace(scene, account=account(0.8 * needed, "USDC", BTC=10.0)))
    whole(found)
    sizes = [-f.quantity for f in found.fills]
    assert [f.seconds for f in found.fills] == [1.0 + k for k in range(len(sizes))]
    left = 10.0
    for size in sizes:
        # a fifth of what is left, down to whole lots
        assert size == pytest.approx(0.2 * left, abs=0.01)
        left -= size
    assert found.fees == pytest.approx(0.0075 * sum(sizes) * 59_999.0, rel=1e-6)
    assert found.maintenance_after <= found.equity_after
    assert len(sizes) > 1


@pytest.mark.rule("DERIBIT-PM-19")
def test_deribit_passes_over_what_does_not_trade_and_hedges_delta() -> None:
    model = margin_model("deribit-pm@2024-07-01")
    inverse = {"settlement": "inverse", "currency": "BTC", "underlying": "BTC"}
    dated = {"expiry": "2026-12-25T08:00:00Z"}
    calls = [{"kind": "option", "name": f"C-{k}", "strike": float(k), "call": True, **dated} for k in (60_000, 70_000)]
    content = {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": "2026-10-01T00:00:00Z",
        "indices": {"BTC": {"price": 60_000.0}},
        "expiries": [{"underlying": "BTC", **dated, "forward": {"variable": 60_500.0}}],
        "instruments": [
            *({**c, **inverse} for c in calls),
            {"kind": "perpetual", "name": "BTC-PERPETUAL", "multiplier": 10.0, **inverse},
        ],
        "marks": {"C-60000": {"vol": 0.6}, "C-70000": {"vol": 0.6}, "BTC-PERPETUAL": {"price": 60_000.0}},
    }
    here = pl.Market.from_dict(content)
    held = Account(
        positions=(Position(instrument="C-60000", quantity=-10.0), Position(instrument="C-70000", quantity=-10.0)),
        collateral={"BTC": 100.0},
    )
    found = model.requirement(held, here)
    failing = held.model_copy(update={"collateral": {"BTC": 100.0 - found.net_equity + 0.95 * found.maintenance}})
    scene = Scene(model, failing, here, terms(rounds=6, lots=100))
    trades = Staged().run(scene)
    whole(trades)
    first = max(found.shares, key=lambda s: s.maintenance).subject
    assert trades.fills[0].subject == first
    assert trades.fills[0].quantity == pytest.approx(2.0)
    # nobody offers the one that adds most: the other is bought; nobody offers either: a perpetual against the delta
    other = next(s for s in ("C-60000", "C-70000") if s != first)
    silent = {"bids": [[0.01, 5.0]], "asks": []}
    one = Staged().run(replace(scene, market=pl.Market.from_dict({**content, "depth": {first: silent}})))
    assert {f.subject for f in one.fills} == {other}
    none = pl.Market.from_dict({**content, "depth": {first: silent, other: silent}})
    hedged = Staged().run(replace(scene, market=none))
    whole(hedged)
    assert {f.subject for f in hedged.fills} == {"BTC-PERPETUAL"}
    assert hedged.fills[0].quantity > 0.0
    rest = delta_hedge(hedged.account, hedged.market, "BTC")
    # what is left of the delta is less than a lot of the hedge
    assert rest is None or abs(rest[1]) <= 1.5 * hedged.fills[0].quantity / 100


@pytest.mark.rule("SNX-03")
def test_synthetix_pays_its_keeper_and_the_pool_takes_the_rest() -> None:
    scene = scene_of("synthetix-v3@2026-01-01", 1_000.0, {}, currency="USD", BTC=10.0)
    reward = scene.model.requirement(scene.account, scene.market).component("liquidation_reward").maintenance
    found = Staged().run(scene)
    whole(found)
    assert found.to["keeper"] == pytest.approx(min(reward, 1_000.0))
    assert found.to["keeper"] + found.to["venue"] == pytest.approx(1_000.0)
    assert found.value_after == pytest.approx(0.0, abs=1e-9)


@pytest.mark.rule("GMX-05")
def test_gmx_closes_whole_at_the_oracle_price_and_returns_the_rest() -> None:
    model = margin_model("gmx-v2@2026-09-01")
    here = market("USDC", books={"BTC-P": one_level(60_000.0, 500.0)})
    for margin in (1_500.0, 100.0):
        failing = account(margin, "USDC", mode="isolated", BTC=10.0)
        row = model.requirement(failing, here)
        costs = row.component("closing").maintenance
        found = Staged().run(Scene(model, failing, here, EXACT, subject="BTC-P"))
        whole(found)
        # the book is not asked: the oracle's price, fees and impact, no more than there is
        assert found.slippage == pytest.approx(0.0, abs=1e-6)
        assert found.charges == pytest.approx(min(costs, margin))
        assert found.value_after == pytest.approx(max(0.0, margin - costs), abs=1e-6)


@pytest.mark.rule("DERIVE-LIQ-03", "DERIVE-LIQ-05", "DERIVE-LIQ-06")
def test_derive_sells_by_its_own_auction() -> None:
    model = margin_model("derive-srm@2026-04-01")
    books = {"BTC-P": one_level(60_000.0, 1.0)}
    here = market("USDC", books=books)
    held = account(1e6, "USDC", mode="portfolio", BTC=10.0)
    needed = model.requirement(held, here).maintenance
    equity = 0.9 * needed
    failing = account(equity, "USDC", mode="portfolio", BTC=10.0)
    found = PortfolioAuction().run(Scene(model, failing, here, EXACT))
    whole(found)
    # the fee: a tenth of what could be sold at no discount
    margin, buffer = equity - needed, 0.15
    short = margin - buffer * (equity - margin)
    fee = short / (short - equity) * equity * 0.1
    assert found.to["venue"] == pytest.approx(fee, abs=1e-4)
    # then the first bid: the largest part at 95 % of the value
    left = equity - fee
    short = (left - needed) - buffer * needed
    part = short / (short - left * 0.95)
    lots = -found.fills[0].lots
    assert lots == -(-1_000 * part // 1)
    assert found.to["bidder"] == pytest.approx(left * part * 0.05, rel=1e-4)
    assert found.equity_after >= found.maintenance_after
    assert found.evidence == "read"


@pytest.mark.rule("DERIVE-LIQ-08")
def test_derive_pays_a_bidder_for_what_is_worth_nothing() -> None:
    model = margin_model("derive-srm@2026-04-01")
    here = market("USDC", books={"BTC-P": one_level(60_000.0, 100.0)})
    failing = account(-2_000.0, "USDC", mode="portfolio", BTC=10.0)
    needed = model.requirement(failing, here).maintenance
    found = PortfolioAuction().run(Scene(model, failing, here, terms(stress=0.0, gas=0.0, capital=0.0, profit=0.0)))
    whole(found)
    # selling costs the bidder 1,000: it waits until the payout, 2,000 and a part of the requirement, covers that
    looks = 2_000
    steps = next(k for k in range(looks) if needed * k / looks >= 1_000.0)
    payout = 2_000.0 + needed * steps / looks
    assert [p.units for p in found.payments if p.payer == "insurance fund"] == [pytest.approx(payout * 1e6, rel=1e-6)]
    assert found.results["insurance fund"] == pytest.approx(-payout)
    assert found.loss_of_others == pytest.approx(payout)
    assert (found.value_after, found.bad_debt, found.done) == (pytest.approx(0.0, abs=1e-6), 0.0, True)
    assert found.deficit == pytest.approx(2_000.0)


@pytest.mark.rule("OPYN-07")
def test_opyn_buys_the_options_back_for_more_and_more_of_the_vault() -> None:
    model = margin_model("opyn-naked@2026-01-01")
    dated = {"expiry": "2026-10-04T00:00:00Z"}
    here = pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": "2026-10-01T00:00:00Z",
            "indices": {"ETH": {"price": 1_000.0}},
            "assets": {"USDC": {"price": 1.0}},
            "expiries": [{"underlying": "ETH", **dated, "forward": {"variable": 1_000.0}}],
            "instruments": [
                {
                    "kind": "option",
                    "name": "P",
                    "underlying": "ETH",
                    "strike": 1_200.0,
                    "call": False,
                    "settlement": "linear",
                    "currency": "USDC",
                    **dated,
                }
            ],
            # three days at a volatility of next to nothing: 200 each
            "marks": {"P": {"vol": 0.01}},
        }
    )
    held = Account(mode="cross", positions=(Position(instrument="P", quantity=-10.0),), collateral={"USDC": 2_500.0})
    assert model.requirement(held, here).health < 1.0  # type: ignore[operator]
    costs = terms(latency=0.0, gas=0.0, capital=0.0, profit=0.0, option_spread=0.0201)
    found = PortfolioAuction().run(Scene(model, held, here, costs))
    whole(found)
    # an option costs 4.02 more on the book than it is worth: somebody comes once 204.02 are paid for it, on the way
    # from 200 less the oracle's deviation to 250
    start = 200.0 - model.parameters.oracle_deviation * 1_000.0
    part = (204.02 - start) / (250.0 - start)
    seconds = next(k for k in range(2_001) if k / 2_000 >= part - 1e-12) * 3_600.0 / 2_000
    assert found.seconds == pytest.approx(seconds)
    price = start + (250.0 - start) * seconds / 3_600.0
    assert found.value_after == pytest.approx(2_500.0 - 10.0 * price, abs=1e-4)
    assert found.account.positions == ()
    assert (found.bad_debt, found.done) == (0.0, True)


def test_where_no_rule_is_public_the_house_assumes() -> None:
    books = {"BTC-P": one_level(60_000.0, 10.0)}
    for rules in ("paradex-pm@2026-09-01", "derive-pmrm2@2026-04-01", "prbm@2026-09-01"):
        model = margin_model(rules)
        assert model.procedure() is None
        here = market("USDC", books=books)
        held = account(1e7, "USDC", mode="portfolio", BTC=10.0)
        needed = model.requirement(held, here).maintenance
        failing = account(0.7 * needed, "USDC", mode="portfolio", BTC=10.0)
        found = Staged().run(Scene(model, failing, here, EXACT))
        whole(found)
        assert (found.evidence, found.done) == ("assumed", True)
        assert "no public rule" in found.assumed
        assert [f.seconds for f in found.fills] == [1.0, 2.0]
        assert found.equity_after >= found.maintenance_after
