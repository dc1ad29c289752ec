"""Positions moved to another account of the desk as a remedy: the trades of `place`, and both accounts looked at."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from plimsoll.margin import Account
from plimsoll.optimise.desk import Holding
from plimsoll.optimise.placement import Venue, place
from plimsoll.optimise.sizing.chance import Course, Watch
from plimsoll.optimise.sizing.trading import Trader

OWN = "this account"


@dataclass(frozen=True, eq=False)
class Moved:
    """`trades` of the account that the remedy is for, in signed contracts; the other account does the opposite. Both
    accounts after, costs paid by who trades, and the cost in US dollars.
    """

    trades: dict[str, float]
    account: Account
    other: Account
    cost: float


def moved_to(watch: Watch, account: Account, other: Holding, trader: Trader, worth: float) -> Moved | None:
    """What `place` moves between two accounts, each under its own rules; `None` where it moves nothing.

    Raises what `place` raises, and `DocumentError` for a trade beyond what there is.
    """
    own = Venue(OWN, account, (watch.model,))
    there = Venue(other.name, other.account, (other.model,))
    found = place(watch.market, [own, there], worth=worth, terms=trader.terms)
    sides = []
    for names, quantities in zip(found.answer.names, found.answer.trades, strict=True):
        sides.append({n: float(q) for n, q in zip(names, quantities.tolist(), strict=True) if q})
    if not any(sides):
        return None
    after, cost = trader.after(account, sides[0])
    beside, its = trader.after(other.account, sides[1])
    return Moved(sides[0], after, beside, cost + its)


def either(watch: Watch, account: Account, other: Holding, rates: tuple[float, float]) -> Course:
    """Both accounts on the same paths: what is missing at the one that misses more, in the currency of the first.

    `rates` are the US dollars of the currencies of their margins. What is announced holds for the first alone.
    """
    own = watch.course(account)
    beside = replace(watch, model=other.model, change=None).course(other.account)
    missing = np.maximum(own.missing, beside.missing * (rates[1] / rates[0]))
    return Course(missing, own.currency, own.paths, tuple(dict.fromkeys((*own.notes, *beside.notes))))
