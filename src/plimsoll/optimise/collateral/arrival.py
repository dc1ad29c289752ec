"""Collateral that is enough until a transfer arrives: the cheapest with a buffer that depends on what it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from plimsoll.liquidation.passage.estimate import drawing_error
from plimsoll.optimise.collateral.answer import CollateralAnswer
from plimsoll.optimise.collateral.solve import cheapest
from plimsoll.optimise.collateral.treasury import Treasury
from plimsoll.optimise.minimising import Tell
from plimsoll.optimise.solver import Effort
from plimsoll.optimise.variation.evaluation import DeskCapital, Held, evaluate
from plimsoll.optimise.variation.outlook import Outlook, breached

ROUNDS = 8
"""Times that buffers are raised to what the collateral that was found asks for."""

ENOUGH = 1e-6
"""What may be missing of the capital, as a part of it."""

DOLLAR = 0.1
"""How far from a dollar an asset without paths counts as one that could fall."""

LEVEL = 1.645
"""Standard errors above `p` at which fresh paths refuse, one-sided at 5 %."""


@dataclass(frozen=True)
class Fresh:
    """One account on paths that nothing was chosen on: how often the equity after was not enough, its standard error,
    and whether that is no more than `p` at 5 %, the errors of both sets of paths counted.
    """

    name: str
    breach: float
    error: float
    holds: bool


@dataclass(frozen=True, eq=False)
class UntilArrival:
    """`answer` with equity of at least `capital` at every account: before and after on the paths it was chosen on.

    `reached` is false where the buffers still rose in the last round. `fresh` are empty without fresh paths.
    """

    answer: CollateralAnswer
    before: DeskCapital
    after: DeskCapital
    fresh: tuple[Fresh, ...]
    rounds: int
    reached: bool

    @property
    def holds(self) -> bool:
        """Whether the capital is there and no fresh path set refuses."""
        return self.reached and all(f.holds for f in self.fresh)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return self.answer.to_dict() | {
            "capital": {"before": self.before.to_dict(), "after": self.after.to_dict()},
            "fresh": [vars(f) for f in self.fresh],
            "rounds": self.rounds,
            "reached": self.reached,
            "holds": self.holds,
        }


def cheapest_until_arrival(
    treasury: Treasury,
    outlook: Outlook,
    p: float,
    *,
    fresh: Outlook | None = None,
    worth: float = 0.0,
    effort: Effort | None = None,
    progress: Tell | None = None,
) -> UntilArrival:
    """The cheapest collateral with which each account falls below its maintenance margin with probability `p` or less
    before a transfer arrives, and has initial margin (with the buffer and floors of the treasury) now.

    What has to be there depends on what it is: coins fall with the book. So it is solved, the paths are margined again
    with the collateral found, and floors are raised to what they ask for, until nothing is missing. The bound is that
    of the first round, without floors: no collateral is below it, and it is further off than in `cheapest`. Raises what
    `cheapest` and `evaluate` raise.
    """
    floors = {a.name: a.floor for a in treasury.accounts}
    held: list[Held] = [(a.name, a.holding.account, a.holding.model) for a in treasury.accounts]
    before = evaluate(held, treasury.market, outlook, p)
    bound: float | None = None
    done, reached = 0, False
    while True:
        answer = cheapest(with_floors(treasury, floors), worth=worth, effort=effort, progress=progress)
        bound = answer.bound if done == 0 else bound
        done += 1
        pairs = zip(answer.accounts, treasury.accounts, strict=True)
        held = [(a.name, a.account, own.holding.model) for a, own in pairs]
        after = evaluate(held, treasury.market, outlook, p)
        missing = [v for v in after.venues if v.idle < -ENOUGH * max(1.0, v.capital)]
        reached = not missing
        if reached or done == ROUNDS:
            break
        for v in missing:
            own = next(a for a in treasury.accounts if a.name == v.name)
            floors[v.name] = max(floors[v.name], v.capital - (1.0 + own.buffer) * v.initial)
    notes = answer.notes
    if not reached:
        notes += (f"what has to be there still rises after {ROUNDS} rounds: some of it is missing",)
    if done > 1:
        notes += ("the bound is that of initial margin alone: buffers that depend on the collateral have none",)
    still = _still(treasury, answer, outlook)
    if still:
        notes += (f"{', '.join(still)} has no paths and stands still on them: what it may fall is not in the buffer",)
    bound = None if bound is None else min(bound, answer.after)
    gap = None if bound is None else (answer.after - bound) / max(1.0, abs(answer.after), abs(bound))
    told = replace(answer, bound=bound, gap=gap, notes=notes)
    checked = () if fresh is None else tuple(_checked(treasury, held, fresh, outlook, p))
    return UntilArrival(told, before, after, checked, done, reached)


def with_floors(treasury: Treasury, floors: Mapping[str, float]) -> Treasury:
    """The same accounts with other floors."""
    accounts = tuple(
        replace(a, floor=floors[a.name], room=a.room + a.floor - floors[a.name]) for a in treasury.accounts
    )
    return replace(treasury, accounts=accounts)


def _still(t: Treasury, answer: CollateralAnswer, outlook: Outlook) -> list[str]:
    """Assets that are posted, have no paths, and are not near a dollar."""
    posted = {a for change in answer.accounts for a, x in change.account.collateral.items() if x}
    return sorted(a for a in posted if a not in outlook.paths.names and abs(t.price.get(a, 1.0) - 1.0) > DOLLAR)


def _checked(t: Treasury, held: list[Held], fresh: Outlook, own: Outlook, p: float) -> list[Fresh]:
    found = []
    for name, account, model in held:
        rates = []
        for outlook in (fresh, own):
            run = outlook.running(name, account, model, t.market, outlook.hours(name, t.market))
            hit = outlook.paths.weight * breached(run, run.equity)
            rates.append((float(hit.mean()), drawing_error(hit, outlook.paths.clusters)))
        spread = float(np.hypot(rates[0][1], rates[1][1]))
        found.append(Fresh(name, rates[0][0], rates[0][1], rates[0][0] <= p + LEVEL * spread))
    return found
