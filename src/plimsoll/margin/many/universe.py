"""One universe of contracts in one market, and blocks of accounts sorted into runs over it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DocumentError, Problem, refuse
from plimsoll.margin.account import QUANTITY_LIMIT, Account, Position
from plimsoll.margin.many.positions import F64, I64, Positions
from plimsoll.market import Market
from plimsoll.risk import Plan, compile_plan

if TYPE_CHECKING:
    from plimsoll.margin.model import MarginModel

BOOL = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Universe:
    """The listed contracts of `names[N]` in an order of their own: by underlying, expiry, kind, call or put, strike.

    `names` and `plan` are in that order; `place[M]` is where each instrument that was asked for stands in it, -1 for
    one that the market does not list. `taken[N]`: contracts that can be valued, that the rules
    take by themselves and that are not exotic.
    """

    market: Market
    names: tuple[str, ...]
    plan: Plan
    place: I64
    taken: BOOL

    @classmethod
    def of(cls, model: MarginModel, instruments: tuple[str, ...], market: Market) -> Universe:
        """Look every instrument up and ask the rules about each of them once."""
        listed = [i for i, name in enumerate(instruments) if name in market.contracts]
        rough = compile_plan([market.contracts[instruments[i]] for i in listed], market)
        underlying = [c.underlying for c in rough.contracts]
        order = sorted(
            range(len(listed)),
            key=lambda i: (underlying[i], rough.group[i], rough.option[i], rough.call[i], rough.strike[i], i),
        )
        names = tuple(instruments[listed[i]] for i in order)
        place = np.full(len(instruments), -1, dtype=np.int64)
        place[[listed[i] for i in order]] = np.arange(len(order))
        plan = compile_plan([rough.contracts[i] for i in order], market)
        taken = np.array([not model.problems(_holding(model, n), market) for n in names], dtype=bool)
        taken[list(plan.failures)] = False
        # what a book with such payoffs owes also depends on moves that the book itself names
        taken &= ~plan.exotic
        return cls(market, names, plan, place, taken)

    @classmethod
    def as_listed(cls, model: MarginModel, instruments: tuple[str, ...], market: Market) -> Universe:
        """The instruments in their own order. Raises `DocumentError` naming each that the rules cannot take."""
        problems = [
            Problem(f"instruments[{i}]", repr(n), f"one of the {len(market.contracts)} instruments of the market")
            for i, n in enumerate(instruments)
            if n not in market.contracts
        ]
        if problems:
            raise DocumentError(problems)
        plan = compile_plan([market.contracts[n] for n in instruments], market)
        for i, name in enumerate(instruments):
            if i in plan.failures:
                failure = plan.failures[i]
                problems.append(Problem(f"instruments[{i}]", repr(name), f"{failure.reason.value}: {failure.message}"))
            if plan.exotic[i]:
                kind = f"{plan.contracts[i].kind} (no_form)"
                problems.append(Problem(f"instruments[{i}]", kind, "European options, futures, perpetuals and spot"))
            problems += [
                Problem(f"instruments[{i}]", p.got, p.allowed) for p in model.problems(_holding(model, name), market)
            ]
        if problems:
            raise DocumentError(problems)
        place = np.arange(len(instruments), dtype=np.int64)
        return cls(market, instruments, plan, place, np.ones(len(instruments), dtype=bool))

    def one(self, codes: list[str], what: str) -> str:
        """The only one of `codes`. Raises `DocumentError` if there are several, or none."""
        found = sorted(set(codes))
        if len(found) != 1:
            raise refuse("instruments", ", ".join(found) or "none", f"contracts of one {what}: forms for each")
        return found[0]

    @cached_property
    def underlyings(self) -> tuple[str, ...]:
        """Names of the underlyings, sorted."""
        return tuple(sorted({c.underlying for c in self.plan.contracts}))

    @cached_property
    def underlying(self) -> I64:
        """`[N]` number of each contract's underlying."""
        numbers = {u: i for i, u in enumerate(self.underlyings)}
        return np.array([numbers[c.underlying] for c in self.plan.contracts], dtype=np.int64)

    def part(self, rows: I64) -> Universe:
        """The universe of some of its contracts, all expiries kept."""
        names = tuple(self.names[i] for i in rows.tolist())
        return Universe(
            self.market, names, taken_rows(self.plan, rows), np.arange(rows.size, dtype=np.int64), self.taken[rows]
        )

    def at(self, market: Market, plan: Plan) -> Universe:
        """The same contracts at other prices; what does not depend on them is kept."""
        found = replace(self, market=market, plan=plan)
        found.__dict__.update(underlyings=self.underlyings, underlying=self.underlying)
        return found

    def known(self, rows: F64) -> F64:
        """`rows[N, ...]` with zeros for contracts that are not taken: no block ever asks for them."""
        shape = (len(self.names), *(1,) * (rows.ndim - 1))
        return np.where(self.taken.reshape(shape), rows, 0.0)


@dataclass(frozen=True, eq=False)
class Runs:
    """Neighbouring lots that belong together: `of[P]` is the run of each lot, the rest is `[R]` over the runs."""

    of: I64
    start: I64
    account: I64

    def __len__(self) -> int:
        return self.start.size

    @property
    def indptr(self) -> I64:
        """`[R + 1]` the runs as compressed rows."""
        return np.append(self.start, self.of.size)

    def sum(self, values: F64) -> F64:
        """`[R]` sum of `values[P]` over each run, in the order of the lots."""
        return added(self.of, values, len(self))

    def total(self, values: F64, accounts: int) -> F64:
        """`[A]` sum of `values[R]` over the runs of each account."""
        return added(self.account, values, accounts)


@dataclass(frozen=True, eq=False)
class Lots:
    """A block of `A` accounts: `P` lots, each one contract of one account, sorted by account and contract.

    What an account holds twice is added, what comes to nothing is gone. `odd[A]` marks accounts that hold something the
    universe cannot value or the rules do not take; their lots are left out. No sum runs over more than one
    account, and every sum runs in the order of the universe, so no amount depends on the order of the accounts or of
    their positions.
    """

    universe: Universe
    accounts: int
    account: I64
    item: I64
    quantity: F64
    odd: BOOL

    @classmethod
    def of(cls, universe: Universe, positions: Positions) -> Lots:
        """Sort a block of positions."""
        from scipy.sparse import csr_array

        size, lost = len(positions), len(universe.names)
        # one more column takes whatever the market does not list
        place = np.where(universe.place < 0, lost, universe.place)[positions.indices]
        rows = csr_array((positions.quantity.copy(), place, positions.indptr.copy()), shape=(size, lost + 1))
        rows.sort_indices()
        account = np.repeat(np.arange(size, dtype=np.int64), np.diff(positions.indptr))
        item, quantity = rows.indices.astype(np.int64), np.asarray(rows.data, dtype=np.float64)
        new = np.ones(item.size, dtype=bool)
        new[1:] = (item[1:] != item[:-1]) | (account[1:] != account[:-1])
        if not new.all():
            run = np.cumsum(new, dtype=np.int64) - 1
            # three or more are added in the order of their size, so that the order they came in leaves no trace
            some = np.flatnonzero(np.bincount(run)[run] > 2)
            quantity[some] = quantity[some][np.lexsort((quantity[some], run[some]))]
            quantity = added(run, quantity, int(new.sum()))
            account, item = account[new], item[new]
        held = quantity != 0.0
        account, item, quantity = account[held], item[held], quantity[held]
        usable = np.append(universe.taken, False)[item] & (np.abs(quantity) <= QUANTITY_LIMIT)
        odd = np.zeros(size, dtype=bool)
        odd[account[~usable]] = True
        kept = ~odd[account]
        return cls(universe, size, account[kept], item[kept], quantity[kept], odd)

    def runs(self, *codes: I64) -> Runs:
        """Runs of one account and equal `codes[N]`; the codes must be in the order of the universe."""
        change = np.ones(self.item.size, dtype=bool)
        change[1:] = self.account[1:] != self.account[:-1]
        for code in codes:
            mine = code[self.item]
            change[1:] |= mine[1:] != mine[:-1]
        start = np.flatnonzero(change).astype(np.int64)
        return Runs(np.cumsum(change, dtype=np.int64) - 1, start, self.account[start])

    def ordered(self, rank: I64) -> Lots:
        """The lots of each account in the order of `rank[N]`, equal ones as they stood."""
        order = np.lexsort((rank[self.item], self.account))
        return Lots(self.universe, self.accounts, self.account[order], self.item[order], self.quantity[order], self.odd)

    def several(self, code: I64) -> BOOL:
        """`[A]` accounts whose lots have more than one `code[N]`, in the order of the universe."""
        many: BOOL = np.bincount(self.runs(code).account, minlength=self.accounts) > 1
        return many

    def only(self, which: BOOL) -> Lots:
        """The lots of the contracts `which[N]`."""
        kept = which[self.item]
        return Lots(self.universe, self.accounts, self.account[kept], self.item[kept], self.quantity[kept], self.odd)

    def sum(self, values: F64) -> F64:
        """`[A]` sum of `values[P]` over each account."""
        return added(self.account, values, self.accounts)


def added(place: I64, values: F64, size: int) -> F64:
    """`[size]` sum of the `values` at each `place`, one after the other in their order."""
    return np.bincount(place, weights=values, minlength=size).astype(np.float64, copy=False)


def _holding(model: MarginModel, name: str) -> Account:
    return Account(mode=model.MODES[0], positions=(Position(instrument=name, quantity=1.0),))


ROWS = (
    "option", "exotic", "call", "strike", "vol", "multiplier", "style", "spot", "price", "settle", "settle_moves",
    "group",
)  # fmt: skip
"""The arrays of a plan that have a row for each contract."""


def taken_rows(plan: Plan, rows: I64) -> Plan:
    """The plan of some of its contracts, all expiries kept."""
    failures = {int(j): plan.failures[int(i)] for j, i in enumerate(rows) if int(i) in plan.failures}
    arrays = {n: getattr(plan, n)[rows] for n in ROWS}
    return replace(plan, contracts=tuple(plan.contracts[i] for i in rows.tolist()), failures=failures, **arrays)
