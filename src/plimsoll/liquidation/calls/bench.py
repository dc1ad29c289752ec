"""A real account closed part by part at its marks, under any margin model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import is_option
from plimsoll.liquidation.calls.closes import Look
from plimsoll.liquidation.calls.policy import CallPolicy
from plimsoll.margin import Account, MarginModel, Position, Positions
from plimsoll.margin.book import unrealised_profit
from plimsoll.margin.path import ACCOUNT
from plimsoll.margin.pools import SHARED
from plimsoll.market import Market
from plimsoll.risk import compile_plan, unit_values
from plimsoll.risk.plan import INVERSE
from plimsoll.scenarios import Scenarios

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ModelBench:
    """The positions of one pool of an account, each closed in `policy.lots` parts at the mark.

    Open orders are cancelled first. What a close realises goes to the balance of the settlement currency (and stays
    with the pool of an isolated position); a bought option is sold and brings its value, a sold one is bought back. So
    a close changes equity by its cost alone, as far as the rules value a position at its mark.
    """

    model: MarginModel
    account: Account
    market: Market
    policy: CallPolicy
    subject: str = ACCOUNT

    @cached_property
    def held(self) -> tuple[int, ...]:
        """Places in `account.positions` of the positions that can be closed."""
        return tuple(i for i, p in enumerate(self.account.positions) if p.quantity != 0.0 and self._mine(p))

    @property
    def _alone(self) -> bool:
        """Whether the pool is that of one isolated position."""
        return self.subject not in (ACCOUNT, SHARED)

    def _mine(self, p: Position) -> bool:
        if not self._alone:
            return p.isolated_margin is None
        return p.isolated_margin is not None and self.subject in (p.instrument, f"{p.instrument} {p.leg}")

    @property
    def names(self) -> tuple[str, ...]:
        """Instruments of the positions that can be closed."""
        return tuple(self.account.positions[i].instrument for i in self.held)

    @property
    def sizes(self) -> tuple[int, ...]:
        """See `Bench.sizes`."""
        return (self.policy.lots,) * len(self.held)

    @cached_property
    def _marks(self) -> tuple[F64, F64, F64]:
        """Of each held position: option value and profit and funding of the whole, in its settlement currency, and
        the USD price of that currency."""
        contracts = [self.market.contracts[n] for n in self.names]
        plan = compile_plan(contracts, self.market)
        values = unit_values(plan, Scenarios.build([1.0]), "settlement")[:, 0]
        quantity = np.array([self.account.positions[i].quantity for i in self.held])
        gained = [
            unrealised_profit(plan, row, self.account.positions[i]) + self.account.positions[i].unsettled_funding
            for row, i in enumerate(self.held)
        ]
        return values * quantity, np.array(gained), plan.settle

    @cached_property
    def notional(self) -> F64:
        """`[positions]` USD of each whole position: contracts at their price, options at that of their underlying."""
        rows = []
        for name, i in zip(self.names, self.held, strict=True):
            plan = compile_plan([self.market.contracts[name]], self.market)
            coins = abs(self.account.positions[i].quantity) * float(plan.multiplier[0])
            price = float(plan.spot[0]) if np.isfinite(plan.spot[0]) else float(plan.price[0])
            at = price if is_option(self.market.contracts[name]) else float(plan.price[0])
            rows.append(coins if plan.style[0] == INVERSE else coins * at)
        return np.array(rows)

    @cached_property
    def costs(self) -> F64:
        """`[positions, lots + 1]` cost of closing the first lots of each, in its settlement currency."""
        return np.array([self._costs(row) for row in range(len(self.held))]).reshape(
            len(self.held), self.policy.lots + 1
        )

    def _costs(self, row: int) -> F64:
        position = self.account.positions[self.held[row]]
        contract = self.market.contracts[position.instrument]
        plan = compile_plan([contract], self.market)
        part = np.abs(position.quantity) * np.arange(self.policy.lots + 1) / self.policy.lots
        settle = float(plan.settle[0])
        spot = float(plan.spot[0]) if np.isfinite(plan.spot[0]) else float(plan.price[0])
        p = self.policy
        if is_option(contract):
            value = abs(float(self._marks[0][row])) / abs(position.quantity)
            fee = min(p.option_fee * plan.multiplier[0] * spot / settle, p.option_fee_cap * value)
            return np.asarray(part * (fee + p.option_spread * value))
        price = float(plan.price[0])
        coins = part * float(plan.multiplier[0])
        # an inverse contract is worth a fixed number of dollars, a linear one a fixed number of coins
        usd = coins if plan.style[0] == INVERSE else coins * price
        depth = self.market.depth.get(position.instrument)
        levels = () if depth is None else depth.bids if position.quantity > 0 else depth.asks
        aside = np.array([walked(levels, float(q), price, p.spread) for q in part])
        return np.asarray(usd * (p.fee + aside) / settle)

    def closed(self, lots: tuple[int, ...]) -> Account:
        """The account after closing these lots, before what it costs."""
        values, gained, _ = self._marks
        balances = dict(self.account.collateral)
        positions: list[Position | None] = list(self.account.positions)
        for row, (i, n) in enumerate(zip(self.held, lots, strict=True)):
            if n == 0:
                continue
            part, old = n / self.policy.lots, self.account.positions[i]
            currency = self.market.contracts[old.instrument].currency
            balances[currency] = balances.get(currency, 0.0) + part * float(values[row] + gained[row])
            left = 1.0 - part
            positions[i] = None if n == self.policy.lots else _rest(old, left, part * float(gained[row]))
        kept = tuple(p for p in positions if p is not None)
        return self.account.model_copy(update={"positions": kept, "orders": (), "collateral": balances})

    @property
    def settle(self) -> F64:
        """`[positions]` USD price of each settlement currency."""
        return self._marks[2]

    def paid(self, lots: tuple[int, ...]) -> Account:
        """The account after closing these lots and paying what it costs, out of the pool that they belong to."""
        account = self.closed(lots)
        balances = dict(account.collateral)
        spent: dict[int, float] = {}
        for row, (i, n) in enumerate(zip(self.held, lots, strict=True)):
            currency = self.market.contracts[self.names[row]].currency
            spent[i] = float(self.costs[row, n])
            balances[currency] = balances.get(currency, 0.0) - spent[i]
        if self._alone and account.positions:
            kept = [
                p.model_copy(update={"isolated_margin": max(0.0, (p.isolated_margin or 0.0) - spent[self.held[0]])})
                if self._mine(p)
                else p
                for p in account.positions
            ]
            account = account.model_copy(update={"positions": tuple(kept)})
        return account.model_copy(update={"collateral": balances})

    def look(self, closed: tuple[int, ...]) -> Look:
        """See `Bench.look`; amounts in the currency of the requirement. The cost is paid before the account is
        margined, so that a cost in a coin counts as much as the rules count the coin."""
        with np.errstate(all="ignore"):
            found = self.model.assess(self.paid(closed), self.market, "refuse")
        currency = found.currency or self.model.rules.currency
        price = self.market.price_of(currency)
        unit = 1.0 if currency == "USD" or price is None else price.price
        spent = np.array([self.costs[row, n] for row, n in enumerate(closed)])
        cost = float((spent * self.settle).sum()) / unit if len(closed) else 0.0
        for pool in found.pools:
            if pool.subject == self.subject:
                return Look(pool.equity + cost, cost, pool.maintenance)
        if self._alone:
            # the whole of an isolated position is closed: nothing is left to be margined
            row = self.account.positions[self.held[0]]
            return Look((row.isolated_margin or 0.0) + float(self._marks[1][0]), cost, 0.0)
        return Look(found.net_equity + cost, cost, sum(c.maintenance for c in found.components))

    def rough(self, closes: Sequence[tuple[int, ...]], base: Look) -> list[Look] | None:
        """Looks at several sets of closes at once, by the model's arithmetic on blocks of positions; `None` where it
        has none, or where the account is more than the positions of one pool.

        Closes are at the mark, so equity before their cost is taken for that of `base`: the caller holds these looks
        against exact ones before they are used.
        """
        rows = [self.account.positions[i] for i in self.held]
        plain = all(p.leg == "net" and p.isolated_margin is None for p in self.account.positions)
        whole = sum(p.quantity != 0.0 for p in self.account.positions) == len(rows)
        if type(self.model).batch is MarginModel.batch or not (plain and whole):
            return None
        left = 1.0 - np.array(closes, dtype=np.float64) / self.policy.lots
        count, size = left.shape
        quantity = left * np.array([p.quantity for p in rows])
        names = tuple(dict.fromkeys(self.names))
        places = np.array([names.index(n) for n in self.names], dtype=np.int64)
        held = Positions(names, np.arange(count + 1, dtype=np.int64) * size, np.tile(places, count), quantity.ravel())
        totals = self.model.many(held, self.market)
        if totals.refused:
            return None
        price = self.market.price_of(str(totals.currency[0]))
        unit = 1.0 if str(totals.currency[0]) == "USD" or price is None else price.price
        spent = self.costs[np.arange(size)[None, :], np.array(closes, dtype=np.int64)] @ self.settle / unit
        pairs = zip(spent.tolist(), totals.maintenance.tolist(), strict=True)
        return [Look(base.equity, cost, maintenance) for cost, maintenance in pairs]


def walked(levels: tuple[tuple[float, float], ...], size: float, mark: float, spread: float) -> float:
    """How far from the mark `size` contracts are closed on average, as a part of it, at least zero.

    Level by level of the posted book; what is beyond it is closed `spread` beyond the last level, and without a book
    everything is closed `spread` beside the mark.

    >>> walked(((99.0, 5.0), (97.0, 5.0)), 10.0, 100.0, 0.01), walked((), 10.0, 100.0, 0.01)
    (0.02, 0.01)
    """
    if size <= 0.0:
        return 0.0
    left, paid, last = size, 0.0, 0.0
    for price, quantity in levels:
        last = max(0.0, abs(price - mark) / mark)
        taken = min(left, quantity)
        paid += taken * last
        left -= taken
        if left <= 0.0:
            break
    return (paid + max(0.0, left) * (last + spread)) / size


def _rest(old: Position, left: float, realised: float) -> Position:
    """What stays of a position; what it has realised stays with its own margin if it is isolated."""
    changes: dict[str, object] = {"quantity": old.quantity * left, "unsettled_funding": old.unsettled_funding * left}
    if old.unrealised_pnl is not None:
        changes["unrealised_pnl"] = old.unrealised_pnl * left
    if old.isolated_margin is not None:
        changes["isolated_margin"] = max(0.0, old.isolated_margin + realised)
    return old.model_copy(update=changes)
