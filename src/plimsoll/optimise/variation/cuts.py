"""Bounds from below on the shortfall of single paths, affine in the positions: what a program knows of a buffer.

```
shortfall(q) = part * form(q; state) - gain(q; state)            part: maintenance over initial margin
cut(l, s, c) = long @ l + short @ s + paid @ c + constant        l, s: long and short parts of q, c: costs of trades
```
A cost that is paid from a balance whose price moves takes its share of that move with it: that is `paid`.
The form and the gain are those of the moved market. A cut meets the exact shortfall where it was taken. It lies below
the shortfall everywhere where maintenance is a fixed part of a form that is exact and convex.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DAY_SECONDS
from plimsoll.liquidation.funding import due, hours_of, instants
from plimsoll.margin.account import Account
from plimsoll.margin.forms import Form
from plimsoll.margin.path import States, moved
from plimsoll.market import Market
from plimsoll.optimise.desk import Desk, Place
from plimsoll.optimise.variation.shortfalls import Running, aged
from plimsoll.optimise.variation.slopes import slope
from plimsoll.risk import plan_pnl, unit_values
from plimsoll.scenarios import Scenarios
from plimsoll.scenarios.moves import IV
from plimsoll.scenarios.paths import JointPaths

F64 = npt.NDArray[np.float64]

NOW = -1
"""Number of the instant before any other."""

MET = 1e-7
"""How far, of the margin, form and gain may miss a change of the exact shortfall before a cut is no bound."""


@dataclass(frozen=True, eq=False)
class Cut:
    """`long[N]`, `short[N]` and `constant` in US dollars, `paid[N]` by dollar of cost, for path `path`.

    `exact`: a bound for every position.
    """

    path: int
    long: F64
    short: F64
    paid: F64
    constant: float
    exact: bool

    def at(self, quantity: F64, cost: F64) -> float:
        """Its value at signed positions `[N]`, after trades that cost `cost[N]` US dollars."""
        ups, downs = np.maximum(quantity, 0.0), np.maximum(-quantity, 0.0)
        return float(self.long @ ups + self.short @ downs + self.paid @ cost) + self.constant


@dataclass(eq=False)
class CutMaker:
    """Cuts for one book of a desk on joint paths."""

    desk: Desk
    place: Place
    paths: JointPaths
    aged: dict[int, tuple[Account, Market]] = field(default_factory=dict)
    forms: dict[tuple[int, int], tuple[Form, tuple[int, ...]]] = field(default_factory=dict)
    gains: dict[tuple[int, int], tuple[F64, F64]] = field(default_factory=dict)
    counted: dict[tuple[str, int, int], float] = field(default_factory=dict)

    def cut(self, path: int, trade: F64, found: Running, start: Running) -> Cut:
        """A cut for `path` after trades `[N]`, whose exact shortfalls are `found`; `start` those before any."""
        quantity, cost = self.place.quantity + trade, self.place.cost(trade)
        k = int(found.when[path])
        form, items = self._form(k, path)
        ups, downs = np.maximum(quantity, 0.0), np.maximum(-quantity, 0.0)
        part = self.place.holding.model.maintenance_part
        fixed = part is not None
        part = part if part is not None else found.maintenance / found.initial if found.initial > 0.0 else 1.0
        at = np.array(items, dtype=np.int64)
        gain, paid = self._gain(k, path)
        long, short = -gain, gain.copy()
        convex = fixed and self.place.exact and form.standing == "exact"
        convex = convex and form.expression is not None and not form.expression.choices()
        value = 0.0
        if form.expression is not None and at.size:
            touched = slope(form.expression, ups[at], downs[at])
            long[at] += part * touched.long
            short[at] += part * touched.short
            value = part * touched.value
        exact = float(found.worst[path])
        if convex:
            before = self.place.quantity
            was = start.maintenance if k == NOW else float(start.shortfall[k, path])
            rose = part * form.at(before[at]) - float(gain @ before)
            told = (value - float(gain @ quantity)) - rose + float(paid @ cost)
            convex = abs((exact - was) - told) <= MET * max(1e-6, found.initial, start.initial, abs(exact))
            convex = convex and form.holds(quantity[at]) and form.holds(before[at])
        rate = found.rate
        constant = exact - float(long @ ups + short @ downs + paid @ cost)
        return Cut(path, rate * long, rate * short, rate * paid, rate * constant, bool(convex))

    def _aged(self, k: int) -> tuple[Account, Market]:
        if k not in self.aged:
            self.aged[k] = aged(
                self.place.holding.model, self._everything(), self.desk.market, float(self.paths.days[k])
            )
        return self.aged[k]

    def _everything(self) -> Account:
        """One of each contract that is held or may be traded."""
        content = self.place.holding.account.to_dict()
        rows = [{"instrument": name, "quantity": 1.0} for name in self.place.names]
        return Account.from_dict(content | {"positions": rows, "orders": []})

    def _form(self, k: int, path: int) -> tuple[Form, tuple[int, ...]]:
        """The form in the moved market, and which contracts are still there."""
        if k == NOW or not self.place.exact:
            # where the form is only a bound its slope of today does: no cut is one of the exact margin anyway
            return self.place.form, tuple(range(len(self.place.names)))
        if (k, path) not in self.forms:
            account, market = self._aged(k)
            prices, vols = self._moves(k, path)
            _, there = moved(account, market, prices, vols)
            alive = [(i, n) for i, n in enumerate(self.place.names) if n in there.contracts]
            items = tuple(i for i, _ in alive)
            reach = np.maximum(self.place.reach[list(items)], 1e-9)
            forms = self.place.holding.model.forms([n for _, n in alive], there, reach)
            form = forms.solver if forms.solver.standing != "refused" else forms.proof
            self.forms[(k, path)] = (form, items)
        return self.forms[(k, path)]

    def _gain(self, k: int, path: int) -> tuple[F64, F64]:
        """`[N]` what one contract bought at its mark gains, and what a dollar of its cost loses further, in the
        currency of the requirement.
        """
        if k == NOW:
            return np.zeros(len(self.place.names)), np.zeros(len(self.place.names))
        if (k, path) not in self.gains:
            self.gains[(k, path)] = self._gained(k, path)
        return self.gains[(k, path)]

    def _gained(self, k: int, path: int) -> tuple[F64, F64]:
        plan, market = self.place.exposures.plan, self.desk.market
        _, then = self._aged(k)
        days = (then.time - market.time).total_seconds() / DAY_SECONDS
        spot = dict(zip(self.paths.names, self.paths.multiplier[k, :, path].tolist(), strict=True))
        result = np.zeros(len(plan))
        underlyings = [c.underlying for c in plan.contracts]
        for u in dict.fromkeys(underlyings):
            column = Scenarios.build([spot.get(u, 1.0)], [spot.get(u + IV, 1.0) - 1.0], days=[days])
            mine = np.array([x == u for x in underlyings])
            result[mine] = plan_pnl(plan, column, "settlement")[mine, 0]
        hours = sum(h for _, h in instants(market.time, then.time, hours_of(self.place.holding.model)))
        funding = due(self._everything(), market, hours).amounts
        result += np.array([funding.get(c.name, 0.0) for c in plan.contracts])
        foreign = {c.currency for c in plan.contracts if c.currency != self.currency}
        paid = np.zeros(len(plan))
        if foreign:
            before = unit_values(plan, Scenarios.build([1.0]))[:, 0]
            for currency in foreign:
                mine = np.array([c.currency == currency for c in plan.contracts])
                was, is_ = self._price(currency, {}), self._price(currency, spot)
                counted = self._counted(currency, k, path), self._counted(currency, NOW, path)
                # options are worth their price; what leaves for them, and cash of futures, counts as a balance does
                worth = np.where(plan.option, (result + before) * is_ - before * was, result * counted[0])
                moved_by = counted[0] - counted[1]
                result = np.where(mine, worth - np.where(plan.option, before * moved_by, 0.0), result)
                paid[mine] = moved_by / plan.settle[mine]
        return result, paid

    @cached_property
    def currency(self) -> str:
        """That of the requirement."""
        return self.place.holding.model.requirement(self.place.holding.account, self.desk.market).currency

    def _price(self, currency: str, spot: Mapping[str, float]) -> float:
        """Of a currency in that of the requirement, on a path."""
        one, other = self.desk.market.price_of(currency), self.desk.market.price_of(self.currency)
        assert one is not None
        assert other is not None
        return one.price * spot.get(currency, 1.0) / (other.price * spot.get(self.currency, 1.0))

    def _counted(self, currency: str, k: int, path: int) -> float:
        """What equity gains by one more unit of a balance, haircut taken."""
        key = (currency, k, path if k != NOW else 0)
        if key not in self.counted:
            self.counted[key] = self._raised(currency, k, path)
        return self.counted[key]

    def _raised(self, currency: str, k: int, path: int) -> float:
        account, market, model = self.place.holding.account, self.desk.market, self.place.holding.model
        spot: dict[str, float] = {}
        vols: dict[str, float] = {}
        if k != NOW:
            account, market = aged(model, account, market, float(self.paths.days[k]))
            spot, vols = self._moves(k, path)
        balances = dict(account.collateral)
        more = 1e-3 * max(1.0, abs(balances.get(currency, 0.0)))
        equity = []
        for amount in (0.0, more):
            raised = balances | {currency: balances.get(currency, 0.0) + amount}
            there = moved(account.model_copy(update={"collateral": raised}), market, spot, vols)
            equity.append(float(model.along(*there, States({}, np.ones(1)))[0].equity[0]))
        return (equity[1] - equity[0]) / more

    def _moves(self, k: int, path: int) -> tuple[dict[str, float], dict[str, float]]:
        """Multipliers of prices, and of volatilities by underlying."""
        every = dict(zip(self.paths.names, self.paths.multiplier[k, :, path].tolist(), strict=True))
        prices = {n: x for n, x in every.items() if not n.endswith(IV)}
        return prices, {n.removesuffix(IV): x for n, x in every.items() if n.endswith(IV)}


def best_known(cuts: Sequence[Cut], quantity: F64, cost: F64, size: int) -> F64:
    """`[size]` the largest cut of each path, minus infinity where there is none; arguments as of `Cut.at`."""
    found = np.full(size, -np.inf)
    for c in cuts:
        found[c.path] = max(found[c.path], c.at(quantity, cost))
    return found
