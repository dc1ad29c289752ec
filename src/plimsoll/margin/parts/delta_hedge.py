"""The trade in a perpetual that takes the delta out of an account."""

from __future__ import annotations

from plimsoll.margin.account import Account
from plimsoll.market import Market
from plimsoll.risk import compile_plan, plan_pnl
from plimsoll.scenarios import Scenarios

BUMP = 1e-4


def delta_hedge(account: Account, market: Market, underlying: str) -> tuple[str, float] | None:
    """Perpetual and signed contracts after which a small move of one underlying leaves the account where it is.

    The slope of all its positions over that of one contract, both in USD over a move of one in ten thousand each way.
    `None` where no perpetual on it is listed with a mark, or nothing is to hedge. A perpetual that is held goes before
    others, then the first by name.
    """
    rows = [p for p in account.positions if p.quantity and market.contracts[p.instrument].underlying == underlying]
    held = {p.instrument for p in rows}
    listed = sorted(
        (c.name for c in market.instruments if c.kind == "perpetual" and c.underlying == underlying),
        key=lambda n: (n not in held, n),
    )
    listed = [n for n in listed if n in held or market.marks.get(n) is not None]
    if not rows or not listed:
        return None
    plan = compile_plan([market.contracts[n] for n in (*(p.instrument for p in rows), listed[0])], market)
    pnl = plan_pnl(plan, Scenarios.build([1.0 - BUMP, 1.0 + BUMP]), "settlement")
    slope = (pnl[:, 1] - pnl[:, 0]) * plan.settle
    whole = sum(p.quantity * float(slope[i]) for i, p in enumerate(rows))
    quantity = -whole / float(slope[-1])
    return (listed[0], quantity) if quantity else None


def largest_underlying(account: Account, market: Market) -> str | None:
    """The underlying of which the account holds most, by the value of its contracts; `None` of an empty account."""
    worth: dict[str, float] = {}
    plan = compile_plan([market.contracts[p.instrument] for p in account.positions], market)
    for i, p in enumerate(account.positions):
        index = market.indices.get(plan.contracts[i].underlying)
        inverse_future = plan.style[i] == 1 and not plan.valued[i]
        unit = 1.0 if inverse_future or index is None else index.price
        name = plan.contracts[i].underlying
        worth[name] = worth.get(name, 0.0) + abs(p.quantity) * float(plan.multiplier[i]) * unit
    return max(worth, key=lambda n: (worth[n], n), default=None)
