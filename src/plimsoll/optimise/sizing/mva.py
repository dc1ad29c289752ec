"""The cost of margin in a quote: what funding the incremental initial margin of a trade costs until it ends.

```
cost = spread * E[ integral from 0 to T of e^(-r t) (IM(book and trade, t) - IM(book, t)) dt ]
```
The margin is computed again on the market of each instant of each path, with options aged, what has expired gone, and
prices and volatilities moved. The book is not hedged anew and not liquidated on the way. A trade that lowers margin has
a cost below zero: it earns. Between instants the trapezoid stands, and its error is estimated from every second
instant. Source: Green and Kenyon (2015), "MVA: Initial margin valuation adjustment by replication and regression", for
the integral.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from plimsoll.contracts import is_dated
from plimsoll.documents import DAY_SECONDS, refuse
from plimsoll.liquidation.funding import hours_of
from plimsoll.liquidation.later import LONGEST, later
from plimsoll.liquidation.passage.estimate import mean_error
from plimsoll.liquidation.path import underlyings_of
from plimsoll.margin import Account
from plimsoll.margin.path import States, moved
from plimsoll.margin.trade import traded
from plimsoll.market import Market
from plimsoll.optimise.ladder import coins_of_one, vegas
from plimsoll.optimise.sizing.chance import Tell, Watch
from plimsoll.optimise.sizing.funding_terms import FundingTerms
from plimsoll.risk import compile_plan
from plimsoll.risk.plan import F64
from plimsoll.scenarios.moves import BASIS, IV
from plimsoll.scenarios.paths import JointPaths

BEFORE_THE_END = 60.0 / DAY_SECONDS
"""Days before its expiry at which the last margin of a trade is taken: at it the trade is gone."""

AGREE = 1e-9
"""How far, relative, maintenance over its part may be from the initial margin before one stands for the other."""

CHECKED = 4
"""Paths on which that is checked at the last instant as well."""


@dataclass(frozen=True, eq=False)
class Quoted:
    """One side of a quote: `quantity` contracts (signed, what the book would take on).

    `now` is the incremental initial margin today, `profile[K + 1]` its mean at 0 and the instants `days[K + 1]`,
    `largest` that of the path and instant where it is largest, all US dollars. `cost` until the end in US dollars, its
    standard `error`, and `step` what the instants may be wrong by. `notional` in US dollars at the index, `vega` in US
    dollars a point of volatility for the whole quantity, zero where the trade is no option.
    """

    quantity: float
    now: float
    days: F64
    profile: F64
    largest: float
    cost: float
    error: float
    step: float
    notional: float
    vega: float

    @property
    def basis_points(self) -> float:
        """Cost in basis points of the notional."""
        return 1e4 * self.cost / self.notional

    @property
    def vol_points(self) -> float | None:
        """Cost in points of volatility (1 is 0.01), `None` where there is no vega."""
        return self.cost / self.vega if self.vega > 0.0 else None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        content = {k: v for k, v in vars(self).items() if k not in ("days", "profile")}
        return content | {
            "basis_points": self.basis_points,
            "vol_points": self.vol_points,
            "profile": [
                {"days": d, "margin": m} for d, m in zip(self.days.tolist(), self.profile.tolist(), strict=True)
            ],
        }


@dataclass(frozen=True, eq=False)
class Mva:
    """Both sides of a quote for `instrument`: `bid` is the book that buys, `ask` the one that sells. `route` says how
    margins on the paths were computed."""

    instrument: str
    rules: str
    days: float
    terms: FundingTerms
    bid: Quoted
    ask: Quoted
    route: str

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "instrument": self.instrument,
            "rules": self.rules,
            "days": self.days,
            "terms": self.terms.to_dict(),
            "bid": self.bid.to_dict(),
            "ask": self.ask.to_dict(),
            "route": self.route,
        }


def still(paths: JointPaths) -> JointPaths:
    """Paths whose mean price is today's at every instant; volatilities are left as they are."""
    multiplier = paths.multiplier.copy()
    for f, name in enumerate(paths.names):
        if not name.endswith((IV, BASIS)):
            row = multiplier[:, f]
            row /= (row @ paths.weight / paths.weight.sum())[:, None]
    return replace(paths, multiplier=multiplier)


def life_of(market: Market, instrument: str, holding_days: float | None = None) -> float:
    """Days until a trade ends: its expiry, or after `holding_days` where that is sooner or it has none.

    Raises `DocumentError` for an unknown instrument, one without expiry and holding time, and more than 400 days.
    """
    contract = market.contracts.get(instrument)
    if contract is None:
        raise refuse("instrument", instrument, f"one of the {len(market.contracts)} instruments of the market")
    held = np.inf if holding_days is None else holding_days
    days = market.seconds_to(contract.expiry) / DAY_SECONDS if is_dated(contract) else np.inf
    found = float(min(days, held))
    if not np.isfinite(found):
        raise refuse("holding_days", "nothing", f"how long {instrument} is held: it never expires")
    if not 0.0 < found <= LONGEST:
        raise refuse("holding_days" if held <= days else "instrument", f"{found:g} days", f"0 to {LONGEST:g} days")
    return found


def margin_cost(
    watch: Watch,
    account: Account,
    instrument: str,
    quantity: float,
    terms: FundingTerms,
    *,
    holding_days: float | None = None,
    progress: Tell | None = None,
) -> Mva:
    """What margin costs in a quote for `quantity` contracts on either side, beside what `account` holds.

    The paths of `watch` end where the trade does (within half a step, which is scaled); `still` paths are those of a
    price without drift. Volatilities move by the factor of the trade's underlying. Raises what the model raises.
    """
    if not 0.0 < quantity < np.inf:
        raise refuse("quantity", quantity, "contracts above zero: both sides are computed")
    life = life_of(watch.market, instrument, holding_days)
    last = float(watch.paths.days[-1])
    if not 0.8 * life <= last <= 1.25 * life:
        raise refuse("paths.days", last, f"paths that end with the trade, after {life:g} days")
    model, market = watch.model, watch.market
    days = np.append(0.0, watch.paths.days * (life / last))
    accounts = [account, *(traded(account, market, instrument, side * quantity) for side in (1.0, -1.0))]
    engine = _Engine(watch, accounts, market.contracts[instrument].underlying)
    found = np.empty((3, days.size, watch.paths.weight.size))
    for k, at in enumerate(days.tolist()):
        if progress is not None:
            progress(f"margin at day {at:.3g}", k, days.size)
        found[:, k] = engine.initial(k, min(at, life - BEFORE_THE_END))
    plan = compile_plan([market.contracts[instrument]], market)
    notional = quantity * coins_of_one(plan, 0) * market.indices[plan.contracts[0].underlying].price
    vega = quantity * float(vegas(plan)[0])
    sides = [
        _side(watch.paths, days, found[1 + s] - found[0], sign * quantity, terms, notional, vega)
        for s, sign in enumerate((1.0, -1.0))
    ]
    return Mva(instrument, model.rules.label, life, terms, sides[0], sides[1], engine.route)


class _Engine:
    """Initial margins of accounts at an instant on all paths, US dollars."""

    def __init__(self, watch: Watch, accounts: list[Account], lead: str) -> None:
        self.watch, self.accounts, self.lead = watch, accounts, lead
        self.hours = hours_of(watch.model)
        needed = {u for a in accounts for u in underlyings_of(a, watch.market)}
        stray = sorted(needed - set(watch.paths.names))
        if stray:
            raise refuse(f"paths.{stray[0]}", "no factor", "a factor for each of " + ", ".join(sorted(needed)))
        self.part = watch.model.maintenance_part
        self.quick = self.part is not None and all(self._is_part(a, watch.market) for a in accounts)
        self.quick = self.quick and self._agrees()

    @property
    def route(self) -> str:
        """How the margins are computed, in words."""
        if self.quick:
            return f"maintenance margin along the paths over its part of the initial one, {self.part:g}: checked exact"
        return "the exact requirement at every instant of every path"

    def initial(self, k: int, days: float) -> F64:
        """`[accounts, P]` at instant `k` (0: now), the accounts aged by `days`."""
        size = self.watch.paths.weight.size
        rows = []
        for account in self.accounts:
            if k == 0:
                rows.append(np.full(size, self._one(account, self.watch.market)))
                continue
            aged, market = later(account, self.watch.market, days, self.hours)
            states = self.watch.states(k - 1, (self.lead,))
            rows.append(self._along(aged, market, states) if self.quick else self._exact(aged, market, states))
        return np.array(rows)

    def _along(self, account: Account, market: Market, states: States) -> F64:
        assert self.part is not None
        tracks = self.watch.model.along(account, market, states)
        total: F64 = np.sum([t.maintenance for t in tracks], axis=0) / self.part
        return total * self._rates(states)

    def _exact(self, account: Account, market: Market, states: States) -> F64:
        found = np.empty(len(states))
        for p in range(len(states)):
            at = {n: float(x[p]) for n, x in states.spot.items()}
            found[p] = self._one(*moved(account, market, at, float(states.vol[p])))
        return found

    def _one(self, account: Account, market: Market) -> float:
        with np.errstate(all="ignore"):
            assessed = self.watch.model.assess(account, market, "refuse")
        currency = assessed.currency or self.watch.model.rules.currency
        price = market.price_of(currency)
        if price is None:
            raise refuse(f"market.assets.{currency}", "nothing", "a USD price of the currency of the margin")
        return sum(c.initial for c in assessed.components) * price.price

    def _rates(self, states: States) -> F64:
        """`[P]` US dollars of the currency of the margin."""
        currency = self.watch.model.requirement(self.accounts[0], self.watch.market).currency
        price = self.watch.market.price_of(currency)
        if price is None:
            raise refuse(f"market.assets.{currency}", "nothing", "a USD price of the currency of the margin")
        moves = states.multiplier(currency) if currency in self.watch.market.indices else np.ones(len(states))
        return price.price * moves

    def _is_part(self, account: Account, market: Market) -> bool:
        found = self.watch.model.requirement(account, market)
        assert self.part is not None
        return abs(found.maintenance - self.part * found.initial) <= AGREE * max(1.0, found.initial)

    def _agrees(self) -> bool:
        """The two routes give the same on some paths half-way."""
        k = len(self.watch.paths.days) // 2
        some = self.watch.states(k, (self.lead,)).part(slice(0, CHECKED))
        for account in self.accounts:
            aged, market = later(account, self.watch.market, 0.5 * float(self.watch.paths.days[k]), self.hours)
            one, other = self._along(aged, market, some), self._exact(aged, market, some)
            if not np.allclose(one, other, rtol=AGREE, atol=AGREE):
                return False
        return True


def _side(
    paths: JointPaths, days: F64, margins: F64, quantity: float, terms: FundingTerms, notional: float, vega: float
) -> Quoted:
    """The cost of incremental margins `[K + 1, P]`."""
    if not np.isfinite(margins).all():
        raise refuse("paths", "a margin that is not a number", "prices of sane size")
    rate = terms.spread * np.exp(-terms.discount * days / 365.0)
    weight = paths.weight

    def integral(at: F64) -> F64:
        gaps = np.diff(days[at.astype(int)]) / 365.0
        costs = rate[at.astype(int), None] * margins[at.astype(int)]
        total: F64 = gaps @ (0.5 * (costs[1:] + costs[:-1]))
        return total

    every = np.arange(days.size, dtype=np.float64)
    values = weight * integral(every)
    cost = float(values.mean())
    error = mean_error(values, paths.clusters)
    coarse = np.unique(np.append(every[::2], every[-1]))
    step = abs(float((weight * integral(coarse)).mean()) - cost) / 3.0 if days.size > 2 else abs(cost)
    profile = margins @ weight / weight.size
    return Quoted(
        quantity,
        float(margins[0].mean()),
        days,
        profile,
        float(margins.max()),
        cost,
        error,
        step,
        notional,
        vega,
    )
