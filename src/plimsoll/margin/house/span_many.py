"""The arrays of SPAN on one plan, and many accounts at once: the rules of `plimsoll.margin.house.span`, run by run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from plimsoll.margin.house.span_parameters import SpanParameters
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.positions import I64
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import Lots, Universe, added
from plimsoll.margin.parts.delta import coins_of
from plimsoll.margin.parts.span import SCENARIOS, Credit, credits_of, price_risk
from plimsoll.risk import Plan, plan_pnl, unit_values
from plimsoll.scenarios import Scenarios

F64 = npt.NDArray[np.float64]

STEP = 0.01
"""Relative price move on either side of a point of the scan over which the delta there is the mean slope."""


def unit_losses(p: SpanParameters, plan: Plan, side: F64) -> F64:
    """`[N, 16]` the risk arrays: weighted loss in USD of one long contract, zero on underlyings without ranges."""
    losses = np.zeros((len(plan), SCENARIOS))
    for underlying in sorted({c.underlying for c in plan.contracts} & set(p.underlyings)):
        mine = _of(plan, underlying)
        columns = p.columns(underlying)
        losses[mine] = -(plan_pnl(plan, columns, "usd", side) * columns.weight)[mine]
    return losses


def unit_deltas(p: SpanParameters, plan: Plan, side: F64) -> F64:
    """`[N]` composite deltas of one contract in coins: the weighted mean of its deltas at the points of the scan.

    The delta at a point is the mean slope of the dollar value over one per cent of that price on either side.
    """
    deltas = np.zeros(len(plan))
    weight = np.array([d.weight for d in p.delta_points])
    for underlying in sorted({c.underlying for c in plan.contracts} & set(p.underlyings)):
        mine = _of(plan, underlying)
        at = 1.0 + np.array([d.price for d in p.delta_points]) * p.underlyings[underlying].price_scan
        gains = plan_pnl(plan, Scenarios.build(np.concatenate([at * (1.0 - STEP), at * (1.0 + STEP)])), "usd", side)
        slope = (gains[:, at.size :] - gains[:, : at.size]) / (2.0 * STEP * at * plan.spot[:, None])
        deltas[mine] = (slope @ weight / weight.sum())[mine]
    return deltas


def unit_minimum(p: SpanParameters, plan: Plan) -> F64:
    """`[N]` the least charge in USD for one contract of a sold option, zero for other contracts."""
    rate = np.array(
        [p.underlyings[c.underlying].short_option if c.underlying in p.underlyings else 0.0 for c in plan.contracts]
    )
    result: F64 = np.where(plan.option, rate * plan.spot * coins_of(plan), 0.0)
    return result


def credit_rules(p: SpanParameters, spot: Mapping[str, float]) -> tuple[Credit, ...]:
    """The credits whose legs are all in `spot` (index of each underlying, USD), their ratios in coins."""
    number = {u: n for n, u in enumerate(spot)}
    return tuple(
        Credit(
            tuple(
                (number[leg.underlying], leg.ratio / spot[leg.underlying], 1 if leg.side == "long" else -1)
                for leg in rule.legs
            ),
            rule.rate,
        )
        for rule in p.credits
        if all(leg.underlying in number for leg in rule.legs)
    )


def _of(plan: Plan, underlying: str) -> npt.NDArray[np.bool_]:
    return np.array([c.underlying == underlying for c in plan.contracts], dtype=bool)


def tiers_of(p: SpanParameters, plan: Plan) -> I64:
    """`[N]` number of the tier of each contract."""
    seconds = [None if g < 0 else float(plan.seconds[g]) for g in plan.group.tolist()]
    return np.array([p.tier_of(s) for s in seconds], dtype=np.int64)


def span_batch(p: SpanParameters, universe: Universe) -> Batch:
    """The tables of one universe, and the arithmetic on them."""
    plan, one = universe.plan, np.ones(len(universe.plan))
    loss = universe.known(unit_losses(p, plan, one))
    delta = universe.known(unit_deltas(p, plan, one))
    minimum = universe.known(unit_minimum(p, plan))
    value = universe.known(unit_values(plan, Scenarios.build([1.0]), "usd")[:, 0])
    tier, names = tiers_of(p, plan), universe.underlyings
    unit = p.offsets(1.0)
    index = {u: float(plan.spot[int(np.argmax(universe.underlying == n))]) for n, u in enumerate(names)}
    taken = {u: spot for u, spot in index.items() if u in p.underlyings and np.isfinite(spot) and spot > 0}
    place = np.array([list(taken).index(u) if u in taken else -1 for u in names], dtype=np.int64)
    rules = credit_rules(p, taken)

    def amounts(lots: Lots) -> Amounts:
        books = lots.runs(universe.underlying)
        mine = universe.underlying[lots.item[books.start]]
        spot = plan.spot[lots.item[books.start]]
        q, item = lots.quantity, lots.item
        losses = np.stack([books.sum(q * loss[item, s]) for s in range(SCENARIOS)], axis=1)
        scan = np.maximum(losses.max(axis=1, initial=0.0), 0.0)
        long, short, net = _sides(lots, books.of, len(books), q * delta[item], tier, unit.outright.size)
        calendar, spot_month = unit.charges(long, short)
        gross = books.sum(np.abs(q * delta[item]))
        net = np.where(np.abs(net) > 1e-12 * gross, net, 0.0)
        credit = np.zeros(len(books))
        if rules and len(books):
            table = np.zeros((2, lots.accounts, len(taken)))
            table[0, books.account, place[mine]] = price_risk(losses, scan)
            table[1, books.account, place[mine]] = net
            credit = credits_of(rules, table[0], table[1])[books.account, place[mine]]
        charged = scan + (calendar + spot_month) * spot - credit
        floor = books.sum(np.maximum(-q, 0.0) * minimum[item])
        risk = books.total(np.maximum(charged, floor), lots.accounts)
        equity = lots.sum(q * value[item])
        return Amounts(p.initial_ratio * risk, risk, equity, np.zeros(lots.accounts, dtype=bool))

    return amounts


def _sides(lots: Lots, book: I64, books: int, delta: F64, tier: I64, tiers: int) -> tuple[F64, F64, F64]:
    """`[R, T]` long and short deltas of each book by tier, a contract month net by itself, and `[R]` net deltas."""
    plan, universe = lots.universe.plan, lots.universe
    months = lots.runs(universe.underlying, plan.group)
    net = months.sum(delta)
    where = book[months.start] * tiers + tier[lots.item[months.start]]
    long = added(where, np.maximum(net, 0.0), books * tiers).reshape(books, tiers)
    short = added(where, np.maximum(-net, 0.0), books * tiers).reshape(books, tiers)
    return long, short, added(book[months.start], net, books)
