"""Resting orders of futures by tiers: what the initial margin of each instrument rises by when they are filled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plimsoll.contracts import Contract, Settlement
from plimsoll.documents import Problem, Reason
from plimsoll.margin.account import Account
from plimsoll.margin.parts.futures_many import FutureRules
from plimsoll.margin.parts.orders import resting, value_of
from plimsoll.margin.parts.tiers import Tiers
from plimsoll.market import Market
from plimsoll.risk import compile_plan


@dataclass(frozen=True)
class OrderCharge:
    """Initial margin that the orders of one leg of one contract add, in its settlement currency."""

    subject: str
    contract: Contract
    amount: float


def order_charges(rules: FutureRules, account: Account, market: Market) -> list[OrderCharge]:
    """For each instrument and leg the worse of all buys and all sells filled at the orders' prices, less what is held.

    Reduce-only orders and those that close a leg held apart add nothing.
    """
    held = {(p.instrument, p.leg): p for p in account.positions}
    standing = resting(account.orders, market.contracts)
    plan = compile_plan([market.contracts[name] for name, _ in standing], market)
    found = []
    for i, ((name, leg), orders) in enumerate(standing.items()):
        position, contract = held.get((name, leg)), plan.contracts[i]
        quantity = 0.0 if position is None else position.quantity
        # without a position the mark is not needed: an order has its own price
        value = value_of(contract, quantity, float(plan.price[i])) if quantity else 0.0
        own = None if position is None else position.leverage
        now, *filled = orders.ends(quantity, value)
        # what is held is charged at its own leverage; filled, the leverage that an order names holds for the whole
        before = _initial(rules, contract, *now, own)
        after = [_initial(rules, contract, q, v, orders.leverage if own is None else own) for q, v in (now, *filled)]
        subject = f"orders {name}" if leg == "net" else f"orders {name} {leg}"
        found.append(OrderCharge(subject, contract, max(0.0, *(a - before for a in after))))
    return found


def order_problems(account: Account, market: Market) -> list[Problem]:
    """Orders in instruments that the market does not list."""
    allowed = f"one of the {len(market.contracts)} instruments of the market"
    return [
        Problem(f"account.orders[{i}].instrument", f"{o.instrument!r} ({Reason.UNKNOWN_INSTRUMENT.value})", allowed)
        for i, o in enumerate(account.orders)
        if o.instrument not in market.contracts
    ]


def _initial(rules: FutureRules, contract: Contract, quantity: float, value: float, chosen: float | None) -> float:
    """Initial margin, with the fee of closing, of `quantity` contracts worth `value`, both without sign."""
    rule = rules.rule(contract)
    assert rule is not None  # `problems` has refused a contract without tiers
    inverse = getattr(contract, "settlement", None) is Settlement.INVERSE
    size = value if rule[2] == "notional" or (rule[2] == "coins" and inverse) else quantity
    size *= float(getattr(contract, "multiplier", 1.0)) if rule[2] == "coins" and not inverse else 1.0
    tiers = Tiers.of(rule[1])
    least = float(tiers.initial_rate[tiers.place(np.array(size))])
    leverage = chosen if chosen is not None else rules.default_leverage
    rate = least if leverage is None else max(least, 1.0 / leverage)
    return value * (rate + rules.close_fee_rate(contract))
