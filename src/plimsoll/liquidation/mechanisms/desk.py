"""One liquidation as it runs: orders, payments, take-overs, and the ledger that nothing leaves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from plimsoll.contracts import is_option
from plimsoll.liquidation.mechanisms.books import Books, Quote
from plimsoll.liquidation.mechanisms.contract import CloseOut, Scene
from plimsoll.liquidation.mechanisms.ledger import ACCOUNT, BOOK, WATERFALL, Fill, Ledger, Party, Payment
from plimsoll.liquidation.mechanisms.sight import Sight
from plimsoll.liquidation.mechanisms.state import Row, digits_of, scale_of, unit_at, units
from plimsoll.margin import Position
from plimsoll.margin.requirement import Evidence

Charged = Callable[[float, float], float]
"""Fee of a fill from its signed quantity and its notional without sign, in the settlement currency."""


def free(_: float, __: float) -> float:
    """No fee."""
    return 0.0


def part_of(lots: int, part: float) -> int:
    """A part of signed lots, rounded up: one lot is the least of which there is a part.

    >>> part_of(-1_000, 0.2), part_of(3, 0.5), part_of(1, 1e-6)
    (-200, 2, 1)
    """
    size = min(abs(lots), math.ceil(abs(lots) * part - 1e-9))
    return size if lots > 0 else -size


KINDS = ("slippage", "fees", "charges", "taken")


@dataclass
class Desk(Sight):
    """A pool with everything that has happened to it so far; `spent` in USD by kind, and `to` whom."""

    books: Books = field(kw_only=True)
    ledger: Ledger = field(default_factory=Ledger)
    spent: dict[str, float] = field(default_factory=lambda: dict.fromkeys(KINDS, 0.0))
    to: dict[Party, float] = field(default_factory=dict)
    closed: float = 0.0
    drift: float = 0.0
    last: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.before = self.value()
        self.required_before = self.view().maintenance

    @classmethod
    def open(cls, scene: Scene, books: Books | None = None) -> Desk:
        """The desk of a scene; its depth is its own unless `books` are shared."""
        return cls(scene, books=Books(scene.terms) if books is None else books)

    def wait(self, seconds: float) -> None:
        """Let the clock run; what prices do to the pool meanwhile is drift."""
        if seconds > 0.0:
            was = self.value()
            self.seconds += seconds
            self.drift += self.value() - was

    def row(self, subject: str, quantity: float) -> Row:
        """The position of that name; a new one where an order opens it."""
        found = self.state.rows.get(subject)
        if found is None:
            contract = self._contract(subject)
            size = self.scene.lots.get(subject, abs(quantity) / self.scene.terms.lots)
            position = Position(instrument=subject, quantity=0.0)
            found = Row(subject, subject, 0, size, 0, contract.currency, position, 0)
        return found

    def quote(self, row: Row, lots: int, *, buy: bool) -> Quote:
        """What an order for so many lots of a position would meet on the book now; nothing is taken."""
        contract, market = self._contract(row.instrument), self.market_at(self.seconds)
        mark = self.mark(row.instrument)
        return self.books.quote(contract, market, mark, lots, self._coins(contract, row.lot, mark), buy, self.seconds)

    def trade(
        self,
        subject: str,
        quantity: float,
        *,
        limit: float | None = None,
        taker: Party = BOOK,
        fee: Charged = free,
        fee_payee: Party = BOOK,
        price: float | None = None,
    ) -> Fill | None:
        """Send an order for `quantity` signed contracts: in whole lots rounded down, at least one,
        never beyond zero of what is held.

        With `price` (as it is quoted) `taker` fills all of it at that price, away from the book.
        """
        row = self.row(subject, quantity)
        # a lot is the least that can be sent
        lots = int(math.copysign(max(1, math.floor(abs(quantity) / row.lot + 1e-9)), quantity)) if quantity else 0
        if row.lots * lots < 0:
            lots = int(math.copysign(min(abs(lots), abs(row.lots)), lots))
        if lots == 0:
            return None
        contract, buy = self._contract(row.instrument), lots > 0
        mark, market = self.mark(row.instrument), self.market_at(self.seconds)
        coins = self._coins(contract, row.lot, mark)
        quote = (
            Quote(abs(lots), price)
            if price is not None
            else self.books.quote(contract, market, mark, abs(lots), coins, buy, self.seconds, limit)
        )
        if quote.lots == 0:
            return None
        if price is None:
            self.books.take(row.instrument, buy, self.seconds, quote.lots * coins)
        return self._book(row, quote.lots if buy else -quote.lots, quote.price, mark, taker, fee, fee_payee)

    def _book(
        self, row: Row, lots: int, price: float, mark: float, taker: Party, charged: Charged, fee_payee: Party
    ) -> Fill:
        contract = self._contract(row.instrument)
        digits = digits_of(self.decimals, row.currency)
        quantity = lots * row.lot
        worth = -quantity * unit_at(contract, price) * 10**digits
        # rounded against the account, once for each fill
        bring = math.floor(worth + 1e-6)
        notional = abs(quantity * unit_at(contract, price))
        was = self.value()
        option = is_option(contract) or contract.kind == "spot"
        self.state = self.state.traded(row.subject, row, lots, bring, option)
        left = self.value()
        self._spend("slippage", taker, was - left)
        fee = max(0, math.ceil(charged(quantity, notional) * 10**digits - 1e-6))
        usd = self.price(row.currency)
        # nothing that is not there can be charged
        fee = min(fee, max(0, math.floor(left / usd * 10**digits))) if usd > 0.0 else fee
        fill = Fill(
            self.seconds, row.subject, row.instrument, lots, quantity, price, mark, taker, row.currency, bring, fee,
            fee_payee if fee else "",
        )  # fmt: skip
        if fee:
            self.state = self.state.with_money(row.currency, -fee)
            self._spend("fees", fee_payee, left - self.value())
        self.ledger.fill(fill)
        self.last = self.seconds
        if row.lots * lots < 0:
            self.closed += abs(quantity * unit_at(contract, mark)) * usd
        return fill

    def pay(self, payee: Party, amount: int, currency: str, why: str, kind: str = "charges") -> None:
        """`amount` units out of the pool (into it, if negative)."""
        if amount == 0:
            return
        was = self.value()
        payer, receiver, size = (ACCOUNT, payee, amount) if amount > 0 else (payee, ACCOUNT, -amount)
        self.ledger.pay(Payment(self.seconds, payer, receiver, currency, size, why))
        self.state = self.state.with_money(currency, -amount)
        self._spend(kind, payee, was - self.value())

    def _spend(self, kind: str, party: Party, dollars: float) -> None:
        self.spent[kind] += dollars
        self.to[party] = self.to.get(party, 0.0) + dollars

    def between(self, payer: Party, payee: Party, amount: int, currency: str, why: str) -> None:
        """A payment that does not touch the pool."""
        self.ledger.pay(Payment(self.seconds, payer, payee, currency, amount, why))

    def charge(self, payee: Party, dollars: float, why: str) -> None:
        """An amount of USD out of the pool's money, in the currency that its positions settle in; where they are
        several, in that of the rules, else in the one of which it has most."""
        currency = self.cash
        self.pay(payee, units(dollars / self.price(currency), digits_of(self.decimals, currency)), currency, why)

    @property
    def cash(self) -> str:
        """The currency in which the pool pays."""
        settled = {r.currency for r in self.state.rows.values()}
        if len(settled) == 1:
            return next(iter(settled))
        own = self.scene.model.rules.currency
        if own in self.state.money:
            return own
        worth = {c: n / scale_of(self.decimals, c) * self.price(c) for c, n in self.state.money.items()}
        return max(worth, key=lambda c: (worth[c], c))

    def take_over(self, taker: Party, why: str, part: float = 1.0, price: float = 0.0) -> None:
        """`part` of the pool, positions and money, goes to `taker`, who pays `price` USD for it (below zero: gets).

        Positions change hands at the mark, in whole lots rounded up, and what that brings goes with them, as does the
        part of each balance; a difference that whole lots make is settled in cash, so that the taker has exactly its
        part of the worth. With `part` one nothing is left.
        """
        was, to = self.value(), dict(self.to)
        before, money = dict(self.spent), self._own()
        for row in list(self.state.rows.values()):
            lots = row.lots if part >= 1.0 else part_of(row.lots, part)
            if lots:
                mark = self.mark(row.instrument)
                self._book(row, -lots, mark, mark, taker, free, taker)
        for currency, amount in self._own().items():
            had = money.get(currency, 0)
            kept = 0 if part >= 1.0 else had - math.floor(had * part)
            self.pay(taker, amount - kept, currency, why)
        if part < 1.0:
            self.charge(taker, self.value() - was * (1.0 - part), why)
        self.charge(taker, -price, "price")
        # what was taken is one thing, whatever its parts
        self.spent, self.to = before, to
        self._spend("taken", taker, was - self.value())
        self.last = self.seconds

    def _own(self) -> dict[str, int]:
        """The pool's money by currency, units."""
        if self.state.margin is not None:
            return {str(self.state.isolated): self.state.margin}
        apart = self._apart()
        return {c: n - apart.get(c, 0) for c, n in self.state.money.items()}

    def unwind(self, taker: Party, schedule: tuple[tuple[float, float], ...]) -> None:
        """Whoever took positions over trades them on the book, parts at seconds from now; the pool's clock stops."""
        held = {s: n for (p, s), n in self.ledger.lots.items() if p == taker and n}
        left = dict(held)
        for k, (after, part) in enumerate(schedule):
            for subject in sorted(held):
                lots = round(held[subject] * part) if k + 1 < len(schedule) else left[subject]
                lots = max(-abs(left[subject]), min(abs(left[subject]), lots))
                if lots:
                    self._unwound(taker, subject, -lots, self.seconds + after)
                    left[subject] -= lots

    def _unwound(self, taker: Party, subject: str, lots: int, seconds: float) -> None:
        row = self.state.rows[subject]
        contract = self._contract(row.instrument)
        mark, market = self.mark(row.instrument, seconds), self.market_at(seconds)
        coins = self._coins(contract, row.lot, mark)
        quote = self.books.quote(contract, market, mark, abs(lots), coins, lots > 0, seconds)
        if quote.lots == 0:
            return
        self.books.take(row.instrument, lots > 0, seconds, quote.lots * coins)
        digits = digits_of(self.decimals, row.currency)
        quantity = math.copysign(quote.lots * row.lot, lots)
        bring = math.floor(-quantity * unit_at(contract, quote.price) * 10**digits + 1e-6)
        signed = int(math.copysign(quote.lots, lots))
        self.ledger.fill(
            Fill(seconds, subject, row.instrument, signed, quantity, quote.price, mark, BOOK, row.currency, bring,
                 holder=taker)
        )  # fmt: skip

    def finish(self, mechanism: str, evidence: Evidence, assumed: str, done: bool, why: str) -> CloseOut:
        """The record of it all."""
        value = self.value()
        if (
            self.state.margin is not None
            and not any(r.lots for r in self.state.rows.values())
            and self.state.margin < 0
        ):
            # no more than the margin of an isolated position can be lost: the rest of the account is whole
            currency = str(self.state.isolated)
            short = -self.state.margin
            self.ledger.pay(Payment(self.seconds, WATERFALL, ACCOUNT, currency, short, "loss beyond the margin"))
            self.state = self.state.with_money(currency, short)
        view = self.view()
        account, market = self.now()
        return CloseOut(
            mechanism=mechanism,
            evidence=evidence,
            assumed=assumed,
            fills=tuple(self.ledger.fills),
            payments=tuple(self.ledger.payments),
            money={k: n for k, n in self.ledger.money.items() if n},
            lots={k: n for k, n in self.ledger.lots.items() if n},
            account=account,
            market=market,
            seconds=self.last,
            value_before=self.before,
            value_after=value,
            drift=self.drift,
            maintenance_before=self.required_before,
            maintenance_after=view.maintenance,
            equity_after=view.equity,
            to={p: x for p, x in self.to.items() if x},
            closed=self.closed,
            bad_debt=max(0.0, -value),
            deficit=max(0.0, -self.before),
            results=self._results(),
            done=done,
            why=why,
            **self.spent,
        )

    def _results(self) -> dict[Party, float]:
        """USD of every party but the account at the marks of the end."""
        found: dict[Party, float] = {}
        for (party, currency), amount in self.ledger.money.items():
            found[party] = found.get(party, 0.0) + amount / scale_of(self.decimals, currency) * self.price(currency)
        for (party, subject), lots in self.ledger.lots.items():
            row = self.state.rows[subject]
            worth = lots * row.lot * self.unit(row.instrument) * self.price(row.currency)
            found[party] = found.get(party, 0.0) + worth
        return {p: x for p, x in found.items() if p != ACCOUNT}
