"""Accounts kept up to date: what one more order would make of a margin, fills, new prices.

`open_book` takes the arrays of `plimsoll.kernels.accounts` and keeps the losses [A, S] of all accounts, so that a
question about one order costs S multiply-adds and a measure. Fills and prices change losses in place; `Book.rebuild`
forms them anew. Both agree within ``e * 2**-51 * G`` for an account, e the number of its positions, its fills and the
new prices of what it held since the last rebuild, G the sum of the largest |quantity * pnl| that each instrument ever
had in it on the way.

A book may be used by several threads: each call sees the book before or after any other.
"""

from __future__ import annotations

import types
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from plimsoll.kernels.accounts import Holdings, refuse
from plimsoll.kernels.backend import native, thread_count
from plimsoll.kernels.checks import FloatArray, IntArray, holdings, integers, numbers
from plimsoll.kernels.selection import Tail, checked_level, tail_of

#: Largest gross sum of |quantity * pnl| of an account, and the largest |quantity * pnl| of an order: their sum, and
#: differences of two losses, stay in the range of a float64.
LIMIT = float(np.finfo(np.float64).max) / 8.0


class Book:
    """Losses of A accounts over S scenarios and the positions they come from; made by `open_book`.

    An order is an account, from 0 to A - 1, an instrument, from 0 to N - 1, and a signed quantity to be added to what
    the account holds. IndexError and ValueError name the argument at fault and leave the book as it was.
    """

    def __reduce_ex__(self, protocol: object) -> Any:
        """A book is not copied or pickled: `open_book` makes another from `positions` and the prices."""
        raise TypeError("a Book can be neither copied nor pickled: open another one with what it holds")

    if TYPE_CHECKING:
        accounts: int
        instruments: int
        scenarios: int

        def worst(self, account: int, instrument: int, quantity: float) -> float:
            """Largest loss of the account if it had the order, no floor; a quantity of 0 asks for what it is now."""

        def var(self, account: int, instrument: int, quantity: float) -> float:
            """Value at risk of the account if it had the order, at the level of the book."""

        def es(self, account: int, instrument: int, quantity: float) -> float:
            """Expected shortfall of the account if it had the order, at the level of the book."""

        def apply(self, account: int, instrument: int, quantity: float) -> None:
            """Fill the order. What is added to a position held joins it; a position that comes to 0 is dropped."""

        def _worst_each(self, a: IntArray, i: IntArray, q: FloatArray, threads: int, out: FloatArray) -> None: ...
        def _var_each(self, a: IntArray, i: IntArray, q: FloatArray, threads: int, out: FloatArray) -> None: ...
        def _es_each(self, a: IntArray, i: IntArray, q: FloatArray, threads: int, out: FloatArray) -> None: ...
        def _reprice(self, instrument: IntArray, pnl: FloatArray, threads: int) -> None: ...
        def _rebuild(self, threads: int) -> None: ...
        def _losses(self, account: int, out: FloatArray) -> None: ...
        def _positions(self) -> list[list[tuple[int, float]]]: ...

    def worst_many(
        self,
        account: npt.ArrayLike,
        instrument: npt.ArrayLike,
        quantity: npt.ArrayLike,
        *,
        threads: int | None = None,
    ) -> FloatArray:
        """`worst` of each of K orders by itself, [K], none of them filled."""
        orders, count, out = self._orders(account, instrument, quantity, threads)
        self._worst_each(*orders, count, out)
        return out

    def var_many(
        self,
        account: npt.ArrayLike,
        instrument: npt.ArrayLike,
        quantity: npt.ArrayLike,
        *,
        threads: int | None = None,
    ) -> FloatArray:
        """`var` of each of K orders by itself, [K], none of them filled."""
        orders, count, out = self._orders(account, instrument, quantity, threads)
        self._var_each(*orders, count, out)
        return out

    def es_many(
        self,
        account: npt.ArrayLike,
        instrument: npt.ArrayLike,
        quantity: npt.ArrayLike,
        *,
        threads: int | None = None,
    ) -> FloatArray:
        """`es` of each of K orders by itself, [K], none of them filled."""
        orders, count, out = self._orders(account, instrument, quantity, threads)
        self._es_each(*orders, count, out)
        return out

    def reprice(self, instrument: npt.ArrayLike, pnl: npt.ArrayLike, *, threads: int | None = None) -> None:
        """New P&L rows [R, S] of R different instruments; only accounts that hold one of them are worked on."""
        which, rows = integers("instrument", instrument), numbers("pnl", pnl, 2)
        if rows.shape != (which.size, self.scenarios):
            raise ValueError(f"pnl: got shape {rows.shape}, must be [R, S] = ({which.size}, {self.scenarios})")
        self._reprice(which, rows, thread_count(threads, self.accounts * 20))

    def rebuild(self, *, threads: int | None = None) -> None:
        """Form the losses anew from positions and prices: the bits of a book opened with them."""
        self._rebuild(thread_count(threads, self.accounts * self.scenarios))

    def losses(self, account: int) -> FloatArray:
        """Losses of one account, [S], a copy."""
        out = np.empty(self.scenarios)
        self._losses(account, out)
        return out

    def positions(self) -> tuple[IntArray, IntArray, FloatArray]:
        """What the accounts hold, as ``indptr`` [A + 1], ``indices`` and ``quantity``: copies."""
        held = self._positions()
        flat = [position for account in held for position in account]
        indptr = np.cumsum([0, *(len(account) for account in held)], dtype=np.int64)
        indices = np.array([instrument for instrument, _ in flat], dtype=np.int64)
        return indptr, indices, np.array([quantity for _, quantity in flat], dtype=np.float64)

    def _orders(
        self, account: npt.ArrayLike, instrument: npt.ArrayLike, quantity: npt.ArrayLike, threads: int | None
    ) -> tuple[tuple[IntArray, IntArray, FloatArray], int, FloatArray]:
        a, i, q = integers("account", account), integers("instrument", instrument), numbers("quantity", quantity, 1)
        for name, array in (("instrument", i), ("quantity", q)):
            if array.size != a.size:
                raise ValueError(f"{name}: got {array.size} numbers, must be {a.size} as in account")
        return (a, i, q), thread_count(threads, a.size * self.scenarios), np.empty(a.size)


def open_book(
    indptr: npt.ArrayLike,
    indices: npt.ArrayLike,
    quantity: npt.ArrayLike,
    pnl: npt.ArrayLike,
    *,
    level: float | None = None,
) -> Book:
    """A `Book` of accounts with the positions and P&L rows of `plimsoll.kernels.accounts`.

    ``level`` is that of `Book.var` and `Book.es`, which raise ValueError without it. Memory is A x S and N x S float64;
    from 2,048 scenarios on a sixteenth of the one and an eighth of the other come on top: bounds, with which a
    question reads only what can matter to its answer.
    ValueError names the argument at fault, or the account whose gross sum is above `LIMIT`.

    >>> book = open_book([0, 2, 2], [0, 1], [2.0, -1.0], [[1.0, -3.0], [0.5, 4.0]], level=0.5)
    >>> book.worst(0, 0, 0.0), book.worst(0, 1, 1.0), book.es(1, 0, 1.0)
    (10.0, 6.0, 3.0)
    >>> book.apply(0, 1, 1.0)
    >>> book.losses(0).tolist(), book.positions()[1].tolist()
    ([-2.0, 6.0], [0])
    """
    held = Holdings(*holdings(indptr, indices, quantity, pnl))
    refuse(held, LIMIT, every_row=True)
    tail = Tail(0, 0.0) if level is None else tail_of(held.pnl.shape[1], checked_level(level))
    extension = native()
    if extension is None:
        from plimsoll.kernels.twins.book import NumpyBook

        return NumpyBook(held, level, LIMIT)
    made: Book = _compiled_class(extension)(*held, *tail, LIMIT)
    return made


@cache
def _compiled_class(extension: types.ModuleType) -> Any:
    # the compiled methods come first: a question reaches them without a call of Python in between
    return types.new_class("CompiledBook", (extension.Book, Book))
