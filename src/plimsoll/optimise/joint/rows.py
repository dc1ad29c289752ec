"""Trades and collateral in one program: what ties balances, premiums, margins and deltas together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from plimsoll.documents import PlimsollError
from plimsoll.margin.trade import traded
from plimsoll.optimise import algebra as al
from plimsoll.optimise.beyond import outside_columns
from plimsoll.optimise.collateral.capital_rules import AccountRules, unit_notional
from plimsoll.optimise.collateral.moves import Wanted
from plimsoll.optimise.collateral.posted import exact_room, with_balances
from plimsoll.optimise.collateral.program import Placed, number, one, place_collateral
from plimsoll.optimise.collateral.treasury import Treasury
from plimsoll.optimise.desk import Desk, Place
from plimsoll.optimise.layout import Row, added
from plimsoll.optimise.measure import outside_rows, start
from plimsoll.optimise.problem import Columns, Maker
from plimsoll.risk import unit_values
from plimsoll.risk.plan import F64
from plimsoll.scenarios import Scenarios

AGREE = 1e-7
"""How far, of its room, the program may be from the exact rules before its answer is only one to correct."""

PROBES = 6
"""Trades and balances at which it is held against them."""


@dataclass(frozen=True, eq=False)
class Coupled:
    """A desk and its treasury, account by account in the same order.

    For each account `premium[N]` US dollars that one contract bought costs at its mark, `counts` (bought, sold) `[N]`
    what it adds to equity once it is held. `exact` says whether the room that the program gives an account is that of
    the exact rules, at balances and trades drawn from their whole range, and `why` it is not.
    """

    desk: Desk
    treasury: Treasury
    premium: tuple[F64, ...]
    counts: tuple[tuple[F64, F64], ...]
    exact: tuple[bool, ...]
    why: tuple[str, ...]

    @property
    def first(self) -> int:
        """The number of the first account among the nodes."""
        return len(self.treasury.wallets)


def couple(desk: Desk, treasury: Treasury) -> Coupled:
    """Measure what options that may be traded count for in equity, beside the balances that pay for them."""
    premium, counts = [], []
    for place in desk.places:
        value = unit_values(place.exposures.plan, Scenarios.build([1.0]), "usd")[:, 0]
        value = np.where(place.exposures.plan.option, value, 0.0)
        premium.append(value)
        counts.append(_counts(desk, place, value))
    result = Coupled(desk, treasury, tuple(premium), tuple(counts), (), ())
    why = tuple(_why(result, k) for k in range(len(desk.places)))
    # what a form is exact within holds in the program for every account whose program is that of the rules
    places = tuple(replace(p, exact=not w) for p, w in zip(desk.places, why, strict=True))
    return replace(result, desk=replace(desk, places=places), exact=tuple(not w for w in why), why=why)


def _why(c: Coupled, k: int) -> str:
    """Why the program's room of an account is not that of the rules, empty where it is."""
    place, posted = c.desk.places[k], c.treasury.accounts[k]
    if place.form.standing != "exact":
        return f"the form is a bound: {place.form.why}" if place.form.why else place.why
    error = sum(v.error for v in posted.curves.values())
    if error:
        return "curved haircuts are taken by their chords"
    rng = np.random.default_rng([31, k])
    for _ in range(PROBES):
        most = np.array([[s.most for s in sides] for sides in place.sides])
        part = rng.uniform(-1.0, 1.0, len(place.names)) * (rng.random(len(place.names)) < 0.5)
        trade = part * np.where(part > 0.0, most[:, 0], most[:, 1])
        if place.form.within is not None and not place.form.holds(place.quantity + trade):
            continue
        net = {a: float(v.low[0] + rng.random() * (v.high[-1] - v.low[0])) for a, v in posted.curves.items()}
        account = place.holding.account
        for i in np.flatnonzero(trade).tolist():
            account = traded(account, c.desk.market, place.names[i], float(trade[i]))
        account = with_balances(account, dict(posted.net) | net, posted.beside, posted.owed)
        try:
            exact = exact_room(place.holding.model, account, c.desk.market, posted.buffer) - posted.floor
        except PlimsollError:
            return "the rules refuse some of the trades with some of the balances"
        # what trades cost outside of balances is no part of the account's value here
        expected = thought(c, k, trade, net, free=True)
        if abs(exact - expected) > 1e-4 + AGREE * max(abs(exact), abs(posted.room)):
            return "what collateral counts for depends on the positions"
    return ""


def _counts(desk: Desk, place: Place, value: F64) -> tuple[F64, F64]:
    """What each option adds to `equity` by the contract, bought and sold: all that can be traded of it."""
    result = (np.zeros(value.size), np.zeros(value.size))
    base = _equity(desk, place, None, 0.0)
    for i in np.flatnonzero(value).tolist():
        for k, sign in ((0, 1.0), (1, -1.0)):
            most = place.sides[i][k].most
            if not most:
                continue
            result[k][i] = sign * (_equity(desk, place, i, sign * most) - base) / most
    return result


def _equity(desk: Desk, place: Place, i: int | None, quantity: float) -> float:
    """Net equity in US dollars with contracts more that nothing was paid for."""
    account = place.holding.account
    if i is not None:
        moved = traded(account, desk.market, place.names[i], quantity)
        account = moved.model_copy(update={"collateral": account.collateral})
    model = place.holding.model
    with np.errstate(all="ignore"):
        return model.assess(account, desk.market, "refuse").net_equity * place.rate


def rows_of(
    c: Coupled, maker: Maker, relief: Mapping[str, float], band: float, holder: list[Placed]
) -> tuple[Row, dict[str, tuple[int, ...]]]:
    """What collateral adds to the objective, and the limits that tie it to the trades.

    `relief` is added to the room of each account: what the exact rules leave more, or less, than the program thinks.
    """
    t, layout = c.treasury, maker.layout
    paid, direct = _paid(c, maker)
    placed = place_collateral(layout, t, paid)
    holder[:] = [placed]
    limits = dict(placed.limits)
    for k, (place, posted, columns) in enumerate(zip(c.desk.places, t.accounts, maker.columns, strict=True)):
        more, less = c.counts[k]
        value = np.where(columns.sign > 0.0, more[columns.item], -less[columns.item])
        margin = maker.leaf(al.Capital(place.name))
        now = (1.0 + posted.buffer) * place.rate * place.form.at(place.quantity)
        room = added(
            [
                number(posted.room + now + relief.get(posted.name, 0.0)),
                placed.room[posted.name],
                Row(columns.step, value),
                margin.times(-(1.0 + posted.buffer)),
                *direct[k],
            ]
        )
        limits[margin_limit(posted.name)] = (layout.add(room, 0.0, np.inf),)
        if posted.equity is not None:
            limits |= _equity_rows(c, maker, k, [placed.equity[posted.name], Row(columns.step, value), *direct[k]])
    limits |= _deltas(c, maker, placed, band)
    limits |= _outside(c, maker, placed)
    return added([placed.cost, _premium_carry(c, maker.columns)]), limits


def thought(c: Coupled, k: int, trade: F64, net: Mapping[str, float], *, free: bool = False) -> float:
    """The room that the program gives account `k` after signed trades, with these balances less loans; US dollars.
    `free` leaves out what the trades cost.
    """
    place, posted = c.desk.places[k], c.treasury.accounts[k]
    more, less = c.counts[k]
    total = posted.room + float(np.where(trade > 0.0, more, less) @ trade)
    total += sum(curve(net.get(a, 0.0)) for a, curve in posted.curves.items())
    forms = [place.form.at(q) for q in (place.quantity, place.quantity + trade)]
    total -= (1.0 + posted.buffer) * place.rate * (forms[1] - forms[0])
    paid = c.premium[k] * trade + (0.0 if free else place.cost(trade))
    for i in np.flatnonzero(trade).tolist():
        if place.exposures.plan.contracts[i].currency not in posted.curves:
            total -= float(paid[i])
    return total


def _equity_rows(c: Coupled, maker: Maker, k: int, parts: list[Row]) -> dict[str, tuple[int, ...]]:
    """Least equity and leverage of an account: gross notional follows the positions."""
    place, rules, equity = c.desk.places[k], c.treasury.accounts[k].rules, added(parts)
    found: dict[str, tuple[int, ...]] = {}
    if rules.least_equity:
        row = maker.layout.add(equity, rules.least_equity, np.inf)
        found[equity_limit(place.name, rules)] = (row,)
    if rules.leverage is not None:
        unit = unit_notional(place.names, c.desk.market)
        gross = Row(maker.columns[k].position, np.concatenate([unit, unit]))
        row = maker.layout.add(added([equity, gross.times(-1.0 / rules.leverage)]), 0.0, np.inf)
        found[leverage_limit(place.name, rules)] = (row,)
    return found


def equity_limit(account: str, rules: AccountRules) -> str:
    """The name of the limit on an account's equity."""
    return f"equity of {account} at least {rules.least_equity:,.0f} USD"


def leverage_limit(account: str, rules: AccountRules) -> str:
    """The name of the limit on an account's leverage."""
    return f"leverage of {account} at most {rules.leverage:g}"


def margin_limit(account: str) -> str:
    """The name of the limit that an account keeps its margin."""
    return f"margin of {account}"


def _paid(c: Coupled, maker: Maker) -> tuple[dict[tuple[int, str], list[Row]], list[list[Row]]]:
    """What trades take out of balances, and out of room where their currency is no balance that moves."""
    paid: dict[tuple[int, str], list[Row]] = {}
    direct: list[list[Row]] = [[] for _ in c.desk.places]
    for k, (place, columns) in enumerate(zip(c.desk.places, maker.columns, strict=True)):
        flow = -(columns.sign * c.premium[k][columns.item] + columns.cost)
        currency = np.array([place.exposures.plan.contracts[i].currency for i in columns.item.tolist()])
        for asset in sorted(set(currency.tolist())):
            mine = currency == asset
            row = Row(columns.step[mine], flow[mine])
            if asset in c.treasury.accounts[k].curves:
                paid.setdefault((c.first + k, asset), []).append(row)
            else:
                direct[k].append(row)
    return paid, direct


def _premium_carry(c: Coupled, columns: list[Columns]) -> Row:
    """What premiums received would earn is no saving of margin: it is taken off, and given where they are paid."""
    rows = []
    for k, (place, own) in enumerate(zip(c.desk.places, columns, strict=True)):
        rate = np.array([c.treasury.terms.of(x.currency).carry for x in place.exposures.plan.contracts])
        slope = -c.premium[k] * rate * c.treasury.years
        rows.append(Row(own.step, slope[own.item] * own.sign))
    return added(rows)


def swaps_row(c: Coupled, placed: Placed, effect: Mapping[str, float]) -> Row:
    """A sum over swaps: `effect` is what a US dollar of an asset bought adds."""
    t, rows = c.treasury, []
    for k, s in enumerate(t.terms.swaps):
        slope = (1.0 - s.spread) * effect.get(s.buy, 0.0) - effect.get(s.sell, 0.0)
        rows += [one(int(x), slope) for x in placed.swapped[:, k] if slope]
    return added(rows)


def swaps_effect(c: Coupled, moves: Sequence[Wanted], effect: Mapping[str, float]) -> float:
    """What `swaps_row` comes to for moves that were chosen."""
    total = 0.0
    for m in moves:
        if m.route is None:
            s = c.treasury.terms.swaps[m.swap]
            total += m.amount * ((1.0 - s.spread) * effect.get(s.buy, 0.0) - effect.get(s.sell, 0.0))
    return total


def _deltas(c: Coupled, maker: Maker, placed: Placed, band: float) -> dict[str, tuple[int, ...]]:
    """Coins of the whole desk, wallets with it, as today or within a band: trades and swaps together. Fees of transfers
    are lost as they are without trades: no lot would be as small.
    """
    t, found = c.treasury, dict[str, tuple[int, ...]]()
    coins = {m for a in t.assets if (m := t.moves(a)) is not None} | set(c.desk.underlyings)
    for coin in sorted(coins):
        effect = {a: 1.0 / c.desk.spot(coin) for a in t.assets if t.moves(a) == coin}
        parts = [swaps_row(c, placed, effect)]
        today = 0.0
        if coin in c.desk.underlyings:
            parts.append(maker.leaf(al.delta(coin)))
            today = start(c.desk, al.delta(coin))
        row = added(parts)
        if row.columns.size:
            name = delta_limit(coin, band)
            found[name] = (maker.layout.add(row, today - band, today + band),)
    return found


def delta_limit(coin: str, band: float) -> str:
    """The name of the limit on a delta."""
    return f"delta {coin} == today" if band == 0.0 else f"delta {coin} within {band:g} of today"


def outside_terms(c: Coupled) -> Iterator[tuple[al.Loss, float, list[dict[str, float]]]]:
    """The limits on losses beyond every grid: the term, its cap (today, or nothing), and what a US dollar of each asset
    gains in each scenario.
    """
    several = c.desk.underlyings if len(c.desk.underlyings) > 1 else ()
    spot = outside_columns().spot.tolist()
    sides: tuple[Literal["down", "up"], ...] = ("down", "up")
    for coin in (None, *several):
        moving = [a for a in c.treasury.assets if (m := c.treasury.moves(a)) is not None and coin in (None, m)]
        for side in sides:
            term = al.Loss(side, coin)
            yield term, max(start(c.desk, term), 0.0), [dict.fromkeys(moving, x - 1.0) for x in spot]


def _outside(c: Coupled, maker: Maker, placed: Placed) -> dict[str, tuple[int, ...]]:
    """Losses beyond every grid no larger than today: falls and rises apart, swapped coins moving along."""
    found: dict[str, tuple[int, ...]] = {}
    for term, cap, effects in outside_terms(c):
        base, rows, chosen = outside_rows(c.desk, term)
        mine = []
        for s in np.flatnonzero(chosen).tolist():
            trades = [Row(own.step, -r[own.item, s] * own.sign) for own, r in zip(maker.columns, rows, strict=True)]
            row = added([number(-float(base[s])), *trades, swaps_row(c, placed, effects[s]).times(-1.0)])
            mine.append(maker.layout.add(row, -np.inf, cap))
        found[outside_limit(term, cap)] = tuple(mine)
    return found


def outside_limit(term: al.Loss, cap: float) -> str:
    """The name of a limit on losses beyond every grid."""
    return f"{term.name} <= {cap:.10g}"
