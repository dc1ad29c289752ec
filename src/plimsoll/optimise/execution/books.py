"""The books of a schedule: each as a small desk of what it holds and trades, with its rows, its lots and its orders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plimsoll.contracts import Contract
from plimsoll.laboratory.liquidity import Liquidity
from plimsoll.market import Market
from plimsoll.optimise.desk import Desk, make_desk
from plimsoll.optimise.execution.costs import Orders
from plimsoll.optimise.execution.covariance import contract_covariance
from plimsoll.optimise.execution.impact import SideImpact, place_impact
from plimsoll.optimise.execution.quadratic import BookRows, Course
from plimsoll.optimise.execution.terms import ExecutionTerms
from plimsoll.optimise.measure import Trades
from plimsoll.risk import Plan, compile_plan
from plimsoll.risk.plan import F64, I64, INVERSE


@dataclass(frozen=True, eq=False)
class Book:
    """One book with what it trades: `places[M]` among its contracts, `items[M]` among the lines, what
    the exact rules and the form ask at the start and at the end, in the currency of the margin."""

    desk: Desk
    items: I64
    places: I64
    lots: F64
    rate: float
    equity: float
    start: tuple[float, float]
    end: tuple[float, float]
    currency: str


def books_of(
    desk: Desk, trades: Trades, liquidity: Liquidity | None
) -> tuple[list[Book], list[SideImpact], F64, list[tuple[str, str]]]:
    """The books that trade, each as a small desk of what it holds and trades; impacts and quantities of all lines."""
    books, impacts, quantity, names = list[Book](), list[SideImpact](), list[float](), list[tuple[str, str]]()
    for place, trade in zip(desk.places, trades, strict=True):
        wanted = {place.names[i]: float(trade[i]) for i in np.flatnonzero(trade).tolist()}
        if not wanted:
            continue
        small = make_desk(
            desk.market, [place.holding], candidates=list(wanted), terms=desk.terms, numeraire=desk.numeraire
        )
        (own,) = small.places
        moved = np.array([wanted.get(n, 0.0) for n in own.names])
        impacts += place_impact(own, moved, liquidity)
        where = np.flatnonzero(moved)
        items = np.arange(len(quantity), len(quantity) + where.size, dtype=np.int64)
        quantity += moved[where].tolist()
        names += [(place.name, own.names[i]) for i in where.tolist()]
        first = own.holding.model.requirement(own.holding.account, desk.market)
        # more than what is posted may be traded over time: costs are those of the schedule, not of the ladder
        account = own.holding.account
        for i in where.tolist():
            account = small.filled(own, account, i, float(moved[i]), 0.0)
        last = own.holding.model.requirement(account, desk.market)
        books.append(
            Book(
                small,
                items,
                where.astype(np.int64),
                own.lots[where],
                own.rate,
                first.net_equity,
                (first.initial, own.form.at(own.quantity)),
                (last.initial, own.form.at(own.quantity + moved)),
                first.currency,
            )
        )
    return books, impacts, np.array(quantity), names


def covariance_of(market: Market, books: list[Book], size: int, terms: ExecutionTerms) -> tuple[F64, tuple[str, ...]]:
    """Over all lines: books move by the same prices, so the blocks between them are those of their contracts."""
    contracts, delta, vega = list[Contract](), np.zeros(size), np.zeros(size)
    for book in books:
        e = book.desk.places[0].exposures
        contracts += [e.plan.contracts[i] for i in book.places.tolist()]
        delta[book.items], vega[book.items] = e.delta[book.places], e.vega[book.places]
    return contract_covariance(compile_plan(contracts, market), delta, vega, market, terms)


def rows_of(book: Book, course: Course, room: F64) -> BookRows:
    place = book.desk.places[0]
    reach = np.abs(place.quantity)
    moved = place.quantity.copy()
    moved[book.places] += course.trade[book.items]
    reach = np.maximum(np.maximum(reach, np.abs(moved)), 1e-9)
    return BookRows(book.items, book.places, place.quantity, place.form.program(len(place.names), reach), reach, room)


def room_of(book: Book, slices: int, paid: F64) -> F64:
    """What the form may come to after each slice: equity less what was paid, or the margin at the start where that is
    more; and what the form asks beyond the exact rules, on the straight line from the start to the end."""
    way = (1.0 + np.arange(slices)) / slices
    beyond = (book.start[1] - book.start[0]) * (1.0 - way) + (book.end[1] - book.end[0]) * way
    lacking = max(0.0, book.start[0] - book.equity)
    found: F64 = book.equity + lacking - np.cumsum(paid) / book.rate + np.maximum(0.0, beyond)
    return found


def in_lots(left: F64, books: list[Book]) -> F64:
    """What is left of each trade in whole lots; less than a millionth of the trade is nothing."""
    found = left.copy()
    whole = np.abs(left[0])
    found[np.abs(found) < 1e-6 * whole] = 0.0
    found[np.abs(found - left[0]) < 1e-6 * whole] = np.broadcast_to(left[0], left.shape)[
        np.abs(found - left[0]) < 1e-6 * whole
    ]
    for b in books:
        for i, lot in zip(b.items.tolist(), b.lots.tolist(), strict=True):
            if lot:
                found[1:-1, i] = np.sign(left[0, i]) * np.round(np.abs(found[1:-1, i]) / lot) * lot
    return found


def orders_of(books: list[Book], left: F64, terms: ExecutionTerms) -> list[Orders]:
    """Orders of each book with their notional at the index, US dollars."""
    n, found = np.abs(left[:-1] - left[1:]), []
    for b in books:
        e, label = b.desk.places[0].exposures, b.desk.places[0].holding.model.rules.label
        notional = n[:, b.items] * (np.abs(e.plan.multiplier) * _coin_usd(e.plan))[b.places]
        found.append(Orders(terms.chain(label), notional[notional > 0.0]))
    return found


def _coin_usd(plan: Plan) -> F64:
    """US dollars of notional by unit of a multiplier: coins at the index, but dollars of an inverse future."""
    dollars = (plan.style == INVERSE) & ~plan.option
    found: F64 = np.where(dollars, 1.0, plan.spot)
    return found
