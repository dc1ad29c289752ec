"""Orders in futures: what the initial margin of an instrument rises by when they are filled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plimsoll.contracts import Contract, Option, Settlement
from plimsoll.documents import Failure, Reason
from plimsoll.margin.account import Account
from plimsoll.margin.book import MarginRefusedError, open_book
from plimsoll.margin.parts.orders import resting, value_of
from plimsoll.margin.parts.tiers import Tiers
from plimsoll.margin.venues.bybit.futures import symbol_of
from plimsoll.margin.venues.bybit.live import settled
from plimsoll.margin.venues.bybit.parameters import UtaParameters
from plimsoll.market import Market


@dataclass(frozen=True)
class FutureOrder:
    """Initial margin that the orders in one leg of one instrument add, in its settlement currency."""

    subject: str
    currency: str
    initial: float


def future_orders(account: Account, market: Market, p: UtaParameters) -> list[FutureOrder]:
    """A row for each leg of an instrument with orders that open.

    The larger position of all buys or all sells filled is margined at its own tier; what it has more than the position
    held also pays the fee of opening and that of closing at the bankruptcy price. The worse side counts alone.
    """
    # an order in what is not listed is refused as a position in it is
    open_book(account.model_copy(update={"positions": ()}), market)
    held = {(q.instrument, q.leg): q for q in account.positions}
    rows = []
    live = [
        o
        for o in account.orders
        if not isinstance(market.contracts[o.instrument], Option)
        and not settled(market.contracts[o.instrument], market)
    ]
    for (name, leg), orders in resting(live, market.contracts).items():
        contract, position = market.contracts[name], held.get((name, leg))
        price = _mark(market, contract, next(i for i, o in enumerate(account.orders) if o.instrument == name))
        value = 0.0 if position is None else value_of(contract, position.quantity, price)
        chosen = orders.leverage if position is None or position.leverage is None else position.leverage
        before = _initial(contract, p, abs(value), price, chosen)[0]
        worst = orders.worst(value)
        after, rate = _initial(contract, p, worst, price, chosen)
        # a short one of the same size is closed at the higher price
        fees = p.close_fee.taker * (worst - abs(value)) * (2.0 + rate)
        subject = f"orders {name}" if leg == "net" else f"orders {name} {leg}"
        rows.append(FutureOrder(subject, contract.currency, max(0.0, after - before + fees)))
    return rows


def _mark(market: Market, contract: Contract, index: int) -> float:
    """The mark of an instrument. Raises `MarginRefusedError` for an order in one that has none."""
    mark = market.marks.get(contract.name)
    if mark is None or not mark.price:
        message = f"no price of {contract.name} in market.marks"
        failure = Failure(reason=Reason.MISSING_MARK, subject=contract.name, message=message, effect="refused")
        raise MarginRefusedError([failure], [f"account.orders[{index}].instrument"])
    return mark.price


def _initial(
    contract: Contract, p: UtaParameters, value: float, price: float, chosen: float | None
) -> tuple[float, float]:
    """Initial margin of a position of `value`, and its rate."""
    symbol = symbol_of(p, contract)
    assert symbol is not None  # `problems` has refused a contract without tiers
    tables = p.futures[symbol]
    one = value_of(contract, 1.0, price)
    contracts = value / one
    inverse = getattr(contract, "settlement", None) is Settlement.INVERSE
    # coins of an inverse contract are its value, those of a linear one its quantity
    coins = value if inverse else contracts * float(getattr(contract, "multiplier", 1.0))
    size = {"notional": value, "contracts": contracts, "coins": coins}[tables.counted]
    tiers = Tiers.of(tables)
    least = float(tiers.initial_rate[tiers.place(np.array(size))])
    rate = max(least, 1.0 / (p.default_leverage if chosen is None else chosen))
    return value * rate, rate
