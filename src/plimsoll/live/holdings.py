"""What the accounts hold, as arrays that fills change: quantities, what they cost, balances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from plimsoll.documents import DocumentError, Problem, refuse
from plimsoll.live.events import Fill
from plimsoll.live.prices import HotPrices
from plimsoll.margin import Account, Position
from plimsoll.margin.account import BALANCE_LIMIT, QUANTITY_LIMIT
from plimsoll.margin.many.positions import F64, I64
from plimsoll.margin.many.universe import Lots
from plimsoll.risk.plan import INVERSE

HELD = {"positions", "collateral", "name", "venue", "mode", "as_of"}


class Holdings:
    """`A` accounts over the rows of a `HotPrices`.

    Account `a` holds `quantity[a][j]` contracts of row `items[a][j]`, rows increasing, each bought for `cost[a][j]` in
    its settlement currency (`sum of m P dq`, inverse `sum of -m dq / P`; zero for options and spot, whose premium was
    paid). A close takes its part of the average cost and pays the profit into `collateral[a, c]`, balances in units of
    `assets[c]`; `columns[N]` is the one that pays for a contract, -1 where the rules do not know it. So quantity times
    mark, less cost, is the unrealised profit.
    """

    def __init__(self, accounts: Sequence[Account], prices: HotPrices, allowed: frozenset[str] | None) -> None:
        self.prices = prices
        self.names = tuple(a.name for a in accounts)
        self.number = {name: a for a, name in enumerate(self.names)}
        if len(self.number) != len(self.names) or "" in self.number:
            twice = next(n for i, n in enumerate(self.names) if not n or n in self.names[:i])
            raise refuse("accounts.name", twice, "a name for each account, each once")
        self.assets = tuple(a for a in prices.asset_names() if allowed is None or a in allowed)
        self.column = {asset: c for c, asset in enumerate(self.assets)}
        contracts = prices.plan.contracts
        paid = [self.column.get("USD" if c.kind == "spot" else c.currency, -1) for c in contracts]
        self.columns = np.array(paid, dtype=np.int64)
        self.documents = tuple(accounts)
        self.items: list[I64] = []
        self.quantity: list[F64] = []
        self.cost: list[F64] = []
        self.collateral = np.zeros((len(self.names), len(self.assets)))
        self._spent = np.zeros_like(self.collateral)
        self.holders: list[set[int]] = [set() for _ in prices.universe.names]
        problems: list[Problem] = []
        for a, account in enumerate(accounts):
            problems += self._open(a, account)
        if problems:
            raise DocumentError(problems)

    def __len__(self) -> int:
        return len(self.names)

    def over(self, prices: HotPrices, allowed: frozenset[str] | None) -> Holdings:
        """The same positions, costs and balances over the rows of other prices that list all of these contracts."""
        bare = [d.model_copy(update={"positions": (), "collateral": {}}) for d in self.documents]
        found = Holdings(bare, prices, allowed)
        rows = np.array([prices.row[n] for n in self.prices.universe.names], dtype=np.int64)
        for a in range(len(self)):
            place = rows[self.items[a]]
            order = np.argsort(place)
            balances = dict.fromkeys(found.assets, 0.0) | dict(
                zip(self.assets, self.collateral[a].tolist(), strict=True)
            )
            found.put(a, place[order], self.quantity[a][order], self.cost[a][order], balances)
        return found

    def lots(self, accounts: I64) -> Lots:
        """The positions of some accounts as a block for a model's arithmetic."""
        return self._lots([self.items[a] for a in accounts.tolist()], [self.quantity[a] for a in accounts.tolist()])

    def _lots(self, items: list[I64], quantity: list[F64]) -> Lots:
        counts = np.array([i.size for i in items], dtype=np.int64)
        of = np.repeat(np.arange(len(items), dtype=np.int64), counts)
        item = np.concatenate([*items, np.zeros(0, np.int64)])
        held = np.concatenate([*quantity, np.zeros(0)])
        return Lots(self.prices.universe, len(items), of, item, held, np.zeros(len(items), dtype=bool))

    def costs(self, accounts: I64) -> F64:
        """`[K, C]` what the futures and perpetuals of some accounts cost, by asset."""
        found: F64 = self._spent[accounts]
        return found

    def why_not(self, fill: Fill) -> Problem | None:
        """What keeps a fill from being booked, if anything does."""
        row = self.prices.row.get(fill.instrument)
        if fill.account not in self.number:
            return Problem("fill.account", repr(fill.account), f"one of {len(self)} accounts")
        if row is None:
            return Problem("fill.instrument", repr(fill.instrument), f"one of {len(self.prices.row)} listed contracts")
        if not self.prices.universe.taken[row]:
            return Problem("fill.instrument", repr(fill.instrument), "a contract that the rules can margin on blocks")
        if not (np.isfinite(fill.quantity) and np.isfinite(fill.price) and np.isfinite(fill.fee)):
            return Problem("fill", "an amount that is not finite", "numbers")
        a = self.number[fill.account]
        if fill.quantity == 0.0 or abs(self.held(a, row) + fill.quantity) > QUANTITY_LIMIT:
            allowed = f"a size other than zero that leaves at most {QUANTITY_LIMIT:g} contracts"
            return Problem("fill.quantity", repr(fill.quantity), allowed)
        # an option may be sold for nothing; a future has a price
        if fill.price < 0.0 or (fill.price == 0.0 and self.prices.swaps[row]):
            return Problem("fill.price", repr(fill.price), "a price above zero (options: not below)")
        column = self.paid_in(row)
        if column is None:
            return Problem("fill.instrument", self.prices.plan.contracts[row].currency, "a currency the rules know")
        j = int(np.searchsorted(self.items[a], row))
        before = self.held(a, row)
        paid, left = money(
            self.prices, row, before, float(self.cost[a][j]) if before else 0.0, fill.quantity, fill.price
        )
        if not (within_limits(self.collateral[a, column] + paid - fill.fee) and within_limits(left)):
            return Problem("fill.price", repr(fill.price), "a price and a fee that leave a balance an account may hold")
        expiry = self.prices.plan.group[row]
        if expiry >= 0 and self.prices.plan.seconds[expiry] == 0.0:
            return Problem("fill.instrument", repr(fill.instrument), "a contract that has not expired")
        return None

    def held(self, a: int, row: int) -> float:
        """Contracts of a row in account `a`."""
        j = int(np.searchsorted(self.items[a], row))
        return float(self.quantity[a][j]) if j < self.items[a].size and self.items[a][j] == row else 0.0

    def book(self, fill: Fill) -> int:
        """Book a fill for which `why_not` has nothing; the account's number."""
        a, row = self.number[fill.account], self.prices.row[fill.instrument]
        asset = self.paid_in(row)
        assert asset is not None
        self.collateral[a, asset] += self.trade(a, row, fill.quantity, fill.price) - fill.fee
        return a

    def trade(self, a: int, row: int, quantity: float, price: float) -> float:
        """Change a position and give the money that goes into the balance of `paid_in`, fee apart."""
        j = int(np.searchsorted(self.items[a], row))
        if j == self.items[a].size or self.items[a][j] != row:
            self.items[a] = np.insert(self.items[a], j, row)
            self.quantity[a] = np.insert(self.quantity[a], j, 0.0)
            self.cost[a] = np.insert(self.cost[a], j, 0.0)
        before, cost = float(self.quantity[a][j]), float(self.cost[a][j])
        after = before + quantity
        paid, left = money(self.prices, row, before, cost, quantity, price)
        self.quantity[a][j], self.cost[a][j] = after, left
        if before == 0.0:
            self.holders[row].add(a)
        if after == 0.0:
            self.holders[row].discard(a)
            for arrays in (self.items, self.quantity, self.cost):
                arrays[a] = np.delete(arrays[a], j)
        self._spend(a)
        return paid

    def _spend(self, a: int) -> None:
        """Add up what the futures of an account cost, in the order of its rows: no sum depends on its history."""
        self._spent[a] = 0.0
        held = self.cost[a] != 0.0
        if held.any():
            np.add.at(self._spent[a], self.columns[self.items[a][held]], self.cost[a][held])

    def paid_in(self, row: int) -> int | None:
        """Column of the currency that pays for a contract: dollars for spot, else its settlement currency."""
        column = int(self.columns[row])
        return None if column < 0 else column

    def put(self, a: int, rows: I64, quantity: F64, cost: F64, balances: Mapping[str, float]) -> None:
        """Replace what account `a` holds; rows increasing, balances by asset."""
        for row in self.items[a].tolist():
            self.holders[row].discard(a)
        self.items[a], self.quantity[a], self.cost[a] = rows, quantity, cost
        for row in rows.tolist():
            self.holders[row].add(a)
        self.collateral[a] = [float(balances[asset]) for asset in self.assets]
        self._spend(a)

    def settle(self, rows: I64, price: float) -> I64:
        """Turn contracts of a settled expiry into money; the accounts that held some."""
        hit = []
        for a in range(len(self)):
            mine = self.items[a][np.isin(self.items[a], rows)]
            for row in mine.tolist():
                asset = self.paid_in(row)
                assert asset is not None
                worth = settlement_worth(self.prices, row, price)
                quantity = self.held(a, row)
                if self.prices.swaps[row]:
                    self.collateral[a, asset] += self.trade(a, row, -quantity, price)
                else:
                    self.collateral[a, asset] += quantity * worth
                    self.trade(a, row, -quantity, 0.0)
            if mine.size:
                hit.append(a)
        return np.array(hit, dtype=np.int64)

    def account(self, a: int) -> Account:
        """The document of account `a` as it stands; futures with the profit that is not yet settled."""
        return self.document(a, self.items[a], self.quantity[a], self.cost[a], self.collateral[a])

    def document(self, a: int, items: I64, quantity: F64, costs: F64, collateral: F64) -> Account:
        """The document of account `a` with other positions and balances."""
        rows: list[dict[str, Any]] = []
        marks = self.prices.unit_marks(items)
        for row, q, cost, mark in zip(items.tolist(), quantity.tolist(), costs.tolist(), marks.tolist(), strict=True):
            profit = q * mark - cost if self.prices.swaps[row] else 0.0
            known: dict[str, Any] = {"unrealised_pnl": profit} if profit else {}
            rows.append({"instrument": self.prices.universe.names[row], "quantity": q, **known})
        balances = {n: float(v) for n, v in zip(self.assets, collateral.tolist(), strict=True) if v != 0.0}
        positions = tuple(Position.model_validate(r) for r in rows)
        return self.documents[a].model_copy(update={"positions": positions, "collateral": balances, "as_of": None})

    def _open(self, a: int, account: Account) -> list[Problem]:
        """Take an account document over; what the engine cannot carry is refused with its path."""
        own = f"accounts[{a}]"
        problems = [
            Problem(f"{own}.{name}", "given", "positions and collateral only")
            for name in ("orders", "borrowed", "settings", "reported")
            if getattr(account, name)
        ]
        self.items.append(np.zeros(0, np.int64))
        self.quantity.append(np.zeros(0))
        self.cost.append(np.zeros(0))
        for asset, amount in account.collateral.items():
            if asset in self.column:
                self.collateral[a, self.column[asset]] = amount
            elif amount:
                problems.append(Problem(f"{own}.collateral.{asset}", repr(amount), ", ".join(self.assets)))
        for p in account.positions:
            if p.quantity == 0.0 and not p.unrealised_pnl and not p.unsettled_funding:
                continue
            row = self.prices.row.get(p.instrument)
            if row is None or not self.prices.universe.taken[row] or self.paid_in(row) is None:
                problems.append(Problem(f"{own}.positions", repr(p.instrument), "contracts that the rules can margin"))
                continue
            if p.leg != "net" or p.isolated_margin is not None or p.unsettled_funding or p.quantity == 0.0:
                problems.append(Problem(f"{own}.positions", repr(p.instrument), "one net position without funding"))
                continue
            self.trade(a, row, p.quantity, 0.0 if not self.prices.swaps[row] else self._entry(row, p))
            if self.prices.swaps[row] and p.unrealised_pnl is not None:
                j = int(np.searchsorted(self.items[a], row))
                mark = float(self.prices.unit_marks([row])[0])
                self.cost[a][j] = p.quantity * mark - p.unrealised_pnl
                self._spend(a)
        return problems

    def _entry(self, row: int, position: Position) -> float:
        return float(self.prices.plan.price[row]) if position.entry_price is None else position.entry_price


def money(
    prices: HotPrices, row: int, before: float, cost: float, quantity: float, price: float
) -> tuple[float, float]:
    """What a trade pays into the settlement currency, and what the position then has cost.

    Options and spot are paid at once. A future that is closed, wholly or in part, takes its part of the average cost
    along; one that turns closes first and opens at the price.
    """
    m = float(prices.plan.multiplier[row])
    if not prices.swaps[row]:
        return -quantity * price * (m if prices.plan.option[row] else 1.0), 0.0
    unit = -m / price if prices.plan.style[row] == INVERSE else m * price
    if before == 0.0 or (before > 0.0) == (quantity > 0.0):
        return 0.0, cost + quantity * unit
    closed = min(abs(quantity), abs(before))
    sign = 1.0 if before > 0.0 else -1.0
    part = cost * (closed / abs(before))
    rest = quantity + sign * closed
    left = cost - part if closed < abs(before) else 0.0
    return sign * closed * unit - part, left + rest * unit


def moneys(prices: HotPrices, rows: I64, before: F64, cost: F64, quantity: F64, price: F64) -> tuple[F64, F64]:
    """`money` of `[L]` trades at once, each by itself."""
    plan = prices.plan
    m = plan.multiplier[rows]
    swap = prices.swaps[rows]
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = np.where(plan.style[rows] == INVERSE, -m / price, m * price)
        premium = -quantity * price * np.where(plan.option[rows], m, 1.0)
        same = (before == 0.0) | ((before > 0.0) == (quantity > 0.0))
        closed = np.where(same, 0.0, np.minimum(np.abs(quantity), np.abs(before)))
        sign = np.where(before > 0.0, 1.0, -1.0)
        part = np.where(same, 0.0, cost * (closed / np.abs(before)))
        left = np.where(same, cost, np.where(closed < np.abs(before), cost - part, 0.0))
        rest = quantity + sign * closed
        paid = np.where(same, 0.0, sign * closed * unit - part)
    return np.where(swap, paid, premium), np.where(swap, left + rest * unit, 0.0)


def settlement_worth(prices: HotPrices, row: int, price: float) -> float:
    """What one option pays at a settlement price, in its settlement currency; undiscounted, coins at that price."""
    plan = prices.plan
    strike = float(plan.strike[row])
    inside = max(0.0, price - strike) if plan.call[row] else max(0.0, strike - price)
    m = float(plan.multiplier[row])
    return inside * m / price if plan.style[row] == INVERSE else inside * m


def within_limits(balance: float) -> bool:
    """Whether a balance can stand in an account document."""
    return bool(np.isfinite(balance)) and abs(balance) <= BALANCE_LIMIT
