"""Collateral with a buffer until a transfer arrives: what coins are made of counts, and fresh paths judge."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from hedge_desks import account
from plimsoll.optimise import Holding
from plimsoll.optimise.collateral import (
    AssetTerms,
    CollateralTerms,
    Treasury,
    UntilArrival,
    Wallet,
    cheapest,
    cheapest_until_arrival,
    make_treasury,
)
from plimsoll.optimise.variation import Outlook, same_time
from transfer_paths import brownian
from treasuries import market, model_of

MARKET = market(np.random.default_rng(5))
OUTLOOK = Outlook(brownian(400, 24.0, seed=1), same_time(24.0))
FRESH = Outlook(brownian(400, 24.0, seed=2), same_time(24.0))
P = 0.05


def treasury(short: float, wallet: dict[str, float]) -> Treasury:
    """A perpetual at the house model: a fall hurts the long one and its coins together."""
    held = Holding("a", account({"PERP": -short}, {"USDC": 60_000.0}), model_of("prbm@2026-01-01"))
    terms = CollateralTerms(days=365.0, assets={"USDC": AssetTerms(carry=0.05)})
    return make_treasury(MARKET, [held], [Wallet(balances=wallet)], terms)


def solved(short: float, wallet: dict[str, float], p: float = P) -> UntilArrival:
    return cheapest_until_arrival(treasury(short, wallet), OUTLOOK, p, fresh=FRESH)


def test_every_account_has_the_capital_that_the_paths_ask_for() -> None:
    # at half a per cent of the paths more than initial margin is asked for
    found = solved(-4.0, {"BTC": 0.4, "USDC": 60_000.0}, 0.005)
    (venue,) = found.after.venues
    assert found.reached
    assert venue.idle >= -1e-6 * venue.capital
    assert venue.breach <= 0.005
    assert found.answer.accounts[0].account.collateral["BTC"] > 0.0
    assert found.answer.accounts[0].after.net_equity == pytest.approx(venue.equity)


def test_a_rarer_breach_costs_more_and_never_less_than_margin_alone() -> None:
    alone = cheapest(treasury(-4.0, {"BTC": 0.2, "USDC": 60_000.0})).after
    costs = [solved(-4.0, {"BTC": 0.2, "USDC": 60_000.0}, p).answer.after for p in (0.2, 0.02, 0.005)]
    assert alone <= costs[0] + 1e-6
    assert all(b >= a - 1e-6 for a, b in pairwise(costs))
    assert costs[-1] > alone + 1.0
    found = solved(-4.0, {"BTC": 0.2, "USDC": 60_000.0}, 0.005)
    assert found.answer.bound is not None
    assert found.answer.bound <= alone + 1e-6


def test_fresh_paths_are_told_by_account() -> None:
    found = solved(-4.0, {"BTC": 0.2, "USDC": 60_000.0})
    assert [f.name for f in found.fresh] == ["a"]
    assert 0.0 <= found.fresh[0].breach <= 0.2
    content = found.to_dict()
    assert content["holds"] == found.holds
    assert content["capital"]["after"]["venues"][0]["name"] == "a"


def test_collateral_without_paths_is_told() -> None:
    found = solved(-4.0, {"ETH": 5.0, "BTC": 0.2, "USDC": 60_000.0})
    assert any(note.startswith("ETH has no paths and stands still") for note in found.answer.notes)
