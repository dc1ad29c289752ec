"""Prices that change in place: one plan of all listed contracts, and the market document that says the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from plimsoll.contracts import is_option
from plimsoll.contracts.exotics import PerpetualOption
from plimsoll.documents import refuse, seconds_between
from plimsoll.live.events import Prices, Settlement, forward_key
from plimsoll.margin import MarginModel
from plimsoll.margin.many.positions import F64, I64
from plimsoll.margin.many.universe import Universe
from plimsoll.market import Market
from plimsoll.risk import Plan
from plimsoll.risk.plan import INVERSE

BOOL = np.ndarray[tuple[int], np.dtype[np.bool_]]


class HotPrices:
    """A plan of all `N` listed contracts whose arrays follow the ticks, and the same as a `Market`.

    Two things say one truth: `universe.plan` is what `compile_plan(contracts, snapshot())` gives, bit for bit. Rows are
    in the order of the universe (underlying, expiry, kind, strike); `row[name]` finds one, `version` counts the
    changes. Not for several threads.
    """

    def __init__(self, model: MarginModel, market: Market) -> None:
        universe = Universe.of(model, tuple(c.name for c in market.instruments), market)
        self.plan: Plan = _own(universe.plan)
        self.universe = replace(universe, plan=self.plan)
        self.row = {name: i for i, name in enumerate(universe.names)}
        self._market = market
        self._now: Market | None = market
        self.version = 0
        self.time = market.time
        self._indices = dict(market.indices)
        self._assets = dict(market.assets)
        self._marks = dict(market.marks)
        self._expiries = {forward_key(e.underlying, e.expiry): e for e in market.expiries}
        self.groups = {forward_key(e.underlying, e.expiry): g for g, e in enumerate(self.plan.expiries)}
        contracts = self.plan.contracts
        for g, expiry in enumerate(self.plan.expiries):
            if expiry.settlement is not None:
                self._fix(g, expiry.settlement)
        self._of = {u: np.flatnonzero([c.underlying == u for c in contracts]) for u in self._indices}
        self._settled_in = {c: np.flatnonzero([k.currency == c for k in contracts]) for c in self.asset_names()}
        at_index = [c.kind == "spot" or isinstance(c, PerpetualOption) for c in contracts]
        self._at_index = np.array(at_index, dtype=bool)
        follows = [c.kind == "future" and self._unmarked(c.name) for c in contracts]
        self._follows = np.array(follows, dtype=bool) | np.array([is_option(c) for c in contracts], dtype=bool)

    def asset_names(self) -> tuple[str, ...]:
        """Every asset with a USD price: listed ones, coins with an index, the dollar."""
        return tuple(sorted({*self._assets, *self._indices, "USD"}))

    def asset_price(self, asset: str) -> float:
        """USD price of one unit; as `Market.price_of`."""
        if asset in self._assets:
            return self._assets[asset].price
        return self._indices[asset].price if asset in self._indices else 1.0

    def index(self, underlying: str) -> float | None:
        """USD price of an underlying, if it has one."""
        found = self._indices.get(underlying)
        return None if found is None else found.price

    def known(self, field: str, key: str) -> float | None:
        """The present price of a key of `Prices`; `None` where the market lists no such thing or knows no price yet."""
        if field == "indices":
            return self.index(key)
        if field == "assets":
            return self._assets[key].price if key in self._assets else None
        if field == "forwards":
            row = self._expiries.get(key)
            return None if row is None or row.forward is None or row.settlement is not None else row.forward.price
        mark = self._marks.get(key)
        if mark is None or key not in self.row:
            return None
        return mark.vol if field == "vols" else mark.price

    def expected(self, field: str) -> tuple[str, ...]:
        """Keys of a field of `Prices` that have a price and may still change: nothing settled or expired."""
        if field == "indices":
            return tuple(self._indices)
        if field == "assets":
            return tuple(a for a in self._assets if a not in self._indices)
        gone = {key for key, g in self.groups.items() if self.plan.seconds[g] == 0.0}
        if field == "forwards":
            return tuple(k for k in self._expiries if k in self.groups and k not in gone and self.known(field, k))
        dead = {self.groups[key] for key in gone}
        rows = {name: i for name, i in self.row.items() if int(self.plan.group[i]) not in dead}
        kind = self.plan.option if field == "vols" else self.swaps
        return tuple(name for name, i in rows.items() if kind[i] and self.known(field, name) is not None)

    def move(self, tick: Prices) -> I64:
        """Take the prices of a tick and give the rows that they touch, increasing. Every key must be `known`."""
        touched = np.zeros(len(self.plan), dtype=bool)
        for asset, price in tick.assets.items():
            self._assets[asset] = self._assets[asset].model_copy(update={"price": price})
            self._settle(asset, price, touched)
        for underlying, price in tick.indices.items():
            self._indices[underlying] = self._indices[underlying].model_copy(update={"price": price})
            mine = self._of[underlying]
            self.plan.spot[mine] = price
            touched[mine] = True
            held = mine[self._at_index[mine]]
            self.plan.price[held] = price
            if underlying not in self._assets:
                self._settle(underlying, price, touched)
        for key, price in tick.forwards.items():
            self._forward(key, price, touched)
        for name, vol in tick.vols.items():
            self._marks[name] = self._marks[name].model_copy(update={"vol": vol})
            self.plan.vol[self.row[name]] = vol
            touched[self.row[name]] = True
        for name, price in tick.marks.items():
            self._marks[name] = self._marks[name].model_copy(update={"price": price})
            self.plan.price[self.row[name]] = price
            touched[self.row[name]] = True
        self._now = None
        self.version += 1
        return np.flatnonzero(touched).astype(np.int64)

    def go_to(self, time: datetime) -> None:
        """The clock: seconds to every expiry. Raises `DocumentError` for an instant before the present one."""
        if time < self.time:
            raise refuse("clock.time", time.isoformat(), f"an instant from {self.time.isoformat()} on")
        self.time = time
        for key, g in self.groups.items():
            if key not in self._expiries or self._expiries[key].settlement is None:
                self.plan.seconds[g] = max(0.0, seconds_between(time, self.plan.expiries[g].expiry))
        self.plan = replace(self.plan, time=time)
        self.universe = replace(self.universe, plan=self.plan)
        self._now = None
        self.version += 1

    def due(self, time: datetime) -> tuple[str, ...]:
        """Keys of expiries that would pass by `time` without a settlement, though contracts of them are listed."""
        return tuple(
            key
            for key, g in self.groups.items()
            if self.plan.expiries[g].expiry <= time
            and key in self._expiries
            and self._expiries[key].settlement is None
            # one that had passed when the market was taken is no news
            and self.plan.expiries[g].expiry > self._market.time
        )

    def settle(self, event: Settlement) -> I64:
        """Fix the price of an expiry: its contracts no longer move. The rows that it touches, increasing."""
        key = forward_key(event.underlying, event.expiry)
        self._expiries[key] = self._expiries[key].model_copy(update={"settlement": event.price})
        mine = self._fix(self.groups[key], event.price)
        self._now = None
        self.version += 1
        return mine

    def _fix(self, group: int, price: float) -> I64:
        """An expiry stands at its settlement, also before the valuation has come to it: nobody holds it any more."""
        mine = np.flatnonzero(self.plan.group == group).astype(np.int64)
        self.plan.variable[group], self.plan.fixed[group] = 0.0, price
        self.plan.price[mine] = price
        self.plan.vol[mine[self.plan.valued[mine]]] = 0.0
        self.plan.seconds[group] = 0.0
        return mine

    def snapshot(self) -> Market:
        """The market document of this moment."""
        if self._now is None:
            self._now = self._market.model_copy(
                update={
                    "time": self.time,
                    "indices": dict(self._indices),
                    "assets": dict(self._assets),
                    "marks": dict(self._marks),
                    "expiries": tuple(self._expiries.values()),
                }
            )
        return self._now

    def unit_marks(self, rows: Sequence[int] | I64) -> F64:
        """`[R]` what one future or perpetual stands at, in its settlement currency: `m P`, inverse `-m / P`; else 0.

        A position's unrealised profit is its quantity times this, less what it cost.
        """
        rows = np.asarray(rows, dtype=np.int64)
        m, price = self.plan.multiplier[rows], self.plan.price[rows]
        kind = self.swaps[rows]
        with np.errstate(divide="ignore", invalid="ignore"):
            marks = np.where(self.plan.style[rows] == INVERSE, -m / price, m * price)
        return np.where(kind, marks, 0.0)

    def open_interest(self, rows: I64) -> F64:
        """`[R]` open interest of some rows, contracts; NaN where the market does not know it."""
        marks = [self._marks.get(self.universe.names[i]) for i in rows.tolist()]
        known = [np.nan if m is None or m.open_interest is None else m.open_interest for m in marks]
        return np.array(known, dtype=np.float64)

    @property
    def swaps(self) -> BOOL:
        """`[N]` futures and perpetuals."""
        if not hasattr(self, "_swaps"):
            self._swaps = np.array([c.kind in ("future", "perpetual") for c in self.plan.contracts], dtype=bool)
        return self._swaps

    def _unmarked(self, name: str) -> bool:
        mark = self._marks.get(name)
        return mark is None or mark.price is None

    def _settle(self, asset: str, price: float, touched: BOOL) -> None:
        rows = self._settled_in.get(asset)
        if rows is not None:
            self.plan.settle[rows] = price
            touched[rows] = True

    def _forward(self, key: str, price: float, touched: BOOL) -> None:
        row = self._expiries[key]
        assert row.forward is not None
        # what is already averaged into the settlement stays; the rest is the part that moves
        fixed = row.forward.fixed
        forward = row.forward.model_copy(update={"variable": max(0.0, price - fixed)})
        self._expiries[key] = row.model_copy(update={"forward": forward})
        group = self.groups.get(key)
        if group is None:
            return
        self.plan.variable[group] = forward.variable
        mine = self.plan.group == group
        self.plan.price[mine & self._follows] = forward.variable + forward.fixed
        touched |= mine


def _own(plan: Plan) -> Plan:
    """The plan with arrays of its own."""
    names = [n for n, v in vars(plan).items() if isinstance(v, np.ndarray)]
    return replace(plan, **{n: getattr(plan, n).copy() for n in names})
