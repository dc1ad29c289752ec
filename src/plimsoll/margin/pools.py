"""Pools of money within an account, and what of an account a model takes at all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from plimsoll.documents import Problem, Reason
from plimsoll.margin.account import Account
from plimsoll.margin.requirement import Pool

if TYPE_CHECKING:
    from plimsoll.margin.model import MarginModel

TAKEABLE = {
    "isolated": "money set apart for one position (`isolated_margin`)",
    "legs": "a long and a short leg of one instrument (`leg`)",
    "borrowed": "loans beside the balances (`borrowed`)",
    "leverage": "a leverage chosen for each position (`leverage`)",
}
"""What an account may use and not every rule set knows."""

SHARED = "shared"
"""Subject of the pool of everything that is not isolated."""


def pool(subject: str, margin: float | None, equity: float, initial: float, maintenance: float) -> Pool:
    """A pool with its health; `margin` is `None` for the shared one."""
    health = equity / maintenance if maintenance > 0 else None
    # next to nothing is required: beyond double precision no ratio tells more than none
    health = health if health is None or math.isfinite(health) else None
    return Pool(
        subject=subject,
        isolated=margin is not None,
        margin=margin,
        equity=equity,
        initial=initial,
        maintenance=maintenance,
        health=health,
    )


def pooled_equity(pools: Sequence[Pool]) -> float:
    """Net equity of the account: the shared pool as it is, isolated ones never below zero.

    >>> pooled_equity([pool(SHARED, None, 10.0, 1.0, 1.0), pool("BTCUSDT", 5.0, -3.0, 1.0, 1.0)])
    10.0
    """
    return sum(max(p.equity, 0.0) if p.isolated else p.equity for p in pools)


def pool_notes(pools: Sequence[Pool]) -> tuple[str, ...]:
    """A sentence for each pool below its own line: the sums of the account may hide it."""
    under = [p for p in pools if p.equity < p.maintenance]
    kept = "its margin is lost" if len(under) == 1 else "their margin is lost"
    if len(pools) < 2 or not under:
        return ()
    names = ", ".join(p.subject for p in under)
    return (f"below its own line: {names}" + (f"; {kept}, nothing else" if all(p.isolated for p in under) else ""),)


def untaken(model: MarginModel, account: Account) -> list[Problem]:
    """What this account uses that the rules of `model` do not know, with paths."""
    found = []
    takes = "rules that take it; these do not"
    if account.mode not in model.MODES:
        got = f"{account.mode!r} ({Reason.UNSUPPORTED_MODE.value})"
        found.append(Problem("account.mode", got, " or ".join(repr(m) for m in model.MODES)))
    for i, p in enumerate(account.positions):
        if p.isolated_margin is not None and "isolated" not in model.TAKES:
            found.append(Problem(f"account.positions[{i}].isolated_margin", repr(p.isolated_margin), takes))
        if p.leg != "net" and "legs" not in model.TAKES:
            found.append(Problem(f"account.positions[{i}].leg", repr(p.leg), "'net': these rules keep no legs apart"))
    for i, o in enumerate(account.orders):
        if o.leg != "net" and "legs" not in model.TAKES:
            found.append(Problem(f"account.orders[{i}].leg", repr(o.leg), "'net': these rules keep no legs apart"))
    if any(account.borrowed.values()) and "borrowed" not in model.TAKES:
        allowed = "nothing: these rules take a loan as a negative balance in account.collateral"
        found.append(Problem("account.borrowed", repr(account.borrowed), allowed))
    known = ", ".join(sorted(model.SETTINGS)) or "no setting at all"
    found += [Problem(f"account.settings.{s}", s, known) for s in account.settings if s not in model.SETTINGS]
    return found
