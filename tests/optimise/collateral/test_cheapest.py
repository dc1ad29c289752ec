"""The cheapest collateral: planted savings, prices of limits, orders that never breach, and every refusal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import plimsoll as pl
from hedge_desks import account
from plimsoll.optimise import ConflictError, Holding
from plimsoll.optimise.collateral import (
    AccountTerms,
    AssetTerms,
    CollateralAnswer,
    CollateralTerms,
    Loan,
    Swap,
    Wallet,
    assumed_terms,
    cheapest,
    make_treasury,
)
from treasuries import market, model_of

DEAR, FREE = AssetTerms(carry=0.05), AssetTerms()
MARKET = market(np.random.default_rng(5))
OKX, PRBM = model_of("okx-pm@2026-01-01"), model_of("prbm@2026-01-01")


def book(name: str, collateral: dict[str, float], model: pl.MarginModel = PRBM, short: float = 1.0) -> Holding:
    return Holding(name, account({"PERP": -short}, collateral), model)


def solved(
    holdings: list[Holding], wallet: dict[str, float] | None, terms: CollateralTerms, **more: Any
) -> CollateralAnswer:
    worth = more.pop("worth", 0.0)
    wallets = [] if wallet is None else [Wallet(balances=wallet)]
    return cheapest(make_treasury(MARKET, holdings, wallets, terms, **more), worth=worth)


def after(answer: CollateralAnswer, place: str, asset: str) -> float:
    return next((b.after for b in answer.balances if (b.place, b.asset) == (place, asset)), 0.0)


def test_what_earns_nothing_is_posted_first() -> None:
    terms = CollateralTerms(days=365.0, assets={"USDC": DEAR, "ETH": FREE})
    answer = solved([book("a", {"USDC": 40_000.0})], {"ETH": 100.0}, terms)
    need = answer.accounts[0].before.initial
    # 93 % of its price counts under the house pack
    assert after(answer, "a", "ETH") == pytest.approx(need / (0.93 * 2_000.0), rel=1e-6)
    assert after(answer, "a", "USDC") == pytest.approx(0.0, abs=1e-6)
    assert answer.yearly[0] == pytest.approx(2_000.0)
    # the dollars earn nothing in the hour on their way back
    assert answer.after == pytest.approx(2_000.0 / 8_760.0, rel=0.05)
    assert answer.gap is not None
    assert answer.gap < 1e-9


def test_a_venue_that_lends_frees_dollars_for_another() -> None:
    """Coins at one account, a need of dollars at another: a loan against the coins pays for it."""
    derive = Holding("derive", account({"PERP": -1.0}, {"USDC": 1_000.0}), model_of("derive-pmrm2@2026-02-01"))
    coins = book("okx", {"ETH": 100.0}, OKX)
    terms = CollateralTerms(
        assets={"USDC": DEAR, "ETH": FREE},
        accounts={
            "okx": AccountTerms(loans={"USDC": Loan(limit=30_000.0, rate=0.08)}),
            "derive": AccountTerms(most={"ETH": 0.0}),
        },
    )
    answer = solved([coins, derive], None, terms)
    assert answer.status == "repaired"
    owed = -after(answer, "okx", "USDC")
    assert owed == pytest.approx(answer.accounts[1].before.initial - answer.accounts[1].before.net_equity, rel=1e-3)
    assert answer.accounts[0].after.inputs != answer.accounts[0].before.inputs
    assert all(a.room[1] >= -1e-6 for a in answer.accounts)
    with pytest.raises(ConflictError) as told:
        solved(
            [coins, derive],
            None,
            CollateralTerms.from_dict(terms.to_dict() | {"accounts": {"derive": {"most": {"ETH": 0.0}}}}),
        )
    assert told.value.limits == ("at most 0 ETH at derive", "margin of derive")
    assert told.value.smallest


def test_dollars_are_swapped_where_only_one_of_them_counts() -> None:
    derive = Holding("derive", account({"PERP": -1.0}, {"USDC": 1_000.0}), model_of("derive-pmrm2@2026-02-01"))
    swap = Swap(sell="BETH", buy="ETH", spread=0.002, size=100_000.0)
    terms = CollateralTerms(
        assets={"BETH": AssetTerms(moves_with="ETH"), "ETH": AssetTerms(moves_with="ETH")}, swaps=(swap,)
    )
    answer = solved([derive], {"BETH": 50.0}, terms)
    sold = next(m for m in answer.order.moves if m.into)
    assert sold.bought == pytest.approx(sold.amount * 1_980.0 * 0.998 / 2_000.0)
    assert answer.once == pytest.approx(0.002 * sold.amount * 1_980.0, rel=1e-3)
    assert answer.accounts[0].room[1] == pytest.approx(0.0, abs=1e-3)


def test_a_swap_that_changes_the_delta_is_refused_by_name() -> None:
    terms = CollateralTerms(swaps=(Swap(sell="USDC", buy="BTC", spread=0.001, size=1e5),))
    with pytest.raises(pl.DocumentError, match=r"terms.swaps\[0\]: got 'USDC into BTC, which changes the delta"):
        solved([book("a", {"USDC": 40_000.0})], {"USDC": 1e5}, terms)


@pytest.mark.parametrize("more", [0.0, 0.01])
def test_one_more_coin_is_worth_what_it_says(more: float) -> None:
    terms = CollateralTerms(days=365.0, assets={"USDC": DEAR})
    holdings = [book("a", {"USDC": 60_000.0}), book("b", {"USDC": 60_000.0}, OKX, 2.0)]
    answer = solved(holdings, {"BTC": 0.05 + more}, terms)
    again = solved(holdings, {"BTC": 0.06 + more}, terms)
    (worth,) = (w for w in answer.worth if w.asset == "BTC")
    assert answer.after - again.after == pytest.approx(0.01 * worth.usd, rel=1e-6)
    # against a short a coin also takes away margin at OKX: 95 % of it and more replace dollars that earn 5 %
    assert worth.usd > 0.05 * 0.95 * 70_000.0


def test_prices_of_limits_are_slopes() -> None:
    """A floor that is a dollar higher, a cap that is a coin higher."""

    def at(floor: float, cap: float) -> CollateralAnswer:
        terms = CollateralTerms(days=365.0, assets={"USDC": DEAR}, accounts={"a": AccountTerms(most={"ETH": cap})})
        return solved([book("a", {"USDC": 80_000.0})], {"ETH": 50.0}, terms, floors={"a": floor})

    answer = at(10_000.0, 2.0)
    kept = {k.name: k for k in answer.limits}
    margin, cap = kept["margin of a and 10,000 USD"], kept["at most 2 ETH at a"]
    assert at(11_000.0, 2.0).after - answer.after == pytest.approx(1_000.0 * margin.price, rel=1e-6)
    assert at(10_000.0, 3.0).after - answer.after == pytest.approx(cap.price, rel=1e-6)
    assert cap.price < 0.0 < margin.price


def test_shares_and_totals_of_a_venue_are_kept() -> None:
    own = AccountTerms(share={"ETH": 0.25}, most_usd=120_000.0)
    terms = CollateralTerms(assets={"USDC": DEAR}, accounts={"a": own})
    answer = solved([book("a", {"USDC": 60_000.0})], {"ETH": 100.0, "BTC": 0.1}, terms)
    value = {a: after(answer, "a", a) * p for a, p in (("USDC", 1.0), ("ETH", 2_000.0), ("BTC", 70_000.0))}
    assert value["ETH"] == pytest.approx(0.25 * sum(value.values()), rel=1e-6)
    tight = AccountTerms(most_usd=1_000.0)
    with pytest.raises(ConflictError) as told:
        solved([book("a", {"USDC": 60_000.0})], {}, CollateralTerms(accounts={"a": tight}))
    assert told.value.limits == ("at most 1,000 USD at a", "margin of a")


def test_what_counts_most_where_room_is_worth_it() -> None:
    """With a price on room, a coin goes where its haircut is least."""
    terms = CollateralTerms()
    answer = solved(
        [book("prbm", {"USDC": 40_000.0}), book("okx", {"USDC": 40_000.0}, OKX)], {"USDT": 1e5}, terms, worth=0.1
    )
    assert after(answer, "okx", "USDT") == pytest.approx(1e5)
    # 100 % at one against 99 %
    assert sum(a.room[1] - a.room[0] for a in answer.accounts) == pytest.approx(1e5 * 0.999, rel=1e-4)


def test_slow_transfers_are_left_out() -> None:
    terms = CollateralTerms(assets={"USDC": DEAR, "ETH": AssetTerms(hours=30.0), "BTC": AssetTerms(hours=1.0)})
    answer = solved([book("a", {"USDC": 40_000.0})], {"ETH": 100.0, "BTC": 0.01}, terms, within_hours=24.0)
    assert after(answer, "a", "ETH") == 0.0
    assert after(answer, "a", "BTC") == pytest.approx(0.01)


def test_collateral_that_changes_places_goes_in_slices() -> None:
    """Two accounts just above their lines that should have what the other has: no whole transfer can go first."""
    need = PRBM.requirement(account({"PERP": -1.0}, {"USDC": 1e6}), MARKET).initial
    one, two = book("a", {"BTC": 1.1 * need / 66_500.0}), book("b", {"USDC": 1.1 * need})
    terms = CollateralTerms(
        accounts={"a": AccountTerms(most={"BTC": 0.0}), "b": AccountTerms(most={"USDC": 0.0})},
    )
    answer = solved([one, two], None, terms)
    assert answer.status == "repaired"
    assert answer.order.slices > 1
    assert all(m.source_room is not None and m.source_room >= -1e-3 for m in answer.order.moves)


def test_where_no_order_will_do_the_start_is_kept() -> None:
    """The same with a fee for each transfer, which is therefore not cut."""
    need = PRBM.requirement(account({"PERP": -1.0}, {"USDC": 1e6}), MARKET).initial
    one, two = book("a", {"BTC": 1.1 * need / 66_500.0}), book("b", {"USDC": 1.1 * need})
    terms = CollateralTerms(
        default=AssetTerms(fee=1e-6),
        accounts={"a": AccountTerms(most={"BTC": 0.0}), "b": AccountTerms(most={"USDC": 0.0})},
    )
    answer = solved([one, two], None, terms)
    assert (answer.status, answer.order.complete) == ("short", False)
    assert "no order of the moves keeps every account above its line: the start is kept" in answer.notes
    assert answer.before == answer.after


def test_the_start_is_kept_where_nothing_is_cheaper() -> None:
    answer = solved([book("a", {"BTC": 1.0})], {"USDC": 1e5}, assumed_terms())
    assert (answer.status, answer.saving, answer.order.moves) == ("no saving", 0.0, ())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"holdings": []}, "holdings: got 'none'; allowed: one account or more"),
        ({"wallets": [Wallet(balances={"DOGE": 1.0})]}, "market.assets.DOGE: got nothing; allowed: a USD price"),
        ({"wallets": [Wallet(name="a", balances={})]}, "holdings: got 'a'; allowed: each name once"),
        ({"buffer": float("nan")}, "buffer: got nan; allowed: a part of the initial margin"),
        ({"buffer": -0.1}, "buffer: got -0.1"),
        ({"floors": {"a": float("inf")}}, "floors.a: got inf; allowed: a finite number"),
        ({"floors": {"z": 1.0}}, "floors: got 'z'; allowed: one of the accounts: a"),
        ({"within_hours": float("nan")}, "within_hours: got nan"),
        ({"terms": CollateralTerms(accounts={"z": AccountTerms()})}, "terms.accounts: got 'z'"),
    ],
)
def test_bad_input_is_named(change: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"market": MARKET, "holdings": [book("a", {"USDC": 4e4})], "wallets": []}
    with pytest.raises(pl.DocumentError) as told:
        make_treasury(**(given | change))
    assert message in str(told.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"balances": {"USDC": -1.0}}, "balances.USDC"),
        ({"balances": {"USDC": float("nan")}}, "balances.USDC"),
        ({"balances": {}, "name": ""}, "name: got"),
        ({"coins": {}}, "coins"),
    ],
)
def test_bad_wallets_are_named(content: dict[str, Any], message: str) -> None:
    whole = {"schema": "plimsoll.wallet", "schema_version": 1} | content
    with pytest.raises(pl.DocumentError) as told:
        Wallet.from_dict(whole)
    assert message in str(told.value)


def test_lending_on_what_was_borrowed_is_not_believed() -> None:
    content = {
        "schema": "plimsoll.collateral-terms",
        "schema_version": 1,
        "assets": {"USDC": {"carry": 0.05}},
        "accounts": {"a": {"loans": {"USDC": {"limit": 1e6, "rate": 0.04}}}},
    }
    with pytest.raises(pl.DocumentError, match=r"accounts.a.loans.USDC.rate: got 0.04; allowed: at least 0.05"):
        CollateralTerms.from_dict(content)


def test_worth_has_to_be_a_number() -> None:
    with pytest.raises(pl.DocumentError, match="worth: got nan"):
        solved([book("a", {"USDC": 4e4})], None, CollateralTerms(), worth=float("nan"))
