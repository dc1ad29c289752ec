"""How far a book is from the line: the price move at which net equity equals maintenance margin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.margin.account import Account
from plimsoll.margin.model import MarginModel
from plimsoll.margin.path import moved
from plimsoll.market import Market

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Distance:
    """Where health crosses one when every price moves together; `down` and `up` are `None` where it never does.

    `moves[K]` (relative, increasing, zero among them), `equity[K]` and `maintenance[K]` (the rules' currency) are
    the points looked at on the way, for a picture. `above` tells on which side of the line the account is now: above
    it the crossings are the nearest moves that would bring it to the line, below it the nearest that would lift it.
    """

    rules: str
    currency: str
    span: float
    above: bool
    down: float | None
    up: float | None
    moves: F64
    equity: F64
    maintenance: F64

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, without the points."""
        return {
            "rules": self.rules,
            "currency": self.currency,
            "span": self.span,
            "above": self.above,
            "down": self.down,
            "up": self.up,
        }


def shifted(account: Account, market: Market, multiplier: float) -> tuple[Account, Market]:
    """The same positions after every price was multiplied, with profit and loss kept; see `moved`."""
    if not multiplier > 0:
        raise refuse("multiplier", multiplier, "a number above zero")
    underlyings = {
        *market.indices,
        *(r.underlying for r in market.expiries),
        *(c.underlying for c in market.instruments),
    }
    return moved(account, market, dict.fromkeys(underlyings, multiplier))


def distance_to_line(
    model: MarginModel,
    account: Account,
    market: Market,
    *,
    span: float = 0.6,
    step: float = 0.02,
    tolerance: float = 1e-5,
) -> Distance:
    """The nearest moves down and up, within `span`, at which net equity equals the maintenance margin.

    The whole requirement is computed again in each shifted market (see `shifted`), outwards in steps of `step` and
    then by bisection to `tolerance`, so a dip narrower than a step can be missed. Instantaneous: no time passes and
    nothing is traded or called on the way. Raises what the model raises on the unshifted account.
    """
    if not 0 < step <= span < 1:
        raise refuse("span, step", f"{span!r}, {step!r}", "0 < step <= span < 1")

    def at(move: float) -> tuple[float, float]:
        # the requirement without its document: hashing every shifted market would take as long as the arithmetic
        with np.errstate(all="ignore"):
            found = model.assess(*shifted(account, market, 1.0 + move), "refuse")
        return found.net_equity, sum(c.maintenance for c in found.components)

    here = model.requirement(account, market)
    points = {0.0: (here.net_equity, here.maintenance)}
    above = here.excess_maintenance >= 0
    steps = max(1, round(span / step))
    crossings: dict[int, float | None] = {}
    for sign in (-1, 1):
        crossings[sign] = None
        inside = 0.0
        for k in range(1, steps + 1):
            move = sign * span * k / steps
            points[move] = at(move)
            if (points[move][0] >= points[move][1]) is above:
                inside = move if crossings[sign] is None else inside
                continue
            if crossings[sign] is None:
                crossings[sign] = _bisect(at, inside, move, above, tolerance)
    moves = sorted(points)
    return Distance(
        rules=here.rules,
        currency=here.currency,
        span=span,
        above=above,
        down=crossings[-1],
        up=crossings[1],
        moves=np.array(moves),
        equity=np.array([points[m][0] for m in moves]),
        maintenance=np.array([points[m][1] for m in moves]),
    )


def _bisect(
    at: Callable[[float], tuple[float, float]], inside: float, outside: float, above: bool, tolerance: float
) -> float:
    while abs(outside - inside) > tolerance:
        middle = (inside + outside) / 2
        equity, maintenance = at(middle)
        if (equity >= maintenance) is above:
            inside = middle
        else:
            outside = middle
    return (inside + outside) / 2
