"""An account as whole numbers: money in smallest units, positions in lots, and back to a document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Contract, is_option
from plimsoll.documents import refuse
from plimsoll.margin import Account, Position
from plimsoll.margin.book import unrealised_profit
from plimsoll.margin.path import ACCOUNT
from plimsoll.margin.pools import SHARED
from plimsoll.margin.procedure import belongs, subject_of
from plimsoll.market import Market
from plimsoll.risk import compile_plan, unit_values
from plimsoll.risk.plan import INVERSE
from plimsoll.scenarios import Scenarios

F64 = npt.NDArray[np.float64]
COIN_DECIMALS = 8


@dataclass(frozen=True)
class Row:
    """A position of whole `lots` of `lot` contracts each, signed; `basis` is its money beside its value at the mark, in
    units: what it gained is `lots * lot * value + basis`."""

    subject: str
    instrument: str
    lots: int
    lot: float
    basis: int
    currency: str
    original: Position
    started: int

    @property
    def quantity(self) -> float:
        """Contracts, signed: as the document has them while nothing was traded."""
        return self.original.quantity if self.lots == self.started else self.lots * self.lot


@dataclass(frozen=True)
class State:
    """One pool of an account. `money` are the whole balances by currency, in units; `margin` is what an isolated
    position has set apart, in units (`None` for the shared pool)."""

    account: Account
    subject: str
    decimals: Mapping[str, int]
    rows: Mapping[str, Row]
    money: Mapping[str, int]
    margin: int | None

    @classmethod
    def of(
        cls,
        account: Account,
        market: Market,
        subject: str,
        decimals: Mapping[str, int],
        lots: int,
        size: Mapping[str, float],
    ) -> State:
        """The pool `subject`; a position has lots of its instrument's `size`, else `lots` of them. Orders are left out:
        they are cancelled first. Raises `DocumentError` for a position that is no whole number of its lots."""
        held = [p for p in account.positions if p.quantity and belongs(p, subject)]
        shared = subject in (ACCOUNT, SHARED)
        if not shared and not held:
            raise refuse("subject", subject, "the shared pool, or an isolated position of the account")
        contracts = [market.contracts[p.instrument] for p in held]
        plan = compile_plan(contracts, market)
        values = unit_marks(contracts, market)
        rows = {}
        for i, p in enumerate(held):
            digits = digits_of(decimals, contracts[i].currency)
            lot = size.get(p.instrument, abs(p.quantity) / lots)
            number = round(p.quantity / lot)
            if abs(number * lot - p.quantity) > 1e-9 * abs(p.quantity) or number == 0:
                raise refuse(
                    f"lots.{p.instrument}", lot, f"a size of which {p.quantity!r} contracts are a whole number"
                )
            gained = unrealised_profit(plan, i, p) + p.unsettled_funding
            future = not is_option(contracts[i]) and contracts[i].kind != "spot"
            worth = units(number * lot * float(values[i]), digits)
            basis = units(gained, digits) - worth if future else units(gained, digits)
            rows[subject_of(p)] = Row(subject_of(p), p.instrument, number, lot, basis, contracts[i].currency, p, number)
        currencies = {*account.collateral, *(r.currency for r in rows.values())}
        money = {c: units(account.collateral.get(c, 0.0), digits_of(decimals, c)) for c in sorted(currencies)}
        margin = None
        if not shared:
            own = next(iter(rows.values()))
            margin = units(own.original.isolated_margin or 0.0, digits_of(decimals, own.currency))
        plain = account.model_copy(update={"orders": ()})
        return cls(plain, subject, decimals, rows, money, margin)

    @property
    def isolated(self) -> str | None:
        """Currency of the margin of an isolated pool."""
        return None if self.margin is None else next(iter(self.rows.values())).currency

    def with_money(self, currency: str, more: int) -> State:
        """After `more` units came in; those of an isolated pool stay with it."""
        money = {**self.money, currency: self.money.get(currency, 0) + more}
        return replace(self, money=money, margin=None if self.margin is None else self.margin + more)

    def traded(self, subject: str, row: Row, lots: int, bring: int, option: bool) -> State:
        """After `lots` (signed) of a position were traded for `bring` units, all of one side or all of the other."""
        if row.lots and row.lots * lots < 0:
            # what the closed part has gained is money now, the rest stays with the position
            freed = row.basis * -lots // row.lots if not option else 0
            rest = replace(row, lots=row.lots + lots, basis=row.basis - freed)
            return replace(self, rows={**self.rows, subject: rest}).with_money(row.currency, bring + freed)
        if option:
            rest = replace(row, lots=row.lots + lots)
            return replace(self, rows={**self.rows, subject: rest}).with_money(row.currency, bring)
        return replace(self, rows={**self.rows, subject: replace(row, lots=row.lots + lots, basis=row.basis + bring)})

    def document(self, market: Market) -> Account:
        """The account at the market that the state was made at."""
        positions = []
        for p in self.account.positions:
            row = self.rows.get(subject_of(p)) if belongs(p, self.subject) else None
            if row is None or (row.lots == row.started and self.margin is None):
                positions.append(p)
            elif row.lots:
                positions.append(self._position(row, market))
        known = {subject_of(p) for p in self.account.positions}
        positions += [self._position(r, market) for s, r in self.rows.items() if s not in known and r.lots]
        collateral = dict(self.account.collateral)
        for currency, amount in self.money.items():
            digits = digits_of(self.decimals, currency)
            if amount != units(self.account.collateral.get(currency, 0.0), digits):
                collateral[currency] = amount / 10**digits
        return self.account.model_copy(update={"positions": tuple(positions), "collateral": collateral})

    def _position(self, row: Row, market: Market) -> Position:
        changes: dict[str, Any] = {"quantity": row.quantity}
        contract = market.contracts[row.instrument]
        scale = scale_of(self.decimals, row.currency)
        if row.lots != row.started:
            future = not is_option(contract) and contract.kind != "spot"
            value = float(unit_marks([contract], market)[0])
            gained = row.lots * row.lot * value + row.basis / scale if future else None
            changes |= {"entry_price": None, "unrealised_pnl": gained, "unsettled_funding": 0.0}
        if self.margin is not None:
            changes["isolated_margin"] = max(0, self.margin) / scale
        return row.original.model_copy(update=changes)


def unit_marks(contracts: list[Contract], market: Market) -> F64:
    """`[N]` what one contract is worth at its mark in its settlement currency, so that a trade at the mark of `q`
    contracts changes money by minus `q` times that: `-multiplier / price` for an inverse future."""
    plan = compile_plan(contracts, market)
    values = unit_values(plan, Scenarios.build([1.0]), "settlement")[:, 0]
    future = np.array([not is_option(c) and c.kind != "spot" for c in contracts], dtype=bool)
    inverse = plan.style == INVERSE
    worth = np.where(inverse, -plan.multiplier / plan.price, plan.multiplier * plan.price)
    found: F64 = np.where(future, worth, values)
    return found


def unit_at(contract: Contract, price: float) -> float:
    """The same at a price: USD for futures, the settlement currency for options."""
    if is_option(contract) or contract.kind == "spot":
        return price
    multiplier = float(getattr(contract, "multiplier", 1.0))
    return -multiplier / price if getattr(contract, "settlement", None) == "inverse" else multiplier * price


def digits_of(decimals: Mapping[str, int], currency: str) -> int:
    """Decimals of the smallest unit of a currency."""
    return decimals.get(currency, COIN_DECIMALS)


def scale_of(decimals: Mapping[str, int], currency: str) -> float:
    """How many units one of a currency is."""
    return float(10 ** digits_of(decimals, currency))


def units(amount: float, decimals: int) -> int:
    """The nearest whole number of units; used once, where a document becomes whole numbers."""
    return round(amount * float(10**decimals))
