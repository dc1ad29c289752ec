"""Answers that move collateral checked again, wallets with the accounts, and refused where the start has to be kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from plimsoll.market import Market
from plimsoll.optimise.collateral.answer import Balance, CollateralAnswer
from plimsoll.optimise.collateral.arrival import ENOUGH, UntilArrival
from plimsoll.optimise.collateral.moves import Order
from plimsoll.optimise.collateral.terms import CollateralTerms, Wallet
from plimsoll.optimise.collateral.treasury import Treasury
from plimsoll.optimise.desk import Holding
from plimsoll.optimise.joint.answer import JointAnswer
from plimsoll.optimise.joint.arrival import joint_held
from plimsoll.optimise.joint.order import Steps
from plimsoll.optimise.placement import Venue, as_held
from plimsoll.optimise.recheck.check import Recheck, recheck
from plimsoll.optimise.recheck.wallets import Owned, WalletHolding


def recheck_collateral(treasury: Treasury, answer: CollateralAnswer, **options: Any) -> Recheck:
    """`recheck` of accounts and wallets before and after the moves of an answer."""
    before: list[Owned] = [p.holding for p in treasury.accounts]
    after: list[Owned] = [
        replace(p.holding, account=a.account) for p, a in zip(treasury.accounts, answer.accounts, strict=True)
    ]
    now, then = wallets_of(treasury.wallets, answer.balances)
    moves_with = _followed(treasury.terms)
    return recheck(treasury.market, before + now, after + then, moves_with=moves_with, **options)


def joint_holdings(market: Market, venues: Sequence[Venue], answer: JointAnswer) -> tuple[list[Holding], list[Holding]]:
    """The accounts under the rules that they are under, and after a joint answer under those chosen."""
    before = [as_held(v, v.models[0], market) for v in venues]
    return before, [Holding(*held) for held in joint_held(venues, answer)]


def recheck_joint(
    market: Market,
    venues: Sequence[Venue],
    wallets: Sequence[Wallet],
    terms: CollateralTerms,
    answer: JointAnswer,
    **options: Any,
) -> Recheck:
    """`recheck` of accounts and wallets before and after the trades and moves of an answer, each under its rules."""
    before, after = joint_holdings(market, venues, answer)
    now, then = wallets_of(wallets, answer.balances)
    return recheck(market, [*before, *now], [*after, *then], moves_with=_followed(terms), **options)


def wallets_of(wallets: Sequence[Wallet], balances: Sequence[Balance]) -> tuple[list[Owned], list[Owned]]:
    """Wallets as holdings before and after; balances that are not named are less than a cent."""
    now: list[Owned] = [WalletHolding(w.name, dict(w.balances)) for w in wallets]
    then: list[Owned] = [
        WalletHolding(w.name, {b.asset: b.after for b in balances if b.place == w.name}) for w in wallets
    ]
    return now, then


def refused_collateral(treasury: Treasury, answer: CollateralAnswer, found: Recheck) -> CollateralAnswer:
    """The start kept: nothing is moved, and the notes say what was larger."""
    accounts = tuple(
        replace(a, account=p.holding.account, after=a.before, room=(a.room[0], a.room[0]))
        for p, a in zip(treasury.accounts, answer.accounts, strict=True)
    )
    return replace(
        answer,
        status="refused",
        after=answer.before,
        bound=None,
        gap=None,
        once=0.0,
        accounts=accounts,
        balances=_kept(answer.balances),
        order=Order((), True, 1),
        limits=tuple(replace(k, after=k.before, price=0.0) for k in answer.limits),
        worth=(),
        notes=(*answer.notes, *_reasons(found)),
    )


def refused_until(treasury: Treasury, until: UntilArrival, found: Recheck) -> UntilArrival:
    """The same where capital was asked for: that of the start, which may not be there."""
    there = all(v.idle >= -ENOUGH * max(1.0, v.capital) for v in until.before.venues)
    answer = refused_collateral(treasury, until.answer, found)
    return replace(until, answer=answer, after=until.before, fresh=(), reached=there)


def refused_joint(market: Market, venues: Sequence[Venue], answer: JointAnswer, found: Recheck) -> JointAnswer:
    """The start kept, under the rules that hold now."""
    accounts = tuple(
        replace(
            a,
            account=as_held(v, v.models[0], market).account,
            after=a.before,
            room=(a.room[0], a.room[0]),
            rate=(a.rate[0], a.rate[0]),
            trades={},
            cost=0.0,
        )
        for v, a in zip(venues, answer.accounts, strict=True)
    )
    return replace(
        answer,
        status="refused",
        after=answer.before,
        bound=None,
        gap=None,
        trading=0.0,
        moving=0.0,
        margins=(answer.margins[0], answer.margins[0]),
        rules=tuple(v.models[0].rules.label for v in venues),
        accounts=accounts,
        balances=_kept(answer.balances),
        order=Steps((), True, 1),
        limits=tuple(replace(k, after=k.before, price=0.0) for k in answer.limits),
        worth=(),
        notes=(*answer.notes, *_reasons(found)),
    )


def _kept(balances: Sequence[Balance]) -> tuple[Balance, ...]:
    """Those of the start; what one more dollar would count for was told of the end."""
    return tuple(
        replace(
            b,
            after=b.now,
            counts=None if b.counts is None else (b.counts[0], b.counts[0]),
            cost=b.cost_now,
            beyond=None,
        )
        for b in balances
        if b.now
    )


def _reasons(found: Recheck) -> tuple[str, ...]:
    return (*(f"refused: {r}" for r in found.reasons), "the start is kept; --allow-riskier moves")


def _followed(terms: CollateralTerms) -> dict[str, str]:
    return {asset: own.moves_with for asset, own in terms.assets.items() if own.moves_with is not None}
