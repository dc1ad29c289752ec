"""The limits of a placement of collateral: their names, and where a state stands under the exact rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from plimsoll.optimise.collateral.moves import tidy
from plimsoll.optimise.collateral.posted import Posted
from plimsoll.optimise.collateral.treasury import Treasury
from plimsoll.optimise.minimising import HELD

Held = Sequence[Mapping[str, float]]
"""Balances less loans of every node, wallets before accounts."""


def margin_name(t: Treasury, account: str) -> str:
    """The limit that an account keeps its margin, in words."""
    p = next(p for p in t.accounts if p.name == account)
    text = f"margin of {account}"
    if p.buffer:
        text += f" and {p.buffer:.4g} of it"
    return text + (f" and {p.floor:,.0f} USD" if p.floor else "")


def equity_name(p: Posted) -> str:
    """The limit that an account has the equity that the rules of capital ask for, in words."""
    if p.rules.leverage is not None and p.gross / p.rules.leverage >= p.rules.least_equity:
        return f"leverage of {p.name} at most {p.rules.leverage:g}"
    return f"equity of {p.name} at least {p.rules.least_equity:,.0f} USD"


def rooms(t: Treasury, held: Held) -> list[float]:
    """`equity - (1 + buffer) initial - floor` of each account under the exact rules, US dollars."""
    first = len(t.wallets)
    return [p.exact(tidy(t, dict(held[first + k]))) for k, p in enumerate(t.accounts)]


def equities(t: Treasury, held: Held) -> list[tuple[Posted, float]]:
    """Accounts that rules of capital ask for equity, with what they have under the exact rules; US dollars."""
    first = len(t.wallets)
    pairs = [(p, p.equity, held[first + k]) for k, p in enumerate(t.accounts)]
    return [(p, e.exact(tidy(t, dict(net)))) for p, e, net in pairs if e is not None]


def broken(t: Treasury, held: Held) -> tuple[str, ...]:
    """Limits that a state breaks, under the exact rules."""
    first, found = len(t.wallets), []
    for p, room in zip(t.accounts, rooms(t, held), strict=True):
        if room < -HELD * max(1.0, abs(p.floor), 1e-3 * abs(p.room)):
            found.append(margin_name(t, p.name))
    found += [
        equity_name(p) for p, value in equities(t, held) if value < p.least_equity - HELD * max(1.0, p.least_equity)
    ]
    for k in range(len(t.accounts)):
        found += [
            name for name, value, bound in desk_limits(t, k, held[first + k]) if value > bound + HELD * max(1.0, bound)
        ]
    return tuple(found)


def desk_limits(t: Treasury, k: int, net: Mapping[str, float]) -> list[tuple[str, float, float]]:
    """The desk's own limits on an account: name, where it stands, and its bound. Names are those of the program."""
    p, found = t.accounts[k], []
    own = t.terms.at(p.name)
    plus = {a: max(0.0, net.get(a, 0.0)) for a in t.assets}
    value = sum(x * t.price[a] for a, x in plus.items())
    for a, most in own.most.items():
        if a in p.curves:
            found.append((f"at most {most:g} {a} at {p.name}", plus[a], most))
    for a, loan in own.loans.items():
        if a in p.curves:
            owed = p.owed.get(a, 0.0)
            lent = owed + max(0.0, -net.get(a, 0.0))
            found.append((f"at most {loan.limit:g} {a} lent by {p.name}", lent, max(loan.limit, owed)))
    for a, part in own.share.items():
        if a in plus:
            name = f"at most {part:.4g} of the collateral at {p.name} in {a}"
            found.append((name, plus[a] * t.price[a] - part * value, 0.0))
    if own.most_usd is not None:
        found.append((f"at most {own.most_usd:,.0f} USD at {p.name}", value, own.most_usd))
    return found
