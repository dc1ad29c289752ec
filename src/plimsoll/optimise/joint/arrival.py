"""The joint program with what every account needs until a transfer arrives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from plimsoll.market import Market
from plimsoll.optimise.collateral.arrival import ENOUGH, ROUNDS
from plimsoll.optimise.collateral.terms import CollateralTerms, Wallet
from plimsoll.optimise.joint.answer import JointAnswer
from plimsoll.optimise.joint.solve import joint
from plimsoll.optimise.placement import Venue
from plimsoll.optimise.variation.evaluation import Held, evaluate
from plimsoll.optimise.variation.outlook import Outlook


@dataclass(frozen=True, eq=False)
class JointUntilArrival:
    """`answer` after `rounds` of raising floors; `reached` is false where some of the capital is still missing."""

    answer: JointAnswer
    rounds: int
    reached: bool


def joint_until_arrival(
    market: Market,
    venues: Sequence[Venue],
    wallets: Sequence[Wallet],
    terms: CollateralTerms | None,
    outlook: Outlook,
    p: float,
    *,
    buffer: float = 0.0,
    floors: Mapping[str, float] | None = None,
    **asked: Any,
) -> JointUntilArrival:
    """`joint`, with equity at each account from which it falls below its maintenance margin with probability `p` or
    less before a transfer arrives, beside initial margin with its `buffer` and `floors` (US dollars).

    What has to be there depends on the trades, the rules and what the collateral is made of: so it is solved, the paths
    are margined with what was found, and floors are raised to what they ask for, until nothing is missing. Floors never
    fall, so what is found is enough and not proved to be the cheapest: beyond the first round no bound is claimed.
    Raises what `joint` and `evaluate` raise.
    """
    raised = dict(floors or {})
    done = 0
    while True:
        answer = joint(market, venues, wallets, terms, buffer=buffer, floors=raised, **asked)
        done += 1
        found = evaluate(joint_held(venues, answer), market, outlook, p)
        missing = [v for v in found.venues if v.idle < -ENOUGH * max(1.0, v.capital)]
        if not missing or done == ROUNDS:
            break
        for v in missing:
            raised[v.name] = max(raised.get(v.name, 0.0), v.capital - (1.0 + buffer) * v.initial)
    notes = answer.notes
    if missing:
        notes += (f"what has to be there still rises after {ROUNDS} rounds: some of it is missing",)
    if done > 1:
        notes += ("what has to be there depends on what was found: no bound is claimed",)
        answer = replace(answer, bound=None, gap=None)
    return JointUntilArrival(replace(answer, notes=notes), done, not missing)


def joint_held(venues: Sequence[Venue], answer: JointAnswer) -> list[Held]:
    """The accounts after a joint answer, each under the rules chosen for it, as `evaluate` takes them."""
    chosen = zip(venues, answer.accounts, answer.rules, strict=True)
    return [(v.name, a.account, next(m for m in v.models if m.rules.label == rules)) for v, a, rules in chosen]
