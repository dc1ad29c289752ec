"""The hedge that lowers margin most for what it costs, within limits on exposures and on what lies beyond the grids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from plimsoll.documents import refuse
from plimsoll.optimise import algebra as al
from plimsoll.optimise.answer import Answer
from plimsoll.optimise.desk import Desk
from plimsoll.optimise.minimising import Tell, minimise
from plimsoll.optimise.solver import Effort, Solver


@dataclass(frozen=True)
class Wish:
    """What a hedge is to do.

    `worth` is what a dollar of margin that is freed is worth, in dollars: the financing saved until the trades would be
    undone (0.02 is a quarter of a year at 8 %; assumed where it is not given). Deltas stay within `delta_band` coins of
    today's (None: free), vegas within `vega_band` dollars a point of today's (None: free). `budget` caps the cost,
    `most` the instruments traded, `es` is a level and a cap in dollars. `beyond` is what the desk may lose at worst in
    scenarios outside every grid, down and up each, where that is more than it would lose today. `protect` caps the
    loss of falls outside the grids by buying puts alone; deltas then go where the puts take them, and a rise costs
    their premium on top. With `breach` capital is counted instead of margin: margin and what has to lie beside it so
    that each account falls below its maintenance margin with that probability or less before a transfer of `transfer`
    hours arrives (left out, as the outlook of the desk has it).
    """

    worth: float = 0.02
    delta_band: float | None = 0.0
    vega_band: float | None = None
    budget: float | None = None
    most: int | None = None
    es: tuple[float, float] | None = None
    beyond: float = 0.0
    protect: float | None = None
    breach: float | None = None
    transfer: float | None = None


def goal_of(wish: Wish) -> al.Term:
    """`worth margin + cost`, or `worth capital + cost` with a probability of a breach."""
    if not 0.0 < wish.worth < float("inf"):
        raise refuse("worth", wish.worth, "dollars above zero for a dollar of margin freed")
    return wish.worth * al.capital(p=wish.breach, transfer=wish.transfer) + al.cost()


def limits_of(desk: Desk, wish: Wish) -> tuple[al.Limit, ...]:
    """The limits of a wish over a desk. Raises `DocumentError` for a band, cap or number below zero."""
    for name in ("delta_band", "vega_band", "budget", "most", "beyond", "protect"):
        value = getattr(wish, name)
        if value is not None and not 0.0 <= value < float("inf"):
            raise refuse(name, value, "a number of at least zero")
    limits: list[al.Limit] = []
    for u in desk.underlyings:
        for band, term in ((wish.delta_band, al.delta(u)), (wish.vega_band, al.vega(u))):
            if band is not None and not (wish.protect is not None and isinstance(term, al.Delta)):
                limits += _around(desk, term, band)
    if wish.budget is not None:
        limits.append(al.cost() <= wish.budget)
    if wish.most is not None:
        limits.append(al.tickets() <= float(wish.most))
    if wish.es is not None:
        limits.append(al.es(wish.es[0]) <= wish.es[1])
    return (*limits, *_beyond(desk, wish))


def _around(desk: Desk, term: al.Term, band: float) -> list[al.Limit]:
    from plimsoll.optimise.measure import start

    if band == 0.0:
        return [term == al.today]
    today = start(desk, term)
    return [term <= today + band, term >= today - band]


def _beyond(desk: Desk, wish: Wish) -> list[al.Limit]:
    """Falls and rises apart, all coins together and each alone: a gain on one side pays for no loss on the other."""
    from plimsoll.optimise.measure import start

    several = desk.underlyings if len(desk.underlyings) > 1 else ()
    limits = []
    for u in (None, *several):
        # a bought put loses its premium in a rise and no more: with nothing else to trade rises need no cap
        for side in ("down", "up") if wish.protect is None else ("down",):
            term = al.Loss(side, u)
            cap = max(start(desk, term), wish.beyond)
            if side == "down" and wish.protect is not None:
                cap = wish.protect if u is None else max(cap, wish.protect)
            limits.append(term <= cap)
    return limits


def protective(desk: Desk) -> dict[str, tuple[float, float]]:
    """Caps for `make_desk` by which nothing but puts can be traded, and these only bought."""
    found = {}
    for place in desk.places:
        plan = place.exposures.plan
        for i, name in enumerate(place.names):
            put = bool(plan.option[i] and not plan.call[i])
            found[name] = (float("inf") if put else 0.0, 0.0)
    return found


def hedge(
    desk: Desk,
    wish: Wish | None = None,
    further: Sequence[al.Limit] = (),
    *,
    effort: Effort | None = None,
    solver: Solver | None = None,
    progress: Tell | None = None,
) -> Answer:
    """The trades that make `worth * margin + cost` least within the limits of `wish` and `further` ones.

    Raises what `minimise` raises. With `protect` the desk has to be one that can only buy puts (see `protective`).
    """
    asked = wish or Wish()
    if asked.protect is not None:
        for place in desk.places:
            plan = place.exposures.plan
            for name, put, (buy, sell) in zip(place.names, plan.option & ~plan.call, place.sides, strict=True):
                if sell.most or (buy.most and not put):
                    raise refuse("protect", f"a desk that may trade {name}", "one that can only buy puts: `protective`")
    limits = (*limits_of(desk, asked), *further)
    return minimise(desk, goal_of(asked), limits, effort=effort, solver=solver, progress=progress)
