"""A book over scenarios in which every underlying has its own column: the P&L array, row by row or summed as it goes.

Within one underlying the array is that of `plimsoll.risk.revalue`; here the underlyings meet, and each settlement
currency moves with its own coin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Contract, Spot, is_option
from plimsoll.documents import DAY_SECONDS, DocumentError, Problem, refuse
from plimsoll.kernels import lognormal_book
from plimsoll.market import Market
from plimsoll.risk.plan import F64, I64, INVERSE, Plan, compile_plan
from plimsoll.risk.revalue import in_range, plan_pnl, unit_values
from plimsoll.scenarios import Scenarios, years_of

EXOTIC_CELLS = 200_000
"""Cells of an array of exotic options held at once."""

TABLE = 8192
"""Scenarios whose tables by expiry are made at once: they stay in the caches, and no number depends on it."""

CASH = "collateral "
"""What the name of a row of collateral begins with."""


@dataclass(frozen=True, eq=False)
class Netted:
    """Positions in one underlying that settle in one currency, netted as far as they move alike.

    `lines` are futures and perpetuals: by expiry (-1 for none) and whether they are inverse, their size in units of the
    currency. `coins` are held outright. `rows` are the European options in the plan, `exotic` the signed quantities of
    the others, rows as `plan.exotics`.
    """

    underlying: str
    currency: str
    plan: Plan
    lines: Mapping[tuple[int, bool], float]
    coins: float
    rows: I64
    used: I64
    group: I64
    quantity: F64
    exotic: F64

    def cash(self, column: Scenarios) -> F64:
        """Cash flow `[S]` of futures and perpetuals, in the settlement currency."""
        plan, total = self.plan, np.zeros(len(column))
        for (group, inverse), size in self.lines.items():
            moved = column.spot
            if group >= 0:
                whole = plan.variable[group] + plan.fixed[group]
                share = plan.variable[group] / whole if whole > 0 else 1.0
                share = share if np.isfinite(share) else 1.0
                moved = share * column.spot * column.basis + (1.0 - share)
            total += size * (1.0 - 1.0 / moved) if inverse else size * (moved - 1.0)
        return total

    def options(self, column: Scenarios, threads: int | None) -> F64:
        """Value `[S]` of European options in the settlement currency."""
        plan, rule = self.plan, column.vol_rule
        seconds, strike, call = plan.seconds[self.used], plan.strike[self.rows], plan.call[self.rows]
        root = np.sqrt(years_of(seconds))
        total_vol = plan.vol[self.rows] * root[self.group]
        inverse = plan.style[self.rows] == INVERSE
        tenor, one = rule.scale(seconds), np.ones(self.used.size)
        variable, fixed = plan.variable[self.used, None], plan.fixed[self.used, None]
        result = np.empty(len(column))
        for begin in range(0, len(column), TABLE):
            at = slice(begin, min(begin + TABLE, len(column)))
            forward = variable * (column.spot[at] * column.basis[at])
            forward += fixed
            scale = tenor[:, None] * column.vol[at]
            scale += 1.0
            np.maximum(scale, 0.0, out=scale)
            floor = None
            if rule.min_up_vol:
                floor = np.where(column.vol[at] > 0.0, rule.min_up_vol, 0.0) * root[:, None]
            days = column.days[at]
            if days.any():
                # the same horizon passes in all scenarios of a model: one number for each expiry then
                days = days[:1] if (days == days[0]).all() else days
                left = np.maximum(seconds[:, None] - days * DAY_SECONDS, 0.0)
                shrink = np.sqrt(np.divide(left, seconds[:, None], out=np.zeros_like(left), where=seconds[:, None] > 0))
                scale *= shrink
                floor = None if floor is None else floor * shrink
            in_range(forward, scale, total_vol)
            result[at] = lognormal_book(
                self.group, strike, total_vol, call, self.quantity, forward, scale, floor, one,
                per_forward=inverse if inverse.any() else None, threads=threads,
            )  # fmt: skip
        return result

    def exotics(self, column: Scenarios) -> F64:
        """Value `[S]` of options of other kinds in the settlement currency."""
        from plimsoll.risk.exotics import exotic_unit_values

        width = max(1, EXOTIC_CELLS // self.exotic.size)
        result = np.empty(len(column))
        for begin in range(0, len(column), width):
            some = column.take(np.arange(begin, min(begin + width, len(column))))
            result[begin : begin + len(some)] = self.exotic @ exotic_unit_values(self.plan, some)
        return result


_STILL = Scenarios.build([1.0])


def _parts(underlying: str, plan: Plan, quantity: F64) -> list[Netted]:
    """The positions of one underlying by settlement currency."""
    found = []
    currencies = np.array([c.currency for c in plan.contracts])
    for currency in sorted(set(currencies.tolist())):
        mine = currencies == currency
        lines: dict[tuple[int, bool], float] = {}
        coins = 0.0
        for i in np.flatnonzero(mine).tolist():
            kind, inverse = plan.contracts[i].kind, bool(plan.style[i] == INVERSE)
            if kind == "spot":
                coins += float(quantity[i])
            elif kind in ("future", "perpetual"):
                size = plan.multiplier[i] / plan.price[i] if inverse else plan.multiplier[i] * plan.price[i]
                key = (int(plan.group[i]), inverse)
                lines[key] = lines.get(key, 0.0) + float(quantity[i] * size)
        rows = np.flatnonzero(mine & plan.option).astype(np.int64)
        used, group = np.unique(plan.group[rows], return_inverse=True)
        held = quantity[rows] * plan.multiplier[rows]
        exotic = np.where(mine[plan.exotics], quantity[plan.exotics], 0.0)
        found.append(Netted(underlying, currency, plan, lines, coins, rows, used, group.astype(np.int64), held, exotic))
    return found


@dataclass(frozen=True, eq=False)
class JointBook:
    """Positions by underlying: `names[N]`, signed `quantity[N]` contracts, one compiled plan for each underlying.

    `rows[u]` are the places of the contracts of underlying `u` in `names`. Coins held as collateral are positions in
    the coin itself, so that their fall is in the same scenarios as that of the book.
    """

    names: tuple[str, ...]
    contracts: tuple[Contract, ...]
    quantity: F64
    plans: Mapping[str, Plan]
    rows: Mapping[str, I64]
    parts: tuple[Netted, ...]
    currencies: tuple[str, ...]
    prices: Mapping[str, float]
    moving: frozenset[str]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def underlyings(self) -> tuple[str, ...]:
        """Underlyings, and coins that something settles in; each has to have a column of scenarios."""
        return tuple(sorted({*self.plans, *(c for c in self.currencies if c in self.moving)}))


def joint_book(
    contracts: Sequence[Contract],
    quantity: npt.ArrayLike,
    market: Market,
    collateral: Mapping[str, float] | None = None,
) -> JointBook:
    """Compile `quantity[N]` of `contracts`, and coins of `collateral` that have an index, into a book.

    Dollars and stable assets without an index do not move and are left out. Positions of zero are left out. Raises
    `DocumentError` naming every contract that cannot be valued.
    """
    held = np.asarray(quantity, dtype=np.float64)
    if held.shape != (len(contracts),) or not np.isfinite(held).all():
        raise refuse("quantity", f"shape {held.shape}", f"{len(contracts)} finite numbers, one for each contract")
    all_contracts = [c for c, q in zip(contracts, held.tolist(), strict=True) if q != 0.0]
    amounts = [q for q in held.tolist() if q != 0.0]
    names = [c.name for c in all_contracts]
    for asset, amount in sorted((collateral or {}).items()):
        if not np.isfinite(amount):
            raise refuse(f"collateral.{asset}", amount, "a finite number")
        if amount == 0.0 or asset not in market.indices:
            continue
        all_contracts.append(Spot(name=CASH + asset, underlying=asset))
        amounts.append(float(amount))
        names.append(CASH + asset)
    plans, rows, problems = {}, {}, []
    for underlying in sorted({c.underlying for c in all_contracts}):
        at = [i for i, c in enumerate(all_contracts) if c.underlying == underlying]
        plan = compile_plan([all_contracts[i] for i in at], market)
        problems += [Problem(f"contracts.{names[at[k]]}", f.reason.value, f.message) for k, f in plan.failures.items()]
        plans[underlying], rows[underlying] = plan, np.array(at, dtype=np.int64)
    if problems:
        raise DocumentError(problems)
    if not all_contracts:
        raise refuse("book", "no position that moves", "at least one contract or coin")
    currencies = tuple(sorted({c.currency for c in all_contracts}))
    prices = {}
    for c in currencies:
        found = market.price_of(c)
        assert found is not None  # else a failure of the plan
        prices[c] = found.price
    moving = frozenset(c for c in currencies if c in market.indices)
    array = np.array(amounts, dtype=np.float64)
    parts = tuple(p for u, plan in plans.items() for p in _parts(u, plan, array[rows[u]]))
    return JointBook(tuple(names), tuple(all_contracts), array, plans, rows, parts, currencies, prices, moving)


def joint_rows(book: JointBook, columns: Mapping[str, Scenarios]) -> F64:
    """`[N, S]` gain of one contract in USD at the shocked price of its settlement currency, rows as `book.names`.

    The definition that `joint_losses` is held to; for few scenarios.
    """
    size = _size(book, columns)
    result = np.empty((len(book), size))
    for underlying, plan in book.plans.items():
        column = columns[underlying]
        side = book.quantity[book.rows[underlying]]
        gain = plan_pnl(plan, column, "settlement", side)
        before = unit_values(plan, _STILL, "settlement", side)
        for k, i in enumerate(book.rows[underlying].tolist()):
            contract = plan.contracts[k]
            price = _price(book, columns, contract.currency)
            if is_option(contract) or contract.kind == "spot":
                now = before[k, 0] * book.prices[contract.currency]
                result[i] = (gain[k] + before[k, 0]) * price - now
            else:
                result[i] = gain[k] * price
    return result


def joint_losses(book: JointBook, columns: Mapping[str, Scenarios], *, threads: int | None = None) -> F64:
    """`[S]` loss of the whole book in US dollars, positive for a loss; N x S is never stored.

    European options are priced and summed by `lognormal_book`; futures, perpetuals and coins are netted to one line for
    each price that moves them; other options go through the array in blocks of scenarios.
    """
    size = _size(book, columns)
    total = np.zeros(size)
    for part in book.parts:
        column = columns[part.underlying]
        price, now = _price(book, columns, part.currency), book.prices[part.currency]
        gain = part.cash(column)
        held: float | F64 = part.coins
        before = part.coins
        if part.rows.size:
            held = held + part.options(column, threads)
            before += float(part.options(_STILL, threads)[0])
        if part.exotic.any():
            held = held + part.exotics(column)
            before += float(part.exotics(_STILL)[0])
        total += (gain + held) * price - before * now
    losses: F64 = 0.0 - total
    if not np.isfinite(losses).all():
        raise refuse("losses", "a number beyond double precision", "markets and shocks of sane size")
    return losses


def _size(book: JointBook, columns: Mapping[str, Scenarios]) -> int:
    missing = [u for u in book.underlyings if u not in columns]
    if missing:
        known = ", ".join(columns) or "none"
        raise refuse(f"history.{missing[0]}", "no history of its price", f"every underlying held; there are {known}")
    sizes = {len(columns[u]) for u in book.underlyings}
    if len(sizes) != 1:
        raise refuse("columns", sorted(sizes), "columns of one length")
    return sizes.pop()


def _price(book: JointBook, columns: Mapping[str, Scenarios], currency: str) -> F64:
    """`[S]` USD price of a settlement currency, or `[1]` where it does not move."""
    price = book.prices[currency]
    result: F64 = price * columns[currency].spot if currency in book.moving else np.array([price])
    return result
