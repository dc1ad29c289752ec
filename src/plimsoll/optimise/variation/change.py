"""Capital before and after trades at equal probability, and whether it holds on paths that nothing was chosen on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from plimsoll.documents import refuse
from plimsoll.liquidation.passage.estimate import drawing_error
from plimsoll.market import Market
from plimsoll.optimise.desk import Desk
from plimsoll.optimise.measure import Trades
from plimsoll.optimise.variation.capital import outlook_of
from plimsoll.optimise.variation.evaluation import DeskCapital, Held, VenueCapital, evaluate
from plimsoll.optimise.variation.outlook import Outlook, breached
from plimsoll.optimise.variation.shortfalls import Running

LEVEL = 0.05
"""Probability at which a test rejects what is true."""


@dataclass(frozen=True)
class Proof:
    """One venue on fresh paths.

    `breach` is how often the capital after was not enough there, `error` its standard error and `above_p` the chance of
    a rate so high where the true one is `p`, the errors of both sets of paths counted. `money` is how often the equity
    that lies there was not enough, before and after; `above_before` the chance of so much more after where it is
    neither more than before nor more than `p`. `fresh` are the capitals that the fresh paths ask for at `p`,
    before and after, US dollars.
    """

    name: str
    breach: float
    error: float
    above_p: float
    money: tuple[float, float]
    above_before: float
    fresh: tuple[float, float]

    @property
    def holds(self) -> bool:
        """Whether neither test rejects."""
        return min(self.above_p, self.above_before) >= LEVEL


@dataclass(frozen=True, eq=False)
class CapitalChange:
    """What trades do to capital, at the same `p` and transfer times; `proofs` by venue, in their order."""

    before: DeskCapital
    after: DeskCapital
    proofs: tuple[Proof, ...]
    fresh_paths: int

    @property
    def relief(self) -> float:
        """Capital freed, US dollars; below zero it takes more."""
        return self.before.capital - self.after.capital

    @property
    def fresh_relief(self) -> float:
        """The same by the capitals that the fresh paths ask for."""
        return sum(p.fresh[0] - p.fresh[1] for p in self.proofs)

    @property
    def holds(self) -> bool:
        """Whether no test rejects and the fresh paths see no less than nothing saved."""
        return all(p.holds for p in self.proofs) and (self.relief <= 0.0 or self.fresh_relief >= 0.0)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "relief": self.relief,
            "fresh": {
                "paths": self.fresh_paths,
                "relief": self.fresh_relief,
                "holds": self.holds,
                "venues": [vars(p) | {"fresh": list(p.fresh), "holds": p.holds} for p in self.proofs],
            },
        }


def change_of(
    market: Market,
    before: Sequence[Held],
    after: Sequence[Held],
    outlook: Outlook,
    fresh: Outlook,
    p: float,
    *,
    hours: float | None = None,
) -> CapitalChange:
    """Capital of the accounts `before` and `after` on the paths of `outlook`, held against those of `fresh`.

    Raises `DocumentError` for other names before than after, and what `evaluate` refuses.
    """
    if [n for n, _, _ in before] != [n for n, _, _ in after]:
        raise refuse(
            "after", ", ".join(n for n, _, _ in after), "the venues of before: " + ", ".join(n for n, _, _ in before)
        )
    was, now = (evaluate(held, market, outlook, p, hours=hours) for held in (before, after))
    there = [evaluate(held, market, fresh, p, hours=hours) for held in (before, after)]
    first, then = (
        [_run(fresh, market, one, v.hours) for one, v in zip(held, was.venues, strict=True)] for held in (before, after)
    )
    proofs = tuple(
        _proof(p, outlook, fresh, venue, pair, (there[0].venues[k].capital, there[1].venues[k].capital))
        for k, (venue, pair) in enumerate(zip(now.venues, zip(first, then, strict=True), strict=True))
    )
    return CapitalChange(was, now, proofs, fresh.paths.weight.size)


def _run(outlook: Outlook, market: Market, held: Held, hours: float) -> Running:
    name, account, model = held
    return outlook.running(name, account, model, market, hours)


def _proof(
    p: float,
    outlook: Outlook,
    fresh: Outlook,
    after: VenueCapital,
    runs: tuple[Running, Running],
    asked: tuple[float, float],
) -> Proof:
    weight, clusters = fresh.paths.weight, fresh.paths.clusters
    over = weight * breached(runs[1], after.capital / after.rate)
    error = drawing_error(over, clusters)
    # the amount was read off other paths, whose own error of the rate is that of a share p
    chance = np.sqrt(p * (1.0 - p) / outlook.paths.weight.size)
    spread = float(np.hypot(max(error, np.sqrt(p * (1.0 - p) / weight.size)), chance))
    money = [weight * breached(run, run.equity) for run in runs]
    first, then = (float(m.mean()) for m in money)
    if first > p:
        above = _tail(then - first, drawing_error(money[1] - money[0], clusters))
    else:
        above = _tail(then - p, max(drawing_error(money[1], clusters), float(np.sqrt(p * (1.0 - p) / weight.size))))
    return Proof(
        name=after.name,
        breach=float(over.mean()),
        error=error,
        above_p=_tail(float(over.mean()) - p, spread),
        money=(first, then),
        above_before=above,
        fresh=asked,
    )


def _tail(excess: float, error: float) -> float:
    """The chance of an excess so large: one-sided, normal; one where there is none."""
    return float(norm.sf(excess / max(error, 1e-300))) if excess > 0.0 else 1.0


def desk_held(desk: Desk, trades: Trades | None = None) -> list[Held]:
    """The accounts of a desk, after trades where there are some, as `evaluate` takes them."""
    found = []
    for k, place in enumerate(desk.places):
        account = place.holding.account if trades is None else desk.after(place, trades[k])
        found.append((place.name, account, place.holding.model))
    return found


def change_after(desk: Desk, trades: Trades, fresh: Outlook, p: float, hours: float | None = None) -> CapitalChange:
    """What trades do to the capital of a desk, held against the paths of `fresh`."""
    before, after = desk_held(desk), desk_held(desk, trades)
    return change_of(desk.market, before, after, outlook_of(desk), fresh, p, hours=hours)
