"""Which accounts may sleep through a tick: a bound on what all moves since their last margin can have done to them."""

from __future__ import annotations

import numpy as np

from plimsoll.live.holdings import Holdings
from plimsoll.live.margins import Margins, Sheet
from plimsoll.live.prices import HotPrices
from plimsoll.margin.many.positions import F64, I64

CUSHION = 1e-9
"""Part of the gross that is taken off the room for rounding: sums of floats are a million times closer than that."""

FEW = 16
"""Rows up to which the holders of each are looked up; above, whoever holds anything of the underlying is touched."""


class Sleep:
    """Deadlines `[A, G]` of the accounts in the distance that each group of prices has gone from the reference.

    Groups are the underlyings and the collateral assets. `far[g]` is the largest `reach[i] / scale[i]` of the contracts
    of an underlying, `scale` their notional at the reference in the account's currency; of an asset it is how far its
    price has gone, relative. `gross[a, g]` adds up `|quantity| * scale`, of an asset balances and the cost of futures,
    nothing where rules count them without a price.
    By the triangle inequality through the reference, equity less margin of account `a` has since its last margin, at
    distances `then[g]`, moved by no more than

        sum over g of gross[a, g] * (then[g] + far[g])

    With room `r` to the nearest of its two margins, or to where the bound ends (`RowTables.further`), it cannot have
    crossed one while for every group it holds `far[g] < r / sum(gross[a]) - then[g]`, its deadline there: nothing else
    is compared when a tick comes. Accounts that are not healthy, or that the rows do not cover, have deadlines of minus
    infinity.
    """

    def __init__(self, prices: HotPrices, holdings: Holdings, margins: Margins, skip: bool = True) -> None:
        self.prices, self.holdings = prices, holdings
        self.reach = margins.reach if skip else None
        self.priced, self.slack = margins.priced, margins.slack
        self.underlyings = prices.universe.underlyings
        self.groups = (*self.underlyings, *(f"asset {a}" for a in holdings.assets))
        self.of = prices.universe.underlying
        size, groups = len(holdings), len(self.groups)
        self.deadline = np.full((size, groups), -np.inf)
        self.gross = np.zeros((size, groups))
        self.money = np.zeros((size, len(holdings.assets)), dtype=bool)
        self.room = np.zeros(size)
        self.further = np.full(size, np.inf)
        self.then = np.zeros((size, groups))
        self.first = np.flatnonzero(np.diff(self.of, prepend=-1))
        self.refer()

    def refer(self) -> None:
        """Measure from the present prices on; every account has to be `set` next."""
        plan, taken = self.prices.plan, self.prices.universe.taken
        rows = np.arange(len(plan))
        marks = np.abs(np.where(taken, self.prices.unit_marks(rows), 0.0) * np.where(taken, plan.settle, 0.0))
        coins = np.where(plan.option, plan.multiplier, 1.0) * np.where(taken, plan.spot, 0.0)
        scale = np.where(self.prices.swaps, marks, coins)
        if not self.priced:
            with np.errstate(divide="ignore", invalid="ignore"):
                scale = scale / plan.settle
        self.scale = np.where(np.isfinite(scale) & (scale > 0.0), scale, 1.0)
        self.asset_base = np.array([self.prices.asset_price(a) for a in self.holdings.assets])
        # of an asset that is worth nothing no part can be said: its distance is in dollars
        self.asset_scale = np.where(self.asset_base > 0.0, self.asset_base, 1.0)

    @property
    def far(self) -> F64:
        """`[G]` how far each group has gone from the reference."""
        assert self.reach is not None
        parts = self.reach / self.scale
        # the rows of an underlying stand together
        rows = np.maximum.reduceat(parts, self.first) if parts.size else np.zeros(0)
        now = np.array([self.prices.asset_price(a) for a in self.holdings.assets])
        assets = np.abs(now - self.asset_base) / self.asset_scale if now.size else now
        return np.concatenate([rows, assets])

    def touched(self, rows: I64, assets: tuple[str, ...]) -> I64:
        """Accounts that hold one of the rows or a balance of one of the assets, increasing."""
        found = np.zeros(len(self.holdings), dtype=bool)
        if rows.size <= FEW:
            for row in rows.tolist():
                found[list(self.holdings.holders[row])] = True
        else:
            found |= self.gross[:, np.unique(self.of[rows])].any(axis=1)
        columns = [self.holdings.column[a] for a in assets if a in self.holdings.column]
        if columns:
            found |= self.money[:, columns].any(axis=1)
        return np.flatnonzero(found).astype(np.int64)

    def awake(self, accounts: I64, level: np.ndarray[tuple[int], np.dtype[np.int8]]) -> I64:
        """Those of the touched accounts that the bound cannot vouch for."""
        if self.reach is None:
            return accounts
        far = self.far
        late = (self.deadline[accounts] <= far).any(axis=1) | (level[accounts] != 0)
        found: I64 = accounts[late]
        return found

    def set(self, accounts: I64, sheet: Sheet, level: I64, lines: tuple[float, ...] = ()) -> None:
        """Remember what the accounts hold and have room for, from margins of this moment.

        `lines` are further healths, from one up, that no sleeper may cross: `|equity - k maintenance|` moves by at most
        `k` times what bounds equity and margin together, so its `k`-th part counts as room.
        """
        self.gross[accounts] = self._gross(accounts)
        if self.reach is None:
            return
        room = np.minimum(np.abs(sheet.equity - sheet.initial), np.abs(sheet.equity - sheet.maintenance))
        for k in lines:
            room = np.minimum(room, np.abs(sheet.equity - k * sheet.maintenance) / k)
        total = self.gross[accounts].sum(axis=1)
        room = np.minimum(room, sheet.further)
        room = np.where((level == 0) & ~sheet.exact, room, -np.inf) - CUSHION * total - self.slack
        far = self.far
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(total > 0.0, room / total, np.inf)
            deadline = np.where(self.gross[accounts] > 0.0, share[:, None] - far[None, :], np.inf)
        # an account without room or with a number that is none stays awake
        deadline[~(room > 0.0)] = -np.inf
        self.deadline[accounts] = deadline
        self.room[accounts], self.further[accounts] = room, sheet.further
        self.then[accounts] = far

    def bound(self, account: int) -> tuple[float, float]:
        """Room of an account at its last margin, and what all moves since can have taken of it at most; USD."""
        moved = float((self.gross[account] * (self.then[account] + self.far)).sum())
        return float(self.room[account]), moved

    def _gross(self, accounts: I64) -> F64:
        lots = self.holdings.lots(accounts)
        found = np.zeros((accounts.size, len(self.groups)))
        np.add.at(found, (lots.account, self.of[lots.item]), np.abs(lots.quantity) * self.scale[lots.item])
        balances, costs = np.abs(self.holdings.collateral[accounts]), np.abs(self.holdings.costs(accounts))
        self.money[accounts] = (balances != 0.0) | (costs != 0.0)
        if self.priced:
            # a balance counts once and, owed, with its haircut on top: twice covers both
            found[:, len(self.underlyings) :] = (2.0 * balances + costs) * self.asset_scale
        return found
