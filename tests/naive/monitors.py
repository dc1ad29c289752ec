"""The monitors in plain Python: from documents of accounts and a market, one loop for each sentence of a docstring."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any


@dataclass
class NaivePosition:
    instrument: str
    underlying: str
    quantity: float
    notional: float
    """USD of one contract."""
    delta: float
    """USD of delta of one contract, signed."""


@dataclass
class NaiveAccount:
    name: str
    initial: float
    maintenance: float
    equity: float
    collateral: dict[str, float] = field(default_factory=dict)
    """USD by asset."""
    positions: list[NaivePosition] = field(default_factory=list)

    def gross(self) -> float:
        return sum(abs(p.quantity) * p.notional for p in self.positions)


def utilisation(accounts: list[NaiveAccount]) -> dict[str, Any]:
    equity = sum(a.equity for a in accounts)
    initial = sum(a.initial for a in accounts)
    used = sorted(a.initial / a.equity if a.equity > 0 else math.inf for a in accounts if a.initial > 0)
    return {
        "total": initial / equity if equity > 0 else None,
        "over": sum(1 for a in accounts if a.equity < a.initial),
        "free": sum(a.equity - a.initial for a in accounts if a.equity > a.initial),
        "missing": sum(a.initial - a.equity for a in accounts if a.equity < a.initial),
        "largest": used[-1] if used and math.isfinite(used[-1]) else None,
    }


def herfindahl(accounts: list[NaiveAccount], key: str) -> dict[str, dict[str, tuple[float, float, int]]]:
    """By market and side: index, notional, holders."""
    markets = sorted({getattr(p, key) for a in accounts for p in a.positions})
    found: dict[str, dict[str, tuple[float, float, int]]] = {}
    for market in markets:
        for side, sign in (("long", 1), ("short", -1)):
            held = {}
            for a in accounts:
                own = sum(
                    abs(p.quantity) * p.notional
                    for p in a.positions
                    if getattr(p, key) == market and sign * p.quantity > 0
                )
                if own > 0:
                    held[a.name] = own
            total = sum(held.values())
            if total > 0:
                index = sum((x / total) ** 2 for x in held.values())
                found.setdefault(market, {})[side] = (index, total, len(held))
    return found


def leverages(accounts: list[NaiveAccount]) -> dict[str, float]:
    return {a.name: a.gross() / a.equity if a.equity > 0 else math.inf for a in accounts if a.gross() > 0}


def groups(accounts: list[NaiveAccount], positions: float, collateral: float) -> list[set[str]]:
    """Every pair is asked whether it is linked; then whoever can be reached is one group."""

    def sides(a: NaiveAccount) -> set[tuple[str, int]]:
        found = set()
        for u in {p.underlying for p in a.positions}:
            for sign in (1, -1):
                usd = sum(
                    abs(p.quantity * p.delta)
                    for p in a.positions
                    if p.underlying == u and sign * p.quantity * p.delta > 0
                )
                if usd > 0 and usd >= positions * a.gross():
                    found.add((u, sign))
        return found

    def assets(a: NaiveAccount) -> set[str]:
        total = sum(x for x in a.collateral.values() if x > 0)
        return {n for n, x in a.collateral.items() if x > 0 and x >= collateral * total}

    attached = [(sides(a), assets(a)) for a in accounts]
    left = set(range(len(accounts)))
    found = []
    while left:
        queue = [left.pop()]
        group = set(queue)
        while queue:
            at = queue.pop()
            for other in list(left):
                if attached[at][0] & attached[other][0] and attached[at][1] & attached[other][1]:
                    left.discard(other)
                    group.add(other)
                    queue.append(other)
        if len(group) > 1:
            found.append({accounts[a].name for a in group})
    return sorted(found, key=sorted)


def bucket(below: list[bool], now: bool) -> int | None:
    """The first edge at which an account is below its line; `None`: it is now, `len(below)`: nowhere."""
    if now:
        return None
    for k, one in enumerate(below):
        if one:
            return k
    return len(below)


def evidence(shares: list[float], level: float, bets: tuple[float, ...]) -> tuple[float, float]:
    """The e-value and the e-detector of shares of exceptions, one after the other."""
    values, restarted = [], []
    for bet in bets:
        value, again = 1.0, 0.0
        for share in shares:
            factor = 1.0 + bet / level * (share - level)
            value *= factor
            again = (again + 1.0) * factor
        values.append(value)
        restarted.append(again)
    return sum(values) / len(values), sum(restarted) / len(restarted)
