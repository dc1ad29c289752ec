"""A whole account along `K` states: its risk units, what it holds and owes in each currency, and its requirement."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Settlement
from plimsoll.documents import refuse
from plimsoll.margin.book import Book
from plimsoll.margin.parts.discounts import Discounts
from plimsoll.margin.path import States
from plimsoll.margin.venues.okx.pm_depeg import USD, Hedge, hedges
from plimsoll.margin.venues.okx.pm_parameters import PmParameters, group_of
from plimsoll.margin.venues.okx.pm_unit import Unit
from plimsoll.market import Market
from plimsoll.risk import compile_plan
from plimsoll.risk.plan import INVERSE

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class UnitCharge:
    """A unit with its de-peg hedges and its maintenance margin, `[K]`."""

    unit: Unit
    hedges: list[Hedge]

    @cached_property
    def mr9(self) -> F64:
        """`[K]` the sum over pairs."""
        found = np.zeros(len(self.unit.states))
        for hedge in self.hedges:
            found = found + hedge.charge
        return found

    @cached_property
    def before_floor(self) -> F64:
        """`[K]` `max(MR1, MR2, MR6) + MR3 + MR4 + MR5 + MR9`."""
        u = self.unit
        return u.core + u.mr3 + u.mr4 + u.mr5 + self.mr9

    @cached_property
    def maintenance(self) -> F64:
        """`[K]` that, and at least the scaled minimum charge."""
        return np.maximum(self.before_floor, self.unit.mr7)


@dataclass(frozen=True, eq=False)
class Money:
    """What the account has in one currency, `[K]`: `equity` in its units, `price` in USD, and what it counts for."""

    currency: str
    equity: F64
    price: F64
    counted: F64
    owed: F64


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Everything an account needs in each state, USD."""

    parameters: PmParameters
    units: tuple[UnitCharge, ...]
    money: tuple[Money, ...]

    @cached_property
    def adjusted_equity(self) -> F64:
        """`[K]` equity of every currency at its discount, debts in full."""
        return _total([m.counted for m in self.money])

    @cached_property
    def derivatives(self) -> F64:
        """`[K]` maintenance margin of the risk units."""
        return _total([u.maintenance for u in self.units])

    def borrowing(self, what: str) -> F64:
        """`[K]` MR8 of all currencies: `maintenance` or `initial` of what is owed."""
        return _total([m.owed * getattr(group_of(self.parameters.mr8, m.currency)[1], what) for m in self.money])

    @cached_property
    def maintenance(self) -> F64:
        """`[K]` maintenance margin."""
        return self.derivatives + self.borrowing("maintenance")

    @cached_property
    def fees(self) -> F64:
        """`[K]` fee of a liquidation on what is owed together with its own margin: in the venue's ratio, no margin."""
        rules = [(m.owed, group_of(self.parameters.mr8, m.currency)[1]) for m in self.money]
        return _total([owed * (rule.liquidation_fee * (1.0 + rule.maintenance)) for owed, rule in rules])


def _total(rows: list[F64]) -> F64:
    found: F64 = np.sum(rows, axis=0) if rows else np.zeros(1)
    return found


def settle_group(contract_style: int, currency: str) -> str:
    """The side of the de-peg hedge that a contract is on: its stable coin, or the dollar where it settles in coin."""
    return USD if contract_style == INVERSE else currency


def evaluate(p: PmParameters, book: Book, states: States, hedging: bool) -> Evaluation:
    """The account of a book in each state; `hedging` puts coins it holds to use in the unit of their coin."""
    units = tuple(_charged(p, u, book.market) for u in units_of(p, book, states, hedging))
    return Evaluation(p, units, _money(p, book, states, units))


def units_of(p: PmParameters, book: Book, states: States, hedging: bool) -> tuple[Unit, ...]:
    """The risk units of a book, sorted by name; rows of size zero carry money only and are left out."""
    members: dict[tuple[str, str], list[int]] = {}
    for i, contract in enumerate(book.plan.contracts):
        if book.quantity[i] == 0.0:
            continue
        side = settle_group(int(book.plan.style[i]), contract.currency)
        name = contract.underlying if p.unit == "underlying" else f"{contract.underlying}-{side}"
        members.setdefault((name, contract.underlying), []).append(i)
    found = []
    given: set[str] = set()
    # where units are kept apart by settlement, coins help the one in USDT, as the venue's first choice
    for (name, coin), rows in sorted(members.items(), key=lambda m: (m[0][1], not m[0][0].endswith("-USDT"), m[0][0])):
        plan = compile_plan([book.plan.contracts[i] for i in rows], book.market)
        owned = 0.0
        if hedging and coin not in given:
            account = book.account
            owned = max(account.collateral.get(coin, 0.0) - account.borrowed.get(coin, 0.0), 0.0)
            given.add(coin)
        held = book.quantity[rows]
        found.append(Unit(name, coin, p, plan, np.array(rows, dtype=np.int64), held, states, owned))
    return tuple(sorted(found, key=lambda u: u.name))


def _charged(p: PmParameters, unit: Unit, market: Market) -> UnitCharge:
    if p.mr9 is None:
        return UnitCharge(unit, [])
    deltas: dict[str, F64] = {}
    spot = (unit.used * unit.index)[None, :]
    sides = [settle_group(int(s), c.currency) for s, c in zip(unit.plan.style, unit.plan.contracts, strict=True)]
    rows = np.vstack([unit.cash_delta, spot])
    for side in dict.fromkeys([*sides, USD]):
        mine = np.array([s == side for s in sides] + [side == USD], dtype=bool)
        deltas[side] = np.where(mine[:, None], rows, 0.0)
    prices = {c: np.array(_usd(market, c)) for c in deltas if c != USD}
    return UnitCharge(unit, hedges(p.mr9, deltas, prices))


def _usd(market: Market, currency: str) -> float:
    price = market.price_of(currency)
    if price is None or price.price <= 0:
        got = None if price is None else price.price
        raise refuse(f"market.assets.{currency}", got, "a USD price of this currency, above zero")
    return price.price


def _money(p: PmParameters, book: Book, states: States, units: tuple[UnitCharge, ...]) -> tuple[Money, ...]:
    account, plan, size = book.account, book.plan, len(states)
    equity: dict[str, F64] = {}

    def add(currency: str, amount: F64 | float) -> None:
        equity[currency] = equity.get(currency, np.zeros(size)) + amount

    for asset, balance in account.collateral.items():
        add(asset, balance)
    for asset, loan in account.borrowed.items():
        add(asset, -loan)
    for i, contract in enumerate(plan.contracts):
        if not plan.option[i]:
            add(contract.currency, float(book.unrealised[i] + book.funding[i]))
    for charged in units:
        u = charged.unit
        value = u.option_now / np.where(u.settle > 0, u.settle, 1.0)
        start = u.plan.price[:, None]
        for i, contract in enumerate(u.plan.contracts):
            if u.plan.option[i]:
                add(contract.currency, value[i])
                continue
            lots = float(u.held[i] * u.plan.multiplier[i])
            inverse = getattr(contract, "settlement", None) is Settlement.INVERSE
            moved = 1.0 / start[i] - 1.0 / u.price[i] if inverse else u.price[i] - start[i]
            add(contract.currency, lots * moved)
    found = []
    for currency, amount in equity.items():
        if not np.any(amount):
            continue
        factor = states.multiplier(currency) if currency in book.market.indices else np.ones(size)
        price = _usd(book.market, currency) * np.asarray(factor, dtype=np.float64)
        counted = Discounts.of(p.discounts[currency]).counted(amount, price)
        found.append(Money(currency, amount, price, counted, np.maximum(-amount * price, 0.0)))
    return tuple(found)
