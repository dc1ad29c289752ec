"""The rows of a placement of collateral: balances, what they count for, transfers with their fees, limits by name.

Every column of an amount is in US dollars at the price of the asset, so that coins and dollars have one scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from plimsoll.optimise.collateral.curve import Curve
from plimsoll.optimise.collateral.treasury import Route, Treasury
from plimsoll.optimise.layout import Layout, Row, added
from plimsoll.risk.plan import F64, I64

_NONE = np.zeros(0, dtype=np.int64)


@dataclass(eq=False)
class Placed:
    """Where collateral stands in a program.

    `sent[R]` is the value of each route as it arrives, `made[R]` its switch or -1, `swapped[W, S]` dollars sold in each
    wallet by each swap. `room` is, for each account, what its balances add to its room beside the start; `balance`
    the row that keeps the account of a node and an asset, `limits` the rows of each limit by its name.
    """

    sent: I64
    made: I64
    swapped: I64
    cost: Row
    room: dict[str, Row] = field(default_factory=dict)
    equity: dict[str, Row] = field(default_factory=dict)
    balance: dict[tuple[int, str], int] = field(default_factory=dict)
    limits: dict[str, tuple[int, ...]] = field(default_factory=dict)


def one(column: int, value: float = 1.0) -> Row:
    """A multiple of one column."""
    return Row(np.array([column], dtype=np.int64), np.array([value]))


def number(value: float) -> Row:
    """A constant."""
    return Row(_NONE, np.zeros(0), value)


def place_collateral(layout: Layout, t: Treasury, paid: Mapping[tuple[int, str], list[Row]] | None = None) -> Placed:
    """Add the columns and rows of a treasury. What its accounts have to keep is left to the caller: see `room`.

    `paid` are US dollars that something else adds to the balance of an asset at a node: premiums and costs of trades.
    """
    most = {a: x * t.price[a] for a, x in t.most.items()}
    sent, made, costs = [], [], list[Row]()
    flows: dict[tuple[int, str], list[Row]] = {(n, a): [] for n in range(len(t.nodes)) for a in t.assets}
    for key, rows in (paid or {}).items():
        flows[key] += rows
    for r in t.routes:
        x, on = _transfer(layout, t, r, most[r.asset])
        sent.append(x)
        made.append(on)
        # the sender pays: a part of the amount, and the fee of the transfer
        price = t.price[r.asset]
        leaves = [one(x, -(1.0 + r.rate)), *([one(on, -r.fee * price)] if on >= 0 else [])]
        flows[r.source, r.asset] += leaves
        flows[r.target, r.asset].append(one(x))
        costs.append(one(x, r.unit + r.rate))
        if on >= 0:
            costs.append(one(on, r.fee * price))
    swapped = np.zeros((len(t.wallets), len(t.terms.swaps)), dtype=np.int64)
    for k, s in enumerate(t.terms.swaps):
        for w in range(len(t.wallets)):
            x = int(layout.new(0.0, s.size)[0])
            swapped[w, k] = x
            flows[w, s.sell].append(one(x, -1.0))
            flows[w, s.buy].append(one(x, 1.0 - s.spread))
            costs.append(one(x, t.swap_cost(s)))
        # the depth is one, whoever takes it
        layout.add(added([one(int(x)) for x in swapped[:, k]]), -np.inf, s.size)
    placed = Placed(np.array(sent, dtype=np.int64), np.array(made, dtype=np.int64), swapped, number(0.0))
    costs.append(number(t.carrying([{} for _ in t.nodes])))
    for w in range(len(t.wallets)):
        for a in t.assets:
            left = int(layout.new(0.0, np.inf)[0])
            start = t.held(w).get(a, 0.0) * t.price[a]
            placed.balance[w, a] = layout.add(added([one(left, -1.0), *flows[w, a]]), -start, -start)
            costs.append(one(left, t.holding_cost(w, a, 1.0 / t.price[a])))
    for k in range(len(t.accounts)):
        costs += _account(layout, t, k, flows, placed)
    placed.cost = added(costs)
    return placed


def _transfer(layout: Layout, t: Treasury, r: Route, most: float) -> tuple[int, int]:
    """The column of the amount, and that of its switch or -1."""
    lot = t.terms.of(r.asset).lot
    x = int(layout.new(0.0, most)[0])
    if lot is not None:
        lot *= t.price[r.asset]
        whole = int(layout.new(0.0, np.floor(most / lot + 1e-9), whole=True)[0])
        layout.add(added([one(x, -1.0), one(whole, lot)]), 0.0, 0.0)
    if r.fee == 0.0:
        return x, -1
    on = int(layout.new(0.0, 1.0, whole=True)[0])
    layout.add(added([one(x), one(on, -most)]), -np.inf, 0.0)
    return x, on


def _account(layout: Layout, t: Treasury, k: int, flows: dict[tuple[int, str], list[Row]], placed: Placed) -> list[Row]:
    """Balances of an account, what they count for and cost, and the desk's limits on them."""
    posted, node = t.accounts[k], len(t.wallets) + k
    own, costs, held = t.terms.at(posted.name), list[Row](), dict[str, Row]()
    counted, worth = list[Row](), list[Row]()
    for a in t.assets:
        start, price = posted.net.get(a, 0.0) * t.price[a], t.price[a]
        curve = posted.curves.get(a)
        if curve is None:
            held[a] = number(max(0.0, start))
            costs.append(number(t.holding_cost(node, a, start / price)))
            continue
        curve = curve.scaled(price)
        low, high = float(curve.low[0]), float(curve.high[-1])
        plus, minus = int(layout.new(0.0, max(0.0, high))[0]), int(layout.new(0.0, max(0.0, -low))[0])
        placed.balance[node, a] = layout.add(added([one(plus, -1.0), one(minus), *flows[node, a]]), -start, -start)
        held[a] = one(plus)
        costs += [one(plus, t.holding_cost(node, a, 1.0 / price)), one(minus, t.holding_cost(node, a, -1.0 / price))]
        net = added([one(plus), one(minus, -1.0)])
        if posted.equity is not None:
            worth.append(counted_row(layout, posted.equity.curves[a].scaled(price), net))
        counted.append(counted_row(layout, curve, net))
        if a in own.most:
            name = f"at most {own.most[a]:g} {a} at {posted.name}"
            placed.limits[name] = (layout.add(held[a], -np.inf, own.most[a] * price),)
        if a in own.loans:
            name = f"at most {own.loans[a].limit:g} {a} lent by {posted.name}"
            more = max(0.0, own.loans[a].limit - posted.owed.get(a, 0.0))
            placed.limits[name] = (layout.add(one(minus), -np.inf, more * price),)
    value = added(list(held.values()))
    for a, part in own.share.items():
        if a in held:
            name = f"at most {part:.4g} of the collateral at {posted.name} in {a}"
            row = added([held[a], value.times(-part)])
            placed.limits[name] = (layout.add(row, -np.inf, 0.0),)
    if own.most_usd is not None:
        name = f"at most {own.most_usd:,.0f} USD at {posted.name}"
        placed.limits[name] = (layout.add(value, -np.inf, own.most_usd),)
    placed.room[posted.name] = added(counted)
    if posted.equity is not None:
        placed.equity[posted.name] = replace(added(worth), constant=posted.equity.room)
    return costs


def counted_row(layout: Layout, curve: Curve, x: Row) -> Row:
    """A column that is at most the curve at `x`: one row for each piece where the curve is concave, else a switch for
    each piece, of which one is on.
    """
    slope: F64 = curve.slope
    if curve.concave:
        value = int(layout.new(-np.inf, np.inf)[0])
        for k in range(slope.size):
            cut = float(curve.at_low[k] - slope[k] * curve.low[k])
            layout.add(added([one(value), x.times(-float(slope[k]))]), -np.inf, cut)
        layout.add(x, float(curve.low[0]), float(curve.high[-1]))
        return one(value)
    ons = layout.new(np.zeros(slope.size), 1.0, whole=True)
    parts = layout.new(np.minimum(curve.low, 0.0), np.maximum(curve.high, 0.0))
    layout.add(Row(ons, np.ones(slope.size)), 1.0, 1.0)
    layout.add(added([x.times(-1.0), Row(parts, np.ones(slope.size))]), 0.0, 0.0)
    for k in range(slope.size):
        part, on = one(int(parts[k])), int(ons[k])
        layout.add(added([part, one(on, -float(curve.high[k]))]), -np.inf, 0.0)
        layout.add(added([part, one(on, -float(curve.low[k]))]), 0.0, np.inf)
    cuts = curve.at_low - slope * curve.low
    return Row(np.concatenate([parts, ons]), np.concatenate([slope, cuts]))
