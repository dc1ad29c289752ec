"""A day of events out of a seed: prices that walk, fills, transfers, the clock; and what a bad line makes of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np

from plimsoll.contracts import Option
from plimsoll.documents import refuse
from plimsoll.live.events import Clock, Event, Fill, Prices, Transfer, forward_key
from plimsoll.market import Market
from plimsoll.pricing.black76 import price as black76_price
from plimsoll.risk import compile_plan
from plimsoll.risk.plan import INVERSE
from plimsoll.scenarios import years_of


@dataclass(frozen=True)
class DayRule:
    """What a generated day is made of: parts of all events, and volatilities of the walk.

    `fills` and `transfers` are parts of all events, the rest are prices: of those `quotes` tell one volatility or mark,
    the others an index with everything that follows it. A clock comes every `clock_seconds` of the day's time;
    `daily_vol` is that of an index. Sizes are drawn around `usd` of underlying.
    """

    fills: float = 0.5
    transfers: float = 0.02
    quotes: float = 0.8
    seconds: float = 0.25
    clock_seconds: float = 60.0
    daily_vol: float = 0.04
    usd: float = 20_000.0


def generated_day(
    market: Market, accounts: Sequence[str], events: int, seed: int = 7, rule: DayRule | None = None
) -> Iterator[Event]:
    """So many events on a market, the same for the same arguments. Numbers of each source rise without gaps.

    Sources are `clock`, `matching` (fills), `treasury` (transfers) and `feed` (prices). Fills are at Black-76 on the
    walk's own forward and volatility, give or take a per cent. Raises `DocumentError` for no account.
    """
    if not accounts or events < 0:
        raise refuse("accounts", len(accounts), "at least one, and a number of events of 0 or more")
    return _Day(market, tuple(accounts), rule or DayRule(), seed).events(events)


class _Day:
    """The walk of one day."""

    def __init__(self, market: Market, accounts: tuple[str, ...], rule: DayRule, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.market, self.accounts, self.rule = market, accounts, rule
        contracts = [c for c in market.instruments if c.kind in ("option", "future", "perpetual")]
        plan = compile_plan(contracts, market)
        live = [i not in plan.failures and (g < 0 or plan.seconds[g] > 90_000.0) for i, g in enumerate(plan.group)]
        self.plan = compile_plan([c for c, ok in zip(contracts, live, strict=True) if ok], market)
        if not len(self.plan):
            raise refuse("market.instruments", "none", "a contract with a price and more than a day to its expiry")
        self.index = {u: market.indices[u].price for u in sorted({c.underlying for c in self.plan.contracts})}
        self.first = dict(self.index)
        self.marks = self.plan.price.copy()
        self.vol = self.plan.vol.copy()
        self.numbers = dict.fromkeys(("clock", "matching", "treasury", "feed"), 0)
        self.cash = sorted(market.assets)
        self.time = market.time

    def events(self, count: int) -> Iterator[Event]:
        """The events."""
        made = 0
        clock = self.time
        while made < count:
            self.time += timedelta(seconds=float(self.rng.exponential(self.rule.seconds)))
            # the clock goes ahead of whatever is said of its second
            if made == 0 or self.time >= clock:
                clock = self.time + timedelta(seconds=self.rule.clock_seconds if made else 1.0)
                yield Clock(*self._head("clock"))
                made += 1
                continue
            kind = float(self.rng.random())
            if kind < self.rule.fills:
                yield self._fill()
            elif kind < self.rule.fills + self.rule.transfers and self.cash:
                amount = round(float(self.rng.normal(0.0, self.rule.usd)), 2)
                yield Transfer(*self._head("treasury"), self._account(), self._one(self.cash), amount)
            elif self.rng.random() < self.rule.quotes:
                yield self._quote()
            else:
                yield self._walk()
            made += 1

    def _head(self, source: str) -> tuple[str, int, Any]:
        self.numbers[source] += 1
        return source, self.numbers[source], self.time

    def _one(self, of: Sequence[str]) -> str:
        return of[int(self.rng.integers(len(of)))]

    def _account(self) -> str:
        return self._one(self.accounts)

    def _walk(self) -> Prices:
        """An index moves; forwards and marks keep their ratio to it."""
        underlying = self._one(tuple(self.index))
        share = self.rule.seconds / (1.0 - self.rule.fills) / max(1e-9, 1.0 - self.rule.quotes) * len(self.index)
        step = self.rule.daily_vol * math.sqrt(share / 86_400.0) * float(self.rng.normal())
        self.index[underlying] *= math.exp(step)
        moved = self.index[underlying] / self.first[underlying]
        forwards = {
            forward_key(e.underlying, e.expiry): e.forward.price * moved
            for e in self.plan.expiries
            if e.underlying == underlying and e.forward is not None and e.settlement is None
        }
        marks = {}
        for i, contract in enumerate(self.plan.contracts):
            if contract.underlying == underlying:
                self.marks[i] = self.plan.price[i] * moved
                if contract.kind == "perpetual" or (contract.kind == "future" and self._marked(contract.name)):
                    marks[contract.name] = float(self.marks[i])
        return Prices(*self._head("feed"), indices={underlying: self.index[underlying]}, forwards=forwards, marks=marks)

    def _marked(self, name: str) -> bool:
        mark = self.market.marks.get(name)
        return mark is not None and mark.price is not None

    def _quote(self) -> Prices:
        """One volatility moves."""
        i = int(self.rng.integers(len(self.plan)))
        contract = self.plan.contracts[i]
        mark = self.market.marks.get(contract.name)
        if not isinstance(contract, Option) or mark is None or mark.vol is None:
            return self._walk()
        # back towards where it was, so that a long day stays sane
        pull = 0.1 * math.log(self.plan.vol[i] / self.vol[i])
        self.vol[i] *= math.exp(pull + 0.02 * float(self.rng.normal()))
        return Prices(*self._head("feed"), vols={contract.name: float(self.vol[i])})

    def _fill(self) -> Fill:
        i = int(self.rng.integers(len(self.plan)))
        contract, plan = self.plan.contracts[i], self.plan
        spot, m = self.index[contract.underlying], float(plan.multiplier[i])
        price = float(self.marks[i])
        dollars = plan.style[i] == INVERSE and not plan.option[i]
        if plan.option[i]:
            years = float(years_of(plan.seconds[plan.group[i] : plan.group[i] + 1])[0])
            value = float(black76_price(price, plan.strike[i], years, self.vol[i], bool(plan.call[i])))
            price = value / price if plan.style[i] == INVERSE else value
        price *= math.exp(0.01 * float(self.rng.normal()))
        size = self.rule.usd * math.exp(0.8 * float(self.rng.normal())) / (m if dollars else m * spot)
        lots = max(1.0, round(size if dollars else 10.0 * size)) / (1.0 if dollars else 10.0)
        side = 1.0 if self.rng.random() < 0.5 else -1.0
        return Fill(*self._head("matching"), self._account(), contract.name, side * lots, price)


def disturbed(events: Sequence[Event] | Iterator[Event], seed: int = 7, part: float = 0.02) -> Iterator[Event]:
    """The events as a bad line delivers them: some twice, some late, some changed, some with a price that is none.

    Every true fact still arrives once at least; of prices a `part` is followed by a lie of the same source. So an
    engine that judges rightly ends where it does without the noise, but for prices that were late.
    """
    rng = np.random.default_rng(seed)
    held: list[tuple[int, Event]] = []
    at = 0
    for one in events:
        at += 1
        # prices need no number without gaps: the odd ones are for lies
        event = replace(one, number=2 * one.number) if isinstance(one, Prices) else one
        for due, late in [h for h in held if h[0] <= at]:
            held.remove((due, late))
            yield late
        what = float(rng.random()) / part if part > 0.0 else math.inf
        if isinstance(event, Fill) and what < 1.0 / 3.0:
            # it comes some events too late, and those of its source after it wait for it
            held.append((at + int(rng.integers(1, 20)), event))
            continue
        yield event
        if what < 1.0:
            lie = _lie(event, rng)
            yield event if lie is None else lie
    for _, late in held:
        yield late


def _lie(event: Event, rng: np.random.Generator) -> Event | None:
    """The same number with another content, or a price that is none under the next; `None`: the same again."""
    if isinstance(event, Fill):
        return replace(event, quantity=event.quantity + 1.0) if rng.random() < 0.5 else None
    if isinstance(event, Prices) and event.indices:
        wrong = float(rng.choice([0.0, -1.0, math.nan, math.inf, 2.0, 0.5]))
        values = {u: (p * wrong if wrong in (2.0, 0.5) else wrong) for u, p in event.indices.items()}
        return replace(event, number=event.number + 1, indices=values)
    if isinstance(event, Prices) and event.vols:
        return replace(event, vols={n: v * 1.01 for n, v in event.vols.items()})
    return None


__all__ = ["DayRule", "disturbed", "generated_day"]
