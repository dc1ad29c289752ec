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
from plimsoll.risk.revalue import in_range, plan_pnl, shocked_forward, unit_values
from plimsoll.scenarios import Scenarios, years_of

EXOTIC_CELLS = 200_000
"""Cells of an array of exotic options held at once."""

CASH = "collateral "
"""What the name of a row of collateral begins with."""


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
    currencies: tuple[str, ...]
    prices: Mapping[str, float]
    moving: frozenset[str]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def underlyings(self) -> tuple[str, ...]:
        """Whatever has to have a column of scenarios: underlyings, and coins that something settles in."""
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
    return JointBook(tuple(names), tuple(all_contracts), array, plans, rows, currencies, prices, moving)


def joint_rows(book: JointBook, columns: Mapping[str, Scenarios]) -> F64:
    """`[N, S]` gain of one contract in USD at the shocked price of its settlement currency, rows as `book.names`.

    The definition that `joint_losses` is held to; for few scenarios.
    """
    size = _size(book, columns)
    result = np.empty((len(book), size))
    base = Scenarios.build([1.0])
    for underlying, plan in book.plans.items():
        column = columns[underlying]
        side = book.quantity[book.rows[underlying]]
        gain = plan_pnl(plan, column, "settlement", side)
        before = unit_values(plan, base, "settlement", side)
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
    for underlying, plan in book.plans.items():
        column, quantity = columns[underlying], book.quantity[book.rows[underlying]]
        for currency in sorted({c.currency for c in plan.contracts}):
            mine = np.array([c.currency == currency for c in plan.contracts])
            price, now = _price(book, columns, currency), book.prices[currency]
            cash = _linear(plan, column, quantity * mine)
            options, before = _options(plan, column, np.flatnonzero(mine & plan.option), quantity, threads)
            coins = sum(q for q, c, m in zip(quantity, plan.contracts, mine, strict=True) if m and c.kind == "spot")
            exotic, exotic_before = _exotics(plan, column, mine, quantity)
            held = options + exotic + coins
            total += (cash + held) * price - (before + exotic_before + coins) * now
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


def _linear(plan: Plan, column: Scenarios, quantity: F64) -> F64:
    """Cash flow `[S]` of futures and perpetuals, in the settlement currency, netted by the price that moves them."""
    lines: dict[tuple[int, bool], float] = {}
    for i, contract in enumerate(plan.contracts):
        if contract.kind not in ("future", "perpetual") or quantity[i] == 0.0:
            continue
        inverse = bool(plan.style[i] == INVERSE)
        size = plan.multiplier[i] / plan.price[i] if inverse else plan.multiplier[i] * plan.price[i]
        key = (int(plan.group[i]), inverse)
        lines[key] = lines.get(key, 0.0) + float(quantity[i] * size)
    total = np.zeros(len(column))
    for (group, inverse), size in lines.items():
        moved = column.spot
        if group >= 0:
            whole = plan.variable[group] + plan.fixed[group]
            share = plan.variable[group] / whole if whole > 0 else 1.0
            share = share if np.isfinite(share) else 1.0
            moved = share * column.spot * column.basis + (1.0 - share)
        total += size * (1.0 - 1.0 / moved) if inverse else size * (moved - 1.0)
    return total


def _options(
    plan: Plan, column: Scenarios, rows: npt.NDArray[np.intp], quantity: F64, threads: int | None
) -> tuple[F64, float]:
    """Value `[S]` of European options in their settlement currency, and their value now."""
    rows = rows[quantity[rows] != 0.0]
    if rows.size == 0:
        return np.zeros(len(column)), 0.0
    return _summed(plan, column, rows, quantity, threads), float(
        _summed(plan, Scenarios.build([1.0]), rows, quantity, threads)[0]
    )


def _summed(plan: Plan, column: Scenarios, rows: npt.NDArray[np.intp], quantity: F64, threads: int | None) -> F64:
    used, group = np.unique(plan.group[rows], return_inverse=True)
    seconds = plan.seconds[used]
    forward = np.ascontiguousarray(shocked_forward(plan, column)[used])
    scale = column.vol_scale(seconds)
    root = np.sqrt(years_of(seconds))
    floor = column.vol_floor()[None, :] * root[:, None] if column.vol_rule.min_up_vol else None
    if column.days.any():
        # the same horizon passes in all scenarios of a model: one number for each expiry then
        days = column.days[:1] if (column.days == column.days[0]).all() else column.days
        left = np.maximum(seconds[:, None] - days[None, :] * DAY_SECONDS, 0.0)
        shrink = np.sqrt(np.divide(left, seconds[:, None], out=np.zeros_like(left), where=seconds[:, None] > 0))
        scale *= shrink
        floor = None if floor is None else floor * shrink
    total_vol = plan.vol[rows] * root[group]
    in_range(forward, scale, total_vol)
    return lognormal_book(
        group.astype(np.int64),
        plan.strike[rows],
        total_vol,
        plan.call[rows],
        quantity[rows] * plan.multiplier[rows],
        forward,
        scale,
        floor,
        np.ones(used.size),
        per_forward=plan.style[rows] == INVERSE,
        threads=threads,
    )


def _exotics(plan: Plan, column: Scenarios, mine: npt.NDArray[np.bool_], quantity: F64) -> tuple[F64, float]:
    """Value `[S]` of options of other kinds in their settlement currency, and their value now."""
    total = np.zeros(len(column))
    here = mine[plan.exotics] & (quantity[plan.exotics] != 0.0)
    if not here.any():
        return total, 0.0
    from plimsoll.risk.exotics import exotic_unit_values

    amounts = np.where(here, quantity[plan.exotics], 0.0)
    width = max(1, EXOTIC_CELLS // plan.exotics.size)
    for begin in range(0, len(column), width):
        part = column.take(np.arange(begin, min(begin + width, len(column))))
        total[begin : begin + len(part)] = amounts @ exotic_unit_values(plan, part)
    return total, float(amounts @ exotic_unit_values(plan, Scenarios.build([1.0]))[:, 0])
