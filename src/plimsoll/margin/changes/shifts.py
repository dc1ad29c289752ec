"""Small steps away from a snapshot: spot, volatility and time, with the account's profit and loss kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from plimsoll.contracts import Contract, Exotic, Option, is_dated, is_option
from plimsoll.documents import DAY_SECONDS, refuse
from plimsoll.margin.account import Account
from plimsoll.margin.book import open_book
from plimsoll.margin.path import lasting_books, shifted
from plimsoll.market import Expiry, Mark, Market
from plimsoll.risk import Plan, compile_plan, unit_values
from plimsoll.scenarios import Scenarios


@dataclass(frozen=True, eq=False)
class Passed:
    """What stands after time has passed; `expired` are the positions that ended on the way and were paid out."""

    account: Account
    market: Market
    expired: tuple[str, ...]


class Shifts:
    """An account and its market, moved one thing at a time.

    A held option whose price is marked keeps the distance of that mark from the model's value (per coin, in its
    settlement currency), so that a step changes the value and not the opinion about it. Order books of futures and
    perpetuals move with their prices and last until these expire; those of options and the best bid and ask describe
    the unmoved market and are dropped. Instruments that the account does not name and that have no such book are left
    out.
    """

    def __init__(self, account: Account, market: Market) -> None:
        named = [*(p.instrument for p in account.positions), *(o.instrument for o in account.orders)]
        named += lasting_books(market)
        self.account, self.market = account, market
        self.contracts = [market.contracts[n] for n in dict.fromkeys(named) if n in market.contracts]
        self._plan = compile_plan(self.contracts, market)
        self._gaps = mark_gaps(self._plan, market)

    def spot(self, move: float) -> tuple[Account, Market]:
        """Every price multiplied by `1 + move` (see `path.shifted`). Raises `DocumentError` at -100 % and below."""
        account, market = shifted(self.account, self.market, 1.0 + move)
        return account, self._remarked(market)

    def vol(self, points: float) -> tuple[Account, Market]:
        """Every volatility `points` higher (0.01 is one point), down to zero at the least; prices stay."""
        plan = self._plan
        marks = {c.name: self.market.marks[c.name] for c in self.contracts if c.name in self.market.marks}
        for i in np.flatnonzero(plan.valued).tolist():
            vol = float(plan.vol[i])
            if np.isfinite(vol):
                name = plan.contracts[i].name
                marks[name] = marks.get(name, Mark()).model_copy(update={"vol": max(0.0, vol + points)})
        return self.account, self._remarked(self._rebuilt(marks=marks))

    def passed(self, days: float) -> Passed:
        """`days` later with every price and volatility where it is; expiries stay on their day.

        What expires on the way is paid out: an option at its intrinsic value on today's forward, a future at its
        mark, in cash of the settlement currency; its orders lapse. Raises `DocumentError` for `days` below zero and
        what `open_book` raises.
        """
        if not days >= 0:
            raise refuse("days", days, "a number of at least zero")
        until = self.market.time + timedelta(seconds=days * DAY_SECONDS)
        ending = [c for c in self.contracts if is_dated(c) and self.market.time < c.expiry <= until]
        dates = {(c.underlying, c.expiry) for c in ending}
        rows = tuple(_settled(r) if (r.underlying, r.expiry) in dates else r for r in self.market.expiries)
        moved = self._remarked(self._rebuilt(time=until, expiries=rows))
        if not ending:
            return Passed(self.account, moved, ())
        names = {c.name for c in ending}
        payoff = payoffs([c for c in ending if is_option(c)], moved)
        account, held = paid_out(self.account, self.market, names, payoff)
        return Passed(account, moved, held)

    def _rebuilt(self, **changes: Any) -> Market:
        market = self.market
        names = {c.name for c in self.contracts}
        time = changes.get("time", market.time)
        live = [c.name for c in self.contracts if not (is_dated(c) and market.time < c.expiry <= time)]
        content: dict[str, Any] = {
            "time": market.time,
            "source": market.source,
            "indices": market.indices,
            "assets": market.assets,
            "expiries": market.expiries,
            "instruments": tuple(self.contracts),
            "marks": {n: m for n, m in market.marks.items() if n in names},
            "depth": {n: market.depth[n] for n in lasting_books(market) if n in live},
        }
        # every part was validated when it was made
        return Market.model_construct(**{**content, **changes})

    def _remarked(self, market: Market) -> Market:
        marks = remarked(self.contracts, market, self._gaps)
        return market if marks is market.marks else market.model_copy(update={"marks": marks})


def _settled(row: Expiry) -> Expiry:
    price = row.settlement if row.forward is None else row.forward.price
    return row.model_copy(update={"settlement": price})


def mark_gaps(plan: Plan, market: Market) -> dict[str, float]:
    """Marked price less model value of each option that has both, per coin in its settlement currency."""
    values = _values(plan)
    gaps = {}
    for i in np.flatnonzero(plan.valued).tolist():
        mark = market.marks.get(plan.contracts[i].name)
        if mark is not None and mark.price is not None and np.isfinite(values[i]):
            gaps[plan.contracts[i].name] = mark.price - values[i]
    return gaps


def remarked(contracts: list[Contract], market: Market, gaps: dict[str, float]) -> dict[str, Mark]:
    """The marks of `market` with each option's price at its value there plus its gap, or without one."""
    options = [c for c in contracts if is_option(c) and c.name in market.marks]
    if not options:
        return market.marks
    plan = compile_plan(options, market)
    values = _values(plan) if gaps else [np.nan] * len(options)
    marks = dict(market.marks)
    for option, value in zip(options, values, strict=True):
        gap = gaps.get(option.name)
        price = None if gap is None or not np.isfinite(value) else max(0.0, float(value + gap))
        marks[option.name] = marks[option.name].model_copy(update={"price": price, "bid": None, "ask": None})
    return marks


def _values(plan: Plan) -> list[float]:
    values = unit_values(plan, Scenarios.build([1.0]), "settlement")[:, 0] / plan.multiplier
    return [float(v) for v in values]


def payoffs(options: list[Option | Exotic], market: Market) -> dict[str, float]:
    """What one contract pays at its expiry, in its settlement currency; `market` is past it and holds settlements.

    Raises `DocumentError` for an option whose expiry has no settlement price.
    """
    plan = compile_plan(list(options), market)
    for failure in plan.failures.values():
        raise refuse(f"market.instruments.{failure.subject}", failure.reason.value, failure.message)
    values = unit_values(plan, Scenarios.build([1.0]), "settlement")[:, 0]
    return {c.name: float(v) for c, v in zip(options, values, strict=True)}


def paid_out(
    account: Account, market: Market, names: set[str], payoff: dict[str, float]
) -> tuple[Account, tuple[str, ...]]:
    """The account after the positions in `names` ended, and which it held: options at `payoff`, the rest at the mark.

    `market` is that in which futures have their marks. Orders for them lapse.
    """
    book = open_book(account.model_copy(update={"orders": ()}), market, "conservative")
    balances = dict(account.collateral)
    held = []
    for i, contract in enumerate(book.plan.contracts):
        if contract.name not in names:
            continue
        held.append(contract.name)
        owed = float(book.unrealised[i] + book.funding[i])
        amount = owed + float(book.quantity[i]) * payoff.get(contract.name, 0.0)
        if amount != 0.0:
            balances[contract.currency] = balances.get(contract.currency, 0.0) + amount
    changes = {
        "positions": tuple(p for p in account.positions if p.instrument not in names),
        "orders": tuple(o for o in account.orders if o.instrument not in names),
        "collateral": balances,
    }
    return account.model_copy(update=changes), tuple(held)
