"""Accounts that hold and owe one asset: netted where the engine nets, else both, against trying every amount."""

from __future__ import annotations

import numpy as np
import pytest

from hedge_desks import account
from plimsoll.optimise import Holding, Venue
from plimsoll.optimise.collateral import AccountTerms, AssetTerms, CollateralTerms, Wallet, cheapest, make_treasury
from plimsoll.optimise.collateral.posted import exact_room, post, unnetted
from plimsoll.optimise.collateral.terms import Loan
from plimsoll.optimise.joint import joint
from treasuries import market, model_of

MARKET = market(np.random.default_rng(5))
COIN = MARKET.indices["BTC"].price


def held_and_owed(pack: str, coins: float, loan: float, dollars: float, short: float = 1.0) -> Holding:
    model = model_of(pack)
    book = account({"PERP": -short}, {"BTC": coins, "USDC": dollars})
    return Holding("venue", book.model_copy(update={"mode": model.MODES[0], "borrowed": {"BTC": loan}}), model)


def test_whether_the_rules_net_is_asked_of_the_engine() -> None:
    okx, bybit = (held_and_owed(p, 2.0, 0.5, 50_000.0) for p in ("okx-pm@2026-01-01", "bybit-pm@2026-04-01"))
    assert unnetted(okx.model, okx.account, MARKET) == {}
    # a loan has a margin of its own, whatever lies beside it
    assert unnetted(bybit.model, bybit.account, MARKET) == {"BTC": 0.5}
    assert post(okx, MARKET, {}).net == {"BTC": 1.5, "USDC": 50_000.0}
    both = post(bybit, MARKET, {})
    assert (both.net, both.owed) == ({"BTC": 2.0, "USDC": 50_000.0}, {"BTC": 0.5})
    assert both.account(both.net).borrowed == {"BTC": 0.5}


def test_where_the_rules_net_it_is_the_account_with_the_loan_repaid() -> None:
    both = held_and_owed("okx-pm@2026-01-01", 2.0, 0.5, 50_000.0)
    repaid = Holding("venue", both.account.model_copy(update={"collateral": {"BTC": 1.5, "USDC": 50_000.0},
                                                              "borrowed": {}}), both.model)  # fmt: skip
    terms = CollateralTerms(days=90.0, assets={"USDC": AssetTerms(carry=0.06), "BTC": AssetTerms(carry=0.01)})
    one, other = (cheapest(make_treasury(MARKET, [h], [Wallet(name="w", balances={"BTC": 0.1})], terms, buffer=0.2))
                  for h in (both, repaid))  # fmt: skip
    assert one.after == pytest.approx(other.after, abs=1e-6)
    assert one.saving > 0.0


@pytest.mark.parametrize("pack", ["bybit-pm@2026-04-01", "bybit-uta@2026-04-01"])
def test_elsewhere_the_loan_stays_and_the_cheapest_is_that_of_every_amount(pack: str) -> None:
    held = held_and_owed(pack, 2.0, 0.5, 0.0)
    terms = CollateralTerms(
        days=90.0,
        assets={"BTC": AssetTerms(carry=0.05)},
        accounts={"venue": AccountTerms(loans={"BTC": Loan(limit=0.5, rate=0.07)})},
    )
    treasury = make_treasury(MARKET, [held], [Wallet(name="cold", balances={"BTC": 0.1})], terms, buffer=0.1)
    answer = cheapest(treasury)
    assert answer.status == "optimal"
    (change,) = answer.accounts
    assert change.account.borrowed == {"BTC": 0.5}
    rows = {(b.now > 0.0): b for b in answer.balances if b.place == "venue" and b.asset == "BTC"}
    assert (rows[False].now, rows[False].after) == (-0.5, -0.5)
    # interest of 7 % on half a coin for a year
    assert rows[False].cost == pytest.approx(0.07 * 0.5 * COIN)
    assert any("owes 0.5 BTC beside what it holds" in n for n in answer.notes)

    # as little as the exact rules allow: every hundredth of a coin, then every thousandth after the last too few
    def room(coins: float) -> float:
        return exact_room(held.model, held.account.model_copy(update={"collateral": {"BTC": coins}}), MARKET, 0.1)

    coarse = [k / 100.0 for k in range(1, 200) if room(k / 100.0) >= 0.0]
    # more is never worse, so that nothing lies between
    assert len(coarse) == 200 - round(100.0 * coarse[0])
    least = next(x for x in (coarse[0] - 0.01 + k / 1000.0 for k in range(1, 11)) if room(x) >= 0.0)
    assert change.account.collateral["BTC"] == pytest.approx(least, abs=0.0011)
    # what it costs is what the coins left there forgo, and the interest, that was there before too
    parts = (2.0, change.account.collateral["BTC"])
    before, after = (0.05 * COIN * x * 90 / 365 + 0.07 * 0.5 * COIN * 90 / 365 for x in parts)
    assert answer.before == pytest.approx(before, rel=1e-9)
    assert answer.after - answer.once == pytest.approx(after, rel=1e-6)


def test_a_loan_counts_towards_what_may_be_lent() -> None:
    held = held_and_owed("bybit-pm@2026-04-01", 0.6, 0.5, 1_000.0, short=0.1)
    terms = CollateralTerms(accounts={"venue": AccountTerms(loans={"BTC": Loan(limit=0.6, rate=0.09)})})
    treasury = make_treasury(MARKET, [held], [Wallet(name="cold", balances={"USDC": 100.0})], terms)
    (posted,) = treasury.accounts
    assert posted.curves["BTC"].low[0] == pytest.approx(-0.1)
    assert posted.account({"BTC": -0.05}).borrowed == pytest.approx({"BTC": 0.55})


def test_the_joint_program_takes_such_an_account() -> None:
    held = held_and_owed("okx-pm@2026-01-01", 2.0, 0.5, 0.0)
    terms = CollateralTerms(days=90.0, assets={"BTC": AssetTerms(carry=0.05)})
    answer = joint(
        MARKET,
        [Venue("venue", held.account, (held.model,))],
        [Wallet(name="cold", balances={"BTC": 0.1})],
        terms,
        most={"PERP": (0.0, 0.0)},
        buffer=0.1,
    )
    alone = cheapest(make_treasury(MARKET, [held], [Wallet(name="cold", balances={"BTC": 0.1})], terms, buffer=0.1))
    assert answer.after == pytest.approx(alone.after, rel=1e-6)
    # netted: less is held, nothing is owed
    assert not answer.accounts[0].account.borrowed
    assert answer.accounts[0].account.collateral["BTC"] < 1.5
