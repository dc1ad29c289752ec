"""Who has what during a liquidation: whole units of money and whole lots, moved from one party to another."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

Party = str
ACCOUNT: Party = "account"
BOOK: Party = "book"
WATERFALL: Party = "waterfall"
"""Whoever pays what an isolated pool has lost beyond its margin."""


@dataclass(frozen=True)
class Fill:
    """One trade. `lots` is the change of the holder's position, signed; `units` the change of its money before the fee,
    in units of `currency`; `price` and `mark` in USD (options: settlement currency); `seconds` since the detection.
    The holder is the account, or whoever took positions over and trades them on the book.
    """

    seconds: float
    subject: str
    instrument: str
    lots: int
    quantity: float
    price: float
    mark: float
    taker: Party
    currency: str
    units: int
    fee: int = 0
    fee_payee: Party = ""
    holder: Party = ACCOUNT


@dataclass(frozen=True)
class Payment:
    """`units` of `currency` from the payer to the payee."""

    seconds: float
    payer: Party
    payee: Party
    currency: str
    units: int
    why: str


@dataclass
class Ledger:
    """Money and lots of every party relative to the start: each column sums to zero, whatever happens."""

    money: dict[tuple[Party, str], int] = field(default_factory=lambda: defaultdict(int))
    lots: dict[tuple[Party, str], int] = field(default_factory=lambda: defaultdict(int))
    fills: list[Fill] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)

    def fill(self, fill: Fill) -> None:
        """A trade between a holder and its taker, and its fee."""
        self.fills.append(fill)
        self.lots[fill.holder, fill.subject] += fill.lots
        self.lots[fill.taker, fill.subject] -= fill.lots
        self._move(fill.taker, fill.holder, fill.currency, fill.units)
        self._move(fill.holder, fill.fee_payee or fill.taker, fill.currency, fill.fee)

    def pay(self, payment: Payment) -> None:
        """Money from one party to another."""
        if payment.units:
            self.payments.append(payment)
            self._move(payment.payer, payment.payee, payment.currency, payment.units)

    def _move(self, payer: Party, payee: Party, currency: str, units: int) -> None:
        self.money[payer, currency] -= units
        self.money[payee, currency] += units
