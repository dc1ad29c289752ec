"""How far a book is from the line: the price move at which net equity equals maintenance margin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import is_option
from plimsoll.documents import refuse
from plimsoll.margin.account import Account, Position
from plimsoll.margin.model import MarginModel
from plimsoll.market import Depth, Mark, Market
from plimsoll.risk import compile_plan, plan_pnl
from plimsoll.scenarios import Scenarios

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
    """The same positions after every price was multiplied, with profit and loss kept; volatilities stay per strike.

    Indices, the part of forwards that still moves, marks of futures and perpetuals, and prices of coins that have an
    index are multiplied; stable coins and other assets are not. A position without an entry price gets the cash flow
    of the move as unrealised profit. Marked option prices and order books describe the old price and are dropped;
    instruments that the account neither holds nor has an order for are left out.
    """
    if not multiplier > 0:
        raise refuse("multiplier", multiplier, "a number above zero")
    named = dict.fromkeys([*(p.instrument for p in account.positions), *(o.instrument for o in account.orders)])
    held = [name for name in named if name in market.contracts]
    plan = compile_plan([market.contracts[name] for name in held], market)
    flow = plan_pnl(plan, Scenarios.build([multiplier]), "settlement")[:, 0]
    unit = {name: float(flow[i]) for i, name in enumerate(held)}
    share = {}
    for i, contract in enumerate(plan.contracts):
        e = int(plan.group[i])
        total = plan.forward[e] if e >= 0 else np.nan
        moving = plan.variable[e] / total if e >= 0 and total > 0 else 1.0
        share[contract.name] = float(moving) if np.isfinite(moving) else 1.0
    marks = {
        name: _shifted_mark(mark, is_option(market.contracts[name]), 1.0 + (multiplier - 1.0) * share[name])
        for name, mark in market.marks.items()
        if name in unit
    }
    no_depth: dict[str, Depth] = {}
    content: dict[str, Any] = {
        "time": market.time,
        "source": market.source,
        "indices": {n: x.model_copy(update={"price": x.price * multiplier}) for n, x in market.indices.items()},
        "assets": {
            n: x.model_copy(update={"price": x.price * multiplier}) if n in market.indices else x
            for n, x in market.assets.items()
        },
        "expiries": tuple(
            row
            if row.forward is None or row.expiry <= market.time
            else row.model_copy(
                update={"forward": row.forward.model_copy(update={"variable": row.forward.variable * multiplier})}
            )
            for row in market.expiries
        ),
        "instruments": tuple(c for c in market.instruments if c.name in unit),
        "marks": marks,
        "depth": no_depth,
    }
    # every part was validated when it was made; building anew also leaves the old snapshot's cached tables behind
    moved = Market.model_construct(**content)
    positions = tuple(_shifted_position(p, market, unit) for p in account.positions)
    return account.model_copy(update={"positions": positions}), moved


def _shifted_mark(mark: Mark, option: bool, factor: float) -> Mark:
    gone = {"bid": None, "ask": None}
    if option:
        return mark.model_copy(update={**gone, "price": None})
    return mark.model_copy(update={**gone, "price": None if mark.price is None else mark.price * factor})


def _shifted_position(position: Position, market: Market, unit: dict[str, float]) -> Position:
    contract = market.contracts.get(position.instrument)
    linear = contract is not None and contract.kind in ("future", "perpetual")
    if not linear or position.entry_price is not None or position.quantity == 0.0:
        return position
    gained = (position.unrealised_pnl or 0.0) + position.quantity * unit[position.instrument]
    return position.model_copy(update={"unrealised_pnl": gained})


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
