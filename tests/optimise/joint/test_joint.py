"""Together is never worse than one after the other, strictly better where it was planted, and hedges what it swaps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import plimsoll as pl
from hedge_desks import account
from joint_desks import small_joint
from plimsoll.optimise import ConflictError, Holding, TradingTerms, Venue, place
from plimsoll.optimise.collateral import (
    AccountTerms,
    AssetTerms,
    CollateralTerms,
    Swap,
    Wallet,
    cheapest,
    make_treasury,
)
from plimsoll.optimise.collateral.terms import Loan
from plimsoll.optimise.joint import JointAnswer, joint
from plimsoll.optimise.ticket import Step
from treasuries import market, model_of

MARKET = market(np.random.default_rng(5))
CHEAP = TradingTerms(size=1e3, future_fee=1e-5, option_fee=1e-5, spread=1e-5, option_spread=1e-4)


def venue(name: str, held: dict[str, float], collateral: dict[str, float], *packs: str) -> Venue:
    models = tuple(model_of(p) for p in packs)
    return Venue(name, account(held, collateral).model_copy(update={"mode": models[0].MODES[0]}), models)


def one_after_the_other(
    snapshot: pl.Market, venues: list[Venue], wallet: Wallet, terms: CollateralTerms, trading: TradingTerms, **more: Any
) -> tuple[float, float]:
    """Placement first, which lowers margin, then the cheapest collateral: what both cost, and the trades alone."""
    placed = place(snapshot, venues, worth=0.02, terms=trading, most=more.get("most"))
    models = {m.rules.label: m for v in venues for m in v.models}
    holdings = [
        Holding(v.name, after_trades(snapshot, placed, k, v), models[label])
        for k, (v, label) in enumerate(zip(venues, placed.rules, strict=True))
    ]
    answer = cheapest(make_treasury(snapshot, holdings, [wallet], terms, buffer=more.get("buffer", 0.0)))
    return answer.after + placed.answer.cost, placed.answer.cost


def after_trades(snapshot: pl.Market, placed: Any, k: int, v: Venue) -> pl.Account:
    from plimsoll.margin.trade import traded

    result = v.account
    for name, y in zip(placed.answer.names[k], placed.answer.trades[k].tolist(), strict=True):
        if y:
            result = traded(result, snapshot, name, y)
    return result


SHORT_A = {"60D-1.1-C": -3.0, "60D-1.25-C": 3.0}


def planted() -> tuple[list[Venue], Wallet, CollateralTerms]:
    """A hedge that is split: together at either account it needs little. Paradex needs less, and takes dollars alone;
    the house model takes ether, of which the wallet is full and which earns nothing.
    """
    venues = [
        venue("house", {"60D-1.1-C": -3.0, "PERP": 1.0}, {"USDC": 150_000.0}, "prbm@2026-01-01"),
        venue("paradex", {"60D-1.25-C": 3.0, "PERP": -0.5}, {"USDC": 60_000.0}, "paradex-pm@2026-01-01"),
    ]
    terms = CollateralTerms(days=90.0, assets={"USDC": AssetTerms(carry=0.06), "ETH": AssetTerms(carry=0.0)})
    return venues, Wallet(balances={"ETH": 500.0}), terms


def test_together_beats_one_after_the_other_where_collateral_decides() -> None:
    venues, wallet, terms = planted()
    apart, _ = one_after_the_other(MARKET, venues, wallet, terms, CHEAP)
    answer = joint(MARKET, venues, [wallet], terms, trading=CHEAP, keep_positions=True)
    assert answer.status == "optimal"
    assert answer.after < 0.8 * apart
    assert answer.gap is not None
    assert answer.gap <= 1e-6
    # what needs collateral is where ether counts
    assert answer.accounts[1].after.initial < answer.accounts[0].after.initial


@pytest.mark.parametrize("seed", [1, 5, *(pytest.param(s, marks=pytest.mark.long) for s in (0, 3, 6, *range(7, 31)))])
def test_together_is_never_worse(seed: int) -> None:
    p = small_joint(seed)
    try:
        apart, _ = one_after_the_other(
            p.market, list(p.venues), p.wallet, p.terms, p.trading, most=p.most, buffer=p.buffer
        )
    except (ConflictError, pl.DocumentError):
        apart = np.inf
    answer = joint(p.market, p.venues, [p.wallet], p.terms, **p.keywords())
    # the placement may trade parts that the joint problem has in lots: its terms are the same
    assert answer.after <= apart + 1e-6 * max(1.0, abs(answer.after))


def swapped(**more: Any) -> JointAnswer:
    """An account in need that takes coins, and dollars in the wallet that no account takes: a swap pays, hedged."""
    coins = venue("okx-like", {"60D-1.1-C": -2.0}, {"USDC": 20_000.0}, "prbm@2026-01-01")
    terms = CollateralTerms(
        assets={"USDC": AssetTerms(carry=0.10), "BTC": AssetTerms(carry=0.0)},
        accounts={"okx-like": AccountTerms(most={"USDC": 20_000.0})},
        swaps=(Swap(sell="USDC", buy="BTC", spread=0.0005, size=200_000.0),),
    )
    given: dict[str, Any] = {"candidates": ["PERP"], "trading": CHEAP, "most": {"60D-1.1-C": (0.0, 0.0)}} | more
    return joint(MARKET, [coins], [Wallet(balances={"USDC": 300_000.0})], terms, **given)


def test_a_swap_into_a_coin_is_hedged_in_the_same_program() -> None:
    answer = swapped()
    assert answer.status == "repaired"
    bought = sum(m.bought for m in answer.order.steps if not isinstance(m, Step) and m.into == "BTC")
    hedged = sum(y for a in answer.accounts for n, y in a.trades.items() if n == "PERP")
    assert bought > 0.1
    # one perpetual moves with its index by its mark over the index
    assert hedged == pytest.approx(-bought, rel=2e-3)
    (delta,) = (k for k in answer.limits if k.name.startswith("delta BTC"))
    assert delta.after == pytest.approx(0.0, abs=1e-6)
    down, up = (next(k for k in answer.limits if k.name.startswith(f"outside loss {s} <=")) for s in ("down", "up"))
    # two calls sold: a rise of 60 % costs; the coin that is bought and the future that is sold leave it as it is
    assert up.before == pytest.approx(up.bound)
    assert up.before > 50_000.0
    for side in (down, up):
        assert side.after <= side.bound + 1e-6 * max(1.0, side.bound)
    assert up.after == pytest.approx(up.before, rel=1e-2)


def test_without_a_hedge_the_swap_is_in_conflict_with_the_delta() -> None:
    with pytest.raises(ConflictError) as told:
        swapped(most={"PERP": (0.0, 0.0), "60D-1.1-C": (0.0, 0.0)}, candidates=[])
    assert "margin of okx-like" in told.value.limits
    # a fall that costs more than today forbids the coin as today's delta does: either is a smallest set with the margin
    assert any(n.startswith(("delta BTC", "outside loss down")) for n in told.value.limits)


def test_every_step_keeps_every_account_above_its_line() -> None:
    venues, wallet, terms = planted()
    answer = joint(MARKET, venues, [wallet], terms, trading=CHEAP, keep_positions=True, buffer=0.1)
    assert answer.order.complete
    for step in answer.order.steps:
        if isinstance(step, Step):
            assert step.excess >= -1e-3
        elif step.source_room is not None:
            assert step.source_room >= -1e-3
    assert sum(sum(a.trades.values()) for a in answer.accounts) == pytest.approx(0.0, abs=1e-6)


def test_margin_may_have_a_price_of_its_own() -> None:
    venues, wallet, terms = planted()
    plain = joint(MARKET, venues, [wallet], terms, trading=CHEAP, keep_positions=True)
    dear = joint(MARKET, venues, [wallet], terms, trading=CHEAP, keep_positions=True, worth=5.0)
    assert dear.margins[1] < plain.margins[1]


def test_a_loan_is_part_of_the_same_program() -> None:
    _, _, terms = planted()
    okx = venue("okx", {"PERP": -1.0}, {"ETH": 60.0, "USDC": 1_000.0}, "okx-pm@2026-01-01")
    need = venue("paradex", {"60D-1.1-C": -0.3}, {"USDC": 1_000.0}, "paradex-pm@2026-01-01")
    lent = {"okx": AccountTerms(loans={"USDC": Loan(limit=60_000.0, rate=0.09)})}
    terms = CollateralTerms.from_dict(terms.to_dict() | {"accounts": {n: a.model_dump() for n, a in lent.items()}})
    answer = joint(MARKET, [okx, need], [], terms, trading=CHEAP, most={"PERP": (0.0, 0.0), "60D-1.1-C": (0.0, 0.0)})
    owed = next(b.after for b in answer.balances if (b.place, b.asset) == ("okx", "USDC"))
    assert owed < 0.0
    assert answer.accounts[1].room[1] >= -1e-3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"worth": float("nan")}, "worth: got nan"),
        ({"delta_band": -1.0}, "delta_band: got -1.0"),
        ({"buffer": float("inf")}, "buffer: got inf"),
        ({"candidates": ["NOTHING"]}, "NOTHING"),
    ],
)
def test_bad_input_is_named(change: dict[str, Any], message: str) -> None:
    venues, wallet, terms = planted()
    with pytest.raises(pl.DocumentError) as told:
        joint(MARKET, venues, [wallet], terms, trading=CHEAP, **change)
    assert message in str(told.value)


def test_too_many_combinations_are_refused() -> None:
    venues, wallet, terms = planted()
    many = Venue("many", venues[0].account, venues[0].models * 5)
    other = Venue("other", venues[0].account, venues[0].models * 5)
    with pytest.raises(pl.DocumentError, match="25 combinations of rule sets"):
        joint(MARKET, [many, other], [wallet], terms)
