"""Collateral that moves, checked again: wallets gain and lose with their coins, and are short of nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hedge_desks import account
from plimsoll.feeds.sample_stage import sample_stage
from plimsoll.optimise import Holding, TradingTerms, Venue
from plimsoll.optimise.collateral import (
    AccountTerms,
    AssetTerms,
    CollateralTerms,
    Swap,
    Treasury,
    Wallet,
    cheapest,
    make_treasury,
)
from plimsoll.optimise.joint import joint, joint_until_arrival
from plimsoll.optimise.recheck import (
    Crashes,
    Recheck,
    WalletHolding,
    joint_holdings,
    recheck,
    recheck_collateral,
    recheck_joint,
    refused_collateral,
    refused_joint,
)
from plimsoll.optimise.recheck.draws import drawn, gains
from plimsoll.optimise.recheck.wallets import wallet_stress, worth_moving
from plimsoll.optimise.variation import Outlook, evaluate, same_time
from plimsoll.scenarios.stress import shipped_scenarios
from transfer_paths import brownian
from treasuries import market, model_of

MARKET = market(np.random.default_rng(5))
QUICK = Crashes(shocks=(-0.6, 0.3), draws=3, step_seconds=300.0)
CHEAP = TradingTerms(size=1e3, future_fee=1e-5, option_fee=1e-5, spread=1e-5, option_spread=1e-4)


def asked(before: list[Any], after: list[Any], **more: Any) -> Recheck:
    return recheck(MARKET, before, after, size=512, **more)


def test_a_wallet_gains_what_its_coins_do_and_is_short_of_nothing() -> None:
    law = drawn(MARKET, ("BTC",), size=256, horizon_days=2.0, seed=2)
    wallet = WalletHolding("cold", {"BTC": 2.0, "USDC": 5_000.0})
    (gain,) = gains([wallet], MARKET, law.columns())
    price = MARKET.indices["BTC"].price
    np.testing.assert_allclose(gain, 2.0 * price * (law.spot[0] - 1.0), rtol=1e-9, atol=1e-6)
    # dollars into coins beside an account that stays as it is: tails grow, nothing is asked of the wallet
    held = Holding("house", account({"PERP": -0.1}, {"USDC": 1e5}), model_of("prbm@2026-01-01"))
    found = asked([held, WalletHolding("cold", {"USDC": 1e5})], [held, WalletHolding("cold", {"BTC": 1e5 / price})])
    larger = {f.name for f in found.findings if f.larger}
    assert larger == {"expected shortfall 0.975, held-out draws", "worst loss, stress scenarios"}
    breach = found.findings[0]
    assert (breach.before, breach.after) == (0.0, 0.0)


def test_the_stress_of_a_wallet_is_its_coins_at_the_worst_instant() -> None:
    scenarios = shipped_scenarios().scenarios
    one, two = (wallet_stress(MARKET, WalletHolding("w", {"BTC": x}), scenarios) for x in (1.0, 2.0))
    assert set(one) == {s.name for s in scenarios}
    assert min(one.values()) < -0.3 * MARKET.indices["BTC"].price
    for name, pnl in one.items():
        assert two[name] == pytest.approx(2.0 * pnl)


def test_what_follows_a_coin_moves_with_it() -> None:
    content = MARKET.to_dict()
    content["indices"]["ETH"] = {"price": 2_000.0}
    content["assets"].pop("ETH")
    both = type(MARKET).from_dict(content)
    staked = worth_moving(account({}, {"BETH": 10.0, "USDC": 5.0}), both, {"BETH": "ETH"})
    assert dict(staked.collateral) == pytest.approx({"ETH": 9.9, "USDC": 5.0})
    # without an index of the coin there is nothing to follow
    plain = account({}, {"BETH": 10.0})
    assert worth_moving(plain, MARKET, {"BETH": "ETH"}) is plain
    # staked ether for ether changes nothing that moves
    held = Holding("house", account({"PERP": -0.1}, {"USDC": 1e5}), model_of("prbm@2026-01-01"))
    sides = [[held, WalletHolding("cold", {a: x})] for a, x in (("BETH", 100.0), ("ETH", 99.0))]
    found = recheck(both, *sides, moves_with={"BETH": "ETH"}, size=256)
    assert found.passed
    blind = recheck(both, *sides, size=256)
    assert not blind.passed


def idle() -> Treasury:
    """More dollars at an account than its margin asks for, which earn something in a wallet."""
    held = [Holding("house", account({"PERP": -2.0}, {"USDC": 90_000.0}), model_of("prbm@2026-01-01"))]
    terms = CollateralTerms(days=90.0, assets={"USDC": AssetTerms(carry=0.06)})
    return make_treasury(MARKET, held, [Wallet(name="cold", balances={"USDC": 10.0})], terms, buffer=0.1)


def test_dollars_that_are_taken_away_from_a_line_are_refused_and_the_start_is_kept() -> None:
    treasury = idle()
    answer = cheapest(treasury)
    assert answer.saving > 0.0
    found = recheck_collateral(treasury, answer, size=512, stage=sample_stage(MARKET, 60), crashes=QUICK)
    assert not found.passed
    short = found.findings[0]
    assert short.after > short.before == 0.0
    # what a desk owns as a whole falls and rises as before
    tail = next(f for f in found.findings if f.name.startswith("expected shortfall"))
    assert tail.after == pytest.approx(tail.before, rel=1e-9)
    kept = refused_collateral(treasury, answer, found)
    assert (kept.status, kept.saving, kept.once) == ("refused", 0.0, 0.0)
    assert kept.order.moves == ()
    assert kept.accounts[0].account == treasury.accounts[0].holding.account
    assert kept.accounts[0].room[1] == answer.accounts[0].room[0]
    assert all(b.after == b.now for b in kept.balances)
    (lying,) = (b for b in kept.balances if b.place == "house")
    # of ninety thousand dollars that earn nothing there
    assert lying.cost == pytest.approx(5_400.0)
    assert any(n.startswith("refused: short of maintenance") for n in kept.notes)


def test_dollars_that_come_to_an_account_in_need_pass() -> None:
    held = [Holding("house", account({"PERP": -2.0}, {"USDC": 15_000.0}), model_of("prbm@2026-01-01"))]
    wallet = Wallet(name="cold", balances={"USDC": 200_000.0})
    treasury = make_treasury(MARKET, held, [wallet], buffer=0.5)
    answer = cheapest(treasury)
    assert answer.status == "repaired"
    found = recheck_collateral(treasury, answer, size=512)
    assert found.passed
    assert found.findings[0].after < found.findings[0].before


def venues() -> tuple[list[Venue], list[Wallet], CollateralTerms]:
    """An account in need that takes coins up to a cap on dollars: a swap pays, hedged by the perpetual."""
    model = model_of("prbm@2026-01-01")
    one = Venue("one", account({"60D-1.1-C": -2.0}, {"USDC": 20_000.0}), (model,))
    terms = CollateralTerms(
        assets={"USDC": AssetTerms(carry=0.10), "BTC": AssetTerms(carry=0.0)},
        accounts={"one": AccountTerms(most={"USDC": 20_000.0})},
        swaps=(Swap(sell="USDC", buy="BTC", spread=0.0005, size=200_000.0),),
    )
    return [one], [Wallet(name="cold", balances={"USDC": 300_000.0})], terms


def replace_quantity(position: Any, times: float) -> Any:
    return position.model_copy(update={"quantity": times * position.quantity})


def test_a_joint_answer_is_checked_with_its_wallets_and_refused_as_a_whole() -> None:
    places, wallets, terms = venues()
    answer = joint(MARKET, places, wallets, terms, candidates=["PERP"], trading=CHEAP, most={"60D-1.1-C": (0.0, 0.0)})
    assert answer.status == "repaired"
    before, after = joint_holdings(MARKET, places, answer)
    assert after[0].account.collateral["BTC"] > 0.1
    assert before[0].account == places[0].account
    found = recheck_joint(MARKET, places, wallets, terms, answer, size=512)
    # a coin bought and a perpetual sold against it: nothing that moves the desk is larger, breaches are rarer
    assert found.passed, found.reasons
    assert found.findings[0].after < found.findings[0].before
    # the same answer with more sold than the coin that was bought is not
    rows = [replace_quantity(p, 3.0) if p.instrument == "PERP" else p for p in after[0].account.positions]
    (mine,) = answer.accounts
    planted = replace(mine, account=mine.account.model_copy(update={"positions": tuple(rows)}))
    naked = replace(answer, accounts=(planted,))
    worse = recheck_joint(MARKET, places, wallets, terms, naked, size=512)
    assert {f.name for f in worse.findings if f.larger} == {"expected shortfall 0.975, held-out draws"}
    kept = refused_joint(MARKET, places, naked, worse)
    assert (kept.status, kept.saving, kept.trading, kept.moving) == ("refused", 0.0, 0.0, 0.0)
    assert kept.order.steps == ()
    assert kept.accounts[0].account == places[0].account
    assert not kept.accounts[0].trades
    assert kept.margins[0] == kept.margins[1]
    assert kept.rules == tuple(v.models[0].rules.label for v in places)


def test_joint_with_capital_until_a_transfer_arrives() -> None:
    model = model_of("prbm@2026-01-01")
    places = [Venue("one", account({"PERP": -2.0}, {"USDC": 5_000.0}), (model,))]
    wallets = [Wallet(name="cold", balances={"USDC": 400_000.0})]
    outlook = Outlook(brownian(400, 24.0, 8), same_time(24.0))
    asked: dict[str, Any] = {"trading": CHEAP, "most": {"PERP": (0.0, 0.0)}}
    plain = joint(MARKET, places, wallets, **asked)
    until = joint_until_arrival(MARKET, places, wallets, None, outlook, 0.02, **asked)
    assert until.reached
    assert until.rounds == 2
    assert until.answer.bound is None
    need = evaluate([(h.name, h.account, h.model) for h in joint_holdings(MARKET, places, until.answer)[1]],
                    MARKET, outlook, 0.02)  # fmt: skip
    assert need.venues[0].idle >= -1e-3
    assert need.venues[0].capital > need.venues[0].initial
    # what margin alone asks for is not enough, and is what was there without a probability
    assert plain.accounts[0].room[1] < 1.0
    assert until.answer.accounts[0].account.collateral["USDC"] > plain.accounts[0].account.collateral["USDC"] + 1_000.0
